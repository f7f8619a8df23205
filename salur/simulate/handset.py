"""An officer's phone, played: it speaks to the public API over a network that fails, as the app does, until everything is told.

What a phone says is decided before the network fails: events, their ids and their order come from the scenario. Faults only decide how
often and in which pieces the same bytes travel; so one seed gives one ledger, however the network, the server or the database behaved.
"""

import http.client
import io
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from PIL import Image

from salur.field import wire
from salur.field.phone import Phone, new_key, public_key_of
from salur.field.wire import Envelope
from salur.lib.ids import uuid7_of
from salur.lib.problem import Problem
from salur.simulate.server import MOMENT

FAULTS = ("cut", "answer_lost", "repeated", "reordered", "shuffled")
TIMEOUT_S = 30


class NotConverged(Problem):
    code = "not_converged"
    status = 503


class Unreachable(Exception):
    """The request or its answer was lost; whether the server took it in is not known."""

    def __str__(self) -> str:
        return str(self.__cause__ or "".join(map(str, self.args)) or "lost on purpose")


class Answer(NamedTuple):
    status: int
    data: Any


@dataclass
class Traffic:
    """What went over the network, of all phones together; ``requests`` reached the server, at least in part."""

    requests: int = 0
    answered: int = 0
    events_sent: int = 0
    photos: int = 0
    refused: Counter[int] = field(default_factory=Counter)  # by status
    broken: int = 0  # connections that broke without our doing
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # the last answer of each event
    lock: threading.Lock = field(default_factory=threading.Lock)


class Link:
    """One phone's connection, and what goes wrong with it. ``faults`` is the share of requests that something happens to."""

    def __init__(self, *, port: int, faults: float, traffic: Traffic, seed: str) -> None:
        self.faults, self.traffic = faults, traffic
        self.rng = random.Random(seed)
        self.heard = 0.0  # when somebody last answered
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def fault(self, *kinds: str) -> str | None:
        """What goes wrong with the next request, if anything."""
        return self.rng.choice(kinds) if self.rng.random() < self.faults else None

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        moment: datetime,
        headers: Mapping[str, str] = {},
        fault: str | None = None,
    ) -> Answer:
        """One request. ``cut`` breaks off within the body, ``answer_lost`` after it; both raise ``Unreachable``, as a broken connection does.

        A ``fault`` of another name is the caller's, and only counted here, when the server was reached.
        """
        told = {MOMENT: str(int(moment.timestamp() * 1000)), **headers}
        connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        self._connection = connection
        try:
            if connection.sock is None:
                connection.connect()
            with self.traffic.lock:
                self.traffic.requests += 1
                if fault:
                    self.traffic.faults[fault] += 1
            if fault == "cut":
                self._cut(connection, method, path, body or b"", told)
                raise Unreachable
            connection.request(method, path, body, told)
            if fault == "answer_lost":
                self.close()
                raise Unreachable
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            with self.traffic.lock:
                self.traffic.broken += 1
            raise Unreachable from error
        if response.headers.get("X-Danom-Proto") is None:
            self.close()  # a proxy, a captive portal, a server that is going down: not believed
            with self.traffic.lock:
                self.traffic.refused[response.status] += 1
            raise Unreachable(f"{response.status} {raw[:200]!r}")
        if response.status >= 400:
            with self.traffic.lock:
                self.traffic.refused[response.status] += 1
            if response.status == 503:
                assert response.headers.get("Retry-After"), "it said that it cannot write, but not when to come back"
                raise Unreachable(f"503 {raw[:200]!r}")
        self.heard = time.monotonic()
        with self.traffic.lock:
            self.traffic.answered += 1
        return Answer(response.status, json.loads(raw))

    def _cut(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[: self.rng.randrange(len(body))] if body else b"")
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass
class Clock:
    """How a phone's clock goes: ``ahead_ms`` of the true time; ``measured`` when it learnt that from the server."""

    ahead_ms: int = 0
    measured: bool = True


class Handset:
    """One enrolled phone: its chain, its outbox, its photos. It forgets an event when the server has answered it, never before."""

    def __init__(self, *, link: Link, name: str, seed: int, clock: Clock, batch: int = wire.MAX_EVENTS) -> None:
        self.link, self.name, self.seed, self.clock, self.batch = link, name, seed, clock, batch
        self.outbox: dict[int, Envelope] = {}  # by seq
        self.photos: dict[str, bytes] = {}
        self.said: dict[UUID, str] = {}  # event → the answer it was forgotten with
        self.paid: dict[UUID, int] = {}  # PAY → its amount
        self._made = 0
        self._bearer = ""
        self._phone: Phone | None = None

    @property
    def device(self) -> UUID:
        assert self._phone is not None, "not enrolled"
        return self._phone.device

    def enrol(self, token: str, *, moment: datetime) -> None:
        """Become a device; a lost answer costs a new token, so nothing is lost here on purpose."""
        key = new_key()
        wish = {
            "token": token,
            "public_key": wire.to_base64url(public_key_of(key)),
            "persisted": True,
            "app": "simulasi/1",
        }
        answer = self.link.ask("POST", "/api/v1/devices/enrol", msgspec.json.encode(wish), moment=moment)
        if answer.status != 201:
            raise NotConverged(f"{self.name} could not be enrolled: {answer.data}")
        self._bearer = answer.data["bearer"]
        self._phone = Phone(UUID(answer.data["device"]), key, defaults={"app": "simulasi/1"})

    def lists(self, *, moment: datetime, patience_s: float) -> list[Any]:
        """The work lists that the phone takes along; each as it was counted and summed for the officer."""

        def fetch() -> Any:
            answer = self.link.ask(
                "GET", "/api/v1/lease", moment=moment, headers=self._own(), fault=self.link.fault("answer_lost")
            )
            return answer.data["lists"]

        lists: list[Any] = self._until_told(fetch, patience_s)
        for one in lists:
            amount = one["columns"].index("amount_rp")
            assert (len(one["rows"]), sum(row[amount] for row in one["rows"])) == (one["count"], one["sum_rp"])
        return lists

    def new_id(self, at: datetime) -> UUID:
        """The next id of this phone: the same in every run of the same seed."""
        self._made += 1
        return uuid7_of(_ms(at), sha256(f"{self.seed} {self.name} {self._made}".encode()).digest())

    def say(self, typ: str, at: datetime, **facts: Any) -> UUID:
        """Write an event into the outbox; ``at`` is the true time, of which the phone's clock may know better or worse."""
        assert self._phone is not None, "not enrolled"
        id = facts.pop("id", None) or self.new_id(at)
        claim: dict[str, Any] = {"cap_ms": _ms(at) + self.clock.ahead_ms}
        if self.clock.measured:
            claim |= {"skew_ms": -self.clock.ahead_ms, "skew_age_s": 3600}
        envelope = self._phone.make(typ=typ, id=id, **claim, **facts)
        self.outbox[self._phone.seq] = envelope
        if typ == "PAY":
            self.paid[id] = facts["amt"]
        return id

    def photograph(self, kind: str, at: datetime, motif: str) -> dict[str, Any]:
        """Take a photo; the same motif is the same bytes, as when a picture is used twice."""
        data = picture(motif)
        name = sha256(data).hexdigest()
        self.photos[name] = data
        return {"k": kind, "sha": name, "n": len(data), "w": 64, "h": 48, "mime": "image/jpeg", "cap_ms": _ms(at)}

    def sync(self, *, moment: datetime, patience_s: float) -> None:
        """Tell everything, over and over until it is answered; then the photos. Raises ``NotConverged`` when patience ends."""
        while self.outbox:
            self._until_told(lambda: self._send(self._batch(), moment), patience_s)
        while self.photos:
            self._until_told(lambda: self._send_photos(moment), patience_s)
        self.link.close()

    def _batch(self) -> tuple[list[Envelope], str | None]:
        """The next envelopes, and what goes wrong with them."""
        waiting = [self.outbox[seq] for seq in sorted(self.outbox)]
        fault, rng = self.link.fault(*FAULTS), self.link.rng
        most = rng.randint(1, self.batch) if self.link.faults else self.batch
        start = rng.randrange(1, len(waiting)) if fault == "reordered" and len(waiting) > 1 else 0
        batch = waiting[start : start + most]
        if fault == "shuffled":
            rng.shuffle(batch)
        return batch, fault

    def _send(self, batch_and_fault: tuple[Sequence[Envelope], str | None], moment: datetime) -> None:
        batch, fault = batch_and_fault
        body = msgspec.json.encode(
            {"dev": self.device, "ev": batch, "proto": wire.PROTOCOL, "unsent": len(self.outbox), "app": "simulasi/1"}
        )
        for _ in range(2 if fault == "repeated" else 1):
            with self.link.traffic.lock:
                self.link.traffic.events_sent += len(batch)
            answer = self.link.ask("POST", "/api/v1/sync/events", body, moment=moment, fault=fault)
        if answer.status != 200:
            raise NotConverged(f"{self.name} was refused: {answer.status} {answer.data}")
        for out in answer.data["out"]:
            if out["seq"] is None:
                raise NotConverged(f"{self.name} was answered {out['r']} {out['say']}")
            if out["r"] != wire.Answer.HELD_GAP and self.outbox.pop(out["seq"], None) is not None:
                self.said[UUID(out["id"])] = out["r"]
                with self.link.traffic.lock:
                    self.link.traffic.answers[out["r"]] += 1

    def _send_photos(self, moment: datetime) -> None:
        asked = list(self.photos)[: wire.MAX_EVENTS]
        answer = self.link.ask(
            "POST", "/api/v1/blobs/missing", msgspec.json.encode(asked), moment=moment,
            headers=self._own(), fault=self.link.fault("cut", "answer_lost"),
        )  # fmt: skip
        if answer.status != 200:
            raise NotConverged(f"{self.name} asked for its photos: {answer.status} {answer.data}")
        missing = set(answer.data["missing"])
        for name in asked:
            if name not in missing:
                del self.photos[name]
                with self.link.traffic.lock:
                    self.link.traffic.photos += 1
                continue
            fault = self.link.fault("cut", "answer_lost", "spoilt")
            data = self.photos[name] if fault != "spoilt" else self.photos[name][:-1] + b"?"
            put = self.link.ask("PUT", f"/api/v1/blobs/{name}", data, moment=moment, headers=self._own(), fault=fault)
            if put.status not in (200, 201) and not (fault == "spoilt" and put.status == 422):
                raise NotConverged(f"{self.name} sent a photo: {put.status} {put.data}")
        # It forgets a photo only when the next question no longer names it.

    def _until_told(self, attempt: Callable[[], Any], patience_s: float) -> Any:
        """Try again with growing pauses; give up when nobody has answered anything for so long. A real phone waits longer between."""
        began, pause = time.monotonic(), 0.02
        while True:
            try:
                return attempt()
            except Unreachable as lost:
                if time.monotonic() > max(began, self.link.heard) + patience_s:
                    raise NotConverged(f"{self.name} got no answer for {patience_s} seconds; last: {lost}.") from None
                time.sleep(pause)
                pause = min(pause * 1.5, 0.5)

    def _own(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._bearer}"}


def picture(motif: str) -> bytes:
    """A small JPEG that differs with its motif."""
    grain = random.Random(motif).randbytes(16 * 12 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (16, 12), grain).resize((64, 48), Image.Resampling.BICUBIC).save(out, "JPEG", quality=60)
    return out.getvalue()


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)

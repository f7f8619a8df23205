"""The verbs of the inbox: ingest what a phone sends, recount.

``ingest`` reads top down: the envelopes are checked (``reading``), the phone's row is held, each event finds its place in the chain, those
whose turn it is are judged and posted (``posting``), and all are written down before anything is answered.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction

from salur.field import posting, wire
from salur.field.models import Quarantine
from salur.field.reading import Received, read_batch, signed_by
from salur.field.wire import Answer, Envelope, ForFamily, Out
from salur.lib import arrays
from salur.lib.problem import NotFound
from salur.lib.sql import Recount
from salur.payments import actions as payments

queries = posting.queries


class UnknownDevice(NotFound):
    code = "unknown_device"


class Refused(NamedTuple):
    """Bytes that are no event of this phone's chain."""

    answer: Answer
    say: str
    envelope: Envelope


def ingest(
    *, device: UUID, envelopes: Sequence[Envelope], unsent: int = 0, app: str = "", at: datetime
) -> wire.SyncAnswer:
    """Take in a batch of one device's events; an answer for each, in order. What is answered is durable when this returns.

    Repeating a batch, or a part of it, gives the same answers and changes nothing. Events that came too early wait for those before
    them. Bytes that are no event of this device go to quarantine and are told so; the rest of the batch proceeds.
    """
    try:
        key = _key_of(device)
    except UnknownDevice as unknown:
        return _of_unknown_device(device, envelopes, unknown.message, at)
    # Half of the work of a batch is its signatures: they are checked before the phone's row is held.
    readings = read_batch(envelopes, device, key)
    with transaction.atomic():
        owner = queries.one("lock_device", device=device)
        inbox = _Inbox(owner, envelopes, readings)
        inbox.settle(at)
        posting.post(owner, inbox.chain, at)
        inbox.write(unsent, app, at)
        found = posting.new_cases(owner, inbox.chain)
        found += [posting.fork_case(owner, one.say) for one in inbox.refused if one.answer is Answer.REJECT_ID_REUSED]
        for one in inbox.refused:
            _quarantine(device, one, at)
        if not inbox.chain and not inbox.early:
            payments.queries.emit_durable_mark()
        posting.open_cases(found, at)  # last, because it takes the branch's audit chain until the transaction ends
    return wire.SyncAnswer(
        out=inbox.outs(),
        server_time=int(at.timestamp() * 1000),
        last_seq=inbox.last_seq,
        revoke=owner.revoked_at is not None,
    )


@lru_cache(maxsize=20_000)
def _key_of(device: UUID) -> bytes:
    """A device's public key; it never changes, so a process asks once."""
    rows = queries.key_of_device(device=device)
    if not rows:
        raise UnknownDevice("This device is not enrolled here.")
    return bytes(rows[0].public_key)


class _Inbox:
    """One batch of one phone: where each event belongs, and what is answered."""

    def __init__(
        self, owner: Any, envelopes: Sequence[Envelope], readings: Sequence[Received | tuple[Answer, str]]
    ) -> None:
        self.owner = owner
        self.last_seq: int = owner.last_seq
        self.last_digest = bytes(owner.last_digest)
        self.chain: list[Received] = []  # those whose turn it is, in order
        self.early: list[Received] = []  # those that have to wait
        self.refused: list[Refused] = []
        self._answers: list[Out | None] = [None] * len(envelopes)
        self._envelopes = envelopes
        self._arrived: dict[int, tuple[int, Received]] = {}  # by seq: position in the batch, event
        for position, reading in enumerate(readings):
            if not isinstance(reading, Received):
                answer, say = reading
                self._refuse(position, answer, say)
            elif reading.seq not in self._arrived:
                self._arrived[reading.seq] = position, reading
            elif self._arrived[reading.seq][1].digest == reading.digest:
                self._answers[position] = _out(reading, Answer.DUPLICATE)
            else:
                self._refuse(position, Answer.REJECT_ID_REUSED, "Two events of one number in one batch.", reading)

    def _refuse(self, position: int, answer: Answer, say: str, reading: Received | None = None) -> None:
        self._answers[position] = _out(reading, answer, say=say) if reading else Out(id=None, r=answer, say=say)
        self.refused.append(Refused(answer, say, self._envelopes[position]))

    def settle(self, at: datetime) -> None:
        """Each event is known, next in the chain, too early, or of another history."""
        if not self._arrived:
            return
        known, waiting = self._known(), self._waiting()
        for seq in sorted(self._arrived):
            position, reading = self._arrived[seq]
            if seq in known:
                self._repeat(position, reading, known[seq])
            elif seq == self.last_seq + 1 and bytes.fromhex(reading.event.prev) == self.last_digest:
                self._append(reading)
                while (after := waiting.get(self.last_seq + 1)) and bytes.fromhex(after.event.prev) == self.last_digest:
                    self._append(after)
            elif seq <= self.last_seq + 1:
                # A second history: the profile was copied, or somebody writes in its name.
                say = "It does not follow the event before it: this phone's history has forked."
                self._refuse(position, Answer.REJECT_ID_REUSED, say, reading)
            else:
                reading.answer = Answer.HELD_GAP
                reading.happened_at = at
                self.early.append(reading)

    def _known(self) -> dict[int, Any]:
        """Events of these numbers that are here already; nobody asks when all are new."""
        first, last = min(self._arrived), max(self._arrived)
        if first > self.owner.highest_seq:
            return {}
        rows = queries.known_events(branch=self.owner.branch, device=self.owner.id, first=first, last=last)
        return {row.seq: row for row in rows}

    def _waiting(self) -> dict[int, Received]:
        """Events that came too early in an earlier batch, by seq."""
        if self.owner.highest_seq == self.owner.last_seq:
            return {}
        waiting = {}
        for row in queries.held_events(branch=self.owner.branch, device=self.owner.id, after=self.owner.last_seq):
            body = bytes(row.body)
            waiting[row.seq] = Received(
                body, bytes(row.signature), bytes(row.digest), wire.decode_event(body), held_before=True,
                kept_in=row.stage,
            )  # fmt: skip
        return waiting

    def _repeat(self, position: int, reading: Received, before: Any) -> None:
        if bytes(before.digest) != reading.digest:
            say = "Another event of this number is here already: this phone's history has forked."
            self._refuse(position, Answer.REJECT_ID_REUSED, say, reading)
            return
        answer = Answer(before.answer)
        if answer is not Answer.HELD_GAP:
            answer = Answer.DUPLICATE if answer.startswith("ACCEPTED") else answer
            self._answers[position] = _out(reading, answer)
        # One that waited: it is answered with what comes of it in this batch, or waits on.

    def _append(self, reading: Received) -> None:
        self.chain.append(reading)
        self.last_seq, self.last_digest = reading.seq, reading.digest

    def write(self, unsent: int, app: str, at: datetime) -> None:
        """All that is new is written down, with its answer, and the head of the chain moves."""
        owner = self.owner
        fresh = [reading for reading in (*self.chain, *self.early) if not reading.held_before]
        if fresh:
            _write_events(owner, fresh, at)
        later = [reading for reading in self.chain if reading.held_before]
        if later:
            queries.write_later_answers(
                branch=owner.branch,
                device=owner.id,
                at=at,
                stages=arrays.integers([_stored_stage(owner, reading) for reading in later]),
                seqs=arrays.bigints([reading.seq for reading in later]),
                answers=[str(reading.answer) for reading in later],
            )
        if fresh or later:
            stages = [reading.stage for reading in self.chain if reading.stage]
            newest = self.chain[-1] if self.chain else None
            queries.move_head(
                device=owner.id,
                last_seq=self.last_seq,
                last_digest=self.last_digest,
                highest_seq=max(owner.highest_seq, *(reading.seq for reading in (*self.chain, *self.early))),
                last_stage=stages[-1] if stages else None,
                at=at,
                happened_at=newest.happened_at if newest else None,
                skew_ms=newest.event.skew_ms if newest else None,
                unsent=unsent,
                app=app,
            )

    def outs(self) -> list[Out]:
        """The answers, in the order of the batch."""
        for position, reading in self._arrived.values():
            if self._answers[position] is None:
                came = (
                    next((one for one in self.chain if one.seq == reading.seq), reading)
                    if reading.answer is None
                    else reading
                )
                self._answers[position] = _out(came, came.answer or Answer.HELD_GAP)
        settled = [out for out in self._answers if out is not None]
        assert len(settled) == len(self._answers), "every event is answered"
        return settled


def _stored_stage(owner: Any, reading: Received) -> int:
    return reading.kept_in if reading.kept_in is not None else reading.stage or owner.last_stage or 0


def _write_events(owner: Any, readings: Sequence[Received], at: datetime) -> None:
    owed = [
        (reading, photo) for reading in readings if isinstance(reading.event, ForFamily) for photo in reading.event.ph
    ]
    stages = [_stored_stage(owner, reading) for reading in readings]
    queries.write_events(
        branch=owner.branch,
        device=owner.id,
        at=at,
        stages=arrays.integers(stages),
        seqs=arrays.bigints([reading.seq for reading in readings]),
        ids=arrays.uuids([reading.event.id for reading in readings]),
        kinds=arrays.texts([wire.kind_of(reading.event) for reading in readings]),
        bodies=arrays.blobs([reading.body for reading in readings]),
        signatures=arrays.blobs([reading.signature for reading in readings]),
        digests=arrays.blobs([reading.digest for reading in readings]),
        happened_at=arrays.moments([reading.happened_at or at for reading in readings]),
        answers=arrays.texts([str(reading.answer) for reading in readings]),
        flags=arrays.texts([",".join(sorted(reading.flags)) for reading in readings]),
        photo_stages=arrays.integers([_stored_stage(owner, reading) for reading, _ in owed]),
        photo_seqs=arrays.bigints([reading.seq for reading, _ in owed]),
        photo_sha256s=arrays.blobs([bytes.fromhex(photo.sha) for _, photo in owed]),
        photo_kinds=arrays.texts([photo.k for _, photo in owed]),
        photo_sizes=arrays.integers([photo.n for _, photo in owed]),
    )


def _out(reading: Received, answer: Answer, *, say: str = "") -> Out:
    receipt = wire.receipt_no(reading.digest) if answer.startswith(("ACCEPTED", "DUPLICATE")) else None
    return Out(
        id=str(reading.event.id), r=answer, seq=reading.seq, receipt_no=receipt, flags=sorted(reading.flags), say=say
    )


def _of_unknown_device(device: UUID, envelopes: Sequence[Envelope], say: str, at: datetime) -> wire.SyncAnswer:
    answer = Answer.REJECT_UNKNOWN_DEVICE
    with transaction.atomic():
        for envelope in envelopes:
            _quarantine(device, Refused(answer, say, envelope), at)
    out = [Out(id=None, r=answer, say=say) for _ in envelopes]
    return wire.SyncAnswer(out=out, server_time=int(at.timestamp() * 1000), last_seq=0)


def _quarantine(device: UUID, one: Refused, at: datetime) -> None:
    raw = msgspec.json.encode(one.envelope)
    try:
        with transaction.atomic():
            Quarantine.objects.create(
                received_at=at,
                device=device,
                answer=one.answer,
                say=one.say[:500],
                envelope=raw,
                digest=wire.digest(raw),
            )
    except IntegrityError:
        return  # the same bytes are kept already


def recount() -> list[Recount]:
    """No phone's chain has a hole; every payment a phone told of is in the books, paid or in suspense."""
    broken = queries.recount_chains()
    links, forged = queries.one("recount_links"), _unsigned_heads()
    money = queries.recount_cash()
    lost = [row for row in money if row.told_rp != row.moved_rp]
    return [
        Recount(
            "phones' chains have no holes",
            queries.one("count_devices").devices,
            len(broken),
            [f"device {row.device}: head at {row.last_seq}, {row.events} events here" for row in broken[:5]],
        ),
        # The signature at the head says what the event before it was, whose hash says what was before that, down to the first.
        Recount(
            "every event of a phone is vouched for by the signature at the head of its chain",
            links.events,
            links.broken + len(forged),
            [f"{where}: is not what was signed" for where in [*(links.examples or []), *forged][:5]],
        ),
        Recount(
            "every payment a phone told of is in the books, paid or in suspense",
            sum(row.told for row in money),
            len(lost),
            [
                f"stage {row.stage} branch {row.branch} officer {row.officer}: told of {row.told}, Rp{row.told_rp}; moved Rp{row.moved_rp}"
                for row in lost[:5]
            ],
        ),
    ]


def _unsigned_heads() -> list[str]:
    """Phones whose last event does not bear the phone's signature."""
    forged, after = [], UUID(int=0)
    while heads := queries.heads(after=after):
        forged += [
            f"device {head.device}, event {head.seq}"
            for head in heads
            if not signed_by(bytes(head.public_key), bytes(head.body), bytes(head.signature))
        ]
        after = heads[-1].device
    return forged

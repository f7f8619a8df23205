"""How fast phones' batches are taken in over HTTP, signatures and all; against posting the same payments without a phone.

The server is what `salur serve` starts (granian, two workers), beside the load generator on the same cores. A unit of work is a batch of
100 payments of one phone; events are signed beforehand, because phones sign on their own batteries. Every answer is read and must say that
every payment was accepted. The baseline is ``record_payments`` alone, in process, one connection: the same rows, no wire, no signatures, no inbox.
"""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psutil
from django.db import connection

from bench import Figure, compare
from bench.payments import Stage as Families
from bench.payments import ours as record_alone
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.lib.ids import uuid7
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage

PHONES, BATCHES, BATCH, CLIENTS = 40, 5, 100, 6
STEADY_PER_S, STEADY_S = 250, 20


def figures() -> Iterator[Figure]:
    branch = Office.objects.create(code="KC-FIELD", name="Field", kind="KC", timezone="Asia/Jakarta")
    programme = Programme.objects.create(code="BENCH", name="Bench", proxy="none", amount_ceiling_rp=4_000_000)
    day = datetime.now(UTC).date()
    stage = Stage.objects.create(
        programme=programme, code="BENCH-1", period_from=day, period_to=day, opens=day, target_days=14, deadline=day, order="online_first",
        geotag_counter="follow_up", geotag_community="follow_up", geotag_door="at_payment", second_person=True,
    )  # fmt: skip
    families = Families(stage.id, branch.id, analysed=True)
    alone = Families(9_101, branch.id, analysed=True)
    record_alone(alone)
    with server() as (port, process):
        send(port, signed(families, branch, 4))  # warm
        runs: list[float] = []
        cpu: list[float] = []

        def http() -> float:
            requests = signed(families, branch, PHONES)
            before = cpu_seconds(process)
            rate, _ = send(port, requests)
            cpu.append((cpu_seconds(process) - before) * 1e6 / (PHONES * BATCHES * BATCH))
            runs.append(rate)
            return rate

        yield compare(
            "field_http", "payments/s", http, lambda: record_alone(alone), note="baseline: record_payments alone"
        )
        yield Figure(
            "field_http_web_cpu",
            round(sorted(cpu)[len(cpu) // 2], 1),
            "µs CPU of the web workers per payment",
            None,
            None,
            cpu,
        )
        requests = signed(families, branch, STEADY_PER_S * STEADY_S // BATCH // BATCHES)
        _, waits = send(port, requests, every_s=BATCH / STEADY_PER_S)
        waits.sort()
        at_99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))] * 1000
        yield Figure(
            "field_http_p99_at_250", round(at_99, 1), "ms", None, None, [round(wait * 1000, 1) for wait in waits],
            f"a batch of {BATCH} each {BATCH / STEADY_PER_S} s; median {waits[len(waits) // 2] * 1000:.1f} ms",
        )  # fmt: skip


def signed(families: Families, branch: Office, phones: int) -> list[list[bytes]]:
    """The batches of each phone, in order: enrolled, with a list of exactly the families it pays."""
    made = []
    at = datetime.now(UTC)
    for _ in range(phones):
        officer = Officer.objects.create(branch=branch, code=secrets.token_hex(6), name="Bench", kind="employee")
        key = new_key()
        token = lease.offer_enrolment(officer=officer.id, actor="bench", at=at)
        device = lease.enrol_device(
            token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="bench", at=at
        ).device
        ids = [payment.entitlement for payment in families.payments(BATCHES * BATCH)]
        listed = lease.issue_lease(
            device=device, stage=families.number, entitlements=ids, day=at.date(), expires_at=at + timedelta(hours=20),
            actor="bench", at=at,
        )  # fmt: skip
        phone = Phone(device, key, defaults={"skew_age_s": 60, "boot": uuid7(at), "app": "bench"})
        made.append([batch(phone, listed.id, ids[start : start + BATCH], at) for start in range(0, len(ids), BATCH)])
    return made


def batch(phone: Phone, wl: UUID, ids: list[UUID], at: datetime) -> bytes:
    moment = int(at.timestamp() * 1000)
    geo = {"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": moment, "n": 3}
    events = []
    for asg in ids:
        picture = {
            "k": "KPM",
            "sha": secrets.token_hex(32),
            "n": 40_000,
            "w": 1280,
            "h": 960,
            "mime": "image/webp",
            "cap_ms": moment,
        }
        events.append(
            phone.make(
                typ="PAY", id=uuid7(at), wl=wl, asg=asg, amt=600_000, ch="KOM", cap_ms=moment, geo=geo, ph=[picture],
                ver={"inv": "QR", "ktp": "SEEN", "kk": "SEEN", "sig": "PAPER"},
            )
        )  # fmt: skip
    return msgspec.json.encode({"dev": phone.device, "ev": events, "proto": 1})


def send(port: int, phones: list[list[bytes]], every_s: float = 0.0) -> tuple[float, list[float]]:
    """Payments a second, and how long each batch took; each phone's batches in order, phones at once, or one batch ``every_s``."""
    waits: list[float] = []
    queue = list(phones)
    failures: list[str] = []
    lock = threading.Lock()
    started = time.perf_counter()
    sent = 0

    def client() -> None:
        nonlocal sent
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                if not queue or failures:
                    return
                mine = queue.pop()
            for body in mine:
                if every_s:
                    with lock:
                        due, sent = started + sent * every_s, sent + 1
                    time.sleep(max(0.0, due - time.perf_counter()))
                begun = time.perf_counter()
                link.request("POST", "/api/v1/sync/events", body, {"Content-Type": "application/json"})
                answer = link.getresponse()
                text = answer.read()
                waits.append(time.perf_counter() - begun)
                if answer.status != 200 or text.count(b'"r":"ACCEPTED"') != BATCH:
                    failures.append(f"{answer.status} {text[:300]!r}")
                    return

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    return sum(len(mine) for mine in phones) * BATCH / (time.perf_counter() - started), waits


def cpu_seconds(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@contextmanager
def server() -> Iterator[tuple[int, psutil.Process]]:
    """`salur serve` on a free port."""
    connection.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "salur", "serve", "--port", str(port), "--workers", "2"]
    with subprocess.Popen(command, env={**os.environ}) as child:
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert child.poll() is None, "the server ended"
                    assert time.monotonic() < until, "the server did not start in a minute"
                    time.sleep(0.2)
            yield port, psutil.Process(child.pid)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(30)

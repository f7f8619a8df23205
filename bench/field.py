"""How fast phones' batches are taken in over HTTP, signatures and all; against posting the same payments without a phone.

The server is what `salur serve` starts (granian, two workers), beside the load generator (``_phones``) on the same cores. A unit of work is a
batch of 100 payments of one phone; events are signed beforehand, because phones sign on their own batteries. Every answer is read and must say that
every payment was accepted. The baseline is ``record_payments`` alone, in process, one connection: the same rows, no wire, no signatures, no inbox.
"""

import math
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psutil
from django.db import connection

from bench import Figure, compare
from bench._phones import send
from bench.payments import Stage as Families
from bench.payments import ours as record_alone
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.lib.ids import uuid7
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage

PHONES, BATCHES, BATCH, CLIENTS, RUNS, BRANCHES = 80, 5, 100, 6, 3, 8
STEADY_PER_S, STEADY_S = 250, 60
STEADY_PHONES = STEADY_PER_S * STEADY_S // BATCH // BATCHES


def figures() -> Iterator[Figure]:
    books = open_books(
        "FIELD", BRANCHES, (RUNS * PHONES + 2 * BRANCHES + STEADY_PHONES + BRANCHES) // BRANCHES * BATCHES * BATCH
    )
    alone = Families(9_101, books[0].branch.id, analysed=True)
    record_alone(alone)
    with server() as (port, process):
        send(port, signed(books, 2 * BRANCHES), clients=CLIENTS)  # warm
        cpu: dict[str, list[float]] = {"web": [], "database": [], "phones": []}

        def http() -> float:
            requests = signed(books, PHONES)
            web, database = cpu_seconds(process), database_seconds()
            found = send(port, requests, clients=CLIENTS)
            each = 1e6 / (PHONES * BATCHES * BATCH)
            cpu["web"].append(round((cpu_seconds(process) - web) * each, 1))
            cpu["database"].append(round((database_seconds() - database) * each, 1))
            cpu["phones"].append(round(found["cpu_s"] * each, 1))
            return PHONES * BATCHES * BATCH / float(found["seconds"])

        yield compare(
            "field_http",
            "payments/s",
            http,
            lambda: record_alone(alone),
            runs=RUNS,
            note="baseline: record_payments alone",
        )
        for who, runs in cpu.items():
            yield Figure(
                f"field_http_{who}_cpu", statistics.median(runs), f"µs CPU of the {who} per payment", None, None, runs
            )
        waits = sorted(send(port, signed(books, STEADY_PHONES), clients=CLIENTS, every_s=BATCH / STEADY_PER_S)["waits"])
        at_99 = waits[math.ceil(len(waits) * 0.99) - 1] * 1000
        yield Figure(
            "field_http_p99_at_250", round(at_99, 1), "ms", None, None, [round(wait * 1000, 1) for wait in waits],
            f"a batch of {BATCH} each {BATCH / STEADY_PER_S} s; median {waits[len(waits) // 2] * 1000:.1f} ms",
        )  # fmt: skip


class Book:
    """A branch with families of one stage, taken once each."""

    def __init__(self, stage: int, branch: Office, families: int) -> None:
        self.stage, self.branch, self.next = stage, branch, 0
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line)
                SELECT %s, %s, (lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || '8' || substr(md5(%s || ' ' || n), 1, 15))::uuid,
                    gen_random_uuid(), 3511012000 + n / 500, 600000, 1, n
                FROM generate_series(1, %s) AS n RETURNING id""",
                [stage, branch.id, branch.code, families],
            )
            self.entitlements = [row[0] for row in cursor.fetchall()]

    def take(self, count: int) -> list[UUID]:
        start, self.next = self.next, self.next + count
        assert self.next <= len(self.entitlements)
        return self.entitlements[start : self.next]


def open_books(code: str, branches: int, families: int) -> list[Book]:
    """A stage whose families lie at several branches, as a nation's do: payments of one branch wait for each other at its balances."""
    programme = Programme.objects.create(code=code, name="Bench", proxy="none", amount_ceiling_rp=4_000_000)
    day = datetime.now(UTC).date()
    stage = Stage.objects.create(
        programme=programme, code=f"{code}-1", period_from=day, period_to=day, opens=day, target_days=14, deadline=day, order="online_first",
        geotag_counter="follow_up", geotag_community="follow_up", geotag_door="at_payment", second_person=True,
    )  # fmt: skip
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    made = []
    for number in range(branches):
        branch = Office.objects.create(code=f"KC-{code}-{number}", name="Bench", kind="KC", timezone="Asia/Jakarta")
        made.append(Book(stage.id, branch, families))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


def signed(books: list[Book], phones: int) -> list[list[bytes]]:
    """The batches of each phone, in order: enrolled, with a list of exactly the families it pays."""
    made = []
    at = datetime.now(UTC)
    for number in range(phones):
        book = books[number % len(books)]
        officer = Officer.objects.create(branch=book.branch, code=secrets.token_hex(6), name="Bench", kind="employee")
        key = new_key()
        token = lease.offer_enrolment(officer=officer.id, actor="bench", at=at)
        device = lease.enrol_device(
            token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="bench", at=at
        ).device
        ids = book.take(BATCHES * BATCH)
        listed = lease.issue_lease(
            device=device, stage=book.stage, entitlements=ids, day=at.date(), expires_at=at + timedelta(hours=20),
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


def cpu_seconds(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def database_seconds() -> float:
    """CPU of the database server's processes, also of those that ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    server = psutil.Process(pid).parent()
    assert server is not None
    ended = server.cpu_times()
    living = [one.cpu_times() for one in (server, *server.children())]
    return sum(one.user + one.system for one in living) + ended.children_user + ended.children_system


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
            until = time.monotonic() + 300
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert child.poll() is None, "the server ended"
                    assert time.monotonic() < until, "the server did not start in five minutes"
                    time.sleep(0.2)
            yield port, psutil.Process(child.pid)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)

"""A stage of the nation replayed: fourteen days of phones, through HTTP, signatures checked; how long, and whether it gets slower.

``python -m bench.replay --families 18800000`` (or ``make bench ONLY=replay``, with ``SALUR_REPLAY_FAMILIES``, 200,000 unless said). Each branch
has ninety thousand families in the nation; each phone has a list of 300 for each of fourteen days, and sends it in batches of 100.

Measured is the taking in, from the first byte of a day's first batch to the last answer: the server is ``salur serve`` with two workers,
beside the load generator on the same cores. Not measured, because it happens elsewhere or earlier: the list of families is put in by SQL, work
lists are handed out by SQL morning by morning, and a day's events are signed before the day is sent (phones sign on their own batteries). The
events say when each was paid, on fourteen days up to yesterday; the server writes all of them down today, as after fourteen days without signal.

At the end every family must be paid, once, and the books must balance. About 2 kB of disk a family, and 1 kB a family of one day.
"""

import argparse
import math
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psutil
from django.db import connection

from bench import Figure, _phones
from bench._signing import Day, _key, day_of_phone
from salur.field import wire
from salur.field.models import Device
from salur.field.phone import public_key_of
from salur.lib.ids import uuid7
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage

NATION = 18_800_000
DAYS, LIST, CLIENTS, BRANCHES, PER_BRANCH, VILLAGE = 14, 300, 6, 210, 40_000, 224


class Nation:
    """Families at branches, phones with their keys and chains, and who has which list on which day."""

    def __init__(self, families: int) -> None:
        self.began = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
        programme = Programme.objects.create(code="REPLAY", name="Replay", proxy="none", amount_ceiling_rp=4_000_000)
        first, today = self.began.date(), datetime.now(UTC).date()
        self.stage = Stage.objects.create(
            programme=programme, code="REPLAY-1", period_from=first, period_to=today, opens=first, target_days=14,
            deadline=today + timedelta(days=2), order="online_first", geotag_counter="follow_up", geotag_community="follow_up",
            geotag_door="at_payment", second_person=True,
        ).id  # fmt: skip
        offices = [
            Office(code=f"KC-R{number:03d}", name="Bench", kind="KC", timezone="Asia/Jakarta")
            for number in range(max(4, min(BRANCHES, families // PER_BRANCH)))
        ]
        self.branches = [office.id for office in Office.objects.bulk_create(offices)]
        self._enter_list(families)
        self._enrol()

    def _enter_list(self, families: int) -> None:
        """The list as an import leaves it: loaded beside, attached with its keys."""
        table = f"danom_entitlement_s{self.stage}"
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            cursor.execute(f"CREATE TABLE {table} (LIKE danom_entitlement INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
            cursor.execute(
                f"""INSERT INTO {table} (stage, branch, id, family, village, amount_rp, version, line)
                SELECT %s, (%s::integer[])[1 + n / %s],
                    ('0180' || lpad(to_hex(n), 8, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid,
                    gen_random_uuid(), 3511012000 + n / %s, 600000, 1, n
                FROM generate_series(0, %s) AS n, LATERAL md5(n::text) AS h""",
                [self.stage, self.branches, -(-families // len(self.branches)), VILLAGE, families - 1],
            )
            cursor.execute(f"ALTER TABLE danom_entitlement ATTACH PARTITION {table} FOR VALUES IN ({self.stage})")
            open_stage_partitions(stage=self.stage)
            # Who has whom: a village's families stay together, and each phone of a branch has its share of every day.
            cursor.execute(
                """CREATE TABLE bench_list AS
                SELECT branch, k %% phones AS phone, k / phones AS day, array_agg(id ORDER BY line) AS families, gen_random_uuid() AS lease
                FROM (
                    SELECT branch, id, line, ((row_number() OVER (PARTITION BY branch ORDER BY line) - 1) / %(list)s)::integer AS k,
                        ceil(count(*) OVER (PARTITION BY branch) / (%(list)s * %(days)s)::numeric)::integer AS phones
                    FROM danom_entitlement WHERE stage = %(stage)s
                ) AS e
                GROUP BY branch, k, phones""",
                {"list": LIST, "days": DAYS, "stage": self.stage},
            )

    def _enrol(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT branch, phone FROM bench_list ORDER BY phone, branch")
            places = cursor.fetchall()
        officers = Officer.objects.bulk_create(
            [Officer(branch_id=branch, code=f"P{phone}", name="Bench", kind="employee") for branch, phone in places],
            batch_size=2000,
        )
        enrolled_at = self.began - timedelta(hours=1)
        self.chains: dict[UUID, tuple[int, int, str]] = {}  # by device: its secret, where its chain stands
        devices = []
        for officer in officers:
            id, secret = uuid7(enrolled_at), secrets.randbits(240) + 1
            public_key = public_key_of(_key(secret))
            genesis = wire.genesis(id, public_key)
            self.chains[id] = secret, 0, genesis.hex()
            devices.append(
                Device(
                    id=id, branch_id=officer.branch_id, officer=officer, public_key=public_key, token_hash=secrets.token_bytes(32),
                    enrolled_at=enrolled_at, enrolled_by="bench", persisted=True, app="bench", last_digest=genesis,
                )
            )  # fmt: skip
        Device.objects.bulk_create(devices, batch_size=2000)
        with connection.cursor() as cursor:
            cursor.execute(
                """CREATE TABLE bench_phone AS
                SELECT o.branch_id AS branch, substr(o.code, 2)::integer AS phone, o.id AS officer, d.id AS device
                FROM offices_officer AS o JOIN field_device AS d ON d.officer_id = o.id"""
            )

    def morning(self, day: int) -> list[Day]:
        """Hand out a day's lists; phones of all branches in turn, as they come back to signal."""
        at = self.began + timedelta(days=day)
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO field_lease (id, stage_id, branch_id, device_id, officer_id, day, families, amount_rp, issued_by, issued_at,
                    expires_at)
                SELECT l.lease, %(stage)s, l.branch, p.device, p.officer, %(at)s::date, cardinality(l.families), cardinality(l.families) * 600000,
                    'bench', %(at)s, %(at)s::timestamptz + interval '20 hours'
                FROM bench_list AS l JOIN bench_phone AS p USING (branch, phone) WHERE l.day = %(day)s""",
                {"stage": self.stage, "at": at, "day": day},
            )
            cursor.execute(
                """INSERT INTO field_assignment (stage, branch, entitlement, lease, position)
                SELECT %s, l.branch, f.id, l.lease, f.position
                FROM bench_list AS l, unnest(l.families) WITH ORDINALITY AS f(id, position) WHERE l.day = %s""",
                [self.stage, day],
            )
            cursor.execute(
                """SELECT p.device, l.lease, l.families FROM bench_list AS l JOIN bench_phone AS p USING (branch, phone)
                WHERE l.day = %s ORDER BY l.phone, l.branch""",
                [day],
            )
            begins_ms = int(at.timestamp() * 1000)
            return [
                Day(device, *self.chains[device], lease, b"".join(id.bytes for id in families), begins_ms)
                for device, lease, families in cursor.fetchall()
            ]


class Watch(threading.Thread):
    """The most memory a tree of processes held, looked at each second."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.peak_mib, self.over = process, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(1):
            total = 0
            for one in (self.process, *self.process.children(recursive=True)):
                try:
                    total += one.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak_mib = max(self.peak_mib, total / 2**20)


def replay(families: int, say: Any = lambda text: None) -> Iterator[Figure]:
    from bench.field import cpu_seconds, database_seconds, server

    began = time.monotonic()
    nation = Nation(families)
    say(
        f"{len(nation.branches)} branches, {len(nation.chains)} phones, {time.monotonic() - began:.0f} s of preparation"
    )
    seconds, sent = 0.0, 0
    waits: list[float] = []
    counts: list[int] = []  # payments of each day
    steps: list[tuple[float, int]] = []  # measured time so far, events so far
    cpu: dict[str, list[float]] = {"web": [], "database": [], "phones": []}
    folder = tempfile.mkdtemp(prefix="salur-replay-", dir=os.environ.get("SALUR_BENCH_DIR"))
    try:
        with server() as (port, process), ProcessPoolExecutor(2, mp_context=get_context("spawn")) as signers:
            watch = Watch(process)
            watch.start()
            # Both workers answer once before anything counts: what they read from disk when they start is no part of a payment.
            empty = msgspec.json.encode({"dev": uuid7(nation.began), "ev": [], "proto": 1})
            _phones.send(port, [[empty] * 8] * 16, clients=16)
            for day in range(DAYS):
                path = Path(folder) / "day"
                with path.open("wb") as file:
                    for device, seq, prev, requests in signers.map(day_of_phone, nation.morning(day), chunksize=4):
                        nation.chains[device] = nation.chains[device][0], seq, prev
                        file.write(requests)
                web, database = cpu_seconds(process), database_seconds()
                found = _phones.send_file(port, str(path), clients=CLIENTS)
                path.unlink()
                events = sum(found["events"])
                if not events:
                    continue
                counts.append(events)
                for who, used in (
                    ("web", cpu_seconds(process) - web), ("database", database_seconds() - database), ("phones", found["cpu_s"]),
                ):  # fmt: skip
                    cpu[who].append(round(used * 1e6 / events, 1))
                waits += found["waits"]
                for end, count in sorted(zip(found["ends"], found["events"], strict=True)):
                    sent += count
                    steps.append((seconds + end, sent))
                seconds += found["seconds"]
                say(
                    f"day {day + 1}: {events} payments in {found['seconds']:.1f} s, {events / found['seconds']:.0f}/s;"
                    f" CPU µs each: {', '.join(f'{who} {runs[-1]}' for who, runs in cpu.items())}; web {watch.peak_mib:.0f} MiB at most"
                )
            watch.over.set()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    check(nation.stage, families)
    assert sent == families, f"{sent} of {families} were sent"
    # Millions, or tenths of a smaller nation; what is left over at the end is not compared.
    step = 1_000_000 if families >= 3_000_000 else families // 10
    parts = [next(iter(group))[0] for number, group in groupby(steps, key=lambda one: one[1] // step) if number]
    times = [round(after - before, 2) for before, after in zip([0.0, *parts], parts, strict=False)]
    waits.sort()
    yield Figure(
        "replay",
        round(seconds, 1),
        "s",
        None,
        None,
        [families],
        note="families replayed in that time; a nation has 18.8 million",
    )
    if families >= NATION:
        yield Figure(
            "replay_nation_minutes",
            round(seconds / 60, 1),
            "min",
            45,
            round(seconds / 60 / 45, 3),
            [families],
            "the whole nation, 14 days",
        )
    yield Figure("replay_rate", round(families / seconds, 1), "payments/s", None, None, [])
    yield Figure(
        "replay_growth", times[-1], f"s for the last {step} payments", times[0], round(times[-1] / times[0], 3), times,
        note="baseline: the first as many",
    )  # fmt: skip
    yield Figure("replay_web_memory", round(watch.peak_mib, 1), "MiB of the server's processes at most", None, None, [])
    yield Figure(
        "replay_p99",
        round(waits[math.ceil(len(waits) * 0.99) - 1] * 1000, 1),
        "ms a batch at full load",
        None,
        None,
        [],
    )
    # What the machine did besides does not change this one: all CPU of a payment, in the first days and in the last whole ones.
    whole = [
        round(sum(one), 1)
        for one, count in zip(zip(*cpu.values(), strict=True), counts, strict=True)
        if 2 * count > counts[0]
    ]
    early, late = statistics.mean(whole[:3]), statistics.mean(whole[-3:])
    yield Figure(
        "replay_cpu_growth", round(late, 1), "µs CPU of a payment in the last three days", round(early, 1), round(late / early, 3), whole,
        note="baseline: the first three",
    )  # fmt: skip
    for who, runs in cpu.items():
        yield Figure(f"replay_{who}_cpu", statistics.median(runs), f"µs CPU of the {who} per payment", None, None, runs)


def check(stage: int, families: int) -> None:
    """Every family is paid once, every event is here, and the books balance."""
    with connection.cursor() as cursor:
        for what, statement, expected in (
            ("payments", "SELECT count(*) FROM payments_payment WHERE stage = %s", families),
            ("families paid", "SELECT count(DISTINCT (branch, entitlement)) FROM payments_payment WHERE stage = %s", families),
            ("events", "SELECT count(*) FROM field_event WHERE stage = %s", families),
            ("tallied", "SELECT sum(paid) FROM payments_tally WHERE stage = %s", families),
            ("rupiah paid out", "SELECT sum(debits_rp) FROM ledger_account WHERE stage = %s AND code = 'paid'", families * 600_000),
            ("rupiah in all", "SELECT sum(debits_rp - credits_rp) FROM ledger_account WHERE stage = %s", 0),
            ("rupiah moved", "SELECT sum(amount_rp) FROM ledger_transfer WHERE stage = %s", families * 600_000),
        ):  # fmt: skip
            cursor.execute(statement, [stage])
            (found,) = cursor.fetchone()
            assert found == expected, f"{what}: {found}, not {expected}"


def figures() -> Iterator[Figure]:
    yield from replay(
        int(os.environ.get("SALUR_REPLAY_FAMILIES", "200000")), lambda text: print(text, file=sys.stderr, flush=True)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.replay")
    parser.add_argument("--families", type=int, default=NATION)
    os.environ["SALUR_REPLAY_FAMILIES"] = str(parser.parse_args().families)
    os.execv(sys.executable, [sys.executable, "-m", "bench", "--only", "replay"])  # noqa: S606

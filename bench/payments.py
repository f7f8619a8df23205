"""How fast payments are posted: our one statement against a multi-row INSERT of the bare payment rows on the same server.

Both take batches of 100 families of one village, both commit durably each batch, both on one connection. The baseline is what a
programmer writes first (arrays by psycopg, no keys, no checks, no ledger); ``packed`` is the same with our packing, which is stricter.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from bench import Figure, compare
from salur.lib import arrays, rights
from salur.lib.ids import uuid7_of
from salur.lib.sql import server_cursor
from salur.lib.stage_tables import open_stage_partitions
from salur.payments.actions import record_payments
from salur.payments.rules import Channel, Outcome, Payment

FAMILIES, BATCH, RUN = 240_000, 100, 20_000
NOON = datetime(2022, 3, 12, 5, tzinfo=UTC)

BARE = """INSERT INTO bench_bare SELECT %(stage)s, %(branch)s, entitlement, 0, id, officer, channel, amount_rp, paid_at, %(at)s
FROM unnest(%(ids)s::uuid[], %(entitlements)s::uuid[], %(officers)s::integer[], %(amounts_rp)s::bigint[], %(channels)s::smallint[],
    %(paid_at)s::timestamptz[]) AS b(id, entitlement, officer, amount_rp, channel, paid_at)"""


class Stage:
    """A stage of its own with families in one branch, village by village; payments are taken from it once each."""

    def __init__(self, number: int, branch: int, *, analysed: bool) -> None:
        self.number, self.branch, self.next = number, branch, 0
        open_stage_partitions(stage=number, loaded_beside=True)
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line)
                SELECT %s, %s, (lpad(to_hex(%s::bigint * 10000000 + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
                    gen_random_uuid(), 3511012000 + n / 500, 600000, 1, n
                FROM generate_series(1, %s) AS n""",
                [number, branch, number, FAMILIES],
            )
            if analysed:
                cursor.execute(
                    "ANALYZE danom_entitlement, payments_payment, ledger_transfer, payments_tally, payments_void, payments_failure"
                )
            cursor.execute("SELECT id FROM danom_entitlement WHERE stage = %s ORDER BY line", [number])
            self.entitlements = [row[0] for row in cursor.fetchall()]

    def payments(self, count: int) -> list[Payment]:
        start, self.next = self.next, self.next + count
        return [
            Payment(self._id(n), self.entitlements[n], 7, 600_000, Channel.COMMUNITY, NOON)
            for n in range(start, start + count)
        ]  # fmt: skip

    def _id(self, n: int) -> UUID:
        return uuid7_of(1_650_000_000_000 + n // 50, (self.number << 40 | n).to_bytes(10, "big"))


def ours(stage: Stage) -> float:
    payments = stage.payments(RUN)
    started = time.perf_counter()
    for start in range(0, RUN, BATCH):
        batch = payments[start : start + BATCH]
        outcomes = record_payments(
            stage=stage.number, branch=stage.branch, payments=batch, at=NOON + timedelta(hours=1)
        )
        assert set(outcomes) == {Outcome.CREATED}
    return RUN / (time.perf_counter() - started)


def bare(stage: Stage, *, packed: bool) -> float:
    payments = stage.payments(RUN)
    started = time.perf_counter()
    for start in range(0, RUN, BATCH):
        ids, entitlements, officers, amounts_rp, channels, paid_at = zip(*payments[start : start + BATCH], strict=True)
        parameters = {
            "ids": arrays.uuids(ids) if packed else list(ids),
            "entitlements": arrays.uuids(entitlements) if packed else list(entitlements),
            "officers": arrays.integers(officers) if packed else list(officers),
            "amounts_rp": arrays.bigints(amounts_rp) if packed else list(amounts_rp),
            "channels": arrays.smallints(channels) if packed else [int(channel) for channel in channels],
            "paid_at": arrays.moments(paid_at) if packed else list(paid_at),
        }
        with transaction.atomic(), server_cursor() as cursor:
            at = NOON + timedelta(hours=1)
            cursor.execute(BARE, {"stage": stage.number, "branch": stage.branch, "at": at, **parameters}, binary=True)
    return RUN / (time.perf_counter() - started)


def as_application(stage: Stage, *, policies: bool) -> float:
    """As the server's processes work, with row-level security on the tables or switched off."""
    with connection.cursor() as cursor:
        for table in rights.hidden_tables():
            cursor.execute(f"ALTER TABLE {table} {'ENABLE' if policies else 'DISABLE'} ROW LEVEL SECURITY")
        cursor.execute(f"SET ROLE {rights.APPLICATION}")
        try:
            return ours(stage)
        finally:
            cursor.execute("SET ROLE NONE")


def figures() -> Iterator[Figure]:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO offices_office (code, name, kind, timezone) VALUES ('KC-BENCH', 'Bench', 'KC', 'Asia/Jakarta') RETURNING id"""
        )
        branch = cursor.fetchone()[0]
        cursor.execute("CREATE TABLE bench_bare (LIKE payments_payment)")
    analysed, spare = Stage(9001, branch, analysed=True), Stage(9002, branch, analysed=True)
    ours(analysed)  # warm: plans made, caches filled
    yield compare("payments_record", "payments/s", lambda: ours(analysed), lambda: bare(spare, packed=False))
    yield compare(
        "payments_record_packed_baseline", "payments/s", lambda: ours(analysed), lambda: bare(spare, packed=True)
    )
    fresh = Stage(9003, branch, analysed=False)
    yield compare(
        "payments_record_on_a_fresh_stage", "payments/s", lambda: ours(fresh), lambda: bare(spare, packed=False)
    )
    yield compare(
        "payments_record_fresh_against_analysed", "payments/s", lambda: ours(fresh), lambda: ours(analysed),
        note="a stage just opened, without statistics, against one with them",
    )  # fmt: skip
    guarded = Stage(9004, branch, analysed=True)
    as_application(guarded, policies=True)
    yield compare(
        "payments_record_row_security", "payments/s", lambda: as_application(guarded, policies=True),
        lambda: as_application(guarded, policies=False), runs=5,
        note="as the application's role: with row-level security beneath the pages against without",
    )  # fmt: skip

"""How fast a nation's books close: every entitlement gets its ending, against the bare anti-join that only counts who was not paid.

A stage with branches of 90,000 families, 97 of 100 paid, two of the rest with a failed visit; one million families, or as many as
``SALUR_BENCH_FAMILIES`` says. Both go branch by branch on one connection; the second closing finds nothing new. The dossier is of a branch
of 112,091 families, measured in a process of its own.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from bench import Figure
from salur.areas.models import Area, Vintage
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage
from salur.reconciliation import actions

FAMILIES = int(os.environ.get("SALUR_BENCH_FAMILIES", "1000000"))
BRANCH = 90_000
NATION = 18_800_000
NOON = datetime(2022, 3, 12, 5, tzinfo=UTC)

COUNT_UNPAID = """SELECT count(*), sum(e.amount_rp) FROM danom_entitlement AS e WHERE e.stage = %(stage)s AND e.branch = %(branch)s
    AND NOT EXISTS (SELECT FROM payments_payment AS p WHERE (p.stage, p.branch, p.entitlement) = (e.stage, e.branch, e.id))"""


def make_stage(sizes: list[int]) -> tuple[Stage, list[Office]]:
    """The stage's tables as a campaign leaves them, written in bulk."""
    hq = Office.objects.get_or_create(code="HQ", defaults={"name": "Pusat", "kind": "HQ", "timezone": "Asia/Jakarta"})[
        0
    ]
    programme = Programme.objects.create(code="BENCH", name="Bench", proxy="none", amount_ceiling_rp=4_000_000)
    day = date(2022, 3, 1)
    stage = Stage.objects.create(
        programme=programme, code="BENCH-CLOSE", period_from=day, period_to=day, opens=day, target_days=14, deadline=date(2022, 6, 5),
        order="online_first", geotag_counter="none", geotag_community="none", geotag_door="none", second_person=True,
    )  # fmt: skip
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    vintage = Vintage.objects.get_or_create(code="2022-02", defaults={"imported_at": NOON})[0]
    if not Area.objects.filter(code=35).exists():
        Area.objects.create(code=35, name="Jawa Timur", level=1, first_vintage=vintage.code, last_vintage=vintage.code)
    offices = []
    with connection.cursor() as cursor:
        for number, size in enumerate(sizes):
            office = Office.objects.create(
                code=f"KC-{number:03}", name=f"Cabang {number}", kind="KC", parent=hq, timezone="Asia/Jakarta"
            )
            officer = Officer.objects.create(branch=office, code="JB-1", name="Siti", kind="employee")
            offices.append(office)
            named = {
                "stage": stage.id,
                "branch": office.id,
                "size": size,
                "number": number,
                "officer": officer.id,
                "noon": NOON,
            }
            for statement in LOAD:
                cursor.execute(statement, named)
        cursor.execute(
            "ANALYZE danom_entitlement, payments_payment, payments_failure, ledger_transfer, danom_tally, payments_tally"
        )
    return stage, offices


ID = "(lpad(to_hex(1650000000000 + n), 12, '0') || '7000' || '8' || lpad(to_hex(%(number)s), 3, '0') || lpad(to_hex(n), 12, '0'))::uuid"
LOAD = [
    f"""INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line)
    SELECT %(stage)s, %(branch)s, {ID}, gen_random_uuid(), 3500000000 + %(number)s * 10000 + n / 450, 600000, 1, n FROM generate_series(1, %(size)s) AS n""",
    """INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
    SELECT stage, branch, village, 1, count(*), sum(amount_rp) FROM danom_entitlement WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY 1, 2, 3""",
    """INSERT INTO payments_payment (stage, branch, entitlement, round, id, officer, channel, amount_rp, paid_at, recorded_at)
    SELECT stage, branch, id, 0, id, %(officer)s, 1, amount_rp, %(noon)s, %(noon)s FROM danom_entitlement
    WHERE stage = %(stage)s AND branch = %(branch)s AND line %% 100 > 2""",
    """INSERT INTO ledger_transfer (stage, branch, id, debit, credit, amount_rp, occurred_at, recorded_at)
    SELECT stage, branch, id, 'paid', 'float/' || %(officer)s, amount_rp, paid_at, recorded_at FROM payments_payment
    WHERE stage = %(stage)s AND branch = %(branch)s""",
    """INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp)
    SELECT p.stage, p.branch, e.village, 1, '2022-03-12', '2022-03-12', count(*), sum(p.amount_rp) FROM payments_payment AS p
    JOIN danom_entitlement AS e ON (e.stage, e.branch, e.id) = (p.stage, p.branch, p.entitlement)
    WHERE p.stage = %(stage)s AND p.branch = %(branch)s GROUP BY 1, 2, 3""",
    """INSERT INTO payments_failure (stage, branch, entitlement, id, officer, reason, visited_at, recorded_at)
    SELECT stage, branch, id, id, %(officer)s, CASE line %% 2 WHEN 0 THEN 'dead' ELSE 'not_home' END, %(noon)s, %(noon)s FROM danom_entitlement
    WHERE stage = %(stage)s AND branch = %(branch)s AND line %% 100 IN (0, 1)""",
]


def figures() -> Iterator[Figure]:
    sizes = [BRANCH] * (FAMILIES // BRANCH) + [FAMILIES % BRANCH] * bool(FAMILIES % BRANCH)
    stage, offices = make_stage(sizes)
    began = time.perf_counter()
    with connection.cursor() as cursor:
        unpaid = 0
        for office in offices:
            cursor.execute(COUNT_UNPAID, {"stage": stage.id, "branch": office.id})
            unpaid += cursor.fetchone()[0]
    bare = time.perf_counter() - began
    at = NOON + timedelta(days=120)
    began = time.perf_counter()
    closed = actions.close(stage_code=stage.code, place="HQ", actor="bench", at=at)
    seconds = time.perf_counter() - began
    assert sum(row.changed for row in closed) == unpaid, (sum(row.changed for row in closed), unpaid)
    found = actions.statement(stage_code=stage.code, place="HQ", at=at)
    assert found.list_difference_rp == 0
    yield Figure(
        "reconciliation_close", round(FAMILIES / seconds), "families/s", round(FAMILIES / bare), round(bare / seconds, 3),
        [[round(seconds, 2), round(bare, 2)]], f"{FAMILIES:,} families; 18.8 million would take {NATION / FAMILIES * seconds / 60:.1f} minutes",
    )  # fmt: skip
    began = time.perf_counter()
    again = actions.close(stage_code=stage.code, place="HQ", actor="bench", at=at + timedelta(days=1))
    assert not any(row.changed for row in again)
    yield Figure(
        "reconciliation_close_again",
        round(time.perf_counter() - began, 2),
        "s",
        round(seconds, 2),
        None,
        [],
        "nothing is new",
    )
    began = time.perf_counter()
    actions.statement(stage_code=stage.code, place="HQ", at=at)
    yield Figure(
        "reconciliation_statement",
        round(time.perf_counter() - began, 3),
        "s",
        None,
        None,
        [],
        "the nation, branch by branch",
    )
    began = time.perf_counter()
    assert all(check.ok for check in actions.recount(stage=stage.id))
    yield Figure(
        "reconciliation_verify",
        round(time.perf_counter() - began, 2),
        "s",
        None,
        None,
        [],
        f"{FAMILIES:,} families recounted",
    )

"""How fast a nation's books close: every entitlement gets its ending, against the bare anti-join that only counts who was not paid.

A stage with branches of 90,000 families, 97 of 100 paid, two of the rest with a failed visit; one million families, or as many as
``SALUR_BENCH_FAMILIES`` says. Both go branch by branch on one connection; the second closing finds nothing new. The dossier is of a branch
of 112,091 families, measured in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from django.db import connection

from bench import Figure
from salur.areas.models import Area, Vintage
from salur.lib.ids import uuid7
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage
from salur.reconciliation import actions
from salur.registry.actions import sealer
from salur.registry.rules import NIK

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
    SELECT %(stage)s, %(branch)s, {ID}, gen_random_uuid(), 3500000000 + %(number)s * 10000 + n / 450, 600000, 1, n
    FROM generate_series(1, %(size)s) AS n""",
    """INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
    SELECT stage, branch, village, 1, count(*), sum(amount_rp) FROM danom_entitlement
    WHERE stage = %(stage)s AND branch = %(branch)s GROUP BY 1, 2, 3""",
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
    if FAMILIES >= NATION:
        minutes = seconds / 60
        about = f"{FAMILIES:,} families, {unpaid:,} unpaid, {len(offices)} branches in turn; runs: the bare anti-join"
        yield Figure(
            "reconciliation_close_nation_minutes",
            round(minutes, 2),
            "min",
            10,
            round(minutes / 10, 3),
            [round(bare / 60, 2)],
            about,
        )
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
    yield from dossier_figures(stage)


DOSSIER = 112_091
EVENTS = [
    """INSERT INTO registry_family (stage, branch, id, nik_sealed, key_version, name)
    SELECT stage, branch, family, %(sealed)s, 1, 'BU ' || upper(md5(line::text)) FROM danom_entitlement
    WHERE stage = %(stage)s AND branch = %(branch)s""",
    """INSERT INTO field_device (id, branch_id, officer_id, public_key, token_hash, enrolled_at, enrolled_by, self_test, persisted, app, last_seq,
        last_digest, highest_seq, unsent, revoked_by, revoke_reason)
    VALUES (%(device)s, %(branch)s, %(officer)s, sha256('k')|| sha256('k'), sha256(%(device)s::text::bytea), %(noon)s, 'bench', '{}', true, '1', 0,
        sha256('d'), 0, 0, '', '')""",
    """INSERT INTO field_event (stage, branch, device, seq, id, kind, body, signature, digest, received_at, happened_at, answer)
    WITH chain AS (
        SELECT p.*, row_number() OVER (ORDER BY entitlement) AS seq FROM payments_payment AS p WHERE stage = %(stage)s AND branch = %(branch)s
    ),
    told AS (
        SELECT c.seq, c.id, b.body, sha256(b.body) AS digest FROM chain AS c CROSS JOIN LATERAL (
            SELECT convert_to(json_build_object('v', 1, 'dev', %(device)s::text, 'seq', c.seq, 'prev', repeat('0', 64), 'typ', 'PAY', 'id', c.id,
                'asg', c.entitlement, 'amt', c.amount_rp, 'geo', json_build_object('lat_e7', -79000000 + c.seq, 'lon_e7', 1138000000 - c.seq,
                'acc_dm', 80, 'fix_ms', 1647061200000, 'n', 3), 'ph', json_build_array(json_build_object('k', 'KPM', 'sha',
                encode(sha256(c.id::text::bytea), 'hex'), 'n', 70000, 'w', 1280, 'h', 960, 'mime', 'image/webp', 'cap_ms', 1647061200000)))::text,
                'UTF8') AS body
        ) AS b
    )
    SELECT %(stage)s, %(branch)s, %(device)s, 2 * seq, id, 'PAY', body, digest || sha256(digest), digest, %(noon)s, %(noon)s, 'ACCEPTED' FROM told""",
    """INSERT INTO field_photo (stage, branch, device, seq, sha256, kind, bytes)
    SELECT stage, branch, device, seq, digest, 'KPM', 70000 FROM field_event WHERE stage = %(stage)s AND branch = %(branch)s""",
    "ANALYZE registry_family, field_event, field_photo",
]
MEASURE = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
import django
django.setup()
from salur.reconciliation.dossier import make_dossier
began = time.perf_counter()
made = make_dossier(stage_code=sys.argv[1], branch=sys.argv[2], out=Path(sys.argv[3]), actor="bench", at=datetime(2022, 8, 1, tzinfo=UTC))
print(json.dumps([time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, made.families, made.bytes]))
"""


def dossier_figures(stage: Stage) -> Iterator[Figure]:
    """A branch as large as the largest of the founding article, every family with its NIK, every payment with its phone's signed event."""
    hq = Office.objects.get(code="HQ")
    office = Office.objects.create(code="KC-BIG", name="Malang", kind="KC", parent=hq, timezone="Asia/Jakarta")
    officer = Officer.objects.create(branch=office, code="JB-1", name="Siti", kind="employee")
    nik = np.frombuffer(b"9935000000000001", np.uint8).reshape(1, 16)
    named = {
        "stage": stage.id, "branch": office.id, "size": DOSSIER, "number": 3_000, "officer": officer.id, "noon": NOON,
        "device": uuid7(NOON), "sealed": sealer(NIK, 1).seal_block(nik).tobytes(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        for statement in LOAD + EVENTS:
            cursor.execute(statement, named)
    actions.close(stage_code=stage.code, place="KC-BIG", actor="bench", at=NOON + timedelta(days=120))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "dossier.zip"
        words = [sys.executable, "-c", MEASURE, stage.code, "KC-BIG", str(out)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        seconds, megabytes, families, size = json.loads(done.stdout.splitlines()[-1])
        assert families == DOSSIER
        with zipfile.ZipFile(out) as archive:
            archive.extract("periksa.py", folder)
        began = time.perf_counter()
        checked = subprocess.run(
            [sys.executable, "-I", f"{folder}/periksa.py", str(out)], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout
        verified = time.perf_counter() - began
    yield Figure(
        "reconciliation_dossier",
        round(seconds, 1),
        "s",
        180,
        None,
        [],
        f"{families:,} families, {size / 1e6:.0f} MB; the bound is 180 s",
    )
    yield Figure(
        "reconciliation_dossier_memory", round(megabytes), "MB", 1024, None, [], "of its process; the bound is 1 GB"
    )
    yield Figure("reconciliation_dossier_verify", round(verified, 1), "s", None, None, [], "the verifier inside, alone")

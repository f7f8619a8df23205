"""A country of 18.8 million entitlements for the boards to look at: real villages, made-up families, loaded by SQL in minutes.

The tallies are filled in proportion (each village is paid on three of ten days and a tenth of it later, four in five houses located): pages
read tallies, never payments. A branch that shall be paid further is paid for real, by ``record_payments``.
"""

import csv
import gzip
import hashlib
import tempfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.db import connection

from salur.areas.actions import import_areas
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.actions import import_offices
from salur.programmes.actions import import_programmes
from salur.programmes.models import Stage
from salur.registry import actions as registry
from salur.registry.rules import NIK
from salur.simulate import article
from salur.simulate.families import DATA

REGISTER = Path(__file__).resolve().parents[2] / "shared" / "data" / "wilayah" / "wilayah_2022.csv.gz"
FAMILIES, BRANCHES, REGIONS = 18_800_000, 210, 6
FIRST_DAY = date(2022, 3, 1)
AT = datetime(2022, 2, 20, tzinfo=UTC)


def available() -> bool:
    return REGISTER.exists()


def load(families: int = FAMILIES) -> Stage:
    """The whole country, once for a home: who finds it there takes it as it is."""
    found = Stage.objects.filter(code=article.STAGE).first()
    if found is not None:
        return found
    import_areas(path=REGISTER, vintage="2022-02", at=AT)
    with tempfile.TemporaryDirectory() as folder:
        offices = Path(folder) / "offices.csv"
        write_offices(offices)
        import_offices(path=offices)
    import_programmes(path=article.PROGRAMMES)
    stage = Stage.objects.get(code=article.STAGE)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SET synchronous_commit = off")
        _list(cursor, stage.id, families)
        open_stage_partitions(stage=stage.id)
        _registry(cursor, stage.id)
        _tallies(cursor, stage.id)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return stage


def write_offices(path: Path) -> None:
    """Headquarters, six regions, 210 branches; each branch serves two or three neighbouring kabupaten."""
    with gzip.open(REGISTER, "rt", encoding="utf-8") as file:
        kabupaten = [row["kode"].replace(".", "") for row in csv.DictReader(file) if row["level"] == "2"]
    served: dict[int, list[str]] = defaultdict(list)
    for number, code in enumerate(kabupaten):
        served[number * BRANCHES // len(kabupaten)].append(code)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["code", "name", "kind", "parent", "areas"])
        lines.writerow(["HQ", "Kantor Pusat", "HQ", "", ""])
        for region in range(REGIONS):
            lines.writerow([f"REG-{region + 1}", f"Regional {region + 1}", "REGION", "HQ", ""])
        for branch in range(BRANCHES):
            parent = f"REG-{branch * REGIONS // BRANCHES + 1}"
            lines.writerow([f"KC-{branch:03d}", f"Cabang {branch:03d}", "KC", parent, " ".join(served[branch])])


def _list(cursor: object, stage: int, families: int) -> None:
    """Entitlements as `danom approve` leaves them: a table with its keys, attached. Villages differ in size by a factor of three."""
    run = cursor.execute  # type: ignore[attr-defined]
    run(
        "CREATE TEMP TABLE village AS SELECT village, branch_id AS branch, 60 + abs(hashint8(village)) % 120 AS weight FROM offices_coverage"
    )
    run("SELECT sum(weight) FROM village")
    (whole,) = cursor.fetchone()  # type: ignore[attr-defined]
    table = f"danom_entitlement_s{stage}"
    run(f"CREATE TABLE {table} (LIKE danom_entitlement INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
    run(
        f"""INSERT INTO {table} (stage, branch, id, family, village, amount_rp, version, line)
        SELECT {stage}, branch, ('0180' || lpad(to_hex(line), 8, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid,
            md5('family' || line)::uuid, village, 600000, 1, line
        FROM (SELECT branch, village, row_number() OVER (ORDER BY branch, village)::integer AS line FROM village,
            generate_series(1, greatest(1, round({families}::numeric * weight / {whole})::integer))) AS l, LATERAL md5(line::text) AS h"""
    )
    run(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (stage, branch, id)")
    run(f"ALTER TABLE {table} ADD CONSTRAINT {table}_family_once UNIQUE (stage, family, branch)")
    run(f"CREATE INDEX {table}_village ON {table} (branch, village)")
    run(f"CREATE INDEX {table}_likeness ON {table} (likeness)")
    run(f"CREATE INDEX {table}_code ON {table} (substr(sha256(uuid_send(id)), 1, 5))")
    run(f"CREATE INDEX {table}_number ON {table} (number) WHERE octet_length(number) < 200")
    run(f"ALTER TABLE danom_entitlement ATTACH PARTITION {table} FOR VALUES IN ({stage})")


def _registry(cursor: object, stage: int) -> None:
    """Each family under a made-up name. A thousand sealed numbers serve all of them: what is measured opens them, but never looks for one."""
    run = cursor.execute  # type: ignore[attr-defined]
    given, second = (
        [line for name in names for line in (DATA / name).read_text(encoding="utf-8").split("\n") if line]
        for names in (("given_female.txt", "given_male.txt"), ("second_female.txt", "second_male.txt"))
    )
    run("SET synchronous_commit = off")
    sealed = [registry.sealer(NIK, 1).seal(b"99351101%08d" % number) for number in range(1000)]
    table = f"registry_family_s{stage}"
    run(f"CREATE TABLE {table} (LIKE registry_family INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
    run(
        f"""INSERT INTO {table} (stage, branch, id, nik_sealed, kk_sealed, kk_key, key_version, name, birth_date, sex, address, rt, rw)
        SELECT stage, branch, family, (%s::bytea[])[1 + line %% 1000], NULL, NULL, 1,
            upper((%s::text[])[1 + abs(hashint8(line)) %% %s] || ' ' || (%s::text[])[1 + abs(hashint8(line + 7)) %% %s]),
            date '1950-01-01' + line %% 18000, CASE line %% 2 WHEN 0 THEN 'L' ELSE 'P' END, 'Dusun Krajan', '001', '002'
        FROM danom_entitlement WHERE stage = %s""",
        [sealed, given, len(given), second, len(second), stage],
    )
    registry.build_keys(staged=table, stage=stage)
    run(f"ALTER TABLE registry_family ATTACH PARTITION {table} FOR VALUES IN ({stage})")


def _tallies(cursor: object, stage: int) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    digest = hashlib.sha256(str(stage).encode()).hexdigest()
    run(
        """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
            duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
        SELECT %s, 1, 'the list', 'list.csv', %s, 'approved', n, n, 0, 0, 0, n * 600000, '{}', 'siti', %s, 'budi', %s
        FROM (SELECT count(*) AS n FROM danom_entitlement WHERE stage = %s) AS l""",
        [stage, digest, AT, AT, stage],
    )
    run(
        """INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp)
        SELECT stage, branch, village, 1, count(*), sum(amount_rp) FROM danom_entitlement WHERE stage = %s GROUP BY stage, branch, village""",
        [stage],
    )
    # The village's session, two days of mopping up with a share of late records, and the sweep.
    run(
        """INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp, failed)
        SELECT stage, branch, village, 1, began + after, began + after + late, (lines * share)::integer,
            (lines * share)::integer * 600000::bigint, CASE after WHEN 0 THEN (lines * 0.03)::integer ELSE 0 END
        FROM danom_tally, (VALUES (0, 0, 0.6), (0, 1, 0.1), (1, 0, 0.1), (2, 1, 0.05)) AS d(after, late, share),
            LATERAL (SELECT %(first)s::date + abs(hashint8(village)) %% 10 AS began) AS b
        WHERE stage = %(stage)s""",
        {"first": FIRST_DAY, "stage": stage},
    )
    run(
        """INSERT INTO evidence_tally (stage, branch, village, version, day, recorded_day, geotagged)
        SELECT stage, branch, village, 1, began + after, began + after, (lines * share)::integer
        FROM danom_tally, (VALUES (0, 0.5), (1, 0.2), (3, 0.1)) AS d(after, share),
            LATERAL (SELECT %(first)s::date + abs(hashint8(village)) %% 10 AS began) AS b
        WHERE stage = %(stage)s""",
        {"first": FIRST_DAY, "stage": stage},
    )


def last_day() -> datetime:
    return datetime.combine(FIRST_DAY + timedelta(days=13), datetime.min.time(), UTC)

"""How fast a nominative list comes in, and whether anybody waits for it.

``danom_import_approve``: the two commands as typed, with starting Python, hashing the file, checks, sealing and audit, against COPY of the
accepted rows into bare tables and building the same keys on them, on the same server. ``danom_supplement``: 10,000 lines into that list.
``danom_attach_others_wait``: the longest a batch of 100 payments of another stage took while a list was approved, against the longest
while nothing was.
"""

import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.db import connection

from bench import Figure, compare
from salur.lib.sql import server_cursor
from salur.lib.stage_tables import open_stage_partitions
from salur.payments.actions import record_payments
from salur.simulate.families import DATA

LINES, SUPPLEMENT = 1_000_000, 10_000
REGISTER = Path(__file__).resolve().parents[2] / "shared" / "data" / "wilayah" / "wilayah_2022.csv.gz"
STAGE = """
[[programme.stage]]
code = "{code}"
period = "2022-01/2022-03"
opens = 2022-02-20
deadline = 2022-06-05
"""
FAMILY_KEYS = (
    "ALTER TABLE {0} ADD PRIMARY KEY (id, branch, stage)",
    "CREATE INDEX ON {0} (branch, name) INCLUDE (id) WHERE octet_length(name) < 1000",
)
LINE_KEYS = (
    "ALTER TABLE {0} ADD PRIMARY KEY (stage, branch, id)",
    "ALTER TABLE {0} ADD UNIQUE (stage, family, branch)",
    "CREATE INDEX ON {0} (branch, village)",
    "CREATE INDEX ON {0} (likeness)",
    "CREATE INDEX ON {0} (substr(sha256(uuid_send(id)), 1, 5))",
    "CREATE INDEX ON {0} (number) WHERE octet_length(number) < 200",
)


def salur(*words: object) -> dict[str, object]:
    """Type a command, as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "salur", *map(str, words), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def country(folder: Path, stages: list[str], *, register: Path | None) -> None:
    """Areas, offices and stages: the nation's kabupaten shared out among 210 branches, or the founding article's four."""
    areas, offices = register or DATA / "article_areas.csv", DATA / "article_offices.csv"
    salur("areas", "import", areas, "--vintage", "2022-02")
    if register:
        offices = folder / "offices.csv"
        with connection.cursor() as cursor, offices.open("w", newline="") as file:
            cursor.execute("SELECT code FROM areas_area WHERE level = 2 ORDER BY code")
            codes = [row[0] for row in cursor.fetchall()]
            writer = csv.writer(file)
            writer.writerows([["code", "name", "kind", "parent", "areas"], ["HQ", "Kantor Pusat", "HQ", "", ""]])
            for n in range(210):
                own = codes[n * len(codes) // 210 : (n + 1) * len(codes) // 210]
                writer.writerow([f"KC-{n:03d}", f"Cabang {n}", "KC", "HQ", " ".join(map(str, own))])
    salur("offices", "import", offices)
    programme = '[[programme]]\ncode = "BENCH"\nname = "Bench"\namount_ceiling_rp = 4_000_000\n'
    (folder / "programmes.toml").write_text(programme + "".join(STAGE.format(code=code) for code in stages))
    salur("programmes", "import", folder / "programmes.toml")


def bring(file: Path, stage: str, *, approve: bool = True) -> dict[str, object]:
    batch = salur("danom", "import", file, "--stage", stage)
    if approve:
        batch["approved"] = salur("danom", "approve", batch["batch"], "--as", "checker")
    return batch


class Bare:
    """The accepted rows of a stage as COPY bytes on disk, to be copied into bare tables."""

    def __init__(self, folder: Path, stage: str) -> None:
        self.files = {"registry_family": folder / "family.copy", "danom_entitlement": folder / "line.copy"}
        rows = {
            table: f"SELECT * FROM {table} WHERE stage = (SELECT id FROM programmes_stage WHERE code = '{stage}')"
            for table in self.files
        }
        for table, path in self.files.items():
            with (
                path.open("wb") as file,
                server_cursor() as cursor,
                cursor.copy(f"COPY ({rows[table]}) TO STDOUT (FORMAT binary)") as copy,
            ):
                for block in copy:
                    file.write(block)

    def load(self) -> None:
        """Each statement commits by itself, as the server's own COPY would."""
        with connection.cursor() as cursor:
            for table, path in self.files.items():
                bare = f"bench_{table}"
                cursor.execute(f"DROP TABLE IF EXISTS {bare}")
                cursor.execute(f"CREATE TABLE {bare} (LIKE {table} INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")
                with (
                    server_cursor() as raw,
                    raw.copy(f"COPY {bare} FROM STDIN (FORMAT binary)") as copy,
                    path.open("rb") as file,
                ):
                    while block := file.read(1 << 20):
                        copy.write(block)
                cursor.execute("SET maintenance_work_mem = '512MB'")
                for key in FAMILY_KEYS if table == "registry_family" else LINE_KEYS:
                    cursor.execute(key.format(bare))


class Payers:
    """Payments of another stage, a batch after the other, and how long each took."""

    def __init__(self) -> None:
        from bench.payments import BATCH, FAMILIES, NOON, Stage

        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM offices_office WHERE kind = 'KC' ORDER BY id LIMIT 1")
            branch = cursor.fetchone()[0]
        open_stage_partitions(stage=9101, loaded_beside=True)
        self.stage, self.batch, self.at, self.families = Stage(9101, branch, analysed=True), BATCH, NOON, FAMILIES
        self.took: list[float] = []
        self.stopping = threading.Event()

    def pay(self) -> None:
        while not self.stopping.is_set() and self.stage.next + self.batch <= self.families:
            payments = self.stage.payments(self.batch)
            at = datetime.now(UTC)
            self.took.append(
                seconds(lambda: record_payments(stage=9101, branch=self.stage.branch, payments=payments, at=at))  # noqa: B023
            )
            time.sleep(0.01)
        connection.close()

    def longest_ms_during(self, work: Callable[[], object]) -> float:
        self.took, thread = [], threading.Thread(target=self.pay)
        self.stopping.clear()
        thread.start()
        work()
        self.stopping.set()
        thread.join()
        return max(self.took) * 1000


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="salur-bench-danom-") as name:
        folder = Path(name)
        stages = [f"BENCH-{n}" for n in range(6)]
        country(folder, stages, register=REGISTER if REGISTER.exists() else None)
        files = [folder / f"danom-{n}.csv" for n in range(len(stages))]
        # Other families in each file, so that each run registers all of them anew.
        for seed, file in enumerate(files):
            salur("simulate", "danom", "--lines", LINES, "--seed", seed, "--out", file, "--damage", 0.02)
        batches: list[dict[str, object]] = []
        left = iter(zip(files[1:4], stages[1:4], strict=True))
        bring(files[0], stages[0])
        bare = Bare(folder, stages[0])
        figure = compare(
            "danom_import_approve", "s", lambda: seconds(lambda: batches.append(bring(*next(left)))), lambda: seconds(bare.load)
        )  # fmt: skip
        peak = max(int(str(batch["peak_rss_mb"])) for batch in batches)
        yield Figure(
            **{
                **figure.as_json(),
                "note": f"{LINES:,} lines, {batches[0]['accepted']:,} accepted; peak {peak} MB; limit: ratio 4",
            }
        )

        supplement = [folder / f"more-{n}.csv" for n in range(3)]
        for n, file in enumerate(supplement):
            earlier = ("--earlier", files[1]) if n == 0 else ()
            salur(
                "simulate", "danom", "--lines", SUPPLEMENT, "--seed", 1 if n == 0 else 100 + n, "--out", file, *earlier
            )
        runs = [seconds(lambda file=file: bring(file, stages[1])) for file in supplement]  # type: ignore[misc]
        yield Figure(
            "danom_supplement",
            sorted(runs)[1],
            "s",
            None,
            None,
            runs,
            f"{SUPPLEMENT:,} lines into {LINES:,}; limit 5 s into 18.8 million",
        )

        payers = Payers()
        waiting = [bring(file, stage, approve=False) for file, stage in zip(files[4:], stages[4:], strict=True)]
        pairs = []
        for batch in waiting:
            during = payers.longest_ms_during(
                lambda batch=batch: salur("danom", "approve", batch["batch"], "--as", "checker")
            )  # type: ignore[misc]
            pairs.append((during, payers.longest_ms_during(lambda: time.sleep(5))))
        during, quiet = sorted(pairs)[len(pairs) // 2]
        yield Figure(
            "danom_attach_others_wait", round(during, 1), "ms", round(quiet, 1), round(during / quiet, 2), pairs,
            "longest batch of 100 payments of another stage while a list is approved; waiting for a core is in it",
        )  # fmt: skip

"""The whole country: 18.8 million lines, on a machine that does nothing else. Only when asked for: ``python -m bench --only danom_nation``."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench import Figure
from bench.danom import REGISTER, Bare, bring, country, salur, seconds

LINES, SUPPLEMENT, RUNS = 18_800_000, 10_000, 3


def figures() -> Iterator[Figure]:
    if "danom_nation" not in sys.argv or not REGISTER.exists():
        return
    # Some 30 GB for the file, the COPY bytes and the database.
    with tempfile.TemporaryDirectory(prefix="salur-bench-nation-") as name:
        folder = Path(name)
        country(folder, ["NATION"], register=REGISTER)
        people = REGISTER.with_name("penduduk_2024s2_prov_kab.csv")
        file, more = folder / "danom.csv", folder / "more.csv"
        salur(
            "simulate", "danom", "--lines", LINES, "--seed", 1, "--out", file, "--population", people, "--damage", 0.02
        )
        batch: dict[str, object] = {}
        took = seconds(lambda: batch.update(bring(file, "NATION")))
        approved = batch["approved"]
        assert isinstance(approved, dict)
        parts = f"import {batch['seconds']} s, approval {approved['seconds']} s, {batch['accepted']:,} accepted"
        yield Figure("danom_nation", round(took, 1), "s", None, None, [took], f"{parts}; limit 360 s")
        peak = int(str(batch["peak_rss_mb"]))
        yield Figure("danom_nation_memory", peak, "MB", None, None, [peak], "of the import's process; limit 4,096")
        salur("simulate", "danom", "--lines", RUNS * SUPPLEMENT, "--seed", 1, "--out", more, "--earlier", file)
        head, *lines = more.read_text().splitlines(keepends=True)
        later = []
        for at in range(0, RUNS * SUPPLEMENT, SUPPLEMENT):
            more.write_text(head + "".join(lines[at : at + SUPPLEMENT]))
            later.append(round(seconds(lambda: bring(more, "NATION")), 1))
        yield Figure(
            "danom_nation_supplement", median(later), "s", None, None, later, "10,000 lines into it; limit 5 s"
        )
        # Last, since it fills the disk and the server's memory with a second copy of the nation.
        bare = seconds(Bare(folder, "NATION").load)
        yield Figure(
            "danom_nation_against_bare", round(took, 1), "s", round(bare, 1), round(took / bare, 2), [[took, bare]],
            "baseline: COPY of the accepted rows into bare tables and the same keys",
        )  # fmt: skip

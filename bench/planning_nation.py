"""Plans for the whole country: kabupaten-sized branches of real villages, families in proportion to the people who live there.

``planning_nation_minutes``: minutes that two cores need for all kabupaten and kota, from a seeded sample of 40: the time of two processes side by
side, per branch, times their number (``SALUR_BENCH_BRANCHES`` takes another sample, 514 all of them). Goal: 30.
``planning_nation_usable``: share of the sample whose plan passes the independent checker and either reaches every family or names what is
missing. A branch has one own officer for each 5,600 families, as Pamekasan its 20.
"""

import csv
import gzip
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bench import Figure
from salur.planning.check import check_plan
from salur.planning.examples import Place, imagined_branch
from salur.planning.solve import solve

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "wilayah"
NATION, GOAL_MINUTES, SECONDS_EACH = 18_800_000, 30.0, 7.0


class Kabupaten(NamedTuple):
    code: str
    families: int


class Solved(NamedTuple):
    code: str
    villages: int
    families: int
    unmet: int
    hires: int
    seconds: float
    usable: bool
    method: str


def kabupatens() -> list[Kabupaten]:
    with (DATA / "penduduk_2024s2_prov_kab.csv").open(newline="") as file:
        people = {row["kode"]: int(row["total"]) for row in csv.DictReader(file) if len(row["kode"]) == 5}
    whole = sum(people.values())
    return [Kabupaten(code, round(NATION * number / whole)) for code, number in sorted(people.items())]


def solved(task: tuple[Kabupaten, list[Place]]) -> Solved:
    kabupaten, places = task
    inputs = imagined_branch(
        places,
        kabupaten.families,
        officers=max(4, kabupaten.families // 5_600),
        seed=int(kabupaten.code.replace(".", "")),
    )
    started = time.perf_counter()
    plan = solve(inputs, seconds=SECONDS_EACH)
    took = time.perf_counter() - started
    usable = not check_plan(inputs, plan) and (plan.unmet_families == 0 or bool(plan.shortfalls))
    return Solved(
        kabupaten.code,
        len(places),
        kabupaten.families,
        plan.unmet_families,
        plan.hires.total,
        took,
        usable,
        plan.proof.method,
    )


def figures() -> Iterator[Figure]:
    if not DATA.is_dir():
        return
    everyone = kabupatens()
    asked = int(os.environ.get("SALUR_BENCH_BRANCHES", "40"))
    sample = sorted(random.Random(2022).sample(everyone, min(asked, len(everyone))))
    places = _all_places({one.code for one in sample})
    tasks = [(one, places[one.code]) for one in sample if len(places[one.code]) > 1]
    started = time.perf_counter()
    with ProcessPoolExecutor(2) as two:
        found = list(two.map(solved, tasks))
    wall = time.perf_counter() - started
    minutes = wall / len(found) * len(everyone) / 60
    slow = sorted(found, key=lambda one: -one.seconds)[:3]
    greedy = sum(one.method == "greedy" for one in found)
    yield Figure(
        "planning_nation_minutes", round(minutes, 1), "min on two cores", GOAL_MINUTES, round(minutes / GOAL_MINUTES, 3),
        [round(statistics.mean(one.seconds for one in found), 2), *(f"{one.code} {one.villages} villages {one.seconds:.1f} s" for one in slow)],
        f"{len(found)} of {len(everyone)} solved in {wall:.0f} s; at most {SECONDS_EACH:g} s of solver each; goal 30",
    )  # fmt: skip
    usable = statistics.mean(one.usable for one in found)
    reached = 1 - sum(one.unmet for one in found) / sum(one.families for one in found)
    yield Figure(
        "planning_nation_usable", round(usable, 4), "share", 1.0, round(usable, 4),
        [f"{one.code} unmet {one.unmet} of {one.families}" for one in found if one.unmet or not one.usable][:20],
        f"{reached:.4%} of families reached, {sum(one.hires for one in found):,} people to hire, {greedy} by the greedy plan",
    )  # fmt: skip


def _all_places(codes: set[str]) -> dict[str, list[Place]]:
    """The register is read once for all kabupaten."""
    found: dict[str, list[Place]] = defaultdict(list)
    with gzip.open(DATA / "centroid_2025.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            if row["level"] == "4" and row["kode"][:5] in codes and row["lat"]:
                found[row["kode"][:5]].append(
                    Place(int(row["kode"].replace(".", "")), row["nama"], float(row["lat"]), float(row["lng"]))
                )
    return found

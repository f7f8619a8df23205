"""The plan of Pamekasan: 112,091 families in its real villages, fourteen days, twenty officers of its own; on one core.

``planning_least_hires``: seconds until the fewest hires are proven, for the plan that has as many; ``planning_schedule``: seconds of the whole
plan; ``planning_schedule_gap``: by how many per cent its schedule may be worse than the best; ``planning_roster``: seconds to name who works
where. Baseline of the first two: the greedy plan, in the same run.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench import Figure
from salur.planning.check import check_plan
from salur.planning.examples import imagined_branch, read_places
from salur.planning.roster import name_people
from salur.planning.solve import solve, solve_greedily

CENTROIDS = Path(__file__).resolve().parents[2] / "shared" / "data" / "wilayah" / "centroid_2025.csv.gz"
PAMEKASAN, FAMILIES, OFFICERS, RUNS = "35.28", 112_091, 20, 3


def figures() -> Iterator[Figure]:
    if not CENTROIDS.is_file():
        return
    places = read_places(CENTROIDS, PAMEKASAN)
    hires, whole, greedy, gaps, rosters, proven = [], [], [], [], [], []
    for seed in range(1, RUNS + 1):
        inputs = imagined_branch(places, FAMILIES, officers=OFFICERS, seed=seed)
        started = time.perf_counter()
        solve_greedily(inputs)
        greedy.append(time.perf_counter() - started)
        started = time.perf_counter()
        plan = solve(inputs, seconds=30.0)
        whole.append(time.perf_counter() - started)
        assert not check_plan(inputs, plan), "a plan that the checker refuses is none"
        proof = plan.proof
        proven.append(proof.hires_bound == plan.hires.total and plan.unmet_families == proof.unmet_bound)
        hires.append(proof.hires_seconds)
        gaps.append(100 * proof.gap if proof.gap is not None else 100.0)
        started = time.perf_counter()
        name_people(inputs, plan)
        rosters.append(time.perf_counter() - started)
    about = f"{FAMILIES:,} families, {len(places)} villages, {OFFICERS} officers, 3 draws of the rest; {sum(proven)} of {RUNS} proven least"
    yield seconds("planning_least_hires", hires, greedy, about)
    yield seconds("planning_schedule", whole, greedy, about)
    worst = max(gaps)
    yield Figure(
        "planning_schedule_gap",
        round(worst, 3),
        "%",
        None,
        None,
        [round(gap, 3) for gap in gaps],
        f"{about}; the largest",
    )
    yield seconds("planning_roster", rosters, None, about)


def seconds(name: str, runs: list[float], greedy: list[float] | None, note: str) -> Figure:
    pairs = (
        [[round(run, 3), round(base, 3)] for run, base in zip(runs, greedy, strict=True)]
        if greedy
        else [round(run, 3) for run in runs]
    )
    baseline = round(statistics.median(greedy), 3) if greedy else None
    ratio = round(statistics.median(run / base for run, base in zip(runs, greedy, strict=True)), 3) if greedy else None
    return Figure(name, round(statistics.median(runs), 3), "s", baseline, ratio, pairs, note)

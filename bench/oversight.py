"""What control promises: the interval of a sample covers the truth as often as it says, and who takes a cut comes to the top.

``oversight_sampling_cover``: per cent of 3 × 1,000 simulated stages whose true share of problems lies in the stated 95 % interval.
``oversight_thief_rank``: the place, in per cent of all officers, of one officer among 2,000 who keeps a tenth of the cash and covers it with one
photo, one place, one evening; the worst of five branches he may work at.
"""

from collections.abc import Iterator

import numpy as np

from bench import Figure
from salur.oversight.examples import THEFT, Branch
from salur.oversight.sampling import interval
from salur.oversight.signals import scores, signals

STAGES, BRANCHES, THIEF = 1_000, 25, 33


def figures() -> Iterator[Figure]:
    covers = [round(100 * cover(seed), 2) for seed in (1, 2, 3)]
    average = round(sum(covers) / len(covers), 2)
    yield Figure(
        "oversight_sampling_cover", average, "%", 95.0, round(average / 95, 4), covers,
        "branches of 2,000 to 150,000 payments, 0.5 to 20 % problems, samples of 100 to 600",
    )  # fmt: skip
    honest = {
        (branch, officer): score
        for branch in range(BRANCHES)
        for officer, score in scores(signals(Branch(900 + branch).facts())).items()
    }
    officers = BRANCHES * Branch(900).officers
    places = [place(branch, honest) for branch in (0, 6, 12, 18, 24)]
    shares = [round(100 * each / officers, 3) for each in places]
    yield Figure(
        "oversight_thief_rank", max(shares), "% of officers", 1.0, round(max(shares), 3), shares,
        f"places {', '.join(map(str, places))} of {officers:,} officers",
    )  # fmt: skip


def cover(seed: int) -> float:
    random = np.random.default_rng(seed)
    population = random.integers(2_000, 150_000, STAGES)
    bad = (population * random.uniform(0.005, 0.20, STAGES)).astype(np.int64)
    asked = random.integers(100, 600, STAGES)
    problems = random.hypergeometric(bad, population - bad, asked)
    low, high = interval(population, asked, problems, 0.95)
    return float(((low <= bad) & (bad <= high)).mean())


def place(branch: int, honest: dict[tuple[int, int], float]) -> int:
    """The thief's place among all officers when he works at this branch."""
    found = scores(signals(Branch(900 + branch, thieves={THIEF: THEFT}, share=0.1).facts()))
    others = [theirs for (where, _), theirs in honest.items() if where != branch]
    others += [theirs for officer, theirs in found.items() if officer != THIEF]
    return 1 + sum(theirs >= found[THIEF] for theirs in others)

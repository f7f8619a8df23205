"""Seeded campaigns to judge a forecast by: branches with villages, whose days go wrong in other ways than the forecaster imagines.

The forecaster thinks in shares of a branch. Here single villages slip by whole days (and large ones more), it rains on a region for a day or two,
phones without signal report late, returns come in waves, and the payable share differs by village. All numbers are assumptions.
"""

from dataclasses import dataclass

import numpy as np

from salur.planning.forecast import Array, Progress


@dataclass(frozen=True, slots=True)
class Campaigns:
    """What was planned, what truly came of it, and what was known of that on each evening."""

    families: Array  # (branches,)
    villages: Array  # (branches,)
    planned: Array  # (branches, days): families by the day of their first call
    paid: Array  # (branches, days): true payments by day
    held_known: Array  # (branches, evening, days): families by the day of their session
    paid_known: Array  # (branches, evening, days): payments by their day
    silent: Array  # (branches, evening, days): families by the day of their first call whose phones have not been heard since
    deadline: int

    def on(self, today: int) -> Progress:
        """What is known on the evening of ``today``."""
        return Progress(
            families=self.families,
            villages=self.villages,
            planned=self.planned,
            held=self.held_known[:, today],
            paid=self.paid_known[:, today],
            silent=self.silent[:, today],
            today=today,
            deadline=self.deadline,
        )

    @property
    def share(self) -> Array:
        """The truth: share paid by the deadline."""
        return np.asarray(self.paid[:, : self.deadline + 1].sum(axis=1) / self.families)


def imagined_campaigns(branches: int, *, seed: int, days: int = 14) -> Campaigns:
    """Branches of 60 to 350 villages; ten days of first calls and four for the rest, as two-week campaigns are planned."""
    random = np.random.default_rng(seed)
    families, counts = np.zeros(branches), np.zeros(branches)
    planned, paid = np.zeros((branches, days)), np.zeros((branches, days))
    held_known, paid_known, silent = (np.zeros((branches, days, days)) for _ in range(3))
    for branch in range(branches):
        villages = int(random.integers(60, 350))
        size = np.round(random.lognormal(6.0, 0.5, villages))
        last_call = int(random.integers(9, 12))
        day = _planned_days(random, size, last_call)
        slip_rate = random.beta(2, 14)  # of the villages, in this branch
        turnout = random.beta(45, 2.5)
        payable = random.beta(280, 4)
        back = random.uniform(0.13, 0.26)
        rain = np.zeros(days)
        for _ in range(random.poisson(0.7)):
            start = int(random.integers(0, days))
            rain[start : start + int(random.integers(1, 3))] = random.uniform(0.1, 0.45)
        weekday = random.uniform(0.7, 1.3, days)
        late = random.random(villages) < 0.15  # no signal
        for village in range(villages):
            slips = random.geometric(0.55) if random.random() < slip_rate * (1 + 0.5 * (size[village] > 600)) else 0
            held = day[village] + slips
            report = random.integers(1, 4) if late[village] else 0
            can = random.binomial(int(size[village]), min(1.0, random.normal(payable, 0.006)))
            planned[branch, day[village]] += size[village]
            left = can
            for today in range(held, days):
                share = (
                    random.beta(60 * turnout, 60 * (1 - turnout)) * (1 - rain[today])
                    if today == held
                    else min(1.0, back * weekday[today] * (1 - rain[today]))
                )
                now = random.binomial(left, share)
                left -= now
                paid[branch, today] += now
                # Without signal, all payments up to an evening are known once the phone was heard after the session.
                paid_known[branch, max(today, held + report) :, today] += now
            if held < days:
                held_known[branch, held + report :, held] += size[village]
            if report:
                silent[branch, day[village] : held + report, day[village]] += size[village]
        families[branch], counts[branch] = size.sum(), villages
    return Campaigns(families, counts, planned, paid, held_known, paid_known, silent, days - 1)


def _planned_days(
    random: np.random.Generator, size: Array, last_call: int
) -> "np.ndarray[tuple[int, ...], np.dtype[np.intp]]":
    """Villages filled into days 0 … last_call; the first two days have fewer people."""
    weight = np.ones(last_call + 1)
    weight[:2] = 0.45
    limit = np.cumsum(weight) / weight.sum() * size.sum()
    order = random.permutation(len(size))
    day = np.empty(len(size), dtype=np.intp)
    day[order] = np.searchsorted(limit, np.cumsum(size[order]) - size[order] / 2)
    return np.minimum(day, last_call)

"""When will a branch be done? A plan-aware Monte Carlo over all branches at once; numpy only, no clock.

A line through the payments so far knows nothing of the plan: that the large villages are still to come, that the last days are for those who
did not show up. So each of many imagined courses ("particles") follows the plan of its branch with its own

- slip: the share of what is due on a day whose session is not held that day, and catch-up, the share of the slipped held on each later day;
- turnout: the share of payable families that come when called;
- ceiling: the share that is payable at all (others died, moved, are listed twice; about 98.5 % on average);
- return: the share of those who missed it that is reached on each later day (about 0.2).

Courses that fit the days so far weigh more (importance sampling and resampling), start from what was really held and paid, and run on with the
ups and downs of single days. Families of villages whose phones are silent are not seen; they are a band of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Positions = np.ndarray[tuple[int, ...], np.dtype[np.intp]]

MILESTONES = (0.90, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a branch before its first day: means, and weights of Beta distributions (larger is surer).

    Calibrated on seeded campaigns (``campaigns.py``, seeds from 1000 on) and judged on others: the weights and ``day_sd`` are as sure as an
    80 % interval that covers 80 % allows.
    """

    slip: float = 0.12
    slip_weight: float = 10.0
    catch_up: float = 0.55
    catch_up_weight: float = 20.0
    turnout: float = 0.945
    turnout_weight: float = 40.0
    ceiling: float = 0.985
    ceiling_weight: float = 190.0
    back: float = 0.205
    back_weight: float = 35.0
    day_sd: float = 0.11  # of one day around the course, relative


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the branches stand on the evening of ``today``; (branches, days) in families unless said otherwise.

    ``planned`` are families by the day they are first called; whoever the plan does not reach is missing there but counted in ``families``.
    ``silent`` of them live where the phones have not been heard since. Of all others, ``held`` are families by the day their session
    was really held, and ``paid`` payments by day.
    """

    families: Array  # (branches,)
    villages: Array  # (branches,): how many; sessions slip by the village
    planned: Array
    held: Array
    paid: Array
    silent: Array
    today: int  # last day that is over; -1 before the first
    deadline: int  # last day that counts


@dataclass(frozen=True, slots=True)
class Forecast:
    """One row per branch. Shares are of all allocated families; days are positions in the window, infinite when beyond the horizon."""

    share: Array  # (branches, 3): 10th, 50th, 90th percentile of the share paid by the deadline
    reaches: Array  # (branches,): probability of at least the target by the deadline
    eta: Array  # (branches, 3 milestones, 3): 10th, 50th, 90th percentile of the day on which 90, 95, 99 % are paid
    unsynced: Array  # (branches, 3): families probably paid but not yet seen, 10th, 50th, 90th percentile
    missing: dict[str, Array]  # cause → (branches,) expected share not paid by the deadline


def forecast(
    progress: Progress,
    *,
    target: float = 0.95,
    seed: int = 0,
    particles: int = 600,
    courses: int = 200,
    horizon: int = 14,
    prior: Prior = Prior(),  # noqa: B008  a frozen value
) -> Forecast:
    """Forecast every branch; ``horizon`` days beyond the deadline are looked at for the ETAs. The same seed gives the same answer."""
    random = np.random.default_rng(seed)
    branches = len(progress.families)
    village = (progress.families / np.maximum(progress.villages, 1.0))[:, None]
    draws = _draw(random, prior, (branches, particles))
    course = draws.take(_fitting(random, progress, village, draws, prior, courses))
    known = slice(0, progress.today + 1)
    paid_seen = progress.paid[:, known].sum(axis=1)[:, None]
    hidden, paid_unseen = _hidden(random, progress, village, course, prior)
    state = _State.after(progress, course).plus(hidden)
    total = np.maximum(progress.families, 1.0)[:, None]
    done = (paid_seen + paid_unseen) / total
    arrival = np.full((branches, len(MILESTONES), courses), np.inf)
    _arrive(arrival, done, progress.today)
    at_deadline, left = done, state
    days = range(progress.today + 1, progress.deadline + 1 + horizon)
    for day in days:
        due = progress.planned[:, day][:, None] if day < progress.planned.shape[1] else np.zeros((branches, 1))
        state, paid_today = state.step(random, due, course, village, prior)
        done = done + paid_today / total
        _arrive(arrival, done, day)
        if day == progress.deadline:
            at_deadline, left = done, state
    never = np.maximum(0.0, 1.0 - progress.planned[:, : progress.deadline + 1].sum(axis=1) / total[:, 0])
    return Forecast(
        share=_quantiles(at_deadline),
        reaches=_probability(at_deadline, target),
        eta=np.quantile(arrival, (0.1, 0.5, 0.9), axis=2, method="nearest").transpose(1, 2, 0),
        unsynced=_quantiles(paid_unseen),
        missing={
            "unscheduled": never,
            "slipped": (left.slipped / total).mean(axis=1),
            "not_come": (left.absent / total).mean(axis=1),
            "not_payable": (left.dead / total).mean(axis=1),
            "unsynced": (paid_unseen / total).mean(axis=1),
        },
    )


@dataclass(frozen=True, slots=True)
class Linear:
    """The baseline: the mean pace so far goes on to the deadline; the probability is normal, by the spread of the days so far."""

    share: Array
    reaches: Array


def linear_forecast(progress: Progress, *, target: float = 0.95) -> Linear:
    """What a burn-up line says. Needs at least one day; the share is capped at 1."""
    seen = progress.paid[:, : progress.today + 1] / np.maximum(progress.families, 1.0)[:, None]
    remaining = progress.deadline - progress.today
    mean, sd = seen.mean(axis=1), seen.std(axis=1)
    expected = seen.sum(axis=1) + remaining * mean
    distance = (expected - target) / np.maximum(sd * np.sqrt(max(remaining, 1)), 1e-6)
    return Linear(np.minimum(expected, 1.0), _normal_cdf(distance))


# -- the parts -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Course:
    """The numbers of each course, (branches, courses) each."""

    slip: Array
    catch_up: Array
    turnout: Array
    ceiling: Array
    back: Array

    def take(self, chosen: Positions) -> "_Course":
        def pick(values: Array) -> Array:
            return np.take_along_axis(values, chosen, axis=1)

        return _Course(pick(self.slip), pick(self.catch_up), pick(self.turnout), pick(self.ceiling), pick(self.back))


@dataclass(frozen=True, slots=True)
class _State:
    """Families who were due and are not paid: their session slipped, they did not come, or nobody can be paid for them."""

    slipped: Array
    absent: Array
    dead: Array

    @classmethod
    def after(cls, progress: Progress, course: _Course) -> "_State":
        """What is left of those seen so far, as really counted, divided as the course says."""
        known = slice(0, progress.today + 1)
        due = (progress.planned - progress.silent)[:, known].sum(axis=1)[:, None]
        held = progress.held[:, known].sum(axis=1)[:, None]
        unpaid = np.maximum(0.0, held - progress.paid[:, known].sum(axis=1)[:, None])
        dead = np.minimum(unpaid, held * (1 - course.ceiling))
        return cls(np.maximum(0.0, due - held) + np.zeros_like(dead), unpaid - dead, dead)

    def plus(self, other: "_State") -> "_State":
        return _State(self.slipped + other.slipped, self.absent + other.absent, self.dead + other.dead)

    def step(
        self, random: np.random.Generator, due: Array, course: _Course, village: Array, prior: Prior
    ) -> "tuple[_State, Array]":
        """One more day: (what is left, what was paid)."""
        shape = course.slip.shape
        # Villages slip whole, so the share varies more where there are few.
        slips = _lumpy(random, due, course.slip, village, shape)
        caught = _lumpy(random, self.slipped, course.catch_up, village, shape)
        held = due - slips + caught
        noise = np.exp(prior.day_sd * random.standard_normal(shape))
        came = held * course.ceiling * np.minimum(1.0, course.turnout * noise)
        back = self.absent * np.minimum(1.0, course.back * noise)
        state = _State(
            self.slipped + slips - caught,
            self.absent - back + held * course.ceiling - came,
            self.dead + held * (1 - course.ceiling),
        )
        return state, came + back


# Second moment of a village's size over its mean squared, for the lognormal of sigma 0.5: one large village weighs more than two small ones.
LUMPINESS = 1.28


def _lumpy(random: np.random.Generator, pool: Array, share: Array, village: Array, shape: tuple[int, ...]) -> Array:
    """About ``share`` of ``pool``, in whole villages (normal approximation, kept within the pool)."""
    sd = np.sqrt(pool * village * LUMPINESS * share * (1 - share))
    return np.clip(pool * share + sd * random.standard_normal(shape), 0.0, pool)


def _draw(random: np.random.Generator, prior: Prior, shape: tuple[int, int]) -> _Course:
    def beta(mean: float, weight: float) -> Array:
        return random.beta(mean * weight, (1 - mean) * weight, shape)

    return _Course(
        slip=beta(prior.slip, prior.slip_weight),
        catch_up=beta(prior.catch_up, prior.catch_up_weight),
        turnout=beta(prior.turnout, prior.turnout_weight),
        ceiling=beta(prior.ceiling, prior.ceiling_weight),
        back=beta(prior.back, prior.back_weight),
    )


def _fitting(
    random: np.random.Generator, progress: Progress, village: Array, draws: _Course, prior: Prior, courses: int
) -> Positions:
    """Which draws go on, by how well they tell each day from the evening before: (branches, courses) positions, better ones more often."""
    branches, particles = draws.slip.shape
    fit = np.zeros((branches, particles))
    seen = progress.planned - progress.silent
    slipped, held, paid = np.zeros((branches, 1)), np.zeros((branches, 1)), np.zeros((branches, 1))
    floor = 0.002 * progress.families[:, None] + 1.0
    for day in range(progress.today + 1):
        due, held_now, paid_now = seen[:, day][:, None], progress.held[:, day][:, None], progress.paid[:, day][:, None]
        expected = due * (1 - draws.slip) + slipped * draws.catch_up
        lump = village * LUMPINESS
        variance = (
            lump * (due * draws.slip * (1 - draws.slip) + slipped * draws.catch_up * (1 - draws.catch_up)) + floor**2
        )
        fit -= 0.5 * ((held_now - expected) ** 2 / variance + np.log(variance))
        absent = np.maximum(0.0, held * draws.ceiling - paid)
        came, back = held_now * draws.ceiling * draws.turnout, absent * draws.back
        variance = prior.day_sd**2 * (came**2 + back**2) + floor**2
        fit -= 0.5 * ((paid_now - came - back) ** 2 / variance + np.log(variance))
        slipped = np.maximum(0.0, slipped + due - held_now)
        held, paid = held + held_now, paid + paid_now
    weight = np.exp(fit - fit.max(axis=1, keepdims=True))
    cumulative = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    points = (np.arange(courses) + random.random((branches, 1))) / courses
    chosen = np.empty((branches, courses), dtype=np.intp)
    for branch in range(branches):
        chosen[branch] = np.searchsorted(cumulative[branch], points[branch])
    return np.minimum(chosen, particles - 1)


def _hidden(
    random: np.random.Generator, progress: Progress, village: Array, course: _Course, prior: Prior
) -> tuple[_State, Array]:
    """What probably became of the families whose phones are silent: (left, paid)."""
    nothing = np.zeros_like(course.slip)
    state, paid = _State(nothing, nothing, nothing), nothing
    for day in range(min(progress.today + 1, progress.silent.shape[1])):
        state, now = state.step(random, progress.silent[:, day][:, None], course, village, prior)
        paid = paid + now
    return state, paid


def _arrive(arrival: Array, done: Array, day: int) -> None:
    for number, milestone in enumerate(MILESTONES):
        new = np.isinf(arrival[:, number]) & (done >= milestone)
        arrival[:, number][new] = day


def _quantiles(values: Array) -> Array:
    return np.asarray(np.quantile(values, (0.1, 0.5, 0.9), axis=1).T)


def _probability(values: Array, target: float) -> Array:
    """Share of the courses at or above the target, with half a course added to either side so that nothing is certain."""
    return np.asarray(((values >= target).sum(axis=1) + 0.5) / (values.shape[1] + 1.0))


def _normal_cdf(values: Array) -> Array:
    return np.array([0.5 * (1 + erf(value / 2**0.5)) for value in values])


def cover(low: Sequence[float] | Array, high: Sequence[float] | Array, truth: Sequence[float] | Array) -> float:
    """Share of the truths that lie within their intervals."""
    return float(np.mean((np.asarray(low) <= np.asarray(truth)) & (np.asarray(truth) <= np.asarray(high))))


def brier(probability: Sequence[float] | Array, happened: Sequence[bool] | Array) -> float:
    """Mean squared distance of the probabilities from what happened (Brier 1950): 0 is perfect, always saying one half gives 0.25."""
    return float(np.mean((np.asarray(probability) - np.asarray(happened, dtype=float)) ** 2))

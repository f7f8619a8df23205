"""How many payments to ask about, which, and what the answers say about all of them; pure.

The families that were paid are a finite population, so everything is hypergeometric. The interval is the mid-p one (each tail counts half
of the probability of what was seen): the exact one of Clopper and Pearson covers the truth more often than it says, so it is wider than it
has to be. Sources: Lancaster, Significance tests in discrete distributions (1961); Buonaccorsi, A note on confidence intervals for
proportions in finite populations (1987).
"""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from salur.oversight.rules import PROBLEMS, SILENT, Said

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Estimate(NamedTuple):
    """``low`` and ``high``: how many of the whole population may have the problem, at the stated confidence."""

    asked: int
    problems: int
    population: int
    low: int
    high: int

    @property
    def share_percent(self) -> Decimal | None:
        return None if not self.asked else _percent(self.problems, self.asked, None)

    @property
    def low_percent(self) -> Decimal | None:
        return None if not self.population else _percent(self.low, self.population, ROUND_FLOOR)

    @property
    def high_percent(self) -> Decimal | None:
        return None if not self.population else _percent(self.high, self.population, ROUND_CEILING)


class Result(NamedTuple):
    """What the answers of a sample say. ``worst`` counts everybody who was asked and gave no answer as a problem."""

    size: int
    answered: int
    silent: int
    by_answer: Mapping[str, int]
    likely: Estimate
    worst: Estimate


def result(*, population: int, size: int, by_answer: Mapping[str, int], confidence: Decimal) -> Result:
    problems = sum(count for said, count in by_answer.items() if Said(said) in PROBLEMS)
    silent = sum(count for said, count in by_answer.items() if Said(said) in SILENT)
    answered = sum(by_answer.values()) - silent
    return Result(
        size,
        answered,
        silent,
        by_answer,
        estimate(population=population, asked=answered, problems=problems, confidence=confidence),
        estimate(population=population, asked=answered + silent, problems=problems + silent, confidence=confidence),
    )


def _percent(part: int, whole: int, rounding: str | None) -> Decimal:
    """With two decimals; an interval is rounded outwards."""
    exact = Decimal(part) * 100 / Decimal(whole)
    return exact.quantize(Decimal("0.01"), rounding) if rounding else exact.quantize(Decimal("0.01"))


def size_to_see_one(*, population: int, share: Decimal, confidence: Decimal) -> int:
    """How many to ask so that with ``confidence`` at least one problem is among them when ``share`` of the population has it."""
    assert 0 < share <= 1
    assert 0 < confidence < 1
    if population == 0:
        return 0
    bad = max(1, int((share * population).to_integral_value(ROUND_CEILING)))
    asked = np.arange(1, population - bad + 1)
    # The probability of seeing none: C(population − bad, n) / C(population, n), in logarithms.
    none = (
        gammaln(population - bad + 1) - gammaln(population - bad - asked + 1)
        - gammaln(population + 1) + gammaln(population - asked + 1)
    )  # fmt: skip
    enough = np.flatnonzero(none <= float((1 - confidence).ln()))
    return int(asked[enough[0]]) if len(enough) else population - bad + 1


def estimate(*, population: int, asked: int, problems: int, confidence: Decimal) -> Estimate:
    assert 0 <= problems <= asked <= population
    low, high = interval(np.array([population]), np.array([asked]), np.array([problems]), float(confidence))
    return Estimate(asked, problems, population, int(low[0]), int(high[0]))


def interval(population: Ints, asked: Ints, problems: Ints, confidence: float) -> tuple[Ints, Ints]:
    """The least and the greatest number of problems in each population that the answers leave likely; arrays of one length.

    Found by halving: the mid-p probability of as many problems as were seen or more rises with the number in the population.
    """
    tail = (1 - confidence) / 2 + 1e-12  # what is exactly the tail is out, whichever way its last digit was rounded
    # What was seen must be possible: at least the problems seen, at most all but the sound ones seen.
    least, most = problems.copy(), population - (asked - problems)

    def first(reached: Callable[[Floats, Floats], npt.NDArray[np.bool_]]) -> Ints:
        """The first number for which ``reached`` (of the probability of fewer, and of exactly what was seen) holds; else the most."""
        low, high = least.copy(), most.copy()
        while (low < high).any():
            middle = (low + high) // 2
            yes = reached(*_tails(population, middle, asked, problems))
            high, low = np.where(yes, middle, high), np.where(yes, low, np.minimum(middle + 1, high))
        return low

    lows = first(lambda fewer, exactly: 1 - fewer - exactly / 2 > tail)
    beyond = first(lambda fewer, exactly: fewer + exactly / 2 <= tail)
    fewer, exactly = _tails(population, beyond, asked, problems)
    highs = np.where(fewer + exactly / 2 <= tail, beyond - 1, beyond)
    # Nothing was asked: everything is possible.
    return np.where(asked == 0, 0, lows), np.where(asked == 0, population, np.maximum(highs, lows))


def _tails(population: Ints, bad: Ints, asked: Ints, problems: Ints) -> tuple[Floats, Floats]:
    """The probability of seeing fewer than ``problems``, and of seeing exactly so many, when ``bad`` of ``population`` have it."""
    seen = np.arange(int(problems.max(initial=0)) + 1)[None, :]
    n, k, d, p = asked[:, None], problems[:, None], bad[:, None], population[:, None]
    possible = (seen <= np.minimum(n, d)) & (n - seen <= p - d) & (seen <= k)
    j = np.where(possible, seen, np.maximum(0, n - (p - d)))  # some possible number, whose weight is then struck out
    logs = _choose(d, j) + _choose(p - d, n - j) - _choose(p, n)
    weights = np.where(possible, np.exp(logs), 0.0)
    at = np.where(seen == k, weights, 0.0).sum(axis=1)
    return weights.sum(axis=1) - at, at


def _choose(n: Ints, k: Ints) -> Floats:
    """The logarithm of n over k."""
    chosen: Floats = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    return chosen

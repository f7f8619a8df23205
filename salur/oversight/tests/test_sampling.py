"""Samples: how many, and whether the interval says what it promises."""

from decimal import Decimal
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salur.oversight.sampling import estimate, interval, size_to_see_one


@pytest.mark.parametrize(("share", "size"), [("0.01", 299), ("0.005", 598), ("0.001", 2995)])
def test_in_a_large_branch_the_sizes_are_those_of_the_textbook(share, size):
    assert size_to_see_one(population=10_000_000, share=Decimal(share), confidence=Decimal("0.95")) == pytest.approx(
        size, abs=1
    )


def test_a_small_branch_needs_fewer():
    assert size_to_see_one(population=1_000, share=Decimal("0.01"), confidence=Decimal("0.95")) == 258
    assert size_to_see_one(population=10, share=Decimal("0.01"), confidence=Decimal("0.95")) == 10
    assert size_to_see_one(population=0, share=Decimal("0.01"), confidence=Decimal("0.95")) == 0


@given(st.integers(2, 300), st.integers(1, 100))
def test_the_size_is_the_least_that_sees_one(population, percent):
    share = Decimal(percent) / 100
    size = size_to_see_one(population=population, share=share, confidence=Decimal("0.95"))
    bad = max(1, -(-percent * population // 100))
    none = lambda n: comb(population - bad, n) / comb(population, n)  # noqa: E731
    assert none(size) <= 0.05 + 1e-9
    assert none(size - 1) > 0.05 - 1e-9


def naive(population, asked, problems, confidence):
    """The same interval by trying every number."""
    tail, possible = (1 - Fraction(confidence)) / 2, []
    for bad in range(problems, population - (asked - problems) + 1):
        weights = [
            Fraction(comb(bad, j) * comb(population - bad, asked - j), comb(population, asked))
            for j in range(asked + 1)
        ]
        fewer, exactly, more = sum(weights[:problems]), weights[problems], sum(weights[problems + 1 :])
        if more + exactly / 2 > tail and fewer + exactly / 2 > tail:
            possible.append(bad)
    return possible[0], possible[-1]


@given(st.data())
def test_halving_finds_what_trying_every_number_finds(data):
    population = data.draw(st.integers(1, 60))
    asked = data.draw(st.integers(1, population))
    problems = data.draw(st.integers(0, asked))
    found = estimate(population=population, asked=asked, problems=problems, confidence=Decimal("0.95"))
    assert (found.low, found.high) == naive(population, asked, problems, "0.95")


def test_what_is_exactly_the_tail_is_out():
    """Two of two in sixteen: with four problems its chance is 6 of 120, half of which is the tail of 2.5 %."""
    assert estimate(population=16, asked=2, problems=2, confidence=Decimal("0.95")).low == 5


def test_the_edges():
    everything = estimate(population=50, asked=50, problems=7, confidence=Decimal("0.95"))
    nothing = estimate(population=50, asked=0, problems=0, confidence=Decimal("0.95"))
    assert (everything.low, everything.high, everything.share_percent) == (7, 7, Decimal("14.00"))
    assert (nothing.low, nothing.high, nothing.share_percent) == (0, 50, None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_a_thousand_stages_the_interval_covers_the_truth_as_often_as_it_says(seed):
    """Branches of 2,000 to 150,000 payments, shares of problems from 0.5 to 20 %, samples of 100 to 600."""
    random = np.random.default_rng(seed)
    population = random.integers(2_000, 150_000, 1_000)
    bad = (population * random.uniform(0.005, 0.20, 1_000)).astype(np.int64)
    asked = random.integers(100, 600, 1_000)
    problems = random.hypergeometric(bad, population - bad, asked)
    low, high = interval(population, asked, problems, 0.95)
    covered = ((low <= bad) & (bad <= high)).mean()
    assert 0.93 <= covered <= 0.97, covered

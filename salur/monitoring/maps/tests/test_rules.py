"""How shapes become a drawing, shares become colours, and houses become what may be shown of them."""

import random

import pytest

from salur.monitoring.maps.rules import (
    FAILURES,
    HIDDEN_AMONG,
    SHARES,
    Box,
    Frame,
    Shape,
    clusters,
    draw,
    hexagons,
    step_of,
)

SQUARE = [0, 0, 100_000, 0, 100_000, 100_000, 0, 100_000, 0, 0]
EAST = [100_000, 0, 200_000, 0, 200_000, 100_000, 100_000, 100_000, 100_000, 0]
HERE = Box(11_380_000, -800_000, 11_390_000, -790_000)


def test_neighbours_meet_and_the_word_stands_inside():
    found = draw([Shape(1, [[SQUARE]], 0, 0, 100_000, 100_000), Shape(2, [[EAST]], 100_000, 0, 200_000, 100_000)])
    west, east = found.areas
    assert west.path == "M10 500l490 0 0-490-490 0z"
    assert east.path.startswith("M500 500l"), "the corner they share is one place"
    assert 10 < west.x < 500 < east.x < 990
    assert 10 < west.y < 500
    assert west.room == 490


def test_what_is_too_small_to_be_seen_is_left_out_unless_it_is_nothing_else():
    speck = [150_000, 50_000, 150_001, 50_000, 150_001, 50_001, 150_000, 50_000]
    land, islet = draw(
        [Shape(1, [[SQUARE], [speck]], 0, 0, 150_001, 100_000), Shape(2, [[speck]], 150_000, 50_000, 150_001, 50_001)]
    ).areas
    assert land.path.count("M") == 1
    assert islet.path.count("M") == 1
    assert islet.path.endswith("z")


@pytest.mark.parametrize(
    ("part", "whole", "steps", "step"),
    [
        (0, 0, SHARES, 0),
        (0, 100, SHARES, 0),
        (-1, 100, SHARES, 0),
        (1, 10_000_000, SHARES, 1),
        (19, 100, SHARES, 1),
        (20, 100, SHARES, 2),
        (80, 100, SHARES, 5),
        (95, 100, SHARES, 6),
        (9_999_999, 10_000_000, SHARES, 6),
        (100, 100, SHARES, 7),
        (101, 100, SHARES, 7),
        (0, 100, FAILURES, 0),
        (1, 1_000, FAILURES, 1),
        (1, 100, FAILURES, 1),
        (11, 1_000, FAILURES, 2),
        (11, 100, FAILURES, 5),
    ],
)
def test_a_colour_is_a_step_and_the_last_one_means_complete(part, whole, steps, step):
    assert step_of(part, whole, steps) == step


def places(count: int, spread: float, seed: int = 1) -> list[tuple[float, float]]:
    drawn = random.Random(seed)  # noqa: S311 — houses of a test
    return [(-7.95 + drawn.gauss(0, spread), 113.85 + drawn.gauss(0, spread)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("spread", [0.001, 0.01, 0.03])
def test_no_hexagon_holds_so_few_that_a_house_could_be_told_and_nobody_is_counted_twice(spread, seed):
    given = places(400, spread, seed)
    cells, hidden = hexagons(given, Frame(HERE))
    assert all(cell.houses >= HIDDEN_AMONG for cell in cells)
    assert sum(cell.houses for cell in cells) + hidden == 400
    assert all(1 <= cell.step <= 5 for cell in cells)


def test_a_lonely_house_is_counted_and_shown_nowhere():
    lonely = (-7.5, 113.2)
    cells, hidden = hexagons([*places(50, 0.001), lonely], Frame(HERE))
    assert hidden >= 1
    alone, only = hexagons([lonely], Frame(HERE))
    assert (alone, only) == ([], 1)


def test_houses_that_would_lie_upon_each_other_are_one_circle_and_all_are_counted():
    given = places(500, 0.01)
    circles = clusters(given, Frame(HERE))
    assert sum(circle.houses for circle in circles) == 500
    assert len(circles) < 500
    assert circles[0].houses == max(circle.houses for circle in circles)
    assert clusters([], Frame(HERE)) == []

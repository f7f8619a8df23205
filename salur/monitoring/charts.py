"""Charts drawn on the server: plain numbers for an SVG in a template, so that they work without JavaScript, on paper and in tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salur.monitoring.rules import Day, Planned, Trend

# The drawing's size in its own units; labels stay readable because it is never shown much smaller or larger than this.
WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 12, 26


@dataclass(frozen=True)
class BurnUp:
    """Rising lines, paid, geotagged and planned, as shares of what is allocated. ``paid_area`` closes the first one to the ground.

    ``shares``: (height, percent) of the lines across; ``dates``: (place, day) below. Places are text: templates write numbers with commas.
    """

    width: int
    height: int
    left: int
    right: int
    ground: int
    paid: str
    paid_area: str
    geotagged: str
    shares: Sequence[tuple[str, int]]
    dates: Sequence[tuple[str, date]]
    end: tuple[str, str]
    geotag_end: tuple[str, str]
    planned: str = ""


def burn_up(days: Sequence[Day], allocated: int, planned: Sequence[Planned] = ()) -> BurnUp | None:
    """The chart of a stage's days; ``None`` while there is less than a line to draw. Days without work are level stretches.

    The days of a plan that lie before or after count too, so that it is seen where the work ought to be going.
    """
    known = sorted({day.day for day in days} | {day.day for day in planned})
    if not days or len(known) < 2 or not allocated:
        return None
    first, last = known[0], known[-1]
    span = (last - first).days
    right, ground = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(day: date) -> float:
        return LEFT + (right - LEFT) * (day - first).days / span

    def y(families: int) -> float:
        return ground - (ground - TOP) * min(families / allocated, 1)

    paid = [(x(d.day), y(d.total_paid)) for d in days]
    geotagged = [(x(d.day), y(d.total_geotagged)) for d in days]
    shares = [(_text(ground - (ground - TOP) * share / 100), share) for share in (0, 25, 50, 75, 100)]
    plan = [(x(d.day), y(d.total)) for d in planned]
    return BurnUp(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        ground=ground,
        paid=_points(paid),
        paid_area=_points([(paid[0][0], ground), *paid, (paid[-1][0], ground)]),
        geotagged=_points(geotagged) if days[-1].total_geotagged else "",
        shares=shares,
        dates=[(_text(x(day)), day) for day in _dates(first, last)],
        end=(_text(paid[-1][0]), _text(paid[-1][1])),
        geotag_end=(_text(geotagged[-1][0]), _text(geotagged[-1][1])),
        planned=_points(plan) if len(plan) > 1 else "",
    )


def _text(place: float) -> str:
    return f"{round(place, 1):g}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_text(across)},{_text(down)}" for across, down in points)


def _dates(first: date, last: date) -> list[date]:
    """First, middle and last day; the middle one only where there is room."""
    span = (last - first).days
    middle = [date.fromordinal(first.toordinal() + span // 2)] if span >= 4 else []
    return [first, *middle, last]


SPARK_WIDTH, SPARK_HEIGHT = 84, 18


def spark(trend: Trend | None, days: int) -> str:
    """What each of ``days`` days brought, as the points of one small line; empty where there is nothing to draw.

    Each line has its own height: it shows when a place worked, not how much.
    """
    if trend is None or days < 2 or max(trend.paid, default=0) <= 0:
        return ""
    points = min(days, SPARK_WIDTH)  # of a stage that went on for years several days are one point
    daily = [0] * points
    for day, paid in zip(trend.days, trend.paid, strict=True):
        if 0 <= day < days:
            daily[day * points // days] += max(paid, 0)
    most = max(daily) or 1
    across = SPARK_WIDTH / (points - 1)
    return " ".join(
        f"{place * across:.0f},{SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * paid / most:.0f}"
        for place, paid in enumerate(daily)
    )

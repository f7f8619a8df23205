"""Fourteen days of one branch: who is visited when, by whom, and what comes of it. Pure; the demo drives the real verbs with it.

Ten days to pay and four to sweep. Kecamatan are visited one after another, the easy ones first. Most families are paid at a community
venue on their village's day; some are not there, which is a failed visit, and are paid in the sweep at the counter or at the door. Of
those the article counts as not paid, two thirds are failed visits with a reason and the rest has not been visited.

At the door the house is geotagged with the payment; else another person comes on a later day. The totals are the branch's, exactly;
everything else is drawn, with the assumed shares below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl

from salur.lib.clock import zone_of_province
from salur.payments.rules import Channel, Reason
from salur.simulate.article import AS_OF, Branch, article_places
from salur.simulate.families import people
from salur.simulate.numbers import Floats, Ints, lognormal

# Families of the list by the day their village is called; the last four days are the sweep's.
DAY_WEIGHTS = (0.06, 0.09, 0.11, 0.11, 0.12, 0.12, 0.11, 0.11, 0.09, 0.08)
SWEEP_WEIGHTS = (0.4, 0.3, 0.2, 0.1)

NOT_THERE = 0.08  # of the families paid in the end, those their village's day missed
NOT_THERE_REASONS = {Reason.NOT_HOME: 0.7, Reason.ILL: 0.15, Reason.NOT_COLLECTED: 0.15}
CHANNELS_ON_THE_DAY = {Channel.COMMUNITY: 0.83, Channel.OFFICE: 0.12, Channel.DOOR: 0.05}
CHANNELS_OF_THE_SWEEP = {Channel.OFFICE: 0.4, Channel.DOOR: 0.6}

NOT_VISITED = 1 / 3  # of the families not paid
UNPAID_REASONS = {
    Reason.NOT_HOME: 0.32,
    Reason.AWAY: 0.18,
    Reason.NOT_COLLECTED: 0.14,
    Reason.DEAD: 0.12,
    Reason.MOVED: 0.08,
    Reason.ILL: 0.04,
    Reason.UNKNOWN: 0.04,
    Reason.NOT_ENTITLED: 0.03,
    Reason.DATA_DIFFERS: 0.02,
    Reason.DUPLICATE: 0.02,
    Reason.REFUSED: 0.01,
}

PAYING_HOURS = (8, 16)
GEOTAG_HOURS = (8, 17)
HOUSES_DEGREES = 0.0035  # how far houses lie from the middle of their village, about 390 m


@dataclass(frozen=True)
class Officer:
    """Someone who pays (``JB-BDW-001``, juru bayar) or geotags for the village (``OD-BDW-001``, operator desa)."""

    code: str
    name: str


@dataclass(frozen=True)
class Campaign:
    """One branch's days. Each table is sorted by time; ``entitlement`` is the position in the list the campaign was made for.

    ``payments``: entitlement, officer (position in ``officers``), channel (``Channel`` as a number), paid_at.
    ``failures``: entitlement, officer, reason (a ``Reason``'s word), visited_at; a family has at most one, before its payment if it is paid.
    ``geotags``: entitlement, officer, lat, lon (degrees), accuracy_m, taken_at; at most one for a family, never before its payment.
    """

    officers: tuple[Officer, ...]
    payments: pl.DataFrame
    failures: pl.DataFrame
    geotags: pl.DataFrame


def campaign(
    *, branch: Branch, villages: npt.ArrayLike, seed: int, until: date = AS_OF, places: pl.DataFrame | None = None
) -> Campaign:
    """Play the branch's campaign over its list: ``villages`` holds the village code of each entitlement, ``branch.allocated`` of them.

    Houses are geotagged ``until`` that day. ``places`` is the middle of each village (``article_places``'s when left out).
    """
    village: Ints = np.asarray(villages, dtype=np.int64)
    assert len(village) == branch.allocated, f"{branch.code} has {branch.allocated} families, the list {len(village)}"
    rng = np.random.default_rng([seed, crc32(branch.code.encode())])

    hardness = _hardness(rng, village)
    route = _route(rng, village, hardness)
    visits = _visits(rng, _called(route), unpaid=_pick(rng, hardness, len(village) - branch.paid))
    # Paying and failing are the same officers' mornings.
    visits = _rounds(rng, visits, route, branch.days, PAYING_HOURS, branch, team=0)
    payments = visits.filter(pl.col("reason").is_null()).select(
        "entitlement", "officer", "channel", paid_at="at", day="day"
    )
    failures = visits.filter(pl.col("reason").is_not_null()).select("entitlement", "officer", "reason", visited_at="at")
    return Campaign(
        officers=_officers(branch, seed),
        payments=payments.drop("day"),
        failures=failures,
        geotags=_geotags(rng, branch, village, route, payments, until, article_places() if places is None else places),
    )


def _hardness(rng: np.random.Generator, village: Ints) -> Floats:
    """How hard each family's place is: its kecamatan's and its village's own luck, positive, about 1."""
    weights = np.ones(len(village))
    for places, sigma in ((village // 10_000, 0.4), (village, 0.3)):
        codes, place = np.unique(places, return_inverse=True)
        weights *= lognormal(rng, len(codes), sigma=sigma)[place]
    return weights


def _route(rng: np.random.Generator, village: Ints, hardness: Floats) -> Ints:
    """Each family's place on the branch's way: kecamatan from easy to hard, village after village, house after house."""
    _, kecamatan = np.unique(village // 10_000, return_inverse=True)
    mean = np.bincount(kecamatan, weights=hardness) / np.bincount(kecamatan)
    route = np.empty(len(village), dtype=np.int64)
    route[np.lexsort((rng.random(len(village)), village, mean[kecamatan]))] = np.arange(len(village))
    return route


def _called(route: Ints) -> Ints:
    """The day (from 0) to which each family is called: when the way reaches it; a large village may take two."""
    ends = np.cumsum(DAY_WEIGHTS) / sum(DAY_WEIGHTS) * len(route)
    days: Ints = np.searchsorted(ends[:-1], route, side="right")
    return days


def _visits(rng: np.random.Generator, called: Ints, *, unpaid: Ints) -> pl.DataFrame:
    """Every visit: ``entitlement``, ``day`` (from 0), ``channel`` and ``reason``, one of which is null."""
    paid = np.setdiff1d(np.arange(len(called)), unpaid, assume_unique=True)
    there = rng.random(len(paid)) >= NOT_THERE
    on_the_day, in_the_sweep, visited = paid[there], paid[~there], unpaid[rng.random(len(unpaid)) >= NOT_VISITED]
    sweep_day = len(DAY_WEIGHTS) + _draw(rng, SWEEP_WEIGHTS, len(in_the_sweep))
    schema = {"entitlement": pl.Int64, "day": pl.Int64, "channel": pl.UInt8, "reason": pl.String}
    rows = [
        (on_the_day, called[on_the_day], _words(rng, CHANNELS_ON_THE_DAY, len(on_the_day)), None),
        (in_the_sweep, called[in_the_sweep], None, _words(rng, NOT_THERE_REASONS, len(in_the_sweep))),
        (in_the_sweep, sweep_day, _words(rng, CHANNELS_OF_THE_SWEEP, len(in_the_sweep)), None),
        (visited, called[visited], None, _words(rng, UNPAID_REASONS, len(visited))),
    ]
    return pl.concat(
        pl.DataFrame(
            {
                "entitlement": family,
                "day": day,
                "channel": [None] * len(family) if channel is None else channel,
                "reason": [None] * len(family) if reason is None else reason,
            },
            schema=schema,
        )
        for family, day, channel, reason in rows
    )


def _rounds(
    rng: np.random.Generator,
    visits: pl.DataFrame,
    route: Ints,
    days: tuple[date, ...],
    hours: tuple[int, int],
    branch: Branch,
    *,
    team: int,
) -> pl.DataFrame:
    """Give every visit its ``officer`` and moment ``at`` and sort by it.

    A day's visits are cut into equal stretches of the way, one for each officer of the team, who takes them in turn through the
    ``hours``, evenly but for some jitter. Stretches move on among the officers from day to day. ``team`` 0 pays, 1 geotags.
    """
    day, family = visits["day"].to_numpy(), visits["entitlement"].to_numpy()
    order = np.lexsort((route[family], day))
    day = day[order]
    in_day = np.bincount(day, minlength=len(days))[day]
    place = np.arange(len(day)) - np.searchsorted(day, day)
    stretch = place * branch.officers // in_day
    # The first place of a stretch is the least p with p * officers >= stretch * in_day.
    begins = -(-stretch * in_day // branch.officers)
    length = -(-(stretch + 1) * in_day // branch.officers) - begins
    second = ((place - begins + 0.9 * rng.random(len(day))) / length * (hours[1] - hours[0]) * 3600).astype(np.int64)
    midnights = np.array([_midnight(each, branch) for each in days], dtype=np.int64)
    at = midnights[day] + hours[0] * 3600 + second
    return (
        visits[order]
        .with_columns(
            officer=pl.Series(team * branch.officers + (stretch + 7 * day) % branch.officers, dtype=pl.Int64),
            at=pl.Series(at * 1_000_000).cast(pl.Datetime("us", "UTC")),
        )
        .sort("at", "officer")
    )


def _midnight(day: date, branch: Branch) -> int:
    """Seconds since 1970 at the beginning of a day where the branch is."""
    zone = ZoneInfo(zone_of_province(branch.kabupaten[0] // 100))
    return int(datetime.combine(day, time(), zone).timestamp())


def _geotags(
    rng: np.random.Generator,
    branch: Branch,
    village: Ints,
    route: Ints,
    payments: pl.DataFrame,
    until: date,
    places: pl.DataFrame,
) -> pl.DataFrame:
    """At the door with the payment; else by the village's people on a later day up to the day the figures are of."""
    days = tuple(branch.first_day + timedelta(days=day) for day in range((until - branch.first_day).days + 1))
    at_door = payments.filter(pl.col("channel") == Channel.DOOR)[: branch.geotagged]
    # Who was paid on the last day cannot be visited on a later one; who was paid early is likelier to have been.
    waiting = payments.filter(pl.col("channel") != Channel.DOOR, pl.col("day") < len(days) - 1)
    paid_day = waiting["day"].to_numpy()
    chosen = _pick(rng, np.exp(-0.1 * paid_day), branch.geotagged - len(at_door))
    later = np.minimum(paid_day[chosen] + rng.geometric(0.4, len(chosen)), len(days) - 1)
    follow_up = _rounds(
        rng, waiting[chosen].select("entitlement", day=pl.Series(later)), route, days, GEOTAG_HOURS, branch, team=1
    )
    visits = pl.concat(
        [
            at_door.select("entitlement", "officer", taken_at="paid_at"),
            follow_up.select("entitlement", "officer", taken_at="at"),
        ]
    )

    place = places["code"].search_sorted(village[visits["entitlement"].to_numpy()]).to_numpy()
    assert (places["code"].to_numpy()[place] == village[visits["entitlement"].to_numpy()]).all(), (
        "a village without a place"
    )
    apart = (rng.standard_normal((2, len(visits))) * HOUSES_DEGREES).clip(-3 * HOUSES_DEGREES, 3 * HOUSES_DEGREES)
    return visits.select(
        "entitlement",
        "officer",
        lat=pl.Series(places["lat"].to_numpy()[place] + apart[0]).round(6),
        lon=pl.Series(places["lng"].to_numpy()[place] + apart[1]).round(6),
        accuracy_m=pl.Series(rng.uniform(3, 25, len(visits))).round(1),
        taken_at="taken_at",
    ).sort("taken_at", "officer")


def _officers(branch: Branch, seed: int) -> tuple[Officer, ...]:
    short = branch.code.removeprefix("KC-")
    names = people(2 * branch.officers, seed=crc32(f"{branch.code} {seed}".encode()))
    codes = [f"{team}-{short}-{number:03d}" for team in ("JB", "OD") for number in range(1, branch.officers + 1)]
    return tuple(Officer(code, name) for code, name in zip(codes, names, strict=True))


def _pick(rng: np.random.Generator, weights: Floats, count: int) -> Ints:
    """``count`` positions drawn without replacement with ``weights``, ascending.

    Method: Efraimidis and Spirakis, Weighted random sampling with a reservoir (2006): the smallest exponential(1) / weight.
    """
    assert count <= len(weights), f"{count} of {len(weights)}"
    return np.sort(np.argsort(rng.standard_exponential(len(weights)) / weights, kind="stable")[:count])


def _draw(rng: np.random.Generator, shares: Sequence[float], size: int) -> Ints:
    """``size`` positions in ``shares``, each in proportion to its share."""
    positions: Ints = np.searchsorted(np.cumsum(shares)[:-1], rng.random(size) * sum(shares), side="right")
    return positions


def _words(rng: np.random.Generator, shares: Mapping[Channel, float] | Mapping[Reason, float], size: int) -> pl.Series:
    """``size`` of the words (or numbers) in ``shares``, each in proportion to its share."""
    return pl.Series([word.value for word in shares]).gather(_draw(rng, tuple(shares.values()), size))

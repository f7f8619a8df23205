"""What is odd about an officer's work, beside the work of the others at the branch; pure.

Every signal is a count: of so many payments (photos, steps from one place to the next, …) so many are odd. The branch's officers tell how
often that happens to honest people: their rate without the tenth that shows it most, and how much it varies among them. ``surprise`` is how
unlikely the officer's count is for one of them: −log₁₀ of the probability of as many or more, with the officer's own rate drawn from a gamma
distribution about the branch's (a negative binomial; it is wider than the beta-binomial, so it errs on the officer's side). A signal is
given only where the count and the surprise are high enough, and the **score** by which officers are ranked is the weighted sum of surprises,
each cut at ``MOST_SURPRISE`` so that no single oddity can stand for all.

Signals act on a list of officers to be looked after; nothing reads them where a family is paid.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import betainc

from salur.lib.photo import MIN_DETAIL, SAME_LOOK
from salur.oversight.rules import Kind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Nature(NamedTuple):
    """``least``: counts below it are no signal; ``surprise``: nor is what is more likely than 10^−this; ``weight`` is its part in the score.

    ``excused``: the highest rate among peers that counts as usual; where everybody takes a cut it is odd all the same.
    """

    least: int
    surprise: float
    weight: float
    excused: float = 1.0


NATURE: Mapping[Kind, Nature] = {
    Kind.IDENTICAL_PLACE: Nature(3, 4, 2.0),
    Kind.CROWDED_PLACE: Nature(6, 4, 1.0),
    Kind.SAME_PHOTO: Nature(2, 3, 2.0, 0.02),
    Kind.SPEED: Nature(3, 4, 1.5),
    Kind.PACE: Nature(5, 4, 1.0),
    Kind.HOURS: Nature(3, 4, 1.0),
    Kind.FAR: Nature(3, 4, 1.0),
    Kind.PROXY: Nature(3, 4, 1.5),
    Kind.NO_PLACE: Nature(5, 4, 0.5),
    Kind.FAILURES: Nature(5, 4, 0.5),
    Kind.CASH: Nature(1, 3, 2.0, 0.05),
    Kind.VOICE: Nature(1, 2, 3.0, 0.02),
}
MOST_SURPRISE = 12.0

SAME_PLACE_FAMILIES = 3
CROWD = 6
CELL_E7 = 1_000  # 10⁻⁴ degrees, about eleven metres
FASTEST_M_S = 80 / 3.6
SPEED_FROM_M = 1_000.0  # nearer than that a bad fix explains it
PACE_S = 10
WORKING_HOURS = (6 * 3600, 20 * 3600)
FAR_FROM_M = 3_000.0
FAR_DEVIATIONS = 6.0
PROXY_FAMILIES = 3
SHOWY = 0.1  # the share of officers that does not count for the branch's rate


@dataclass(frozen=True)
class Facts:
    """Everything known of one branch in one stage.

    ``payments``: officer, family, village, second (since 1970), local (second of the local day), lat_e7, lon_e7 (null where the phone told
    none), heard (whether a phone's event is known), proxy (text, null for the family itself).
    ``geotags``: officer, family, village, second, lat_e7, lon_e7, photo (bytes, null). ``looks``: photo, bits (bytes), detail.
    ``villages``: village, lat, lng. ``failures``, ``cash``, ``voices``: officer, count, of.
    """

    payments: pl.DataFrame
    geotags: pl.DataFrame
    villages: pl.DataFrame
    looks: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"photo": pl.Binary, "bits": pl.Binary, "detail": pl.Int64})
    )
    failures: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTED))
    cash: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTED))
    voices: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTED))


COUNTED: dict[str, type[pl.DataType]] = {"officer": pl.Int64, "count": pl.Int64, "of": pl.Int64}
PAYMENTS: dict[str, type[pl.DataType]] = {
    "officer": pl.Int64, "family": pl.String, "village": pl.Int64, "second": pl.Int64, "local": pl.Int64, "lat_e7": pl.Int64,
    "lon_e7": pl.Int64, "heard": pl.Boolean, "proxy": pl.String,
}  # fmt: skip
GEOTAGS: dict[str, type[pl.DataType]] = {
    "officer": pl.Int64, "family": pl.String, "village": pl.Int64, "second": pl.Int64, "lat_e7": pl.Int64, "lon_e7": pl.Int64,
    "photo": pl.Binary,
}  # fmt: skip
VILLAGES: dict[str, type[pl.DataType]] = {"village": pl.Int64, "lat": pl.Float64, "lng": pl.Float64}


@dataclass(frozen=True)
class Signal:
    """``count`` of ``of``; among the others at the branch it is ``peers_percent`` of them."""

    officer: int
    kind: Kind
    count: int
    of: int
    peers_percent: float
    surprise: float

    @property
    def score(self) -> float:
        return NATURE[self.kind].weight * min(self.surprise, MOST_SURPRISE)


def signals(facts: Facts) -> list[Signal]:
    """The signals of a branch, the weightiest first."""
    found = [
        signal for kind, counted in COUNTERS.items() for signal in _unlike_peers(kind, counted(facts).sort("officer"))
    ]
    return sorted(found, key=lambda signal: (-signal.score, signal.officer, signal.kind))


def scores(found: Sequence[Signal]) -> dict[int, float]:
    """Each officer's score, the highest first."""
    total: dict[int, float] = {}
    for signal in found:
        total[signal.officer] = total.get(signal.officer, 0.0) + signal.score
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _unlike_peers(kind: Kind, counted: pl.DataFrame) -> list[Signal]:
    counted = counted.filter(pl.col("of") > 0)
    if counted.is_empty():
        return []
    count, of = counted["count"].to_numpy().astype(float), counted["of"].to_numpy().astype(float)
    nature = NATURE[kind]
    rate, shape = peers(count, of)
    surprise = surprises(count, of, min(rate, nature.excused), shape)
    chosen = np.flatnonzero((count >= nature.least) & (surprise >= nature.surprise))
    officer = counted["officer"].to_numpy()
    return [
        Signal(int(officer[at]), kind, int(count[at]), int(of[at]), round(100 * rate, 3), round(float(surprise[at]), 2))
        for at in chosen
    ]


def peers(count: Floats, of: Floats) -> tuple[float, float]:
    """The rate among the officers without the tenth that shows it most, and the shape of its gamma distribution (large: all alike).

    The shape is fitted by moments: what the counts vary more than chance alone would let them.
    """
    shares = count / of
    quiet = np.argsort(shares, kind="stable")[: max(1, len(shares) - max(1, round(SHOWY * len(shares))))]
    x, n = count[quiet], of[quiet]
    # Half a count more than was seen: of what never happened nobody knows that it never does. Where it is so rare that the tenth holds
    # all of it, half of what everybody together shows.
    rate = float(max((x.sum() + 0.5) / (n.sum() + 1), count.sum() / of.sum() / 2))
    expected = rate * n
    excess = float(((x - expected) ** 2 - expected).sum() / (expected**2).sum())
    shape = 1 / excess if excess > 0 else 1e6
    return rate, float(np.clip(shape, 1.0, 1e6))


def surprises(count: Floats, of: Floats, rate: float, shape: float) -> Floats:
    """−log₁₀ of the probability of ``count`` or more of ``of``."""
    mean = rate * of
    likely = np.where(count > 0, betainc(np.maximum(count, 1), shape, mean / (mean + shape)), 1.0)
    found: Floats = -np.log10(np.maximum(likely, 1e-300))
    return found


# -- what is counted -------------------------------------------------------------------------------------------------------------


def _of_each(table: pl.DataFrame, odd: pl.Expr) -> pl.DataFrame:
    """Per officer: how many rows are ``odd``, of how many."""
    return table.group_by("officer").agg(count=odd.fill_null(False).sum().cast(pl.Int64), of=pl.len().cast(pl.Int64))


def identical_places(facts: Facts) -> pl.DataFrame:
    at = ["officer", "lat_e7", "lon_e7"]
    return _of_each(facts.geotags, pl.col("family").n_unique().over(at) >= SAME_PLACE_FAMILIES)


def crowded_places(facts: Facts) -> pl.DataFrame:
    cell = ["officer", pl.col("lat_e7") // CELL_E7, pl.col("lon_e7") // CELL_E7]
    return _of_each(facts.geotags, pl.col("family").n_unique().over(cell) >= CROWD)


def same_photos(facts: Facts) -> pl.DataFrame:
    with_photo = facts.geotags.filter(pl.col("photo").is_not_null())
    if with_photo.is_empty():
        return pl.DataFrame(schema=COUNTED)
    exact = pl.col("family").n_unique().over("photo") > 1
    seen = with_photo.join(facts.looks, on="photo", how="left").with_columns(exact=exact)
    alike = np.zeros(len(seen), dtype=bool)
    officers, families = seen["officer"].to_numpy(), seen["family"].to_numpy()
    comparable = np.flatnonzero((seen["detail"].fill_null(0) >= MIN_DETAIL).to_numpy())
    if len(comparable):
        bits = np.frombuffer(b"".join(seen["bits"].gather(comparable).to_list()), dtype=np.uint64).reshape(-1, 4)
        for officer in np.unique(officers[comparable]):
            own = np.flatnonzero(officers[comparable] == officer)
            alike[comparable[own]] = looks_alike(bits[own], families[comparable[own]])
    return _of_each(seen.with_columns(alike=pl.Series(alike)), pl.col("exact") | pl.col("alike"))


def looks_alike(bits: "npt.NDArray[np.uint64]", families: "npt.NDArray[np.object_]") -> npt.NDArray[np.bool_]:
    """For each photo whether another family's is likely the same picture; ``bits`` has four words of 64 for each."""
    found = np.zeros(len(bits), dtype=bool)
    for start in range(0, len(bits), 256):
        part = slice(start, start + 256)
        apart = np.bitwise_count(bits[part, None, :] ^ bits[None, :, :]).sum(axis=2)
        found[part] = ((apart <= SAME_LOOK) & (families[part, None] != families[None, :])).any(axis=1)
    return found


def speeds(facts: Facts) -> pl.DataFrame:
    columns = ["officer", "second", "lat_e7", "lon_e7"]
    placed = pl.concat([facts.payments.select(columns), facts.geotags.select(columns)]).drop_nulls().unique()
    steps = placed.sort("officer", "second", "lat_e7", "lon_e7").with_columns(
        seconds=pl.col("second").diff().over("officer"),
        metres=_metres(
            pl.col("lat_e7").shift().over("officer") / 1e7, pl.col("lon_e7").shift().over("officer") / 1e7,
            pl.col("lat_e7") / 1e7, pl.col("lon_e7") / 1e7,
        ),
    ).drop_nulls()  # fmt: skip
    return _of_each(
        steps, (pl.col("metres") > SPEED_FROM_M) & (pl.col("metres") > FASTEST_M_S * pl.col("seconds").clip(1))
    )


def paces(facts: Facts) -> pl.DataFrame:
    steps = facts.payments.sort("officer", "second").with_columns(seconds=pl.col("second").diff().over("officer"))
    return _of_each(steps.drop_nulls("seconds"), pl.col("seconds") < PACE_S)


def hours(facts: Facts) -> pl.DataFrame:
    return _of_each(facts.payments, ~pl.col("local").is_between(*WORKING_HOURS))


def far(facts: Facts) -> pl.DataFrame:
    columns = ["officer", "village", "lat_e7", "lon_e7"]
    placed = (
        pl.concat([facts.payments.select(columns), facts.geotags.select(columns)])
        .drop_nulls()
        .join(facts.villages.drop_nulls(), on="village")
        .with_columns(metres=_metres(pl.col("lat"), pl.col("lng"), pl.col("lat_e7") / 1e7, pl.col("lon_e7") / 1e7))
    )
    usual = pl.col("metres").median().over("village")
    spread = (pl.col("metres") - usual).abs().median().over("village") * 1.4826
    limit = pl.max_horizontal(pl.lit(FAR_FROM_M), usual + FAR_DEVIATIONS * spread)
    return _of_each(placed, pl.col("metres") > limit)


def proxies(facts: Facts) -> pl.DataFrame:
    """Payments to somebody who collected for ``PROXY_FAMILIES`` or more of the branch's families."""
    collected = pl.col("family").n_unique().over("proxy") >= PROXY_FAMILIES
    return _of_each(facts.payments, pl.col("proxy").is_not_null() & collected)


def no_places(facts: Facts) -> pl.DataFrame:
    return _of_each(facts.payments.filter(pl.col("heard")), pl.col("lat_e7").is_null())


def _metres(lat: pl.Expr, lng: pl.Expr, other_lat: pl.Expr, other_lng: pl.Expr) -> pl.Expr:
    """The way between two places in degrees, on a plane touching the earth: within a branch it errs by less than a thousandth."""
    across = (other_lng - lng).radians() * ((lat + other_lat) / 2).radians().cos()
    return ((other_lat - lat).radians() ** 2 + across**2).sqrt() * 6_371_000


COUNTERS: Mapping[Kind, Callable[[Facts], pl.DataFrame]] = {
    Kind.IDENTICAL_PLACE: identical_places,
    Kind.CROWDED_PLACE: crowded_places,
    Kind.SAME_PHOTO: same_photos,
    Kind.SPEED: speeds,
    Kind.PACE: paces,
    Kind.HOURS: hours,
    Kind.FAR: far,
    Kind.PROXY: proxies,
    Kind.NO_PLACE: no_places,
    Kind.FAILURES: lambda facts: facts.failures,
    Kind.CASH: lambda facts: facts.cash,
    Kind.VOICE: lambda facts: facts.voices,
}

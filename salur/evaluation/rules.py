"""Ranks, speed, and whether what was printed agrees with what was counted; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from salur.lib.percent import percent
from salur.monitoring.rules import Day

# Days until these shares of the families were paid.
SPEEDS = (50, 90, 95)
# How many branches are named for geotagging; who shares a share is named together.
NAMED = 2


class Side(StrEnum):
    HELPED = "helped"
    HINDERED = "hindered"


class Tag(StrEnum):
    """What a note is about, so that the notes of forty branches can be read side by side."""

    RECRUITMENT = "recruitment"
    COORDINATION = "coordination"
    COMMUNICATION = "communication"
    FIELD_CONTROL = "field_control"
    ONLINE_FIRST = "online_first"
    GEOTAGGING = "geotagging"
    CASH = "cash"
    SIGNAL = "signal"
    TERRAIN = "terrain"
    LIST_QUALITY = "list_quality"
    OTHER = "other"


class Measure(StrEnum):
    """What a published number counts."""

    ALLOCATED = "allocated"
    PAID = "paid"
    GEOTAGGED = "geotagged"
    AMOUNT_PAID_RP = "amount_paid_rp"
    PAID_PERCENT = "paid_percent"


COUNTS = frozenset({Measure.ALLOCATED, Measure.PAID, Measure.GEOTAGGED, Measure.AMOUNT_PAID_RP})


class Terrain(StrEnum):
    """Where a family lives, as far as the register of areas tells: a kelurahan, a desa, or a place without signal."""

    TOWN = "town"
    VILLAGE = "village"
    NO_SIGNAL = "no_signal"


@dataclass(frozen=True)
class Productivity:
    """``families`` were paid on this channel or terrain. ``officer_days`` belong to where most of the officer's payments of the day were;
    ``day_families`` were paid on those days."""

    key: str
    families: int
    officer_days: int
    day_families: int

    @property
    def per_day(self) -> Decimal | None:
        """Families paid in one officer's day, to one decimal."""
        if not self.officer_days:
            return None
        return (Decimal(self.day_families) / self.officer_days).quantize(Decimal("0.1"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Cash:
    """Counts of vaults and floats during the stage. ``short_rp`` and ``over_rp`` are sums of what differed from the books."""

    counts: int = 0
    differing: int = 0
    short_rp: int = 0
    over_rp: int = 0


@dataclass(frozen=True)
class Cases:
    open: int = 0
    decided: int = 0


@dataclass(frozen=True)
class Complaints:
    """``late``: answered after their time, or not answered though it is over."""

    received: int = 0
    answered: int = 0
    late: int = 0


@dataclass(frozen=True)
class Note:
    id: UUID
    branch: str
    side: Side
    tag: Tag
    text: str
    written_by: str
    written_at: datetime


@dataclass(frozen=True)
class BranchReport:
    """How one branch did. Counts are families as of the report's moment; ``hires`` are the officers from outside who worked;
    None where nobody did yet.

    ``unpaid`` counts families by the reason of the last visit, ``not_visited`` among them.
    """

    office: int
    code: str
    name: str
    rank: int
    allocated: int
    paid: int
    geotagged: int
    amount_paid_rp: int
    days: Sequence[Day]
    hires: int | None
    by_channel: Sequence[Productivity]
    by_terrain: Sequence[Productivity]
    unpaid: Mapping[str, int]
    cash: Cash
    cases: Cases
    complaints: Complaints
    notes: Sequence[Note]

    @property
    def paid_share(self) -> Fraction:
        return share(self.paid, self.allocated)

    @property
    def geotag_share(self) -> Fraction:
        return share(self.geotagged, self.allocated)

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)

    @property
    def geotag_percent(self) -> Decimal | None:
        return percent(self.geotagged, self.allocated)

    def days_to(self, share_percent: int) -> int | None:
        """On which day of paying this share of the families had been paid; the first day is 1."""
        return days_to(self.days, self.allocated, share_percent, lambda day: day.total_paid)

    def geotag_days_to(self, share_percent: int) -> int | None:
        return days_to(self.days, self.allocated, share_percent, lambda day: day.total_geotagged)

    @property
    def days_to_50(self) -> int | None:
        return self.days_to(50)

    @property
    def days_to_90(self) -> int | None:
        return self.days_to(90)

    @property
    def days_to_95(self) -> int | None:
        return self.days_to(95)


class Agreement(StrEnum):
    """What a printed number is, beside the counted one."""

    AGREES = "agrees"  # rounded half-up it is what was printed
    CUT_OFF = "cut_off"  # only cut off after its decimals it is what was printed
    NOT_COMPLETE = "not_complete"  # printed as 100 %, but not every family was paid
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # nothing is counted that it could be compared with


@dataclass(frozen=True)
class Published:
    """A number as it was printed, and what was counted for the same office and day.

    ``counted`` is the exact count, ``whole`` what a percentage is of. ``difference`` is printed − counted: families or rupiah of a count,
    percentage points (of the half-up figure with as many decimals as were printed) of a percentage.
    """

    office: str
    name: str
    measure: Measure
    printed: str
    source: str
    date: date
    counted: int
    whole: int

    @property
    def value(self) -> Decimal:
        return printed_value(self.printed, self.measure)

    @property
    def decimals(self) -> int:
        exponent = self.value.as_tuple().exponent
        assert isinstance(exponent, int)
        return -exponent

    def _shown(self, rounding: str) -> Decimal | None:
        if self.measure is not Measure.PAID_PERCENT:
            return Decimal(self.counted)
        if not self.whole:
            return None
        return (Decimal(self.counted) * 100 / Decimal(self.whole)).quantize(Decimal(1).scaleb(-self.decimals), rounding)

    @property
    def rounded(self) -> Decimal | None:
        """The counted number with as many decimals as were printed, rounded half-up; 100 where it rounds to 100."""
        return self._shown(ROUND_HALF_UP)

    @property
    def cut(self) -> Decimal | None:
        return self._shown(ROUND_DOWN)

    @property
    def agreement(self) -> Agreement:
        if self.rounded is None:
            return Agreement.UNKNOWN
        if self.measure is Measure.PAID_PERCENT and self.value == 100 and self.counted != self.whole:
            return Agreement.NOT_COMPLETE
        if self.value == self.rounded:
            return Agreement.AGREES
        return Agreement.CUT_OFF if self.value == self.cut else Agreement.DIFFERS

    @property
    def only_rounded(self) -> bool:
        """Rounded and cut off differ, and it was rounded: so whoever printed it rounds."""
        return self.agreement is Agreement.AGREES and self.rounded != self.cut

    @property
    def difference(self) -> Decimal | None:
        return None if self.rounded is None else self.value - self.rounded


def printed_value(printed: str, measure: Measure) -> Decimal:
    """The number that was printed; in a count every sign between digits groups thousands."""
    if measure is Measure.PAID_PERCENT:
        return Decimal(printed.replace(",", "."))
    return Decimal(printed.replace(".", "").replace(",", ""))


@dataclass(frozen=True)
class Mixed:
    """One source rounds some of its percentages and cuts others off."""

    source: str
    date: date
    rounded: Sequence[str]
    cut_off: Sequence[str]


def mixed_sources(published: Iterable[Published]) -> list[Mixed]:
    """The sources that print their percentages by two rules; offices by name, in the order they came."""
    by_source: dict[tuple[str, date], tuple[list[str], list[str]]] = {}
    for each in published:
        rounded, cut = by_source.setdefault((each.source, each.date), ([], []))
        if each.only_rounded:
            rounded.append(each.name)
        elif each.agreement is Agreement.CUT_OFF:
            cut.append(each.name)
    return [
        Mixed(source, day, rounded, cut)
        for (source, day), (rounded, cut) in sorted(by_source.items())
        if rounded and cut
    ]


@dataclass(frozen=True)
class Sum:
    """A published count of an office beside the sum of those published for the offices below it.

    ``missing`` are the branches below for which nothing was published; then the sum is only the least that it can be.
    """

    office: str
    name: str
    measure: Measure
    date: date
    printed: int
    source: str
    parts: Sequence[tuple[str, int]]
    missing: Sequence[str]

    @property
    def sum(self) -> int:
        return sum(count for _, count in self.parts)

    @property
    def difference(self) -> int:
        """Printed − sum."""
        return self.printed - self.sum

    @property
    def agrees(self) -> bool:
        """With everything below published the two are equal; with some missing the sum is at most the whole."""
        return self.difference >= 0 if self.missing else self.difference == 0


def sums(published: Sequence[Published], parents: Mapping[str, str | None], branches: Iterable[str]) -> list[Sum]:
    """Each published count of an office with other offices below it that were published for the same day.

    ``parents`` leads from each office to the one above; ``branches`` are those that pay. An office that was published itself counts as
    it was printed, whatever was printed below it. Of several sources for one office and day the first counts.
    """
    known: dict[tuple[Measure, date], dict[str, Published]] = {}
    for each in published:
        if each.measure in COUNTS:
            known.setdefault((each.measure, each.date), {}).setdefault(each.office, each)
    below: dict[str, list[str]] = {}
    for office, parent in sorted(parents.items()):
        if parent is not None:
            below.setdefault(parent, []).append(office)
    paying = set(branches)

    def gather(office: str, printed: Mapping[str, Published]) -> tuple[list[tuple[str, int]], list[str]]:
        parts: list[tuple[str, int]] = []
        missing: list[str] = []
        for child in below.get(office, ()):
            if child in printed:
                parts.append((child, int(printed[child].value)))
            elif child in paying:
                missing.append(child)
            else:
                further, lacking = gather(child, printed)
                parts += further
                missing += lacking
        return parts, missing

    found = []
    for (measure, day), printed in sorted(known.items()):
        for code, whole in sorted(printed.items()):
            parts, missing = gather(code, printed)
            if parts:
                found.append(Sum(code, whole.name, measure, day, int(whole.value), whole.source, parts, missing))
    return found


@dataclass(frozen=True)
class Earlier:
    """An earlier stage of the same programme, with what is known of it now."""

    stage: str
    period_from: date
    period_to: date
    allocated: int
    paid: int
    geotagged: int
    branches: Sequence["EarlierBranch"]

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)

    @property
    def geotag_percent(self) -> Decimal | None:
        return percent(self.geotagged, self.allocated)


@dataclass(frozen=True)
class EarlierBranch:
    code: str
    rank: int
    allocated: int
    paid: int
    days_to_90: int | None

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)


@dataclass(frozen=True)
class Report:
    """All that the meeting looks at. ``compared`` is among how many branches the ranks are, also where a branch sees only itself."""

    stage: str
    programme: str
    period_from: date
    period_to: date
    target_days: int
    region: str
    region_name: str
    zone: str
    as_of: datetime
    danom_version: int | None
    branches: Sequence[BranchReport]
    compared: int
    published: Sequence[Published] = ()
    mixed: Sequence[Mixed] = ()
    sums: Sequence[Sum] = ()
    earlier: Sequence[Earlier] = field(default=())

    @property
    def named_for_geotagging(self) -> list[BranchReport]:
        """The ``NAMED`` highest shares of houses located, most first; equal shares are named together."""
        ranks = ranked({branch.code: branch.geotag_share for branch in self.branches})
        named = [branch for branch in self.branches if branch.geotagged and ranks[branch.code] <= NAMED]
        return sorted(named, key=lambda branch: (ranks[branch.code], branch.code))

    @property
    def allocated(self) -> int:
        return sum(branch.allocated for branch in self.branches)

    @property
    def paid(self) -> int:
        return sum(branch.paid for branch in self.branches)

    @property
    def geotagged(self) -> int:
        return sum(branch.geotagged for branch in self.branches)

    @property
    def amount_paid_rp(self) -> int:
        return sum(branch.amount_paid_rp for branch in self.branches)

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)

    @property
    def geotag_percent(self) -> Decimal | None:
        return percent(self.geotagged, self.allocated)

    @property
    def unpaid(self) -> dict[str, int]:
        """All branches together, the most frequent reason first."""
        total: dict[str, int] = {}
        for branch in self.branches:
            for reason, count in branch.unpaid.items():
                total[reason] = total.get(reason, 0) + count
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))

    @property
    def by_channel(self) -> list[Productivity]:
        return together([branch.by_channel for branch in self.branches])

    @property
    def by_terrain(self) -> list[Productivity]:
        return together([branch.by_terrain for branch in self.branches])


def together(parts: Iterable[Sequence[Productivity]]) -> list[Productivity]:
    total: dict[str, Productivity] = {}
    for each in (each for part in parts for each in part):
        known = total.get(each.key, Productivity(each.key, 0, 0, 0))
        total[each.key] = Productivity(
            each.key,
            known.families + each.families,
            known.officer_days + each.officer_days,
            known.day_families + each.day_families,
        )
    return [total[key] for key in sorted(total)]


def share(part: int, whole: int) -> Fraction:
    return Fraction(part, whole) if whole else Fraction(0)


def ranked(shares: Mapping[str, Fraction]) -> dict[str, int]:
    """The rank of each by its exact share, the highest first; equal shares share a rank, as in 1, 2, 2, 4."""
    first_with: dict[Fraction, int] = {}
    for position, value in enumerate(sorted(shares.values(), reverse=True), 1):
        first_with.setdefault(value, position)
    return {code: first_with[value] for code, value in shares.items()}


def days_to(days: Sequence[Day], allocated: int, share_percent: int, total: Callable[[Day], int]) -> int | None:
    """On which day, counted from the first on which somebody was paid, ``share_percent`` of ``allocated`` was reached; None if never."""
    first = next((day.day for day in days if day.paid > 0), None)
    if first is None or not allocated:
        return None
    reached = next((day.day for day in days if total(day) * 100 >= share_percent * allocated), None)
    return None if reached is None else max((reached - first).days + 1, 1)

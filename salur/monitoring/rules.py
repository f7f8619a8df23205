"""What a realisation is, how a board sorts it and draws it; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from salur.lib.percent import percent


class By(StrEnum):
    """The levels a board looks at, from the nation down; the family is a page of its own."""

    NATION = "nation"
    REGION = "region"
    BRANCH = "branch"
    KABUPATEN = "kabupaten"
    KECAMATAN = "kecamatan"
    VILLAGE = "village"


OFFICES = frozenset({By.NATION, By.REGION, By.BRANCH})


@dataclass(frozen=True)
class Row:
    """One line of the table. ``key``: the office's id or the area's code; None: branches without a region. Counts are families, amounts whole rupiah.

    ``open`` = allocated − paid − failed. ``unsent``: what phones say they have not sent yet; None where nobody can know. Percentages are of
    ``allocated``, by the rule of ``salur.lib.percent``.
    """

    key: int | None
    code: str
    name: str
    allocated: int
    amount_rp: int
    paid: int
    amount_paid_rp: int
    failed: int
    open: int
    paid_today: int
    geotagged: int
    unsent: int | None = None

    @property
    def paid_share(self) -> Fraction:
        """Exact, for ranking: two offices that show the same two decimals may still differ."""
        return Fraction(self.paid, self.allocated) if self.allocated else Fraction(0)

    @property
    def geotag_share(self) -> Fraction:
        return Fraction(self.geotagged, self.allocated) if self.allocated else Fraction(0)

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)

    @property
    def geotag_percent(self) -> Decimal | None:
        return percent(self.geotagged, self.allocated)


@dataclass(frozen=True)
class Realisation:
    """The table as of a moment and a version of the list; ``known`` is false for history loaded later (see queries.sql)."""

    stage: str
    by: By
    as_of: datetime
    danom_version: int | None
    known: bool
    rows: list[Row]

    @property
    def total(self) -> Row:
        def summed(field: str) -> int:
            return sum(getattr(row, field) for row in self.rows)

        counts = ("allocated", "amount_rp", "paid", "amount_paid_rp", "failed", "open", "paid_today", "geotagged")
        unsent = None if any(row.unsent is None for row in self.rows) else sum(row.unsent or 0 for row in self.rows)
        return Row(key=0, code="", name="", unsent=unsent, **{field: summed(field) for field in counts})


@dataclass(frozen=True)
class Office:
    """One step on the way from the top of the tree."""

    id: int
    code: str
    name: str
    kind: str


@dataclass(frozen=True)
class Place:
    """What a board is about: the nation, an office, or a kabupaten or kecamatan within it.

    ``way`` leads from the viewer's top to the office, itself last; empty for the nation, whose ``branches`` are None: all.
    """

    way: Sequence[Office]
    branches: list[int] | None
    zone: str
    area: int | None = None
    area_name: str = ""
    unsent: int = 0
    kabupaten_name: str = ""  # of a kecamatan that is looked at from above its branch

    @property
    def office(self) -> Office | None:
        return self.way[-1] if self.way else None

    @property
    def levels(self) -> Sequence[By]:
        """How the place can be divided, the next level first."""
        if self.area:
            return [By.VILLAGE] if self.area > 9_999 else [By.KECAMATAN, By.VILLAGE]
        if self.office is None:
            return [By.REGION, By.BRANCH, By.KABUPATEN]
        if self.office.kind == "REGION":
            return [By.BRANCH, By.KABUPATEN]
        return [By.KECAMATAN, By.VILLAGE]


@dataclass(frozen=True)
class Version:
    """An approved version of the list."""

    version: int
    name: str
    approved_at: datetime


@dataclass(frozen=True)
class Day:
    """What a day brought (``paid``, ``geotagged``: families) and what there was at its end (``total_…``)."""

    day: date
    paid: int
    geotagged: int
    total_paid: int
    total_geotagged: int


@dataclass(frozen=True)
class Quoted:
    """A percentage as it was published; ``percent`` is the printed text."""

    percent: str
    source: str
    date: date


class Planned(NamedTuple):
    """Families that published plans first call on a day, and up to its end."""

    day: date
    families: int
    total: int


class Trend(NamedTuple):
    """Families paid (``paid``) on days counted from the first one of the stage (``days``), in order."""

    days: Sequence[int]
    paid: Sequence[int]


@dataclass(frozen=True)
class Board:
    """All that a realisation board shows. ``quotations`` by office id, ``trends`` by the key of the line; ``chosen_version`` when a person
    asked for an older list; ``planned`` empty where no plan is published; ``unsent`` None where nobody can know; ``past``: not of now."""

    place: Place
    table: Realisation
    versions: Sequence[Version]
    days: Sequence[Day]
    quotations: dict[int, Quoted]
    chosen_version: bool
    trends: Mapping[int | None, Trend]
    planned: Sequence[Planned]
    unsent: int | None
    past: bool = False
    branch_codes: Mapping[int, str] = field(
        default_factory=dict
    )  # of the villages shown, where the office is no branch

    @property
    def total(self) -> Row:
        return self.table.total


@dataclass(frozen=True)
class StageOverview:
    """A stage on the way in, with what the viewer's branches have of it."""

    code: str
    programme: str
    period_from: date
    period_to: date
    opens: date
    deadline: date
    allocated: int
    paid: int
    paid_rp: int

    @property
    def paid_percent(self) -> Decimal | None:
        return percent(self.paid, self.allocated)

    @property
    def bar(self) -> str:
        return bar(self.paid, self.allocated)


def bar(part: int, whole: int) -> str:
    """The length of a bar of 100, as text; it is never drawn whole before it is whole, as the number is not written so before."""
    if not whole:
        return "0"
    return "100" if part >= whole else f"{min(part * 100 / whole, 99.7):.2f}"


# What a board can be sorted by; percentages by the exact share.
SORTS: dict[str, Callable[[Row], Any]] = {
    "name": lambda row: (row.name.casefold(), row.code),
    "code": lambda row: row.code,
    "allocated": lambda row: row.allocated,
    "paid": lambda row: row.paid,
    "paid_today": lambda row: row.paid_today,
    "failed": lambda row: row.failed,
    "unsent": lambda row: row.unsent or 0,
    "open": lambda row: row.open,
    "paid_percent": lambda row: row.paid_share,
    "geotag_percent": lambda row: row.geotag_share,
    "amount_paid_rp": lambda row: row.amount_paid_rp,
}


def in_order(rows: Sequence[Row], sort: str) -> list[Row]:
    """Sorted by a key of ``SORTS``, downwards with ``-`` before it; what is equal stays in the order of codes."""
    by_code = sorted(rows, key=SORTS["code"])
    return sorted(by_code, key=SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))


def ranks(rows: Sequence[Row]) -> dict[int | None, int]:
    """The rank of each row by exact share paid; equal shares share a rank, as in 1, 2, 2, 4."""
    first_with: dict[Fraction, int] = {}
    for position, row in enumerate(sorted(rows, key=SORTS["paid_percent"], reverse=True), 1):
        first_with.setdefault(row.paid_share, position)
    return {row.key: first_with[row.paid_share] for row in rows}

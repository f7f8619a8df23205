"""What a realisation is; pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from salur.lib.percent import percent


class By(StrEnum):
    """The levels a board looks at, from the nation down; the family is a page of its own."""

    NATION = "nation"
    REGION = "region"
    BRANCH = "branch"
    KECAMATAN = "kecamatan"
    VILLAGE = "village"


@dataclass(frozen=True)
class Row:
    """One line of the table. ``key`` is the office's id or the area's code; counts are families, amounts whole rupiah.

    ``open`` = allocated − paid − failed. Percentages are of ``allocated``, by the rule of ``salur.lib.percent``.
    """

    key: int
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
        return Row(key=0, code="", name="", **{field: summed(field) for field in counts})

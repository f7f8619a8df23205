"""How an entitlement ends, how a place is closed, what a difference is; pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from salur.payments.rules import FINAL_REASONS


class Ending(StrEnum):
    """How an entitlement of a closed place ends, in order of precedence: the first that applies is the answer."""

    PAID = "paid"  # a payment stands
    DISPUTED = "disputed"  # somebody says that it was paid, and a case about that money is open
    HELD = "held"  # the ministry holds it back
    RETURNED = "returned"  # nobody was paid: the money goes back to the treasury


# Why the money of an entitlement goes back when nobody has been there.
NOT_VISITED = "not_visited"
FINAL = tuple(sorted(str(reason) for reason in FINAL_REASONS))


class Scope(NamedTuple):
    """A place as it is closed and stated: ``branches`` (None: all) and the villages from ``first`` to ``last``.

    ``code`` is an office's or an area's, ``area`` 0 for an office: then every village of the branches belongs to it.
    """

    code: str
    name: str
    branches: list[int] | None
    area: int
    first: int
    last: int

    @property
    def whole_branches(self) -> bool:
        """Whether the money of the branches belongs to this place: an area has families, but no vault."""
        return self.area == 0


class Line(NamedTuple):
    """What a branch's entitlements in a place came to; families, and rupiah. ``open`` is not paid and has no ending yet."""

    branch: int
    code: str
    name: str
    villages: int
    closed: int  # of the villages
    closed_at: datetime | None
    allocated: int
    allocated_rp: int
    paid: int
    paid_rp: int
    final_failed: int
    returned: int
    returned_rp: int
    held: int
    held_rp: int
    disputed: int
    disputed_rp: int
    open: int
    open_rp: int

    @property
    def difference_rp(self) -> int:
        """What the list owes and nothing accounts for: above zero not closed yet, below zero accounted for twice (close again)."""
        return self.allocated_rp - self.paid_rp - self.returned_rp - self.held_rp - self.disputed_rp


class Cash(NamedTuple):
    """Where the cash of a branch and a stage is, by its books: supplied = paid + sent back + vault + floats + suspense + lost − found."""

    branch: int
    code: str
    name: str
    supplied_rp: int
    paid_rp: int
    sent_back_rp: int
    vault_rp: int
    floats_rp: int
    suspense_rp: int
    written_off_rp: int
    surplus_rp: int
    unexplained_rp: int

    @property
    def difference_rp(self) -> int:
        """Floats that were not settled and that no case explains; everything else has its place."""
        return self.unexplained_rp


class Missing(NamedTuple):
    """Cash that a person of a branch has not brought back. ``cases`` are open ones about this person."""

    branch: str
    branch_name: str
    officer: int
    code: str
    name: str
    float_rp: int
    suspense_rp: int
    cases: int
    owed_rp: int


class Closed(NamedTuple):
    """What came of closing a branch's part of a place: ``changed`` families got another ending than they had."""

    branch: int
    code: str
    closing: UUID | None
    changed: int


class Chance(StrEnum):
    """What is done about a family that is not paid."""

    DOOR = "door"  # somebody goes to its house
    OFFICE = "office"  # it may come to another office
    CONFIRM = "confirm"  # TKSK or village confirm why it cannot be paid


class Witness(StrEnum):
    """Who confirms a final reason."""

    TKSK = "tksk"
    VILLAGE = "village"
    COMPANION = "companion"

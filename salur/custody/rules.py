"""Which accounts a movement of cash touches, in whose books; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from salur.cases.rules import Decision
from salur.ledger.rules import VAULT, float_of, suspense_of

MINISTRY = "ministry"
BANK = "bank"
HEADQUARTERS = "headquarters"
WRITTEN_OFF = "written-off"
SURPLUS = "surplus"


def branch_account(branch: int) -> str:
    """What headquarters has out with a branch, in headquarters' books; the branch's own account `headquarters` mirrors it."""
    return f"branch/{branch}"


class Kind(StrEnum):
    FUND = "fund"  # ministry → headquarters
    REFUND = "refund"  # headquarters → ministry
    SUPPLY = "supply"  # headquarters → a branch's vault
    RETURN = "return"  # a branch's vault → headquarters
    HAND_OVER = "hand_over"  # vault → an officer's float
    HAND_BACK = "hand_back"  # an officer's float → vault
    REPAY = "repay"  # an officer brings what he owed for a payment that could not be posted → vault
    WRITE_OFF = "write_off"  # cash that a vault or a float lacks, and that nobody owes
    WRITE_OFF_SUSPENSE = "write_off_suspense"  # the same for a payment that could not be posted
    SURPLUS = "surplus"  # cash that a vault or a float has too much


class Book(StrEnum):
    """Whose books: headquarters' or the branch's."""

    HEADQUARTERS = "headquarters"
    BRANCH = "branch"


# Movements in headquarters' books alone.
NATIONAL = frozenset({Kind.FUND, Kind.REFUND})
# Movements that name an officer always; write-off and surplus name one when it is about a float.
WITH_OFFICER = frozenset({Kind.HAND_OVER, Kind.HAND_BACK, Kind.REPAY, Kind.WRITE_OFF_SUSPENSE})
MAY_HAVE_OFFICER = WITH_OFFICER | {Kind.WRITE_OFF, Kind.SURPLUS}
# Movements that carry out the decision of a case; their reference is the case.
AFTER_DECISION: Mapping[Kind, frozenset[Decision]] = {
    Kind.WRITE_OFF: frozenset({Decision.WRITTEN_OFF}),
    Kind.WRITE_OFF_SUSPENSE: frozenset({Decision.WRITTEN_OFF}),
    Kind.SURPLUS: frozenset({Decision.EXPLAINED, Decision.CORRECTED}),
}


class Side(NamedTuple):
    """In this book, from the account ``credit`` to the account ``debit``."""

    book: Book
    debit: str
    credit: str


def sides(kind: Kind, *, branch: int, officer: int | None) -> list[Side]:
    """What a movement does to the books; two sides where two offices are in it."""
    hq, own = Book.HEADQUARTERS, Book.BRANCH
    holder = VAULT if officer is None else float_of(officer)
    match kind:
        case Kind.FUND:
            return [Side(hq, BANK, MINISTRY)]
        case Kind.REFUND:
            return [Side(hq, MINISTRY, BANK)]
        case Kind.SUPPLY:
            return [Side(hq, branch_account(branch), BANK), Side(own, VAULT, HEADQUARTERS)]
        case Kind.RETURN:
            return [Side(hq, BANK, branch_account(branch)), Side(own, HEADQUARTERS, VAULT)]
        case Kind.HAND_OVER:
            return [Side(own, holder, VAULT)]
        case Kind.HAND_BACK:
            return [Side(own, VAULT, holder)]
        case Kind.WRITE_OFF:
            return [Side(own, WRITTEN_OFF, holder)]
        case Kind.SURPLUS:
            return [Side(own, holder, SURPLUS)]
        case Kind.REPAY:
            assert officer is not None
            return [Side(own, VAULT, suspense_of(officer))]
        case Kind.WRITE_OFF_SUSPENSE:
            assert officer is not None
            return [Side(own, WRITTEN_OFF, suspense_of(officer))]


class Portion(NamedTuple):
    """The cash of one stage in a movement; ``id`` is made where the movement is made and becomes the transfer's."""

    id: UUID
    stage: int
    amount_rp: int


class Handing(NamedTuple):
    """Cash from one hand to another, in one visit for one stage or several.

    ``branch`` is None for what moves at headquarters alone. With ``taken_by`` both have signed; without, it is offered until somebody
    accepts. ``moved_at`` is when the cash changed hands; None means when it is recorded.
    """

    kind: Kind
    portions: Sequence[Portion]
    reference: str
    given_by: str
    taken_by: str | None = None
    branch: int | None = None
    officer: int | None = None
    moved_at: datetime | None = None


class Outcome(StrEnum):
    """What came of a portion."""

    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_FACTS = "exists_with_different_facts"
    OFFERED = "offered"  # signed by the giver; the books have not moved
    MOVED = "moved"  # signed by both; it is in the books


class Answer(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class Counted(NamedTuple):
    """What came of a count. ``expected_rp`` is what the books say for the moment of counting, as far as they know now."""

    id: UUID
    expected_rp: int
    counted_rp: int
    case: UUID | None
    existed: bool

    @property
    def difference_rp(self) -> int:
        """Below zero: cash is short."""
        return self.counted_rp - self.expected_rp

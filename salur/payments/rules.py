"""What a payment is and what can come of it; pure."""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple
from uuid import UUID


class Channel(IntEnum):
    """Where the money is handed over; the numbers are what is stored."""

    OFFICE = 1
    COMMUNITY = 2
    DOOR = 3

    @property
    def word(self) -> str:
        """The word of files and screens: kantor pos, komunitas, door-to-door."""
        return ("kantor", "komunitas", "door")[self - 1]


CHANNELS = {channel.word: channel for channel in Channel}


class Payment(NamedTuple):
    """Cash handed to a family. ``id`` is a UUIDv7 made where it was handed over; ``officer`` is ``offices_officer.id``."""

    id: UUID
    entitlement: UUID
    officer: int
    amount_rp: int
    channel: Channel
    paid_at: datetime


class Outcome(StrEnum):
    """What came of a payment, in order of precedence: the first that applies is the answer.

    The order says what matters most to the sender: first whether this message is known, then whether the family is, then what speaks
    against paying, last the double payment. Only ``CREATED`` writes; ``CREATED`` and ``EXISTS`` both mean that the payment stands.
    """

    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_FACTS = "exists_with_different_facts"
    UNKNOWN_ENTITLEMENT = "unknown_entitlement"
    PAID_IN_FUTURE = "paid_in_future"
    HELD = "held"
    AFTER_FREEZE = "after_freeze"
    AMOUNT_MISMATCH = "amount_mismatch"
    ALREADY_PAID = "already_paid"
    CREATED = "created"


# The payment stands in the books.
STANDING = frozenset({Outcome.EXISTS, Outcome.CREATED})


class Reason(StrEnum):
    """Why a visit did not pay. *Pending* reasons leave the family payable; *final* ones end in a return of the money."""

    NOT_HOME = "not_home"
    ILL = "ill"
    AWAY = "away"
    NOT_COLLECTED = "not_collected"
    DATA_DIFFERS = "data_differs"
    DEAD = "dead"
    MOVED = "moved"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    NOT_ENTITLED = "not_entitled"
    REFUSED = "refused"


FINAL_REASONS = frozenset(
    {Reason.DEAD, Reason.MOVED, Reason.UNKNOWN, Reason.DUPLICATE, Reason.NOT_ENTITLED, Reason.REFUSED}
)


class Failure(NamedTuple):
    """A visit that did not pay."""

    id: UUID
    entitlement: UUID
    officer: int
    reason: Reason
    visited_at: datetime


class FailureOutcome(StrEnum):
    """What came of a failed visit, in order of precedence."""

    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_FACTS = "exists_with_different_facts"
    UNKNOWN_ENTITLEMENT = "unknown_entitlement"
    VISITED_IN_FUTURE = "visited_in_future"
    CREATED = "created"

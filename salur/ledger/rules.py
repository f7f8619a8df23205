"""Pure words of the ledger: what a move is, what came of it, and how accounts are called."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

VAULT = "vault"
PAID = "paid"


def float_of(officer: int) -> str:
    """The account of the cash an officer signed for."""
    return f"float/{officer}"


def suspense_of(officer: int) -> str:
    """The account of cash an officer handed out that could not be posted as a payment; a case tells why."""
    return f"suspense/{officer}"


class Outcome(StrEnum):
    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_FACTS = "exists_with_different_facts"
    CREATED = "created"


class Move(NamedTuple):
    """``amount_rp`` goes from the account ``credit`` to the account ``debit``; ``id`` is made where the fact is made."""

    id: UUID
    debit: str
    credit: str
    amount_rp: int
    occurred_at: datetime

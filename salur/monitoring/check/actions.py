"""The verb: check what a family is owed."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from salur.lib.letter_code import code_of, hash_range
from salur.lib.sql import Queries
from salur.monitoring.families.rules import state_of
from salur.registry import actions as registry

queries = Queries(__file__)

MOST_SHOWN = 4


@dataclass(frozen=True)
class Owed:
    """What a stranger is told of an entitlement. ``state``: paid, held, failed, open, or ended when the stage is over and nobody was paid.

    ``planned_day`` with ``starts_at``, ``ends_at``, ``planned_channel`` (session, office, door), ``venue`` and ``host`` (the village of a
    venue without a name) are there when a plan is published; ``channel`` says how it was paid.
    """

    programme: str
    period_from: date
    period_to: date
    deadline: date
    branch_name: str
    zone: str
    amount_rp: int
    state: str
    paid_at: datetime | None
    channel: str
    planned_day: date | None
    starts_at: datetime | None
    ends_at: datetime | None
    planned_channel: str
    venue: str
    host: str


def check(*, code: str, nik: str, born: date | None, today: date) -> list[Owed]:
    """What the family with a letter's code, or with a NIK and a birth date, is owed; the newest first, empty when nothing fits.

    What nobody has, what belongs to another birth date and what is no code at all ask the same two statements, so that neither the words
    of the answer nor its work tell a guesser which of them it was.
    """
    read = code_of(code)
    digits = "".join(sign for sign in nik if sign not in " .-")
    family = registry.family_of_nik(digits) if born else None
    first, last = hash_range(read) if read else (b"", b"")
    keys = queries.found(
        first=first,
        last=last,
        family=family or _nobody(),
        born=born or date.min,
        fits=bool(family and born and _born_in(digits, born)),
        most=MOST_SHOWN,
    )
    rows = queries.owed(
        stages=[key.stage for key in keys] or [0],
        branches=[key.branch for key in keys] or [0],
        ids=[key.id for key in keys] or [_nobody()],
    )
    return [_owed(row, today) for row in rows]


def _born_in(nik: str, born: date) -> bool:
    """Whether a NIK was made for this day of birth; of women it holds the day plus forty."""
    return nik[6:12] in (f"{born:%d%m%y}", f"{born.day + 40:02d}{born:%m%y}")


def _nobody() -> UUID:
    return UUID(bytes=secrets.token_bytes(16))


def _owed(row: Any, today: date) -> Owed:
    words = row._asdict()
    held, failed = words.pop("held"), words.pop("failed")
    state = str(state_of(paid=row.paid_at is not None, held=held, failed=failed))
    if row.deadline < today and row.paid_at is None and not held:
        state = "ended"
    return Owed(**words, state=state)

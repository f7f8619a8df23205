"""What a geotag is and what can come of it; pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Geotag(NamedTuple):
    """The place of a house. Degrees × 10⁷ as whole numbers (no floats in a record that is signed), accuracy in tenths of a metre."""

    id: UUID
    entitlement: UUID
    officer: int
    lat_e7: int
    lon_e7: int
    accuracy_dm: int | None
    taken_at: datetime
    photo_sha256: bytes | None


class Outcome(StrEnum):
    """What came of a geotag, in order of precedence."""

    EXISTS = "exists"
    EXISTS_WITH_DIFFERENT_FACTS = "exists_with_different_facts"
    UNKNOWN_ENTITLEMENT = "unknown_entitlement"
    TAKEN_IN_FUTURE = "taken_in_future"
    CREATED = "created"


def degrees_e7(degrees: float) -> int:
    """Degrees as the whole number that is stored: 10⁻⁷ degrees, about a centimetre."""
    return round(degrees * 10_000_000)

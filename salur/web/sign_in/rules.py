"""What bars a signed-in person's way."""

from enum import StrEnum

from salur.web.models import NEEDS_SECOND_FACTOR


class Barred(StrEnum):
    """In order of precedence."""

    ENDED = "ended"  # the last day of the role is over
    FACTOR = "factor"  # the role needs a second factor, and this session was begun without one


def barred(*, role: str, ended: bool, second_factor: bool, demonstration: bool) -> Barred | None:
    """``demonstration``: an account of a demo, in a demo's home."""
    if ended:
        return Barred.ENDED
    if role in NEEDS_SECOND_FACTOR and not second_factor and not demonstration:
        return Barred.FACTOR
    return None

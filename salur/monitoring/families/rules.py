"""What a person typed, told by its shape; what a family's state is; pure."""

import re
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from salur.lib.letter_code import code_of


class By(StrEnum):
    NIK = "nik"
    CODE = "code"
    LETTER = "letter"
    NAME = "name"
    NUMBER = "number"


class Wanted(NamedTuple):
    """``word`` is the NIK, the code, the number or the name; ``letter`` the entitlement of a letter's QR that was read by a scanner."""

    by: By
    word: str
    letter: UUID | None = None


class State(StrEnum):
    PAID = "paid"
    HELD = "held"
    FAILED = "failed"
    OPEN = "open"


_QR = re.compile(r"D1\.([0-9A-F]{32})\.[0-9A-Z]{8}(\.[0-9A-Z]{12})?")
_WILD, _ESCAPED = re.compile(r"([%_\\])"), r"\\\1"


def wanted(typed: str) -> Wanted:
    """Sixteen digits are a NIK; eight letters and digits that fit their check character a code; what holds a digit a number; the rest a name."""
    word = " ".join(typed.split())
    digits = re.sub(r"[ .\-']", "", word)
    if len(digits) == 16 and digits.isascii() and digits.isdecimal():
        return Wanted(By.NIK, digits)
    if read := _QR.fullmatch(word.upper()):
        return Wanted(By.LETTER, word, UUID(read[1]))
    code = code_of(word)
    if code:
        return Wanted(By.CODE, code)
    if any(sign.isdecimal() for sign in word):
        return Wanted(By.NUMBER, word)
    return Wanted(By.NAME, word)


def patterns(name: str) -> list[str]:
    """Each word of a name as a pattern that finds it anywhere."""
    return [f"%{_WILD.sub(_ESCAPED, word)}%" for word in name.split()[:8]]


def state_of(*, paid: bool, held: bool, failed: bool) -> State:
    """Money that was handed over counts before everything; a hold before what was tried."""
    if paid:
        return State.PAID
    if held:
        return State.HELD
    return State.FAILED if failed else State.OPEN

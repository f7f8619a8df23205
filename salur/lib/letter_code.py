"""The code on an invitation letter, for when its QR cannot be read: eight characters that a voice can dictate.

Seven characters of Crockford's base 32 (35 bits of the SHA-256 of the entitlement's id) and a check character over GF(32): a single
wrong character, or two neighbours swapped, does not pass. The app computes the same for its list
(``field/static/lapangan/worklist.js``).
"""

import hashlib
from collections.abc import Iterable
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def letter_code(entitlement: UUID) -> str:
    """Eight characters, e.g. ``7K2M9QXA``."""
    bits = int.from_bytes(hashlib.sha256(entitlement.bytes).digest()[:5], "big") >> 5
    values = [bits >> shift & 31 for shift in range(30, -5, -5)]
    return "".join(ALPHABET[value] for value in (*values, check(values)))


def check(values: Iterable[int]) -> int:
    """The check value: Horner's rule in GF(32) with x⁵ = x² + 1, the last step multiplied once more."""
    sum_ = 0
    for value in values:
        sum_ = _doubled(sum_ ^ value)
    return sum_


def _doubled(value: int) -> int:
    return (value << 1) ^ (0b100101 if value & 16 else 0)


def letter_payload(entitlement: UUID) -> str:
    """What the QR on a letter holds, all in QR's alphanumeric alphabet: ``D1.`` the id as 32 hex digits ``.`` the code."""
    return f"D1.{entitlement.hex.upper()}.{letter_code(entitlement)}"

"""What makes a letter a letter of ours: its code, for when its QR cannot be read, and the seal inside the QR.

The code is eight characters that a voice can dictate.

Seven characters of Crockford's base 32 (35 bits of the SHA-256 of the entitlement's id) and a check character over GF(32): a single
wrong character, or two neighbours swapped, does not pass. The app computes the same for its list
(``field/static/lapangan/worklist.js``). Whoever knows an id can compute its code: it finds a family, it proves nothing.

The seal proves it: 60 bits of HMAC-SHA256 over the family's line and its amount, with a key that never leaves the server. A work list brings the
seal of each of its families along, so that a phone without signal refuses a letter that nobody printed here, and one whose amount was
changed since; a phone that is stolen holds no key to make letters with.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from uuid import UUID

from salur.lib.secrets import derived_key

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# As a person may read a code aloud or write it down: Crockford's base 32 takes these for others.
MEANT = str.maketrans("OIL", "011")


def letter_code(entitlement: UUID) -> str:
    """Eight characters, e.g. ``7K2M9QXA``."""
    bits = int.from_bytes(hashlib.sha256(entitlement.bytes).digest()[:5], "big") >> 5
    values = [bits >> shift & 31 for shift in range(30, -5, -5)]
    return "".join(ALPHABET[value] for value in (*values, check(values)))


def code_of(typed: str) -> str:
    """The code of a letter as it is printed, however it was typed; empty for what is none."""
    code = re.sub(r"[ \-]", "", typed.upper()).translate(MEANT)
    if len(code) != 8 or any(sign not in ALPHABET for sign in code):
        return ""
    values = [ALPHABET.index(sign) for sign in code]
    return code if check(values[:7]) == values[7] else ""


def hash_range(code: str) -> tuple[bytes, bytes]:
    """The first and the last five bytes that the hash of an entitlement with this code can begin with."""
    bits = 0
    for sign in code[:7]:
        bits = bits << 5 | ALPHABET.index(sign)
    return (bits << 5).to_bytes(5, "big"), (bits << 5 | 31).to_bytes(5, "big")


def check(values: Iterable[int]) -> int:
    """The check value: Horner's rule in GF(32) with x⁵ = x² + 1, the last step multiplied once more."""
    sum_ = 0
    for value in values:
        sum_ = _doubled(sum_ ^ value)
    return sum_


def _doubled(value: int) -> int:
    return (value << 1) ^ (0b100101 if value & 16 else 0)


def letters_key() -> bytes:
    """The key of all seals of this house."""
    return derived_key("letters")


def letter_seal(entitlement: UUID, amount_rp: int, key: bytes) -> str:
    """Twelve characters, e.g. ``4T0ZB8Q6H2XW``."""
    tag = hmac.digest(key, entitlement.bytes + amount_rp.to_bytes(8, "big"), "sha256")
    bits = int.from_bytes(tag[:8], "big") >> 4
    return "".join([ALPHABET[bits >> shift & 31] for shift in range(55, -5, -5)])


def letter_payload(entitlement: UUID, amount_rp: int, key: bytes) -> str:
    """What the QR on a letter holds, 57 signs of QR's alphanumeric alphabet: ``D1.`` the id as 32 hex digits ``.`` the code ``.`` the seal."""
    return f"D1.{entitlement.hex.upper()}.{letter_code(entitlement)}.{letter_seal(entitlement, amount_rp, key)}"

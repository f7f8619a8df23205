"""How identifiers are protected; pure. The sealing itself, of many at once, is in ``sealing.py``.

- **Sealed** with AES-SIV (RFC 5297), which needs no nonce and so cannot be misused by millions of rows; the purpose is bound in as
  associated data, so a sealed family card number cannot be passed off as a NIK. The key has a version; see ``actions.rotate``.
- **Found** by a keyed BLAKE2b hash of 128 bits (RFC 7693). A plain hash would be no protection: there are few enough NIKs to try them all.
- **Shown** masked: the area and the serial stay readable, the birth date does not.
"""

import hashlib
from uuid import UUID

NIK, KK, LINE = b"nik", b"kk", b"line"
DIGITS = 16
SEALED_BYTES = 32


def key_of(number: str, index_key: bytes, purpose: bytes = NIK) -> UUID:
    """The keyed hash of a number as an id; of a NIK it is the family's id."""
    return UUID(bytes=hashlib.blake2b(number.encode(), digest_size=16, key=index_key, person=purpose).digest())


def masked(number: str) -> str:
    """``3511••••••••0001``: the kabupaten and the serial, nothing of the birth date."""
    return f"{number[:4]}{'•' * (len(number) - 8)}{number[-4:]}" if number else ""

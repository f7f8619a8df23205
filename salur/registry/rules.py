"""How identifiers are protected; pure.

- **Sealed** with AES-SIV (RFC 5297), which needs no nonce and so cannot be misused by millions of rows; the purpose is bound in as
  associated data, so a sealed family card number cannot be passed off as a NIK. The key has a version; see ``actions.rotate``.
- **Found** by a keyed BLAKE2b hash of 128 bits (RFC 7693). A plain hash would be no protection: there are few enough NIKs to try them all.
- **Shown** masked: the area and the serial stay readable, the birth date does not.
"""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

NIK, KK = b"nik", b"kk"


def key_of(number: str, index_key: bytes, purpose: bytes = NIK) -> UUID:
    """The keyed hash of a number as an id; of a NIK it is the family's id."""
    return UUID(bytes=_hash(number.encode(), index_key, purpose))


def keys_of(numbers: Iterable[str], index_key: bytes, purpose: bytes = NIK) -> list[str]:
    """The same for many, as the 32 hexadecimal digits that PostgreSQL reads as a uuid; an empty number has none."""
    return [_hash(number.encode(), index_key, purpose).hex() if number else "" for number in numbers]


def _hash(number: bytes, index_key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(number, digest_size=16, key=index_key, person=purpose).digest()


class Sealer:
    """Seals and opens numbers of one purpose with one version of the key (64 bytes, AES-256-SIV)."""

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._cipher, self._bound = AESSIV(key), [purpose]

    def seal(self, number: str) -> bytes:
        return self._cipher.encrypt(number.encode(), self._bound)

    def open(self, sealed: bytes) -> str:
        """Raises ``cryptography.exceptions.InvalidTag`` for bytes that this key did not seal."""
        return self._cipher.decrypt(sealed, self._bound).decode()

    def seal_all(self, numbers: Sequence[str]) -> list[str]:
        """Many, as PostgreSQL's hexadecimal bytea; an empty number gives an empty text."""
        encrypt, bound = self._cipher.encrypt, self._bound
        return ["\\x" + encrypt(number.encode(), bound).hex() if number else "" for number in numbers]


def masked(number: str) -> str:
    """``3511••••••••0001``: the kabupaten and the serial, nothing of the birth date."""
    return f"{number[:4]}{'•' * (len(number) - 8)}{number[-4:]}"

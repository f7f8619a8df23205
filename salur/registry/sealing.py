"""Numbers sealed and hashed by the million; pure, apart from the words in ``rules.py`` so that whoever only names a number loads no arrays.

Numbers of sixteen digits come in *blocks*: arrays of bytes of the shape (numbers, 16), one digit a byte.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.cmac import CMAC

from salur.registry.rules import DIGITS, NIK

Bytes = npt.NDArray[np.uint8]


def keys_of(numbers: Bytes, index_key: bytes, purpose: bytes = NIK) -> Bytes:
    """The same for a block of numbers: a block of ids."""
    hashed, data = hashlib.blake2b, numbers.tobytes()
    digests = [
        hashed(data[at : at + DIGITS], digest_size=16, key=index_key, person=purpose).digest()
        for at in range(0, len(data), DIGITS)
    ]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def block_of(numbers: pl.Series) -> Bytes:
    """Texts of sixteen digits, none missing, as a block."""
    arrow: Any = numbers.to_arrow(compat_level=pl.CompatLevel.oldest())
    if hasattr(arrow, "combine_chunks"):
        arrow = arrow.combine_chunks()
    _, offsets, data = arrow.buffers()
    bounds = np.frombuffer(offsets, np.int64)[arrow.offset : arrow.offset + len(numbers) + 1]
    assert (np.diff(bounds) == DIGITS).all(), "a number that does not have sixteen digits was to be protected"
    return np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]].reshape(-1, DIGITS)


class Sealer:
    """Seals and opens numbers of one purpose with one version of the key (64 bytes, AES-256-SIV)."""

    def __init__(self, key: bytes, purpose: bytes) -> None:
        assert len(key) == 64
        self._cipher, self._bound = AESSIV(key), [purpose]
        # RFC 5297, section 2.4, for a text of exactly one block: all that does not depend on the text is one block, known beforehand.
        # S2V: V = CMAC(text xor D), and CMAC of one block is AES(block xor subkey); so V = AES(text xor D xor subkey).
        authenticating, self._encrypting = key[:32], _aes(key[32:])
        self._authenticating = _aes(authenticating)
        d = _doubled(_cmac(authenticating, bytes(16))) ^ int.from_bytes(_cmac(authenticating, purpose), "big")
        subkey = _doubled(self._authenticating(bytes(16)))
        self._constant = np.frombuffer((d ^ subkey).to_bytes(16, "big"), np.uint8)

    def seal(self, text: bytes) -> bytes:
        return self._cipher.encrypt(text, self._bound)

    def open(self, sealed: bytes) -> bytes:
        """Raises ``cryptography.exceptions.InvalidTag`` for bytes that this key did not seal."""
        return self._cipher.decrypt(sealed, self._bound)

    def seal_block(self, numbers: Bytes) -> Bytes:
        """``seal`` of each number, shape (numbers, 32): the same bytes, thirty times as fast, because AES meets them all at once."""
        tags = self._tags(numbers)
        return np.concatenate([tags, numbers ^ self._keystream(tags)], axis=1)

    def open_block(self, sealed: Bytes) -> Bytes:
        """``open`` of each, shape (numbers, 16). Raises ``ValueError`` when one of them was not sealed by this key."""
        tags = np.ascontiguousarray(sealed[:, :16])
        numbers = sealed[:, 16:] ^ self._keystream(tags)
        if not np.array_equal(self._tags(numbers), tags):
            raise ValueError("a sealed number does not open with its key: was the secret file exchanged?")
        return numbers

    def _tags(self, numbers: Bytes) -> Bytes:
        return _blocks(self._authenticating((numbers ^ self._constant).tobytes()))

    def _keystream(self, tags: Bytes) -> Bytes:
        counter = tags.copy()
        counter[:, [8, 12]] &= 0x7F  # RFC 5297, section 2.5: so that a counter of 64 or 32 bits does not run over
        return _blocks(self._encrypting(counter.tobytes()))


def _aes(key: bytes) -> Any:
    """The bare block cipher over many independent blocks; only ever as the part of AES-SIV above."""

    def encrypt(blocks: bytes) -> bytes:
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(blocks)  # noqa: S305

    return encrypt


def _blocks(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8).reshape(-1, 16)


def _cmac(key: bytes, text: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(text)
    return mac.finalize()


def _doubled(block: bytes) -> int:
    """Doubling in GF(2¹²⁸), RFC 5297, section 2.3."""
    value = int.from_bytes(block, "big") << 1
    return value & (1 << 128) - 1 ^ (0x87 if value >> 128 else 0)

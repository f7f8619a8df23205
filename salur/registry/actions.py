"""The verbs of the registry: find families by their NIK; the keys that protect it."""

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from salur.lib.secrets import derived_key
from salur.registry.rules import KK, NIK, Sealer, key_of

# The version that new rows are sealed with; older rows keep theirs until `rotate` has passed over them.
KEY_VERSION = 1


@lru_cache
def index_key() -> bytes:
    """The key of the keyed hashes. It cannot be rotated without giving every family a new id."""
    return derived_key("identifier index")


@lru_cache
def sealer(purpose: bytes, version: int = KEY_VERSION) -> Sealer:
    assert purpose in (NIK, KK)
    return Sealer(derived_key(f"identifier seal {purpose.decode()} {version}", 64), purpose)


def family_of_nik(nik: str) -> UUID | None:
    """The id of the family with this NIK, whether or not it is known here; ``None`` for what is no NIK."""
    return key_of(nik, index_key()) if len(nik) == 16 and nik.isdecimal() else None


def families_of_niks(niks: Sequence[str]) -> list[UUID | None]:
    return [family_of_nik(nik) for nik in niks]

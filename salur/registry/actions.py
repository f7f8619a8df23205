"""The verbs of the registry: register families, find them by their NIK, show a number, renew the keys that protect them."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.db import connection, transaction

from salur.lib.secrets import derived_key
from salur.lib.sql import Queries
from salur.registry.models import Key
from salur.registry.rules import KK, LINE, NIK, Sealer, key_of

queries = Queries(__file__)

# A stretch of a staged list that is registered in one transaction: some hundred thousand families.
_PAGES = 16_384


@lru_cache
def index_key() -> bytes:
    """The key of the keyed hashes. It cannot be rotated without giving every family a new id."""
    return derived_key("identifier index")


def key_version() -> int:
    """The version that new rows are sealed with; older rows keep theirs until `rotate` has passed over them."""
    version: int = queries.one("key_version").version
    return version


def sealer(purpose: bytes, version: int) -> Sealer:
    """Seals and opens one purpose's numbers with one version of the key."""
    assert purpose in (NIK, KK, LINE)
    sealed = b"" if version == 1 else bytes(Key.objects.get(version=version).key_sealed)
    return _sealer(purpose, version, sealed)


@lru_cache
def _sealer(purpose: bytes, version: int, sealed: bytes) -> Sealer:
    if version == 1:
        return Sealer(derived_key(f"identifier seal {purpose.decode()} 1", 64), purpose)
    keys = _key_sealer().open(sealed)
    place = (NIK, KK, LINE).index(purpose)
    return Sealer(keys[64 * place : 64 * (place + 1)], purpose)


@lru_cache
def _key_sealer() -> Sealer:
    return Sealer(derived_key("identifier keys", 64), b"keys")


def make_key(*, actor: str, at: datetime) -> int:
    """A new version of the key, random; rows written from now on are sealed with it."""
    version = key_version() + 1
    keys = _key_sealer().seal(os.urandom(64 * 3))
    Key.objects.create(version=version, key_sealed=keys, made_by=actor, made_at=at)
    return version


def family_of_nik(nik: str) -> UUID | None:
    """The id of the family with this NIK, whether or not it is known here; ``None`` for what is no NIK."""
    return key_of(nik, index_key()) if len(nik) == 16 and nik.isascii() and nik.isdecimal() else None


def families_of_niks(niks: Sequence[str]) -> list[UUID | None]:
    return [family_of_nik(nik) for nik in niks]


def register_staged(*, staged: str, progress: Callable[[int], None] = lambda families: None) -> None:
    """The families of a staged table (in the shape of ``registry_family``) come into the registry, a stretch in each transaction.

    Cut off and done again it does what is left: families are known by their id, so nothing is registered twice.
    """
    pages = queries.one("staged_pages", staged=staged).pages
    for start in range(0, pages, _PAGES):
        stretch = {"start": f"({start},0)", "end": f"({start + _PAGES},0)"}
        with transaction.atomic():
            queries.look_up_by_key()
            found = queries.run("register_new", table=staged, **stretch)[0]
            if found.registered < found.staged:
                queries.run("refresh_known", table=staged, **stretch)
        progress(found.staged)


def create_staged(*, staged: str) -> None:
    """An empty table in the shape of ``registry_family``, without its keys."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {staged} (LIKE registry_family INCLUDING CONSTRAINTS INCLUDING DEFAULTS)")

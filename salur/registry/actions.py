"""The verbs of the registry: register families, find them by their NIK, show a number, renew the keys that protect them."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.apps import apps
from django.db import connection, transaction

from salur.audit import actions as audit
from salur.lib.problem import NotFound
from salur.lib.secrets import derived_key
from salur.lib.sql import Queries, server_cursor
from salur.registry.models import Key, SealedTable
from salur.registry.rules import DIGITS, KK, LINE, NIK, SEALED_BYTES, key_of, masked
from salur.registry.sealing import Sealer

queries = Queries(__file__)

# A stretch of a staged list that is registered in one transaction: some hundred thousand families.
_PAGES = 16_384
# As many as are sealed anew while others wait for them: some ten thousand rows, a few tenths of a second.
_ROTATED_PAGES = 512


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


def family_of_nik(nik: str) -> UUID | None:
    """The id of the family with this NIK, whether or not it is known here; ``None`` for what is no NIK."""
    return key_of(nik, index_key()) if len(nik) == 16 and nik.isascii() and nik.isdecimal() else None


def families_of_niks(niks: Sequence[str]) -> list[UUID | None]:
    return [family_of_nik(nik) for nik in niks]


def register_staged(*, staged: str, progress: Callable[[int], None] = lambda families: None) -> None:
    """The families of a staged table (in the shape of ``registry_family``) are added to those of their stage, a stretch in each transaction.

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


def create_staged(*, staged: str, stage: int) -> None:
    """An empty table in the shape of ``registry_family`` for one stage's families, without its keys."""
    with connection.cursor() as cursor:
        cursor.execute(
            # The check lets the table be attached as the stage's partition without being read.
            f"""CREATE TABLE {staged} (LIKE registry_family INCLUDING CONSTRAINTS INCLUDING DEFAULTS,
            CONSTRAINT registry_staged_stage CHECK (stage = {stage:d}))"""
        )


@transaction.atomic
def build_keys(*, staged: str, stage: int) -> None:
    """The families of a stage's first list get their keys where nobody waits for them; cut off and done again they are built once."""
    partition = _partition_name(stage)
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = %s::regclass)", [staged])
        if cursor.fetchone()[0]:
            return
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute(f"ALTER TABLE {staged} ADD CONSTRAINT {partition}_pkey PRIMARY KEY (id, branch, stage)")
        cursor.execute(
            f"CREATE INDEX {partition}_name ON {staged} (branch, name) INCLUDE (id) WHERE octet_length(name) < 1000"
        )
        cursor.execute(f"ANALYZE {staged}")


def attach_staged(*, staged: str, stage: int) -> None:
    """A staged table with its keys becomes the stage's part of the registry; the caller's transaction decides when others see it."""
    partition = _partition_name(stage)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE registry_family ATTACH PARTITION {staged} FOR VALUES IN ({stage:d})")
        cursor.execute(f"ALTER TABLE {staged} DROP CONSTRAINT registry_staged_stage")
        cursor.execute(f"ALTER TABLE {staged} RENAME TO {partition}")


def _partition_name(stage: int) -> str:
    return f"registry_family_s{stage:d}"


class Rotated(NamedTuple):
    """``renewed`` rows are sealed with ``version`` now; ``left`` ones are not yet: lists that waited meanwhile. Run it again for them."""

    version: int
    renewed: int
    left: int


def rotate(
    *, actor: str, at: datetime, finish: bool = False, progress: Callable[[int], None] = lambda rows: None
) -> Rotated:
    """A new key, and every row sealed anew, while the system is used: a stretch of rows in each transaction.

    Cut off, the rows not reached still open with their older key; ``finish`` goes on with the newest key instead of making another.
    """
    version = key_version() if finish else _make_key(actor=actor, at=at)
    renewed = 0
    models = [model for model in apps.get_models() if issubclass(model, SealedTable)]
    for model in models:
        for table in [row.name for row in queries.parts(whole=model._meta.db_table)]:
            pages = queries.one("staged_pages", staged=table).pages
            for start in range(0, pages, _ROTATED_PAGES):
                renewed += _renew(model, table, start, version)
                progress(renewed)
    left = sum(_count_old(model, version) for model in models)
    return Rotated(version, renewed, left)


@transaction.atomic
def _make_key(*, actor: str, at: datetime) -> int:
    """A new version of the keys, random; rows written from now on are sealed with it."""
    queries.lock_keys()
    version = key_version() + 1
    keys = _key_sealer().seal(os.urandom(64 * 3))
    Key.objects.create(version=version, key_sealed=keys, made_by=actor, made_at=at)
    audit.record(actor=actor, verb="rotated", subject=f"key/{version}", facts={}, at=at)
    return version


@transaction.atomic
def _renew(model: type[SealedTable], table: str, start: int, version: int) -> int:
    """Rows of some pages of a table, or of one of its partitions, sealed anew; who wants one of them waits a moment."""
    columns = list(model.sealed)
    with server_cursor() as cursor:
        cursor.execute(
            f"""SELECT ctid::text, key_version, {", ".join(columns)} FROM {table}
            WHERE ctid >= %s::text::tid AND ctid < %s::text::tid AND key_version < %s FOR UPDATE""",  # noqa: S608  names of our own models
            [f"({start},0)", f"({start + _ROTATED_PAGES},0)", version],
            binary=True,
        )
        rows = cursor.fetchall()
        if not rows:
            return 0
        renewed = [
            _resealed(purpose, [row[1] for row in rows], [row[2 + place] for row in rows], version)
            for place, purpose in enumerate(model.sealed.values())
        ]
        cursor.execute(
            f"""UPDATE {table} AS t SET key_version = %s, {", ".join(f"{column} = n.{column}" for column in columns)}
            FROM unnest(%s::text[], {", ".join("%s::bytea[]" for _ in columns)}) AS n(place, {", ".join(columns)})
            WHERE t.ctid = n.place::tid""",  # noqa: S608
            [version, [row[0] for row in rows], *renewed],
        )
    return len(rows)


def _resealed(purpose: bytes, versions: list[int], sealed: list[bytes | None], version: int) -> list[bytes | None]:
    """The same values under another key. Numbers come in blocks; other texts one by one."""
    out: list[bytes | None] = [None] * len(sealed)
    seal = sealer(purpose, version)
    for old in set(versions):
        places = [place for place, given in enumerate(sealed) if given is not None and versions[place] == old]
        values = [bytes(sealed[place] or b"") for place in places]
        if purpose == LINE:
            new = [seal.seal(sealer(purpose, old).open(value)) for value in values]
        else:
            assert all(len(value) == SEALED_BYTES for value in values)
            block = np.frombuffer(b"".join(values), np.uint8).reshape(-1, SEALED_BYTES)
            new = [row.tobytes() for row in seal.seal_block(sealer(purpose, old).open_block(block))]
        for place, value in zip(places, new, strict=True):
            out[place] = value
    return out


def _count_old(model: type[SealedTable], version: int) -> int:
    left: int = queries.run("count_old", table=model._meta.db_table, version=version)[0].rows
    return left


def masked_niks(rows: Sequence[tuple[bytes, int]]) -> list[str]:
    """Sealed NIKs with the versions of their keys, opened by the block and masked, for lists and letters."""
    return [masked(nik) for nik in clear_niks(rows)]


def clear_niks(rows: Sequence[tuple[bytes, int]]) -> list[str]:
    """The same in clear, for a list that somebody may have so and said why; whoever calls this writes down who and why."""
    out = [""] * len(rows)
    for version in {row[1] for row in rows}:
        places = [place for place, row in enumerate(rows) if row[1] == version]
        block = np.frombuffer(b"".join(rows[place][0] for place in places), np.uint8).reshape(-1, SEALED_BYTES)
        opened = sealer(NIK, version).open_block(block).tobytes().decode()
        for at, place in enumerate(places):
            out[place] = opened[at * DIGITS : (at + 1) * DIGITS]
    return out


def masked_of(row: Any) -> tuple[str, str]:
    """NIK and family card number of a row with ``nik_sealed``, ``kk_sealed`` and ``key_version``, masked; empty where there is none."""
    nik, no_kk = _opened(row)
    return masked(nik), masked(no_kk)


class Found(NamedTuple):
    """A family with its numbers masked."""

    family: UUID
    branch: int
    name: str
    nik: str
    no_kk: str


def find(*, word: str) -> Found:
    """The family with this NIK or id. Raises ``NotFound``; the number does not appear in what it says."""
    row = _family(word)
    nik, no_kk = _opened(row)
    return Found(row.id, row.branch, row.name, masked(nik), masked(no_kk))


@transaction.atomic
def reveal(*, family: UUID, reason: str, actor: str, at: datetime) -> tuple[str, str]:
    """A family's NIK and family card number in clear. Who saw them and why is written into the branch's trail."""
    row = _family(str(family))
    audit.record(
        actor=actor, verb="revealed", subject=f"family/{row.id}", facts={"reason": reason}, at=at, branch=row.branch
    )
    return _opened(row)


def _family(word: str) -> Any:
    try:
        wanted = family_of_nik(word) or UUID(word)
    except ValueError:
        raise NotFound("That is neither a NIK nor the id of a family: check it.") from None
    rows = queries.family(id=wanted, branch=None)
    if not rows:
        raise NotFound("No family here is that: check the number.")
    return rows[0]


def _opened(row: Any) -> tuple[str, str]:
    nik = sealer(NIK, row.key_version).open(bytes(row.nik_sealed)).decode()
    no_kk = "" if row.kk_sealed is None else sealer(KK, row.key_version).open(bytes(row.kk_sealed)).decode()
    assert len(nik) == DIGITS
    return nik, no_kk

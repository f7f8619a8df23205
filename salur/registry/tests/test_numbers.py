"""Numbers are sealed by the block exactly as one by one, found by their hash, shown masked, revealed with a reason, renewed in use."""

import os
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from salur.audit.actions import entries
from salur.danom.commands import danom
from salur.danom.tests.conftest import family, stage, written  # noqa: F401
from salur.registry.actions import family_of_nik, rotate
from salur.registry.commands import registry
from salur.registry.rules import KK, LINE, NIK, key_of, masked
from salur.registry.sealing import Sealer, block_of, keys_of

NUMBERS = st.lists(st.from_regex(r"[0-9]{16}", fullmatch=True), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.binary(min_size=64, max_size=64), st.sampled_from([NIK, KK]))
def test_a_block_is_sealed_exactly_as_rfc_5297_seals_each(numbers, key, purpose):
    block = block_of(pl.Series(numbers))
    sealed = Sealer(key, purpose).seal_block(block)
    reference = AESSIV(key)
    assert [row.tobytes() for row in sealed] == [reference.encrypt(number.encode(), [purpose]) for number in numbers]
    assert np.array_equal(Sealer(key, purpose).open_block(sealed), block)


def test_a_number_of_another_purpose_or_key_does_not_open():
    key = os.urandom(64)
    sealed = Sealer(key, NIK).seal_block(block_of(pl.Series(["9900010170700001"])))
    with pytest.raises(InvalidTag):
        Sealer(key, KK).open(sealed[0].tobytes())
    with pytest.raises(ValueError, match="does not open"):
        Sealer(os.urandom(64), NIK).open_block(sealed)
    sealed = sealed.copy()
    sealed[0, 31] ^= 1
    with pytest.raises(ValueError, match="does not open"):
        Sealer(key, NIK).open_block(sealed)


@given(NUMBERS)
def test_the_hash_of_a_block_is_the_hash_of_each(numbers):
    key = b"k" * 32
    hashed = keys_of(block_of(pl.Series(numbers)), key)
    assert [UUID(bytes=row.tobytes()) for row in hashed] == [key_of(number, key) for number in numbers]


def test_masked_leaves_out_the_birth_date():
    assert masked("3511010170700001") == "3511••••••••0001"


def sealed_rows():
    with connection.cursor() as cursor:
        cursor.execute("SELECT nik_sealed, kk_sealed FROM registry_family ORDER BY id")
        families = [tuple(map(bytes, row)) for row in cursor.fetchall()]
        cursor.execute("SELECT content_sealed FROM danom_quarantine ORDER BY line")
        return families, [bytes(row[0]) for row in cursor.fetchall()]


@pytest.fixture
def listed(typed, stage, written):  # noqa: F811
    answer = typed(danom, "import", written([family(1), family(2), family(3, nominal="x")]), "--stage", stage)
    assert typed(danom, "approve", answer.data["batch"], "--as", "checker").code == 0
    return answer.data["batch"]


def number(n):
    return family(n)[:16]


def test_a_family_is_found_masked_and_revealed_with_a_reason(typed, listed):
    found = typed(registry, "find", number(1))
    assert found.data["nik"] == f"9900••••••••{number(1)[-4:]}"
    assert number(1) not in str(found.data)
    assert typed(registry, "reveal", found.data["family"], "--reason", " ").code == 2
    assert entries(verb="revealed") == []
    shown = typed(registry, "reveal", found.data["family"], "--reason", "case 12", "--as", "auditor")
    assert shown.data["nik"] == number(1)
    (trace,) = entries(verb="revealed")
    assert (trace.actor, trace.facts) == ("auditor", {"reason": "case 12"})
    unknown = typed(registry, "find", number(9))
    assert (unknown.code, number(9) in unknown.said) == (2, False)


def test_a_rotation_seals_everything_anew_and_everything_still_opens(typed, listed, tmp_path):
    before = sealed_rows()
    done = typed(registry, "rotate", "--as", "operator")
    assert (done.code, done.data) == (0, {"version": 2, "renewed": 3, "left": 0})
    after = sealed_rows()
    for old, new in zip((*before[0], *before[1]), (*after[0], *after[1]), strict=True):
        assert old != new
    assert typed(registry, "find", number(1)).data["name"] == family(1).split(",")[1]
    shown = typed(registry, "reveal", family_of_nik(number(2)), "--reason", "look")
    assert shown.data["nik"] == number(2)
    assert typed(danom, "quarantine", listed, "--out", tmp_path / "mend.csv").data["lines"] == 1
    assert number(3) in (tmp_path / "mend.csv").read_text()


def test_a_list_that_waited_through_a_rotation_is_renewed_by_finish(typed, stage, written):  # noqa: F811
    answer = typed(danom, "import", written([family(1)]), "--stage", stage)
    assert rotate(actor="operator", at=datetime(2022, 3, 1, tzinfo=UTC)).left == 0
    assert typed(danom, "approve", answer.data["batch"], "--as", "checker").code == 0
    assert typed(registry, "find", number(1)).code == 0
    done = typed(registry, "rotate", "--finish")
    assert (done.data["version"], done.data["renewed"], done.data["left"]) == (2, 1, 0)
    assert typed(registry, "find", number(1)).code == 0


def test_a_key_is_of_no_use_without_the_secret_file(typed, listed):
    typed(registry, "rotate")
    with connection.cursor() as cursor:
        cursor.execute("SELECT key_sealed FROM registry_key")
        ((key_sealed,),) = cursor.fetchall()
    assert len(bytes(key_sealed)) == 16 + 3 * 64
    families, _ = sealed_rows()
    with pytest.raises(InvalidTag):
        Sealer(bytes(key_sealed)[16:80], NIK).open(families[0][0])
    assert LINE not in bytes(key_sealed)

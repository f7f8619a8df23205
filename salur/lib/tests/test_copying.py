"""Rows packed for a binary COPY come back as they went in."""

import uuid
from datetime import date

import numpy as np
import polars as pl
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salur.lib import copying
from salur.lib.sql import server_cursor

ROW = st.tuples(
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
    st.none() | st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12),
    st.none() | st.dates(date(1880, 1, 1), date(2100, 1, 1)),
    st.none() | st.uuids(),
    st.binary(max_size=9),
)


@pytest.fixture
def table(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE packed (n serial, a integer, b bigint, c uuid, d text, e date, f uuid, g bytea) ON COMMIT DROP"
        )


def columns(rows):
    a, b, c, d, e, f, g = zip(*rows, strict=True)
    ids = np.frombuffer(b"".join(value.bytes for value in c), np.uint8).reshape(-1, 16)
    maybe = np.frombuffer(b"".join((value or uuid.UUID(int=0)).bytes for value in f), np.uint8).reshape(-1, 16)
    return [
        copying.integers(np.array(a)), copying.bigints(np.array(b)), copying.uuids(ids), copying.texts(pl.Series(d, dtype=pl.String)),
        copying.dates(pl.Series(e, dtype=pl.Date)), copying.where(copying.uuids(maybe), np.array([value is not None for value in f])),
        copying.blobs(g),
    ]  # fmt: skip


def copied(rows):
    with server_cursor() as cursor:
        cursor.execute("TRUNCATE packed RESTART IDENTITY")
        with cursor.copy("COPY packed (a, b, c, d, e, f, g) FROM STDIN (FORMAT binary)") as copy:
            copy.write(copying.packed(columns(rows), len(rows)))
        cursor.execute("SELECT a, b, c, d, e, f, g FROM packed ORDER BY n")
        return cursor.fetchall()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=30))
def test_rows_come_back_as_they_went_in(table, rows):
    assert copied(rows) == rows


def test_more_rows_than_one_stretch(table):
    rows = [(n, -n, uuid.UUID(int=n), f"é{n}" * (n % 4), None, None, b"") for n in range(20_000)]
    assert copied(rows) == rows


def test_a_part_of_a_longer_series_is_itself(table):
    names = pl.Series(["ab", "cde", "", "f", None, "ghi"])[2:5]
    assert [copying.texts(names).sizes.tolist()] == [[0, 1, -1]]
    assert copied([(1, 1, uuid.UUID(int=1), "x", None, None, b"y")])[0][3] == "x"

"""Columns of a batch as PostgreSQL's binary arrays, packed in one go.

psycopg packs a list element by element, which costs more than the database needs to write the row. These pack a whole column at once;
the bytes are what the server's ``array_recv`` reads (one dimension, no NULLs): dimensions, has-null flag, element type, length, lower
bound, then for each element its length and its bytes.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_BYTEA, _INT8, _INT2, _INT4, _TEXT, _TIMESTAMPTZ, _UUID = 17, 20, 21, 23, 25, 1184, 2950
_ARRAY_OF = {_BYTEA: 1001, _INT8: 1016, _INT2: 1005, _INT4: 1007, _TEXT: 1009, _TIMESTAMPTZ: 1185, _UUID: 2951}
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Column:
    """A packed column; made by the functions below, given to a statement as a parameter."""

    __slots__ = ("data", "element", "length")

    def __init__(self, element: int, length: int, data: bytes) -> None:
        self.element, self.length, self.data = element, length, data

    def packed(self) -> bytes:
        return struct.pack(">iiIii", 1, 0, self.element, self.length, 1) + self.data


def uuids(values: Sequence[UUID]) -> Column:
    return Column(_UUID, len(values), b"".join([b"\0\0\0\x10" + value.int.to_bytes(16, "big") for value in values]))


def uuid_blocks(blocks: bytes) -> Column:
    """Ids that are bytes already, sixteen each, one after the other."""
    number = len(blocks) // 16
    data = bytearray(b"\0\0\0\x10" + bytes(16)) * number
    for place in range(16):
        data[4 + place :: 20] = blocks[place::16]
    return Column(_UUID, number, bytes(data))


def texts(values: Sequence[str]) -> Column:
    """Texts as they are; a batch whose texts are few different ones costs little more than one with none."""
    encoded = {value: _sized(value.encode()) for value in set(values)}
    return Column(_TEXT, len(values), b"".join([encoded[value] for value in values]))


def blobs(values: Sequence[bytes]) -> Column:
    return Column(_BYTEA, len(values), b"".join([_sized(value) for value in values]))


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def smallints(values: Sequence[int]) -> Column:
    return _numbers(_INT2, "ih", 2, values)


def integers(values: Sequence[int]) -> Column:
    return _numbers(_INT4, "ii", 4, values)


def bigints(values: Sequence[int]) -> Column:
    return _numbers(_INT8, "iq", 8, values)


def moments(values: Sequence[datetime]) -> Column:
    """Moments with a zone; microseconds since 2000 are what the server keeps."""
    return _numbers(_TIMESTAMPTZ, "iq", 8, [(value - _EPOCH) // _MICROSECOND for value in values])


def _numbers(element: int, form: str, width: int, values: Sequence[int]) -> Column:
    pairs = [width] * (2 * len(values))
    pairs[1::2] = values
    return Column(element, len(values), struct.pack(">" + form * len(values), *pairs))


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> Buffer:
        return obj.packed()

    def get_key(self, obj: Column, format: object) -> tuple[type, int]:  # type: ignore[override]
        return (self.cls, obj.element)

    def upgrade(self, obj: Column, format: object) -> "_ColumnDumper":
        dumper = _ColumnDumper(self.cls)
        dumper.oid = _ARRAY_OF[obj.element]
        return dumper


psycopg.adapters.register_dumper(Column, _ColumnDumper)

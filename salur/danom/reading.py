"""A ministry's file becomes frames of text, a stretch of lines at a time; what cannot be read is refused in one sentence.

A frame has the columns ``line`` (the number in the file; a header is line 1), every column of ``rules.COLUMNS`` and ``rules.MENDED`` as
text, empty where the file has none. Recognised by content, not by name: CSV, gzip, Parquet, XLSX (see ``spreadsheet.py``). Neither memory
nor time grows with what one line, one row or one cell claims to be.
"""

import codecs
import csv
import gzip
import io
import tomllib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from salur.danom.rules import COLUMNS, MENDED, REQUIRED, canonical
from salur.lib.problem import Problem

BLOCK_BYTES = 16 << 20
STRETCH_LINES = 150_000
MAX_LINE_BYTES = 100_000
MAX_COLUMNS = 200
MAX_LINES = 200_000_000
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "windows-1252", "auto")
ALL_COLUMNS = (*COLUMNS, *MENDED)


class UnreadableList(Problem):
    code = "unreadable_list"


class Mapping(msgspec.Struct, forbid_unknown_fields=True):
    """What a mapping file (TOML) says: our column = the file's header; and the encoding, where the file cannot tell it."""

    columns: dict[str, str] = {}
    encoding: str | None = None


@dataclass
class Notes:
    """What a reader tells beside the lines, filled while the file is read: sentences for the person, and the parts (sheets) of
    a file that has several, each with the number of its first line in the batch."""

    said: list[str] = field(default_factory=list)
    parts: list[tuple[str, int]] = field(default_factory=list)
    encoding: str | None = None

    def say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.append(sentence)


class Layout(NamedTuple):
    """How a file is to be read: encoding, columns by the file's headers, and which columns it must have."""

    encoding: str
    columns: dict[str, str]
    required: Sequence[str]


@dataclass
class Source:
    """A table inside a file: its headers, and stretches of rows (texts, columns by position) with their lines' numbers.

    ``part`` names a sheet; ``first_line`` is the number its header has in the batch.
    """

    part: str
    fields: list[str]
    stretches: Iterator[tuple[pl.DataFrame, npt.NDArray[np.int32]]]
    first_line: int = 1


def read_list(
    path: Path,
    *,
    encoding: str | None = None,
    mapping: Path | None = None,
    required: Sequence[str] = REQUIRED,
    notes: Notes | None = None,
) -> Iterator[pl.DataFrame]:
    """The frames of a list. Raises ``UnreadableList``.

    ``encoding`` of a CSV: utf-8 (with or without a mark), which is taken when nothing is said; windows-1252 when told so, here or by the
    ``mapping``; auto takes windows-1252 for a file that is not UTF-8 anywhere. A single wrong byte is never guessed at unless asked.
    """
    said = read_mapping(mapping) if mapping else Mapping()
    layout = Layout(encoding or said.encoding or "utf-8", said.columns, required)
    notes = notes or Notes()
    any_lines = any_table = False
    with _readable(path):
        for source in _sources(path, layout.encoding, notes):
            name = f"{path.name}, sheet {source.part}" if source.part else path.name
            if source.part and not set(layout.required) & set(
                known_positions(source.fields, name, layout, strict=False)
            ):
                notes.say(f"{name} is no list: passed over.")
                continue
            found = positions(source.fields, name, layout)
            any_table = True
            if source.part:
                notes.parts.append((source.part, source.first_line))
            for rows, lines in source.stretches:
                any_lines = any_lines or len(lines) > 0
                yield framed(rows, lines, found, name)
    if not any_table:
        raise UnreadableList(f"{path.name}: no sheet has the columns {', '.join(layout.required)}.")
    if not any_lines:
        raise UnreadableList(f"{path.name} has a header and no lines: nothing was imported.")


def first_lines(path: Path, *, encoding: str) -> tuple[pl.DataFrame, str | None]:
    """Some first rows of a file under its own headers, and its encoding where it is text."""
    notes = Notes()
    with _readable(path):
        for source in _sources(path, encoding, notes):
            for rows, _ in source.stretches:
                frame = rows[:2_000]
                return frame.rename(dict(zip(frame.columns, _distinct(source.fields), strict=True))), notes.encoding
            return pl.DataFrame(schema=dict.fromkeys(_distinct(source.fields), pl.String)), notes.encoding
    raise UnreadableList(f"{path.name} holds no table.")


def _distinct(fields: Sequence[str]) -> list[str]:
    """Headers as names: one that is missing or there before gets its place."""
    return [
        field if field and field not in fields[: place - 1] else f"{field or 'column'} ({place})"
        for place, field in enumerate(fields, 1)
    ]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the readers of formats say of a broken file, in a sentence."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableList(f"{path.name} is not a whole gzip file: send it again.") from error
    except pl.exceptions.PolarsError as error:
        raise UnreadableList(f"{path.name} is not a Parquet file that can be read: write it again.") from error


def _sources(path: Path, encoding: str, notes: Notes) -> Iterator[Source]:
    """The tables of a file; several only in a spreadsheet."""
    if not path.is_file():
        raise UnreadableList(f"{path} is not a file: check the name.")
    if path.stat().st_size == 0:
        raise UnreadableList(f"{path.name} is empty: nothing was imported.")
    with path.open("rb") as file:
        beginning = file.read(8)
    if beginning.startswith(b"PK\x03\x04"):
        from salur.danom.spreadsheet import sheets  # noqa: PLC0415  loaded only for spreadsheets

        yield from sheets(path)
    elif beginning.startswith(b"PAR1"):
        yield from _parquet(path)
    elif beginning.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableList(f"{path.name} is an old Excel file (.xls): save it as .xlsx or CSV.")
    else:
        with _opened(path) as opened:
            yield from _csv(opened, path.name, encoding, notes)


def read_mapping(path: Path) -> Mapping:
    """Raises ``UnreadableList`` for a mapping file that is none."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Mapping)
    except (OSError, ValueError) as error:  # msgspec's and tomllib's errors are ValueErrors
        raise UnreadableList(
            f"{path}: not a mapping file ({error}); `salur danom columns FILE` proposes one."
        ) from error
    unknown = found.columns.keys() - set(COLUMNS)
    if unknown:
        raise UnreadableList(
            f"{path}: {', '.join(sorted(unknown))} is no column of a list; there are {', '.join(COLUMNS)}."
        )
    if found.encoding not in (None, *ENCODINGS):
        raise UnreadableList(f"{path}: the encoding is {found.encoding}; it must be one of {', '.join(ENCODINGS)}.")
    return found


def positions(fields: Sequence[str], name: str, layout: Layout) -> dict[str, int]:
    """Which position of the file each column has. Raises ``UnreadableList``, naming what is missing and what is there."""
    if len(fields) > MAX_COLUMNS:
        raise UnreadableList(f"{name} has {len(fields):,} columns: a list has at most {MAX_COLUMNS}.")
    found = known_positions(fields, name, layout)
    missing = [column for column in layout.required if column not in found]
    if missing:
        there = ", ".join(fields[:20])[:400] or "nothing"
        raise UnreadableList(
            f"{name} lacks the column {', '.join(missing)}: a list needs {', '.join(layout.required)}, the file has {there};"
            " if it says so in other words, see `salur danom columns FILE`."
        )
    return found


def known_positions(fields: Sequence[str], name: str, layout: Layout, *, strict: bool = True) -> dict[str, int]:
    """The columns that are there; ``strict`` refuses two of one meaning, and a mapping that names what is not there."""
    mapped = {header.strip(): column for column, header in layout.columns.items()}
    absent = mapped.keys() - {field.strip() for field in fields}
    if absent and strict:
        raise UnreadableList(
            f"{name} has no column {', '.join(sorted(absent))}, which the mapping names: mend the mapping."
        )
    found: dict[str, int] = {}
    for position, header in enumerate(fields):
        column = mapped.get(header.strip()) or (header.strip() if header.strip() in MENDED else canonical(header))
        if column is None or (column in layout.columns and header.strip() not in mapped):
            continue
        if column in found and strict:
            raise UnreadableList(
                f"{name}: the columns {fields[found[column]]!r} and {header!r} both mean {column}: keep one of them, or say which in a mapping."
            )
        found[column] = position
    return found


def framed(frame: pl.DataFrame, lines: npt.NDArray[np.int32], found: dict[str, int], name: str) -> pl.DataFrame:
    """The columns we know of a frame of texts (columns by position), stripped, under our names, with their lines' numbers."""
    headers = frame.columns
    columns = [
        (pl.col(headers[found[column]]).str.strip_chars() if column in found else pl.lit("")).alias(column)
        for column in ALL_COLUMNS
    ]
    known = frame.select(pl.Series("line", lines), *columns)
    _refuse_formulas(known, [column for column in COLUMNS if column in found], name)
    return known


def _refuse_formulas(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    """A cell that a spreadsheet would run is no name and no number; ``="3511…"``, which keeps a number a text, is mended later."""
    begins = frame.select(pl.col(columns).str.starts_with("=").any())
    columns = [column for column in columns if begins[column][0]]
    formulas = [
        pl.col(column).str.starts_with("=") & ~pl.col(column).str.contains(r'^="?[0-9]*"?$') for column in columns
    ]
    flags = frame.select(formulas)
    for column in columns:
        rows = flags[column].arg_true()
        if len(rows):
            raise UnreadableList(
                f"{name}, line {frame['line'][rows[0]]}, column {column}: begins with = and is a formula: save the list with values only."
            )


def _opened(path: Path) -> IO[bytes]:
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file


def _csv(file: IO[bytes], name: str, encoding: str, notes: Notes) -> Iterator[Source]:
    first = file.readline(MAX_LINE_BYTES + 1)
    if len(first) > MAX_LINE_BYTES:
        raise _too_long(name, 1)
    if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise UnreadableList(f"{name} is UTF-16 text: save the list as CSV UTF-8.")
    _refuse_nul(first, name, 1)
    text = _Text(name, encoding, notes)
    header = text.decoded(first.removeprefix(codecs.BOM_UTF8), 1).decode().rstrip("\r\n")
    delimiter = max(DELIMITERS, key=header.count)
    try:
        (fields,) = csv.reader([header], delimiter=delimiter, strict=True) if header else ([""],)
    except (csv.Error, ValueError) as error:
        raise UnreadableList(f"{name}, line 1: a quotation mark is opened and not closed: mend the header.") from error
    yield Source("", fields, _csv_stretches(file, name, text, delimiter, len(fields)))


def _csv_stretches(
    file: IO[bytes], name: str, text: "_Text", delimiter: str, width: int
) -> Iterator[tuple[pl.DataFrame, npt.NDArray[np.int32]]]:
    line = 2
    for block in _blocks(file, name):
        _refuse_nul(block, name, line)
        rows, lines, line = _parsed(text.decoded(block, line), line, name, delimiter, width)
        if line > MAX_LINES:
            raise UnreadableList(f"{name} has more than {MAX_LINES:,} lines: send it in parts.")
        for start in range(0, len(rows), STRETCH_LINES):
            yield rows[start : start + STRETCH_LINES], lines[start : start + STRETCH_LINES]


def _blocks(file: IO[bytes], name: str) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time. A line that never ends is refused by whoever counts; here it only must not fill the memory."""
    rest = b""
    line = 2
    while data := file.read(BLOCK_BYTES):
        end = data.rfind(b"\n") + 1
        if not end:
            rest += data
            if len(rest) > MAX_LINE_BYTES:
                raise _too_long(name, line)
            continue
        block = rest + data[:end]
        rest = data[end:]
        line += block.count(b"\n")
        yield block
    if rest:
        yield rest + b"\n"


def _too_long(name: str, line: int) -> UnreadableList:
    return UnreadableList(
        f"{name}, line {line}: longer than {MAX_LINE_BYTES:,} bytes; is this a list with one family per line?"
    )


def _refuse_nul(data: bytes, name: str, line: int) -> None:
    at = data.find(b"\0")
    if at >= 0:
        line += data.count(b"\n", 0, at)
        raise UnreadableList(
            f"{name}, line {line}: holds a NUL byte, so it is no text file: save the list as CSV again."
        )


class _Text:
    """Bytes as UTF-8, whatever the file is written in. With ``auto`` a file is one or the other, not both."""

    def __init__(self, name: str, encoding: str, notes: Notes) -> None:
        self.name, self.encoding, self.notes = name, encoding, notes
        self.more_than_ascii = False
        notes.encoding = "utf-8" if encoding == "auto" else encoding

    def decoded(self, block: bytes, line: int) -> bytes:
        if self.encoding == "windows-1252":
            return self._from_windows(block, line)
        if block.isascii():
            return block
        try:
            block.decode()
        except UnicodeDecodeError as error:
            at_line, column = _place(block, error.start, line)
            if self.encoding == "auto" and not self.more_than_ascii:
                self.encoding = self.notes.encoding = "windows-1252"
                self.notes.say(
                    f"{self.name} is not UTF-8 (line {at_line}); it was read as Windows-1252: check names with accents."
                )
                return self._from_windows(block, line)
            raise UnreadableList(
                f"{self.name}, line {at_line}, byte {column}: not UTF-8; mend the line, or, if the list was saved by Windows,"
                " import it with --encoding windows-1252."
            ) from error
        self.more_than_ascii = True
        return block

    def _from_windows(self, block: bytes, line: int) -> bytes:
        try:
            return block.decode("windows-1252").encode()
        except UnicodeDecodeError as error:
            at_line, column = _place(block, error.start, line)
            raise UnreadableList(
                f"{self.name}, line {at_line}, byte {column}: neither UTF-8 nor Windows-1252: mend the line."
            ) from error


def _place(block: bytes, at: int, line: int) -> tuple[int, int]:
    """Line and byte within it of a position in a block that begins at ``line``."""
    return line + block.count(b"\n", 0, at), at - block.rfind(b"\n", 0, at)


def _parsed(
    block: bytes, line: int, name: str, delimiter: str, width: int
) -> tuple[pl.DataFrame, npt.NDArray[np.int32], int]:
    """The cells of a block that begins at ``line``: columns by position; their lines' numbers; and the line after the block.

    Every line has as many fields as the header, or is blank and holds nothing; that is checked before anything is taken apart, by
    counting marks in bulk.
    """
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    sizes = np.diff(ends, prepend=-1) - 1
    if sizes.max() > MAX_LINE_BYTES:
        raise _too_long(name, line + int(sizes.argmax()))
    marks = data == ord(delimiter)
    quoted = b'"' in block
    if quoted:
        marks &= _outside_quotes(data, ends, line, name, delimiter)
    places = np.flatnonzero(marks)
    fields = np.diff(np.searchsorted(places, ends), prepend=0) + 1
    carriage = data[(ends - 1).clip(0)] == ord("\r")
    blank = (sizes == 0) | ((sizes == 1) & carriage)
    wrong = (fields != width) & ~blank
    if wrong.any():
        first = int(wrong.argmax())
        raise UnreadableList(
            f"{name}, line {line + first}: has {fields[first]} fields where the header has {width}: mend the line or send the list again."
        )
    lines = np.arange(line, line + len(ends), dtype=np.int32)
    after = line + len(ends)
    if blank.any():
        kept = [part for part, nothing in zip(block.split(b"\n"), blank, strict=False) if not nothing]
        block, lines = b"\n".join(kept) + b"\n", lines[~blank]
    names = [f"f{position}" for position in range(width)]
    schema = dict.fromkeys(names, pl.String)
    if not len(lines):
        return pl.DataFrame(schema=schema), lines, after
    if carriage.any():
        block = block.replace(b"\r\n", b"\n")
    frame = pl.read_csv(
        io.BytesIO(block), has_header=False, separator=delimiter, quote_char='"' if quoted else None, schema=schema,
        infer_schema=False, empty_string_is_null=False,
    )  # fmt: skip
    assert len(frame) == len(lines), f"{len(lines)} lines from line {line} were read as {len(frame)}"
    return frame, lines, after


def _outside_quotes(
    data: npt.NDArray[np.uint8], ends: npt.NDArray[np.intp], line: int, name: str, delimiter: str
) -> npt.NDArray[np.bool_]:
    """Which bytes lie outside quotation marks. Refuses a mark that stays open over the line, or stands in the middle of a field."""
    quotes = data == ord('"')
    within = (np.cumsum(quotes, dtype=np.uint8) & 1).astype(bool)
    if within[ends].any():
        raise UnreadableList(
            f"{name}, line {line + int(within[ends].argmax())}: a quotation mark is opened and not closed on the line: mend the line."
        )
    places = np.flatnonzero(quotes)
    opening = within[places]
    edges = np.zeros(256, bool)
    edges[[ord(delimiter), ord("\n"), ord("\r"), ord('"')]] = True
    before, after = data[places - 1], data[(places + 1).clip(max=len(data) - 1)]
    stray = (opening & ~(edges[before] | (places == 0))) | (~opening & ~edges[after])
    if stray.any():
        at = int(places[int(stray.argmax())])
        raise UnreadableList(
            f"{name}, line {line + int(np.searchsorted(ends, at))}: a quotation mark stands in the middle of a field: double it"
            ' ("") and quote the field.'
        )
    return ~within


def _parquet(path: Path) -> Iterator[Source]:
    scan = pl.scan_parquet(path)
    yield Source("", scan.collect_schema().names(), _parquet_stretches(scan))


def _parquet_stretches(scan: pl.LazyFrame) -> Iterator[tuple[pl.DataFrame, npt.NDArray[np.int32]]]:
    height = scan.select(pl.len()).collect().item()
    for start in range(0, height, STRETCH_LINES):
        frame = scan.slice(start, STRETCH_LINES).collect().select(as_texts(pl.all()))
        yield frame, np.arange(start + 2, start + 2 + len(frame), dtype=np.int32)


def as_texts(columns: pl.Expr) -> pl.Expr:
    return columns.cast(pl.String).fill_null("")

"""A ministry's file becomes frames of text, a stretch of lines at a time; what cannot be read is refused in one sentence.

A frame has the columns ``line`` (the number in the file, the header is 1) and every column of ``rules.COLUMNS`` as text, empty where the
file has none. Memory does not grow with the file.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl

from salur.danom.rules import COLUMNS, REQUIRED, canonical
from salur.lib.problem import Problem

STRETCH_LINES = 250_000
MAX_LINE_BYTES = 100_000
MAX_COLUMNS = 200
DELIMITERS = (",", ";", "\t", "|")


class UnreadableList(Problem):
    code = "unreadable_list"


def read_list(path: Path, *, encoding: str = "utf-8") -> Iterator[pl.DataFrame]:
    """The frames of a CSV, CSV.gz or Parquet file. ``encoding`` is utf-8 (with or without a mark), or windows-1252 when told so."""
    if not path.is_file():
        raise UnreadableList(f"{path} is not a file: check the name.")
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    try:
        with _opened(path) as file:
            yield from _read_csv(file, path.name, encoding)
    except (gzip.BadGzipFile, EOFError) as error:
        raise UnreadableList(f"{path.name} is not a whole gzip file: send it again.") from error


def _opened(path: Path) -> IO[bytes]:
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]


def _read_csv(file: IO[bytes], name: str, encoding: str) -> Iterator[pl.DataFrame]:
    lines = _Lines(file, name)
    first = lines.next()
    if first is None:
        raise UnreadableList(f"{name} is empty: nothing was imported.")
    header = _decoded(first.removeprefix(b"\xef\xbb\xbf"), name, 1, encoding).rstrip("\r\n")
    delimiter = max(DELIMITERS, key=header.count)
    fields = next(csv.reader([header], delimiter=delimiter))
    positions = _positions(fields, name)
    found = False
    for start, block in lines.stretches():
        found = True
        yield _frame(block, start, name, delimiter, fields, positions, encoding)
    if not found:
        raise UnreadableList(f"{name} has a header and no lines: nothing was imported.")


class _Lines:
    """A file's lines in stretches; a line that never ends, or holds a NUL byte, is refused before it fills the memory."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.file, self.name, self.number = (
            io.BufferedReader(file, 1 << 20) if not hasattr(file, "peek") else file,
            name,
            0,
        )  # type: ignore[arg-type]

    def next(self) -> bytes | None:
        line = self.file.readline(MAX_LINE_BYTES + 1)
        self.number += 1
        self._check(line)
        return line or None

    def _check(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            raise UnreadableList(
                f"{self.name}, line {self.number}: longer than {MAX_LINE_BYTES:,} bytes; is this a list with one family per line?"
            )
        if b"\0" in line:
            raise UnreadableList(
                f"{self.name}, line {self.number}: holds a NUL byte, so it is no text file: save the list as CSV again."
            )

    def stretches(self) -> Iterator[tuple[int, bytes]]:
        """(number of the first line, the lines' bytes), some hundred thousand lines at a time."""
        start, parts, size = self.number + 1, [], 0
        while line := self.file.readline(MAX_LINE_BYTES + 1):
            self.number += 1
            self._check(line)
            parts.append(line)
            size += 1
            if size == STRETCH_LINES:
                yield start, b"".join(parts)
                start, parts, size = self.number + 1, [], 0
        if parts:
            yield start, b"".join(parts)


def _decoded(data: bytes, name: str, line: int, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise UnreadableList(
            f"{name}, line {line}, byte {column}: not {encoding.upper()}; if the list was saved by Windows, import it with --encoding windows-1252."
        ) from error


def _positions(fields: list[str], name: str) -> dict[str, int]:
    """Which position of the file each known column has."""
    if len(fields) > MAX_COLUMNS:
        raise UnreadableList(f"{name} has {len(fields):,} columns: a list has at most {MAX_COLUMNS}.")
    positions: dict[str, int] = {}
    for position, field in enumerate(fields):
        column = canonical(field)
        if column is None:
            continue
        if column in positions:
            raise UnreadableList(
                f"{name}: the columns {fields[positions[column]]!r} and {field!r} both mean {column}: keep one of them."
            )
        positions[column] = position
    missing = [column for column in REQUIRED if column not in positions]
    if missing:
        raise UnreadableList(f"{name} lacks the column {', '.join(missing)}: a list needs {', '.join(REQUIRED)}.")
    return positions


def _frame(
    block: bytes, start: int, name: str, delimiter: str, fields: list[str], positions: dict[str, int], encoding: str
) -> pl.DataFrame:
    text = block
    if encoding != "utf-8" or not _is_utf8(block):
        text = _decoded(block, name, start, encoding).encode()
    width = len(fields)
    _check_shape(text, start, name, delimiter, width)
    names = [f"f{position}" for position in range(width)]
    frame = pl.read_csv(
        text,
        has_header=False,
        separator=delimiter,
        new_columns=names,
        schema=dict.fromkeys(names, pl.String),
        infer_schema=False,
    )
    columns = [
        (pl.col(f"f{positions[column]}").fill_null("").str.strip_chars() if column in positions else pl.lit("")).alias(
            column
        )
        for column in COLUMNS
    ]
    return frame.with_row_index("line", start).select(pl.col("line").cast(pl.Int32), *columns)


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_shape(text: bytes, start: int, name: str, delimiter: str, width: int) -> None:
    """Each line has as many fields as the header. Counted in bulk; line by line only where quotes or a wrong count ask for it."""
    mark = delimiter.encode()
    lines = text.splitlines()
    if b'"' not in text:
        wrong = next((number for number, line in enumerate(lines, start) if line.count(mark) != width - 1), None)
        if wrong is not None:
            raise _broken(name, wrong, lines[wrong - start].count(mark) + 1, width)
        return
    for number, line in enumerate(lines, start):
        if b'"' not in line:
            found = line.count(mark) + 1
        else:
            try:
                (parsed,) = csv.reader([line.decode()], delimiter=delimiter, strict=True)
            except (csv.Error, ValueError) as error:
                raise UnreadableList(
                    f"{name}, line {number}: a quotation mark is opened and not closed on the line: mend the line."
                ) from error
            found = len(parsed)
        if found != width:
            raise _broken(name, number, found, width)


def _broken(name: str, number: int, found: int, width: int) -> UnreadableList:
    return UnreadableList(
        f"{name}, line {number}: has {found} fields where the header has {width}: mend the line or send the list again."
    )


def _read_parquet(path: Path) -> Iterator[pl.DataFrame]:
    try:
        scan = pl.scan_parquet(path)
        fields = scan.collect_schema().names()
        positions = _positions(fields, path.name)
        height = scan.select(pl.len()).collect().item()
        if not height:
            raise UnreadableList(f"{path.name} has no lines: nothing was imported.")
        columns = [
            (
                pl.col(fields[positions[column]]).cast(pl.String).fill_null("").str.strip_chars()
                if column in positions
                else pl.lit("")
            ).alias(column)
            for column in COLUMNS
        ]
        for start in range(0, height, STRETCH_LINES):
            frame = scan.slice(start, STRETCH_LINES).select(columns).collect()
            yield frame.with_row_index("line", start + 2).with_columns(pl.col("line").cast(pl.Int32))
    except pl.exceptions.PolarsError as error:
        raise UnreadableList(f"{path.name} is not a Parquet file that can be read: write it again.") from error

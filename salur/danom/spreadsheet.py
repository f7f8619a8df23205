"""Spreadsheets as lists: every sheet that is one, in the file's order.

What a spreadsheet does to numbers is undone here, where it is still known which cells were numbers: leading zeros that were lost, and
decimals. A small file can claim to be a sheet of seventeen thousand million cells; it is measured before anything is loaded.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import numpy as np
import numpy.typing as npt
import polars as pl

from salur.danom.reading import MAX_COLUMNS, STRETCH_LINES, Source, UnreadableList, as_texts
from salur.danom.rules import REQUIRED, canonical

MAX_BYTES = 2 << 30  # of all parts unpacked: a full sheet of 14 columns is about one
MAX_CELLS = 60_000_000  # rows times columns: how much is loaded at once
MAX_ROWS = 1_048_576
MAX_TEXT_BYTES = 1 << 20  # between two marks; a cell holds 32,767 characters at most
_HEADER_ROWS = 15
_CHUNK = 4 << 20
# A cell's or a row's place as it is written, and the end of one that says no place.
_PLACE = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,7})(\d{1,9})"')
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_ROW = re.compile(rb'<(?:\w+:)?row [^>]*?\br="(\d{1,12})"')


def sheets(path: Path) -> Iterator[Source]:
    """The tables of a workbook. Lines are numbered through: a sheet's rows follow those of the sheet before."""
    _measure(path)
    try:
        book = fastexcel.read_excel(str(path))
        line = 1
        for name in book.sheet_names:
            sheet = book.load_sheet(name, header_row=None, dtypes="string", skip_whitespace_tail_rows=True)
            frame = sheet.to_polars()
            if frame.is_empty():
                continue
            frame = frame.select(as_texts(pl.all()))
            header = _header_row(frame)
            fields = [cell.strip() for cell in frame.row(header)]
            frame = _with_lost_zeros(frame, fields, header)
            yield Source(name, fields, _stretches(frame, header, line), line)
            line += len(frame)
    except fastexcel.FastExcelError as error:
        raise UnreadableList(f"{path.name} is not a spreadsheet that can be read: save it again as .xlsx.") from error


def _header_row(frame: pl.DataFrame) -> int:
    """The row of headers: titles and empty rows may stand above it."""
    known = [len({canonical(cell) for cell in row} & set(REQUIRED)) for row in frame.head(_HEADER_ROWS).rows()]
    return max(range(len(known)), key=known.__getitem__)


def _with_lost_zeros(frame: pl.DataFrame, fields: list[str], header: int) -> pl.DataFrame:
    """RT and RW have three digits again. A NIK has its zeros back only where the whole column lost them: of a real one none can be
    lost, because provinces begin at 11, so a single short number is a mistake and stays one."""
    for name, field in zip(frame.columns, fields, strict=True):
        cells = pl.col(name)
        means = canonical(field)
        if means in ("rt", "rw"):
            frame = frame.with_columns(
                pl.when(cells.str.contains(r"^\d{1,2}$")).then(cells.str.zfill(3)).otherwise(cells)
            )
        elif means in ("nik", "no_kk"):
            short = cells.str.contains(r"^\d{12,14}$")
            given = frame[header + 1 :].filter(cells != "").select(short.mean()).item()
            if given is not None and given > 0.5:
                frame = frame.with_columns(pl.when(short).then(cells.str.zfill(16)).otherwise(cells))
    return frame


def _stretches(frame: pl.DataFrame, header: int, first: int) -> Iterator[tuple[pl.DataFrame, npt.NDArray[np.int32]]]:
    for start in range(header + 1, len(frame), STRETCH_LINES):
        rows = frame[start : start + STRETCH_LINES]
        lines = np.arange(first + start, first + start + len(rows), dtype=np.int32)
        given = rows.select(pl.any_horizontal(pl.all().str.strip_chars() != "")).to_series()
        yield rows.filter(given), lines[given.to_numpy()]


def _measure(path: Path) -> None:
    """Refuses what would not fit, by unpacking every part once without keeping it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names:
                raise UnreadableList(
                    f"{path.name} is a zip file and no spreadsheet: unpack it and send the list itself."
                )
            left = MAX_BYTES
            for name in names:
                left = _measure_part(archive, name, left, path.name)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableList(f"{path.name} is not a whole spreadsheet: save it again as .xlsx.") from error


def _measure_part(archive: zipfile.ZipFile, name: str, left: int, file: str) -> int:
    """How many bytes may still be unpacked after this part."""
    is_sheet = name.startswith("xl/worksheets/")
    columns = rows = cells = 0
    rest = b""
    unmarked = 0  # bytes since the last "<"
    with archive.open(name) as part:
        while chunk := part.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise UnreadableList(
                    f"{file} unpacks to more than {MAX_BYTES >> 30} GB: that is no list; send it as CSV or in parts."
                )
            unmarked = _longest_text(chunk, unmarked, file) if name.endswith(".xml") else 0
            if not is_sheet:
                continue
            cells += len(_CELL.findall(chunk))
            data = rest + chunk
            widest = {letters for letters, _ in _PLACE.findall(data)}
            columns = max([columns, *map(_column_number, widest)])
            last_rows = _ROW.findall(data)
            rows = max(rows, int(last_rows[-1])) if last_rows else rows
            if columns > MAX_COLUMNS:
                raise UnreadableList(
                    f"{file} has a cell in column {columns:,}: a list has at most {MAX_COLUMNS} columns."
                )
            if rows > MAX_ROWS or max(rows * columns, cells) > MAX_CELLS:
                raise UnreadableList(
                    f"{file} has a sheet of {rows:,} rows, {columns:,} columns and {cells:,} written cells: send it as CSV or in parts."
                )
            rest = data[-200:]
    return left


def _longest_text(chunk: bytes, before: int, file: str) -> int:
    """Refuses a text between two marks that no cell can hold; the bytes that follow the last mark. ``before`` is that of the chunk before."""
    ends = np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("<"))
    longest = before + len(chunk) if not len(ends) else max(before + int(ends[0]), int(np.diff(ends).max(initial=0)))
    if longest > MAX_TEXT_BYTES:
        raise UnreadableList(f"{file} holds a text of {longest >> 20} MB without end: that is no list; save it again.")
    return longest if not len(ends) else len(chunk) - int(ends[-1])


def _column_number(letters: bytes) -> int:
    """``A`` → 1, ``XFD`` → 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number

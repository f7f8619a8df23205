"""Writing simulated lines as a ministry file: CSV, CSV.gz, Parquet or XLSX, told by the file's name.

Frames are written as they come, so memory stays that of one frame. A file appears under its name only when it is whole.
The same frames give the same bytes: no file carries the time of its making.
"""

import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import polars as pl
import pyarrow.parquet as pq
import xlsxwriter

from salur.lib.problem import Problem

SHEET_ROWS = 1_048_576


class UnwritableFile(Problem):
    code = "unwritable_file"


def write_lines(frames: Iterable[pl.DataFrame], path: Path) -> int:
    """Write frames of text columns, null where a cell is empty (at least one frame, all with the same columns) to ``path``; the number of lines.

    Raises ``UnwritableFile`` for an unknown ending, a folder that does not exist, or more lines than a sheet holds.
    """
    write = next((write for ending, write in WRITERS.items() if path.name.lower().endswith(ending)), None)
    if write is None:
        raise UnwritableFile(f"{path.name}: the ending tells the format; use one of {', '.join(WRITERS)}.")
    if not path.parent.is_dir():
        raise UnwritableFile(f"The folder {path.parent} does not exist; make it or name another.")
    with _appearing_whole(path) as partial:
        return write(frames, partial)


@contextmanager
def _appearing_whole(path: Path) -> Iterator[Path]:
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _csv(frames: Iterable[pl.DataFrame], path: Path) -> int:
    with path.open("wb") as file:
        return _csv_into(frames, file)


def _csv_gz(frames: Iterable[pl.DataFrame], path: Path) -> int:
    # Level 1: these texts shrink to a fifth already, and a higher level is paid for line by line.
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed,
    ):
        return _csv_into(frames, cast(IO[bytes], packed))


def _csv_into(frames: Iterable[pl.DataFrame], file: IO[bytes]) -> int:
    lines = 0
    for number, frame in enumerate(frames):
        frame.write_csv(file, include_header=number == 0)
        lines += len(frame)
    return lines


def _parquet(frames: Iterable[pl.DataFrame], path: Path) -> int:
    lines, writer = 0, None
    try:
        for frame in frames:
            table = frame.to_arrow()
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            lines += len(frame)
    finally:
        if writer:
            writer.close()
    return lines


def _xlsx(frames: Iterable[pl.DataFrame], path: Path) -> int:
    """One sheet of text cells; a spreadsheet program would make numbers of NIKs and lose their last digits."""
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False}
    )
    book.set_properties({"created": datetime(2022, 2, 20)})  # noqa: DTZ001 -- a spreadsheet's times have no zone
    sheet = book.add_worksheet("danom")
    row = 0
    for frame in frames:
        if row == 0:
            sheet.write_row(0, 0, frame.columns)
        if row + len(frame) >= SHEET_ROWS:
            book.close()
            raise UnwritableFile(f"A sheet holds {SHEET_ROWS - 1:,} lines; write more than that as CSV or Parquet.")
        for values in frame.iter_rows():
            row += 1
            for column, value in enumerate(values):
                if value is not None:
                    sheet.write_string(row, column, value)
    book.close()
    return row


WRITERS: dict[str, Callable[[Iterable[pl.DataFrame], Path], int]] = {
    ".csv": _csv,
    ".csv.gz": _csv_gz,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
}


def scan_lines(path: Path) -> pl.LazyFrame:
    """The lines of a file that ``write_lines`` wrote, all text, read when needed. Raises ``UnwritableFile`` for one that it cannot be."""
    if not path.is_file():
        raise UnwritableFile(f"{path} does not exist; name a file that was made before.")
    if path.name.lower().endswith(".parquet"):
        return pl.scan_parquet(path)
    if path.name.lower().endswith((".csv", ".csv.gz")):
        return pl.scan_csv(path, infer_schema=False)
    raise UnwritableFile(f"{path.name}: name a file made as CSV, CSV.gz or Parquet.")

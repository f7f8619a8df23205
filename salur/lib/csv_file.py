"""Reading a CSV file that a person made: what cannot be read is refused whole, in one sentence that names the file and the line.

Recognised: gzip (by content), UTF-8 with or without byte order mark, Windows-1252, and comma, semicolon or tab between cells (Excel
set to Indonesian writes semicolons). Size is bounded, so neither a gzip bomb nor an endless line takes the memory. For reference
data: up to some 100,000 lines; the nominative lists have a reader of their own.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from salur.lib.problem import Problem

MAX_BYTES = 256 * 2**20
_CHUNK = 2**20
_UTF8_BEYOND_ASCII = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


class UnreadableFile(Problem):
    code = "unreadable_file"


class CsvFile(NamedTuple):
    """``rows`` holds (line number, cells in the order of the columns asked for); cells are stripped, absent columns are ``""``."""

    path: Path
    encoding: str
    rows: list[tuple[int, list[str]]]

    def refusal(self, line: int, sentence: str) -> UnreadableFile:
        """What to raise when a line says something that cannot be."""
        return refusal(self.path, sentence, line)

    @property
    def notes(self) -> list[str]:
        """What the person should know about how the file was read."""
        if self.encoding == "utf-8":
            return []
        return [f"{self.path.name} is not UTF-8; it was read as Windows-1252: check names with accents."]


def refusal(path: Path, sentence: str, line: int | None = None) -> UnreadableFile:
    where = path.name if line is None else f"{path.name} line {line}"
    return UnreadableFile(f"{where}: {sentence}", file=str(path), line=line)


def read_csv(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> CsvFile:
    """The lines of ``path`` with the cells of ``columns`` and then ``optional``; other columns are left out.

    Raises ``UnreadableFile`` for a file that is missing, empty, too large, not text, without one of ``columns``, or broken.
    """
    text, encoding = _decode(path, read_bytes(path))
    if not text.strip():
        raise refusal(path, f"the file is empty; it needs the columns {', '.join(columns)}.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, columns), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        header = [name.strip().lower() for name in next(reader)]
        positions = _positions(path, header, columns, optional)
        width = len(header)
        line = reader.line_num + 1
        for cells in reader:
            if any(cells):  # spreadsheets end in lines of nothing but separators
                if len(cells) < width or any(cells[width:]):
                    raise refusal(path, f"it has {len(cells)} cells where the header has {width} columns.", line)
                rows.append((line, ["" if position is None else cells[position].strip() for position in positions]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise refusal(
            path, f"it cannot be read as CSV ({error}): look for a quotation mark that is not closed.", line
        ) from error
    if not rows:
        raise refusal(path, "there are no lines below the header.")
    return CsvFile(path, encoding, rows)


def read_bytes(path: Path) -> bytes:
    """The content, unpacked when it is gzip; refused above ``MAX_BYTES``."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            source = gzip.GzipFile(fileobj=raw) if packed else raw
            content = bytearray()
            while chunk := source.read(_CHUNK):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise refusal(path, f"it holds more than {MAX_BYTES // 2**20} MiB; such a file was not meant here.")
    except FileNotFoundError as error:
        raise refusal(path, "there is no such file: check the name.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise refusal(path, f"it is damaged and cannot be unpacked ({error}): copy it again.") from error
    except OSError as error:
        raise refusal(path, f"it cannot be opened ({error.strerror}).") from error
    return bytes(content)


def _decode(path: Path, content: bytes) -> tuple[str, str]:
    """The text and the encoding it was read in: ``utf-8`` or ``windows-1252``."""

    def line_of(position: int) -> int:
        return content.count(b"\n", 0, position) + 1

    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise refusal(path, "it is in UTF-16: save it as CSV UTF-8.")
    nul = content.find(b"\0")
    if nul >= 0:
        raise refusal(path, "it holds a NUL byte, so this is not a text file: save it as CSV UTF-8.", line_of(nul))
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        broken = error.start + (len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0)
    # A single odd byte among UTF-8 text is damage; reading the whole as Windows-1252 would spoil every name that is right.
    if content.startswith(codecs.BOM_UTF8) or _UTF8_BEYOND_ASCII.search(content):
        sentence = f"byte {content[broken]:#04x} is not UTF-8 although the rest of the file is: save the whole file as CSV UTF-8."
        raise refusal(path, sentence, line_of(broken))
    try:
        return content.decode("windows-1252"), "windows-1252"
    except UnicodeDecodeError as error:
        sentence = f"byte {content[error.start]:#04x} is neither UTF-8 nor Windows-1252: save the file as CSV UTF-8."
        raise refusal(path, sentence, line_of(error.start)) from error


def _delimiter(text: str, columns: Sequence[str]) -> str:
    """The separator with which the header names most of the columns."""
    end = text.find("\n")
    header = text[: end if end >= 0 else len(text)]

    def named(delimiter: str) -> int:
        cells = {cell.strip().strip('"').lower() for cell in header.split(delimiter)}
        return sum(column in cells for column in columns)

    return max(",;\t", key=named)


def _missing(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the column {names[0]} is"
    return f"the columns {', '.join(names[:-1])} and {names[-1]} are"


def _positions(path: Path, header: list[str], columns: Sequence[str], optional: Sequence[str]) -> list[int | None]:
    missing = [column for column in columns if column not in header]
    if missing:
        found = ", ".join(name[:40] for name in header[:12]) + (" …" if len(header) > 12 else "")
        sentence = f"{_missing(missing)} missing; it needs {','.join(columns)} and has {found}."
        raise refusal(path, sentence, 1)
    for column in (*columns, *optional):
        if header.count(column) > 1:
            raise refusal(path, f"the column {column} is there twice.", 1)
    return [header.index(column) if column in header else None for column in (*columns, *optional)]

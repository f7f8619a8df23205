"""What can be asked for, and how a sheet becomes a file; no database."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from salur.lib.problem import Problem
from salur.lib.sheet import harmless

MOST_IN_A_BOOK = 1_048_575  # a sheet of Excel has 2^20 rows, the first is the heading
MOST_ON_PAPER = 2_000  # some fifty pages; more is for a spreadsheet


class What(StrEnum):
    REALISATION = "realisation"
    FAMILIES = "families"


class Form(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    PDF = "pdf"


MIME = {
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.CSV: "text/csv; charset=utf-8",
    Form.PDF: "application/pdf",
}


class TooLong(Problem):
    code = "too_long"


@dataclass(frozen=True)
class Asked:
    """An export as it was asked for: the words of the board's address. ``village`` and ``state`` are for families only.

    ``clear``: NIKs not masked; ``reason`` says why.
    """

    what: What
    form: Form
    stage: str
    office: str = ""
    area: int | None = None
    by: str = ""
    as_of: str = ""
    version: int | None = None
    village: int | None = None
    state: str = ""
    clear: bool = False
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def of_json(facts: Mapping[str, Any]) -> "Asked":
        return Asked(**{**facts, "what": What(facts["what"]), "form": Form(facts["form"])})


class Kind(StrEnum):
    TEXT = "text"
    CODE = "code"  # digits that are no number: never counted with, never cut
    NUMBER = "number"
    RUPIAH = "rupiah"
    PERCENT = "percent"
    MOMENT = "moment"


WORDS = (Kind.TEXT, Kind.CODE)


@dataclass(frozen=True)
class Column:
    """``key`` stands above the column of a CSV, ``label`` above the others'; ``width`` in signs."""

    key: str
    label: str
    kind: Kind
    width: int = 12


@dataclass(frozen=True)
class Sheet:
    """``rows`` is read once, while it is written. ``facts`` say what it is: place, moment, version, who took it."""

    title: str
    place: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    total: Sequence[Any] | None
    as_of: datetime
    zone: str


def file_name(asked: Asked, as_of: datetime) -> str:
    """``realisation-SEMBAKO-2022-1-KC-BDW-351101-village-20220312T0900Z.xlsx``: plain signs only."""
    place = asked.village or asked.area
    words = [asked.what, asked.stage, asked.office or "nation", str(place or ""), asked.by, f"{as_of:%Y%m%dT%H%MZ}"]
    plain = "-".join(word for word in words if word)
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in plain)
    return f"{name}.{asked.form}"


def write_csv(sheet: Sheet, path: Path) -> int:
    """For programs (a person takes XLSX): plain numbers, moments with their zone, the columns' keys above them. Answers how many rows."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.key for column in sheet.columns])
        for row in sheet.rows:
            count += 1
            writer.writerow([_for_csv(cell, sheet.zone) for cell in row])
    return count


def _for_csv(cell: Any, zone: str) -> Any:
    if isinstance(cell, datetime):
        return cell.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return "" if cell is None else harmless(cell)


def write_xlsx(sheet: Sheet, path: Path, *, names: tuple[str, str]) -> int:
    """A book of two sheets, data and facts (``names``); texts are written as texts, so nothing in it is a formula. Answers how many rows."""
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False, "remove_timezone": True,
    }  # fmt: skip
    count = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": sheet.title, "subject": sheet.place, "company": "salur"})
        formats = {
            Kind.TEXT: book.add_format(), Kind.CODE: book.add_format({"num_format": "@"}), Kind.NUMBER: book.add_format({"num_format": "#,##0"}),
            Kind.RUPIAH: book.add_format({"num_format": '"Rp"#,##0'}), Kind.PERCENT: book.add_format({"num_format": "0.00%"}),
            Kind.MOMENT: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }  # fmt: skip
        head = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "vcenter", "bg_color": "#E8EDF3"}
        )
        data, about = book.add_worksheet(names[0]), book.add_worksheet(names[1])
        data.set_row(0, 30)
        for place, column in enumerate(sheet.columns):
            data.set_column(place, place, column.width)
            data.write_string(0, place, column.label, head)
        data.freeze_panes(1, 1)
        for row in sheet.rows:
            count += 1
            if count > MOST_IN_A_BOOK:
                raise TooLong("A spreadsheet holds 1,048,575 rows: take it as CSV.")
            for place, (cell, column) in enumerate(zip(row, sheet.columns, strict=True)):
                _write_cell(data, count, place, cell, column.kind, sheet.zone, formats[column.kind])
        data.autofilter(0, 0, count, len(sheet.columns) - 1)
        data.set_landscape()
        data.set_paper(9)
        data.fit_to_pages(1, 0)
        data.repeat_rows(0)
        strong, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        _write_facts(about, sheet, strong, wrapped, formats)
    return count


def _write_cell(data: Any, at: int, place: int, cell: Any, kind: Kind, zone: str, look: Any) -> None:
    if cell is None:
        return
    if kind in WORDS:
        data.write_string(at, place, str(cell), look)
    elif kind is Kind.MOMENT:
        data.write_datetime(at, place, cell.astimezone(ZoneInfo(zone)), look)
    elif kind is Kind.PERCENT:
        data.write_number(at, place, float(Decimal(cell) / 100), look)
    else:
        data.write_number(at, place, int(cell), look)


def _write_facts(about: Any, sheet: Sheet, strong: Any, wrapped: Any, formats: Mapping[Kind, Any]) -> None:
    about.set_column(0, 0, 26)
    about.set_column(1, 1, 70)
    about.write_string(0, 0, sheet.title, strong)
    at = 2
    for label, value in sheet.facts:
        about.write_string(at, 0, label, strong)
        about.write_string(at, 1, value, wrapped)
        at += 1
    for cell, column in zip(sheet.total or [None] * len(sheet.columns), sheet.columns, strict=True):
        if cell is not None and column.kind not in WORDS:
            at += 1
            about.write_string(at, 0, column.label, strong)
            _write_cell(about, at, 1, cell, column.kind, sheet.zone, formats[column.kind])


def for_paper(sheet: Sheet) -> tuple[dict[str, Any], int]:
    """What a paper prints, and how many rows. Raises ``TooLong`` before anything is laid out."""
    rows: list[list[Any]] = []
    for row in sheet.rows:
        if len(rows) == MOST_ON_PAPER:
            raise TooLong("A paper holds 2,000 rows: take it as a spreadsheet (XLSX) or CSV.")
        rows.append([_printed(cell, column.kind) for cell, column in zip(row, sheet.columns, strict=True)])
    kinds = {Kind.NUMBER: "number", Kind.RUPIAH: "rupiah", Kind.PERCENT: "number", Kind.MOMENT: "center"}
    columns = [
        {"title": column.label, "kind": kinds.get(column.kind, "text"), "width": column.width}
        for column in sheet.columns
    ]
    total = None
    if sheet.total is not None and len(rows) > 1:
        total = [
            "" if cell is None else _printed(cell, column.kind)
            for cell, column in zip(sheet.total, sheet.columns, strict=True)
        ]
    return {
        "title": sheet.title, "place": sheet.place, "facts": [list(fact) for fact in sheet.facts], "columns": columns, "rows": rows, "total": total,
    }, len(rows)  # fmt: skip


def _printed(cell: Any, kind: Kind) -> Any:
    if cell is None:
        return "–"
    if kind is Kind.PERCENT:
        return f"{cell}".replace(".", ",") + "\u00a0%"
    return cell

"""Files that are no list: one clear sentence, exit 2, nothing changed, and neither memory nor time without bounds."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

HEADER = "nik,nama,kode_desa,nominal"
# The program with nothing to do holds about 200 MB.
MOST_MB = 600


def family(number: int, **other: str) -> str:
    """A sound line of nobody: provinces are 11 to 97."""
    cells = {"nik": f"990000010170{number:04d}", "nama": "SITI", "kode_desa": "3511012001", "nominal": "600000"} | other
    return ",".join(cells.values())


def listed(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.fixture
def refused(home: Any) -> Callable[..., str]:
    """Import these bytes: they must be refused in one sentence that names the file, with nothing changed. Gives the sentence."""

    def refuse(content: bytes | Iterable[bytes], name: str = "danom.csv", *more: object) -> str:
        path: Path = home.folder / name
        with path.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        before = home.counts()
        done = home.measured("danom", "import", path, "--stage", "S1", *more)
        assert (done.code, done.data) == (2, {}), done.said
        assert done.said.strip().count("\n") == 0, done.said
        assert name in done.said
        assert done.peak_mb < MOST_MB
        assert done.seconds < 120
        assert home.counts() == before
        return done.said

    return refuse


def test_a_file_that_is_not_there(home):
    done = home.measured("danom", "import", home.folder / "none.csv", "--stage", "S1")
    assert done.code == 2
    assert "none.csv" in done.said


def test_a_stage_nobody_knows(home):
    (home.folder / "sound.csv").write_bytes(listed(family(1)))
    done = home.measured("danom", "import", home.folder / "sound.csv", "--stage", "S1999")
    assert done.code == 2
    assert "S1999" in done.said


def test_an_empty_file(refused):
    assert "empty" in refused(b"")


def test_a_header_without_lines(refused):
    refused(listed())


def test_a_required_column_that_is_missing_is_named(refused):
    assert "kode_desa" in refused(b"nik,nama,di_mana,nominal\n9900000101700001,SITI,3511012001,600000\n")


def test_two_columns_that_mean_the_same(refused):
    refused(b"nik,no ktp,nama,kode_desa,nominal\n9900000101700001,9900000101700001,SITI,3511012001,600000\n")


def test_a_line_with_too_few_cells_is_named(refused):
    assert "line 3" in refused(listed(family(1), "9900000101700002,SITI,3511012001", family(3)))


def test_a_quotation_mark_that_is_not_closed_is_named(refused):
    assert "line 3" in refused(listed(family(1), family(2, nama='"SITI'), family(3)))


def test_a_nul_byte_is_named(refused):
    assert "line 3" in refused(listed(family(1), family(2, nama="SI\0TI"), family(3)))


def test_a_windows_1252_byte_among_utf_8_is_named(refused):
    content = listed(family(1, nama="JOSÉ"), family(2), family(3, nama="REN?")).replace(b"?", b"\xc9")
    assert "line 4" in refused(content)


def test_ten_thousand_columns(refused):
    header = ",".join([HEADER, *(f"kolom_{n}" for n in range(10_000))])
    refused(f"{header}\n{family(1)}{',' * 10_000}\n".encode())


def test_a_gzip_file_cut_off(refused):
    refused(gzip.compress(listed(*(family(n) for n in range(1, 2_000))))[:-2_000], "danom.csv.gz")


def test_a_parquet_file_that_is_none(refused):
    refused(b"PAR1" + bytes(2_000), "danom.parquet")


@pytest.mark.slow
def test_a_line_of_200_mb(refused):
    refused(repeat(b"9" * 1_000_000, 200))
    assert "line 2" in refused(chain([HEADER.encode() + b"\n"], repeat(b"9" * 1_000_000, 200)))


@pytest.mark.slow
def test_a_line_of_2_gb_packed_into_two_megabytes(refused):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(HEADER.encode() + b"\n")
        for _ in range(200):
            file.write(b"9" * 10_000_000)
    assert "line 2" in refused(packed.getvalue(), "danom.csv.gz")


def book(sheet: Iterable[str]) -> bytes:
    """A spreadsheet with one sheet of this XML."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in BOOK.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as file:
            file.write(f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for part in sheet:
                file.write(part.encode())
            file.write(b"</sheetData></worksheet>")
    return packed.getvalue()


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def row(number: int, texts: Iterable[str]) -> str:
    cells = (cell(f"{chr(65 + column)}{number}", text) for column, text in enumerate(texts))
    return f'<row r="{number}">{"".join(cells)}</row>'


@pytest.mark.slow
def test_a_zip_bomb_of_blanks_named_xlsx(refused):
    """1.9 GB of blanks in a sheet."""
    refused(book(repeat(" " * 10_000_000, 190)), "danom.xlsx")


@pytest.mark.slow
def test_a_zip_bomb_of_one_endless_cell_named_xlsx(refused):
    """A cell that holds 1.9 GB of letters."""
    letters = repeat("9" * 10_000_000, 190)
    refused(book(chain(['<row r="1"><c r="A1" t="inlineStr"><is><t>'], letters, ["</t></is></c></row>"])), "danom.xlsx")


@pytest.mark.slow
def test_a_zip_bomb_of_cells_that_say_no_place_named_xlsx(refused):
    """130 million cells of one row."""
    cells = repeat("<c><v>1</v></c>" * 100_000, 1_300)
    refused(book(chain(['<row r="1">'], cells, ["</row>"])), "danom.xlsx")


@pytest.mark.slow
def test_a_zip_bomb_of_two_gigabytes_and_a_bit_named_xlsx(refused):
    rows = repeat((" " * 100_000 + "<row/>") * 100, 220)
    refused(book(rows), "danom.xlsx")


def test_a_sheet_of_two_cells_at_its_far_corners(refused):
    """A hundred bytes that claim 17 billion cells."""
    corners = f'<row r="1">{cell("A1", "nik")}</row><row r="1048576">{cell("XFD1048576", "9900000101700001")}</row>'
    refused(book([corners]), "danom.xlsx")


def test_a_spreadsheet_that_is_none(refused):
    refused(b"PK\x03\x04" + bytes(2_000), "danom.xlsx")


def test_a_spreadsheet_without_the_columns_of_a_list(refused):
    assert "kode_desa" in refused(book([row(1, ["nik", "nama", "nominal"]), row(2, ["1", "2", "3"])]), "danom.xlsx")


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
BOOK = {
    "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="danom" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}

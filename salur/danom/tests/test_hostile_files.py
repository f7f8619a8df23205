"""Files that are no list: one clear sentence, exit 2, nothing changed, and neither memory nor time without bounds."""

import gzip
import io
import resource
import tracemalloc
import zipfile
from collections.abc import Iterable

import pytest

from salur.danom.tests.conftest import HEADER, family
from salur.danom.tests.test_import import imported, tables


@pytest.fixture
def refused(typed, stage, tmp_path):
    """Import these bytes; they must be refused in one sentence that names the file, with nothing changed. Gives the sentence."""

    def refuse(content: bytes | Iterable[bytes], name: str = "danom.csv", *more: object) -> str:
        path = tmp_path / name
        with path.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        before = tables()
        answer = imported(typed, path, stage, *more)
        assert (answer.code, answer.data) == (2, {})
        assert answer.said.strip().count("\n") == 0, answer.said
        assert name in answer.said
        assert tables() == before
        return answer.said

    return refuse


def listed(*lines: str) -> bytes:
    return "\n".join([HEADER, *lines, ""]).encode()


def test_a_file_that_is_not_there(typed, stage, tmp_path):
    answer = imported(typed, tmp_path / "none.csv", stage)
    assert answer.code == 2
    assert "none.csv" in answer.said


def test_an_unknown_stage(typed, stage, written):
    answer = imported(typed, written([family(1)]), "SEMBAKO-1999")
    assert answer.code == 2
    assert "SEMBAKO-1999" in answer.said


def test_an_empty_file(refused):
    assert "empty" in refused(b"")


def test_a_header_without_lines(refused):
    refused(listed())


def test_a_required_column_that_is_missing_is_named(refused):
    said = refused(b"nik,nama,desa_atau_kelurahan_di_mana,nominal\n9900000101700001,SITI,3511012001,600000\n")
    assert "kode_desa" in said


def test_two_columns_that_mean_the_same(refused):
    refused(b"nik,no ktp,nama,kode_desa,nominal\n9900000101700001,9900000101700001,SITI,3511012001,600000\n")


def test_a_broken_line_is_named(refused):
    assert "line 3" in refused(listed(family(1), "9900000101700001,SITI,3511012001", family(2)))


def test_a_quotation_mark_that_is_not_closed(refused):
    assert "line 3" in refused(listed(family(1), family(2).replace("SITI", '"SITI'), family(3)))


def test_a_nul_byte_is_named(refused):
    assert "line 3" in refused(listed(family(1), family(2).replace("SITI", "SI\0TI")))


def test_a_windows_1252_byte_among_utf_8_is_named(refused):
    content = listed(family(1, nama="JOSÉ"), family(2), family(3, nama="RENE?")).replace(b"?", b"\xc9")
    assert "line 4" in refused(content)


def test_ten_thousand_columns(refused):
    header = ",".join([HEADER, *(f"kolom_{n}" for n in range(10_000))])
    refused(f"{header}\n{family(1)}{',' * 10_000}\n".encode())


def test_a_gzip_file_cut_off(refused):
    refused(gzip.compress(listed(*(family(n) for n in range(2_000))))[:-2_000], "danom.csv.gz")


def test_a_parquet_file_that_is_none(refused):
    refused(b"PAR1" + bytes(2_000), "danom.parquet")


def test_a_line_of_200_mb_fills_neither_memory_nor_time(refused):
    """Packed, so that the file itself is small: 200 MB come out of it and no line ends."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(HEADER.encode() + b"\n")
        for _ in range(200):
            file.write(b"9" * 1_000_000)
    with bounded(megabytes=100):
        assert "line 2" in refused(packed.getvalue(), "danom.csv.gz")
    with bounded(megabytes=100):
        refused(b"9" * 1_000_000 for _ in range(200))


def test_a_zip_bomb_named_xlsx_fills_neither_memory_nor_time(refused):
    """A spreadsheet whose only sheet unpacks to 4 GB of blanks."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as book:
        book.writestr("[Content_Types].xml", CONTENT_TYPES)
        book.writestr("_rels/.rels", RELATIONS)
        book.writestr("xl/workbook.xml", WORKBOOK)
        book.writestr("xl/_rels/workbook.xml.rels", BOOK_RELATIONS)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(SHEET.encode())
            for _ in range(400):
                sheet.write(b" " * 10_000_000)
    with bounded(megabytes=300):
        refused(packed.getvalue(), "danom.xlsx")


class bounded:  # noqa: N801 — reads as a word: with bounded(megabytes=100)
    """Neither Python's own memory nor the process as a whole grows by more than this inside."""

    def __init__(self, *, megabytes: int) -> None:
        self.bytes = megabytes * 1_000_000

    def __enter__(self) -> None:
        tracemalloc.start()
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def __exit__(self, *error: object) -> None:
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before) * 1024
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < self.bytes
        assert grown < self.bytes


CONTENT_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"""
RELATIONS = """<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
WORKBOOK = """<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="danom" sheetId="1" r:id="rId1"/></sheets></workbook>"""
BOOK_RELATIONS = """<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"""
SHEET = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'

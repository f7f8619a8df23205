"""What spreadsheets do to lists, and mapping files for layouts nobody has seen."""

import zipfile

import polars as pl
import pytest
import xlsxwriter

from salur.danom.commands import danom
from salur.danom.tests.conftest import HEADER, family

COUNTS = ("lines", "accepted", "warned", "quarantined", "duplicates", "amount_rp", "reasons")


@pytest.fixture
def book(tmp_path):
    """Write sheets (name → rows of cells) as .xlsx; texts stay texts and numbers numbers."""

    def write(sheets, name="danom.xlsx"):
        book = xlsxwriter.Workbook(tmp_path / name, {"strings_to_formulas": False})
        for title, rows in sheets.items():
            sheet = book.add_worksheet(title)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if cell not in ("", None):
                        sheet.write(row, column, cell)
        book.close()
        return tmp_path / name

    return write


def rows(*lines):
    return [HEADER.split(","), *(line.split(",") for line in lines)]


def test_the_same_lines_give_the_same_batch_in_every_format(typed, stage, written, book, tmp_path):
    lines = [
        family(1),
        family(2, nik="123"),
        family(3, jenis_kelamin="P"),
        family(1, nama="LAIN"),
        family(5, nominal=0),
    ]
    path = written(lines)
    frame = pl.read_csv(path, infer_schema=False)
    frame.write_parquet(tmp_path / "danom.parquet")
    counts = []
    for file in (path, tmp_path / "danom.parquet", book({"danom": rows(*lines)})):
        answer = typed(danom, "import", file, "--stage", stage).data
        counts.append({key: answer[key] for key in COUNTS})
        assert typed(danom, "cancel", answer["batch"]).code == 0
    assert counts[0] == counts[1] == counts[2]
    assert counts[0]["accepted"] == 2


def test_numbers_that_a_spreadsheet_made_of_niks_are_niks_again(typed, stage, book, tmp_path):
    digits = [family(number).split(",")[0] for number in range(1, 5)]
    table = rows(*(family(number) for number in range(1, 5)))
    table[1][0] = "'" + digits[0]
    table[2][0] = f"{digits[1][0]}.{digits[1][1:]}E+15"
    table[3][0] = digits[2] + ".0"
    table[1][3] = 600000.0
    table[2][3] = "Rp600.000,00"
    answer = typed(danom, "import", book({"danom": table}), "--stage", stage)
    assert (answer.data["accepted"], answer.data["amount_rp"]) == (4, 2_400_000), answer.data["reasons"]


def test_leading_zeros_that_a_number_lost_come_back(typed, stage, book):
    table = rows(family(1, nik="0012015708900002", tanggal_lahir="", no_kk=""))
    table[1][0] = 12015708900002
    table[1][8], table[1][9] = 1, 2
    answer = typed(danom, "import", book({"danom": table}), "--stage", stage)
    assert answer.data["accepted"] == 1, answer.data["reasons"]


def test_a_single_short_number_is_a_mistake_and_stays_one(typed, stage, book):
    table = rows(*(family(number) for number in range(1, 6)))
    table[1][0] = 12015708900002
    answer = typed(danom, "import", book({"danom": table}), "--stage", stage)
    assert answer.data["reasons"] == {"nik_length": 1}


def test_several_sheets_are_one_list_and_a_sheet_that_is_none_is_passed_over(typed, stage, book, tmp_path):
    out = tmp_path / "mend.csv"
    file = book({
        "Bondowoso": [["Daftar Nominatif"], [], *rows(family(1), family(2))],
        "Keterangan": [["Dibuat oleh", "Dinas"], ["", "2022"]],
        "Maesan": rows(family(3), family(4, nama="")),
    })  # fmt: skip
    answer = typed(danom, "import", file, "--stage", stage, "--quarantine", out)
    assert (answer.data["lines"], answer.data["accepted"]) == (4, 3)
    assert "Keterangan" in answer.said
    (line,) = pl.read_csv(out, infer_schema=False).to_dicts()
    assert (line["lembar"], line["baris_lembar"], line["alasan"]) == ("Maesan", "3", "name_missing")


def test_niks_rounded_to_fifteen_digits_are_refused_as_a_whole(typed, stage, book):
    table = rows(*(family(number) for number in range(1, 25)))
    for row in table[1:]:
        row[0] = row[0][:15] + "0"
    answer = typed(danom, "import", book({"danom": table}), "--stage", stage)
    assert answer.code == 2
    assert "rounded" in answer.said


def test_a_sheet_that_claims_seventeen_thousand_million_cells_is_refused_before_it_is_loaded(typed, stage, book):
    file = book({"danom": rows(family(1))})
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"</sheetData>", far)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    answer = typed(danom, "import", file, "--stage", stage)
    assert answer.code == 2
    assert "16,384" in answer.said


def test_a_formula_is_refused_and_a_number_kept_as_text_is_not(typed, stage, written):
    answer = typed(danom, "import", written([family(1), family(2, nama="=CMD()")]), "--stage", stage)
    assert (answer.code, "line 3, column nama" in answer.said) == (2, True)
    kept = family(1).replace(family(1)[:16], f'"=""{family(1)[:16]}"""', 1)
    assert typed(danom, "import", written([kept]), "--stage", stage).data["accepted"] == 1


def test_an_unknown_layout_is_imported_with_the_mapping_that_columns_proposes(typed, stage, written, tmp_path):
    header = HEADER.replace("nik,nama", "identitas,sebutan").replace("nominal", "uang").replace("kode_desa", "lokasi")
    path = written([family(number) for number in range(1, 60)], header=header)
    refused = typed(danom, "import", path, "--stage", stage)
    assert refused.code == 2
    assert "nik, nama, kode_desa, nominal" in refused.said
    mapping = tmp_path / "layout.toml"
    proposal = typed(danom, "columns", path, "--out", mapping)
    assert proposal.code == 0
    found = {column["header"]: column["means"] for column in proposal.data["columns"]}
    assert [found[header] for header in ("identitas", "sebutan", "lokasi", "uang")] == [
        "nik",
        "nama",
        "kode_desa",
        "nominal",
    ]
    assert family(1)[:16] not in mapping.read_text()
    answer = typed(danom, "import", path, "--stage", stage, "--mapping", mapping)
    assert answer.data["accepted"] == 59
    mapping.write_text('[columns]\nnik = "identitas"\nnamaa = "sebutan"\n')
    other = written([family(1)], name="other.csv", header=header)
    wrong = typed(danom, "import", other, "--stage", stage, "--mapping", mapping)
    assert (wrong.code, "namaa" in wrong.said) == (2, True)

"""`salur danom import`: every line ends accepted, accepted with a warning, or in quarantine with its reasons; nothing disappears."""

import csv
import gzip

import polars as pl
import pytest
from django.db import connection

from salur.danom.commands import danom
from salur.danom.tests.conftest import OTHER, family


def tables() -> dict[str, int]:
    """How many rows every table of the list and the registry has; what a refused file must leave as it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(danom|registry|audit)_' ORDER BY 1"
        )
        names = [row[0] for row in cursor.fetchall()]
        counted = {}
        for name in names:
            cursor.execute(f"SELECT count(*) FROM {name}")
            counted[name] = cursor.fetchone()[0]
    return counted


def imported(typed, path, stage, *more):
    return typed(danom, "import", path, "--stage", stage, *more)


def test_a_sound_list_is_accepted_whole_and_waits_for_another_person(typed, stage, written):
    answer = imported(typed, written([family(n) for n in range(8)]), stage)
    assert answer.code == 0
    said = {
        key: answer.data[key]
        for key in (
            "batch",
            "version",
            "lines",
            "accepted",
            "warned",
            "quarantined",
            "duplicates",
            "amount_rp",
            "reasons",
        )
    }
    assert said == {
        "batch": "SEMBAKO-2022-2-v1", "version": 1, "lines": 8, "accepted": 8, "warned": 0, "quarantined": 0, "duplicates": 0,
        "amount_rp": 4_800_000, "reasons": {},
    }  # fmt: skip
    assert typed(danom, "allocation", "--stage", stage).data["rows"] == []


@pytest.mark.parametrize(
    ("reason", "other"),
    [
        ("nik_missing", {"nik": ""}),
        ("nik_length", {"nik": "990000010170001"}),
        ("nik_letters", {"nik": "99000001017000O1"}),
        ("nik_date", {"nik": "9900003002700001"}),
        ("nik_date", {"nik": "9900002902710001"}),  # 1971 had no 29 February
        ("nik_date", {"nik": "9900007202700001"}),  # a woman's day 32
        ("nik_serial", {"nik": "9900000101700000"}),
        ("kk_form", {"no_kk": "TIDAK ADA"}),
        ("name_missing", {"nama": ""}),
        ("amount_form", {"nominal": "enam ratus ribu"}),
        ("amount_form", {"nominal": "600000.50"}),
        ("amount_not_positive", {"nominal": "0"}),
        ("amount_not_positive", {"nominal": "-600000"}),
        ("amount_ceiling", {"nominal": "4000001"}),
        ("village_unknown", {"kode_desa": "3511019999"}),
        ("village_unknown", {"kode_desa": "3511"}),
        ("village_without_office", {"kode_desa": "3511022001"}),
    ],
)
def test_what_cannot_be_paid_goes_to_quarantine_with_its_reason(typed, stage, written, reason, other):
    from salur.offices.models import Coverage

    Coverage.objects.filter(village=3511022001).delete()
    answer = imported(typed, written([family(1), family(2, tanggal_lahir="", **other), family(3)]), stage)
    assert answer.code == 1
    assert (answer.data["accepted"], answer.data["quarantined"], answer.data["reasons"]) == (2, 1, {reason: 1})


@pytest.mark.parametrize(
    ("reason", "other"),
    [
        ("sex_differs", {"jenis_kelamin": "P"}),
        ("birth_date_differs", {"tanggal_lahir": "1971-02-02"}),
        ("kk_repeated", {"no_kk": "9900000000000001"}),
        ("name_damaged", {"nama": "S1TI"}),
        ("name_damaged", {"nama": "JosÃ©"}),
    ],
)
def test_what_disagrees_is_accepted_with_a_warning(typed, stage, written, reason, other):
    answer = imported(typed, written([family(1), family(2, **other)]), stage)
    assert (answer.code, answer.data["accepted"], answer.data["warned"]) == (0, 2, 1)
    assert answer.data["reasons"] == {reason: 1}


@pytest.mark.parametrize(
    "other",
    [
        {"nik": "'9900000302300003"},
        {"nik": " 9900000302300003 "},
        {"nik": "9900000302300003.0"},
        {"nik": "9.900000302300003E+15"},
        {"kode_desa": "35.11.01.2001"},
        {"nominal": "600000.00"},
        {"nominal": "Rp600.000"},
        {"tanggal_lahir": "03/02/1930"},
        {"jenis_kelamin": "Laki-laki"},
    ],
)
def test_surface_damage_is_mended_without_a_word(typed, stage, written, other):
    answer = imported(
        typed,
        written([family(1), family(2, **{"nik": "9900000302300003", "tanggal_lahir": "1930-02-03", **other})]),
        stage,
    )
    assert (answer.data["accepted"], answer.data["amount_rp"], answer.data["reasons"]) == (2, 1_200_000, {})


def test_of_two_lines_with_one_nik_the_first_is_accepted(typed, stage, written):
    answer = imported(typed, written([family(1), family(2), family(1, nama="LAIN", no_kk="")]), stage)
    assert (answer.data["accepted"], answer.data["duplicates"], answer.data["reasons"]) == (
        2,
        1,
        {"nik_twice_in_file": 1},
    )


def test_the_same_name_and_birth_date_in_a_village_under_another_nik_is_a_pair_to_judge(typed, stage, written):
    twin = family(1).split(",")
    other = family(1, nik=f"{twin[0][:12]}7777", no_kk="")
    answer = imported(typed, written([family(1), other, family(3)]), stage)
    assert (answer.data["accepted"], answer.data["reasons"]) == (3, {"probable_duplicate": 1})


def test_a_family_on_the_stages_list_already_is_a_duplicate_and_one_of_another_programme_is_information(
    typed, stage, written
):
    first = imported(typed, written([family(1), family(2)]), stage)
    assert typed(danom, "approve", first.data["batch"], "--as", "pusat").code == 0
    again = imported(typed, written([family(2), family(3)], "more.csv"), stage)
    assert (again.data["accepted"], again.data["duplicates"], again.data["reasons"]) == (1, 1, {"nik_in_stage": 1})
    other = imported(typed, written([family(1), family(9)], "pkh.csv"), OTHER)
    assert (other.data["accepted"], other.data["warned"], other.data["reasons"]) == (
        2,
        1,
        {"nik_in_other_programme": 1},
    )


def test_the_same_file_again_changes_nothing_and_says_so(typed, stage, written):
    path = written([family(1), family(2, nama="")])
    first = imported(typed, path, stage)
    before = tables()
    again = imported(typed, path, stage)
    assert (again.data["again"], again.data["batch"], again.data["reasons"]) == (
        True,
        first.data["batch"],
        first.data["reasons"],
    )
    assert tables() == before
    copy = path.with_name("another-name.csv")
    copy.write_bytes(path.read_bytes())
    assert imported(typed, copy, stage).data["again"] is True
    assert tables() == before


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("NIK;Nama Penerima;Kode Desa;Jumlah Bantuan", "9900000101700001;SITI;35.11.01.2001;600000"),
        ("no ktp\tnama_kpm\tkd_desa\tnilai", "9900000101700001\tSITI\t3511012001\t600000"),
        ('"NIK","NAMA","KODE_DESA","NOMINAL"', '"9900000101700001","SITI, IBU","3511012001","600000"'),
    ],
)
def test_other_delimiters_and_the_ministrys_other_column_names_are_known(typed, stage, written, header, line):
    answer = imported(typed, written([line], header=header), stage)
    assert (answer.data["accepted"], answer.data["amount_rp"], answer.data["reasons"]) == (1, 600_000, {})


def test_a_byte_order_mark_windows_lines_and_gzip_are_only_another_dress(typed, stage, written, tmp_path):
    lines = [family(1), family(2)]
    marked = written(lines, "marked.csv", encoding="utf-8-sig")
    assert imported(typed, marked, stage).data["accepted"] == 2
    assert typed(danom, "cancel", f"{stage}-v1").code == 0
    windows = tmp_path / "windows.csv"
    windows.write_bytes(written(lines).read_bytes().replace(b"\n", b"\r\n"))
    assert imported(typed, windows, stage).data["accepted"] == 2
    assert typed(danom, "cancel", f"{stage}-v2").code == 0
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(written(lines).read_bytes()))
    assert imported(typed, packed, stage).data["accepted"] == 2


def test_a_windows_1252_list_is_read_when_told_so(typed, stage, written):
    path = written([family(1, nama="JOSÉ"), family(2)], encoding="windows-1252")
    answer = imported(typed, path, stage, "--encoding", "windows-1252")
    assert (answer.data["accepted"], answer.data["reasons"]) == (2, {})


def test_parquet_of_the_same_lines_gives_the_same_batch(typed, stage, written, tmp_path):
    path = written([family(1), family(2, nik="123"), family(3, jenis_kelamin="P"), family(1, nama="LAIN")])
    from_csv = imported(typed, path, stage).data
    assert typed(danom, "cancel", from_csv["batch"]).code == 0
    pl.read_csv(path, infer_schema=False).write_parquet(tmp_path / "danom.parquet")
    from_parquet = imported(typed, tmp_path / "danom.parquet", stage).data
    same = ("lines", "accepted", "warned", "quarantined", "duplicates", "amount_rp", "reasons")
    assert [from_parquet[key] for key in same] == [from_csv[key] for key in same]


def test_the_quarantine_file_tells_line_and_reason_and_runs_no_formula(typed, stage, written, tmp_path):
    out = tmp_path / "mend.csv"
    answer = imported(
        typed,
        written([family(1), family(2, nik="-1+1", nama="@SUM(A1)"), family(3, nama="")]),
        stage,
        "--quarantine",
        out,
    )
    assert answer.data["quarantined"] == 2
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["baris"], row["alasan"]) for row in rows] == [("3", "nik_letters"), ("4", "name_missing")]
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell)
    later = tmp_path / "later.csv"
    assert typed(danom, "quarantine", answer.data["batch"], "--out", later).data["lines"] == 2
    assert later.read_bytes() == out.read_bytes()

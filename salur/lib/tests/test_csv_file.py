"""Files that people make: what is recognised, and what is refused in one sentence that names file and line."""

import gzip
from pathlib import Path

import pytest

from salur.lib import csv_file
from salur.lib.csv_file import UnreadableFile, read_csv

PLAIN = "kode,nama\n35,Jawa Timur\n"


def made(folder: Path, content: bytes) -> Path:
    path = folder / "list.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        b"\xef\xbb\xbf" + PLAIN.replace(",", ";").encode(),
        gzip.compress(PLAIN.encode(), mtime=0),
        b"NAMA , Kode\nJawa Timur, 35 \n",
        b'nama,kode,catatan\n"Jawa Timur",35,"dua\nbaris"\n',
        PLAIN.encode() + b"\n,\n",
    ],
    ids=["utf-8", "bom", "crlf", "semicolon", "tab", "bom and semicolon", "gzip", "other order", "more columns", "empty lines"],
)  # fmt: skip
def test_the_same_list_is_read_from_each_form(content: bytes, tmp_path: Path) -> None:
    file = read_csv(made(tmp_path, content), ("kode", "nama"))
    assert [cells for _, cells in file.rows] == [["35", "Jawa Timur"]]
    assert (file.encoding, file.notes) == ("utf-8", [])


def test_windows_1252_is_recognised_and_said(tmp_path: Path) -> None:
    file = read_csv(made(tmp_path, "kode,nama\n35,Du’en\n".encode("windows-1252")), ("kode", "nama"))
    assert file.rows == [(2, ["35", "Du’en"])]
    assert "Windows-1252" in file.notes[0]


def test_an_optional_column_that_is_absent_is_empty(tmp_path: Path) -> None:
    assert read_csv(made(tmp_path, PLAIN.encode()), ("kode",), ("pos", "nama")).rows == [(2, ["35", "", "Jawa Timur"])]


def test_a_line_is_named_by_where_it_begins_in_the_file(tmp_path: Path) -> None:
    file = read_csv(made(tmp_path, b'kode,nama\n35,"Jawa\nTimur"\n\n36,Banten\n'), ("kode", "nama"))
    assert [line for line, _ in file.rows] == [2, 5]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "list.csv: the file is empty; it needs the columns kode, nama."),
        (b" \n\n", "list.csv: the file is empty; it needs the columns kode, nama."),
        (b"kode,nama\n", "list.csv: there are no lines below the header."),
        (b"kode,name\n35,x\n", "list.csv line 1: the column nama is missing; it needs kode,nama and has kode, name."),
        (b"kode,nama,kode\n35,x,36\n", "list.csv line 1: the column kode is there twice."),
        (b"kode,nama\n35,x\n36\n", "list.csv line 3: it has 1 cells where the header has 2 columns."),
        (b"kode,nama\n35,x,y\n", "list.csv line 2: it has 3 cells where the header has 2 columns."),
        (b'kode,nama\n35,"x\n36,y\n', "list.csv line 2: it cannot be read as CSV"),
        (b"kode,nama\n35,x\n36,\x00\n", "list.csv line 3: it holds a NUL byte"),
        ("kode,nama\n35,x\n".encode("utf-16"), "list.csv: it is in UTF-16"),
        ("kode,nama\n35,Né\n36,".encode() + b"N\xe9\n", "list.csv line 3: byte 0xe9 is not UTF-8 although the rest"),
        (b"\xef\xbb\xbfkode,nama\n35,N\xe9\n", "list.csv line 2: byte 0xe9 is not UTF-8 although the rest"),
        (b"kode,nama\n35,\x81\n", "list.csv line 2: byte 0x81 is neither UTF-8 nor Windows-1252"),
        (b"\x1f\x8bnot gzip", "list.csv: it is damaged and cannot be unpacked"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:-9], "list.csv: it is damaged and cannot be unpacked"),
        (
            ",".join(f"c{n}" for n in range(10_000)).encode() + b"\n",
            "list.csv line 1: the columns kode and nama are missing",
        ),
        (b"kode," + b"x" * 1_000_000, "list.csv line 1: it cannot be read as CSV (field larger than field limit"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_csv(made(tmp_path, content), ("kode", "nama"))
    assert refused.value.message.startswith(sentence)
    assert len(refused.value.message) < 300
    assert "\n" not in refused.value.message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"gone\.csv: there is no such file"):
        read_csv(tmp_path / "gone.csv", ("kode",))
    with pytest.raises(UnreadableFile, match="it cannot be opened"):
        read_csv(tmp_path, ("kode",))


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "MAX_BYTES", 4 * 2**20)
    bomb = made(tmp_path, gzip.compress(b"0" * 64 * 2**20))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(UnreadableFile, match="more than 4 MiB"):
        read_csv(bomb, ("kode",))

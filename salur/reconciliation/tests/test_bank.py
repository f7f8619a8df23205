"""What the bank says and what our books say are laid side by side; what only one of them knows, a person looks into."""

from datetime import timedelta

import pytest

from salur.cases import actions as cases
from salur.custody import actions as custody
from salur.custody.rules import MINISTRY, Kind, Portion
from salur.lib.problem import Problem
from salur.reconciliation import bank
from salur.reconciliation.commands import reconciliation

MT940 = """:20:GIRO
:25:0098-01-000123-30-1
:28C:1/1
:60F:C220311IDR0,00
:61:2203110311C20000000,00NTRFSP2D-1//B1
:86:DANA BANTUAN SP2D-1
:61:2203120312D10000000,00NTRFNONREF//B2
:86:PINDAH BUKU BONDOWOSO
:61:2203120312D250000,00NTRFNONREF//B3
:86:BIAYA
:62F:C220312IDR9750000,00
"""
CSV = """Tanggal;Keterangan;Debit;Kredit;Referensi
11/03/2022;Dana bantuan;0;20.000.000,00;SP2D-1
12/03/2022;Pindah buku Bondowoso;10.000.000,00;0;
12/03/2022;Biaya;250.000,00;0;
"""


@pytest.fixture
def books(office):
    at = office.noon - timedelta(days=1)
    move(office, Kind.FUND, 20_000_000, at, reference="sp2d-1", branch=None, given_by=MINISTRY, taken_by="pusat")
    move(
        office,
        Kind.SUPPLY,
        10_000_000,
        office.noon,
        reference="KIRIM-1",
        branch=office.branch,
        given_by="pusat",
        taken_by="rina",
    )
    return office


def move(office, kind, amount_rp, at, **facts):
    custody.move(kind=kind, portions=[Portion(office.id(), office.stage, amount_rp)], at=at, officer=None, **facts)


def imported(office, tmp_path, text, name="giro.txt", **facts):
    path = tmp_path / name
    path.write_text(text)
    return bank.import_statement(path=path, actor="pusat", at=office.noon + timedelta(days=1), **facts)


@pytest.mark.parametrize(("text", "account"), [(MT940, ""), (CSV, "0098-01-000123-30-1")], ids=["mt940", "csv"])
def test_lines_match_by_paper_or_by_the_only_amount_and_the_rest_are_cases(books, tmp_path, text, account):
    done = imported(books, tmp_path, text, account=account)
    assert (done.lines, done.new, done.matched, done.unmatched, done.missing) == (3, 3, 2, 1, 0)
    (case,) = cases.cases(kind="unmatched_bank_line")
    assert (case.amount_rp, case.facts["amount_rp"], case.branch) == (250_000, -250_000, 0)
    again = imported(books, tmp_path, text, account=account)
    assert (again.new, again.matched, again.unmatched) == (0, 0, 1)
    assert len(cases.cases(kind="unmatched_bank_line")) == 1


def test_statements_that_overlap_and_forms_that_differ_keep_each_line_once(books, tmp_path):
    imported(books, tmp_path, CSV, account="1")
    more = imported(
        books, tmp_path, CSV + "13/03/2022;Biaya;250.000,00;0;\n12/03/2022;Biaya;250.000,00;0;\n", "b.csv", account="1"
    )
    assert (more.lines, more.new, more.unmatched) == (5, 2, 3)


def test_two_movements_of_one_amount_are_not_guessed_at(books, tmp_path):
    move(
        books,
        Kind.SUPPLY,
        5_000_000,
        books.noon,
        reference="K-2",
        branch=books.branch,
        given_by="pusat",
        taken_by="rina",
    )
    move(
        books,
        Kind.SUPPLY,
        5_000_000,
        books.noon,
        reference="K-3",
        branch=books.branch,
        given_by="pusat",
        taken_by="rina",
    )
    done = imported(
        books, tmp_path, "date,amount,reference\n2022-03-12,-5000000,\n2022-03-13,-5000000,k-3\n", "c.csv", account="1"
    )
    assert (done.matched, done.unmatched) == (2, 0), "K-3 by its paper leaves one for the other"
    move(books, Kind.SUPPLY, 7, books.noon, reference="K-4", branch=books.branch, given_by="pusat", taken_by="rina")
    move(books, Kind.SUPPLY, 7, books.noon, reference="K-5", branch=books.branch, given_by="pusat", taken_by="rina")
    done = imported(books, tmp_path, "date,amount,reference\n2022-03-12,-7,\n", "d.csv", account="1")
    assert (done.matched, done.unmatched, len(bank.movements_left())) == (0, 1, 4)


def test_a_late_movement_is_matched_by_the_next_import(books, tmp_path):
    text = "date,amount,reference\n2022-03-14,-3000000,K-9\n"
    assert imported(books, tmp_path, text, account="1").unmatched == 1
    move(
        books,
        Kind.SUPPLY,
        3_000_000,
        books.noon,
        reference="K-9",
        branch=books.branch,
        given_by="pusat",
        taken_by="rina",
    )
    assert imported(books, tmp_path, text, account="1").matched == 1
    assert bank.lines_left(account="1") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MT940.replace("9750000,00", "9750001,00"), "do not come to the closing balance"),
        (MT940.replace("250000,00", "250000,50"), "whole number of rupiah"),
        (MT940.replace("IDR", "USD"), "not rupiah"),
        ("date,amount\n2022-03-12,abc\n", "line 2: abc is no amount"),
        ("date,amount\n12 Maret,5\n", "line 2: 12 Maret is no date"),
        ("date,amount\n2022-03-12,5\n", "names no account"),
        ("a,b\n1,2\n", "the header needs"),
        ("", "the header needs"),
    ],
)
def test_what_is_no_statement_is_refused_whole_and_says_where(books, tmp_path, text, said):
    with pytest.raises(Problem, match=said):
        imported(books, tmp_path, text)
    assert bank.lines_left() == []


@pytest.mark.parametrize(
    ("text", "rupiah"),
    [("1.250.000,00", 1_250_000), ("1250000.00", 1_250_000), ("1,250,000.00", 1_250_000), ("1.250.000", 1_250_000), ("1.250", 1_250), ("-7", -7), ("1,250", 1_250), ("250,00", 250), ("", 0)],
)  # fmt: skip
def test_amounts_are_read_as_banks_write_them(text, rupiah):
    assert bank._rupiah(text, "x") == rupiah


def test_by_the_command_line_an_unmatched_line_needs_a_person(books, typed, tmp_path):
    path = tmp_path / "giro.sta"
    path.write_text(MT940)
    answer = typed(reconciliation, "import-bank", path, "--as", "pusat")
    assert (answer.code, answer.data["matched"], answer.data["unmatched"]) == (1, 2, 1)
    assert typed(reconciliation, "import-bank", tmp_path / "none.sta").code == 2

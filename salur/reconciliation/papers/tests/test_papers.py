"""The papers of the books: what stands on them is what the books say, and only a closed branch's BAST is no draft."""

from datetime import timedelta

import polars as pl
import pytest

from salur.areas.models import Area
from salur.custody.rules import Kind as MovementKind
from salur.lib.problem import NotFound, Problem
from salur.payments.rules import Reason
from salur.reconciliation import actions as verbs
from salur.reconciliation.commands import reconciliation
from salur.reconciliation.papers import actions, rules, statement
from salur.reconciliation.papers.rules import Kind
from salur.reconciliation.rules import NOT_VISITED
from salur.reconciliation.tests.test_closing import LATER, close, count_vault, day  # noqa: F401

NEXT_DAY = timedelta(days=1)


@pytest.fixture
def printed(monkeypatch):
    """What the templates were given, by name: a PDF cannot be read back word by word."""
    seen = {}
    render = actions.pdf.render

    def kept(template, data, **about):
        seen[template.stem] = (data, about)
        return render(template, data, **about)

    monkeypatch.setattr(actions.pdf, "render", kept)
    return seen


def make(office, kind, *, of_day=True, at=None):
    return actions.make(
        kind=kind, stage_code=office.stage_code, branch_code="KC-BDW", day=office.noon.date() if of_day else None, at=at or office.noon + NEXT_DAY
    )  # fmt: skip


def test_every_reason_and_every_movement_has_its_words_on_paper():
    assert set(rules.REASONS) == {NOT_VISITED, *map(str, Reason)}
    assert set(rules.MOVEMENTS) == set(map(str, MovementKind))


def test_the_daily_report_says_what_was_paid_and_where_the_cash_is(day, printed):  # noqa: F811
    made = make(day, Kind.REPORT)
    assert made.name == "laporan-harian-KC-BDW-SEMBAKO-2022-1-2022-03-12.pdf"
    data, about = printed["report"]
    assert (data["total"]["paid_today"], data["total"]["paid_today_rp"], data["total"]["failed"]) == (6, 3_600_000, 2)
    assert data["total"]["words"] == "tiga juta enam ratus ribu rupiah"
    vault, siti = data["cash"]
    names = ("in_rp", "paid_rp", "out_rp", "evening_rp", "counted_rp")
    assert (vault["holder"], *(vault[name] for name in names)) == ("Brankas", 11_400_000, 0, 5_000_000, 6_400_000, None)
    assert [siti[name] for name in names] == [5_000_000, 3_600_000, 1_400_000, 0, None]
    assert len(data["chain"]["all"]) == 64
    assert about["draft"] is False


def test_a_day_that_is_not_over_gets_a_draft(day, printed):  # noqa: F811
    make(day, Kind.REPORT, at=day.noon + timedelta(hours=9))
    assert printed["report"][1]["draft"] is True


def test_a_count_of_the_evening_stands_beside_the_books(day, printed):  # noqa: F811
    count_vault(day, 6_300_000)
    make(day, Kind.REPORT)
    vault = printed["report"][0]["cash"][0]
    assert (vault["evening_rp"], vault["counted_rp"], vault["difference_rp"]) == (6_400_000, 6_300_000, -100_000)
    assert printed["report"][0]["cases"] == {"opened": 1, "open": 1}


def test_the_record_of_a_venue_names_who_paid_what_and_who_was_not_found(day, printed):  # noqa: F811
    make(day, Kind.RECORDS)
    venues = printed["records"][0]["venues"]
    assert {venue["channel"] for venue in venues} == {"Kunjungan rumah"}
    assert sum(venue["paid"] for venue in venues) == 6
    assert sum(venue["failed"] for venue in venues) == 2
    assert {row["reason"] for venue in venues for row in venue["reasons"]} == {"Meninggal", "Tidak di rumah"}
    assert sum(person["paid_rp"] for venue in venues for person in venue["people"]) == 3_600_000


def test_cash_that_changed_hands_is_signed_for_on_a_sheet_each(day, printed):  # noqa: F811
    make(day, Kind.HANDINGS)
    visits = printed["handings"][0]["visits"]
    assert [(visit["amount_rp"], visit["given_by"], visit["taken_by"], visit["state"]) for visit in visits] == [
        (10_000_000, "pusat", "rina", "Diterima"),
        (5_000_000, "rina", "siti", "Diterima"),
        (1_400_000, "siti", "rina", "Diterima"),
    ]


def test_a_day_on_which_nothing_happened_has_no_records(office):
    assert make(office, Kind.RECORDS).paper is None
    assert make(office, Kind.HANDINGS).paper is None


def test_the_bast_is_a_draft_until_the_branch_is_closed(day, printed):  # noqa: F811
    make(day, Kind.CLOSING, of_day=False)
    assert printed["closing"][1]["draft"] is True
    close(day)
    make(day, Kind.CLOSING, of_day=False, at=day.noon + LATER)
    data, about = printed["closing"]
    assert about["draft"] is False
    names = ("allocated", "paid", "returned", "held", "disputed", "difference_rp")
    assert [data["total"][name] for name in names] == [10, 6, 3, 1, 0, 0]
    assert data["cash"]["supplied_rp"] == 10_000_000 == data["cash"]["paid_rp"] + data["cash"]["vault_rp"]
    assert [(row["ending"], row["reason"], row["families"]) for row in data["not_paid"]] == [
        ("Ditahan Kementerian", "Belum dikunjungi", 1),
        ("Dikembalikan", "Meninggal", 1),
        ("Dikembalikan", "Tidak di rumah", 1),
        ("Dikembalikan", "Belum dikunjungi", 1),
    ]


def test_the_statement_of_return_names_each_sending_and_each_family(day, printed):  # noqa: F811
    close(day)
    count_vault(day, 6_400_000)
    (sent,) = verbs.send_back(
        stage_code=day.stage_code, place="KC-BDW", actor="rina", at=day.noon + LATER, taken_by="pusat"
    )
    verbs.note_receipt(movement=sent.movement, number="NTPN-1", actor="pusat", at=day.noon + LATER)
    make(day, Kind.RETURNS, of_day=False, at=day.noon + LATER)
    data, _ = printed["returns"]
    assert (data["amount_rp"], data["words"]) == (6_400_000, "enam juta empat ratus ribu rupiah")
    assert [row["receipt"] for row in data["sent"]] == ["NTPN-1"]
    assert (data["families"], sum(len(village["rows"]) for village in data["villages"])) == (4, 4)


def test_papers_are_written_whole_and_noted_in_the_trail(day, typed, tmp_path):  # noqa: F811
    said = typed(
        reconciliation, "papers", "--stage", day.stage_code, "--branch", "KC-BDW", "--day", "2022-03-12", "--out", tmp_path, "--as", "rina"
    )  # fmt: skip
    papers = said.data["papers"]
    assert [row["kind"] for row in papers] == ["report", "handings", "records"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(row["file"] for row in papers)
    assert all(path.read_bytes().startswith(b"%PDF") for path in tmp_path.iterdir())
    (entry,) = actions.audit.entries(verb="printed the books")
    assert (entry.actor, set(entry.facts["papers"].values())) == ("rina", {row["digest"] for row in papers})


def test_who_asks_wrongly_is_told_so(office):
    with pytest.raises(Problem, match="needs its day"):
        make(office, Kind.REPORT, of_day=False)
    with pytest.raises(Problem, match="has not begun"):
        make(office, Kind.REPORT, at=office.noon - NEXT_DAY)
    with pytest.raises(NotFound):
        actions.make(kind=Kind.CLOSING, stage_code=office.stage_code, branch_code="KC-XXX", at=office.noon)


def test_a_statement_is_a_spreadsheet_or_a_paper_that_says_what_the_screen_says(day, typed, tmp_path):  # noqa: F811
    Area.objects.filter(code=351101).update(name="=1+1")  # a name is shown, not reckoned
    asked = ("statement", "--stage", day.stage_code, "--area", "KC-BDW", "--by", "kecamatan", "--format")
    told = typed(reconciliation, *asked, "json").data
    sheet, paper = tmp_path / "buku.xlsx", tmp_path / "buku.pdf"
    made = typed(reconciliation, *asked, "xlsx", "--out", sheet)
    assert (made.code, made.data["difference_rp"]) == (1, told["difference_rp"])  # not closed yet: a person is needed
    lines, cash = (pl.read_excel(sheet, sheet_name=name) for name in ("Daftar", "Kas"))
    assert lines["Tempat"].to_list()[0] == "=1+1"
    assert lines["Dibayar"].to_list() == [6, 6]
    assert lines["Selisih"].to_list()[-1] == told["list_difference_rp"] == 2_400_000
    assert cash["Di brankas"].to_list() == [6_400_000, 6_400_000]
    close(day)
    assert typed(reconciliation, *asked, "pdf", "--out", paper).code == 0
    assert paper.read_bytes().startswith(b"%PDF-1.7")


def test_a_statement_for_a_file_names_its_file_and_one_for_the_screen_does_not(day, typed, tmp_path):  # noqa: F811
    asked = ("statement", "--stage", day.stage_code, "--area", "KC-BDW", "--format")
    for words in ((*asked, "pdf"), (*asked, "json", "--out", tmp_path / "x.json")):
        refused = typed(reconciliation, *words)
        assert refused.code == 2
        assert "--out" in refused.said
    assert "cannot be written" in typed(reconciliation, *asked, "xlsx", "--out", tmp_path / "none" / "x.xlsx").said


def test_the_paper_of_a_statement_is_a_draft_until_nothing_is_left_to_explain(day, printed):  # noqa: F811
    for closed in (False, True):
        if closed:
            close(day)
        found = verbs.statement(stage_code=day.stage_code, place="HQ" if closed else "KC-BDW", at=day.noon + LATER)
        statement.paper(found)
        data, about = printed["statement"]
        assert data["difference_rp"] == found.difference_rp
        assert about["draft"] is (found.difference_rp != 0)
    assert [line["name"] for line in data["lines"]] == ["Bondowoso", "Situbondo"]

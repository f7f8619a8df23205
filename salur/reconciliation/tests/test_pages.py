"""The books on the screen: who sees whose, who closes, sends back, receives and decides, and what is printed."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from salur.lib.desks import Role
from salur.payments.rules import Reason
from salur.programmes.rules import Change
from salur.reconciliation import actions, views
from salur.reconciliation.papers.rules import Kind
from salur.reconciliation.rules import NOT_VISITED
from salur.reconciliation.tests.test_closing import close, count_vault, day, everything_adds_up  # noqa: F401
from salur.web.actions import give_role

PAGE = "/buku/SEMBAKO-2022-1/"


def signed_in(office, role, code=None):
    give_role(actor="tests", username=f"{role}-{code}", role=role, office_code=code, at=office.noon)
    client = Client()
    client.force_login(User.objects.get(username=f"{role}-{code}"))
    return client


@pytest.fixture
def branch(day):  # noqa: F811
    return signed_in(day, Role.BRANCH, "KC-BDW")


@pytest.fixture
def headquarters(day):  # noqa: F811
    return signed_in(day, Role.HEADQUARTERS)


def ask(client, **facts):
    return client.get(PAGE, {"kantor": "KC-BDW", **facts})


def send(client, where, **facts):
    return client.post(f"{PAGE}{where}/", {"kantor": "KC-BDW", **facts})


def words(answer):
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>|[\u2068\u2069]", " ", answer.content.decode().split("<main", 1)[1])
    return re.sub(r"\s+", " ", text)


def said(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_every_reason_change_and_paper_has_its_words_on_the_screen():
    assert set(views.REASONS) == {NOT_VISITED, *map(str, Reason)}
    assert set(views.CHANGES) == set(Change)
    assert set(views.NAMES) == set(Kind)


def test_a_branch_sees_its_list_its_cash_and_who_is_not_paid(day, branch):  # noqa: F811
    page = words(branch.get(PAGE))
    assert "Pembukuan · Bondowoso" in page
    assert "Dari kantor pusat Rp10.000.000" in page
    assert "Dibayarkan kepada keluarga Rp3.600.000" in page
    assert "Di brankas Rp6.400.000" in page
    assert "Meninggal 1 Rp600.000" in page
    assert "Belum dikunjungi 2 Rp1.200.000" in page


def test_headquarters_chooses_among_the_branches_and_a_region_among_its_own(day, headquarters):  # noqa: F811
    for client in (headquarters, signed_in(day, Role.REGION, "REG-5")):
        answer = client.get(PAGE)
        page = words(answer)
        assert "KC-BDW" in page
        assert "KC-SIT" in page
        assert b'href="/buku/SEMBAKO-2022-1/?kantor=KC-BDW"' in answer.content


def test_a_neighbour_finds_nothing_and_who_has_no_desk_neither(day):  # noqa: F811
    neighbour = signed_in(day, Role.BRANCH, "KC-SIT")
    assert ask(neighbour).status_code == 404
    assert "KC-BDW" not in words(neighbour.get(PAGE))
    for where in ("surat", "tutup", "kembali", "terima", "batas"):
        assert send(neighbour, where).status_code == 404
    assert ask(signed_in(day, Role.OFFICER, "KC-BDW")).status_code == 404
    assert Client().get(PAGE)["Location"].startswith("/masuk/")


def test_from_closed_to_received_on_the_screen(day, branch, headquarters):  # noqa: F811
    assert "0 dari 2 desa sudah ditutup" in words(ask(branch))
    assert "Tutup dahulu cabang" in said(send(branch, "kembali"))
    assert send(branch, "tutup").status_code == 302
    page = words(ask(branch))
    assert "2 dari 2 desa sudah ditutup" in page
    assert "Kirim kembali isi brankas: Rp6.400.000" in page
    assert "brankas berdua" in said(send(branch, "kembali"))
    count_vault(day, 6_400_000)
    assert send(branch, "kembali").status_code == 302
    page = words(ask(branch))
    assert "Rp6.400.000 dalam pengiriman" in page
    assert "yang belum dikirim" in said(send(branch, "kembali"))

    (sent,) = actions.returns(stage_code=day.stage_code, branches=[day.branch])
    assert send(branch, "terima", kiriman=sent.id).status_code == 403
    assert send(headquarters, "terima", kiriman=day.entitlements[0]).status_code == 404
    assert send(headquarters, "terima", kiriman=sent.id, bukti="NTPN-7").status_code == 302
    page = words(ask(headquarters))
    assert "diterima" in page
    assert "NTPN-7" in page
    assert "cocok sampai rupiah" in page
    everything_adds_up(day)


def test_a_receipt_that_comes_later_is_noted_once(day, branch, headquarters):  # noqa: F811
    close(day)
    count_vault(day, 6_400_000)
    send(branch, "kembali")
    (sent,) = actions.returns(stage_code=day.stage_code, branches=[day.branch])
    send(headquarters, "terima", kiriman=sent.id)
    assert b'name="bukti"' in ask(headquarters).content
    send(headquarters, "terima", kiriman=sent.id, bukti="NTPN-8")
    assert b'name="bukti"' not in ask(headquarters).content
    assert [row.receipt for row in actions.returns(stage_code=day.stage_code, branches=[day.branch])] == ["NTPN-8"]


def test_a_window_is_extended_by_those_who_decide_with_a_document(day, branch, headquarters):  # noqa: F811
    later = {"keputusan": "extended", "sampai": "2099-12-31", "alasan": "Banjir", "dokumen": "S-12/2022"}
    assert send(branch, "batas", **later).status_code == 403
    assert b'name="keputusan"' not in ask(branch).content
    assert "Pilih hari" in said(send(headquarters, "batas", **later | {"sampai": "besok"}))
    assert send(headquarters, "batas", **later | {"keputusan": "forever"}).status_code == 404
    assert send(headquarters, "batas", **later).status_code == 302
    page = words(ask(branch))
    assert "31 Desember 2099" in page or "31 Des 2099" in page
    assert "S-12/2022" in page
    assert "Banjir" in page
    assert "S-12/2022" not in words(ask(headquarters, kantor="KC-SIT"))
    # A freeze needs a document as on the command line; an open window is closed by one only.
    assert send(branch, "tutup").status_code == 409
    assert send(branch, "tutup", dokumen="BA-1").status_code == 302
    assert "2 dari 2 desa sudah ditutup" in words(ask(branch))


def test_a_decision_about_an_area_shows_at_the_branches_it_is_about(day, headquarters):  # noqa: F811
    actions.change_window(
        change=Change.FROZEN, stage_code=day.stage_code, place="35.11.01", closes_at=None, reason="Selesai", document="S-13/2022", actor="pusat",
        at=day.noon,
    )  # fmt: skip
    assert "S-13/2022" in words(ask(headquarters))
    assert "S-13/2022" not in words(ask(headquarters, kantor="KC-SIT"))


@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.HANDINGS, Kind.CLOSING])
def test_who_prints_letters_prints_the_papers_of_the_books(day, branch, kind):  # noqa: F811
    answer = send(branch, "surat", kind=kind, hari="2022-03-12")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.7")
    assert "KC-BDW" in answer["Content-Disposition"]


def test_a_paper_of_nothing_and_of_no_day_is_a_sentence_and_who_only_looks_prints_none(day, branch):  # noqa: F811
    assert "tidak ada yang dicetak" in said(send(branch, "surat", kind=Kind.RETURNS)).lower()
    assert "Pilih hari" in said(send(branch, "surat", kind=Kind.REPORT, hari=""))
    assert send(branch, "surat", kind="poem").status_code == 404
    region = signed_in(day, Role.AUDITOR)
    assert send(region, "surat", kind=Kind.CLOSING).status_code == 403
    assert b"/buku/SEMBAKO-2022-1/surat/" not in ask(region).content


def test_both_languages(day, branch):  # noqa: F811
    branch.cookies["django_language"] = "en"
    page = words(ask(branch))
    assert "Where the cash is" in page
    assert "Died 1" in page

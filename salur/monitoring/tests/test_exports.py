"""What a board shows, taken away: at once or as a job, in three forms, audited, never a formula, the NIK masked unless role and reason allow."""

import csv
import io
import json
import re
import stat
import zipfile
from datetime import timedelta
from hashlib import sha256

import fastexcel
import pytest
from django.db import connection
from django.test import Client
from pypdf import PdfReader

from salur.areas.models import Area
from salur.audit.models import Entry
from salur.jobs import actions as jobs
from salur.jobs.models import Job, State
from salur.lib.process_cache import cache
from salur.lib.sheet import harmless
from salur.monitoring.commands import monitoring
from salur.monitoring.exports.actions import A_PAGE
from salur.monitoring.tests.test_board import approve, pay
from salur.monitoring.tests.test_families import BUDI, SITI, register
from salur.web.actions import give_role
from salur.web.models import Role

PAGE = "/ekspor/SEMBAKO-2022-1/"
FORMULA = '=HYPERLINK("http://x","y")'


@pytest.fixture
def land(office, settings, tmp_path):
    settings.SALUR_HOME = tmp_path
    cache.clear()
    approve(office, 1, office.noon - timedelta(days=10))
    register(office, 0, SITI, FORMULA)
    register(office, 1, BUDI, "BUDI")
    pay(office, office.entitlements[:6], office.noon)
    return office


def signed_in(role: Role, code: str | None = None, language: str = "id") -> Client:
    from conftest import NOON

    client = Client()
    client.force_login(give_role(actor="tests", username=f"{role}-{code}", role=role, office_code=code, at=NOON))
    client.cookies["django_language"] = language
    return client


def take(client: Client, form: str = "csv", **words: object):
    return client.post(PAGE, {"form": form, "office": "KC-BDW", **words})


def rows_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def parts(book: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")}


def last_trace() -> tuple[Entry, dict]:
    entry = Entry.objects.filter(verb="exported").order_by("at", "number").last()
    assert entry is not None
    return entry, entry.facts if isinstance(entry.facts, dict) else json.loads(entry.facts)


def many(office, count: int) -> None:
    """More villages than a page holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO areas_area (code, name, level, first_vintage, last_vintage)
            SELECT 3511013000 + n, 'Desa ' || n, 4, '2022-02', '2022-02' FROM generate_series(1, %s) AS n""",
            [count],
        )
        cursor.execute(
            "INSERT INTO danom_tally SELECT %s, %s, 3511013000 + n, 1, 20, 20 * 600000 FROM generate_series(1, %s) AS n",
            [office.stage, office.branch, count],
        )


# Realisation


def test_the_board_leads_to_its_export_and_the_file_holds_what_the_board_shows(land):
    client = signed_in(Role.BRANCH, "KC-BDW")
    board = client.get("/realisasi/SEMBAKO-2022-1/kantor/KC-BDW/?by=village").content.decode()
    found = re.search(r'id="export" href="([^"]+)"', board)
    assert found
    page = client.get(found[1].replace("&amp;", "&")).content.decode()
    assert "Ekspor" in page
    assert "2 baris" in page
    assert "10 baris" in page, "the families of the branch too"
    answer = take(client, by="village", what="realisation")
    assert [(row["code"], row["paid"], row["paid_percent"]) for row in rows_of(answer)] == [
        ("3511012001", "5", "100.00"), ("3511012002", "1", "20.00"),
    ]  # fmt: skip
    assert answer["Cache-Control"] == "private, no-store"


def test_a_book_holds_numbers_as_numbers_and_names_as_texts(land):
    Area.objects.filter(code=3511012001).update(name=FORMULA)
    answer = take(signed_in(Role.BRANCH, "KC-BDW"), "xlsx", by="village", what="realisation")
    book = fastexcel.read_excel(answer.content)
    assert book.sheet_names == ["Data", "Tentang"]
    (first, second) = book.load_sheet("Data").to_polars().to_dicts()
    assert first["Kode"] == "3511012001"
    assert first["Nama"] == FORMULA, "as it was typed, and a text"
    assert (second["Terbayar"], second["Realisasi"], second["Rupiah terbayar"]) == (1, 0.2, 600_000)
    assert not any("<f>" in part or "<f " in part for part in parts(answer.content).values())
    about = "".join(str(row) for row in book.load_sheet("Tentang", header_row=None).to_polars().rows())
    assert "Bondowoso" in about
    assert "branch-KC-BDW" in about


def test_a_paper_is_printed_with_letterhead_and_rows(land):
    answer = take(signed_in(Role.BRANCH, "KC-BDW"), "pdf", by="village", what="realisation")
    text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert answer["Content-Type"] == "application/pdf"
    assert "POS INDONESIA" in text
    assert "Sucolor" in text
    assert "100,00" in text


def test_a_past_moment_stays_the_moment_of_the_file(land):
    client = signed_in(Role.BRANCH, "KC-BDW")
    before = rows_of(take(client, by="village", what="realisation", as_of="2022-03-11"))
    assert [row["paid"] for row in before] == ["0", "0"]
    page = client.get(PAGE, {"office": "KC-BDW", "as_of": "2022-03-11"}).content.decode()
    assert 'value="families"' not in page, "a list of families is as it is now"


def test_more_than_a_page_is_a_job_with_progress_and_a_file_of_its_own(land):
    many(land, A_PAGE)
    client = signed_in(Role.BRANCH, "KC-BDW")
    answer = take(client, "xlsx", by="village", what="realisation")
    job = Job.objects.get()
    assert answer["Location"] == f"/pekerjaan/{job.id}/"
    assert not Entry.objects.filter(verb="exported").exists()
    done = jobs.run(job=job.id)
    assert (done.state, done.done, done.total) == (State.DONE, A_PAGE + 2, A_PAGE + 2), done.say
    listed = client.get("/pekerjaan/").content.decode()
    assert done.file_name in listed
    assert done.file_name.endswith(".xlsx")
    taken = b"".join(client.get(f"/pekerjaan/{job.id}/berkas").streaming_content)
    assert fastexcel.read_excel(taken).load_sheet(0).height == A_PAGE + 2
    assert last_trace()[1]["sha256"] == sha256(taken).hexdigest(), "the trace names the very bytes"
    path, _ = jobs.take_file(job=job.id, actor="branch-KC-BDW", at=land.noon)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signed_in(Role.BRANCH, "KC-SIT").get(f"/pekerjaan/{job.id}/berkas").status_code == 404


def test_a_paper_that_would_have_no_end_is_refused_before_anybody_waits(land):
    many(land, 2_100)
    answer = take(signed_in(Role.BRANCH, "KC-BDW"), "pdf", by="village", what="realisation")
    assert answer.status_code == 400
    assert "2.000 baris" in answer.content.decode()
    assert not Job.objects.exists()


# Families


def test_a_list_of_families_is_masked_and_runs_nothing(land):
    answer = take(signed_in(Role.BRANCH, "KC-BDW"), what="families")
    rows = rows_of(answer)
    assert len(rows) == 10
    siti = next(row for row in rows if row["name"] == f"'{FORMULA}")
    assert (siti["state"], siti["amount_rp"], siti["village_code"]) == ("paid", "600000", "3511012001")
    assert siti["paid_at"] == "2022-03-12T12:00:00+07:00"
    assert SITI not in answer.content.decode()
    entry, facts = last_trace()
    assert (entry.branch, entry.actor, facts["rows"], facts["nik"]) == (land.branch, "branch-KC-BDW", 10, "masked")
    assert facts["sha256"] == sha256(answer.content).hexdigest()


def test_a_village_and_a_state_can_be_taken_alone(land):
    client = signed_in(Role.COORDINATOR, "KC-BDW")
    assert len(rows_of(take(client, what="families", village="3511012001"))) == 5
    assert len(rows_of(take(client, what="families", area="351101", state="open"))) == 4


@pytest.mark.parametrize("role", Role)
def test_numbers_in_clear_need_the_role_and_the_reason(land, role):
    national = role in (Role.MINISTRY, Role.HEADQUARTERS, Role.AUDITOR)
    client = signed_in(role, None if national else "REG-5" if role == Role.REGION else "KC-BDW")
    words = {"what": "families", "nik": "clear"}
    refused = take(client, **words)
    given = take(client, **words, reason="Pencocokan dengan Dukcapil")
    assert SITI not in refused.content.decode()
    if role in (Role.MINISTRY, Role.HEADQUARTERS, Role.BRANCH, Role.AUDITOR):
        assert refused.status_code == 400
        assert SITI in given.content.decode()
        entry, facts = last_trace()
        assert (entry.branch, facts["nik"], facts["reason"]) == (land.branch, "clear", "Pencocokan dengan Dukcapil")
    else:
        assert (refused.status_code, given.status_code) == (404, 404)
        assert SITI not in given.content.decode()


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
def test_an_outsider_gets_nothing_whatever_is_asked(land, form):
    neighbour = signed_in(Role.BRANCH, "KC-SIT")
    for what in ("families", "realisation"):
        assert take(neighbour, form, what=what).status_code == 404
        assert neighbour.get(PAGE, {"office": "KC-BDW", "what": what}).status_code == 404
    assert take(neighbour, form, what="families", office="KC-SIT", village="3511012001").status_code == 404
    assert take(signed_in(Role.OFFICER, "KC-BDW"), form, what="families").status_code == 404
    assert take(Client(), form)["Location"].startswith("/masuk/?next=")
    assert Client().get(PAGE)["Location"].startswith("/masuk/?next=")
    assert not Entry.objects.filter(verb="exported").exists()


def test_a_job_of_somebody_whose_office_shrank_holds_only_what_is_below_it_now(land):
    from salur.offices.models import Office

    many(land, A_PAGE)
    client = signed_in(Role.REGION, "REG-5")
    take(client, what="realisation", by="village")
    other = Office.objects.create(code="REG-9", name="Regional IX", kind="REGION", parent=Office.objects.get(code="HQ"), timezone="Asia/Jakarta")  # fmt: skip
    Office.objects.filter(code="KC-BDW").update(parent=other)
    done = jobs.run(job=Job.objects.get().id)
    assert done.state == State.FAILED
    assert not done.file_name


# The command line


def test_the_command_writes_the_same_file_and_leaves_the_same_trace(land, typed, tmp_path):
    out = tmp_path / "desa.csv"
    done = typed(monitoring, "export", "realisation", "--stage", land.stage_code, "--office", "KC-BDW", "--by", "village", "--out", out, "--as", "siti")  # fmt: skip
    assert (done.code, done.data["rows"]) == (0, 2)
    shown = take(signed_in(Role.BRANCH, "KC-BDW"), by="village", what="realisation")
    assert out.read_bytes() == shown.content
    assert Entry.objects.filter(verb="exported", actor="siti").count() == 1
    assert typed(monitoring, "export", "families", "--stage", land.stage_code, "--office", "KC-BDW", "--out", tmp_path / "x.doc").code != 0  # fmt: skip


@pytest.mark.parametrize("typed_in", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_what_a_spreadsheet_would_run_is_written_as_a_text(typed_in):
    assert harmless(typed_in) == f"'{typed_in}"
    assert harmless(-5) == -5
    assert harmless("a=1") == "a=1"

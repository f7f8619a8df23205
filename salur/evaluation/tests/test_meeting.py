"""The meeting over HTTP, on paper and on the command line: the same figures; who sees it; what branches write."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from pypdf import PdfReader

from conftest import entitle
from salur.audit.models import Entry
from salur.evaluation import actions
from salur.evaluation.commands import evaluation
from salur.evaluation.models import Note
from salur.evaluation.rules import Measure, Side, Tag
from salur.lib.indonesian import number, percent
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.process_cache import cache
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.oversight.actions import answer_complaint, receive_complaint
from salur.oversight.rules import About, Way
from salur.payments import actions as payments
from salur.payments.rules import Channel, Failure, Payment, Reason
from salur.programmes.models import Stage
from salur.web.actions import give_role
from salur.web.models import Role

STAGE, REGION = "SEMBAKO-2022-1", "REG-5"
PAGE = f"/evaluasi/{STAGE}/{REGION}/"
ROWS = ["--region", REGION, "--stage", STAGE]


@pytest.fixture
def meeting(office):
    """Bondowoso paid six of ten (five on the 12th, one on the 13th) and failed one; Situbondo paid its only family."""
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, 1, 'v1', 'list.csv', 'x', 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [office.stage, office.noon - timedelta(days=10), office.noon - timedelta(days=10)],
        )
    pay(office, office.branch, office.entitlements[:5])
    pay(office, office.branch, office.entitlements[5:6], days=1, officer=1, channel=Channel.DOOR)
    pay(office, office.neighbour, [office.neighbours_entitlement])
    failure = Failure(office.id(), office.entitlements[7], office.officers[0], Reason.DEAD, office.noon)
    payments.record_failures(stage=office.stage, branch=office.branch, failures=[failure], at=office.noon)
    figures = [
        actions.Figure("KC-BDW", Measure.PAID_PERCENT, "60,0", "koran", date(2022, 3, 26)),
        actions.Figure("KC-BDW", Measure.ALLOCATED, "10", "koran", date(2022, 3, 26)),
        actions.Figure("KC-SIT", Measure.ALLOCATED, "1", "koran", date(2022, 3, 26)),
        actions.Figure("REG-5", Measure.ALLOCATED, "14", "koran", date(2022, 3, 26)),
    ]
    assert actions.load_figures(stage_code=STAGE, figures=figures, actor="humas", at=office.noon) == 4
    assert actions.load_figures(stage_code=STAGE, figures=figures, actor="humas", at=office.noon) == 0
    note(office, text="Merekrut tenaga tambahan.")
    return office


def pay(office, branch, entitlements, *, days=0, officer=0, channel=Channel.COMMUNITY):
    at = office.noon + timedelta(days=days)
    made = [Payment(office.id(), e, office.officers[officer], office.amount_rp, channel, at) for e in entitlements]
    assert set(payments.record_payments(stage=office.stage, branch=branch, payments=made, at=at)) == {"created"}


def note(office, *, text, side=Side.HELPED, tag=Tag.RECRUITMENT, **more):
    return actions.note(
        stage_code=STAGE, branch=office.branch, side=side, tag=tag, text=text, actor="cabang", at=office.noon, **more
    )


def sign_in(office, role, code=None):
    client = Client()
    client.force_login(give_role(actor="tests", username=f"{role}-{code}", role=role, office_code=code, at=office.noon))
    return client


def words(text):
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_the_ranking_has_the_fields_that_other_programs_read(meeting, typed):
    answer = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26")
    assert answer.code == 0
    assert [{key: row[key] for key in ("rank", "branch", "allocated", "paid", "paid_percent", "geotag_percent", "days_to_50", "days_to_90", "hires")} for row in answer.data["ranking"]] == [
        {"rank": 1, "branch": "KC-SIT", "allocated": 1, "paid": 1, "paid_percent": 100.0, "geotag_percent": 0.0, "days_to_50": 1, "days_to_90": 1, "hires": 0},
        {"rank": 2, "branch": "KC-BDW", "allocated": 10, "paid": 6, "paid_percent": 60.0, "geotag_percent": 0.0, "days_to_50": 1, "days_to_90": None, "hires": 0},
    ]  # fmt: skip
    assert answer.data["region"] == REGION
    assert answer.data["as_of"].startswith("2022-03-26T16:59:59")
    assert answer.data["unpaid"] == {"not_visited": 3, "dead": 1}
    by_channel = {each["key"]: each for each in answer.data["productivity"]["by_channel"]}
    assert {key: (each["families"], each["officer_days"], each["families_per_officer_day"]) for key, each in by_channel.items()} == {
        "komunitas": (6, 2, 3.0), "door": (1, 1, 1.0),
    }  # fmt: skip


def test_format_json_is_the_same_as_json(meeting, typed):
    by_format = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26", "--format", "json").data
    assert by_format == typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26").data


def test_a_total_that_is_not_the_sum_of_its_branches_is_flagged(meeting, typed):
    answer = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26").data
    (found,) = answer["sums"]
    assert (found["office"], found["printed"], found["sum"], found["difference_from_sum"], found["agrees"]) == (REGION, 14, 11, 3, False)  # fmt: skip
    total = next(each for each in answer["published"] if each["office"] == REGION)
    assert (total["agreement"], total["difference"], total["counted"]) == ("differs", 3.0, 11)
    assert "differs from the sum of the 2 below it, 11, by +3" in found["note"]


def test_page_paper_and_command_line_say_the_same(meeting, typed, tmp_path):
    said = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26").data
    paper = tmp_path / "evaluasi.pdf"
    answer = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-26", "--format", "pdf", "--out", paper)
    assert answer.data["pages"] >= 1
    client = sign_in(meeting, Role.REGION, REGION)
    page = words(client.get(f"{PAGE}?as_of=2022-03-26").content.decode())
    printed = words(" ".join(sheet.extract_text() for sheet in PdfReader(paper).pages))
    served = client.get(f"{PAGE}evaluasi.pdf?as_of=2022-03-26")
    assert served["Content-Type"] == "application/pdf"
    assert served.content == paper.read_bytes(), "the page's paper and the command line's are the same bytes"
    for row in said["ranking"]:
        for shown in (
            number(row["allocated"]),
            number(row["paid"]),
            words(percent(Decimal(str(row["paid_percent"])).quantize(Decimal("0.01")))),
        ):
            assert shown in page
            assert shown in printed
    assert "Merekrut tenaga tambahan." in page
    assert "Merekrut tenaga tambahan." in printed
    assert "14 berbeda +3 dari jumlah 2 kantor di bawahnya, 11." in page
    assert "14 berbeda +3 dari jumlah 2 kantor di bawahnya, 11." in printed
    assert "26 Maret 2022 23.59 WIB" in page
    assert "26 Maret 2022 23.59 WIB" in printed


def test_hires_are_those_from_outside_who_worked_by_then(meeting, typed):
    officers = list(Officer.objects.filter(id__in=meeting.officers).order_by("id"))
    Officer.objects.filter(id=officers[1].id).update(kind="external")
    Officer.objects.create(branch_id=meeting.branch, code="JB-9", name="Tanpa tugas", kind="external")

    def hires(day):
        rows = typed(evaluation, "report", *ROWS, "--as-of", day).data["ranking"]
        return {row["branch"]: row["hires"] for row in rows}

    assert hires("2022-03-11") == {"KC-BDW": None, "KC-SIT": None}, "nobody worked yet"
    assert hires("2022-03-12") == {"KC-BDW": 0, "KC-SIT": 0}
    assert hires("2022-03-13") == {"KC-BDW": 1, "KC-SIT": 0}, "who is hired and never works is not counted"


def test_complaints_stand_with_their_clock(meeting, typed):
    def complain(days, about=About.LESS, **more):
        at = meeting.noon + timedelta(days=days)
        return receive_complaint(
            branch=meeting.branch, way=Way.PHONE, about=about, text="Uangnya kurang.", actor="loket", at=at, **more
        )[0]

    answered, late, unanswered = complain(0, stage_code=STAGE), complain(0), complain(1, stage_code=STAGE)
    complain(-60)  # before the stage, and of no stage
    answer_complaint(complaint=answered, text="Sudah dibayar.", actor="cabang", at=meeting.noon + timedelta(days=2))
    answer_complaint(complaint=late, text="Sudah dibayar.", actor="cabang", at=meeting.noon + timedelta(days=9))

    def counted(day):
        rows = typed(evaluation, "report", *ROWS, "--as-of", day).data["branches"]
        return next(row["complaints"] for row in rows if row["branch"] == "KC-BDW")

    assert counted("2022-03-12") == {"received": 2, "answered": 0, "late": 0}
    assert counted("2022-03-14") == {"received": 3, "answered": 1, "late": 0}
    assert counted("2022-03-26") == {"received": 3, "answered": 2, "late": 2}
    answer_complaint(complaint=unanswered, text="Sudah dibayar.", actor="cabang", at=meeting.noon + timedelta(days=30))
    assert counted("2022-03-26") == {"received": 3, "answered": 2, "late": 2}, "what came later was not known"


def test_an_earlier_moment_shows_what_there_was(meeting, typed):
    answer = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-12").data
    assert {row["branch"]: row["paid"] for row in answer["ranking"]} == {"KC-BDW": 5, "KC-SIT": 1}
    assert answer["published"] == [], "what was published later was not known"
    (days,) = [each["days"] for each in answer["progress"] if each["branch"] == "KC-BDW"]
    assert [(day["date"], day["paid"], day["total_paid"]) for day in days] == [("2022-03-12", 5, 5)]


def test_a_moment_within_a_day_counts_the_part_of_the_day(meeting, typed):
    answer = typed(evaluation, "report", *ROWS, "--as-of", "2022-03-12T11:00:00+07:00").data
    assert {row["branch"]: row["paid"] for row in answer["ranking"]} == {"KC-BDW": 0, "KC-SIT": 0}


@pytest.mark.parametrize(
    ("role", "code", "sees"),
    [
        (Role.MINISTRY, None, 2), (Role.HEADQUARTERS, None, 2), (Role.AUDITOR, None, 2), (Role.REGION, REGION, 2), (Role.BRANCH, "KC-BDW", 1),
        (Role.BRANCH, "KC-SIT", 1), (Role.COORDINATOR, "KC-BDW", 0), (Role.OFFICER, "KC-BDW", 0), (Role.REGION, "REG-6", 0),
    ],
)  # fmt: skip
def test_everybody_sees_what_is_theirs(meeting, role, code, sees):
    hq = Office.objects.get(code="HQ")
    Office.objects.create(code="REG-6", name="Regional VI", kind="REGION", parent=hq, timezone="Asia/Jakarta")
    client = sign_in(meeting, role, code)
    for address in (PAGE, f"{PAGE}evaluasi.pdf"):
        assert client.get(address).status_code == (200 if sees else 404)
    if sees:
        report = client.get(PAGE).context["report"]
        assert (len(report.branches), report.compared) == (sees, 2)
        if code == "KC-BDW":
            assert report.branches[0].rank == 2, "a branch knows its rank among all"
            page = client.get(PAGE).content.decode()
            assert "Situbondo" not in page
            assert "KC-SIT" not in page


def test_a_stranger_is_sent_to_sign_in(meeting):
    assert Client().get(PAGE)["Location"].startswith("/masuk/?next=")


def test_the_stage_leads_to_the_only_region(meeting):
    assert sign_in(meeting, Role.BRANCH, "KC-BDW").get(f"/evaluasi/{STAGE}/")["Location"] == PAGE


@pytest.mark.parametrize(
    "address", [f"/evaluasi/{STAGE}/KC-BDW/", f"/evaluasi/{STAGE}/REG-9/", "/evaluasi/NONE/REG-5/"]
)
def test_what_is_no_region_or_stage_is_not_found(meeting, address):
    assert sign_in(meeting, Role.MINISTRY).get(address).status_code == 404


def test_a_branch_writes_corrects_and_takes_back_its_notes(meeting):
    client = sign_in(meeting, Role.BRANCH, "KC-BDW")
    said = {"side": "hindered", "tag": "terrain", "text": "Jalan ke Sucolor <b>longsor</b>."}
    assert client.post(f"{PAGE}catatan/", said).status_code == 302
    page = client.get(PAGE).content.decode()
    assert "&lt;b&gt;longsor&lt;/b&gt;" in page
    written = Note.objects.get(side="hindered")
    client.post(f"{PAGE}catatan/", {**said, "text": "Jembatan ke Sucolor putus.", "replaces": written.id})
    page = client.get(PAGE).content.decode()
    assert "Jembatan ke Sucolor putus." in page
    assert "longsor" not in page
    corrected = Note.objects.get(replaces=written)
    client.post(f"{PAGE}catatan/", {**said, "text": "", "replaces": corrected.id})
    assert "Jembatan" not in client.get(PAGE).content.decode()
    assert Note.objects.count() == 4, "nothing was changed or removed"
    verbs = list(Entry.objects.filter(subject__startswith="note/").order_by("number").values_list("verb", flat=True))
    assert verbs == ["noted", "noted", "corrected", "took back"]


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR, Role.HEADQUARTERS])
def test_who_only_looks_cannot_write(meeting, role):
    client = sign_in(meeting, role)
    assert client.post(f"{PAGE}catatan/", {"side": "helped", "tag": "cash", "text": "x"}).status_code == 404


def test_a_branch_cannot_touch_anothers_note(meeting):
    client = sign_in(meeting, Role.BRANCH, "KC-SIT")
    theirs = Note.objects.get().id
    assert (
        client.post(f"{PAGE}catatan/", {"side": "helped", "tag": "cash", "text": "x", "replaces": theirs}).status_code
        == 404
    )


def test_a_note_is_written_once_and_corrected_once(meeting):
    first = Note.objects.get()
    again = note(meeting, text=first.text, id=first.id)
    assert again == first.id
    with pytest.raises(Conflict):
        note(meeting, text="anders", id=first.id)
    note(meeting, text="Merekrut 45 orang.", replaces=first.id)
    with pytest.raises(Conflict, match="changed before"):
        note(meeting, text="Merekrut 46 orang.", replaces=first.id)
    assert [each.ok for each in actions.recount(stage=meeting.stage)] == [True]


@pytest.mark.parametrize("text", ["", "   ", "x" * 601])
def test_a_note_says_something_short(meeting, text):
    with pytest.raises(Problem):
        note(meeting, text=text)


def test_a_figure_of_nobody_or_that_is_no_number_is_refused(meeting):
    def load(office, printed):
        figure = actions.Figure(office, Measure.PAID, printed, "koran", date(2022, 3, 26))
        return actions.load_figures(stage_code=STAGE, figures=[figure], actor="humas", at=meeting.noon)

    with pytest.raises(NotFound):
        load("KC-XYZ", "10")
    for printed in ("ten", "1.00", "-1", "1 000"):
        with pytest.raises(Problem):
            load("KC-BDW", printed)
    assert load("KC-BDW", "1.234.567") == 1


def test_figures_come_from_a_file(meeting, typed, tmp_path):
    path = tmp_path / "figures.csv"
    path.write_text("office,measure,printed,source,date\nREG-5,paid,7,koran,2022-03-26\n")
    assert typed(evaluation, "publish", path, "--stage", STAGE).data == {"figures": 1, "new": 1}
    assert typed(evaluation, "publish", path, "--stage", STAGE).data == {"figures": 1, "new": 0}
    path.write_text("office,measure,printed,source,date\nREG-5,smiles,7,koran,2022-03-26\n")
    refused = typed(evaluation, "publish", path, "--stage", STAGE)
    assert refused.code == 2
    assert "line 2" in refused.said


def test_earlier_stages_of_the_programme_are_compared(meeting, typed):
    stage = Stage.objects.get(code=STAGE)
    stage.id, stage.code, stage.opens = None, "SEMBAKO-2021-4", date(2021, 11, 20)
    stage.save()
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, 1, 'v0', 'list.csv', 'y', 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [stage.id, meeting.noon - timedelta(days=100), meeting.noon - timedelta(days=100)],
        )
    now, meeting.stage = meeting.stage, stage.id
    earlier = [entitle(meeting, branch=meeting.branch, village=meeting.villages[0], number=900 + n) for n in range(4)]
    pay(meeting, meeting.branch, earlier[:3], days=-90)
    meeting.stage = now
    (found,) = typed(evaluation, "report", *ROWS).data["earlier"]
    assert (found["stage"], found["allocated"], found["paid"], found["paid_percent"]) == ("SEMBAKO-2021-4", 4, 3, 75.0)
    assert found["branches"] == [{"branch": "KC-BDW", "rank": 1, "paid_percent": 75.0, "days_to_90": None}]


def test_on_an_empty_stage_the_page_says_so(office):
    page = sign_in(office, Role.MINISTRY).get(PAGE)
    assert page.status_code == 200
    assert "belum" in page.content.decode().lower()
    assert page.context["report"].danom_version is None

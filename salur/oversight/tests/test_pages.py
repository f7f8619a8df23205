"""The pages over HTTP: who sees them, what a stranger may do, what each form writes."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation

from conftest import entitle
from salur.audit.models import Entry
from salur.cases.models import Case, Event
from salur.jobs.models import Job
from salur.lib.clock import now
from salur.lib.letter_code import letter_code
from salur.lib.process_cache import cache
from salur.oversight import actions
from salur.oversight.models import Answer, Complaint, ComplaintStep, ControlVisit, Knock, Sample
from salur.oversight.public import COMPLAINTS_AN_HOUR
from salur.oversight.rules import About, Check, Found, Method, Way
from salur.oversight.signals import Kind
from salur.oversight.tests.test_oversight import one_house_for_all, picture
from salur.oversight.words import COUNTED, INNOCENT, KINDS, REFUSALS
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

STAGE, REGION = "SEMBAKO-2022-1", "REG-5"
BASE = f"/pengawasan/{STAGE}/"
INBOX = "/pengawasan/pengaduan/"


@pytest.fixture
def paid(office):
    """Bondowoso's ten families were paid, five by each officer; the neighbour paid nobody."""
    cache.clear()
    made = [
        Payment(office.id(), entitlement, office.officers[n % 2], office.amount_rp, Channel.DOOR, office.noon - timedelta(minutes=n))
        for n, entitlement in enumerate(office.entitlements)
    ]  # fmt: skip
    assert set(payments.record_payments(stage=office.stage, branch=office.branch, payments=made, at=office.noon)) == {
        "created"
    }
    office.payments = made
    return office


def sign_in(office, role, code=None):
    client = Client()
    client.force_login(give_role(actor="tests", username=f"{role}-{code}", role=role, office_code=code, at=office.noon))
    return client


def page(answer):
    return answer.content.decode()


def words_of(text):
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def form_id(answer):
    return re.search(r'name="id" value="([0-9a-f-]{36})"', page(answer))[1]


# Who sees what

EVERYWHERE = (BASE, f"{BASE}sampel/", f"{BASE}kunjungan/", INBOX)


@pytest.mark.parametrize(
    ("role", "code", "sees"),
    [
        (Role.MINISTRY, None, True), (Role.HEADQUARTERS, None, True), (Role.AUDITOR, None, True), (Role.REGION, REGION, True),
        (Role.BRANCH, "KC-BDW", True), (Role.COORDINATOR, "KC-BDW", False), (Role.OFFICER, "KC-BDW", False),
    ],
)  # fmt: skip
def test_desks_look_and_who_is_looked_at_does_not(paid, role, code, sees):
    client = sign_in(paid, role, code)
    for address in EVERYWHERE:
        assert client.get(address).status_code == (200 if sees else 404), address


def test_a_stranger_signs_in_first(paid):
    for address in EVERYWHERE:
        assert Client().get(address)["Location"].startswith("/masuk/?next=")


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR])
def test_who_only_looks_changes_nothing(paid, role):
    client = sign_in(paid, role)
    drawn = actions.draw_sample(
        stage_code=STAGE, branch=paid.branch, method=Method.CALL, size=3, actor="spi", at=paid.noon
    )
    made, _ = complain(paid)
    posts = {
        f"{BASE}lihat/": {},
        f"{BASE}juru-bayar/{paid.officers[0]}/putusan/": {"reason": "x"},
        f"{BASE}sampel/ambil/": {"method": "call", "branch": paid.branch},
        f"{BASE}sampel/{drawn.id}/1/": {"said": "as_booked"},
        f"{BASE}kunjungan/baru/": visit_form(paid),
        f"{INBOX}baru/": {"way": "phone", "about": "other", "text": "Halo semua", "branch": paid.branch},
        f"{INBOX}{made}/langkah/": {"act": "contact"},
    }
    for address, words in posts.items():
        assert client.post(address, words).status_code == 403, address
    assert (Answer.objects.count(), ControlVisit.objects.count(), Job.objects.count()) == (0, 0, 0)
    assert (Sample.objects.count(), Complaint.objects.count(), ComplaintStep.objects.count()) == (1, 1, 1)


def test_another_branch_finds_none_of_it(paid):
    client = sign_in(paid, Role.BRANCH, "KC-SIT")
    drawn = actions.draw_sample(
        stage_code=STAGE, branch=paid.branch, method=Method.CALL, size=3, actor="spi", at=paid.noon
    )
    made, ticket = complain(paid)
    visit = actions.record_visit(
        stage_code=STAGE, branch=paid.branch, village=paid.villages[0], found=dict.fromkeys(Check, Found.YES), actor="spi", at=paid.noon
    )  # fmt: skip
    one_house_for_all(paid)
    actions.look_at(stage_code=STAGE, branch=paid.branch, actor="spi", at=paid.noon)
    for address in (
        f"{BASE}sampel/{drawn.id}/", f"{BASE}kunjungan/{visit}/", f"{INBOX}{made}/", f"{BASE}juru-bayar/{paid.officers[1]}/",
    ):  # fmt: skip
        assert client.get(address).status_code == 404, address
    for address, words in (
        (f"{BASE}sampel/{drawn.id}/1/", {"said": "as_booked"}), (f"{INBOX}{made}/langkah/", {"act": "take", "person": "x"}),
        (f"{BASE}juru-bayar/{paid.officers[1]}/putusan/", {"reason": "x"}), (f"{INBOX}{made}/langkah/", {"act": "contact"}),
    ):  # fmt: skip
        assert client.post(address, words).status_code == 404, address
    assert "KC-BDW" not in page(client.get(BASE))
    assert ticket not in page(client.get(INBOX))


# Signals


@pytest.fixture
def looked(paid):
    one_house_for_all(paid)
    actions.look_at(stage_code=STAGE, branch=paid.branch, actor="spi", at=now())
    return paid


def test_signals_are_listed_with_their_reason_and_open_an_officer(looked):
    client = sign_in(looked, Role.BRANCH, "KC-BDW")
    listed = page(client.get(BASE))
    assert "Budi" in listed
    assert "15 dari 15 rumah berada di titik yang sama hingga sentimeter" in listed
    assert "bukan putusan" in listed
    one = page(client.get(f"{BASE}juru-bayar/{looked.officers[1]}/"))
    assert str(INNOCENT[Kind.IDENTICAL_PLACE]) in one or "Rumah panjang" in one
    assert client.get(f"{BASE}juru-bayar/{looked.officers[0]}/").status_code == 404, "who has no signal has no page"
    assert client.get(f"{BASE}?kind=hours").context["rows"] == []
    assert len(client.get(f"{BASE}?kind=identical_place").context["rows"]) == 1


def test_a_person_decides_with_a_reason_and_may_think_again(looked):
    client = sign_in(looked, Role.REGION, REGION)
    address = f"{BASE}juru-bayar/{looked.officers[1]}/putusan/"
    assert client.post(address, {"decision": "explained", "reason": " "}).status_code == 400
    assert client.post(address, {"decision": "guilty", "reason": "x"}).status_code == 404
    assert client.post(address, {"decision": "", "reason": "Kunjungan dijadwalkan."}).status_code == 302
    for _ in range(2):
        assert client.post(address, {"decision": "explained", "reason": "Barak relokasi."}).status_code == 302
    case = Case.objects.get(kind="officer_signals")
    acts = list(Event.objects.filter(case=case).order_by("number").values_list("act", "reason"))
    assert acts[-2:] == [("noted", "Kunjungan dijadwalkan."), ("decided", "Barak relokasi.")]
    client.post(address, {"decision": "referred", "reason": "Ternyata tidak ada barak."})
    assert list(Event.objects.filter(case=case).order_by("number").values_list("act", flat=True))[-2:] == ["reopened", "decided"]  # fmt: skip
    assert "Ternyata tidak ada barak." in page(client.get(f"{BASE}juru-bayar/{looked.officers[1]}/"))
    assert Entry.objects.filter(subject=f"case/{case.id}", verb="decided").count() == 2


def test_nobody_decides_about_their_own_work(looked):
    with pytest.raises(actions.Problem, match="Somebody else"):
        actions.decide_signals(
            stage_code=STAGE, officer=looked.officers[1], decision=None, reason="Saya.", actor="Budi", at=now()
        )


def test_a_decided_case_is_opened_again_when_a_later_look_finds_more(looked):
    (officer, at) = (looked.officers[1], now())
    case = actions.decide_signals(
        stage_code=STAGE, officer=officer, decision=actions.Decision.EXPLAINED, reason="Barak.", actor="wilayah", at=at
    )
    actions.look_at(stage_code=STAGE, branch=looked.branch, actor="spi", at=at + timedelta(hours=1))
    assert Event.objects.filter(case_id=case).latest("number").act == "decided", "the same again is nothing new"
    for _ in range(4):
        complain(looked, stage_code=STAGE, officer=officer)
    found = actions.look_at(stage_code=STAGE, branch=looked.branch, actor="spi", at=at + timedelta(hours=2))
    assert Kind.VOICE in {signal.kind for signal in found.signals if signal.officer == officer}
    event = Event.objects.filter(case_id=case).latest("number")
    assert (event.act, event.actor) == ("reopened", "salur")
    assert "voice" in event.reason


def test_a_look_is_a_job_that_writes_signals(paid):
    one_house_for_all(paid)
    client = sign_in(paid, Role.BRANCH, "KC-BDW")
    assert "Belum diperiksa" in page(client.get(BASE))
    answer = client.post(f"{BASE}lihat/")
    assert answer["Location"].startswith("/pekerjaan/")
    job = Job.objects.get()
    assert job.arguments == {"stage": STAGE, "branches": [paid.branch]}
    actions_jobs_run(job.id)
    assert "Budi" in page(client.get(BASE))


def actions_jobs_run(job):
    from salur.jobs.actions import run

    assert run(job=job).state == "done"


# Samples


def test_a_sample_is_drawn_above_the_branch_and_answered_by_it(paid):
    region, branch = sign_in(paid, Role.REGION, REGION), sign_in(paid, Role.BRANCH, "KC-BDW")
    words = {"branch": paid.branch, "method": "call", "confidence": "95", "share": "1", "size": "4"}
    assert branch.post(f"{BASE}sampel/ambil/", words).status_code == 403, "nobody draws their own"
    words["id"] = form_id(region.get(f"{BASE}sampel/"))
    first = region.post(f"{BASE}sampel/ambil/", words)["Location"]
    assert region.post(f"{BASE}sampel/ambil/", words)["Location"] == first, "sent twice, drawn once"
    shown = branch.get(first)
    assert shown.context["waiting"] == 4
    assert (
        branch.post(f"{first}1/", {"said": "less", "got_rp": "Rp450.000", "note": "kurang"})["Location"]
        == f"{first}?show=open#n1"
    )
    for number in (2, 3):
        branch.post(f"{first}{number}/", {"said": "as_booked"})
    branch.post(f"{first}4/", {"said": "unreachable"})
    result = branch.get(first).context["result"]
    assert (result.answered, result.silent, result.likely.problems) == (3, 1, 1)
    assert Answer.objects.get(number=1).got_rp == 450_000
    assert "450.000" in page(branch.get(first))
    assert branch.get(f"{first}?show=open").context["rows"] == []


@pytest.mark.parametrize(
    "wrong", [{"confidence": "many"}, {"share": "0"}, {"size": "x"}, {"branch": "99999"}, {"confidence": "50"}]
)
def test_a_sample_that_cannot_be_is_refused(paid, wrong):
    words = {"branch": paid.branch, "method": "call", "confidence": "95", "share": "1", **wrong}
    answer = sign_in(paid, Role.HEADQUARTERS).post(f"{BASE}sampel/ambil/", words)
    assert answer.status_code in (400, 404)
    assert not Sample.objects.exists()


# Control visits


def visit_form(office, **more):
    return {
        "branch": office.branch, "village": office.villages[0], "officer": office.officers[0], "note": "Antrean <b>tertib</b>.",
        **{f"check_{check}": "yes" for check in Check}, **more,
    }  # fmt: skip


def test_a_control_visit_is_recorded_with_its_photos(paid, tmp_path, monkeypatch, settings):
    monkeypatch.setenv("SALUR_OBJECT_STORE", str(tmp_path / "store"))
    client = sign_in(paid, Role.REGION, REGION)
    drawn = client.get(f"{BASE}kunjungan/baru/")
    assert drawn.status_code == 200
    photo = tmp_path / "loket.jpg"
    photo.write_bytes(picture())
    with photo.open("rb") as file:
        words = visit_form(paid, check_no_cuts="no", photos=[file], id=form_id(drawn), visited_at="2022-03-12T09:30")
        answer = client.post(f"{BASE}kunjungan/baru/", words)
    assert answer.status_code == 302, page(answer)
    shown = page(client.get(answer["Location"]))
    assert "&lt;b&gt;tertib" in shown
    assert "12 Maret 2022 09.30" in words_of(shown)
    (address,) = set(re.findall(r'src="([^"?]+/foto/[^"?]+)', shown))
    for size in ("", "?size=small"):
        served = client.get(address + size)
        assert (served.status_code, served["Content-Type"]) == (200, "image/jpeg")
    assert sign_in(paid, Role.BRANCH, "KC-SIT").get(address).status_code == 404
    assert client.get(address[:-9] + "00000000/").status_code == 404
    assert "Tidak ada yang memungut" in page(client.get(f"{BASE}kunjungan/"))
    assert Case.objects.filter(kind="control_finding").count() == 1


@pytest.mark.parametrize(
    "wrong", [{"village": ""}, {"check_no_cuts": "perhaps"}, {"visited_at": "soon"}, {"village": "3511022001"}]
)
def test_a_visit_that_cannot_be_says_why_and_keeps_what_was_typed(paid, wrong):
    answer = sign_in(paid, Role.BRANCH, "KC-BDW").post(f"{BASE}kunjungan/baru/", visit_form(paid, **wrong))
    assert answer.status_code == 400
    assert "Antrean &lt;b&gt;tertib" in page(answer)
    assert not ControlVisit.objects.exists()


# Complaints


def complain(office, **more):
    given = {
        "branch": office.branch, "way": Way.PHONE, "about": About.LESS, "text": "Uangnya kurang Rp150.000.", "contact": "0812 0000 0000",
        "actor": "loket", "at": now(),
    }  # fmt: skip
    return actions.receive_complaint(**{**given, **more})


def stranger(**more):
    return Client(REMOTE_ADDR="198.51.100.7", **more)


def test_a_stranger_complains_with_the_code_of_their_letter_and_reads_the_answer(paid):
    client, code = stranger(), letter_code(paid.entitlements[0])
    form = client.get(f"/pengaduan/?kode={code}")
    assert code in page(form)
    words = {
        "kode": code.lower(),
        "about": "less",
        "text": "Saya hanya menerima Rp450.000.",
        "contact": "0812",
        "id": form_id(form),
    }
    done = client.post("/pengaduan/", words)
    assert done.status_code == 200
    ticket = done.context["ticket"]
    assert client.post("/pengaduan/", words).context["ticket"] == ticket, "sent twice it is one complaint"
    row = Complaint.objects.get()
    assert (row.branch_id, row.entitlement, row.officer_id, row.way) == (
        paid.branch,
        paid.entitlements[0],
        paid.officers[0],
        "web",
    )
    assert row.stage.code == STAGE

    look = lambda: page(client.post("/pengaduan/jawaban/", {"ticket": ticket.lower().replace("-", " ")}))  # noqa: E731
    assert "belum menjawab" in look()
    desk = sign_in(paid, Role.BRANCH, "KC-BDW")
    assert ticket in page(desk.get(INBOX))
    address = f"{INBOX}{row.id}/"
    shown = page(desk.get(address))
    assert "Saya hanya menerima Rp450.000." in shown
    assert "0812" not in shown, "the number is shown to who asks for it"
    assert "0812" in page(desk.post(f"{address}langkah/", {"act": "contact"}))
    assert Entry.objects.filter(verb="opened contact", subject=f"complaint/{row.id}").count() == 1
    desk.post(f"{address}langkah/", {"act": "take", "person": "Kepala Cabang"})
    desk.post(f"{address}langkah/", {"act": "answer", "text": "Kekurangannya dibayarkan hari ini."})
    assert "Kekurangannya dibayarkan hari ini." in look()
    client.post("/pengaduan/jawaban/", {"ticket": ticket, "text": "Belum saya terima."})
    assert list(ComplaintStep.objects.order_by("number").values_list("step", flat=True)) == ["received", "taken", "answered", "reopened"]  # fmt: skip
    assert "Belum saya terima." in page(desk.get(address))


def test_without_a_letter_the_post_office_is_chosen(paid):
    words = {"about": "not_on_list", "text": "Nama saya tidak ada.", "branch": paid.branch}
    assert stranger().post("/pengaduan/", words).status_code == 200
    assert Complaint.objects.get().branch_id == paid.branch


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kode": "ZZZZZZZZ"}, "Tidak ada surat dengan kode ini"), ({"branch": ""}, "atau pilih kantor pos"), ({"about": "x"}, "Pilih pokok"),
        ({"text": "a"}, "Ceritakan"), ({"branch": "999999"}, "atau pilih kantor pos"),
    ],
)  # fmt: skip
def test_what_lacks_is_said_in_their_language_and_nothing_typed_is_lost(paid, wrong, says):
    words = {"about": "other", "text": "Tempatnya jauh sekali.", "branch": str(paid.branch), "kode": "", **wrong}
    answer = stranger().post("/pengaduan/", words)
    assert answer.status_code == 400
    assert says in page(answer)
    assert words["text"] in page(answer)
    assert not Complaint.objects.exists()


def test_one_address_complains_a_few_times_an_hour_and_others_go_on(paid):
    words = {"about": "other", "text": "Tempatnya jauh sekali.", "branch": paid.branch}
    client = stranger()
    assert [client.post("/pengaduan/", words).status_code for _ in range(COMPLAINTS_AN_HOUR)] == [
        200
    ] * COMPLAINTS_AN_HOUR
    refused = client.post("/pengaduan/", words)
    assert refused.status_code == 429
    assert "coba lagi satu jam lagi" in page(refused)
    assert Client(REMOTE_ADDR="198.51.100.8").post("/pengaduan/", words).status_code == 200
    assert all(b"198.51" not in bytes(source) for source in Knock.objects.values_list("source", flat=True))
    Knock.objects.update(hour=now() - timedelta(hours=30))
    assert client.post("/pengaduan/", words).status_code == 200
    assert Knock.objects.count() == 1, "the hours of yesterday are forgotten"


def test_the_address_behind_our_proxies_is_the_one_they_heard(paid, settings):
    words = {"about": "other", "text": "Tempatnya jauh sekali.", "branch": paid.branch}
    settings.PROXIES = 1
    for n in range(COMPLAINTS_AN_HOUR + 1):
        answer = stranger().post("/pengaduan/", words, headers={"X-Forwarded-For": f"1.2.3.{n}, 203.0.113.9"})
    assert answer.status_code == 429, "what a stranger claims to be does not count"
    settings.PROXIES = 0
    assert stranger().post("/pengaduan/", words, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_numbers_of_complaints_are_not_guessed(paid):
    client = stranger()
    statuses = [client.post("/pengaduan/jawaban/", {"ticket": f"AAAAA-AAA{n:02}"}).status_code for n in range(31)]
    assert statuses == [400] * 30 + [429]


def test_a_complaint_by_telephone_is_written_down_and_late_ones_stand_apart(paid):
    desk = sign_in(paid, Role.BRANCH, "KC-BDW")
    late, ticket = complain(paid, at=now() - timedelta(days=5))
    words = {"way": "phone", "about": "staff", "text": "Petugasnya kasar.", "branch": paid.branch, "code": ""}
    answer = desk.post(f"{INBOX}baru/", words)
    assert answer.status_code == 302
    assert "Petugasnya kasar." in page(desk.get(answer["Location"]))
    inbox = desk.get(INBOX)
    assert [row.id for row, *_ in inbox.context["rows"]][0] == late
    assert [row.id for row, *_ in desk.get(f"{INBOX}?show=late").context["rows"]] == [late]
    assert ticket in page(inbox)
    assert desk.post(f"{INBOX}baru/", {**words, "text": ""}).status_code == 400
    outside = entitle(paid, branch=paid.neighbour, village=3511022001, number=990)
    assert desk.post(f"{INBOX}baru/", {**words, "code": letter_code(outside)}).status_code == 400, (
        "another branch's letter"
    )


def test_a_complaint_says_nothing_of_the_complainant_in_logs_or_addresses(paid, caplog):
    stranger().post("/pengaduan/", {"about": "x", "text": "NIK 9911015708790001", "branch": ""})
    assert "9911" not in caplog.text


def test_pages_of_complaints_are_kept_by_no_browser(paid):
    assert "no-store" in stranger().get("/pengaduan/")["Cache-Control"]
    assert "no-store" in sign_in(paid, Role.MINISTRY).get(INBOX)["Cache-Control"]


# Words


def test_every_signal_has_its_words():
    assert set(KINDS) == set(COUNTED) == set(INNOCENT) == set(Kind)


def test_what_is_refused_to_strangers_is_said_in_both_languages():
    from pathlib import Path

    sources = "".join(
        path.read_text() for path in (Path(actions.__file__), Path(actions.__file__).parent / "public.py")
    )
    for sentence in REFUSALS:
        with translation.override("en"):
            english = str(sentence)
        assert english in sources, english
        with translation.override("id"):
            assert str(sentence) != english


def test_the_tables_of_oversight_may_not_be_changed_by_the_application(paid):
    """The count of knocks is no fact; a complaint is sealed anew when the keys are changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'oversight%' AND relkind = 'r' AND has_table_privilege('salur_app', oid, 'UPDATE')"
        )
        assert {name for (name,) in cursor.fetchall()} == {"oversight_complaint", "oversight_knock"}

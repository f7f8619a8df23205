"""Samples, looks, complaints and control visits through the command line and the actions, on the cast of the small post office."""

import hashlib
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from PIL import Image

from conftest import entitle
from salur.audit.models import Entry
from salur.cases.models import Case
from salur.custody.models import Count
from salur.evidence.actions import record_geotags
from salur.evidence.rules import Geotag
from salur.lib.clock import now
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.process_cache import cache
from salur.offices.models import Officer
from salur.oversight import actions
from salur.oversight.commands import oversight
from salur.oversight.models import Answer, Complaint, ControlVisit, Look
from salur.oversight.rules import About, Check, Found, Method, Said, Way
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.registry.actions import rotate
from salur.web.verify import verify

STAGE = "SEMBAKO-2022-1"
ROWS = ("--stage", STAGE, "--branch", "KC-BDW")


@pytest.fixture
def paid(office):
    """Bondowoso's ten families were paid, five by each officer."""
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, 1, 'v1', 'list.csv', 'x', 'approved', 11, 11, 0, 0, 0, 6600000, '{}', 'siti', %s, 'budi', %s)""",
            [office.stage, office.noon - timedelta(days=10), office.noon - timedelta(days=10)],
        )
    made = [
        Payment(office.id(), entitlement, office.officers[n % 2], office.amount_rp, Channel.DOOR, office.noon - timedelta(minutes=n))
        for n, entitlement in enumerate(office.entitlements)
    ]  # fmt: skip
    assert set(payments.record_payments(stage=office.stage, branch=office.branch, payments=made, at=office.noon)) == {
        "created"
    }
    office.payments = made
    return office


def draw(office, **more):
    given = {
        "stage_code": STAGE,
        "branch": office.branch,
        "method": Method.CALL,
        "actor": "spi",
        "at": office.noon,
        "size": 4,
    }
    return actions.draw_sample(**{**given, **more})


# Samples


def test_a_sample_is_drawn_by_its_seed_alone(paid):
    one, two = draw(paid, seed=b"0" * 16), draw(paid, seed=b"0" * 16)
    other = draw(paid, seed=b"1" * 16, size=8)
    drawn = [[row.payment for row in actions.items(sample=each.id)] for each in (one, two, other)]
    assert drawn[0] == drawn[1]
    expected = sorted(
        (payment.id for payment in paid.payments), key=lambda id: hashlib.sha256(b"0" * 16 + id.bytes).digest()
    )
    assert drawn[0] == expected[:4], "anybody can draw it again with a pencil and SHA-256"
    assert set(drawn[2]) != set(drawn[0])


def test_what_is_paid_later_does_not_change_a_sample(paid):
    drawn = draw(paid, at=paid.noon)
    at = paid.noon + timedelta(hours=1)
    payments.void_payment(
        stage=paid.stage, branch=paid.branch, entitlement=paid.entitlements[0], payment=paid.payments[0].id, reason="wrong family",
        actor="a", approved_by="b", at=at,
    )  # fmt: skip
    assert all(found.ok for found in actions.recount(stage=paid.stage))
    assert draw(paid, at=at, size=None).population == 9
    assert drawn.population == 10


def test_without_a_size_it_is_as_large_as_the_confidence_needs(paid):
    assert draw(paid, size=None).size == 10
    assert draw(paid, size=None, share=actions.Decimal("0.3")).size == 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"confidence": actions.Decimal("0.5")},
        {"share": actions.Decimal(0)},
        {"branch": 999},
        {"size": 20_000},
    ],
)
def test_a_sample_of_nothing_is_refused(paid, wrong):
    with pytest.raises(Problem):
        draw(paid, **wrong)


def test_a_branch_that_paid_nobody_has_no_sample(paid):
    with pytest.raises(actions.NotASample, match="nothing to ask"):
        draw(paid, branch=paid.neighbour)


def test_the_same_id_draws_once(paid):
    id = uuid4()
    assert [draw(paid, id=id).existed for _ in range(2)] == [False, True]
    with pytest.raises(Conflict):
        draw(paid, id=id, method=Method.VISIT)


def test_exchanging_a_drawn_payment_is_found_out(paid):
    drawn = draw(paid, seed=b"0" * 16)
    assert all(found.ok for found in actions.recount(stage=paid.stage))
    inside = {row.payment for row in actions.items(sample=drawn.id)}
    outside = next(payment.id for payment in paid.payments if payment.id not in inside)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE oversight_sample_item SET payment = %s WHERE sample_id = %s AND number = 1", [outside, drawn.id]
        )
    (found,) = [found for found in actions.recount(stage=paid.stage) if not found.ok]
    assert found.name == "a sample is what its seed draws"
    assert str(drawn.id) in found.examples[0]


def test_answers_tell_the_share_and_a_problem_becomes_a_case(paid, typed):
    answer = typed(oversight, "sample", "draw", *ROWS, "--size", 10)
    assert (answer.data["population"], answer.data["size"]) == (10, 10)
    sample = answer.data["sample"]
    for number, said in enumerate(["as_booked"] * 7 + ["not_paid", "unreachable"], start=1):
        assert typed(oversight, "sample", "answer", sample, number, said, "--as", "spi").code == 0
    assert typed(oversight, "sample", "answer", sample, 10, "less", "--got-rp", 450000, "--as", "spi").code == 0
    shown = typed(oversight, "sample", "show", sample).data
    assert (shown["answered"], shown["silent"], shown["problems"]) == (9, 1, 2)
    assert (shown["low_percent"], shown["high_percent"], shown["worst_high_percent"]) == (20.0, 30.0, 30.0)
    found = {case.subject: case for case in Case.objects.filter(kind="verification_finding")}
    assert sorted(case.amount_rp for case in found.values()) == [150_000, 600_000]
    assert all(case.maker.startswith("officer ") for case in found.values())
    verbs = Entry.objects.filter(subject__startswith=f"sample/{sample}").values_list("verb", flat=True)
    assert sorted(set(verbs)) == ["asked", "drew"]


def test_a_later_answer_counts_and_the_earlier_one_stays(paid):
    drawn = draw(paid)
    for said in (Said.UNREACHABLE, Said.AS_BOOKED, Said.AS_BOOKED):
        actions.answer(sample=drawn.id, number=1, said=said, actor="spi", at=paid.noon)
    assert actions.result_of(sample=drawn.id).by_answer == {"as_booked": 1}
    assert Answer.objects.count() == 2, "the same answer again is nothing new"


@pytest.mark.parametrize(
    ("number", "said", "got_rp"),
    [(99, Said.AS_BOOKED, None), (1, Said.LESS, None), (1, Said.LESS, 700_000), (1, Said.LESS, -1)],
)
def test_an_answer_that_cannot_be_is_refused(paid, number, said, got_rp):
    drawn = draw(paid)
    with pytest.raises(Problem):
        actions.answer(sample=drawn.id, number=number, said=said, got_rp=got_rp, actor="spi", at=paid.noon)


def test_anothers_sample_is_not_found(paid):
    drawn = draw(paid)
    with pytest.raises(NotFound):
        actions.answer(
            sample=drawn.id, number=1, said=Said.AS_BOOKED, actor="x", at=paid.noon, branches=[paid.neighbour]
        )


# Signals


def one_house_for_all(office):
    """Four more officers pay and locate ten families each; the second officer locates fifteen from one chair."""
    more = [
        Officer.objects.create(branch_id=office.branch, code=f"JB-{n}", name=f"Juru {n}", kind="external").id
        for n in range(3, 7)
    ]
    new = []
    for n in range(50):
        entitlement = entitle(office, branch=office.branch, village=office.villages[0], number=100 + n)
        officer = office.officers[1] if n < 10 else more[n % 4]
        new.append(
            Payment(
                office.id(),
                entitlement,
                officer,
                office.amount_rp,
                Channel.DOOR,
                office.noon - timedelta(minutes=20 + n),
            )
        )
    assert set(payments.record_payments(stage=office.stage, branch=office.branch, payments=new, at=office.noon)) == {
        "created"
    }
    tags = [
        Geotag(office.id(), payment.entitlement, payment.officer, -79_000_000, 1_137_000_000 + (0 if payment.officer == office.officers[1] else n * 5_000),
               50, payment.paid_at, None)
        for n, payment in enumerate([*office.payments, *new])
    ]  # fmt: skip
    assert set(record_geotags(stage=office.stage, branch=office.branch, geotags=tags, at=office.noon)) == {"created"}


def test_who_locates_fifteen_houses_at_one_chair_has_a_signal_with_a_sentence(paid, typed):
    one_house_for_all(paid)
    answer = typed(oversight, "signals", *ROWS, "--as", "spi")
    (officer,) = answer.data["officers"]
    assert officer["officer"] == "JB-2"
    by_kind = {signal["kind"]: signal for signal in officer["signals"]}
    assert (by_kind["identical_place"]["count"], by_kind["identical_place"]["of"]) == (15, 15)
    assert by_kind["identical_place"]["sentence"].startswith(
        "JB-2: 15 of 15 houses are at a place shared to the centimetre"
    )
    assert answer.data["officers_looked_at"] == 6


def test_looking_again_at_the_same_writes_nothing(paid, typed):
    one_house_for_all(paid)
    assert [typed(oversight, "signals", *ROWS).data["new"] for _ in range(2)] == [1, 0]
    assert Look.objects.count() == 1
    assert typed(oversight, "signals", *ROWS, "--last").data["officers"]


def test_a_signal_that_was_changed_is_found_out(paid, typed):
    one_house_for_all(paid)
    typed(oversight, "signals", *ROWS)
    assert all(found.ok for found in actions.recount(stage=paid.stage))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE oversight_signal SET count = count - 1")
    assert [found.name for found in actions.recount(stage=paid.stage) if not found.ok] == [
        "the signals of a look are those that were found"
    ]


def test_families_who_say_otherwise_speak_in_the_officers_signals(paid, typed):
    drawn = draw(paid, size=10)
    for row in actions.items(sample=drawn.id):
        said = Said.NOT_PAID if row.officer == paid.officers[0] else Said.AS_BOOKED
        actions.answer(sample=drawn.id, number=row.number, said=said, actor="spi", at=paid.noon)
    (officer,) = typed(oversight, "signals", *ROWS).data["officers"]
    assert [(signal["kind"], signal["count"], signal["of"]) for signal in officer["signals"]] == [("voice", 5, 5)]


def test_cash_counted_short_speaks_too(paid):
    for n in range(6):
        for officer, short in ((paid.officers[0], 0), (paid.officers[1], 50_000)):
            Count.objects.create(
                id=uuid4(), branch_id=paid.branch, officer_id=officer, day=paid.noon.date(), counted_rp=1_000_000 - short, expected_rp=1_000_000,
                counted_by="kasir", witnessed_by="kepala", counted_at=paid.noon + timedelta(minutes=n), recorded_at=paid.noon + timedelta(minutes=n),
            )  # fmt: skip
    facts = actions.facts_of(stage=paid.stage, branch=paid.branch)
    assert sorted(facts.cash.rows()) == sorted([(paid.officers[0], 0, 6), (paid.officers[1], 6, 6)])


def test_far_from_everything_the_family_is_still_paid(paid):
    """Whatever the signals say, the next payment of that officer is created."""
    one_house_for_all(paid)
    actions.look_at(stage_code=STAGE, branch=paid.branch, actor="spi", at=paid.noon)
    at = paid.noon + timedelta(hours=1)
    payments.void_payment(
        stage=paid.stage, branch=paid.branch, entitlement=paid.entitlements[1], payment=paid.payments[1].id, reason="test", actor="a",
        approved_by="b", at=at,
    )  # fmt: skip
    again = Payment(paid.id(), paid.entitlements[1], paid.officers[1], paid.amount_rp, Channel.DOOR, at)
    assert payments.record_payments(stage=paid.stage, branch=paid.branch, payments=[again], at=at) == ["created"]


# Complaints


def complain(office, **more):
    given = {
        "branch": office.branch,
        "way": Way.WEB,
        "about": About.LESS,
        "text": "Saya hanya menerima Rp450.000.",
        "contact": "0812 0000 0000",
    }
    return actions.receive_complaint(**{**given, "actor": "cek", "at": office.noon, **more})


def test_a_complaint_has_a_ticket_a_clock_a_person_and_an_answer(office, typed):
    answer = typed(
        oversight,
        "complaints",
        "receive",
        "--branch",
        "KC-BDW",
        "--about",
        "cut_taken",
        "--contact",
        "0812",
        "Petugas minta Rp50.000.",
    )
    ticket = answer.data["ticket"]
    listed = typed(oversight, "complaints", "list")
    assert listed.code == 0
    (row,) = listed.data["complaints"]
    assert (row["ticket"], row["late"], row["person"]) == (ticket, False, None)
    assert (
        typed(oversight, "complaints", "take", ticket.lower().replace("-", ""), "--person", "Kepala Cabang").code == 0
    )
    assert typed(oversight, "complaints", "answer", ticket, "Uang sudah dikembalikan.", "--as", "kepala").code == 0
    assert typed(oversight, "complaints", "answer", ticket, "Uang sudah dikembalikan.", "--as", "kepala").code == 0, (
        "the same again"
    )
    assert typed(oversight, "complaints", "answer", ticket, "Lain lagi.", "--as", "kepala").code == 2
    shown = typed(oversight, "complaints", "show", ticket).data
    assert shown["answer"] == "Uang sudah dikembalikan."
    assert [step["step"] for step in shown["steps"]] == ["received", "taken", "answered"]
    assert typed(oversight, "complaints", "list").data["complaints"] == []


def test_what_people_write_is_sealed_and_in_no_trace(office):
    complaint, ticket = complain(office, text="NIK saya 9911015708790001, uang kurang.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT text_sealed, contact_sealed FROM oversight_complaint")
        assert all(b"0812" not in bytes(column) and b"9911" not in bytes(column) for column in cursor.fetchone())
    assert not [entry for entry in Entry.objects.all() if "9911" in str(entry.facts) or "0812" in str(entry.facts)]
    assert actions.opened(actions.by_ticket(ticket=ticket, now=office.noon)) == (
        "NIK saya 9911015708790001, uang kurang.",
        "0812 0000 0000",
    )


def test_a_complaint_whose_time_is_over_becomes_one_case(office):
    complaint, ticket = complain(office)
    due = Complaint.objects.get().due_at
    assert due == office.noon + timedelta(days=3)
    assert actions.review_complaints(at=due) == 0
    assert [actions.review_complaints(at=due + timedelta(seconds=1)) for _ in range(2)] == [1, 0]
    assert actions.by_ticket(ticket=ticket, now=due + timedelta(days=1)).late
    actions.answer_complaint(
        complaint=complaint, text="Kami sudah membayar sisanya.", actor="kepala", at=due - timedelta(hours=1)
    )
    assert not actions.by_ticket(ticket=ticket, now=due + timedelta(days=1)).late, "answered in time it is never late"
    actions.reopen_complaint(complaint=complaint, text="Belum diterima.", actor="kepala", at=due)
    assert actions.by_ticket(ticket=ticket, now=due + timedelta(days=1)).late


def test_a_clock_that_was_turned_back_is_found_out(office):
    complain(office)
    assert actions.recount_complaints().ok
    Complaint.objects.update(due_at=office.noon + timedelta(days=30))
    assert "clock" in actions.recount_complaints().examples[0]


@pytest.mark.parametrize(
    "wrong", [{"text": "a"}, {"text": "x" * 2_001}, {"contact": "1" * 201}, {"branch": 999}, {"officer": 999}]
)
def test_a_complaint_says_something_to_somebody(office, wrong):
    with pytest.raises(Problem):
        complain(office, **wrong)


def test_the_same_id_is_received_once(office):
    id = uuid4()
    assert complain(office, id=id) == complain(office, id=id)
    assert Complaint.objects.count() == 1


@pytest.mark.parametrize("ticket", ["", "AAAAA-AAAAA", "' OR 1=1", "x" * 500])
def test_a_ticket_that_nobody_has_finds_nothing(office, ticket):
    complain(office)
    with pytest.raises(NotFound):
        actions.by_ticket(ticket=ticket, now=office.noon)


def test_rotating_the_keys_leaves_complaints_readable(office):
    _, ticket = complain(office)
    rotate(actor="pusat", at=now())
    assert Complaint.objects.get().key_version == 2
    assert actions.opened(actions.by_ticket(ticket=ticket, now=office.noon))[1] == "0812 0000 0000"


# Control visits


def picture(colour="red"):
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


def test_a_control_visit_keeps_its_checklist_and_photos_and_a_grave_no_is_a_case(paid, typed, tmp_path, monkeypatch):
    monkeypatch.setenv("SALUR_OBJECT_STORE", str(tmp_path / "store"))
    photo = tmp_path / "loket.jpg"
    photo.write_bytes(picture())
    words = (
        "--village",
        paid.villages[0],
        "--officer",
        "JB-1",
        "--no",
        "no_cuts",
        "--not-seen",
        "geotag_at_house",
        "--photo",
        photo,
    )
    answer = typed(oversight, "visits", "record", *ROWS, *words, "--as", "spi")
    assert answer.code == 0, answer.said
    (row,) = typed(oversight, "visits", "list").data["visits"]
    assert (row["found"]["no_cuts"], row["found"]["geotag_at_house"], row["found"]["full_amount"]) == (
        "no",
        "not_seen",
        "yes",
    )
    assert row["photos"] == [hashlib.sha256(photo.read_bytes()).hexdigest()]
    case = Case.objects.get(kind="control_finding")
    assert (case.facts["missing"], case.maker) == (["no_cuts"], f"officer {paid.officers[0]}")


def test_a_visit_where_nothing_was_missing_is_no_case(paid):
    found = dict.fromkeys(Check, Found.YES)
    id = uuid4()
    for _ in range(2):
        actions.record_visit(
            stage_code=STAGE,
            branch=paid.branch,
            village=paid.villages[0],
            found=found,
            actor="spi",
            at=paid.noon,
            id=id,
        )
    assert ControlVisit.objects.count() == 1
    assert not Case.objects.filter(kind="control_finding").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"found": {Check.FULL_AMOUNT: Found.YES}}, {"village": 3511022001}, {"officer": 999}, {"visited_at": now() + timedelta(days=1)},
        {"photos": [b"no photo"]}, {"photos": [picture()] * 7},
    ],
)  # fmt: skip
def test_a_visit_that_cannot_be_is_refused_whole(paid, wrong):
    given = {
        "stage_code": STAGE,
        "branch": paid.branch,
        "village": paid.villages[0],
        "found": dict.fromkeys(Check, Found.YES),
        "actor": "spi",
    }
    with pytest.raises(Problem):
        actions.record_visit(**{**given, "at": paid.noon, **wrong})
    assert not ControlVisit.objects.exists()


def test_verify_looks_at_all_of_it(paid):
    draw(paid)
    complain(paid)
    names = [found.name for found in verify()]
    for name in ("a sample is what its seed draws", "the signals of a look", "every complaint has its clock"):
        assert any(name in each for each in names), name

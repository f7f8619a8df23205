"""A window closes with its area's deadline; what was paid before still counts, however late it arrives; what was paid after is a case."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.test import Client

from conftest import entitle, make_post_office
from salur.cases import actions as cases
from salur.field import actions as field
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.ledger import actions as ledger
from salur.lib.ids import uuid7_of
from salur.payments import actions as payments
from salur.payments.rules import Channel, Outcome, Payment
from salur.programmes.models import Stage
from salur.programmes.rules import Change
from salur.reconciliation import actions
from salur.reconciliation.commands import reconciliation

# The stage's deadline is 5 June 2022: its last day ends at midnight in Bondowoso.
MIDNIGHT = datetime(2022, 6, 5, 17, tzinfo=UTC)
MARCH = datetime(2022, 3, 12, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GEO = {"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": 1_647_061_200_000, "n": 3}


@pytest.fixture(autouse=True)
def in_time(request):
    """The stage was entered here before it opened, as a living one is."""
    if "office" in request.fixturenames:
        entered(request.getfixturevalue("office"))


def entered(office):
    Stage.objects.filter(id=office.stage).update(entered_at=MARCH - timedelta(days=40))
    return office


def test_a_stage_entered_after_its_deadline_is_history_and_only_decisions_close_it(office):
    Stage.objects.filter(id=office.stage).update(entered_at=MIDNIGHT)
    assert pay(office, 0, MIDNIGHT + timedelta(days=900)) is Outcome.CREATED
    decide(office, Change.FROZEN, "35.11", MIDNIGHT, at=MIDNIGHT)
    assert pay(office, 1, MIDNIGHT + timedelta(days=900)) is Outcome.AFTER_FREEZE
    assert pay(office, 2, MIDNIGHT - SECOND) is Outcome.CREATED


def pay(office, number, paid_at, *, at=None, branch=None):
    payment = Payment(office.id(), office.entitlements[number], office.officers[0], 600_000, Channel.DOOR, paid_at)
    at = at or paid_at + timedelta(days=3)
    return payments.record_payments(stage=office.stage, branch=branch or office.branch, payments=[payment], at=at)[0]


def decide(office, change, place, closes_at, **facts):
    facts = {"reason": "Banjir", "document": "S-12/2022", "actor": "kemensos", "at": MARCH, **facts}
    return actions.change_window(change=change, stage_code=office.stage_code, place=place, closes_at=closes_at, **facts)


def test_the_last_second_of_the_deadline_counts_and_the_next_does_not(office):
    assert pay(office, 0, MIDNIGHT - SECOND) is Outcome.CREATED
    assert pay(office, 1, MIDNIGHT) is Outcome.AFTER_FREEZE
    assert ledger.balances(stage=office.stage)[0].balance_rp != 0
    assert sum(row.balance_rp for row in ledger.balances(stage=office.stage) if row.code == "paid") == 600_000


def test_a_day_ends_where_the_branch_is(office):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE offices_office SET timezone = 'Asia/Jayapura' WHERE id = %s", [office.branch])
    assert pay(office, 0, MIDNIGHT - timedelta(hours=2)) is Outcome.AFTER_FREEZE
    assert pay(office, 0, MIDNIGHT - timedelta(hours=2) - SECOND) is Outcome.CREATED


WINDOWS = [
    ("no decision", [], MIDNIGHT),
    ("a later end", [(Change.EXTENDED, "35.11", 10)], MIDNIGHT + timedelta(days=10)),
    ("a later end for somebody else", [(Change.EXTENDED, "35.11.02", 10)], MIDNIGHT),
    ("a later end never shortens", [(Change.EXTENDED, "35.11.01.2001", 10), (Change.EXTENDED, "35", 5)], MIDNIGHT + timedelta(days=10)),
    ("frozen early", [(Change.FROZEN, "KC-BDW", -90)], MIDNIGHT - timedelta(days=90)),
    ("a neighbour frozen early", [(Change.FROZEN, "KC-SIT", -90)], MIDNIGHT),
    ("frozen twice, the first counts", [(Change.FROZEN, "35.11", -90), (Change.FROZEN, "REG-5", -88)], MIDNIGHT - timedelta(days=90)),
    ("reopened", [(Change.FROZEN, "HQ", -90), (Change.REOPENED, "35.11", -50)], MIDNIGHT - timedelta(days=50)),
    ("reopened, then frozen again", [(Change.FROZEN, "35.11", -90), (Change.REOPENED, "35.11", -50), (Change.FROZEN, "35.11.01", -60)], MIDNIGHT - timedelta(days=60)),
]  # fmt: skip


@pytest.mark.parametrize(("what", "decided", "closes_at"), WINDOWS, ids=[row[0] for row in WINDOWS])
def test_decisions_about_a_window_count_one_after_the_other(office, what, decided, closes_at):
    for number, (change, place, days) in enumerate(decided):
        end = MIDNIGHT + timedelta(days=days)
        assert decide(
            office, change, place, end, at=end if change is Change.FROZEN else end - SECOND, document=f"S-{number}"
        )
    assert pay(office, 0, closes_at - SECOND) is Outcome.CREATED
    assert pay(office, 1, closes_at) is Outcome.AFTER_FREEZE
    _, rows, _ = actions.windows(stage_code=office.stage_code, place="35.11.01.2001")
    assert [row.closes_at for row in rows] == [closes_at]


def test_a_window_is_decided_by_a_paper_and_once(office, typed):
    words = [
        "--stage",
        office.stage_code,
        "--area",
        "35.11",
        "--reason",
        "Banjir",
        "--document",
        "S-1/2022",
        "--as",
        "kemensos",
    ]
    assert typed(reconciliation, "extend", *words, "--until", "2099-01-01").data["decisions"] == 1
    assert typed(reconciliation, "extend", *words, "--until", "2099-01-01").data["decisions"] == 0
    assert typed(reconciliation, "extend", *words, "--until", "2020-01-01").code == 2
    assert typed(reconciliation, "freeze", *words, "--since", "2099-01-01").code == 2
    assert typed(reconciliation, "freeze", *words).data["decisions"] == 1
    assert typed(reconciliation, "freeze", *words[:2], "--area", "99.99", *words[4:]).code == 2
    answer = typed(reconciliation, "windows", "--stage", office.stage_code, "--area", "35.11").data
    assert [row["change"] for row in answer["decisions"]] == ["frozen", "extended"]
    assert [(row["decided_by"], row["document"]) for row in answer["decisions"]] == [("kemensos", "S-1/2022")] * 2
    assert len(answer["windows"]) == 2
    from salur.audit import actions as audit

    assert {row.verb for row in audit.entries(subject=f"window/{office.stage_code}")} == {"frozen", "extended"}


class Enrolled:
    """A phone with its own families on its list until long after the deadline."""

    def __init__(self, office, number, families):
        self.client = Client()
        token = lease.offer_enrolment(officer=office.officers[number % 2], actor="kepala", at=MARCH)
        key = new_key()
        certificate = lease.enrol_device(
            token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="1", at=MARCH
        )
        self.bearer, self.families = certificate.bearer, families
        self.lease = lease.issue_lease(
            device=certificate.device, stage=office.stage, entitlements=families, day=MARCH.date(),
            expires_at=MIDNIGHT + timedelta(days=9), actor="kepala", at=MARCH,
        )  # fmt: skip
        self.phone = Phone(certificate.device, key, defaults={"skew_age_s": 60})

    def pay(self, family, paid_at, id):
        return self.phone.make(
            typ="PAY", id=id, wl=self.lease.id, asg=family, geo=GEO, ph=[], amt=600_000, ch="KOM", ver={"inv": "QR"},
            cap_ms=round(paid_at.timestamp() * 1000),
        )  # fmt: skip

    def send(self, envelopes):
        body = msgspec.json.encode({"dev": self.phone.device, "ev": envelopes})
        response = Client().post("/api/v1/sync/events", body, content_type="application/json")
        assert response.status_code == 200, response.content
        return [out["r"].removesuffix("_FLAGGED") for out in response.json()["out"]]


def test_a_phone_is_told_when_its_villages_close(office):
    phone = Enrolled(office, 0, office.entitlements)
    end = MIDNIGHT + timedelta(days=1)
    decide(office, Change.EXTENDED, "35.11.01.2002", end)
    (found,) = lease.live_leases(device=phone.phone.device, at=MARCH)
    closes = lease.closings(lease=found)
    assert closes == {3511012001: MIDNIGHT, 3511012002: end}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_late_events_around_the_deadline_land_as_the_rule_says_each_once():
    """A hundred phones bring a hundred payments each, made from 50 seconds before the end to 50 after; every batch arrives twice."""
    office = entered(make_post_office())
    families = [
        entitle(office, branch=office.branch, village=office.villages[n % 2], number=100 + n) for n in range(10_000)
    ]
    at_deadline = {office.villages[0]: MIDNIGHT, office.villages[1]: MIDNIGHT + timedelta(seconds=20)}
    decide(office, Change.EXTENDED, "35.11.01.2002", at_deadline[office.villages[1]])
    phones = [Enrolled(office, n, families[n * 100 : n * 100 + 100]) for n in range(100)]
    batches, expected = [], Counter()
    for n, phone in enumerate(phones):
        batch = []
        for k, family in enumerate(phone.families):
            paid_at = MIDNIGHT + timedelta(seconds=k - 50, milliseconds=n)
            late = paid_at >= at_deadline[office.villages[k % 2]]
            expected["SUSPENSE_AFTER_FREEZE" if late else "ACCEPTED"] += 1
            batch.append(
                phone.pay(family, paid_at, uuid7_of(1_654_000_000_000 + k, (n * 1000 + k).to_bytes(10, "big")))
            )
        batches.append((phone, batch))
    answers: list[tuple[list[str], list[str]]] = []

    def bring(part):
        try:
            for phone, batch in part:
                answers.append((phone.send(batch), phone.send(batch)))
        finally:
            connection.close()

    threads = [threading.Thread(target=bring, args=(batches[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answer for first, _ in answers for answer in first) == expected
    assert all([one.replace("ACCEPTED", "DUPLICATE") for one in first] == again for first, again in answers)
    paid = sum(row.balance_rp for row in ledger.balances(stage=office.stage) if row.code == "paid")
    suspense = sum(row.balance_rp for row in ledger.balances(stage=office.stage) if row.code.startswith("suspense/"))
    assert (paid, suspense) == (expected["ACCEPTED"] * 600_000, expected["SUSPENSE_AFTER_FREEZE"] * 600_000)
    found = cases.cases(kind="late_payment", limit=20_000)
    assert len(found) == expected["SUSPENSE_AFTER_FREEZE"]
    assert len({UUID(row.facts["entitlement"]) for row in found}) == len(found)
    for check in (*payments.recount(stage=office.stage), *ledger.recount(stage=office.stage), *field.recount()):
        assert check.ok, f"{check.name}: {check.examples}"


@pytest.mark.django_db(transaction=True)
def test_a_freeze_in_the_middle_of_paying_lets_nobody_slip_through():
    """While four officers pay without pause the area is frozen: no standing payment was made after the moment of the freeze."""
    office = entered(make_post_office())
    families = [entitle(office, branch=office.branch, village=office.villages[0], number=100 + n) for n in range(2_000)]
    decide(office, Change.EXTENDED, "HQ", datetime(2099, 1, 1, tzinfo=UTC))
    outcomes: list[tuple[datetime, Outcome]] = []
    going = threading.Event()

    def work(part):
        try:
            for n, family in enumerate(part):
                at = datetime.now(UTC)
                payment = Payment(uuid7_of(n, family.bytes[6:]), family, office.officers[0], 600_000, Channel.DOOR, at)
                outcome = payments.record_payments(stage=office.stage, branch=office.branch, payments=[payment], at=at)
                outcomes.append((at, outcome[0]))
                if n == 20:
                    going.set()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(families[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert going.wait(30)
    decide(office, Change.FROZEN, "35.11", None, at=datetime.now(UTC))
    for thread in threads:
        thread.join()
    _, rows, _ = actions.windows(stage_code=office.stage_code, place="35.11.01.2001")
    (frozen,) = rows
    assert {outcome for _, outcome in outcomes} == {Outcome.CREATED, Outcome.AFTER_FREEZE}
    for at, outcome in outcomes:
        assert (outcome is Outcome.CREATED) == (at < frozen.closes_at)

"""Every entitlement of a closed place ends in exactly one way, and every rupiah is paid, sent back, or somewhere a person is named for."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from conftest import entitle
from salur.cases import actions as cases
from salur.cases.rules import Decision
from salur.cases.rules import Kind as CaseKind
from salur.custody import actions as custody
from salur.custody.rules import MINISTRY, Kind, Portion
from salur.danom import actions as danom
from salur.ledger import actions as ledger
from salur.lib.problem import Conflict, NotFound
from salur.lib.rights import as_owner
from salur.payments import actions as payments
from salur.payments.rules import Channel, Failure, Outcome, Payment, Reason
from salur.reconciliation import actions
from salur.reconciliation.commands import reconciliation

MILLION = 1_000_000
EVENING = timedelta(hours=9)
LATER = timedelta(days=90)


@pytest.fixture
def day(office):
    return make_day(office)


def make_day(office):
    """Six of ten are paid; one died, one was not at home, one is held, one was never visited. Siti's float is settled to the rupiah."""
    give(office, Kind.FUND, 20 * MILLION, branch=None, given_by=MINISTRY, taken_by="pusat")
    give(office, Kind.SUPPLY, 10 * MILLION, given_by="pusat", taken_by="rina")
    give(office, Kind.HAND_OVER, 5 * MILLION, officer=office.officers[0], given_by="rina", taken_by="siti")
    for number in range(6):
        assert pay(office, number) is Outcome.CREATED
    failures = [
        Failure(office.id(), office.entitlements[n], office.officers[0], reason, office.noon)
        for n, reason in ((6, Reason.DEAD), (7, Reason.NOT_HOME))
    ]
    payments.record_failures(stage=office.stage, branch=office.branch, failures=failures, at=office.noon)
    danom.hold(
        stage_code=office.stage_code,
        word=str(office.entitlements[8]),
        reason="S-9/2022",
        actor="kemensos",
        at=office.noon,
    )
    give(office, Kind.HAND_BACK, 1_400_000, officer=office.officers[0], given_by="siti", taken_by="rina", hours=8)
    return office


def give(office, kind, amount_rp, *, branch=True, officer=None, hours=-4, **hands):
    at = office.noon + timedelta(hours=hours)
    portion = Portion(office.id(), office.stage, amount_rp)
    custody.move(
        kind=kind, portions=[portion], reference=hands.pop("reference", f"{kind}-{portion.id}"), at=at,
        branch=office.branch if branch else None, officer=officer, **hands,
    )  # fmt: skip
    return portion.id


def pay(office, number, *, at=None, officer=0, paid_at=None):
    payment = Payment(
        office.id(),
        office.entitlements[number],
        office.officers[officer],
        600_000,
        Channel.DOOR,
        paid_at or office.noon,
    )
    return payments.record_payments(
        stage=office.stage, branch=office.branch, payments=[payment], at=at or office.noon + EVENING
    )[0]


def count_vault(office, counted_rp, *, hours=10):
    return custody.count(
        id=office.id(), branch=office.branch, officer=None, counted_rp=counted_rp, counted_by="rina", witnessed_by="budi",
        at=office.noon + timedelta(hours=hours),
    )  # fmt: skip


def close(office, place="KC-BDW", *, at=None, **facts):
    return actions.close(stage_code=office.stage_code, place=place, actor="rina", at=at or office.noon + LATER, **facts)


def stated(office, place="KC-BDW", **facts):
    return actions.statement(stage_code=office.stage_code, place=place, at=office.noon + LATER, **facts)


def everything_adds_up(office):
    for folder in (danom, payments, ledger, custody, actions):
        for check in folder.recount(stage=office.stage):
            assert check.ok, f"{check.name}: {check.examples}"


def endings(office):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (entitlement) entitlement, ending, reason FROM reconciliation_ending WHERE branch = %s
            ORDER BY entitlement, number DESC""",
            [office.branch],
        )
        return {office.entitlements.index(row[0]): row[1:] for row in cursor.fetchall()}


def test_every_entitlement_ends_in_exactly_one_way(day):
    (closed,) = close(day)
    assert closed.changed == 4
    assert endings(day) == {
        6: ("returned", "dead"),
        7: ("returned", "not_home"),
        8: ("held", "not_visited"),
        9: ("returned", "not_visited"),
    }
    found = stated(day)
    total = found.total
    assert (
        total.allocated,
        total.paid,
        total.final_failed,
        total.returned,
        total.held,
        total.disputed,
        total.open,
    ) == (10, 6, 1, 3, 1, 0, 0)
    assert total.allocated_rp == total.paid_rp + total.returned_rp + total.held_rp == 6 * MILLION
    assert (found.difference_rp, found.list_difference_rp, found.cash_difference_rp) == (0, 0, 0)
    (cash,) = found.cash
    assert (cash.supplied_rp, cash.paid_rp, cash.vault_rp, cash.floats_rp) == (10 * MILLION, 3_600_000, 6_400_000, 0)
    everything_adds_up(day)


def test_closed_twice_nothing_changes(day):
    assert [row.changed for row in close(day)] == [4]
    (again,) = close(day, at=day.noon + LATER + timedelta(days=1))
    assert (again.closing, again.changed) == (None, 0)


def test_before_it_is_closed_the_difference_is_what_nobody_accounts_for(day):
    found = stated(day)
    assert (found.total.open, found.total.open_rp, found.difference_rp) == (4, 2_400_000, 2_400_000)


def test_an_area_is_closed_alone_and_the_branch_is_not_closed_until_all_of_it_is(day):
    close(day, "35.11.01.2002")
    found = stated(day)
    assert (found.total.closed, found.total.villages, found.total.returned, found.total.open) == (1, 2, 3, 0)
    assert stated(day, "35.11.01.2002").total.difference_rp == 0
    assert stated(day, "35.11.01.2002").cash == []
    (sent,) = actions.send_back(stage_code=day.stage_code, place="KC-BDW", actor="rina", at=day.noon + LATER)
    assert sent.outcome == "not_closed"
    close(day)
    assert stated(day).difference_rp == 0
    everything_adds_up(day)


def test_a_window_that_has_not_ended_is_closed_by_a_document_only_and_is_frozen_by_it(office):
    early = office.noon + timedelta(days=1)
    with pytest.raises(actions.StillOpen, match="pays until"):
        close(office, at=early)
    close(office, at=early, document="S-77/2022")
    assert pay(office, 0, at=early + timedelta(days=1), paid_at=early + timedelta(hours=1)) is Outcome.AFTER_FREEZE
    assert pay(office, 1, at=early + timedelta(days=1), paid_at=early - timedelta(hours=1)) is Outcome.CREATED


def test_a_payment_in_time_that_is_told_late_shows_as_a_difference_until_closed_again(day):
    close(day)
    assert pay(day, 7, at=day.noon + LATER + timedelta(days=1)) is Outcome.CREATED
    assert stated(day).list_difference_rp == -600_000
    everything_adds_up(day)
    (again,) = close(day, at=day.noon + LATER + timedelta(days=2))
    assert again.changed == 1
    assert endings(day)[7] == ("paid", "")
    assert (stated(day).total.paid, stated(day).total.returned, stated(day).list_difference_rp) == (7, 2, 0)
    everything_adds_up(day)


def test_what_somebody_says_he_paid_is_in_dispute_until_its_case_is_decided(day):
    facts = {"entitlement": day.entitlements[9]}
    opened = cases.open_case(
        kind=CaseKind.LATE_PAYMENT, subject="event/x", branch=day.branch, actor="salur", at=day.noon, stage=day.stage,
        amount_rp=600_000, maker=f"officer {day.officers[1]}", **facts,
    )  # fmt: skip
    close(day)
    assert endings(day)[9] == ("disputed", "not_visited")
    assert stated(day).total.disputed == 1
    cases.decide(case=opened.id, decision=Decision.OWED, reason="Never got it.", actor="rina", at=day.noon + LATER)
    close(day, at=day.noon + LATER + timedelta(days=1))
    assert endings(day)[9] == ("returned", "not_visited")
    assert stated(day).difference_rp == 0
    everything_adds_up(day)


def test_a_float_that_nobody_settled_is_a_case_and_its_bearer_is_named(day):
    give(day, Kind.HAND_OVER, 2 * MILLION, officer=day.officers[1], given_by="rina", taken_by="budi")
    pay(day, 9, officer=1)
    before = stated(day)
    assert before.cash_difference_rp == 1_400_000
    close(day)
    found = stated(day)
    assert found.cash_difference_rp == 0
    (missing,) = found.missing
    assert (missing.name, missing.float_rp, missing.cases) == ("Budi", 1_400_000, 1)
    (case,) = cases.cases(kind=CaseKind.UNSETTLED_FLOAT)
    assert (case.amount_rp, case.maker) == (1_400_000, f"officer {day.officers[1]}")
    cases.decide(case=case.id, decision=Decision.EXPLAINED, reason="?", actor="ani", at=day.noon + LATER)
    assert stated(day).cash_difference_rp == 1_400_000, "an explanation does not bring the money back"
    give(day, Kind.HAND_BACK, 1_400_000, officer=day.officers[1], given_by="budi", taken_by="rina", hours=24)
    assert (stated(day).cash_difference_rp, stated(day).missing) == (0, [])


class TestReturn:
    def send(self, office, **facts):
        facts = {"actor": "rina", "taken_by": "pusat", "at": office.noon + LATER, **facts}
        return actions.send_back(stage_code=office.stage_code, place="KC-BDW", **facts)[0]

    def test_a_counted_vault_goes_back_once(self, day):
        assert self.send(day).outcome == "not_closed"
        close(day)
        assert self.send(day).outcome == "not_counted"
        count_vault(day, 6_400_000)
        sent = self.send(day)
        assert (sent.outcome, sent.amount_rp) == ("moved", 6_400_000)
        assert self.send(day).outcome == "nothing"
        (cash,) = stated(day).cash
        assert (cash.sent_back_rp, cash.vault_rp) == (6_400_000, 0)
        assert cash.supplied_rp == cash.paid_rp + cash.sent_back_rp
        everything_adds_up(day)

    def test_what_is_on_its_way_is_not_sent_again(self, day):
        close(day)
        count_vault(day, 6_400_000)
        sent = self.send(day, taken_by=None)
        assert sent.outcome == "offered"
        assert self.send(day).outcome == "nothing"
        custody.accept(movement=sent.movement, actor="pusat", at=day.noon + LATER)
        assert self.send(day).outcome == "nothing"
        everything_adds_up(day)

    def test_the_treasury_gets_what_the_bank_holds_and_never_more(self, day):
        close(day)
        count_vault(day, 6_400_000)
        self.send(day)
        give_back = {"stage_code": day.stage_code, "actor": "pusat", "taken_by": "kppn", "at": day.noon + LATER}
        with pytest.raises(Conflict, match="more cannot be given back"):
            actions.refund(reference="SSBP-1", amount_rp=17 * MILLION, **give_back)
        sent = actions.refund(reference="SSBP-1", **give_back)
        assert (sent.outcome, sent.amount_rp) == ("moved", 16_400_000)
        assert actions.refund(reference="SSBP-1", **give_back).outcome == "exists"
        assert actions.refund(reference="SSBP-2", **give_back).outcome == "nothing"
        national = stated(day, "HQ").national
        assert national.funded_rp == national.refunded_rp + national.with_branches_rp
        assert national.with_branches_rp == 3_600_000  # what the families got
        everything_adds_up(day)

    def test_each_return_has_its_own_receipt(self, day):
        close(day)
        count_vault(day, 6_400_000)
        sent = self.send(day)
        note = {"actor": "pusat", "at": day.noon + LATER}
        assert actions.note_receipt(movement=sent.movement, number="NTPN-1", **note)
        assert not actions.note_receipt(movement=sent.movement, number="NTPN-1", **note)
        with pytest.raises(Conflict, match="has the receipt"):
            actions.note_receipt(movement=sent.movement, number="NTPN-2", **note)
        with pytest.raises(NotFound):
            actions.note_receipt(movement=UUID(int=1), number="NTPN-3", **note)
        refunded = actions.refund(stage_code=day.stage_code, reference="SSBP-1", taken_by="kppn", **note)
        with pytest.raises(Conflict, match="another sending"):
            actions.note_receipt(movement=refunded.movement, number="NTPN-1", **note)
        rows = actions.returns(stage_code=day.stage_code, branches=[day.branch])
        assert [(row.amount_rp, row.receipt, row.taken_by) for row in rows] == [(6_400_000, "NTPN-1", "pusat")]
        assert len(actions.returns(stage_code=day.stage_code)) == 2
        (stage,) = actions.year(year=2022)
        assert (stage.funded_rp, stage.paid_rp, stage.refunded_rp + stage.bank_rp + stage.vaults_rp) == (
            20 * MILLION,
            3_600_000,
            16_400_000,
        )


def test_by_the_command_line_from_open_to_given_back(day, typed):
    where = ["--stage", day.stage_code, "--area", "KC-BDW"]
    before = typed(reconciliation, "statement", *where, "--format", "json")
    assert (before.code, before.data["difference_rp"]) == (1, 2_400_000)
    closed = typed(reconciliation, "close", *where, "--as", "rina")
    figures = {
        name: closed.data[name] for name in ("allocated", "paid", "final_failed", "returned", "held", "difference_rp")
    }
    assert (closed.code, figures) == (
        0,
        {"allocated": 10, "paid": 6, "final_failed": 1, "returned": 3, "held": 1, "difference_rp": 0},
    )
    assert typed(reconciliation, "close", *where, "--as", "rina").data["nothing_new"]
    count_vault(day, 6_400_000)
    sent = typed(reconciliation, "return", *where, "--as", "rina", "--taken-by", "pusat")
    assert (sent.code, sent.data["movements"][0]["outcome"]) == (0, "moved")
    given = typed(
        reconciliation,
        "return",
        "--stage",
        day.stage_code,
        "--to-treasury",
        "--reference",
        "SSBP-1",
        "--as",
        "pusat",
        "--taken-by",
        "kppn",
    )
    assert given.data["movements"][0]["amount_rp"] == 16_400_000
    assert typed(reconciliation, "receipt", given.data["movements"][0]["movement"], "--number", "NTPN").data["new"]
    after = typed(reconciliation, "statement", *where, "--by", "village", "--format", "json").data
    assert [(line["code"], line["paid"], line["returned"]) for line in after["lines"]] == [
        ("3511012001", 5, 0),
        ("3511012002", 1, 3),
    ]
    assert typed(reconciliation, "statement", "--stage", day.stage_code, "--area", "XX").code == 2
    assert typed(reconciliation, "year", 2022).data["stages"][0]["stage"] == day.stage_code


def test_nobody_states_what_is_not_theirs(day):
    for place in ("KC-SIT", "REG-5", "HQ"):
        with pytest.raises(NotFound):
            stated(day, place, branches=[day.branch])
    assert stated(day, "35", branches=[day.branch]).total.allocated == 10
    assert stated(day, "35").total.allocated == 11


def test_a_closed_entitlement_stays_at_its_branch_and_a_late_supplement_is_not_closed(day):
    close(day)
    with pytest.raises(IntegrityError), as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM danom_entitlement WHERE id = %s", [day.entitlements[9]])
    entitle(day, branch=day.branch, village=day.villages[0], number=50, version=2)
    assert stated(day).difference_rp == 600_000
    close(day, at=day.noon + LATER + timedelta(days=1))
    assert (stated(day).difference_rp, stated(day).total.returned) == (0, 4)
    everything_adds_up(day)


TAMPERED = [
    "UPDATE reconciliation_ending SET ending = 'held' WHERE entitlement = %(family)s",
    "DELETE FROM reconciliation_ending WHERE entitlement = %(family)s",
    "UPDATE reconciliation_line SET paid = paid + 1, returned = returned - 1 WHERE returned > 0",
    "INSERT INTO reconciliation_ending SELECT stage, branch, %(paid)s, 1, 'returned', '', 600000, closing FROM reconciliation_ending LIMIT 1",
]


@pytest.mark.parametrize("statement", TAMPERED)
def test_the_recount_sees_what_was_tampered_with(day, statement):
    close(day)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, {"family": day.entitlements[9], "paid": day.entitlements[0]})
    assert [check.ok for check in actions.recount(stage=day.stage)] == [False]

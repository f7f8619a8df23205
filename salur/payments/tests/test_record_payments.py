"""A payment is recorded once; what can come of it is a table that reads aloud."""

from datetime import timedelta
from uuid import UUID

import pytest

from salur.ledger import actions as ledger
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import server_cursor
from salur.payments import actions
from salur.payments.rules import Channel, Failure, FailureOutcome, Outcome, Payment, Reason
from salur.programmes.actions import decide_window
from salur.programmes.models import Stage
from salur.programmes.rules import Change


def payment(office, number=0, **facts) -> Payment:
    """The payment of family ``number`` at noon by the first officer, unless told otherwise."""
    given = {
        "id": facts.pop("id", None) or office.id(),
        "entitlement": office.entitlements[number],
        "officer": office.officers[0],
        "amount_rp": office.amount_rp,
        "channel": Channel.COMMUNITY,
        "paid_at": office.noon,
    }
    return Payment(**{**given, **facts})


def record(office, *payments, branch=None) -> list[Outcome]:
    at = office.noon + timedelta(hours=2)
    return actions.record_payments(stage=office.stage, branch=branch or office.branch, payments=payments, at=at)


def balances(office) -> dict[str, int]:
    return {row.code: row.balance_rp for row in ledger.balances(stage=office.stage) if row.branch == office.branch}


def tallied(office) -> tuple[int, int, int]:
    with server_cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(paid), 0), coalesce(sum(paid_rp), 0)::bigint, coalesce(sum(failed), 0) FROM payments_tally"
        )
        return cursor.fetchone()


def everything_adds_up(office) -> None:
    for check in (*actions.recount(stage=office.stage), *ledger.recount(stage=office.stage)):
        assert check.ok, f"{check.name}: {check.examples}"


def test_a_payment_moves_the_money_and_the_tally(office):
    assert record(office, payment(office)) == [Outcome.CREATED]
    assert balances(office) == {"paid": 600_000, f"float/{office.officers[0]}": -600_000}
    assert tallied(office) == (1, 600_000, 0)
    everything_adds_up(office)


# In order of precedence: each line adds one thing that is wrong, and the first that applies is the answer.
OUTCOMES = [
    ("a new payment of an open entitlement", {}, Outcome.CREATED),
    ("an entitlement that is paid", {"number": 1}, Outcome.ALREADY_PAID),
    ("… with another amount than the entitlement's", {"number": 1, "amount_rp": 550_000}, Outcome.AMOUNT_MISMATCH),
    ("… after the window was frozen", {"number": 3, "amount_rp": 550_000, "frozen": True}, Outcome.AFTER_FREEZE),
    ("… that the ministry holds", {"number": 2, "amount_rp": 550_000, "frozen": True}, Outcome.HELD),
    ("… dated after it was recorded", {"number": 2, "paid_at_hours": 3}, Outcome.PAID_IN_FUTURE),
    (
        "… of an entitlement that is not there",
        {"entitlement": UUID(int=99), "paid_at_hours": 3},
        Outcome.UNKNOWN_ENTITLEMENT,
    ),
    (
        "… under an id that is known with other facts",
        {"known_id": True, "entitlement": UUID(int=99)},
        Outcome.EXISTS_WITH_DIFFERENT_FACTS,
    ),
    ("the very message that was recorded before", {"known_id": True, "number": 1}, Outcome.EXISTS),
]


@pytest.mark.parametrize(("what", "facts", "outcome"), OUTCOMES, ids=[what for what, _, _ in OUTCOMES])
def test_the_first_outcome_that_applies_is_the_answer(office, what, facts, outcome):
    first = payment(office, 1)
    record(office, first)
    with server_cursor() as cursor:
        cursor.execute("UPDATE danom_entitlement SET held = true WHERE id = %s", [office.entitlements[2]])
    facts = dict(facts)
    if facts.pop("frozen", False):
        decide_window(
            stage=Stage.objects.get(id=office.stage), change=Change.FROZEN, areas=[(35, 0)], closes_at=office.noon - timedelta(hours=9),
            reason="Banjir", document="S-1", actor="kemensos", at=office.noon,
        )  # fmt: skip
    if facts.pop("known_id", False):
        facts["id"] = first.id
    if hours := facts.pop("paid_at_hours", None):
        facts["paid_at"] = office.noon + timedelta(hours=hours)
    before = balances(office)
    assert record(office, payment(office, **facts)) == [outcome]
    if outcome is not Outcome.CREATED:
        assert balances(office) == before, "only `created` moves money"
    everything_adds_up(office)


def test_every_outcome_has_its_line_in_the_table_above():
    assert [outcome for _, _, outcome in reversed(OUTCOMES)] == list(Outcome)


def test_a_repeated_batch_changes_nothing(office):
    batch = [payment(office, number) for number in range(5)]
    assert record(office, *batch) == [Outcome.CREATED] * 5
    assert record(office, *batch) == [Outcome.EXISTS] * 5
    assert tallied(office) == (5, 3_000_000, 0)
    everything_adds_up(office)


@pytest.mark.parametrize("change", [{"amount_rp": 1}, {"officer": 2}, {"channel": Channel.DOOR}, {"paid_at": None}])
def test_an_id_that_comes_back_with_another_fact_is_told_so(office, change):
    first = payment(office)
    record(office, first)
    if change == {"officer": 2}:
        change = {"officer": office.officers[1]}
    if change == {"paid_at": None}:
        change = {"paid_at": office.noon - timedelta(seconds=1)}
    assert record(office, first._replace(**change)) == [Outcome.EXISTS_WITH_DIFFERENT_FACTS]


def test_a_batch_that_names_a_family_twice_pays_it_once(office):
    assert record(office, payment(office, 3), payment(office, 3), payment(office, 4)) == [
        Outcome.CREATED,
        Outcome.ALREADY_PAID,
        Outcome.CREATED,
    ]
    everything_adds_up(office)


def test_a_batch_that_names_an_id_twice_records_it_once(office):
    first = payment(office, 3)
    other_family = first._replace(entitlement=office.entitlements[4])
    assert record(office, first, first, other_family) == [
        Outcome.CREATED,
        Outcome.EXISTS,
        Outcome.EXISTS_WITH_DIFFERENT_FACTS,
    ]
    everything_adds_up(office)


def test_a_family_of_another_branch_is_unknown_here(office):
    assert record(office, payment(office, entitlement=office.neighbours_entitlement)) == [Outcome.UNKNOWN_ENTITLEMENT]


def test_nothing_to_record_is_no_work(office):
    assert record(office) == []


def test_the_day_of_a_payment_is_the_branchs_own(office):
    late = office.noon.replace(hour=18)  # 01.00 the next day in Jakarta
    actions.record_payments(stage=office.stage, branch=office.branch, payments=[payment(office, paid_at=late)], at=late)
    with server_cursor() as cursor:
        cursor.execute("SELECT day::text, recorded_day::text FROM payments_tally")
        assert cursor.fetchall() == [("2022-03-13", "2022-03-13")]


class TestVoid:
    def void(self, office, made, **facts):
        given = {
            "reason": "paid to the neighbour",
            "actor": "siti",
            "approved_by": "kepala",
            "at": office.noon + timedelta(hours=3),
        }
        return actions.void_payment(
            stage=office.stage,
            branch=office.branch,
            entitlement=made.entitlement,
            payment=made.id,
            **{**given, **facts},
        )

    def test_takes_the_payment_back_and_leaves_both_facts(self, office):
        made = payment(office)
        record(office, made)
        self.void(office, made)
        assert tallied(office) == (0, 0, 0)
        assert balances(office) == {"paid": 0, f"float/{office.officers[0]}": 0}
        everything_adds_up(office)

    def test_the_family_can_be_paid_again_and_the_old_message_still_exists(self, office):
        made = payment(office)
        record(office, made)
        self.void(office, made)
        assert record(office, payment(office)) == [Outcome.CREATED]
        assert record(office, made) == [Outcome.EXISTS]
        assert record(office, payment(office)) == [Outcome.ALREADY_PAID]
        everything_adds_up(office)

    def test_needs_a_second_person_a_reason_and_a_standing_payment(self, office):
        made = payment(office)
        record(office, made)
        with pytest.raises(Problem, match="two people"):
            self.void(office, made, approved_by="siti")
        with pytest.raises(Problem, match="Say why"):
            self.void(office, made, reason=" ")
        with pytest.raises(NotFound):
            self.void(office, payment(office, 5))
        self.void(office, made)
        with pytest.raises(Conflict, match="taken back before"):
            self.void(office, made)


class TestFailure:
    def fail(self, office, number=0, *, id=None, reason=Reason.NOT_HOME, hours=0) -> list[FailureOutcome]:
        failure = Failure(
            id or office.id(),
            office.entitlements[number],
            office.officers[0],
            reason,
            office.noon + timedelta(hours=hours),
        )
        return actions.record_failures(
            stage=office.stage, branch=office.branch, failures=[failure], at=office.noon + timedelta(hours=2)
        )

    def test_a_family_counts_as_failed_once_and_until_it_is_paid(self, office):
        assert self.fail(office) == [FailureOutcome.CREATED]
        assert self.fail(office, reason=Reason.ILL) == [FailureOutcome.CREATED]
        assert tallied(office) == (0, 0, 1)
        record(office, payment(office))
        assert tallied(office) == (1, 600_000, 0)
        everything_adds_up(office)

    def test_a_visit_after_the_payment_does_not_make_it_fail(self, office):
        record(office, payment(office))
        assert self.fail(office) == [FailureOutcome.CREATED]
        assert tallied(office) == (1, 600_000, 0)
        everything_adds_up(office)

    def test_a_void_of_a_failed_familys_payment_makes_it_failed_again(self, office):
        self.fail(office)
        made = payment(office)
        record(office, made)
        TestVoid().void(office, made)
        assert tallied(office) == (0, 0, 1)
        everything_adds_up(office)

    def test_outcomes_in_order(self, office):
        known = office.id()
        assert self.fail(office, id=known) == [FailureOutcome.CREATED]
        assert self.fail(office, id=known) == [FailureOutcome.EXISTS]
        assert self.fail(office, id=known, reason=Reason.DEAD) == [FailureOutcome.EXISTS_WITH_DIFFERENT_FACTS]
        assert self.fail(office, 1, hours=5) == [FailureOutcome.VISITED_IN_FUTURE]

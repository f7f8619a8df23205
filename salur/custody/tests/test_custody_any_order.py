"""Whatever happens to cash in whatever order: nothing is lost, nothing is made, and every past moment can be told.

Hypothesis makes up days of a branch (movements signed at once or offered, repeated, declined; payments, payments that could not be posted,
counts that differ, decisions) and compares the books with a model that is a list. ``SALUR_EXAMPLES=200`` looks longer.
"""

import os
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conftest import PostOffice, make_post_office
from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import Decision, State
from salur.custody import actions
from salur.custody.rules import AFTER_DECISION, Answer, Handing, Kind, Outcome, Portion
from salur.ledger import actions as ledger
from salur.ledger.rules import Move, float_of, suspense_of
from salur.lib.problem import Problem
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.programmes.models import Stage

amounts = st.integers(1, 10_000_000)
people = st.sampled_from(["ani", "budi", "citra"])
minutes = st.integers(0, 600)
EVERYDAY = [Kind.FUND, Kind.REFUND, Kind.SUPPLY, Kind.RETURN, Kind.HAND_OVER, Kind.HAND_BACK, Kind.REPAY]

# What each kind does, written down a second time and by hand: account → sign, at headquarters and at the branch.
AT_HQ = {
    Kind.FUND: ("bank", "ministry"), Kind.REFUND: ("ministry", "bank"), Kind.SUPPLY: ("branch/B", "bank"), Kind.RETURN: ("bank", "branch/B"),
}  # fmt: skip
AT_BRANCH = {
    Kind.SUPPLY: ("vault", "headquarters"), Kind.RETURN: ("headquarters", "vault"), Kind.HAND_OVER: ("float/O", "vault"),
    Kind.HAND_BACK: ("vault", "float/O"), Kind.REPAY: ("vault", "suspense/O"), Kind.WRITE_OFF: ("written-off", "float/O"),
    Kind.SURPLUS: ("float/O", "surplus"),
}  # fmt: skip


class CashInAnyOrder(RuleBasedStateMachine):
    @initialize()
    def a_post_office(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.office: PostOffice = make_post_office()
        first = Stage.objects.get(id=self.office.stage)
        first.id, first.code = None, "SEMBAKO-2022-2"
        first._state.adding = True
        first.save()
        open_stage_partitions(stage=first.id)
        self.stages = [self.office.stage, first.id]
        self.hq: int = Office.objects.get(kind="HQ").id
        self.now: datetime = self.office.noon
        self.moments: list[datetime] = [self.now]
        # (stage, office, debit, credit, amount, happened, recorded)
        self.model: list[tuple[int, int, str, str, int, datetime, datetime]] = []
        self.done: list[tuple[Handing, datetime]] = []
        self.offered: dict[UUID, Handing] = {}
        self.unpaid = list(self.office.entitlements)
        self.numbers = 0

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def later(self, by_minutes: int = 1) -> datetime:
        self.now += timedelta(minutes=max(1, by_minutes))
        self.moments.append(self.now)
        return self.now

    def moves(self, kind: Kind, portion: Portion, officer: int | None, happened: datetime, recorded: datetime) -> None:
        for place, pairs in ((self.hq, AT_HQ), (self.office.branch, AT_BRANCH)):
            if kind in pairs:
                debit, credit = (
                    code.replace("B", str(self.office.branch)).replace("O", str(officer)) for code in pairs[kind]
                )
                self.model.append((portion.stage, place, debit, credit, portion.amount_rp, happened, recorded))

    def balances(self, as_of: datetime | None = None) -> dict[tuple[int, int, str], int]:
        sums: dict[tuple[int, int, str], int] = defaultdict(int)
        for stage, place, debit, credit, amount_rp, happened, recorded in self.model:
            if as_of is None or (happened <= as_of and recorded <= as_of):
                sums[stage, place, debit] += amount_rp
                sums[stage, place, credit] -= amount_rp
        return {account: balance for account, balance in sums.items() if balance}

    def told(self, as_of: datetime | None = None) -> dict[tuple[int, int, str], int]:
        rows = [row for stage in self.stages for row in ledger.balances(stage=stage, as_of=as_of)]
        return {(row.stage, row.branch, row.code): row.balance_rp for row in rows if row.balance_rp}

    @rule(
        kind=st.sampled_from(EVERYDAY), shares=st.lists(amounts, min_size=1, max_size=2), officer=st.integers(0, 1), signed=st.booleans(),
        back=minutes, wait=minutes, giver=people, taker=people,
    )  # fmt: skip
    def cash_moves(self, kind, shares, officer, signed, back, wait, giver, taker) -> None:
        at = self.later(wait)
        person = self.office.officers[officer] if kind in (Kind.HAND_OVER, Kind.HAND_BACK, Kind.REPAY) else None
        portions = [
            Portion(self.office.id(), stage, amount_rp) for stage, amount_rp in zip(self.stages, shares, strict=False)
        ]
        moved_at = at - timedelta(minutes=back)
        self.numbers += 1
        branch = None if kind in (Kind.FUND, Kind.REFUND) else self.office.branch
        handing = Handing(
            kind, portions, f"K-{self.numbers}", giver, taker if signed else None, branch, person, moved_at
        )
        if signed and giver == taker:
            with pytest.raises(Problem), transaction.atomic():
                actions.move_all(handings=[handing], at=at)
            return
        assert set(actions.move_all(handings=[handing], at=at)[0]) == {Outcome.MOVED if signed else Outcome.OFFERED}
        self.done.append((handing, at))
        for portion in portions:
            if signed:
                self.moves(kind, portion, person, moved_at, at)
            else:
                self.offered[portion.id] = handing._replace(portions=[portion])

    @precondition(lambda self: self.done)
    @rule(data=st.data(), wait=minutes)
    def the_same_arrives_again(self, data, wait) -> None:
        handing, _ = data.draw(st.sampled_from(self.done))
        assert set(actions.move_all(handings=[handing], at=self.later(wait))[0]) == {Outcome.EXISTS}

    @precondition(lambda self: self.done)
    @rule(data=st.data(), amount_rp=amounts)
    def the_same_id_arrives_with_another_amount(self, data, amount_rp) -> None:
        handing, _ = data.draw(st.sampled_from(self.done))
        other = [portion._replace(amount_rp=portion.amount_rp + amount_rp) for portion in handing.portions]
        outcomes = actions.move_all(handings=[handing._replace(portions=other)], at=self.later())[0]
        assert set(outcomes) == {Outcome.EXISTS_WITH_DIFFERENT_FACTS}

    @precondition(lambda self: self.offered)
    @rule(data=st.data(), answer=st.sampled_from(Answer), actor=people, wait=minutes)
    def an_offer_is_answered(self, data, answer, actor, wait) -> None:
        movement = data.draw(st.sampled_from(sorted(self.offered)))
        handing, at = self.offered[movement], self.later(wait)
        verbs = {
            Answer.ACCEPTED: lambda: actions.accept(movement=movement, actor=actor, at=at),
            Answer.DECLINED: lambda: actions.decline(movement=movement, reason="short", actor=actor, at=at),
            Answer.WITHDRAWN: lambda: actions.withdraw(movement=movement, reason="wrong", actor=actor, at=at),
        }
        if (actor == handing.given_by) != (answer is Answer.WITHDRAWN):
            with pytest.raises(Problem), transaction.atomic():
                verbs[answer]()
            return
        for outcome in (Outcome.MOVED, Outcome.EXISTS):  # the answer arrives twice
            assert verbs[answer]() is outcome
        del self.offered[movement]
        if answer is Answer.ACCEPTED:
            self.moves(handing.kind, handing.portions[0], handing.officer, at, at)

    @precondition(lambda self: self.unpaid)
    @rule(officer=st.integers(0, 1), back=minutes, wait=minutes)
    def a_family_is_paid(self, officer, back, wait) -> None:
        at, person = self.later(wait), self.office.officers[officer]
        payment = Payment(
            self.office.id(),
            self.unpaid.pop(),
            person,
            self.office.amount_rp,
            Channel.DOOR,
            at - timedelta(minutes=back),
        )
        assert payments.record_payments(
            stage=self.office.stage, branch=self.office.branch, payments=[payment], at=at
        ) == ["created"]
        self.model.append(
            (
                self.office.stage,
                self.office.branch,
                "paid",
                float_of(person),
                self.office.amount_rp,
                payment.paid_at,
                at,
            )
        )

    @rule(officer=st.integers(0, 1), amount_rp=amounts)
    def a_payment_cannot_be_posted(self, officer, amount_rp) -> None:
        at, person = self.later(), self.office.officers[officer]
        move = Move(self.office.id(), suspense_of(person), float_of(person), amount_rp, at)
        ledger.post(stage=self.office.stage, branch=self.office.branch, moves=[move], at=at)
        self.model.append((self.office.stage, self.office.branch, move.debit, move.credit, amount_rp, at, at))

    @rule(
        officer=st.integers(0, 1),
        difference_rp=st.integers(-1_000_000, 1_000_000),
        explained=st.booleans(),
        back=minutes,
        wait=minutes,
    )
    def cash_is_counted(self, officer, difference_rp, explained, back, wait) -> None:
        at, person = self.later(wait), self.office.officers[officer]
        counted_at = at - timedelta(minutes=back)
        expected_rp = 0
        for _, place, debit, credit, amount_rp, happened, _ in self.model:
            if place == self.office.branch and happened <= counted_at:
                expected_rp += amount_rp * ((debit == float_of(person)) - (credit == float_of(person)))
        counted_rp = max(0, expected_rp + difference_rp)
        found = actions.count(
            id=self.office.id(), branch=self.office.branch, officer=person, counted_rp=counted_rp, counted_by="ani", witnessed_by="budi",
            explanation="in the phone" if explained else "", counted_at=counted_at, at=at,
        )  # fmt: skip
        assert (found.expected_rp, found.difference_rp) == (expected_rp, counted_rp - expected_rp)
        assert (found.case is not None) == (counted_rp != expected_rp and not explained)

    @precondition(lambda self: cases.cases(kind="count_difference"))
    @rule(data=st.data(), wait=minutes)
    def a_difference_is_decided_and_carried_out(self, data, wait) -> None:
        case = data.draw(st.sampled_from(cases.cases(kind="count_difference")))
        at, short = self.later(wait), case.facts["counted_rp"] < case.facts["expected_rp"]
        kind = Kind.WRITE_OFF if short else Kind.SURPLUS
        decision = Decision.WRITTEN_OFF if short else Decision.EXPLAINED
        assert decision in AFTER_DECISION[kind]
        cases.decide(case=case.id, decision=decision, reason="seen", actor="citra", at=at)
        portion = Portion(self.office.id(), self.stages[1], case.amount_rp)
        handing = Handing(kind, [portion], str(case.id), "ani", "citra", self.office.branch, case.facts["officer"], at)
        with pytest.raises(Problem), transaction.atomic():
            actions.move_all(
                handings=[handing._replace(portions=[portion._replace(amount_rp=portion.amount_rp + 1)])], at=at
            )
        assert actions.move_all(handings=[handing], at=at) == [[Outcome.MOVED]]
        self.done.append((handing, at))
        self.moves(kind, portion, case.facts["officer"], at, at)

    @rule(days=st.integers(0, 5))
    def a_night_passes(self, days) -> None:
        at = self.later(days * 24 * 60)
        actions.review(at=at)
        below = sum(
            1
            for (_, place, code), rp in self.balances().items()
            if place == self.office.branch and rp < 0 and code.startswith(("vault", "float"))
        )
        day = str((at + timedelta(hours=7)).date())
        assert (
            sum(
                1 for case in cases.cases(kind="negative_float", state=None, limit=10_000) if case.subject.endswith(day)
            )
            >= below
        )
        assert actions.review(at=at) == {"count_difference": 0, "negative_float": 0}

    @invariant()
    def the_books_are_the_models(self) -> None:
        if hasattr(self, "model"):
            assert self.told() == self.balances()
            assert sum(self.told().values()) == 0

    @invariant()
    def every_recount_holds(self) -> None:
        if not hasattr(self, "model"):
            return
        for stage in self.stages:
            for check in (*actions.recount(stage=stage), *ledger.recount(stage=stage)):
                assert check.ok, f"{check.name}: {check.examples}"
        for check in (actions.recount_counts(), *cases.recount()):
            assert check.ok, f"{check.name}: {check.examples}"

    @rule(data=st.data(), seconds=st.integers(-90, 90))
    def a_past_moment_is_told(self, data, seconds) -> None:
        moment = data.draw(st.sampled_from(self.moments)) + timedelta(seconds=seconds)
        note(f"as of {moment}")
        assert self.told(as_of=moment) == self.balances(as_of=moment)

    @rule()
    def the_trail_is_whole(self) -> None:
        found = audit.verify()
        assert found.ok, found.examples
        assert all(case.state == State.OPEN or case.decided_by for case in cases.cases(state=None))


@pytest.mark.django_db
def test_cash_in_any_order_keeps_every_invariant():
    run_state_machine_as_test(
        CashInAnyOrder,
        settings=settings(
            max_examples=int(os.environ.get("SALUR_EXAMPLES", "15")),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def _only_the_branchs_side(sides):
    return lambda kind, **who: sides(kind, **who)[-1:]


def _when_recorded(post):
    return lambda lines, at: post(
        [(handing._replace(moved_at=None), place, portion) for handing, place, portion in lines], at
    )


def _nothing(post):
    return lambda lines, at: None


def _twice(post):
    def again(lines, at):
        post(lines, at)
        post(
            [(handing, place, portion._replace(id=UUID(int=portion.id.int ^ 1))) for handing, place, portion in lines],
            at,
        )

    return again


def _first_officer_only(post):
    return lambda lines, at: post(
        [
            (handing._replace(officer=handing.officer and handing.officer - 1), place, portion)
            for handing, place, portion in lines
        ],
        at,
    )


def _always_moved(outcome):
    return lambda handing, place, portion, row, written: Outcome.MOVED


def _never_different(outcome):
    return lambda handing, *rest: (
        Outcome.EXISTS if (found := outcome(handing, *rest)) is Outcome.EXISTS_WITH_DIFFERENT_FACTS else found
    )


def _checks_nothing(check):
    return lambda *rest: None


BROKEN = {
    "headquarters' book is forgotten": ("sides", _only_the_branchs_side),
    "cash counts from when it was recorded": ("_post", _when_recorded),
    "what is signed is not booked": ("_post", _nothing),
    "what is signed is booked twice": ("_post", _twice),
    "another officer is charged": ("_post", _first_officer_only),
    "a repetition says that cash moved again": ("_outcome", _always_moved),
    "another amount passes as the same": ("_outcome", _never_different),
    "one person signs for both hands": ("_check", _checks_nothing),
    "more is written off than was decided": ("_check_decision", _checks_nothing),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_custody_does_not_pass(monkeypatch: pytest.MonkeyPatch, what: str):
    """The test above is worth something only if it notices."""
    name, breaks = BROKEN[what]
    monkeypatch.setattr(actions, name, breaks(getattr(actions, name)))
    looking = settings(
        max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        database=None, derandomize=True, print_blob=False,
    )  # fmt: skip
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_state_machine_as_test(CashInAnyOrder, settings=looking)

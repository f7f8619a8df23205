"""Cash goes from hand to hand with two signatures, and every rupiah is in the books of everybody who had it."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.db import IntegrityError, connection, transaction

from conftest import PostOffice
from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import Decision
from salur.custody import actions
from salur.custody.commands import custody
from salur.custody.rules import Answer, Handing, Kind, Outcome, Portion
from salur.ledger import actions as ledger
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.rights import as_owner
from salur.offices.models import Office
from salur.payments.actions import record_payments
from salur.payments.rules import Channel, Payment

MILLION = 1_000_000


@pytest.fixture
def hq(office: PostOffice) -> int:
    return Office.objects.get(kind="HQ").id


@pytest.fixture
def second_stage(office: PostOffice) -> int:
    """Another programme, paid in the same visits."""
    from salur.lib.stage_tables import open_stage_partitions
    from salur.programmes.models import Programme, Stage

    first = Stage.objects.get(id=office.stage)
    programme = Programme.objects.create(code="PKH", name="PKH", proxy="none", amount_ceiling_rp=4_000_000)
    first.id, first.programme, first.code = None, programme, "PKH-2022-1"
    first._state.adding = True
    first.save()
    open_stage_partitions(stage=first.id)
    return first.id


def move(office: PostOffice, kind: Kind, amount_rp: int, **facts) -> Outcome:
    number = office.made
    given = {
        "portions": [Portion(office.id(), office.stage, amount_rp)],
        "reference": f"K-{number}",
        "given_by": "rina",
        "taken_by": "siti",
    }
    if kind not in (Kind.FUND, Kind.REFUND):
        given["branch"] = office.branch
    if kind in (Kind.HAND_OVER, Kind.HAND_BACK, Kind.REPAY, Kind.WRITE_OFF_SUSPENSE):
        given["officer"] = office.officers[0]
    return actions.move(kind=kind, **{"at": office.noon, **given, **facts})[0]


def balances(office: PostOffice, place: int, *, stage: int | None = None, as_of=None) -> dict[str, int]:
    rows = ledger.balances(stage=stage or office.stage, as_of=as_of)
    return {row.code: row.balance_rp for row in rows if row.branch == place and row.balance_rp}


def everything_adds_up(office: PostOffice) -> None:
    checks = [
        *actions.recount(stage=office.stage),
        actions.recount_counts(),
        *ledger.recount(stage=office.stage),
        *cases.recount(),
        audit.verify(),
    ]
    for check in checks:
        assert check.ok, f"{check.name}: {check.examples}"


def pay(
    office: PostOffice,
    families: int,
    *,
    first: int = 0,
    hours: int = 1,
    officer: int = 0,
    recorded_hours: int | None = None,
) -> None:
    paid_at = office.noon + timedelta(hours=hours)
    batch = [
        Payment(office.id(), office.entitlements[n], office.officers[officer], office.amount_rp, Channel.DOOR, paid_at)
        for n in range(first, first + families)
    ]
    at = office.noon + timedelta(hours=hours if recorded_hours is None else recorded_hours)
    assert set(record_payments(stage=office.stage, branch=office.branch, payments=batch, at=at)) == {"created"}


def test_cash_goes_from_the_ministry_to_a_family_and_the_rest_back(office, hq):
    move(office, Kind.FUND, 100 * MILLION, given_by="ministry")
    move(office, Kind.SUPPLY, 50 * MILLION)
    move(office, Kind.HAND_OVER, 5 * MILLION)
    pay(office, 3)
    move(office, Kind.HAND_BACK, 3_200_000)
    move(office, Kind.RETURN, 48_200_000)
    move(office, Kind.REFUND, 98_200_000)
    assert balances(office, hq) == {"ministry": -1_800_000, f"branch/{office.branch}": 1_800_000}
    assert balances(office, office.branch) == {"headquarters": -1_800_000, "paid": 1_800_000}
    everything_adds_up(office)


def test_an_offer_moves_nothing_until_the_other_hand_signs(office, hq):
    portion = Portion(office.id(), office.stage, MILLION)
    assert move(office, Kind.HAND_OVER, 0, portions=[portion], taken_by=None) is Outcome.OFFERED
    assert balances(office, office.branch) == {}
    later = office.noon + timedelta(hours=1)
    assert actions.accept(movement=portion.id, actor="siti", at=later) is Outcome.MOVED
    assert balances(office, office.branch) == {"vault": -MILLION, f"float/{office.officers[0]}": MILLION}
    assert balances(office, office.branch, as_of=later - timedelta(seconds=1)) == {}
    assert actions.accept(movement=portion.id, actor="siti", at=later) is Outcome.EXISTS
    with pytest.raises(Conflict, match="was accepted by siti"):
        actions.accept(movement=portion.id, actor="budi", at=later)
    with pytest.raises(Conflict, match="was accepted by siti"):
        actions.withdraw(movement=portion.id, reason="x", actor="rina", at=later)
    assert [(row.actor, row.verb) for row in reversed(audit.entries(subject=f"movement/{portion.id}"))] == [
        ("rina", "offered"),
        ("siti", "accepted"),
    ]
    everything_adds_up(office)


def test_a_declined_offer_moves_nothing_and_asks_where_the_cash_is(office):
    portion = Portion(office.id(), office.stage, MILLION)
    move(office, Kind.HAND_OVER, 0, portions=[portion], taken_by=None)
    actions.decline(movement=portion.id, reason="There were only Rp900.000 in the bag.", actor="siti", at=office.noon)
    actions.decline(movement=portion.id, reason="There were only Rp900.000 in the bag.", actor="siti", at=office.noon)
    assert balances(office, office.branch) == {}
    (case,) = cases.cases()
    assert (case.kind, case.amount_rp, case.maker, case.opened_by, case.branch) == (
        "disputed_cash",
        MILLION,
        "rina",
        "siti",
        office.branch,
    )
    everything_adds_up(office)


def test_a_withdrawn_offer_is_over(office):
    portion = Portion(office.id(), office.stage, MILLION)
    move(office, Kind.SUPPLY, 0, portions=[portion], taken_by=None)
    with pytest.raises(Problem, match="Only rina"):
        actions.withdraw(movement=portion.id, reason="wrong branch", actor="siti", at=office.noon)
    actions.withdraw(movement=portion.id, reason="wrong branch", actor="rina", at=office.noon)
    with pytest.raises(Conflict, match="was withdrawn by rina"):
        actions.accept(movement=portion.id, actor="siti", at=office.noon)
    everything_adds_up(office)


def test_headquarters_and_the_branch_write_the_same_transfer(office, hq):
    portion = Portion(office.id(), office.stage, MILLION)
    move(office, Kind.SUPPLY, 0, portions=[portion])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT branch, debit, credit, amount_rp FROM ledger_transfer WHERE id = %s ORDER BY branch", [portion.id]
        )
        assert cursor.fetchall() == [
            (hq, f"branch/{office.branch}", "bank", MILLION),
            (office.branch, "vault", "headquarters", MILLION),
        ]


def test_several_programmes_in_one_visit_are_one_signature(office, second_stage):
    portions = [Portion(office.id(), second_stage, 2 * MILLION), Portion(office.id(), office.stage, MILLION)]
    outcomes = actions.move(
        kind=Kind.HAND_OVER, portions=portions, branch=office.branch, officer=office.officers[0], reference="K-1", given_by="rina",
        taken_by="siti", at=office.noon,
    )  # fmt: skip
    assert outcomes == [Outcome.MOVED, Outcome.MOVED]
    account = f"float/{office.officers[0]}"
    assert balances(office, office.branch)[account] == MILLION
    assert balances(office, office.branch, stage=second_stage)[account] == 2 * MILLION
    assert len({row.visit for row in actions.movements()}) == 1
    counted = actions.count(
        id=office.id(),
        branch=office.branch,
        officer=office.officers[0],
        counted_rp=3 * MILLION,
        counted_by="siti",
        witnessed_by="rina",
        at=office.noon,
    )
    assert counted.difference_rp == 0  # a bag has no programmes


def test_a_branchs_morning_is_one_call(office):
    morning = [
        Handing(
            Kind.HAND_OVER,
            [Portion(office.id(), office.stage, (n + 1) * MILLION)],
            f"K-{n}",
            "rina",
            name,
            office.branch,
            officer,
        )
        for n, (officer, name) in enumerate(zip(office.officers, ("siti", "budi"), strict=True))
    ]
    assert actions.move_all(handings=morning, at=office.noon) == [[Outcome.MOVED], [Outcome.MOVED]]
    assert actions.move_all(handings=morning, at=office.noon + timedelta(hours=1)) == [
        [Outcome.EXISTS],
        [Outcome.EXISTS],
    ]
    assert balances(office, office.branch)["vault"] == -3 * MILLION
    everything_adds_up(office)


def test_the_same_again_changes_nothing_and_other_facts_are_told(office):
    portion = Portion(office.id(), office.stage, MILLION)
    for outcome, facts in [
        (Outcome.MOVED, {}),
        (Outcome.EXISTS, {}),
        (Outcome.EXISTS_WITH_DIFFERENT_FACTS, {"portions": [portion._replace(amount_rp=2 * MILLION)]}),
        (Outcome.EXISTS_WITH_DIFFERENT_FACTS, {"officer": office.officers[1]}),
        (Outcome.EXISTS_WITH_DIFFERENT_FACTS, {"taken_by": "budi"}),
        (Outcome.EXISTS_WITH_DIFFERENT_FACTS, {"given_by": "ani"}),
        (Outcome.EXISTS_WITH_DIFFERENT_FACTS, {"moved_at": office.noon - timedelta(hours=1)}),
    ]:
        assert move(office, Kind.HAND_OVER, 0, **{"portions": [portion], "reference": "K-1", **facts}) is outcome
    assert balances(office, office.branch)["vault"] == -MILLION
    with pytest.raises(Conflict, match="K-1 .* is entered already"):
        move(office, Kind.HAND_OVER, MILLION, reference="K-1")
    everything_adds_up(office)


REFUSED: list[tuple[str, Kind, dict, type[Problem], str]] = [
    ("one person for both hands", Kind.HAND_OVER, {"taken_by": "rina"}, Problem, "cannot sign for both"),
    ("nobody gives", Kind.HAND_OVER, {"given_by": ""}, Problem, "who gives"),
    ("no paper", Kind.HAND_OVER, {"reference": " "}, Problem, "reference"),
    ("no cash", Kind.HAND_OVER, {"amount_rp": 0}, Problem, "at least Rp1"),
    ("tomorrow", Kind.HAND_OVER, {"tomorrow": True}, Problem, "future"),
    ("an officer of nowhere", Kind.HAND_OVER, {"officer": 10_000}, NotFound, "not one of branch KC-BDW"),
    ("no officer", Kind.HAND_OVER, {"officer": None}, Problem, "needs an officer"),
    ("an officer with a supply", Kind.SUPPLY, {"officer": 1}, Problem, "has no officer"),
    ("a branch of nowhere", Kind.SUPPLY, {"branch": 10_000}, NotFound, "no branch"),
    ("a branch with a fund", Kind.FUND, {"branch": 1}, Problem, "name no branch"),
    ("a write-off without a case", Kind.WRITE_OFF, {}, NotFound, "decided case"),
    ("a write-off of no case", Kind.WRITE_OFF, {"reference": str(UUID(int=1))}, NotFound, "no case"),
]


@pytest.mark.parametrize(("what", "kind", "facts", "problem", "said"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_movement_is_refused_and_nothing_moves(office, what, kind, facts, problem, said):
    facts = dict(facts)
    if facts.pop("tomorrow", False):
        facts["moved_at"] = office.noon + timedelta(days=1)
    with pytest.raises(problem, match=said):
        move(office, kind, facts.pop("amount_rp", MILLION), **facts)
    assert (actions.movements(), ledger.balances(stage=office.stage), audit.entries()) == ([], [], [])


def test_of_a_morning_with_one_mistake_nothing_moves(office):
    good = Handing(
        Kind.HAND_OVER,
        [Portion(office.id(), office.stage, MILLION)],
        "K-1",
        "rina",
        "siti",
        office.branch,
        office.officers[0],
    )
    bad = good._replace(portions=[Portion(office.id(), office.stage, MILLION)], reference="K-2", taken_by="rina")
    with pytest.raises(Problem):
        actions.move_all(handings=[good, bad], at=office.noon)
    assert actions.movements() == []


def test_a_shortfall_blocks_nothing_and_becomes_a_case_once_a_day(office):
    """The vault was filled from a safe that nobody had entered: the families are paid, and a person looks into it."""
    move(office, Kind.HAND_OVER, MILLION)
    pay(office, 3)
    at = office.noon + timedelta(hours=9)
    assert actions.review(at=at) == {"count_difference": 0, "negative_float": 2}
    assert actions.review(at=at) == {"count_difference": 0, "negative_float": 0}
    found = {(case.subject, case.amount_rp) for case in cases.cases()}
    day, place = "2022-03-12", f"cash/{office.stage}/{office.branch}"
    assert found == {(f"{place}/vault/{day}", MILLION), (f"{place}/float/{office.officers[0]}/{day}", 800_000)}
    assert actions.review(at=at + timedelta(days=1))["negative_float"] == 2
    move(office, Kind.SUPPLY, 10 * MILLION)
    move(office, Kind.HAND_OVER, 2 * MILLION)
    assert actions.review(at=at + timedelta(days=2)) == {"count_difference": 0, "negative_float": 0}
    everything_adds_up(office)


def count(office: PostOffice, counted_rp: int, *, officer: int | None = 0, hours: int = 8, **facts):
    person = None if officer is None else office.officers[officer]
    given = {
        "id": office.id(),
        "counted_by": "siti",
        "witnessed_by": "rina",
        "at": office.noon + timedelta(hours=hours),
    }
    return actions.count(branch=office.branch, officer=person, counted_rp=counted_rp, **{**given, **facts})


def test_a_count_that_agrees_opens_nothing(office):
    move(office, Kind.SUPPLY, 10 * MILLION)
    move(office, Kind.HAND_OVER, 5 * MILLION)
    pay(office, 3)
    assert count(office, 3_200_000).difference_rp == 0
    assert count(office, 5 * MILLION, officer=None).difference_rp == 0
    assert cases.cases() == []
    everything_adds_up(office)


def test_an_unexplained_difference_is_a_case_at_once_that_who_counted_cannot_decide(office):
    move(office, Kind.HAND_OVER, 5 * MILLION)
    found = count(office, 4_400_000)
    assert (found.expected_rp, found.difference_rp, found.existed) == (5 * MILLION, -600_000, False)
    row, _ = cases.show(case=found.case)
    assert (row.kind, row.amount_rp, row.maker, row.opened_by, row.branch) == (
        "count_difference",
        600_000,
        "siti",
        "rina",
        office.branch,
    )
    for person in ("siti", "rina"):
        with pytest.raises(Problem, match="somebody other"):
            cases.decide(case=found.case, decision=Decision.EXPLAINED, reason="x", actor=person, at=office.noon)
    everything_adds_up(office)


def test_the_same_count_again_changes_nothing_and_another_is_refused(office):
    move(office, Kind.HAND_OVER, 5 * MILLION)
    id_ = office.id()
    first = count(office, 4_400_000, id=id_)
    again = count(office, 4_400_000, id=id_, hours=9)
    assert (again.existed, again.case, again.difference_rp) == (True, first.case, -600_000)
    with pytest.raises(Conflict):
        count(office, 4_500_000, id=id_)
    assert len(actions.counts()) == len(cases.cases()) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"counted_by": "rina"}, "needs a witness"),
        ({"counted_rp": -1}, "how much"),
        ({"counted_at": True}, "future"),
        ({"witnessed_by": ""}, "watched"),
    ],
)
def test_a_count_is_refused(office, facts, said):
    if "counted_at" in facts:
        facts = {"counted_at": office.noon + timedelta(days=2)}
    with pytest.raises(Problem, match=said):
        count(office, facts.pop("counted_rp", 0), **facts)
    assert actions.counts() == []


def test_an_explanation_that_comes_true_opens_nothing_and_one_that_does_not_becomes_a_case(office):
    """Siti's phone had no signal: she explains Rp600.000 too little with a payment that arrives the next day. Budi's never arrives."""
    for officer in (0, 1):
        move(office, Kind.HAND_OVER, 5 * MILLION, officer=office.officers[officer])
        assert count(office, 4_400_000, officer=officer, explanation="One payment is still in the phone.").case is None
    pay(office, 1, hours=7, recorded_hours=24)
    in_time = office.noon + timedelta(days=2)
    too_late = office.noon + timedelta(days=4)
    assert actions.review(at=in_time)["count_difference"] == 0
    assert actions.review(at=too_late)["count_difference"] == 1
    assert actions.review(at=too_late)["count_difference"] == 0
    (case,) = cases.cases(kind="count_difference")
    assert (case.facts["officer"], case.amount_rp, case.opened_by) == (office.officers[1], 600_000, "salur")
    everything_adds_up(office)


def test_a_later_count_of_the_same_day_takes_the_place_of_an_explained_one(office):
    move(office, Kind.HAND_OVER, 5 * MILLION)
    count(office, 4 * MILLION, explanation="Counted in a hurry.")
    count(office, 5 * MILLION, hours=9)
    assert actions.review(at=office.noon + timedelta(days=9))["count_difference"] == 0


def test_a_difference_that_nobody_owes_is_written_off_and_one_too_much_is_booked(office):
    move(office, Kind.HAND_OVER, 5 * MILLION)
    short = count(office, 4_400_000).case
    with pytest.raises(Problem, match="is not decided as written_off"):
        move(office, Kind.WRITE_OFF, 600_000, officer=office.officers[0], reference=str(short))
    cases.decide(
        case=short, decision=Decision.WRITTEN_OFF, reason="Robbed; report 12/2022.", actor="ani", at=office.noon
    )
    with pytest.raises(Problem, match="is about Rp600000"):
        move(office, Kind.WRITE_OFF, 600_001, officer=office.officers[0], reference=str(short))
    portion = Portion(office.id(), office.stage, 600_000)
    for outcome in (Outcome.MOVED, Outcome.EXISTS):
        assert (
            move(office, Kind.WRITE_OFF, 0, portions=[portion], officer=office.officers[0], reference=str(short))
            is outcome
        )
    with pytest.raises((Problem, Conflict)):
        move(office, Kind.WRITE_OFF, 1, officer=office.officers[0], reference=str(short))
    assert count(office, 4_400_000, hours=9).difference_rp == 0

    much = count(office, 5 * MILLION, hours=10).case
    cases.decide(
        case=much,
        decision=Decision.EXPLAINED,
        reason="A family did not come back for its change.",
        actor="ani",
        at=office.noon,
    )
    move(office, Kind.SURPLUS, 600_000, officer=office.officers[0], reference=str(much))
    assert count(office, 5 * MILLION, hours=11).difference_rp == 0
    assert balances(office, office.branch) == {
        "vault": -5 * MILLION, f"float/{office.officers[0]}": 5 * MILLION, "written-off": 600_000, "surplus": -600_000,
    }  # fmt: skip
    everything_adds_up(office)


def test_the_balance_of_every_account_at_any_past_moment(office, hq):
    hours = [0, 1, 2, 3]
    kinds = [(Kind.FUND, 9), (Kind.SUPPLY, 6), (Kind.HAND_OVER, 3), (Kind.HAND_BACK, 1)]
    for hour, (kind, millions) in zip(hours, kinds, strict=True):
        move(
            office,
            kind,
            millions * MILLION,
            moved_at=office.noon - timedelta(hours=9 - hour),
            at=office.noon - timedelta(hours=9 - hour),
        )
    after = [
        balances(office, place, as_of=office.noon - timedelta(hours=9 - hour))
        for hour in hours
        for place in (hq, office.branch)
    ]
    person = f"float/{office.officers[0]}"
    assert after == [
        {"ministry": -9 * MILLION, "bank": 9 * MILLION}, {},
        {"ministry": -9 * MILLION, "bank": 3 * MILLION, f"branch/{office.branch}": 6 * MILLION}, {"vault": 6 * MILLION, "headquarters": -6 * MILLION},
        {"ministry": -9 * MILLION, "bank": 3 * MILLION, f"branch/{office.branch}": 6 * MILLION},
        {"vault": 3 * MILLION, "headquarters": -6 * MILLION, person: 3 * MILLION},
        {"ministry": -9 * MILLION, "bank": 3 * MILLION, f"branch/{office.branch}": 6 * MILLION},
        {"vault": 4 * MILLION, "headquarters": -6 * MILLION, person: 2 * MILLION},
    ]  # fmt: skip


def tamper(statement: str) -> Callable[[PostOffice, UUID], None]:
    def do(office: PostOffice, supply: UUID) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(statement, {"supply": supply, "branch": office.branch, "neighbour": office.neighbour})
            assert cursor.rowcount > 0

    return do


BROKEN = {
    "headquarters forgets a supply": ("DELETE FROM ledger_transfer WHERE id = %(supply)s AND branch <> %(branch)s", "mirror"),
    "the branch forgets a supply": ("DELETE FROM ledger_transfer WHERE id = %(supply)s AND branch = %(branch)s", "mirror"),
    "the branch writes less than headquarters": ("UPDATE ledger_transfer SET amount_rp = 1 WHERE id = %(supply)s AND branch = %(branch)s", "mirror"),
    "headquarters writes another day": ("UPDATE ledger_transfer SET occurred_at = occurred_at - interval '1 day' WHERE id = %(supply)s AND branch <> %(branch)s", "mirror"),
    "headquarters writes another branch": ("UPDATE ledger_transfer SET debit = 'branch/' || %(neighbour)s WHERE id = %(supply)s AND branch <> %(branch)s", "mirror"),
    "the supply turns round in one book": ("UPDATE ledger_transfer SET debit = credit, credit = debit WHERE id = %(supply)s AND branch = %(branch)s", "mirror"),
    "cash moves without a signature": (
        "INSERT INTO ledger_transfer SELECT stage, branch, gen_random_uuid(), 'float/99', 'vault', 5, occurred_at, recorded_at FROM ledger_transfer WHERE id = %(supply)s AND branch = %(branch)s",
        "as it was signed for",
    ),
    "a signed hand-over is not booked": ("DELETE FROM ledger_transfer WHERE credit = 'vault'", "as it was signed for"),
    "a hand-over is booked to another officer": ("UPDATE ledger_transfer SET debit = 'float/99' WHERE credit = 'vault'", "as it was signed for"),
    "a hand-over is booked with another amount": ("UPDATE ledger_transfer SET amount_rp = amount_rp + 1 WHERE credit = 'vault'", "as it was signed for"),
    "a hand-over is booked on another day": ("UPDATE ledger_transfer SET occurred_at = occurred_at - interval '1 day' WHERE credit = 'vault'", "as it was signed for"),
    "a hand-over is slipped in behind a past evening": ("UPDATE ledger_transfer SET recorded_at = recorded_at - interval '1 day' WHERE credit = 'vault'", "as it was signed for"),
    "an offer is booked before it is accepted": ("DELETE FROM custody_reply WHERE movement_id <> %(supply)s", "as it was signed for"),
    "the signature is taken for another answer": ("UPDATE custody_reply SET answer = 'declined', reason = 'x' WHERE movement_id <> %(supply)s", "as it was signed for"),
    "the giver signs for the taker": ("UPDATE custody_reply SET actor = 'rina'", "signed for by two"),
    "a difference has neither explanation nor case": ("UPDATE custody_count SET explanation = '' WHERE branch_id = %(branch)s", "explained or a case"),
    "a balance is kept wrongly": ("UPDATE ledger_account SET debits_rp = debits_rp + 1 WHERE code = 'vault'", "balances"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_the_recounts_catch(office, what):
    supply = Portion(office.id(), office.stage, 10 * MILLION)
    move(office, Kind.SUPPLY, 0, portions=[supply])
    move(office, Kind.HAND_OVER, 5 * MILLION)
    count(office, 4 * MILLION, explanation="Still in the phone.")
    everything_adds_up(office)
    statement, name = BROKEN[what]
    tamper(statement)(office, supply.id)
    checks = [*actions.recount(stage=office.stage), actions.recount_counts(), *ledger.recount(stage=office.stage)]
    assert any(name in check.name and check.examples for check in checks if not check.ok)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE custody_movement SET amount_rp = 0", "custody_movement_amount_positive"),
        ("UPDATE custody_movement SET kind = 'gift'", "custody_movement_kind_known"),
        (
            "UPDATE custody_movement SET officer_id = NULL WHERE kind = 'hand_over'",
            "custody_movement_officer_where_due",
        ),
        ("UPDATE custody_movement SET given_by = ''", "custody_movement_says_who_and_why"),
        ("UPDATE custody_reply SET answer = 'declined'", "custody_reply_with_reason"),
        ("UPDATE custody_count SET witnessed_by = counted_by", "custody_count_by_two"),
        ("UPDATE custody_count SET counted_rp = -1", "custody_count_not_negative"),
    ],
)
def test_the_database_itself_refuses(office, statement, constraint):
    move(office, Kind.HAND_OVER, MILLION)
    count(office, MILLION)
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        as_owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_a_day_on_the_command_line(office, hq):
    run = CliRunner()

    def said(*words: str, code: int = 0) -> dict:
        answer = run.invoke(custody, [*words, "--json"])
        assert answer.exit_code == code, answer.output + answer.stderr
        return json.loads(answer.output) if answer.output else {}

    cash = f"{office.stage_code}="
    fund = ("fund", "--cash", f"{cash}100.000.000", "--reference", "SP2D-1", "--as", "ani")
    assert said(*fund)["movements"][0]["outcome"] == "moved"
    assert said(*fund)["movements"][0]["outcome"] == "exists"
    assert (
        said(*fund[:2], f"{cash}99.000.000", *fund[3:], code=1)["movements"][0]["outcome"]
        == "exists_with_different_facts"
    )
    at_branch = ("--branch", "KC-BDW")
    said(
        "supply", *at_branch, "--cash", f"{cash}50.000.000", "--reference", "TRF-1", "--as", "ani", "--taken-by", "rina"
    )
    offered = said(
        "hand-over", *at_branch, "--officer", "JB-1", "--cash", f"{cash}5.000.000", "--reference", "K-1", "--as", "rina"
    )
    movement = offered["movements"][0]["id"]
    assert [row["id"] for row in said("movements", "--state", "offered")["movements"]] == [movement]
    assert (
        run.invoke(custody, ["accept", movement, "--as", "rina"]).stderr
        == "rina gave this cash, so somebody else must take it.\n"
    )
    assert said("accept", movement, "--as", "siti")["outcome"] == "moved"
    short = said(
        "count",
        *at_branch,
        "--officer",
        "JB-1",
        "--cash",
        "4900000",
        "--witness",
        "rina",
        "--reference",
        "H-1",
        "--as",
        "siti",
        code=1,
    )
    assert (short["difference_rp"], short["expected_rp"]) == (-100_000, 5_000_000)
    assert (
        said("count", *at_branch, "--cash", "45000000", "--witness", "siti", "--reference", "H-2", "--as", "rina")[
            "difference_rp"
        ]
        == 0
    )
    assert [row["difference_rp"] for row in said("counts", *at_branch)["counts"]] == [0, -100_000]
    accounts = {row["account"]: row["balance_rp"] for row in said("position", *at_branch)["accounts"]}
    assert accounts == {
        "vault": 45 * MILLION,
        "headquarters": -50 * MILLION,
        f"float/{office.officers[0]}": 5 * MILLION,
    }
    assert said("position", *at_branch, "--as-of", "2021-01-01")["accounts"] == []
    assert said("review")["opened"] == {"count_difference": 0, "negative_float": 0}
    declined = said(
        "hand-back", *at_branch, "--officer", "JB-1", "--cash", f"{cash}1.000.000", "--reference", "K-2", "--as", "siti"
    )
    said("decline", declined["movements"][0]["id"], "--reason", "Rp500.000 are missing.", "--as", "rina", code=1)
    withdrawn = said("return", *at_branch, "--cash", f"{cash}1.000.000", "--reference", "K-3", "--as", "rina")
    said("withdraw", withdrawn["movements"][0]["id"], "--reason", "Tomorrow.", "--as", "rina")
    assert (
        run.invoke(custody, ["supply", "--branch", "KC-XXX", "--cash", f"{cash}1", "--reference", "x"]).exit_code == 2
    )
    assert run.invoke(custody, ["supply", *at_branch, "--cash", "plenty", "--reference", "x"]).exit_code == 2
    assert run.invoke(custody, ["movements"]).output.count("KC-BDW") == 4
    assert {answer.value for answer in Answer} <= {row.state for row in actions.movements()}
    everything_adds_up(office)

"""A case is opened once, lies with somebody, and is decided by a person with a reason; everything leaves its trace."""

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.db import IntegrityError, connection, transaction

from salur.audit import actions as audit
from salur.cases import actions
from salur.cases.commands import cases
from salur.cases.rules import NATURE, Decision, Kind, NewCase, Outcome, Role, State
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.rights import as_owner

NOON = datetime(2022, 3, 12, 5, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
BRANCH = 7


def found(subject: str = "payment/1", **facts) -> UUID:
    given = {
        "kind": Kind.DOUBLE_PAYMENT,
        "branch": BRANCH,
        "actor": "salur",
        "at": NOON,
        "amount_rp": 600_000,
        "maker": "officer 17",
    }
    return actions.open_case(subject=subject, **{**given, **facts}).id


def state(case: UUID) -> str:
    return actions.show(case=case)[0].state


def acts(case: UUID) -> list[tuple[str, str]]:
    return [(row.actor, row.verb) for row in reversed(audit.entries(subject=f"case/{case}"))]


def everything_adds_up() -> None:
    for check in (*actions.recount(), audit.verify()):
        assert check.ok, f"{check.name}: {check.examples}"


@pytest.mark.django_db
def test_a_case_is_opened_once_however_often_it_is_found():
    first = actions.open_case(kind=Kind.DOUBLE_PAYMENT, subject="payment/1", branch=BRANCH, actor="salur", at=NOON)
    again = actions.open_case(kind=Kind.DOUBLE_PAYMENT, subject="payment/1", branch=BRANCH, actor="salur", at=LATER)
    other = actions.open_case(kind=Kind.AMOUNT_MISMATCH, subject="payment/1", branch=BRANCH, actor="salur", at=LATER)
    assert (first.outcome, again.outcome, other.outcome) == (Outcome.CREATED, Outcome.EXISTS, Outcome.CREATED)
    assert first.id == again.id != other.id
    assert acts(first.id) == [("salur", "opened")]


@pytest.mark.django_db
def test_a_batch_answers_in_its_order_and_names_nothing_twice():
    found("payment/3")
    batch = [NewCase(Kind.DOUBLE_PAYMENT, f"payment/{n}", BRANCH + n % 2) for n in (5, 3, 1, 5)]
    opened = actions.open_cases(cases=batch, actor="salur", at=LATER)
    assert [one.outcome for one in opened] == ["created", "exists", "created", "exists"]
    assert opened[0].id == opened[3].id
    everything_adds_up()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", Kind)
def test_a_case_lies_first_with_the_role_of_its_kind(kind: Kind):
    row, events = actions.show(case=found(kind=kind))
    assert (row.role, row.office, row.state) == (NATURE[kind].role, BRANCH, State.OPEN)
    assert [event.act for event in events] == ["opened"]


@pytest.mark.django_db
def test_a_case_is_assigned_decided_reopened_and_decided_again():
    case = found()
    actions.assign(case=case, role=Role.REGION, office=3, actor="budi", at=LATER)
    actions.assign(case=case, role=Role.REGION, office=3, actor="budi", at=LATER)  # the same order again is nothing new
    actions.note(case=case, text="Ibu Aminah says she was paid once.", actor="budi", at=LATER)
    actions.decide(case=case, decision=Decision.OWED, reason="The officer brings it back.", actor="siti", at=LATER)
    actions.decide(case=case, decision=Decision.OWED, reason="The officer brings it back.", actor="siti", at=LATER)
    row, _ = actions.show(case=case)
    assert (row.state, row.decision, row.decided_by, row.role, row.office) == ("decided", "owed", "siti", "region", 3)
    actions.reopen(case=case, reason="He has left.", actor="siti", at=LATER)
    assert state(case) == State.OPEN
    actions.decide(case=case, decision=Decision.WRITTEN_OFF, reason="Nobody owes it.", actor="ani", at=LATER)
    row, events = actions.show(case=case)
    assert [event.act for event in events] == ["opened", "assigned", "noted", "decided", "reopened", "decided"]
    assert (row.decision, row.reason) == ("written_off", "Nobody owes it.")
    assert acts(case) == [
        ("salur", "opened"), ("budi", "assigned"), ("budi", "noted"), ("siti", "decided"), ("siti", "reopened"), ("ani", "decided"),
    ]  # fmt: skip
    everything_adds_up()


REFUSED = [
    ("without a reason", {"reason": "  "}, "no_reason"),
    ("by salur itself", {"actor": "salur"}, "same_person"),
    ("about money, by who opened it", {"actor": "rina"}, "same_person"),
    ("about money, by whose act it looks into", {"actor": "officer 17"}, "same_person"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("what", "facts", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_decision_is_refused(what: str, facts: dict, code: str):
    case = found(actor="rina")
    with pytest.raises(Problem) as refused:
        actions.decide(
            **{
                "case": case,
                "decision": Decision.EXPLAINED,
                "reason": "It is fine.",
                "actor": "siti",
                "at": LATER,
                **facts,
            }
        )
    assert refused.value.code == code
    assert state(case) == State.OPEN
    assert acts(case) == [("rina", "opened")]


@pytest.mark.django_db
def test_a_case_without_money_may_be_decided_by_who_opened_it_but_not_as_a_debt():
    case = found(kind=Kind.MISSING_PHOTO, amount_rp=None, actor="rina")
    with pytest.raises(Problem, match="not about an amount"):
        actions.decide(case=case, decision=Decision.OWED, reason="x", actor="rina", at=LATER)
    actions.decide(case=case, decision=Decision.EXPLAINED, reason="The phone was broken.", actor="rina", at=LATER)
    everything_adds_up()


@pytest.mark.django_db
def test_what_may_not_follow_is_refused():
    case = found()
    with pytest.raises(Conflict, match="is open, so it cannot be reopened"):
        actions.reopen(case=case, reason="x", actor="siti", at=LATER)
    actions.decide(
        case=case, decision=Decision.EXPLAINED, reason="Two families share the name.", actor="siti", at=LATER
    )
    with pytest.raises(Conflict, match="is decided, so it cannot be assigned"):
        actions.assign(case=case, role=Role.REGION, office=3, actor="siti", at=LATER)
    with pytest.raises(Conflict, match="was decided by siti"):
        actions.decide(case=case, decision=Decision.OWED, reason="No.", actor="ani", at=LATER)
    with pytest.raises(NotFound):
        actions.note(case=UUID(int=1), text="x", actor="siti", at=LATER)


@pytest.mark.django_db(transaction=True)
def test_eight_who_find_the_same_hundred_things_open_each_once():
    answered: Counter[Outcome] = Counter()
    errors: list[BaseException] = []

    def find(finder: int) -> None:
        try:
            things = [NewCase(Kind.MISSING_PHOTO, f"payment/{n}", n % 3) for n in range(100)]
            opened = actions.open_cases(cases=things[finder * 7 :] + things[: finder * 7], actor="salur", at=NOON)
            answered.update(one.outcome for one in opened)
        except Exception as error:  # noqa: BLE001 — shown below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=find, args=(finder,)) for finder in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert answered == {Outcome.CREATED: 100, Outcome.EXISTS: 700}
    assert sum(row.cases for row in actions.counts()) == 100
    everything_adds_up()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_is_told_that_the_other_did():
    case = found()
    said: list[str] = []

    def decide(person: str) -> None:
        try:
            actions.decide(case=case, decision=Decision.EXPLAINED, reason=f"says {person}", actor=person, at=LATER)
            said.append("decided")
        except Conflict:
            said.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(person,)) for person in ("siti", "budi", "ani", "rina")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert Counter(said) == {"decided": 1, "too late": 3}
    everything_adds_up()


BROKEN = {
    "an event taken out": ("DELETE FROM cases_event WHERE number = 2", "an event is missing"),
    "all events taken out": ("DELETE FROM cases_event", "an event is missing"),
    "a second decision put in": (
        "INSERT INTO cases_event (case_id, number, act, role, office, decision, reason, actor, at) SELECT case_id, 4, act, role, office, 'owed', reason, 'ani', at FROM cases_event WHERE number = 3",
        "out of turn",
    ),
    "a decision by the maker": (
        "UPDATE cases_event SET actor = 'officer 17' WHERE number = 3",
        "officer 17 decided alone",
    ),
    "a decision by the opener": ("UPDATE cases_event SET actor = 'salur' WHERE number = 3", "salur decided alone"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", BROKEN)
def test_the_recounts_catch(what: str):
    case = found()
    actions.assign(case=case, role=Role.REGION, office=3, actor="budi", at=LATER)
    actions.decide(case=case, decision=Decision.EXPLAINED, reason="It is fine.", actor="siti", at=LATER)
    everything_adds_up()
    statement, said = BROKEN[what]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert said in "\n".join(example for check in actions.recount() for example in check.examples)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE cases_case SET kind = 'gossip'", "cases_case_kind_known"),
        ("UPDATE cases_case SET amount_rp = -1", "cases_case_amount_not_negative"),
        ("UPDATE cases_event SET role = ''", "cases_event_lies_with_a_role"),
        ("UPDATE cases_event SET number = 2", "cases_event_number_from_one"),
        (
            "INSERT INTO cases_event (case_id, number, act, role, office, decision, reason, actor, at) SELECT case_id, 2, 'decided', '', NULL, '', 'why', 'x', at FROM cases_event",
            "cases_event_decision_known",
        ),
        (
            "INSERT INTO cases_event (case_id, number, act, role, office, decision, reason, actor, at) SELECT case_id, 2, 'decided', '', NULL, 'owed', '', 'x', at FROM cases_event",
            "cases_event_with_reason",
        ),
    ],
)
def test_the_database_itself_refuses(statement: str, constraint: str):
    found()
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        as_owner(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_command_line_lists_shows_assigns_and_decides():
    case = found()
    found("payment/2", branch=8, kind=Kind.MISSING_PHOTO, amount_rp=None)
    run = CliRunner()
    listed = run.invoke(cases, ["list", "--branch", str(BRANCH), "--json"])
    assert listed.exit_code == 1  # open cases need a person
    (row,) = json.loads(listed.output)["cases"]
    assert (row["id"], row["kind"], row["state"], row["amount_rp"]) == (str(case), "double_payment", "open", 600_000)
    assert run.invoke(cases, ["assign", str(case), "--role", "region", "--office", "3", "--as", "budi"]).exit_code == 0
    assert run.invoke(cases, ["note", str(case), "Asked the family.", "--as", "budi"]).exit_code == 0
    refused = run.invoke(cases, ["decide", str(case), "owed", "--reason", "He owes it.", "--as", "officer 17"])
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"Case {case} is about money: somebody other than officer 17 must decide it.\n",
    )
    assert run.invoke(cases, ["decide", str(case), "owed", "--reason", "He owes it.", "--as", "siti"]).exit_code == 0
    shown = run.invoke(cases, ["show", str(case)])
    assert shown.exit_code == 0
    assert "Keluarga dibayar dua kali" in shown.output
    assert "He owes it." in shown.output
    assert run.invoke(cases, ["list", "--branch", str(BRANCH)]).exit_code == 0  # none is open there any more
    assert run.invoke(cases, ["list", "--state", "all", "--role", "region"]).output.count("payment/") == 1
    assert run.invoke(cases, ["reopen", str(case), "--reason", "He denies it."]).exit_code == 0
    assert run.invoke(cases, ["show", str(UUID(int=5))]).exit_code == 2

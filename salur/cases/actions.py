"""The verbs of cases: open, assign, decide, reopen, note; list and show; recount."""

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from salur.audit import actions as audit
from salur.audit.rules import plain_facts
from salur.cases.rules import (
    ABOUT_MONEY,
    MAY_COME_IN,
    NATURE,
    STATE_AFTER,
    SYSTEM,
    Act,
    Decision,
    Kind,
    NewCase,
    Opened,
    Outcome,
    Role,
    State,
)
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount

queries = Queries(__file__)


class SamePerson(Problem):
    code = "same_person"
    status = 403


class NoReason(Problem):
    code = "no_reason"


@transaction.atomic
def open_cases(*, cases: Sequence[NewCase], actor: str, at: datetime) -> list[Opened]:
    """Open what has been found, once for each kind and subject; answers in the order of ``cases``.

    What was found before, or twice in this batch, ``exists``, also when it has been decided since.
    """
    if not cases:
        return []
    facts = [plain_facts(case.facts) for case in cases]
    ids = [uuid7(at) for _ in cases]
    rows = queries.open_cases(
        ids=ids,
        kinds=[str(case.kind) for case in cases],
        subjects=[case.subject for case in cases],
        branches=[case.branch for case in cases],
        stages=[case.stage for case in cases],
        amounts_rp=[case.amount_rp for case in cases],
        makers=[case.maker for case in cases],
        facts=[json.dumps(fact, ensure_ascii=False) for fact in facts],
        roles=[str(NATURE[case.kind].role) for case in cases],
        actor=actor,
        at=at,
    )
    created = {row.id for row in rows}
    known = {}
    if len(created) < len(cases):
        found = queries.known_cases(kinds=[str(case.kind) for case in cases], subjects=[case.subject for case in cases])
        known = {(row.kind, row.subject): row.id for row in found}
    acts: dict[int, list[audit.Act]] = defaultdict(list)
    for id_, case, fact in zip(ids, cases, facts, strict=True):
        if id_ in created:
            said = {"kind": case.kind, "subject": case.subject, "amount_rp": case.amount_rp, **fact}
            acts[case.branch].append(audit.Act(actor, "opened", f"case/{id_}", said))
    for branch in sorted(acts):
        audit.record_all(acts=acts[branch], at=at, branch=branch)
    return [
        Opened(id_, Outcome.CREATED) if id_ in created else Opened(known[str(case.kind), case.subject], Outcome.EXISTS)
        for id_, case in zip(ids, cases, strict=True)
    ]


def open_case(
    *,
    kind: Kind,
    subject: str,
    branch: int,
    actor: str,
    at: datetime,
    stage: int | None = None,
    amount_rp: int | None = None,
    maker: str = "",
    **facts: object,
) -> Opened:
    """Open one case; see ``open_cases``."""
    case = NewCase(kind, subject, branch, stage, amount_rp, maker, facts)
    return open_cases(cases=[case], actor=actor, at=at)[0]


@transaction.atomic
def assign(*, case: UUID, role: Role, office: int, actor: str, at: datetime, reason: str = "") -> None:
    """Give an open case to a role at an office."""
    found, events = _hold(case, Act.ASSIGNED)
    latest = next(event for event in reversed(events) if event.role)
    if (latest.role, latest.office) == (str(role), office):
        return  # it lies there already: the same order again
    _write(found, events, Act.ASSIGNED, actor=actor, at=at, role=role, office=office, reason=reason.strip())


@transaction.atomic
def decide(*, case: UUID, decision: Decision, reason: str, actor: str, at: datetime) -> None:
    """End a case, with a reason. Where money moves, a second person: not who opened it, not whose act it looks into.

    The same decision again, for the same reason by the same person, is nothing new. Raises ``NotFound``, ``NoReason``, ``SamePerson``,
    ``Conflict`` (decided before), ``Problem``.
    """
    found, events = _hold(case)
    reason = _reason(reason, "decided")
    latest = next(event for event in reversed(events) if event.act != Act.NOTED)
    if (latest.act, latest.decision, latest.reason, latest.actor) == (Act.DECIDED, decision, reason, actor):
        return
    if latest.act == Act.DECIDED:
        raise Conflict(
            f"Case {case} was decided by {latest.actor} ({latest.decision}): reopen it first, with a reason."
        )
    if actor == SYSTEM:
        raise SamePerson("A case is decided by a person.")
    if decision in ABOUT_MONEY and not found.amount_rp:
        raise Problem(f"Case {case} is not about an amount, so it cannot be {decision}.")
    if NATURE[Kind(found.kind)].money and actor in (found.opened_by, found.maker):
        raise SamePerson(f"Case {case} is about money: somebody other than {actor} must decide it.")
    _write(found, events, Act.DECIDED, actor=actor, at=at, decision=decision, reason=reason)


@transaction.atomic
def reopen(*, case: UUID, reason: str, actor: str, at: datetime) -> None:
    """Something new has come to light about a decided case."""
    found, events = _hold(case, Act.REOPENED)
    _write(found, events, Act.REOPENED, actor=actor, at=at, reason=_reason(reason, "reopened"))


@transaction.atomic
def note(*, case: UUID, text: str, actor: str, at: datetime) -> None:
    """Write something down in a case."""
    found, events = _hold(case, Act.NOTED)
    _write(found, events, Act.NOTED, actor=actor, at=at, reason=_reason(text, "noted"))


def hold(*, case: UUID) -> None:
    """Keep others from changing or carrying out a case until the caller's transaction ends; raises ``NotFound``."""
    _hold(case)


def _reason(text: str, act: str) -> str:
    if not text.strip():
        raise NoReason(f"Say why: a case is {act} with a reason.")
    return text.strip()


def _hold(case: UUID, act: Act | None = None) -> tuple[Any, list[Any]]:
    """The case and its events, held; refuses an ``act`` that may not come in the case's state."""
    queries.hold_case(case=case)
    rows = queries.case(case=case)
    if not rows:
        raise NotFound(f"There is no case {case}.")
    events = queries.events(case=case)
    latest = next(event for event in reversed(events) if event.act != Act.NOTED)
    state = STATE_AFTER[Act(latest.act)]
    if act is not None and state not in MAY_COME_IN[act]:
        raise Conflict(f"Case {case} is {state}, so it cannot be {act} now.")
    return rows[0], events


def _write(
    found: Any,
    events: list[Any],
    act: Act,
    *,
    actor: str,
    at: datetime,
    role: Role | None = None,
    office: int | None = None,
    decision: Decision | None = None,
    reason: str = "",
) -> None:
    queries.write_event(
        case=found.id,
        number=events[-1].number + 1,
        act=str(act),
        role=str(role or ""),
        office=office,
        decision=str(decision or ""),
        reason=reason,
        actor=actor,
        at=at,
    )
    said = {"role": role, "office": office, "decision": decision, "reason": reason or None}
    facts = {name: value for name, value in said.items() if value is not None}
    audit.record(actor=actor, verb=str(act), subject=f"case/{found.id}", facts=facts, at=at, branch=found.branch)


def cases(
    *,
    state: State | None = State.OPEN,
    branches: Sequence[int] | None = None,
    kind: Kind | None = None,
    stage: int | None = None,
    role: Role | None = None,
    office: int | None = None,
    limit: int = 100,
) -> list[Any]:
    """Rows with the case, its state, with whom it lies and how it was decided; the oldest first. ``None`` matches all."""
    return queries.cases(
        case=None,
        branches=None if branches is None else list(branches),
        kind=kind and str(kind),
        stage=stage,
        role=role and str(role),
        office=office,
        decided=None if state is None else state is State.DECIDED,
        limit=limit,
    )


def show(*, case: UUID) -> tuple[Any, list[Any]]:
    """One case (a row as of ``cases``) and its events; raises ``NotFound``."""
    nothing = dict.fromkeys(("branches", "kind", "stage", "role", "office", "decided"))
    rows = queries.cases(case=case, limit=1, **nothing)
    if not rows:
        raise NotFound(f"There is no case {case}.")
    return rows[0], queries.events(case=case)


def counts(*, branches: Sequence[int] | None = None) -> list[Any]:
    """Rows ``kind, decided, cases, amount_rp``."""
    return queries.count_cases(branches=None if branches is None else list(branches))


def recount() -> list[Recount]:
    """Two invariants: what happened to a case follows from what happened before, and nobody decided alone about money."""
    rows = queries.recount_events()
    broken = [row for row in rows if row.gaps or row.out_of_turn]
    decisions = queries.recount_decisions(money_kinds=[str(kind) for kind, nature in NATURE.items() if nature.money])
    alone = [row for row in decisions if row.alone]
    return [
        Recount(
            "the events of each case follow from one another",
            len(rows),
            len(broken),
            [
                f"case {row.id}: {'an event is missing' if row.gaps else 'an event came out of turn'}"
                for row in broken[:5]
            ],
        ),
        Recount(
            "cases about money were decided by a second person",
            len(decisions),
            len(alone),
            [f"case {row.id} ({row.kind}): {row.actor} decided alone" for row in alone[:5]],
        ),
    ]

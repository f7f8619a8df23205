"""The verbs of custody: move, accept, decline, withdraw, count, review; lists; recount."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import SYSTEM, NewCase
from salur.cases.rules import Kind as CaseKind
from salur.cases.rules import State as CaseState
from salur.custody.models import Count
from salur.custody.rules import (
    AFTER_DECISION,
    MAY_HAVE_OFFICER,
    NATIONAL,
    WITH_OFFICER,
    Answer,
    Book,
    Counted,
    Handing,
    Kind,
    Outcome,
    Portion,
    sides,
)
from salur.ledger import actions as ledger
from salur.ledger.rules import VAULT, Move, float_of
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.offices.models import Office, Officer
from salur.offices.rules import Kind as OfficeKind

queries = Queries(__file__)

# How long an explained difference may wait for what explains it (a phone without signal, a paper on its way).
PATIENCE = timedelta(days=3)


class SamePerson(Problem):
    code = "same_person"
    status = 403


class NotDecided(Problem):
    code = "not_decided"
    status = 409


def move(
    *,
    kind: Kind,
    portions: Sequence[Portion],
    reference: str,
    given_by: str,
    taken_by: str | None = None,
    branch: int | None = None,
    officer: int | None = None,
    moved_at: datetime | None = None,
    at: datetime,
) -> list[Outcome]:
    """One handing (see there), recorded at ``at``; outcomes in the order of ``portions``."""
    handing = Handing(kind, portions, reference, given_by, taken_by, branch, officer, moved_at)
    return move_all(handings=[handing], at=at)[0]


@transaction.atomic
def move_all(*, handings: Sequence[Handing], at: datetime) -> list[list[Outcome]]:
    """Record handings, a branch's morning for example, all of them or none; for each the outcomes of its portions in their order.

    What both have signed is in the books (``MOVED``); the rest is ``OFFERED``. A shortfall is no reason to refuse: see ``review``. Raises
    ``SamePerson``, ``NotFound``, ``Conflict`` (a paper is entered already), ``NotDecided``, ``Problem``; then nothing moved.
    """
    for handing in handings:
        _check(handing, at)
    places = _places(handings)
    for handing, place in zip(handings, places, strict=True):
        if handing.kind in AFTER_DECISION:
            _check_decision(handing, place)
    lines = [
        (handing, place, portion)
        for handing, place in zip(handings, places, strict=True)
        for portion in handing.portions
    ]
    ids = [portion.id for _, _, portion in lines]
    assert len(set(ids)) == len(ids), "each portion has its own id"
    rows = queries.write_movements(
        ids=ids,
        stages=[portion.stage for _, _, portion in lines],
        branches=[place for _, place, _ in lines],
        officers=[handing.officer for handing, _, _ in lines],
        kinds=[str(handing.kind) for handing, _, _ in lines],
        amounts_rp=[portion.amount_rp for _, _, portion in lines],
        visits=[handing.portions[0].id for handing, _, _ in lines],
        references=[handing.reference.strip() for handing, _, _ in lines],
        givers=[handing.given_by for handing, _, _ in lines],
        offered_at=[handing.moved_at or at for handing, _, _ in lines],
        at=at,
    )
    written = {row.id for row in rows}
    known = {row.id: row for row in queries.movements_by_id(ids=ids)}
    for handing, _, portion in lines:
        if portion.id not in known:
            raise Conflict(
                f"{handing.kind} {handing.reference} of stage {portion.stage} is entered already at this office: give another paper's"
                " number, or the same id to repeat it."
            )
    new = [(handing, place, portion) for handing, place, portion in lines if portion.id in written]
    signed = [line for line in new if line[0].taken_by is not None]
    if signed:
        queries.write_replies(
            ids=[portion.id for _, _, portion in signed],
            answer=str(Answer.ACCEPTED),
            actors=[handing.taken_by for handing, _, _ in signed],
            reason="",
            answered_at=[handing.moved_at or at for handing, _, _ in signed],
            at=at,
        )
        _post(signed, at)
    _trace_all(new, at)
    return [[_outcome(handing, place, portion, known[portion.id], portion.id in written) for portion in handing.portions]
            for handing, place in zip(handings, places, strict=True)]  # fmt: skip


def _outcome(handing: Handing, place: int, portion: Portion, row: Any, written: bool) -> Outcome:
    if written:
        return Outcome.OFFERED if handing.taken_by is None else Outcome.MOVED
    same = (row.stage, row.branch, row.officer, row.kind, row.amount_rp, row.reference, row.given_by) == (
        portion.stage, place, handing.officer, handing.kind, portion.amount_rp, handing.reference.strip(), handing.given_by,
    )  # fmt: skip
    same = same and handing.moved_at in (None, row.offered_at)
    same = same and (handing.taken_by is None or (row.answer, row.answered_by) == (Answer.ACCEPTED, handing.taken_by))
    return Outcome.EXISTS if same else Outcome.EXISTS_WITH_DIFFERENT_FACTS


def _check(handing: Handing, at: datetime) -> None:
    kind, portions = handing.kind, handing.portions
    if not portions or any(portion.amount_rp <= 0 for portion in portions):
        raise Problem("Say how much cash moves: at least Rp1 of each stage that is named.")
    if len({portion.stage for portion in portions}) < len(portions):
        raise Problem("A visit names each stage once: add the amounts of the same stage together.")
    if not handing.reference.strip():
        raise Problem(f"Give the reference of the {kind}: the number on the paper that was signed, or the bank's.")
    if not handing.given_by or handing.taken_by == "":
        raise Problem("Say who gives and who takes.")
    if handing.given_by == handing.taken_by:
        raise SamePerson(f"Cash goes from one hand to another: {handing.given_by} cannot sign for both.")
    if handing.moved_at is not None and handing.moved_at > at:
        raise Problem(
            f"Cash cannot move in the future ({handing.moved_at.isoformat()}): correct the moment or the clock."
        )


def _places(handings: Sequence[Handing]) -> list[int]:
    """The office of each handing; refuses an office or officer that cannot have it."""
    branches = dict(Office.objects.filter(id__in={handing.branch for handing in handings}, kind__in=(OfficeKind.KC, OfficeKind.KCU))
                    .values_list("id", "code"))  # fmt: skip
    homes = dict(
        Officer.objects.filter(id__in={handing.officer for handing in handings}).values_list("id", "branch_id")
    )
    places = []
    for handing in handings:
        kind, branch, officer = handing.kind, handing.branch, handing.officer
        if kind in NATIONAL:
            if branch is not None or officer is not None:
                raise Problem(f"A {kind} is between the ministry and headquarters: name no branch and no officer.")
            places.append(_headquarters())
            continue
        if branch not in branches:
            raise NotFound(
                f"A {kind} needs a branch with a vault: there is no branch (KC, KCU) with the number {branch}."
            )
        if (kind in WITH_OFFICER and officer is None) or (officer is not None and kind not in MAY_HAVE_OFFICER):
            raise Problem(f"A {kind} {'needs an officer' if officer is None else 'has no officer'}.")
        if officer is not None and homes.get(officer) != branch:
            raise NotFound(f"Officer {officer} is not one of branch {branches[branch]}.")
        places.append(branch)
    return places


def _headquarters() -> int:
    office = Office.objects.filter(kind=OfficeKind.HQ).order_by("id").first()
    if office is None:
        raise NotFound("There is no headquarters: import the offices first (`salur offices import`).")
    return office.id


def _check_decision(handing: Handing, branch: int) -> None:
    """What carries out a case needs the case decided so, at this branch, and moves no more than the case is about."""
    kind, reference = handing.kind, handing.reference.strip()
    try:
        case, _ = cases.show(case=UUID(reference))
    except ValueError:
        raise NotFound(f"A {kind} carries out a decided case: give the case's id as the reference.") from None
    if case.state != CaseState.DECIDED or case.decision not in AFTER_DECISION[kind] or case.branch != branch:
        allowed = " or ".join(sorted(AFTER_DECISION[kind]))
        raise NotDecided(f"Case {case.id} is not decided as {allowed} at this branch, so there is nothing to {kind}.")
    cases.hold(case=case.id)  # two who carry it out at once: the second sees what the first moved
    if not queries.movements_by_id(
        ids=[portion.id for portion in handing.portions]
    ):  # a repetition is judged by its facts
        moved = queries.one(
            "carried_out", branch=branch, reference=reference, kinds=[str(each) for each in AFTER_DECISION]
        )
        if moved.amount_rp + sum(portion.amount_rp for portion in handing.portions) > (case.amount_rp or 0):
            raise Problem(
                f"Case {case.id} is about Rp{case.amount_rp}; Rp{moved.amount_rp} of it has been moved before."
            )


def _post(lines: Sequence[tuple[Handing, int, Portion]], at: datetime) -> None:
    """The books follow, in the order of their offices, so that two movements never wait for each other in a ring."""
    books: dict[tuple[int, int], list[Move]] = defaultdict(list)
    hq = _headquarters()
    for handing, place, portion in lines:
        for side in sides(handing.kind, branch=place, officer=handing.officer):
            book = hq if side.book is Book.HEADQUARTERS else place
            books[book, portion.stage].append(
                Move(portion.id, side.debit, side.credit, portion.amount_rp, handing.moved_at or at)
            )
    for book, stage in sorted(books):
        outcomes = ledger.post(stage=stage, branch=book, moves=books[book, stage], at=at)
        if any(outcome != "created" for outcome in outcomes):
            raise Conflict("The id of this movement is a transfer's already: make a new one.")


def _trace_all(lines: Sequence[tuple[Handing, int, Portion]], at: datetime) -> None:
    acts: dict[int, list[audit.Act]] = defaultdict(list)
    for handing, place, portion in lines:
        facts = {
            "kind": handing.kind, "stage": portion.stage, "amount_rp": portion.amount_rp, "officer": handing.officer,
            "reference": handing.reference.strip(), "taken_by": handing.taken_by, "moved_at": handing.moved_at or at,
        }  # fmt: skip
        verb = "offered" if handing.taken_by is None else "moved"
        acts[_chain(handing.kind, place)].append(audit.Act(handing.given_by, verb, f"movement/{portion.id}", facts))
    for chain in sorted(acts):
        audit.record_all(acts=acts[chain], at=at, branch=chain)


def _chain(kind: str, place: int) -> int:
    return audit.NATION if kind in NATIONAL else place


def _answer(movement: UUID, answer: Answer, *, actor: str, at: datetime, reason: str = "") -> None:
    queries.write_replies(ids=[movement], answer=str(answer), actors=[actor], reason=reason, answered_at=[at], at=at)


@transaction.atomic
def accept(*, movement: UUID, actor: str, at: datetime) -> Outcome:
    """The other hand takes what was offered: now it is in the books. Raises ``NotFound``, ``SamePerson``, ``Conflict``."""
    row, reply = _open(movement, Answer.ACCEPTED, actor)
    if reply is not None:
        return Outcome.EXISTS
    if actor == row.given_by:
        raise SamePerson(f"{actor} gave this cash, so somebody else must take it.")
    _answer(movement, Answer.ACCEPTED, actor=actor, at=at)
    portion = Portion(row.id, row.stage, row.amount_rp)
    _post(
        [
            (
                Handing(Kind(row.kind), [portion], row.reference, row.given_by, actor, None, row.officer),
                row.branch,
                portion,
            )
        ],
        at,
    )
    _trace(row, "accepted", actor, at)
    return Outcome.MOVED


@transaction.atomic
def decline(*, movement: UUID, reason: str, actor: str, at: datetime) -> Outcome:
    """The other hand did not get this: nothing moves, and a case asks where the cash is."""
    row, reply = _open(movement, Answer.DECLINED, actor)
    if reply is not None:
        return Outcome.EXISTS
    if actor == row.given_by:
        raise SamePerson(f"{actor} offered this cash: withdraw it instead.")
    if not reason.strip():
        raise Problem("Say why the cash is declined: how much was there?")
    _answer(movement, Answer.DECLINED, actor=actor, at=at, reason=reason.strip())
    facts = {
        "movement": movement,
        "what": row.kind,
        "officer": row.officer,
        "reference": row.reference,
        "reason": reason.strip(),
    }
    case = NewCase(
        CaseKind.DISPUTED_CASH, f"movement/{movement}", row.branch, row.stage, row.amount_rp, row.given_by, facts
    )
    cases.open_cases(cases=[case], actor=actor, at=at)
    _trace(row, "declined", actor, at, reason=reason.strip())
    return Outcome.MOVED


@transaction.atomic
def withdraw(*, movement: UUID, reason: str, actor: str, at: datetime) -> Outcome:
    """Who offered takes the offer back before it is answered."""
    row, reply = _open(movement, Answer.WITHDRAWN, actor)
    if reply is not None:
        return Outcome.EXISTS
    if actor != row.given_by:
        raise SamePerson(f"Only {row.given_by}, who offered this cash, can withdraw it.")
    if not reason.strip():
        raise Problem("Say why the offer is withdrawn.")
    _answer(movement, Answer.WITHDRAWN, actor=actor, at=at, reason=reason.strip())
    _trace(row, "withdrew", actor, at, reason=reason.strip())
    return Outcome.MOVED


def _open(movement: UUID, answer: Answer, actor: str) -> tuple[Any, Any]:
    """The movement, held, and its answer if the same person gave the same one before; another answer is a ``Conflict``."""
    queries.hold_movement(movement=movement)
    rows = queries.movements_by_id(ids=[movement])
    if not rows:
        raise NotFound(f"There is no movement of cash {movement}.")
    (known,) = rows
    if known.answer is None:
        return known, None
    if (known.answer, known.answered_by) == (answer, actor):
        return known, known
    raise Conflict(f"Movement {movement} was {known.answer} by {known.answered_by} before.")


def _trace(row: Any, verb: str, actor: str, at: datetime, **facts: object) -> None:
    facts |= {"kind": row.kind, "stage": row.stage, "amount_rp": row.amount_rp, "officer": row.officer}
    audit.record(
        actor=actor, verb=verb, subject=f"movement/{row.id}", facts=facts, at=at, branch=_chain(row.kind, row.branch)
    )


@transaction.atomic
def count(
    *,
    id: UUID,
    branch: int,
    officer: int | None,
    counted_rp: int,
    counted_by: str,
    witnessed_by: str,
    explanation: str = "",
    at: datetime,
    counted_at: datetime | None = None,
) -> Counted:
    """Two people count the cash of an officer, or of the branch's vault, all stages together.

    What differs from the books is explained by both, or becomes a case at once; an explanation that does not come true becomes one by
    ``review``. The books do not change. Raises ``SamePerson``, ``NotFound``, ``Conflict``, ``Problem``.
    """
    said_when = counted_at is not None
    counted_at = counted_at or at
    if counted_by == witnessed_by:
        raise SamePerson(f"Cash is counted by two: {counted_by} needs a witness.")
    if counted_rp < 0 or not counted_by or not witnessed_by:
        raise Problem("Say how much cash there is, who counted it and who watched.")
    if counted_at > at:
        raise Problem(
            f"Cash cannot be counted in the future ({counted_at.isoformat()}): correct the moment or the clock."
        )
    _places([Handing(Kind.SURPLUS, [], "", "", None, branch, officer)])
    account = VAULT if officer is None else float_of(officer)
    expected_rp: int = queries.one("cash_at", branch=branch, account=account, moment=counted_at).balance_rp
    day = counted_at.astimezone(ZoneInfo(Office.objects.get(id=branch).timezone)).date()
    row, created = Count.objects.get_or_create(
        id=id,
        defaults={
            "branch_id": branch, "officer_id": officer, "day": day, "counted_rp": counted_rp, "expected_rp": expected_rp,
            "explanation": explanation.strip(), "counted_by": counted_by, "witnessed_by": witnessed_by, "counted_at": counted_at,
            "recorded_at": at,
        },
    )  # fmt: skip
    if not created:
        same = (row.branch_id, row.officer_id, row.counted_rp, row.counted_by) == (
            branch,
            officer,
            counted_rp,
            counted_by,
        )
        if not same or (said_when and row.counted_at != counted_at):
            raise Conflict(f"Count {id} was recorded before, with other facts.")
        known = queries.counts(branch=branch, day=row.day, limit=100_000)
        return Counted(
            id, row.expected_rp, counted_rp, next(each.case_id for each in known if each.id == id), existed=True
        )
    case = None
    if counted_rp != expected_rp and not explanation.strip():
        found = _difference(row, branch=branch, officer=officer, expected_rp=expected_rp)
        case = cases.open_cases(cases=[found], actor=witnessed_by, at=at)[0].id
    facts = {
        "officer": officer,
        "counted_rp": counted_rp,
        "expected_rp": expected_rp,
        "witnessed_by": witnessed_by,
        "counted_at": counted_at,
    }
    if explanation.strip():
        facts["explanation"] = explanation.strip()
    audit.record(actor=counted_by, verb="counted", subject=f"count/{id}", facts=facts, at=at, branch=branch)
    return Counted(id, expected_rp, counted_rp, case, existed=False)


def _difference(row: Any, *, branch: int, officer: int | None, expected_rp: int) -> NewCase:
    facts = {
        "officer": officer,
        "day": row.day,
        "counted_rp": row.counted_rp,
        "expected_rp": expected_rp,
        "explanation": row.explanation,
    }
    amount_rp = abs(row.counted_rp - expected_rp)
    return NewCase(CaseKind.COUNT_DIFFERENCE, f"count/{row.id}", branch, None, amount_rp, row.counted_by, facts)


@transaction.atomic
def review(*, at: datetime, patience: timedelta = PATIENCE) -> Mapping[str, int]:
    """Open the cases that time brings: explanations that did not come true, vaults and floats below zero.

    A balance below zero is a case of its day. Repeating it finds the same things again and opens nothing. Answers how many were opened.
    """
    found = [
        _difference(row, branch=row.branch, officer=row.officer, expected_rp=row.expected_rp)
        for row in queries.explained_counts(before=at - patience)
        if row.counted_rp != row.expected_rp
    ]
    for row in queries.negative_cash():
        day = at.astimezone(ZoneInfo(row.timezone)).date()
        maker = "" if row.code == VAULT else f"officer {row.code.removeprefix('float/')}"
        facts = {"account": row.code, "balance_rp": row.balance_rp}
        subject = f"cash/{row.stage}/{row.branch}/{row.code}/{day}"
        found.append(NewCase(CaseKind.NEGATIVE_FLOAT, subject, row.branch, row.stage, -row.balance_rp, maker, facts))
    opened = cases.open_cases(cases=found, actor=SYSTEM, at=at)
    new = [case.kind for case, answer in zip(found, opened, strict=True) if answer.outcome == "created"]
    return {str(kind): new.count(kind) for kind in (CaseKind.COUNT_DIFFERENCE, CaseKind.NEGATIVE_FLOAT)}


def movements(*, branch: int | None = None, state: str | None = None, limit: int = 100) -> list[Any]:
    """Rows of movements, the latest first; ``state`` is ``offered`` or an answer."""
    return queries.movements(branch=branch, state=state, limit=limit)


def counts(*, branch: int | None = None, day: date | None = None, limit: int = 100) -> list[Any]:
    """Rows of counts with their difference and case, the latest first."""
    return queries.counts(branch=branch, day=day, limit=limit)


def recount(*, stage: int) -> list[Recount]:
    """The invariants of cash in hands, recounted from movements and the ledger."""
    mirror = queries.recount_mirror(stage=stage)
    moved = queries.recount_movements(stage=stage)
    signed = queries.recount_signatures(stage=stage)
    return [
        _recount(
            "headquarters' and the branches' books mirror each other",
            mirror,
            lambda row: (
                f"transfer {row.id}: headquarters says Rp{row.out_rp} out to {row.named}, branch {row.branch} says Rp{row.in_rp} in"
            ),
        ),
        _recount(
            "cash moves in the books as it was signed for",
            moved,
            lambda row: (
                f"stage {row.stage} branch {row.branch} movement {row.id}: "
                + (
                    "booked but not signed"
                    if row.unsigned
                    else "signed but not booked"
                    if row.unbooked
                    else "booked otherwise than signed"
                )
            ),
        ),
        _recount(
            "cash was signed for by two",
            signed,
            lambda row: f"movement {row.id}: given by {row.given_by}, {row.answer} by {row.actor}",
        ),
    ]


def recount_counts() -> Recount:
    """Counts belong to no stage, because a bag has no programmes."""
    return _recount(
        "counted differences are explained or a case",
        queries.recount_counts(),
        lambda row: f"count {row.id} at branch {row.branch}: Rp{row.difference_rp} with neither",
    )


def _recount(name: str, rows: Sequence[Any], say: Callable[[Any], str]) -> Recount:
    broken = [row for row in rows if row.broken]
    return Recount(name, len(rows), len(broken), [say(row) for row in broken[:5]])

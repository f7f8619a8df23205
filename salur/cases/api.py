"""Cases as JSON: list, show, assign, decide, reopen, note. Each call is one action; who asks bounds what exists."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from salur.cases import actions
from salur.cases.rules import Decision, Kind, Role, State
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import NotFound, Problem
from salur.lib.viewer import Viewer, viewer_of

router = Router(tags=["cases"])


class MayOnlyRead(Problem):
    code = "may_only_read"
    status = 403


class CaseOut(Schema):
    """``state`` is open or decided; ``role`` and ``office`` say with whom it lies."""

    id: UUID
    kind: Kind
    subject: str
    branch: int
    stage: int | None
    amount_rp: int | None
    maker: str
    facts: dict[str, Any]
    opened_by: str
    opened_at: datetime
    state: State
    role: str
    office: int | None
    decision: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None


class EventOut(Schema):
    number: int
    act: str
    role: str
    office: int | None
    decision: str
    reason: str
    actor: str
    at: datetime


class CaseWithEvents(Schema):
    case: CaseOut
    events: list[EventOut]


class Filters(Schema):
    state: State | None = State.OPEN
    kind: Kind | None = None
    limit: int = 100


class Assignment(Schema):
    role: Role
    office: Annotated[int, Field(ge=1, le=2_147_483_647)]
    reason: str = ""


class DecisionIn(Schema):
    decision: Decision
    reason: str


class Words(Schema):
    text: str


def _viewer(request: HttpRequest) -> Viewer:
    viewer = viewer_of(request)
    assert viewer is not None, "the API lets nobody in without a role"
    return viewer


def _within(request: HttpRequest, case: UUID, *, deciding: bool) -> Any:
    """The case, if it exists for who asks: another branch's case is as if there were none."""
    viewer = _viewer(request)
    found, events = actions.show(case=case)
    if viewer.branches is not None and found.branch not in viewer.branches:
        raise NotFound(f"There is no case {case}.")
    if deciding and viewer.role not in desks.DECIDERS:
        raise MayOnlyRead("Your role reads cases; a branch, a region or headquarters decides them.")
    return found, events


@router.get("/cases", response=list[CaseOut], summary="Cases, the oldest first")
def cases(request: HttpRequest, filters: Query[Filters]) -> list[Any]:
    limit = max(1, min(filters.limit, 1000))
    return actions.cases(state=filters.state, kind=filters.kind, branches=_viewer(request).branches, limit=limit)


@router.get("/cases/{uuid:case}", response=CaseWithEvents, summary="One case and its events")
def show(request: HttpRequest, case: UUID) -> dict[str, Any]:
    found, events = _within(request, case, deciding=False)
    return {"case": found, "events": events}


@router.post("/cases/{uuid:case}/assign", response=CaseWithEvents, summary="Give an open case to a role at an office")
def assign(request: HttpRequest, case: UUID, to: Assignment) -> dict[str, Any]:
    _within(request, case, deciding=True)
    actions.assign(case=case, role=to.role, office=to.office, reason=to.reason, actor=_viewer(request).name, at=now())
    return show(request, case)


@router.post("/cases/{uuid:case}/decide", response=CaseWithEvents, summary="End a case, with a reason")
def decide(request: HttpRequest, case: UUID, decided: DecisionIn) -> dict[str, Any]:
    _within(request, case, deciding=True)
    actions.decide(case=case, decision=decided.decision, reason=decided.reason, actor=_viewer(request).name, at=now())
    return show(request, case)


@router.post("/cases/{uuid:case}/reopen", response=CaseWithEvents, summary="Something new came to light")
def reopen(request: HttpRequest, case: UUID, words: Words) -> dict[str, Any]:
    _within(request, case, deciding=True)
    actions.reopen(case=case, reason=words.text, actor=_viewer(request).name, at=now())
    return show(request, case)


@router.post("/cases/{uuid:case}/note", response=CaseWithEvents, summary="Write something down in a case")
def note(request: HttpRequest, case: UUID, words: Words) -> dict[str, Any]:
    _within(request, case, deciding=True)
    actions.note(case=case, text=words.text, actor=_viewer(request).name, at=now())
    return show(request, case)

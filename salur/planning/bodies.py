"""The verbs of coordination: write down a contact, a letter, a confirmation, its withdrawal, a visit; who is ready."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from salur.areas.models import Area
from salur.areas.rules import dotted
from salur.audit import actions as audit
from salur.lib.ids import uuid7
from salur.lib.problem import Problem
from salur.planning.coordination import CUSTOMARY, DIGITS, Body, Light, Standing, StepKind, area_for
from salur.planning.inputs import known_standings, queries, said_of
from salur.planning.models import Contact, Step


class WrongPlace(Problem):
    code = "wrong_place"
    status = 422


def _check(branch: int, stage: int | None, body: Body, area: int) -> None:
    if len(str(area)) != DIGITS[body]:
        raise WrongPlace(f"A {body} acts for an area of {DIGITS[body]} digits, not for {dotted(area)}.")
    villages = queries.villages(stage=stage or 0, branch=branch, empty=True)
    if not any(area_for(body, row.code) == area for row in villages):
        raise WrongPlace(f"{dotted(area)} is not served by this branch.")


@transaction.atomic
def write_contact(
    *,
    stage: int,
    branch: int,
    body: Body,
    area: int,
    name: str,
    position: str = "",
    phone: str = "",
    actor: str,
    at: datetime,
) -> Contact:
    """Whom to call at a body; the last one written down counts. The phone number stays out of the trail."""
    _check(branch, stage, body, area)
    if not name.strip():
        raise Problem("Say who it is.")
    row = Contact.objects.create(
        id=uuid7(at), branch_id=branch, body=str(body), area=area, name=name.strip(), position=position.strip(), phone=phone.strip(),
        recorded_by=actor, recorded_at=at,
    )  # fmt: skip
    facts = {"body": body, "area": area, "name": name.strip()}
    audit.record(actor=actor, verb="wrote down", subject=f"contact/{row.id}", facts=facts, at=at, branch=branch)
    return row


@transaction.atomic
def take_step(
    *,
    stage: int,
    branch: int,
    body: Body,
    area: int,
    kind: StepKind,
    day: date,
    ready_on: date | None = None,
    document: str = "",
    note: str = "",
    actor: str,
    at: datetime,
) -> tuple[Step, bool]:
    """A letter (with its number), a confirmation (from a day on, with its paper), its withdrawal (why) or a visit (what was agreed).

    Answers the step and whether it is new: the same again is one.
    """
    _check(branch, stage, body, area)
    document, note = document.strip(), note.strip()
    if kind is StepKind.LETTER and not document:
        raise Problem("Give the letter's number.")
    if kind is StepKind.CONFIRMED and (ready_on is None or not document):
        raise Problem("A confirmation needs the day from which it holds and the paper that says so.")
    if kind in (StepKind.WITHDRAWN, StepKind.VISIT) and not note:
        raise Problem(
            "Say why the confirmation is withdrawn." if kind is StepKind.WITHDRAWN else "Say what was agreed."
        )
    same = Step.objects.filter(
        stage=stage,
        branch=branch,
        body=str(body),
        area=area,
        kind=str(kind),
        day=day,
        ready_on=ready_on,
        document=document,
        note=note,
    ).first()
    if same is not None and kind in (StepKind.LETTER, StepKind.VISIT):
        return same, False
    last = (
        Step.objects.filter(stage=stage, branch=branch, body=str(body), area=area)
        .order_by("-recorded_at", "-id")
        .first()
    )
    if same is not None and last is not None and last.id == same.id:
        return same, False
    row = Step.objects.create(
        id=uuid7(at), stage_id=stage, branch_id=branch, body=str(body), area=area, kind=str(kind), day=day,
        ready_on=ready_on if kind is StepKind.CONFIRMED else None, document=document, note=note, recorded_by=actor, recorded_at=at,
    )  # fmt: skip
    facts = {
        "body": body,
        "area": area,
        "kind": kind,
        "day": day,
        "ready_on": row.ready_on,
        "document": document,
        "note": note,
    }
    audit.record(actor=actor, verb="coordinated", subject=f"step/{row.id}", facts=facts, at=at, branch=branch)
    return row, True


@dataclass(frozen=True)
class Ready:
    """Where one village stands: for each body its light and date; ``ready_on`` None while one that binds has not confirmed."""

    village: int
    name: str
    families: int
    bodies: Mapping[Body, Standing]
    ready_on: date | None
    open: Sequence[Body]

    @property
    def is_ready(self) -> bool:
        return not self.open


@dataclass(frozen=True)
class Readiness:
    """The board: ``binding`` are the bodies whose word a plan waits for, ``shown`` those and all that somebody has dealt with."""

    binding: Sequence[Body]
    shown: Sequence[Body]
    villages: Sequence[Ready]

    @property
    def ready(self) -> int:
        return sum(village.is_ready for village in self.villages)


def readiness(*, stage: int, branch: int) -> Readiness:
    standing = known_standings(stage=stage, branch=branch)
    binding = [Body(word) for word in said_of(stage=stage, branch=branch).of("readiness_bodies")]
    dealt_with = {body for body, _ in standing}
    shown = [body for body in Body if body in {*CUSTOMARY, *binding, *dealt_with}]
    villages = []
    for row in queries.villages(stage=stage, branch=branch, empty=False):
        found = {body: standing.get((body, area_for(body, row.code)), Standing()) for body in shown}
        waiting = [body for body in binding if found[body].light is not Light.CONFIRMED]
        dates = [found[body].ready_on for body in binding]
        known = [day for day in dates if day is not None]
        ready_on = max(known) if known and not waiting else None
        villages.append(Ready(row.code, row.name, row.families, found, ready_on, waiting))
    return Readiness(binding, shown, villages)


def steps(*, stage: int, branch: int) -> list[Any]:
    """Everything that was done with the bodies, in order."""
    return queries.steps(stage=stage, branch=branch)


def contacts(*, branch: int) -> list[Any]:
    return queries.contacts(branch=branch)


def names(codes: Iterable[int]) -> dict[int, str]:
    return dict(Area.objects.filter(code__in=set(codes)).values_list("code", "name"))

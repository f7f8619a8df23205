"""The verbs of programmes: import a programme file, list, find a stage, decide about a window."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import models, transaction

from salur.areas.actions import unknown_areas
from salur.areas.rules import dotted
from salur.audit import actions as audit
from salur.lib.csv_file import refusal
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries
from salur.lib.stage_tables import open_stage_partitions
from salur.programmes import rules
from salur.programmes.models import Decision, Extension, Programme, Stage

queries = Queries(__file__)


class Change(NamedTuple):
    """A policy of a programme or stage that was known before; ``before`` and ``after`` as they are written in a file."""

    of: str
    code: str
    what: str
    before: Any
    after: Any


@dataclass
class Imported:
    """``created`` codes of programmes and stages; ``changed`` what a repeated file says differently."""

    programmes: int = 0
    stages: int = 0
    created: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)


@transaction.atomic
def import_programmes(*, path: Path) -> Imported:
    """Take in programmes and stages. What the file does not name stays; what it says differently is changed and reported.

    A new stage has its partition of every hot table when the transaction commits. A stage cannot change its programme: families
    are entitled under it.
    """
    programmes = rules.read_programmes(path)
    queries.lock_programmes()
    _check_against_known(path, programmes)
    imported = Imported()
    for given in programmes:
        imported.programmes += 1
        programme = Programme.objects.filter(code=given.code).first()
        if programme is None:
            programme = Programme.objects.create(code=given.code, **given.columns)
            imported.created.append(given.code)
        else:
            _change(programme, "programme", given.columns, imported)
        for given_stage in given.stages:
            imported.stages += 1
            stage = Stage.objects.filter(code=given_stage.code).first()
            if stage is None:
                stage = Stage.objects.create(programme=programme, code=given_stage.code, **given_stage.columns)
                open_stage_partitions(stage=stage.id)
                imported.created.append(stage.code)
                _extend(stage, given_stage.extensions, Imported())
            else:
                _change(stage, "stage", given_stage.columns, imported)
                _extend(stage, given_stage.extensions, imported)
    return imported


def _check_against_known(path: Path, programmes: list[rules.Programme]) -> None:
    given_stages = [(programme.code, stage) for programme in programmes for stage in programme.stages]
    programme_of = dict(Stage.objects.values_list("code", "programme__code"))
    unknown = unknown_areas(codes={area for _, stage in given_stages for area in stage.extensions})
    for programme_code, stage in given_stages:
        known = programme_of.get(stage.code, programme_code)
        if known != programme_code:
            raise refusal(
                path, f"stage {stage.code} belongs to programme {known}: give the new stage another code.", stage.line
            )
        for area, (_, _, line) in stage.extensions.items():
            if area in unknown:
                raise refusal(path, f"area {dotted(area)} is in no register imported: check the code.", line)


def _change(row: Programme | Stage, of: str, columns: dict[str, Any], imported: Imported) -> None:
    changes = [
        Change(of, row.code, name, getattr(row, name), after)
        for name, after in columns.items()
        if getattr(row, name) != after
    ]
    for change in changes:
        setattr(row, change.what, change.after)
    if changes:
        row.save(update_fields=[change.what for change in changes])
    imported.changed += changes


def _extend(stage: Stage, given: dict[int, tuple[date, str, int]], imported: Imported) -> None:
    """The stage has exactly the extensions of the file."""
    known = {extension.area_id: extension for extension in stage.extensions.all()}
    for area, (deadline, reason, _) in given.items():
        before = known.get(area)
        if before is None:
            Extension.objects.create(stage=stage, area_id=area, deadline=deadline, reason=reason)
        elif (before.deadline, before.reason) != (deadline, reason):
            Extension.objects.filter(pk=before.pk).update(deadline=deadline, reason=reason)
        if before is None or before.deadline != deadline:
            what = f"deadline of {dotted(area)}"
            imported.changed.append(Change("stage", stage.code, what, before and before.deadline, deadline))
        elif before.reason != reason:
            what = f"reason for the deadline of {dotted(area)}"
            imported.changed.append(Change("stage", stage.code, what, before.reason, reason))
    for area in known.keys() - given.keys():
        known[area].delete()
        imported.changed.append(Change("stage", stage.code, f"deadline of {dotted(area)}", known[area].deadline, None))


def programmes() -> models.QuerySet[Programme]:
    """Programmes with their stages (and those with their extensions), by code."""
    own_stages = Stage.objects.order_by("opens", "code").prefetch_related(
        models.Prefetch("extensions", Extension.objects.order_by("area_id"))
    )
    return Programme.objects.order_by("code").prefetch_related(models.Prefetch("stages", own_stages))


def stages() -> list[Stage]:
    """Every stage with its programme, in the order of their windows."""
    return list(Stage.objects.select_related("programme").order_by("opens", "code"))


def stage_by_code(code: str) -> Stage:
    """The stage with its programme; raises ``NotFound``."""
    stage = Stage.objects.select_related("programme").filter(code=code).first()
    if stage is None:
        raise NotFound(f"There is no stage {code}: `salur programmes list` shows those there are.")
    return stage


def deadlines(*, stage: int, villages: Iterable[int]) -> dict[int, date]:
    """The last day on which each village may be paid, extensions taken in."""
    return {row.village: row.deadline for row in queries.deadlines(stage=stage, villages=list(villages))}


@transaction.atomic
def decide_window(
    *,
    stage: Stage,
    change: rules.Change,
    areas: Iterable[tuple[int, int]],
    closes_at: datetime,
    reason: str,
    document: str,
    actor: str,
    at: datetime,
    document_sha256: str = "",
) -> int:
    """Extend, freeze or reopen the windows of ``areas``, each (area code or 0, branch or 0); how many decisions are new.

    A freeze ends now or ended at a past moment, an extension or reopening ends later than now. The same decision again, when it was the
    last one about that place, changes nothing. Raises ``Problem``, ``NotFound``. Who pays meanwhile is kept out by the caller.
    """
    if not reason.strip() or not document.strip():
        raise Problem("Say why the window changes and which document decided it: its number and date.")
    if change is rules.Change.FROZEN and closes_at > at:
        raise Problem("A freeze cannot lie in the future: the deadline does that by itself; shorten it on its day.")
    if change is not rules.Change.FROZEN and closes_at <= at:
        raise Conflict(f"The new end {closes_at.isoformat()} is over already: give a later one.")
    places = list(areas)
    unknown = unknown_areas(codes={area for area, _ in places if area})
    if unknown:
        raise NotFound(f"Area {dotted(min(unknown))} is in no register imported: check the code.")
    queries.take_windows(stage=stage.id)
    number: int = queries.one("next_decision", stage=stage.id).number
    latest: dict[tuple[int, int], Any] = {}
    for row in queries.decisions(stage=stage.id):
        latest.setdefault((row.area, row.branch), row)
    made = 0
    for area, branch in places:
        known = latest.get((area, branch))
        same = known is not None and (known.change, known.document) == (change, document.strip())
        if known is not None and same and (change is rules.Change.FROZEN or known.closes_at == closes_at):
            continue
        Decision.objects.create(
            stage=stage, number=number + made, change=change, area=area, branch=branch, closes_at=closes_at, reason=reason.strip(),
            document=document.strip(), document_sha256=document_sha256, decided_by=actor, decided_at=at,
        )  # fmt: skip
        facts = {"area": area, "closes_at": closes_at, "reason": reason.strip(), "document": document.strip()}
        facts["document_sha256"] = document_sha256
        audit.record(actor=actor, verb=str(change), subject=f"window/{stage.code}", facts=facts, at=at, branch=branch)
        made += 1
    return made


def decisions(*, stage: int) -> list[Any]:
    """What was decided about a stage's windows, the latest first."""
    return queries.decisions(stage=stage)


def closings(*, stage: int, places: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int], datetime | None]:
    """(branch, village) → the first moment at which nobody pays there any more, if there is one.

    ``places`` are (branch, village, zone of the branch).
    """
    branches, villages, zones = (list(column) for column in zip(*places, strict=True))
    rows = queries.closings(stage=stage, branches=branches, villages=villages, zones=zones)
    return {(branch, row.village): row.closes_at for branch, row in zip(branches, rows, strict=True)}

"""The sweep: who is not paid and why, who sees to it, what TKSK or village confirm, and what the ministry should know for its next list."""

import csv
import hashlib
import os
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from salur.audit import actions as audit
from salur.danom.actions import entitlement_of
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sheet import harmless
from salur.lib.storage import object_store
from salur.offices.models import Officer
from salur.programmes.actions import stage_by_code
from salur.reconciliation.actions import queries, scope
from salur.reconciliation.models import Confirmation
from salur.reconciliation.rules import FINAL, Chance, Scope, Witness
from salur.registry.actions import masked_niks


class Given(NamedTuple):
    """``given`` families have a new task; ``kept`` had the same one before."""

    given: int
    kept: int


def _bounds(where: Scope) -> dict[str, Any]:
    return {"branches": where.branches, "first": where.first, "last": where.last}


def unpaid(*, stage_code: str, place: str, branches: Sequence[int] | None = None) -> list[Any]:
    """Families that are not paid, by branch, village and reason: how many, how much, with how many tasks and confirmations."""
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    return queries.unpaid(stage=stage.id, final=list(FINAL), **_bounds(where))


@transaction.atomic
def give_tasks(
    *,
    stage_code: str,
    place: str,
    chance: Chance,
    due: date,
    actor: str,
    at: datetime,
    officer: str | None = None,
    reasons: Sequence[str] = (),
    branches: Sequence[int] | None = None,
) -> Given:
    """Give the unpaid families of a place to an officer of their branch: a second chance at the door or another office, or a confirmation.

    ``reasons`` chooses among them; none means all that can still be paid, for a confirmation all whose reason is final. A family that has
    the same task already keeps it; another task replaces it.
    """
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    if due < at.date():
        raise Problem(f"{due} is over: name a day to come.")
    who = None
    if officer is not None:
        if where.branches is None or len(where.branches) != 1:
            found = queries.branches_on_list(stage=stage.id, **_bounds(where))
            if len(found) != 1:
                raise Problem("An officer works for one branch: name a place that one branch serves.")
            branch = found[0].branch
        else:
            branch = where.branches[0]
        who = Officer.objects.filter(branch=branch, code=officer).first()
        if who is None:
            raise NotFound(f"There is no officer {officer} at this branch.")
        where = where._replace(branches=[branch])
    done = queries.one(
        "give_tasks", stage=stage.id, chance=str(chance), officer=who.id if who else None, due=due, actor=actor, at=at,
        reasons=list(reasons) or None, final=list(FINAL), confirm=chance is Chance.CONFIRM, **_bounds(where),
    )  # fmt: skip
    if done.given:
        facts = {
            "stage": stage.code,
            "place": where.code,
            "chance": str(chance),
            "families": done.given,
            "due": due.isoformat(),
        }
        for branch in done.branches:
            audit.record(
                actor=actor, verb="gave tasks", subject=f"sweep/{stage.code}", facts=facts, at=at, branch=branch
            )
    return Given(done.given, done.kept)


def tasks(
    *, stage_code: str, place: str, officer: str | None = None, branches: Sequence[int] | None = None
) -> list[Any]:
    """The tasks of families that are still not paid, the earliest day first; an officer's own, or all."""
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    return queries.tasks(stage=stage.id, officer=officer, final=list(FINAL), **_bounds(where))


@transaction.atomic
def confirm(
    *,
    stage_code: str,
    family: str,
    reason: str,
    said_by: str,
    office: Witness,
    actor: str,
    at: datetime,
    document: Path | None = None,
    branches: Sequence[int] | None = None,
) -> bool:
    """Keep what a TKSK or village says of a family (its NIK, or its entitlement's id); whether it is new.

    A final reason needs the photo of the document that says so: it goes to the photos, and its hash stays here. ``lives_here`` takes a
    final reason back. Raises ``NotFound``, ``Conflict`` when the family is paid, ``Problem``.
    """
    stage = stage_by_code(stage_code)
    row = entitlement_of(stage=stage, word=family)
    if branches is not None and row.branch not in branches:
        raise NotFound(f"Nobody on the list of {stage.code} is that: check the number.")
    if reason not in (*FINAL, "lives_here"):
        raise Problem(f"{reason} is no final reason: one of {', '.join(FINAL)}, or lives_here.")
    if not said_by.strip():
        raise Problem("Name the person who says so.")
    if document is None and reason != "lives_here":
        raise Problem("A final reason needs the photo of the document that confirms it (--document).")
    if queries.one("is_paid", stage=stage.id, branch=row.branch, entitlement=row.id).paid:
        raise Conflict("This family is paid: if it says otherwise, that is a complaint.")
    digest = None
    if document is not None:
        content = document.read_bytes()
        digest = hashlib.sha256(content).digest()
        object_store().put(sha256=digest, content=[content])
    queries.hold_family(key=f"confirmation {stage.id} {row.id}")
    before = (
        Confirmation.objects.filter(stage=stage.id, branch=row.branch, entitlement=row.id).order_by("-number").first()
    )
    told = (reason, said_by.strip(), str(office), digest)
    if before is not None:
        known = bytes(before.document_sha256) if before.document_sha256 is not None else None
        if (before.reason, before.said_by, before.office, known) == told:
            return False
    Confirmation.objects.create(
        stage=stage.id, branch=row.branch, entitlement=row.id, number=before.number + 1 if before else 1, reason=reason,
        said_by=said_by.strip(), office=str(office), document_sha256=digest, noted_by=actor, noted_at=at,
    )  # fmt: skip
    facts = {
        "reason": reason,
        "said_by": said_by.strip(),
        "office": str(office),
        "document": digest.hex() if digest else "",
    }
    audit.record(actor=actor, verb="confirmed", subject=f"entitlement/{row.id}", facts=facts, at=at, branch=row.branch)
    return True


class Gone(NamedTuple):
    """A family that the ministry's next list should know about. ``version`` and ``line`` find it in the ministry's own file."""

    branch: str
    village: int
    version: int
    line: int
    entitlement: UUID
    name: str
    nik: str
    reason: str
    visits: int
    said_by: str
    office: str
    document_sha256: str


def gone(*, stage_code: str, place: str, branches: Sequence[int] | None = None) -> list[Gone]:
    """The dead, moved, duplicate, unknown, not entitled and unwilling of a place; NIKs masked."""
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    rows = queries.gone(stage=stage.id, final=list(FINAL), **_bounds(where))
    niks = masked_niks([(bytes(row.nik_sealed), row.key_version) for row in rows if row.nik_sealed is not None])
    found = iter(niks)
    return [
        Gone(
            row.branch, row.village, row.version, row.line, row.entitlement, row.name or "", next(found) if row.nik_sealed is not None else "",
            row.reason, row.visits, row.said_by or "", row.office or "", row.document or "",
        )
        for row in rows
    ]  # fmt: skip


def write_gone(rows: Sequence[Gone], out: Path) -> None:
    """As CSV for the ministry, whole or not at all; names that a spreadsheet would take for formulas are quoted."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("kantor", "kode_desa", "versi", "baris", "hak", "nama", "nik", "alasan", "kunjungan", "menurut", "sebagai", "dokumen_sha256")
            )  # fmt: skip
            for row in rows:
                writer.writerow([harmless(word) for word in row])
        os.replace(part, out)
    except OSError as error:
        raise Problem(f"{out} cannot be written ({error.strerror}): choose another place.") from error
    finally:
        part.unlink(missing_ok=True)

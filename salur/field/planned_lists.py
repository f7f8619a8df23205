"""The published plan becomes work lists: each officer's families of a day go on the officer's phone, in the order in which they were invited.

Handing the same day out again adds what is new and repeats nothing: a family that is paid, held or on a live list is left where it is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from salur.field import lease
from salur.field.actions import queries
from salur.lib import arrays
from salur.lib.problem import NotFound, Problem
from salur.offices.models import Office
from salur.planning import actions as planning


@dataclass(frozen=True, slots=True)
class Planned:
    """What the plan gives one officer on a day. ``officer`` None: a counter, or a seat that is still to be hired.

    ``left`` are the families that can go on a list now, by slot and place in the queue, ``left_rp`` what they are owed.
    ``device`` is the officer's phone, of several the one seen last; None without one.
    """

    officer: int | None
    code: str
    name: str
    device: UUID | None
    families: int
    paid: int
    held: int
    listed: int
    left: tuple[UUID, ...]
    left_rp: int


class HandedOut(NamedTuple):
    """``lists`` went to the officer's phone with ``families``; ``refused`` says in one sentence why none could."""

    planned: Planned
    lists: int
    families: int
    refused: str


def planned_day(*, stage: int, branch: int, day: date, at: datetime) -> list[Planned]:
    """Officer by officer what the published plan foresees for a day and what of it is on phones; families without an officer come last.

    Raises ``NotFound`` without a published plan.
    """
    plan = planning.published(stage=stage, branch=branch)
    if plan is None:
        raise NotFound("No plan of this branch is published: publish one, then its days can be handed out.")
    slots = planning.family_slots(stage=stage, branch=branch, day=day)
    states = {
        row.id: row
        for row in queries.state_of_families(
            stage=stage, branch=branch, entitlements=arrays.uuids([slot.entitlement for slot in slots])
        )
    }
    phones = _phones(branch, at)
    of_officer: dict[int | None, list[Any]] = defaultdict(list)
    for slot in slots:
        of_officer[slot.officer].append(slot)
    lines = [_line(officer, here, states, phones) for officer, here in of_officer.items()]
    return sorted(lines, key=lambda line: (line.officer is None, line.name, line.code))


def _phones(branch: int, at: datetime) -> dict[int, UUID]:
    living = [device for device in lease.devices(branches=[branch], at=at) if device.revoked_at is None]
    return {d.officer: d.id for d in sorted(living, key=lambda d: d.last_seen_at or d.enrolled_at)}


def _line(officer: int | None, slots: Sequence[Any], states: dict[UUID, Any], phones: dict[int, UUID]) -> Planned:
    left, left_rp, paid, held, listed = [], 0, 0, 0, 0
    for slot in sorted(slots, key=lambda slot: (slot.starts_at, slot.number, slot.position)):
        state = states[slot.entitlement]
        if state.paid:
            paid += 1
        elif state.held:
            held += 1
        elif state.listed:
            listed += 1
        else:
            left.append(slot.entitlement)
            left_rp += state.amount_rp
    code, name = (slots[0].officer_code, slots[0].officer_name) if officer else ("", "")
    device = phones.get(officer) if officer else None
    return Planned(officer, code, name, device, len(slots), paid, held, listed, tuple(left), left_rp)


def hand_out_day(*, stage: int, branch: int, day: date, actor: str, at: datetime) -> list[HandedOut]:
    """Put each officer's families of the day on the officer's phone. Each officer's list stands for itself: one refusal keeps nobody waiting.

    Raises ``NotFound`` when the published plan has nothing on the day, ``Problem`` when the day is over.
    """
    expires_at = lease.list_ends(day, Office.objects.get(id=branch).timezone, at)
    lines = planned_day(stage=stage, branch=branch, day=day, at=at)
    if not lines:
        raise NotFound(f"The published plan has no family on {day}: choose one of its days.")
    return [_hand_out(line, stage, day, expires_at, actor, at) for line in lines]


def _hand_out(line: Planned, stage: int, day: date, expires_at: datetime, actor: str, at: datetime) -> HandedOut:
    if line.device is None or not line.left:
        return HandedOut(line, 0, 0, "")
    lists = families = 0
    for start in range(0, len(line.left), lease.MAX_FAMILIES):
        part = line.left[start : start + lease.MAX_FAMILIES]
        try:
            lease.issue_lease(
                device=line.device, stage=stage, entitlements=part, day=day, expires_at=expires_at, actor=actor, at=at
            )
        except Problem as problem:
            return HandedOut(line, lists, families, str(problem))
        lists, families = lists + 1, families + len(part)
    return HandedOut(line, lists, families, "")

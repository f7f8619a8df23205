"""One day of a plan: venues with their teams and cash, guards, what is still open; and its cash proposed to custody."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from salur.areas.models import Area
from salur.custody import actions as custody
from salur.custody.rules import Handing, Kind, Portion
from salur.custody.rules import Outcome as CustodyOutcome
from salur.lib.ids import uuid7_of
from salur.lib.problem import Conflict
from salur.planning import bodies, hiring
from salur.planning.actions import KeptPlan, state_of, team
from salur.planning.coordination import Body
from salur.planning.models import Plan
from salur.planning.rules import Channel, Counter, Officer, Round, Session, Span
from salur.planning.stored import PlanState


class Seat(NamedTuple):
    """``name`` is None while nobody sits there; then ``need`` is the number of the person to hire, or None for a vacancy."""

    name: str | None
    code: str | None
    need: int | None
    leads: bool


@dataclass(frozen=True)
class VisitOfDay:
    """A venue, a round or the counters on one day; ``guarded`` where cash lies at a venue."""

    channel: Channel
    number: int
    place: str
    area: int
    venue: str
    span: Span
    villages: Sequence[tuple[int, str, int]]  # code, name, families
    amount_rp: int
    seats: Sequence[Seat]

    @property
    def families(self) -> int:
        return sum(families for _, _, families in self.villages)

    @property
    def guarded(self) -> bool:
        return self.channel is Channel.SESSION


@dataclass(frozen=True)
class FloatOfDay:
    """What one person signs for in the morning; ``officer`` is None while the seat is still to be filled."""

    officer: int | None
    name: str
    amount_rp: int


@dataclass(frozen=True)
class Briefing:
    """What a branch must know in the morning. ``open`` are today's villages with the bodies that bind and have not agreed."""

    day: date
    visits: Sequence[VisitOfDay]
    floats: Sequence[FloatOfDay]
    counters_rp: int
    guards: Sequence[tuple[int, str, int, int]]  # kecamatan, its name, venues, rupiah there
    open: Sequence[tuple[int, str, Sequence[Body]]]

    @property
    def families(self) -> int:
        return sum(visit.families for visit in self.visits)

    @property
    def cash_rp(self) -> int:
        return sum(one.amount_rp for one in self.floats) + self.counters_rp

    @property
    def empty_seats(self) -> int:
        return sum(seat.name is None for visit in self.visits for seat in visit.seats)


def people_of(kept: KeptPlan) -> dict[int, tuple[int | None, str]]:
    """Person of the roster → (officer's id, name): own officers, those contracted for a need, and needs that nobody fills yet (no id)."""
    known: dict[int, tuple[int | None, str]] = {
        person.id: (person.id, person.name) for person in kept.inputs.branch.officers
    }
    known |= {person.id: (None, person.name) for person in kept.roster.hired}
    known |= {offer.need: (offer.officer, offer.name) for offer in hiring.offers(kept.row) if offer.officer is not None}
    return known


def briefing(kept: KeptPlan, day: date) -> Briefing:
    """Everything about one day; empty on a day on which nothing is planned."""
    row, inputs, plan = kept.row, kept.inputs, kept.plan
    number = (day - row.first_day).days
    names = {village.code: village.name for village in inputs.villages}
    seats: dict[tuple[str, int], list[Seat]] = defaultdict(list)
    for duty in team(row):
        if duty.day == day:
            need = -duty.person if duty.person is not None and duty.person < 0 and duty.officer is None else None
            seats[duty.channel, duty.number].append(Seat(duty.officer_name, duty.officer_code, need, duty.leads))
    amounts = {village.code: village for village in inputs.villages}
    kecamatan = {village.kecamatan for village in inputs.villages}
    area_names = dict(Area.objects.filter(code__in=kecamatan).values_list("code", "name"))
    visits = []
    planned: Sequence[tuple[Channel, Sequence[Session | Round | Counter]]] = (
        (Channel.SESSION, plan.sessions), (Channel.DOOR, plan.rounds), (Channel.OFFICE, plan.counters),
    )  # fmt: skip
    for channel, parts in planned:
        for position, visit in zip(kept.numbers[channel], parts, strict=True):
            if visit.day != number:
                continue
            served: dict[int, int] = defaultdict(int)
            for part in visit.served:
                served[part.village] += part.families
            host = visit.host if isinstance(visit, Session) else None
            code = next(iter(served)) // 10_000
            visits.append(
                VisitOfDay(
                    channel, position, names.get(host, "") if host else area_names.get(code, ""), host or code,
                    kept.venues.get(host, "") if host else "", visit.span if isinstance(visit, Session) else Span.DAY,
                    [(village, names.get(village, ""), families) for village, families in sorted(served.items())],
                    sum(amounts[village].cash_rp(families) for village, families in served.items()), seats[str(channel), position],
                )
            )  # fmt: skip
    cash = kept.cash
    people = people_of(kept)
    floats = [
        FloatOfDay(*people.get(one.person, (None, "")) if one.person is not None else (None, ""), one.amount_rp)
        for one in cash.floats
        if one.day == number
    ]
    guards: dict[int, list[int]] = defaultdict(list)
    for escort in cash.escorts:
        if escort.day == number:
            guards[escort.kecamatan].append(escort.amount_rp)
    board = bodies.readiness(stage=row.stage_id, branch=row.branch_id)
    today = {village for visit in visits for village, _, _ in visit.villages}
    return Briefing(
        day,
        visits,
        floats,
        sum(line.counters_rp for line in cash.days if line.day == number),
        [(code, area_names.get(code, ""), len(there), sum(there)) for code, there in sorted(guards.items())],
        [(v.village, v.name, v.open) for v in board.villages if v.village in today and v.open],
    )


class Proposed(NamedTuple):
    """``outcome`` is custody's; ``movement`` is what the officer accepts when the cash is counted into his hands."""

    officer: int
    name: str
    amount_rp: int
    movement: UUID
    outcome: CustodyOutcome


@dataclass(frozen=True)
class Proposals:
    """``unnamed_rp`` is the cash of seats that nobody fills yet: it stays in the vault."""

    day: date
    lines: Sequence[Proposed]
    unnamed_rp: int


def propose_floats(kept: KeptPlan, *, day: date, actor: str, at: datetime) -> Proposals:
    """Offer each officer of a day the float that the published plan foresees; custody's books move when the officer accepts.

    The same again offers nothing twice. Raises ``Conflict`` for a plan that does not count, and when another plan's floats of that day are
    on offer already: those are withdrawn in custody first.
    """
    row = kept.row
    if state_of(row) is not PlanState.PUBLISHED:
        raise Conflict(f"{row.branch.code}/{row.version} does not count: floats are proposed from the published plan.")
    number = (day - row.first_day).days
    people = people_of(kept)
    amounts: dict[int, tuple[str, int]] = {}
    unnamed_rp = 0
    for one in kept.cash.floats:
        if one.day != number or not one.amount_rp:
            continue
        officer, name = people.get(one.person, (None, "")) if one.person is not None else (None, "")
        if officer is None:
            unnamed_rp += one.amount_rp
        else:
            amounts[officer] = (name, amounts.get(officer, ("", 0))[1] + one.amount_rp)
    handings, ids = [], []
    for officer, (_, amount_rp) in amounts.items():
        movement = _movement_of(row, officer, day)
        ids.append(movement)
        reference = f"Rencana {row.branch.code} {day.isoformat()} petugas {officer}"
        handings.append(
            Handing(
                Kind.HAND_OVER, [Portion(movement, row.stage_id, amount_rp)], reference, actor, branch=row.branch_id, officer=officer
            )
        )  # fmt: skip
    outcomes = custody.move_all(handings=handings, at=at) if handings else []
    lines = [
        Proposed(officer, name, amount_rp, movement, outcome[0])
        for (officer, (name, amount_rp)), movement, outcome in zip(amounts.items(), ids, outcomes, strict=True)
    ]
    other = [line.name for line in lines if line.outcome is CustodyOutcome.EXISTS_WITH_DIFFERENT_FACTS]
    if other:
        raise Conflict(
            f"{len(other)} floats of {day} were offered with other amounts or by another person ({', '.join(other[:3])}): "
            "withdraw those in custody first."
        )
    return Proposals(day, lines, unnamed_rp)


def _movement_of(row: Plan, officer: int, day: date) -> UUID:
    """The same proposal has the same id: of this stage, branch, officer and day."""
    seed = f"float/{row.stage_id}/{row.branch_id}/{officer}/{day.isoformat()}"
    morning = datetime.combine(day, time(), ZoneInfo(row.branch.timezone))
    return uuid7_of(int(morning.timestamp() * 1000), hashlib.sha256(seed.encode()).digest()[:10])


def days_of(kept: KeptPlan) -> list[date]:
    return sorted({kept.inputs.window.date(day) for day, _, _ in kept.plan.visits()})


def extra_officer(number: int, home: int | None) -> Officer:
    """Somebody more, for a what-if."""
    return Officer(number, f"Juru bayar {number}", home)

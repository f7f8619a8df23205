"""The cash of a plan: what leaves the vault each day, what each officer signs for, and which venues need an escort; pure.

A session's cash is divided over its team as evenly as families go, a round's over its half-days. Who carries it is the roster's word; where a seat
is vacant the rupiah stand without a name, so that the day's sum is always the plan's.
"""

from collections import defaultdict
from dataclasses import dataclass

from salur.planning.roster import Duty, Roster
from salur.planning.rules import Channel, Inputs, Plan, Round, Session, Span


@dataclass(frozen=True, slots=True)
class Float:
    """What one officer signs for in the morning of one day; ``person`` is None for a seat that nobody fills yet."""

    day: int
    person: int | None
    amount_rp: int


@dataclass(frozen=True, slots=True)
class Escort:
    """A venue to guard: where, when, and how much cash is there."""

    day: int
    span: Span
    host: int
    kecamatan: int
    amount_rp: int


@dataclass(frozen=True, slots=True)
class CashDay:
    """The vault's day: out to officers in the field, and over the counters."""

    day: int
    field_rp: int
    counters_rp: int

    @property
    def amount_rp(self) -> int:
        return self.field_rp + self.counters_rp


@dataclass(frozen=True, slots=True)
class CashPlan:
    days: tuple[CashDay, ...]
    floats: tuple[Float, ...]
    escorts: tuple[Escort, ...]


def plan_cash(inputs: Inputs, plan: Plan, roster: Roster) -> CashPlan:
    """Rupiah by day, by officer and by venue; the floats of a day add up to its field cash."""
    villages = {village.code: village for village in inputs.villages}

    def cash_rp(task: Session | Round) -> int:
        return sum(villages[part.village].cash_rp(part.families) for part in task.served)

    team: dict[tuple[Channel, int], list[Duty]] = defaultdict(list)
    for duty in roster.duties:
        team[duty.channel, duty.number].append(duty)
    field_rp: dict[int, int] = defaultdict(int)
    counters_rp: dict[int, int] = defaultdict(int)
    floats: dict[tuple[int, int | None], int] = defaultdict(int)
    escorts = []
    tasks: list[tuple[Channel, int, Session | Round, int]] = [
        *((Channel.SESSION, number, session, session.heads) for number, session in enumerate(plan.sessions)),
        *((Channel.DOOR, number, round_, round_.halves) for number, round_ in enumerate(plan.rounds)),
    ]
    for channel, number, task, seats in tasks:
        amount_rp = cash_rp(task)
        field_rp[task.day] += amount_rp
        members: list[int | None] = [duty.person for duty in team[channel, number]]
        members += [None] * (seats - len(members))
        for position, person in enumerate(members):
            floats[task.day, person] += amount_rp * (position + 1) // seats - amount_rp * position // seats
        if isinstance(task, Session):
            escorts.append(Escort(task.day, task.span, task.host, task.kecamatan, amount_rp))
    for counter in plan.counters:
        counters_rp[counter.day] += sum(villages[part.village].cash_rp(part.families) for part in counter.served)
    return CashPlan(
        days=tuple(CashDay(day, field_rp[day], counters_rp[day]) for day in sorted({*field_rp, *counters_rp})),
        floats=tuple(
            Float(day, person, amount_rp)
            for (day, person), amount_rp in sorted(floats.items(), key=lambda item: (item[0][0], item[0][1] or 0))
        ),
        escorts=tuple(sorted(escorts, key=lambda escort: (escort.day, escort.kecamatan, escort.host, escort.span))),
    )

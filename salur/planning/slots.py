"""Each family's place and time, from a plan's numbers to names; pure.

Who is visited at home: the oldest recipients of a village, as many as its home visits. Everyone else is invited to the village's sessions or to the
counter, in the order of the list; those who are expected not to come are invited too, and the rounds keep room for them. A team's families are dealt
to its seats in blocks, so that neighbours stand in one queue, and to the working hours in slots.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from salur.planning.rules import Channel, Inputs, Plan, Span


class Family(NamedTuple):
    """An unpaid family of the list, in the order of RW, RT and line; ``born`` as days since 1900, None where unknown."""

    entitlement: UUID
    village: int
    born: int | None


class Hours(NamedTuple):
    """The working hours of a venue or counter, local, and the length of a slot."""

    morning: tuple[time, time]
    afternoon: tuple[time, time]
    minutes: int

    @classmethod
    def of(cls, morning: str, afternoon: str, minutes: int) -> "Hours":
        return cls(_pair(morning), _pair(afternoon), minutes)


class Slot(NamedTuple):
    """``number`` is the visit's, ``position`` the place in the seat's queue; moments in UTC."""

    channel: Channel
    number: int
    seat: int | None
    position: int
    day: int
    starts_at: datetime
    ends_at: datetime


class _Call(NamedTuple):
    """A visit that calls ``families`` of one village."""

    channel: Channel
    number: int
    day: int
    span: Span
    seats: int
    families: int


def _pair(text: str) -> tuple[time, time]:
    start, _, end = text.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def assign(
    *,
    inputs: Inputs,
    plan: Plan,
    numbers: Mapping[Channel, Sequence[int]],
    families: Sequence[Family],
    hours: Hours,
    zone: str,
    kept: Mapping[UUID, Slot],
) -> dict[UUID, Slot]:
    """Each family's slot. ``numbers`` are the visits' in the order of the plan; ``kept`` slots of families stay as they are."""
    calls = _calls(inputs, plan, numbers)
    home = {village.code: village.home_visits for village in inputs.villages}
    of_village: dict[int, list[Family]] = defaultdict(list)
    taken: dict[tuple[Channel, int, int], int] = defaultdict(int)
    slots: dict[UUID, Slot] = {}
    for family in families:
        stays = kept.get(family.entitlement)
        if stays is None:
            of_village[family.village].append(family)
        else:
            slots[family.entitlement] = stays
            taken[stays.channel, stays.number, family.village] += 1
    queues: dict[tuple[Channel, int], list[UUID]] = defaultdict(list)
    about: dict[tuple[Channel, int], _Call] = {}
    for village, here in of_village.items():
        # What is left of each visit after the families that stay there.
        open_calls = [
            call._replace(families=left)
            for call in calls.get(village, [])
            if (left := call.families - taken[call.channel, call.number, village]) > 0
        ]
        for call, guests in _shared(open_calls, here, home.get(village, 0)):
            queues[call.channel, call.number] += guests
            about[call.channel, call.number] = call
    busy: dict[tuple[Channel, int], int] = defaultdict(int)
    for slot in kept.values():
        busy[slot.channel, slot.number] = max(busy[slot.channel, slot.number], slot.position)
    for key, guests in queues.items():
        slots |= _timed(inputs, about[key], guests, hours, ZoneInfo(zone), after=busy[key])
    return slots


def _calls(inputs: Inputs, plan: Plan, numbers: Mapping[Channel, Sequence[int]]) -> dict[int, list[_Call]]:
    calls: dict[int, list[_Call]] = defaultdict(list)

    def whole(day: int) -> Span:
        return Span.MORNING if day in inputs.window.half_days else Span.DAY

    for number, session in zip(numbers[Channel.SESSION], plan.sessions, strict=True):
        for part in session.served:
            call = _Call(Channel.SESSION, number, session.day, session.span, session.heads, part.families)
            calls[part.village].append(call)
    for number, round_ in zip(numbers[Channel.DOOR], plan.rounds, strict=True):
        for part in round_.served:
            call = _Call(Channel.DOOR, number, round_.day, whole(round_.day), round_.halves, part.families)
            calls[part.village].append(call)
    for number, counter in zip(numbers[Channel.OFFICE], plan.counters, strict=True):
        for part in counter.served:
            calls[part.village].append(_Call(Channel.OFFICE, number, counter.day, whole(counter.day), 0, part.families))
    return calls


def _shared(calls: Sequence[_Call], families: Sequence[Family], home: int) -> list[tuple[_Call, list[UUID]]]:
    """Which families each visit calls. Without a session or counter to be invited to, everyone is visited."""
    doors = sorted((call for call in calls if call.channel is Channel.DOOR), key=lambda call: call.day)
    invited = sorted((call for call in calls if call.channel is not Channel.DOOR), key=lambda call: call.day)
    by_age = sorted(families, key=lambda f: (f.born is None, f.born or 0))
    reached = sum(call.families for call in calls)
    at_door = sum(call.families for call in doors)
    unmet = max(0, len(families) - reached)
    at_home = min(at_door, home) if invited else at_door
    visited = {family.entitlement for family in by_age[:at_home]}
    others = [family.entitlement for family in families if family.entitlement not in visited]
    called = others[: len(others) - unmet] if unmet else others
    old = [family.entitlement for family in families if family.entitlement in visited]
    return [*_dealt(doors, old), *_dealt(invited, called)]


def _dealt(calls: Sequence[_Call], families: Sequence[UUID]) -> list[tuple[_Call, list[UUID]]]:
    """Families in order to visits in order, each in proportion to what the visit is planned for."""
    total = sum(call.families for call in calls)
    dealt, so_far = [], 0
    for call in calls:
        start = len(families) * so_far // total
        so_far += call.families
        if guests := list(families[start : len(families) * so_far // total]):
            dealt.append((call, guests))
    return dealt


def _timed(
    inputs: Inputs, call: _Call, guests: Sequence[UUID], hours: Hours, zone: ZoneInfo, *, after: int
) -> dict[UUID, Slot]:
    """Blocks of neighbours to the seats; within a seat's queue, the working hours in slots. A round's families may come at any time of its hours."""
    date = inputs.window.date(call.day)
    moments = slot_moments(hours, call.span, whole=call.channel is Channel.DOOR)
    spans = [
        (datetime.combine(date, start, zone).astimezone(UTC), datetime.combine(date, end, zone).astimezone(UTC))
        for start, end in moments
    ]
    seats = max(1, call.seats)
    slots = {}
    for seat in range(seats):
        queue = guests[len(guests) * seat // seats : len(guests) * (seat + 1) // seats]
        for place, entitlement in enumerate(queue):
            starts_at, ends_at = spans[place * len(spans) // len(queue)]
            slots[entitlement] = Slot(
                call.channel, call.number, seat + 1 if call.seats else None, after + place + 1, call.day, starts_at, ends_at
            )  # fmt: skip
    return slots


def slot_moments(hours: Hours, span: Span, *, whole: bool = False) -> list[tuple[time, time]]:
    """The slots of a morning, an afternoon or both; the last one may be longer than the others, never shorter."""
    parts = [
        part
        for part, spans in ((hours.morning, (Span.DAY, Span.MORNING)), (hours.afternoon, (Span.DAY, Span.AFTERNOON)))
        if span in spans
    ]
    if whole:
        return [(parts[0][0], parts[-1][1])]
    found = []
    for start, end in parts:
        begin = start.hour * 60 + start.minute
        number = max(1, (end.hour * 60 + end.minute - begin) // hours.minutes)
        edges = [_clock(begin + hours.minutes * slot) for slot in range(number)]
        found += list(zip(edges, [*edges[1:], end], strict=True))
    return found


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)

"""Named people by day and village: two linear assignments a day (morning, afternoon), carrying everyone's load along.

A roster of 14 days for 60 people takes milliseconds this way, where one integer program over people × days × seats found nothing in a minute.
Per half day it fills every seat it can, keeps a leader for each session, and among people prefers who has worked least, who is from the
kecamatan or near it, and in the afternoon who is already there. Rest days follow the groups of the plan.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.optimize import linear_sum_assignment

from salur.planning.channels import distance_km
from salur.planning.rules import (
    Channel,
    Inputs,
    Officer,
    Plan,
    Span,
    Village,
    has_days_off,
    rest_period,
    working_days,
)

# Costs of a person in a seat; each kind outweighs all smaller ones of a day together.
IMPOSSIBLE = 1e9  # absent, or a leader's seat for someone who may not lead
EMPTY = 1e6  # nobody
LEADER_WASTED = 1e3  # a leader bound for the whole day in a seat that anyone can take
LOAD = 10.0  # per share of the days so far that the person has worked
AWAY = 3.0  # at 30 km from home or more
ELSEWHERE = 5.0  # in the afternoon, in another kecamatan than in the morning
FRESH = 8.0  # in the afternoon, for someone who has the day off so far


@dataclass(frozen=True, slots=True)
class Duty:
    """One person in one seat: ``number`` is the position in ``plan.sessions`` or ``plan.rounds``, by ``channel``."""

    day: int
    span: Span
    person: int
    channel: Channel
    number: int
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A seat with nobody in it."""

    day: int
    span: Span
    channel: Channel
    number: int
    leads: bool


@dataclass(frozen=True, slots=True)
class Roster:
    """Who works where. ``hired`` are the people to hire, by negative ids, with the kecamatan to look for them in."""

    duties: tuple[Duty, ...]
    hired: tuple[Officer, ...]
    vacancies: tuple[Vacancy, ...]

    def halves_of(self, person: int) -> int:
        """Half days that the person works."""
        return sum(duty.span.halves for duty in self.duties if duty.person == person)


@dataclass(frozen=True, slots=True)
class _Seat:
    channel: Channel
    number: int
    leads: bool
    span: Span
    kecamatan: int


def name_people(inputs: Inputs, plan: Plan, *, kept: Sequence[Duty] = ()) -> Roster:
    """The roster of every day that can still be planned. ``kept`` duties stay, and their days are not assigned again."""
    kept_days = {duty.day for duty in kept}
    hired = _people_to_hire(inputs, plan)
    people = [*inputs.branch.officers, *hired]
    works = _days_of(inputs, plan, people, hired, kept)
    far = _distances(inputs)
    load: dict[int, int] = defaultdict(int)
    for duty in kept:
        load[duty.person] += duty.span.halves
    duties: list[Duty] = list(kept)
    vacancies: list[Vacancy] = []
    for day in inputs.open_days:
        if day in kept_days:
            continue
        here = [person for person in people if day in works[person.id]]
        seats = _seats(inputs, plan, day, len(here))
        days_so_far = {p.id: sum(d <= day for d in works[p.id]) for p in here}
        shares = {p.id: load[p.id] / (2 * max(1, days_so_far[p.id])) for p in here}
        morning = [seat for seat in seats if seat.span is not Span.AFTERNOON]
        taken = _assign(here, morning, shares, far, {})
        whole_day = {person for person, seat in taken.items() if seat.span is Span.DAY}
        at = {person: seat.kecamatan for person, seat in taken.items()}
        free = [person for person in here if person.id not in whole_day]
        afternoon = [seat for seat in seats if seat.span is Span.AFTERNOON]
        later = _assign(free, afternoon, shares, far, at)
        filled: dict[tuple[Channel, int, Span, bool], int] = defaultdict(int)
        for person, seat in (*taken.items(), *later.items()):
            duties.append(Duty(day, seat.span, person, seat.channel, seat.number, seat.leads))
            load[person] += seat.span.halves
            filled[seat.channel, seat.number, seat.span, seat.leads] += 1
        for seat in seats:
            key = seat.channel, seat.number, seat.span, seat.leads
            filled[key] -= 1
            if filled[key] < 0:
                vacancies.append(Vacancy(day, seat.span, seat.channel, seat.number, seat.leads))
    return Roster(tuple(duties), tuple(hired), tuple(vacancies))


def _people_to_hire(inputs: Inputs, plan: Plan) -> list[Officer]:
    """Numbered people, each from the kecamatan whose work exceeds its own people most: that is where to look for them."""
    work: dict[int, float] = defaultdict(float)
    for session in plan.sessions:
        work[session.kecamatan] += session.heads * session.span.halves
    for round_ in plan.rounds:
        work[round_.kecamatan] += round_.halves
    total = sum(work.values())
    staff = len(inputs.branch.officers) + plan.hires.total
    people: dict[int, int] = defaultdict(int)
    for officer in inputs.branch.officers:
        if officer.kecamatan is not None:
            people[officer.kecamatan] += 1
    hired = []
    for number in range(plan.hires.total):
        home = max(work, key=lambda code: (work[code] / total * staff - people[code], -code), default=None)
        if home is not None:
            people[home] += 1
        hired.append(Officer(-number - 1, f"Tenaga {number + 1}", home, may_lead=number < plan.hires.leaders))
    return hired


def _days_of(
    inputs: Inputs, plan: Plan, people: Sequence[Officer], hired: Sequence[Officer], kept: Iterable[Duty]
) -> dict[int, set[int]]:
    """Person → days on which the person can be called, rest days taken out."""
    every = rest_period(inputs)
    worked: dict[int, set[int]] = defaultdict(set)
    for duty in kept:
        worked[duty.person].add(duty.day)
    new = {person.id for person in hired}
    days: dict[int, set[int]] = {}
    for person in people:
        days[person.id] = set(working_days(inputs, person))
        if person.id in new:
            days[person.id] = {day for day in days[person.id] if day >= plan.hires.from_day}
    if not every:
        return days
    steady = [person for person in inputs.branch.officers if not has_days_off(inputs, person)]
    kinds = (
        ([p for p in steady if p.may_lead], plan.rest.leaders),
        ([p for p in steady if not p.may_lead], plan.rest.others),
        ([p for p in hired if p.may_lead], plan.rest.hired_leaders),
        ([p for p in hired if not p.may_lead], plan.rest.hired_others),
    )
    for members, sizes in kinds:
        groups = [group for group, size in enumerate(sizes) for _ in range(size)]
        for person, group in _grouped(members, groups, days, worked, every):
            days[person.id] = {day for day in days[person.id] if day % every != group}
    return days


def _grouped(
    members: Sequence[Officer],
    groups: Sequence[int],
    days: Mapping[int, set[int]],
    worked: Mapping[int, set[int]],
    every: int,
) -> list[tuple[Officer, int]]:
    """Everyone's rest group, such that what was worked before and what comes make no run of ``every`` days."""
    if not members or not groups:
        return []
    cost = np.zeros((len(members), len(groups)))
    for row, person in enumerate(members):
        if worked.get(person.id):
            for column, group in enumerate(groups):
                run = longest_run(worked[person.id] | {day for day in days[person.id] if day % every != group})
                cost[row, column] = max(0, run - every + 1)
    rows, columns = linear_sum_assignment(cost)
    return [(members[row], groups[column]) for row, column in zip(rows, columns, strict=True)]


def longest_run(days: Iterable[int]) -> int:
    """The most days worked in a row."""
    longest = run = 0
    before: int | None = None
    for day in sorted(days):
        run = run + 1 if before is not None and day == before + 1 else 1
        longest, before = max(longest, run), day
    return longest


def _seats(inputs: Inputs, plan: Plan, day: int, people: int) -> list[_Seat]:
    """The day's seats by half; rounds take the afternoon and the morning as sessions leave room, the same people all day if possible."""
    seats: list[_Seat] = []
    busy = {Span.MORNING: 0, Span.AFTERNOON: 0}
    for number, session in enumerate(plan.sessions):
        if session.day != day:
            continue
        for head in range(session.heads):
            seats.append(_Seat(Channel.SESSION, number, head == 0, session.span, session.kecamatan))
        for half in busy:
            if session.span in (Span.DAY, half):
                busy[half] += session.heads
    halves = [half for half in busy if half in inputs.window.spans(day)]
    for number, round_ in enumerate(plan.rounds):
        if round_.day != day:
            continue
        for _ in range(round_.halves):
            # The emptier half first; a full one takes the rest, and the vacancy says so.
            half = max(halves, key=lambda half: (people - busy[half], half is Span.MORNING))
            busy[half] += 1
            seats.append(_Seat(Channel.DOOR, number, False, half, round_.kecamatan))
    return seats


def _assign(
    people: Sequence[Officer],
    seats: Sequence[_Seat],
    shares: Mapping[int, float],
    far: Mapping[tuple[int, int], float],
    morning: Mapping[int, int],
) -> dict[int, _Seat]:
    """Person → seat, at the least cost. ``morning`` tells where people already are, when this is the afternoon."""
    if not people or not seats:
        return {}
    cost = np.empty((len(people) + len(seats), len(seats)))
    cost[len(people) :] = EMPTY
    for row, person in enumerate(people):
        base = LOAD * shares[person.id]
        at = morning.get(person.id)
        for column, seat in enumerate(seats):
            if seat.leads and not person.may_lead:
                cost[row, column] = IMPOSSIBLE
                continue
            home = person.kecamatan
            away = 0.0 if home == seat.kecamatan or home is None else AWAY * far.get((home, seat.kecamatan), 1.0)
            value = base + away
            if person.may_lead and not seat.leads:
                value += LEADER_WASTED if seat.span is Span.DAY else 1.0
            if seat.span is Span.AFTERNOON:
                value += FRESH if at is None else ELSEWHERE * (at != seat.kecamatan)
            cost[row, column] = value
    rows, columns = linear_sum_assignment(cost)
    return {
        people[row].id: seats[column]
        for row, column in zip(rows, columns, strict=True)
        if row < len(people) and cost[row, column] < EMPTY
    }


def _distances(inputs: Inputs) -> dict[tuple[int, int], float]:
    """(kecamatan, kecamatan) → 0 … 1, where 1 is 30 km or more, or unknown."""
    places: dict[int, list[Village]] = defaultdict(list)
    for village in inputs.villages:
        if village.lat is not None and village.lon is not None:
            places[village.kecamatan].append(village)
    middle = {
        code: Village(
            code,
            0,
            0,
            lat=sum(v.lat or 0.0 for v in villages) / len(villages),
            lon=sum(v.lon or 0.0 for v in villages) / len(villages),
        )
        for code, villages in places.items()
    }
    far = {}
    for one, here in middle.items():
        for other, there in middle.items():
            km = distance_km(here, there)
            far[one, other] = 1.0 if km == inf else min(1.0, km / 30)
    return far

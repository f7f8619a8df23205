"""The independent checker: is this plan, or this roster, one that the branch can carry out?

It shares the nouns of ``rules.py`` with the planner and nothing else: every limit is stated and computed here again, in minutes, rupiah and
people, so that a mistake of the planner cannot hide itself. It judges plans by the solver, by the greedy planner, and by hand.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from salur.planning.roster import Roster
from salur.planning.rules import Channel, Counter, Inputs, Plan, Round, Served, Session, Span, Village


class Rule(StrEnum):
    """What can be broken."""

    UNKNOWN_VILLAGE = "unknown_village"
    NOT_SERVED_ONCE = "not_served_once"
    NOT_WHOLE = "not_whole"
    CLOSED_DAY = "closed_day"
    NOT_READY = "not_ready"
    BLOCKED_DAY = "blocked_day"
    SESSION_OVERFULL = "session_overfull"
    SESSION_TOO_SMALL = "session_too_small"
    TEAM_SIZE = "team_size"
    FLOAT_EXCEEDED = "float_exceeded"
    DOORS_OVERFULL = "doors_overfull"
    DOORS_BEFORE_SESSION = "doors_before_session"
    COUNTERS_OVERFULL = "counters_overfull"
    VAULT_EXCEEDED = "vault_exceeded"
    ESCORTS_EXCEEDED = "escorts_exceeded"
    ESCORTS_IN_KECAMATAN_EXCEEDED = "escorts_in_kecamatan_exceeded"
    TOO_FEW_OFFICERS = "too_few_officers"
    TOO_FEW_LEADERS = "too_few_leaders"
    TOO_MANY_HIRES = "too_many_hires"
    REST_DAY_MISSED = "rest_day_missed"
    KEPT_CHANGED = "kept_changed"
    UNKNOWN_PERSON = "unknown_person"
    PERSON_ABSENT = "person_absent"
    TWO_PLACES_AT_ONCE = "two_places_at_once"
    SEAT_EMPTY = "seat_empty"
    WITHOUT_LEADER = "without_leader"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: where (``area``, a village or kecamatan code, 0 for the branch; a person in a roster), when, what was found and
    what is allowed.

    ``day`` is None where the rule is not about one day. Units follow the rule: families, people, venues or rupiah.
    """

    rule: Rule
    area: int
    day: int | None
    found: int
    allowed: int


def check_plan(inputs: Inputs, plan: Plan) -> list[Violation]:
    """Every rule that the plan breaks; an empty list means that it can be published. Days that are already over are facts, not faults."""
    villages = {village.code: village for village in inputs.villages}
    unknown = {part.village for _, _, part in plan.visits()} | {part.village for part in plan.unmet}
    unknown |= {session.host for session in plan.sessions}
    strangers = sorted(unknown - villages.keys())
    if strangers:
        return [Violation(Rule.UNKNOWN_VILLAGE, code, None, 1, 0) for code in strangers]
    found: list[Violation] = []
    for rule in _RULES:
        found += rule(inputs, plan, villages)
    return found


def check_roster(inputs: Inputs, plan: Plan, roster: Roster) -> list[Violation]:
    """Every rule that the roster breaks on the days to come: seats, leaders, one place at a time, days off and rest days."""
    found: list[Violation] = []
    people = {person.id: person for person in (*inputs.branch.officers, *roster.hired)}
    new = {person.id for person in roster.hired}
    busy: dict[tuple[int, int, Span], int] = defaultdict(int)
    days: dict[int, set[int]] = defaultdict(set)
    heads: dict[tuple[Channel, int], int] = defaultdict(int)
    leaders: dict[int, int] = defaultdict(int)
    if len(roster.hired) != plan.hires.total or sum(p.may_lead for p in roster.hired) != plan.hires.leaders:
        found.append(Violation(Rule.TOO_MANY_HIRES, 0, None, len(roster.hired), plan.hires.total))
    for duty in roster.duties:
        if duty.person not in people:
            found.append(Violation(Rule.UNKNOWN_PERSON, duty.person, duty.day, 1, 0))
            continue
        for half in (Span.MORNING, Span.AFTERNOON):
            if duty.span in (Span.DAY, half):
                busy[duty.person, duty.day, half] += 1
        days[duty.person].add(duty.day)
        heads[duty.channel, duty.number] += 1
        person = people[duty.person]
        leaders[duty.number] += duty.channel is Channel.SESSION and duty.leads and person.may_lead
        coming = duty.day >= inputs.kept.from_day
        if coming and (duty.day in person.absent or (duty.person in new and duty.day < plan.hires.from_day)):
            found.append(Violation(Rule.PERSON_ABSENT, duty.person, duty.day, 1, 0))
        task = plan.sessions[duty.number] if duty.channel is Channel.SESSION else plan.rounds[duty.number]
        if task.day != duty.day or (isinstance(task, Session) and task.span is not duty.span):
            found.append(Violation(Rule.SEAT_EMPTY, duty.person, duty.day, duty.day, task.day))
    for (person_id, day, _), times in busy.items():
        if times > 1:
            found.append(Violation(Rule.TWO_PLACES_AT_ONCE, person_id, day, times, 1))
    for number, session in enumerate(plan.sessions):
        if session.day < inputs.kept.from_day:
            continue
        if heads[Channel.SESSION, number] != session.heads:
            seated = heads[Channel.SESSION, number]
            found.append(Violation(Rule.SEAT_EMPTY, session.host, session.day, seated, session.heads))
        if leaders[number] != 1:
            found.append(Violation(Rule.WITHOUT_LEADER, session.host, session.day, leaders[number], 1))
    for number, round_ in enumerate(plan.rounds):
        if round_.day >= inputs.kept.from_day and heads[Channel.DOOR, number] != round_.halves:
            seated = heads[Channel.DOOR, number]
            found.append(Violation(Rule.SEAT_EMPTY, round_.kecamatan, round_.day, seated, round_.halves))
    every = inputs.policy.rest_every
    if every and inputs.window.days >= every:
        for person_id, worked in days.items():
            for start in sorted(worked):
                if all(day in worked for day in range(start, start + every)):
                    found.append(Violation(Rule.REST_DAY_MISSED, person_id, start, every, every - 1))
    return found


def _each_family_once(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    served: dict[int, int] = defaultdict(int)
    for day, _, part in plan.visits():
        if part.families <= 0:
            yield Violation(Rule.NOT_WHOLE, part.village, day, part.families, 1)
        served[part.village] += part.families
    for left in plan.unmet:
        if left.families <= 0:
            yield Violation(Rule.NOT_WHOLE, left.village, None, left.families, 1)
        served[left.village] += left.families
    for code, village in villages.items():
        if served[code] != village.families:
            yield Violation(Rule.NOT_SERVED_ONCE, code, None, served[code], village.families)


def _kept_stays(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    kept = inputs.kept
    for session in set(kept.sessions) - set(plan.sessions):
        yield Violation(Rule.KEPT_CHANGED, session.host, session.day, 0, 1)
    for round_ in set(kept.rounds) - set(plan.rounds):
        yield Violation(Rule.KEPT_CHANGED, round_.kecamatan, round_.day, 0, 1)
    for counter in set(kept.counters) - set(plan.counters):
        yield Violation(Rule.KEPT_CHANGED, 0, counter.day, 0, 1)


def _places_and_days(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    kept = set(_kept_visits(inputs))
    for day, _, part in plan.visits():
        if (day, part) in kept:
            continue
        village = villages[part.village]
        if day < inputs.kept.from_day or day >= inputs.window.days or day in inputs.window.closed:
            yield Violation(Rule.CLOSED_DAY, part.village, day, day, inputs.kept.from_day)
        if village.ready_day is None or day < village.ready_day:
            yield Violation(
                Rule.NOT_READY,
                part.village,
                day,
                day,
                inputs.window.days if village.ready_day is None else village.ready_day,
            )
        if day in village.blocked:
            yield Violation(Rule.BLOCKED_DAY, part.village, day, day, day)
    for session in plan.sessions:
        if session.day in inputs.window.half_days and session.span is Span.DAY and session not in inputs.kept.sessions:
            yield Violation(Rule.CLOSED_DAY, session.host, session.day, 2, 1)


def _kept_visits(inputs: Inputs) -> Iterable[tuple[int, Served]]:
    kept = inputs.kept
    visits: tuple[Session | Round | Counter, ...] = (*kept.sessions, *kept.rounds, *kept.counters)
    for visit in visits:
        for part in visit.served:
            yield visit.day, part


def _sessions(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    """A team has enough minutes, hands and float for its families, and enough families to be worth a team."""
    rates, policy = inputs.rates, inputs.policy
    kept = set(inputs.kept.sessions)
    # A village may have several sessions; it is worth a team as a whole, with those for whom no day was found.
    at_venue: dict[int, int] = defaultdict(int)
    not_held: dict[int, int] = defaultdict(int)
    for left in plan.unmet:
        not_held[left.village] += left.families * (left.channel is Channel.SESSION)
    for session in plan.sessions:
        at_venue[session.host] += sum(part.families + not_held.pop(part.village, 0) for part in session.served)
    for session in plan.sessions:
        if session in kept:
            continue
        families = sum(part.families for part in session.served)
        portion = Fraction(1) if session.span is Span.DAY else Fraction(1, 2)
        if at_venue[session.host] < policy.own_session_least:
            least = policy.own_session_least
            yield Violation(Rule.SESSION_TOO_SMALL, session.host, session.day, at_venue[session.host], least)
        if not policy.team_least <= session.heads <= policy.team_most:
            yield Violation(Rule.TEAM_SIZE, session.host, session.day, session.heads, policy.team_most)
        if rates.session_per_day is not None:
            payable = int(session.heads * rates.session_per_day * portion)
        else:
            there_and_back = 2 * villages[session.host].travel_minutes
            minutes = (rates.shift_minutes - rates.prepare_minutes) * portion - there_and_back
            payable = int(session.heads * minutes / Fraction(str(rates.session_minutes)))
        if families > payable:
            yield Violation(Rule.SESSION_OVERFULL, session.host, session.day, families, payable)
        carried = sum(_cash(villages[part.village], part.families) for part in session.served)
        float_rp = int(session.heads * inputs.branch.float_rp * portion)
        if carried > float_rp:
            yield Violation(Rule.FLOAT_EXCEEDED, session.host, session.day, carried, float_rp)


def _doors(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    """The half days given to door-to-door are enough for its houses and its money, and come after the village's session."""
    first_session: dict[int, int] = {}
    for session in plan.sessions:
        for part in session.served:
            first_session[part.village] = min(session.day, first_session.get(part.village, session.day))
    kept = set(inputs.kept.rounds)
    for round_ in plan.rounds:
        if round_ in kept:
            continue
        days = Fraction(0)
        for part in round_.served:
            rate = inputs.rates.door_per_day[villages[part.village].terrain]
            days += Fraction(part.families, rate) if rate else Fraction(part.families * 1000)
            after = first_session.get(part.village)
            if after is not None and round_.day < after + inputs.policy.door_after_days:
                allowed = after + inputs.policy.door_after_days
                yield Violation(Rule.DOORS_BEFORE_SESSION, part.village, round_.day, round_.day, allowed)
        if days * 2 > round_.halves:
            yield Violation(Rule.DOORS_OVERFULL, round_.kecamatan, round_.day, -int(-days * 2 // 1), round_.halves)
        carried = sum(_cash(villages[part.village], part.families) for part in round_.served)
        float_rp = round_.halves * inputs.branch.float_rp // 2
        if carried > float_rp:
            yield Violation(Rule.FLOAT_EXCEEDED, round_.kecamatan, round_.day, carried, float_rp)


def _day_limits(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    """Money, escorts and counters of each day that is still to come."""
    branch = inputs.branch
    cash: dict[int, int] = defaultdict(int)
    counted: dict[int, int] = defaultdict(int)
    venues: dict[int, int] = defaultdict(int)
    venues_in: dict[tuple[int, int], int] = defaultdict(int)
    for day, channel, part in plan.visits():
        cash[day] += _cash(villages[part.village], part.families)
        if channel is Channel.OFFICE:
            counted[day] += part.families
    for session in plan.sessions:
        venues[session.day] += 1
        venues_in[session.day, session.host // 10_000] += 1
    coming = range(inputs.kept.from_day, inputs.window.days)
    for day in coming:
        if cash[day] > branch.vault_rp:
            yield Violation(Rule.VAULT_EXCEEDED, 0, day, cash[day], branch.vault_rp)
        if venues[day] > branch.escorts:
            yield Violation(Rule.ESCORTS_EXCEEDED, 0, day, venues[day], branch.escorts)
        hours = 1 if day in inputs.window.half_days else 2
        payable = branch.counters * branch.counter_per_day * hours // 2
        if counted[day] > payable:
            yield Violation(Rule.COUNTERS_OVERFULL, 0, day, counted[day], payable)
    for (day, kecamatan), number in sorted(venues_in.items()):
        allowed = branch.escorts_of.get(kecamatan, branch.escorts_per_kecamatan)
        if day in coming and number > allowed:
            yield Violation(Rule.ESCORTS_IN_KECAMATAN_EXCEEDED, kecamatan, day, number, allowed)


def _people(inputs: Inputs, plan: Plan, villages: dict[int, Village]) -> Iterable[Violation]:
    """Mornings, afternoons and whole days each have enough people, and enough of them lead; nobody is counted on a rest day."""
    branch = inputs.branch
    if plan.hires.total > branch.hire_ceiling:
        yield Violation(Rule.TOO_MANY_HIRES, 0, None, plan.hires.total, branch.hire_ceiling)
    if plan.hires.leaders and not branch.hires_may_lead:
        yield Violation(Rule.TOO_MANY_HIRES, 0, None, plan.hires.leaders, 0)
    if plan.hires.total and plan.hires.from_day < inputs.kept.from_day + branch.onboarding_days:
        earliest = inputs.kept.from_day + branch.onboarding_days
        yield Violation(Rule.TOO_MANY_HIRES, 0, plan.hires.from_day, plan.hires.total, earliest)
    needed_by_day: dict[int, int] = {}
    for day in range(inputs.kept.from_day, inputs.window.days):
        staff = [officer for officer in branch.officers if day not in officer.absent]
        leaders = sum(officer.may_lead for officer in staff)
        people = len(staff)
        if day >= plan.hires.from_day:
            leaders += plan.hires.leaders
            people += plan.hires.total
        here = [session for session in plan.sessions if session.day == day]
        doors = sum(round_.halves for round_ in plan.rounds if round_.day == day)
        busy = {
            half: [session for session in here if session.span in (Span.DAY, half)]
            for half in (Span.MORNING, Span.AFTERNOON)
        }
        for half, sessions in busy.items():
            heads = sum(session.heads for session in sessions)
            if heads > people:
                yield Violation(Rule.TOO_FEW_OFFICERS, 0, day, heads, people)
            if len(sessions) > leaders:
                yield Violation(Rule.TOO_FEW_LEADERS, 0, day, len(sessions), leaders)
            if half is Span.AFTERNOON and day in inputs.window.half_days and sessions:
                yield Violation(Rule.CLOSED_DAY, sessions[0].host, day, 2, 1)
        halves = 1 if day in inputs.window.half_days else 2
        used = doors + sum(session.heads * (2 if session.span is Span.DAY else 1) for session in here)
        if used > people * halves:
            yield Violation(Rule.TOO_FEW_OFFICERS, 0, day, -(-used // halves), people)
        needed_by_day[day] = -(-used // halves)
    every = inputs.policy.rest_every
    if every and inputs.window.days >= every:
        # In any seven days a person works at most six: all together can give so many days, whoever rests when.
        for start in range(inputs.kept.from_day, inputs.window.days - every + 1):
            days = [day for day in range(start, start + every) if day not in inputs.window.closed]
            given = sum(min(every - 1, sum(day not in officer.absent for day in days)) for officer in branch.officers)
            given += plan.hires.total * min(every - 1, sum(day >= plan.hires.from_day for day in days))
            needed = sum(needed_by_day[day] for day in days)
            if needed > given:
                yield Violation(Rule.REST_DAY_MISSED, 0, start, needed, given)


def _cash(village: Village, families: int) -> int:
    """Rupiah for so many families of the village at its average payment, rounded up."""
    if not village.families:
        return 0
    whole, part = divmod(families * village.amount_rp, village.families)
    return whole + (1 if part else 0)


_RULES: tuple[Callable[[Inputs, Plan, dict[int, Village]], Iterable[Violation]], ...] = (
    _each_family_once,
    _kept_stays,
    _places_and_days,
    _sessions,
    _doors,
    _day_limits,
    _people,
)

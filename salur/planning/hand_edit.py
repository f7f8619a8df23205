"""Changes by hand: a village is dragged to another day, and the rules answer at once; pure.

The hand may do what the rules allow: an edit that breaks one is shown with what it breaks and by how much, and is not taken over unless the plan
was no better before. Door-to-door follows a session that moves behind it, where a later day has room; counters stay where they are. What no longer
fits is among the answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, inf

from salur.planning.check import Rule, Violation, check_plan, check_roster
from salur.planning.roster import name_people
from salur.planning.rules import Inputs, Plan, Rest, Round, Session, Span, door_capacity, present


@dataclass(frozen=True, slots=True)
class Edited:
    """The plan after a change, everything it breaks, and what of that is new."""

    plan: Plan
    violations: tuple[Violation, ...]
    new: tuple[Violation, ...]

    @property
    def accepted(self) -> bool:
        return not self.new


def move_session(inputs: Inputs, plan: Plan, session: Session, *, day: int, span: Span | None = None) -> Edited:
    """Hold ``session`` on another day, or in another part of it. Raises ``ValueError`` when the plan has no such session."""
    return _edited(inputs, plan, session, replace(session, day=day, span=session.span if span is None else span))


def change_team(inputs: Inputs, plan: Plan, session: Session, *, heads: int) -> Edited:
    """Hold ``session`` with more or fewer people."""
    return _edited(inputs, plan, session, replace(session, heads=heads))


def move_village(inputs: Inputs, plan: Plan, village: int, *, from_day: int, day: int) -> Edited:
    """Move what is planned for a village on one day: its sessions with their guests, and the rounds and counter days that are its alone.

    Raises ``ValueError`` when there is nothing of that on ``from_day``; families in a shared round are moved by planning again.
    """
    sessions = [s for s in plan.sessions if s.day == from_day and any(part.village == village for part in s.served)]
    rounds = [r for r in plan.rounds if r.day == from_day and {part.village for part in r.served} == {village}]
    counters = [c for c in plan.counters if c.day == from_day and {part.village for part in c.served} == {village}]
    if not (sessions or rounds or counters):
        raise ValueError(f"Nothing that could be moved is planned for {village} on day {from_day}.")
    moved = replace(
        plan,
        sessions=tuple(replace(s, day=day) if s in sessions else s for s in plan.sessions),
        rounds=tuple(replace(r, day=day) if r in rounds else r for r in plan.rounds),
        counters=tuple(replace(c, day=day) if c in counters else c for c in plan.counters),
    )
    edited = _judged(inputs, plan, moved)
    if edited.new and all(violation.rule is Rule.DOORS_BEFORE_SESSION for violation in edited.new):
        return _doors_follow(inputs, plan, edited)
    return edited


def _doors_follow(inputs: Inputs, plan: Plan, edited: Edited) -> Edited:
    """The visits at home that would come before a moved session go to the first day after it that has room; else the answer stays as it was.

    A round of such villages alone moves as it is; of a shared one their families leave, into a new round at the end of the list: so every other
    round keeps its place.
    """
    early = {(violation.area, violation.day) for violation in edited.new}
    least = max(violation.allowed for violation in edited.new)
    villages = {village.code: village for village in inputs.villages}
    for day in (day for day in inputs.open_days if day >= least):
        rounds, leaving = [], []
        for round_ in edited.plan.rounds:
            parts = [part for part in round_.served if (part.village, round_.day) in early]
            if len(parts) == len(round_.served):
                rounds.append(replace(round_, day=day))
            else:
                rounds.append(replace(round_, served=tuple(part for part in round_.served if part not in parts)))
                leaving += parts
        if leaving:
            days = sum(
                Fraction(part.families, max(1, door_capacity(inputs, villages[part.village]))) for part in leaving
            )
            rounds.append(Round(day, tuple(leaving), max(1, ceil(days * 2))))
        found = _judged(inputs, plan, replace(edited.plan, rounds=tuple(rounds)))
        if found.accepted:
            return found
    return edited


def days_for(inputs: Inputs, plan: Plan, village: int, *, from_day: int) -> dict[int, tuple[Violation, ...]]:
    """Each other open day → what moving the village there would newly break; what the board shows before a village is moved."""
    return {
        day: move_village(inputs, plan, village, from_day=from_day, day=day).new
        for day in inputs.open_days
        if day != from_day
    }


def _edited(inputs: Inputs, plan: Plan, old: Session, new: Session) -> Edited:
    sessions = list(plan.sessions)
    sessions[sessions.index(old)] = new
    return _judged(inputs, plan, replace(plan, sessions=tuple(sessions)))


def _judged(inputs: Inputs, before: Plan, after: Plan) -> Edited:
    """New is what the plan before did not break, or broke by less. A change that breaks nothing must also find people for every seat: who rests
    when is dealt anew where the old rest days do not fit it.
    """
    violations = tuple(check_plan(inputs, after))
    new = _new(check_plan(inputs, before), violations)
    if new:
        return Edited(after, violations, new)
    seats = _seating(inputs, after)
    if seats and (unseated := _new(_seating(inputs, before), seats)):
        rested = replace(after, rest=deal_rest(inputs, after))
        if rested.rest == after.rest or _new(_seating(inputs, before), _seating(inputs, rested)):
            return Edited(after, (*violations, *seats), unseated)
        after = rested
    return Edited(after, violations, ())


def _seating(inputs: Inputs, plan: Plan) -> tuple[Violation, ...]:
    """What a roster of the plan breaks."""
    return tuple(check_roster(inputs, plan, name_people(inputs, plan)))


def deal_rest(inputs: Inputs, plan: Plan) -> Rest:
    """Rest days where the plan has most people to spare, kind by kind, those who lead first; as many people rest as before."""
    every = len(plan.rest.leaders)
    if not every:
        return plan.rest
    days = [day for day in inputs.open_days if day >= inputs.kept.from_day]
    spare, spare_leaders = dict.fromkeys(range(every), inf), dict.fromkeys(range(every), inf)
    for day in days:
        people, leaders = present(inputs, plan.hires, Rest(), day)
        here = [session for session in plan.sessions if session.day == day]
        doors = sum(round_.halves for round_ in plan.rounds if round_.day == day)
        busy = [[s for s in here if s.span in (Span.DAY, half)] for half in (Span.MORNING, Span.AFTERNOON)]
        heads = [sum(session.heads for session in half) for half in busy]
        needed = max(max(heads), ceil((sum(heads) + doors) / inputs.window.halves(day)))
        spare[day % every] = min(spare[day % every], people - needed)
        spare_leaders[day % every] = min(spare_leaders[day % every], leaders - max(map(len, busy)))

    def dealt(people: int, *, leading: bool) -> tuple[int, ...]:
        groups = [0] * every
        for _ in range(people):
            room = (lambda g: min(spare[g], spare_leaders[g])) if leading else spare.__getitem__
            best = max(range(every), key=lambda g: (room(g), spare[g], -groups[g]))
            groups[best] += 1
            spare[best] -= 1
            spare_leaders[best] -= leading
        return tuple(groups)

    rest = plan.rest
    return Rest(
        dealt(sum(rest.leaders), leading=True),
        dealt(sum(rest.others), leading=False),
        dealt(sum(rest.hired_leaders), leading=True),
        dealt(sum(rest.hired_others), leading=False),
    )


def _new(before: Iterable[Violation], after: Iterable[Violation]) -> tuple[Violation, ...]:
    known = {(v.rule, v.area, v.day): v.found for v in before}
    return tuple(v for v in after if known.get((v.rule, v.area, v.day)) is None or _worse(v, known))


def _worse(violation: Violation, known: dict[tuple[Rule, int, int | None], int]) -> bool:
    before = known[violation.rule, violation.area, violation.day]
    return abs(violation.found - violation.allowed) > abs(before - violation.allowed)

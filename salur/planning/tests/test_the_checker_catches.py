"""Deliberately broken plans and rosters: the checker catches each, and by the right rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from salur.planning.check import Rule, check_plan, check_roster
from salur.planning.examples import imagined_branch, imagined_places
from salur.planning.roster import Roster, name_people
from salur.planning.rules import Channel, Hires, Inputs, Kept, Plan, Policy, Served, Session, Span, Unmet
from salur.planning.solve import solve


@pytest.fixture(scope="module")
def made() -> tuple[Inputs, Plan, Roster]:
    """A branch of 30 villages with an office, a holiday, a Friday and rest days, and its plan and roster."""
    inputs = imagined_branch(
        imagined_places(30, kecamatan=4), 14_000, officers=7, days=12, policy=Policy(rest_every=7), ready_within=3
    )
    villages = tuple(
        replace(
            village, office=20 if number % 4 == 0 else 0, blocked=frozenset({4}) if number % 5 == 0 else frozenset()
        )
        for number, village in enumerate(inputs.villages)
    )
    inputs = replace(
        inputs,
        villages=villages,
        window=replace(inputs.window, closed=frozenset({5}), half_days=frozenset({3, 10})),
        branch=replace(inputs.branch, counters=1),
    )
    plan = solve(inputs, seconds=10)
    assert plan.unmet == ()
    assert plan.hires.total
    assert plan.sessions
    assert plan.rounds
    assert plan.counters
    assert check_plan(inputs, plan) == []
    roster = name_people(inputs, plan)
    assert check_roster(inputs, plan, roster) == []
    return inputs, plan, roster


def with_session(plan: Plan, new: Session, old: Session | None = None) -> Plan:
    old = old or plan.sessions[0]
    return replace(plan, sessions=tuple(new if session is old else session for session in plan.sessions))


def busiest_day(plan: Plan) -> int:
    return max({s.day for s in plan.sessions}, key=lambda day: sum(s.heads for s in plan.sessions if s.day == day))


def full_day(plan: Plan) -> Session:
    return next(session for session in plan.sessions if session.span is Span.DAY)


MUTANTS: dict[str, tuple[Rule, Callable[[Inputs, Plan], tuple[Inputs, Plan]]]] = {
    "a session is dropped": (
        Rule.NOT_SERVED_ONCE,
        lambda i, p: (i, replace(p, sessions=p.sessions[1:])),
    ),
    "a round is dropped": (
        Rule.NOT_SERVED_ONCE,
        lambda i, p: (i, replace(p, rounds=p.rounds[1:])),
    ),
    "a village is served twice": (
        Rule.NOT_SERVED_ONCE,
        lambda i, p: (i, replace(p, sessions=(*p.sessions, replace(p.sessions[0], day=11)))),
    ),
    "one family is lost": (
        Rule.NOT_SERVED_ONCE,
        lambda i, p: (
            i,
            with_session(
                p,
                replace(
                    p.sessions[0],
                    served=(Served(p.sessions[0].served[0].village, p.sessions[0].served[0].families - 1),),
                ),
            ),
        ),
    ),
    "families are both served and called unmet": (
        Rule.NOT_SERVED_ONCE,
        lambda i, p: (i, replace(p, unmet=(Unmet(p.sessions[0].host, Channel.SESSION, 5),))),
    ),
    "a negative number hides families": (
        Rule.NOT_WHOLE,
        lambda i, p: (i, replace(p, unmet=(Unmet(p.sessions[0].host, Channel.SESSION, -5),))),
    ),
    "a village is not of this branch": (
        Rule.UNKNOWN_VILLAGE,
        lambda i, p: (i, with_session(p, replace(p.sessions[0], host=9999999999))),
    ),
    "readiness is ignored": (
        Rule.NOT_READY,
        lambda i, p: (
            replace(
                i, villages=tuple(replace(v, ready_day=9) if v.code == p.sessions[0].host else v for v in i.villages)
            ),
            p,
        ),
    ),
    "nobody has confirmed": (
        Rule.NOT_READY,
        lambda i, p: (
            replace(
                i, villages=tuple(replace(v, ready_day=None) if v.code == p.sessions[0].host else v for v in i.villages)
            ),
            p,
        ),
    ),
    "a market day is used": (
        Rule.BLOCKED_DAY,
        lambda i, p: (
            replace(
                i,
                villages=tuple(
                    replace(v, blocked=frozenset({p.sessions[0].day})) if v.code == p.sessions[0].host else v
                    for v in i.villages
                ),
            ),
            p,
        ),
    ),
    "a holiday is used": (Rule.CLOSED_DAY, lambda i, p: (i, with_session(p, replace(p.sessions[0], day=5)))),
    "a day beyond the window is used": (
        Rule.CLOSED_DAY,
        lambda i, p: (i, with_session(p, replace(p.sessions[0], day=12))),
    ),
    "a full day is held on a Friday": (
        Rule.CLOSED_DAY,
        lambda i, p: (i, with_session(p, replace(full_day(p), day=3), full_day(p))),
    ),
    "an afternoon is held on a Friday": (
        Rule.CLOSED_DAY,
        lambda i, p: (i, with_session(p, replace(p.sessions[0], day=3, span=Span.AFTERNOON))),
    ),
    "a team is too small for its families": (
        Rule.SESSION_OVERFULL,
        lambda i, p: (i, replace(p, sessions=tuple(replace(s, heads=2) for s in p.sessions))),
    ),
    "a full day's work is done in a morning": (
        Rule.SESSION_OVERFULL,
        lambda i, p: (i, with_session(p, replace(full_day(p), span=Span.MORNING), full_day(p))),
    ),
    "the way is longer than was thought": (
        Rule.SESSION_OVERFULL,
        lambda i, p: (replace(i, villages=tuple(replace(v, travel_minutes=100) for v in i.villages)), p),
    ),
    "a flat rule allows less": (
        Rule.SESSION_OVERFULL,
        lambda i, p: (replace(i, rates=replace(i.rates, session_per_day=100)), p),
    ),
    "one person goes alone": (Rule.TEAM_SIZE, lambda i, p: (i, with_session(p, replace(p.sessions[0], heads=1)))),
    "a team is larger than any": (Rule.TEAM_SIZE, lambda i, p: (i, with_session(p, replace(p.sessions[0], heads=7)))),
    "a session is held for a few": (
        Rule.SESSION_TOO_SMALL,
        lambda i, p: (replace(i, policy=replace(i.policy, own_session_least=5000)), p),
    ),
    "an officer carries too much": (
        Rule.FLOAT_EXCEEDED,
        lambda i, p: (replace(i, branch=replace(i.branch, float_rp=20_000_000)), p),
    ),
    "the vault gives more than it has": (
        Rule.VAULT_EXCEEDED,
        lambda i, p: (replace(i, branch=replace(i.branch, vault_rp=300_000_000)), p),
    ),
    "there are fewer escorts": (
        Rule.ESCORTS_EXCEEDED,
        lambda i, p: (replace(i, branch=replace(i.branch, escorts=1)), p),
    ),
    "one Polsek has fewer escorts": (
        Rule.ESCORTS_IN_KECAMATAN_EXCEEDED,
        lambda i, p: (replace(i, branch=replace(i.branch, escorts_of={p.sessions[0].kecamatan: 0})), p),
    ),
    "houses are visited before the session": (
        Rule.DOORS_BEFORE_SESSION,
        lambda i, p: (i, replace(p, rounds=tuple(replace(r, day=0) for r in p.rounds))),
    ),
    "a round has too little time": (
        Rule.DOORS_OVERFULL,
        lambda i, p: (i, replace(p, rounds=(replace(p.rounds[0], halves=p.rounds[0].halves - 1), *p.rounds[1:]))),
    ),
    "the counter takes more than it can": (
        Rule.COUNTERS_OVERFULL,
        lambda i, p: (replace(i, branch=replace(i.branch, counter_per_day=10)), p),
    ),
    "an officer is missing": (
        Rule.TOO_FEW_OFFICERS,
        lambda i, p: (
            replace(
                i,
                branch=replace(
                    i.branch,
                    officers=tuple(replace(o, absent=frozenset({busiest_day(p)})) for o in i.branch.officers),
                ),
            ),
            p,
        ),
    ),
    "nobody may lead": (
        Rule.TOO_FEW_LEADERS,
        lambda i, p: (
            replace(i, branch=replace(i.branch, officers=tuple(replace(o, may_lead=False) for o in i.branch.officers))),
            p,
        ),
    ),
    "hires work before they are there": (
        Rule.TOO_MANY_HIRES,
        lambda i, p: (i, replace(p, hires=Hires(p.hires.leaders, p.hires.others, 0))),
    ),
    "more are hired than may be": (
        Rule.TOO_MANY_HIRES,
        lambda i, p: (replace(i, branch=replace(i.branch, hire_ceiling=0)), p),
    ),
    "hires lead who may not": (
        Rule.TOO_MANY_HIRES,
        lambda i, p: (
            replace(i, branch=replace(i.branch, hires_may_lead=False)),
            replace(p, hires=Hires(p.hires.total, 0, p.hires.from_day)),
        ),
    ),
    "what was published is changed": (
        Rule.KEPT_CHANGED,
        lambda i, p: (
            replace(i, kept=Kept(sessions=p.sessions[:1])),
            with_session(p, replace(p.sessions[0], day=p.sessions[0].day + 1)),
        ),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_plan_is_caught(made: tuple[Inputs, Plan, Roster], name: str) -> None:
    inputs, plan, _ = made
    rule, break_it = MUTANTS[name]
    assert rule in {violation.rule for violation in check_plan(*break_it(inputs, plan))}


def test_working_without_a_rest_day_is_caught(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, _ = made
    # Everyone is needed on each of twelve days without a holiday: nobody can rest.
    everyone = len(inputs.branch.officers) + plan.hires.total
    restless = replace(inputs, window=replace(inputs.window, closed=frozenset(), half_days=frozenset()))
    rounds = tuple(replace(plan.rounds[0], day=day, halves=2 * everyone) for day in range(2, 12))
    found = check_plan(restless, replace(plan, sessions=(), rounds=rounds))
    assert Rule.REST_DAY_MISSED in {violation.rule for violation in found}


ROSTER_MUTANTS: dict[str, tuple[Rule, Callable[[Inputs, Plan, Roster], Roster]]] = {
    "a seat is empty": (Rule.SEAT_EMPTY, lambda i, p, r: replace(r, duties=r.duties[1:])),
    "a stranger works": (
        Rule.UNKNOWN_PERSON,
        lambda i, p, r: replace(r, duties=(replace(r.duties[0], person=4711), *r.duties[1:])),
    ),
    "someone is in two places": (
        Rule.TWO_PLACES_AT_ONCE,
        lambda i, p, r: replace(r, duties=(*r.duties, replace(r.duties[0], number=r.duties[0].number + 1))),
    ),
    "a team is without its leader": (
        Rule.WITHOUT_LEADER,
        lambda i, p, r: replace(r, duties=tuple(replace(d, leads=False) for d in r.duties)),
    ),
    "a hire works before the contract": (
        Rule.PERSON_ABSENT,
        lambda i, p, r: replace(r, duties=(replace(r.duties[0], person=-1), *r.duties[1:])),
    ),
    "someone works on another day than the team": (
        Rule.SEAT_EMPTY,
        lambda i, p, r: replace(r, duties=(replace(r.duties[0], day=r.duties[0].day + 1), *r.duties[1:])),
    ),
    "fewer are hired than planned": (Rule.TOO_MANY_HIRES, lambda i, p, r: replace(r, hired=r.hired[1:])),
    "someone never rests": (
        Rule.REST_DAY_MISSED,
        lambda i, p, r: replace(r, duties=(*r.duties, *(replace(r.duties[0], day=day, person=1) for day in range(12)))),
    ),
}


@pytest.mark.parametrize("name", ROSTER_MUTANTS)
def test_a_broken_roster_is_caught(made: tuple[Inputs, Plan, Roster], name: str) -> None:
    inputs, plan, roster = made
    rule, break_it = ROSTER_MUTANTS[name]
    found = check_roster(inputs, plan, break_it(inputs, plan, roster))
    assert rule in {violation.rule for violation in found}


def test_every_rule_has_a_mutant() -> None:
    tested = {rule for rule, _ in MUTANTS.values()} | {rule for rule, _ in ROSTER_MUTANTS.values()}
    assert tested | {Rule.REST_DAY_MISSED} == set(Rule)

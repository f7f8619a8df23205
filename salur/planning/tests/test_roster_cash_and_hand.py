"""Named people, their cash, and changes by hand."""

from collections import Counter
from dataclasses import replace

import pytest

from salur.planning.cash import plan_cash
from salur.planning.check import Rule, check_plan, check_roster
from salur.planning.examples import imagined_branch, imagined_places
from salur.planning.hand_edit import change_team, days_for, move_session, move_village
from salur.planning.roster import Roster, longest_run, name_people
from salur.planning.rules import Channel, Inputs, Kept, Plan, Policy, Span
from salur.planning.solve import solve


@pytest.fixture(scope="module")
def made() -> tuple[Inputs, Plan, Roster]:
    inputs = imagined_branch(imagined_places(60, kecamatan=8), 30_000, officers=9, policy=Policy(rest_every=7))
    plan = solve(inputs, seconds=15)
    return inputs, plan, name_people(inputs, plan)


def test_every_seat_is_filled_and_the_load_is_fair(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, roster = made
    assert roster.vacancies == ()
    assert check_roster(inputs, plan, roster) == []
    own = [roster.halves_of(officer.id) for officer in inputs.branch.officers]
    new = [roster.halves_of(person.id) for person in roster.hired]
    assert max(own) - min(own) <= 4
    assert max(new) - min(new) <= 4


def test_each_session_has_one_leader_who_is_an_employee(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, roster = made
    leaders = Counter(d.number for d in roster.duties if d.channel is Channel.SESSION and d.leads)
    assert leaders == dict.fromkeys(range(len(plan.sessions)), 1)
    employees = {officer.id for officer in inputs.branch.officers}
    if plan.hires.leaders == 0:
        assert {d.person for d in roster.duties if d.leads} <= employees


def test_nobody_works_seven_days_in_a_row(made: tuple[Inputs, Plan, Roster]) -> None:
    _, _, roster = made
    people = {duty.person for duty in roster.duties}
    assert max(longest_run({d.day for d in roster.duties if d.person == person}) for person in people) <= 6


def test_people_work_near_home_more_often_than_chance(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, roster = made
    home = {person.id: person.kecamatan for person in (*inputs.branch.officers, *roster.hired)}
    tasks = {Channel.SESSION: plan.sessions, Channel.DOOR: plan.rounds}
    at_home = sum(tasks[d.channel][d.number].kecamatan == home[d.person] for d in roster.duties)
    assert at_home / len(roster.duties) > 2 / 8  # there are eight kecamatan


def test_an_absent_officer_is_not_called_and_still_rests(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, _, _ = made
    ill = replace(inputs.branch.officers[0], absent=frozenset({3, 4}))
    inputs = replace(inputs, branch=replace(inputs.branch, officers=(ill, *inputs.branch.officers[1:])))
    plan = solve(inputs, seconds=15)
    roster = name_people(inputs, plan)
    days = {duty.day for duty in roster.duties if duty.person == ill.id}
    assert days.isdisjoint({3, 4})
    assert days
    assert check_roster(inputs, plan, roster) == []
    assert roster.vacancies == ()


def test_kept_duties_stay_and_count(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, roster = made
    later = replace(inputs, kept=Kept(from_day=5, sessions=tuple(s for s in plan.sessions if s.day < 6)))
    kept = [duty for duty in roster.duties if duty.day < 6]
    again = name_people(later, plan, kept=kept)
    assert [duty for duty in again.duties if duty.day < 6] == kept
    assert again.vacancies == ()


def test_the_cash_of_the_plan_is_what_families_are_owed(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, roster = made
    cash = plan_cash(inputs, plan, roster)
    assert sum(day.amount_rp for day in cash.days) == sum(village.amount_rp for village in inputs.villages)
    by_day = Counter[int]()
    for part in cash.floats:
        assert part.amount_rp <= inputs.branch.float_rp
        by_day[part.day] += part.amount_rp
    assert by_day == {day.day: day.field_rp for day in cash.days}
    assert all(day.amount_rp <= inputs.branch.vault_rp for day in cash.days)
    assert len(cash.escorts) == len(plan.sessions)


def test_a_village_moves_to_a_day_with_room_and_not_to_a_day_without(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, _ = made
    session = plan.sessions[len(plan.sessions) // 2]
    offers = days_for(inputs, plan, session.host, from_day=session.day)
    assert set(offers) == set(inputs.open_days) - {session.day}
    for day, broken in offers.items():
        edited = move_village(inputs, plan, session.host, from_day=session.day, day=day)
        assert edited.new == broken
        if edited.accepted:
            assert check_roster(inputs, edited.plan, name_people(inputs, edited.plan)) == []
    full = next(day for day, broken in offers.items() if broken)
    edited = move_session(inputs, plan, session, day=full)
    assert not edited.accepted
    assert edited.violations == tuple(check_plan(inputs, edited.plan))
    assert {violation.rule for violation in edited.new} <= set(Rule)


def test_a_village_cannot_move_before_it_is_ready(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, _ = made
    session = plan.sessions[-1]
    late = replace(
        inputs,
        villages=tuple(replace(v, ready_day=session.day) if v.code == session.host else v for v in inputs.villages),
    )
    edited = move_village(late, plan, session.host, from_day=session.day, day=0)
    assert Rule.NOT_READY in {violation.rule for violation in edited.new}


def test_a_team_may_grow_where_people_are_left_and_never_shrink_below_its_families(
    made: tuple[Inputs, Plan, Roster],
) -> None:
    inputs, plan, _ = made
    session = max(plan.sessions, key=lambda s: s.heads)
    edited = change_team(inputs, plan, session, heads=1)
    assert Rule.TEAM_SIZE in {violation.rule for violation in edited.new}


def test_a_broken_plan_may_be_mended_by_hand_step_by_step(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, _ = made
    session = next(s for s in plan.sessions if s.span is Span.DAY)
    broken = move_session(inputs, plan, session, day=inputs.window.days).plan
    moved = next(s for s in broken.sessions if s.day == inputs.window.days)
    back = move_session(inputs, broken, moved, day=session.day)
    assert back.accepted
    assert back.violations == ()


def test_nothing_to_move_is_refused(made: tuple[Inputs, Plan, Roster]) -> None:
    inputs, plan, _ = made
    with pytest.raises(ValueError, match="Nothing that could be moved"):
        move_village(inputs, plan, 9999999999, from_day=0, day=1)

"""Properties: whatever a branch looks like, its plan passes the independent checker, and what is not reached is explained."""

from dataclasses import replace
from datetime import date

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from salur.planning.cash import plan_cash
from salur.planning.check import Rule, check_plan, check_roster
from salur.planning.hand_edit import change_team, move_session
from salur.planning.roster import name_people
from salur.planning.rules import (
    Branch,
    Inputs,
    Kept,
    Lack,
    Officer,
    Order,
    Policy,
    Rates,
    Span,
    Terrain,
    Village,
    Window,
)
from salur.planning.solve import solve, solve_greedily

SEATING = {Rule.SEAT_EMPTY, Rule.WITHOUT_LEADER, Rule.REST_DAY_MISSED}
CALM = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


TROUBLES = (
    "days",
    "calendar",
    "families",
    "terrain",
    "readiness",
    "officers",
    "illness",
    "hires",
    "vault",
    "float",
    "escorts",
)


@st.composite
def branches(draw: st.DrawFn) -> Inputs:
    """Small branches, each with up to three troubles: without days, officers, cash or escorts, with markets, holidays, illness."""
    troubles = draw(st.sets(st.sampled_from(TROUBLES), max_size=3))
    random = draw(st.randoms(use_true_random=False))

    def some_days(most: int) -> frozenset[int]:
        return frozenset(random.randrange(10) for _ in range(random.randint(0, most)))

    def either(trouble: str, usual: list[int], hostile: list[int]) -> int:
        return random.choice(hostile if trouble in troubles else usual)

    window = Window(
        date(2022, 3, 1),
        either("days", [8, 10], [0, 1, 2, 3]),
        closed=some_days(2) if "calendar" in troubles else frozenset(),
        half_days=some_days(2) if "calendar" in troubles else frozenset(),
    )
    villages = []
    for number in range(draw(st.integers(1, 12))):
        families = either("families", [random.randint(80, 1500)], [0, random.randint(1, 60), random.randint(1, 300)])
        payment_rp = random.choice([600_000, 600_000, 333_333, 2_400_000])
        ready_day = random.choice([None, 0, 2, 6, 12]) if "readiness" in troubles else random.choice([0, 0, 1])
        villages.append(
            Village(
                code=9901000000 + random.randint(1, 3) * 10_000 + 2001 + number,
                families=families,
                amount_rp=families * payment_rp - (random.randint(0, 7) if families else 0),
                home_visits=random.randint(0, families) if "terrain" in troubles else families // 15,
                office=random.choice([0, 0, 80]),
                online=random.random() < 0.8,
                terrain=random.choice(list(Terrain)) if "terrain" in troubles else Terrain.PLAIN,
                travel_minutes=either("terrain", [5, 20, 40], [0, 90, 150]),
                ready_day=ready_day,
                blocked=some_days(3) if "calendar" in troubles else frozenset(),
                lat=-7.0 + random.randint(0, 5) / 100,
                lon=113.0 + random.randint(0, 5) / 100,
            )
        )
    officers = tuple(
        Officer(
            id=number,
            kecamatan=990101 + number % 3,
            may_lead=random.random() < 0.7,
            absent=some_days(4) if "illness" in troubles else frozenset(),
        )
        for number in range(either("officers", [4, 6, 9], [0, 1, 2]))
    )
    branch = Branch(
        code="KC-X",
        officers=officers,
        hire_ceiling=either("hires", [40], [0, 0, 2]),
        onboarding_days=random.randint(0, 3),
        hires_may_lead=random.random() < 0.5,
        vault_rp=either("vault", [8_000_000_000], [0, 500_000, 200_000_000, 900_000_000]),
        float_rp=either("float", [300_000_000], [500_000, 10_000_000, 30_000_000]),
        escorts=either("escorts", [6], [0, 1, 2]),
        escorts_per_kecamatan=either("escorts", [3], [0, 1]),
        counters=random.randint(0, 1),
        counter_per_day=60,
    )
    policy = Policy(
        order=random.choice(list(Order)),
        rest_every=random.choice([None, 7, 4]),
        team_least=random.randint(1, 2),
        door_after_days=random.randint(0, 1),
    )
    rates = random.choice([Rates(), Rates(session_per_day=150), Rates(session_per_day=401)])
    return Inputs(window, branch, tuple(villages), rates, policy)


@CALM
@given(branches())
def test_every_plan_passes_the_checker_and_says_what_is_missing(inputs: Inputs) -> None:
    for plan in (solve(inputs, seconds=5), solve_greedily(inputs)):
        assert check_plan(inputs, plan) == []
        roster = name_people(inputs, plan)
        assert roster.vacancies == ()
        assert check_roster(inputs, plan, roster) == []
        cash = plan_cash(inputs, plan, roster)
        assert max((day.amount_rp for day in cash.days), default=0) <= inputs.branch.vault_rp
        assert max((part.amount_rp for part in cash.floats), default=0) <= inputs.branch.float_rp
        assert sum(part.amount_rp for part in cash.floats) == sum(day.field_rp for day in cash.days)
    assert plan.unmet_families >= solve(inputs, seconds=5).unmet_families, "greedy reaches more than the solver"
    explained = solve(inputs, seconds=5)
    assert bool(explained.unmet) <= bool(explained.shortfalls), "families are left out and nobody says why"


@CALM
@given(branches(), st.data())
def test_an_accepted_change_by_hand_still_passes_the_checker(inputs: Inputs, data: st.DataObject) -> None:
    plan = solve_greedily(inputs)
    for _ in range(8):
        if not plan.sessions:
            return
        session = data.draw(st.sampled_from(plan.sessions))
        if data.draw(st.booleans()):
            day, span = data.draw(st.integers(-1, inputs.window.days)), data.draw(st.sampled_from(Span))
            edited = move_session(inputs, plan, session, day=day, span=span)
        else:
            edited = change_team(inputs, plan, session, heads=data.draw(st.integers(0, 8)))
        if edited.accepted:
            assert check_plan(inputs, edited.plan) == []
            assert check_roster(inputs, edited.plan, name_people(inputs, edited.plan)) == []
            plan = edited.plan
        else:
            assert edited.new
            assert check_plan(inputs, edited.plan) or {v.rule for v in edited.new} <= SEATING
    assert check_plan(inputs, plan) == []


@CALM
@given(branches(), st.data())
def test_planning_again_keeps_what_is_published_and_passes_the_checker(inputs: Inputs, data: st.DataObject) -> None:
    first = solve_greedily(inputs)
    today = data.draw(st.integers(0, max(0, inputs.window.days)))
    published = today + data.draw(st.integers(0, 2))
    kept = Kept(
        from_day=today,
        sessions=tuple(s for s in first.sessions if s.day < published and data.draw(st.integers(0, 4))),
        rounds=tuple(r for r in first.rounds if r.day < published),
        counters=tuple(c for c in first.counters if c.day < published),
    )
    # Those hired by the first plan are staff by now, and a batch has added families in one village.
    hired = name_people(inputs, first).hired
    staff = tuple(
        replace(person, id=100 - person.id, absent=frozenset(range(first.hires.from_day))) for person in hired
    )
    later = replace(
        inputs,
        kept=kept,
        branch=replace(inputs.branch, officers=(*inputs.branch.officers, *staff), hire_ceiling=5),
        policy=replace(inputs.policy, rest_every=None),
        villages=tuple(
            replace(v, families=v.families + 70, amount_rp=v.amount_rp + 70 * v.payment_rp)
            if n == 0 and v.families
            else v
            for n, v in enumerate(inputs.villages)
        ),
    )
    again = solve(later, seconds=5)
    assert {*kept.sessions} <= {*again.sessions}
    assert check_plan(later, again) == []


def test_a_plan_of_nothing_says_that_there_is_nothing() -> None:
    plan = solve(Inputs(Window(date(2022, 3, 1)), Branch("KC-X"), ()))
    assert [shortfall.lack for shortfall in plan.shortfalls] == [Lack.FAMILIES]

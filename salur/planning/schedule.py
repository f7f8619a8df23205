"""From a choice of days to a plan: whole families at doors and counters, whole half-days for each round.

Both planners use it: the solver's shares of families are rounded here without breaking a limit, the greedy planner's doors are laid out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from salur.planning.channels import Need, Split
from salur.planning.rules import (
    Channel,
    Counter,
    Hires,
    Inputs,
    Plan,
    Proof,
    Rest,
    Round,
    Served,
    Session,
    Span,
    Unmet,
    door_capacity,
    present,
)


class Chosen(NamedTuple):
    """A session with its day: number of the gathering, and how it is held."""

    gathering: int
    day: int
    span: Span
    heads: int


@dataclass
class Spare:
    """What is left of each day; planning takes from it."""

    halves: dict[int, Fraction]
    vault_rp: dict[int, int]
    counter_families: dict[int, int]


def lay_out(
    inputs: Inputs,
    parts: Split,
    chosen: Sequence[Chosen],
    *,
    hires: Hires,
    rest: Rest,
    proof: Proof,
    door_shares: Mapping[tuple[int, int], float] | None = None,
    office_shares: Mapping[tuple[int, int], float] | None = None,
) -> Plan:
    """The plan that holds these sessions. Shares are (number of the need, day) → part of its families, as a wish; what finds no room on
    its day moves to a later one, then to any. Without shares every need is met as early as it can be, in the order of ``parts``.
    """
    sessions = [
        Session(day, parts.gatherings[number].host.code, parts.gatherings[number].served, span, heads)
        for number, day, span, heads in chosen
    ]
    spare = _spare(inputs, [*inputs.kept.sessions, *sessions], hires, rest)
    released = _released(inputs, parts, sessions)
    doors = _place(inputs, parts.doors, door_shares, released, spare, _door_halves(inputs))
    offices = _place(inputs, parts.offices, office_shares, {}, spare, None)
    held = {choice.gathering for choice in chosen}
    unmet = list(parts.unmet)
    for number, gathering in enumerate(parts.gatherings):
        if number not in held:
            unmet += [Unmet(part.village, Channel.SESSION, part.families) for part in gathering.served]
    for channel, needs, placed in ((Channel.DOOR, parts.doors, doors), (Channel.OFFICE, parts.offices, offices)):
        served: dict[int, int] = defaultdict(int)
        for (number, _), families in placed.items():
            served[number] += families
        unmet += [
            Unmet(need.village.code, channel, need.families - served[number])
            for number, need in enumerate(needs)
            if served[number] < need.families
        ]
    return Plan(
        sessions=tuple(sorted((*inputs.kept.sessions, *sessions), key=lambda s: (s.day, s.host, s.span))),
        rounds=(*inputs.kept.rounds, *_rounds(inputs, parts.doors, doors, spare)),
        counters=(*inputs.kept.counters, *_counter_days(parts.offices, offices)),
        hires=hires,
        rest=rest,
        unmet=tuple(unmet),
        shortfalls=parts.lacks,
        proof=proof,
    )


def _spare(inputs: Inputs, sessions: Sequence[Session], hires: Hires, rest: Rest) -> Spare:
    window, branch = inputs.window, inputs.branch
    villages = {village.code: village for village in inputs.villages}
    spare = Spare({}, {}, {})
    for day in inputs.open_days:
        people, _ = present(inputs, hires, rest, day)
        spare.halves[day] = Fraction(people * window.halves(day))
        spare.vault_rp[day] = branch.vault_rp
        spare.counter_families[day] = branch.counters * branch.counter_per_day * window.halves(day) // 2
    for session in sessions:
        if session.day in spare.halves:
            spare.halves[session.day] -= session.heads * session.span.halves
            spare.vault_rp[session.day] -= sum(villages[part.village].cash_rp(part.families) for part in session.served)
    for round_ in inputs.kept.rounds:
        if round_.day in spare.halves:
            spare.halves[round_.day] -= round_.halves
            spare.vault_rp[round_.day] -= sum(villages[part.village].cash_rp(part.families) for part in round_.served)
    for counter in inputs.kept.counters:
        if counter.day in spare.halves:
            spare.counter_families[counter.day] -= sum(part.families for part in counter.served)
            spare.vault_rp[counter.day] -= sum(villages[part.village].cash_rp(part.families) for part in counter.served)
    return spare


def _released(inputs: Inputs, parts: Split, sessions: Sequence[Session]) -> dict[int, int | None]:
    """Village → first day for its doors; None when its session is not held at all. Villages without sessions are absent."""
    first: dict[int, int | None] = {}
    for gathering in parts.gatherings:
        for part in gathering.served:
            first[part.village] = None
    for session in (*inputs.kept.sessions, *sessions):
        for part in session.served:
            day, known = session.day + inputs.policy.door_after_days, first.get(part.village)
            first[part.village] = day if known is None else min(day, known)
    return first


def _door_halves(inputs: Inputs) -> dict[int, Fraction]:
    """Village → halves that one house takes."""
    return {
        village.code: Fraction(2, capacity)
        for village in inputs.villages
        if (capacity := door_capacity(inputs, village))
    }


def _place(
    inputs: Inputs,
    needs: Sequence[Need],
    shares: Mapping[tuple[int, int], float] | None,
    released: Mapping[int, int | None],
    spare: Spare,
    halves_per_house: Mapping[int, Fraction] | None,
) -> dict[tuple[int, int], int]:
    """(number of the need, day) → whole families. With ``halves_per_house`` the limit is the officers' time, without it the counters'."""
    placed: dict[tuple[int, int], int] = defaultdict(int)
    left = {number: need.families for number, need in enumerate(needs)}

    def put(number: int, day: int, wanted: int) -> None:
        need = needs[number]
        village = need.village
        first = released.get(village.code, 0)
        if first is None or day < max(first, village.ready_day or 0) or day in village.blocked:
            return
        room = (
            spare.counter_families[day]
            if halves_per_house is None
            else int(spare.halves[day] / halves_per_house[village.code])
        )
        families = min(wanted, left[number], max(0, room))
        # The average payment is rounded up once per village and day, which may cost one rupiah more than the parts.
        affordable = max(0, spare.vault_rp[day] - 1) * village.families // max(1, village.amount_rp)
        families = min(families, affordable)
        if families <= 0:
            return
        before = village.cash_rp(placed[number, day])
        placed[number, day] += families
        left[number] -= families
        spare.vault_rp[day] -= village.cash_rp(placed[number, day]) - before
        if halves_per_house is None:
            spare.counter_families[day] -= families
        else:
            spare.halves[day] -= families * halves_per_house[village.code]

    if shares is not None:
        wish = dict.fromkeys(left, 0.0)
        for day in inputs.open_days:
            for number, need in enumerate(needs):
                wish[number] += shares.get((number, day), 0.0)
                due = int(wish[number] * need.families + 1e-6) - (need.families - left[number])
                if due > 0:
                    put(number, day, due)
    for day in inputs.open_days:
        for number in left:
            if left[number]:
                put(number, day, left[number])
    return {key: families for key, families in placed.items() if families}


def _rounds(inputs: Inputs, needs: Sequence[Need], placed: Mapping[tuple[int, int], int], spare: Spare) -> list[Round]:
    """Whole half-days for the houses of a day, by kecamatan; where people are short, neighbours by code share the half that is left over."""
    per_house = _door_halves(inputs)
    by_day: dict[int, dict[int, list[Served]]] = defaultdict(lambda: defaultdict(list))
    for (number, day), families in sorted(
        placed.items(), key=lambda item: (item[0][1], needs[item[0][0]].village.code)
    ):
        village = needs[number].village
        by_day[day][village.kecamatan].append(Served(village.code, families))
    rounds: list[Round] = []
    for day, of_kecamatan in sorted(by_day.items()):
        idle = spare.halves[day]  # what rounding up may still use
        together: list[Served] = []
        load = Fraction(0)
        for served in of_kecamatan.values():
            together += served
            load += sum((part.families * per_house[part.village] for part in served), Fraction(0))
            up = -(-load // 1)
            if up - load <= idle:
                idle -= up - load
                rounds.append(Round(day, tuple(together), int(up)))
                together, load = [], Fraction(0)
        if together:
            rounds.append(Round(day, tuple(together), int(-(-load // 1))))
    return rounds


def _counter_days(needs: Sequence[Need], placed: Mapping[tuple[int, int], int]) -> list[Counter]:
    by_day: dict[int, list[Served]] = defaultdict(list)
    for (number, day), families in sorted(
        placed.items(), key=lambda item: (item[0][1], needs[item[0][0]].village.code)
    ):
        by_day[day].append(Served(needs[number].village.code, families))
    return [Counter(day, tuple(served)) for day, served in sorted(by_day.items())]

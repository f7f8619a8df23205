"""The greedy planner: a usable plan in milliseconds, where the solver has no time or no answer, and a start for what-ifs.

Day by day, it holds the next session by the policy's order that people, leaders, cash and escorts of the day still allow; what time is left
goes to doors. The least number of hires is searched by halving. It proves nothing.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, replace

from salur.planning.channels import Gathering, Need, Split
from salur.planning.model import HALVES, Pattern, kept_cash, kept_people, kept_venues, patterns
from salur.planning.rules import Hires, Inputs, Order, Plan, Proof, Rest, Span, has_days_off, present, rest_period
from salur.planning.schedule import Chosen, lay_out


def plan_greedily(inputs: Inputs, parts: Split) -> Plan:
    """The plan with the least unmet families, and then the fewest hires, that this way of planning finds."""
    started = time.perf_counter()
    parts = replace(
        parts,
        gatherings=tuple(sorted(parts.gatherings, key=lambda gathering: _gathering_key(inputs, gathering))),
        doors=tuple(sorted(parts.doors, key=lambda need: _need_key(inputs, need))),
    )
    tables = _Tables.of(inputs, parts)
    best = _attempt(inputs, parts, tables, 0, 0)
    ceiling = inputs.branch.hire_ceiling
    if best.unmet and ceiling:
        for all_lead in {False, inputs.branch.hires_may_lead}:
            most = _attempt(inputs, parts, tables, ceiling, ceiling if all_lead else 0)
            if most.unmet_families >= best.unmet_families:
                continue
            low, high, best = 0, ceiling, most  # the least hires that leave no more unmet
            while high - low > 1:
                middle = (low + high) // 2
                plan = _attempt(inputs, parts, tables, middle, middle if all_lead else 0)
                if plan.unmet_families <= best.unmet_families:
                    high, best = middle, plan
                else:
                    low = middle
    best = _fewer_leaders(inputs, best)
    return replace(best, proof=Proof(method="greedy", seconds=time.perf_counter() - started))


@dataclass
class _Tables:
    """What does not change between attempts."""

    ways: list[list[Pattern]]
    days: list[frozenset[int]]

    @classmethod
    def of(cls, inputs: Inputs, parts: Split) -> "_Tables":
        policy = inputs.policy
        return cls(
            ways=[patterns(g, team_least=policy.team_least, team_most=policy.team_most) for g in parts.gatherings],
            days=[
                frozenset(day for day in inputs.open_days if day >= g.ready_day and day not in g.blocked)
                for g in parts.gatherings
            ],
        )


def even_rest(inputs: Inputs, hires: Hires) -> Rest:
    """Rest days spread evenly over each kind of people."""
    every = rest_period(inputs)
    if not every:
        return Rest()
    steady = [officer for officer in inputs.branch.officers if not has_days_off(inputs, officer)]
    leaders = sum(officer.may_lead for officer in steady)

    def spread(people: int, offset: int) -> tuple[int, ...]:
        return tuple((people + (every - 1 - (group + offset) % every)) // every for group in range(every))

    # Offsets let one kind's larger groups fall on another kind's smaller ones.
    return Rest(spread(leaders, 0), spread(len(steady) - leaders, 2), spread(hires.leaders, 4), spread(hires.others, 5))


def _attempt(inputs: Inputs, parts: Split, tables: _Tables, hired: int, leading: int) -> Plan:
    hires = Hires(leading, hired - leading, inputs.hires_from_day if hired else 0)
    rest = even_rest(inputs, hires)
    used = kept_people(inputs)
    out, venues = kept_cash(inputs), kept_venues(inputs)
    pending = list(range(len(parts.gatherings)))
    chosen: list[Chosen] = []
    for day in inputs.open_days:
        if not pending:
            break
        people, leaders = present(inputs, hires, rest, day)
        # Room in the morning and the afternoon: people and leaders. Rounds that are kept are taken from both, which is safe.
        out_already = used[day, Span.DAY].people
        room = {
            half: [people - used[day, half].people - out_already, leaders - used[day, half].leaders]
            for half in HALVES[: inputs.window.halves(day)]
        }
        cash_rp = inputs.branch.vault_rp - out[day]
        guarded = inputs.branch.escorts - venues[day, 0]
        guarded_in: dict[int, int] = defaultdict(int)
        left = []
        for number in pending:
            gathering = parts.gatherings[number]
            kecamatan = gathering.host.kecamatan
            allowed = inputs.branch.escorts_in(kecamatan) - venues[day, kecamatan]
            fits = day in tables.days[number] and gathering.cash_rp <= cash_rp and guarded > 0
            way = _way(tables.ways[number], room) if fits and guarded_in[kecamatan] < allowed else None
            if way is None:
                left.append(number)
                continue
            for half in room if way.span is Span.DAY else (way.span,):
                room[half][0] -= way.heads
                room[half][1] -= 1
            chosen.append(Chosen(number, day, way.span, way.heads))
            cash_rp -= gathering.cash_rp
            guarded -= 1
            guarded_in[kecamatan] += 1
        pending = left
    return lay_out(inputs, parts, chosen, hires=hires, rest=rest, proof=Proof("greedy"))


def _way(ways: list[Pattern], room: dict[Span, list[int]]) -> Pattern | None:
    """The pattern with the least work that fits, in the emptier half of the day."""
    fitting = []
    for way in ways:
        halves = tuple(room) if way.span is Span.DAY else (way.span,)
        if way.span is Span.DAY and len(room) < len(HALVES):
            continue
        if all(half in room and room[half][0] >= way.heads and room[half][1] >= 1 for half in halves):
            fitting.append((way.work, -min(room[half][0] for half in halves), way.span, way))
    return min(fitting)[-1] if fitting else None


def _first(inputs: Inputs, online: bool) -> bool:
    return online is (inputs.policy.order is Order.ONLINE_FIRST)


def _gathering_key(inputs: Inputs, gathering: Gathering) -> tuple[object, ...]:
    """The policy's areas first; then whoever can be served on few days; then the large."""
    if inputs.policy.order is Order.TRAVEL:
        return gathering.host.kecamatan, -gathering.families
    return not _first(inputs, gathering.host.online), -gathering.ready_day, -gathering.families, gathering.host.code


def _need_key(inputs: Inputs, need: Need) -> tuple[object, ...]:
    return not _first(inputs, need.village.online), need.village.kecamatan, need.village.code


def _fewer_leaders(inputs: Inputs, plan: Plan) -> Plan:
    """No more of the hires lead than the sessions need on the worst day; the rest groups stay as they were counted."""
    if not plan.hires.leaders or plan.rest.hired_leaders:
        return plan
    need = 0
    for day in inputs.open_days:
        if day < plan.hires.from_day:
            continue
        own = inputs.on_duty(day, leaders=True)
        for half in (Span.MORNING, Span.AFTERNOON):
            sessions = sum(session.day == day and session.span in (Span.DAY, half) for session in plan.sessions)
            need = max(need, sessions - own)
    leaders = min(plan.hires.leaders, max(0, need))
    return replace(plan, hires=Hires(leaders, plan.hires.total - leaders, plan.hires.from_day))

"""Make the plan of one branch: the least unmet, then the fewest hires, then the policy's order; and say what is missing.

``solve`` never answers only "infeasible". It asks, one after the other and each time fixing the answer: can everyone be reached, and if not,
how few are left; how few people must be hired; what is the best order of days. Each answer comes with a bound, so the gap is known.
Where the solver has no plan within its time, the greedy plan stands. ``what_if`` asks the same with other inputs, side by side.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

import highspy

from salur.planning.channels import Split, split
from salur.planning.greedy import plan_greedily
from salur.planning.missing import DAYS_MOST, kept_lacks, missing, more_days
from salur.planning.model import Answer, Model, Vector
from salur.planning.rules import Hires, Inputs, Lack, Plan, Proof, Rest, Shortfall
from salur.planning.schedule import Chosen, lay_out

RELATIVE_GAP = 0.008  # a schedule within 1 % of the best possible is good enough to stop
ROUNDS_OF_REPAIR = 4


def solve(inputs: Inputs, *, seconds: float = 30.0, order_days: bool = True) -> Plan:
    """The plan of one branch, in about ``seconds`` of one core at most. Deterministic unless the time runs out.

    Without ``order_days`` the policy's order is left out: the fewest hires in about a second, for comparing many what-ifs.
    """
    started = time.perf_counter()
    parts = split(inputs)
    fallback = plan_greedily(inputs, parts)
    if not parts.gatherings and not parts.doors and not parts.offices:
        return _explained(
            inputs, parts, replace(fallback, proof=replace(fallback.proof, unmet_bound=fallback.unmet_families))
        )
    search = _Search(inputs, parts, time.thread_time() + seconds, fallback)
    plan = search.run(order_days=order_days)
    plan = replace(plan, proof=replace(plan.proof, seconds=time.perf_counter() - started))
    return _explained(inputs, parts, plan)


def solve_greedily(inputs: Inputs) -> Plan:
    """A plan in milliseconds, without a bound; ``shortfalls`` name only what no branch could overcome and what is kept beyond its means."""
    parts = split(inputs)
    plan = plan_greedily(inputs, parts)
    return replace(plan, shortfalls=(*parts.lacks, *kept_lacks(inputs)))


@dataclass(frozen=True, slots=True)
class Variant:
    """One line of a comparison."""

    name: str
    inputs: Inputs
    plan: Plan


def what_if(variants: Mapping[str, Inputs], *, seconds: float = 30.0, order_days: bool = True) -> list[Variant]:
    """The same branch with more people, a longer window, other rates …: one plan each, in the order given."""
    return [
        Variant(name, inputs, solve(inputs, seconds=seconds, order_days=order_days))
        for name, inputs in variants.items()
    ]


def _explained(inputs: Inputs, parts: Split, plan: Plan) -> Plan:
    """The plan with everything that is missing, by and for itself."""
    lacks = [*parts.lacks, *kept_lacks(inputs)]
    if not inputs.villages:
        lacks.append(Shortfall(Lack.FAMILIES, 0))
    elif not inputs.open_days:
        lacks.append(Shortfall(Lack.DAYS, more_days(inputs) or DAYS_MOST))
    if plan.unmet_families > sum(part.families for part in parts.unmet):
        lacks += missing(inputs, parts)
    return replace(plan, shortfalls=tuple(lacks))


class _Search:
    """The questions in their order; what is known so far stays in the model."""

    def __init__(self, inputs: Inputs, parts: Split, deadline: float, fallback: Plan) -> None:
        self.inputs, self.parts, self.deadline, self.fallback = inputs, parts, deadline, fallback
        self.started = time.perf_counter()
        self.model = Model(inputs, parts)
        self.certain = sum(part.families for part in parts.unmet)  # unmet whatever is done

    def left(self) -> float:
        return max(0.5, self.deadline - time.thread_time())

    def run(self, *, order_days: bool) -> Plan:
        known = self._fewest_hires()
        if known.start is None:
            return replace(self.fallback, proof=Proof("greedy", known.unmet_bound, known.hires_bound))
        seconds = time.perf_counter() - self.started
        proof = Proof("milp", known.unmet_bound, known.hires_bound, hires_seconds=seconds)
        best = replace(self.fallback, proof=replace(proof, method="greedy"))
        if known.values is not None:
            best = min(best, self._lay_out(known.values, proof), key=_worth)
        return self._best_days(known.start, proof, best) if order_days else best

    def _fewest_hires(self) -> "_Known":
        model, fallback = self.model, self.fallback
        all_reached = fallback.unmet_families == self.certain
        families = {column: float(number) for column, number in model.unmet.items()}
        if not all_reached:
            relaxed = model.minimise(families, seconds=self.left() / 4, relaxed=True)
            least_unmet = relaxed.objective if relaxed.values is not None else 0.0
        if all_reached or least_unmet < 0.5:
            self._allow_unmet(0.0)
            bound = _least_hires(model.minimise(model.hires_cost(), seconds=self.left() / 4, relaxed=True))
            if all_reached and fallback.hires.total == bound:
                return _Known(self.certain, bound, model.start_of(fallback))  # the greedy plan cannot be beaten
            start = model.start_of(fallback) if all_reached else None
            answer = model.minimise(model.hires_cost(), seconds=self.left() / 2, absolute_gap=0.5, start=start)
            if answer.values is not None:
                return _Known(
                    self.certain, max(bound, _least_hires(answer)), model.whole_part(answer.values), answer.values
                )
            self._allow_unmet(1.0)
            least_unmet = 0.0
        return self._fewest_unmet(families, least_unmet)

    def _fewest_unmet(self, families: dict[int, float], least_unmet: float) -> "_Known":
        """Not everyone can be reached: how few are left, with about as many hires as that takes by the relaxation."""
        model = self.model
        row = model.limit_unmet(least_unmet + 0.5)
        relaxed = model.minimise(model.hires_cost(), seconds=self.left() / 4, relaxed=True)
        model.bound_row(row, 0.0, highspy.kHighsInf)
        hires = self.inputs.branch.hire_ceiling
        if relaxed.values is not None:
            hires = min(hires, max(self.fallback.hires.total, ceil(relaxed.objective * 1.05) + 1))
        model.bound_row(model.hires_row, 0.0, hires)
        cost = families | {column: 0.01 * dear for column, dear in model.hires_cost().items()}
        answer = model.minimise(
            cost, seconds=self.left() / 2, absolute_gap=0.9, relative_gap=0.01, start=model.start_of(self.fallback)
        )
        unmet_bound = self.certain + max(0, ceil(least_unmet - 0.5))
        if answer.values is None:
            return _Known(unmet_bound, None, None)
        model.limit_unmet(model.unmet_families(answer.values) + 0.5)
        return _Known(unmet_bound, None, model.whole_part(answer.values), answer.values)

    def _allow_unmet(self, share: float) -> None:
        for column in self.model.unmet:
            self.model.bound_column(column, 0.0, share)

    def _best_days(self, start: dict[int, float], proof: Proof, best: Plan) -> Plan:
        model = self.model
        leaders = round(start[model.hired_leaders])
        hired = leaders + round(start[model.hired_others])
        model.bound_row(model.hires_row, 0.0, hired)
        model.bound_column(model.hired_leaders, 0.0, leaders)
        for _ in range(ROUNDS_OF_REPAIR):
            answer = model.minimise(model.schedule_cost(), seconds=self.left(), start=start, relative_gap=RELATIVE_GAP)
            if answer.values is None:
                break
            plan = self._lay_out(answer.values, replace(proof, gap=_gap(answer), objective=answer.objective))
            if _worth(plan) <= _worth(best):
                best = plan
            if plan.unmet_families - self.certain <= ceil(model.unmet_families(answer.values) - 1e-4):
                break
            # Whole families did not fit where shares did: keep a little time free on each day and ask again.
            model.tighten_people(self.inputs.open_days, 0.25)
            model.bound_row(model.hires_row, 0.0, min(self.inputs.branch.hire_ceiling, hired + 1))
        return best

    def _lay_out(self, values: Vector, proof: Proof) -> Plan:
        model = self.model
        chosen = [
            Chosen(number, day, way.span, way.heads)
            for (number, day, way), column in model.x.items()
            if values[column] > 0.5
        ]
        leaders, others = round(values[model.hired_leaders]), round(values[model.hired_others])
        hires = Hires(leaders, others, self.inputs.hires_from_day if leaders + others else 0)
        rest = Rest(*(tuple(round(values[column]) for column in columns) for columns in model.rest))
        return lay_out(
            self.inputs,
            self.parts,
            chosen,
            hires=hires,
            rest=rest,
            proof=proof,
            door_shares={key: float(values[column]) for key, column in model.z.items()},
            office_shares={key: float(values[column]) for key, column in model.o.items()},
        )


class _Known(NamedTuple):
    """Bounds of the unmet families and the hires, and whole numbers to go on from; None where nothing was found."""

    unmet_bound: int
    hires_bound: int | None
    start: dict[int, float] | None
    values: Vector | None = None  # the whole solution, unless it is the greedy plan's


def _least_hires(answer: Answer) -> int:
    """The bound of the hires that the objective of ``Model.hires_cost`` proves."""
    return max(0, ceil(answer.bound / 1.001 - 1e-4)) if answer.bound > 0 else 0


def _worth(plan: Plan) -> tuple[int, int]:
    return plan.unmet_families, plan.hires.total


def _gap(answer: Answer) -> float:
    return max(0.0, (answer.objective - answer.bound) / max(abs(answer.objective), 1e-9))

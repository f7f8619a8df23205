"""The integer program of one branch: village sessions by pattern and day (HiGHS, one thread).

For each gathering and day a session may take the whole day or half of it, with as many heads as its families need; door-to-door
follows the session; people, leaders, cash, escorts and counters limit each day. A model with one variable per officer and day finds no
usable plan in two minutes; this one proves the least hires of a large branch in a second.

Columns: ``x[gathering, day, pattern]`` binary; ``z[village, day]`` share of a village's door-to-door families; ``o[village, day]`` share of its
counter families; hires; rest groups; and for all that cannot be met, a share ``unmet``. Coefficients are people, half-days, million rupiah,
venues and shares, so that all are within a few powers of ten.
"""

import ctypes
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import highspy
import numpy as np

from salur.planning.channels import Gathering, Split
from salur.planning.rules import (
    Counter,
    Inputs,
    Order,
    Plan,
    Round,
    Session,
    Span,
    door_capacity,
    has_days_off,
    rest_period,
)

MILLION = 1_000_000
CLOCK = 1.5  # by the clock a question may take so many times as long as its seconds of a core have taken so far
ONLINE_WEIGHT = 3.0  # a family in the areas that the policy puts first counts so many times

Vector = np.ndarray[tuple[int], np.dtype[np.float64]]


def _introduce() -> None:
    """HiGHS announces itself once in each process, on the program's output, where only the answer of a command belongs."""
    flush = ctypes.CDLL(None).fflush
    flush(None)
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for output in (1, 2):
            os.dup2(nowhere, output)
        highspy.Highs()  # type: ignore[no-untyped-call]
        flush(None)
    finally:
        for output, old in zip((1, 2), kept, strict=True):
            os.dup2(old, output)
            os.close(old)
        os.close(nowhere)


_introduce()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to hold a session: ``heads`` people for the whole day, the morning or the afternoon."""

    span: Span
    heads: int

    @property
    def work(self) -> int:
        """Half officer-days."""
        return self.span.halves * self.heads


class _Budget:
    """Stops the solver when this thread has used its time; HiGHS's own limit knows only the clock.

    HiGHS asks seldom while it is deep in a heuristic, so its own limit stands behind: as much of the clock as this machine takes for a second of
    a core.
    """

    def __init__(self) -> None:
        self.until = 0.0
        self.begun = time.perf_counter(), time.thread_time()

    def start(self, seconds: float) -> float:
        """From now on ``seconds`` of a core; answers the limit by the clock."""
        self.until = time.thread_time() + seconds
        clock, core = (
            now - then for now, then in zip((time.perf_counter(), time.thread_time()), self.begun, strict=True)
        )
        return CLOCK * seconds * min(20.0, max(1.0, clock / core if core > 0.01 else 1.0))

    def watch(self, event: Any) -> None:
        if time.thread_time() > self.until:
            event.interrupt()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the solver said. ``values`` is None when it found nothing; ``bound`` holds for every solution."""

    values: Vector | None
    objective: float
    bound: float
    infeasible: bool


def patterns(gathering: Gathering, *, team_least: int, team_most: int) -> list[Pattern]:
    """The useful ways to hold it: a half day is left out when its team would be too large, a full day when a half day does with the
    same team.
    """
    found = []
    if gathering.half_capacity:
        half = max(team_least, -(-gathering.families // gathering.half_capacity))
        if half <= team_most:
            found += [Pattern(Span.MORNING, half), Pattern(Span.AFTERNOON, half)]
    full = max(team_least, -(-gathering.families // gathering.full_capacity))
    if not found or full < found[0].heads:
        found.append(Pattern(Span.DAY, full))
    return found


class Model:
    """The program, built once; each call of ``minimise`` changes the objective and goes on from where the last one ended."""

    def __init__(self, inputs: Inputs, parts: Split) -> None:
        self.inputs, self.parts = inputs, parts
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._integer: list[bool] = []
        self._rows: list[tuple[float, float]] = []
        self._entries: list[tuple[int, int, float]] = []
        self.x: dict[tuple[int, int, Pattern], int] = {}
        self.z: dict[tuple[int, int], int] = {}
        self.o: dict[tuple[int, int], int] = {}
        self.unmet: dict[int, int] = {}  # column → families
        self.resource_row: dict[tuple[str, int, int], int] = {}  # (kind, day, kecamatan) → row
        self._sessions()
        self._doors()
        self._counters()
        self._people()
        self._money_and_escorts()
        self._budget = _Budget()
        self._highs = self._pass()

    # -- building --------------------------------------------------------------------------------------------------------

    def _column(self, upper: float = 1.0, *, integer: bool = False) -> int:
        self._lower.append(0.0)
        self._upper.append(upper)
        self._integer.append(integer)
        return len(self._lower) - 1

    def _row(self, lower: float, upper: float, terms: Sequence[tuple[int, float]]) -> int:
        number = len(self._rows)
        self._rows.append((lower, upper))
        self._entries.extend((number, column, value) for column, value in terms if value)
        return number

    def _limit(self, kind: str, day: int, area: int, most: float, terms: Sequence[tuple[int, float]]) -> None:
        self.resource_row[kind, day, area] = self._row(-highspy.kHighsInf, most, terms)

    def _unmet(self, families: int) -> int:
        column = self._column(upper=1.0)
        self.unmet[column] = families
        return column

    def _days(self, ready_day: int, blocked: frozenset[int]) -> list[int]:
        return [day for day in self.inputs.open_days if day >= ready_day and day not in blocked]

    def _sessions(self) -> None:
        policy = self.inputs.policy
        self.session_unmet: list[int] = []
        self.by_day: dict[int, list[tuple[int, Pattern, int]]] = defaultdict(list)  # day → (gathering, pattern, column)
        self.of_gathering: list[list[tuple[int, int]]] = []  # gathering → (day, column)
        for number, gathering in enumerate(self.parts.gatherings):
            ways = patterns(gathering, team_least=policy.team_least, team_most=policy.team_most)
            columns: list[tuple[int, int]] = []
            for day in self._days(gathering.ready_day, gathering.blocked):
                for way in ways:
                    if way.span in self.inputs.window.spans(day):
                        column = self._column(integer=True)
                        self.x[number, day, way] = column
                        self.by_day[day].append((number, way, column))
                        columns.append((day, column))
            left = self._unmet(gathering.families)
            self.session_unmet.append(left)
            self.of_gathering.append(columns)
            self._row(1.0, 1.0, [*((column, 1.0) for _, column in columns), (left, 1.0)])

    def _doors(self) -> None:
        """Shares of each village's doors by day; they follow its session by ``door_after_days``."""
        lag = self.inputs.policy.door_after_days
        gatherings_of: dict[int, list[tuple[int, int]]] = defaultdict(list)  # village → (gathering, its families there)
        for number, gathering in enumerate(self.parts.gatherings):
            for part in gathering.served:
                gatherings_of[part.village].append((number, part.families))
        kept_from: dict[int, int] = {}
        for session in self.inputs.kept.sessions:
            for part in session.served:
                kept_from[part.village] = min(session.day, kept_from.get(part.village, session.day))
        self.door_load: dict[int, list[tuple[int, float]]] = defaultdict(list)  # day → (column, halves for all doors)
        self.door_unmet: list[int] = []
        for number, need in enumerate(self.parts.doors):
            village = need.village
            halves = 2 * need.families / door_capacity(self.inputs, village)
            sessions = gatherings_of.get(village.code, [])
            invited = sum(families for _, families in sessions)
            first = kept_from.get(village.code)
            so_far: list[tuple[int, float]] = []
            for day in self._days(village.ready_day or 0, village.blocked):
                if not sessions and first is not None and day < first + lag:
                    continue
                column = self._column()
                self.z[number, day] = column
                self.door_load[day].append((column, halves))
                so_far.append((column, 1.0))
                if sessions:
                    held = [
                        (x, -families / invited)
                        for gathering, families in sessions
                        for held_on, x in self.of_gathering[gathering]
                        if held_on + lag <= day
                    ]
                    self._row(-highspy.kHighsInf, 0.0, [*so_far, *held])
            left = self._unmet(need.families)
            self.door_unmet.append(left)
            self._row(1.0, 1.0, [*so_far, (left, 1.0)])

    def _counters(self) -> None:
        by_day: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self.office_unmet: list[int] = []
        for number, need in enumerate(self.parts.offices):
            columns = []
            for day in self._days(need.village.ready_day or 0, need.village.blocked):
                column = self._column()
                self.o[number, day] = column
                columns.append((column, 1.0))
                by_day[day].append((column, float(need.families)))
            left = self._unmet(need.families)
            self.office_unmet.append(left)
            self._row(1.0, 1.0, [*columns, (left, 1.0)])
        branch = self.inputs.branch
        for day, terms in by_day.items():
            share = self.inputs.window.halves(day) / 2
            used = sum(part.families for c in self.inputs.kept.counters if c.day == day for part in c.served)
            most = max(0.0, branch.counters * branch.counter_per_day * share - used)
            self._limit("counters", day, 0, most, terms)

    def _people(self) -> None:
        """Each day's halves, and among them the leaders' halves; hires; who rests when."""
        inputs, branch, window = self.inputs, self.inputs.branch, self.inputs.window
        ceiling = float(branch.hire_ceiling)
        self.hired_leaders = self._column(ceiling if branch.hires_may_lead else 0.0, integer=True)
        self.hired_others = self._column(ceiling, integer=True)
        self.hires_row = self._row(0.0, ceiling, [(self.hired_leaders, 1.0), (self.hired_others, 1.0)])
        every = rest_period(inputs)
        # Rest groups are decisions: whoever is in group g rests on the days d with d mod 7 = g, so a plan that fits can be staffed.
        self.rest: list[list[int]] = [[], [], [], []]
        if every:
            groups = range(every)
            steady = [officer for officer in branch.officers if not has_days_off(inputs, officer)]
            own_leaders = sum(officer.may_lead for officer in steady)
            own_others = len(steady) - own_leaders
            self.rest = [[self._column(float(n), integer=True) for _ in groups] for n in (own_leaders, own_others)]
            self.rest += [[self._column(ceiling, integer=True) for _ in groups] for _ in range(2)]
            for columns, number in zip(self.rest[:2], (own_leaders, own_others), strict=True):
                self._row(number, number, [(column, 1.0) for column in columns])
            for columns, hired in zip(self.rest[2:], (self.hired_leaders, self.hired_others), strict=True):
                self._row(0.0, 0.0, [*((column, 1.0) for column in columns), (hired, -1.0)])

        used = kept_people(inputs)
        for day in inputs.open_days:
            halves = window.halves(day)
            hired_now = day >= inputs.hires_from_day
            own_leaders = inputs.on_duty(day, leaders=True)
            own = own_leaders + inputs.on_duty(day, leaders=False)
            absent: list[
                tuple[int, float]
            ] = []  # people less than the own officers on duty: those who rest, minus those hired
            absent_leaders: list[tuple[int, float]] = []
            if hired_now:
                absent += [(self.hired_leaders, -1.0), (self.hired_others, -1.0)]
                absent_leaders += [(self.hired_leaders, -1.0)]
            if every:
                group = day % every
                absent += [(columns[group], 1.0) for columns in (self.rest if hired_now else self.rest[:2])]
                absent_leaders += [
                    (columns[group], 1.0) for columns in (self.rest[::2] if hired_now else self.rest[:1])
                ]
            doors_by_half = []
            for half in HALVES[:halves]:
                # Houses may be visited in either half: the day's door work is cut in two as it fits.
                doors = self._column(highspy.kHighsInf)
                doors_by_half.append((doors, -1.0))
                busy = [(way, column) for _, way, column in self.by_day[day] if way.span in (Span.DAY, half)]
                people = [(column, float(way.heads)) for way, column in busy]
                leaders = [(column, 1.0) for _, column in busy]
                taken = used[day, half]
                # What is kept may need more people than are left; that is said elsewhere and must not make the rest impossible.
                most, most_leaders = max(0, own - taken.people), max(0, own_leaders - taken.leaders)
                self._limit("officers", day, half, most, [*people, (doors, 1.0), *absent])
                self._limit("leaders", day, half, most_leaders, [*leaders, *absent_leaders])
            self._row(-highspy.kHighsInf, -float(used[day, Span.DAY].people), [*self.door_load[day], *doors_by_half])

    def _money_and_escorts(self) -> None:
        inputs, branch = self.inputs, self.inputs.branch
        cash: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for day, columns in self.by_day.items():
            cash[day] += [(column, self.parts.gatherings[number].cash_rp / MILLION) for number, _, column in columns]
        for needs, shares in ((self.parts.doors, self.z), (self.parts.offices, self.o)):
            for (number, day), column in shares.items():
                need = needs[number]
                cash[day].append((column, need.village.cash_rp(need.families) / MILLION))
        out, venues = kept_cash(inputs), kept_venues(inputs)
        for day, terms in sorted(cash.items()):
            self._limit("vault", day, 0, max(0.0, (branch.vault_rp - out[day]) / MILLION), terms)
        for day, columns in sorted(self.by_day.items()):
            self._limit(
                "escorts",
                day,
                0,
                max(0.0, branch.escorts - venues[day, 0]),
                [(column, 1.0) for _, _, column in columns],
            )
            of: dict[int, list[tuple[int, float]]] = defaultdict(list)
            for number, _, column in columns:
                of[self.parts.gatherings[number].host.kecamatan].append((column, 1.0))
            for kecamatan, terms in sorted(of.items()):
                most = max(0.0, branch.escorts_in(kecamatan) - venues[day, kecamatan])
                self._limit("escorts_in", day, kecamatan, most, terms)

    # -- solving ---------------------------------------------------------------------------------------------------------

    def _pass(self) -> Any:
        rows, columns, values = (np.array(part) for part in zip(*self._entries, strict=True))
        order = np.lexsort((columns, rows))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self._lower), len(self._rows)
        program.col_cost_ = np.zeros(len(self._lower))
        program.col_lower_, program.col_upper_ = np.array(self._lower), np.array(self._upper)
        program.row_lower_ = np.array([lower for lower, _ in self._rows], dtype=float)
        program.row_upper_ = np.array([upper for _, upper in self._rows], dtype=float)
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        starts = np.searchsorted(rows[order], np.arange(len(self._rows) + 1))
        program.a_matrix_.start_ = starts.astype(np.int32)
        program.a_matrix_.index_ = columns[order].astype(np.int32)
        program.a_matrix_.value_ = values[order].astype(float)
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[integer] for integer in self._integer]
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.cbMipInterrupt.subscribe(self._budget.watch)
        highs.cbSimplexInterrupt.subscribe(self._budget.watch)
        highs.passModel(program)
        return highs

    def bound_column(self, column: int, lower: float, upper: float) -> None:
        self._highs.changeColBounds(column, lower, upper)

    def bound_row(self, row: int, lower: float, upper: float) -> None:
        self._highs.changeRowBounds(row, lower, upper)

    def limit_unmet(self, families: float) -> int:
        """From now on no more families than these are left out; answers the row, to be loosened again."""
        self._rows.append((0.0, families))
        self._highs.addRow(
            0.0,
            families,
            len(self.unmet),
            np.array(list(self.unmet), dtype=np.int32),
            np.array([float(number) for number in self.unmet.values()]),
        )
        return len(self._rows) - 1

    def unmet_families(self, values: Vector) -> float:
        return float(sum(values[column] * families for column, families in self.unmet.items()))

    def tighten_people(self, days: Iterable[int], halves: float) -> None:
        """Plan so many halves less on these days."""
        for day in days:
            for half in HALVES[: self.inputs.window.halves(day)]:
                row = self.resource_row["officers", day, half]
                self._highs.changeRowBounds(row, -highspy.kHighsInf, self._highs.getLp().row_upper_[row] - halves / 2)

    def add_column(self, coefficients: Mapping[int, float], *, integer: bool = False) -> int:
        """One more variable (at least 0) in these rows; for making limits elastic."""
        rows = np.array(list(coefficients), dtype=np.int32)
        values = np.array(list(coefficients.values()), dtype=float)
        self._highs.addCol(0.0, 0.0, highspy.kHighsInf, len(rows), rows, values)
        column = len(self._lower)
        self._lower.append(0.0)
        if integer:
            self._highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        return column

    def minimise(
        self,
        cost: dict[int, float],
        *,
        seconds: float,
        start: Mapping[int, float] | None = None,
        relative_gap: float = 0.0,
        absolute_gap: float = 1e-6,
        relaxed: bool = False,
    ) -> Answer:
        """The least of ``cost`` in about ``seconds`` of a core (so that a busy machine gives the same answer, later); ``relaxed`` drops all
        integrality.
        """
        highs = self._highs
        costs = np.zeros(len(self._lower))
        for column, value in cost.items():
            costs[column] = value
        highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        highs.setOptionValue("solve_relaxation", relaxed)
        highs.setOptionValue("mip_rel_gap", relative_gap)
        highs.setOptionValue("mip_abs_gap", absolute_gap)
        highs.setOptionValue("time_limit", self._budget.start(max(0.1, seconds)))
        if start is not None:
            highs.setSolution(len(start), np.array(list(start), dtype=np.int32), np.array(list(start.values())))
        highs.run()
        status, info = highs.getModelStatus(), highs.getInfo()
        infeasible = status in (
            highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kUnboundedOrInfeasible,
        )
        found = not infeasible and info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        values = np.array(highs.getSolution().col_value) if found else None
        bound = info.objective_function_value if relaxed and found else info.mip_dual_bound
        return Answer(values, info.objective_function_value, bound, infeasible)

    def whole_part(self, values: Vector) -> dict[int, float]:
        """The integer columns of a solution, to start the next question from."""
        return {column: float(round(values[column])) for column, whole in enumerate(self._integer) if whole}

    def start_of(self, plan: Plan) -> dict[int, float]:
        """The integer columns of a plan that was made in another way; the solver finds the shares for it."""
        start = {column: 0.0 for column, whole in enumerate(self._integer) if whole}
        number_of = {(gathering.host.code, gathering.served): n for n, gathering in enumerate(self.parts.gatherings)}
        for session in plan.sessions:
            number = number_of.get((session.host, session.served))
            column = (
                self.x.get((number, session.day, Pattern(session.span, session.heads))) if number is not None else None
            )
            if column is not None:
                start[column] = 1.0
        start[self.hired_leaders], start[self.hired_others] = float(plan.hires.leaders), float(plan.hires.others)
        for columns, groups in zip(self.rest, plan.rest, strict=True):
            start |= {column: float(people) for column, people in zip(columns, groups, strict=True)}
        return start

    # -- what to ask for ---------------------------------------------------------------------------------------------------

    def hires_cost(self) -> dict[int, float]:
        """People to hire; one who must lead is a little dearer, so that among equals fewer leaders are asked for."""
        return {self.hired_others: 1.0, self.hired_leaders: 1.001}

    def schedule_cost(self) -> dict[int, float]:
        """The policy: thousand weighted family-days of waiting, and travel in person-hours (all but alone for ``travel``)."""
        order = self.inputs.policy.order
        wait, hours = (0.01, 1.0) if order is Order.TRAVEL else (1.0, 0.001)
        villages = {village.code: village for village in self.inputs.villages}

        def weight(village: int) -> float:
            if order is Order.TRAVEL:
                return 1.0
            return ONLINE_WEIGHT if villages[village].online is (order is Order.ONLINE_FIRST) else 1.0

        cost: dict[int, float] = {}
        for (number, day, way), column in self.x.items():
            gathering = self.parts.gatherings[number]
            waiting = sum(part.families * weight(part.village) for part in gathering.served)
            travel = way.heads * 2 * gathering.host.travel_minutes / 60
            cost[column] = wait * day * waiting / 1000 + hours * travel
        for needs, shares in ((self.parts.doors, self.z), (self.parts.offices, self.o)):
            for (number, day), column in shares.items():
                need = needs[number]
                cost[column] = wait * day * need.families * weight(need.village.code) / 1000
        cost[self.hired_leaders] = 0.01
        return cost


HALVES = (Span.MORNING, Span.AFTERNOON)


class Taken(NamedTuple):
    people: int = 0
    leaders: int = 0


def kept_people(inputs: Inputs) -> dict[tuple[int, Span], Taken]:
    """(day, half) → people and leaders in sessions that are kept; (day, DAY) → half officer-days of rounds that are kept."""
    taken: dict[tuple[int, Span], Taken] = defaultdict(Taken)
    for session in inputs.kept.sessions:
        for half in HALVES if session.span is Span.DAY else (session.span,):
            people, leaders = taken[session.day, half]
            taken[session.day, half] = Taken(people + session.heads, leaders + 1)
    for round_ in inputs.kept.rounds:
        taken[round_.day, Span.DAY] = Taken(taken[round_.day, Span.DAY].people + round_.halves, 0)
    return taken


def kept_cash(inputs: Inputs) -> dict[int, int]:
    """Rupiah by day of what is kept."""
    villages = {village.code: village for village in inputs.villages}
    out: dict[int, int] = defaultdict(int)
    kept = inputs.kept
    visits: tuple[Session | Round | Counter, ...] = (*kept.sessions, *kept.rounds, *kept.counters)
    for visit in visits:
        out[visit.day] += sum(villages[part.village].cash_rp(part.families) for part in visit.served)
    return out


def kept_venues(inputs: Inputs) -> dict[tuple[int, int], int]:
    """Venues by (day, kecamatan) of what is kept; kecamatan 0 is the whole branch."""
    venues: dict[tuple[int, int], int] = defaultdict(int)
    for session in inputs.kept.sessions:
        venues[session.day, 0] += 1
        venues[session.day, session.kecamatan] += 1
    return venues

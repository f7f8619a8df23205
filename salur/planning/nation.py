"""All branches of a stage: where each one stands, and plans for those that have none, two branches at a time beside each other."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from datetime import datetime
from typing import Any, NamedTuple

from salur.lib.problem import Problem
from salur.lib.sql import Queries
from salur.offices.models import Office
from salur.planning.actions import keep
from salur.planning.inputs import read_inputs
from salur.planning.rules import Plan
from salur.planning.settings import Read
from salur.planning.solve import solve
from salur.programmes.models import Stage

queries = Queries(__file__)

AT_ONCE = 2  # branches that are thought about at the same time; each thinks with one thread


class Line(NamedTuple):
    """What came of one branch. ``outcome`` is planned, exists (it had a plan) or refused (``say`` tells why)."""

    branch: str
    outcome: str
    families: int = 0
    hires: int = 0
    unmet: int = 0
    gap: float | None = None
    seconds: float = 0.0
    say: str = ""


def overview(*, stage: int, branches: Sequence[int] | None) -> list[Any]:
    """One row for each branch with families: its plan that counts, or else its newest draft (queries.sql: overview)."""
    return queries.overview(stage=stage, branches=None if branches is None else list(branches))


def cash_by_day(*, stage: int, rows: Sequence[Any]) -> list[Any]:
    """Rupiah that leave the vaults each day by the plans of ``overview``'s rows."""
    return queries.cash_by_day(stage=stage, plans=[row.plan for row in rows if row.plan])


def solve_all(
    *,
    stage: Stage,
    branches: Sequence[int] | None = None,
    again: bool = False,
    seconds: float = 7.0,
    actor: str,
    now: Callable[[], datetime],
    progress: Callable[[int, int, str], None] = lambda done, total, say: None,
) -> Iterator[Line]:
    """A draft for every branch that has no plan (``again``: or only a draft), as they are ready; run twice, it goes on where it stopped.

    A published plan is left alone: ``replan`` keeps what families were told.
    """
    rows = overview(stage=stage.id, branches=branches)
    waiting = [row for row in rows if row.plan is None or (again and not row.published)]
    for row in rows:
        if row not in waiting:
            yield Line(row.code, "exists", row.families, row.hires, row.unmet, row.gap)
    done, total = len(rows) - len(waiting), len(rows)
    offices = {office.id: office for office in Office.objects.filter(id__in=[row.id for row in waiting])}
    # A process of its own for each branch that is thought about: the solver holds the interpreter, and its memory goes when it ends.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(AT_ONCE, os.cpu_count() or 1), mp_context=context, max_tasks_per_child=25) as pool:
        thinking: dict[Future[Plan], tuple[Any, Read]] = {}
        queue = iter(waiting)
        while True:
            for row in queue:
                try:
                    read = read_inputs(stage=stage, branch=offices[row.id])
                except Problem as problem:
                    done += 1
                    yield Line(row.code, "refused", row.families, say=problem.message)
                    continue
                thinking[pool.submit(solve, read.inputs, seconds=seconds)] = row, read
                if len(thinking) >= 2 * AT_ONCE:
                    break
            if not thinking:
                return
            for future in wait(thinking, return_when=FIRST_COMPLETED).done:
                row, read = thinking.pop(future)
                plan = future.result()
                keep(stage=stage, branch=offices[row.id], read=read, plan=plan, actor=actor, at=now())
                done += 1
                progress(done, total, row.name)
                yield Line(row.code, "planned", row.families, plan.hires.total, plan.unmet_families, plan.proof.gap, plan.proof.seconds)  # fmt: skip

"""The kinds of jobs of planning, found here by the worker."""

import csv

from salur.jobs.actions import Running, kind
from salur.lib.clock import now
from salur.planning import actions, inputs, nation
from salur.planning.papers.jobs import papers
from salur.programmes.actions import stage_by_code

__all__ = ["papers", "publish", "solve", "solve_all"]

SOLVE, SOLVE_ALL, PUBLISH = "planning.solve", "planning.solve_all", "planning.publish"


@kind(SOLVE)
def solve(job: Running, *, branch: str, stage: str, supposed: dict[str, object], from_day: str | None = None) -> None:
    """A draft for one branch; planned again from ``from_day`` on where a plan is published."""
    job.progress(0, 1, branch)
    office, of = inputs.branch_by_code(branch), stage_by_code(stage)
    if from_day is None:
        actions.draft(stage=of, branch=office, supposed=supposed, actor=job.asked_by, at=now())
    else:
        day = actions.a_day(from_day)
        actions.replan(stage=of, branch=office, from_day=day, supposed=supposed, actor=job.asked_by, at=now())
    job.progress(1, 1, branch)


@kind(SOLVE_ALL)
def solve_all(job: Running, *, stage: str, branches: list[int] | None = None, again: bool = False) -> None:
    """A draft for every branch of the stage that has none, and a list of what came of each."""
    lines = list(
        nation.solve_all(stage=stage_by_code(stage), branches=branches, again=again, actor=job.asked_by, now=now, progress=job.progress)
    )  # fmt: skip
    with job.file(f"rencana {stage}.csv".replace("/", "-"), "text/csv") as path, path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(nation.Line._fields)
        writer.writerows(lines)


@kind(PUBLISH)
def publish(job: Running, *, plan: str) -> None:
    """The plan counts from now on; each family gets its place and time."""
    job.progress(0, 1)
    actions.publish(plan=actions.plan_by_word(plan).id, actor=job.asked_by, at=now())
    job.progress(1, 1)

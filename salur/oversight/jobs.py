"""A look at many branches, carried out while nobody waits."""

from salur.jobs.actions import Running, kind
from salur.lib.clock import now
from salur.oversight import actions

LOOK = "oversight.look"


@kind(LOOK)
def look(job: Running, *, stage: str, branches: list[int]) -> None:
    """Look at each branch; each is a transaction of its own, so that what was found stays found."""
    for done, branch in enumerate(branches):
        job.progress(done, len(branches))
        actions.look_at(stage_code=stage, branch=branch, actor=job.asked_by, at=now())
    job.progress(len(branches), len(branches))

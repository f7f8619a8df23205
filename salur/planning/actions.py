"""The verbs of planning."""

from datetime import date
from typing import Any

from salur.lib.sql import Queries
from salur.planning.models import Plan
from salur.planning.stored import PlanState

queries = Queries(__file__)


def published(*, stage: int, branch: int) -> Plan | None:
    """The plan that counts: published, and not superseded by a later one."""
    found = Plan.objects.filter(stage=stage, branch=branch, states__state=PlanState.PUBLISHED)
    return found.exclude(states__state=PlanState.SUPERSEDED).order_by("-version").first()


def family_slots(
    *, stage: int, branch: int, village: int | None = None, day: date | None = None, version: int | None = None
) -> list[Any]:
    """Each family's place, time and officer (see the folder's front door for the columns), by village, day, visit and place in the queue."""
    return queries.family_slots(stage=stage, branch=branch, village=village, day=day, version=version)

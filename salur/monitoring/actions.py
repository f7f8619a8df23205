"""The verbs of monitoring: look at realisation."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from salur.lib.clock import WIB
from salur.lib.sql import Queries
from salur.monitoring.rules import By, Realisation, Row
from salur.programmes.actions import stage_by_code

queries = Queries(__file__)


def realisation(
    *,
    stage_code: str,
    by: By,
    now: datetime,
    as_of: datetime | None = None,
    branches: Sequence[int] | None = None,
    area: int | None = None,
) -> Realisation:
    """The realisation of a stage by nation, region, branch, kecamatan or village.

    ``as_of`` None means everything known ``now``. A past moment gives the figures as they could be shown then: recorded by then, against
    the list approved by then; a moment before the stage's list was approved here is answered from what happened by then.
    ``branches`` limits to offices by id, ``area`` to villages below an area code (2, 4, 6 or 10 digits). Raises ``NotFound``.
    """
    stage = stage_by_code(stage_code)
    below = 10 ** (10 - len(str(area)))
    in_force = queries.one("list_in_force", stage=stage.id, as_of=as_of)
    rows = queries.realisation(
        stage=stage.id,
        version=in_force.version or 0,
        known=in_force.known,
        as_of=as_of,
        today=(as_of or now).astimezone(ZoneInfo(WIB)).date(),
        by=str(by),
        branches=None if branches is None else list(branches),
        first_village=area * below if area else 0,
        last_village=(area + 1) * below - 1 if area else 9_999_999_999,
    )
    return Realisation(
        stage=stage.code,
        by=by,
        as_of=as_of or now,
        danom_version=in_force.version,
        known=in_force.known,
        rows=[Row(**row._asdict()) for row in rows],
    )

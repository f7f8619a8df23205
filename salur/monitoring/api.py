"""Realisation as JSON: the same table as the boards and the command line, narrowed to who asks."""

from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from salur.lib.clock import moment, now
from salur.lib.problem import Problem
from salur.lib.viewer import viewer_of
from salur.monitoring import actions
from salur.monitoring.rules import By, Realisation

router = Router(tags=["monitoring"])


class NotAMoment(Problem):
    code = "not_a_moment"
    status = 422


class RowOut(Schema):
    """Counts are families, amounts whole rupiah; open = allocated − paid − failed."""

    code: str
    name: str
    allocated: int
    paid: int
    failed: int
    open: int
    paid_percent: Decimal | None
    geotagged: int
    geotag_percent: Decimal | None
    amount_rp: int
    amount_paid_rp: int
    paid_today: int


class RealisationOut(Schema):
    stage: str
    by: By
    as_of: datetime
    danom_version: int | None
    rows: list[RowOut]


class Asked(Schema):
    """``as_of``: ISO 8601, or a bare date for the end of that day (WIB); left out means now."""

    by: By = By.BRANCH
    as_of: str | None = None


@router.get("/stages/{stage}/realisation", response=RealisationOut, summary="Paid, failed, open and geotagged families")
def realisation(request: HttpRequest, stage: str, asked: Query[Asked]) -> Realisation:
    viewer = viewer_of(request)
    assert viewer is not None, "the API lets nobody in without a role"
    try:
        past = moment(asked.as_of) if asked.as_of else None
    except (ValueError, OverflowError) as error:
        raise NotAMoment("as_of is no moment: write 2022-03-26 or 2022-03-26T14:05+07:00.") from error
    return actions.realisation(stage_code=stage, by=asked.by, now=now(), as_of=past, branches=viewer.branches)

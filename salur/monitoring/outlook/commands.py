"""`salur planning forecast`."""

import time
from datetime import date, datetime

import click

from salur.lib.clock import now
from salur.lib.command import Answer, answers, table
from salur.lib.problem import NotFound
from salur.monitoring.outlook import actions
from salur.monitoring.outlook.actions import Outlook
from salur.planning.papers.actions import branch_of


@click.command("forecast")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--branch", "branch_code", metavar="CODE", help="Only this branch.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The last day that is over.  [default: yesterday]")
@click.option("--target", type=click.FloatRange(0, 100), default=95.0, show_default=True, metavar="PERCENT")
@answers
def forecast(stage_code: str, branch_code: str | None, day: datetime | None, target: float) -> Answer:
    """When 90, 95 and 99 % are paid, how likely a branch is done in time, and what holds it back."""
    branches = None if branch_code is None else [branch_of(code=branch_code).id]
    started = time.monotonic()
    found = actions.outlook(
        stage_code=stage_code, now=now(), today=day.date() if day else None, branches=branches, target=target / 100
    )
    if branch_code is not None and not found.rows:
        raise NotFound(f"{branch_code} has no families in {stage_code}.")
    rows = [as_data(row) for row in found.rows]
    data = {
        "stage": found.stage, "day": found.today, "target_percent": target, "rows": rows,
        "seconds": round(time.monotonic() - started, 3),
    }  # fmt: skip
    lines = [
        [row.code, row.name, row.allocated, row.paid, row.due, f"{100 * row.reaches:.0f} %", *(_eta(one.middle) for one in row.eta),
         round(row.unsynced.middle), row.holds_back or "–"]
        for row in found.rows
    ]  # fmt: skip
    head = (
        "code",
        "name",
        "allocated",
        "paid",
        "due",
        f"≥{target:g} %",
        "90 %",
        "95 %",
        "99 %",
        "unsynced",
        "holds back",
    )
    return Answer(data, table(head, lines, right=(2, 3, 5, 9)))


def as_data(row: Outlook) -> dict[str, object]:
    return {
        "code": row.code, "name": row.name, "planned": row.planned, "allocated": row.allocated, "paid": row.paid, "due": row.due,
        "probability": round(row.reaches, 4), "share_p10": round(row.share.low, 5), "share_p50": round(row.share.middle, 5),
        "share_p90": round(row.share.high, 5),
        "eta": {f"{one.percent}": {"p10": one.early, "p50": one.middle, "p90": one.late} for one in row.eta},
        "unsynced_p10": round(row.unsynced.low), "unsynced_p50": round(row.unsynced.middle), "unsynced_p90": round(row.unsynced.high),
        "unsent": row.unsent, "missing": row.missing, "holds_back": row.holds_back,
    }  # fmt: skip


def _eta(day: date | None) -> str:
    return day.isoformat() if day else "later"

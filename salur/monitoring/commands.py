"""`salur monitoring realisation`: the table of the boards on the command line."""

import csv
import io

import click

from salur.lib.clock import moment, now
from salur.lib.command import Answer, answers, table
from salur.lib.problem import Problem
from salur.monitoring import actions
from salur.monitoring.rules import By

COLUMNS = (
    "code", "name", "allocated", "paid", "failed", "open", "paid_percent", "geotagged", "geotag_percent", "amount_paid_rp",
)  # fmt: skip


@click.group("monitoring")
def monitoring() -> None:
    """Realisation now and as of a past moment."""


@monitoring.command("realisation")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--by", type=click.Choice([level.value for level in By]), default="branch", show_default=True)
@click.option("--as-of", metavar="T", help="ISO 8601; a bare date means the end of that day (WIB). Default: now.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@answers
def realisation(stage_code: str, by: str, as_of: str | None, form: str) -> Answer:
    """Paid, failed, open and geotagged families, with percentages by the declared rule."""
    try:
        past = moment(as_of) if as_of else None
    except ValueError as error:
        raise Problem(f"--as-of {as_of} is not a moment: write 2022-03-26 or 2022-03-26T14:05+07:00.") from error
    found = actions.realisation(stage_code=stage_code, by=By(by), now=now(), as_of=past)
    rows = [{column: getattr(row, column) for column in COLUMNS} for row in found.rows]
    data = {"stage": found.stage, "as_of": found.as_of, "danom_version": found.danom_version, "by": by, "rows": rows}
    if form == "json":
        return Answer(data, as_json=True)
    if form == "csv":
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        return Answer(data, sheet.getvalue().rstrip())
    lines = [[row[column] if row[column] is not None else "–" for column in COLUMNS] for row in rows]
    head = f"{found.stage} as of {found.as_of:%Y-%m-%d %H:%M} UTC, list version {found.danom_version or '–'}"
    return Answer(data, head + "\n\n" + table(COLUMNS, lines, right=range(2, len(COLUMNS))))

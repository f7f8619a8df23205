"""`salur monitoring`: the table of the boards on the command line, and what is taken away as a file."""

import csv
import io
from pathlib import Path

import click

from salur.lib.clock import moment, now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.lib.viewer import Viewer
from salur.monitoring import actions
from salur.monitoring.exports import actions as exports
from salur.monitoring.exports.rules import Asked, Form, What
from salur.monitoring.families.rules import State
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


@monitoring.command("export")
@click.argument("what", type=click.Choice([what.value for what in What]))
@click.option("--stage", required=True, metavar="CODE")
@click.option(
    "--office", default="", metavar="CODE", help="Of this office; families need a branch.  [default: the nation]"
)
@click.option("--area", type=click.IntRange(1, 999_999), metavar="CODE", help="Of this kabupaten or kecamatan.")
@click.option("--village", type=click.IntRange(1, 9_999_999_999), metavar="CODE", help="The families of this village.")
@click.option("--by", type=click.Choice([level.value for level in By]), help="How the board is divided.")
@click.option("--as-of", default="", metavar="T", help="ISO 8601, local time of the place.  [default: now]")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Families in this state.")
@click.option("--reason", default="", metavar="TEXT", help="NIKs in clear, and why; it is kept.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE", help="Ends with .xlsx, .csv or .pdf."
)  # fmt: skip
@acting
@answers
def export(
    what: str, stage: str, office: str, area: int | None, village: int | None, by: str | None, as_of: str, state: str | None,
    reason: str, out: Path, actor: str,
) -> Answer:  # fmt: skip
    """What a board or a list of families shows, as a file; it leaves a trace as on the page."""
    form = out.suffix.removeprefix(".").lower()
    if form not in list(Form):
        raise Problem(f"{out.name} must end with .xlsx, .csv or .pdf.")
    asked = Asked(
        What(what),
        Form(form),
        stage,
        office,
        area,
        by or "",
        as_of,
        None,
        village,
        state or "",
        clear=bool(reason),
        reason=reason,
    )
    # Whoever types commands sees the nation, as headquarters does; the NIK in clear is asked for by the reason.
    viewer = Viewer(name=actor, role="headquarters", office=None, office_code="", office_name="", branches=None)
    part = out.with_name(f".{out.name}.part")
    try:
        _, rows = exports.make(asked=asked, viewer=viewer, path=part, at=now())
        part.replace(out)
    except OSError as error:
        raise Problem(f"{out} cannot be written ({error.strerror}): choose another place.") from error
    finally:
        part.unlink(missing_ok=True)
    return Answer({"file": str(out), "rows": rows}, f"{rows:,} rows are in {out}.")

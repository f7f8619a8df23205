"""`salur reconciliation …`: the last days of a stage, from the sweep to closed books."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from salur.lib.clock import moment, now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.programmes.rules import Change
from salur.reconciliation import actions

FILE = click.Path(path_type=Path, dir_okay=False)
STAGE = click.option("--stage", "stage_code", required=True, metavar="CODE")
AREA = click.option("--area", "place", required=True, metavar="CODE", help="An office's code, or an area's (35.11).")


@click.group("reconciliation")
def reconciliation() -> None:
    """Windows, sweep, closing, return of money, statements, papers, dossiers."""


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except (ValueError, OverflowError) as error:
        raise Problem(f"{text} is not a moment: write 2022-06-20 or 2022-06-20T17:00+07:00.") from error


def _window(change: Change, *, until: bool, help: str) -> None:
    def verb(
        stage_code: str, place: str, reason: str, document: str, scan: Path | None, actor: str, until: str | None = None
    ) -> Answer:
        at = now()
        closes_at = _moment(until) if until else None
        made = actions.change_window(
            change=change, stage_code=stage_code, place=place, closes_at=closes_at, reason=reason, document=document, actor=actor, at=at,
            document_sha256=hashlib.sha256(scan.read_bytes()).hexdigest() if scan else "",
        )  # fmt: skip
        said = f"{place} {change}: {made} decisions." if made else "Decided before."
        return Answer({"change": change, "area": place, "closes_at": closes_at, "decisions": made}, said)

    verb.__doc__ = help
    options: list[Callable[[Any], Any]] = [
        STAGE,
        AREA,
        click.option("--reason", required=True),
        click.option("--document", required=True, help="Number and date of the paper that decided."),
        click.option("--scan", type=FILE, help="Its scan: the hash is kept."),
        acting,
    ]
    if until:
        options.append(click.option("--until", required=True, metavar="T", help="A date means the end of that day."))
    else:
        options.append(click.option("--since", "until", metavar="T", help="A past moment. Default: now."))
    decorated: Any = answers(verb)
    for option in options:
        decorated = option(decorated)
    name = {Change.EXTENDED: "extend", Change.FROZEN: "freeze", Change.REOPENED: "reopen"}[change]
    reconciliation.command(name, help=help)(decorated)


_window(Change.EXTENDED, until=True, help="Give an area or an office a later deadline.")
_window(
    Change.FROZEN,
    until=False,
    help="Nobody pays in an area or at an office any more; what was paid before still counts.",
)
_window(Change.REOPENED, until=True, help="Let an area or an office pay again, until a moment.")


@reconciliation.command("windows")
@STAGE
@AREA
@answers
def windows(stage_code: str, place: str) -> Answer:
    """When the villages of an area or office close, and what was decided about it."""
    stage, rows, decided = actions.windows(stage_code=stage_code, place=place)
    lines = [[row.branch, row.closes_at.isoformat(), row.villages, row.families] for row in rows]
    data = {
        "stage": stage.code,
        "windows": [row._asdict() for row in rows],
        "decisions": [row._asdict() for row in decided],
    }
    return Answer(data, table(("branch", "closes at (UTC)", "villages", "families"), lines, right=(2, 3)))

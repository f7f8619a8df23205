"""`salur planning letters|sheets`."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from salur.areas.rules import area_code
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers
from salur.lib.problem import Problem
from salur.planning.papers import actions
from salur.planning.papers.actions import Kind


def _options(verb: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--branch", "branch_code", required=True, metavar="CODE"),
        click.option("--stage", "stage_code", metavar="CODE", help="Else the stage of the branch's published plan."),
        click.option("--village", metavar="CODE", help="Only this village, ten digits with or without dots."),
        click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR"),
        click.option("--without-plan", is_flag=True, help="Without day and place, where no plan is published."),
        acting,
    ):
        verb = option(verb)
    return verb


@click.command("letters")
@_options
@click.option("--only", type=click.Choice(["families", "authorities"]), help="One of the two.")
@answers
def letters(
    branch_code: str, stage_code: str | None, village: str | None, out: Path, without_plan: bool, actor: str, only: str | None
) -> Answer:  # fmt: skip
    """Invitations of the families by village, A5 with QR, and the letters to the authorities."""
    kinds = {"families": (Kind.LETTERS,), "authorities": (Kind.AUTHORITIES,), None: actions.LETTERS}[only]
    return _write(branch_code, stage_code, village, out, without_plan, actor, kinds)


@click.command("sheets")
@_options
@answers
def sheets(
    branch_code: str, stage_code: str | None, village: str | None, out: Path, without_plan: bool, actor: str
) -> Answer:
    """The danom by village to be signed, attendance lists, and the teams' sheets by day."""
    return _write(branch_code, stage_code, village, out, without_plan, actor, actions.SHEETS)


def _write(
    branch: str, stage: str | None, village: str | None, out: Path, without_plan: bool, actor: str, kinds: Sequence[Kind]
) -> Answer:  # fmt: skip
    code = None
    if village is not None:
        try:
            code = area_code(village)
        except ValueError as error:
            raise Problem(str(error)) from error
    started = time.monotonic()
    done = actions.write_papers(
        branch_code=branch, stage_code=stage, village=code, out=out, kinds=kinds, without_plan=without_plan, actor=actor, at=now(),
        progress=_bar(started),
    )  # fmt: skip
    seconds = time.monotonic() - started
    data = {
        "stage": done.stage, "branch": branch, "plan_version": done.plan_version, "pages": done.pages, "files": done.files,
        "unchanged": done.unchanged, "families": done.families, "held": done.held, "without_slot": done.without_slot,
        "unprintable": sorted(done.unprintable), "out": str(out), "seconds": round(seconds, 3),
    }  # fmt: skip
    text = (
        f"{done.files:,} files written to {out}, {done.unchanged:,} unchanged: {done.pages:,} pages for {done.families:,} families in "
        f"{seconds:.1f} s."
    )
    warnings = []
    if done.held:
        warnings.append(f"{done.held:,} families are on hold: no paper was made for them.")
    if done.plan_version is not None and done.without_slot:
        warnings.append(f"{done.without_slot:,} families have no place in the plan: their papers have no day.")
    if done.unprintable:
        warnings.append(
            f"Names hold characters that no font can print, shown as □: {' '.join(sorted(done.unprintable))}."
        )
    return Answer(data, text, warnings=warnings)


def _bar(started: float) -> actions.Progress:
    """How far it is, on stderr, once it takes longer than two seconds; in place on a terminal."""
    terminal, told = sys.stderr.isatty(), started

    def progress(done: int, total: int) -> None:
        nonlocal told
        moment = time.monotonic()
        if moment - started < 2 or moment - told < (0.2 if terminal else 10):
            return
        told = moment
        filled = 30 * done // max(1, total)
        line = f"[{'#' * filled}{'.' * (30 - filled)}] {done:,} of {total:,} families"
        click.echo(f"\r{line}" if terminal else line, err=True, nl=not terminal)

    return progress

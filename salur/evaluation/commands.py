"""`salur evaluation …`: the regional meeting on the command line."""

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from django.utils import translation

from salur.evaluation import actions
from salur.evaluation.paper import file_name, paper_of
from salur.evaluation.rules import BranchReport, Measure, Productivity, Published, Report, Side, Sum, Tag
from salur.evaluation.words import sentence_of, sentence_of_mixed, sentence_of_sum
from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import Problem
from salur.offices.actions import branches_by_code

HEADER = ("rank", "branch", "name", "allocated", "paid", "paid %", "geotag %", "to 50 %", "to 90 %", "to 95 %", "hires")


@click.group("evaluation")
def evaluation() -> None:
    """The regional meeting: ranking, published figures, what helped and what hindered."""


@evaluation.command("report")
@click.option("--region", "region_code", required=True, metavar="CODE")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--as-of", metavar="T", help="ISO 8601; a bare date means the end of that day there. Default: now.")
@click.option("--format", "form", type=click.Choice(["table", "json", "pdf"]), default="table", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the PDF goes; default: a telling name here."
)
@answers
def report(region_code: str, stage_code: str, as_of: str | None, form: str, out: Path | None) -> Answer:
    """How the branches of a region did in a stage."""
    past = actions.as_typed(as_of, actions.zone_of(region_code)) if as_of else None
    found = actions.report(stage_code=stage_code, region_code=region_code, now=now(), as_of=past)
    if form == "pdf":
        paper = paper_of(found)
        path = out or Path(file_name(found))
        path.write_bytes(paper.content)
        data = {
            "file": str(path),
            "pages": paper.pages,
            "digest": paper.digest,
            "region": found.region,
            "as_of": found.as_of,
        }
        return Answer(data, f"{path}: {paper.pages} pages.")
    with translation.override("en"):
        return Answer(data_of(found), _text(found), as_json=form == "json")


def data_of(found: Report) -> dict[str, Any]:
    """The report as JSON; counts are families, percentages by the rule of ``lib.percent``, days count from the first day of paying."""
    return {
        "region": found.region,
        "region_name": found.region_name,
        "stage": found.stage,
        "as_of": found.as_of,
        "danom_version": found.danom_version,
        "allocated": found.allocated,
        "paid": found.paid,
        "paid_percent": found.paid_percent,
        "geotagged": found.geotagged,
        "geotag_percent": found.geotag_percent,
        "amount_paid_rp": found.amount_paid_rp,
        "compared": found.compared,
        "ranking": [_ranking(branch) for branch in found.branches],
        "named_for_geotagging": [branch.code for branch in found.named_for_geotagging],
        "progress": [
            {
                "branch": branch.code,
                "days": [
                    {
                        "date": day.day, "paid": day.paid, "geotagged": day.geotagged, "total_paid": day.total_paid,
                        "total_geotagged": day.total_geotagged,
                    }
                    for day in branch.days
                ],
            }
            for branch in found.branches
        ],
        "productivity": {
            "by_channel": [_productivity(each) for each in found.by_channel],
            "by_terrain": [_productivity(each) for each in found.by_terrain],
            "branches": [
                {
                    "branch": branch.code,
                    "by_channel": [_productivity(each) for each in branch.by_channel],
                    "by_terrain": [_productivity(each) for each in branch.by_terrain],
                }
                for branch in found.branches
            ],
        },
        "unpaid": found.unpaid,
        "branches": [
            {
                "branch": branch.code,
                "unpaid": branch.unpaid,
                "cash": vars(branch.cash),
                "cases": vars(branch.cases),
                "complaints": vars(branch.complaints),
            }
            for branch in found.branches
        ],
        "notes": [
            {
                "id": note.id, "branch": note.branch, "side": note.side, "tag": note.tag, "text": note.text, "written_by": note.written_by,
                "written_at": note.written_at,
            }
            for branch in found.branches
            for note in branch.notes
        ],
        "published": [_published(each) for each in found.published],
        "mixed_rounding": [
            {
                "source": each.source, "date": each.date, "rounded": list(each.rounded), "cut_off": list(each.cut_off),
                "note": sentence_of_mixed(each),
            }
            for each in found.mixed
        ],
        "sums": [_sum(each) for each in found.sums],
        "earlier": [
            {
                "stage": each.stage, "allocated": each.allocated, "paid": each.paid, "paid_percent": each.paid_percent,
                "geotag_percent": each.geotag_percent,
                "branches": [
                    {"branch": row.code, "rank": row.rank, "paid_percent": row.paid_percent, "days_to_90": row.days_to_90}
                    for row in each.branches
                ],
            }
            for each in found.earlier
        ],
    }  # fmt: skip


def _ranking(branch: BranchReport) -> dict[str, Any]:
    return {
        "rank": branch.rank,
        "branch": branch.code,
        "name": branch.name,
        "allocated": branch.allocated,
        "paid": branch.paid,
        "paid_percent": branch.paid_percent,
        "geotagged": branch.geotagged,
        "geotag_percent": branch.geotag_percent,
        "amount_paid_rp": branch.amount_paid_rp,
        "days_to_50": branch.days_to_50,
        "days_to_90": branch.days_to_90,
        "days_to_95": branch.days_to_95,
        "geotag_days_to_50": branch.geotag_days_to(50),
        "hires": branch.hires,
    }


def _productivity(each: Productivity) -> dict[str, Any]:
    return {
        "key": each.key,
        "families": each.families,
        "officer_days": each.officer_days,
        "families_per_officer_day": each.per_day,
    }


def _published(each: Published) -> dict[str, Any]:
    percent = each.measure is Measure.PAID_PERCENT
    return {
        "office": each.office,
        "measure": each.measure,
        "printed": each.printed,
        "source": each.source,
        "date": each.date,
        "counted": each.counted,
        "whole": each.whole if percent else None,
        "rounded": each.rounded,
        "agreement": each.agreement,
        "difference": each.difference,
        "note": sentence_of(each),
    }


def _sum(each: Sum) -> dict[str, Any]:
    return {
        "office": each.office,
        "measure": each.measure,
        "date": each.date,
        "printed": each.printed,
        "sum": each.sum,
        "difference_from_sum": each.difference,
        "agrees": each.agrees,
        "missing": list(each.missing),
        "note": sentence_of_sum(each),
    }


def _text(found: Report) -> str:
    lines = [
        (
            branch.rank, branch.code, branch.name, f"{branch.allocated:,}", f"{branch.paid:,}", _or_dash(branch.paid_percent),
            _or_dash(branch.geotag_percent), *(_or_dash(branch.days_to(share)) for share in (50, 90, 95)), _or_dash(branch.hires),
        )
        for branch in found.branches
    ]  # fmt: skip
    named = ", ".join(f"{branch.name} ({branch.geotag_percent})" for branch in found.named_for_geotagging)
    said = [
        *(f"{each.office} {each.measure}: {sentence_of(each)}" for each in found.published),
        *(sentence_of_mixed(each) for each in found.mixed),
        *(f"{each.office} {each.measure}: {sentence_of_sum(each)}" for each in found.sums),
    ]
    return "\n".join(
        [
            f"{found.region_name}, {found.stage} as of {found.as_of:%Y-%m-%d %H:%M} UTC, list version {_or_dash(found.danom_version)}",
            "",
            table(HEADER, lines, right=(0, *range(3, len(HEADER)))),
            "",
            f"Named for geotagging: {named or '–'}",
            *([] if not said else ["", "Published figures:", *said]),
        ]
    )


def _or_dash(value: int | Decimal | None) -> str:
    return "–" if value is None else str(value)


@evaluation.command("note")
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@click.option("--branch", "branch_code", required=True, metavar="CODE")
@click.option("--side", type=click.Choice([side.value for side in Side]), required=True)
@click.option("--tag", type=click.Choice([tag.value for tag in Tag]), required=True)
@click.option("--replaces", type=click.UUID, help="The note that this one stands for; an empty text takes it back.")
@click.option("--id", "id_", type=click.UUID, help="Makes it safe to repeat.")
@click.argument("text")
@acting
@answers
def note(
    stage_code: str, branch_code: str, side: str, tag: str, replaces: Any, id_: Any, text: str, actor: str
) -> Answer:
    """What helped or hindered a branch, for the meeting."""
    branch = branches_by_code().get(branch_code)
    if branch is None:
        raise Problem(f"There is no branch {branch_code}.")
    made = actions.note(
        stage_code=stage_code, branch=branch, side=Side(side), tag=Tag(tag), text=text, actor=actor, at=now(), id=id_, replaces=replaces
    )  # fmt: skip
    return Answer({"note": made, "branch": branch_code, "side": side, "tag": tag}, f"Note {made} is written.")


@evaluation.command("publish")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--stage", "stage_code", required=True, metavar="CODE")
@acting
@answers
def publish(path: Path, stage_code: str, actor: str) -> Answer:
    """Keep published figures as printed: CSV `office,measure,printed,source,date`."""
    figures = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                figures.append(
                    actions.Figure(row["office"], Measure(row["measure"]), row["printed"], row["source"], date.fromisoformat(row["date"]))
                )  # fmt: skip
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                measures = ", ".join(Measure)
                raise Problem(
                    f"{path} line {line}: write office,measure,printed,source,date, with a measure of {measures} and a date like 2022-03-26."
                ) from error
    new = actions.load_figures(stage_code=stage_code, figures=figures, actor=actor, at=now())
    return Answer({"figures": len(figures), "new": new}, f"{len(figures)} figures read, {new} of them new.")

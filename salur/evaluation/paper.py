"""The meeting's paper: the report as the page shows it, for the table of the meeting room; in Indonesian, black on white."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import translation

from salur.evaluation.rules import Agreement, BranchReport, Productivity, Report, Side, Tag
from salur.evaluation.words import (
    CHANNELS,
    MEASURES,
    SIDES,
    TAGS,
    TERRAINS,
    printed,
    sentence_of,
    sentence_of_mixed,
    sentence_of_sum,
)
from salur.lib.indonesian import months, percent, rupiah
from salur.lib.pdf import Paper, render
from salur.monitoring.charts import BurnUp, burn_up
from salur.monitoring.rules import Day
from salur.payments.words import REASONS

TEMPLATE = Path(__file__).with_name("papers") / "evaluation.typ"


def paper_of(report: Report) -> Paper:
    with translation.override("id"):
        data = _data(report)
    return render(TEMPLATE, data, title=f"Evaluasi {report.region_name} {report.stage}", as_of=report.as_of, zone=report.zone)  # fmt: skip


def file_name(report: Report) -> str:
    """``evaluasi-REG-5-SEMBAKO-2022-1-20220326T1659Z.pdf``."""
    parts = ("evaluasi", report.region, report.stage, report.as_of.strftime("%Y%m%dT%H%MZ"))
    return "-".join(parts).replace("/", "_") + ".pdf"


def _data(report: Report) -> dict[str, Any]:
    quotes = {each.office: each for each in report.published if each.measure == "paid_percent"}
    reasons = list(report.unpaid)
    return {
        "office": report.region_name,
        "region": report.region,
        "programme": report.programme,
        "period": months(report.period_from, report.period_to),
        "stage": report.stage,
        "version": report.danom_version,
        "whole": len(report.branches) == report.compared,
        "compared": report.compared,
        "allocated": report.allocated,
        "paid": report.paid,
        "paid_percent": percent(report.paid_percent),
        "amount_paid": rupiah(report.amount_paid_rp),
        "geotagged": report.geotagged,
        "geotag_percent": percent(report.geotag_percent),
        "named": [f"{branch.name} ({percent(branch.geotag_percent)})" for branch in report.named_for_geotagging],
        "ranking": [_ranking(branch, quotes) for branch in report.branches],
        "published": [
            {
                "office": each.name, "measure": str(MEASURES[each.measure]), "printed": printed(each), "sentence": sentence_of(each),
                "flagged": each.agreement is not Agreement.AGREES, "source": each.source, "date": each.date,
            }
            for each in report.published
        ],
        "mixed": [sentence_of_mixed(each) for each in report.mixed],
        "sums": [
            {
                "office": each.name, "measure": str(MEASURES[each.measure]), "printed": str(each.printed), "sentence": sentence_of_sum(each),
                "flagged": not each.agrees, "source": each.source, "date": each.date,
            }
            for each in report.sums
        ],
        "charts": [
            {
                "name": branch.name, "paid": percent(branch.paid_percent), "geotag": percent(branch.geotag_percent),
                **_chart(branch.days, branch.allocated),
            }
            for branch in report.branches
            if burn_up(branch.days, branch.allocated)
        ],
        "branches": [branch.name for branch in report.branches],
        "channels": _productivity(report.by_channel, [branch.by_channel for branch in report.branches], CHANNELS),
        "terrains": _productivity(report.by_terrain, [branch.by_terrain for branch in report.branches], TERRAINS),
        "reasons": [str(REASONS[reason]) for reason in reasons],
        "unpaid_total": [sum(report.unpaid.values()), *report.unpaid.values()],
        "unpaid": [
            [branch.name, sum(branch.unpaid.values()), *(branch.unpaid.get(reason, 0) for reason in reasons)]
            for branch in report.branches
        ],
        "control": [
            [
                branch.name, branch.cash.counts, branch.cash.differing, branch.cash.short_rp, branch.cash.over_rp, branch.cases.open,
                branch.cases.decided, branch.complaints.received, branch.complaints.answered, branch.complaints.late,
            ]
            for branch in report.branches
        ],
        "notes": [
            {
                "side": str(SIDES[side]),
                "said": [
                    {"tag": str(TAGS[tag]), "branch": branch.name, "text": note.text}
                    for tag in Tag
                    for branch in report.branches
                    for note in branch.notes
                    if note.side is side and note.tag is tag
                ],
            }
            for side in Side
        ],
        "earlier": [
            {
                "stage": each.stage,
                "period": months(each.period_from, each.period_to),
                "percent": percent(each.paid_percent),
                "rows": [
                    [row.code, row.rank, row.allocated, row.paid, percent(row.paid_percent), _days(row.days_to_90)]
                    for row in each.branches
                ],
            }
            for each in report.earlier
        ],
    }  # fmt: skip


def _ranking(branch: BranchReport, quotes: dict[str, Any]) -> list[Any]:
    quoted = quotes.get(branch.code)
    return [
        branch.rank, f"{branch.name} ({branch.code})", branch.allocated, branch.paid, percent(branch.paid_percent),
        "–" if quoted is None else f"“{printed(quoted)}”{'' if quoted.agreement is Agreement.AGREES else ' *'}",
        percent(branch.geotag_percent), _days(branch.days_to_50), _days(branch.days_to_90), _days(branch.days_to_95), _days(branch.hires),
    ]  # fmt: skip


def _days(value: int | None) -> str:
    return "–" if value is None else str(value)


def _per_day(value: Decimal | None) -> str:
    return "–" if value is None else str(value).replace(".", ",")


def _productivity(together: list[Productivity], branches: list[Any], names: dict[Any, Any]) -> list[list[Any]]:
    rows = []
    for key in names:
        whole = next((each for each in together if each.key == key), None)
        if whole is not None:
            parts = [next((each.per_day for each in branch if each.key == key), None) for branch in branches]
            rows.append(
                [str(names[key]), whole.families, whole.officer_days, _per_day(whole.per_day), *map(_per_day, parts)]
            )
    return rows


def _chart(days: Sequence[Day], allocated: int) -> dict[str, str]:
    chart: BurnUp | None = burn_up(days, allocated)
    assert chart is not None
    grid = "".join(
        f'<path d="M{chart.left} {y}H{chart.right}" stroke="#bbb" stroke-width="1"/>' for y, _ in chart.shares
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{chart.left} 0 {chart.right - chart.left + 4} {chart.ground + 2}">{grid}'
        f'<polyline points="{chart.paid}" fill="none" stroke="#000" stroke-width="3"/>'
        f'<polyline points="{chart.geotagged}" fill="none" stroke="#000" stroke-width="2.4" stroke-dasharray="2 6" stroke-linecap="round"/></svg>'
    )
    first, last = chart.dates[0][1], chart.dates[-1][1]
    return {"svg": svg, "first": f"{first.day}/{first.month}", "last": f"{last.day}/{last.month}"}

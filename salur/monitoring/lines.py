"""The lines of a board's table, and how each is drawn.

This is the one place where markup is written in Python: a template took a third of a millisecond for a line, and a board has a hundred of them
and is drawn again at each payment. Whatever a person wrote passes ``escape``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from salur.lib import indonesian
from salur.lib.template_filters import language, number, quoted_percent
from salur.monitoring.charts import spark
from salur.monitoring.rules import Quoted, Row, Trend, bar


@dataclass(frozen=True)
class Line:
    """A row with where it leads (``href``, one level down, empty at the last one) and what stands beside its figures."""

    row: Row
    code: str
    href: str
    rank: int | None = None
    quoted: Quoted | None = None
    trend: Trend | None = None
    span: int = 0

    @property
    def paid_bar(self) -> str:
        return bar(self.row.paid, self.row.allocated)


class Shown(NamedTuple):
    """Which columns a table has besides those that every table has; ``day``: what the column of one day is called."""

    day: str
    ranked: bool
    mapped: bool
    unsent: bool
    trended: bool
    quoted: bool


class Drawn(NamedTuple):
    lines: SafeString
    sum: SafeString


def drawn(lines: list[Line], total: Line, shown: Shown) -> Drawn:
    """The rows of a table's body, and those of its foot, as markup in the page's language."""
    words = {
        "allocated": _("Allocated"), "paid": _("Paid"), "paid_today": shown.day, "failed": _("Failed"), "open": _("Open"),
        "unsent": _("In the field"), "geotag": _("Geotag"), "rupiah": _("Rupiah paid"), "quoted": _("Published"),
        "without": _("Without a region"), "rank": _("Rank by realisation"),
    }  # fmt: skip
    labels = {key: escape(word) for key, word in words.items()}
    heading = f'<th role="rowheader" scope="row" class="name"><span class="label">{escape(_("Sum"))}</span></th>'
    body = "\n".join(_row(line, shown, labels) for line in lines)
    foot = f'<tr role="row">{heading}{_cells(total, shown, labels, whole=True)}</tr>'
    return Drawn(mark_safe(body), mark_safe(foot))  # noqa: S308 - put together from escaped parts


def _row(line: Line, shown: Shown, labels: Mapping[str, str]) -> str:
    row, code = line.row, escape(line.code)
    name = escape(row.name) or code or (labels["without"] if line.href else "")
    rank = f'<span class="rank" title="{labels["rank"]}">{line.rank}</span>' if shown.ranked else ""
    linked = f'<a id="row-{code}" href="{escape(line.href)}">{name}</a>' if line.href else name
    beside = f' <span class="code">{code}</span>' if row.name else ""
    area = f' data-area="{row.key}"' if shown.mapped else ""
    return (
        f'<tr role="row"{area}><th role="rowheader" scope="row" class="name">{rank}<span class="label"><bdi>{linked}</bdi>{beside}</span></th>'
        f"{_cells(line, shown, labels)}</tr>"
    )


def _cells(line: Line, shown: Shown, labels: Mapping[str, str], *, whole: bool = False) -> str:
    """The cells after the name; those of the ``whole`` have no bars."""
    row, spoken = line.row, language()

    def cell(kind: str, value: int | None) -> str:
        return f'<td role="cell" class="c-{kind}" data-label="{labels[kind]}">{number(value)}</td>'

    cells = [
        cell("allocated", row.allocated), cell("paid", row.paid), cell("paid_today", row.paid_today), cell("failed", row.failed),
        cell("open", row.open),
    ]  # fmt: skip
    if shown.unsent:
        cells.append(cell("unsent", row.unsent))
    paid = bar(row.paid, row.allocated)
    failed = (
        f'<rect class="failed" x="{paid}" width="{bar(row.failed, row.allocated)}" height="6"/>' if row.failed else ""
    )
    paid_bar = "" if whole else _bar("paid", paid, failed)
    geotag_bar = "" if whole else _bar("geotag", bar(row.geotagged, row.allocated))
    percent, geotag = indonesian.percent(row.paid_percent, spoken), indonesian.percent(row.geotag_percent, spoken)
    cells += [
        f'<td role="cell" class="c-paid_percent"><span class="value">{percent}</span>{paid_bar}</td>',
        f'<td role="cell" class="c-geotag_percent" data-label="{labels["geotag"]}"><span class="value">{geotag}</span>{geotag_bar}</td>',
        f'<td role="cell" class="c-amount_paid_rp" data-label="{labels["rupiah"]}">{indonesian.rupiah(row.amount_paid_rp, spoken)}</td>',
    ]
    if shown.trended:
        points = spark(line.trend, line.span)
        small = (
            f'<svg class="spark" viewBox="0 0 84 18" aria-hidden="true"><polyline points="{points}"/></svg>'
            if points
            else ""
        )
        cells.append(f'<td role="cell" class="c-trend">{small}</td>')
    if shown.quoted and whole:
        cells.append('<td role="cell" class="c-quoted"></td>')
    elif shown.quoted:
        said = f"<q>{escape(quoted_percent(line.quoted.percent))}</q>" if line.quoted else "–"
        cells.append(f'<td role="cell" class="c-quoted" data-label="{labels["quoted"]}">{said}</td>')
    return "\n".join(cells)


def _bar(kind: str, width: str, more: str = "") -> str:
    return (
        '<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/>'
        f'<rect class="{kind}" width="{width}" height="6"/>{more}</svg>'
    )

"""The meeting's pages: which regions there are, a region's report, its paper; a branch writes its notes there.

Who sees what: the ministry, headquarters and auditors every region, a region its own, a branch itself with its rank among all.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from salur.evaluation import actions
from salur.evaluation.paper import file_name, paper_of
from salur.evaluation.rules import Agreement, BranchReport, Productivity, Published, Report, Side, Tag
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
from salur.lib import desks, rights
from salur.lib.clock import now
from salur.lib.viewer import Viewer
from salur.monitoring.charts import BurnUp, burn_up
from salur.monitoring.rules import bar
from salur.payments.words import REASONS
from salur.programmes.actions import stage_by_code


@dataclass(frozen=True)
class Line:
    """A branch as the template draws it."""

    branch: BranchReport
    quoted: Published | None
    chart: BurnUp | None

    @property
    def paid_bar(self) -> str:
        return bar(self.branch.paid, self.branch.allocated)

    @property
    def geotag_bar(self) -> str:
        return bar(self.branch.geotagged, self.branch.allocated)


@require_safe
@desks.open_to(desks.MEETING)
def evaluations(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The regions whose meeting the viewer may see; straight to it where there is one."""
    found_stage = stage_by_code(stage)
    regions = actions.regions(viewer=viewer)
    if len(regions) == 1:
        return redirect("evaluation", stage=found_stage.code, region=regions[0].code)
    if not regions:
        raise Http404
    return render(request, "evaluation/regions.html", {"stage": found_stage, "regions": regions})


@require_safe
@desks.open_to(desks.MEETING)
def evaluation(request: HttpRequest, viewer: Viewer, stage: str, region: str) -> HttpResponse:
    found = _report(request, viewer, stage, region)
    return render(request, "evaluation/report.html", _context(request, found, viewer))


@require_safe
@desks.open_to(desks.MEETING)
def evaluation_paper(request: HttpRequest, viewer: Viewer, stage: str, region: str) -> HttpResponse:
    """The same as the page, for the table of the meeting room."""
    found = _report(request, viewer, stage, region)
    return HttpResponse(
        paper_of(found).content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{file_name(found)}"', "Cache-Control": "private, no-cache"},
    )


@require_POST
@desks.open_to(desks.MEETING)
def write_note(request: HttpRequest, viewer: Viewer, stage: str, region: str) -> HttpResponse:
    """A branch says what helped or hindered it, corrects a note, or takes one back."""
    if viewer.role != desks.Role.BRANCH or not viewer.branches or viewer.office not in viewer.branches:
        raise Http404
    said = request.POST
    side, tag, replaces = said.get("side", ""), said.get("tag", ""), said.get("replaces", "")
    if side not in list(Side) or tag not in list(Tag):
        raise actions.NotANote("Choose whether it helped or hindered, and what it is about.")
    actions.note(
        stage_code=stage,
        branch=viewer.office,
        side=Side(side),
        tag=Tag(tag),
        text=said.get("text", ""),
        actor=viewer.name,
        at=now(),
        id=_uuid(said.get("id", "")),
        replaces=_uuid(replaces),
    )
    return HttpResponseRedirect(reverse("evaluation", args=[stage, region]) + "#notes")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise actions.NotANote("This note is not known here.") from None


def _report(request: HttpRequest, viewer: Viewer, stage: str, region: str) -> Report:
    typed = request.GET.get("as_of", "").strip()
    as_of = actions.as_typed(typed, actions.zone_of(region)) if typed else None
    with rights.beyond_scope():  # a branch reads its region's ranking; the report itself judges who may
        return actions.report(stage_code=stage, region_code=region, now=now(), as_of=as_of, viewer=viewer)


def _context(request: HttpRequest, found: Report, viewer: Viewer) -> dict[str, Any]:
    quotes = {each.office: each for each in found.published if each.measure == "paid_percent"}
    reasons = list(found.unpaid)
    typed = request.GET.get("as_of", "").strip()
    kept = f"?{urlencode({'as_of': typed})}" if typed else ""
    most = max(found.unpaid.values(), default=0)
    return {
        "report": found,
        "past": bool(typed),
        "chosen": typed,
        "days": _days(found),
        "lines": [
            Line(branch, quotes.get(branch.code), burn_up(branch.days, branch.allocated)) for branch in found.branches
        ],
        "paid_bar": bar(found.paid, found.allocated),
        "geotag_bar": bar(found.geotagged, found.allocated),
        "whole": len(found.branches) == found.compared,
        "quoted": bool(quotes),
        "channel_word": gettext("Channel"),
        "terrain_word": gettext("Terrain"),
        "channels": _productivity([(b, b.by_channel) for b in found.branches], found.by_channel, CHANNELS),
        "terrains": _productivity([(b, b.by_terrain) for b in found.branches], found.by_terrain, TERRAINS),
        "reasons": [(REASONS[reason], count, bar(count, most)) for reason, count in found.unpaid.items()],
        "unpaid": [
            (branch, sum(branch.unpaid.values()), [branch.unpaid.get(reason, 0) for reason in reasons])
            for branch in found.branches
        ],
        "reason_names": [REASONS[reason] for reason in reasons],
        "notes": _notes(found, viewer),
        "published": [
            (each, MEASURES[each.measure], printed(each), sentence_of(each), each.agreement is not Agreement.AGREES)
            for each in found.published
        ],
        "mixed": [sentence_of_mixed(each) for each in found.mixed],
        "sums": [(each, MEASURES[each.measure], sentence_of_sum(each), not each.agrees) for each in found.sums],
        "writes": viewer.role == desks.Role.BRANCH,
        "sides": [(side.value, SIDES[side]) for side in Side],
        "tags": [(tag.value, TAGS[tag]) for tag in Tag],
        "paper": reverse("evaluation-paper", args=[found.stage, found.region]) + kept,
        "single": len(actions.regions(viewer=viewer)) == 1,
    }


def _days(found: Report) -> list[Any]:
    """The days a person may want to look at the meeting's figures of, newest first."""
    days = [day.day for branch in found.branches for day in branch.days]
    if not days:
        return []
    last = max([*days, found.as_of.astimezone(ZoneInfo(found.zone)).date()])
    first = max(min(days), last - timedelta(days=60))
    return [last - timedelta(days=n) for n in range((last - first).days + 1)]


def _productivity(
    branches: list[tuple[BranchReport, Any]], together: list[Productivity], names: dict[Any, Any]
) -> dict[str, Any]:
    """One row for each channel or terrain: its name, all branches together, then each branch (None where it was not used)."""
    keys = [key for key in names if any(each.key == key for each in together)]
    by_branch = [{each.key: each for each in parts} for _, parts in branches]
    whole = {each.key: each for each in together}
    return {
        "branches": [branch for branch, _ in branches],
        "rows": [(names[key], whole[key], [parts.get(key) for parts in by_branch]) for key in keys],
    }


def _notes(found: Report, viewer: Viewer) -> list[tuple[Any, list[tuple[Any, list[Any]]]]]:
    """Each side with its tags in the order of ``Tag``, and under a tag what the branches wrote."""
    shown = []
    for side in Side:
        tags = []
        for tag in Tag:
            written = [
                (note, branch, viewer.role == desks.Role.BRANCH and viewer.office == branch.office)
                for branch in found.branches
                for note in branch.notes
                if note.side is side and note.tag is tag
            ]
            if written:
                tags.append((TAGS[tag], written))
        shown.append((SIDES[side], tags))
    return shown

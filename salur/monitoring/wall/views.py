"""One page: what is paid of a place, today, how its parts stand; it fills a large screen and never needs a hand."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.http import require_safe

from salur.lib import desks
from salur.lib.clock import now
from salur.lib.template_filters import moment
from salur.lib.viewer import Viewer
from salur.monitoring import actions
from salur.monitoring.charts import burn_up
from salur.monitoring.living import keep, kept_for, let_in, news, private, tag_of
from salur.monitoring.rules import By, bar, in_order, ranks
from salur.monitoring.views import LEVELS, board_url
from salur.programmes.models import Stage

MOST_LINES = 12  # more cannot be read from across a room


@require_safe
@desks.open_to(desks.EVERYBODY)
def wall(request: HttpRequest, viewer: Viewer, stage: str, office: str | None = None) -> HttpResponse:
    """The whole page, or for an open one its living part, answered 304 as long as it would say the same."""
    open_page = "HX-Request" in request.headers
    if open_page and (kept := kept_for(request, viewer)):
        return let_in(request, viewer, kept)
    seen = news(stage) if open_page else None
    found_stage, board = actions.board(stage_code=stage, viewer=viewer, now=now(), office_code=office)
    if len(board.table.rows) < 2 and len(board.place.levels) > 1:  # one part is no comparison: its own parts are
        by = board.place.levels[1]
        found_stage, board = actions.board(stage_code=stage, viewer=viewer, now=now(), office_code=office, by=by)
    context = _context(request, found_stage, board)
    fragment = render_to_string("monitoring/wall_living.html", context, request)
    place, shown = board.place, moment(board.table.as_of, board.place.zone)
    if seen is not None:
        kept = keep(
            request, viewer, fragment, moment=shown, stage=found_stage.code, branches=place.branches, zone=place.zone,
            past=False, seen=seen,
        )  # fmt: skip
        return let_in(request, viewer, kept)
    page = {**context, "living": fragment, "etag": tag_of(fragment, shown)}
    return private(render(request, "monitoring/wall.html", page))


def _context(request: HttpRequest, stage: Stage, board: Any) -> dict[str, Any]:
    place, total, by = board.place, board.total, board.table.by
    today = board.table.as_of.astimezone(ZoneInfo(place.zone)).date()
    ranked = in_order([row for row in board.table.rows if row.allocated], "-paid_percent")
    rank = ranks(board.table.rows)
    best = ranked if len(ranked) <= MOST_LINES else [*ranked[: MOST_LINES // 2], *ranked[-MOST_LINES // 2 :]]
    lines = [(row, rank[row.key], bar(row.paid, row.allocated), bar(row.failed, row.allocated)) for row in best]
    planned = next((day.total for day in reversed(board.planned) if day.day <= today), 0) if board.planned else None
    days = (stage.deadline - stage.opens).days + 1
    yesterday = next((day.paid for day in board.days if day.day == today - timedelta(days=1)), None)
    return {
        "stage": stage,
        "board": board,
        "place": place,
        "place_name": place.office.name if place.office else "",
        "total": total,
        "paid_bar": bar(total.paid, total.allocated),
        "failed_bar": bar(total.failed, total.allocated),
        "planned": planned,
        "yesterday": yesterday,
        "day_number": (today - stage.opens).days + 1 if stage.opens <= today <= stage.deadline else None,
        "days": days,
        "lines": lines,
        "cut": len(ranked) - len(best),
        "first_low": MOST_LINES // 2 if len(ranked) > MOST_LINES else -1,
        "level": LEVELS[by],
        "ranked": by in (By.REGION, By.BRANCH),
        "chart": burn_up(board.days, total.allocated, board.planned),
        "board_href": board_url(stage.code, place.office.code if place.office else ""),
        "here": request.get_full_path(),
    }


urlpatterns = [
    path("dinding/<str:stage>/", wall, name="wall"),
    path("dinding/<str:stage>/kantor/<path:office>/", wall, name="wall-office"),
]

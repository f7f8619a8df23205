"""One page: what is paid of a place, today, how its parts stand; it fills a large screen and never needs a hand."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from salur.lib import desks
from salur.lib.clock import now
from salur.lib.process_cache import cache
from salur.lib.template_filters import moment
from salur.lib.viewer import Viewer
from salur.monitoring import actions
from salur.monitoring.charts import burn_up
from salur.monitoring.living import LIVE_SECONDS, Living, digest, living, private, told
from salur.monitoring.rules import By, bar, in_order, ranks
from salur.monitoring.views import LEVELS, board_url
from salur.programmes.models import Stage

MOST_LINES = 12  # more cannot be read from across a room


@require_safe
@desks.open_to(desks.EVERYBODY)
def wall(request: HttpRequest, viewer: Viewer, stage: str, office: str | None = None) -> HttpResponse:
    """The whole page, or for an open one its living part, answered 304 as long as it would say the same."""
    open_page = "HX-Request" in request.headers
    key = "wall-" + digest(f"{get_language()} {viewer.office} {request.path}")
    kept: Living | None = cache.get(key) if open_page else None
    context: dict[str, Any] = {}
    if kept is None:
        found_stage, board = actions.board(stage_code=stage, viewer=viewer, now=now(), office_code=office)
        if len(board.table.rows) < 2 and len(board.place.levels) > 1:  # one part is no comparison: its own parts are
            by = board.place.levels[1]
            found_stage, board = actions.board(stage_code=stage, viewer=viewer, now=now(), office_code=office, by=by)
        context = _context(request, found_stage, board)
        drawn = render_to_string("monitoring/wall_living.html", context, request)
        kept = living(drawn, moment(board.table.as_of, board.place.zone))
        cache.set(key, kept, LIVE_SECONDS)
    if open_page:
        return told(request, kept)
    page = render(request, "monitoring/wall.html", {**context, "living": kept.fragment, "etag": kept.tag})
    return private(page)


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

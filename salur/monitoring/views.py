"""The realisation board: nation, region, branch, kecamatan; one query of the address → one action → one template.

An open board asks for its living part every few seconds (``living``); it is answered 304 as long as nothing changed.
Everything works without JavaScript: links sort and divide, a form sets moment and version.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from salur.areas.rules import dotted
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.process_cache import cache
from salur.lib.template_filters import moment
from salur.lib.viewer import Viewer
from salur.monitoring import actions
from salur.monitoring.charts import burn_up
from salur.monitoring.exports.rules import Form, What
from salur.monitoring.exports.views import asked_of, file_at_once
from salur.monitoring.lines import Line, Shown, drawn
from salur.monitoring.living import keep, kept_for, let_in, news, private, tag_of
from salur.monitoring.maps.views import map_of, with_map
from salur.monitoring.rules import OFFICES, SORTS, Board, By, Place, Row, in_order, ranks
from salur.programmes.models import Stage

ROWS_ON_A_PAGE = 100
TIDY_SECONDS = 2

LEVELS = {
    By.REGION: gettext_lazy("Region"),
    By.BRANCH: gettext_lazy("Branch"),
    By.KABUPATEN: gettext_lazy("Kabupaten"),
    By.KECAMATAN: gettext_lazy("Kecamatan"),
    By.VILLAGE: gettext_lazy("Village"),
}
TODAY, THAT_DAY = gettext_lazy("Today"), gettext_lazy("That day")
COLUMNS = (
    ("allocated", gettext_lazy("Allocated"), gettext_lazy("Families on the list")),
    ("paid", gettext_lazy("Paid"), gettext_lazy("Families that were paid")),
    ("paid_today", TODAY, gettext_lazy("Families paid on this day")),
    ("failed", gettext_lazy("Failed"), gettext_lazy("Visited, but not paid yet")),
    ("open", gettext_lazy("Open"), gettext_lazy("Neither paid nor failed")),
    (
        "unsent",
        gettext_lazy("In the field"),
        gettext_lazy("Recorded on phones that have not sent it yet, as they last reported"),
    ),
    (
        "paid_percent",
        gettext_lazy("Realisation"),
        gettext_lazy("Paid ÷ allocated, rounded half-up; 100 only when complete"),
    ),
    ("geotag_percent", gettext_lazy("Geotag"), gettext_lazy("Houses located ÷ allocated")),
    ("amount_paid_rp", gettext_lazy("Rupiah paid"), gettext_lazy("Amount handed over")),
)


@dataclass(frozen=True)
class Column:
    """A heading: ``href`` sorts by it, ``direction`` says how the board is sorted by it now (aria-sort)."""

    key: str
    label: str
    title: str
    href: str
    direction: str


class Address:
    """The board's own address, and those it leads to: each keeps moment, version and order unless told otherwise."""

    def __init__(self, request: HttpRequest, stage_code: str) -> None:
        self.stage_code, self.query = stage_code, request.GET
        self.path = request.path

    def kept(self, **changed: str | None) -> str:
        kept = {key: self.query[key] for key in ("as_of", "at", "version", "by", "sort", "map") if self.query.get(key)}
        kept.update({key: value for key, value in changed.items() if value})
        for key in [key for key, value in changed.items() if value is None]:
            kept.pop(key, None)
        return f"?{urlencode(kept)}" if kept else ""

    def here(self, **changed: str | None) -> str:
        return self.path + self.kept(**changed)

    def office(self, code: str, area: int | None = None, **changed: str | None) -> str:
        """Another place: divided and sorted in its own way."""
        place = board_url(self.stage_code, code, area)
        return place + self.kept(**{"by": None, "sort": None, **changed})


def board_url(stage_code: str, office_code: str = "", area: int | None = None) -> str:
    if not office_code:
        return (
            reverse("realisation-area", args=[stage_code, area]) if area else reverse("realisation", args=[stage_code])
        )
    if area:
        return reverse("realisation-kecamatan", args=[stage_code, office_code, area])
    return reverse("realisation-office", args=[stage_code, office_code])


@require_safe
@desks.open_to(desks.EVERYBODY)
def realisation(
    request: HttpRequest, viewer: Viewer, stage: str, office: str | None = None, area: int | None = None
) -> HttpResponse:
    """The board, its living part for an open page, or its rows as CSV."""
    open_page = "HX-Request" in request.headers
    if open_page and (kept := kept_for(request, viewer)):
        return let_in(request, viewer, kept)
    if request.GET.get("format") == "csv":
        rows = asked_of(request.GET, stage)
        return file_at_once(replace(rows, what=What.REALISATION, form=Form.CSV, office=office or "", area=area), viewer)
    seen = news(stage) if open_page else None
    found_stage, found = _board(request, viewer, stage, office, area)
    context = _context(request, found_stage, found, viewer)
    fragment = render_to_string("monitoring/board_living.html", context, request)
    place, shown = found.place, moment(found.table.as_of, found.place.zone)
    if seen is not None:
        kept = keep(
            request, viewer, fragment, moment=shown, stage=found_stage.code, branches=place.branches, zone=place.zone,
            past=found.past, seen=seen,
        )  # fmt: skip
        return let_in(request, viewer, kept)
    page = {
        **context,
        "living": with_map(request, found_stage, found, viewer, fragment, context),
        "etag": tag_of(fragment, shown),
    }
    return private(render(request, "monitoring/board.html", page))


def _board(
    request: HttpRequest, viewer: Viewer, stage: str, office: str | None, area: int | None
) -> tuple[Stage, Board]:
    if cache.add("monitoring-tidied", True, TIDY_SECONDS):
        actions.tidy_if_much_waits()
    asked = request.GET
    as_of = asked.get("as_of", "").strip()
    if as_of and asked.get("at", "").strip():
        as_of = f"{as_of}T{asked['at'].strip()}"
    version, by = asked.get("version", ""), asked.get("by", "")
    return actions.board(
        stage_code=stage,
        viewer=viewer,
        now=now(),
        office_code=office,
        area=area,
        by=By(by) if by in list(By) else None,
        as_of=as_of or None,
        version=int(version) if version.isascii() and version.isdecimal() and len(version) < 6 else None,
    )


def _context(request: HttpRequest, stage: Stage, board: Board, viewer: Viewer) -> dict[str, Any]:
    address, place, by = Address(request, stage.code), board.place, board.table.by
    past = bool(request.GET.get("as_of"))
    sort = _sort(request.GET, by)
    lines, total_line = _lines(board, address, sort, viewer.role in desks.OFFICES), Line(board.total, "", "")
    unsent = not past and board.table.by in OFFICES
    columns = [
        (key, str(THAT_DAY if past and key == "paid_today" else label), str(title))
        for key, label, title in COLUMNS
        if key != "unsent" or unsent
    ]
    page, mapped = _page(request.GET, len(lines)), map_of(board, request.GET, viewer)
    shown = Shown(
        day=str(THAT_DAY if past else TODAY),
        ranked=by in (By.REGION, By.BRANCH),
        mapped=bool(mapped.get("mapped")),
        unsent=unsent,
        trended=any(trend.paid for trend in board.trends.values()),
        quoted=bool(board.quotations) and any(line.quoted for line in lines),
    )
    on_page = lines[(page - 1) * ROWS_ON_A_PAGE : page * ROWS_ON_A_PAGE]
    pages = max(1, -(-len(lines) // ROWS_ON_A_PAGE))
    return {
        "stage": stage,
        "board": board,
        "place": place,
        "place_code": dotted(place.area) if place.area else place.office.code if place.office else "",
        "place_name": place.area_name or (place.office.name if place.office else ""),
        "total": board.total,
        "total_line": total_line,
        "level": LEVELS[by],
        "crumbs": _crumbs(board, address, viewer),
        "levels": [
            (level, LEVELS[level], address.here(by=level.value, sort=None), level is by) for level in place.levels
        ],
        "name_column": _column("name", str(LEVELS[by]), "", sort, address),
        "columns": [_column(key, label, title, sort, address) for key, label, title in columns],
        "lines": on_page,
        "drawn": drawn(on_page, total_line, shown),
        "count": len(lines),
        "all_lines": lines,
        "address": address,
        "page": page,
        "pages": pages,
        "previous": address.here() + f"{'&' if address.kept() else '?'}page={page - 1}" if page > 1 else "",
        "following": address.here() + f"{'&' if address.kept() else '?'}page={page + 1}" if page < pages else "",
        "shown": shown,
        "sources": sorted({(quoted.source, quoted.date) for quoted in board.quotations.values()}),
        "chart": burn_up(board.days, board.total.allocated, board.planned),
        "planned": _planned_by_now(board),
        "past": past,
        "now_href": address.here(as_of=None, at=None, version=None),
        "export_href": _export(request, stage, place, by),
        "days": _days(stage, board, past),
        "hours": _hours(board, request.GET),
        "chosen_day": board.table.as_of.astimezone(ZoneInfo(place.zone)).date() if past else None,
        "kept": [(key, request.GET[key]) for key in ("by", "sort", "map") if request.GET.get(key)],
        "here": request.get_full_path(),
        "wall_href": "" if past or place.area else _wall(stage, place),
        **mapped,
    }


def _export(request: HttpRequest, stage: Stage, place: Place, by: By) -> str:
    """Where the rows of this board are taken away."""
    words: dict[str, object] = {"by": by.value}
    words |= {key: request.GET[key] for key in ("as_of", "at", "version") if request.GET.get(key)}
    words |= {"office": place.office.code} if place.office else {}
    words |= {"area": place.area} if place.area else {}
    return f"{reverse('export', args=[stage.code])}?{urlencode(words)}"


def _wall(stage: Stage, place: Place) -> str:
    return (
        reverse("wall-office", args=[stage.code, place.office.code])
        if place.office
        else reverse("wall", args=[stage.code])
    )


def _planned_by_now(board: Board) -> int | None:
    """How many families the published plans have called by the board's moment; None without a plan."""
    until = board.table.as_of.astimezone(ZoneInfo(board.place.zone)).date()
    return next((day.total for day in reversed(board.planned) if day.day <= until), 0) if board.planned else None


def _days(stage: Stage, board: Board, past: bool) -> list[date]:
    """The days a person may want to look back at, newest first: of the stage's window and of what happened; and the one chosen."""
    zone = ZoneInfo(board.place.zone)
    known = {day.day for day in board.days}  # a payment years later adds a day, not the years between
    last = min(stage.deadline, now().astimezone(zone).date())
    days = known | {stage.opens + timedelta(days=n) for n in range((last - stage.opens).days + 1)}
    chosen = {board.table.as_of.astimezone(zone).date()} if past else set()
    return sorted(days | chosen, reverse=True)


def _hours(board: Board, asked: QueryDict) -> list[tuple[str, datetime, bool]]:
    """The hours of a working day, and the one chosen, as (value, moment, chosen); none chosen is the end of the day."""
    local = board.table.as_of.astimezone(ZoneInfo(board.place.zone))
    with_hour = bool(asked.get("at", "").strip()) or len(asked.get("as_of", "").strip()) > 10
    chosen = local.strftime("%H:%M") if with_hour else ""
    values = sorted({f"{hour:02d}:00" for hour in range(7, 22)} | ({chosen} if chosen else set()))
    return [(value, local.replace(hour=int(value[:2]), minute=int(value[3:])), value == chosen) for value in values]


def _sort(asked: QueryDict, by: By) -> str:
    """Offices are ranked unless asked otherwise; areas stand in the order of their codes."""
    sort = asked.get("sort", "")
    if sort.removeprefix("-") in SORTS:
        return sort
    return "-paid_percent" if by in (By.REGION, By.BRANCH) else "code"


def _page(asked: QueryDict, rows: int) -> int:
    number = asked.get("page", "1")
    last = max(1, -(-rows // ROWS_ON_A_PAGE))
    return min(max(int(number), 1), last) if number.isascii() and number.isdecimal() and len(number) < 6 else 1


def _column(key: str, label: str, title: str, sort: str, address: Address) -> Column:
    """A first click on a number sorts the largest to the top, on a name the alphabet's way; a second click turns it around."""
    sorted_by_it = sort.removeprefix("-") == key
    downwards = sort.startswith("-")
    first = key if key == "name" else f"-{key}"
    turned = (key if downwards else f"-{key}") if sorted_by_it else first
    direction = ("descending" if downwards else "ascending") if sorted_by_it else "none"
    return Column(key, label, title, address.here(sort=turned), direction)


def _lines(board: Board, address: Address, sort: str, families: bool) -> list[Line]:
    by, office = board.table.by, board.place.office
    rank = ranks(board.table.rows) if by in (By.REGION, By.BRANCH) else {}

    span = (board.days[-1].day - board.days[0].day).days + 1 if board.days else 0

    def href(row: Row) -> str:
        if row.key is None:
            return address.here(by=By.BRANCH.value, sort=None)
        if by in (By.REGION, By.BRANCH):
            return address.office(row.code)
        if by is By.KABUPATEN or (by is By.KECAMATAN and (office is None or office.kind == "REGION")):
            return address.office("", row.key)
        if by is By.KECAMATAN and office:
            return address.office(office.code, row.key)
        if by is By.VILLAGE and families:
            branch = board.branch_codes.get(row.key) or (office.code if office else "")
            return reverse("village", args=[address.stage_code, branch, row.key]) if branch else ""
        return ""

    return [
        Line(
            row,
            dotted(row.key) if by not in OFFICES and row.key else row.code,
            href(row),
            rank.get(row.key),
            board.quotations.get(row.key) if row.key is not None and rank else None,
            board.trends.get(row.key),
            span,
        )
        for row in in_order(board.table.rows, sort)
    ]


def _crumbs(board: Board, address: Address, viewer: Viewer) -> list[tuple[str, str]]:
    """The way from the viewer's top to here, (name, address); the last one is here. An empty name is the nation."""
    crumbs = [("", address.office(""))] if viewer.office is None else []
    crumbs += [(step.name, address.office(step.code)) for step in board.place.way]
    if board.place.area and board.place.kabupaten_name:
        crumbs.append((board.place.kabupaten_name, address.office("", board.place.area // 100)))
    if board.place.area:
        crumbs.append((board.place.area_name, address.here()))
    return crumbs

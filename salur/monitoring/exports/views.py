"""One page: what of a board's place is taken away, and in which form; a page's length comes at once, more is a job."""

import re
import tempfile
from pathlib import Path
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from salur.areas.rules import dotted
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import NotFound
from salur.lib.viewer import Viewer
from salur.monitoring.exports import actions
from salur.monitoring.exports.rules import MIME, Asked, Form, TooLong, What
from salur.monitoring.families.actions import ReasonNeeded
from salur.monitoring.families.rules import State
from salur.monitoring.rules import By
from salur.programmes.actions import stage_by_code

FORMS = (
    (Form.XLSX, "XLSX", gettext_lazy("a spreadsheet, to sort and count on with")),
    (Form.CSV, "CSV", gettext_lazy("plain text for programs: bare numbers, fixed column names")),
    (Form.PDF, "PDF", gettext_lazy("a paper with letterhead, in the page's language; 2,000 rows at most")),
)


@require_http_methods(["GET", "HEAD", "POST"])
@desks.open_to(desks.EVERYBODY)
def export(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    words = request.POST if request.method == "POST" else request.GET
    asked = asked_of(words, stage)
    if request.method != "POST":
        return _page(request, viewer, asked)
    try:
        rows = actions.rows_of(asked=asked, viewer=viewer, now=now())
        if rows > actions.A_PAGE:
            return redirect("job", job=actions.start(asked=asked, viewer=viewer, at=now()))
        return file_at_once(asked, viewer)
    except (ReasonNeeded, TooLong) as problem:
        return _page(request, viewer, asked, refused=problem.message, status=400)


def file_at_once(asked: Asked, viewer: Viewer) -> HttpResponse:
    """The file itself, as the answer."""
    with tempfile.TemporaryDirectory(prefix="salur-export-") as folder:
        made = Path(folder) / "made"
        name, _ = actions.make(asked=asked, viewer=viewer, path=made, at=now())
        content = made.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=MIME[asked.form], headers=headers)


def asked_of(words: QueryDict, stage: str) -> Asked:
    """The words of an address or form; one that is no number is as if it were not there, an unknown choice is the usual one."""

    def whole(word: str, most: int) -> int | None:
        typed = words.get(word, "")
        return int(typed) if re.fullmatch(rf"[0-9]{{1,{most}}}", typed) else None

    def one_of(word: str, choices: Any, usual: Any) -> Any:
        return choices(words.get(word)) if words.get(word) in list(choices) else usual

    village = whole("village", 10)
    as_of, hour = words.get("as_of", "").strip()[:40], words.get("at", "").strip()[:10]
    what = one_of("what", What, What.FAMILIES if village else What.REALISATION)
    if as_of and hour:
        as_of = f"{as_of}T{hour}"
    return Asked(
        what=what, form=one_of("form", Form, Form.XLSX), stage=stage, office=words.get("office", "")[:100], area=whole("area", 6),
        by=one_of("by", By, ""), as_of=as_of, version=whole("version", 5), village=village, state=one_of("state", State, ""),
        clear=words.get("nik") == "clear", reason=words.get("reason", "")[:500],
    )  # fmt: skip


def _page(request: HttpRequest, viewer: Viewer, asked: Asked, *, refused: str = "", status: int = 200) -> HttpResponse:
    choices: list[dict[str, Any]] = []
    place_name, back = "", ""
    if not asked.village:
        found, board = actions.board_of(asked=asked, viewer=viewer, now=now())
        place_name = board.place.area_name or (board.place.office.name if board.place.office else "")
        back = _board_url(asked)
        table = board.table
        choices.append(
            {"what": What.REALISATION, "rows": len(table.rows), "as_of": table.as_of, "zone": board.place.zone}
        )
    else:
        found = stage_by_code(asked.stage)
    if viewer.role in desks.OFFICES and not asked.as_of and asked.office and (asked.area is None or asked.area > 9_999):
        try:
            rows, name = actions.families_of(asked=asked, viewer=viewer)
        except NotFound:  # an office above the branches has a board, and no list of families of its own
            rows, name = 0, ""
        if rows:
            choices.append({"what": What.FAMILIES, "rows": rows})
            place_name = place_name or name
    if not choices:
        raise Http404
    if asked.village:
        back = reverse("village", args=[asked.stage, asked.office, asked.village])
    area = asked.village or asked.area
    context = {
        "stage": found, "asked": asked, "choices": choices, "forms": FORMS, "refused": refused, "place_name": place_name,
        "dotted": dotted(area) if area else "", "back": back, "a_page": actions.A_PAGE,
        "families": any(choice["what"] is What.FAMILIES for choice in choices), "may_reveal": viewer.role in desks.REVEALERS,
        "chosen": asked.what if any(choice["what"] is asked.what for choice in choices) else choices[0]["what"],
        "kept": [(word, value) for word, value in (
            ("office", asked.office), ("area", asked.area), ("by", asked.by), ("as_of", asked.as_of), ("version", asked.version),
            ("village", asked.village), ("state", asked.state),
        ) if value],
    }  # fmt: skip
    response = render(request, "monitoring/export.html", context, status=status)
    response["Cache-Control"] = "private, no-store"
    return response


def _board_url(asked: Asked) -> str:
    if asked.office and asked.area:
        return reverse("realisation-kecamatan", args=[asked.stage, asked.office, asked.area])
    if asked.office:
        return reverse("realisation-office", args=[asked.stage, asked.office])
    if asked.area:
        return reverse("realisation-area", args=[asked.stage, asked.area])
    return reverse("realisation", args=[asked.stage])


urlpatterns = [path("ekspor/<str:stage>/", export, name="export")]

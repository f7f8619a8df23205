"""The pages: search, a village's families, one family, its photos; showing a NIK is a form with a reason."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, re_path, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from salur.areas.rules import dotted
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.viewer import Viewer
from salur.monitoring.families import actions
from salur.monitoring.families.actions import BranchNeeded, ReasonNeeded, Search
from salur.monitoring.families.rules import State

ON_A_PAGE = 200
View = Callable[..., HttpResponse]

STATES = {
    State.PAID: gettext_lazy("Paid"),
    State.HELD: gettext_lazy("On hold"),
    State.FAILED: gettext_lazy("Failed"),
    State.OPEN: gettext_lazy("Open"),
}
SIGNS = {State.PAID: "good", State.HELD: "bad", State.FAILED: "bad", State.OPEN: ""}
HAPPENED = {
    "paid": gettext_lazy("Paid"),
    "voided": gettext_lazy("Payment taken back"),
    "failed": gettext_lazy("Visited, not paid"),
    "geotagged": gettext_lazy("House located"),
    "held": gettext_lazy("Put on hold"),
    "released": gettext_lazy("Released"),
    "listed": gettext_lazy("On the work list of a day"),
    "event": gettext_lazy("Message of a phone"),
}
CHANNELS = {"1": gettext_lazy("post office"), "2": gettext_lazy("community"), "3": gettext_lazy("door to door")}
REASONS = {
    "not_home": gettext_lazy("nobody at home"),
    "ill": gettext_lazy("ill"),
    "away": gettext_lazy("away"),
    "not_collected": gettext_lazy("did not come"),
    "data_differs": gettext_lazy("data differ"),
    "dead": gettext_lazy("died, no family member entitled"),
    "moved": gettext_lazy("moved away"),
    "unknown": gettext_lazy("nobody knows the name"),
    "duplicate": gettext_lazy("on the list twice"),
    "not_entitled": gettext_lazy("not entitled any more"),
    "refused": gettext_lazy("refused"),
}
PHOTOS = {
    "KPM": gettext_lazy("Recipient with the money"),
    "KTP": gettext_lazy("Identity card"),
    "RUMAH": gettext_lazy("House"),
    "HOUSE": gettext_lazy("House"),
    "DOKUMEN": gettext_lazy("Document"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@desks.open_to(desks.OFFICES, kept=False)
def families(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """The search; one that finds exactly one letter or NIK leads straight to the family."""
    typed = request.POST.get("typed", "").strip()[:200]
    chosen = request.POST.get("branch", "")
    branch = int(chosen) if re.fullmatch(r"[0-9]{1,9}", chosen) else None
    found: Search | None = None
    branch_needed = False
    if typed:
        try:
            found = actions.find(typed=typed, viewer=viewer, branch=branch)
        except BranchNeeded:
            branch_needed = True
    if found and len(found.cards) == 1 and found.by != "name":
        return HttpResponseRedirect(reverse("family", args=[found.cards[0].id]))
    context = {
        "typed": typed,
        "found": found,
        "cards": [_shown(card) for card in found.cards] if found else [],
        "branches": actions.branches_of(viewer=viewer),
        "branch": branch,
        "branch_needed": branch_needed,
    }
    return render(request, "monitoring/families.html", context)


@require_safe
@desks.open_to(desks.OFFICES, kept=False)
def village(request: HttpRequest, viewer: Viewer, stage: str, office: str, village: str) -> HttpResponse:
    """The last step down from the board: a village's families."""
    found = actions.of_village(stage_code=stage, office_code=office, village=int(village), viewer=viewer)
    wanted = request.GET.get("state", "")
    counts = dict.fromkeys(State, 0)
    for card in found.cards:
        counts[card.state] += 1
    cards = [card for card in found.cards if card.state == wanted or wanted not in list(State)]
    pages = max(1, -(-len(cards) // ON_A_PAGE))
    asked = request.GET.get("page", "1")
    page = min(max(int(asked), 1), pages) if re.fullmatch(r"[0-9]{1,5}", asked) else 1
    kept = {"state": wanted} if wanted in list(State) else {}

    def here(**more: object) -> str:
        words = {**kept, **more}
        return request.path + (f"?{urlencode(words)}" if words else "")

    office_url = reverse("realisation-office", args=[stage, office])
    context = {
        "village": found,
        "dotted": dotted(found.code),
        "crumbs": [
            (found.branch.name, office_url),
            (found.kecamatan_name, reverse("realisation-kecamatan", args=[stage, office, found.kecamatan])),
        ],
        "cards": [_shown(card) for card in cards[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]],
        "filters": [("", len(found.cards), request.path, not kept)]
        + [
            (STATES[state], counts[state], f"{request.path}?state={state.value}", wanted == state)
            for state in State
            if counts[state]
        ],
        "export_href": f"{reverse('export', args=[stage])}?{urlencode({'office': office, 'village': village, **kept})}",
        "page": page,
        "pages": pages,
        "previous": here(page=page - 1) if page > 1 else "",
        "following": here(page=page + 1) if page < pages else "",
    }
    return render(request, "monitoring/village.html", context)


def _shown(card: actions.Card) -> dict[str, Any]:
    return {"card": card, "state": STATES[card.state], "sign": SIGNS[card.state]}


@require_safe
@desks.open_to(desks.OFFICES, kept=False)
def family(request: HttpRequest, viewer: Viewer, entitlement: UUID) -> HttpResponse:
    return _family(request, viewer, entitlement)


@require_POST
@desks.open_to(desks.OFFICES, kept=False)
def reveal(request: HttpRequest, viewer: Viewer, entitlement: UUID) -> HttpResponse:
    """The page again, once, with the numbers in clear."""
    try:
        clear = actions.reveal(entitlement=entitlement, reason=request.POST.get("reason", ""), viewer=viewer, at=now())
    except ReasonNeeded as problem:
        return _family(request, viewer, entitlement, refused=problem.message, status=400)
    return _family(request, viewer, entitlement, clear=clear)


def _family(
    request: HttpRequest,
    viewer: Viewer,
    entitlement: UUID,
    *,
    clear: tuple[str, str] | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    look = actions.look(entitlement=entitlement, viewer=viewer)
    line = look.line
    context = {
        "look": look,
        "line": line,
        "dotted": dotted(line.village),
        "state": STATES[look.state],
        "sign": SIGNS[look.state],
        "happened": [(one, HAPPENED[one.kind], _word(one)) for one in look.happened],
        "photos": [(one, PHOTOS.get(one.kind, PHOTOS["DOKUMEN"])) for one in look.photos],
        "may_reveal": viewer.role in desks.REVEALERS,
        "clear": clear,
        "refused": refused,
        "stage_url": reverse("realisation-office", args=[line.stage_code, line.branch_code]),
        "village_url": reverse("village", args=[line.stage_code, line.branch_code, line.village]),
    }
    return render(request, "monitoring/family.html", context, status=status)


def _word(one: actions.Happening) -> Any:
    if one.kind == "paid":
        return CHANNELS.get(one.word, "")
    if one.kind == "failed":
        return REASONS.get(one.word, one.word)
    return one.word


@require_safe
@desks.open_to(desks.OFFICES, kept=False)
def photo(request: HttpRequest, viewer: Viewer, entitlement: UUID, sha256: str) -> HttpResponse:
    data = actions.photo(
        entitlement=entitlement, sha256=bytes.fromhex(sha256), small=request.GET.get("size") == "small", viewer=viewer
    )
    return HttpResponse(data, content_type="image/jpeg")


urlpatterns = [
    path("keluarga/", families, name="families"),
    path("keluarga/<uuid:entitlement>/", family, name="family"),
    path("keluarga/<uuid:entitlement>/nik/", reveal, name="family-reveal"),
    re_path(
        r"^keluarga/(?P<entitlement>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})/foto/(?P<sha256>[0-9a-f]{64})/$",
        lambda request, entitlement, sha256: photo(request, entitlement=UUID(entitlement), sha256=sha256),
        name="family-photo",
    ),
    re_path(
        r"^realisasi/(?P<stage>[^/]+)/kantor/(?P<office>.+)/desa/(?P<village>[0-9]{10})/$", village, name="village"
    ),
]

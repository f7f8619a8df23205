"""The books of a stage on the screen: list and cash side by side, windows, who is not paid, what was sent back, and the papers to be signed.

Whoever works at a desk may look, within their scope. The branch and headquarters close and send back, headquarters takes what was sent and notes
the receipt, the ministry and headquarters decide about windows, and who prints letters prints these papers.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from salur.custody import actions as custody
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.desks import Role
from salur.lib.problem import NotFound, Problem
from salur.lib.viewer import Viewer
from salur.offices.models import Office
from salur.offices.rules import BRANCHES
from salur.payments.words import REASONS
from salur.programmes.actions import stage_by_code
from salur.programmes.rules import Change
from salur.reconciliation import actions, sweep
from salur.reconciliation.papers import actions as papers
from salur.reconciliation.papers.rules import OF_A_DAY, OF_THE_END, Kind

NAMES = {
    Kind.REPORT: gettext_lazy("Daily report"),
    Kind.HANDINGS: gettext_lazy("Handings of cash"),
    Kind.RECORDS: gettext_lazy("Records of the venues"),
    Kind.CLOSING: gettext_lazy("Closing record (BAST)"),
    Kind.RETURNS: gettext_lazy("Return of money"),
}
CHANGES = {
    Change.EXTENDED: gettext_lazy("Extend"),
    Change.FROZEN: gettext_lazy("Freeze"),
    Change.REOPENED: gettext_lazy("Reopen"),
}
STATES = {
    "offered": gettext_lazy("on its way"),
    "accepted": gettext_lazy("received"),
    "declined": gettext_lazy("declined"),
    "withdrawn": gettext_lazy("taken back"),
}
DECIDERS: desks.Desk = frozenset({Role.MINISTRY, Role.HEADQUARTERS})
TREASURERS: desks.Desk = frozenset({Role.HEADQUARTERS})


@require_safe
@desks.open_to(desks.OFFICES)
def books(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The branch in ``?kantor=``, or the only one that the viewer has; else the viewer's branches to choose from, with their sum."""
    of, branches = stage_by_code(stage), _scope(viewer)
    code = request.GET.get("kantor", "")
    if not code and branches is not None and len(branches) == 1:
        code = Office.objects.values_list("code", flat=True).get(id=branches[0])
    if code:
        return _branch_page(request, viewer, of, _branch(viewer, code))
    try:
        found = actions.statement(stage_code=of.code, place=_whole(viewer), at=now(), branches=branches)
    except NotFound:  # nobody is on the list, or the office has no branches
        return render(request, "reconciliation/books.html", {"stage": of})
    cash = {row.code: row for row in found.cash}
    rows = [
        (line, cash.get(line.code), f"{request.path}?{urlencode({'kantor': line.code})}", line.difference_rp or _unexplained(cash.get(line.code)))
        for line in found.lines
    ]  # fmt: skip
    return render(request, "reconciliation/books.html", {"stage": of, "found": found, "rows": rows})


def _branch_page(request: HttpRequest, viewer: Viewer, of: Any, branch: Office) -> HttpResponse:
    at, own = now(), [branch.id]
    found = actions.statement(stage_code=of.code, place=branch.code, at=at, by="kecamatan", branches=own)
    _stage, windows, decided = actions.windows(stage_code=of.code, place=branch.code, branches=own)
    unpaid = sweep.unpaid(stage_code=of.code, place=branch.code, branches=own)
    families, amounts = Counter[str](), Counter[str]()
    for row in unpaid:
        families[row.reason] += row.families
        amounts[row.reason] += row.amount_rp
    sent = [
        (row, STATES[row.state])
        for row in actions.returns(stage_code=of.code, branches=own) if row.kind == "return"
    ]  # fmt: skip
    return render(request, "reconciliation/branch.html", {
        "stage": of, "branch": branch, "found": found, "many": viewer.branches is None or len(viewer.branches) > 1,
        "cash": found.cash[0] if found.cash else None, "whole": found.total.closed == found.total.villages,
        "windows": windows, "decided": [row for row in decided if _touches(row, branch, found.lines)][:10],
        "unpaid": [(REASONS[reason], count, amounts[reason]) for reason, count in families.most_common()],
        "confirmed": sum(row.confirmed for row in unpaid), "tasks": sum(row.tasks for row in unpaid), "sent": sent,
        "of_a_day": [(kind.value, NAMES[kind]) for kind in OF_A_DAY], "of_the_end": [(kind.value, NAMES[kind]) for kind in OF_THE_END],
        "changes": [(change.value, name) for change, name in CHANGES.items()],
        "today": at.astimezone(ZoneInfo(branch.timezone)).date().isoformat(),
        "may_print": viewer.role in desks.PRINTERS, "may_close": viewer.role in desks.PLANNERS,
        "may_decide": viewer.role in DECIDERS, "may_take": viewer.role in TREASURERS,
    })  # fmt: skip


@require_POST
@desks.open_to(desks.OFFICES, hidden=True, kept=False)
def books_paper(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """One paper, made now, as a PDF."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, desks.PRINTERS, _("The branch, its field coordinators and headquarters print; you may look."))
    if request.POST.get("kind", "") not in [str(kind) for kind in Kind]:
        raise Http404
    kind, at = Kind(request.POST["kind"]), now()
    day = _day(request.POST.get("hari", "")) if kind in OF_A_DAY else None
    made = papers.make(kind=kind, stage_code=of.code, branch_code=branch.code, day=day, at=at, branches=_scope(viewer))
    if made.paper is None:
        raise Problem(_("There is nothing to print: nothing of the kind happened."))
    papers.note(made=[made], stage_code=of.code, branch_code=branch.code, actor=viewer.name, at=at)
    return HttpResponse(
        made.paper.content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{made.name}"'},
    )


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def books_close(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Give every entitlement of the branch its ending; the document freezes a window that is still open."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, desks.PLANNERS, _("The branch and headquarters close the books; you may look."))
    actions.close(
        stage_code=of.code, place=branch.code, actor=viewer.name, at=now(), document=request.POST.get("dokumen", "").strip(),
        branches=[branch.id],
    )  # fmt: skip
    return _back(of.code, branch)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def books_return(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Offer headquarters what lies in the vault of a closed branch."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, desks.PLANNERS, _("The branch and headquarters send money back; you may look."))
    (sent,) = actions.send_back(
        stage_code=of.code, place=branch.code, actor=viewer.name, at=now(), branches=[branch.id]
    )
    refused = {
        "not_closed": _("Close the branch first: its books are still open."),
        "not_counted": _("Have the vault counted by two first: cash went in or out since the last count."),
        "nothing": _("There is nothing in the vault that is not on its way already."),
    }
    if sent.outcome in refused:
        raise Problem(refused[sent.outcome])
    return _back(of.code, branch)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def books_take(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Headquarters has what a branch sent; with the number of its receipt, now or later."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, TREASURERS, _("Headquarters receives what a branch sends back; you may look."))
    at, number = now(), request.POST.get("bukti", "").strip()
    try:
        movement = UUID(request.POST.get("kiriman", ""))
    except ValueError:
        raise Http404 from None
    rows = {row.id: row for row in actions.returns(stage_code=of.code, branches=[branch.id])}
    if movement not in rows:
        raise Http404
    if rows[movement].state == "offered":
        custody.accept(movement=movement, actor=viewer.name, at=at)
    if number:
        actions.note_receipt(movement=movement, number=number, actor=viewer.name, at=at)
    return _back(of.code, branch)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def books_window(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Extend, freeze or reopen the branch's windows: a decision with its document. A day means its end, by the branch's clock."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, DECIDERS, _("The ministry and headquarters decide about windows; you may look."))
    if request.POST.get("keputusan", "") not in [str(change) for change in CHANGES]:
        raise Http404
    change, typed = Change(request.POST["keputusan"]), request.POST.get("sampai", "")
    closes_at = None
    if change is not Change.FROZEN:
        closes_at = datetime.combine(_day(typed), datetime.max.time(), ZoneInfo(branch.timezone)).replace(microsecond=0)
    actions.change_window(
        change=change, stage_code=of.code, place=branch.code, closes_at=closes_at, reason=request.POST.get("alasan", "").strip(),
        document=request.POST.get("dokumen", "").strip(), actor=viewer.name, at=now(), branches=[branch.id],
    )  # fmt: skip
    return _back(of.code, branch)


def _scope(viewer: Viewer) -> Sequence[int] | None:
    return None if viewer.branches is None else list(viewer.branches)


def _whole(viewer: Viewer) -> str:
    """The office whose books are the viewer's: their own, or headquarters."""
    return viewer.office_code or actions.headquarters_code()


def _branch(viewer: Viewer, code: str) -> Office:
    """A branch within the viewer's scope, else nothing."""
    branch = Office.objects.filter(code=code, kind__in=BRANCHES).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise Http404
    return branch


def _touches(decision: Any, branch: Office, kecamatan: Sequence[Any]) -> bool:
    """Whether a decision about windows is about the branch: by its name, or by an area that holds one of its kecamatan or lies in one."""
    if decision.branch:
        return bool(decision.branch == branch.id)
    area = str(decision.area or "")
    codes = (line.code.replace(".", "") for line in kecamatan)
    return any(area.startswith(code) or code.startswith(area) for code in codes)


def _unexplained(cash: Any) -> int:
    return cash.difference_rp if cash else 0


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise Problem(_("Choose a day.")) from None


def _back(stage: str, branch: Office) -> HttpResponse:
    return redirect(f"{reverse('books', args=[stage])}?{urlencode({'kantor': branch.code})}")


urlpatterns = [
    path("buku/<str:stage>/", books, name="books"),
    path("buku/<str:stage>/surat/", books_paper, name="books-paper"),
    path("buku/<str:stage>/tutup/", books_close, name="books-close"),
    path("buku/<str:stage>/kembali/", books_return, name="books-return"),
    path("buku/<str:stage>/terima/", books_take, name="books-take"),
    path("buku/<str:stage>/batas/", books_window, name="books-window"),
]

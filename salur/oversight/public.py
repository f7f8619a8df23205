"""Pages for everybody: complain, and read the answer with the number that was given. No account; each address a few times an hour."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.problem import Problem
from salur.oversight import actions
from salur.oversight.rules import STATE_AFTER, About, State, Step, Way
from salur.oversight.words import ABOUTS

# From one address within an hour. A village hall or an internet café has one address for many families.
COMPLAINTS_AN_HOUR = 10
LOOKS_AN_HOUR = 30
STRANGER = "complainant"


def source_of(request: HttpRequest) -> str:
    """The address of who asks. Behind proxies of ours (``SALUR_PROXIES``) it is what the outermost of them heard."""
    heard = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",") if each.strip()]
    if settings.PROXIES and len(heard) >= settings.PROXIES:
        return heard[-settings.PROXIES]
    return str(request.META.get("REMOTE_ADDR", ""))


@require_http_methods(["GET", "HEAD", "POST"])
def complain(request: HttpRequest) -> HttpResponse:
    """The form, and after sending it the number that the complainant keeps. Sent twice it is one complaint."""
    said = request.POST if request.method == "POST" else request.GET
    about = said.get("about", "")
    form = {
        "code": said.get("kode", "").strip()[:20],
        "branch": said.get("branch", ""),
        "about": about if about in list(About) else "",
        "text": said.get("text", "")[:2_000],
        "contact": said.get("contact", "")[:200],
        "id": said.get("id", "") or str(uuid7(now())),
    }
    refused, status = "", 200
    if request.method == "POST":
        try:
            made, ticket = _receive(request, form)
        except Problem as problem:
            refused, status = _(problem.message), 400 if problem.status == 404 else problem.status
        else:
            row, _steps = actions.one_complaint(complaint=made, now=now())
            return _kept_nowhere(render(request, "oversight/complain_done.html", {"ticket": ticket, "row": row}))
    context = {
        "form": form,
        "refused": refused,
        "abouts": [(each.value, ABOUTS[each]) for each in About],
        "branches": actions.branches_to_choose(),
    }
    return _kept_nowhere(render(request, "oversight/complain.html", context, status=status))


def _receive(request: HttpRequest, form: dict[str, str]) -> tuple[UUID, str]:
    actions.knock(door="complain", source=source_of(request), most=COMPLAINTS_AN_HOUR, at=now())
    if not form["about"]:
        raise actions.NotAComplaint("Choose what it is about.")
    letter = actions.by_letter(code=form["code"]) if form["code"] else None
    known = {str(each.id): each.id for each in actions.branches_to_choose()}
    if letter is None and form["branch"] not in known:
        raise actions.NotAComplaint("Give the code of the letter, or choose the post office.")
    try:
        id_ = UUID(form["id"])
    except ValueError:
        id_ = uuid7(now())
    return actions.receive_complaint(
        branch=letter.branch if letter else known[form["branch"]], way=Way.WEB, about=About(form["about"]), text=form["text"],
        contact=form["contact"], stage_code=letter.stage_code if letter else None, officer=letter.officer if letter else None,
        entitlement=letter.id if letter else None, id=id_, actor=STRANGER, at=now(),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def complaint_answer(request: HttpRequest) -> HttpResponse:
    """What became of a complaint, for who knows its number; where the answer does not help, it is opened again."""
    context: dict[str, object] = {}
    status = 200
    ticket = request.POST.get("ticket", "").strip()[:40]
    if request.method == "POST":
        try:
            actions.knock(door="answer", source=source_of(request), most=LOOKS_AN_HOUR, at=now())
            row = actions.by_ticket(ticket=ticket, now=now())
            if text := request.POST.get("text", "").strip():
                actions.reopen_complaint(complaint=row.id, text=text, actor=STRANGER, at=now())
                row = actions.by_ticket(ticket=ticket, now=now())
        except Problem as problem:
            context, status = {"refused": _(problem.message)}, 400 if problem.status == 404 else problem.status
        else:
            state = STATE_AFTER[Step(row.step)]
            context = {"row": row, "about": ABOUTS[About(row.about)], "answered": state is State.ANSWERED}
    return _kept_nowhere(
        render(request, "oversight/complaint_answer.html", {"ticket": ticket, **context}, status=status)
    )


def _kept_nowhere(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response

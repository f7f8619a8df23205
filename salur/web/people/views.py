"""The pages of people: who there is, invite, hand the link over, end a role; and the invited person's own page."""

from datetime import date
from typing import Any

import segno
from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from salur.lib import desks, indonesian
from salur.lib.clock import now
from salur.lib.problem import Problem
from salur.lib.template_filters import language
from salur.lib.viewer import Viewer
from salur.web.models import NATIONAL, NEEDS_SECOND_FACTOR, Role
from salur.web.people import actions
from salur.web.people.rules import MAY_INVITE


@require_safe
@desks.open_to(desks.OFFICES)
def people(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    rows = [
        {
            "person": row,
            "role": Role(row.role).label,
            "bare": row.id is not None and not row.ended and row.role in NEEDS_SECOND_FACTOR and not row.factors,
            "stale": row.id is None and row.expires_at < now(),
            "yours": row.role in MAY_INVITE.get(viewer.role, ()) and row.username != viewer.name,
        }
        for row in actions.people(viewer=viewer, at=now())
    ]
    return render(request, "people/people.html", {"rows": rows, "acting": bool(MAY_INVITE.get(viewer.role))})


@require_http_methods(["GET", "HEAD", "POST"])
@desks.open_to(desks.SUPERIORS)
def invite(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    typed: dict[str, Any] = {
        name: (request.POST if request.method == "POST" else request.GET).get(name, "").strip()[:200]
        for name in ("username", "role", "office", "ends", "external", "email")
    }
    context: dict[str, Any] = {
        "typed": typed,
        "roles": [(role.value, role.label, role in NATIONAL) for role in MAY_INVITE[viewer.role]],
        "offices": actions.offices_of(viewer=viewer),
    }
    status = 200
    if request.method == "POST":
        try:
            invited = actions.invite(
                viewer=viewer, actor=viewer.name, username=typed["username"], role=_role(typed["role"]),
                office_code=None if typed["role"] in NATIONAL else typed["office"], ends=_day(typed["ends"]),
                external=typed["external"] == "1", email=typed["email"], at=now(),
            )  # fmt: skip
        except Problem as problem:
            context["sentence"], status = problem.message, problem.status
        else:
            link = request.build_absolute_uri(invited.path)
            context |= {"invited": invited, "role": Role(invited.invitation.role).label, "link": link, "qr": _qr(link)}
            response = render(request, "people/invited.html", context)
            add_never_cache_headers(response)
            return response
    return render(request, "people/invite.html", context, status=status)


def _role(typed: str) -> Role:
    try:
        return Role(typed)
    except ValueError as error:
        raise actions.BadInvitation(_("Choose a role.")) from error


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError as error:
        raise actions.BadInvitation(_("Write the day as 2022-06-05.")) from error


def _qr(text: str) -> str:
    drawn = segno.make(text, micro=False).svg_inline(scale=4, border=4, light="white", svgclass="qr", lineclass=None)
    return mark_safe(drawn)  # noqa: S308 — drawn here, from squares alone


@require_http_methods(["GET", "HEAD", "POST"])
@desks.open_to(desks.SUPERIORS)
def end(request: HttpRequest, viewer: Viewer, user: int) -> HttpResponse:
    """Ask once, then let a role end: with a day, or at once."""
    member = actions.member(viewer=viewer, user=user)
    context: dict[str, Any] = {"member": member, "role": Role(member.role).label}
    if request.method != "POST":
        return render(request, "people/end.html", context)
    try:
        last_day = None if "at_once" in request.POST else _day(request.POST.get("last_day", "").strip())
        if last_day is None and "at_once" not in request.POST:
            raise actions.BadInvitation(_("Choose the last day."))
        ended = actions.end(viewer=viewer, actor=viewer.name, user=user, last_day=last_day, at=now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return render(request, "people/end.html", {**context, "sentence": problem.message}, status=problem.status)
    if "at_once" in request.POST:
        said = _("%(name)s is out: nothing opens for them from now on.") % {"name": ended.user.username}
    else:
        day = indonesian.day(ended.ends, language()) if ended.ends else ""
        said = _("%(name)s's role ends with %(day)s.") % {"name": ended.user.username, "day": day}
    messages.success(request, said)
    return HttpResponseRedirect(reverse("people"))


@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """The invited person's page: what the role is, and a password of one's own. Says the same of every link that opens nothing."""
    try:
        found = actions.invitation(token=token, at=now())
    except actions.InvitationOver as over:
        return _kept_nowhere(render(request, "people/over.html", {"sentence": over.message}, status=over.status))
    context: dict[str, Any] = {
        "invitation": found,
        "role": Role(found.role).label,
        "factor": found.role in NEEDS_SECOND_FACTOR,
    }
    if request.method != "POST":
        return _kept_nowhere(render(request, "people/accept.html", context))
    password = request.POST.get("password", "")[:1000]
    try:
        if password != request.POST.get("again", "")[:1000]:
            raise actions.WeakPassword(_("The two passwords are not the same."))
        user = actions.accept(token=token, password=password, at=now())
    except actions.InvitationOver as over:
        return _kept_nowhere(render(request, "people/over.html", {"sentence": over.message}, status=over.status))
    except actions.WeakPassword as weak:
        context["sentence"] = weak.message
        return _kept_nowhere(render(request, "people/accept.html", context, status=weak.status))
    request.session.flush()  # whoever was signed in here before
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    record_authentication(request, user, "password", username=user.get_username())
    return HttpResponseRedirect(reverse("home"))


def _kept_nowhere(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response

"""What every request gets: who looks, which sources a page may load from, and a page for a refused request."""

import functools
import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from salur.lib import rights
from salur.lib.problem import Problem
from salur.lib.viewer import viewer_of
from salur.monitoring import living
from salur.web import actions
from salur.web.models import Role
from salur.web.sign_in import gate

Answer = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger(__name__)

# Everything from our own origin, nothing inline: a name that holds a script stays a name.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

# Signing in may lead on to an organisation's own sign-in, and a browser counts that as where the form went.
SIGN_IN_POLICY = CONTENT_SECURITY_POLICY.replace(
    "form-action 'self'", " ".join(["form-action 'self'", *settings.SIGN_IN_ORIGINS])
)


def content_security_policy(get_response: Answer) -> Answer:
    """Send the policy with every answer that has none of its own."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        policy = SIGN_IN_POLICY if request.path.startswith("/masuk/") else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response

    return answer


def at_the_door(get_response: Answer) -> Answer:
    """Open boards that find nothing new are answered before anybody is signed in."""
    return living.at_the_door(get_response, actions.roles_mark)


def language(get_response: Answer) -> Answer:
    """Indonesian, unless the person switched: the language that a browser was installed with says little about who sits before it."""

    def answer(request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        with translation.override(chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE):
            response = get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
            return response

    return answer


def viewer(get_response: Answer) -> Answer:
    """Let ``viewer_of`` find the signed-in person's role and scope, and keep out whom the gate bars; the database is asked once a request."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.find_viewer = functools.cache(lambda: gate.viewer(request))  # type: ignore[attr-defined]
        try:
            return gate.turned_away(request) or get_response(request)
        finally:
            if getattr(request, "narrowed", False):
                rights.widen()

    return answer


def viewer_in_templates(request: HttpRequest) -> dict[str, object]:
    """A context processor: in every template ``viewer``, and ``viewer_role`` in the page's language."""

    def role() -> str:
        found = viewer_of(request)
        return str(Role(found.role).label) if found else ""

    return {"viewer": SimpleLazyObject(lambda: viewer_of(request)), "viewer_role": role}


def holds_nul(exception: Exception) -> bool:
    """Whether somebody sent a text with NUL, which no keyboard types and PostgreSQL does not keep."""
    return isinstance(exception, DataError) and "NUL (0x00)" in str(exception)


class ProblemPage:
    """A refused request becomes a page with its sentence, a missing thing the page for missing things."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        if holds_nul(exception):
            return render(
                request, "400.html", {"sentence": _("A text holds a character that cannot be kept.")}, status=400
            )
        if not isinstance(exception, Problem):
            return None
        log.info("%s refused: %s", request.path, exception.message)
        if exception.status == 404:
            return render(request, "404.html", status=404)
        return render(request, "400.html", {"sentence": exception.message}, status=exception.status)

"""What a signed-in person's request has to pass: a role that still holds, and the second factor that the role needs."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from salur.lib import rights
from salur.lib.clock import now
from salur.lib.viewer import Viewer
from salur.web import actions
from salur.web.sign_in.adapters import has_factor, used_second_factor
from salur.web.sign_in.rules import Barred, barred

# Open to somebody who still has to set a factor up: its pages, the language, the way out.
OPEN = ("/masuk/", "/keluar/", "/bahasa/", "/undangan/", "/api/", "/static/", "/cek")
KEYS = ("/masuk/faktor/", "/masuk/ulang/")


def viewer(request: HttpRequest) -> Viewer | None:
    """The person who asks, as ``viewer_of`` finds it; ``None`` for whoever the gate bars, so that no page and no API shows anything."""
    request.barred = None  # type: ignore[attr-defined]
    if not request.user.is_authenticated:
        return None
    standing = actions.standing(user=request.user, now=now())
    if standing is None:
        return None
    request.barred = barred(  # type: ignore[attr-defined]
        role=standing.viewer.role,
        ended=standing.ended,
        second_factor=used_second_factor(request),
        demonstration=standing.demonstration and settings.DEMO_HOME(),
    )
    if request.barred is not None:  # type: ignore[attr-defined]
        return None
    if standing.viewer.branches is not None and request.method in ("GET", "HEAD"):
        # The second line, beneath each page's own scope; what a form does is judged by its action.
        request.narrowed = rights.narrow(standing.viewer.branches)  # type: ignore[attr-defined]
    return standing.viewer


def turned_away(request: HttpRequest) -> HttpResponse | None:
    """Where a barred person is led instead; asks only for who carries a session."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    if (
        request.path.startswith(KEYS)
        and request.user.is_authenticated
        and has_factor(request.user)
        and not used_second_factor(request)
    ):
        logout(request)  # or a stolen password, used before the factor was there, could add a key of its own
        return _to(request, reverse("account_login"))
    if request.path.startswith(OPEN):
        return None
    request.find_viewer()  # type: ignore[attr-defined]
    found = request.barred  # type: ignore[attr-defined]
    if found is None:
        return None
    if found is Barred.FACTOR and not has_factor(request.user):
        return _to(request, reverse("mfa_index"))
    # A session begun with the password before the factor was there, or one that outlived the role.
    logout(request)
    if found is Barred.ENDED:
        messages.error(request, _("Your role here has ended. Ask your superior if that is a mistake."))
    return _to(request, reverse("account_login"))


def _to(request: HttpRequest, address: str) -> HttpResponse:
    """A redirection; to a board that renews itself, the word that makes the whole page go there."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)

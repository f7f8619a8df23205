"""Who may open a page: the roles, the desks they make up, and the one place that asks.

A desk is a set of roles that share pages. A view names the desk it is open to; what somebody may see *of* a page is narrowed by ``Viewer.branches``
in its query. Whether an act is theirs is asked with ``only``. ``tests/test_authorisation.py`` holds the whole table, address by address.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_cache_control

from salur.lib.problem import Problem
from salur.lib.viewer import Viewer, viewer_of

View = Callable[..., HttpResponse]
Desk = frozenset[str]


class Role(StrEnum):
    """The people of docs/words.md who sign in; ``web/models.py`` gives each its name on the screen."""

    MINISTRY = "ministry"
    HEADQUARTERS = "headquarters"
    REGION = "region"
    BRANCH = "branch"
    COORDINATOR = "coordinator"
    OFFICER = "officer"
    AUDITOR = "auditor"


EVERYBODY: Desk = frozenset(Role)
OFFICES: Desk = EVERYBODY - {Role.OFFICER}  # who works at a desk
MEETING: Desk = OFFICES - {Role.COORDINATOR}  # who answers for a region's result, or looks after those who do
PLANNERS: Desk = frozenset({Role.BRANCH, Role.HEADQUARTERS})
PRINTERS: Desk = PLANNERS | {Role.COORDINATOR}  # and who writes down what local bodies said
FIELD: Desk = frozenset({Role.BRANCH, Role.COORDINATOR})  # phones, floats, and where exactly a house stands
OVERSEERS: Desk = frozenset({Role.HEADQUARTERS, Role.REGION, Role.BRANCH})
SAMPLERS: Desk = OVERSEERS - {Role.BRANCH}  # a branch does not draw who is asked about it
SUPERIORS: Desk = OFFICES - {Role.AUDITOR}  # of other people; whose, web/people/rules.py says
DECIDERS: Desk = OVERSEERS | {Role.COORDINATOR}  # of cases
REVEALERS: Desk = frozenset(
    {Role.MINISTRY, Role.HEADQUARTERS, Role.BRANCH, Role.AUDITOR}
)  # a NIK in clear, with a reason


class MayOnlyLook(Problem):
    """The thing is known to exist for who asks; the act is another's."""

    code = "may_only_look"
    status = 403


def open_to(desk: Desk, *, hidden: bool = False, kept: bool = True) -> Callable[[View], View]:
    """A view that gets its ``viewer``. A stranger signs in first; for who is signed in and not of the desk there is no such page.

    ``hidden``: not even a stranger is told that there is something. ``kept`` False: no browser and nothing between may keep the answer.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **words: Any) -> HttpResponse:
            viewer = viewer_of(request)
            if viewer is None and not request.user.is_authenticated and not hidden:
                return sign_in(request)
            if viewer is None or viewer.role not in desk:
                raise Http404
            response = view(request, viewer=viewer, **words)
            if not kept:
                patch_cache_control(response, private=True, no_store=True)
            return response

        return answer

    return decorate


def only(viewer: Viewer, desk: Desk, sentence: str) -> None:
    """Refuse, with a translated sentence, who may look and not act; asked after the thing was found within the viewer's branches."""
    if viewer.role not in desk:
        raise MayOnlyLook(sentence)


def sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and from there back here. An open page whose session ended is led there whole, not filled with it."""
    to = f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}"
    if "HX-Request" in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": to})
    return HttpResponseRedirect(to)

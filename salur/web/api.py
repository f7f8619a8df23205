"""The API for other programs: each folder's router behind one door, described by OpenAPI at /api/v1/openapi.json.

Who asks is the signed-in person of the session; what exists for them is what their role and office say. A refused request is one sentence
with its code, the same on every path. The phones have a door of their own (field/api.py).
"""

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import SessionAuth

from salur import __version__
from salur.cases.api import router as cases
from salur.lib.problem import Problem
from salur.lib.viewer import Viewer, viewer_of
from salur.monitoring.api import router as monitoring
from salur.web.middleware import holds_nul
from salur.web.people.api import router as people


class SignedIn(SessionAuth):
    """A signed-in person with a role; a role that has ended lets nobody in."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Viewer | None:
        return viewer_of(request)


api = NinjaAPI(title="salur", version=__version__, auth=SignedIn(), docs_url=None, urls_namespace="api")
api.add_router("", monitoring)
api.add_router("", cases)
api.add_router("", people)


@api.exception_handler(Problem)
def refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    return api.create_response(request, {"code": problem.code, "message": problem.message}, status=problem.status)


@api.exception_handler(DataError)
def unkeepable(request: HttpRequest, error: DataError) -> HttpResponse:
    if not holds_nul(error):
        raise error
    wrong = {"code": "not_a_text", "message": "A text holds a character that cannot be kept."}
    return api.create_response(request, wrong, status=422)

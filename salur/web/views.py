"""The way in, and the pages for what goes wrong."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from salur.lib.viewer import viewer_of
from salur.monitoring import actions as monitoring
from salur.web import actions


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The stages, newest first; on an empty installation, what to do first."""
    viewer = viewer_of(request)
    stages = monitoring.overview(viewer=viewer) if viewer else []
    steps = actions.first_steps() if viewer and not any(stage.allocated for stage in stages) else []
    return render(request, "home.html", {"stages": stages, "steps": steps})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from a page that was opened long ago, or from somewhere else."""
    return render(request, "403_form.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", {"sentence": ""}, status=400)


def broken(request: HttpRequest) -> HttpResponse:
    """A bug. The page asks nothing of the database, which may be what is broken."""
    request.find_viewer = lambda: None  # type: ignore[attr-defined]
    return render(request, "500.html", status=500)

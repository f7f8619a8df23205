"""A person's own jobs: their progress and their files."""

from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from salur.jobs import actions
from salur.jobs.models import Job, State
from salur.lib.clock import now
from salur.lib.problem import NotFound
from salur.lib.viewer import viewer_of


@require_GET
def job(request: HttpRequest, job: UUID) -> HttpResponse:
    """How far a job is; the page looks again by itself until it is over."""
    found = actions.job_of(job=job, actor=_person(request))
    living = request.headers.get("HX-Request") == "true"
    return render(request, "jobs/job_living.html" if living else "jobs/job.html", {"job": found, **_shown(found)})


@require_GET
def job_file(request: HttpRequest, job: UUID) -> FileResponse:
    """The file that came of it."""
    path, found = actions.take_file(job=job, actor=_person(request), at=now())
    return FileResponse(path.open("rb"), as_attachment=True, filename=found.file_name, content_type=found.file_type)


@require_GET
def jobs(request: HttpRequest) -> HttpResponse:
    """The person's exports and other jobs, the newest first; the page looks again by itself while one is under way."""
    rows = [{"job": one, **_shown(one)} for one in actions.jobs_of(actor=_person(request))]
    living = request.headers.get("HX-Request") == "true"
    waiting = any(not row["over"] for row in rows)
    return render(request, "jobs/jobs_living.html" if living else "jobs/jobs.html", {"rows": rows, "waiting": waiting})


def _person(request: HttpRequest) -> str:
    viewer = viewer_of(request)
    if viewer is None:
        raise NotFound(_("There is nothing here for you."))
    return viewer.name


def _shown(job: Job) -> dict[str, object]:
    over = job.state in (State.DONE, State.FAILED)
    percent = 100 * job.done // job.total if job.total else 0
    return {"over": over, "percent": percent, "state": State(job.state).label, "failed": job.state == State.FAILED}

"""The page to print from: a branch's papers, village by village at once, or all of them as a job.

Whoever has a scope may see what there is to print; letters hold names and addresses, so only the branch, its field coordinators and
headquarters print. One village is made while the person waits (some 500 letters a second); a branch takes minutes and is a job.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from salur.jobs import actions as jobs
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import Problem
from salur.lib.viewer import Viewer
from salur.offices.models import Office
from salur.planning.papers import actions
from salur.planning.papers.actions import Kind
from salur.planning.papers.jobs import PAPERS, zip_papers
from salur.planning.papers.rules import file_name
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

NAMES = {
    Kind.LETTERS: gettext_lazy("Invitations"),
    Kind.SHEETS: gettext_lazy("Danom to be signed"),
    Kind.ATTENDANCE: gettext_lazy("Attendance list"),
    Kind.AUTHORITIES: gettext_lazy("Letters to the authorities"),
    Kind.TEAMS: gettext_lazy("Team sheets"),
}
BY_VILLAGE = (Kind.LETTERS, Kind.SHEETS, Kind.ATTENDANCE)


@require_safe
@desks.open_to(desks.OFFICES)
def papers(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """What there is to print: of the branch in ``?kantor=``, or of the only one that the viewer has; else the branches to choose from."""
    of = stage_by_code(stage)
    branches = actions.branches_with_families(stage=of, branches=viewer.branches)
    code = request.GET.get("kantor", "") or (branches[0].code if len(branches) == 1 else "")
    shared = {"stage": of, "may_print": viewer.role in desks.PRINTERS, "many": len(branches) > 1}
    if not code:
        rows = [(row, f"{request.path}?{urlencode({'kantor': row.code})}") for row in branches]
        return render(request, "planning/papers.html", shared | {"rows": rows})
    found = actions.what_to_print(stage=of, branch=_branch(viewer, code))
    by_village = [
        (kind.value, NAMES[kind]) for kind in BY_VILLAGE if found.plan is not None or kind not in actions.WITH_PLAN_ONLY
    ]
    bulk = [(kind.value, NAMES[kind]) for kind in Kind if found.plan is not None or kind not in actions.WITH_PLAN_ONLY]
    return render(request, "planning/papers.html", shared | {"told": found, "by_village": by_village, "bulk": bulk})


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def papers_village(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """One kind of paper of one village, made now: a PDF, or a ZIP where the village needs several files."""
    of, branch, kinds = _asked(request, viewer, stage)
    try:
        village = int(request.POST.get("village", ""))
    except ValueError:
        raise Http404 from None
    folder = Path(tempfile.mkdtemp(prefix="salur-papers-"))
    try:
        actions.write_papers(
            branch_code=branch.code, stage_code=of.code, village=village, out=folder, kinds=kinds, without_plan=_without_plan(of, branch),
            actor=viewer.name, at=now(),
        )  # fmt: skip
        made = list(actions.files_of(folder))
        if not made:
            raise Problem(_("There is nothing to print here: every family of the village is on hold."))
        path, content_type = made[0], "application/pdf"
        if len(made) > 1:
            path, content_type = folder / f"{file_name([kinds[0].value, village])}.zip", "application/zip"
            zip_papers(folder, path)
        response = HttpResponse(path.read_bytes(), content_type=content_type)
        response["Content-Disposition"] = f'attachment; filename="{kinds[0].value}-{path.name}"'
        response["Cache-Control"] = "no-store"
        return response
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def papers_branch(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """A kind of paper of the whole branch, as a job; leads to its page."""
    of, branch, kinds = _asked(request, viewer, stage)
    title = f"{NAMES[kinds[0]]} · {branch.name} · {of.code}"
    job = jobs.start(
        kind=PAPERS, title=title, actor=viewer.name, at=now(), lock=f"papers {branch.code}",
        arguments={
            "branch": branch.code, "stage": of.code, "kinds": [kind.value for kind in kinds], "without_plan": _without_plan(of, branch),
        },
    )  # fmt: skip
    return redirect("job", job=job)


def _asked(request: HttpRequest, viewer: Viewer, stage: str) -> tuple[Stage, Office, Sequence[Kind]]:
    """Who wants what of which branch; refuses who may only look."""
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, desks.PRINTERS, _("The branch, its field coordinators and headquarters print; you may look."))
    if request.POST.get("kind", "") not in [kind.value for kind in Kind]:
        raise Http404
    return of, branch, [Kind(request.POST["kind"])]


def _branch(viewer: Viewer, code: str) -> Office:
    """A branch within the viewer's scope, else nothing."""
    branch = Office.objects.filter(code=code, kind__in=["KC", "KCU"]).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise Http404
    return branch


def _without_plan(stage: Stage, branch: Office) -> bool:
    """The page says that there is no plan, beside the button: whoever presses it has asked for papers without day and place."""
    return actions.what_to_print(stage=stage, branch=branch).plan is None


urlpatterns = [
    path("surat/<str:stage>/", papers, name="papers"),
    path("surat/<str:stage>/desa/", papers_village, name="papers-village"),
    path("surat/<str:stage>/cabang/", papers_branch, name="papers-branch"),
]

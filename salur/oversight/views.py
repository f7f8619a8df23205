"""Pages of oversight: signals and what is decided about them, samples, control visits, complaints.

Who looks: the branch, its region, headquarters, the ministry and auditors; each within their scope. Deciding and answering is for a branch,
a region or headquarters; a sample is drawn above the branch, so that nobody draws their own.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from salur.cases.rules import Decision
from salur.jobs import actions as jobs
from salur.lib import desks
from salur.lib.clock import moment, now
from salur.lib.ids import uuid7
from salur.lib.problem import NotFound, Problem
from salur.lib.viewer import Viewer
from salur.oversight import actions
from salur.oversight.jobs import LOOK
from salur.oversight.public import complain, complaint_answer
from salur.oversight.rules import (
    CONFIDENCES,
    MAY_COME_IN,
    PROBLEMS,
    STATE_AFTER,
    About,
    Check,
    Found,
    Kind,
    Method,
    Said,
    State,
    Step,
    Way,
)
from salur.oversight.words import ABOUTS, CHECKS, FOUNDS, INNOCENT, KINDS, METHODS, SAIDS, STEPS, WAYS, counted
from salur.programmes.actions import stage_by_code

ON_A_PAGE = 100

DECISIONS = {
    Decision.EXPLAINED: gettext_lazy("Explained: nothing is wrong"),
    Decision.CORRECTED: gettext_lazy("It was wrong and has been set right"),
    Decision.REFERRED: gettext_lazy("Handed to the inspectorate or the police"),
}
PATIENCE_NEAR = timedelta(days=1)


def _acting(viewer: Viewer, desk: desks.Desk = desks.OVERSEERS) -> None:
    desks.only(viewer, desk, _("Your role looks at this page; it changes nothing here."))


def _scope(viewer: Viewer) -> list[int] | None:
    return None if viewer.branches is None else list(viewer.branches)


def _branch(viewer: Viewer, typed: str) -> int:
    """One of the viewer's branches; another's is as if there were none."""
    for each in actions.branches_to_choose(branches=_scope(viewer)):
        if typed == str(each.id):
            return int(each.id)
    raise NotFound("There is no such branch.")


def _id(request: HttpRequest) -> UUID:
    """The id that a form was given when it was drawn, so that sending it twice is sending it once."""
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return uuid7(now())


# -- signals ---------------------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def signals(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Officers by what is odd about their work, in the latest look at each branch."""
    of = stage_by_code(stage)
    kind = request.GET.get("kind", "")
    ranked = actions.ranking(stage=of.id, branches=_scope(viewer))
    chosen = [each for each in ranked if kind not in list(Kind) or any(row.kind == kind for row in each.signals)]
    states = actions.states_of_officers(stage=of.id, officers=[each.officer for each in chosen])
    looks = actions.latest_looks(stage=of.id, branches=_scope(viewer))
    page, pages = _page(request, len(chosen))
    kinds = [each for each in Kind if any(row.kind == each for one in ranked for row in one.signals)]
    kept = {"kind": kind} if kind in list(Kind) else {}
    context = {
        "stage": of,
        "rows": [
            (each, [(KINDS[Kind(row.kind)], counted(row)) for row in each.signals], states.get(each.officer))
            for each in chosen[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
        ],
        "kinds": [(each.value, KINDS[each], each == kind) for each in kinds],
        "named": len(ranked),
        "officers": sum(look.officers for look in looks),
        "looks": looks,
        "may_look": viewer.role in desks.OVERSEERS,
        "many": len(looks) > 1,
        "page": page,
        "pages": pages,
        "previous": f"?{urlencode({**kept, 'page': page - 1})}" if page > 1 else "",
        "following": f"?{urlencode({**kept, 'page': page + 1})}" if page < pages else "",
        "tab": "signals",
    }
    return render(request, "oversight/signals.html", context)


@require_POST
@desks.open_to(desks.MEETING, kept=False)
def look(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Look at all of the viewer's branches again, as a job."""
    _acting(viewer)
    of = stage_by_code(stage)
    branches = actions.branches_paying(stage=of.id, branches=_scope(viewer))
    job = jobs.start(
        kind=LOOK, title=f"{_('Signals')} · {of.code}", actor=viewer.name, at=now(), lock=f"signals {of.code} {viewer.office}",
        arguments={"stage": of.code, "branches": branches},
    )  # fmt: skip
    return redirect("job", job=job)


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def officer(request: HttpRequest, viewer: Viewer, stage: str, officer: int) -> HttpResponse:
    """One officer's signals with what may be behind them, where to look, and what was decided."""
    of = stage_by_code(stage)
    found = actions.officer_signals(stage=of.id, officer=officer, branches=_scope(viewer))
    context = {
        "stage": of,
        "one": found,
        "signals": [
            (
                KINDS[Kind(row.kind)], counted(row), Decimal(row.peers_ppm) / 10_000, Decimal(row.score_milli) / 1000,
                INNOCENT[Kind(row.kind)],
            )
            for row in found.signals
        ],
        "samples": [(each, _line_of(each)) for each in actions.where_to_look(officer=found)],
        "decisions": [(each.value, DECISIONS[each]) for each in DECISIONS],
        "happened": [(event, DECISIONS.get(event.decision)) for event in found.events],
        "may_act": viewer.role in desks.OVERSEERS,
        "tab": "signals",
    }  # fmt: skip
    return render(request, "oversight/officer.html", context)


def _line_of(each: Any) -> str:
    return str(each.village_name or each.village)


@require_POST
@desks.open_to(desks.MEETING, kept=False)
def decide(request: HttpRequest, viewer: Viewer, stage: str, officer: int) -> HttpResponse:
    """A person decides about an officer's signals, with a reason; or writes down what is being done."""
    _acting(viewer)
    of = stage_by_code(stage)
    word = request.POST.get("decision", "")
    if word and word not in list(DECISIONS):
        raise Http404
    actions.decide_signals(
        stage_code=of.code, officer=officer, decision=Decision(word) if word else None, reason=request.POST.get("reason", ""),
        actor=viewer.name, at=now(), branches=_scope(viewer),
    )  # fmt: skip
    return redirect("oversight-officer", stage=of.code, officer=officer)


def _page(request: HttpRequest, rows: int) -> tuple[int, int]:
    pages = max(1, -(-rows // ON_A_PAGE))
    asked = request.GET.get("page", "1")
    return (min(max(int(asked), 1), pages) if asked.isdecimal() and len(asked) < 6 else 1), pages


# -- samples ---------------------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def samples(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The samples of a stage with what they say so far; above the branch, a form to draw one."""
    of = stage_by_code(stage)
    rows = actions.samples(stage=of.id, branches=_scope(viewer))
    context = {
        "stage": of,
        "rows": [(row, METHODS[Method(row.method)], actions.result_of(sample=row.id), _percent(row)) for row in rows],
        "may_draw": viewer.role in desks.SAMPLERS,
        "branches": actions.branches_to_choose(branches=actions.branches_paying(stage=of.id, branches=_scope(viewer))),
        "methods": [(each.value, METHODS[each]) for each in Method],
        "confidences": [f"{each:.0%}".rstrip("%") for each in CONFIDENCES],
        "id": uuid7(now()),
        "tab": "samples",
    }
    return render(request, "oversight/samples.html", context)


def _percent(row: Any) -> str:
    return f"{row.confidence_ppm / 10_000:g}"


@require_POST
@desks.open_to(desks.MEETING, kept=False)
def draw(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    _acting(viewer, desks.SAMPLERS)
    said = request.POST
    try:
        confidence = Decimal(said.get("confidence", "95")) / 100
        share = Decimal(said.get("share", "1").replace(",", ".")) / 100
        size = int(said["size"]) if said.get("size") else None
    except (ArithmeticError, ValueError) as error:
        raise actions.NotASample(
            _("Write the share as a percentage like 1 or 0.5, and the size as a whole number.")
        ) from error
    if said.get("method") not in list(Method):
        raise Http404
    drawn = actions.draw_sample(
        stage_code=stage, branch=_branch(viewer, said.get("branch", "")), method=Method(said["method"]), confidence=confidence, share=share,
        size=size, id=_id(request), actor=viewer.name, at=now(),
    )  # fmt: skip
    return redirect("oversight-sample", stage=stage, sample=drawn.id)


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def sample(request: HttpRequest, viewer: Viewer, stage: str, sample: UUID) -> HttpResponse:
    """Whom to ask, what they said, and what that says about all payments."""
    found = actions.one_sample(sample=sample, branches=_scope(viewer))
    if found.stage_code != stage:
        raise Http404
    rows = actions.items(sample=sample)
    wanted = request.GET.get("show", "")
    shown = [row for row in rows if wanted != "open" or row.said is None]
    page, pages = _page(request, len(shown))
    said = actions.result_of(sample=sample)
    context = {
        "stage": stage_by_code(stage),
        "sample": found,
        "method": METHODS[Method(found.method)],
        "confidence": _percent(found),
        "result": said,
        "seed": bytes(found.seed).hex(),
        "waiting": sum(row.said is None for row in rows),
        "by_answer": [(SAIDS[Said(word)], count) for word, count in said.by_answer.items()],
        "rows": [
            (row, SAIDS[Said(row.said)] if row.said else "", row.said in PROBLEMS)
            for row in shown[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
        ],
        "saids": [(each.value, SAIDS[each]) for each in Said],
        "may_answer": viewer.role in desks.OVERSEERS,
        "wanted": wanted,
        "pages": pages,
        "page": page,
        "previous": f"?{urlencode({'show': wanted, 'page': page - 1})}" if page > 1 else "",
        "following": f"?{urlencode({'show': wanted, 'page': page + 1})}" if page < pages else "",
        "tab": "samples",
    }
    return render(request, "oversight/sample.html", context)


@require_POST
@desks.open_to(desks.MEETING, kept=False)
def answer(request: HttpRequest, viewer: Viewer, stage: str, sample: UUID, number: int) -> HttpResponse:
    _acting(viewer)
    said = request.POST
    if said.get("said") not in list(Said):
        raise actions.NotASample(_("Choose what the family said."))
    digits = "".join(sign for sign in said.get("got_rp", "") if sign.isdecimal())
    actions.answer(
        sample=sample, number=number, said=Said(said["said"]), got_rp=int(digits) if digits else None, note=said.get("note", "")[:600],
        actor=viewer.name, at=now(), branches=_scope(viewer),
    )  # fmt: skip
    return HttpResponseRedirect(reverse("oversight-sample", args=[stage, sample]) + f"?show=open#n{number}")


# -- control visits --------------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def visits(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """What control visits found, the latest first; what was missing at most."""
    of = stage_by_code(stage)
    rows = actions.visits(stage=of.id, branches=_scope(viewer), limit=1_000)
    shown = [(row, _missing(row)) for row in rows]
    missing = {check: sum(row.found.get(check) == Found.NO for row in rows) for check in Check}
    seen = {check: sum(row.found.get(check) != Found.NOT_SEEN for row in rows) for check in Check}
    page, pages = _page(request, len(shown))
    context = {
        "stage": of,
        "rows": shown[(page - 1) * ON_A_PAGE : page * ON_A_PAGE],
        "checks": [(CHECKS[check], missing[check], seen[check]) for check in Check] if rows else [],
        "may_record": viewer.role in desks.OVERSEERS,
        "page": page,
        "pages": pages,
        "previous": f"?page={page - 1}" if page > 1 else "",
        "following": f"?page={page + 1}" if page < pages else "",
        "tab": "visits",
    }
    return render(request, "oversight/visits.html", context)


def _missing(row: Any) -> list[Any]:
    return [CHECKS[check] for check in Check if row.found.get(check) == Found.NO]


@desks.open_to(desks.MEETING, kept=False)
def new_visit(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The checklist to fill in; of the branch in ``?branch=`` where the viewer has several."""
    _acting(viewer)
    of = stage_by_code(stage)
    branches = actions.branches_to_choose(branches=actions.branches_paying(stage=of.id, branches=_scope(viewer)))
    typed = request.POST.get("branch", "") or request.GET.get("branch", "")
    chosen = next((each for each in branches if str(each.id) == typed or len(branches) == 1), None)
    refused, status = "", 200
    if request.method == "POST" and chosen:
        try:
            made = _record(request, viewer, of.code, chosen.id)
        except Problem as problem:
            refused, status = problem.message, 400
        else:
            return redirect("oversight-visit", stage=of.code, visit=made)
    said = request.POST
    context = {
        "stage": of,
        "branches": branches,
        "chosen": chosen,
        "villages": actions.villages_of(stage=of.id, branch=chosen.id) if chosen else [],
        "officers": actions.officers_of(branch=chosen.id) if chosen else [],
        "checks": [(check.value, CHECKS[check], said.get(f"check_{check}", "")) for check in Check],
        "founds": [(each.value, FOUNDS[each]) for each in Found],
        "said": said,
        "now": now(),
        "refused": refused,
        "id": said.get("id") or uuid7(now()),
        "most_photos": actions.PHOTOS_OF_A_VISIT,
        "tab": "visits",
    }
    return render(request, "oversight/new_visit.html", context, status=status)


def _record(request: HttpRequest, viewer: Viewer, stage: str, branch: int) -> UUID:
    said = request.POST
    found = {check: Found(said[f"check_{check}"]) for check in Check if said.get(f"check_{check}") in list(Found)}
    village, person = said.get("village", ""), said.get("officer", "")
    if not village.isdecimal():
        raise actions.NotAVisit(_("Choose the village."))
    photos = [each.read() for each in request.FILES.getlist("photos")]
    return actions.record_visit(
        stage_code=stage, branch=branch, village=int(village), officer=int(person) if person.isdecimal() else None, found=found,
        note=said.get("note", ""), visited_at=_when(said.get("visited_at", ""), branch), photos=photos,
        id=_id(request), actor=viewer.name, at=now(),
    )  # fmt: skip


def _when(typed: str, branch: int) -> datetime | None:
    """A browser's local date and time, by the branch's clock."""
    if not typed:
        return None
    try:
        return moment(typed, actions.zone_of(branch=branch))
    except ValueError as error:
        raise actions.NotAVisit(_("Write the day and the hour of the visit.")) from error


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def visit(request: HttpRequest, viewer: Viewer, stage: str, visit: UUID) -> HttpResponse:
    rows = actions.visits(visit=visit, branches=_scope(viewer), limit=1)
    if not rows or rows[0].stage_code != stage:
        raise Http404
    row = rows[0]
    context = {
        "stage": stage_by_code(stage),
        "visit": row,
        "found": [(CHECKS[check], row.found.get(check), FOUNDS[Found(row.found[check])]) for check in Check if check in row.found],
        "missing": len(_missing(row)),
        "tab": "visits",
    }  # fmt: skip
    return render(request, "oversight/visit.html", context)


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def visit_photo(request: HttpRequest, viewer: Viewer, visit: UUID, sha256: str) -> HttpResponse:
    """A visit's photo without what it carries along; small where a list shows it."""
    data = actions.visit_photo(
        visit=visit, sha256=sha256, small=request.GET.get("size") == "small", branches=_scope(viewer)
    )
    return HttpResponse(data, content_type="image/jpeg")


# -- complaints ------------------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def complaints(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """The inbox: what is due first at the top."""
    which = request.GET.get("show", "")
    at = now()
    counts = actions.count_complaints(now=at, branches=_scope(viewer))
    rows = actions.complaints(
        now=at, branches=_scope(viewer), answered=which == "answered", late=True if which == "late" else None, limit=500
    )
    context = {
        "rows": [
            (row, ABOUTS[About(row.about)], WAYS[Way(row.way)], row.due_at - at < PATIENCE_NEAR, row.due_at - at)
            for row in rows
        ],
        "tabs": [
            ("", _("Still open"), counts.open, which not in ("late", "answered")),
            ("late", _("Late"), counts.late, which == "late"),
            ("answered", _("Answered"), counts.answered, which == "answered"),
        ],
        "may_act": viewer.role in desks.OVERSEERS,
        "answered": which == "answered",
    }
    return render(request, "oversight/complaints.html", context)


@desks.open_to(desks.MEETING, kept=False)
def new_complaint(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Write down a complaint that came by telephone, on paper or at a visit."""
    _acting(viewer)
    said = request.POST
    refused, status = "", 200
    if request.method == "POST":
        try:
            made = _write_down(request, viewer)
        except Problem as problem:
            refused, status = _(problem.message), 400
        else:
            return redirect("complaint", complaint=made)
    context = {
        "branches": actions.branches_to_choose(branches=_scope(viewer)),
        "came": [(each.value, WAYS[each]) for each in Way if each is not Way.WEB],
        "abouts": [(each.value, ABOUTS[each]) for each in About],
        "said": said,
        "refused": refused,
        "id": said.get("id") or uuid7(now()),
    }
    return render(request, "oversight/new_complaint.html", context, status=status)


def _write_down(request: HttpRequest, viewer: Viewer) -> UUID:
    said = request.POST
    if said.get("way") not in list(Way) or said.get("about") not in list(About):
        raise actions.NotAComplaint("Choose what it is about.")
    code = said.get("code", "").strip()
    letter = actions.by_letter(code=code) if code else None
    scope = _scope(viewer)
    if letter and scope is not None and letter.branch not in scope:
        raise NotFound("No letter has this code: compare it with the letter, or leave it empty.")
    made, _ticket = actions.receive_complaint(
        branch=letter.branch if letter else _branch(viewer, said.get("branch", "")), way=Way(said["way"]), about=About(said["about"]),
        text=said.get("text", ""), contact=said.get("contact", ""), stage_code=letter.stage_code if letter else None,
        officer=letter.officer if letter else None, entitlement=letter.id if letter else None, id=_id(request), actor=viewer.name, at=now(),
    )  # fmt: skip
    return made


@require_safe
@desks.open_to(desks.MEETING, kept=False)
def complaint(request: HttpRequest, viewer: Viewer, complaint: UUID) -> HttpResponse:
    return _complaint(request, viewer, complaint)


def _complaint(request: HttpRequest, viewer: Viewer, complaint: UUID, *, contact: str | None = None) -> HttpResponse:
    row, steps = actions.one_complaint(complaint=complaint, now=now(), branches=_scope(viewer))
    text, has_contact = actions.opened(row)[0], bool(row.contact_sealed)
    state = STATE_AFTER[Step(row.step)]
    context = {
        "row": row,
        "text": text,
        "has_contact": has_contact,
        "contact": contact,
        "about": ABOUTS[About(row.about)],
        "way": WAYS[Way(row.way)],
        "steps": [(step, STEPS[Step(step.step)]) for step in steps],
        "may_act": viewer.role in desks.OVERSEERS and state in MAY_COME_IN[Step.ANSWERED],
        "may_read_contact": viewer.role in desks.OVERSEERS,
        "answered": state is State.ANSWERED,
    }
    return render(request, "oversight/complaint.html", context)


@require_POST
@desks.open_to(desks.MEETING, kept=False)
def complaint_step(request: HttpRequest, viewer: Viewer, complaint: UUID) -> HttpResponse:
    """Take, answer, or show how the complainant can be reached."""
    _acting(viewer)
    act, said = request.POST.get("act", ""), request.POST
    given: dict[str, Any] = {"complaint": complaint, "actor": viewer.name, "at": now(), "branches": _scope(viewer)}
    if act == "take":
        actions.take_complaint(person=said.get("person", ""), **given)
    elif act == "answer":
        actions.answer_complaint(text=said.get("text", ""), **given)
    elif act == "contact":
        return _complaint(request, viewer, complaint, contact=actions.open_contact(**given))
    else:
        raise Http404
    return redirect("complaint", complaint=complaint)


urlpatterns = [
    path("pengaduan/", complain, name="complain"),
    path("pengaduan/jawaban/", complaint_answer, name="complaint-answer"),
    path("pengawasan/pengaduan/", complaints, name="complaints"),
    path("pengawasan/pengaduan/baru/", new_complaint, name="complaint-new"),
    path("pengawasan/pengaduan/<uuid:complaint>/", complaint, name="complaint"),
    path("pengawasan/pengaduan/<uuid:complaint>/langkah/", complaint_step, name="complaint-step"),
    path("pengawasan/kunjungan/<uuid:visit>/foto/<str:sha256>/", visit_photo, name="oversight-visit-photo"),
    path("pengawasan/<str:stage>/", signals, name="oversight"),
    path("pengawasan/<str:stage>/lihat/", look, name="oversight-look"),
    path("pengawasan/<str:stage>/juru-bayar/<int:officer>/", officer, name="oversight-officer"),
    path("pengawasan/<str:stage>/juru-bayar/<int:officer>/putusan/", decide, name="oversight-decide"),
    path("pengawasan/<str:stage>/sampel/", samples, name="oversight-samples"),
    path("pengawasan/<str:stage>/sampel/ambil/", draw, name="oversight-draw"),
    path("pengawasan/<str:stage>/sampel/<uuid:sample>/", sample, name="oversight-sample"),
    path("pengawasan/<str:stage>/sampel/<uuid:sample>/<int:number>/", answer, name="oversight-answer"),
    path("pengawasan/<str:stage>/kunjungan/", visits, name="oversight-visits"),
    path("pengawasan/<str:stage>/kunjungan/baru/", new_visit, name="oversight-visit-new"),
    path("pengawasan/<str:stage>/kunjungan/<uuid:visit>/", visit, name="oversight-visit"),
]

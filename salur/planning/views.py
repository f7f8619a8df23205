"""The plan of a branch as pages: need of people, calendar, what-if, a day's briefing, readiness; and all branches at a glance.

Whoever has a scope and works at a desk may look. The branch and headquarters plan; field coordinators write down what the bodies said. Whatever
takes longer than a moment is a job.
"""

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from salur.areas.rules import dotted
from salur.jobs import actions as jobs
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import NotFound, Problem
from salur.lib.template_filters import number as shown
from salur.lib.viewer import Viewer
from salur.offices.models import Office
from salur.planning import actions, bodies, hiring, nation
from salur.planning import day as days
from salur.planning.actions import KeptPlan
from salur.planning.check import Rule, Violation
from salur.planning.coordination import DIGITS, Body, Light, StepKind, area_for
from salur.planning.hand_edit import days_for
from salur.planning.inputs import said_of
from salur.planning.jobs import PUBLISH, SOLVE, SOLVE_ALL
from salur.planning.models import Plan
from salur.planning.rules import Channel, Inputs, Order, Span
from salur.planning.settings import SETTINGS
from salur.planning.solve import solve, solve_greedily
from salur.planning.stored import PlanState
from salur.planning.words import BODIES, CHANNELS, LACKS, LIGHTS, ORDERS, RULES, SPANS, STEPS
from salur.programmes.actions import stage_by_code
from salur.programmes.models import Stage

RATES = (150, 200, 300, 400)  # families per officer and day: Bandung's rule, …, Banda Aceh's
MORE_OFFICERS = (-5, 0, 5)
ASKED_AT_FIRST = (("150", "no"), ("150", "yes"), ("300", ""), ("400", ""))  # (rate, rest day)
EXACTLY = 4  # what-ifs that are compared while the person waits
SECONDS_EACH = 6.0  # of a core; most need one


# -- who asks ------------------------------------------------------------------------------------------------------


def _branch(viewer: Viewer, code: str) -> Office:
    branch = Office.objects.filter(code=code, kind__in=["KC", "KCU"]).first()
    if branch is None or (viewer.branches is not None and branch.id not in viewer.branches):
        raise Http404
    return branch


def _today(branch: Office) -> date:
    return now().astimezone(ZoneInfo(branch.timezone)).date()


def _asked(request: HttpRequest, viewer: Viewer, stage: str, desk: desks.Desk) -> tuple[Stage, Office]:
    of, branch = stage_by_code(stage), _branch(viewer, request.POST.get("kantor", ""))
    desks.only(viewer, desk, _("The branch and headquarters plan; you may look."))
    return of, branch


def _plan(viewer: Viewer, stage: Stage, branch: Office, version: str) -> Plan | None:
    """The version asked for; else the plan that counts; else the newest draft."""
    rows = Plan.objects.select_related("stage__programme", "branch").filter(stage=stage, branch=branch)
    if version:
        if not version.isdecimal() or (found := rows.filter(version=int(version)).first()) is None:
            raise Http404
        return found
    return actions.published(stage=stage.id, branch=branch.id) or rows.order_by("-version").first()


def _to(stage: Stage, branch: Any, version: int | None = None, where: str = "plan", **more: object) -> str:
    query = {"kantor": branch.code, **({"versi": version} if version else {}), **more}
    return f"{reverse(where, args=[stage.code])}?{urlencode(query)}"


# -- all branches --------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.OFFICES)
def plan(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The plan of the branch in ``?kantor=`` (``versi``: another than the one that counts), or a line for each branch of the viewer."""
    of = stage_by_code(stage)
    code = request.GET.get("kantor", "")
    rows = [] if code else nation.overview(stage=of.id, branches=viewer.branches)
    if not code and len(rows) == 1 and viewer.branches is not None:
        code = rows[0].code
    if code:
        return _of_branch(request, viewer, of, _branch(viewer, code))
    planned = [row for row in rows if row.plan]
    cash = nation.cash_by_day(stage=of.id, rows=planned)
    most = max((line.cash_rp for line in cash), default=1)
    context = {
        "stage": of, "may_plan": viewer.role == desks.Role.HEADQUARTERS, "lines": [(row, _to(of, row), _gap(row.gap)) for row in rows],
        "branches": len(rows), "planned": len(planned), "published": sum(bool(row.published) for row in planned),
        "families": sum(row.families for row in rows), "hires": sum(row.hires for row in planned), "unmet": sum(row.unmet for row in planned),
        "cash": [(line, round(100 * line.cash_rp / most)) for line in cash],
    }  # fmt: skip
    return render(request, "planning/nation.html", context)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_all(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """A draft for every branch that has none, in the background; leads to the job."""
    of = stage_by_code(stage)
    desks.only(
        viewer, frozenset({desks.Role.HEADQUARTERS}), _("Headquarters plans all branches at once; you may look.")
    )
    job = jobs.start(
        kind=SOLVE_ALL, title=f"{_('Plans of all branches')} · {of.code}", actor=viewer.name, at=now(), lock=f"plan all {of.code}",
        arguments={
            "stage": of.code, "branches": None if viewer.branches is None else list(viewer.branches), "again": bool(request.POST.get("again")),
        },
    )  # fmt: skip
    return redirect("job", job=job)


# -- one branch ----------------------------------------------------------------------------------------------------


class Cell(NamedTuple):
    """A village on a day: families by channel, none on most days. ``move`` leads to the days it could move to."""

    day: str
    families: int = 0
    sign: str = ""
    channels: str = ""
    move: str = ""
    chosen: bool = False


class Row(NamedTuple):
    code: int
    name: str
    families: int
    online: bool
    unmet: int
    cells: list[Cell]


SIGNS = {Channel.SESSION: "●", Channel.DOOR: "⌂", Channel.OFFICE: "▪"}


def _calendar(
    kept: KeptPlan, to: Callable[[int, int], str], chosen: tuple[int, int] | None
) -> list[tuple[int, str, list[Row]]]:
    """Villages by kecamatan; a cell for each day of the window."""
    there: dict[tuple[int, int], dict[Channel, int]] = defaultdict(lambda: defaultdict(int))
    for number, channel, part in kept.plan.visits():
        there[part.village, number][channel] += part.families
    unmet: dict[int, int] = defaultdict(int)
    for lost in kept.plan.unmet:
        unmet[lost.village] += lost.families
    window = kept.inputs.window
    rows: dict[int, list[Row]] = defaultdict(list)
    for village in sorted(kept.inputs.villages, key=lambda v: v.code):
        cells = []
        for number in range(window.days):
            day, found = window.date(number).isoformat(), there.get((village.code, number))
            if not found:
                cells.append(Cell(day))
                continue
            order = [channel for channel in SIGNS if channel in found]
            words = ", ".join(f"{CHANNELS[channel]} {found[channel]}" for channel in order)
            move = to(village.code, number) if Channel.SESSION in found else ""
            signs = "".join(SIGNS[channel] for channel in order)
            cells.append(Cell(day, sum(found.values()), signs, words, move, chosen == (village.code, number)))
        row = Row(village.code, village.name, village.families, village.online, unmet[village.code], cells)
        rows[village.kecamatan].append(row)
    names = bodies.names(rows)
    return [(code, names.get(code, ""), lines) for code, lines in rows.items()]


class Answered(NamedTuple):
    """People to hire, None where somebody stays unreached. ``proven``: fewer cannot do it; ``here``: the plan on the page."""

    hires: int | None
    proven: bool
    here: bool


class Sensitivity(NamedTuple):
    """``rate`` None is the rate that ways and venues allow."""

    rate: int | None
    own: bool
    hires: list[Answered]


def _sensitivity(kept: KeptPlan) -> tuple[list[int], list[Sensitivity]]:
    """People to hire by families per officer and day (down) and own officers (across), around what the plan was made from.

    The plan's own answer is the solver's; the others are the greedy plan's, a few milliseconds each, and so an upper bound. A plan never changes:
    its table is made once by each server process.
    """
    key = f"planning/sensitivity/{kept.row.id}"
    found: tuple[list[int], list[Sensitivity]] | None = cache.get(key)
    if found is None:
        own, said = len(kept.inputs.branch.officers), kept.inputs.rates.session_per_day
        officers = sorted({max(0, own + more) for more in MORE_OFFICERS})
        rates: list[int | None] = [] if said else [None]
        rates += sorted({*RATES, *([said] if said else [])})
        lines = []
        for rate in rates:
            answers = []
            for number in officers:
                here = number == own and rate == said
                plan = kept.plan if here else solve_greedily(_with(kept.inputs, rate=rate, officers=number))
                proven = here and plan.proof.hires_bound == plan.hires.total
                answers.append(Answered(None if plan.unmet_families else plan.hires.total, proven, here))
            lines.append(Sensitivity(rate, rate == said, answers))
        found = officers, lines
        cache.set(key, found, None)
    return found


def _with(
    inputs: Inputs, *, rate: int | None = None, officers: int | None = None, rest: bool | None = None, longer: int = 0
) -> Inputs:
    """The same branch with another rate, number of own officers, rest day or window."""
    if rate:
        inputs = replace(inputs, rates=replace(inputs.rates, session_per_day=rate))
    if officers is not None:
        staff = list(inputs.branch.officers[:officers])
        homes: list[int | None] = [*sorted({village.kecamatan for village in inputs.villages})] or [None]
        highest = max((person.id for person in staff), default=0)
        for number in range(1, officers - len(staff) + 1):
            staff.append(days.extra_officer(highest + number, homes[number % len(homes)]))
        inputs = replace(inputs, branch=replace(inputs.branch, officers=tuple(staff)))
    if rest is not None:
        inputs = replace(inputs, policy=replace(inputs.policy, rest_every=7 if rest else None))
    if longer:
        inputs = replace(inputs, window=replace(inputs.window, days=inputs.window.days + longer))
    return inputs


NEEDS_SHOWN = 200


class NeedLine(NamedTuple):
    """Somebody to hire, where to look, and the offer that is open or signed."""

    number: int
    place: str
    may_lead: bool
    offer: Any


def _needs(kept: KeptPlan) -> list[NeedLine]:
    people = kept.roster.hired
    if len(people) > NEEDS_SHOWN:
        return []
    offers = {offer.need: offer for offer in hiring.offers(kept.row) if offer.answer in (None, "accepted")}
    names = bodies.names(person.kecamatan for person in people if person.kecamatan)
    return [NeedLine(-p.id, names.get(p.kecamatan or 0, ""), p.may_lead, offers.get(p.id)) for p in people]


TABS = (
    ("plan", gettext_lazy("Plan")),
    ("plan-roster", gettext_lazy("Roster")),
    ("plan-day", gettext_lazy("The day")),
    ("plan-readiness", gettext_lazy("Readiness")),
    ("plan-what-if", gettext_lazy("What if")),
)


def _shared(viewer: Viewer, of: Stage, branch: Office, row: Plan | None, here: str) -> dict[str, Any]:
    """What every page of a branch shows; without a plan there is only the plan to make and who must agree."""
    tabs = [
        (_to(of, branch, None if where == "plan-readiness" or row is None else row.version, where), name, where == here)
        for where, name in TABS
        if row is not None or where in {"plan", "plan-readiness"}
    ]
    return {
        "stage": of, "branch": branch, "row": row, "tabs": tabs, "may_plan": viewer.role in desks.PLANNERS,
        "many": viewer.branches is None or len(viewer.branches) > 1,
    }  # fmt: skip


def _of_branch(
    request: HttpRequest, viewer: Viewer, of: Stage, branch: Office, broken: Sequence[str] | None = None
) -> HttpResponse:
    row = _plan(viewer, of, branch, (request.GET.get("versi") or request.POST.get("versi") or "").strip())
    shared = _shared(viewer, of, branch, row, "plan")
    shared |= {"orders": [(order.value, ORDERS[order]) for order in Order], "today": _today(branch).isoformat()}
    if row is None:
        return render(request, "planning/plan.html", shared)
    kept, state = actions.load(row), actions.state_of(row)
    window, plan, proof = kept.inputs.window, kept.plan, kept.plan.proof
    by_day = actions.by_day(kept)
    most = max((line.families for line in by_day), default=1)
    can_move = viewer.role in desks.PLANNERS and state is not PlanState.SUPERSEDED

    def to(village: int, number: int) -> str:
        if not can_move:
            return ""
        return _to(of, branch, row.version, desa=village, dari=window.date(number).isoformat()) + "#pindah"

    moving = _moving(request, kept) if can_move else None
    officers, sensitivity = _sensitivity(kept)
    needs = _needs(kept)
    quoted = said_of(stage=of.id, branch=branch.id).of("quoted_hires")
    last_day = window.date(max(0, window.days - 1))
    context = shared | {
        "state": state.value, "counts": state is PlanState.PUBLISHED, "order": ORDERS[Order(row.order)], "broken": broken,
        "window_days": [window.date(n) for n in range(window.days)], "columns": window.days + 1, "last_day": last_day,
        "last_iso": last_day.isoformat(),
        "calendar": _calendar(kept, to, moving["key"] if moving else None), "moving": moving, "can_move": can_move,
        "here_url": _to(of, branch, row.version), "what_if_url": _to(of, branch, row.version, "plan-what-if"),
        "by_day": [(line, round(100 * line.families / most), _to(of, branch, row.version, "plan-day", hari=line.day.isoformat())) for line in by_day],
        "hires": plan.hires.total, "hire_leaders": plan.hires.leaders, "bound": proof.hires_bound, "proven": proof.hires_bound == plan.hires.total,
        "gap": _gap(proof.gap),
        "lacks": [(LACKS[s.lack], s.amount, dotted(s.area) if s.area else "") for s in plan.shortfalls], "quoted": quoted,
        "within": quoted and _within(plan.hires.total, quoted), "officers": officers, "sensitivity": sensitivity,
        "own": len(kept.inputs.branch.officers), "rate": kept.inputs.rates.session_per_day, "needs": needs,
        "look_in": Counts(need.place for need in needs).most_common(), "offered": any(need.offer for need in needs),
        "signed": sum(bool(need.offer and need.offer.contract) for need in needs), "assumed": _assumed(row),
        "versions": [(r, _to(of, branch, r.version)) for r in actions.plans(stage=of.id, branches=[branch.id])],
        "may_publish": viewer.name != row.made_by, "cash_rp": sum(line.cash_rp for line in by_day),
        "cash_most": max(by_day, key=lambda line: line.cash_rp, default=None),
    }  # fmt: skip
    return render(request, "planning/plan.html", context, status=409 if broken else 200)


def _gap(share: float | None) -> Decimal | None:
    """As a percentage with two decimals."""
    return None if share is None else Decimal(round(share * 10_000)) / 100


def _within(number: int, quoted: str) -> bool:
    least, _, most = quoted.partition("–")
    return int(least) <= number <= int(most or least)


def _assumed(row: Plan) -> list[tuple[str, str, Any]]:
    return [
        (name, SETTINGS[name].what if name in SETTINGS else name.replace("_", " "), value)
        for name, value in row.assumed.items()
    ]


class Offered(NamedTuple):
    """A day the village could move to, with what that would break."""

    day: date
    iso: str
    breaks: list[str]


def _moving(request: HttpRequest, kept: KeptPlan) -> dict[str, Any] | None:
    """The village that is picked up, with every other day and what moving there would break."""
    village, start = request.GET.get("desa", ""), request.GET.get("dari", "")
    if not village.isdecimal() or not start:
        return None
    number = (actions.a_day(start) - kept.row.first_day).days
    known = {one.code: one for one in kept.inputs.villages}
    if int(village) not in known:
        raise Http404
    try:
        found = days_for(kept.inputs, kept.plan, int(village), from_day=number)
    except ValueError:
        raise Http404 from None
    window = kept.inputs.window
    offers = [Offered(window.date(to), window.date(to).isoformat(), _told(new, kept)) for to, new in found.items()]
    return {
        "key": (int(village), number), "village": known[int(village)], "day": window.date(number),
        "from": window.date(number).isoformat(), "offers": offers,
    }  # fmt: skip


# What these found and allow are days of the window, which tell a reader nothing.
ABOUT_DAYS = frozenset(
    {Rule.DOORS_BEFORE_SESSION, Rule.NOT_READY, Rule.BLOCKED_DAY, Rule.CLOSED_DAY, Rule.PERSON_ABSENT}
)


def _told(found: Iterable[Violation], kept: KeptPlan) -> list[str]:
    """Each broken rule with its place, what there is and what may be."""
    names = {village.code: village.name for village in kept.inputs.villages}

    def one(violation: Violation) -> str:
        where = f" ({names[violation.area]})" if violation.area in names else ""
        many = "" if violation.rule in ABOUT_DAYS else f": {shown(violation.found)} / {shown(violation.allowed)}"
        return f"{RULES[violation.rule]}{where}{many}"

    return [one(violation) for violation in found]


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_solve(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """A new draft, as a job: with what the form supposes instead of what the branch said. With ``dari`` the rest of a published plan."""
    of, branch = _asked(request, viewer, stage, desks.PLANNERS)
    names = {
        "order": "order",
        "days": "days",
        "officers_assumed": "officers",
        "session_per_day": "rate",
        "first_day": "first_day",
    }
    supposed: dict[str, object] = {
        name: value for name, field in names.items() if (value := request.POST.get(field, "").strip())
    }
    if request.POST.get("rest") == "none":
        supposed["rest_every"] = None
    from_day = request.POST.get("dari", "").strip() or None
    if from_day is not None:
        actions.a_day(from_day)
    job = jobs.start(
        kind=SOLVE, title=f"{_('Plan')} · {branch.name} · {of.code}", actor=viewer.name, at=now(), lock=f"plan {branch.code}",
        arguments={"branch": branch.code, "stage": of.code, "supposed": supposed, "from_day": from_day},
    )  # fmt: skip
    return redirect("job", job=job)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_publish(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The plan counts from now on, by another person than who made it; as a job, for a branch's families take a moment."""
    of, branch = _asked(request, viewer, stage, desks.PLANNERS)
    row = _plan(viewer, of, branch, request.POST.get("versi", ""))
    if row is None:
        raise Http404
    if row.made_by == viewer.name:
        raise actions.SamePerson(_("You made this plan, so somebody else must publish it."))
    job = jobs.start(
        kind=PUBLISH, title=f"{_('Publish')} · {branch.name}/{row.version} · {of.code}", actor=viewer.name, at=now(), lock=f"plan {branch.code}",
        arguments={"plan": str(row.id)},
    )  # fmt: skip
    return redirect("job", job=job)


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_move(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Move a village to another day: the next version of the plan, or the same page with what it would break."""
    of, branch = _asked(request, viewer, stage, desks.PLANNERS)
    row = _plan(viewer, of, branch, request.POST.get("versi", ""))
    village = request.POST.get("desa", "")
    if row is None or not village.isdecimal():
        raise Http404
    edited, kept = actions.move(
        plan=row.id, village=int(village), from_day=actions.a_day(request.POST.get("dari", "")), day=actions.a_day(request.POST.get("ke", "")),
        take=True, actor=viewer.name, at=now(),
    )  # fmt: skip
    if kept is None:
        return _of_branch(request, viewer, of, branch, broken=_told(edited.new, actions.load(row)))
    return redirect(_to(of, branch, kept.row.version))


# -- what if -------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.OFFICES)
def plan_what_if(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Up to four answers side by side: other rates, people, rest days, a longer window. Nothing is kept."""
    of = stage_by_code(stage)
    branch = _branch(viewer, request.GET.get("kantor", ""))
    row = _plan(viewer, of, branch, request.GET.get("versi", ""))
    if row is None:
        raise Http404
    kept = actions.load(row)
    own = len(kept.inputs.branch.officers)
    columns: list[dict[str, Any]] = []
    for number in range(EXACTLY):
        at_first = ("", "") if "rate0" in request.GET else ASKED_AT_FIRST[number]
        rate = _whole(request, f"rate{number}", at_first[0], 1, 5000)
        officers = _whole(request, f"officers{number}", "", 0, 2000)
        longer = _whole(request, f"longer{number}", "", 0, 60) or 0
        said = request.GET.get(f"rest{number}", at_first[1])
        rest = said == "yes" if said in {"yes", "no"} else None
        asked = _with(kept.inputs, rate=rate, officers=officers, rest=rest, longer=longer)
        key = f"planning/what-if/{row.id}/{rate}/{officers}/{rest}/{longer}"
        found = kept.plan if asked == kept.inputs else cache.get(key)
        if found is None:
            found = solve(asked, seconds=SECONDS_EACH, order_days=False)
            cache.set(key, found, None)
        columns.append(
            {
                "number": number, "letter": "ABCD"[number], "rate": rate, "officers": officers, "longer": longer, "rest": said,
                "hires": found.hires.total, "leaders": found.hires.leaders, "unmet": found.unmet_families, "days": asked.window.days,
                "people": len(asked.branch.officers) + found.hires.total, "proven": found.proof.hires_bound == found.hires.total,
                "difference": found.hires.total - kept.plan.hires.total, "lacks": [(LACKS[s.lack], s.amount) for s in found.shortfalls][:4],
            }
        )  # fmt: skip
    context = _shared(viewer, of, branch, row, "plan-what-if") | {
        "own": own, "columns": columns, "hires": kept.plan.hires.total, "rate": kept.inputs.rates.session_per_day,
    }  # fmt: skip
    return render(request, "planning/what_if.html", context)


def _whole(request: HttpRequest, name: str, default: str, least: int, most: int) -> int | None:
    text = request.GET.get(name, default).strip()
    if not text:
        return None
    if not text.isdecimal() or not least <= int(text) <= most:
        raise Problem(_("Give a whole number from %(least)s to %(most)s.") % {"least": least, "most": most})
    return int(text)


# -- a day ---------------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.OFFICES)
def plan_day(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """The briefing of one day: venues with their teams, cash, guards, what is open."""
    of = stage_by_code(stage)
    branch = _branch(viewer, request.GET.get("kantor", ""))
    row = _plan(viewer, of, branch, request.GET.get("versi", ""))
    if row is None:
        raise Http404
    return _day(request, viewer, of, branch, row)


def _day(
    request: HttpRequest, viewer: Viewer, of: Stage, branch: Office, row: Plan, offered: int | None = None
) -> HttpResponse:
    kept = actions.load(row)
    around = days.days_of(kept)
    asked = (request.GET.get("hari") or request.POST.get("hari") or "").strip()
    chosen = actions.a_day(asked) if asked else _nearest(around, _today(branch))
    told = days.briefing(kept, chosen)
    context = _shared(viewer, of, branch, row, "plan-day") | {
        "told": told, "iso": chosen.isoformat(), "counts": actions.state_of(row) is PlanState.PUBLISHED, "offered": offered,
        "visits": [(visit, CHANNELS[visit.channel], SPANS[visit.span]) for visit in told.visits],
        "open": [(code, name, [BODIES[body] for body in waiting]) for code, name, waiting in told.open],
        "days": [(day, _to(of, branch, row.version, "plan-day", hari=day.isoformat()), day == chosen) for day in around],
    }  # fmt: skip
    return render(request, "planning/day.html", context)


def _nearest(known: Sequence[date], today: date) -> date:
    """Today, or the first day after it that has something; a branch opens the page in the morning."""
    if not known:
        raise Http404
    return next((day for day in known if day >= today), known[-1])


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_floats(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Offer each officer of a day the cash the published plan foresees; custody's books move when the officer accepts."""
    of, branch = _asked(request, viewer, stage, desks.PLANNERS)
    row = _plan(viewer, of, branch, request.POST.get("versi", ""))
    if row is None:
        raise Http404
    done = days.propose_floats(
        actions.load(row), day=actions.a_day(request.POST.get("hari", "")), actor=viewer.name, at=now()
    )
    return _day(request, viewer, of, branch, row, offered=len(done.lines))


# -- roster --------------------------------------------------------------------------------------------------------


class Person(NamedTuple):
    """``load`` in days of work; ``known`` is False while the seat is still to be hired for."""

    name: str
    code: str
    known: bool
    load: Decimal
    cells: list[list[str]]


@require_safe
@desks.open_to(desks.OFFICES)
def plan_roster(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Who works where, person by person and day by day."""
    of = stage_by_code(stage)
    branch = _branch(viewer, request.GET.get("kantor", ""))
    row = _plan(viewer, of, branch, request.GET.get("versi", ""))
    if row is None:
        raise Http404
    window = [row.first_day + timedelta(days=number) for number in range(row.days)]
    seats = actions.team(row)
    duties: dict[tuple[bool, int], dict[date, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for seat in seats:
        if seat.person is not None:
            duties[seat.person < 0, abs(seat.person)][seat.day].append(seat)
    people = []
    for (hired, number), there in sorted(duties.items()):
        first = next(iter(there.values()))[0]
        name = first.officer_name or _("To hire, no. %(number)s") % {"number": number}
        halves = sum(2 if seat.span == Span.DAY else 1 for of_day in there.values() for seat in of_day)
        cells = [[_duty(seat) for seat in sorted(there.get(day, []), key=_half)] for day in window]
        known = not hired or first.officer is not None
        people.append(Person(name, first.officer_code or "", known, Decimal(halves) / 2, cells))
    context = _shared(viewer, of, branch, row, "plan-roster") | {
        "people": people, "vacant": sum(seat.person is None for seat in seats),
        "window_days": [(day, _to(of, branch, row.version, "plan-day", hari=day.isoformat())) for day in window],
    }  # fmt: skip
    return render(request, "planning/roster.html", context)


def _half(seat: Any) -> int:
    return int(seat.span)


def _duty(seat: Any) -> str:
    part = "" if seat.span == Span.DAY else f" {SPANS[Span(seat.span)]}"
    return f"{'★' if seat.leads else ''}{SIGNS[Channel(seat.channel)]} {seat.place}{part}"


# -- readiness -----------------------------------------------------------------------------------------------------


@require_safe
@desks.open_to(desks.OFFICES)
def plan_readiness(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Which villages are ready from when, and who is still open; what was done, in order; a form to write down what comes next."""
    of = stage_by_code(stage)
    branch = _branch(viewer, request.GET.get("kantor", ""))
    board = bodies.readiness(stage=of.id, branch=branch.id)
    done = bodies.steps(stage=of.id, branch=branch.id)
    people = bodies.contacts(branch=branch.id)
    places = sorted({area_for(body, village.village) for village in board.villages for body in Body}, key=str)
    names = bodies.names({*(one.area for one in done), *(one.area for one in people), *places})
    rows = [
        (village, [(LIGHTS[s.light], s.light.value, LIGHT_SIGNS[s.light], s.ready_on) for s in village.bodies.values()])
        for village in board.villages
    ]
    row = _plan(viewer, of, branch, "")
    context = _shared(viewer, of, branch, row, "plan-readiness") | {
        "board": board, "rows": rows, "shown": [(BODIES[body], body in board.binding) for body in board.shown],
        "binding": [BODIES[body] for body in board.binding], "may_write": viewer.role in desks.PRINTERS,
        "steps": [(one, BODIES[Body(one.body)], names.get(one.area, ""), STEPS[StepKind(one.kind)]) for one in reversed(done)][:100],
        "contacts": [(one, BODIES[Body(one.body)], names.get(one.area, "")) for one in people],
        "bodies": [(body.value, BODIES[body]) for body in Body], "kinds": [(kind.value, STEPS[kind]) for kind in StepKind],
        "places": [(code, names.get(code, ""), len(str(code))) for code in places], "today": _today(branch).isoformat(),
    }  # fmt: skip
    return render(request, "planning/readiness.html", context)


LIGHT_SIGNS = {Light.NOTHING: "·", Light.LETTER: "✉", Light.CONFIRMED: "✓", Light.WITHDRAWN: "✗"}


def _body_and_place(request: HttpRequest) -> tuple[Body, int]:
    """A village stands for the kecamatan or kabupaten that the body acts for."""
    area, body = request.POST.get("area", ""), request.POST.get("body", "")
    if body not in [b.value for b in Body] or not area.isdecimal():
        raise Http404
    return Body(body), int(area[: DIGITS[Body(body)]])


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_contact(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Write down whom to call at a body."""
    of, branch = _asked(request, viewer, stage, desks.PRINTERS)
    body, place = _body_and_place(request)
    bodies.write_contact(
        stage=of.id, branch=branch.id, body=body, area=place, name=request.POST.get("name", "")[:100],
        position=request.POST.get("position", "")[:100], phone=request.POST.get("phone", "")[:30], actor=viewer.name, at=now(),
    )  # fmt: skip
    return redirect(_to(of, branch, where="plan-readiness"))


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_step(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Write down a letter, a confirmation, its withdrawal or a visit."""
    of, branch = _asked(request, viewer, stage, desks.PRINTERS)
    body, place = _body_and_place(request)
    kind = request.POST.get("kind", "")
    if kind not in [k.value for k in StepKind]:
        raise Http404
    ready = request.POST.get("ready_on", "").strip()
    bodies.take_step(
        stage=of.id, branch=branch.id, body=body, area=place, kind=StepKind(kind), day=actions.a_day(request.POST.get("day", "")),
        ready_on=actions.a_day(ready) if ready else None, document=request.POST.get("document", "")[:200], note=request.POST.get("note", "")[:1000],
        actor=viewer.name, at=now(),
    )  # fmt: skip
    return redirect(_to(of, branch, where="plan-readiness"))


@require_POST
@desks.open_to(desks.OFFICES, hidden=True)
def plan_offer(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Offer work of a need, sign it, or close the offer."""
    of, branch = _asked(request, viewer, stage, desks.PLANNERS)
    row = _plan(viewer, of, branch, request.POST.get("versi", ""))
    need = request.POST.get("need", "")
    if row is None or not need.isdecimal():
        raise Http404
    offer = next((o for o in hiring.offers(row) if o.need == -int(need) and o.answer is None), None)
    if request.POST.get("do") == "accept":
        if offer is None:
            raise NotFound(_("There is no open offer for this need."))
        hiring.accept(offer=offer.id, number=request.POST.get("contract", "")[:60], actor=viewer.name, at=now())
    elif request.POST.get("do") == "decline":
        if offer is None:
            raise NotFound(_("There is no open offer for this need."))
        hiring.close(offer=offer.id, answer="declined", reason=request.POST.get("reason", "")[:200], actor=viewer.name, at=now())  # fmt: skip
    else:
        daily = request.POST.get("daily", "")
        if not daily.isdecimal():
            raise Problem(_("Give the pay for a day in whole rupiah."))
        hiring.offer(
            plan=row.id, need=int(need), code=request.POST.get("code", "")[:30], name=request.POST.get("name", "")[:100],
            last_day=actions.a_day(request.POST.get("until", "")), daily_rp=int(daily), actor=viewer.name, at=now(),
        )  # fmt: skip
    return redirect(_to(of, branch, row.version) + "#orang")


urlpatterns = [
    path("rencana/<str:stage>/", plan, name="plan"),
    path("rencana/<str:stage>/semua/", plan_all, name="plan-all"),
    path("rencana/<str:stage>/susun/", plan_solve, name="plan-solve"),
    path("rencana/<str:stage>/terbit/", plan_publish, name="plan-publish"),
    path("rencana/<str:stage>/pindah/", plan_move, name="plan-move"),
    path("rencana/<str:stage>/andai/", plan_what_if, name="plan-what-if"),
    path("rencana/<str:stage>/hari/", plan_day, name="plan-day"),
    path("rencana/<str:stage>/kesiapan/", plan_readiness, name="plan-readiness"),
    path("rencana/<str:stage>/kesiapan/langkah/", plan_step, name="plan-step"),
    path("rencana/<str:stage>/kesiapan/kontak/", plan_contact, name="plan-contact"),
    path("rencana/<str:stage>/hari/panjar/", plan_floats, name="plan-floats"),
    path("rencana/<str:stage>/petugas/", plan_roster, name="plan-roster"),
    path("rencana/<str:stage>/orang/", plan_offer, name="plan-offer"),
]

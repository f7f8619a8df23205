"""Pages of cases: what a person must look into, what is known about it, and how it ends.

The noun is that of ``salur/cases``, which knows no office, no stage's name and no page. Here it gets them, because who looks into things works here.
Ministry, auditors and headquarters see every case of their scope; who decides is bound by the same rules as on the command line.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from salur.cases import actions as cases
from salur.cases.rules import ABOUT_MONEY, NATURE, Act, Decision, Kind, State
from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import Problem
from salur.lib.viewer import Viewer
from salur.offices.models import Officer
from salur.oversight import actions

ON_A_PAGE = 200

KINDS = {
    Kind.DOUBLE_PAYMENT: gettext_lazy("Family paid twice"),
    Kind.UNKNOWN_ENTITLEMENT: gettext_lazy("Paid without an entitlement"),
    Kind.AMOUNT_MISMATCH: gettext_lazy("Amount differs from the list"),
    Kind.HELD_PAYMENT: gettext_lazy("Paid although held back by the ministry"),
    Kind.LATE_PAYMENT: gettext_lazy("Paid after the deadline"),
    Kind.UNMATCHED_BANK_LINE: gettext_lazy("Bank line without its like in the books"),
    Kind.NEGATIVE_FLOAT: gettext_lazy("Cash balance below zero"),
    Kind.COUNT_DIFFERENCE: gettext_lazy("Counted cash differs from the books"),
    Kind.DISPUTED_CASH: gettext_lazy("Handover of cash refused"),
    Kind.UNSETTLED_FLOAT: gettext_lazy("Float not brought back after the closing"),
    Kind.REVOKED_DEVICE: gettext_lazy("Data of a phone that was locked out"),
    Kind.FORKED_DEVICE: gettext_lazy("Phone with two histories"),
    Kind.MISSING_PHOTO: gettext_lazy("Photo has not arrived"),
    Kind.OFFICER_SIGNALS: gettext_lazy("Signals about an officer's work"),
    Kind.VERIFICATION_FINDING: gettext_lazy("Family says otherwise than the books"),
    Kind.CONTROL_FINDING: gettext_lazy("Finding of a control visit"),
    Kind.LATE_COMPLAINT: gettext_lazy("Complaint not answered in time"),
}
DECISIONS = {
    Decision.EXPLAINED: gettext_lazy("Explained: nothing is wrong"),
    Decision.CORRECTED: gettext_lazy("It was wrong and has been set right"),
    Decision.OWED: gettext_lazy("Somebody owes the amount and brings it"),
    Decision.WRITTEN_OFF: gettext_lazy("The amount is lost and nobody owes it"),
    Decision.REFERRED: gettext_lazy("Handed to the inspectorate or the police"),
}
ACTS = {
    Act.OPENED: gettext_lazy("Found"),
    Act.ASSIGNED: gettext_lazy("Given to somebody"),
    Act.NOTED: gettext_lazy("Written down"),
    Act.DECIDED: gettext_lazy("Decided"),
    Act.REOPENED: gettext_lazy("Opened again"),
}
# Of the facts that were found, those that a desk can read; the rest (ids, hashes) is for the command line.
FACTS = {
    "happened_at": gettext_lazy("When it happened, by the phone's clock"),
    "counted_rp": gettext_lazy("Counted"),
    "expected_rp": gettext_lazy("By the books"),
}


def _branches(viewer: Viewer) -> dict[int, tuple[str, str]]:
    """Name and time zone of every branch in the scope; a case of no branch has no name, and headquarters' clock."""
    scope = None if viewer.branches is None else list(viewer.branches)
    return {row.id: (row.name, row.timezone) for row in actions.branches_to_choose(branches=scope)}


NOWHERE = ("", "Asia/Jakarta")


@require_safe
@desks.open_to(desks.OFFICES, kept=False)
def case_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """The cases of who looks: open ones, the oldest first, or decided ones."""
    state = State.DECIDED if request.GET.get("show") == "decided" else State.OPEN
    branches = _branches(viewer)
    counts = {State.OPEN: 0, State.DECIDED: 0}
    for row in cases.counts(branches=viewer.branches):
        counts[State.DECIDED if row.decided else State.OPEN] += row.cases
    found = cases.cases(state=state, branches=viewer.branches, limit=ON_A_PAGE)
    return render(request, "oversight/cases.html", {
        "rows": [
            (row, KINDS[Kind(row.kind)], branches.get(row.branch, NOWHERE), DECISIONS[Decision(row.decision)] if row.decision else "")
            for row in found
        ],
        "tabs": [
            ("", _("Still open"), counts[State.OPEN], state is State.OPEN),
            ("decided", _("Decided"), counts[State.DECIDED], state is State.DECIDED),
        ],
        "decided": state is State.DECIDED, "left": counts[state] - len(found), "shown": len(found),
    })  # fmt: skip


def _case(viewer: Viewer, case: UUID) -> tuple[Any, list[Any]]:
    """Another branch's case is as if there were none."""
    row, events = cases.show(case=case)
    if viewer.branches is not None and row.branch not in viewer.branches:
        raise Http404
    return row, events


def _maker(maker: str) -> str:
    """An officer by name and code; whoever else opened or made it, by user name."""
    number = maker.removeprefix("officer ")
    found = Officer.objects.filter(id=int(number)).first() if number != maker and number.isdecimal() else None
    return f"{found.name} · {found.code}" if found else maker


@require_safe
@desks.open_to(desks.OFFICES, kept=False)
def case_page(request: HttpRequest, viewer: Viewer, case: UUID) -> HttpResponse:
    """One case: what was found, what happened since, and the form that ends it."""
    row, events = _case(viewer, case)
    money = NATURE[Kind(row.kind)].money
    branch, zone = _branches(viewer).get(row.branch, NOWHERE)
    return render(request, "oversight/case.html", {
        "row": row, "maker": _maker(row.maker or ""), "kind": KINDS[Kind(row.kind)], "branch": branch, "zone": zone, "open": row.state == State.OPEN,
        "facts": [
            (FACTS[name], datetime.fromisoformat(value) if name == "happened_at" else int(value), name)
            for name, value in row.facts.items()
            if name in FACTS
        ],
        "entitlement": row.facts.get("entitlement") if Kind(row.kind) is not Kind.UNKNOWN_ENTITLEMENT else None,
        "happened": [(event, ACTS[Act(event.act)], DECISIONS[Decision(event.decision)] if event.decision else "") for event in events],
        "may_act": viewer.role in desks.DECIDERS, "alone": money and viewer.name in (row.opened_by, row.maker), "money": money,
        "decisions": [(value, name) for value, name in DECISIONS.items() if row.amount_rp or value not in ABOUT_MONEY],
    })  # fmt: skip


@require_POST
@desks.open_to(desks.OFFICES, kept=False)
def case_step(request: HttpRequest, viewer: Viewer, case: UUID) -> HttpResponse:
    """Decide it, write something down, or open it again."""
    _case(viewer, case)
    desks.only(viewer, desks.DECIDERS, _("Your role looks at this page; it changes nothing here."))
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "")[:2000].replace("\0", "")
    if act == "decide":
        choice = request.POST.get("decision", "")
        if choice not in set(Decision):
            raise Problem(_("Say what it comes to."))
        cases.decide(case=case, decision=Decision(choice), reason=reason, actor=viewer.name, at=now())
    elif act == "note":
        cases.note(case=case, text=reason, actor=viewer.name, at=now())
    elif act == "reopen":
        cases.reopen(case=case, reason=reason, actor=viewer.name, at=now())
    else:
        raise Problem(_("Say what is to be done with it."))
    return redirect("case", case=case)


urlpatterns = [
    path("kasus/", case_list, name="cases"),
    path("kasus/<uuid:case>/", case_page, name="case"),
    path("kasus/<uuid:case>/langkah/", case_step, name="case-step"),
]

"""The verbs of hiring: offer work for a need of a plan, and answer it; a contract makes the person an officer until its last day."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from salur.audit import actions as audit
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.offices.actions import employ
from salur.planning.actions import plan_by_id, queries
from salur.planning.models import Contract, Need, Offer, OfferAnswer, Plan


class NotNeeded(NotFound):
    code = "not_needed"


def root_of(plan: Plan) -> UUID:
    """Whose needs a plan's are: a hand edit takes over those of the plan it changed."""
    return plan.root_id or plan.id


@transaction.atomic
def offer(
    *,
    plan: UUID,
    need: int,
    code: str,
    name: str,
    home_area: int | None = None,
    first_day: date | None = None,
    last_day: date,
    daily_rp: int,
    actor: str,
    at: datetime,
) -> Offer:
    """Offer the work of need ``need`` (counted from 1) to a named person. One open offer for a need at a time."""
    row = plan_by_id(plan)
    wanted = Need.objects.filter(plan=row, number=-abs(need)).first()
    if wanted is None:
        raise NotNeeded(f"The plan has no need {abs(need)} to hire for.")
    queries.take_branch(stage=str(row.stage_id), branch=str(row.branch_id))
    open_ = [
        o
        for o in queries.offers(stage=row.stage_id, branch=row.branch_id, plan=root_of(row))
        if o.need == wanted.number and o.answer in (None, "accepted")
    ]
    if open_:
        last = open_[-1]
        if (last.code, last.name, last.last_day) == (code.strip(), name.strip(), last_day):
            return Offer.objects.get(id=last.id)
        said = "has accepted" if last.answer else "has an open offer for"
        raise Conflict(f"{last.name} {said} need {abs(need)}: withdraw that offer first.")
    if not name.strip() or not code.strip():
        raise Problem("Say whom the work is offered to, and the code the branch will give the person.")
    starts = first_day or wanted.from_day
    if starts > last_day:
        raise Problem(f"The work ends on {last_day}, before it begins on {starts}.")
    made = Offer.objects.create(
        id=uuid7(at), stage_id=row.stage_id, branch_id=row.branch_id, plan_id=root_of(row), need=wanted.number, code=code.strip(),
        name=name.strip(), home_area=home_area, first_day=starts, last_day=last_day, daily_rp=daily_rp, offered_by=actor, offered_at=at,
    )  # fmt: skip
    facts = {
        "plan": made.plan_id,
        "need": abs(need),
        "code": made.code,
        "name": made.name,
        "last_day": last_day,
        "daily_rp": daily_rp,
    }
    audit.record(actor=actor, verb="offered work", subject=f"offer/{made.id}", facts=facts, at=at, branch=row.branch_id)
    return made


@transaction.atomic
def accept(*, offer: UUID, number: str, actor: str, at: datetime) -> Contract:
    """The person signs contract ``number``: from now on an officer of the branch, until the last day. The same again is no second contract."""
    made = _open(offer)
    known = Contract.objects.filter(offer=made).first()
    if known is not None:
        if known.number == number.strip():
            return known
        raise Conflict(f"{made.name} signed contract {known.number} for this offer.")
    if not number.strip():
        raise Problem("Give the contract's number.")
    _answer(made, "accepted", "", actor, at)
    officer = employ(
        branch=made.branch_id, code=made.code, name=made.name, home_area=made.home_area, contract_ends=made.last_day
    )
    contract = Contract.objects.create(
        offer=made, officer_id=officer, branch_id=made.branch_id, stage_id=made.stage_id, number=number.strip(), first_day=made.first_day,
        last_day=made.last_day, signed_by=actor, signed_at=at,
    )  # fmt: skip
    facts = {"contract": contract.number, "officer": officer, "first_day": made.first_day, "last_day": made.last_day}
    audit.record(actor=actor, verb="hired", subject=f"offer/{made.id}", facts=facts, at=at, branch=made.branch_id)
    return contract


@transaction.atomic
def close(*, offer: UUID, answer: str, reason: str, actor: str, at: datetime) -> None:
    """The person ``declined``, or the branch has ``withdrawn`` the offer."""
    made = _open(offer)
    if answer not in {"declined", "withdrawn"} or not reason.strip():
        raise Problem("Say whether the offer is declined or withdrawn, and why.")
    known = OfferAnswer.objects.filter(offer=made).first()
    if known is not None:
        if known.answer == answer:
            return
        raise Conflict(f"This offer was {known.answer} before.")
    _answer(made, answer, reason.strip(), actor, at)
    facts = {"reason": reason.strip()}
    audit.record(actor=actor, verb=answer, subject=f"offer/{made.id}", facts=facts, at=at, branch=made.branch_id)


def offers(plan: Plan) -> list[Any]:
    return queries.offers(stage=plan.stage_id, branch=plan.branch_id, plan=root_of(plan))


def _open(offer: UUID) -> Offer:
    found = Offer.objects.filter(id=offer).first()
    if found is None:
        raise NotFound(f"There is no offer {offer}.")
    queries.take_branch(stage=str(found.stage_id), branch=str(found.branch_id))
    return found


def _answer(made: Offer, answer: str, reason: str, actor: str, at: datetime) -> None:
    known = OfferAnswer.objects.filter(offer=made).first()
    if known is not None:
        raise Conflict(f"This offer was {known.answer} before.")
    OfferAnswer.objects.create(offer=made, answer=answer, reason=reason, actor=actor, at=at)

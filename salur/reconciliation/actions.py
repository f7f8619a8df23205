"""The verbs of reconciliation: extend, freeze and reopen windows; close a place; settle and return money; state what it came to; recount."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from salur.areas.actions import unknown_areas
from salur.areas.models import Area
from salur.areas.rules import area_code, dotted
from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import SYSTEM, NewCase
from salur.cases.rules import Kind as CaseKind
from salur.custody import actions as custody
from salur.custody.models import Movement
from salur.custody.rules import Handing, Kind, Portion
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.offices.models import Office
from salur.offices.rules import Kind as OfficeKind
from salur.payments.actions import queries as payments
from salur.programmes.actions import decide_window, decisions, stage_by_code
from salur.programmes.models import Stage
from salur.programmes.rules import Change
from salur.reconciliation.models import Closing, Receipt
from salur.reconciliation.rules import FINAL, Cash, Closed, Line, Missing, Scope

queries = Queries(__file__)

EVERYWHERE = (0, 9_999_999_999)


def scope(*, place: str, branches: Sequence[int] | None = None) -> Scope:
    """An office by its code, or an area by its own; ``branches`` bounds what who asks may see. Raises ``NotFound`` outside of it.

    An office means its branches with all they have; an area its villages, whichever branch pays them.
    """
    found = queries.office(code=place)
    if found:
        (office,) = found
        own = None if office.kind == "HQ" else list(office.branches)
        if branches is not None and (own is None or not set(own) <= set(branches) or not own):
            raise NotFound(f"There is no office {place}.")
        return Scope(office.code, office.name, own, 0, *EVERYWHERE)
    try:
        code = area_code(place)
    except ValueError:
        raise NotFound(f"{place} is neither an office nor an area: check the code.") from None
    if unknown_areas(codes=[code]):
        raise NotFound(f"There is no office and no area {place}: check the code.")
    below = 10 ** (10 - len(str(code)))
    name = Area.objects.values_list("name", flat=True).get(code=code)
    return Scope(
        dotted(code), name, None if branches is None else list(branches), code, code * below, (code + 1) * below - 1
    )


def _bounds(place: Scope) -> dict[str, Any]:
    return {"branches": place.branches, "first": place.first, "last": place.last}


def change_window(
    *,
    change: Change,
    stage_code: str,
    place: str,
    closes_at: datetime | None,
    reason: str,
    document: str,
    actor: str,
    at: datetime,
    document_sha256: str = "",
    branches: Sequence[int] | None = None,
) -> int:
    """Extend, freeze or reopen the windows of an office or area; how many decisions are new.

    The branches' books are entered alone meanwhile, so whoever is paid at this moment is paid before it or judged after it; a freeze without
    ``closes_at`` counts from when everybody has left the books. Raises ``NotFound``, ``Problem``, ``Conflict``.
    """
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    with transaction.atomic():
        for branch in queries.branches_on_list(stage=stage.id, **_bounds(where)):
            payments.prepare_correcting(stage=stage.id, branch=branch.branch)
        if closes_at is None:
            closes_at = at = max(at, queries.one("clock").moment)
        return decide_window(
            stage=stage, change=change, areas=_places(where), closes_at=closes_at, reason=reason, document=document,
            document_sha256=document_sha256, actor=actor, at=at,
        )  # fmt: skip


def _places(where: Scope) -> list[tuple[int, int]]:
    """(area or 0, branch or 0), as decisions name them."""
    if where.area:
        return [(where.area, 0)]
    return [(0, branch) for branch in sorted(where.branches)] if where.branches is not None else [(0, 0)]


def windows(
    *, stage_code: str, place: str, branches: Sequence[int] | None = None
) -> tuple[Stage, list[Any], list[Any]]:
    """The stage; rows ``branch, name, timezone, closes_at, villages, families``; and the decisions, the latest first."""
    stage = stage_by_code(stage_code)
    rows = queries.windows(stage=stage.id, **_bounds(scope(place=place, branches=branches)))
    return stage, rows, decisions(stage=stage.id)


class StillOpen(Conflict):
    code = "still_open"


def close(
    *,
    stage_code: str,
    place: str,
    actor: str,
    at: datetime,
    document: str = "",
    reason: str = "",
    branches: Sequence[int] | None = None,
    progress: Callable[[int], object] = lambda families: None,
) -> list[Closed]:
    """Give every entitlement of an office or area its ending; a branch in each transaction, what is done stays done.

    Where the window has not ended a ``document`` is needed, which freezes it now. Repeated, it takes in what changed since: a payment that
    was made in time and told late, a case that was decided, a hold that was released. When a branch is closed whole, floats that nobody
    settled become cases. Raises ``NotFound``, ``StillOpen``; branches closed before it stay closed.
    """
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    found = queries.branches_on_list(stage=stage.id, **_bounds(where))
    if not found:
        raise NotFound(f"Nobody on the list of {stage.code} lives in {place}: check the code.")
    return [_close_branch(stage, where, branch, actor, at, document, reason, progress) for branch in found]


@transaction.atomic
def _close_branch(
    stage: Stage,
    where: Scope,
    branch: Any,
    actor: str,
    at: datetime,
    document: str,
    reason: str,
    progress: Callable[[int], object],
) -> Closed:
    payments.prepare_correcting(stage=stage.id, branch=branch.branch)
    bounds = {"stage": stage.id, "branch": branch.branch, "first": where.first, "last": where.last}
    window = queries.one("first_end", zone=branch.timezone, at=at, **bounds)
    if window.ends_at > at and not document.strip():
        raise StillOpen(
            f"{branch.name} pays until {window.ends_at.isoformat()}: close it then, or name the document that freezes it now (--document)."
        )
    if window.open:
        decide_window(
            stage=stage, change=Change.FROZEN, areas=[(where.area, branch.branch)], closes_at=at, reason=reason or f"Penutupan {where.code}",
            document=document or f"Penutupan {where.code}", actor=actor, at=at,
        )  # fmt: skip
    disputed = [row.entitlement for row in queries.disputed(stage=stage.id)]
    queries.prepare_closing()
    closing = uuid7(at)
    done = queries.one("close_branch", closing=closing, disputed=disputed, final=list(FINAL), **bounds)
    progress(done.families)
    if done.changed or done.lines:
        Closing.objects.create(
            id=closing,
            stage=stage,
            branch_id=branch.branch,
            place=where.code,
            changed=done.changed,
            closed_by=actor,
            closed_at=at,
        )
        facts = {"stage": stage.code, "place": where.code, "families": done.families, "changed": done.changed}
        audit.record(actor=actor, verb="closed", subject=f"closing/{closing}", facts=facts, at=at, branch=branch.branch)
    _note_unsettled(stage, branch, at)
    return Closed(branch.branch, branch.code, closing if done.changed or done.lines else None, done.changed)


def _note_unsettled(stage: Stage, branch: Any, at: datetime) -> None:
    """Floats of a branch that is closed whole and were not brought back: a person looks into each."""
    (line,) = _lines(stage, "branch", [branch.branch], *EVERYWHERE)
    if line.open or line.closed < line.villages:
        return
    found = [
        NewCase(
            CaseKind.UNSETTLED_FLOAT, f"float/{stage.id}/{branch.branch}/{row.officer}", branch.branch, stage.id, abs(row.balance_rp),
            f"officer {row.officer}", {"officer": row.officer, "balance_rp": row.balance_rp},
        )
        for row in queries.floats(stage=stage.id, branch=branch.branch)
    ]  # fmt: skip
    cases.open_cases(cases=found, actor=SYSTEM, at=at)


# Ids of returns are made from their papers, so that the same paper is the same movement.
RETURNS = UUID("0b7a0d53-5b5c-4c5e-9a53-3f6d1f6f1d62")


class Sent(NamedTuple):
    """What a branch (or headquarters) sent back: ``outcome`` is moved, offered, nothing, not_closed or not_counted."""

    code: str
    outcome: str
    amount_rp: int
    movement: UUID | None
    reference: str


def send_back(
    *,
    stage_code: str,
    place: str,
    actor: str,
    at: datetime,
    taken_by: str | None = None,
    reference: str | None = None,
    branches: Sequence[int] | None = None,
) -> list[Sent]:
    """What lies in the vaults of closed branches goes to headquarters, each in a transaction of its own.

    A vault is sent back after it was counted by two since its last movement, and never more than it holds by the books and is not on its
    way already: so nothing is returned twice. With ``taken_by`` both hands have signed, else headquarters still has to accept it.
    """
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    found = queries.branches_on_list(stage=stage.id, **_bounds(where))
    if reference and len(found) > 1:
        raise Problem("A paper has one number and one branch: name the branch, or leave the reference to us.")
    return [_send_back(stage, branch, actor, at, taken_by, reference) for branch in found]


@transaction.atomic
def _send_back(
    stage: Stage, branch: Any, actor: str, at: datetime, taken_by: str | None, reference: str | None
) -> Sent:
    payments.prepare_correcting(stage=stage.id, branch=branch.branch)
    (line,) = _lines(stage, "branch", [branch.branch], *EVERYWHERE)
    if line.closed < line.villages:
        return Sent(branch.code, "not_closed", 0, None, "")
    vault = queries.one("vault", stage=stage.id, branch=branch.branch)
    on_its_way = queries.one("offered_back", stage=stage.id, branch=branch.branch, kind=str(Kind.RETURN)).amount_rp
    amount_rp = vault.vault_rp - on_its_way
    if amount_rp <= 0:
        return Sent(branch.code, "nothing", 0, None, "")
    if not vault.counted:
        return Sent(branch.code, "not_counted", amount_rp, None, "")
    number = queries.one("sent_before", stage=stage.id, branch=branch.branch, kind=str(Kind.RETURN)).movements + 1
    paper = reference or f"KEMBALI/{stage.code}/{branch.code}/{number}"
    return _move_back(Kind.RETURN, stage, branch.branch, branch.code, amount_rp, paper, actor, taken_by, at)


def _move_back(
    kind: Kind,
    stage: Stage,
    branch: int | None,
    code: str,
    amount_rp: int,
    paper: str,
    actor: str,
    taken_by: str | None,
    at: datetime,
) -> Sent:
    portion = Portion(uuid5(RETURNS, f"{kind} {code} {stage.code} {paper}"), stage.id, amount_rp)
    handing = Handing(kind, [portion], paper, actor, taken_by, branch)
    ((outcome,),) = custody.move_all(handings=[handing], at=at)
    return Sent(code, str(outcome), amount_rp, portion.id, paper)


@transaction.atomic
def refund(
    *,
    stage_code: str,
    actor: str,
    at: datetime,
    reference: str,
    taken_by: str | None = None,
    amount_rp: int | None = None,
) -> Sent:
    """Headquarters gives money of a stage back to the treasury: all that its bank holds of it, or a part; never more."""
    stage = stage_by_code(stage_code)
    hq = scope(place=headquarters_code())
    office = queries.office(code=hq.code)[0]
    payments.prepare_correcting(stage=stage.id, branch=office.id)
    bank_rp = queries.one("national_cash", stage=stage.id).bank_rp
    bank_rp -= queries.one("offered_back", stage=stage.id, branch=office.id, kind=str(Kind.REFUND)).amount_rp
    known = Movement.objects.filter(
        id=uuid5(RETURNS, f"{Kind.REFUND} {office.code} {stage.code} {reference.strip()}")
    ).first()
    wanted = known.amount_rp if known else bank_rp if amount_rp is None else amount_rp
    if not known and wanted > bank_rp:
        raise Conflict(f"The bank holds Rp{bank_rp} of {stage.code}: more cannot be given back.")
    if wanted <= 0:
        return Sent(office.code, "nothing", 0, None, "")
    return _move_back(Kind.REFUND, stage, None, office.code, wanted, reference.strip(), actor, taken_by, at)


def headquarters_code() -> str:
    code = Office.objects.filter(kind=OfficeKind.HQ).order_by("id").values_list("code", flat=True).first()
    if code is None:
        raise NotFound("There is no headquarters: import the offices first (`salur offices import`).")
    return code


@transaction.atomic
def note_receipt(*, movement: UUID, number: str, actor: str, at: datetime, document_sha256: str = "") -> bool:
    """Keep the receipt of money that was sent back; whether it is new. Raises ``NotFound``, ``Conflict``."""
    row = Movement.objects.filter(id=movement, kind__in=[Kind.RETURN, Kind.REFUND]).first()
    if row is None:
        raise NotFound(f"No money was sent back as {movement}.")
    if not number.strip():
        raise Problem("Give the number of the receipt (NTPN or the bank's).")
    known = Receipt.objects.filter(movement=row).first()
    if known is not None:
        if (known.number, known.document_sha256) == (number.strip(), document_sha256):
            return False
        raise Conflict(f"{movement} has the receipt {known.number} already.")
    try:
        with transaction.atomic():
            Receipt.objects.create(
                movement=row, number=number.strip(), document_sha256=document_sha256, noted_by=actor, noted_at=at
            )
    except IntegrityError as error:
        raise Conflict(f"The receipt {number.strip()} belongs to another sending.") from error
    facts = {"number": number.strip(), "document_sha256": document_sha256}
    audit.record(
        actor=actor, verb="receipted", subject=f"movement/{movement}", facts=facts, at=at, branch=row.branch_id
    )
    return True


class National(NamedTuple):
    """Headquarters' book of a stage: funded = refunded + bank + with branches."""

    funded_rp: int
    refunded_rp: int
    bank_rp: int
    with_branches_rp: int


class Statement(NamedTuple):
    """List and cash of a place side by side. ``cash`` is empty for an area: it has families, but no vault."""

    stage: Stage
    scope: Scope
    by: str
    at: datetime
    lines: list[Line]
    total: Line
    cash: list[Cash]
    national: National | None
    missing: list[Missing]

    @property
    def list_difference_rp(self) -> int:
        return self.total.difference_rp

    @property
    def cash_difference_rp(self) -> int:
        return sum(row.difference_rp for row in self.cash)

    @property
    def difference_rp(self) -> int:
        """Zero, or what nobody has explained: families without an ending or with two, and floats without a case."""
        return self.list_difference_rp + self.cash_difference_rp


def statement(
    *, stage_code: str, place: str, at: datetime, by: str = "branch", branches: Sequence[int] | None = None
) -> Statement:
    """What became of a place's entitlements and money, as known now. Raises ``NotFound``."""
    stage, where = stage_by_code(stage_code), scope(place=place, branches=branches)
    lines = _lines(stage, by, where.branches, where.first, where.last)
    totals = _lines(stage, "nation", where.branches, where.first, where.last)
    if not totals:
        raise NotFound(f"Nobody on the list of {stage.code} lives in {place}: check the code.")
    money: dict[str, Any] = {"stage": stage.id, "branches": where.branches}
    cash = [Cash(*row) for row in queries.cash(**money)] if where.whole_branches else []
    missing = [Missing(**row._asdict()) for row in queries.missing(**money)] if where.whole_branches else []
    national = None
    if where.whole_branches and where.branches is None:
        national = National(*queries.one("national_cash", stage=stage.id))
    total = totals[0]._replace(code=where.code, name=where.name)
    return Statement(stage, where, by, at, lines, total, cash, national, missing)


def _lines(stage: Stage, by: str, branches: Sequence[int] | None, first: int, last: int) -> list[Line]:
    wanted = None if branches is None else list(branches)
    return [Line(*row) for row in queries.lines(stage=stage.id, by=by, branches=wanted, first=first, last=last)]


def returns(*, stage_code: str, branches: Sequence[int] | None = None) -> list[Any]:
    """Money of a stage that was sent back, oldest first, with receipts; headquarters' own only for who sees the nation."""
    wanted = None if branches is None else list(branches)
    return queries.returns(stage=stage_by_code(stage_code).id, branches=wanted)


def year(*, year: int) -> list[Any]:
    """Each stage whose window opened in the year: what came, went out, came back, and is still somewhere."""
    return queries.year(year=year)


def recount(*, stage: int) -> list[Recount]:
    """The invariant of closed books, recounted from the facts."""
    rows = queries.recount_lines(stage=stage)
    broken = [row for row in rows if row.broken]
    return [
        Recount(
            "every entitlement of a closed village ended in exactly one way",
            sum(row.allocated for row in rows),
            len(broken),
            [
                f"branch {row.branch} village {row.village}: closed as {row.allocated} = {row.paid} paid + {row.returned} returned + {row.held} held"
                f" + {row.disputed} in dispute; recounted {row.recounted}, {row.recounted_paid} paid, {row.recounted_returned} returned,"
                f" {row.astray} in none or two"
                for row in broken[:5]
            ],
        )
    ]

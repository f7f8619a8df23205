"""The verbs of payments: record payments, record failed visits, void a payment, recount."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.offices.actions import zone_of_branch
from salur.payments.rules import Failure, FailureOutcome, Outcome, Payment

queries = Queries(__file__)


class SamePerson(Problem):
    code = "same_person"
    status = 403


@transaction.atomic
def record_payments(*, stage: int, branch: int, payments: Sequence[Payment], at: datetime) -> list[Outcome]:
    """Judge and write payments of one branch; outcomes in the order of ``payments``.

    ``at`` is the moment of recording. What is ``created`` is in the books when the transaction commits: the payment, its transfer from
    the officer's float, the balances and the tally. Everything else wrote nothing.
    """
    if not payments:
        return []
    queries.prepare_posting(stage=stage, branch=branch)
    outcomes: list[Outcome | None] = [None] * len(payments)
    open_positions = list(range(len(payments)))
    # A second look is needed only when somebody else paid the same family at this moment, or when the batch names a family twice:
    # the statement saw the books as they stood when it began. Each look settles at least one payment.
    while open_positions:
        judged = _judge(stage, branch, [payments[position] for position in open_positions], at)
        for position, outcome in zip(open_positions, judged, strict=True):
            outcomes[position] = outcome
        still_open = [position for position in open_positions if outcomes[position] is None]
        open_positions = still_open
    settled = [outcome for outcome in outcomes if outcome is not None]
    if Outcome.CREATED not in settled:
        queries.emit_durable_mark()
    return settled


def _judge(stage: int, branch: int, payments: Sequence[Payment], at: datetime) -> list[Outcome | None]:
    """One look: ``None`` where a second one is needed."""
    ids, entitlements, officers, amounts_rp, channels, paid_at = zip(*payments, strict=True)
    parameters = {
        "stage": stage,
        "branch": branch,
        "ids": list(ids),
        "entitlements": list(entitlements),
        "officers": list(officers),
        "amounts_rp": list(amounts_rp),
        "channels": list(channels),
        "paid_at": list(paid_at),
        "at": at,
        "zone": zone_of_branch(branch),
    }
    try:
        with transaction.atomic():
            rows = queries.record_payments(**parameters)
    except IntegrityError as error:
        # The same id arrived twice at once, for two families: the other one stands, so look again and find it known.
        if "ledger_transfer" not in str(error):
            raise
        return [None] * len(payments)
    return [None if row.outcome == "again" else Outcome(row.outcome) for row in rows]


@transaction.atomic
def record_failures(*, stage: int, branch: int, failures: Sequence[Failure], at: datetime) -> list[FailureOutcome]:
    """Judge and write visits that did not pay; outcomes in the order of ``failures``."""
    if not failures:
        return []
    assert len({failure.id for failure in failures}) == len(failures), "a batch names each visit once"
    queries.prepare_correcting(stage=stage, branch=branch)
    ids, entitlements, officers, reasons, visited_at = zip(*failures, strict=True)
    rows = queries.record_failures(
        stage=stage,
        branch=branch,
        ids=list(ids),
        entitlements=list(entitlements),
        officers=list(officers),
        reasons=[str(reason) for reason in reasons],
        visited_at=list(visited_at),
        at=at,
        zone=zone_of_branch(branch),
    )
    if not any(row.outcome == "created" for row in rows):
        queries.emit_durable_mark()
    return [FailureOutcome(row.outcome) for row in rows]


@transaction.atomic
def void_payment(
    *, stage: int, branch: int, entitlement: UUID, payment: UUID, reason: str, actor: str, approved_by: str, at: datetime
) -> UUID:
    """Take back a wrong payment: a new row with a reason and a second person; the money is the officer's to hand back.

    Returns the void's id. Refuses (``NotFound``, ``Conflict``, ``SamePerson``) a payment that does not stand or a lonely decision.
    """
    if actor == approved_by:
        raise SamePerson("A payment is taken back by two people: ask a second person to approve it.")
    if not reason.strip():
        raise Problem("Say why the payment is taken back.")
    queries.prepare_correcting(stage=stage, branch=branch)
    void = uuid7(at)
    try:
        with transaction.atomic():
            row = queries.one(
                "void_payment",
                stage=stage,
                branch=branch,
                entitlement=entitlement,
                payment=payment,
                id=void,
                reason=reason.strip(),
                voided_by=actor,
                approved_by=approved_by,
                at=at,
                zone=zone_of_branch(branch),
            )
    except IntegrityError as error:
        if "payments_void" not in str(error):
            raise
        raise Conflict(f"Payment {payment} has been taken back before.") from error
    if not row.voided:
        raise NotFound(f"There is no payment {payment} for entitlement {entitlement} at this branch.")
    return void


def recount(*, stage: int) -> list[Recount]:
    """The invariants of payments, recounted from the facts."""
    payments = queries.one("count_payments", stage=stage).payments
    tally = queries.recount_tally(stage=stage)
    broken = [row for row in tally if row.broken]
    failed = queries.recount_failed(stage=stage)
    money = queries.recount_money(stage=stage)
    double = queries.recount_double(stage=stage)
    return [
        Recount(
            "payment tallies equal a recount of the payments",
            len(tally),
            len(broken),
            [
                f"branch {row.branch} village {row.village} version {row.version} day {row.day} (recorded {row.recorded_day}):"
                f" tally says {row.paid} paid Rp{row.paid_rp}, the payments say {row.recounted_paid} paid Rp{row.recounted_paid_rp}"
                for row in broken[:5]
            ],
        ),
        Recount(
            "failed visits equal a recount",
            len(tally),
            len(failed),
            [
                f"branch {row.branch} village {row.village} version {row.version}: tally says {row.failed} failed, recounted {row.recounted_failed}"
                for row in failed[:5]
            ],
        ),
        Recount(
            "every payment has moved exactly its money",
            payments,
            len(money),
            [
                f"branch {row.branch} payment {row.id}: paid {_rp(row.paid_rp)}, moved in the ledger {_rp(row.moved_rp)}"
                for row in money[:5]
            ],
        ),
        Recount(
            "every entitlement is paid at most once, and in full",
            payments,
            len(double),
            [
                f"branch {row.branch} entitlement {row.entitlement}: {row.standing} standing payments, paid {_rp(row.paid_rp)} of {_rp(row.owed_rp)}"
                for row in double[:5]
            ],
        ),
    ]


def _rp(amount_rp: int | None) -> str:
    return "nothing" if amount_rp is None else f"Rp{amount_rp}"

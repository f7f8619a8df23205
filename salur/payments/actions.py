"""The verbs of payments: record payments, record failed visits, void a payment, recount."""

import re
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from salur.lib import arrays
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries, Recount
from salur.payments.rules import Failure, FailureOutcome, Outcome, Payment

queries = Queries(__file__)

# The keys that hold when two writers meet: of the payment (one per entitlement and round) and of the transfer (one per id).
_RACE = re.compile(r'unique constraint "(payments_payment|ledger_transfer)_\w*pkey"')


class SamePerson(Problem):
    code = "same_person"
    status = 403


def record_payments(*, stage: int, branch: int, payments: Sequence[Payment], at: datetime) -> list[Outcome]:
    """Judge and write payments of one branch; outcomes in the order of ``payments``.

    ``at`` is the moment of recording. What is ``created`` is in the books when the transaction commits: the payment, its transfer from
    the officer's float, the balances and the tally. Everything else wrote nothing.
    """
    outcomes: dict[int, Outcome] = {}
    # Nearly always one round: a second one comes when a batch names an id or a family twice.
    while open_positions := [position for position in range(len(payments)) if position not in outcomes]:
        ids: set[UUID] = set()
        entitlements: set[UUID] = set()
        batch = []
        for position in open_positions:
            payment = payments[position]
            if payment.id not in ids and payment.entitlement not in entitlements:
                ids.add(payment.id)
                entitlements.add(payment.entitlement)
                batch.append(position)
        judged = _record_batch(stage, branch, [payments[position] for position in batch], at)
        outcomes.update(zip(batch, judged, strict=True))
    return [outcomes[position] for position in range(len(payments))]


def _record_batch(stage: int, branch: int, payments: Sequence[Payment], at: datetime) -> list[Outcome]:
    """The same for a batch that names no id and no entitlement twice."""
    ids, entitlements, officers, amounts_rp, channels, paid_at = zip(*payments, strict=True)
    parameters = {
        "stage": stage,
        "branch": branch,
        "ids": arrays.uuids(ids),
        "entitlements": arrays.uuids(entitlements),
        "officers": arrays.integers(officers),
        "amounts_rp": arrays.bigints(amounts_rp),
        "channels": arrays.smallints(channels),
        "paid_at": arrays.moments(paid_at),
        "at": at,
    }
    while True:
        try:
            with transaction.atomic():
                queries.prepare_posting(stage=stage, branch=branch)
                rows = queries.record_payments(**parameters)
                if not any(row.outcome == Outcome.CREATED for row in rows):
                    queries.emit_durable_mark()
        except IntegrityError as error:
            # Another writer was faster with a family or an id of this batch: nothing of ours was written; judge again, knowing it.
            if not _RACE.search(str(error)):
                raise
        else:
            return [Outcome(row.outcome) for row in rows]


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
    )
    if not any(row.outcome == FailureOutcome.CREATED for row in rows):
        queries.emit_durable_mark()
    return [FailureOutcome(row.outcome) for row in rows]


@transaction.atomic
def void_payment(
    *,
    stage: int,
    branch: int,
    entitlement: UUID,
    payment: UUID,
    reason: str,
    actor: str,
    approved_by: str,
    at: datetime,
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

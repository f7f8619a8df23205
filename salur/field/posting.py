"""Judge and post the events whose turn it is, in the order of the chain: payments, failed visits, geotags, voids, cash.

What cannot be posted is not refused: its amount stands on the officer's suspense account, and a case asks a person to look into it.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction

from salur.cases import actions as cases
from salur.cases.rules import SYSTEM, Kind, NewCase
from salur.custody import actions as custody
from salur.evidence import actions as evidence
from salur.evidence.rules import Geotag
from salur.field.reading import Received
from salur.field.rules import ANSWER, CHANNEL, REASON, Flag, happened_at, oddities
from salur.field.wire import Answer, Close, Event, Evid, ForFamily, Open, Pay, Unpaid, Void
from salur.ledger import actions as ledger
from salur.ledger.rules import Move, Outcome, float_of, suspense_of
from salur.lib import arrays
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.sql import Queries
from salur.payments import actions as payments
from salur.payments.rules import Failure, FailureOutcome, Payment

queries = Queries(__file__)
log = logging.getLogger(__name__)

# A payment with one of these answers has not been posted; its cash is gone all the same.
NOT_POSTED = frozenset(answer for answer in Answer if answer.startswith("SUSPENSE")) | {Answer.REJECT_ID_REUSED}

# Which case a payment becomes that was not posted. A revoked phone is one case, however much it paid after it was revoked.
CASE = {
    Answer.SUSPENSE_ALREADY_PAID: Kind.DOUBLE_PAYMENT,
    Answer.SUSPENSE_NOT_IN_LEASE: Kind.UNKNOWN_ENTITLEMENT,
    Answer.SUSPENSE_LEASE_EXPIRED: Kind.UNKNOWN_ENTITLEMENT,
    Answer.SUSPENSE_KPM_BLOCKED: Kind.HELD_PAYMENT,
    Answer.SUSPENSE_AFTER_FREEZE: Kind.LATE_PAYMENT,
    Answer.SUSPENSE_AMOUNT_MISMATCH: Kind.AMOUNT_MISMATCH,
    Answer.SUSPENSE_REVOKED_AFTER: Kind.REVOKED_DEVICE,
    Answer.REJECT_ID_REUSED: Kind.FORKED_DEVICE,
}


def post(owner: Any, chain: Sequence[Received], at: datetime) -> None:
    """Each event gets its answer, its stage and its moment, and what it says is in the books."""
    if not chain:
        return
    _place(owner, chain, at)
    _enter_books(owner, chain)
    for run in _runs(chain):
        if isinstance(run[0].event, Void):
            if run[0].answer is None:
                run[0].answer = _void(owner, run[0], chain, at)
            continue
        _post_payments(owner, run, at)
        _post_failures(owner, run, at)
        _post_geotags(owner, run, at)
    for read in chain:
        if read.answer is None:
            read.answer = Answer.ACCEPTED
        if read.answer is Answer.ACCEPTED and read.flags:
            read.answer = Answer.ACCEPTED_FLAGGED
    put_in_suspense(owner, [read for read in chain if isinstance(read.event, Pay) and read.answer in NOT_POSTED], at)
    count_cash(owner, chain, at)


def _place(owner: Any, chain: Sequence[Received], at: datetime) -> None:
    """When each event happened, to which stage it belongs, what is odd about it, and whether its work list speaks against it."""
    places: dict[int, Any] = {}
    leases: dict[UUID, Any] = {}
    visits = [(read, read.event) for read in chain if isinstance(read.event, ForFamily)]
    if visits:
        rows = queries.places(
            device=owner.id,
            leases=arrays.uuids([event.wl for _, event in visits]),
            entitlements=arrays.uuids([event.asg for _, event in visits]),
        )
        for row in rows:
            leases[row.id] = row
            places.update(dict.fromkeys(row.listed, row))
    listed = {id(read) for position, (read, _) in enumerate(visits, start=1) if position in places}
    not_before = min(owner.last_happened_at or owner.enrolled_at, at)
    for read in chain:
        not_before, odd = happened_at(read.event, not_before=not_before, received_at=at)
        read.happened_at = not_before
        read.flags |= odd
        if not owner.persisted:
            read.flags.add(Flag.NOT_PERSISTED)
        if isinstance(read.event, ForFamily):
            read.flags |= oddities(read.event)
            lease = leases.get(read.event.wl)
            read.stage = lease.stage if lease else (read.stage or owner.last_stage)
            if id(read) not in listed:
                read.answer = Answer.SUSPENSE_NOT_IN_LEASE
            elif lease is not None and not_before > lease.ends:
                read.answer = Answer.SUSPENSE_LEASE_EXPIRED
            if owner.revoked_at is not None and not_before > owner.revoked_at:
                read.answer = Answer.SUSPENSE_REVOKED_AFTER
        else:
            read.stage = read.stage or owner.last_stage


def _enter_books(owner: Any, chain: Sequence[Received]) -> None:
    """Who will also correct enters alone from the start: two who first share the books and then each want them alone never end."""
    correcting = {read.stage for read in chain if isinstance(read.event, Unpaid | Void) and read.stage is not None}
    for stage in sorted(correcting):
        payments.queries.prepare_correcting(stage=stage, branch=owner.branch)


def _runs(chain: Sequence[Received]) -> Iterator[list[Received]]:
    """The chain in stretches: a void stands alone, because a family may be paid, taken back and paid again in one batch."""
    run: list[Received] = []
    for read in chain:
        if isinstance(read.event, Void):
            if run:
                yield run
            yield [read]
            run = []
        else:
            run.append(read)
    if run:
        yield run


def _open(run: Sequence[Received], kind: type[Event]) -> dict[int, list[Received]]:
    """Events of one kind that nothing spoke against so far, by stage."""
    by_stage: dict[int, list[Received]] = defaultdict(list)
    for read in run:
        if read.answer is None and isinstance(read.event, kind) and read.stage is not None:
            by_stage[read.stage].append(read)
    return by_stage


def _post_payments(owner: Any, run: Sequence[Received], at: datetime) -> None:
    for stage, reads in _open(run, Pay).items():
        batch = []
        for read in reads:
            event = read.event
            assert isinstance(event, Pay)
            assert read.happened_at is not None
            batch.append(Payment(event.id, event.asg, owner.officer, event.amt, CHANNEL[event.ch], read.happened_at))
        outcomes = payments.record_payments(stage=stage, branch=owner.branch, payments=batch, at=at)
        for read, outcome in zip(reads, outcomes, strict=True):
            read.answer = ANSWER[outcome]


def _post_failures(owner: Any, run: Sequence[Received], at: datetime) -> None:
    for stage, reads in _open(run, Unpaid).items():
        batch: dict[UUID, tuple[Received, Failure]] = {}
        for read in reads:
            event = read.event
            assert isinstance(event, Unpaid)
            assert read.happened_at is not None
            if event.id in batch:  # one id for two visits: the first stands
                read.answer = Answer.REJECT_ID_REUSED
                continue
            failure = Failure(event.id, event.asg, owner.officer, REASON[event.reason], read.happened_at)
            batch[event.id] = read, failure
        failures = [failure for _, failure in batch.values()]
        outcomes = payments.record_failures(stage=stage, branch=owner.branch, failures=failures, at=at)
        for (read, _), outcome in zip(batch.values(), outcomes, strict=True):
            reused = outcome is FailureOutcome.EXISTS_WITH_DIFFERENT_FACTS
            read.answer = Answer.REJECT_ID_REUSED if reused else Answer.ACCEPTED


def _post_geotags(owner: Any, run: Sequence[Received], at: datetime) -> None:
    """The house's place: an EVID of the house, or a payment at the door, which is both at once."""
    by_stage: dict[int, dict[UUID, Geotag]] = defaultdict(dict)
    for read in run:
        event = read.event
        house = (isinstance(event, Evid) and event.what == "RUMAH") or (isinstance(event, Pay) and event.ch == "D2D")
        if not house or not isinstance(event, ForFamily) or event.geo is None or read.stage is None:
            continue
        if isinstance(event, Pay) and read.answer is not Answer.ACCEPTED:
            continue
        if isinstance(event, Evid) and read.answer is not None:
            continue
        assert read.happened_at is not None
        photo = next((bytes.fromhex(photo.sha) for photo in event.ph if photo.k == "RUMAH"), None)
        geotag = Geotag(
            id=event.id, entitlement=event.asg, officer=owner.officer, lat_e7=event.geo.lat_e7, lon_e7=event.geo.lon_e7,
            accuracy_dm=event.geo.acc_dm, taken_at=read.happened_at, photo_sha256=photo,
        )  # fmt: skip
        by_stage[read.stage].setdefault(event.id, geotag)
    for stage, geotags in by_stage.items():
        evidence.record_geotags(stage=stage, branch=owner.branch, geotags=list(geotags.values()), at=at)


def _void(owner: Any, read: Received, chain: Sequence[Received], at: datetime) -> Answer:
    """A payment taken back: by the phone alone before it was sent, else with a supervisor's signature."""
    event = read.event
    assert isinstance(event, Void)
    unsent_before = any(isinstance(other.event, Pay) and other.event.id == event.pay for other in chain)
    if not event.cosigner and not unsent_before:
        read.flags.add("needs_cosigner")
        return Answer.ACCEPTED_FLAGGED
    try:
        payments.void_payment(
            stage=read.stage or 0,
            branch=owner.branch,
            entitlement=event.asg,
            payment=event.pay,
            reason=event.reason,
            actor=f"officer {owner.officer}",
            approved_by=event.cosigner or f"device {owner.id}, before sending",
            at=at,
        )
    except (NotFound, Conflict):
        read.flags.add("nothing_to_void")
        return Answer.ACCEPTED_FLAGGED
    return Answer.ACCEPTED


def put_in_suspense(owner: Any, reads: Sequence[Received], at: datetime) -> None:
    """Money that left a hand and could not be posted stands on the officer's suspense account until a case is decided.

    The transfer has the event's id, or one made of its hash where that id has moved other money before, in this batch or long ago.
    """
    by_stage: dict[int, list[Received]] = defaultdict(list)
    for read in reads:
        if read.stage is not None:
            by_stage[read.stage].append(read)
    for stage, held in by_stage.items():
        moves: dict[UUID, Move] = {}
        of_hash: dict[UUID, Move] = {}
        for read in held:
            assert isinstance(read.event, Pay)
            ways = suspense_of(owner.officer), float_of(owner.officer), read.event.amt, read.happened_at or at
            named = read.event.id not in moves and read.answer is not Answer.REJECT_ID_REUSED
            id, of_its_hash = read.event.id, UUID(bytes=read.digest[:16])
            if named:
                moves[id] = Move(id, *ways)
            of_hash[id if named else of_its_hash] = Move(of_its_hash, *ways)
        outcomes = ledger.post(stage=stage, branch=owner.branch, moves=list(moves.values()), at=at)
        known = {id for id, outcome in zip(moves, outcomes, strict=True) if outcome is not Outcome.CREATED}
        again = [move for id, move in of_hash.items() if id in known or id not in moves]
        ledger.post(stage=stage, branch=owner.branch, moves=again, at=at)


def new_cases(owner: Any, chain: Sequence[Received]) -> list[NewCase]:
    """What a person must look into, of events that were judged: one case for each payment not posted, one for a revoked phone."""
    found = []
    for read in chain:
        event = read.event
        if not isinstance(event, Pay) or read.answer not in NOT_POSTED:
            continue
        kind = CASE[read.answer]
        of_device = kind in (Kind.REVOKED_DEVICE, Kind.FORKED_DEVICE)
        found.append(
            NewCase(
                kind, f"device/{owner.id}" if of_device else f"event/{event.id}", owner.branch, read.stage,
                None if of_device else event.amt, f"officer {owner.officer}",
                {"answer": read.answer, "device": owner.id, "entitlement": event.asg, "happened_at": read.happened_at},
            )
        )  # fmt: skip
    return found


def fork_case(owner: Any, say: str) -> NewCase:
    return NewCase(
        Kind.FORKED_DEVICE, f"device/{owner.id}", owner.branch, None, None, f"officer {owner.officer}", {"say": say}
    )


def open_cases(found: Sequence[NewCase], at: datetime) -> None:
    """In the ingest's transaction, but never at its cost: what a case refuses must not keep cash out of the books."""
    if not found:
        return
    try:
        with transaction.atomic():
            cases.open_cases(cases=found, actor=SYSTEM, at=at)
    except (Problem, IntegrityError, DataError, TypeError):
        log.exception("%d cases could not be opened", len(found))


def count_cash(owner: Any, chain: Sequence[Received], at: datetime) -> None:
    """What the officer counted at the shift's beginning and end, against the float of the books; a difference becomes a case."""
    for read in chain:
        if not isinstance(read.event, Open | Close):
            continue
        counted_rp = read.event.float_rp if isinstance(read.event, Open) else read.event.left_rp
        try:
            with transaction.atomic():
                custody.count(
                    id=read.event.id, branch=owner.branch, officer=owner.officer, counted_rp=counted_rp,
                    counted_by=f"officer {owner.officer}", witnessed_by=f"device {owner.id}", at=at, counted_at=read.happened_at,
                )  # fmt: skip
        except (Problem, IntegrityError):
            log.exception("the count of event %s was not recorded", read.event.id)
            read.flags.add("not_counted")

"""The verbs of the field: ingest what a phone sends; recount."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.db import IntegrityError, transaction

from salur.evidence import actions as evidence
from salur.evidence.rules import Geotag
from salur.field import wire
from salur.field.models import Quarantine
from salur.field.rules import ANSWER, CHANNEL, REASON, Flag, happened_at, oddities
from salur.field.wire import Answer, Envelope, Event, Evid, ForFamily, Out, Pay, Unpaid, Void
from salur.ledger import actions as ledger
from salur.ledger.rules import Move, float_of, suspense_of
from salur.lib import arrays
from salur.lib.problem import Conflict, NotFound
from salur.lib.sql import Queries, Recount
from salur.payments import actions as payments
from salur.payments.rules import Failure, FailureOutcome, Payment

queries = Queries(__file__)

_SHA256 = ec.ECDSA(hashes.SHA256())
_SUSPENSE = frozenset(answer for answer in Answer if answer.startswith("SUSPENSE"))


class UnknownDevice(NotFound):
    code = "unknown_device"


@dataclass(slots=True)
class Received:
    """One event on its way: its bytes, its body once read, and what is decided about it."""

    body: bytes
    signature: bytes
    digest: bytes
    event: Event
    happened_at: datetime | None = None
    stage: int | None = None
    answer: Answer | None = None
    flags: set[str] = field(default_factory=set)
    held_before: bool = False

    @property
    def seq(self) -> int:
        return self.event.seq


@lru_cache(maxsize=20_000)
def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def ingest(
    *, device: UUID, envelopes: Sequence[Envelope], unsent: int = 0, app: str = "", at: datetime
) -> wire.SyncAnswer:
    """Take in a batch of one device's events; an answer for each, in order. What is answered is durable when this returns.

    Repeating a batch, or a part of it, gives the same answers and changes nothing. Events that came too early wait for those before
    them. Bytes that are no event of this device go to quarantine and are told so; the rest of the batch proceeds.
    """
    with transaction.atomic():
        rows = queries.lock_device(device=device)
        if not rows:
            return _of_unknown_device(device, envelopes, at)
        (owner,) = rows
        outs: list[Out | None] = [None] * len(envelopes)
        received: dict[int, tuple[int, Received]] = {}  # by seq: position in the batch, event
        for position, envelope in enumerate(envelopes):
            read = _read(envelope, device, owner.public_key)
            if isinstance(read, Received):
                twin = received.get(read.seq)
                if twin is None:
                    received[read.seq] = (position, read)
                else:
                    same = twin[1].digest == read.digest
                    say = "" if same else "Two events of one number in one batch."
                    answer = Answer.DUPLICATE if same else Answer.REJECT_ID_REUSED
                    outs[position] = _out(read, answer, say=say)
                    if not same:
                        _quarantine(device, answer, say, envelope, at)
            else:
                answer, say = read
                outs[position] = Out(id=None, r=answer, say=say)
                _quarantine(device, answer, say, envelope, at)
        last_seq = _settle(owner, received, outs, envelopes, unsent, app, at)
        if not any(out is not None and out.r.startswith(("ACCEPTED", "SUSPENSE")) for out in outs):
            payments.queries.emit_durable_mark()
        settled = [out for out in outs if out is not None]
        assert len(settled) == len(envelopes), "every event is answered"
    return wire.SyncAnswer(
        out=settled, server_time=int(at.timestamp() * 1000), last_seq=last_seq, revoke=owner.revoked_at is not None
    )


def _settle(
    owner: Any,
    received: dict[int, tuple[int, Received]],
    outs: list[Out | None],
    envelopes: Sequence[Envelope],
    unsent: int,
    app: str,
    at: datetime,
) -> int:
    """Decide each event: known, next in the chain, or too early; post those whose turn it is; write all down.

    Returns the number of the last event of the unbroken chain.
    """
    if not received:
        return int(owner.last_seq)
    known = {
        row.seq: row
        for row in queries.known_events(branch=owner.branch, device=owner.id, first=min(received), last=max(received))
    }
    chain: list[Received] = []
    early: list[Received] = []
    last_seq, last_digest = owner.last_seq, bytes(owner.last_digest)
    waiting = _waiting(owner) if owner.last_seq + 1 in received or owner.last_seq >= max(received) else {}
    for seq in sorted(received):
        position, read = received[seq]
        if seq in known:
            before = known[seq]
            if bytes(before.digest) == read.digest:
                answer = Answer(before.answer)
                if answer != Answer.HELD_GAP or seq > last_seq:
                    outs[position] = _out(read, Answer.DUPLICATE if answer.startswith("ACCEPTED") else answer)
                continue
            # A second history under one number: the profile was copied, or somebody writes in its name.
            say = "Another event of this number is here already: this phone's history has forked."
            outs[position] = _out(read, Answer.REJECT_ID_REUSED, say=say)
            _quarantine(owner.id, Answer.REJECT_ID_REUSED, say, envelopes[position], at)
        elif seq == last_seq + 1 and bytes.fromhex(read.event.prev) == last_digest:
            chain.append(read)
            last_seq, last_digest = seq, read.digest
            while last_seq + 1 in waiting and bytes.fromhex(waiting[last_seq + 1].event.prev) == last_digest:
                chain.append(waiting[last_seq + 1])
                last_seq, last_digest = last_seq + 1, waiting[last_seq + 1].digest
        elif seq <= last_seq or seq == last_seq + 1:
            say = "It does not follow the event before it: this phone's history has forked."
            outs[position] = _out(read, Answer.REJECT_ID_REUSED, say=say)
            _quarantine(owner.id, Answer.REJECT_ID_REUSED, say, envelopes[position], at)
        else:
            read.answer = Answer.HELD_GAP
            early.append(read)

    _post(owner, chain, at)
    fresh = [read for read in (*chain, *early) if not read.held_before]
    _write(owner, fresh, at)
    later = [read for read in chain if read.held_before]
    if later:
        queries.write_later_answers(
            branch=owner.branch,
            device=owner.id,
            at=at,
            stages=arrays.integers([read.stage or 0 for read in later]),
            seqs=arrays.bigints([read.seq for read in later]),
            answers=[str(read.answer) for read in later],
        )
    if chain:
        newest = chain[-1]
        stages = [read.stage for read in chain if read.stage]
        queries.move_head(
            device=owner.id, last_seq=last_seq, last_digest=last_digest, last_stage=stages[-1] if stages else owner.last_stage, at=at,
            happened_at=newest.happened_at, skew_ms=newest.event.skew_ms, unsent=unsent, app=app,
        )  # fmt: skip
    for read in (*chain, *early):
        if read.seq in received:
            position, _ = received[read.seq]
            outs[position] = _out(read, read.answer or Answer.HELD_GAP)
    return int(last_seq)


def _waiting(owner: Any) -> dict[int, Received]:
    """Events that came too early in an earlier batch, by seq."""
    waiting = {}
    for row in queries.held_events(branch=owner.branch, device=owner.id, after=owner.last_seq):
        body = bytes(row.body)
        waiting[row.seq] = Received(
            body, bytes(row.signature), bytes(row.digest), wire.decode_event(body), stage=row.stage, held_before=True
        )
    return waiting


def _read(envelope: Envelope, device: UUID, public_key: bytes) -> Received | tuple[Answer, str]:
    """The event of an envelope, or why it is none: hash, signature by the device's key, form, and that it names this device."""
    try:
        body, signature = wire.from_base64url(envelope.b), wire.from_base64url(envelope.s)
    except ValueError:
        return Answer.REJECT_SCHEMA, "The envelope is not base64url."
    if len(body) > wire.MAX_BODY_BYTES:
        return Answer.REJECT_SCHEMA, f"An event has at most {wire.MAX_BODY_BYTES} bytes."
    digest = wire.digest(body)
    if digest.hex() != envelope.h:
        return Answer.REJECT_BAD_SIG, "The hash is not the hash of these bytes."
    if len(signature) != 64:
        return Answer.REJECT_BAD_SIG, "A signature has 64 bytes."
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        _public_key(bytes(public_key)).verify(der, body, _SHA256)
    except InvalidSignature:
        return Answer.REJECT_BAD_SIG, "The signature is not this device's."
    try:
        event = wire.decode_event(body)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        return Answer.REJECT_SCHEMA, str(error)
    if event.dev != device:
        return Answer.REJECT_BAD_SIG, "The event names another device."
    return Received(body, signature, digest, event)


def _post(owner: Any, chain: list[Received], at: datetime) -> None:
    """Judge and post events whose turn it is; each gets its answer, its stage and its moment."""
    leases = {
        row.id: row
        for row in queries.leases(
            device=owner.id, leases=arrays.uuids(list({r.event.wl for r in chain if isinstance(r.event, ForFamily)}))
        )
    }
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
        else:
            read.stage = read.stage or owner.last_stage
    _refuse_outside_leases(owner, chain, leases)
    _post_payments(owner, chain, at)
    _post_failures(owner, chain, at)
    _post_geotags(owner, chain, at)
    for read in chain:
        if isinstance(read.event, Void) and read.answer is None:
            read.answer = _void(owner, read, chain, at)
        elif read.answer is None:
            read.answer = Answer.ACCEPTED
        if read.answer is Answer.ACCEPTED and read.flags:
            read.answer = Answer.ACCEPTED_FLAGGED
    _put_in_suspense(owner, [read for read in chain if isinstance(read.event, Pay) and read.answer in _SUSPENSE], at)


def _refuse_outside_leases(owner: Any, chain: list[Received], leases: dict[UUID, Any]) -> None:
    """Events of a family that is not on the named list, of a list that had ended, or of a device that had been revoked."""
    for (stage, branch), reads in _by_book(
        (read for read in chain if isinstance(read.event, ForFamily) and read.event.wl in leases), leases
    ).items():
        events: list[ForFamily] = [read.event for read in reads if isinstance(read.event, ForFamily)]
        listed = {
            (row.lease, row.entitlement)
            for row in queries.assigned(
                stage=stage,
                branch=branch,
                leases=arrays.uuids([event.wl for event in events]),
                entitlements=arrays.uuids([event.asg for event in events]),
            )
        }
        for read, event in zip(reads, events, strict=True):
            lease = leases[event.wl]
            ended = min(lease.expires_at, lease.ended_at or lease.expires_at)
            assert read.happened_at is not None
            if (event.wl, event.asg) not in listed:
                read.answer = Answer.SUSPENSE_NOT_IN_LEASE
            elif read.happened_at > ended:
                read.answer = Answer.SUSPENSE_LEASE_EXPIRED
    for read in chain:
        if isinstance(read.event, ForFamily) and read.event.wl not in leases:
            read.answer = Answer.SUSPENSE_NOT_IN_LEASE
        if owner.revoked_at is not None and read.happened_at is not None and read.happened_at > owner.revoked_at:
            read.answer = Answer.SUSPENSE_REVOKED_AFTER


def _by_book(reads: Iterable[Received], leases: dict[UUID, Any]) -> dict[tuple[int, int], list[Received]]:
    books: dict[tuple[int, int], list[Received]] = defaultdict(list)
    for read in reads:
        assert isinstance(read.event, ForFamily)
        lease = leases[read.event.wl]
        books[lease.stage, lease.branch].append(read)
    return books


def _open(chain: list[Received], kind: type[Event]) -> dict[int, list[Received]]:
    """Events of one kind that nothing spoke against so far, by stage."""
    by_stage: dict[int, list[Received]] = defaultdict(list)
    for read in chain:
        if read.answer is None and isinstance(read.event, kind) and read.stage is not None:
            by_stage[read.stage].append(read)
    return by_stage


def _post_payments(owner: Any, chain: list[Received], at: datetime) -> None:
    for stage, reads in _open(chain, Pay).items():
        batch = []
        for read in reads:
            event = read.event
            assert isinstance(event, Pay)
            assert read.happened_at is not None
            batch.append(Payment(event.id, event.asg, owner.officer, event.amt, CHANNEL[event.ch], read.happened_at))
        outcomes = payments.record_payments(stage=stage, branch=owner.branch, payments=batch, at=at)
        for read, outcome in zip(reads, outcomes, strict=True):
            read.answer = ANSWER[outcome]


def _post_failures(owner: Any, chain: list[Received], at: datetime) -> None:
    for stage, reads in _open(chain, Unpaid).items():
        batch = []
        for read in reads:
            event = read.event
            assert isinstance(event, Unpaid)
            assert read.happened_at is not None
            batch.append(Failure(event.id, event.asg, owner.officer, REASON[event.reason], read.happened_at))
        outcomes = payments.record_failures(stage=stage, branch=owner.branch, failures=batch, at=at)
        for read, outcome in zip(reads, outcomes, strict=True):
            read.answer = (
                Answer.REJECT_ID_REUSED if outcome is FailureOutcome.EXISTS_WITH_DIFFERENT_FACTS else Answer.ACCEPTED
            )


def _post_geotags(owner: Any, chain: list[Received], at: datetime) -> None:
    """The house's place: an EVID of the house, or a payment at the door, which is both at once."""
    by_stage: dict[int, list[Geotag]] = defaultdict(list)
    for read in chain:
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
        by_stage[read.stage].append(
            Geotag(
                id=event.id, entitlement=event.asg, officer=owner.officer, lat_e7=event.geo.lat_e7, lon_e7=event.geo.lon_e7,
                accuracy_dm=event.geo.acc_dm, taken_at=read.happened_at, photo_sha256=photo,
            )
        )  # fmt: skip
    for stage, geotags in by_stage.items():
        evidence.record_geotags(stage=stage, branch=owner.branch, geotags=geotags, at=at)


def _void(owner: Any, read: Received, chain: list[Received], at: datetime) -> Answer:
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


def _put_in_suspense(owner: Any, reads: list[Received], at: datetime) -> None:
    """Money that left a hand and could not be posted stands on the officer's suspense account until a case is decided."""
    by_stage: dict[int, list[Received]] = defaultdict(list)
    for read in reads:
        if read.stage is not None:
            by_stage[read.stage].append(read)
    for stage, held in by_stage.items():
        moves = [
            Move(
                read.event.id,
                suspense_of(owner.officer),
                float_of(owner.officer),
                read.event.amt,
                read.happened_at or at,
            )
            for read in held
            if isinstance(read.event, Pay)
        ]
        ledger.post(stage=stage, branch=owner.branch, moves=moves, at=at)


def _write(owner: Any, reads: list[Received], at: datetime) -> None:
    if not reads:
        return
    queries.write_events(
        branch=owner.branch,
        device=owner.id,
        at=at,
        stages=arrays.integers([read.stage or owner.last_stage or 0 for read in reads]),
        seqs=arrays.bigints([read.seq for read in reads]),
        ids=arrays.uuids([read.event.id for read in reads]),
        kinds=[type(read.event).__struct_config__.tag for read in reads],
        bodies=[read.body for read in reads],
        signatures=[read.signature for read in reads],
        digests=[read.digest for read in reads],
        happened_at=arrays.moments([read.happened_at or at for read in reads]),
        answers=[str(read.answer) for read in reads],
        flags=[",".join(sorted(read.flags)) for read in reads],
    )


def _out(read: Received, answer: Answer, *, say: str = "") -> Out:
    receipt = wire.receipt_no(read.digest) if answer.startswith(("ACCEPTED", "DUPLICATE")) else None
    return Out(id=str(read.event.id), r=answer, seq=read.seq, receipt_no=receipt, flags=sorted(read.flags), say=say)


def _of_unknown_device(device: UUID, envelopes: Sequence[Envelope], at: datetime) -> wire.SyncAnswer:
    say = "This device is not enrolled here."
    for envelope in envelopes:
        _quarantine(device, Answer.REJECT_UNKNOWN_DEVICE, say, envelope, at)
    out = [Out(id=None, r=Answer.REJECT_UNKNOWN_DEVICE, say=say) for _ in envelopes]
    return wire.SyncAnswer(out=out, server_time=int(at.timestamp() * 1000), last_seq=0)


def _quarantine(device: UUID, answer: Answer, say: str, envelope: Envelope, at: datetime) -> None:
    raw = msgspec.json.encode(envelope)
    try:
        with transaction.atomic():
            Quarantine.objects.create(
                received_at=at, device=device, answer=answer, say=say[:500], envelope=raw, digest=wire.digest(raw)
            )
    except IntegrityError:
        return  # the same bytes are kept already


def recount() -> list[Recount]:
    """Every device's chain has no hole, and its head is its last event."""
    broken = queries.recount_chains()
    return [
        Recount(
            "phones' chains have no holes",
            len(broken),
            len(broken),
            [f"device {row.device}: head at {row.last_seq}, {row.events} events here" for row in broken[:5]],
        )
    ]

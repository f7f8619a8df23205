"""Devices and their work lists: enrol a phone, hand out a lease, end it, revoke a phone."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import IntegrityError, transaction

from salur.areas.models import Area
from salur.audit import actions as audit
from salur.field import sealing, wire
from salur.field.actions import queries
from salur.field.models import Device, Enrolment, Lease
from salur.lib import arrays
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.offices.models import Officer
from salur.programmes import actions as programmes

TOKEN_KEEPS = timedelta(minutes=10)
# A list outlives its day by half of the next one: an officer who comes home late still pays from it.
LIST_KEEPS = timedelta(hours=36)
MAX_FAMILIES = 2_000


class BadToken(Problem):
    code = "bad_token"
    status = 403


class BadKey(Problem):
    code = "bad_key"
    status = 422


class AlreadyOnAList(Conflict):
    code = "already_on_a_list"


class Revoked(Problem):
    code = "revoked"
    status = 403


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@transaction.atomic
def offer_enrolment(*, officer: int, actor: str, at: datetime) -> str:
    """A one-time token for one phone of one officer, good for ten minutes; shown as a QR, kept only as a hash."""
    person = Officer.objects.select_related("branch").filter(id=officer).first()
    if person is None:
        raise NotFound(f"There is no officer {officer}.")
    if person.contract_ends is not None and person.contract_ends < at.date():
        raise Conflict(
            f"The contract of {person.name} ended on {person.contract_ends}: no phone can be enrolled for them."
        )
    token = secrets.token_urlsafe(24)
    Enrolment.objects.create(
        token_hash=_hash(token),
        branch=person.branch,
        officer=person,
        offered_by=actor,
        offered_at=at,
        expires_at=at + TOKEN_KEEPS,
    )
    facts = {"expires_at": at + TOKEN_KEEPS}
    audit.record(
        actor=actor, verb="offered", subject=f"enrolment/officer {officer}", facts=facts, at=at, branch=person.branch_id
    )
    return token


@dataclass(frozen=True)
class Certificate:
    """What an enrolled phone is told, once. ``bearer`` lets it fetch its work list; only its hash is kept here.

    ``sealing_key`` is the server's public key that the phone seals its outbox's keys to (see sealing.py).
    """

    device: UUID
    officer: int
    branch: int
    bearer: str
    genesis: str
    server_time: int
    sealing_key: str
    officer_name: str
    branch_name: str


@transaction.atomic
def enrol_device(
    *, token: str, public_key: bytes, self_test: dict[str, Any], persisted: bool, app: str, at: datetime
) -> Certificate:
    """Make a phone a device; ``public_key`` is its uncompressed P-256 point (65 bytes). The token works once."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError as error:
        raise BadKey("The key is not an uncompressed point of P-256 (65 bytes).") from error
    # The conditional update is the claim: of two phones with one token, one changes the row.
    claimed = Enrolment.objects.filter(token_hash=_hash(token), used_at=None, expires_at__gte=at).update(used_at=at)
    if not claimed:
        raise BadToken("This code was used or is older than ten minutes: ask the branch for a new one.")
    offer = Enrolment.objects.select_related("officer", "branch").get(token_hash=_hash(token))
    device, bearer = uuid7(at), secrets.token_urlsafe(32)
    genesis = wire.genesis(device, public_key)
    Device.objects.create(
        id=device, branch_id=offer.branch_id, officer_id=offer.officer_id, public_key=public_key, token_hash=_hash(bearer),
        enrolled_at=at, enrolled_by=offer.offered_by, self_test=self_test, persisted=persisted, app=app, last_digest=genesis,
    )  # fmt: skip
    facts = {"officer": offer.officer_id, "key": wire.digest(public_key).hex()}
    audit.record(
        actor=offer.offered_by, verb="enrolled", subject=f"device/{device}", facts=facts, at=at, branch=offer.branch_id
    )
    return Certificate(
        device, offer.officer_id, offer.branch_id, bearer, genesis.hex(), int(at.timestamp() * 1000),
        wire.to_base64url(sealing.public_point()), offer.officer.name, offer.branch.name,
    )  # fmt: skip


@transaction.atomic
def issue_lease(
    *, device: UUID, stage: int, entitlements: Sequence[UUID], day: date, expires_at: datetime, actor: str, at: datetime
) -> Lease:
    """Put families on a device's work list, in the order given.

    Refuses (``AlreadyOnAList``) a family that is on another live list, ``NotFound`` one that is not at the device's branch.
    """
    owner = Device.objects.select_related("officer").filter(id=device).first()
    if owner is None:
        raise NotFound("This device is not enrolled here.")
    if owner.officer.contract_ends is not None and owner.officer.contract_ends < day:
        raise Conflict(
            f"The contract of {owner.officer.name} ends on {owner.officer.contract_ends}: no list for a later day is given to them."
        )
    if owner.revoked_at is not None:
        raise Revoked("This device was revoked: enrol the phone again before it gets a list.")
    if len(set(entitlements)) != len(entitlements) or not entitlements:
        raise Problem("A work list names each family once, and at least one.")
    found = queries.one(
        "sum_of_families", stage=stage, branch=owner.branch_id, entitlements=arrays.uuids(list(entitlements))
    )
    if found.families != len(entitlements):
        raise NotFound(f"{len(entitlements) - found.families} of these families are not at this branch.")
    lease = Lease.objects.create(
        id=uuid7(at), stage_id=stage, branch_id=owner.branch_id, device=owner, officer_id=owner.officer_id, day=day,
        families=found.families, amount_rp=found.amount_rp, issued_by=actor, issued_at=at, expires_at=expires_at,
    )  # fmt: skip
    try:
        with transaction.atomic():
            queries.assign(
                stage=stage, branch=owner.branch_id, lease=lease.id, entitlements=arrays.uuids(list(entitlements))
            )
    except IntegrityError as error:
        # The index of a partition is called as PostgreSQL likes; it is the only unique one besides the key of this very lease.
        raise AlreadyOnAList("One of these families is on another officer's list: end that list first.") from error
    Device.objects.filter(id=device).update(last_stage_id=stage)
    facts = {
        "device": device,
        "stage": stage,
        "families": found.families,
        "amount_rp": found.amount_rp,
        "expires_at": expires_at,
    }
    audit.record(actor=actor, verb="issued", subject=f"lease/{lease.id}", facts=facts, at=at, branch=owner.branch_id)
    return lease


def hand_out(
    *, device: UUID, stage: int, villages: Sequence[int] = (), most: int, day: date, actor: str, at: datetime
) -> Lease:
    """The next ``most`` families of these villages (none named: of the branch) that are unpaid, not held and on no live list.

    In the order of their addresses. The list ends half a day after its ``day``. Raises ``NotFound`` when no family is left, and what
    ``issue_lease`` raises: who hands out the same families at the same moment is told so, and asks again.
    """
    owner = Device.objects.select_related("branch").filter(id=device).first()
    if owner is None:
        raise NotFound("This device is not enrolled here.")
    if not 1 <= most <= MAX_FAMILIES:
        raise Problem(f"A work list has 1 to {MAX_FAMILIES} families.")
    expires_at = list_ends(day, owner.branch.timezone, at)
    rows = queries.next_families(
        stage=stage, branch=owner.branch_id, villages=arrays.bigints(list(villages)), most=most
    )
    if not rows:
        raise NotFound("No family is left here that is unpaid and on nobody's list: choose another village or stage.")
    return issue_lease(
        device=device,
        stage=stage,
        entitlements=[row.id for row in rows],
        day=day,
        expires_at=expires_at,
        actor=actor,
        at=at,
    )


def list_ends(day: date, timezone: str, at: datetime) -> datetime:
    """When a list for a day ends at a branch of that timezone; refuses a day whose list would be over ``at`` once."""
    ends = datetime.combine(day, time(), ZoneInfo(timezone)) + LIST_KEEPS
    if ends <= at:
        raise Problem(f"The day {day} is over: hand the list out for today or later.")
    return ends


@transaction.atomic
def end_lease(*, lease: UUID, at: datetime, actor: str = "salur") -> int:
    """End a work list early; returns how many families are free for another one. Ended twice, it frees none."""
    ended = Lease.objects.filter(id=lease, ended_at=None).update(ended_at=at)
    found = Lease.objects.filter(id=lease).first()
    if found is None:
        raise NotFound("There is no such work list.")
    if not ended:
        return 0
    queries.free_families(stage=found.stage_id, branch=found.branch_id, lease=lease)
    facts = {"families": found.families}
    audit.record(actor=actor, verb="ended", subject=f"lease/{lease}", facts=facts, at=at, branch=found.branch_id)
    return found.families


@transaction.atomic
def revoke_device(*, device: UUID, reason: str, actor: str, at: datetime) -> None:
    """Lock a phone out. What it recorded before is still taken in; what it records after stands in suspense.

    Its lists stay until they expire or are ended: the families on them may have been paid by the phone already.
    """
    if not reason.strip():
        raise Problem("Say why the device is revoked.")
    if not Device.objects.filter(id=device, revoked_at=None).update(
        revoked_at=at, revoked_by=actor, revoke_reason=reason.strip()
    ):
        raise NotFound("There is no such device, or it was revoked before.")
    branch = Device.objects.values_list("branch_id", flat=True).get(id=device)
    audit.record(
        actor=actor, verb="revoked", subject=f"device/{device}", facts={"reason": reason.strip()}, at=at, branch=branch
    )


def device_of_bearer(*, bearer: str, also_revoked: bool = False) -> Device:
    """The device whose bearer token this is; refuses unknown ones, and revoked ones unless it only brings what it still has."""
    device = Device.objects.filter(token_hash=_hash(bearer)).first()
    if device is None:
        raise BadToken("This device is not enrolled here.")
    if device.revoked_at is not None and not also_revoked:
        raise Revoked("This device was revoked: send what is unsent, then ask the branch.")
    return device


def seen(*, device: UUID, at: datetime) -> None:
    """The phone was in contact without sending anything."""
    Device.objects.filter(id=device).update(last_seen_at=at)


def work_list(*, device: UUID, at: datetime) -> list[tuple[Lease, list[Any]]]:
    """The live leases of a device, each with its families in order (see queries.sql: work_list for the columns)."""
    return [
        (lease, queries.work_list(stage=lease.stage_id, branch=lease.branch_id, lease=lease.id))
        for lease in live_leases(device=device, at=at)
    ]


def live_leases(*, device: UUID, at: datetime) -> list[Lease]:
    """The work lists that a device may still pay from, the oldest first."""
    live = Lease.objects.filter(device_id=device, ended_at=None, expires_at__gt=at)
    return list(live.select_related("stage__programme", "branch").order_by("issued_at"))


def closings(*, lease: Lease) -> dict[int, datetime | None]:
    """Village → the first moment at which this lease's families there may not be paid any more, if there is one."""
    rows = queries.villages_of_list(stage=lease.stage_id, branch=lease.branch_id, lease=lease.id)
    villages = [row.village for row in rows]
    if not villages:
        return {}
    places = [(lease.branch_id, village, lease.branch.timezone) for village in villages]
    closes = programmes.closings(stage=lease.stage_id, places=places)
    return {village: closes[lease.branch_id, village] for village in villages}


def changes(*, device: UUID, since: datetime, at: datetime) -> list[Any]:
    """Rows ``wl, asg, amount_rp, held, paid`` of the families on live lists: what was recorded after ``since``, and all that are held."""
    return queries.changes(device=device, since=since, at=at)


def places(families: Sequence[Any]) -> dict[str, str]:
    """The names of the villages on a work list, by code: an officer asks the way by name."""
    villages = {family.village for family in families}
    return {str(code): name for code, name in Area.objects.filter(code__in=villages).values_list("code", "name")}


def devices(*, branches: Sequence[int] | None, at: datetime, device: UUID | None = None) -> list[Any]:
    """Phones with their last contact and what lies on them now (queries.sql: devices for the columns); ``branches`` None is everywhere."""
    return queries.devices(branches=None if branches is None else arrays.integers(list(branches)), device=device, at=at)


def left_to_hand_out(*, branch: int) -> list[Any]:
    """By stage and village: how many families of a branch are unpaid, not held and on no live list."""
    return queries.left_to_hand_out(branch=branch)

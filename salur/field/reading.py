"""From an envelope to an event that is certainly this phone's: its bytes, their hash, the signature, the form. No transaction needed.

A signature costs more than all the rest of an event together. Each event names the hash of the event before it (``prev``) inside the bytes
that are signed, so one valid signature vouches for every event behind it whose hash, computed here, is the one named: who could swap such
an event could find a second preimage of SHA-256. A large batch is therefore read from its end, and only an event that no later one vouches
for needs its own signature checked; in a small batch each is, which makes the answers precise about every signature and costs nothing
where there is no load.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from salur.field import wire
from salur.field.wire import Answer, Envelope, Event

_SHA256 = ec.ECDSA(hashes.SHA256())


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
    kept_in: int | None = None  # the stage under which an event that waits was written down

    @property
    def seq(self) -> int:
        return self.event.seq


def signed_by(public_key: bytes, body: bytes, signature: bytes) -> bool:
    """Whether these 64 bytes are the key's signature of the body."""
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        _public_key(public_key).verify(der, body, _SHA256)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=20_000)
def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


# Up to here every signature is checked. A phone with signal sends a handful at a time; who comes with a day in one batch has more.
EACH_SIGNATURE_UP_TO = 20


def read_batch(envelopes: Sequence[Envelope], device: UUID, public_key: bytes) -> list[Received | tuple[Answer, str]]:
    """``read`` for each envelope, in their order; in a large batch, events that a later one vouches for need no signature of their own."""
    if len(envelopes) <= EACH_SIGNATURE_UP_TO:
        return [read(envelope, device, public_key) for envelope in envelopes]
    vouched: set[str] = set()
    readings: list[Received | tuple[Answer, str]] = []
    for envelope in reversed(envelopes):
        reading = read(envelope, device, public_key, vouched)
        readings.append(reading)
        if isinstance(reading, Received):
            vouched.add(reading.event.prev)
    readings.reverse()
    return readings


def read(
    envelope: Envelope, device: UUID, public_key: bytes, vouched: Set[str] = frozenset()
) -> Received | tuple[Answer, str]:
    """The event of an envelope, or why it is none: hash, signature by the device's key, form, and that it names this device.

    ``vouched``: hashes that authentic events of this device name as the one before them; those need no signature checked.
    """
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
    if envelope.h not in vouched and not signed_by(public_key, body, signature):
        return Answer.REJECT_BAD_SIG, "The signature is not this device's."
    try:
        event = wire.decode_event(body)
    except wire.UNREADABLE as error:
        return Answer.REJECT_SCHEMA, str(error)
    if event.dev != device:
        return Answer.REJECT_BAD_SIG, "The event names another device."
    return Received(body, signature, digest, event)

"""From an envelope to an event that is certainly this phone's: its bytes, their hash, the signature, the form. No transaction needed."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec
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


@lru_cache(maxsize=20_000)
def _public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def read(envelope: Envelope, device: UUID, public_key: bytes) -> Received | tuple[Answer, str]:
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
        _public_key(public_key).verify(der, body, _SHA256)
    except InvalidSignature:
        return Answer.REJECT_BAD_SIG, "The signature is not this device's."
    try:
        event = wire.decode_event(body)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        return Answer.REJECT_SCHEMA, str(error)
    if event.dev != device:
        return Answer.REJECT_BAD_SIG, "The event names another device."
    return Received(body, signature, digest, event)

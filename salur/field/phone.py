"""The other side of the wire, in Python: makes events as the app does — chained, signed, sealed in envelopes.

The simulation and the tests speak through it, so that what they send is what a phone would send, byte for byte by the same rules.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from salur.field import wire


@dataclass
class Phone:
    """One device: its key, its chain. ``make`` gives the next envelope; sending it, twice or never, is the caller's."""

    device: UUID
    key: ec.EllipticCurvePrivateKey
    seq: int = 0
    prev: str = ""
    defaults: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prev = self.prev or wire.genesis(self.device, public_key_of(self.key)).hex()

    def make(self, **facts: Any) -> wire.Envelope:
        """The next event of the chain, e.g. ``make(typ="PAY", id=…, wl=…, asg=…, amt=600_000, ch="KOM", cap_ms=…)``."""
        self.seq += 1
        body = msgspec.json.encode(
            {"v": 1, "dev": self.device, "seq": self.seq, "prev": self.prev, "tz": 420, **self.defaults, **facts}
        )
        self.prev = wire.digest(body).hex()
        return envelope(body, self.key)


def envelope(body: bytes, key: ec.EllipticCurvePrivateKey) -> wire.Envelope:
    """Sign bytes (ES256, r‖s) and put them in an envelope."""
    r, s = decode_dss_signature(key.sign(body, ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return wire.Envelope(b=wire.to_base64url(body), s=wire.to_base64url(signature), h=wire.digest(body).hex())


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_key_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The uncompressed point, 65 bytes, as a browser exports it ("raw")."""
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)

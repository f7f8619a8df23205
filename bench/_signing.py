"""What phones record in a day, signed: in processes of their own, because a nation's events take hours of one core.

``day_of_phone`` writes what ``salur.field.phone.Phone`` would write for the same facts, put together as text.
"""

import hashlib
from base64 import urlsafe_b64encode
from binascii import hexlify
from functools import lru_cache
from os import urandom
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench import _phones

_SHA256 = ec.ECDSA(hashes.SHA256())
BATCH, SECONDS_EACH = 100, 30


class Day(NamedTuple):
    """One phone's list of a day: ``families`` are the entitlements' ids, 16 bytes each; the chain stands at ``seq`` and ``prev``."""

    device: UUID
    secret: int
    seq: int
    prev: str
    lease: UUID
    families: bytes
    begins_ms: int


@lru_cache(maxsize=20_000)
def _key(secret: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(secret, ec.SECP256R1())


def day_of_phone(day: Day) -> tuple[UUID, int, str, bytes]:
    """The device, where its chain stands afterwards, and its requests as they stand in a file of ``_phones``."""
    device, secret, seq, prev, lease, families, begins_ms = day
    key, envelopes = _key(secret), []
    for number in range(len(families) // 16):
        seq += 1
        entitlement = UUID(bytes=families[number * 16 : number * 16 + 16])
        body = pay(device, seq, prev, lease, entitlement, begins_ms + number * SECONDS_EACH * 1000)
        prev = hashlib.sha256(body).hexdigest()
        r, s = decode_dss_signature(key.sign(body, _SHA256))
        signature = _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        envelopes.append(f'{{"b":"{_base64url(body)}","s":"{signature}","h":"{prev}"}}')
    bodies = [
        f'{{"dev":"{device}","ev":[{",".join(envelopes[start : start + BATCH])}],"proto":1}}'.encode()
        for start in range(0, len(envelopes), BATCH)
    ]
    return device, seq, prev, _phones.phone(bodies)


def pay(device: UUID, seq: int, prev: str, lease: UUID, entitlement: UUID, at_ms: int) -> bytes:
    """A payment at a community session, with a place and the photo of the family."""
    random = urandom(42)
    id = UUID(
        int=at_ms << 80
        | 7 << 76
        | int.from_bytes(random[:2], "big") >> 4 << 64
        | 2 << 62
        | int.from_bytes(random[2:10], "big") >> 2
    )
    return (
        f'{{"v":1,"dev":"{device}","seq":{seq},"prev":"{prev}","tz":420,"skew_age_s":60,"app":"bench","typ":"PAY","id":"{id}","wl":"{lease}",'
        f'"asg":"{entitlement}","amt":600000,"ch":"KOM","cap_ms":{at_ms},"geo":{{"lat_e7":-79000000,"lon_e7":1138000000,"acc_dm":80,'
        f'"fix_ms":{at_ms},"n":3}},"ph":[{{"k":"KPM","sha":"{hexlify(random[10:]).decode()}","n":40000,"w":1280,"h":960,"mime":"image/webp",'
        f'"cap_ms":{at_ms}}}],"ver":{{"inv":"QR","ktp":"SEEN","kk":"SEEN","sig":"PAPER"}}}}'
    ).encode()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()

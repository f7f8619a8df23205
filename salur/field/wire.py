"""The wire format, version 1: what a phone sends, byte by byte.

A phone signs bytes and ships the same bytes; nothing is ever serialised again on the way to judgement, because no two languages write
the same JSON. Bodies hold no floating-point numbers: amounts are whole rupiah, coordinates whole 10⁻⁷ degrees, times whole milliseconds.

Envelope: ``{"b": body as base64url, "s": signature as base64url (ES256, r‖s, 64 bytes), "h": SHA-256 of the body as hex}``.
"""

import base64
import binascii
import hashlib
import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

PROTOCOL = 1
# Protocols that are understood; the one before stays for 14 days after a release, because a phone may be away for a whole stage.
UNDERSTOOD = frozenset({1})
MAX_EVENTS = 100
MAX_BODY_BYTES = 16_384
MAX_REQUEST_BYTES = 2_000_000

Sha256Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]  # until the year 2100
Rupiah = Annotated[int, Meta(gt=0, le=1_000_000_000_000)]
Whole = Annotated[int, Meta(ge=0, le=9_007_199_254_740_991)]  # what a browser can count exactly
Text = Annotated[str, Meta(max_length=500)]


class Geo(Struct, forbid_unknown_fields=True, frozen=True):
    """A position: degrees × 10⁷, accuracy in tenths of a metre, the moment of the fix and how many fixes were seen."""

    lat_e7: Annotated[int, Meta(ge=-900_000_000, le=900_000_000)]
    lon_e7: Annotated[int, Meta(ge=-1_800_000_000, le=1_800_000_000)]
    acc_dm: Annotated[int, Meta(ge=0, le=100_000_000)]
    fix_ms: Milliseconds
    n: Annotated[int, Meta(ge=0, le=1_000_000)] = 1


class Photo(Struct, forbid_unknown_fields=True, frozen=True):
    """A photo that travels apart; its hash binds it to the event."""

    k: Literal["KPM", "KTP", "RUMAH", "DOKUMEN"]
    sha: Sha256Hex
    n: Annotated[int, Meta(gt=0, le=20_000_000)]
    w: Annotated[int, Meta(gt=0, le=20_000)]
    h: Annotated[int, Meta(gt=0, le=20_000)]
    mime: Literal["image/webp", "image/jpeg"]
    cap_ms: Milliseconds


class PaidTo(Struct, forbid_unknown_fields=True, frozen=True):
    """Who took the money: the recipient, a member of the family, or a proxy with a reason."""

    who: Literal["SELF", "KK", "WAKIL"]
    name: Text = ""
    nik_h: Annotated[str, Meta(max_length=64)] = ""
    reason: Text = ""


class Checked(Struct, forbid_unknown_fields=True, frozen=True):
    """What was looked at before paying."""

    inv: Literal["QR", "TYPED", "NONE"] = "NONE"
    ktp: Literal["SEEN", "PHOTO", "NONE"] = "NONE"
    kk: Literal["SEEN", "NONE"] = "NONE"
    sig: Literal["PAPER", "THUMB", "SCREEN", "NONE"] = "NONE"


class Event(Struct, forbid_unknown_fields=True, frozen=True, tag_field="typ", kw_only=True):
    """What every event says. ``cap_ms`` is the phone's clock: a claim, never the truth; ``seq`` and ``prev`` make the chain."""

    v: Literal[1]
    id: UUID
    dev: UUID
    seq: Annotated[int, Meta(ge=1, le=4_294_967_295)]
    prev: Sha256Hex
    cap_ms: Milliseconds
    tz: Annotated[int, Meta(ge=-720, le=840)]
    shift: UUID | None = None
    boot: UUID | None = None
    mono_ms: Whole = 0
    skew_ms: Annotated[int, Meta(ge=-4_102_444_800_000, le=4_102_444_800_000)] = 0
    skew_age_s: Whole | None = None  # None: the phone never learnt the server's time
    app: Annotated[str, Meta(max_length=80)] = ""


class ForFamily(Event, frozen=True, kw_only=True):
    """An event about one family of a lease. ``asg`` is the entitlement."""

    wl: UUID
    asg: UUID
    geo: Geo | None = None
    geo_err: Annotated[int, Meta(ge=-3, le=3)] | None = None
    ph: Annotated[list[Photo], Meta(max_length=8)] = []


class Pay(ForFamily, frozen=True, kw_only=True, tag="PAY"):
    amt: Rupiah
    cur: Literal["IDR"] = "IDR"
    ch: Literal["KTR", "KOM", "D2D"]
    pay_to: PaidTo = PaidTo("SELF")
    ver: Checked = Checked()


class Unpaid(ForFamily, frozen=True, kw_only=True, tag="UNPAID"):
    reason: Literal[
        "TIDAK_HADIR",
        "SAKIT",
        "BEPERGIAN",
        "BELUM_DIAMBIL",
        "DATA_BEDA",
        "MENINGGAL",
        "PINDAH",
        "TIDAK_DIKENAL",
        "GANDA",
        "TIDAK_BERHAK",
        "MENOLAK",
    ]
    note: Text = ""


class Evid(ForFamily, frozen=True, kw_only=True, tag="EVID"):
    """The house's geotag and photo, or better evidence of an earlier visit."""

    what: Literal["RUMAH", "KTP", "DOKUMEN"] = "RUMAH"


class Void(ForFamily, frozen=True, kw_only=True, tag="VOID"):
    """Takes back an earlier PAY of this phone; co-signed by a supervisor when the PAY was sent already."""

    pay: UUID
    reason: Annotated[str, Meta(min_length=3, max_length=500)]
    cosigner: Annotated[str, Meta(max_length=150)] = ""


class Open(Event, frozen=True, kw_only=True, tag="OPEN"):
    """The shift begins; ``float_rp`` is the cash the officer counted."""

    float_rp: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]


class Cash(Event, frozen=True, kw_only=True, tag="CASH"):
    """Cash taken up (+) or handed back (−) during the shift, as the officer counted it."""

    amt: Annotated[int, Meta(ge=-1_000_000_000_000, le=1_000_000_000_000)]
    note: Text = ""


class Close(Event, frozen=True, kw_only=True, tag="CLOSE"):
    """The shift ends; what the officer counted."""

    paid: Annotated[int, Meta(ge=0, le=1_000_000)]
    paid_rp: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
    left_rp: Annotated[int, Meta(ge=0, le=1_000_000_000_000)]


AnyEvent = Union[Pay, Unpaid, Evid, Void, Open, Cash, Close]  # noqa: UP007 — msgspec reads a tagged union


def kind_of(event: Event) -> str:
    tag = type(event).__struct_config__.tag
    assert isinstance(tag, str)
    return tag


class Envelope(Struct, forbid_unknown_fields=True, frozen=True):
    b: str
    s: str
    h: str


class SyncRequest(Struct, frozen=True):
    """``POST /api/v1/sync/events``: up to 100 envelopes of one device, oldest first."""

    dev: UUID
    ev: Annotated[list[Envelope], Meta(max_length=MAX_EVENTS)]
    proto: int = PROTOCOL
    last_ack_seq: int = 0
    unsent: Annotated[int, Meta(ge=0, le=2_147_483_647)] = 0
    app: Annotated[str, Meta(max_length=80)] = ""


class Answer(StrEnum):
    """What the phone is told of one event; the words an officer sees are the phone's (static/messages)."""

    ACCEPTED = "ACCEPTED"
    ACCEPTED_FLAGGED = "ACCEPTED_FLAGGED"
    DUPLICATE = "DUPLICATE"
    HELD_GAP = "HELD_GAP"
    SUSPENSE_ALREADY_PAID = "SUSPENSE_ALREADY_PAID"
    SUSPENSE_NOT_IN_LEASE = "SUSPENSE_NOT_IN_LEASE"
    SUSPENSE_LEASE_EXPIRED = "SUSPENSE_LEASE_EXPIRED"
    SUSPENSE_KPM_BLOCKED = "SUSPENSE_KPM_BLOCKED"
    SUSPENSE_AFTER_FREEZE = "SUSPENSE_AFTER_FREEZE"
    SUSPENSE_AMOUNT_MISMATCH = "SUSPENSE_AMOUNT_MISMATCH"
    SUSPENSE_REVOKED_AFTER = "SUSPENSE_REVOKED_AFTER"
    REJECT_SCHEMA = "REJECT_SCHEMA"
    REJECT_BAD_SIG = "REJECT_BAD_SIG"
    REJECT_UNKNOWN_DEVICE = "REJECT_UNKNOWN_DEVICE"
    REJECT_ID_REUSED = "REJECT_ID_REUSED"


class Out(Struct):
    """One event's answer; ``seq`` is null where the body could not be read."""

    id: str | None
    r: Answer
    seq: int | None = None
    receipt_no: str | None = None
    flags: list[str] = []
    say: str = ""


class SyncAnswer(Struct):
    out: list[Out]
    server_time: int
    last_seq: int
    next: str = "continue"
    revoke: bool = False


# What reading bytes that somebody sent may raise.
UNREADABLE = (msgspec.ValidationError, msgspec.DecodeError, RecursionError, UnicodeDecodeError)

decode_request = msgspec.json.Decoder(SyncRequest).decode
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
encode = msgspec.json.Encoder().encode


def decode_event(body: bytes) -> AnyEvent:
    """Raises one of ``UNREADABLE``. What is let in can be read by every other reader of JSON, the database's own among them: it looks at the
    whole body, msgspec at the fields it knows."""
    if not body.isascii():
        body.decode()
    if b"\\u" in body:
        _refuse_unstorable(json.loads(body))
    return _events.decode(body)


def _refuse_unstorable(value: Any) -> None:
    """A text with NUL or half of a surrogate pair, which JSON can write and no column can hold."""
    if isinstance(value, dict):
        for name, one in value.items():
            _refuse_unstorable(name)
            _refuse_unstorable(one)
    elif isinstance(value, list):
        for one in value:
            _refuse_unstorable(one)
    elif isinstance(value, str) and ("\0" in value or not value.isascii() and _SURROGATE.search(value)):
        raise msgspec.ValidationError("A text holds NUL or half of a character.")


_SURROGATE = re.compile("[\ud800-\udfff]")


# base64url's letters for the standard's; the standard's own are no letters of base64url.
_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")


def from_base64url(text: str) -> bytes:
    """Raises ``ValueError`` for what is not base64url."""
    try:
        return binascii.a2b_base64(
            text.encode("ascii").translate(_STANDARD) + b"===="[: -len(text) % 4], strict_mode=True
        )
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def genesis(device: UUID, public_key: bytes) -> bytes:
    """The ``prev`` of a device's first event: SHA-256 of its enrolment certificate (protocol, device, public key)."""
    return digest(b"salur-device-v1:" + device.bytes + public_key)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def receipt_no(body_digest: bytes) -> str:
    """The number on a receipt: 40 bits of the event's digest in Crockford's base 32, ``XXXX-XXXX``; the phone can compute it alone."""
    value = int.from_bytes(body_digest[:5], "big")
    letters = "".join(_CROCKFORD[value >> shift & 31] for shift in range(35, -5, -5))
    return f"{letters[:4]}-{letters[4:]}"

"""The phone's door. The hot path (`sync/events`) is a plain view decoded by msgspec; the rest is small and rare.

Every answer carries ``X-Danom-Proto``: an answer without it comes from a captive portal or a proxy, and the phone must not believe it.
"""

import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, TypeVar

import msgspec
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from salur.field import lease, outbox_file, photos, wire
from salur.field.actions import ingest
from salur.lib.clock import now
from salur.lib.letter_code import letter_seal, letters_key
from salur.lib.problem import Problem
from salur.lib.storage import MAX_BYTES as MAX_PHOTO_BYTES
from salur.lib.storage import Put

View = Callable[..., HttpResponse]
Kind = TypeVar("Kind")


def answer(data: object, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(data), status=status, content_type="application/json")


def refuse(code: str, message: str, status: int) -> HttpResponse:
    return answer({"code": code, "message": message}, status)


def for_phones(view: View) -> View:
    """Refused requests become one sentence; a database that cannot write becomes 503 with a time to come back."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest, **named: str) -> HttpResponse:
        try:
            response = view(request, **named)
        except Problem as problem:
            response = refuse(problem.code, problem.message, problem.status)
            if problem.status == 503:
                response["Retry-After"] = "30"
        except OperationalError:
            # Disk full, server restarting, too many connections: nothing was acknowledged, nothing is lost on the phone.
            response = refuse(
                "unavailable", "The server cannot write at this moment: keep everything and come back.", 503
            )
            response["Retry-After"] = "30"
        response["X-Danom-Proto"] = str(wire.PROTOCOL)
        response["Cache-Control"] = "no-store"
        return response

    return wrapped


class BadRequest(Problem):
    code = "bad_request"
    status = 400


class TooLarge(Problem):
    code = "too_large"
    status = 413


def body_of(request: HttpRequest) -> bytes:
    """The request's bytes, unpacked when they are gzip; bounded before and after."""
    if int(request.headers.get("Content-Length") or 0) > wire.MAX_REQUEST_BYTES:
        raise TooLarge(f"A request has at most {wire.MAX_REQUEST_BYTES} bytes: send smaller batches.")
    raw = request.read(wire.MAX_REQUEST_BYTES + 1)
    if request.headers.get("Content-Encoding") == "gzip":
        try:
            unpacker = zlib.decompressobj(wbits=31)
            raw = unpacker.decompress(raw, wire.MAX_REQUEST_BYTES + 1)
        except zlib.error as error:
            raise BadRequest("The body is not gzip as it says.") from error
    if len(raw) > wire.MAX_REQUEST_BYTES:
        raise TooLarge(f"A request has at most {wire.MAX_REQUEST_BYTES} bytes: send smaller batches.")
    return bytes(raw)


def json_of(request: HttpRequest, decode: Callable[[bytes], Kind], what: str) -> Kind:
    """The request's JSON. Raises ``BadRequest``, also for a text with NUL, which no column can hold."""
    raw = body_of(request)
    try:
        if b"\\u0000" in raw:
            raise msgspec.ValidationError("a text holds NUL")
        return decode(raw)
    except wire.UNREADABLE as error:
        raise BadRequest(f"The request is {what}: {error}.") from error


@for_phones
@require_POST
def sync_events(request: HttpRequest) -> HttpResponse:
    """Take in up to 100 signed events of one device; an answer for each."""
    batch = json_of(request, wire.decode_request, "not a batch of events")
    if batch.proto not in wire.UNDERSTOOD:
        return answer(
            {
                "out": [],
                "server_time": int(now().timestamp() * 1000),
                "last_seq": 0,
                "next": "update_required",
                "revoke": False,
            }
        )
    return answer(ingest(device=batch.dev, envelopes=batch.ev, unsent=batch.unsent, app=batch.app, at=now()))


class EnrolRequest(msgspec.Struct, forbid_unknown_fields=True):
    token: str
    public_key: str
    self_test: dict[str, Any] = {}
    persisted: bool = False
    app: str = ""


@for_phones
@require_POST
def enrol(request: HttpRequest) -> HttpResponse:
    """Make a phone a device with a one-time token."""
    wish = json_of(request, msgspec.json.Decoder(EnrolRequest).decode, "no enrolment")
    try:
        key = wire.from_base64url(wish.public_key)
    except ValueError as error:
        raise BadRequest(f"The request is no enrolment: {error}.") from error
    certificate = lease.enrol_device(
        token=wish.token,
        public_key=key,
        self_test=wish.self_test,
        persisted=wish.persisted,
        app=wish.app[:80],
        at=now(),
    )
    return answer(certificate, 201)


def bearer_of(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise lease.BadToken("The phone did not say which device it is.")
    return token


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


@for_phones
@require_GET
def work_list(request: HttpRequest) -> HttpResponse:
    """The families of the device's live leases; count and sum for the officer to compare with the paper list."""
    device = lease.device_of_bearer(bearer=bearer_of(request))
    at, key = now(), letters_key()
    lease.seen(device=device.id, at=at)
    lists = []
    for one, families in lease.work_list(device=device.id, at=at):
        closes = lease.closings(lease=one)
        # A list ends with its last window, however long it was handed out for: what is over leaves the phone.
        expires_at = min(
            one.expires_at, max((moment or one.expires_at for moment in closes.values()), default=one.expires_at)
        )
        rows = [
            [
                str(row.asg), row.position, row.number, row.name, row.birth_date.year if row.birth_date else None, row.sex,
                row.address, row.rt, row.rw, row.village, row.amount_rp, row.held, row.paid,
                letter_seal(row.asg, row.amount_rp, key),
                milliseconds(closes[row.village]),
            ]
            for row in families
        ]  # fmt: skip
        lists.append(
            {
                "id": str(one.id), "stage": one.stage_id, "day": one.day.isoformat(), "count": one.families, "sum_rp": one.amount_rp,
                "expires_ms": int(expires_at.timestamp() * 1000), "columns": COLUMNS, "rows": rows,
                "sha256": wire.digest(msgspec.json.encode(rows)).hex(), "stage_code": one.stage.code,
                "programme": one.stage.programme.name, "proxy": one.stage.programme.proxy, "places": lease.places(families),
            }
        )  # fmt: skip
    return answer({"server_time": int(at.timestamp() * 1000), "lists": lists})


@for_phones
@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """What became known since a moment (milliseconds) about the families of the device's lists: paid elsewhere, taken back, held; and when
    each list's villages close, because that is decided anew at any time."""
    device = lease.device_of_bearer(bearer=bearer_of(request))
    at = now()
    try:
        since = datetime.fromtimestamp(int(request.GET.get("since", "")) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadRequest("Say since when, in milliseconds since 1970: ?since=1647061200000.") from error
    rows = lease.changes(device=device.id, since=since, at=at)
    living = lease.live_leases(device=device.id, at=at)
    return answer(
        {
            "server_time": int(at.timestamp() * 1000),
            "lists": [str(one.id) for one in living],
            "closes": {
                str(one.id): {
                    str(village): milliseconds(closes_at)
                    for village, closes_at in lease.closings(lease=one).items()
                }
                for one in living
            },
            "changes": [
                {"wl": row.wl, "asg": row.asg, "amount_rp": row.amount_rp, "held": row.held, "paid": row.paid} for row in rows
            ],
        }
    )  # fmt: skip


@for_phones
@require_POST
def sealed(request: HttpRequest) -> HttpResponse:
    """What a browser recorded as another device of this branch, before it was enrolled again: a small emergency file."""
    device = lease.device_of_bearer(bearer=bearer_of(request), also_revoked=True)
    found = outbox_file.import_outbox(
        content=body_of(request), actor=f"device {device.id}", at=now(), branches=(device.branch_id,)
    )
    out = [{"dev": str(dev), "seq": seq, "r": answered} for dev, seq, answered in found.told]
    return answer(
        {
            "out": out,
            "stored": found.stored,
            "unreadable": found.unreadable,
            "server_time": int(now().timestamp() * 1000),
        }
    )


Hashes = Annotated[list[wire.Sha256Hex], msgspec.Meta(max_length=wire.MAX_EVENTS)]


@for_phones
@require_POST
def missing_photos(request: HttpRequest) -> HttpResponse:
    """Which of up to 100 photos (a list of hashes) are not stored: the phone keeps these."""
    device = lease.device_of_bearer(bearer=bearer_of(request), also_revoked=True)
    asked = json_of(request, msgspec.json.Decoder(Hashes).decode, "no list of hashes")
    found = photos.missing(device=device.id, sha256s=[bytes.fromhex(sha) for sha in asked])
    return answer({"missing": [sha256.hex() for sha256 in found]})


@for_phones
@require_http_methods(["PUT"])
def photo(request: HttpRequest, sha256: str) -> HttpResponse:
    """Take in one photo, named by its hash; 201 when it is new, 200 when it was here."""
    device = lease.device_of_bearer(bearer=bearer_of(request), also_revoked=True)
    if int(request.headers.get("Content-Length") or 0) > MAX_PHOTO_BYTES:
        raise TooLarge(f"A photo has at most {MAX_PHOTO_BYTES} bytes: make it smaller.")
    pieces = iter(lambda: request.read(65_536), b"")
    put = photos.take_in(device=device.id, sha256=bytes.fromhex(sha256), content=pieces, at=now())
    return answer({"sha": sha256, "stored": True}, 201 if put is Put.CREATED else 200)


COLUMNS = [
    "asg",
    "no",
    "number",
    "name",
    "born",
    "sex",
    "address",
    "rt",
    "rw",
    "village",
    "amount_rp",
    "held",
    "paid",
    "seal",
    "closes_ms",
]

urlpatterns = [
    path("sync/events", sync_events),
    path("sync/sealed", sealed),
    path("devices/enrol", enrol),
    path("lease", work_list),
    path("lease/delta", changes),
    path("blobs/missing", missing_photos),
    re_path(r"^blobs/(?P<sha256>[0-9a-f]{64})$", photo),
]

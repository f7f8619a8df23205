"""Whatever comes to the phones' door: an answer for each record, never an error of ours, and books that still add up.

Schemathesis makes the requests from the very structures that the door decodes with; events are signed by an enrolled phone, because what
a stranger may say is bounded by the signature, but what a phone may say is bounded by its schema alone.
"""

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation.modes import GenerationMode

from salur.field import api, wire
from salur.field.phone import envelope
from salur.field.tests.test_sync import Officer, everything_adds_up, ms
from salur.field.wire import Answer
from salur.web.verify import verify

AGAIN = dict(phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck))  # noqa: C408
REFERENCE = "#/components/schemas/{name}"
SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def body_of(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REFERENCE)
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def described() -> dict[str, Any]:
    """The phones' door as OpenAPI, and as `/event` the body that a phone signs."""
    _, components = msgspec.json.schema_components(
        [wire.AnyEvent, wire.SyncRequest, api.EnrolRequest, api.Hashes], ref_template=REFERENCE
    )
    octets = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}
    since = {"name": "since", "in": "query", "required": True, "schema": {"type": "integer"}}
    sha256 = {"name": "sha256", "in": "path", "required": True, "schema": SHA256}
    paths: dict[str, dict[str, Any]] = {
        "/event": {"post": {"requestBody": body_of(wire.AnyEvent)}},
        "/api/v1/sync/events": {"post": {"requestBody": body_of(wire.SyncRequest)}},
        "/api/v1/sync/sealed": {"post": {"requestBody": octets}},
        "/api/v1/devices/enrol": {"post": {"requestBody": body_of(api.EnrolRequest)}},
        "/api/v1/lease": {"get": {}},
        "/api/v1/lease/delta": {"get": {"parameters": [since]}},
        "/api/v1/blobs/missing": {"post": {"requestBody": body_of(api.Hashes)}},
        "/api/v1/blobs/{sha256}": {"put": {"parameters": [sha256], "requestBody": octets}},
    }
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] = {"200": {"description": "an answer"}}
    return {
        "openapi": "3.1.0", "info": {"title": "phones", "version": "1"}, "components": {"schemas": components}, "paths": paths,
    }  # fmt: skip


OPERATIONS = {found.ok().path: found.ok() for found in schemathesis.openapi.from_dict(described()).get_all_operations()}


def test_every_address_of_the_phones_door_is_in_the_description():
    described = {path.removeprefix("/api/v1/").replace("{sha256}", "X") for path in OPERATIONS} - {"/event"}
    assert {
        pattern.pattern._route if hasattr(pattern.pattern, "_route") else "blobs/X" for pattern in api.urlpatterns
    } == described


def whole_numbers(value: Any) -> Any:
    """JSON's 12.0 is a whole number to a schema and none to the wire."""
    if isinstance(value, dict):
        return {name: whole_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [whole_numbers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def bytes_of(body: Any) -> bytes:
    """As it would travel: what is no JSON stays what it is."""
    if isinstance(body, bytes):
        return body
    try:
        return msgspec.json.encode(body)
    except (msgspec.ValidationError, TypeError, ValueError, UnicodeEncodeError):
        return repr(body).encode("utf-8", "replace")


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_whatever_an_enrolled_phone_signs_is_answered_and_the_books_add_up(office, mode):
    """A signed event is authentic: it is booked, stands in suspense or is told what is wrong with it; it never stops the phone."""
    officer = Officer(office)
    seen = set()
    families = st.sampled_from([*office.entitlements, None, None])
    moments = st.one_of(st.just(ms(office.noon)), st.none())

    @settings(max_examples=120, **AGAIN)
    @given(case=OPERATIONS["/event"].as_strategy(generation_mode=mode), family=families, moment=moments)
    def said(case: schemathesis.Case, family: Any, moment: int | None) -> None:
        phone, facts = officer.phone, whole_numbers(case.body)
        if isinstance(facts, dict):
            facts = {**facts, "v": 1, "dev": phone.device, "seq": phone.seq + 1, "prev": phone.prev}
            if family and "asg" in facts:
                facts |= {"asg": family, "wl": officer.lease.id}
            facts |= {"cap_ms": moment, "id": office.id()} if moment else {}
        body = bytes_of(facts)
        answer = officer.client.post(
            "/api/v1/sync/events",
            msgspec.json.encode({"dev": phone.device, "ev": [envelope(body, officer.key)], "unsent": 1}),
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content
        (out,) = answer.json()["out"]
        seen.add(Answer(out["r"]))
        if out["seq"] == phone.seq + 1:
            phone.seq, phone.prev = out["seq"], wire.digest(body).hex()

    said()
    assert seen & (
        {Answer.ACCEPTED, Answer.ACCEPTED_FLAGGED} if mode is GenerationMode.POSITIVE else {Answer.REJECT_SCHEMA}
    )
    everything_adds_up(office)
    broken = [check.name for check in verify() if not check.ok]
    assert not broken


# What JSON can say and a column cannot hold, or another reader of JSON takes for an error.
TEXTS = {"nul": "a\0b", "replacement": "a\ufffdb", "astral": "🏠" * 100, "quotes": "'\"\\;--", "direction": "\u202eabc"}
LARGEST = 2**53 - 1  # of what a browser counts exactly


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("number", [0, LARGEST, 2**63 - 1, 2**70], ids=["0", "2^53-1", "2^63-1", "2^70"])
def test_no_text_and_no_number_of_an_event_stops_the_phone_or_the_recount(office, text, number):
    officer = Officer(office)
    phone = officer.phone

    def say(typ: str, **facts: Any) -> None:
        before = phone.seq, phone.prev
        said = phone.make(typ=typ, mono_ms=number, skew_age_s=number, app=text[:80], **facts)
        answer = officer.client.post(
            "/api/v1/sync/events",
            msgspec.json.encode({"dev": phone.device, "ev": [said], "unsent": number, "app": text[:80], "last_ack_seq": number}),
            content_type="application/json",
        )  # fmt: skip
        if answer.status_code == 400:  # the request's own numbers: the phone is told which
            assert "unsent" in answer.json()["message"] or "not a batch" in answer.json()["message"]
            answer = officer.client.post(
                "/api/v1/sync/events", msgspec.json.encode({"dev": phone.device, "ev": [said]}), content_type="application/json"
            )  # fmt: skip
        assert answer.status_code == 200, answer.content
        (out,) = answer.json()["out"]
        if out["r"] == Answer.REJECT_SCHEMA:
            phone.seq, phone.prev = before

    paid = office.id()
    say("OPEN", id=office.id(), float_rp=6_000_000)
    say(
        "PAY",
        **officer.about(0) | {"id": paid},
        amt=600_000,
        ch="KOM",
        pay_to={"who": "WAKIL", "name": text, "reason": text},
    )
    say("VOID", **officer.about(0), pay=paid, reason=text + "...", cosigner=text[:150])
    say("UNPAID", **officer.about(1), reason="SAKIT", note=text)
    say("EVID", **officer.about(2))
    say("CASH", id=office.id(), amt=1, note=text)
    say("CLOSE", id=office.id(), paid=number, paid_rp=number, left_rp=number)
    assert officer.answers(officer.pay(3)) == ["ACCEPTED"], "whatever was refused, the phone goes on"
    everything_adds_up(office)
    assert [check.name for check in verify() if not check.ok] == []


@pytest.mark.parametrize(
    "unknown",
    [b'"\xff"', b'"\\u0000"', b'"\\ud800 "', b"[" * 5000 + b"]" * 5000, b"1e999999", b'"\xed\xa0\x80"', b'{"\xc0":1}'],
    ids=["no utf-8", "nul", "half a character", "deep", "large", "half in utf-8", "name no utf-8"],
)
def test_what_only_another_reader_would_stumble_over_is_refused_or_harmless(office, unknown):
    """A field this version does not know is allowed and kept: the recount reads it with the database's JSON."""
    officer = Officer(office)
    phone = officer.phone
    before = phone.seq, phone.prev
    plain = wire.from_base64url(officer.pay(0).b)
    body = plain[:-1] + b',"later":' + unknown + b"}"
    (out,) = officer.send(envelope(body, officer.key)).out
    if out.seq is None:
        assert out.r == Answer.REJECT_SCHEMA
        assert out.say
        phone.seq, phone.prev = before
    else:
        assert out.r == Answer.ACCEPTED
        phone.prev = wire.digest(body).hex()
    assert officer.answers(officer.pay(1)) == ["ACCEPTED"]
    everything_adds_up(office)
    assert [check.name for check in verify() if not check.ok] == []


@pytest.mark.parametrize("earlier", ["a payment posted", "a payment in suspense", "cash received"])
def test_an_id_that_moved_money_before_does_not_swallow_money_told_of_later(office, earlier):
    """Two batches, one id: the second payment is not on the list, so its money stands in suspense under an id made of its hash."""
    officer, id = Officer(office), office.id()
    unknown = uuid.UUID(int=77)
    first = {
        "a payment posted": lambda: officer.pay(0, id=id),
        "a payment in suspense": lambda: officer.pay(0, id=id, asg=unknown),
        "cash received": lambda: officer.phone.make(typ="CASH", id=id, amt=600_000),
    }[earlier]
    officer.send(first())
    assert officer.answers(officer.pay(0, id=id, amt=9, asg=unknown)) == ["SUSPENSE_NOT_IN_LEASE"]
    everything_adds_up(office)


REQUESTS = [
    pytest.param(path, mode, id=f"{mode.value} {path}")
    for path in sorted(set(OPERATIONS) - {"/event"})
    for mode in GenerationMode
    if path != "/api/v1/lease" or mode is GenerationMode.POSITIVE  # which has nothing that could be wrong
]


@pytest.mark.parametrize(("path", "mode"), REQUESTS)
def test_no_request_to_the_phones_door_ends_in_an_error_of_ours(office, path, mode):
    officer = Officer(office)
    bearer = f"Bearer {officer.certificate.bearer}"

    @settings(max_examples=40, **AGAIN)
    @given(
        case=OPERATIONS[path].as_strategy(generation_mode=mode),
        own=st.booleans(),
        signed_in=st.sampled_from([bearer, bearer, "Bearer \x00", "", "Basic x"]),
    )
    def asked(case: schemathesis.Case, own: bool, signed_in: str) -> None:
        body = whole_numbers(case.body) if case.method != "GET" else b""
        if own and isinstance(body, dict) and "dev" in body:
            body["dev"] = officer.phone.device
        ask: Callable[..., Any] = getattr(officer.client, case.method.lower())
        sent = {"data": case.query or {}} if case.method == "GET" else {"data": bytes_of(body), "content_type": "application/json"}  # fmt: skip
        sha256 = (case.path_parameters or {}).get("sha256", "")
        answer = ask(path.replace("{sha256}", str(sha256)), **sent, headers={"Authorization": signed_in})
        assert answer.status_code < 500, (body, answer.content)

    asked()
    everything_adds_up(office)

"""Photos follow their events, from the phone that took them, each once; a phone learns what happened to its list elsewhere."""

import hashlib
from datetime import timedelta

import pytest

from salur.audit import actions as audit
from salur.field import lease
from salur.field.tests.test_sync import NOW, PHOTO, Officer, ms
from salur.lib.clock import now

JPEG = b"\xff\xd8\xff" + b"house" * 1000
SHA = hashlib.sha256(JPEG).hexdigest()


@pytest.fixture
def officer(office, tmp_path, monkeypatch):
    monkeypatch.setenv("SALUR_OBJECT_STORE", str(tmp_path / "photos"))
    return Officer(office)


def bearer(officer):
    return {"Authorization": f"Bearer {officer.certificate.bearer}"}


def put(officer, data=JPEG, sha=SHA):
    return officer.client.put(f"/api/v1/blobs/{sha}", data=data, content_type="image/jpeg", headers=bearer(officer))


def missing(officer, *shas):
    body = list(shas)
    answer = officer.client.post(
        "/api/v1/blobs/missing", body, content_type="application/json", headers=bearer(officer)
    )
    return answer.json().get("missing", answer.status_code)


def test_a_photo_is_owed_until_it_is_stored(office, officer):
    officer.send(officer.pay(0, ph=[{**PHOTO, "sha": SHA}]))
    assert missing(officer, SHA) == [SHA]
    assert put(officer).status_code == 201
    assert missing(officer, SHA) == []
    assert put(officer).status_code == 200


def test_an_event_that_waits_owes_its_photo_too(office, officer):
    officer.pay(0)
    officer.send(officer.pay(1, ph=[{**PHOTO, "sha": SHA}]))
    assert missing(officer, SHA) == [SHA]


def test_bytes_of_another_hash_are_refused_and_nothing_is_kept(office, officer):
    officer.send(officer.pay(0, ph=[{**PHOTO, "sha": SHA}]))
    assert put(officer, data=JPEG + b"!").status_code == 422
    assert missing(officer, SHA) == [SHA]


def test_a_photo_that_no_event_of_this_phone_speaks_of_is_refused(office, officer):
    other = Officer(office, families=[], number=1)
    officer.send(officer.pay(0, ph=[{**PHOTO, "sha": SHA}]))
    assert put(other).status_code == 404
    assert put(officer).status_code == 201
    # A phone forgets what is not missing: a photo whose event has not come is never said to be stored.
    assert missing(other, SHA) == [SHA]
    assert missing(officer, SHA, "1" * 64) == ["1" * 64]


def test_strangers_and_nonsense(office, officer):
    officer.certificate = type("Nobody", (), {"bearer": "x"})
    assert put(officer).status_code == 403
    assert missing(officer, SHA) == 403


def test_too_large(office, officer):
    data = bytes(10 * 2**20 + 1)
    assert put(officer, data=data, sha=hashlib.sha256(data).hexdigest()).status_code == 413


def test_a_revoked_phone_still_brings_its_photos(office, officer):
    officer.send(officer.pay(0, ph=[{**PHOTO, "sha": SHA}]))
    lease.revoke_device(device=officer.certificate.device, reason="lost", actor="kepala", at=NOW)
    assert put(officer).status_code == 201


def delta(officer, since):
    return officer.client.get("/api/v1/lease/delta", {"since": since}, headers=bearer(officer))


def test_what_happened_to_the_list_elsewhere(office, officer):
    from salur.payments import actions as payments
    from salur.payments.rules import Channel, Payment

    lease.end_lease(lease=officer.lease.id, at=NOW)
    at = now()
    officer.lease = lease.issue_lease(
        device=officer.certificate.device, stage=office.stage, entitlements=office.entitlements, day=at.date(),
        expires_at=at + timedelta(hours=5), actor="kepala", at=at,
    )  # fmt: skip
    paid = Payment(office.id(), office.entitlements[3], office.officers[1], 600_000, Channel.OFFICE, at)
    payments.record_payments(stage=office.stage, branch=office.branch, payments=[paid], at=at)
    answer = delta(officer, ms(at) - 1000).json()
    assert [(row["asg"], row["paid"]) for row in answer["changes"]] == [(str(office.entitlements[3]), True)]
    assert answer["lists"] == [str(officer.lease.id)]
    assert delta(officer, ms(at) + 60_000).json()["changes"] == []
    assert delta(officer, "yesterday").status_code == 400


def test_enrolment_lists_and_revocation_leave_their_trace(office, officer):
    lease.end_lease(lease=officer.lease.id, at=NOW, actor="kepala")
    lease.revoke_device(device=officer.certificate.device, reason="lost", actor="kepala", at=NOW)
    verbs = [entry.verb for entry in audit.entries(branch=office.branch)]
    assert verbs == ["revoked", "ended", "issued", "enrolled", "offered"]

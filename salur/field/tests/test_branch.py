"""The branch's side of the phones: enrol, hand out a list and cash, see, lock out, take in an emergency file; and who may not."""

import hashlib
import json
import os
import re
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from salur.field import actions as field
from salur.field import lease, sealing, wire
from salur.field.commands import field as commands
from salur.field.phone import Phone, new_key, public_key_of
from salur.field.tests.test_sync import PHOTO, PLACE, balances, everything_adds_up
from salur.lib.clock import now
from salur.offices.models import Officer as Person
from salur.web.actions import give_role
from salur.web.models import Role


@pytest.fixture
def branch(office, tmp_path, monkeypatch):
    monkeypatch.setenv("SALUR_OBJECT_STORE", str(tmp_path / "photos"))
    return signed_in(Role.BRANCH, "KC-BDW")


def signed_in(role, office_code=None):
    client = Client()
    client.force_login(
        give_role(actor="tests", username=f"{role}-{office_code}", role=role, office_code=office_code, at=now())
    )
    return client


def enrolled(branch, office, number=0):
    """Enrol as the page says: the branch shows a code, the phone brings it."""
    page = branch.post("/hp/daftar/", {"officer": office.officers[number]}).content.decode()
    token, fingerprint = re.search(r'id="code">([\w-]+)\.([0-9a-f]{16})<', page).groups()
    assert fingerprint == sealing.fingerprint()
    assert "<svg" in page
    key = new_key()
    certificate = lease.enrol_device(
        token=token,
        public_key=public_key_of(key),
        self_test={"camera": True, "agent": "Chrome"},
        persisted=True,
        app="1",
        at=now(),
    )
    defaults = {"skew_age_s": 60, "cap_ms": int(now().timestamp() * 1000)}
    return Phone(certificate.device, key, defaults=defaults)


def test_a_phone_is_enrolled_gets_a_list_and_cash_and_is_locked_out(office, branch):
    phone = enrolled(branch, office)
    page = f"/hp/{phone.device}/"
    assert "Siti" in branch.get("/hp/").content.decode()
    today = now().date().isoformat()
    form = {"stage": office.stage, "day": today, "most": 3, "village": [office.villages[0]]}
    assert branch.post(f"{page}danom/", form).status_code == 302
    assert branch.post(f"{page}danom/", {**form, "village": [], "most": 200}).status_code == 302
    lists = lease.work_list(device=phone.device, at=now())
    assert [one.families for one, _ in lists] == [3, 7], "the second list has what was left"
    cash = {"stage": office.stage, "amount": "6.000.000", "reference": "BKK-1"}
    assert branch.post(f"{page}panjar/", cash).status_code == 302
    assert balances(office)[f"float/{office.officers[0]}"] == 6_000_000
    assert branch.post(f"{page}panjar/", cash).status_code == 409, "the same receipt is not entered twice"
    assert branch.post(f"{page}danom/{lists[0][0].id}/akhiri/").status_code == 302
    assert [one.families for one, _ in lease.work_list(device=phone.device, at=now())] == [7]
    assert branch.post(f"{page}cabut/", {"reason": "hilang"}).status_code == 302
    shown = branch.get(page).content.decode()
    assert "hilang" in shown
    assert "panjar/" not in shown, "nothing is handed to a phone that is locked out"


def test_an_empty_branch_says_what_to_do_first(office, branch):
    assert "Belum ada HP terdaftar" in branch.get("/hp/").content.decode()


def test_nobody_hands_out_more_than_there_is_or_for_a_day_that_is_over(office, branch):
    phone = enrolled(branch, office)
    form = {"stage": office.stage, "most": 10}
    assert branch.post(f"/hp/{phone.device}/danom/", {**form, "day": "2022-03-12"}).status_code == 400
    assert branch.post(f"/hp/{phone.device}/danom/", {**form, "day": "soon"}).status_code == 400
    today = now().date().isoformat()
    assert branch.post(f"/hp/{phone.device}/danom/", {**form, "day": today}).status_code == 302
    assert branch.post(f"/hp/{phone.device}/danom/", {**form, "day": today}).status_code == 404, "no family is left"


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.BRANCH])
def test_an_outsider_may_not_know_of_a_phone(office, branch, role):
    phone = enrolled(branch, office)
    outsider = signed_in(role, "KC-SIT")
    assert str(phone.device) not in outsider.get("/hp/").content.decode()
    for path in ("", "danom/", "panjar/", "cabut/"):
        ask = outsider.post if path else outsider.get
        assert ask(f"/hp/{phone.device}/{path}", {"reason": "x"}).status_code == 404
    assert outsider.post("/hp/daftar/", {"officer": office.officers[0]}).status_code == 404


def test_headquarters_look_and_do_nothing_and_an_officer_sees_nothing(office, branch):
    phone = enrolled(branch, office)
    ministry = signed_in(Role.MINISTRY)
    assert "Siti" in ministry.get("/hp/").content.decode()
    assert ministry.get(f"/hp/{phone.device}/").status_code == 200
    assert ministry.post(f"/hp/{phone.device}/cabut/", {"reason": "x"}).status_code == 403
    assert signed_in(Role.OFFICER, "KC-BDW").get("/hp/").status_code == 404
    assert Client().get("/hp/").status_code == 302


# The emergency file


class Outbox:
    """A phone's outbox as the app keeps it: an AES key sealed to the server, each event and photo under it (static/lapangan)."""

    def __init__(self, phone):
        self.phone, self.raw, self.events, self.photos = phone, os.urandom(32), [], []

    def keep(self, envelope):
        plain = msgspec.json.encode(envelope)
        self.events.append(
            {"seq": self.phone.seq, **self._hidden(plain, f"event {self.phone.device} {self.phone.seq}")}
        )

    def photo(self, data):
        sha = hashlib.sha256(data).hexdigest()
        self.photos.append({"sha": sha, **self._hidden(data, f"photo {sha}")})
        return {**PHOTO, "sha": sha, "n": len(data)}

    def _hidden(self, plain, about):
        iv = os.urandom(12)
        hidden = AESGCM(self.raw).encrypt(iv, plain, about.encode())
        return {
            "dev": str(self.phone.device),
            "kid": "k1",
            "iv": wire.to_base64url(iv),
            "ct": wire.to_base64url(hidden),
        }

    def file(self):
        key = {"kid": "k1", "dev": str(self.phone.device), "sealed": wire.to_base64url(self.sealed())}
        return json.dumps({"salur": "outbox-v1", "devices": [str(self.phone.device)], "keys": [key], "events": self.events, "photos": self.photos}).encode()  # fmt: skip

    def sealed(self):
        server = sealing.public_point()
        mine = ec.generate_private_key(ec.SECP256R1())
        point = mine.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        shared = mine.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), server))
        key = AESGCM(HKDF(hashes.SHA256(), 32, salt=point + server, info=b"salur-seal-v1").derive(shared))
        iv = os.urandom(12)
        return point + iv + key.encrypt(iv, self.raw, str(self.phone.device).encode())


@pytest.fixture
def outbox(office, branch):
    """A phone that paid two families and photographed one house, and never sent anything."""
    phone = enrolled(branch, office)
    issued = lease.issue_lease(
        device=phone.device, stage=office.stage, entitlements=office.entitlements, day=now().date(), expires_at=now() + timedelta(hours=5),
        actor="kepala", at=now(),
    )  # fmt: skip
    outbox = Outbox(phone)
    about = {"wl": issued.id, "geo": PLACE, "amt": 600_000, "ch": "KOM", "ver": {"inv": "QR"}}
    for number in range(2):
        photo = outbox.photo(b"\xff\xd8\xff" + bytes([number]) * 500)
        outbox.keep(phone.make(typ="PAY", id=office.id(), asg=office.entitlements[number], ph=[photo], **about))
    return outbox


def test_an_emergency_file_brings_home_what_the_phone_could_not_send(office, branch, outbox, tmp_path, typed):
    file = tmp_path / "salur.json"
    file.write_bytes(outbox.file())
    first = typed(commands, "import-outbox", file)
    assert (first.code, first.data["events"], first.data["photos"]) == (0, 2, 2)
    assert first.data["answers"] == {"ACCEPTED": 2}
    again = typed(commands, "import-outbox", file)
    assert (again.code, again.data["answers"], again.data["photos_known"]) == (0, {"DUPLICATE": 2}, 2)
    assert balances(office)["paid"] == 1_200_000
    everything_adds_up(office)


def test_the_branch_takes_it_in_on_its_page_and_another_branch_does_not(office, branch, outbox):
    def upload(client):
        return client.post("/hp/berkas/", {"file": SimpleUploadedFile("salur.json", outbox.file())})

    assert upload(signed_in(Role.BRANCH, "KC-SIT")).status_code == 404
    assert "Berkas darurat diterima" in upload(branch).content.decode()
    assert balances(office)["paid"] == 1_200_000


def test_a_changed_byte_is_named_and_the_rest_comes_home(office, branch, outbox, tmp_path, typed):
    outbox.events[1]["ct"] = outbox.events[0]["ct"]
    file = tmp_path / "salur.json"
    file.write_bytes(outbox.file())
    found = typed(commands, "import-outbox", file)
    assert (found.code, found.data["events"]) == (1, 1)
    assert len(found.data["unreadable"]) == 2, "the event, and the photo that only it speaks of"
    assert balances(office)["paid"] == 600_000


@pytest.mark.parametrize("content", [b"", b"{}", b'{"salur": "other", "keys": [], "events": []}', b"\xff\xfe"])
def test_what_is_no_emergency_file_is_refused(office, branch, content, tmp_path, typed):
    file = tmp_path / "salur.json"
    file.write_bytes(content)
    assert typed(commands, "import-outbox", file).code == 2
    assert field.recount()[0].ok


def test_an_officer_without_a_contract_is_not_offered(office, branch):
    Person.objects.filter(id=office.officers[1]).update(contract_ends="2022-01-01")
    assert "Budi" not in branch.get("/hp/").content.decode()
    assert branch.post("/hp/daftar/", {"officer": office.officers[1]}).status_code == 409

"""The auditors' dossier is whole or says where it is not, on a machine that knows nothing of this system."""

import csv
import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.test import Client

from salur.custody import actions as custody
from salur.custody.rules import MINISTRY, Kind, Portion
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.lib.ids import uuid7_of
from salur.lib.problem import NotFound
from salur.reconciliation import actions, checker, dossier
from salur.reconciliation.commands import reconciliation
from salur.registry.actions import key_version, sealer
from salur.registry.rules import NIK

MARCH = datetime(2022, 3, 12, 5, tzinfo=UTC)
CLOSED = datetime(2022, 6, 20, tzinfo=UTC)
GEO = {"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": 1_647_061_200_000, "n": 3}


@pytest.fixture
def branch(office):
    """Bondowoso with names and NIKs; Siti's phone pays three of ten, and the books are closed."""
    version = key_version()
    with connection.cursor() as cursor:
        for n in range(1, 11):
            nik = np.frombuffer(f"9935{n:012}".encode(), np.uint8).reshape(1, 16)
            name = "=HYPERLINK(1)" if n == 1 else f"Bu Élok, {n}"
            cursor.execute(
                "INSERT INTO registry_family (stage, branch, id, nik_sealed, key_version, name) VALUES (%s, %s, %s, %s, %s, %s)",
                [
                    office.stage,
                    office.branch,
                    UUID(int=n),
                    sealer(NIK, version).seal_block(nik).tobytes(),
                    version,
                    name,
                ],
            )
    for kind, amount, hands in (
        (Kind.FUND, 20_000_000, {"branch": None, "given_by": MINISTRY, "taken_by": "pusat"}),
        (Kind.SUPPLY, 9_000_000, {"branch": office.branch, "given_by": "pusat", "taken_by": "rina"}),
        (Kind.HAND_OVER, 3_000_000, {"branch": office.branch, "officer": office.officers[0], "given_by": "rina", "taken_by": "siti"}),
    ):  # fmt: skip
        custody.move(
            kind=kind, portions=[Portion(office.id(), office.stage, amount)], reference=f"P-{kind}", at=MARCH, **{"officer": None, **hands}
        )  # fmt: skip
    token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=MARCH)
    key = new_key()
    certificate = lease.enrol_device(
        token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="1", at=MARCH
    )
    listed = lease.issue_lease(
        device=certificate.device, stage=office.stage, entitlements=office.entitlements, day=MARCH.date(),
        expires_at=CLOSED, actor="kepala", at=MARCH,
    )  # fmt: skip
    phone = Phone(certificate.device, key, defaults={"skew_age_s": 60})
    photo = [
        {
            "k": "KPM",
            "sha": "ab" * 32,
            "n": 70_000,
            "w": 1280,
            "h": 960,
            "mime": "image/webp",
            "cap_ms": 1_647_061_200_000,
        }
    ]
    paid_at = round(MARCH.timestamp() * 1000)
    envelopes = [
        phone.make(typ="PAY", id=uuid7_of(paid_at + n, bytes(10)), wl=listed.id, asg=office.entitlements[n], geo=GEO, ph=photo, amt=600_000, ch="KOM",
                   ver={"inv": "QR"}, cap_ms=paid_at + n)
        for n in range(3)
    ]  # fmt: skip
    body = msgspec.json.encode({"dev": phone.device, "ev": envelopes})
    answer = Client().post("/api/v1/sync/events", body, content_type="application/json").json()
    assert [out["r"].removesuffix("_FLAGGED") for out in answer["out"]] == ["ACCEPTED"] * 3, answer
    custody.move(
        kind=Kind.HAND_BACK, portions=[Portion(office.id(), office.stage, 1_200_000)], reference="P-back", at=MARCH + timedelta(hours=8),
        branch=office.branch, officer=office.officers[0], given_by="siti", taken_by="rina",
    )  # fmt: skip
    actions.close(stage_code=office.stage_code, place="KC-BDW", actor="rina", at=CLOSED)
    return office


@pytest.fixture
def made(branch, tmp_path):
    return dossier.make_dossier(
        stage_code=branch.stage_code, branch="KC-BDW", out=tmp_path / "KC-BDW.zip", actor="bpk", at=CLOSED
    )


def rows(path, name):
    with zipfile.ZipFile(path) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_a_dossier_holds_list_payments_custody_photos_signatures_and_is_whole(made, branch):
    assert checker.Dossier(str(made.path)).check(made.key) == []
    listed = rows(made.path, "daftar.csv")
    assert [row["akhir"] for row in listed] == ["paid"] * 3 + ["returned"] * 7
    assert listed[0]["nama"] == "'=HYPERLINK(1)", "no formula in the auditor's spreadsheet"
    assert all(set(row["nik"]) - set("0123456789") and "9935" not in row["nik"][4:] for row in listed), "masked"
    assert len(rows(made.path, "pembayaran.csv")) == 3
    assert [row["nominal_rp"] for row in rows(made.path, "kas.csv")] == ["9000000", "3000000", "1200000"]
    assert {row["sha256"] for row in rows(made.path, "foto.csv")} == {"ab" * 32}
    assert [len(row["tanda_tangan"]) for row in rows(made.path, "kejadian.csv")] == [128] * 3
    assert len(rows(made.path, "mutasi.csv")) == 6
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("manifest.json"))["statement"]["difference_rp"] == 0
        assert b"9935000000000001" not in b"".join(archive.read(name) for name in archive.namelist())


def test_the_verifier_inside_runs_alone_with_nothing_but_python(made, tmp_path):
    alone = tmp_path / "auditor"
    alone.mkdir()
    with zipfile.ZipFile(made.path) as archive:
        archive.extract("periksa.py", alone)

    def verify(path, *words):
        return subprocess.run(
            [sys.executable, "-I", "-S", "periksa.py", str(path), *words], cwd=alone, capture_output=True, text=True, env={}, check=False
        )  # fmt: skip

    whole = verify(made.path, "--kunci", made.key)
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, "Berkas utuh.")
    assert verify(made.path, "--kunci", "ab" * 32).returncode == 1
    tampered = alone / "lain.zip"
    data = bytearray(made.path.read_bytes())
    data[200] ^= 1
    tampered.write_bytes(data)
    told = verify(tampered)
    assert told.returncode == 1
    assert "SALAH: byte 0 sampai 1024 diubah: daftar.csv" in told.stdout
    assert verify(alone / "tidak-ada.zip").returncode == 2


def places(path):
    """Each member with the bytes it covers, then the directory with the seal."""
    with zipfile.ZipFile(path) as archive:
        starts = [(one.header_offset, one.filename) for one in archive.infolist()]
        starts.append((archive.start_dir, "directory"))
    ends = [start for start, _ in starts[1:]] + [Path(path).stat().st_size]
    return [(name, start, end) for (start, name), end in zip(starts, ends, strict=True)]


def test_any_byte_changed_in_any_member_is_found_and_the_place_is_named(made, tmp_path):
    data, random_ = made.path.read_bytes(), random.Random(8)
    copy = tmp_path / "copy.zip"
    members = places(made.path)
    assert len(members) == len(dossier.TABLES) + 6
    for name, start, end in members:
        for at in {start, end - 1, *(random_.randrange(start, end) for _ in range(3))}:
            tampered = bytearray(data)
            tampered[at] ^= 1 << random_.randrange(8)
            copy.write_bytes(tampered)
            wrong = checker.Dossier(str(copy)).check(made.key)
            assert wrong, f"byte {at} of {name} was changed unseen"
            said = " ".join(wrong)
            if name == "directory":
                assert "byte" in said, said
            else:
                assert name in said or "daftar isi ZIP" in said, (name, at, wrong)
                assert any(
                    sentence.startswith(f"byte {at - at % 1024} sampai") for sentence in wrong
                ), (name, at, wrong)  # fmt: skip


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[1:], lambda data: data + b"x", lambda data: data[:500] + b"\0" + data[500:],
                                    lambda data: b"", lambda data: data[: len(data) // 2]])  # fmt: skip
def test_a_byte_more_or_less_is_found(made, tmp_path, change):
    copy = tmp_path / "copy.zip"
    copy.write_bytes(change(made.path.read_bytes()))
    assert checker.Dossier(str(copy)).check()


def forge(made, path, change):
    """Somebody with a key of his own writes the whole ZIP again, with one file as he would like it."""
    with zipfile.ZipFile(made.path) as old, zipfile.ZipFile(path, "w") as new:
        contents = {name: old.read(name) for name in old.namelist()}
        change(contents)
        for name, content in contents.items():
            new.writestr(name, content)


def test_who_seals_another_dossier_has_another_key(made, tmp_path, monkeypatch):
    path = tmp_path / "forged.zip"
    forge(made, path, lambda contents: None)
    monkeypatch.setattr(dossier, "_key", Ed25519PrivateKey.generate)
    other = Ed25519PrivateKey.generate()
    monkeypatch.setattr(dossier, "_key", lambda: other)
    dossier._seal(path)
    assert checker.Dossier(str(path)).check() == []
    (wrong,) = checker.Dossier(str(path)).check(made.key)
    assert "kunci lain" in wrong


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("daftar.csv", b",paid,", b",held,", "bukan untuk hak yang berakhir dibayar"),
        ("daftar.csv", b"not_visited", b"dead", ""),
        ("kejadian.csv", b'""amt"":600000', b'""amt"":900000', "bukan isi yang ditandatangani"),
        ("jejak-audit.jsonl", b"rina", b"budi", "tidak mengikuti catatan sebelumnya"),
        ("mutasi.csv", b"600000", b"600001", "buku kas membayar"),
    ],
)
def test_figures_that_do_not_agree_are_found_even_under_a_good_seal(made, tmp_path, name, old, new, said):
    """The seal alone does not make sums right: what is inside is added up again."""
    path = tmp_path / "again.zip"

    def change(contents):
        assert old in contents[name], contents[name][:2000]
        contents[name] = contents[name].replace(old, new, 1)
        manifest = json.loads(contents["manifest.json"])
        manifest["files"][name] = {
            "bytes": len(contents[name]),
            "sha256": hashlib.sha256(contents[name]).hexdigest(),
        }
        contents["manifest.json"] = json.dumps(manifest).encode()

    forge(made, path, change)
    dossier._seal(path)
    wrong = checker.Dossier(str(path)).check(made.key)
    assert bool(wrong) == bool(said)
    assert said in " ".join(wrong)


def test_it_is_made_of_one_branch_whole_or_not_at_all_and_leaves_a_trace(branch, tmp_path, typed):
    words = ["--stage", branch.stage_code, "--as", "bpk"]
    answer = typed(reconciliation, "dossier", *words, "--area", "KC-BDW", "--out", tmp_path / "a.zip")
    assert (answer.code, answer.data["families"]) == (0, 10)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]
    for place in ("REG-5", "35.11", "KC-XX"):
        assert typed(reconciliation, "dossier", *words, "--area", place, "--out", tmp_path / "b.zip").code == 2
    assert typed(reconciliation, "dossier", *words, "--area", "KC-BDW", "--out", tmp_path / "no" / "b.zip").code == 2
    with pytest.raises(NotFound):
        dossier.make_dossier(
            stage_code=branch.stage_code, branch="KC-SIT", out=tmp_path / "c.zip", actor="bpk", at=CLOSED, branches=[branch.branch]
        )  # fmt: skip
    from salur.audit import actions as audit

    (entry,) = audit.entries(subject="dossier/KC-BDW")
    assert (entry.actor, entry.facts["sha256"]) == ("bpk", answer.data["sha256"])

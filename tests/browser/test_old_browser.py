"""The officers' app on the oldest browser it promises to run on: Chromium 109, of January 2023.

Fetched by ``tools/get_old_browser.py``, which says why where it cannot be had; ``SALUR_OLD_CHROMIUM`` names another old one.
"""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from playwright.sync_api import Browser, expect

from conftest import PostOffice, make_post_office
from salur.field import actions as field
from salur.field import lease, sealing
from salur.ledger import actions as ledger
from salur.lib.clock import now
from salur.lib.letter_code import letter_code, letter_payload, letters_key
from salur.payments import actions as payments
from tests.browser.handset import Handset, film, new_profile, press, type_pin

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import get_old_browser  # noqa: E402 — a tool, not a package

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AMOUNT_RP = 600_000


@pytest.fixture(scope="module")
def old_chromium() -> str:
    named = os.environ.get("SALUR_OLD_CHROMIUM")
    if named:
        return named
    try:
        return str(get_old_browser.path())
    except get_old_browser.Unavailable as reason:
        pytest.skip(f"no Chromium 109: {reason}")


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    made = make_post_office()
    with connection.cursor() as cursor:
        for number in range(1, 11):
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, '1970-01-01', NULL, %s, '002', '005')""",
                [made.stage, UUID(int=number), made.branch, f"Keluarga {number}", f"Jl. Melati No. {number}"],
            )
    return made


@pytest.fixture
def handset(browser: Browser, old_chromium: str, server: str, office: PostOffice, tmp_path: Path) -> Iterator[Handset]:
    camera = film(tmp_path / "letter.y4m", letter_payload(office.entitlements[0], AMOUNT_RP, letters_key()))
    made = Handset(
        browser.browser_type,
        old_chromium,
        new_profile(),
        server,
        camera=camera,
        environment=get_old_browser.environment(),
        # This build has no window in which to ask for the camera, and answers "not supported" whatever was granted.
        arguments=["--use-fake-ui-for-media-stream"],
    )
    yield made
    made.stop()


def test_a_day_on_chromium_109(handset: Handset, office: PostOffice) -> None:
    page = handset.start()
    assert "Chrome/109." in page.evaluate("navigator.userAgent") or "SALUR_OLD_CHROMIUM" in os.environ
    token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=now())
    handset.open(f"/lapangan/#daftar={token}.{sealing.fingerprint()}")
    expect(page.locator(".tests .good")).to_have_count(4)  # storage, decoder, camera, position
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_device")
        (device,) = cursor.fetchone()
    lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements, day=now().date(), expires_at=now() + timedelta(hours=20),
        actor="kepala", at=now(),
    )  # fmt: skip
    press(page, "Ambil danom")
    expect(page.get_by_text("10 KPM · Rp6.000.000")).to_be_visible()
    press(page, "Buka hari kerja")
    page.fill("#float", "1200000")
    press(page, "Mulai bekerja")
    expect(page.locator("#strip b").first).to_have_text("0")

    handset.context.set_offline(True)
    page.locator("[data-go=scan]").click()
    expect(page.locator(".kpm h2")).to_have_text("Keluarga 1")
    for id in office.entitlements[:2]:
        page.locator("#pay:enabled").click()
        page.locator("[data-value=ktp]").click()
        page.locator("[data-kind=KPM] button").click()
        page.locator(".shutter:enabled").click()
        expect(page.locator("[data-kind=KPM] img")).to_be_visible()
        page.locator("#hand-over:enabled").click()
        page.locator("#receipt").wait_for()
        page.locator("[data-go=home]").click()
        if id == office.entitlements[0]:  # the battery is out; the app comes up without signal
            handset.kill()
            page = handset.start()
            handset.context.set_offline(True)
            handset.open()
            type_pin(page)
            page.locator("[data-go=list]").click()
            page.fill("#query", letter_code(office.entitlements[1]))
            page.locator(".family").first.click()
    handset.context.set_offline(False)
    expect(page.locator("#strip b").first).to_have_text("0")
    expect(page.locator("#strip [data-n=photo]")).to_have_text("0")
    press(page, "Tutup hari kerja")
    page.fill("#left", "0")
    press(page, "Tutup dan serahkan Rp0")
    expect(page.get_by_text("Hari kerja ditutup").first).to_be_visible()
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, answer LIKE 'ACCEPTED%%' FROM field_event ORDER BY seq")
        assert cursor.fetchall() == [("OPEN", True), ("PAY", True), ("PAY", True), ("CLOSE", True)]
    for check in (*payments.recount(stage=office.stage), *ledger.recount(stage=office.stage), *field.recount()):
        assert check.ok, f"{check.name}: {check.examples}"
    assert not [said for said in handset.said if "Failed to load resource" not in said], handset.said

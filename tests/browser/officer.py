"""What an officer's thumbs do on the phone, and what has reached the server: for every test of a phone's misfortunes."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import connection
from playwright.sync_api import Page, expect

from conftest import PostOffice, make_post_office
from salur.field import lease, sealing
from salur.ledger import actions as ledger
from salur.lib.clock import now
from salur.lib.letter_code import letter_code
from salur.payments import actions as payments
from tests.browser.handset import PATIENCE_MS, Handset, press, type_pin

FLOAT_RP = 6_000_000
OUTBOX = """async () => (await (await import("/lapangan/db.js")).all("outbox")).map((one) => ({ seq: one.seq, typ: one.typ, state: one.state, answer: one.answer }))"""
RUN = "async () => (await import('/lapangan/sync.js')).run()"


def ten_families() -> PostOffice:
    """A branch whose list has ten families."""
    made = make_post_office()
    with connection.cursor() as cursor:
        for number in range(1, 11):
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, '1970-01-01', NULL, %s, '002', '005')""",
                [made.stage, UUID(int=number), made.branch, f"Keluarga {number}", f"Jl. Melati No. {number}"],
            )
    return made


def enrol(handset: Handset, office: PostOffice) -> UUID:
    """The phone becomes Siti's and fetches ten families; returns the device."""
    token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=now())
    page = handset.open(f"/lapangan/#daftar={token}.{sealing.fingerprint()}")
    expect(page.locator(".tests b.good, .tests b.poor")).to_have_count(5)
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_device ORDER BY enrolled_at DESC LIMIT 1")
        return UUID(str(cursor.fetchone()[0]))


def hand_out(page: Page, office: PostOffice, device: UUID) -> None:
    lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements, day=now().date(), expires_at=now() + timedelta(hours=20),
        actor="kepala", at=now(),
    )  # fmt: skip
    press(page, "Ambil danom")
    expect(page.get_by_text("10 KPM · Rp6.000.000")).to_be_visible()


def open_day(page: Page) -> None:
    press(page, "Buka hari kerja")
    page.fill("#float", str(FLOAT_RP))
    press(page, "Mulai bekerja")
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp6.000.000")


def begin(handset: Handset, office: PostOffice) -> UUID:
    page = handset.start()
    device = enrol(handset, office)
    hand_out(page, office, device)
    open_day(page)
    home_and_sent(page)
    return device


def home_and_sent(page: Page) -> None:
    expect(page.locator("#strip b").first).to_have_text("0")


def open_card(page: Page, id: UUID) -> None:
    page.locator("[data-go=list]").click()
    page.fill("#query", letter_code(id))
    page.locator(".family").first.click()


def hand_over(page: Page, *, photo: bool = True) -> None:
    page.locator("#pay:enabled").click()
    page.locator("[data-value=ktp]").click()
    if photo:
        page.locator("[data-kind=KPM] button").click()
        page.locator(".shutter:enabled").click()
        expect(page.locator("[data-kind=KPM] img")).to_be_visible()
    else:
        page.locator("[data-value=bare]").click()
    page.locator("#hand-over:enabled").click()


def pay(page: Page, id: UUID, *, photo: bool = True) -> None:
    open_card(page, id)
    hand_over(page, photo=photo)
    page.locator("#receipt").wait_for()
    page.locator("[data-go=home]").click()


def wake(page: Page) -> None:
    type_pin(page)
    page.locator("#strip").wait_for()


def again(handset: Handset) -> Page:
    """The battery was out: the app, after the PIN."""
    handset.kill()
    page = handset.start()
    handset.open()
    wake(page)
    return page


def at_server() -> list[tuple[int, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, kind, answer FROM field_event ORDER BY device, seq")
        return [(seq, kind, answer) for seq, kind, answer in cursor.fetchall()]


def kinds() -> list[str]:
    return [kind for _, kind, _ in at_server()]


def until(true: Callable[[], bool], page: Page, seconds: float = PATIENCE_MS / 1000) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return
        page.wait_for_timeout(200)
    raise AssertionError(
        f"it did not happen in time: {at_server()}, photos {photos()}, {page.locator('#strip').inner_text()}"
    )


def deny(handset: Handset, permission: str) -> None:
    session = handset.browser.new_browser_cdp_session()
    session.send(
        "Browser.setPermission",
        {"permission": {"name": permission}, "setting": "denied", "origin": handset.server},
    )


def whole(office: PostOffice) -> None:
    for check in (*payments.recount(stage=office.stage), *ledger.recount(stage=office.stage)):
        assert check.ok, f"{check.name}: {check.examples}"


def photos() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(b.sha256) FROM field_photo p LEFT JOIN field_blob b USING (sha256)")
        told, stored = cursor.fetchone()
    return told, stored


def list_of(page: Page) -> str:
    return str(page.evaluate("async () => (await import('/lapangan/worklist.js')).lists[0].id"))

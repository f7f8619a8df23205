"""The officer's app in a real browser before a real server: enrol, take the list along, pay without signal, come back, close to the rupiah.

The camera sees a film of a printed letter, rendered from its PDF; position and network are the browser's own emulation.
"""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pypdfium2
import pytest
from django.db import connection
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from conftest import PostOffice, make_post_office
from salur.field import actions as field
from salur.field import lease, sealing
from salur.ledger import actions as ledger
from salur.lib import pdf
from salur.lib.clock import now
from salur.lib.letter_code import letter_code, letter_payload, letters_key
from salur.payments import actions as payments
from salur.planning.papers.actions import TEMPLATES
from salur.planning.papers.rules import Family, Heading, letters
from tests.browser.handset import PATIENCE_MS

pytestmark = pytest.mark.browser

PIN = "271828"
NAMES = [
    "Muhammad Saleh", "Siti Aminah", "Soeharto Wibowo", "Nurhayati", "Abdul Rahman", "Sumiati", "Moch. Fauzi", "Djumadi", "Halimatus Sa'diyah",
    "Buhari", "Rukmini", "Zainuddin",
]  # fmt: skip
SCANNED = UUID("0190a0b0-c0d0-7000-8000-0000000000aa")  # the letter that the camera's film shows


def printed_letter() -> Image.Image:
    """The letter of the scanned family as the office prints it, rendered from its PDF at 150 dots an inch."""
    heading = Heading(
        "Bondowoso", "Kartu Sembako", "Januari–Maret 2022", 1, "Sucolor", "Maesan", "Kab. Bondowoso", "same_family"
    )
    family = Family(SCANNED, "BDW-1", NAMES[0], "9911••••••••0001", "Jl. Melati No. 1", "002", "005", 600_000)
    (data,) = letters(heading, [family], letters_key())
    paper = pdf.render(TEMPLATES / "letter.typ", data, title="Surat undangan", as_of=now())
    page = pypdfium2.PdfDocument(paper.content)[0]
    return page.render(scale=150 / 72, grayscale=True).to_pil()


def film(path: Path, page: Image.Image) -> None:
    """A second of YUV 4:2:0 at 640 × 480, with grain as a real sensor has: the camera over the QR of a printed letter."""
    width, height = 640, 480
    # The code is in the upper right of the page; a hand that holds a phone shows it with what is around it.
    seen = page.crop((page.width - 430, 110, page.width, 110 + 430 * height // width)).resize((width, height))
    luma = 20 + np.asarray(seen).astype(float) * (215 / 255)
    grain = np.random.default_rng(1).integers(-12, 12, luma.shape)
    luma = np.clip(luma.astype(int) + grain, 16, 235).astype(np.uint8)
    grey = np.full(width * height // 2, 128, dtype=np.uint8).tobytes()
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420\n".encode())
        for _ in range(10):
            out.write(b"FRAME\n" + luma.tobytes() + grey)


@pytest.fixture(scope="module")
def phone_browser(chromium: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Browser]:
    """Chromium with a camera that films a letter."""
    letter = tmp_path_factory.mktemp("camera") / "letter.y4m"
    film(letter, printed_letter())
    with_camera = browser.browser_type.launch(
        executable_path=chromium,
        args=[
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={letter}",
        ],
    )
    yield with_camera
    with_camera.close()


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    """The small post office, its families with names, one of them the family of the filmed letter."""
    made = make_post_office()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE danom_entitlement SET id = %s WHERE id = %s", [SCANNED, made.entitlements[0]])
        made.entitlements[0] = SCANNED
        for number, name in enumerate(NAMES[:10], start=1):
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, '1970-01-01', NULL, %s, '002', '005')""",
                [made.stage, UUID(int=number), made.branch, name, f"Jl. Melati No. {number}"],
            )
    return made


@pytest.fixture
def phone(phone_browser: Browser, server: str, office: PostOffice) -> Iterator[Page]:
    context = phone_browser.new_context(
        viewport={"width": 360, "height": 640}, locale="id-ID", timezone_id="Asia/Jakarta", has_touch=True,
        permissions=["camera", "geolocation"], geolocation={"latitude": -7.9137, "longitude": 113.8214, "accuracy": 8},
        base_url=server, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: print("page error:", error))  # noqa: T201
    page.on("console", lambda said: print("console:", said.text) if said.type == "error" else None)  # noqa: T201
    yield page
    context.close()


def enrol(page: Page, office: PostOffice) -> None:
    token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=now())
    page.goto(f"/lapangan/#daftar={token}.{sealing.fingerprint()}")
    expect(page.locator(".tests .good")).to_have_count(4)  # storage, decoder, camera, position


def type_pin(page: Page, pin: str = PIN) -> None:
    for digit in pin:
        page.locator(".pad").get_by_role("button", name=digit, exact=True).click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def hand_out(office: PostOffice) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_device ORDER BY enrolled_at DESC LIMIT 1")
        (device,) = cursor.fetchone()
    lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements, day=now().date(), expires_at=now() + timedelta(hours=20),
        actor="kepala", at=now(),
    )  # fmt: skip


def begin_day(page: Page, office: PostOffice, float_rp: str = "6000000") -> None:
    enrol(page, office)
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    hand_out(office)
    press(page, "Ambil danom")
    expect(page.get_by_text("10 KPM · Rp6.000.000")).to_be_visible()
    press(page, "Buka hari kerja")
    page.fill("#float", float_rp)
    press(page, "Mulai bekerja")
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp6.000.000")


def pay_open_card(page: Page) -> str:
    """From the family card to the receipt; returns the receipt's number."""
    page.locator("footer").get_by_role("button", name="Bayar Rp600.000").click()
    page.locator("[data-value=ktp]").click()
    page.locator("[data-value=kk]").click()
    page.locator("[data-kind=KPM] button").click()
    page.locator(".shutter:enabled").click()
    expect(page.locator("[data-kind=KPM] img")).to_be_visible()
    page.locator("#hand-over:enabled").click()
    return page.locator("#receipt").inner_text()


def events(office: PostOffice) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, kind, answer FROM field_event ORDER BY seq")
        return cursor.fetchall()


def test_a_day_with_signal_without_and_with_it_again(phone: Page, office: PostOffice, pictures: Path) -> None:
    page = phone
    begin_day(page, office)
    page.screenshot(path=pictures / "lapangan-hari-ini.png")

    press(page, "Pindai undangan")  # the film's letter
    expect(page.get_by_role("heading", name=NAMES[0])).to_be_visible()
    page.screenshot(path=pictures / "lapangan-kartu.png")
    receipts = [pay_open_card(page)]
    page.screenshot(path=pictures / "lapangan-resi.png")

    page.context.set_offline(True)
    press(page, "Ke beranda")
    press(page, "Cari KPM")
    page.fill("#query", "suharto wibowo")  # written Soeharto on the list
    page.screenshot(path=pictures / "lapangan-cari.png")
    page.locator(".family").first.click()
    receipts.append(pay_open_card(page))
    expect(page.get_by_text("Akan dikirim saat ada sinyal")).to_be_visible()

    press(page, "KPM berikutnya")
    page.go_back()
    page.goto("/lapangan/")  # the app starts again without signal: from the service worker
    type_pin(page)
    press(page, "Cari KPM")
    page.fill("#query", letter_code(office.entitlements[4]))
    page.locator(".family").first.click()
    press(page, "Tidak dibayar")
    page.locator("[data-value=SAKIT]").click()
    page.screenshot(path=pictures / "lapangan-tidak-dibayar.png")
    press(page, "Simpan")
    expect(page.locator("#receipt")).to_be_visible()
    press(page, "Ke beranda")
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp4.800.000")
    assert len(events(office)) <= 2, "nothing arrived while there was no signal"
    press(page, "Tutup hari kerja")
    expect(page.get_by_text("belum terkirim. Cari sinyal dulu")).to_be_visible()
    page.screenshot(path=pictures / "lapangan-tutup-tertahan.png")

    page.context.set_offline(False)
    page.go_back()
    expect(page.locator("#strip b").first).to_have_text("0")
    press(page, "Tutup hari kerja")
    page.fill("#left", "4800000")
    press(page, "Tutup dan serahkan Rp4.800.000")
    expect(page.get_by_text("Serahkan sisa uang")).to_be_visible()
    end = time.monotonic() + 20
    while len(events(office)) < 5 and time.monotonic() < end:  # the day is closed on the phone first, then it is sent
        page.wait_for_timeout(100)

    assert [(seq, kind) for seq, kind, _ in events(office)] == [
        (1, "OPEN"),
        (2, "PAY"),
        (3, "PAY"),
        (4, "UNPAID"),
        (5, "CLOSE"),
    ]
    assert all(answer.startswith("ACCEPTED") for _, _, answer in events(office))
    assert len(set(receipts)) == 2
    balances = {row.code: row.balance_rp for row in ledger.balances(stage=office.stage) if row.balance_rp}
    assert balances["paid"] == 1_200_000
    for check in (*payments.recount(stage=office.stage), *ledger.recount(stage=office.stage), *field.recount()):
        assert check.ok, f"{check.name}: {check.examples}"


def test_five_wrong_pins_wipe_the_list_but_never_the_outbox(phone: Page, office: PostOffice) -> None:
    page = phone
    begin_day(page, office)
    page.context.set_offline(True)
    press(page, "Cari KPM")
    page.locator(".family").nth(1).click()
    pay_open_card(page)
    page.goto("/lapangan/")
    for left in (4, 3, 2, 1):
        type_pin(page, "314159")
        expect(page.get_by_text(f"Sisa {left} kali")).to_be_visible()
    type_pin(page, "314159")
    expect(page.get_by_text("Daftar dihapus")).to_be_visible()
    kept = page.evaluate(
        """async () => { const db = await import('/lapangan/db.js');
        return {outbox: (await db.all('outbox')).map((e) => [e.seq, e.typ]), chunks: (await db.all('chunks')).length,
            vault: (await db.meta('vault')) ?? null, keys: (await db.all('keys')).length}; }"""
    )
    assert [typ for _, typ in kept["outbox"]] == ["OPEN", "PAY"]
    assert (kept["chunks"], kept["vault"]) == (0, None)
    assert kept["keys"] >= 1, "the server can still open the outbox"


def test_a_forged_letter_and_one_with_a_changed_amount_are_refused_without_signal(
    phone: Page, office: PostOffice
) -> None:
    page = phone
    begin_day(page, office)
    page.context.set_offline(True)
    key = letters_key()
    mine, changed = letter_payload(SCANNED, 600_000, key), letter_payload(SCANNED, 500_000, key)
    letters = [
        mine,
        mine.lower(),
        changed,
        letter_payload(SCANNED, 600_000, b"guessed"),
        mine[:44],
        mine[:-1] + ("A" if mine[-1] != "A" else "B"),
    ]
    letters.append(letter_payload(UUID(int=7), 600_000, key))  # ours, of a family of another list
    opened, false = page.evaluate(
        """async (letters) => {
          const list = await import("/lapangan/worklist.js");
          return [letters.map((one) => list.familyOfLetter(one)?.asg ?? null), letters.map((one) => list.isFalseLetter(one))];
        }""",
        letters,
    )
    assert opened == [str(SCANNED), str(SCANNED), None, None, None, None, None]
    assert false == [False, False, True, True, False, True, False]

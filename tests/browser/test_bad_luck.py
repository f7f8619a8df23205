"""What befalls a phone in the field, one misfortune at a time, and what the app promises for each.

Every test ends at the server: what the officer recorded is there, once. The misfortunes all at once, thousands of times, are in ``test_fault_run``.
"""

import base64
import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from conftest import PostOffice
from salur.cases import actions as cases
from salur.field import lease, outbox_file
from salur.field.pages import FOLDER, shell
from salur.lib.clock import now
from salur.lib.letter_code import letter_code
from tests.browser.handset import Handset, Line, press, type_pin
from tests.browser.officer import (
    OUTBOX,
    RUN,
    again,
    at_server,
    begin,
    deny,
    enrol,
    hand_over,
    home_and_sent,
    kinds,
    list_of,
    open_card,
    pay,
    photos,
    ten_families,
    until,
    whole,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    return ten_families()


def test_two_tabs_pay_a_family_once_and_share_one_chain(handset: Handset, line: Line, office: PostOffice) -> None:
    begin(handset, office)
    one, ids = handset.page, office.entitlements
    two = handset.new_page()
    two.goto(handset.server + "/lapangan/")
    type_pin(two)
    two.locator("[data-cash=left]").wait_for()
    line.dead = True
    for page in (one, two):  # the same family is open in both
        open_card(page, ids[0])
    hand_over(one)
    one.locator("#receipt").wait_for()
    hand_over(two)
    expect(two.get_by_role("alert").filter(has_text="Dibayar")).to_be_visible()
    expect(two.locator("#hand-over")).to_be_disabled()
    # Both record at once: one chain, no number twice, none left out.
    mark = """async ([wl, ids]) => { const chain = await import("/lapangan/chain.js"); const done = [];
        for (let n = 0; n < 25; n++) done.push(chain.append({ typ: "UNPAID", wl, asg: ids[n % ids.length], reason: "SAKIT", note: "", geo_err: 2 }));
        return (await Promise.all(done)).length; }"""
    for page in (one, two):
        page.evaluate(f"(what) => {{ window.marking = ({mark})(what); }}", [list_of(one), [str(id) for id in ids[1:]]])
    assert [page.evaluate("window.marking") for page in (one, two)] == [25, 25]
    assert [event["seq"] for event in one.evaluate(OUTBOX)] == list(range(1, 53))
    line.dead = False
    for page in (one, two):  # both send, one does
        page.evaluate(RUN)
    until(lambda: len(at_server()) == 52, one)
    assert [seq for seq, _, _ in at_server()] == list(range(1, 53))
    assert kinds().count("PAY") == 1
    assert all(answer.startswith("ACCEPTED") for _, _, answer in at_server())
    # A day that one tab closes is closed in the other.
    for page in (one, two):
        page.goto(handset.server + "/lapangan/")
        type_pin(page)
        page.locator("[data-cash=left]").wait_for()
    open_card(two, ids[5])
    two.locator("#pay:enabled").click()
    home_and_sent(one)
    press(one, "Tutup hari kerja")
    one.fill("#left", "5400000")
    press(one, "Tutup dan serahkan Rp5.400.000")
    expect(one.get_by_text("Hari kerja ditutup").first).to_be_visible()
    two.locator("[data-value=ktp]").click()
    two.locator("[data-value=bare]").click()
    two.locator("#hand-over:enabled").click()
    expect(two.get_by_text("Buka hari kerja dulu")).to_be_visible()
    assert kinds().count("PAY") == 1
    whole(office)


def test_a_clock_of_2020_stops_no_payment_but_no_day_is_begun_on_it(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    handset.kill()
    page = handset.start()
    line.dead = True
    page.clock.install(time=datetime(2020, 1, 1, 8, tzinfo=UTC))
    handset.open()
    type_pin(page)
    pay(page, office.entitlements[0])  # the list has not ended: the clock is a claim, the server's time the measure
    assert page.evaluate("new Date().getFullYear()") == 2020
    line.dead = False
    page.evaluate(RUN)
    until(lambda: "PAY" in kinds(), page)
    assert at_server()[-1][2] == "ACCEPTED_FLAGGED"
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8')::json ->> 'cap_ms' FROM field_event WHERE kind = 'PAY'")
        assert datetime.fromtimestamp(int(cursor.fetchone()[0]) / 1000, UTC).year == 2020, (
            "what the phone claimed is kept"
        )
    page.locator("[data-go=list]").click()
    page.go_back()
    expect(page.get_by_text("Betulkan di pengaturan")).to_be_visible()  # it knows now that its clock is off
    home_and_sent(page)
    press(page, "Tutup hari kerja")
    page.fill("#left", "5400000")
    press(page, "Tutup dan serahkan Rp5.400.000")
    expect(page.get_by_text("Hari kerja ditutup").first).to_be_visible()
    press(page, "Ke beranda")
    press(page, "Buka hari kerja")
    page.fill("#float", "1000000")
    press(page, "Mulai bekerja")
    expect(page.get_by_text("Jam HP salah")).to_be_visible()
    assert kinds() == ["OPEN", "PAY", "CLOSE"]
    whole(office)


def test_turning_the_clock_back_does_not_bring_an_ended_list_back(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    handset.kill()
    line.dead = True
    page = handset.start()
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=30))  # the night has passed
    handset.open()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    left = page.evaluate("async () => (await (await import('/lapangan/db.js')).all('chunks')).length")
    assert left == 0, "the families are gone from the disk"
    handset.kill()
    page = handset.start()  # and its own clock again
    handset.open()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    assert [event["typ"] for event in page.evaluate(OUTBOX)] == ["OPEN"]


def test_without_a_position_a_payment_goes_through_and_a_geotag_does_not(handset: Handset, office: PostOffice) -> None:
    begin(handset, office)
    page = handset.page
    deny(handset, "geolocation")
    open_card(page, office.entitlements[0])
    page.locator("#pay:enabled").click()
    expect(page.get_by_text("Posisi tidak diizinkan")).to_be_visible()
    page.go_back()
    expect(page.locator("#pay:enabled")).to_be_visible()
    hand_over(page)
    page.locator("#receipt").wait_for()
    page.locator("[data-go=home]").click()
    page.locator("[data-go=houses]").click()
    page.locator(".family").nth(2).click()
    page.locator("[data-kind=RUMAH] button").click()
    page.locator(".shutter:enabled").click()
    expect(page.locator("[data-kind=RUMAH] img")).to_be_visible()
    expect(page.get_by_text("Geotag perlu posisi")).to_be_visible()
    expect(page.locator("#geotag")).to_be_disabled()
    until(lambda: "PAY" in kinds(), page)
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8')::json ->> 'geo_err' FROM field_event WHERE kind = 'PAY'")
        assert cursor.fetchone() == ("1",), "the payment says why it has no place"
    whole(office)


def test_without_a_camera_codes_are_typed_and_the_missing_photo_is_told(handset: Handset, office: PostOffice) -> None:
    begin(handset, office)
    page = handset.page
    deny(handset, "camera")
    page.locator("[data-go=scan]").click()
    expect(page.get_by_text("Kamera tidak diizinkan")).to_be_visible()
    page.fill("#typed", letter_code(office.entitlements[0]))
    page.locator("#pay:enabled").click()
    page.locator("[data-value=ktp]").click()
    page.locator("[data-kind=KPM] button").click()
    expect(page.get_by_text("Kamera tidak diizinkan")).to_be_visible()
    page.locator("#hand-over:enabled").click()
    page.locator("#receipt").wait_for()
    until(lambda: "PAY" in kinds(), page)
    assert at_server()[-1][2] == "ACCEPTED_FLAGGED"
    with connection.cursor() as cursor:
        cursor.execute("SELECT convert_from(body, 'UTF8')::json #>> '{ver,inv}' FROM field_event WHERE kind = 'PAY'")
        assert cursor.fetchone() == ("TYPED",)
    whole(office)


def test_after_five_wrong_pins_the_phone_is_enrolled_again_and_what_it_kept_is_posted(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    page = handset.page
    line.dead = True
    pay(page, office.entitlements[0])
    pay(page, office.entitlements[1])
    handset.kill()
    page = handset.start()
    handset.open()
    for left in (4, 3):
        type_pin(page, "314159")
        expect(page.get_by_text(f"Sisa {left} kali")).to_be_visible()
    handset.kill()  # taking the battery out buys no further tries
    page = handset.start()
    handset.open()
    for left in (2, 1):
        type_pin(page, "314159")
        expect(page.get_by_text(f"Sisa {left} kali")).to_be_visible()
    type_pin(page, "314159")
    expect(page.get_by_text("Daftar dihapus")).to_be_visible()
    assert [event["typ"] for event in page.evaluate(OUTBOX)] == ["OPEN", "PAY", "PAY"]
    with page.expect_download() as saved:
        press(page, "Simpan berkas darurat")
    file = Path(saved.value.path()).read_bytes()
    assert b"Keluarga" not in file, "it tells nobody anything"
    assert str(office.entitlements[0]).encode() not in file
    line.dead = False
    press(page, "Daftarkan")
    enrol(handset, office)
    until(lambda: kinds().count("PAY") == 2, page)
    assert all(answer.startswith("ACCEPTED") for _, _, answer in at_server())
    until(lambda: photos() == (2, 2), page)
    # The file says the same once more: it changes nothing.
    again = outbox_file.import_outbox(content=file, actor="kepala", at=now())
    assert set(again.answers) <= {"ACCEPTED", "ACCEPTED_FLAGGED", "DUPLICATE"}
    assert kinds().count("PAY") == 2
    whole(office)


def test_a_phone_revoked_while_offline_brings_all_it_has_and_then_forgets(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    device = begin(handset, office)
    page = handset.page
    line.dead = True
    pay(page, office.entitlements[0])
    lease.revoke_device(device=device, reason="hilang di pasar", actor="kepala", at=now())
    pay(page, office.entitlements[1])  # it cannot know
    line.dead = False
    page.evaluate(RUN)
    expect(page.get_by_text("HP ini dicabut")).to_be_visible()
    assert kinds() == ["OPEN", "PAY", "PAY"]
    before, after = at_server()[1][2], at_server()[2][2]
    assert before.startswith("ACCEPTED"), "what was paid before the phone was revoked is a payment"
    assert after == "REVOKED_AFTER" or after.startswith("SUSPENSE")
    assert photos()[0] == photos()[1]
    left = page.evaluate(
        """async () => { const db = await import("/lapangan/db.js");
        return { chunks: (await db.all("chunks")).length, vault: (await db.meta("vault")) ?? null, outbox: (await db.all("outbox")).length,
            names: (await import("/lapangan/worklist.js")).families.length }; }"""
    )
    assert left == {"chunks": 0, "vault": None, "outbox": 3, "names": 0}
    assert cases.counts() != [], "a person looks into what was paid after"
    whole(office)


def test_a_revoked_phone_with_nothing_to_send_learns_it_too(handset: Handset, office: PostOffice) -> None:
    device = begin(handset, office)
    lease.revoke_device(device=device, reason="petugas berhenti", actor="kepala", at=now())
    page = again(handset)
    expect(page.get_by_text("HP ini dicabut")).to_be_visible()


def test_what_others_paid_or_held_reaches_the_list_on_the_phone(handset: Handset, office: PostOffice) -> None:
    device = begin(handset, office)
    held, paid = office.entitlements[3], office.entitlements[4]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE danom_entitlement SET held = true WHERE id = %s", [held])
    page = again(handset)
    open_until(page, held, "Ditahan")
    expect(page.locator("#pay")).to_have_count(0)
    page.go_back()
    page.go_back()
    open_card(page, paid)
    expect(page.locator("#pay:enabled")).to_be_visible()
    # Another list is handed out: it comes by itself as well.
    lease.end_lease(lease=UUID(list_of(page)), at=now(), actor="kepala")
    lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements[5:8], day=now().date(), expires_at=now() + timedelta(hours=20),
        actor="kepala", at=now(),
    )  # fmt: skip
    page = again(handset)
    until(lambda: page.evaluate("async () => (await import('/lapangan/worklist.js')).families.length") == 3, page)


def open_until(page: Page, id: UUID, sentence: str) -> None:
    until(
        lambda: bool(page.evaluate("async (id) => (await import('/lapangan/worklist.js')).family(id).held", str(id))),
        page,
    )
    open_card(page, id)
    expect(page.get_by_text(sentence).first).to_be_visible()


class NextVersion:
    """The server after an update: the same app with one file changed. ``broken``: one file is not what its hash says."""

    def __init__(self, *, broken: bool = False) -> None:
        self.css = (FOLDER / "app.css").read_bytes() + b"\n/* the next version */\n"
        parts = {"files": shell(), "lazy": shell(lazy=True)}
        parts["files"]["app.css"] = f"sha256-{base64.b64encode(hashlib.sha256(self.css).digest()).decode()}"
        facts = {"version": "next", **parts}
        self.version = f"self.SHELL = {json.dumps(facts)};\n".encode()
        if broken:
            self.css += b"/* cut o"

    def __call__(self, path: str, body: bytes) -> bytes | None:
        made = {"/lapangan/app.css": (self.css, "text/css"), "/lapangan/version.js": (self.version, "text/javascript")}
        if path not in made:
            return None
        content, kind = made[path]
        return (
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
            + content
        )


INSTALLED = """() => new Promise(async (told) => {
  const channel = new MessageChannel(); channel.port1.onmessage = ({ data }) => told(data);
  (await navigator.serviceWorker.ready).active.postMessage("version", [channel.port2]); })"""
UPDATE = """async () => { const it = await navigator.serviceWorker.ready; await it.update().catch(() => {});
  for (let n = 0; n < 60 && it.installing; n++) await new Promise((go) => setTimeout(go, 100));
  return Boolean(it.waiting); }"""


def test_a_new_version_waits_until_the_outbox_is_empty_and_the_day_closed(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    page = again(handset)  # from now on the service worker rules
    first = page.evaluate(INSTALLED)
    line.portal = True
    pay(page, office.entitlements[0])
    line.answer = NextVersion()
    assert page.evaluate(UPDATE) is True, "the new version is fetched and waits"
    page = again(handset)
    assert page.evaluate(INSTALLED) == first
    assert "the next version" not in page.evaluate("async () => (await fetch('app.css')).text()")
    pay(page, office.entitlements[1])
    line.portal = False
    page.evaluate(RUN)
    home_and_sent(page)
    assert kinds() == ["OPEN", "PAY", "PAY"]
    page = again(handset)
    assert page.evaluate(INSTALLED) == first, "the day is still open"
    press(page, "Tutup hari kerja")
    page.fill("#left", "4800000")
    press(page, "Tutup dan serahkan Rp4.800.000")
    expect(page.get_by_text("Hari kerja ditutup").first).to_be_visible()
    press(page, "Ke beranda")
    expect(page.locator(".pad")).to_be_visible()  # started anew, by itself
    assert page.evaluate(INSTALLED) == "next"
    type_pin(page)
    page.locator("#strip").wait_for()
    assert "the next version" in page.evaluate("async () => (await fetch('app.css')).text()")
    assert [(event["typ"], event["state"]) for event in page.evaluate(OUTBOX)] == [
        ("OPEN", "done"), ("PAY", "done"), ("PAY", "done"), ("CLOSE", "done")]  # fmt: skip
    whole(office)


def test_a_new_version_with_a_spoilt_file_is_not_installed(handset: Handset, line: Line, office: PostOffice) -> None:
    begin(handset, office)
    page = again(handset)
    first = page.evaluate(INSTALLED)
    line.answer = NextVersion(broken=True)
    assert page.evaluate(UPDATE) is False
    line.dead = True
    page = again(handset)
    assert page.evaluate(INSTALLED) == first
    pay(page, office.entitlements[0])


LOSE = """async (all) => { for (const name of await caches.keys()) await caches.delete(name);
  if (all) for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister(); }"""
KEPT = """async () => { const names = (await caches.keys()).filter((name) => name !== "lapangan-notes");
  return names.length ? (await (await caches.open(names[0])).keys()).map(({ url }) => url.split("/lapangan/")[1]) : []; }"""
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("worker_too", [False, True], ids=["the_kept_files", "the_worker_too"])
def test_an_app_that_lost_what_it_kept_comes_back_by_itself_on_a_bad_line(
    handset: Handset, line: Line, office: PostOffice, worker_too: bool
) -> None:
    """A battery taken out in the middle of a write can cost the browser's cache; nobody tells an officer to start an app again."""
    begin(handset, office)
    page = again(handset)
    line.portal = True
    pay(page, office.entitlements[0])
    page.evaluate(LOSE, worker_too)
    spoilt, kept_from = (
        random.Random(3),
        ("/lapangan/", "/lapangan/start.js", "/lapangan/version.js", "/lapangan/sw.js"),
    )

    def bad(path: str, body: bytes) -> bytes | None:
        return BUSY if path.startswith("/lapangan/") and path not in kept_from and spoilt.random() < share else None

    share = 0.1 if worker_too else 0.4
    line.answer = bad
    page.goto(line.url + "/lapangan/")
    page.locator(".pad").wait_for(timeout=60_000)
    share = 0.0
    page = again(handset)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(lambda: shell().keys() <= set(page.evaluate(KEPT)), page)
    line.dead = True  # from here on, from what is kept
    page = again(handset)
    pay(page, office.entitlements[1])
    line.dead = line.portal = False
    page.evaluate(RUN)
    until(lambda: kinds() == ["OPEN", "PAY", "PAY"], page)


def test_a_server_that_speaks_no_old_protocol_leaves_the_queue_alone(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    page = handset.page
    told = b'{"out":[],"server_time":%d,"last_seq":0,"next":"update_required","revoke":false}' % int(
        now().timestamp() * 1000
    )
    line.answer = lambda path, body: (
        b"HTTP/1.1 200 OK\r\nX-Danom-Proto: 3\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
        % (len(told), told)
        if path == "/api/v1/sync/events"
        else None
    )
    pay(page, office.entitlements[0])
    page.evaluate(RUN)
    expect(page.get_by_text("Perbarui aplikasi")).to_be_visible()
    assert [event["state"] for event in page.evaluate(OUTBOX)] == ["done", "queued"]
    line.answer = None
    page.evaluate(RUN)
    until(lambda: kinds() == ["OPEN", "PAY"], page)


def test_a_payment_recorded_while_a_photo_is_on_its_way_goes_right_after_it(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    begin(handset, office)
    page = handset.page
    line.holds = "/blobs/"
    pay(page, office.entitlements[0])
    until(lambda: line.waiting > 0, page)
    pay(page, office.entitlements[1], photo=False)
    assert kinds().count("PAY") == 1
    line.holds = ""
    # Not with the round that follows after half a minute of quiet.
    until(lambda: kinds().count("PAY") == 2, page, seconds=15)
    whole(office)


def test_a_captive_portal_is_not_taken_for_the_server(handset: Handset, line: Line, office: PostOffice) -> None:
    begin(handset, office)
    page = handset.page
    line.portal = True
    pay(page, office.entitlements[0])
    page.evaluate(RUN)
    expect(page.get_by_text("Wi-Fi ini meminta masuk dulu")).to_be_visible()
    assert [event["state"] for event in page.evaluate(OUTBOX)] == ["done", "queued"]
    assert page.evaluate("async () => (await (await import('/lapangan/db.js')).all('bytes')).length") == 1
    line.portal = False
    page.evaluate(RUN)
    until(lambda: kinds() == ["OPEN", "PAY"] and photos() == (1, 1), page)
    whole(office)

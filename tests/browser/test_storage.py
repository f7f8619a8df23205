"""What befalls the phone's storage: a full disk, a browser that may delete, a database that the browser throws away.

Every test ends at the server: what the officer recorded is there, once.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Browser, expect

from conftest import PostOffice
from tests.browser.handset import Handset, Line
from tests.browser.officer import (
    OUTBOX,
    RUN,
    again,
    begin,
    enrol,
    kinds,
    list_of,
    open_card,
    pay,
    photos,
    ten_families,
    until,
    wake,
    whole,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    return ten_families()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 480 MB, as a phone that is full of pictures has left; the browser alone may take 160 of them."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=480m", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_stops_payments_before_they_are_lost(
    browser: Browser, chromium: str, line: Line, office: PostOffice, small_disk: Path
) -> None:
    handset = Handset(
        browser.browser_type, chromium, small_disk / "profile", line.url, arguments=["--disk-cache-size=1000000"]
    )
    try:
        begin(handset, office)
        page = handset.page
        line.dead = True
        pay(page, office.entitlements[0])
        pay(page, office.entitlements[1])
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file:  # other people's pictures, to the last byte
            try:
                while True:
                    file.write(b"\1" * 65_536)
                    file.flush()
            except OSError:
                pass
        open_card(page, office.entitlements[2])
        page.locator("#pay:enabled").click()
        expect(page.get_by_text("Memori HP penuh")).to_be_visible()
        expect(page.locator("#hand-over")).to_be_disabled()
        wrong = page.evaluate(
            """async ([wl, asg]) => { const chain = await import("/lapangan/chain.js");
            const shot = { k: "KPM", sha: "00".repeat(32), n: 150000, w: 1, h: 1, mime: "image/webp", cap_ms: 1, blob: new Blob([]), bytes: new ArrayBuffer(3e6) };
            return chain.append({ typ: "PAY", wl, asg, amt: 600000, cur: "IDR", ch: "KOM", pay_to: { who: "SELF", name: "", reason: "" },
                ver: { inv: "NONE", ktp: "SEEN", kk: "NONE", sig: "NONE" }, geo_err: 2 }, [shot]).then(() => null, (error) => `${error.constructor.name} ${error.name}: ${error.message}`); }""",
            [list_of(page), str(office.entitlements[2])],
        )
        assert wrong == "Full Error: ", "no receipt is shown for what is not on the disk"
        page.go_back()
        page.go_back()
        page.wait_for_timeout(
            500
        )  # whatever is shown now, a disk that cannot even be read included: nothing below is lost
        ballast.unlink()
        page = again(handset)
        assert [event["typ"] for event in page.evaluate(OUTBOX)] == ["OPEN", "PAY", "PAY"]
        pay(page, office.entitlements[2])
        line.dead = False
        page.evaluate(RUN)
        until(lambda: kinds() == ["OPEN", "PAY", "PAY", "PAY"] and photos() == (3, 3), page)
        whole(office)
    finally:
        handset.stop()


@pytest.mark.parametrize("granted", [False, True])
def test_without_persistent_storage_the_officer_and_the_branch_are_told(
    handset: Handset, office: PostOffice, granted: bool
) -> None:
    page = handset.start()
    if granted:
        handset.browser.new_browser_cdp_session().send(
            "Browser.setPermission",
            {"permission": {"name": "persistent-storage"}, "setting": "granted", "origin": handset.server},
        )
    device = enrol(handset, office)
    page.get_by_role("button", name="Lainnya").click()
    told = page.get_by_text("Browser boleh menghapus data")
    expect(told).to_have_count(0 if granted else 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT persisted FROM field_device WHERE id = %s", [device])
        assert cursor.fetchone() == (granted,)


SECOND = """async () => {
  const open = (factory) => new Promise((done) => { const request = factory.open("salur"); request.onsuccess = () => done(request.result); });
  const [first, second] = [await open(indexedDB), await open((await navigator.storageBuckets.open("second")).indexedDB)];
  const of = (db, name, how, ...what) => new Promise((done) => { const request = db.transaction(name).objectStore(name)[how](...what); request.onsuccess = () => done(request.result); });
  const all = async (db) => JSON.stringify(await Promise.all(["outbox", "photos", "bytes", "lists", "chunks", "keys"].map((name) => of(db, name, "getAllKeys")).concat([of(db, "meta", "get", "chain")])));
  return { outbox: await of(second, "outbox", "count"), photos: await of(second, "photos", "count"), bytes: await of(second, "bytes", "count"),
    same: (await all(first)) === (await all(second)) && (await of(first, "meta", "get", "stamp")) === (await of(second, "meta", "get", "stamp")) };
}"""


def tear(profile: Path) -> int:
    """What a kill in the middle of a write leaves at the end of Chrome's logs: a header that promises more than came (google/leveldb#1287)."""
    logs = sorted((profile / "Default" / "IndexedDB").glob("*.leveldb/*.log"))
    for log in logs:
        with log.open("ab") as file:
            file.write(b"\x12\x34\x56\x78" + (500).to_bytes(2, "little") + b"\x01" + b"half of it")
    return len(logs)


def lose_the_database(handset: Handset, office: PostOffice, *, alone: bool) -> None:
    """Two kills: the first tears the log, after the second the browser finds it torn and deletes the database."""
    begin(handset, office)
    pay(handset.page, office.entitlements[0])
    handset.kill()
    assert tear(handset.profile) == 1
    handset.start()
    if alone:
        handset.context.add_init_script("delete Navigator.prototype.storageBuckets")
    page = handset.open()
    wake(page)
    pay(page, office.entitlements[1])
    handset.kill()
    handset.start()
    if alone:
        handset.context.add_init_script("delete Navigator.prototype.storageBuckets")
    handset.open()


def test_a_database_that_the_browser_throws_away_comes_back_whole(
    handset: Handset, line: Line, office: PostOffice
) -> None:
    lose_the_database(handset, office, alone=False)
    page = handset.page
    wake(page)
    assert page.evaluate("async () => (await import('/lapangan/db.js')).meta('refilled')"), "nothing was thrown away"
    assert [event["typ"] for event in page.evaluate(OUTBOX)] == ["OPEN", "PAY", "PAY"]
    page.get_by_role("button", name="Lainnya").click()
    expect(page.get_by_text("semua dikembalikan dari salinan kedua")).to_be_visible()
    page.go_back()
    line.dead = True  # and goes on without a line: the list, the keys and the open day came back with it
    pay(page, office.entitlements[2])
    line.dead = False
    page.evaluate(RUN)
    until(lambda: kinds() == ["OPEN", "PAY", "PAY", "PAY"] and photos() == (3, 3), page)
    whole(office)


def test_without_a_second_copy_the_same_phone_would_know_nothing(handset: Handset, office: PostOffice) -> None:
    """The control: what the test above does to the phone does lose a database."""
    lose_the_database(handset, office, alone=True)
    expect(handset.page.get_by_role("heading", name="Daftarkan HP ini")).to_be_visible()


def test_a_copy_that_missed_something_is_made_anew(handset: Handset, line: Line, office: PostOffice) -> None:
    begin(handset, office)
    page = handset.page
    line.dead = True
    pay(page, office.entitlements[0])
    page.evaluate(
        """async () => { const bucket = await navigator.storageBuckets.open("second"); const request = bucket.indexedDB.open("salur");
        const db = await new Promise((done) => { request.onsuccess = () => done(request.result); });
        const tx = db.transaction(["meta", "outbox", "bytes"], "readwrite"); tx.objectStore("meta").put("another", "stamp");
        tx.objectStore("outbox").clear(); tx.objectStore("bytes").clear(); await new Promise((done) => { tx.oncomplete = done; }); }"""
    )
    pay(page, office.entitlements[1])
    second = page.evaluate(SECOND)
    assert second["same"], "as the first has it"
    assert second["outbox"] == 3
    assert second["bytes"] == second["photos"] >= 1  # a camera that looks at a still takes the same photo twice

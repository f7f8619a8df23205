"""The officers' app in Debian's Chromium, its processor slowed to a sixth: what a cheap phone would feel.

The server is what `salur serve` starts, on the same machine; the phone has a list of 2,000 families and a camera before which a letter lies. The
slowing is Chromium's own (`Emulation.setCPUThrottlingRate`) and holds for the page, not for its workers: the decoder and the storage run unslowed.
Each figure's baseline is from the same run: mostly the same thing with nothing slowed.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from django.db import connection
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench import Figure
from bench._wire import Wire
from bench.field import server
from salur.field import lease, sealing
from salur.lib.ids import uuid7
from salur.lib.letter_code import letter_payload, letters_key
from salur.lib.stage_tables import open_stage_partitions
from salur.offices.models import Office, Officer
from salur.programmes.models import Programme, Stage
from tests.browser.handset import Handset, film, new_profile, press, type_pin

FAMILIES, AMOUNT_RP, SLOW = 2_000, 600_000, 6
PAYMENTS, QUEUE, RELOADS, VISITS = 60, 1_000, 15, 3
# Slow 3G as Chromium's own tools mean it.
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
GIVEN = ["Siti", "Muhammad", "Nurhayati", "Abdul", "Sumiati", "Moch. Ali", "Djumadi", "Halimatus", "Buhari", "Rukmini", "Zainuddin", "Endang",
         "Slamet", "Yulianti", "Fatimah", "Wayan", "Maemunah", "Supardi"]  # fmt: skip
FAMILY = [
    "Aminah",
    "Wibowo",
    "Rahman",
    "Fauzi",
    "Hasanah",
    "Saleh",
    "Lestari",
    "Kusuma",
    "Rahayu",
    "Hidayat",
    "Sa'diyah",
]
STREETS = ["Jl. Melati", "Dusun Krajan", "Jl. Raya Maesan", "Gang Mawar", "Dusun Sumber Wringin"]

QUEUED = """
async ({ from, count }) => {
  const [chain, list, bytes] = await Promise.all(["chain", "worklist", "bytes"].map((name) => import(`/lapangan/${name}.js`)));
  for (const one of list.families.slice(from, from + count)) {
    await chain.append({ typ: "PAY", wl: one.list, asg: one.asg, amt: one.amount_rp, cur: "IDR", ch: "KOM",
      pay_to: { who: "SELF", name: "", reason: "" }, ver: { inv: "QR", ktp: "SEEN", kk: "NONE", sig: "NONE" },
      geo: { lat_e7: -79137000, lon_e7: 1138214000, acc_dm: 80, fix_ms: Date.now(), n: 1 } });
  }
}
"""
SENT = """
async () => {
  const sync = await import("/lapangan/sync.js");
  void sync.run();
  while ((await sync.numbers()).unsent) await new Promise((go) => setTimeout(go, 250)); // asked seldom: asking is work too
  return sync.status.rate; // the app's own count: from the first event read from the disk to the last answer written there
}
"""
IMPORTED = """
async () => {
  const [list, device] = await Promise.all([import("/lapangan/worklist.js"), import("/lapangan/device.js")]);
  const answer = await fetch("/api/v1/lease", { headers: { Authorization: `Bearer ${device.keys().vault.bearer}` }, cache: "no-store" });
  const text = await answer.text();
  const parsing = performance.now();
  const { lists } = JSON.parse(text);
  const began = performance.now();
  await list.keep(lists);
  const seen = performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/api/v1/lease")).pop();
  return { parse: began - parsing, keep: performance.now() - began, wire: seen.encodedBodySize, plain: seen.decodedBodySize };
}
"""
STRICT = """
async (count) => {
  const db = await import("/lapangan/db.js"), times = [];
  for (let n = 0; n < count; n++) {
    const began = performance.now();
    await db.put("meta", n, "bench");
    times.push(performance.now() - began);
  }
  return times;
}
"""
# The app's own mark, and that what it drew is what the PIN is typed on.
DRAWN = "document.querySelector('.pad') && performance.getEntriesByType('mark').find((one) => one.name.startsWith('drawn')).startTime"
SHELL = """
async () => {
  await navigator.serviceWorker.ready;
  const own = performance.getEntriesByType("resource").filter((one) => one.name.includes("/lapangan/") && !/vendored|icon-/.test(one.name));
  const page = performance.getEntriesByType("navigation")[0];
  return { wire: page.encodedBodySize + own.reduce((sum, one) => sum + one.encodedBodySize, 0),
    plain: page.decodedBodySize + own.reduce((sum, one) => sum + one.decodedBodySize, 0), files: own.length + 1 };
}
"""


def figures() -> Iterator[Figure]:
    chromium = os.environ.get("SALUR_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        return
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = (
        "1"  # Playwright's loop runs in this thread; Django takes that for an asynchronous program
    )
    officer, stage, families = country()
    with server() as (port, web), sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{port}"
        camera = film(Path(folder) / "letter.y4m", letter_payload(families[0], AMOUNT_RP, letters_key()))
        phone = Handset(playwright.chromium, chromium, new_profile(), url, camera=camera)
        try:
            yield from first_visits(phone, url)
            begin(phone, officer, stage, families)
            yield from fetched(phone)
            yield from paid(phone, families, camera)
            yield from scanned(phone)
            yield from synced(phone)
            yield from reloaded(phone, url, web.pid)
        finally:
            phone.stop()


def country() -> tuple[int, int, list[UUID]]:
    """An officer of a branch with 2,000 families, each with a name and an address of its own."""
    branch = Office.objects.create(code="KC-PHONE", name="Bondowoso", kind="KC", timezone="Asia/Jakarta")
    officer = Officer.objects.create(branch=branch, code="JB-1", name="Siti", kind="employee")
    programme = Programme.objects.create(
        code="PHONE", name="Kartu Sembako", proxy="same_family", amount_ceiling_rp=4_000_000
    )
    today = datetime.now(UTC).date()
    stage = Stage.objects.create(
        programme=programme, code="PHONE-1", period_from=today, period_to=today, opens=today, target_days=14, deadline=today + timedelta(days=60),
        order="online_first", geotag_counter="follow_up", geotag_community="follow_up", geotag_door="at_payment", second_person=True,
    )  # fmt: skip
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    ids = [uuid7(datetime.now(UTC)) for _ in range(FAMILIES)]
    with connection.cursor() as cursor:
        for at, id in enumerate(ids):
            name = f"{GIVEN[at % 18]} {FAMILY[at // 18 % 11]} {GIVEN[at // 198 % 18] if at > 198 else ''}".strip()
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, %s, %s, %s, %s, %s)""",
                [
                    stage.id, id, branch.id, name, date(1940 + at % 55, 1 + at % 12, 1 + at % 28), None, f"{STREETS[at % 5]} No. {at * 7 % 311 + 1}",
                    f"{1 + at % 12:03d}", f"{1 + at % 7:03d}",
                ],
            )  # fmt: skip
            cursor.execute(
                """INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line, number)
                VALUES (%s, %s, %s, %s, %s, %s, 1, %s, %s)""",
                [stage.id, branch.id, id, id, 3511012001 + at // 250, AMOUNT_RP, at, f"BDW-{at + 1:06d}"],
            )  # fmt: skip
        cursor.execute("ANALYZE danom_entitlement, registry_family")
    return officer.id, stage.id, ids


links: dict[Page, CDPSession] = {}


def slowed(phone: Handset, rate: float) -> None:
    """By one wire for each page: a rate that another wire has set would come back with the next load of the page."""
    link = links.get(phone.page) or links.setdefault(phone.page, phone.context.new_cdp_session(phone.page))
    link.send("Emulation.setCPUThrottlingRate", {"rate": rate})


def first_visits(phone: Handset, url: str) -> Iterator[Figure]:
    """The first page of a phone that has never been here: how much comes over the line, and when it can be used."""
    usable: dict[str, list[float]] = {"slow": [], "plain": []}
    weighed: dict[str, Any] = {}
    for _ in range(VISITS):
        for kind in usable:
            page = phone.start()
            link = phone.context.new_cdp_session(page)
            if kind == "slow":
                link.send("Network.enable")
                link.send("Network.emulateNetworkConditions", SLOW_3G)
                link.send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
            began = time.perf_counter()
            page.goto(f"{url}/lapangan/", wait_until="commit")
            page.locator("footer .primary").wait_for(timeout=60_000)
            usable[kind].append((time.perf_counter() - began) * 1000)
            if kind == "plain":
                page.wait_for_timeout(1_000)
                weighed = page.evaluate(SHELL)
            phone.kill()
            shutil.rmtree(phone.profile, ignore_errors=True)
    yield Figure(
        "phone_shell", round(weighed["wire"] / 1000, 1), "KB on the wire", round(weighed["plain"] / 1000, 1),
        round(weighed["wire"] / weighed["plain"], 3), [], f"{weighed['files']} files, gzip; at most 80; baseline: as they lie",
    )  # fmt: skip
    slow, plain = statistics.median(usable["slow"]), statistics.median(usable["plain"])
    yield Figure(
        "phone_first_visit_slow_3g", round(slow), "ms", round(plain), round(slow / plain, 2), rounded(usable["slow"]),
        f"at most 3,000; 400 kbit/s, 400 ms, processor a {SLOW}th; baseline: neither slowed",
    )  # fmt: skip


def begin(phone: Handset, officer: int, stage: int, families: list[UUID]) -> None:
    """Enrolled, the list fetched, the day open."""
    page = phone.start()
    token = lease.offer_enrolment(officer=officer, actor="bench", at=datetime.now(UTC))
    phone.open(f"/lapangan/#daftar={token}.{sealing.fingerprint()}")
    page.locator(".tests .good").nth(3).wait_for(timeout=30_000)
    press(page, "Lanjut")
    type_pin(page)
    page.get_by_role("heading", name="Ulangi PIN").wait_for()
    type_pin(page)
    page.get_by_text("Belum ada danom").wait_for(timeout=30_000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_device WHERE officer_id = %s", [officer])
        (device,) = cursor.fetchone()
    at = datetime.now(UTC)
    lease.issue_lease(
        device=device, stage=stage, entitlements=families, day=at.date(), expires_at=at + timedelta(hours=20), actor="bench", at=at
    )  # fmt: skip
    press(page, "Ambil danom")
    page.get_by_text("2.000 KPM").first.wait_for(timeout=30_000)
    press(page, "Buka hari kerja")
    page.fill("#float", str(FAMILIES * AMOUNT_RP))
    press(page, "Mulai bekerja")
    page.locator("[data-cash=left]").wait_for()


def fetched(phone: Handset) -> Iterator[Figure]:
    """The list of 2,000 families: its weight, and its way onto the disk."""
    slowed(phone, SLOW)
    runs = [phone.page.evaluate(IMPORTED) for _ in range(5)]
    slowed(phone, 1)
    wire, plain = runs[0]["wire"], runs[0]["plain"]
    yield Figure(
        "phone_list_2000", round(wire / 1000, 1), "KB on the wire", round(plain / 1000, 1), round(wire / plain, 3), [],
        "at most 200; gzip; baseline: as it is written",
    )  # fmt: skip
    keep, parse = [run["keep"] for run in runs], [run["parse"] for run in runs]
    yield Figure(
        "phone_list_2000_import", round(max(keep)), "ms, the longest", round(max(parse)), round(max(keep) / max(parse), 1), rounded(keep),
        f"at most 1,000; hidden, written, read back and made searchable, processor a {SLOW}th; baseline: reading the JSON alone",
    )  # fmt: skip


def paid(phone: Handset, families: list[UUID], camera: Path) -> Iterator[Figure]:
    """Families paid by hand, each with a photo, without signal: from the tap to what is on the disk; before it, from the letter to the family."""
    page = phone.page
    phone.context.set_offline(True)
    slowed(phone, SLOW)
    opened: list[float] = []
    for at in range(PAYMENTS):
        film(camera, letter_payload(families[at], AMOUNT_RP, letters_key()))
        page.wait_for_timeout(200)
        began = time.perf_counter()
        page.locator("[data-go=scan]").click()
        page.locator(".kpm h2").wait_for(timeout=30_000)
        opened.append((time.perf_counter() - began) * 1000)
        page.locator("#pay:enabled").click()
        page.locator("[data-value=ktp]").click()
        page.locator("[data-kind=KPM] button").click()
        page.locator(".shutter:enabled").click()
        page.locator("[data-kind=KPM] img").wait_for()
        page.locator("#hand-over:enabled").click()
        page.wait_for_timeout(500)  # looking for the receipt would be work of the page's, too
        page.locator("#receipt").wait_for()
        page.locator("[data-go=home]").click()
        page.locator("[data-cash=left]").wait_for()
    marks = page.evaluate("performance.getEntriesByType('mark').map((one) => [one.name, one.startTime])")
    seen, on = [], 0.0
    for name, moment in marks:
        if name == "camera on":
            on = moment
        elif name == "drawn family" and on:
            seen.append(moment - on)
            on = 0.0
    taps = page.evaluate("performance.getEntriesByName('tap to durable receipt').map((one) => one.duration)")
    photo = page.evaluate("async () => (await (await import('/lapangan/db.js')).all('photos')).map((one) => one.n)")
    strict = page.evaluate(STRICT, PAYMENTS)
    slowed(phone, 1)
    assert len(taps) == len(seen) == PAYMENTS
    yield Figure(
        "phone_receipt_p95", round(high(taps), 1), "ms", round(high(strict), 1), round(high(taps) / high(strict), 2), rounded(taps),
        f"at most 100; photos of {statistics.median(photo) / 1000:.0f} KB, processor a {SLOW}th; baseline: one number written as strictly",
    )  # fmt: skip
    yield Figure(
        "phone_scan_p95", round(high(seen)), "ms", round(high(opened)), round(high(seen) / high(opened), 2), rounded(seen),
        f"at most 1,500; from the camera's first picture, a letter, to the family's card; processor a {SLOW}th; baseline: with the camera's start",
    )  # fmt: skip


def scanned(phone: Handset) -> Iterator[Figure]:
    """What the page's process holds for itself while it looks for a code that is not there, with the list in memory."""
    page = phone.page
    before = memory_mb(phone)
    assert phone.camera is not None
    film(phone.camera, "not a letter")
    page.locator("[data-go=scan]").click()
    seen = []
    for _ in range(20):
        page.wait_for_timeout(500)
        seen.append(memory_mb(phone))
    page.go_back()
    page.locator("[data-cash=left]").wait_for()
    yield Figure(
        "phone_renderer_scanning", round(max(seen)), "MB of its own, the most in 10 s", round(before), round(max(seen) / before, 2), rounded(seen),
        "at most 300; baseline: the same before the camera was on",
    )  # fmt: skip


def memory_mb(phone: Handset) -> float:
    assert phone.process is not None
    sizes = []
    for child in psutil.Process(phone.process.pid).children(recursive=True):
        try:
            if "--type=renderer" in child.cmdline():
                sizes.append(child.memory_full_info().uss / 1e6)
        except psutil.NoSuchProcess:
            continue
    return max(sizes)


def synced(phone: Handset) -> Iterator[Figure]:
    """A thousand payments that wait, sent; events a second."""
    rates: dict[int, float] = {}
    at = PAYMENTS
    phone.context.set_offline(False)
    phone.page.evaluate(SENT)
    for rate in (SLOW, 1):
        phone.context.set_offline(True)
        phone.page.evaluate(QUEUED, {"from": at, "count": QUEUE if rate == SLOW else FAMILIES - at})
        at += QUEUE
        slowed(phone, rate)
        phone.context.set_offline(False)
        rates[rate] = phone.page.evaluate(SENT)
        slowed(phone, 1)
    yield Figure(
        "phone_sync_1000", round(rates[SLOW]), "events/s", round(rates[1]), round(rates[SLOW] / rates[1], 2), [],
        f"at least 400; processor a {SLOW}th; baseline: not slowed",
    )  # fmt: skip


def reloaded(phone: Handset, url: str, web: int) -> Iterator[Figure]:
    """Started again while nobody answers, until the PIN can be typed."""
    page = phone.page
    page.reload()  # from here on the service worker rules
    page.locator(".pad").wait_for()
    phone.kill()
    servers = psutil.Process(web).children(recursive=True)
    wire = Wire(phone.launch(f"{url}/lapangan/"))
    took: dict[int, list[float]] = {SLOW: [], 1: []}
    try:
        for one in servers:
            one.suspend()
        for rate, times in took.items():
            wire.ask("Emulation.setCPUThrottlingRate", rate=rate)
            for _ in range(RELOADS):
                wire.ask("Page.reload")
                time.sleep(2)
                times.append(wire.ask("Runtime.evaluate", expression=DRAWN)["result"]["value"])
    finally:
        for one in servers:
            one.resume()
    slow, plain = statistics.median(took[SLOW]), statistics.median(took[1])
    yield Figure(
        "phone_offline_reload", round(slow), "ms", round(plain), round(slow / plain, 2), rounded(took[SLOW]),
        f"at most 300; processor a {SLOW}th, no debugger; baseline: not slowed",
    )  # fmt: skip


def high(times: list[float]) -> float:
    """The 95th of a hundred."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]


def rounded(times: list[float]) -> list[float]:
    return [round(one, 1) for one in times]

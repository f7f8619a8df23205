"""The fault run: a phone that records, sends and photographs while the line spoils its requests and the battery is taken out again and again.

What must hold afterwards (``invariants``): every receipt that was shown is in the phone's outbox, the outbox is at the server, the books hold each payment
once, every photo is stored or still on the phone. A phone that was made to believe too much is the control: there the same looking must find the loss.

In continuous integration a small run; the whole one by ``SALUR_BAD_LUCK=10000,5000,300 pytest tests/browser/test_fault_run.py`` (records, faults, kills),
or by ``python -m bench --only faults``, which keeps its figures.
"""

import json
import os
import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from playwright.sync_api import Page, TimeoutError, expect

from conftest import PostOffice, entitle, make_post_office
from salur.field import actions as field
from salur.field import lease, sealing
from salur.field.pages import FOLDER
from salur.ledger import actions as ledger
from salur.lib.clock import now
from salur.payments import actions as payments
from tests.browser.handset import PIN, Handset, Line, press, type_pin

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.faults]

RECORDS, FAULTS, KILLS = (int(part) for part in os.environ.get("SALUR_BAD_LUCK", "1000,300,20").split(","))
FAMILIES = min(2_000, RECORDS * 6 // 10)
PATIENCE_S = 300 + RECORDS

# What an officer's thumbs would do, without the thumbs: pay every family, then photograph houses; every third record has a photo. The button "send now" is
# pressed whenever nothing is being sent.
WORK = """
async ({ records, faulty }) => {
  const [chain, worklist, sync, db, crypto_, bytes] = await Promise.all(
    ["chain", "worklist", "sync", "db", "crypto", "bytes"].map((name) => import(`/lapangan/${name}.js`)));
  const shot = async (k) => {
    const raw = new Uint8Array(3000); crypto.getRandomValues(raw); raw.set([255, 216, 255]);
    return { k, sha: bytes.hex(await crypto_.sha256(raw)), n: raw.length, w: 640, h: 480, mime: "image/jpeg", cap_ms: Date.now(), blob: new Blob([raw]), bytes: raw.buffer };
  };
  const kept = await db.all("outbox");
  const paid = new Set(kept.filter((one) => one.typ === "PAY").map((one) => one.asg));
  let count = kept.length;
  window.running = true;
  const geo = () => ({ geo: { lat_e7: -79137000, lon_e7: 1138214000, acc_dm: 80, fix_ms: Date.now(), n: 1 } });
  if (!(await db.meta("shift"))) {
    const shift = { id: bytes.uuid7(Date.now()), float_rp: 0, channel: "KOM", opened_ms: Date.now() };
    window.shown((await chain.append({ typ: "OPEN", float_rp: 0, shift: shift.id }, [], (store) => void store.put(shift, "shift"))).id);
    count += 1;
  }
  (async () => { while (window.running) { await sync.run(); await new Promise((go) => setTimeout(go, 20)); } })();
  for (const one of worklist.families) {
    if (count >= records) break;
    if (paid.has(one.asg)) continue;
    const made = await chain.append({ typ: "PAY", wl: one.list, asg: one.asg, amt: one.amount_rp, cur: "IDR", ch: "KOM", pay_to: { who: "SELF", name: "", reason: "" },
      ver: { inv: "QR", ktp: "SEEN", kk: "NONE", sig: "NONE" }, ...geo() }, count % 3 ? [] : [await shot("KPM")]);
    count += 1;
    window.shown(made.id);
  }
  for (let at = 0; count < records; at++, count++) {
    const one = worklist.families[at % worklist.families.length];
    const made = await chain.append({ typ: "EVID", wl: one.list, asg: one.asg, what: "RUMAH", ...geo() }, count % 3 ? [] : [await shot("RUMAH")]);
    window.shown(made.id);
  }
}
"""
STATE = """
async () => {
  const [db, sync] = await Promise.all([import("/lapangan/db.js"), import("/lapangan/sync.js")]);
  const numbers = await sync.numbers();
  const bytes = new Set((await db.all("bytes")).map((one) => one.sha));
  return { numbers, outbox: (await db.all("outbox")).map((one) => ({ id: one.id, typ: one.typ, seq: one.seq, amt: one.amt, asg: one.asg, state: one.state, h: one.h })),
    photos: (await db.all("photos")).map((one) => ({ sha: one.sha, state: one.state, here: bytes.has(one.sha) })) };
}
"""
NUMBERS = "async () => (await import('/lapangan/sync.js')).numbers()"


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    made = make_post_office()
    for number in range(12, FAMILIES + 2):
        made.entitlements.append(entitle(made, branch=made.branch, village=made.villages[number % 2], number=number))
    with connection.cursor() as cursor:
        for at in range(FAMILIES):
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, '1970-01-01', NULL, '', '001', '001')""",
                [made.stage, UUID(int=at + 1 if at < 10 else at + 2), made.branch, f"KPM {at}"],
            )
    return made


def enrolled(handset: Handset, office: PostOffice, families: int, *, keeps_app: bool = True) -> None:
    page = handset.start()
    token = lease.offer_enrolment(officer=office.officers[0], actor="kepala", at=now())
    handset.open(f"/lapangan/#daftar={token}.{sealing.fingerprint()}")
    expect(page.locator(".tests .good")).to_have_count(4)
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_device")
        (device,) = cursor.fetchone()
    lease.issue_lease(
        device=device, stage=office.stage, entitlements=office.entitlements[:families], day=now().date(), expires_at=now() + timedelta(hours=20),
        actor="kepala", at=now(),
    )  # fmt: skip
    if keeps_app:
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")  # from here on the app itself needs no line
    press(page, "Ambil danom")
    expect(page.get_by_text(f"{families:,} KPM".replace(",", ".")).first).to_be_visible()


def at_work(handset: Handset, shown: set[str], records: int) -> Page:
    """The phone is on, its PIN typed, and it works; receipts are heard of as they are shown."""
    page = handset.page
    page.expose_function("shown", lambda id: shown.add(id))
    page.evaluate(
        f"(what) => {{ ({WORK})(what).catch((error) => (window.failed = String(error))); }}", {"records": records}
    )
    return page


def awake_again(handset: Handset) -> None:
    page = handset.start()
    handset.open()
    for _ in range(4):
        try:
            page.locator(".pad").wait_for(timeout=60_000)
            break
        except TimeoutError:  # a file of the app did not come, as on any page: the officer starts it again
            kept = page.evaluate(
                "import('/lapangan/db.js').then((db) => db.all('meta')).then((all) => all.length).catch(() => null)"
            )
            seen = f"after kill {handset.kills} the phone shows {page.locator('body').inner_text()[:300]!r}, {kept} facts of its own kept"
            print(seen, handset.said[-3:])  # noqa: T201
            page.reload()
    else:
        raise AssertionError(f"The phone asks for no PIN: {seen}")
    page.keyboard.type(PIN)
    page.locator("#strip").wait_for()


def invariants(phone: dict[str, Any], shown: set[str]) -> list[str]:
    """What is wrong between the receipts, the phone and the server; nothing when all is well."""
    outbox = {one["id"]: one for one in phone["outbox"]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text, seq, encode(digest, 'hex') FROM field_event")
        inbox = {id: (seq, digest) for id, seq, digest in cursor.fetchall()}
        cursor.execute("SELECT count(*), count(DISTINCT entitlement) FROM payments_payment")
        booked, families = cursor.fetchone()
        cursor.execute(
            "SELECT coalesce(sum(amount_rp), 0) FROM ledger_transfer WHERE debit = 'paid' OR starts_with(debit, 'suspense/')"
        )
        (moved_rp,) = cursor.fetchone()
        cursor.execute(
            "SELECT encode(p.sha256, 'hex'), b.sha256 IS NOT NULL FROM field_photo p LEFT JOIN field_blob b USING (sha256)"
        )
        photos = dict(cursor.fetchall())
    wrong = []
    pays = [one for one in outbox.values() if one["typ"] == "PAY"]
    on_phone = {photo["sha"]: photo for photo in phone["photos"]}
    if lost := shown - outbox.keys():
        wrong.append(f"{len(lost)} receipts were shown of records that are not in the outbox")
    if lost := outbox.keys() - inbox.keys():
        wrong.append(f"{len(lost)} records of the outbox are not at the server")
    if strange := inbox.keys() - outbox.keys():
        wrong.append(f"{len(strange)} records are at the server that the phone does not know")
    if other := [id for id in outbox.keys() & inbox.keys() if inbox[id] != (outbox[id]["seq"], outbox[id]["h"])]:
        wrong.append(f"{len(other)} records differ between phone and server")
    if sorted(one["seq"] for one in outbox.values()) != list(range(1, len(outbox) + 1)):
        wrong.append("the phone's chain has a hole")
    if not booked == families == len(pays) == len({one["asg"] for one in pays}):
        wrong.append(f"{len(pays)} payments on the phone, {booked} in the books of {families} families")
    if moved_rp != sum(one["amt"] for one in pays):
        wrong.append(f"Rp{sum(one['amt'] for one in pays)} signed, Rp{moved_rp} moved")
    for sha, stored in photos.items():
        if not stored and not on_phone.get(sha, {}).get("here"):
            wrong.append(f"photo {sha[:12]} is neither stored nor on the phone")
    if gone := [one for one in on_phone.values() if not one["here"] and not photos.get(one["sha"])]:
        wrong.append(f"{len(gone)} photos were deleted on the phone before the server had them")
    for check in (*payments.recount(stage=_stage()), *ledger.recount(stage=_stage()), *field.recount()):
        wrong += [] if check.ok else [f"{check.name}: {check.examples}"]
    return wrong


def _stage() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM programmes_stage")
        return int(cursor.fetchone()[0])


def test_nothing_is_lost_or_doubled_whatever_befalls_the_phone(
    handset: Handset, line: Line, office: PostOffice, record_property: Callable[[str, object], None]
) -> None:
    enrolled(handset, office, FAMILIES)
    line.share = 0.55
    chance, shown, began = random.Random(7), set[str](), time.monotonic()
    page, records = at_work(handset, shown, RECORDS), RECORDS
    while True:
        if handset.kills < KILLS:
            page.wait_for_timeout(chance.uniform(100, 1_200))
            handset.kill()
            awake_again(handset)
            page = at_work(handset, shown, records)
            continue
        page.wait_for_timeout(300)
        assert page.evaluate("window.failed") is None
        state = page.evaluate(STATE)
        if len(state["outbox"]) >= records and state["numbers"]["unsent"] == state["numbers"]["photos"] == 0:
            if line.faults >= FAULTS:
                break
            records += 100  # the line was too kind: on with the work
            page.evaluate("window.running = false")
            page.evaluate(
                f"(what) => {{ ({WORK})(what).catch((error) => (window.failed = String(error))); }}",
                {"records": records},
            )
        assert time.monotonic() - began < PATIENCE_S, (
            f"not home after {PATIENCE_S:.0f} s: {state['numbers']}, {line.counts}"
        )
    page.evaluate("window.running = false")
    seconds = time.monotonic() - began
    run = {
        "records": len(state["outbox"]), "faults": line.faults, "kills": handset.kills, "receipts": len(shown), "photos": len(state["photos"]),
        "seconds": round(seconds), "line": dict(line.counts), **counted(state, shown), "wrong": invariants(state, shown),
    }  # fmt: skip
    record_property("run", json.dumps(run))
    print(run)  # noqa: T201 — the figures of the run, for who asked for it with -s
    assert len(state["outbox"]) >= RECORDS
    assert handset.kills >= KILLS
    assert run["wrong"] == []
    assert (run["lost"], run["doubled"]) == (0, 0)


def counted(phone: dict[str, Any], shown: set[str]) -> dict[str, int]:
    """Receipts and records that are not at the server, and those that are there more than once or are booked twice."""
    outbox = {one["id"] for one in phone["outbox"]}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text, count(*) FROM field_event GROUP BY id")
        inbox = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) - count(DISTINCT entitlement) FROM payments_payment")
        (twice,) = cursor.fetchone()
    return {"lost": len((shown | outbox) - inbox.keys()), "doubled": sum(times - 1 for times in inbox.values()) + twice}


def test_a_phone_that_believes_too_much_is_found_out(
    handset: Handset, line: Line, office: PostOffice, server: str
) -> None:
    """The control: this phone takes a failed request for a sent one. Its losses must show."""
    careful = 'throw error instanceof TooLarge ? new Transport("server") : error;'
    careless = 'await write(["outbox"], (tx) => queue.forEach((kept) => tx.objectStore("outbox").put({ ...kept, state: "done" }))); continue;'

    def sabotage(path: str, body: bytes) -> bytes | None:
        if path.endswith("/sw.js"):  # the real one would refuse the changed file, as it should; this one does nothing
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        if not path.endswith("/sync.js"):
            return None
        text = (FOLDER / "sync.js").read_text()
        assert careful in text
        made = text.replace(careful, careless).encode()
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
            % (len(made), made)
        )

    line.answer = sabotage
    enrolled(handset, office, 100, keeps_app=False)
    line.FAULTS, line.share = ("lost",), 1.0  # the other faults may spare what they hit, and then nothing is lost
    shown: set[str] = set()
    page = at_work(handset, shown, 100)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        page.wait_for_timeout(200)
        if len(shown) >= 100 and page.evaluate(NUMBERS)["unsent"] == 0:
            break
    page.evaluate("window.running = false")
    found = invariants(page.evaluate(STATE), shown)
    assert any("not at the server" in sentence for sentence in found), (found, len(shown), line.counts)

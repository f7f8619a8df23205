"""The first hour of each person, as docs/first-hour.md tells it; its pictures are taken here.

From a stage without a list to a family that looks up its own aid: the ministry's file, the second person, the plan, the letters, one payment
without signal, the same family paid by somebody else, the auditor who believes nobody, and `/cek`.
"""

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, expect

from conftest import PostOffice, Typed, make_post_office
from salur.areas.models import Area
from salur.custody import actions as custody
from salur.custody.rules import Kind, Portion
from salur.danom.commands import danom
from salur.danom.tests.conftest import HEADER, family
from salur.field import lease
from salur.field.phone import Phone, new_key, public_key_of
from salur.jobs import actions as jobs
from salur.jobs.models import Job, State
from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.letter_code import letter_code
from salur.programmes.commands import programmes
from salur.programmes.models import Stage
from salur.reconciliation.commands import reconciliation
from salur.web.actions import give_role
from salur.web.models import Role
from salur.web.verify import verify
from tests.browser.handset import Handset, new_profile, press, type_pin
from tests.browser.test_whole_day import find, pay

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STAGE, FAMILIES, AMOUNT_RP = "SEMBAKO-NOW", 60, 600_000
PEOPLE = {
    "kemensos": (Role.MINISTRY, None),
    "penyetuju": (Role.MINISTRY, None),
    "cabang": (Role.BRANCH, "KC-BDW"),
    "wakil": (Role.BRANCH, "KC-BDW"),
    "koordinator": (Role.COORDINATOR, "KC-BDW"),
    "auditor": (Role.AUDITOR, None),
}


@pytest.fixture
def office(transactional_db: None, typed: Callable[..., Typed], tmp_path: Path) -> PostOffice:
    """The small post office with its people, and a stage that is open today and has no list yet."""
    made = make_post_office()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM danom_entitlement")
        cursor.execute("DELETE FROM danom_tally")
    Area.objects.filter(level__gte=3).update(lat=-7.91, lng=113.82)
    today = date.today()  # noqa: DTZ011  the window only has to hold today, in whatever zone
    (tmp_path / "programme.toml").write_text(
        f'[[programme]]\ncode = "SEMBAKO"\nname = "Kartu Sembako"\namount_ceiling_rp = 4_000_000\n[[programme.stage]]\ncode = "{STAGE}"\n'
        f'period = "{today:%Y-%m}/{today:%Y-%m}"\nopens = {today - timedelta(days=1)}\ndeadline = {today + timedelta(days=60)}\n'
    )
    assert typed(programmes, "import", tmp_path / "programme.toml").code == 0
    for username, (role, code) in PEOPLE.items():
        give_role(actor="tests", username=username, role=role, office_code=code, at=now())
    return made


@pytest.fixture
def handset(browser: Browser, chromium: str, server: str, office: PostOffice) -> Iterator[Handset]:
    made = Handset(browser.browser_type, chromium, new_profile(), server)
    yield made
    made.stop()


def carry_out() -> None:
    """The worker's part, which `salur serve` starts beside the pages."""
    assert jobs.run(job=Job.objects.latest("asked_at").id).state == State.DONE


def families_of(stage: int) -> list[tuple[UUID, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id, f.name FROM danom_entitlement AS e JOIN registry_family AS f ON f.stage = e.stage AND f.id = e.family
            WHERE e.stage = %s ORDER BY e.line""",
            [stage],
        )
        return [(id, str(name)) for id, name in cursor.fetchall()]


def paid_by_another(office: PostOffice, stage: int, entitlement: UUID) -> None:
    """While the first phone is silent the branch gives its list to the other officer, who pays the same family and sends at once."""
    at = now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM field_lease")
        (first,) = cursor.fetchone()
    lease.end_lease(lease=first, actor="cabang", at=at)
    custody.move(kind=Kind.HAND_OVER, portions=[Portion(uuid7(at), stage, AMOUNT_RP)], reference="BKK-0002", given_by="cabang", taken_by="budi",
                 branch=office.branch, officer=office.officers[1], at=at)  # fmt: skip
    key = new_key()
    token = lease.offer_enrolment(officer=office.officers[1], actor="cabang", at=at)
    device = lease.enrol_device(
        token=token, public_key=public_key_of(key), self_test={}, persisted=True, app="1", at=at
    ).device
    listed = lease.issue_lease(
        device=device, stage=stage, entitlements=[entitlement], day=at.date(), expires_at=at + timedelta(hours=5), actor="cabang", at=at
    ).id  # fmt: skip
    phone, milliseconds = Phone(device, key, defaults={"skew_age_s": 60}), round(at.timestamp() * 1000)
    photo = {"k": "KPM", "sha": "ab" * 32, "n": 70_000, "w": 1280, "h": 960, "mime": "image/webp", "cap_ms": milliseconds}  # fmt: skip
    event = phone.make(
        typ="PAY", id=uuid7(at), wl=listed, asg=entitlement, amt=AMOUNT_RP, ch="KOM", ver={"inv": "QR"}, cap_ms=milliseconds, ph=[photo],
        geo={"lat_e7": -79_000_000, "lon_e7": 1_138_000_000, "acc_dm": 80, "fix_ms": milliseconds, "n": 3},
    )  # fmt: skip
    body = msgspec.json.encode({"dev": phone.device, "ev": [event]})
    answer: Any = Client().post("/api/v1/sync/events", body, content_type="application/json").json()
    assert [out["r"].removesuffix("_FLAGGED") for out in answer["out"]] == ["ACCEPTED"], answer


def test_the_first_hour_of_each_person(
    handset: Handset, office: PostOffice, typed: Callable[..., Typed], visit: Any, pictures: Path, tmp_path: Path
) -> None:
    # The ministry: nothing is there yet, and the page says what comes next.
    ministry = visit("kemensos")
    ministry.go("/")
    expect(ministry.page.get_by_text("salur danom import")).to_be_visible()
    ministry.page.screenshot(path=pictures / "jam-pertama-1-langkah.png")
    lines = [family(n, kode_desa=office.villages[n % 2]) for n in range(FAMILIES)]
    lines.append(family(FAMILIES, kode_desa="9999999999"))  # a village that is nowhere
    (tmp_path / "danom.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    taken = typed(danom, "import", tmp_path / "danom.csv", "--stage", STAGE, "--as", "kemensos")
    assert (taken.data["accepted"], taken.data["quarantined"]) == (FAMILIES, 1), taken

    # Nobody approves their own list; a second person does.
    alone = typed(danom, "approve", taken.data["batch"], "--as", "kemensos")
    assert alone.code == 2
    assert "kemensos" in alone.said
    assert typed(danom, "approve", taken.data["batch"], "--as", "penyetuju").code == 0
    ministry.go("/")
    expect(ministry.page.get_by_text(f"0 dari {FAMILIES} KPM")).to_be_visible()

    # The branch plans, its deputy publishes, the letters are printed.
    branch, plan = visit("cabang"), f"/rencana/{STAGE}/?kantor=KC-BDW"
    branch.go(plan)
    branch.page.get_by_role("button", name="Susun rencana").click()
    branch.page.wait_for_url("**/pekerjaan/**")
    carry_out()
    branch.go(plan)
    branch.page.screenshot(path=pictures / "jam-pertama-2-rencana.png")
    expect(branch.page.get_by_role("button", name="Terbitkan versi 1")).to_have_count(0)
    deputy = visit("wakil")
    deputy.go(plan)
    deputy.page.get_by_role("button", name="Terbitkan versi 1").click()
    deputy.page.wait_for_url("**/pekerjaan/**")
    carry_out()
    branch.go(f"/surat/{STAGE}/?kantor=KC-BDW")
    branch.page.screenshot(path=pictures / "jam-pertama-3-surat.png")
    with branch.page.expect_download() as printed:
        branch.page.locator("button[name=kind]").first.click()
    assert printed.value.path().read_bytes()[:4] in (b"%PDF", b"PK\x03\x04")

    # An officer's phone: a code from the branch, a list, cash; then one family without signal.
    stage = Stage.objects.get(code=STAGE).id
    for kind, to in ((Kind.FUND, None), (Kind.SUPPLY, office.branch)):
        custody.move(kind=kind, portions=[Portion(uuid7(now()), stage, 10**8)], reference=f"{kind}-1", given_by="pusat", taken_by="bendahara",
                     branch=to, at=now())  # fmt: skip
    branch.go("/hp/")
    branch.page.select_option("#officer", str(office.officers[0]))
    branch.page.get_by_role("button", name="Tampilkan kode").click()
    branch.page.locator("details summary").click()
    code = branch.page.locator("#code").inner_text()
    page = handset.start()
    handset.open(f"/lapangan/#daftar={code}")
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()
    branch.go("/hp/")
    branch.page.get_by_role("link", name="Siti").click()
    branch.page.get_by_role("button", name="Serahkan danom ini").click()
    branch.page.fill("#amount", str(2 * AMOUNT_RP))
    branch.page.fill("#reference", "BKK-0001")
    branch.page.get_by_role("button", name="Serahkan", exact=True).click()
    expect(branch.page.get_by_text("tercatat di panjar")).to_be_visible()
    press(page, "Ambil danom")
    press(page, "Buka hari kerja")
    page.fill("#float", str(2 * AMOUNT_RP))
    press(page, "Mulai bekerja")
    handset.context.set_offline(True)
    entitlement, name = families_of(stage)[0]
    find(page, letter_code(entitlement))
    expect(page.locator(".kpm h2")).to_have_text(name)
    pay(page)
    page.screenshot(path=pictures / "jam-pertama-4-dibayar.png")

    # Meanwhile somebody else paid the same family: when the signal is back there is a case, and the coordinator's decision with a reason.
    paid_by_another(office, stage, entitlement)
    handset.context.set_offline(False)
    expect(page.locator("#strip b").first).to_have_text("0")
    coordinator = visit("koordinator")
    coordinator.go("/kasus/")
    coordinator.page.get_by_role("link", name="Keluarga dibayar dua kali").first.click()
    expect(coordinator.page.get_by_text("Siti · JB-1")).to_be_visible()
    coordinator.page.screenshot(path=pictures / "jam-pertama-5-kasus.png", full_page=True)
    coordinator.page.select_option("#decision", index=1)
    coordinator.page.fill("#reason", "Petugas kedua mengembalikan uangnya; berita acara BA-7.")
    coordinator.page.get_by_role("button", name="Putuskan").click()
    expect(coordinator.page.get_by_text("berita acara BA-7")).to_be_visible()

    # The auditor believes nobody: a dossier, checked by a program that lies in it, on a machine that knows nothing of salur.
    dossier = tmp_path / "dossier.zip"
    made = typed(reconciliation, "dossier", "--stage", STAGE, "--area", "KC-BDW", "--out", dossier, "--as", "auditor")
    assert made.code == 0, made.said
    with zipfile.ZipFile(dossier) as opened:
        checker = next(inside for inside in opened.namelist() if inside.endswith("periksa.py"))
        (tmp_path / "periksa.py").write_bytes(opened.read(checker))
    checked = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "periksa.py"), str(dossier)], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

    # The family, on its own phone.
    kpm = visit("", phone=True)
    kpm.go("/cek/")
    kpm.page.fill("#kode", letter_code(entitlement))
    kpm.page.get_by_role("button", name="Periksa").click()
    expect(kpm.page.locator("#answer")).to_contain_text("Terbayar")
    kpm.page.screenshot(path=pictures / "jam-pertama-6-cek.png")
    for check in verify(stage_code=STAGE):  # the other stage was emptied by hand above, which no verb does
        assert check.ok, f"{check.name}: {check.examples}"

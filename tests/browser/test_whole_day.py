"""The whole day of one officer, as the README tells it: from the branch's code to a shift that closes to the rupiah.

Two hundred families, most of the day without signal, the battery taken out twice. The pictures of the documents are taken here.
"""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from conftest import PostOffice, entitle, make_post_office
from salur.cases import actions as cases
from salur.custody import actions as custody
from salur.custody.rules import Kind, Portion
from salur.ledger import actions as ledger
from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.letter_code import letter_code, letter_payload, letters_key
from salur.programmes.models import Stage
from salur.web.actions import give_role
from salur.web.models import Role
from salur.web.verify import verify
from tests.browser.country import approve
from tests.browser.handset import Handset, film, new_profile, press, type_pin

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FAMILIES, AMOUNT_RP = 200, 600_000
FLOAT_RP = 30 * AMOUNT_RP
GIVEN = ["Siti", "Muhammad", "Soeharto", "Nurhayati", "Abdul", "Sumiati", "Moch.", "Djumadi", "Halimah", "Buhari", "Rukmini", "Zainuddin", "Endang",
         "Slamet", "Yulianti", "Tjahjono", "Fatimah", "Wayan", "Maemunah", "Supardi"]  # fmt: skip
FAMILY = ["Aminah", "Wibowo", "Rahman", "Fauzi", "Hasanah", "Saleh", "Lestari", "Kusuma", "Rahayu", "Hidayat"]


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    """The small post office with two hundred families, each with a name, an address and a letter; its vault filled."""
    made = make_post_office()
    for number in range(12, FAMILIES + 2):
        village = made.villages[number % 2]
        made.entitlements.append(entitle(made, branch=made.branch, village=village, number=number))
    with connection.cursor() as cursor:
        for at in range(FAMILIES):
            number = at + 1 if at < 10 else at + 2
            name = f"{GIVEN[at % 20]} {FAMILY[at // 20]}"
            cursor.execute(
                """INSERT INTO registry_family (stage, id, branch, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
                VALUES (%s, %s, %s, ''::bytea, 1, %s, %s, NULL, %s, %s, %s)""",
                [
                    made.stage,
                    UUID(int=number),
                    made.branch,
                    name,
                    f"19{50 + at % 40}-01-01",
                    f"Jl. Melati No. {at + 1}",
                    f"{1 + at % 9:03d}",
                    f"{1 + at % 4:03d}",
                ],
            )
    at = now()
    approve(Stage.objects.get(id=made.stage), 1, at)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE danom_batch SET (lines, accepted, amount_rp) = (SELECT count(*), count(*), sum(amount_rp) FROM danom_entitlement)
            WHERE stage = %s""",
            [made.stage],
        )
    for kind, amount in ((Kind.FUND, 10**9), (Kind.SUPPLY, 10**8)):
        branch = None if kind is Kind.FUND else made.branch
        custody.move(
            kind=kind, portions=[Portion(uuid7(at), made.stage, amount)], reference=f"{kind}-1", given_by="pusat", taken_by="bendahara",
            branch=branch, at=at,
        )  # fmt: skip
    for username, role in (("cabang", Role.BRANCH), ("regional", Role.REGION)):
        give_role(
            actor="tests", username=username, role=role, office_code="KC-BDW" if role is Role.BRANCH else "REG-5", at=at
        )
    return made


@pytest.fixture
def handset(browser: Browser, chromium: str, server: str, office: PostOffice, tmp_path: Path) -> Iterator[Handset]:
    """A phone with a camera; what it sees is laid before it letter by letter."""
    camera = film(tmp_path / "letter.y4m", letter_payload(office.entitlements[0], AMOUNT_RP, letters_key()))
    made = Handset(browser.browser_type, chromium, new_profile(), server, camera=camera)
    yield made
    made.stop()


def in_list_order(office: PostOffice) -> list[UUID]:
    """The families as the branch hands them out: by address."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id FROM danom_entitlement AS e JOIN registry_family AS f ON f.id = e.family
            WHERE e.branch = %s ORDER BY e.village, f.rw, f.rt, f.address, f.name, e.line""",
            [office.branch],
        )
        return [id for (id,) in cursor.fetchall()]


def name_of(id: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.name FROM danom_entitlement AS e JOIN registry_family AS f ON f.id = e.family WHERE e.id = %s",
            [id],
        )
        return str(cursor.fetchone()[0])


def pay(page: Page, *, proxy: bool = False, picture: Path | None = None) -> str:
    """From the family's card to the receipt; its number."""
    page.locator("#pay:enabled").click()
    if proxy:
        page.locator("[data-value=KK]").first.click()
        page.fill("#who", "Ahmad Rahman")
    page.locator("[data-value=ktp]").click()
    page.locator("[data-value=kk]").click()
    page.locator("[data-kind=KPM] button").click()
    page.locator(".shutter:enabled").click()
    expect(page.locator("[data-kind=KPM] img")).to_be_visible()
    if picture:
        page.screenshot(path=picture)
    page.locator("#hand-over:enabled").click()
    return page.locator("#receipt").inner_text()


def find(page: Page, query: str) -> None:
    page.locator("[data-go=list]").click()
    page.fill("#query", query)
    page.locator(".family").first.click()


def home(page: Page) -> None:
    page.locator("[data-go=home]").click()


def restart(handset: Handset, *, offline: bool) -> Page:
    """The battery was out; the app comes up from its service worker."""
    handset.kill()
    page = handset.start()
    handset.context.set_offline(offline)
    handset.open()
    type_pin(page)
    expect(page.locator("[data-cash=left]")).to_be_visible()
    return page


def paid_on_board(visit: object, office: PostOffice) -> int:
    window = visit("regional")  # type: ignore[operator]
    window.go(f"/realisasi/{office.stage_code}/")
    shown = window.page.locator("tbody .c-paid").first.inner_text()
    window.context.close()
    return int(shown.replace(".", ""))


def test_the_whole_day_of_one_officer(handset: Handset, office: PostOffice, visit: object, pictures: Path) -> None:
    order = in_list_order(office)

    # Morning, at the branch: the code, the phone, the list, the cash.
    branch = visit("cabang")  # type: ignore[operator]
    branch.go("/hp/")
    branch.page.select_option("#officer", str(office.officers[0]))
    branch.page.get_by_role("button", name="Tampilkan kode").click()
    branch.page.screenshot(path=pictures / "hp-daftar.png")
    branch.page.locator("details summary").click()
    code = branch.page.locator("#code").inner_text()

    page = handset.start()
    handset.open(f"/lapangan/#daftar={code}")
    expect(page.locator(".tests .good")).to_have_count(4)
    page.screenshot(path=pictures / "lapangan-daftar.png")
    press(page, "Lanjut")
    type_pin(page)
    expect(page.get_by_role("heading", name="Ulangi PIN")).to_be_visible()
    type_pin(page)
    expect(page.get_by_text("Belum ada danom")).to_be_visible()

    branch.go("/hp/")
    branch.page.get_by_role("link", name="Siti").click()
    branch.page.get_by_role("button", name="Serahkan danom ini").click()
    expect(branch.page.get_by_text("Danom diserahkan")).to_be_visible()
    branch.page.fill("#amount", str(FLOAT_RP))
    branch.page.fill("#reference", "BKK-0001")
    branch.page.get_by_role("button", name="Serahkan", exact=True).click()
    expect(branch.page.get_by_text("tercatat di panjar")).to_be_visible()
    branch.page.screenshot(path=pictures / "hp-petugas.png", full_page=True)

    press(page, "Ambil danom")
    expect(page.get_by_text("200 KPM · Rp120.000.000")).to_be_visible()
    page.screenshot(path=pictures / "lapangan-danom.png")
    press(page, "Buka hari kerja")
    page.fill("#float", str(FLOAT_RP))
    press(page, "Mulai bekerja")
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp18.000.000")
    page.screenshot(path=pictures / "lapangan-hari-ini.png")
    expect(page.locator("#strip b").first).to_have_text("0")

    # No signal from here on.
    handset.context.set_offline(True)
    before = paid_on_board(visit, office)
    receipts: list[str] = []
    for at, id in enumerate(order[:10]):  # ten by their letters, one after the other before the camera
        film(handset.camera, letter_payload(id, AMOUNT_RP, letters_key()))
        page.locator("[data-go=scan]").click()
        expect(page.locator(".kpm h2")).to_have_text(name_of(id))
        if at == 0:
            page.screenshot(path=pictures / "lapangan-kartu.png")
        receipts.append(pay(page, picture=None if at else pictures / "lapangan-bayar.png"))
        if at == 0:
            page.screenshot(path=pictures / "lapangan-resi.png")
        home(page)

    page = restart(handset, offline=True)
    for id in order[10:20]:  # ten by the code on their letters
        find(page, letter_code(id))
        receipts.append(pay(page))
        home(page)
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp6.000.000")

    for at, id in enumerate(order[20:30]):  # ten by their name, as it is heard
        name = name_of(id)
        find(page, name.replace("Muhammad", "Mohamad").replace("Soeharto", "Suharto").replace("Djumadi", "Jumadi"))
        expect(page.locator(".kpm h2")).to_have_text(name)
        receipts.append(pay(page, proxy=at == 0))
        home(page)
        if at == 4:
            page = restart(handset, offline=True)

    for id, reason in zip(order[30:35], ("TIDAK_HADIR", "SAKIT", "MENINGGAL", "PINDAH", "MENOLAK"), strict=True):
        find(page, letter_code(id))
        press(page, "Tidak dibayar")
        page.locator(f"[data-value={reason}]").click()
        if reason == "SAKIT":
            page.screenshot(path=pictures / "lapangan-tidak-dibayar.png")
        press(page, "Simpan")
        expect(page.locator("#receipt")).to_be_visible()
        home(page)

    for at, id in enumerate(order[:10]):  # ten houses, photographed afterwards
        page.locator("[data-go=houses]").click()
        page.fill("#query", letter_code(id))
        page.locator(".family").first.click()
        page.locator("[data-kind=RUMAH] button").click()
        page.locator(".shutter:enabled").click()
        if at == 0:
            expect(page.locator("[data-kind=RUMAH] img")).to_be_visible()
            page.screenshot(path=pictures / "lapangan-geotag.png")
        page.locator("#geotag:enabled").click()
        expect(page.locator("#receipt")).to_be_visible()
        home(page)

    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp0")
    page.screenshot(path=pictures / "lapangan-tanpa-sinyal.png")
    press(page, "Tutup hari kerja")
    expect(page.get_by_text("belum terkirim. Cari sinyal dulu")).to_be_visible()
    page.screenshot(path=pictures / "lapangan-tutup-tertahan.png")
    page.go_back()
    assert paid_on_board(visit, office) == before, "nothing has left the phone"

    # The signal is back.
    handset.context.set_offline(False)
    expect(page.locator("#strip b").first).to_have_text("0")
    expect(page.locator("#strip [data-n=photo]")).to_have_text("0")
    press(page, "Tutup hari kerja")
    page.fill("#left", "0")
    page.screenshot(path=pictures / "lapangan-tutup.png")
    press(page, "Tutup dan serahkan Rp0")
    expect(page.get_by_text("Hari kerja ditutup").first).to_be_visible()
    page.screenshot(path=pictures / "lapangan-ditutup.png")

    # At the branch: the board has moved, the phone has nothing left to tell, the books hold to the rupiah.
    assert len(set(receipts)) == 30
    assert paid_on_board(visit, office) == before + 30
    balances = {row.code: row.balance_rp for row in ledger.balances(stage=office.stage) if row.balance_rp}
    assert balances["paid"] == 30 * AMOUNT_RP
    assert f"float/{office.officers[0]}" not in balances, "the shift closes to the rupiah"
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, count(*) FROM field_event GROUP BY kind ORDER BY kind")
        assert dict(cursor.fetchall()) == {"CLOSE": 1, "EVID": 10, "OPEN": 1, "PAY": 30, "UNPAID": 5}
        cursor.execute("SELECT count(*) FROM field_event WHERE answer NOT LIKE 'ACCEPTED%%'")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT count(*), count(DISTINCT p.sha256), count(DISTINCT b.sha256) FROM field_photo p LEFT JOIN field_blob b USING (sha256)"
        )
        told, owed, stored = cursor.fetchone()
        assert (told, owed) == (40, stored), (
            "thirty people and ten houses; the film makes some of them the same picture"
        )
    assert cases.counts() == []
    for check in verify():
        assert check.ok, f"{check.name}: {check.examples}"
    branch.go("/hp/")
    branch.page.screenshot(path=pictures / "hp-semua.png")
    assert not [said for said in handset.said if "Failed to load resource" not in said], handset.said

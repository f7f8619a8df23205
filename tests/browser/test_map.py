"""The map in a real browser: in step with the list, alive, readable on a phone, and nothing in it that runs."""

import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.sync_api import expect

from salur.lib.process_cache import cache
from salur.offices.models import Coverage, Office
from tests.browser import country
from tests.browser.test_boards import BOARD, BRANCH, KECAMATAN, complaints, words_of

pytestmark = pytest.mark.browser

PAGES = {
    "peta-nasional": ("kemensos", f"{BOARD}?by=kabupaten&as_of=2022-03-26"),
    "peta-kabupaten": ("regional", f"{BOARD}wilayah/3511/?as_of=2022-03-14"),
    "peta-cabang": ("cabang", f"{BRANCH}?as_of=2022-03-14"),
    "peta-kecamatan": ("cabang", f"{KECAMATAN}?as_of=2022-03-14&map=failed"),
}


@pytest.fixture
def land(transactional_db):
    cache.clear()
    made = country.make_country()
    country.load_boundaries()
    return made


def test_a_map_fits_its_screen_speaks_one_language_and_shuts_nobody_out(land, visit, pictures):
    wrong = []
    for name, (username, path) in PAGES.items():
        for look in ({}, {"phone": True, "dark": True, "language": "en"}):
            foreign = words_of("id" if look else "en")
            window = visit(username, **look)
            window.go(path)
            window.page.locator("#map").scroll_into_view_if_needed()
            assert window.page.locator("#map path[data-area]").count() >= 1
            lines = {line.strip() for line in window.page.inner_text("body").splitlines()}
            wrong += [f"{name}: {window.overflow()} pixels too wide"] if window.overflow() else []
            wrong += [f"{name}: “{line}” is in the wrong language" for line in lines & foreign]
            wrong += [f"{name}: {complaint}" for complaint in complaints(window.page)]
            wrong += [f"{name}: {said}" for said in window.said]
            shot = Image.open(io.BytesIO(window.page.locator("#map").screenshot())).convert("RGB")
            shot.quantize(64, dither=Image.Dither.NONE).save(
                pictures / f"{name}{'-ponsel' if look else ''}.png", optimize=True
            )
            window.context.close()
    assert wrong == []


def test_a_payment_colours_the_open_map_and_the_list_alike(land, visit):
    office = Office.objects.get(code="KC-BDW")
    village = min(
        Coverage.objects.filter(branch=office, village__range=(351101_0000, 351101_9999)).values_list(
            "village", flat=True
        )
    )
    window = visit("cabang")
    window.go(KECAMATAN)
    shape = window.page.locator(f'#map path[data-area="{village}"]')
    title = shape.locator("title").text_content()
    window.page.evaluate("document.querySelector('#map').dataset.same = 'yes'")
    country.pay(land.stage, office, village, 25, datetime.now(UTC))
    row = window.page.locator(f'tr[data-area="{village}"] .c-paid_percent .value')
    expect(shape.locator("title")).not_to_have_text(title or "", timeout=20_000)
    assert (shape.locator("title").text_content() or "").endswith(row.inner_text())
    assert window.page.locator("#map").get_attribute("data-same") == "yes", "the drawing itself was not sent again"
    assert window.said == []


def test_what_is_pointed_at_in_the_list_is_marked_in_the_map_and_the_other_way_round(land, visit):
    window = visit("cabang")
    window.go(f"{BRANCH}?as_of=2022-03-14")
    window.page.locator('tr[data-area="351102"] .c-paid').hover()
    assert "marked" in (window.page.locator('#map path[data-area="351102"]').get_attribute("class") or "")
    window.page.locator('tr[data-area="351101"] .c-paid').hover()
    assert "marked" not in (window.page.locator('#map path[data-area="351102"]').get_attribute("class") or "")


def test_the_map_is_there_without_scripts_and_leads_down(land, visit):
    window = visit("regional", scripts=False)
    window.go(f"{BOARD}?by=kabupaten")
    assert window.page.locator("#map path[data-area]").count() >= 4
    href = window.page.locator('#map a:has(path[data-area="3511"])').get_attribute("href")
    window.go(href or "")
    expect(window.page.locator("h1 .code")).to_have_text("35.11")
    assert window.page.locator("#map path[data-area]").count() >= 20

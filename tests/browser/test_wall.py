"""The wall board in a real browser: it fills a television, fits a phone, and a payment is on it within five seconds."""

import io
import time
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.sync_api import expect

from salur.offices.models import Coverage, Office
from tests.browser import country
from tests.browser.test_boards import complaints, words_of

pytestmark = pytest.mark.browser

WALL = "/dinding/SEMBAKO-2022-1/"
SCREENS = {
    "dinding-nasional": ("kemensos", {"width": 1920, "height": 1080}, {"dark": True}),
    "dinding-regional": ("regional", {"width": 1920, "height": 1080}, {}),
    "dinding-cabang": ("cabang", {"width": 1280, "height": 720}, {"language": "en", "dark": True}),
    "dinding-ponsel": ("selong", {"width": 360, "height": 640}, {"phone": True}),
}


@pytest.fixture
def land(transactional_db):
    return country.make_country()


def test_a_wall_fills_its_screen_and_shuts_nobody_out(land, visit, pictures):
    wrong = []
    for name, (username, size, look) in SCREENS.items():
        foreign = words_of("id" if look.get("language") == "en" else "en")
        window = visit(username, **look)
        window.page.set_viewport_size(size)
        window.go(WALL)
        lines = {line.strip() for line in window.page.inner_text("body").splitlines()}
        wrong += [f"{name}: {window.overflow()} pixels too wide"] if window.overflow() else []
        wrong += [f"{name}: “{line}” is in the wrong language" for line in lines & foreign]
        wrong += [f"{name}: {complaint}" for complaint in complaints(window.page)]
        wrong += [f"{name}: {said}" for said in window.said]
        below = window.page.evaluate("document.documentElement.scrollHeight - document.documentElement.clientHeight")
        wrong += [f"{name}: {below} pixels below the screen"] if below > 0 and not look.get("phone") else []
        picture = Image.open(io.BytesIO(window.page.screenshot())).convert("RGB").quantize(64, dither=Image.Dither.NONE)
        picture.save(pictures / f"{name}.png", optimize=True)
        window.context.close()
    assert wrong == []


def test_a_payment_is_on_the_wall_within_five_seconds_of_its_commit_without_reloading(land, visit):
    office = Office.objects.get(code="KC-BDW")
    village = Coverage.objects.filter(branch=office).values_list("village", flat=True)[0]
    window = visit("kemensos")
    window.go(WALL)
    today = window.page.locator("#wall-today")
    before = int(today.inner_text().replace(".", ""))
    window.page.evaluate("window.notReloaded = true")
    country.pay(land.stage, office, village, 7, datetime.now(UTC))
    began = time.monotonic()
    expect(today).to_have_text(f"{before + 7:,}".replace(",", "."), timeout=30_000)
    assert time.monotonic() - began <= 5.0
    assert window.page.evaluate("window.notReloaded") is True
    assert window.said == []


def test_a_wall_that_is_cut_off_says_so_and_recovers(land, visit):
    window = visit("kemensos")
    window.go(WALL)
    window.context.set_offline(True)
    expect(window.page.locator("#cut-off")).to_be_visible(timeout=30_000)
    window.context.set_offline(False)
    expect(window.page.locator("#cut-off")).to_be_hidden(timeout=30_000)

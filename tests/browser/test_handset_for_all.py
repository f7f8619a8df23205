"""The officers' app for whoever holds it: nobody is shut out, it is worked by keys alone, and at twice the size nothing is lost.

Walked screen by screen on a small phone; what is looked for is what the pages of the desks are held to (``test_boards``).
"""

from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from conftest import PostOffice
from tests.browser.handset import Handset, press
from tests.browser.officer import begin, hand_over, ten_families
from tests.browser.test_boards import complaints

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def office(transactional_db: None) -> PostOffice:
    return ten_families()


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def walk(page: Page, family: UUID, look: list[str]) -> None:
    """Every screen of a day once; ``look`` collects what is wrong with each."""

    def here(name: str) -> None:
        page.wait_for_timeout(300)
        if wide := overflow(page):
            look.append(f"{name}: {wide} pixels too wide")
        look.extend(f"{name}: {complaint}" for complaint in complaints(page))

    here("home")
    page.locator("[data-go=list]").click()
    page.locator(".family").first.wait_for()
    here("list")
    page.locator(".family").first.click()
    page.locator("#pay:enabled").wait_for()
    here("family")
    page.locator("#pay").click()
    page.locator("[data-value=ktp]").wait_for()
    here("pay")
    page.go_back()
    page.locator("#pay:enabled").wait_for()
    hand_over(page, photo=False)
    page.locator("#receipt").wait_for()
    here("receipt")
    page.locator("[data-go=home]").click()
    page.locator("#strip button").click()
    here("outbox")
    page.go_back()
    page.locator("[data-go=scan]").wait_for()
    page.locator("header button").last.click()
    here("more")


@pytest.mark.parametrize(
    "size", [{"width": 360, "height": 640}, {"width": 180, "height": 320}], ids=["whole", "at-200-percent"]
)
def test_no_screen_shuts_anybody_out_or_grows_too_wide(
    handset: Handset, office: PostOffice, size: dict[str, int]
) -> None:
    begin(handset, office)
    page = handset.page
    page.set_viewport_size(size)  # type: ignore[arg-type]  # twice the size is half as many pixels of the page's own
    wrong: list[str] = []
    walk(page, office.entitlements[0], wrong)
    assert not wrong, "\n".join(wrong)


def test_a_family_is_paid_by_keys_alone(handset: Handset, office: PostOffice) -> None:
    begin(handset, office)
    page = handset.page

    def by_keys(selector: str, *, key: str = "Enter") -> None:
        """Steps on with Tab until what is meant has the focus, then presses it."""
        page.locator(selector).first.wait_for()
        for _ in range(60):
            if page.evaluate("(wanted) => document.activeElement?.matches(wanted)", selector):
                page.keyboard.press(key)
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    by_keys("[data-go=list]")
    by_keys(".family")
    by_keys("#pay")
    by_keys("[data-value=ktp]")
    by_keys("[data-value=bare]")
    expect(page.locator("#hand-over")).to_be_enabled()
    by_keys("#hand-over")
    page.locator("#receipt").wait_for()
    press(page, "Ke beranda")
    expect(page.locator("[data-cash=left] dd")).to_have_text("Rp5.400.000")

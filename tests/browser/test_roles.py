"""The day of each role in a real browser: every page that is offered to it, in both languages, on a phone and on a desk.

What a role is offered is read from the page (the ways above it), so a folder's new page is walked through without being named here.
"""

import pytest

from salur.areas.models import Area
from salur.lib.process_cache import cache
from salur.offices.models import Office, Officer
from tests.browser import country
from tests.browser.test_boards import BOARD, BRANCH, HOSTILE, complaints, words_of

pytestmark = pytest.mark.browser

LOOKS = {"phone-id": {"phone": True}, "desk-en": {"language": "en", "dark": True}}
PEOPLE = ("kemensos", "pusat", "regional", "cabang", "koordinator", "auditor", "jurubayar")
# Beyond what the ways lead to: one step down from the board, and the wall.
BESIDES = {
    "kemensos": [f"{BOARD}?by=kabupaten", "/dinding/SEMBAKO-2022-1/"],
    "pusat": [f"{BOARD}?by=branch"],
    "regional": [f"{BOARD}wilayah/3511/", "/dinding/SEMBAKO-2022-1/"],
    "cabang": [f"{BRANCH}?by=village", f"{BRANCH}kecamatan/351101/?map=failed"],
    "koordinator": [f"{BRANCH}kecamatan/351101/"],
    "auditor": [f"{BOARD}?by=branch&as_of=2022-03-12"],
    "jurubayar": [],
}
MOST_BYTES, MOST_REQUESTS = 100_000, 10
seen_by_axe: set[tuple[str, str]] = set()


@pytest.fixture
def land(transactional_db):
    cache.clear()
    made = country.make_country()
    country.load_boundaries()
    return made


def budget(window) -> tuple[dict[str, int], list[str]]:
    """Bytes on the wire of each request of the page, and what was asked for elsewhere; both fill while the page loads."""
    sizes: dict[str, int] = {}
    urls: dict[str, str] = {}
    elsewhere: list[str] = []
    wire = window.context.new_cdp_session(window.page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def sent(event):
        url = event["request"]["url"]
        urls[event["requestId"]] = url
        if not url.startswith((window.server, "data:", "blob:")):
            elsewhere.append(url)

    wire.on("Network.requestWillBeSent", sent)
    wire.on(
        "Network.loadingFinished",
        lambda event: sizes.update({urls[event["requestId"]]: int(event["encodedDataLength"])}),
    )
    return sizes, elsewhere


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("username", PEOPLE)
def test_the_day_of_a_role_fits_speaks_one_language_is_small_and_shuts_nobody_out(
    land, visit, pictures, username, look
):
    foreign = words_of("en" if look.endswith("id") else "id")
    window = visit(username, **LOOKS[look])
    sizes, elsewhere = budget(window)
    window.go("/")
    window.page.locator("a.whole, .stage a").first.click()
    window.page.wait_for_load_state("networkidle")
    ways = window.page.locator("nav.ways a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert BOARD in ways
    assert len(ways) >= 3 or username == "jurubayar", "a role's day is more than one page"
    wrong = []
    for path in dict.fromkeys([*ways, *BESIDES[username]]):
        sizes.clear()
        answer = window.go(path)
        window.page.wait_for_load_state("networkidle")
        if answer.status != 200:
            wrong.append(f"{path}: {answer.status}")
            continue
        lines = {line.strip() for line in window.page.inner_text("body").splitlines()}
        wrong += [f"{path}: no heading"] if window.page.locator("h1").count() != 1 else []
        wrong += [f"{path}: {window.overflow()} pixels too wide"] if window.overflow() else []
        wrong += [f"{path}: “{line}” is in the wrong language" for line in lines & foreign]
        wrong += (
            [f"{path}: {sum(sizes.values()):,} bytes in {len(sizes)} requests"]
            if (sum(sizes.values()) > MOST_BYTES or len(sizes) > MOST_REQUESTS)
            else []
        )
        if (path, look) not in seen_by_axe:
            seen_by_axe.add((path, look))
            wrong += [f"{path}: {complaint}" for complaint in complaints(window.page)]
    wrong += [f"elsewhere: {url}" for url in elsewhere]
    wrong += window.said
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("username", ["pusat", "regional", "cabang", "koordinator", "auditor"])
def test_no_name_breaks_any_page_of_a_role_or_runs(land, visit, username):
    """Offices, areas and officers with names that somebody made to do harm, on a phone, which has the least room for them."""
    branch = Office.objects.get(code="KC-BDW")
    Office.objects.filter(pk=branch.pk).update(name=HOSTILE["script"] + HOSTILE["two hundred"])
    Office.objects.filter(code="REG-5").update(name=HOSTILE["right to left"])
    for number, name in enumerate(HOSTILE.values()):
        Area.objects.filter(code__range=(351101_0000 + number * 10_000, 351101_9999 + number * 10_000)).update(
            name=name
        )
        Area.objects.filter(code=351101 + number).update(name=name)
        Officer.objects.create(branch=branch, code=f"X-{number}", name=name, kind="employee")
    window = visit(username, phone=True)
    window.go("/")
    window.page.locator("a.whole, .stage a").first.click()
    ways = window.page.locator("nav.ways a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    wrong = []
    for path in dict.fromkeys([*ways, *BESIDES[username], "/buku/SEMBAKO-2022-1/?kantor=KC-BDW", "/hp/?kantor=KC-BDW"]):
        if window.go(path).status == 404:
            continue
        window.page.wait_for_load_state("networkidle")
        if (
            "taken" in {window.page.title(), window.page.evaluate("document.title")}
            or window.page.locator("img[src=x]").count()
        ):
            wrong.append(f"{path}: a name was run")
        wrong += [f"{path}: {window.overflow()} pixels too wide"] if window.overflow() else []
    wrong += [said for said in window.said if "404" not in said]
    assert not wrong, "\n".join(wrong)

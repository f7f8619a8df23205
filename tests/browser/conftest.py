"""A real browser before a real server: Debian's Chromium, granian, the database of the test run.

``SALUR_CHROMIUM`` names another Chromium or Chrome; where there is none the tests are skipped. ``SALUR_PICTURES=1`` keeps the pictures that
the tests take in docs/pictures; otherwise they are taken and thrown away.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from tests.browser.handset import PATIENCE_MS, Handset, Line, new_profile

# Playwright's loop runs in the thread of the tests; Django takes that for an asynchronous program, which it is not.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

expect.set_options(timeout=PATIENCE_MS)

ROOT = Path(__file__).resolve().parents[2]
PHONE, DESKTOP = {"width": 360, "height": 640}, {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def chromium() -> str:
    found = os.environ.get("SALUR_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs a Chromium: `apt-get install chromium`, or SALUR_CHROMIUM names one")
    return found


@pytest.fixture(scope="module")  # not longer: its loop would be found running by the tests of another file
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root Chromium refuses its sandbox; the only pages it sees are our own.
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(chromium: str, django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """The address of salur, served as `salur serve` serves it, on the database of the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {**os.environ, "SALUR_DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "salur.web.settings"}
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--log-level",
        "warning",
        "salur.web.wsgi:application",
    ]
    process = subprocess.Popen(command, env=given, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120  # a busy machine takes its time
    while True:
        try:
            urlopen(f"{url}/static/web/salur.svg").read()  # noqa: S310 — our own server
            break
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(timeout=20)


def database_url() -> str:
    """The database of the tests, as ``SALUR_DATABASE_URL`` would name it."""
    known = connection.settings_dict
    where = {key: known[name] for key, name in (("host", "HOST"), ("port", "PORT")) if known[name]}
    who = ":".join(quote(known[name], safe="") for name in ("USER", "PASSWORD") if known[name])
    return f"postgresql://{who}@/{quote(known['NAME'], safe='')}?{urlencode(where)}"


@dataclass
class Visit:
    """A browser window of one person; ``said`` collects what the console and the page's scripts complain about."""

    context: BrowserContext
    page: Page
    server: str
    said: list[str] = field(default_factory=list)

    def go(self, path: str) -> Response:
        response = self.page.goto(self.server + path)
        assert response is not None
        return response

    def overflow(self) -> int:
        """By how many pixels something is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.fixture
def visit(browser: Browser, server: str, transactional_db: None) -> Iterator[Callable[..., Visit]]:
    """Open a window: ``visit("kemensos", phone=True, dark=True, language="en")``; without a name nobody is signed in."""
    opened: list[BrowserContext] = []

    def open_window(
        username: str = "", *, phone: bool = False, dark: bool = False, language: str = "id", scripts: bool = True
    ) -> Visit:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme="dark" if dark else "light",
            locale="id-ID" if language == "id" else "en-GB",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        opened.append(context)
        if language != "id":
            context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": server}])
        if username:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(username), "url": server}])
        window = Visit(context, context.new_page(), server)
        window.page.on(
            "console",
            lambda message: window.said.append(message.text) if message.type in ("error", "warning") else None,
        )
        window.page.on("pageerror", lambda error: window.said.append(str(error)))
        window.page.on("dialog", lambda dialog: (window.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return window

    yield open_window
    for context in opened:
        context.close()


def session_of(username: str) -> str:
    """A session as the sign-in page begins it; the password's slow hash is not what these tests are about."""
    user = User.objects.get(username=username)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    records = [{"method": "password", "at": time.time()}, {"method": "mfa", "at": time.time(), "type": "totp"}]
    session.update({"account_authentication_methods": records, "account_authentication_methods_user": str(user.pk)})
    session.create()
    assert session.session_key is not None
    return session.session_key


@pytest.fixture
def line(server: str) -> Iterator[Line]:
    """What lies between a phone and the server: good until a test spoils it."""
    made = Line(server, share=0.0)
    yield made
    made.stop()


@pytest.fixture
def handset(browser: Browser, chromium: str, line: Line) -> Iterator[Handset]:
    made = Handset(browser.browser_type, chromium, new_profile(), line.url)
    yield made
    made.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures are kept: docs/pictures when asked for, else a folder that goes away."""
    folder = ROOT / "docs" / "pictures" if os.environ.get("SALUR_PICTURES") == "1" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""A phone of its own: a Chromium with a profile on the disk, which can be killed at any moment and started again on what it left.

Started as a program and driven over its debugging port, because only so its whole process group can be killed as a flat battery would.
``film`` makes what the camera sees; ``Line`` is the air between phone and server, and can be as bad as it gets.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import segno
from playwright.sync_api import BrowserContext, BrowserType, Page

# A machine that runs six other things starts a camera or a browser in its own time; nothing here is measured with a watch.
PATIENCE_MS = 120_000
PIN = "271828"
HERE = {"latitude": -7.9137, "longitude": 113.8214, "accuracy": 8}


def film(path: Path, payload: str) -> Path:
    """A letter's QR in YUV 4:2:0 at 640 × 480, with grain as a real sensor has. The camera opens the file each time it is started."""
    width, height = 640, 480
    grain = np.random.default_rng(1).integers(-12, 12, (height, width))
    matrix = np.array([list(row) for row in segno.make(payload, error="m").matrix_iter(scale=9, border=4)])
    luma = np.full((height, width), 200, dtype=np.uint8)
    side = matrix.shape[0]
    top, left = (height - side) // 2, (width - side) // 2
    luma[top : top + side, left : left + side] = np.where(matrix, 20, 235)
    frame = np.clip(luma.astype(int) + grain, 16, 235).astype(np.uint8).tobytes()
    grey = np.full(width * height // 2, 128, dtype=np.uint8).tobytes()
    head = f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420\n".encode()
    path.write_bytes(head + b"".join(b"FRAME\n" + frame + grey for _ in range(5)))
    return path


class Handset:
    """``start`` it, use ``page``, ``kill`` it, ``start`` it again."""

    def __init__(
        self, driver: BrowserType, chromium: str, profile: Path, server: str, *, camera: Path | None = None,
        arguments: Iterable[str] = (), clock_zone: str = "Asia/Jakarta", environment: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.driver, self.chromium, self.profile, self.server = driver, chromium, profile, server
        self.camera, self.arguments, self.zone = camera, list(arguments), clock_zone
        self.environment = environment or {}
        self.said: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def launch(self, address: str = "about:blank") -> int:
        """Only the browser, with nobody driving it; returns its debugging port."""
        port_file = self.profile / "DevToolsActivePort"
        self.profile.mkdir(parents=True, exist_ok=True)
        for left in ("DevToolsActivePort", "SingletonLock", "SingletonCookie", "SingletonSocket"):
            (self.profile / left).unlink(missing_ok=True)
        command = [
            self.chromium, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.profile}", "--no-first-run",
            "--no-default-browser-check", "--hide-scrollbars", "--disable-gpu", "--lang=id", "--window-size=360,740", "--disable-background-networking",
            "--disable-component-update", "--use-fake-device-for-media-stream",
            *([f"--use-file-for-fake-video-capture={self.camera}"] if self.camera else []),
            *(["--no-sandbox"] if os.geteuid() == 0 else []), *self.arguments, address,
        ]  # fmt: skip
        environment = {**os.environ, "TZ": self.zone, **self.environment}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=environment
        )
        until = time.monotonic() + PATIENCE_MS / 1000
        while not (port_file.exists() and port_file.read_text().count("\n") >= 1):
            assert self.process.poll() is None, "the browser did not start"
            assert time.monotonic() < until, "the browser did not start in time"
            time.sleep(0.03)
        return int(port_file.read_text().splitlines()[0])

    def start(self) -> Page:
        port = self.launch()
        self.browser = self.driver.connect_over_cdp(f"http://127.0.0.1:{port}")
        self.context: BrowserContext = self.browser.contexts[0]
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.grant_permissions(["camera", "geolocation"], origin=self.server)
        self.context.set_geolocation(HERE)  # type: ignore[arg-type]
        self.page = self.new_page()
        return self.page

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_viewport_size({"width": 360, "height": 640})
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("console", lambda said: self.said.append(said.text) if said.type == "error" else None)
        return page

    def open(self, path: str = "/lapangan/") -> Page:
        self.page.goto(self.server + path)
        return self.page

    def kill(self) -> None:
        """As a battery that is taken out: no goodbye, no flush."""
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.kills += 1
        with contextlib.suppress(Exception):  # its other end is gone, which is what we wanted
            self.browser.close()

    def stop(self) -> None:
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.profile, ignore_errors=True)


class Line:
    """A proxy on its own port that spoils requests under /api/: each fault as often as ``odds`` says. Counts what it did.

    ``lost`` the request never arrives; ``half`` only half of it does; ``unanswered`` it arrives, the answer does not; ``cut`` half of the
    answer does; ``portal`` a hotel's sign-in page answers; ``busy`` 503; ``twice`` it arrives twice.
    """

    FAULTS: tuple[str, ...] = ("lost", "half", "unanswered", "cut", "portal", "busy", "twice")

    def __init__(self, server: str, *, share: float = 0.3, seed: int = 1) -> None:
        self.to = urlsplit(server)
        self.share, self.random = share, random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.dead = False  # no network at all
        self.portal = False
        self.holds = ""  # a request with this in its path waits here until it is emptied
        self.waiting = 0
        self.answer: Callable[[str, bytes], bytes | None] | None = None  # answers instead of the server
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def listen() -> None:
            listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=4_000_000)
            self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
            self._ready.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def faults(self) -> int:
        return sum(count for name, count in self.counts.items() if name in self.FAULTS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1]
            length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
            body = await reader.readexactly(length) if length else b""
            await self._carry(path, head, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _carry(self, path: str, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        if self.dead:
            writer.transport.abort()
            return
        fault = None
        if path.startswith("/api/"):
            self.counts["requests"] += 1
            if self.portal:
                fault = "portal"
            elif self.random.random() < self.share:
                fault = self.random.choice(self.FAULTS)
        if fault:
            self.counts[fault] += 1
        if self.holds and self.holds in path:
            self.waiting += 1
            while self.holds and self.holds in path:
                await asyncio.sleep(0.05)
        if self.answer is not None and (made := self.answer(path, body)) is not None:
            writer.write(made)
            await writer.drain()
            return
        head = b"\r\n".join(
            line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"keep-alive:"))
        ).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        if fault == "lost":
            writer.transport.abort()
        elif fault == "half":
            await self._ask(head + body[: len(body) // 2], give_up=True)
            writer.transport.abort()
        elif fault == "portal":
            page = b"<html><title>Masuk Wi-Fi</title></html>"
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (len(page), page)
            )
        elif fault == "busy":
            writer.write(
                b"HTTP/1.1 503 Busy\r\nX-Danom-Proto: 1\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        else:
            answer = await self._ask(head + body)
            if fault == "twice":
                answer = await self._ask(head + body)
            if fault == "unanswered":
                writer.transport.abort()
            elif fault == "cut":
                writer.write(answer[: len(answer) * 2 // 3])
                await writer.drain()
                writer.transport.abort()
            else:
                writer.write(answer)
        if not writer.transport.is_closing():
            await writer.drain()

    async def _ask(self, request: bytes, *, give_up: bool = False) -> bytes:
        reader, writer = await asyncio.open_connection(self.to.hostname, self.to.port)
        writer.write(request)
        await writer.drain()
        if give_up:
            writer.transport.abort()
            return b""
        answer = await reader.read(-1)
        writer.close()
        return answer


def type_pin(page: Page, pin: str = PIN) -> None:
    for digit in pin:
        page.locator(".pad").get_by_role("button", name=digit, exact=True).click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def new_profile() -> Path:
    return Path(tempfile.mkdtemp(prefix="salur-hp-"))

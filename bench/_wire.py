"""A browser's debugging port without a debugger: one question at a time.

Playwright has the browser report every request and brings 330 KB of scripts into each page; on a processor slowed to a sixth a page's start shows it.
"""

import base64
import json
import os
import socket
import struct
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen


class Wire:
    """To the first page of a browser that listens at ``port``; raises ``OSError`` when it is gone."""

    def __init__(self, port: int) -> None:
        with urlopen(f"http://127.0.0.1:{port}/json") as answer:  # noqa: S310 — our own browser
            page = next(one for one in json.load(answer) if one["type"] == "page")
        address = urlsplit(page["webSocketDebuggerUrl"])
        self.socket = socket.create_connection((address.hostname, port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while not self._read_line_ends():
            pass
        self.asked = 0

    def ask(self, method: str, **facts: Any) -> dict[str, Any]:
        """The answer to a command of the DevTools protocol; events are passed over."""
        self.asked += 1
        body = json.dumps({"id": self.asked, "method": method, "params": facts}).encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack(">H", len(body))
        self.socket.sendall(b"\x81" + size + bytes(4) + body)  # masked, as a client must, with zeros
        while True:
            said: dict[str, Any] = json.loads(self._read(self._size()))
            if said.get("id") == self.asked:
                return dict(said["result"])

    def _size(self) -> int:
        size = self._read(2)[1] & 0x7F
        if size < 126:
            return size
        return int.from_bytes(self._read(2 if size == 126 else 8), "big")

    def _read(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            more = self.socket.recv(count - len(read))
            if not more:
                raise OSError("the browser has hung up")
            read += more
        return read

    def _read_line_ends(self) -> bool:
        """Reads one line of the answer's head; whether it was the empty one."""
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._read(1)
        return line == b"\r\n"

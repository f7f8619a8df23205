"""Phones that only send: a process of its own with raw sockets, so that the load costs the cores as little as it can.

``python -m bench._phones PORT CLIENTS EVERY_S FILE``: FILE is what ``write`` wrote: phones, each with its requests in order. It is read as it
is sent, so a nation's day needs no memory. Each client takes one phone after the other over one connection. Every answer is read to its end
and must say so often that an event was accepted. Prints ``{"seconds", "batches", "waits", "ends", "events", "cpu_s"}``: seconds of each batch,
and when it was answered with how many events, or ends with the first answer that is not as it should be.
"""

import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from typing import IO, Any

ACCEPTED = b'"r":"ACCEPTED"'
_COUNT, _REQUEST = struct.Struct("<I"), struct.Struct("<II")


def request(body: bytes) -> bytes:
    head = f"POST /api/v1/sync/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def phone(bodies: list[bytes]) -> bytes:
    """One phone's requests as they stand in the file."""
    parts = [_COUNT.pack(len(bodies))]
    for body in bodies:
        message = request(body)
        parts += [_REQUEST.pack(len(message), body.count(b'"b":')), message]
    return b"".join(parts)


def next_phone(file: IO[bytes]) -> list[tuple[bytes, int]]:
    """The requests of the next phone, each with its number of events; none at the end."""
    count = file.read(_COUNT.size)
    if not count:
        return []
    found = []
    for _ in range(_COUNT.unpack(count)[0]):
        length, events = _REQUEST.unpack(file.read(_REQUEST.size))
        found.append((file.read(length), events))
    return found


def answer(link: socket.socket) -> tuple[int, bytes]:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        got = link.recv(262_144)
        assert got, "the server hung up"
        data += got
    head = data[:end].lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    parts, missing = [data[end + 4 :]], length - (len(data) - end - 4)
    while missing:
        parts.append(link.recv(missing))
        assert parts[-1], "the server hung up"
        missing -= len(parts[-1])
    return int(head.split(b" ", 2)[1]), b"".join(parts)


def main(port: int, clients: int, every_s: float, path: str) -> None:
    batches: list[tuple[float, float, int]] = []  # seconds it took, when it was answered, events
    failures: list[str] = []
    lock = threading.Lock()
    sent = 0
    file = open(path, "rb", buffering=1 << 20)  # noqa: SIM115  closed with the process
    started = time.perf_counter()

    def client() -> None:
        nonlocal sent
        link = socket.create_connection(("127.0.0.1", port), timeout=120)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not failures:
            with lock:
                mine = next_phone(file)
            if not mine:
                return
            for message, events in mine:
                if every_s:
                    with lock:
                        due, sent = started + sent * every_s, sent + 1
                    time.sleep(max(0.0, due - time.perf_counter()))
                begun = time.perf_counter()
                link.sendall(message)
                status, text = answer(link)
                ended = time.perf_counter()
                batches.append((ended - begun, ended - started, events))
                if status != 200 or text.count(ACCEPTED) != events:
                    failures.append(f"{status} {text[:300]!r}")
                    return

    def careful() -> None:
        try:
            client()
        except (OSError, AssertionError) as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=careful) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(failures[0])
    seconds = time.perf_counter() - started
    waits, ends, events = zip(*batches, strict=True) if batches else ((), (), ())
    told = {"seconds": seconds, "batches": len(batches), "cpu_s": time.process_time()}
    print(json.dumps({**told, "waits": waits, "ends": ends, "events": events}))


def send_file(port: int, path: str, *, clients: int, every_s: float = 0.0) -> dict[str, Any]:
    """Send from a process of its own; what it measured."""
    command = [sys.executable, "-m", "bench._phones", str(port), str(clients), str(every_s), path]
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def send(port: int, phones: Iterable[list[bytes]], *, clients: int, every_s: float = 0.0) -> dict[str, Any]:
    """The same for phones that are in memory."""
    with tempfile.NamedTemporaryFile(suffix=".phones") as file:
        batches = 0
        for bodies in phones:
            file.write(phone(bodies))
            batches += len(bodies)
        file.flush()
        found = send_file(port, file.name, clients=clients, every_s=every_s)
    assert found["batches"] == batches, f"{found['batches']} of {batches} batches were answered"
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])

"""Phones that only send: a process of its own with raw sockets, so that the load costs the cores as little as it can.

``python -m bench._phones PORT CLIENTS EVERY_S FILE``: FILE is a pickled list of phones, each a list of request bodies, in order. Each client
takes one phone after the other over one connection. Every answer is read to its end and must say so often that an event was accepted.
Prints ``{"seconds", "batches", "waits": [seconds of each batch], "cpu_s"}``, or ends with the first answer that is not as it should be.
"""

import json
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

ACCEPTED = b'"r":"ACCEPTED"'


def request(body: bytes) -> bytes:
    head = f"POST /api/v1/sync/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


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


def main(port: int, clients: int, every_s: float, file: str) -> None:
    with open(file, "rb") as kept:
        phones: list[list[bytes]] = pickle.load(kept)  # noqa: S301  written by the bench itself
    queue = [[(request(body), body.count(b'"b":')) for body in phone] for phone in phones]
    batches = sum(map(len, queue))
    waits: list[float] = []
    failures: list[str] = []
    lock = threading.Lock()
    sent = 0
    started = time.perf_counter()

    def client() -> None:
        nonlocal sent
        link = socket.create_connection(("127.0.0.1", port), timeout=120)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with lock:
                if not queue or failures:
                    return
                mine = queue.pop()
            for message, events in mine:
                if every_s:
                    with lock:
                        due, sent = started + sent * every_s, sent + 1
                    time.sleep(max(0.0, due - time.perf_counter()))
                begun = time.perf_counter()
                link.sendall(message)
                status, text = answer(link)
                waits.append(time.perf_counter() - begun)
                if status != 200 or text.count(ACCEPTED) != events:
                    failures.append(f"{status} {text[:300]!r}")
                    return

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or len(waits) != batches:
        sys.exit(failures[0] if failures else f"{len(waits)} of {batches} batches were answered")
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "batches": batches, "waits": waits, "cpu_s": time.process_time()}))


def send(port: int, phones: list[list[bytes]], *, clients: int, every_s: float = 0.0) -> dict[str, Any]:
    """Send from a process of its own; what it measured."""
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(phones, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "bench._phones", str(port), str(clients), str(every_s), file.name],
            stdout=subprocess.PIPE,
            check=True,
        )
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])

"""What ends by itself is started again; what is told to stop stops whole."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from salur.lib import serving

PATIENCE_S = 120.0

APPLICATION = """
import os
from salur.lib.serving import end_with_master

end_with_master()


def application(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


class Server:
    """A small web server below its keeper, as `salur serve` starts its own."""

    def __init__(self, folder: Path) -> None:
        (folder / "smallest.py").write_text(APPLICATION)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = serving.granian(
            "smallest:application", host="127.0.0.1", port=self.port, workers=2, log_level="critical"
        )
        root = Path(serving.__file__).parents[2]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(root)])}
        self.keeper = subprocess.Popen(serving.keeper([command]), env=environment)

    def worker(self) -> int | None:
        """Who answers, if anybody does."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = line.makefile("rb").read()
        except OSError:
            return None
        return int(answer.rsplit(b"\r\n\r\n", 1)[1]) if answer.startswith(b"HTTP/1.1 200") else None

    def answering(self) -> int:
        return until(self.worker)

    @property
    def master(self) -> psutil.Process:
        return until(lambda: next(iter(psutil.Process(self.keeper.pid).children()), None))

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.keeper.pid).children(recursive=True)


def until(look: Callable[[], Any]) -> Any:
    patience = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < patience, "waited in vain"
        time.sleep(0.05)
    return found


def gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    running.answering()
    yield running
    below = running.family() if running.keeper.poll() is None else []
    running.keeper.kill()
    running.keeper.wait()
    for one in below:
        if one.is_running():
            one.kill()


def test_a_server_that_gave_up_because_its_workers_died_again_and_again_is_started_again(server: Server):
    first = server.master
    patience = time.monotonic() + PATIENCE_S
    while server.master.pid == first.pid:
        assert time.monotonic() < patience, "it never gave up: then this test tests nothing"
        for worker in server.master.children():
            worker.kill()
        time.sleep(0.2)
    assert server.answering() not in (first.pid, None)


def test_workers_of_a_server_that_was_killed_do_not_answer_beside_the_new_one(server: Server):
    old = [server.master, *server.master.children(recursive=True)]
    server.master.kill()
    assert until(lambda: gone(old))
    assert server.answering() not in [one.pid for one in old]


def test_told_to_stop_it_ends_whole_and_frees_the_port(server: Server):
    family = server.family()
    assert len(family) >= 3
    server.keeper.terminate()
    assert server.keeper.wait(PATIENCE_S) == 0
    assert gone(family)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", server.port))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_whoever_kills_the_keeper_leaves_nothing_behind_that_holds_the_port(server: Server):
    family = server.family()
    server.keeper.send_signal(signal.SIGKILL)
    server.keeper.wait()
    assert until(lambda: gone(family))


def test_a_program_that_ends_at_once_is_tried_again_with_growing_pauses(tmp_path: Path):
    tries = tmp_path / "tries"
    script = f"import time; open({str(tries)!r}, 'a').write(f'{{time.monotonic()}}\\n')"
    keeper = subprocess.Popen(
        serving.keeper([[sys.executable, "-c", script]]), cwd=Path(serving.__file__).parents[2], stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        until(lambda: tries.exists() and len(tries.read_text().splitlines()) >= 4)
    finally:
        keeper.terminate()
        _, said = keeper.communicate(timeout=PATIENCE_S)
    moments = [float(line) for line in tries.read_text().splitlines()]
    pauses = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    assert pauses[1] >= 2.0
    assert pauses[2] >= 4.0, pauses
    assert "started again in 2 s" in said

"""Start and stop the simulation's own server; and find one that answers."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress

from django.db import connection

from salur.lib import serving
from salur.lib.database import watch
from salur.lib.problem import Problem

PATIENCE_S = 120
MOMENT = "X-Salur-Moment"  # the header in which a phone of the simulation tells its moment (served.py)
APPLICATION = "salur.simulate.served:application"


class NoServer(Problem):
    code = "no_server"
    status = 503


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    *, port: int, workers: int = 2, application: str = APPLICATION, env: Mapping[str, str] = {}
) -> "subprocess.Popen[bytes]":
    """As `salur serve` runs it, kept running likewise, with the scenario's clock; see ``wait_until_ready``."""
    connection.close()
    command = serving.keeper(
        [
            serving.granian(application, host="127.0.0.1", port=port, workers=workers, log_level="error"),
            *watch.command(),
        ]
    )
    # What it says goes to stderr: stdout is the answer of the verb.
    return subprocess.Popen(command, env={**os.environ, **env}, stdout=2)


def wait_until_ready(port: int, process: "subprocess.Popen[bytes]", patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise NoServer(f"The server of the simulation ended with code {process.returncode}.") from None
            time.sleep(0.1)
    raise NoServer(f"The server of the simulation did not start in {patience_s} seconds.")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server and all of its workers."""
    if process.poll() is None:
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(serving.GRACE_S + 10)
    process.kill()
    process.wait()


class OwnServer:
    """A server of the simulation on this machine; one port as long as it lives, whoever kills its processes."""

    def __init__(self, *, workers: int = 2, application: str = APPLICATION, env: Mapping[str, str] = {}) -> None:
        self.port = free_port()
        self._how = {"workers": workers, "application": application, "env": env}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = start(port=self.port, **self._how)  # type: ignore[arg-type]
        wait_until_ready(self.port, self.process)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def __enter__(self) -> "OwnServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

"""Keep programs running: what ends, ends whole, and is started again.

A web server replaces a worker that dies, but granian gives up, and ends itself, when the same worker dies twice within seconds (as when the
machine runs out of memory in a rush); and nobody replaces the worker that carries out jobs. Aid is not paid while a person looks for the
service, so `salur serve` becomes this small process, which does nothing else. It imports nothing of the house: it has nothing that may break.
"""

import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
CALM_S = 20.0  # what ran so long was well: its next end is the first one again
GRACE_S = 30.0  # to end what was begun, when told to stop
PR_SET_PDEATHSIG = 1


def granian(
    application: str, *, host: str, port: int, workers: int, log_level: str, blocking_threads: int = 8
) -> list[str]:
    """The web server's command; a worker that dies is replaced by its master."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers),
        "--blocking-threads", str(blocking_threads), "--backpressure", "64", "--respawn-failed-workers", "--log-level", log_level,
        # A worker that is told to stop while it starts does not hear it: without an end to waiting the server would never stop.
        "--workers-kill-timeout", "20", application,
    ]  # fmt: skip


def become_keeper(commands: Sequence[Sequence[str]]) -> None:
    """Become the process that keeps these; does not return. Its pid stays the caller's."""
    os.execv(sys.executable, keeper(commands))  # noqa: S606 — our own interpreter, no shell, no outside words


def keeper(commands: Sequence[Sequence[str]]) -> list[str]:
    """The command that keeps these commands running until it is told to stop (SIGTERM or SIGINT). ``{keeper}`` in a word is its pid."""
    return [sys.executable, "-m", "salur.lib.serving", json.dumps([list(command) for command in commands])]


def end_with_master() -> None:
    """For a server's worker: when its master is killed it would go on alone, answer with yesterday's program and hold the port."""
    if multiprocessing.parent_process() is None:
        return
    master = os.getppid()

    def watch() -> None:
        while os.getppid() == master:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-master").start()


@dataclass
class _Kept:
    command: Sequence[str]
    process: "subprocess.Popen[bytes] | None" = None
    began: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    due: float = 0.0

    def start(self) -> None:
        # A group of its own: what it leaves behind when it is killed is ended with it before the next one starts.
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_keeper
        )
        self.began = time.monotonic()

    def look(self, now: float) -> None:
        if self.process is None:
            if now >= self.due:
                self.start()
        elif (code := self.process.poll()) is not None:
            self.end(signal.SIGKILL)
            self.pause_s = FIRST_PAUSE_S if now - self.began > CALM_S else min(self.pause_s * 2, LONGEST_PAUSE_S)
            self.process, self.due = None, now + self.pause_s
            _say(f"{' '.join(self.command[1:4])} ended with code {code}: it is started again in {self.pause_s:g} s")

    def end(self, how: int) -> None:
        """Told to stop it ends its own; killed it takes them along."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, how) if how == signal.SIGKILL else self.process.send_signal(how)


def keep(commands: Sequence[Sequence[str]]) -> None:
    """Run them until told to stop."""
    stop = False

    def told(*_: object) -> None:
        nonlocal stop
        stop = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    pid = str(os.getpid())
    kept = [_Kept([word.replace("{keeper}", pid) for word in command]) for command in commands]
    while not stop:
        for one in kept:
            one.look(time.monotonic())
        time.sleep(0.1)  # a signal ends it early
    for one in kept:
        one.end(signal.SIGTERM)
    until = time.monotonic() + GRACE_S
    for one in kept:
        if one.process is not None:
            with suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.1, until - time.monotonic()))
            one.end(signal.SIGKILL)
            one.process.wait()


def _end_with_keeper() -> None:
    """Between fork and exec: whoever kills the keeper stops what it kept (Linux tells it; elsewhere somebody has to)."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


# Looked up before any fork.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _say(what: str) -> None:
    sys.stderr.write(json.dumps({"level": "ERROR", "logger": "salur.serving", "event": what}) + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    keep(json.loads(sys.argv[1]))

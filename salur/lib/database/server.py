"""The embedded server: made once, started when needed, stopped cleanly, found again after any crash.

Only the home's owner (and root) may connect, and there is no password to keep: the server asks the kernel who is at the
other end of the socket (``peer``, with ``pg_ident.conf`` naming the owner), which holds even if somebody opens the
socket's folder.
"""

import fcntl
import logging
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psutil

from salur.lib.database import configuration
from salur.lib.database.account import Account, am_root, name_of, server_account
from salur.lib.database.binaries import Binaries, find, reachable
from salur.lib.database.places import SHELF, SOCKET, Places, give, owner_of, sync_folder, write
from salur.lib.problem import Problem

log = logging.getLogger(__name__)

# Recovery replays up to max_wal_size, a clean stop writes what shared_buffers holds: on a slow disk both take minutes.
PATIENCE_S = 600
# pg_control: system identifier (8 bytes), its own version (4), the catalogue's (4), then this; 1 and 2 are «shut down».
STATE_AT, SHUT_DOWN = 16, frozenset({1, 2})
# No process has this number: it is above the highest of Linux (2**22 - 1) and of macOS (99,998).
NOBODYS_PID = 1 << 22


class DatabaseFailed(Problem):
    code = "database_failed"
    status = 503


class NotYourHome(Problem):
    code = "not_your_home"
    status = 403


class EmbeddedServer:
    """The server of one home. Every method may be called at any time, by any number of processes at once."""

    def __init__(self, home: Path) -> None:
        self.places = Places(home)

    @property
    def url(self) -> str:
        """The libpq URL, the same before and after the server is made."""
        sockets = quote(str(self.places.sockets))
        return f"postgresql://{configuration.ROLE}@/{configuration.DATABASE}?host={sockets}"

    # ── asking ──

    def is_ready(self) -> bool:
        """Whether the server takes connections, told in a millisecond: its pid file says so and its socket is open."""
        self._refuse_strangers()
        made = os.path.lexists(self.places.link)  # a deleted home's server may live on for a while: it is nobody's
        return made and self._written_state() == "ready" and self._is_listening()

    def _refuse_strangers(self) -> None:
        home = self.places.home
        try:
            owner = owner_of(home)
        except PermissionError:
            raise NotYourHome(f"You may not enter {home.parent}: let SALUR_HOME name a folder of your own.") from None
        if not am_root() and owner != os.geteuid():
            raise NotYourHome(f"{home} is {name_of(owner)}'s: let SALUR_HOME name a folder of your own.")

    def has_died(self) -> bool:
        """Whether the server ended without being told to: its data say that it is at work, and nobody is."""
        try:
            control = (self.places.data / "global" / "pg_control").read_bytes()
        except OSError:
            return False
        (state,) = struct.unpack_from("=I", control, STATE_AT)
        return state not in SHUT_DOWN and self._process() is None

    def _written_state(self) -> str:
        """What the server last wrote about itself: starting, ready, stopping; empty when it wrote nothing."""
        lines = self._pid_file_lines()
        return lines[7].strip() if len(lines) > 7 else ""

    def _pid_file_lines(self) -> list[str]:
        """postmaster.pid: pid, data folder, start time, port, socket folder, address, shared memory, state."""
        try:
            return self.places.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_listening(self) -> bool:
        places = self.places
        if owner_of(places.sockets) != owner_of(places.data):  # a folder in /tmp can be anybody's
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(places.sockets / SOCKET))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except (BlockingIOError, TimeoutError):  # somebody listens, with a long queue before the door
                return True
            return True

    def _process(self) -> psutil.Process | None:
        """The living server of this data folder; the number in its pid file may belong to somebody else by now."""
        lines = self._pid_file_lines()
        try:
            process = psutil.Process(int(lines[0]))
        except (IndexError, ValueError, psutil.NoSuchProcess):
            return None
        return process if self._works_here(process) else None

    def _works_here(self, process: psutil.Process) -> bool:
        """Whether a process is a PostgreSQL at work in our data folder."""
        try:
            return process.name().startswith("post") and process.cwd() == str(self.places.data) and _is_alive(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    # ── starting ──

    def ensure_running(self) -> str:
        """The URL of a server that takes connections, made and started if need be; processes at once share one."""
        if self.is_ready():
            return self.url
        try:
            with self.lock():
                if not self.is_ready():
                    self._start()
        except OSError as error:
            raise DatabaseFailed(f"The database in {self.places.base} could not be started: {error}.") from error
        return self.url

    def _start(self) -> None:
        places = self.places
        self._set_aside_older_home()
        binaries = find(places.data)
        account = server_account(data=places.data, home=places.home)
        if am_root():
            binaries = reachable(binaries, SHELF)
        if process := self._process():
            self._wait_for(process)
            if self.is_ready():
                return
        self._end_orphans()
        places.make(account)
        if not places.data.exists():
            self._make_data(binaries, account)
        self._clear_after_crash(account)
        self._write_settings(account)
        places.start_log.unlink(missing_ok=True)
        self.run(
            [binaries["pg_ctl"], "start", "-D", places.data, "-w", "-t", PATIENCE_S, "-s", "-l", places.start_log],
            account,
            failure="PostgreSQL did not start",
        )

    def _set_aside_older_home(self) -> None:
        """A home was deleted, but not what it had on the shelf: the new one starts empty, the old is kept once."""
        places = self.places
        if os.path.lexists(places.link) or not places.base.exists():
            return
        if process := self._process():
            self._end(process)
        older = places.base.with_name(places.base.name + ".previous")
        shutil.rmtree(older, ignore_errors=True)
        places.base.rename(older)
        log.warning(
            "%s had been deleted; the database it had is kept in %s until that happens again.", places.home, older
        )

    def _wait_for(self, process: psutil.Process) -> None:
        """A server of ours lives but takes no connections: it starts, stops, or a cleaner of /tmp took its socket."""
        until = time.monotonic() + PATIENCE_S
        while _is_alive(process) and not self.is_ready():
            if self._written_state() == "ready":
                self._end(process)
            if time.monotonic() > until:
                raise DatabaseFailed(f"PostgreSQL takes no connections after {PATIENCE_S} s: see {self.places.log}.")
            time.sleep(0.02)

    def _make_data(self, binaries: Binaries, account: Account) -> None:
        """Made under another name and renamed when complete: a kill at any moment leaves the data whole or absent."""
        base = self.places.base
        for unfinished in base.glob("data.new-*"):
            shutil.rmtree(unfinished)
        new = Path(tempfile.mkdtemp(prefix="data.new-", dir=base))
        give(new, account)
        superuser = configuration.SUPERUSER
        self.run(
            [binaries["initdb"], "-D", new, "-U", superuser, "-A", "peer", "-k", "-E", "UTF8", *_locale(binaries)],
            account,
            failure="PostgreSQL could not make its data folder",
        )
        self.run(
            [binaries["postgres"], "--single", "-D", new, "-c", "exit_on_error=on", superuser],
            account,
            failure="PostgreSQL could not make salur's database",
            stdin=configuration.FIRST_STATEMENTS,
        )
        write(new / "postgresql.conf", configuration.POSTGRESQL_CONF, account)
        new.rename(self.places.data)
        sync_folder(base)

    def _clear_after_crash(self, account: Account) -> None:
        """What a killed server leaves: a pid file and a socket. Called when no server of ours lives.

        The pid file is kept, because it also names the shared memory, by which PostgreSQL itself refuses to start
        beside workers that were missed here; only its number, perhaps a stranger's, is replaced by one nobody has.
        """
        lines = self._pid_file_lines()
        if lines:
            write(self.places.pid_file, "\n".join([str(NOBODYS_PID), *lines[1:], ""]), account)
        else:
            self.places.pid_file.unlink(missing_ok=True)  # empty: killed between making and writing it
        for left in (self.places.sockets / SOCKET, self.places.sockets / f"{SOCKET}.lock"):
            left.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End what is still at work in the data folder though no server of ours lives.

        Workers outlive a killed server until they notice; what they had not committed is lost already. A server
        outlives the deletion of its home by up to a minute, and would then take the new server's socket with it.
        """
        orphans = [process for process in psutil.process_iter() if self._works_here(process)]
        for number in (signal.SIGQUIT, signal.SIGKILL):
            for process in orphans:
                _send(process, number)
            until = time.monotonic() + 5
            while any(_is_alive(process) for process in orphans) and time.monotonic() < until:
                time.sleep(0.01)

    def _write_settings(self, account: Account) -> None:
        places = self.places
        machine = configuration.this_machine(places.data)
        settings = configuration.settings(machine, base=places.base, sockets=places.sockets)
        texts = {
            "salur.conf": configuration.salur_conf(settings),
            "pg_hba.conf": configuration.PG_HBA_CONF,
            "pg_ident.conf": configuration.pg_ident_conf({name_of(owner_of(places.home)), "root"}),
        }
        places.write_settings(texts, account)

    def run(self, command: Sequence[object], account: Account, *, failure: str, stdin: str = "") -> None:
        """Run one of PostgreSQL's programs as the server's account; when it fails, its last words are told."""
        done = _run_as(account, command, stdin)
        if done.returncode != 0:
            words = done.stderr.strip() or done.stdout.strip()
            if "start" in command:
                words = self._last_words() or words
            raise DatabaseFailed(f"{failure}: {' / '.join(words.splitlines()[-3:])} (exit code {done.returncode}).")

    def finish_recovery(self) -> None:
        """Wait until a server that was started to recover has done so, however long the log is; pg_ctl returns before."""
        while not self.is_ready():
            if self._process() is None:
                raise DatabaseFailed(f"The recovery did not succeed: {self._last_words() or f'see {self.places.log}'}.")
            time.sleep(0.1)

    def _last_words(self) -> str:
        """Why the server did not start: in its start log until it opens its own log, then there."""
        for file in (
            self.places.start_log,
            *sorted(self.places.log.glob("postgresql-*.log"), key=_changed, reverse=True),
        ):
            lines = file.read_text(errors="replace").splitlines() if file.exists() else []
            ends = [n for n, line in enumerate(lines) if "FATAL" in line or "PANIC" in line]
            if ends and ends[-1] >= len(lines) - 20:  # what led to it (the line of a wrong setting) stands above it
                return "\n".join(lines[max(ends[-1] - 2, 0) : ends[-1] + 1])
        return ""

    # ── stopping ──

    def stop(self) -> None:
        """Stop cleanly: open transactions are rolled back, what is committed is kept. Safe when nothing runs."""
        self._refuse_strangers()
        if self.places.home.exists():
            with self.lock():
                if process := self._process():
                    self._end(process)

    def _end(self, process: psutil.Process) -> None:
        """PostgreSQL's «fast» shutdown; its last process is gone when this returns."""
        _send(process, signal.SIGINT)
        until = time.monotonic() + PATIENCE_S
        while _is_alive(process):
            if time.monotonic() > until:
                raise DatabaseFailed(f"PostgreSQL (process {process.pid}) is still stopping after {PATIENCE_S} s.")
            time.sleep(0.01)

    def erase(self) -> None:
        """Stop the server and delete its database, wherever it lies; for demonstrations and tests."""
        self.stop()
        for folder in (self.places.sockets, self.places.base):
            if folder.exists():
                shutil.rmtree(folder)
        if self.places.link.is_symlink():
            self.places.link.unlink()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time makes, starts or stops the server; a holder that dies gives the lock back."""
        self.places.make_home()
        path = self.places.home / "postgres.lock"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if am_root():
                os.fchown(file, owner_of(self.places.home), -1)
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _run_as(account: Account, command: Sequence[object], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program as the server's account, deaf to the PG… variables and the language of whoever starts it."""
    root = am_root()
    return subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        umask=0o077,
        user=account.uid if root else None,
        group=account.gid if root else None,
        extra_groups=[] if root else None,
    )


def _locale(binaries: Binaries) -> list[str]:
    """Order by code point, case rules of Unicode: PostgreSQL's own from 17 on; before, the system's C.UTF-8 if any."""
    if binaries.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        known = []
    return ["--locale=C.UTF-8" if {"C.utf8", "C.UTF-8"} & set(known) else "--locale=C"]


def _changed(file: Path) -> float:
    return file.stat().st_mtime


def _is_alive(process: psutil.Process) -> bool:
    """Whether a process lives; one that its parent has not buried (in a container without an init) does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return

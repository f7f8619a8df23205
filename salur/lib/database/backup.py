"""A second copy of the embedded server's data, and the way back to any second since it was made.

Two things are kept outside the home, on another disk: a *base backup*, which is the data as it stood, and the *archive*, to which the server
hands each stretch of its write-ahead log. Restoring lays the backup into an empty home and replays the archive up to a moment; what was
acknowledged before that moment is there, nothing after it is. Photos and the secret file are files of the home and are copied as such
(docs/running.md); without the secret file sealed numbers cannot be opened.

PostgreSQL's own programs do the work; this module says where, as whom, and what stands in the way.
"""

import os
import shlex
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from salur.lib.database import configuration
from salur.lib.database.account import Account, am_root, everyone_may_reach, server_account
from salur.lib.database.binaries import find
from salur.lib.database.places import give, write
from salur.lib.database.server import EmbeddedServer
from salur.lib.problem import Problem

# Whoever restores loses at most this much of what was not yet handed over, when the machine is lost with its disk.
HAND_OVER_EVERY_S = 60


class CannotKeep(Problem):
    code = "cannot_keep_a_copy"
    status = 409


@dataclass(frozen=True)
class Kept:
    """A base backup: its folder, its size, and the moment from which it can be restored."""

    folder: Path
    size_mib: int
    usable_from: datetime


def archive_to(server: EmbeddedServer, folder: Path) -> None:
    """From now on the server hands its log over to ``folder``; it is restarted for that. The same again changes nothing."""
    folder = _usable(folder)
    server.ensure_running()
    account = server_account(data=server.places.data, home=server.places.home)
    _make_folder(folder, account)
    with server.lock():
        server.places.write_settings({configuration.ARCHIVE_CONF: archive_conf(folder)}, account)
    server.stop()
    server.ensure_running()


def archive_conf(folder: Path) -> str:
    """Settings that hand each segment over: written beside its place, made durable, renamed; one that is there already must be the same."""
    there, part, whole = (shlex.quote(path) for path in (f"{folder}/%f", f"{folder}/.%f.part", str(folder)))
    command = f'cmp -s "%p" {there} || {{ test ! -e {there} && cp "%p" {part} && sync {part} && mv {part} {there} && sync {whole}; }}'
    return "".join(
        f"{name} = '{configuration.quoted(value)}'\n"
        for name, value in {
            "archive_mode": "on",
            "archive_command": command,
            "archive_timeout": f"{HAND_OVER_EVERY_S}s",
        }.items()
    )


def backup(server: EmbeddedServer, folder: Path) -> Kept:
    """A base backup into a new folder below ``folder``, checked against its own manifest, while the system is used."""
    folder = _usable(folder)
    server.ensure_running()
    binaries = find(server.places.data)
    ourselves = Account(os.geteuid(), os.getegid(), "")  # whom the server lets in; its own account is not among them
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    began = datetime.now(UTC)
    into = folder / began.strftime("base-%Y%m%dT%H%M%SZ")
    if into.exists():
        raise CannotKeep(f"{into} is there already: wait a second.")
    server.run(
        [
            binaries["pg_basebackup"], "--pgdata", into, "--host", server.places.sockets, "--username", configuration.SUPERUSER,
            "--checkpoint", "fast", "--wal-method", "stream", "--manifest-checksums", "SHA256", "--no-password",
        ],
        ourselves,
        failure="The backup was not made",
    )  # fmt: skip
    ended = datetime.now(UTC)
    server.run([binaries["pg_verifybackup"], "--quiet", into], ourselves, failure=f"The backup in {into} is damaged")
    size = sum(file.stat().st_size for file in into.rglob("*") if file.is_file())
    return Kept(into, size // configuration.MIB, ended)


def restore(server: EmbeddedServer, *, base: Path, archive: Path | None, to: datetime | None) -> None:
    """Lay a base backup into an empty home and replay the archive up to ``to`` (or to its end), then start it.

    Refuses a home that holds a database. Cut off at any moment, the home is still empty of one, and the same command does it again.
    """
    base = base.absolute()
    if not (base / "backup_manifest").is_file():
        raise CannotKeep(f"{base} is no base backup: name a folder that `salur db backup` made.")
    if archive is not None and not archive.is_dir():
        raise CannotKeep(f"There is no archive at {archive}: name the folder that `salur db archive` hands the log to.")
    places = server.places
    if places.data.exists():
        raise CannotKeep(f"{places.home} holds a database: restore into an empty home (SALUR_HOME=…).")
    places.make_home()
    account = server_account(data=places.data, home=places.home)
    places.make(account)
    with server.lock():
        new = places.base / "data.new-restored"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(base, new, symlinks=True)
        (new / "postgresql.auto.conf").write_text(recovery_conf(archive, to), encoding="utf-8")
        (new / "recovery.signal").touch()
        for path in (new, *new.rglob("*")):
            give(path, account)
        new.chmod(0o700)
        new.rename(places.data)
    try:
        server.ensure_running()
        server.finish_recovery()
    except Problem as problem:
        server.erase()
        if "recovery target" in problem.message:
            raise CannotKeep(
                f"The log that is at hand ends before {to}: restore to an earlier moment, or leave --to out for all there is."
            ) from problem
        raise
    write(places.data / "postgresql.auto.conf", "", account)


def recovery_conf(archive: Path | None, to: datetime | None) -> str:
    """Settings of a recovery: where the log comes from, where to stop; nobody is let in before it is done."""
    fetch = f'cp {shlex.quote(f"{archive.absolute()}/%f")} "%p"' if archive is not None else "false"
    values = {"restore_command": fetch, "recovery_target_action": "promote", "hot_standby": "off"}
    if to is not None:
        values["recovery_target_time"] = to.astimezone(UTC).isoformat()
    return "".join(f"{name} = '{configuration.quoted(value)}'\n" for name, value in values.items())


def _usable(folder: Path) -> Path:
    folder = folder.absolute()
    if {"%", "'", "\n"} & set(str(folder)):
        raise CannotKeep(f"{folder} has a sign in its name that a shell may take amiss (% or '): name another folder.")
    return folder


def _make_folder(folder: Path, account: Account) -> None:
    """A folder that the server's account may write to, made when it is missing; nobody else may look in, for it holds the data."""
    if am_root() and not everyone_may_reach(folder.parent):
        raise CannotKeep(
            f"The database's account {account.name} cannot reach {folder}: name a folder below one that everyone may pass."
        )
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
        give(folder, account)
    if am_root() and folder.stat().st_uid != account.uid:
        raise CannotKeep(
            f"{folder} belongs to somebody else than the database's account {account.name}: `chown {account.name} {folder}`."
        )

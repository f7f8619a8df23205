"""Who runs the server: PostgreSQL refuses to run as root, so root lends the work to an account without rights."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from salur.lib.problem import Problem

NAME = "salur-pg"
# Two ways to make a system account without home, shell or password: shadow (Debian, Ubuntu, Fedora), busybox (Alpine).
_WAYS_TO_MAKE = (
    [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/bin/false",
        NAME,
    ],
    ["adduser", "-S", "-D", "-H", "-s", "/bin/false", NAME],
)
# Where no account can be made (macOS, a read-only /etc), one that exists for PostgreSQL serves.
_ELSE = ("_postgres", "postgres")


class NoAccount(Problem):
    code = "no_database_account"
    status = 503


@dataclass(frozen=True)
class Account:
    """An operating system account that may run PostgreSQL; ``uid`` is never 0."""

    uid: int
    gid: int
    name: str


def am_root() -> bool:
    return os.geteuid() == 0


def name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise NoAccount(
            f"The user id {uid} has no name on this machine, and PostgreSQL needs one: add it to /etc/passwd."
        ) from None


def server_account(*, data: Path, home: Path) -> Account:
    """Us; when we are root, the owner of data that exists, else the owner of the home, else ``salur-pg``."""
    if not am_root():
        return Account(os.geteuid(), os.getegid(), name_of(os.geteuid()))
    for path in (data, home):
        if path.exists() and (uid := path.stat().st_uid) != 0:
            return Account(uid, path.stat().st_gid, name_of(uid))
    return _system_account()


def _system_account() -> Account:
    if _known(NAME) is None:
        for way in _WAYS_TO_MAKE:
            if shutil.which(way[0]) and subprocess.run(way, capture_output=True, check=False).returncode == 0:
                break
    for name in (
        NAME,
        *_ELSE,
    ):  # looked up again whatever came out: another process may have made it at the same moment
        if account := _known(name):
            return account
    raise NoAccount(
        f"PostgreSQL does not run as root and no account could be made for it: make a system account named {NAME}, "
        "or run salur as an ordinary user."
    )


def _known(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


def everyone_may_reach(path: Path) -> bool:
    """Whether any account may pass every folder down to ``path``; the part that does not exist yet counts as open."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())

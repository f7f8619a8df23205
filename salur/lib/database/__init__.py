"""The database salur works on: a server of your own (``SALUR_DATABASE_URL``), or the embedded one.

The embedded one is an ordinary PostgreSQL, run by this folder's small supervisor under ``SALUR_HOME`` (default
``~/.salur``). It listens on a Unix socket only. Read ``server`` (how it is made, started and stopped, and what happens
after a crash), then ``places`` (what lies where), ``configuration`` (its settings and who may connect), ``binaries``
(which PostgreSQL is used), ``account`` (who runs it when we are root), ``watch`` (who starts it again when it died while we serve).

Nothing here knows Django: settings ask ``settings_url`` before Django exists.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from salur.lib.database.server import EmbeddedServer
from salur.lib.problem import Problem

__all__ = [
    "NotOurs",
    "Status",
    "ensure_running",
    "erase",
    "own_server_url",
    "salur_home",
    "settings_url",
    "status",
    "stop",
]


class DatabaseUnreachable(Problem):
    code = "database_unreachable"
    status = 503


class NotOurs(Problem):
    code = "not_our_database"
    status = 409


@dataclass(frozen=True)
class Status:
    """What `salur db` tells.

    ``version`` is the server's own answer, so ``None`` unless it runs; ``data_dir`` is ``None`` for a server not ours.
    """

    running: bool
    version: str | None
    url: str
    data_dir: str | None


def salur_home() -> Path:
    """Where everything of this installation lives; it need not exist yet."""
    return Path(os.environ.get("SALUR_HOME") or "~/.salur").expanduser().absolute()


def own_server_url() -> str | None:
    """The real server that ``SALUR_DATABASE_URL`` names; then nothing is started or stopped here."""
    return os.environ.get("SALUR_DATABASE_URL") or None


def settings_url() -> str:
    """The libpq URL to connect to, the same before and after the first start; starts nothing."""
    return own_server_url() or EmbeddedServer(salur_home()).url


def ensure_running() -> str:
    """The URL of a server that takes connections: the embedded one is made and started when it has to be."""
    return own_server_url() or EmbeddedServer(salur_home()).ensure_running()


def stop() -> None:
    """Stop the embedded server if it runs; a server of ``SALUR_DATABASE_URL`` is left alone."""
    if own_server_url() is None:
        EmbeddedServer(salur_home()).stop()


def erase() -> None:
    """Stop the embedded server and delete its database; the rest of the home stays. Not for a server of your own."""
    if own_server_url() is not None:
        raise NotOurs("SALUR_DATABASE_URL names a server of your own, and salur deletes nothing there.")
    EmbeddedServer(salur_home()).erase()


def status() -> Status:
    """What runs now; starts nothing."""
    url = own_server_url()
    if url is not None:
        version = _version(url)
        return Status(running=version is not None, version=version, url=url, data_dir=None)
    server = EmbeddedServer(salur_home())
    version = _version(server.url) if server.is_ready() else None
    return Status(running=version is not None, version=version, url=server.url, data_dir=str(server.places.data))


def _version(url: str) -> str | None:
    """The version the server itself gives, e.g. ``18.6``; ``None`` when it does not answer."""
    import psycopg  # noqa: PLC0415  loaded here: `settings_url` and a running server's `ensure_running` stay under a few milliseconds

    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return str(connection.info.parameter_status("server_version")).split(" ")[0]
    except psycopg.OperationalError:
        return None
    except psycopg.ProgrammingError as error:
        raise DatabaseUnreachable(f"SALUR_DATABASE_URL is not a PostgreSQL URL: {str(error).strip()}") from error

"""`salur db`: the embedded database, by hand. Works without Django, so also when nothing else does."""

from dataclasses import asdict
from pathlib import Path

import click
from psycopg.conninfo import conninfo_to_dict

from salur.lib import database
from salur.lib.clock import moment
from salur.lib.command import Answer, answers, plain_text
from salur.lib.database import backup as copies
from salur.lib.database.server import EmbeddedServer
from salur.lib.problem import Problem
from salur.lib.secrets import secret_file

NOT_OURS = "SALUR_DATABASE_URL names a server of your own, so salur starts and stops nothing."


@click.group()
def db() -> None:
    """The embedded database: start, stop, see whether it runs, how to connect to it."""


@db.command()
@answers
def start() -> Answer:
    """Make the database when there is none, and start it when it does not run."""
    database.ensure_running()
    found = database.status()
    return _answer(found, needs_person=not found.running)


@db.command()
@answers
def stop() -> Answer:
    """Stop the database cleanly."""
    database.stop()
    return _answer(database.status())


@db.command()
@answers
def status() -> Answer:
    """Whether the database runs."""
    return _answer(database.status())


@db.command()
@answers
def url() -> Answer:
    """The URL to connect to, for psql and other programs."""
    found = database.status()
    return Answer(asdict(found), text=found.url)


@db.command()
@click.argument("folder", type=click.Path(path_type=Path))
@answers
def archive(folder: Path) -> Answer:
    """Hand the write-ahead log over to FOLDER, on another disk, from now on; the database is restarted for it."""
    copies.archive_to(_embedded(), folder)
    return Answer(
        {"archive": str(folder.absolute())},
        f"The log is handed over to {folder.absolute()}. Now make a base: `salur db backup`.",
    )


@db.command()
@click.argument("folder", type=click.Path(path_type=Path))
@answers
def backup(folder: Path) -> Answer:
    """A base backup into a new folder below FOLDER, while the system is used. Keep the secret file and the photos beside it."""
    kept = copies.backup(_embedded(), folder)
    data = {"backup": str(kept.folder), "size_mib": kept.size_mib, "usable_from": kept.usable_from.isoformat()}
    return Answer(data, plain_text(data))


@db.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.option(
    "--archive",
    "archive_folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the log was handed over to.",
)
@click.option(
    "--to",
    "to",
    metavar="T",
    help="The moment to go back to, e.g. 2022-03-26T14:05:30+07:00; the archive's end when left out.",
)
@answers
def restore(base: Path, archive_folder: Path | None, to: str | None) -> Answer:
    """Lay the base backup BASE into an empty home and replay the log up to a moment, to the second; then start it."""
    try:
        until = moment(to) if to else None
    except ValueError as error:
        raise Problem(f"--to {to} is not a moment: write 2022-03-26T14:05:30+07:00.") from error
    copies.restore(_embedded(), base=base, archive=archive_folder, to=until)
    found = database.status()
    told = (
        ()
        if secret_file().exists()
        else (f"Put the secret file back at {secret_file()}: without it no sealed number opens.",)
    )
    data = asdict(found) | {"restored_to": until.isoformat() if until else None}
    return Answer(data, "The database is back. `salur verify` recounts it.", warnings=told)


def _embedded() -> EmbeddedServer:
    if database.own_server_url() is not None:
        raise database.NotOurs(
            "SALUR_DATABASE_URL names a server of your own: keep copies with its own tools (docs/running.md says how)."
        )
    return EmbeddedServer(database.salur_home())


def _answer(found: database.Status, *, needs_person: bool = False) -> Answer:
    data = asdict(found)
    person = data | {"running": "yes" if found.running else "no", "url": _without_password(found.url)}
    shown = {name: value for name, value in person.items() if value is not None}
    warnings = () if database.own_server_url() is None else (NOT_OURS,)
    return Answer(data, plain_text(shown), needs_person=needs_person, warnings=warnings)


def _without_password(address: str) -> str:
    """The URL as a person may see it over your shoulder; programs get the whole of it with --json."""
    password = conninfo_to_dict(address).get("password")
    return address.replace(str(password), "…") if password else address

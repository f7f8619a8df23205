"""`salur db`: the embedded database, by hand. Works without Django, so also when nothing else does."""

from dataclasses import asdict

import click
from psycopg.conninfo import conninfo_to_dict

from salur.lib import database
from salur.lib.command import Answer, answers, plain_text

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

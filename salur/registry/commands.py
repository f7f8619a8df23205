"""`salur registry find|reveal|rotate`."""

import sys
from uuid import UUID

import click

from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers
from salur.registry import actions


@click.group("registry")
def registry() -> None:
    """Families, and the numbers that must be protected."""


@registry.command("find")
@click.argument("who", metavar="NIK|FAMILY")
@answers
def find(who: str) -> Answer:
    """A family by its NIK or id; its numbers are shown masked."""
    found = actions.find(word=who)
    return Answer(found._asdict(), f"{found.family}  {found.name}  NIK {found.nik}  KK {found.no_kk or '-'}")


@registry.command("reveal")
@click.argument("family", type=click.UUID)
@click.option("--reason", required=True, metavar="TEXT", help="Why the numbers must be seen; it is kept.")
@acting
@answers
def reveal(family: UUID, reason: str, actor: str) -> Answer:
    """A family's numbers in clear; who saw them and why is kept for the auditor."""
    if not reason.strip():
        raise click.UsageError("--reason says why; it cannot be empty.")
    nik, no_kk = actions.reveal(family=family, reason=reason.strip(), actor=actor, at=now())
    return Answer({"family": family, "nik": nik, "no_kk": no_kk}, f"NIK {nik}  KK {no_kk or '-'}")


@registry.command("rotate")
@click.option("--finish", is_flag=True, help="Go on with the newest key instead of making another.")
@acting
@answers
def rotate(finish: bool, actor: str) -> Answer:
    """Seal every number with a new key, while the system is used."""

    def progress(rows: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{rows:>12,} rows", err=True, nl=False)

    done = actions.rotate(actor=actor, at=now(), finish=finish, progress=progress)
    text = f"{done.renewed:,} rows are sealed with version {done.version} of the key."
    if done.left:
        text += f" {done.left:,} came meanwhile with an older one: salur registry rotate --finish."
    return Answer(done._asdict(), text, needs_person=done.left > 0)

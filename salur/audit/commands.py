"""`salur audit …`: read the trail, check it, print its head."""

from datetime import date

import click

from salur.audit import actions
from salur.lib.clock import now
from salur.lib.command import Answer, answers, table
from salur.lib.problem import Problem


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Problem(f"--day {text} is not a day: write it as 2022-03-26.") from error


@click.group("audit")
def audit() -> None:
    """Who did what, chained by hash."""


@audit.command("list")
@click.option("--branch", type=int, help="An office's number; 0 is the nation. Default: all.")
@click.option("--day", metavar="YYYY-MM-DD", help="A day in Jakarta.")
@click.option("--actor", metavar="USER")
@click.option("--verb")
@click.option("--subject", help="As noun/id.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@answers
def list_(
    branch: int | None, day: str | None, actor: str | None, verb: str | None, subject: str | None, limit: int
) -> Answer:
    """The latest acts first."""
    rows = actions.entries(branch=branch, day=_day(day), actor=actor, verb=verb, subject=subject, limit=limit)
    lines = [
        (f"{row.at:%Y-%m-%d %H:%M:%S}", row.branch, row.number, row.actor, row.verb, row.subject, _said(row.facts))
        for row in rows
    ]
    text = table(("at (UTC)", "branch", "no.", "who", "did", "what", "facts"), lines, right=(1, 2))
    return Answer({"entries": [row._asdict() for row in rows]}, text)


def _said(facts: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


@audit.command("verify")
@click.option("--branch", type=int, help="One office's chain; 0 is the nation's. Default: all.")
@click.option("--day", metavar="YYYY-MM-DD", help="The day of a printed head.")
@click.option("--head", "printed", metavar="DIGEST", help="The head as printed on that day's report.")
@answers
def verify(branch: int | None, day: str | None, printed: str | None) -> Answer:
    """Walk the chains; with --day and --head also compare with what was printed. Exit 1 when something was changed."""
    if (day is None) != (printed is None):
        raise Problem("Give --day and --head together: a printed head belongs to its day.")
    found = actions.verify(branch=branch)
    complaints = list(found.examples)
    broken = found.broken
    chosen = _day(day)
    if chosen and printed:
        head = actions.head(day=chosen)
        if head.digest != printed.strip().lower().replace(" ", ""):
            broken += 1
            complaints.append(
                f"the head of {chosen} is {head.digest}, printed was {printed}: the trail up to that day was changed"
            )
    data = {"ok": broken == 0, "checked": found.checked, "broken": broken, "examples": complaints}
    text = "\n".join(complaints) or f"The trail is whole: {found.checked:,} entries checked."
    return Answer(data, text, needs_person=broken > 0)


@audit.command("head")
@click.option("--day", metavar="YYYY-MM-DD", help="A day in Jakarta. Default: today.")
@answers
def head(day: str | None) -> Answer:
    """The digest of the trail at the end of a day, to print on the daily report and to keep elsewhere."""
    found = actions.head(day=_day(day) or actions.today(now()))
    data = {"day": found.day, "digest": found.digest, "chains": [chain._asdict() for chain in found.chains]}
    rows = [(chain.branch, chain.number, chain.day, chain.digest) for chain in found.chains]
    grouped = " ".join(found.digest[place : place + 8] for place in range(0, 64, 8))
    return Answer(
        data, f"{found.day}  {grouped}\n\n" + table(("branch", "entries", "last day", "head"), rows, right=(0, 1))
    )

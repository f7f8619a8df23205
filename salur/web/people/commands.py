"""`salur people …`: who may sign in, with which role, until when."""

from datetime import date, datetime

import click
from django.contrib.auth.models import User

from salur.lib.clock import now
from salur.lib.command import Answer, acting, answers, table
from salur.lib.problem import NotFound
from salur.web.actions import queries
from salur.web.models import Role
from salur.web.people import actions

ROLES = click.Choice([role.value for role in Role])
DAY = click.DateTime(["%Y-%m-%d"])


@click.group("people")
def people() -> None:
    """Who may sign in, with which role, until when."""


@people.command("list")
@answers
def list_() -> Answer:
    """Everybody with a role, and who is invited and has not come yet."""
    rows = queries.people(roles=[role.value for role in Role], office=None, now=now())
    data = [
        {
            "username": row.username, "role": row.role, "office": row.office_code or None, "ends": row.ends, "external": row.external,
            "state": "invited" if row.id is None else "ended" if row.ended else "active", "second_factor": row.factors > 0,
            "last_login": row.last_login,
        }
        for row in rows
    ]  # fmt: skip
    columns = ("username", "role", "office", "state", "ends", "second_factor")
    return Answer(
        {"people": data}, table(columns, [["–" if each[c] is None else each[c] for c in columns] for each in data])
    )


@people.command("invite")
@click.argument("username")
@click.option("--role", type=ROLES, required=True)
@click.option(
    "--office", "office_code", metavar="CODE", help="Where the person works; none for ministry, headquarters, auditor."
)
@click.option("--ends", type=DAY, help="The role's last day.")
@click.option("--external", is_flag=True, help="Hired from outside for a time: needs --ends.")
@click.option(
    "--email", default="", help="An address that you vouch for; the organisation's own sign-in finds the person by it."
)
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where people reach this installation.")
@acting
@answers
def invite(
    username: str,
    role: str,
    office_code: str | None,
    ends: datetime | None,
    external: bool,
    email: str,
    url: str,
    actor: str,
) -> Answer:
    """Print a link, good once and for a week, with which a person chooses a password. Again: a new link, the old one is void."""
    invited = actions.invite(
        viewer=None, actor=actor, username=username, role=Role(role), office_code=office_code, ends=_day(ends), external=external,
        email=email, at=now(),
    )  # fmt: skip
    link = url.rstrip("/") + invited.path
    data = {
        "username": invited.invitation.username, "role": role, "office": office_code, "ends": invited.invitation.ends,
        "external": external, "link": link, "expires_at": invited.invitation.expires_at, "anew": invited.known,
    }  # fmt: skip
    return Answer(
        data,
        f"{link}\n\nGood once, until {invited.invitation.expires_at:%Y-%m-%d %H:%M} UTC. Hand it to {username} alone.",
    )


@people.command("end")
@click.argument("username")
@click.option("--last-day", type=DAY, help="The role's last day; at once when left out.")
@acting
@answers
def end(username: str, last_day: datetime | None, actor: str) -> Answer:
    """Let a person's role end; what is open in a browser closes with the next click."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound(f"There is nobody called {username}.")
    ended = actions.end(viewer=None, actor=actor, user=user.pk, last_day=_day(last_day), at=now())
    return Answer({"username": username, "ends": ended.ends}, f"The role of {username} ends with {ended.ends}.")


def _day(typed: datetime | None) -> date | None:
    return typed.date() if typed else None

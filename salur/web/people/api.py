"""People as JSON: list, invite, end. Each call is one action; who asks bounds who exists."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from salur.lib import desks
from salur.lib.clock import now
from salur.lib.problem import NotFound
from salur.lib.viewer import Viewer, viewer_of
from salur.web.models import NATIONAL, Role
from salur.web.people import actions

router = Router(tags=["people"])


class Person(Schema):
    """``id`` is null for somebody invited who has not come yet."""

    id: int | None
    username: str
    role: Role
    office_code: str
    ends: date | None
    external: bool
    ended: bool
    factors: int
    last_login: datetime | None
    invited_by: str
    expires_at: datetime | None


class InvitationIn(Schema):
    username: str
    role: Role
    office: str | None = None
    ends: date | None = None
    external: bool = False
    email: str = ""


class InvitationOut(Schema):
    """``path`` is the link's, shown this once."""

    username: str
    role: Role
    office: str | None
    ends: date | None
    external: bool
    path: str
    expires_at: datetime
    anew: bool


class LastDay(Schema):
    """``last_day`` null: at once."""

    last_day: date | None = None


class Ended(Schema):
    username: str
    ends: date


def _viewer(request: HttpRequest, *, acting: bool) -> Viewer:
    viewer = viewer_of(request)
    assert viewer is not None, "the API lets nobody in without a role"
    if viewer.role not in (desks.SUPERIORS if acting else desks.OFFICES):
        raise NotFound("There is nobody below you.")
    return viewer


@router.get("/people", response=list[Person], summary="Everybody whose superior you are; an auditor reads everybody")
def people(request: HttpRequest) -> list[Any]:
    return actions.people(viewer=_viewer(request, acting=False), at=now())


@router.post(
    "/people", response=InvitationOut, summary="Invite somebody; the same name again: a new link, the old one is void"
)
def invite(request: HttpRequest, to: InvitationIn) -> dict[str, Any]:
    viewer = _viewer(request, acting=True)
    invited = actions.invite(
        viewer=viewer, actor=viewer.name, username=to.username, role=to.role, office_code=None if to.role in NATIONAL else to.office,
        ends=to.ends, external=to.external, email=to.email, at=now(),
    )  # fmt: skip
    given = invited.invitation
    return {
        "username": given.username, "role": given.role, "office": given.office.code if given.office else None, "ends": given.ends,
        "external": given.external, "path": invited.path, "expires_at": given.expires_at, "anew": invited.known,
    }  # fmt: skip


@router.post("/people/{int:user}/end", response=Ended, summary="Let a role end, with a day or at once")
def end(request: HttpRequest, user: int, when: LastDay) -> dict[str, Any]:
    viewer = _viewer(request, acting=True)
    ended = actions.end(viewer=viewer, actor=viewer.name, user=user, last_day=when.last_day, at=now())
    return {"username": ended.user.username, "ends": ended.ends}

"""The verbs of people: invite, accept, end; and who there is."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from salur.audit import actions as audit
from salur.lib.clock import WIB
from salur.lib.ids import uuid7
from salur.lib.problem import Conflict, NotFound, Problem
from salur.lib.viewer import Viewer
from salur.offices.models import Office
from salur.web.actions import give_role, queries
from salur.web.models import NATIONAL, Invitation, Membership, Role
from salur.web.people.rules import INVITATION_KEEPS, MAY_INVITE, WORKS_AT, good_end, good_name


class NotYours(Problem):
    code = "not_yours"
    status = 403


class BadInvitation(Problem):
    code = "bad_invitation"


class NameTaken(Conflict):
    code = "name_taken"


class InvitationOver(Problem):
    code = "invitation_over"
    status = 410


class WeakPassword(Problem):
    code = "weak_password"
    status = 422


@dataclass(frozen=True)
class Invited:
    """``token`` is the end of the link, shown once: only its hash is kept."""

    invitation: Invitation
    token: str
    known: bool  # the person has a role already: accepting replaces password and factors

    @property
    def path(self) -> str:
        return f"/undangan/{self.token}/"


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def people(*, viewer: Viewer, at: datetime) -> list[Any]:
    """Everybody whose superior the viewer is, and who is invited; an auditor reads everybody. The newest invitations first, then by office."""
    roles = list(Role) if viewer.role == Role.AUDITOR else MAY_INVITE.get(viewer.role, ())
    return queries.people(roles=[role.value for role in roles], office=viewer.office, now=at)


def offices_of(*, viewer: Viewer) -> list[Any]:
    """The offices that a viewer may invite people to."""
    kinds = {kind.value for role in MAY_INVITE.get(viewer.role, ()) for kind in WORKS_AT[role]}
    return queries.offices_below(office=viewer.office, kinds=sorted(kinds)) if kinds else []


@transaction.atomic
def invite(
    *,
    viewer: Viewer | None,
    actor: str,
    username: str,
    role: Role,
    office_code: str | None,
    at: datetime,
    ends: date | None = None,
    external: bool = False,
    email: str = "",
) -> Invited:
    """Invite somebody to a role; an open invitation of the same name is taken back. ``viewer`` None: the operator, who may do anything.

    Somebody who has a role may be invited anew (another role, a lost key) by who is the superior of both roles, and of nobody else's: or a
    branch could take headquarters' account over. Raises ``NotYours``, ``BadInvitation``, ``NameTaken``, ``NotFound``.
    """
    username = username.strip().lower()
    if not good_name(username):
        raise BadInvitation(
            _("A user name has 3 to 40 small letters, digits, points or dashes, with a letter among them: never a NIK.")
        )
    office = _office(role, office_code)
    if viewer is not None and not _superior(viewer, role, office):
        raise NotYours(_("You invite who works below you, at your own offices."))
    if not good_end(ends=ends, external=external, today=_today(office, at)):
        raise BadInvitation(_("Name a last day that is not over; who is hired from outside has one, within a year."))
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            raise BadInvitation(_("The e-mail address is not one.")) from error
        # An address that signs somebody else in must not come to lead here.
        if EmailAddress.objects.filter(email__iexact=email).exclude(user__username=username).exists():
            raise NameTaken(_("This e-mail address is somebody else's here."))
    known = Membership.objects.select_related("office").filter(user__username__iexact=username).first()
    if known is not None:
        theirs = viewer is not None and not _superior(viewer, Role(known.role), known.office)
    else:  # without a role there is no superior but the operator
        theirs = viewer is not None and User.objects.filter(username__iexact=username).exists()
    if theirs or username == actor:
        raise NameTaken(_("This user name is taken: choose another one."))
    _withdraw(username, at)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        id=uuid7(at), token_sha256=_hash(token), username=username, email=email, role=role.value, office=office, ends=ends,
        external=external, invited_by=actor, invited_at=at, expires_at=at + INVITATION_KEEPS,
    )  # fmt: skip
    facts = {"role": role.value, "office": office_code, "ends": ends, "external": external, "anew": known is not None}
    audit.record(actor=actor, verb="invited", subject=f"user/{username}", facts=facts, at=at)
    return Invited(invitation, token, known is not None)


def _office(role: Role, office_code: str | None) -> Office | None:
    if role in NATIONAL:
        if office_code:
            raise BadInvitation(_("This role looks at the whole country: leave the office out."))
        return None
    office = Office.objects.filter(code=office_code or "").first()
    if office is None:
        raise NotFound(_("There is no office %(code)s.") % {"code": office_code or "–"})
    if office.kind not in WORKS_AT[role]:
        raise BadInvitation(_("Nobody has this role at an office of this kind."))
    return office


def _superior(viewer: Viewer, role: Role, office: Office | None) -> bool:
    if role not in MAY_INVITE.get(viewer.role, ()):
        return False
    if viewer.office is None:
        return True
    return office is not None and viewer.office in _path(office)


def _path(office: Office) -> list[int]:
    return [row.id for row in queries.offices_above(office=office.id)]


def _today(office: Office | None, at: datetime) -> date:
    return at.astimezone(ZoneInfo(office.timezone if office else WIB)).date()


def _withdraw(username: str, at: datetime) -> None:
    Invitation.objects.filter(username=username, accepted_at=None, withdrawn_at=None).update(withdrawn_at=at)


def invitation(*, token: str, at: datetime) -> Invitation:
    """The open invitation of a link. Raises ``InvitationOver`` for any other: used, taken back, too old, or never given."""
    found = (
        Invitation.objects.select_related("office")
        .filter(token_sha256=_hash(token), accepted_at=None, withdrawn_at=None, expires_at__gte=at)
        .first()
    )
    if found is None or (found.ends is not None and found.ends < _today(found.office, at)):
        raise InvitationOver(
            _("This invitation was used, taken back, or is older than a week: ask your superior for a new one.")
        )
    return found


@transaction.atomic
def accept(*, token: str, password: str, at: datetime) -> User:
    """Take an invitation's role with a password of one's own. Whoever had an account loses its password, factors and sessions.

    The link works once: of two who open it at the same moment, one is let in. Raises ``InvitationOver``, ``WeakPassword``.
    """
    found = invitation(token=token, at=at)
    try:
        validate_password(password, User(username=found.username, email=found.email))
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from error
    # The conditional update is the claim.
    if not Invitation.objects.filter(id=found.id, accepted_at=None, withdrawn_at=None).update(accepted_at=at):
        raise InvitationOver(
            _("This invitation was used, taken back, or is older than a week: ask your superior for a new one.")
        )
    user = give_role(
        actor=found.username, username=found.username, role=Role(found.role), office_code=found.office.code if found.office else None,
        ends=found.ends, external=found.external, password=password, at=at,
    )  # fmt: skip
    Authenticator.objects.filter(user=user).delete()
    if found.email and not EmailAddress.objects.filter(email__iexact=found.email).exclude(user=user).exists():
        user.email = found.email
        user.save(update_fields=["email"])
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=found.email, verified=True, primary=True)
    facts = {"invited_by": found.invited_by}
    audit.record(
        actor=found.username, verb="accepted an invitation", subject=f"user/{found.username}", facts=facts, at=at
    )
    return user


def member(*, viewer: Viewer | None, user: int) -> Membership:
    """Somebody whose superior the viewer is. Raises ``NotFound`` for everybody else."""
    found = Membership.objects.select_related("user", "office").filter(user_id=user).first()
    if found is None or (viewer is not None and not _superior(viewer, Role(found.role), found.office)):
        raise NotFound(_("There is nobody of this number below you."))
    return found


@transaction.atomic
def end(*, viewer: Viewer | None, actor: str, user: int, last_day: date | None, at: datetime) -> Membership:
    """Let somebody's role end with a day, or (None) at once: with yesterday. Open invitations of the name are taken back.

    Nobody ends themselves. Raises ``NotFound``, ``BadInvitation``.
    """
    found = member(viewer=viewer, user=user)
    if found.user.username == actor:
        raise NotFound(_("There is nobody of this number below you."))
    today = _today(found.office, at)
    if last_day is not None and last_day < today:
        raise BadInvitation(_("That day is over: choose today or later, or end the role at once."))
    found.ends = last_day if last_day is not None else today - timedelta(days=1)
    found.save(update_fields=["ends"])
    _withdraw(found.user.username, at)
    facts = {"ends": found.ends, "at_once": last_day is None}
    audit.record(actor=actor, verb="ended a role", subject=f"user/{found.user.username}", facts=facts, at=at)
    return found

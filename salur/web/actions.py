"""The verbs of sign-in: give a role, find out who looks, make the demo's users, say what an empty installation needs."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from salur.audit import actions as audit
from salur.lib.problem import NotFound, Problem
from salur.lib.sql import Queries
from salur.lib.viewer import Viewer
from salur.offices.models import Office
from salur.web.models import NATIONAL, NEEDS_SECOND_FACTOR, Membership, Role

queries = Queries(__file__)


class OfficeNeeded(Problem):
    code = "office_needed"


class Standing(NamedTuple):
    """A user's role as it stands: ``ended`` after its last day; ``demonstration`` for an account that `salur demo` made."""

    viewer: Viewer
    ended: bool
    demonstration: bool

    @property
    def needs_factor(self) -> bool:
        return self.viewer.role in NEEDS_SECOND_FACTOR


def standing(*, user: AbstractBaseUser | AnonymousUser, now: datetime) -> Standing | None:
    """Who looks, with which scope; ``None`` for a user without a role."""
    found = queries.viewer(user=user.pk, now=now)
    if not found:
        return None
    (row,) = found
    branches = None if row.branches is None else tuple(row.branches)
    viewer = Viewer(
        name=user.get_username(), role=row.role, office=row.office, office_code=row.office_code, office_name=row.office_name,
        branches=branches,
    )  # fmt: skip
    return Standing(viewer, row.ended, row.demonstration)


def viewer(*, user: AbstractBaseUser | AnonymousUser, now: datetime) -> Viewer | None:
    """As ``standing``, but ``None`` after the role's last day."""
    found = standing(user=user, now=now)
    return None if found is None or found.ended else found.viewer


def roles_mark() -> str:
    """A mark of everybody's role, password and lock: another one as soon as any of them changes."""
    return str(queries.one("roles_mark").mark)


@transaction.atomic
def give_role(
    *,
    actor: str,
    username: str,
    role: Role,
    office_code: str | None,
    at: datetime,
    ends: date | None = None,
    password: str | None = None,
    demonstration: bool = False,
    external: bool = False,
) -> User:
    """Make a user, or give an existing one another role; ``password`` None leaves the one there is (a new user then cannot sign in).

    ``ends`` is the last day of the role; who is ``external``, hired for a time, has one. ``demonstration``: no second factor, in a demo's home only.
    Roles below the nation need an office. Raises ``OfficeNeeded``, ``NotFound``.
    """
    if office_code is None and role not in NATIONAL:
        raise OfficeNeeded(f"The role {role} needs an office: name the one where {username} works.")
    office = Office.objects.filter(code=office_code).first() if office_code else None
    if office_code and office is None:
        raise NotFound(f"There is no office {office_code}.")
    user, made = User.objects.get_or_create(username=username)
    if password is not None:
        user.set_password(password)
    elif made:
        user.set_unusable_password()
    user.save()
    Membership.objects.update_or_create(
        user=user,
        defaults={"role": role, "office": office, "ends": ends, "demonstration": demonstration, "external": external},
    )
    facts = {
        "role": role.value,
        "office": office_code,
        "ends": ends,
        "external": external,
        "password": "given" if password is not None else "left",
    }
    audit.record(actor=actor, verb="gave a role", subject=f"user/{username}", facts=facts, at=at)
    return user


# Words that can be read out over a telephone: two of them and four digits, for a demo that only its own machine reaches.
_WORDS = (
    "sawah", "kopi", "pantai", "gunung", "bambu", "kelapa", "melati", "sungai", "rembulan", "cengkih", "pinus", "teratai", "perahu",
    "jembatan", "padi", "angin", "lontar", "kenari", "mangga", "pelangi", "rotan", "embun", "kapas", "nusa",
)  # fmt: skip


@transaction.atomic
def make_demo_users(*, at: datetime) -> list[dict[str, str]]:
    """One user of each role, with a new password each time: a known password would open every demo that is left running.

    They work at the first branch that has a list, and at its region. Answers ``role``, ``username``, ``password`` for the demo to print.
    """
    places = queries.demo_offices()
    branch = places[0].branch_code if places else None
    region = places[0].region_code if places else None
    wanted = [
        (Role.MINISTRY, "kemensos", None),
        (Role.HEADQUARTERS, "pusat", None),
        (Role.REGION, "regional", region),
        (Role.BRANCH, "cabang", branch),
        (Role.COORDINATOR, "koordinator", branch),
        (Role.OFFICER, "jurubayar", branch),
        (Role.AUDITOR, "auditor", None),
    ]
    made = []
    for role, username, office in wanted:
        if office is None and role not in NATIONAL:
            continue
        password = f"{secrets.choice(_WORDS)}-{secrets.choice(_WORDS)}-{secrets.randbelow(9000) + 1000}"
        give_role(
            actor="demo", username=username, role=role, office_code=office, at=at, password=password, demonstration=True
        )
        made.append({"role": role.value, "username": username, "password": password})
    return made


@dataclass(frozen=True)
class Step:
    """One thing an empty installation needs: what, and the command that does it."""

    done: bool
    what: str | Promise
    command: str


def first_steps() -> list[Step]:
    """What to do before the first board can show something, in order."""
    has = queries.one("first_steps")
    return [
        Step(has.areas, _("Load the register of areas"), "salur areas import FILE --vintage 2022-02"),
        Step(has.offices, _("Load the offices and the areas they serve"), "salur offices import FILE"),
        Step(has.stages, _("Load the programme and its stage"), "salur programmes import FILE"),
        Step(has.batches, _("Import the ministry's list"), "salur danom import FILE --stage CODE"),
        Step(has.approved, _("Have a second person approve it"), "salur danom approve BATCH --as USER"),
    ]

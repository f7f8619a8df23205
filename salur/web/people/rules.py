"""Who may invite whom, and what an invitation has to say."""

import re
from datetime import date, timedelta

from salur.offices.rules import BRANCHES, Kind
from salur.web.models import Role

INVITATION_KEEPS = timedelta(days=7)
# A hire's role is asked about again at least this often.
LONGEST_HIRE = timedelta(days=366)

# A superior invites who works below; at the top, where nobody is above, also one's equals. Auditors answer to the ministry alone.
MAY_INVITE: dict[str, tuple[Role, ...]] = {
    Role.MINISTRY: (Role.MINISTRY, Role.HEADQUARTERS, Role.AUDITOR),
    Role.HEADQUARTERS: (Role.HEADQUARTERS, Role.REGION, Role.BRANCH, Role.COORDINATOR, Role.OFFICER),
    Role.REGION: (Role.BRANCH, Role.COORDINATOR, Role.OFFICER),
    Role.BRANCH: (Role.COORDINATOR, Role.OFFICER),
    Role.COORDINATOR: (Role.OFFICER,),
    Role.OFFICER: (),
    Role.AUDITOR: (),
}

# Where a role works; a national role works at no office of the tree.
WORKS_AT: dict[str, frozenset[Kind]] = {
    Role.MINISTRY: frozenset(),
    Role.HEADQUARTERS: frozenset(),
    Role.AUDITOR: frozenset(),
    Role.REGION: frozenset({Kind.REGION}),
    Role.BRANCH: BRANCHES,
    Role.COORDINATOR: BRANCHES | {Kind.KCP},
    Role.OFFICER: BRANCHES | {Kind.KCP},
}

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}", re.ASCII)


def good_name(username: str) -> bool:
    """Small letters, digits, point, dash, underscore; with a letter, so that nobody is named by a NIK or a telephone number."""
    return bool(_NAME.fullmatch(username)) and any(sign.isalpha() for sign in username)


def good_end(*, ends: date | None, external: bool, today: date) -> bool:
    """Who comes from outside has a last day, within a year; nobody is invited for a time that is over."""
    if ends is None:
        return not external
    return today <= ends and (not external or ends <= today + LONGEST_HIRE)

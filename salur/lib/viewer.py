"""Who looks: what the pages of every folder know about the signed-in person.

The sign-in floor (``salur/web``) puts a ``Viewer`` on each request; the folders below ask for it with ``viewer_of`` and narrow every query
to its branches. They never see users, passwords or sessions.
"""

from dataclasses import dataclass
from typing import cast

from django.http import HttpRequest


@dataclass(frozen=True)
class Viewer:
    """A person with a role. ``office`` None: the whole country; else that office and everything below it, which is ``branches``."""

    name: str
    role: str
    office: int | None
    office_code: str
    office_name: str
    branches: tuple[int, ...] | None

    def sees(self, path: list[int]) -> bool:
        """Whether an office is within the viewer's scope; ``path`` leads from the top of the tree to the office, by id."""
        return self.office is None or self.office in path


def viewer_of(request: HttpRequest) -> Viewer | None:
    """The person who asks; ``None`` for a stranger, and for a user whose role has ended or was never given."""
    find = getattr(request, "find_viewer", None)
    return cast("Viewer | None", find()) if find else None

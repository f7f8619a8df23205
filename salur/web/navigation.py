"""The ways to the pages, above every page: a folder adds a line here for each page that people go to by themselves.

A page is named as in ``urls.py``. One that is ``of_stage`` takes the stage's code as its first word; it is offered on pages about a stage (those
whose address names one as ``stage``), where it leads to the same stage. A line decides only who is *offered* a page: whether somebody may see it
is decided by the page itself.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from salur.lib.desks import EVERYBODY, MEETING, OFFICES
from salur.lib.viewer import viewer_of


class Page(NamedTuple):
    """``url``: the name of the address; ``also``: names of pages that lie behind this one, so that it is marked there, too."""

    url: str
    label: str | Promise
    roles: Collection[str]
    of_stage: bool = False
    also: Collection[str] = ()


# In the order in which they stand on the screen.
PAGES = [
    Page("home", _("Stages"), EVERYBODY),
    Page("realisation", _("Realisation"), EVERYBODY, of_stage=True, also=(
        "realisation-office", "realisation-kecamatan", "realisation-area", "export",
    )),
    Page("outlook", _("Forecast"), OFFICES, of_stage=True),
    Page("families", _("Families"), OFFICES, also=("family", "family-reveal", "village")),
    Page("evaluations", _("Evaluation"), MEETING, of_stage=True, also=("evaluation",)),
    Page("oversight", _("Oversight"), MEETING, of_stage=True, also=(
        "oversight-officer", "oversight-samples", "oversight-sample", "oversight-visits", "oversight-visit", "oversight-visit-new",
    )),
    Page("cases", _("Cases"), OFFICES, also=("case",)),
    Page("complaints", _("Complaints"), MEETING, also=("complaint", "complaint-new")),
    Page("plan", _("Plan"), OFFICES, of_stage=True, also=("plan-roster", "plan-day", "plan-readiness", "plan-what-if")),
    Page("papers", _("Letters and sheets"), OFFICES, of_stage=True),
    Page("books", _("Books"), OFFICES, of_stage=True),
    Page("phones", _("Phones"), OFFICES, also=("phone",)),
    Page("people", _("People"), OFFICES, also=("people-invite", "people-end")),
    Page("jobs", _("Jobs"), EVERYBODY, also=("job",)),
]  # fmt: skip


class Way(NamedTuple):
    href: str
    label: str | Promise
    here: bool


def ways(request: HttpRequest) -> list[Way]:
    """The pages that are offered to who asks, on this page."""
    viewer = viewer_of(request)
    if viewer is None:
        return []
    match = request.resolver_match
    stage = match.kwargs.get("stage") if match else None
    name = match.url_name if match else None
    offered = []
    for page in PAGES:
        if viewer.role not in page.roles or (page.of_stage and not stage):
            continue
        try:
            href = reverse(page.url, args=[stage] if page.of_stage else [])
        except NoReverseMatch:  # a stage's code that no address can hold: the page about it is missing, too
            continue
        offered.append(Way(href, page.label, name == page.url or name in page.also))
    return offered


def in_templates(request: HttpRequest) -> dict[str, object]:
    """A context processor; asks nothing before a template draws the ways."""
    return {"ways": lambda: ways(request)}

"""The forecast as a page, and the table of it that other pages may show (``outlook_table.html`` with the rows of ``shown``)."""

import hashlib
from dataclasses import dataclass
from datetime import date
from math import floor

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from salur.lib import desks
from salur.lib.clock import now
from salur.lib.process_cache import cache
from salur.lib.viewer import Viewer
from salur.monitoring.outlook.actions import Forecast, Outlook, outlook
from salur.programmes.actions import stage_by_code

KEPT_SECONDS = 60  # a forecast is made of evenings; many who look at once share one

CAUSES = {
    "unscheduled": gettext_lazy("no day in the plan"),
    "slipped": gettext_lazy("sessions not held"),
    "not_come": gettext_lazy("families who did not come"),
    "not_payable": gettext_lazy("families who cannot be paid"),
    "unsynced": gettext_lazy("phones that have not sent"),
}


@dataclass(frozen=True)
class Line:
    """A branch as the table draws it: percentages are whole, a cause comes with its families, bars are in percent of the width."""

    row: Outlook
    chance: int
    low: int
    middle: int
    high: int
    cause: str | Promise
    families: int

    today: date

    @property
    def start(self) -> int:
        return min(99, self.low)

    @property
    def width(self) -> int:
        return max(1, self.high - self.low)

    @property
    def etas(self) -> list[tuple[date | None, bool]]:
        """The middle day of each milestone, and whether it is reached already."""
        return [(one.middle, one.middle is not None and one.middle <= self.today) for one in self.row.eta]


def shown(found: Forecast) -> list[Line]:
    """The rows of ``outlook_table.html``. A chance is never shown as 0 or 100, a share as 100 only when it is complete."""
    lines = []
    for row in found.rows:
        low, middle, high = (floor(100 * share) for share in (row.share.low, row.share.middle, row.share.high))
        chance = min(99, max(1, round(100 * row.reaches)))
        cause = row.holds_back
        lines.append(
            Line(row, chance, low, middle, high, CAUSES.get(cause, ""), row.missing.get(cause, 0), found.today)
        )
    return lines


def kept_outlook(*, stage_code: str, branches: tuple[int, ...] | None) -> Forecast:
    """The forecast of now, shared for a minute by all who look at the same branches."""
    key = f"outlook/{stage_code}/{'all' if branches is None else '.'.join(map(str, sorted(branches)))}"
    name = hashlib.sha256(key.encode()).hexdigest()
    found: Forecast | None = cache.get(name)
    if found is None:
        found = outlook(stage_code=stage_code, now=now(), branches=branches)
        cache.set(name, found, KEPT_SECONDS)
    return found


@require_safe
@desks.open_to(desks.OFFICES)
def forecast(request: HttpRequest, viewer: Viewer, stage: str) -> HttpResponse:
    """Each branch that the viewer sees, those least likely to be done in time first."""
    of = stage_by_code(stage)
    found = kept_outlook(stage_code=of.code, branches=viewer.branches)
    lines = shown(found)
    context = {
        "stage": of, "found": found, "lines": lines, "at_risk": sum(line.row.at_risk for line in lines),
        "unplanned": sum(not line.row.planned for line in lines), "target": round(found.target * 100),
        "unsynced": round(sum(line.row.unsynced.middle for line in lines)), "unsent": sum(line.row.unsent for line in lines),
    }  # fmt: skip
    return render(request, "monitoring/outlook.html", context)


urlpatterns = [path("prakiraan/<str:stage>/", forecast, name="outlook")]

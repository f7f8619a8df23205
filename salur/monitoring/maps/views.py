"""The map on a board of areas: drawn from the board's own lines, so that list and map are in step.

The drawing is sent once, with the page. What an open page asks for every few seconds brings an empty place for it (``hx-preserve`` keeps what is
there) and the colour of each area, which ``static/monitoring/map.js`` paints. Without JavaScript both are as of the moment of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from salur.lib import desks
from salur.lib.percent import percent
from salur.lib.template_filters import percent as percent_text
from salur.lib.viewer import Viewer
from salur.monitoring.maps.actions import drawn, located
from salur.monitoring.maps.rules import FAILURES, HIDDEN_AMONG, SHARES, Drawn, step_of
from salur.monitoring.rules import OFFICES, Board, Row
from salur.programmes.models import Stage

PLACE = '<figure id="map" hx-preserve="true"></figure>'
HOUSES = "houses"
MEASURES: dict[str, tuple[str | Promise, str, Sequence[int]]] = {
    "paid": (gettext_lazy("Realisation"), "paid", SHARES),
    "geotag": (gettext_lazy("Geotag"), "geotagged", SHARES),
    "failed": (gettext_lazy("Failed"), "failed", FAILURES),
}
LABELLED = 60  # more words than that are a heap


@dataclass(frozen=True)
class Area:
    """A shape with what it says: the colour's ``step``, the name, the share as it is written.

    Its markup is written here: half a thousand shapes cost a template a tenth of a second.
    """

    drawn: Drawn
    step: int
    name: str
    share: str
    href: str
    labelled: bool

    @property
    def shape(self) -> SafeString:
        title = f"{self.name} · {self.share}" if self.share else self.name
        path = format_html(
            '<path class="s{}" data-area="{}" d="{}"><title>{}</title></path>',
            self.step,
            self.drawn.code,
            self.drawn.path,
            title,
        )
        return format_html('<a href="{}" tabindex="-1">{}</a>', self.href, path) if self.href else path


def map_of(board: Board, asked: QueryDict, viewer: Viewer) -> dict[str, Any]:
    """What the board's template knows of its map: whether there is one, and the colours of now as ``code:step:share`` parted by ``|``."""
    rows = {row.key: row for row in board.table.rows if row.key is not None and row.allocated}
    if board.table.by in OFFICES or not rows or drawn(list(rows)) is None:
        return {"mapped": False}
    measure = _measure(board, asked, viewer)
    steps = "" if measure == HOUSES else "|".join(f"{key}:{step}:{share}" for key, step, share in _steps(rows, measure))
    return {"mapped": True, "map_measure": measure, "map_steps": steps}


def _measure(board: Board, asked: QueryDict, viewer: Viewer) -> str:
    measure = asked.get("map", "")
    if measure == HOUSES and _houses(board, viewer):
        return HOUSES
    return measure if measure in MEASURES else "paid"


def _houses(board: Board, viewer: Viewer) -> bool:
    area = board.place.area
    return area is not None and area > 9_999 and viewer.role in desks.OFFICES


def _steps(rows: dict[int, Row], measure: str) -> list[tuple[int, int, str]]:
    _, field, steps = MEASURES[measure]
    found = []
    for key, row in rows.items():
        part = getattr(row, field)
        found.append((key, step_of(part, row.allocated, steps), percent_text(percent(part, row.allocated))))
    return found


def with_map(
    request: HttpRequest, stage: Stage, board: Board, viewer: Viewer, fragment: str, context: dict[str, Any]
) -> SafeString:
    """The living part of the page with the drawing in its place."""
    if not context["mapped"]:
        return mark_safe(fragment)  # noqa: S308 — rendered by our own template
    rows = {row.key: row for row in board.table.rows if row.key is not None and row.allocated}
    over = drawn(list(rows))
    if over is None:
        return mark_safe(fragment)  # noqa: S308
    measure: str = context["map_measure"]
    houses = located(stage=stage, board=board, role=viewer.role, over=over) if measure == HOUSES else None
    steps = {} if houses else {key: (step, share) for key, step, share in _steps(rows, measure)}
    hrefs = {line.row.key: line.href for line in context["all_lines"]}
    labelled = len(over.areas) <= LABELLED
    areas = [
        Area(
            shape,
            steps.get(shape.code, (0, ""))[0],
            rows[shape.code].name or str(shape.code),
            steps.get(shape.code, (0, ""))[1],
            hrefs.get(shape.code, ""),
            labelled and shape.room > 7 * max(len(rows[shape.code].name), 7),
        )
        for shape in over.areas
    ]
    choices = [(key, label) for key, (label, _, _) in MEASURES.items()]
    if _houses(board, viewer):
        choices.append((HOUSES, gettext_lazy("Houses")))
    figure = render_to_string(
        "monitoring/map.html",
        {
            "map": over,
            "areas": areas if labelled else [],
            "shapes": mark_safe("\n".join(area.shape for area in areas)),  # noqa: S308 — each is escaped
            "measure": measure,
            "choices": [(key, label, context["address"].here(map=key), key == measure) for key, label in choices],
            "legend": [] if houses else _legend(measure),
            "missing": len(rows) - len(over.areas),
            "houses": houses,
            "exact": viewer.role in desks.FIELD,
            "hidden_among": HIDDEN_AMONG,
        },
        request,
    )
    return mark_safe(fragment.replace(PLACE, figure, 1))  # noqa: S308 — both rendered by our own templates


def _legend(measure: str) -> list[tuple[int, str]]:
    """Each step's number with the shares it stands for."""
    steps = MEASURES[measure][2]
    between = [f"{low}–{high}" for low, high in zip(steps, steps[1:], strict=False)]
    return list(enumerate(["0", *between, "100" if steps is SHARES else f"> {steps[-1]}"]))

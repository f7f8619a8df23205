"""The verbs: draw the areas of a board's lines; show where houses were located."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from salur.lib import desks
from salur.lib.process_cache import cache
from salur.lib.sql import Queries
from salur.monitoring.maps.rules import Circle, Frame, Hexagon, Map, Shape, clusters, draw, hexagons
from salur.monitoring.rules import Board
from salur.programmes.models import Stage

queries = Queries(__file__)

# Shapes change with a decree; who loads new ones sees them within this time.
KEPT_SECONDS = 900
MOST_SHAPES = 1_000
# Who works where the houses are may see where they are; everybody else sees how many are about.


def drawn(codes: Sequence[int]) -> Map | None:
    """The areas with these codes as shapes; ``None`` where no boundary is loaded for any of them, or too many to be seen."""
    if not codes or len(codes) > MOST_SHAPES:
        return None
    key = "map-" + hashlib.blake2b(repr(sorted(codes)).encode(), digest_size=16).hexdigest()
    kept: tuple[Map | None] | None = cache.get(key)
    if kept is None:
        kept = (_drawn(sorted(codes)),)
        cache.set(key, kept, KEPT_SECONDS if kept[0] else 5)
    return kept[0]


def _drawn(codes: Sequence[int]) -> Map | None:
    digits = len(str(codes[0]))
    rows = queries.shapes(codes=codes, first_code=10 ** (digits - 1), last_code=10**digits - 1)
    shapes, ground = ([Shape(*row[1:]) for row in rows if row.chosen is chosen] for chosen in (True, False))
    return draw(shapes, ground) if shapes else None


@dataclass(frozen=True)
class Located:
    """``hexagons`` for who may not see a house, ``circles`` for who may; ``hidden``: too few in their place to be shown; ``outside`` the map."""

    houses: int
    hexagons: Sequence[Hexagon]
    circles: Sequence[Circle]
    hidden: int
    outside: int


def located(*, stage: Stage, board: Board, role: str, over: Map) -> Located:
    """Where the houses of a board's kecamatan are, drawn over its map; how exactly depends on who looks."""
    area = board.place.area
    assert area is not None, "houses are shown within a kecamatan"
    assert area > 9_999, "houses are shown within a kecamatan"
    past = board.past
    rows = queries.located(
        stage=stage.id,
        version=board.table.danom_version or 0,
        known=board.table.known,
        as_of=board.table.as_of if past else None,
        branches=board.place.branches,
        first_village=area * 10_000,
        last_village=area * 10_000 + 9_999,
    )
    box = over.box
    places = [
        (row.lat_e7 / 1e7, row.lon_e7 / 1e7)
        for row in rows
        if box.south <= row.lat_e7 / 100 <= box.north and box.west <= row.lon_e7 / 100 <= box.east
    ]
    frame = Frame(box)
    if role in desks.FIELD:
        return Located(len(rows), [], clusters(places, frame), 0, len(rows) - len(places))
    cells, hidden = hexagons(places, frame)
    return Located(len(rows), cells, [], hidden, len(rows) - len(places))

"""Shapes, colours and clusters; pure. Places are whole units of the drawing, so that a path is short and neighbours still meet."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import h3

from salur.areas.boundaries import UNIT, Polygon, Ring

WIDTH, TALLEST, MARGIN = 1000, 680, 10
# A hexagon that is shown to who may not see a house holds at least so many: one of them could be any of ten.
HIDDEN_AMONG = 10
# Edges of some 530 m; where fewer than ten houses are in one, those around it are looked at as one (1.4 km, then 3.7 km).
FINEST, COARSEST = 8, 6
CLUSTER = 26  # units: two houses nearer than a dot is wide are one circle with a number


class Box(NamedTuple):
    """In hundred-thousandths of a degree."""

    west: int
    south: int
    east: int
    north: int


class Shape(NamedTuple):
    """An area of the register: ``code`` and its rings, as ``areas`` keeps them."""

    code: int
    polygons: list[Polygon]
    west: int
    south: int
    east: int
    north: int


@dataclass(frozen=True)
class Drawn:
    """``path``: what an SVG path draws; ``x, y``: a spot well inside; ``room``: how wide a word there may be."""

    code: int
    path: str
    x: int
    y: int
    room: int


@dataclass(frozen=True)
class Map:
    width: int
    height: int
    areas: Sequence[Drawn]
    ground: str  # the neighbours, in one path
    box: Box


class Frame:
    """Degrees to units of the drawing: as wide as the land is at its middle latitude, never taller than ``TALLEST``."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.narrow = math.cos(math.radians((box.south + box.north) / 2 / UNIT))
        across, down = (box.east - box.west) * self.narrow, box.north - box.south
        self.scale = min((WIDTH - 2 * MARGIN) / across, (TALLEST - 2 * MARGIN) / down)
        self.width = round(across * self.scale) + 2 * MARGIN
        self.height = round(down * self.scale) + 2 * MARGIN

    def x(self, longitude: float) -> int:
        return round((longitude - self.box.west) * self.narrow * self.scale) + MARGIN

    def y(self, latitude: float) -> int:
        return round((self.box.north - latitude) * self.scale) + MARGIN

    def points(self, ring: Ring) -> list[tuple[int, int]]:
        """The ring in units; points that fall together are one."""
        points = []
        last = None
        for longitude, latitude in zip(ring[::2], ring[1::2], strict=True):
            point = (self.x(longitude), self.y(latitude))
            if point != last:
                points.append(point)
                last = point
        return points


def box_of(shapes: Sequence[Shape]) -> Box:
    return Box(
        min(shape.west for shape in shapes),
        min(shape.south for shape in shapes),
        max(shape.east for shape in shapes),
        max(shape.north for shape in shapes),
    )


def draw(shapes: Sequence[Shape], ground: Iterable[Shape] = ()) -> Map:
    """The areas in a frame around them; ``ground`` is what of their neighbours lies within it."""
    box = box_of(shapes)
    frame = Frame(box)
    return Map(
        frame.width,
        frame.height,
        [_drawn(shape, frame) for shape in shapes],
        "".join(_path(shape.polygons, frame)[0] for shape in ground),
        box,
    )


def _drawn(shape: Shape, frame: Frame) -> Drawn:
    path, largest = _path(shape.polygons, frame)
    x, y, room = _spot(largest)
    return Drawn(shape.code, path, x, y, room)


def _path(polygons: Sequence[Polygon], frame: Frame) -> tuple[str, list[tuple[int, int]]]:
    """What draws all its islands, and the largest of them. Islands too small to be seen are left out, unless it is nothing else."""
    rings = [(frame.points(ring), place == 0) for polygon in polygons for place, ring in enumerate(polygon)]
    largest = max((points for points, outer in rings if outer), key=lambda points: abs(_area(points)))
    kept = [points for points, _ in rings if points is largest or (len(points) > 3 and abs(_area(points)) >= 3)]
    return "".join(_steps(points) for points in kept), largest


def _steps(points: Sequence[tuple[int, int]]) -> str:
    """A closed ring as steps from point to point; one that shrank to a point stays a dot."""
    (x, y), *rest = points
    parts = [f"M{x} {y}l"]
    for across, down in rest[:-1] or [(x + 1, y), (x, y + 1)]:
        parts.append(f"{across - x} {down - y} ")
        x, y = across, down
    return "".join(parts)[:-1].replace(" -", "-") + "z"


def _area(points: Sequence[tuple[int, int]]) -> float:
    return sum(x * below - across * y for (x, y), (across, below) in zip(points, points[1:], strict=False)) / 2


def _spot(points: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """Where a word fits best: of the lines across the shape, the middle of the widest stretch inside."""
    downs = [y for _, y in points]
    top, bottom = min(downs), max(downs)
    best = (points[0][0], points[0][1], 0)
    for part in range(1, 12):
        y = top + (bottom - top) * part / 12 + 0.01
        crossed = sorted(
            x + (y - down) * (across - x) / (below - down)
            for (x, down), (across, below) in zip(points, points[1:], strict=False)
            if (down < y) != (below < y)
        )
        for left, right in zip(crossed[::2], crossed[1::2], strict=False):
            # A little rather in the middle than at the rim.
            if (right - left) * (1 - abs(part - 6) / 18) > best[2]:
                best = (round((left + right) / 2), round(y), round(right - left))
    return best


# Up to what share an area has each step's colour; the last step is "all of it", the first "nothing".
SHARES = (0, 20, 40, 60, 80, 95, 100)
FAILURES = (0, 1, 2, 5, 10)


def step_of(part: int, whole: int, steps: Sequence[int] = SHARES) -> int:
    """0 for nothing, then 1 up to the first step and so on; with ``SHARES`` 7 is only what is complete."""
    if part <= 0 or whole <= 0:
        return 0
    share = Fraction(100 * part, whole)
    if steps is SHARES:
        return 7 if share >= 100 else min(bisect_right(steps, share), 6)
    return min(sum(share > step for step in steps), len(steps))


class Hexagon(NamedTuple):
    """``points``: of an SVG polygon; ``houses`` in it."""

    points: str
    houses: int
    step: int


class Circle(NamedTuple):
    x: int
    y: int
    radius: int
    houses: int


def hexagons(places: Sequence[tuple[float, float]], frame: Frame) -> tuple[list[Hexagon], int]:
    """Houses (latitude, longitude) counted by hexagon, none of which holds fewer than ``HIDDEN_AMONG``; and how many are not shown for that.

    A cell that holds too few joins its parent, together with the others there that do.
    """
    shown: dict[str, int] = {}
    waiting: Mapping[str, int] = Counter(h3.latlng_to_cell(lat, lon, FINEST) for lat, lon in places)
    for resolution in range(FINEST, COARSEST - 1, -1):
        shown |= {cell: houses for cell, houses in waiting.items() if houses >= HIDDEN_AMONG}
        few = [(cell, houses) for cell, houses in waiting.items() if houses < HIDDEN_AMONG]
        merged: Counter[str] = Counter()
        if resolution > COARSEST:
            for cell, houses in few:
                merged[h3.cell_to_parent(cell, resolution - 1)] += houses
        waiting = merged
    hidden = len(places) - sum(shown.values())
    most = max(shown.values(), default=0)
    # The coarse ones first: what is finer lies upon them.
    cells = sorted(shown.items(), key=lambda cell: (h3.get_resolution(cell[0]), cell[0]))
    return [Hexagon(_hexagon(cell, frame), houses, 1 + 5 * houses // (most + 1)) for cell, houses in cells], hidden


def _hexagon(cell: str, frame: Frame) -> str:
    return " ".join(f"{frame.x(lon * UNIT)},{frame.y(lat * UNIT)}" for lat, lon in h3.cell_to_boundary(cell))


def clusters(places: Sequence[tuple[float, float]], frame: Frame) -> list[Circle]:
    """Houses as dots, and those that would lie upon each other as a circle as large as they are many, where they are on average."""
    together: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for lat, lon in places:
        x, y = frame.x(lon * UNIT), frame.y(lat * UNIT)
        together.setdefault((x // CLUSTER, y // CLUSTER), []).append((x, y))
    circles = []
    for spots in together.values():
        many = len(spots)
        radius = 3 if many == 1 else min(13, 6 + round(math.log2(many)))
        circles.append(Circle(sum(x for x, _ in spots) // many, sum(y for _, y in spots) // many, radius, many))
    return sorted(circles, key=lambda circle: -circle.houses)

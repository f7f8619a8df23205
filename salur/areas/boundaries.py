"""Reading boundaries from TopoJSON or GeoJSON: each area's own rings, whatever the file calls them; pure.

Degrees are kept as whole hundred-thousandths (about a metre), so that two neighbours that shared an arc still meet exactly.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salur.areas.rules import area_code

UNIT = 100_000

Ring = list[int]  # longitude, latitude, longitude, latitude … in hundred-thousandths of a degree
Polygon = list[Ring]  # the outer ring first, then its holes


class NotAMap(ValueError):
    """The message says what is wrong with the file."""


class Boundary(NamedTuple):
    """``code`` without dots; ``west, south, east, north`` in hundred-thousandths of a degree."""

    code: int
    polygons: list[Polygon]
    west: int
    south: int
    east: int
    north: int


def read_boundaries(content: Any) -> list[Boundary]:
    """The boundaries of the areas whose ``kode`` stands in their properties; the rest of the file is passed over.

    Raises ``NotAMap`` for what is neither TopoJSON nor GeoJSON, for an arc that leads nowhere, for a place that is not on earth, and for
    an area given twice: of two shapes nobody could say which is the right one.
    """
    kind = content.get("type") if isinstance(content, dict) else None
    if kind not in ("Topology", "FeatureCollection"):
        raise NotAMap("it is neither TopoJSON nor GeoJSON: its type must be Topology or FeatureCollection.")
    try:
        found = list(_of_topology(content) if kind == "Topology" else _of_features(content))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError) as error:
        raise NotAMap(f"its shapes cannot be followed ({type(error).__name__}: {error}).") from error
    seen: set[int] = set()
    for boundary in found:
        if boundary.code in seen:
            raise NotAMap(f"area {boundary.code} has two shapes: leave one.")
        seen.add(boundary.code)
        if not (-180 * UNIT <= boundary.west < boundary.east <= 180 * UNIT) or not (
            -90 * UNIT <= boundary.south < boundary.north <= 90 * UNIT
        ):
            raise NotAMap(f"the shape of area {boundary.code} is not on earth: give degrees of WGS 84.")
    return found


def _of_topology(topology: Mapping[str, Any]) -> Iterator[Boundary]:
    arcs = [_arc(arc, topology.get("transform")) for arc in topology["arcs"]]
    for given in topology["objects"].values():
        for geometry in given.get("geometries", [given]):
            code = _code(geometry)
            if code and geometry["type"] in ("Polygon", "MultiPolygon"):
                parts = [
                    part for part in ([geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]) if part
                ]
                if not parts:  # an area whose shape was simplified away
                    continue
                yield _boundary(code, [[_joined(ring, arcs) for ring in part] for part in parts])


def _of_features(collection: Mapping[str, Any]) -> Iterator[Boundary]:
    for feature in collection["features"]:
        code, geometry = _code(feature), feature.get("geometry") or {}
        if code and geometry.get("type") in ("Polygon", "MultiPolygon"):
            given = geometry["coordinates"]
            parts = [part for part in ([given] if geometry["type"] == "Polygon" else given) if part]
            if not parts:
                continue
            yield _boundary(code, [[_flat(_arc(ring, None)) for ring in part] for part in parts])


def _code(described: Mapping[str, Any]) -> int | None:
    try:
        return area_code(str((described.get("properties") or {}).get("kode", "")))
    except ValueError:
        return None


def _arc(arc: Sequence[Sequence[float]], transform: Mapping[str, Sequence[float]] | None) -> list[tuple[int, int]]:
    """An arc's points in our unit; a transformed one tells each point by its step from the one before."""
    if transform is None:
        return [(round(x * UNIT), round(y * UNIT)) for x, y, *_ in arc]
    (scale_x, scale_y), (start_x, start_y) = transform["scale"], transform["translate"]
    points, x, y = [], 0.0, 0.0
    for step_x, step_y, *_ in arc:
        x, y = x + step_x, y + step_y
        points.append((round((x * scale_x + start_x) * UNIT), round((y * scale_y + start_y) * UNIT)))
    return points


def _joined(numbers: Sequence[int], arcs: Sequence[list[tuple[int, int]]]) -> Ring:
    """The arcs one after the other; ~n is arc n walked backwards. Each begins where the one before ended."""
    points: list[tuple[int, int]] = []
    for number in numbers:
        walked = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += walked[1:] if points else walked
    return _flat(points)


def _flat(points: Sequence[tuple[int, int]]) -> Ring:
    return [part for point in points for part in point]


def _boundary(code: int, polygons: list[Polygon]) -> Boundary:
    outer = [polygon[0] for polygon in polygons]
    across = [x for ring in outer for x in ring[::2]]
    down = [y for ring in outer for y in ring[1::2]]
    return Boundary(code, polygons, min(across), min(down), max(across), max(down))

"""Boundaries through the command line: what TopoJSON and GeoJSON say, what is refused, that neighbours still meet."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salur.areas.boundaries import NotAMap, read_boundaries
from salur.areas.commands import areas
from salur.areas.models import Boundary

GEO = Path(__file__).resolve().parents[4] / "shared" / "data" / "geo"
REGISTER = "kode,nama,level\n35,JAWA TIMUR,1\n35.11,KAB. BONDOWOSO,2\n35.11.01,Maesan,3\n35.11.02,Grujugan,3\n"

# Two squares that share their middle arc (index 0), the second with a hole; steps of a thousandth of a degree from 113° E 8° S.
TOPOLOGY: dict[str, Any] = {
    "type": "Topology",
    "transform": {"scale": [0.001, 0.001], "translate": [113, -8]},
    "arcs": [
        [[10, 0], [0, 10]],
        [[10, 10], [-10, 0], [0, -10], [10, 0]],
        [[10, 0], [10, 0], [0, 10], [-10, 0]],
        [[13, 3], [2, 0], [0, 2], [-2, -2]],
    ],
    "objects": {
        "kec": {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Polygon", "arcs": [[0, 1]], "properties": {"kode": "35.11.01", "nama": "Maesan"}},
                {"type": "MultiPolygon", "arcs": [[[~0, 2], [3]]], "properties": {"kode": 351102}},
                {"type": "Polygon", "arcs": [[0, 1]], "properties": {"nama": "a lake without a code"}},
                {"type": "Point", "coordinates": [0, 0], "properties": {"kode": "35.11"}},
            ],
        }
    },
}
SQUARE = [[[113.0, -8.0], [113.01, -8.0], [113.01, -7.99], [113.0, -7.99], [113.0, -8.0]]]


def feature(code: Any, coordinates: Any = SQUARE, kind: str = "Polygon") -> dict[str, Any]:
    return {"type": "Feature", "properties": {"kode": code}, "geometry": {"type": kind, "coordinates": coordinates}}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "shapes.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


@pytest.fixture
def register(db: None, typed: Any, tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text(REGISTER, encoding="utf-8")
    assert typed(areas, "import", path, "--vintage", "2022-02").code == 0


def test_arcs_become_each_areas_own_rings_and_neighbours_meet_in_the_same_points() -> None:
    one, two = read_boundaries(TOPOLOGY)
    assert one.code == 351101
    assert one.polygons == [
        [[11301000, -800000, 11301000, -799000, 11300000, -799000, 11300000, -800000, 11301000, -800000]]
    ]
    assert (one.west, one.south, one.east, one.north) == (11300000, -800000, 11301000, -799000)
    outer, hole = two.polygons[0]
    assert outer[:4] == [11301000, -799000, 11301000, -800000], "the shared arc, walked backwards"
    assert len(hole) == 8


def test_boundaries_are_kept_once_and_the_same_file_again_changes_nothing(
    register: None, typed: Any, write: Any
) -> None:
    first = typed(areas, "boundaries", write(TOPOLOGY))
    assert (first.code, first.data["areas"], first.data["changed"], first.data["unknown"]) == (0, 2, 2, 0)
    again = typed(areas, "boundaries", write(gzip.compress(json.dumps(TOPOLOGY).encode())))
    assert (again.code, again.data["changed"], again.data["nothing_new"]) == (0, 0, True)


def test_geojson_replaces_the_shape_of_the_same_area_and_leaves_the_others(
    register: None, typed: Any, write: Any
) -> None:
    typed(areas, "boundaries", write(TOPOLOGY))
    other = Boundary.objects.get(area_id=351102).polygons
    found = typed(
        areas, "boundaries", write({"type": "FeatureCollection", "features": [feature("35.11.01"), feature("35.99")]})
    )
    assert (found.code, found.data["changed"]) == (1, 1), "an area that no vintage has is told"
    assert found.data["unknown_examples"] == ["35.99"]
    assert len(Boundary.objects.get(area_id=351101).polygons[0][0]) == 10
    assert Boundary.objects.get(area_id=351102).polygons == other


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xff\xfe nothing", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ({"type": "Feature"}, "neither"),
        ([], "neither"),
        ({"type": "FeatureCollection", "features": []}, "no shape"),
        ({"type": "FeatureCollection", "features": 7}, "followed"),
        ({"type": "FeatureCollection", "features": [feature("35.11.01"), feature(351101)]}, "two shapes"),
        ({"type": "FeatureCollection", "features": [feature("35.11.01", [[[113.0], [114.0]]])]}, "followed"),
        ({"type": "FeatureCollection", "features": [feature("35.11.01", [[[913.0, 1.0], [914.0, 2.0]]])]}, "earth"),
        ({"type": "FeatureCollection", "features": [feature("35.11.01", [[[1e999, 1.0], [2.0, 2.0]]])]}, "followed"),
        ({**TOPOLOGY, "arcs": TOPOLOGY["arcs"][:2]}, "followed"),
        ({**TOPOLOGY, "transform": {"scale": [1, 1], "translate": "x"}}, "followed"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused_in_one_sentence_and_nothing_is_kept(
    register: None, typed: Any, write: Any, content: Any, word: str
) -> None:
    found = typed(areas, "boundaries", write(content))
    assert found.code == 2
    assert word in found.said
    assert len(found.said.strip().splitlines()) == 1
    assert not Boundary.objects.exists()


def test_the_countrys_own_files_are_read_whole() -> None:
    """514 kabupaten and kota, of which one has lost its shape to simplification."""
    if not GEO.exists():
        pytest.skip("../shared/data/geo is not here")
    for name, areas_of_it in (("kab_2025", 513), ("kec_35_52_2025", 783), ("desa_3511_bondowoso", 219)):
        found = read_boundaries(json.loads((GEO / f"{name}.topo.json").read_bytes()))
        assert len(found) == areas_of_it
        for boundary in found:
            for polygon in boundary.polygons:
                for ring in polygon:
                    assert ring[:2] == ring[-2:], f"a ring of {boundary.code} is open"


def test_the_reader_says_what_is_wrong_and_never_anything_else() -> None:
    for broken in (None, 7, "x", {}, {"type": "Topology"}, {"type": "Topology", "arcs": [], "objects": {"a": None}}):
        with pytest.raises(NotAMap):
            read_boundaries(broken)

"""The map on the boards over HTTP: in step with the list, within the viewer's scope, and no house for who may not see one."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from salur.areas.boundaries import read_boundaries
from salur.areas.models import Area, Boundary
from salur.evidence import actions as evidence
from salur.evidence.rules import Geotag
from salur.lib.process_cache import cache
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

BOARD = "/realisasi/SEMBAKO-2022-1/"
BRANCH = f"{BOARD}kantor/KC-BDW/"
KECAMATAN = f"{BRANCH}kecamatan/351101/"
SCRIPT = '<script>alert("x")</script>'


def square(code: int, west: float, south: float, size: float = 0.1) -> dict[str, object]:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"properties": {"kode": str(code)}, "geometry": {"type": "Polygon", "coordinates": [ring]}}


@pytest.fixture
def sign_in(office):
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, 1, 'list', 'list.csv', 'x', 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [office.stage, office.noon - timedelta(days=10), office.noon - timedelta(days=10)],
        )
    shapes = {
        3511: (113.8, -8.0, 0.2), 351101: (113.8, -8.0, 0.1), 351102: (113.9, -8.0, 0.1), 3511012001: (113.8, -8.0, 0.05),
        3511012002: (113.85, -8.0, 0.05),
    }  # fmt: skip
    content = {"type": "FeatureCollection", "features": [square(code, *place) for code, place in shapes.items()]}
    for shape in read_boundaries(content):
        Boundary.objects.create(
            area_id=shape.code, **{key: value for key, value in shape._asdict().items() if key != "code"}
        )

    def person(role: Role, office_code: str | None = None) -> Client:
        user = give_role(
            actor="tests", username=f"{role}-{office_code}", role=role, office_code=office_code, at=office.noon
        )
        client = Client()
        client.force_login(user)
        return client

    yield person
    cache.clear()


def pay(office, *places: int) -> None:
    payments.record_payments(
        stage=office.stage,
        branch=office.branch,
        payments=[
            Payment(office.id(), office.entitlements[n], office.officers[0], 600_000, Channel.COMMUNITY, office.noon)
            for n in places
        ],
        at=office.noon + timedelta(hours=1),
    )


def shapes_of(page: str) -> dict[str, tuple[str, str]]:
    """Code → (colour, title) of the shapes drawn."""
    found = re.findall(r'<path class="(s\d)" data-area="(\d+)"[^>]*><title>([^<]*)</title>', page)
    return {code: (step, title) for step, code, title in found}


def test_the_map_of_a_branch_shows_the_shares_that_its_list_shows(office, sign_in):
    pay(office, 0, 1, 2, 3, 4)
    page = sign_in(Role.BRANCH, "KC-BDW").get(BRANCH).content.decode()
    assert shapes_of(page) == {"351101": ("s3", "Maesan · 50,00\xa0%")}, (
        "5 of its 10; the neighbour's kecamatan is ground"
    )
    assert f'href="{KECAMATAN}" tabindex="-1"' in page
    assert '<tr role="row" data-area="351101">' in page
    assert 'class="ground"' in page


def test_an_open_board_gets_the_colours_and_not_the_drawing_again(office, sign_in):
    client = sign_in(Role.BRANCH, "KC-BDW")
    page = client.get(f"{BRANCH}?by=village").content.decode()
    assert shapes_of(page)["3511012001"][0] == "s0"
    pay(office, 0, 1, 2, 3, 4)
    cache.clear()
    living = client.get(f"{BRANCH}?by=village", headers={"HX-Request": "true"}).content.decode()
    assert "<path class=" not in living
    assert 'id="map" hx-preserve="true"></figure>' in living, "what is there is kept"
    assert 'value="3511012001:7:100,00\xa0%|3511012002:0:0,00\xa0%"' in living


def test_each_place_leads_one_step_down_from_the_nation_to_the_families(office, sign_in):
    client = sign_in(Role.MINISTRY)
    page = client.get(f"{BOARD}?by=kabupaten").content.decode()
    assert list(shapes_of(page)) == ["3511"]
    assert f'href="{BOARD}wilayah/3511/"' in page
    page = client.get(f"{BOARD}wilayah/3511/").content.decode()
    assert list(shapes_of(page)) == ["351101", "351102"]
    assert f'href="{BOARD}wilayah/351102/"' in page
    page = client.get(f"{BOARD}wilayah/351101/").content.decode()
    assert list(shapes_of(page)) == ["3511012001", "3511012002"]
    assert f'href="{BOARD}kantor/KC-BDW/desa/3511012001/"' in page
    assert f'<a href="{BOARD}wilayah/3511/">Kab. Bondowoso</a>' in page, "and the way back"


def test_an_area_is_narrowed_to_the_viewers_branches_and_another_one_is_not_there(office, sign_in):
    branch, neighbour = sign_in(Role.BRANCH, "KC-BDW"), sign_in(Role.BRANCH, "KC-SIT")
    assert list(shapes_of(branch.get(f"{BOARD}wilayah/3511/").content.decode())) == ["351101"]
    assert list(shapes_of(neighbour.get(f"{BOARD}wilayah/3511/").content.decode())) == ["351102"]
    assert branch.get(f"{BOARD}wilayah/351102/").status_code == 404
    assert neighbour.get(f"{BOARD}wilayah/351101/").status_code == 404
    assert branch.get(f"{BOARD}wilayah/9999/").status_code == 404
    assert Client().get(f"{BOARD}wilayah/3511/").status_code == 302


def test_without_boundaries_there_is_no_map_and_the_page_is_as_ever(office, sign_in):
    Boundary.objects.all().delete()
    page = sign_in(Role.BRANCH, "KC-BDW").get(BRANCH).content.decode()
    assert "map.js" not in page
    assert 'id="map"' not in page
    assert "Maesan" in page


def test_a_map_is_coloured_by_what_was_asked_for_and_keeps_it(office, sign_in):
    page = sign_in(Role.BRANCH, "KC-BDW").get(f"{BRANCH}?map=geotag&sort=code").content.decode()
    assert 'class="areas geotags"' in page
    assert 'name="map" value="geotag"' in page
    assert "?sort=code&amp;map=failed" in page
    assert 'class="areas"' in sign_in(Role.BRANCH, "KC-BDW").get(f"{BRANCH}?map=<script>").content.decode()


def test_a_name_in_the_map_is_a_name(office, sign_in):
    Area.objects.filter(code=351101).update(name=SCRIPT)
    page = sign_in(Role.BRANCH, "KC-BDW").get(BRANCH).content.decode()
    assert "<script>alert" not in page


def locate(office, count: int) -> None:
    for n in range(count):
        evidence.record_geotags(
            stage=office.stage,
            branch=office.branch,
            geotags=[
                Geotag(
                    office.id(),
                    office.entitlements[n],
                    office.officers[0],
                    -79_700_000 + n,
                    1_138_200_000 + n,
                    50,
                    office.noon,
                    None,
                )
            ],
            at=office.noon + timedelta(hours=1),
        )


@pytest.mark.parametrize(
    ("role", "office_code", "exact"),
    [
        (Role.BRANCH, "KC-BDW", True), (Role.COORDINATOR, "KC-BDW", True), (Role.REGION, "REG-5", False), (Role.HEADQUARTERS, None, False),
        (Role.MINISTRY, None, False), (Role.AUDITOR, None, False),
    ],
)  # fmt: skip
def test_above_the_branch_ten_houses_are_a_hexagon_and_nine_are_nothing(office, sign_in, role, office_code, exact):
    client = sign_in(role, office_code)
    locate(office, 9)
    page = client.get(f"{KECAMATAN}?map=houses").content.decode()
    assert ('<circle class="dot"' in page) is exact
    assert '<polygon class="h' not in page, "nine are too few for a hexagon"
    locate_last = office.entitlements[9:]
    assert len(locate_last) == 1
    evidence.record_geotags(
        stage=office.stage,
        branch=office.branch,
        geotags=[
            Geotag(
                office.id(),
                office.entitlements[9],
                office.officers[0],
                -79_700_009,
                1_138_200_009,
                50,
                office.noon,
                None,
            )
        ],
        at=office.noon + timedelta(hours=1),
    )
    page = client.get(f"{KECAMATAN}?map=houses").content.decode()
    assert ('<polygon class="h' in page) is not exact
    assert ('<circle class="dot"' in page) is exact


def test_an_officer_is_shown_no_houses(office, sign_in):
    locate(office, 10)
    page = sign_in(Role.OFFICER, "KC-BDW").get(f"{KECAMATAN}?map=houses").content.decode()
    assert '<polygon class="h' not in page
    assert '<circle class="dot"' not in page

"""The wall board over HTTP: the board's own figures, for who may see them, renewed by a tag."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from salur.lib.process_cache import cache
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

WALL, BOARD = "/dinding/SEMBAKO-2022-1/", "/realisasi/SEMBAKO-2022-1/"
LIVING = {"HX-Request": "true"}


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
    cache.clear()


def percent_of(page: str) -> str:
    found = re.search(r'(?:wall-percent"|class="big") ?(?:id="wall-percent")?>([^<]*)<', page)
    assert found
    return found.group(1)


@pytest.mark.parametrize(
    ("role", "office_code", "name", "below"),
    [
        (Role.MINISTRY, None, "Indonesia", "Bondowoso"), (Role.REGION, "REG-5", "Regional V", "Bondowoso"),
        (Role.BRANCH, "KC-BDW", "Bondowoso", "Sucolor"),
    ],
)  # fmt: skip
def test_a_wall_shows_the_figures_of_the_board_of_its_place(office, sign_in, role, office_code, name, below):
    pay(office, 0, 1, 2)
    client = sign_in(role, office_code)
    page, board = client.get(WALL).content.decode(), client.get(BOARD).content.decode()
    assert percent_of(page) == percent_of(board)
    assert f'<h1 dir="auto">{name}</h1>' in page
    assert f'<bdi class="wall-name">{below}</bdi>' in page


def test_a_wall_that_would_say_the_same_is_not_sent_again_and_a_payment_is(office, sign_in):
    client = sign_in(Role.BRANCH, "KC-BDW")
    tag = client.get(WALL).context["etag"]
    assert client.get(WALL, headers={**LIVING, "If-None-Match": tag}).status_code == 304
    pay(office, 0, 1, 2)
    cache.clear()
    answer = client.get(WALL, headers={**LIVING, "If-None-Match": tag})
    assert (answer.status_code, percent_of(answer.content.decode())) == (200, "30,00\xa0%")
    assert "<html" not in answer.content.decode()


def test_a_neighbours_wall_is_not_there_and_a_stranger_signs_in(office, sign_in):
    assert sign_in(Role.BRANCH, "KC-SIT").get(f"{WALL}kantor/KC-BDW/").status_code == 404
    assert sign_in(Role.REGION, "REG-5").get(f"{WALL}kantor/KC-BDW/").status_code == 200
    assert Client().get(WALL).status_code == 302
    assert "HX-Redirect" in Client().get(WALL, headers=LIVING)


def test_a_stage_without_families_is_a_wall_that_says_so(office, sign_in):
    with connection.cursor() as cursor:
        for table in ("danom_tally", "danom_entitlement"):
            cursor.execute(f"DELETE FROM {table}")
    page = sign_in(Role.MINISTRY).get(WALL).content.decode()
    assert "Tidak ada KPM dalam danom di sini." in page


def test_many_parts_are_the_best_and_the_last_and_say_how_many_are_between(office, sign_in):
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO areas_area (code, name, level, first_vintage, last_vintage)
            SELECT 351110 + n, 'Kecamatan ' || n, 3, '2022-02', '2022-02' FROM generate_series(1, 30) AS n"""
        )
        cursor.execute(
            "INSERT INTO danom_tally SELECT %s, %s, (351110 + n) * 10000::bigint + 2001, 1, 20, 20 * 600000 FROM generate_series(1, 30) AS n",
            [office.stage, office.branch],
        )
    page = sign_in(Role.BRANCH, "KC-BDW").get(WALL).content.decode()
    assert page.count('class="wall-name"') == 12
    assert "19 di antaranya tidak ditampilkan." in page


def test_a_name_on_the_wall_is_a_name(office, sign_in):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE offices_office SET name = %s WHERE code = 'KC-BDW'", ['<script>alert("x")</script>' + "x" * 200]
        )
    page = sign_in(Role.REGION, "REG-5").get(WALL).content.decode()
    assert "<script>alert" not in page

"""The ways above every page."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from salur.web.actions import make_demo_users
from salur.web.models import Role
from salur.web.navigation import PAGES

BOARD = "/realisasi/SEMBAKO-2022-1/"


def offered(page: bytes) -> dict[str, str]:
    found = re.search(r'<nav class="ways".*?</nav>', page.decode(), re.DOTALL)
    return dict(re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', found[0])) if found else {}


def test_each_line_names_a_page_that_there_is_and_roles_that_there_are():
    for page in PAGES:
        assert reverse(page.url, args=["S-1"] if page.of_stage else [])
        for name in page.also:
            assert not re.search(r"\s", name)
        assert page.roles
        assert set(page.roles) <= set(Role)


@pytest.mark.parametrize("username", ["kemensos", "pusat", "regional", "cabang", "koordinator", "jurubayar", "auditor"])
def test_what_is_offered_can_be_opened(office, client, username):
    make_demo_users(at=office.noon)
    client.force_login(User.objects.get(username=username))
    ways = offered(client.get(BOARD).content)
    assert BOARD in ways
    for href in ways:
        assert client.get(href).status_code in (200, 302), href


def test_a_page_of_a_stage_is_offered_where_the_page_is_about_one(office, client):
    make_demo_users(at=office.noon)
    client.force_login(User.objects.get(username="kemensos"))
    assert BOARD not in offered(client.get("/").content)
    assert 'aria-current="page">Realisasi</a>' in client.get(BOARD).content.decode()


def test_a_stranger_is_offered_nothing(db, client):
    assert offered(client.get("/masuk/").content) == {}

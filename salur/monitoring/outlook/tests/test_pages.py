"""The forecast as a page: the viewer's branches only, those at risk first."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conftest import NOON, PostOffice
from salur.lib.process_cache import cache
from salur.monitoring.outlook.tests.test_outlook import campaign
from salur.web.actions import give_role
from salur.web.models import Role

__all__ = ["campaign"]

PAGE = "/prakiraan/SEMBAKO-2022-1/"


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()


def page(role: Role, office_code: str | None = None) -> tuple[int, str]:
    name = f"{role}-{office_code}"
    give_role(actor="tests", username=name, role=role, office_code=office_code, at=NOON)
    client = Client()
    client.force_login(User.objects.get(username=name))
    answer = client.get(PAGE)
    return answer.status_code, answer.content.decode()


def test_a_branch_sees_its_own_forecast_and_that_it_has_no_plan(campaign: PostOffice) -> None:
    code, text = page(Role.BRANCH, "KC-BDW")
    assert code == 200
    assert "Bondowoso" in text
    assert "tanpa rencana" in text
    assert "Peluang" in text


def test_another_branch_sees_nothing_of_it_and_an_officer_has_no_page(campaign: PostOffice) -> None:
    code, text = page(Role.BRANCH, "KC-SIT")
    assert (code, "KC-BDW" in text) == (200, False)
    assert page(Role.OFFICER, "KC-BDW")[0] == 404
    assert Client().get(PAGE).status_code == 302
    assert page(Role.MINISTRY)[0] == 200

"""The API for other programs: the same figures as the boards, narrowed to who asks."""

from datetime import timedelta

import pytest

from salur.cases import actions as cases
from salur.cases.rules import Kind, NewCase
from salur.web.actions import give_role
from salur.web.models import Role


@pytest.fixture
def as_role(office, client):
    def sign_in(role, place=None):
        user = give_role(actor="pusat", username=f"{role}-{place}", role=role, office_code=place, at=office.noon)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def case(office):
    new = NewCase(Kind.DOUBLE_PAYMENT, "event/1", office.branch, stage=office.stage, amount_rp=600_000, maker="JB-1")
    return cases.open_cases(cases=[new], actor="salur", at=office.noon)[0].id


def test_a_stranger_is_asked_to_sign_in(office, client):
    for path in (f"/api/v1/stages/{office.stage_code}/realisation", "/api/v1/cases"):
        assert client.get(path).status_code == 401


def test_a_role_that_has_ended_lets_nobody_in(office, client):
    user = give_role(
        actor="pusat",
        username="gone",
        role=Role.AUDITOR,
        office_code=None,
        at=office.noon,
        ends=(office.noon - timedelta(days=1)).date(),
    )
    client.force_login(user)
    assert client.get("/api/v1/cases").status_code == 401


def test_realisation_is_narrowed_to_the_office(office, as_role):
    path = f"/api/v1/stages/{office.stage_code}/realisation"
    assert [row["code"] for row in as_role(Role.MINISTRY).get(path).json()["rows"]] in ([], ["KC-BDW", "KC-SIT"])
    seen = [row["code"] for row in as_role(Role.BRANCH, "KC-SIT").get(path + "?by=branch").json()["rows"]]
    assert "KC-BDW" not in seen


def test_what_is_asked_wrongly_is_refused_in_one_sentence(office, as_role):
    client = as_role(Role.MINISTRY)
    assert client.get("/api/v1/stages/NONE/realisation").status_code == 404
    answer = client.get(f"/api/v1/stages/{office.stage_code}/realisation?as_of=yesterday")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_moment")
    assert client.get(f"/api/v1/stages/{office.stage_code}/realisation?by=street").status_code == 422


def test_a_branch_decides_its_case_and_the_neighbour_does_not_even_see_it(office, as_role, case):
    decide = {"decision": "corrected", "reason": "uang dikembalikan"}
    neighbour = as_role(Role.BRANCH, "KC-SIT")
    assert neighbour.get("/api/v1/cases").json() == []
    assert neighbour.get(f"/api/v1/cases/{case}").status_code == 404
    assert neighbour.post(f"/api/v1/cases/{case}/decide", decide, content_type="application/json").status_code == 404
    own = as_role(Role.BRANCH, "KC-BDW")
    assert [found["id"] for found in own.get("/api/v1/cases").json()] == [str(case)]
    answer = own.post(f"/api/v1/cases/{case}/decide", decide, content_type="application/json")
    assert (answer.status_code, answer.json()["case"]["state"]) == (200, "decided")
    assert [event["act"] for event in answer.json()["events"]] == ["opened", "decided"]


@pytest.mark.parametrize("role", [Role.MINISTRY, Role.AUDITOR])
def test_those_who_only_read_decide_nothing(office, as_role, case, role):
    client = as_role(role)
    assert client.get(f"/api/v1/cases/{case}").status_code == 200
    answer = client.post(f"/api/v1/cases/{case}/note", {"text": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "may_only_read")


def test_a_form_from_another_site_decides_nothing(office, case):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(give_role(actor="pusat", username="kc", role=Role.BRANCH, office_code="KC-BDW", at=office.noon))
    answer = client.post(f"/api/v1/cases/{case}/note", {"text": "x"}, content_type="application/json")
    assert answer.status_code == 403


def test_the_description_names_every_path(office, as_role):
    described = as_role(Role.AUDITOR).get("/api/v1/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/v1/stages/{stage}/realisation", "/api/v1/cases", "/api/v1/cases/{case}", "/api/v1/cases/{case}/assign",
        "/api/v1/cases/{case}/decide", "/api/v1/cases/{case}/reopen", "/api/v1/cases/{case}/note",
    }  # fmt: skip

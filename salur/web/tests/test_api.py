"""The API for other programs: the same figures as the boards, narrowed to who asks."""

import json
from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, Unsatisfiable
from schemathesis.generation.modes import GenerationMode

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
        "/api/v1/people", "/api/v1/people/{user}/end",
    }  # fmt: skip


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_that_the_description_allows_or_forbids_ends_in_an_error_of_ours(office, as_role, case, mode):
    client = as_role(Role.HEADQUARTERS)
    document = client.get("/api/v1/openapi.json").json()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        try:
            requests = operation.as_strategy(generation_mode=mode)
            requests.validate()
        except InvalidArgument:
            continue  # nothing of it could be wrong

        @settings(
            max_examples=40,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(asked=requests, known=st.booleans())
        def never_an_error(asked: schemathesis.Case, known: bool) -> None:
            named = {name: str(value) for name, value in (asked.path_parameters or {}).items()}
            if known:
                named |= {"stage": office.stage_code, "case": str(case)}
            path = asked.path
            for name, value in named.items():
                path = path.replace(f"{{{name}}}", quote(value, safe=""))
            if query := {name: value for name, value in (asked.query or {}).items() if value is not None}:
                path += "?" + urlencode({name: str(value) for name, value in query.items()})
            body = asked.body if isinstance(asked.body, bytes) else json.dumps(asked.body, default=repr).encode()
            answer = client.generic(asked.method, path, body, content_type="application/json")
            assert answer.status_code < 500, (asked.method, path, body, answer.content)

        with suppress(Unsatisfiable):
            never_an_error()


def test_a_text_that_cannot_be_kept_is_refused_everywhere(office, as_role, case):
    client = as_role(Role.BRANCH, "KC-BDW")
    answer = client.post(f"/api/v1/cases/{case}/note", {"text": "a\0b"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_text")
    assert client.get("/api/v1/stages/a%00b/realisation").status_code == 422
    page = client.get("/realisasi/a%00b/")
    assert page.status_code in (400, 404)
    assert client.post("/masuk/", {"username": "a\0b", "password": "x"}).status_code < 500

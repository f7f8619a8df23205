"""Cases on pages: seen within the scope, decided by a second person, and never by who only reads."""

import re

import pytest

from salur.cases import actions as cases
from salur.cases.rules import Act, Decision, Kind, NewCase
from salur.offices.models import Office
from salur.oversight.cases import ACTS, DECISIONS, KINDS
from salur.oversight.tests.test_pages import sign_in
from salur.web.models import Role


@pytest.fixture
def case(office):
    """Bondowoso's family was paid by a second officer."""
    facts = {"entitlement": office.entitlements[0], "happened_at": office.noon}
    new = NewCase(Kind.DOUBLE_PAYMENT, "event/1", office.branch, office.stage, office.amount_rp, "branch-KC-BDW", facts)
    return cases.open_cases(cases=[new], actor="salur", at=office.noon)[0].id


def test_every_kind_decision_and_act_has_words():
    assert set(KINDS) == set(Kind)
    assert set(DECISIONS) == set(Decision)
    assert set(ACTS) == set(Act)


def test_a_coordinator_finds_the_double_payment_and_decides_it(office, case):
    client = sign_in(office, Role.COORDINATOR, "KC-BDW")
    listed = client.get("/kasus/").content.decode()
    assert "Keluarga dibayar dua kali" in listed
    assert "Rp600.000" in listed
    shown = client.get(f"/kasus/{case}/").content.decode()
    assert f"/keluarga/{office.entitlements[0]}/" in shown
    assert "12 Maret 2022 12.00 WIB" in shown.replace("\u00a0", " "), "when it happened, by the branch's clock"
    sent = client.post(
        f"/kasus/{case}/langkah/", {"act": "decide", "decision": "owed", "reason": "Siti brings it on Monday"}
    )
    assert sent.status_code == 302
    found, events = cases.show(case=case)
    assert (found.state, found.decision, found.decided_by) == ("decided", "owed", "coordinator-KC-BDW")
    assert [event.act for event in events] == ["opened", "decided"]
    assert "Keluarga dibayar dua kali" not in client.get("/kasus/").content.decode()
    assert "Keluarga dibayar dua kali" in client.get("/kasus/?show=decided").content.decode()


def test_whose_act_it_is_does_not_decide_about_the_money(office, case):
    client = sign_in(office, Role.BRANCH, "KC-BDW")  # the maker of this case
    assert 'name="decision"' not in client.get(f"/kasus/{case}/").content.decode()
    sent = client.post(f"/kasus/{case}/langkah/", {"act": "decide", "decision": "explained", "reason": "it is fine"})
    assert sent.status_code == 403
    assert cases.show(case=case)[0].state == "open"


def test_a_decided_case_is_opened_again_and_written_into(office, case):
    client = sign_in(office, Role.REGION, "REG-5")
    step = f"/kasus/{case}/langkah/"
    client.post(step, {"act": "note", "reason": "asked the family"})
    client.post(step, {"act": "decide", "decision": "explained", "reason": "two families of one name"})
    client.post(step, {"act": "reopen", "reason": "they are one"})
    assert [event.act for event in cases.show(case=case)[1]] == ["opened", "noted", "decided", "reopened"]


def test_without_a_reason_or_a_decision_nothing_is_decided(office, case):
    client = sign_in(office, Role.REGION, "REG-5")
    step = f"/kasus/{case}/langkah/"
    assert client.post(step, {"act": "decide", "decision": "explained", "reason": " "}).status_code >= 400
    assert client.post(step, {"act": "decide", "decision": "whatever", "reason": "x"}).status_code >= 400
    assert client.post(step, {"act": "whatever", "reason": "x"}).status_code >= 400
    assert cases.show(case=case)[0].state == "open"


def test_others_see_nothing_of_it_and_readers_decide_nothing(office, case, client):
    assert client.get("/kasus/").url.startswith("/masuk/")
    hq = Office.objects.get(code="HQ")
    Office.objects.create(code="KC-LAIN", name="Kantor lain", kind="KC", parent=hq, timezone="Asia/Jakarta")
    neighbour = sign_in(office, Role.BRANCH, "KC-LAIN")
    assert re.search(r"Tidak ada kasus", neighbour.get("/kasus/").content.decode())
    assert neighbour.get(f"/kasus/{case}/").status_code == 404
    assert neighbour.post(f"/kasus/{case}/langkah/", {"act": "note", "reason": "x"}).status_code == 404
    assert sign_in(office, Role.OFFICER, "KC-BDW").get("/kasus/").status_code == 404
    auditor = sign_in(office, Role.AUDITOR)
    assert "<textarea" not in auditor.get(f"/kasus/{case}/").content.decode()
    assert auditor.post(f"/kasus/{case}/langkah/", {"act": "note", "reason": "x"}).status_code == 403

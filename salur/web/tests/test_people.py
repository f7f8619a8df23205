"""People: invited by a superior with a link that works once, hired until a day, out when the role ends; and nobody takes an account over."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client

from salur.lib.clock import now
from salur.web.actions import give_role
from salur.web.models import Invitation, Membership, Role
from salur.web.people import commands
from salur.web.people.rules import MAY_INVITE, good_end, good_name

PASSWORD = "melati-sungai-4711"
TODAY = now().date()


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def signed_in(role, office=None, username=None):
    user = give_role(actor="tests", username=username or f"{role}-chief", role=role, office_code=office, at=now())
    client = Client()
    client.force_login(user)
    return client


def invite(client, username="budi", role="officer", office="KC-BDW", **more):
    return client.post("/orang/undang/", {"username": username, "role": role, "office": office, **more})


def link(answer) -> str:
    found = re.search(r'value="http://testserver(/undangan/[\w-]{43}/)"', answer.content.decode())
    assert found, answer.content.decode()
    return found[1]


def accept(address, password=PASSWORD, again=None):
    client = Client()
    return client, client.post(address, {"password": password, "again": password if again is None else again})


def audited(verb):
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, subject FROM audit_entry WHERE verb = %s ORDER BY number", [verb])
        return cursor.fetchall()


def test_a_superior_invites_the_person_chooses_a_password_and_is_in_once(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    address = link(invite(chief))
    shown = Client().get(address)
    assert "branch-chief mengundang Anda" in shown.content.decode()
    assert shown["Referrer-Policy"] == "no-referrer"
    assert "no-store" in shown["Cache-Control"]
    budi, answer = accept(address)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert budi.get("/realisasi/SEMBAKO-2022-1/kantor/KC-BDW/").status_code == 200
    assert budi.get("/realisasi/SEMBAKO-2022-1/kantor/KC-SIT/").status_code == 404
    assert accept(address)[1].status_code == 410, "the link works once"
    assert Client().get(address).status_code == 410
    member = Membership.objects.get(user__username="budi")
    assert (member.role, member.office.code) == ("officer", "KC-BDW")
    assert audited("invited") == [("branch-chief", "user/budi")]
    assert audited("accepted an invitation") == [("budi", "user/budi")]
    assert "budi" in chief.get("/orang/").content.decode()


def test_the_table_keeps_no_link(office):
    address = link(invite(signed_in(Role.BRANCH, "KC-BDW")))
    token = address.split("/")[2]
    assert token.encode() not in bytes(Invitation.objects.get().token_sha256)
    assert token not in str(Invitation.objects.values().get())


@pytest.mark.parametrize(
    "wrong",
    ["kurang", "1234567890123", "budi-budi-budi"[:9], "password123"],
    ids=["short", "digits", "short2", "common"],
)
def test_a_weak_password_is_refused_and_the_link_stays_good(office, wrong):
    address = link(invite(signed_in(Role.BRANCH, "KC-BDW")))
    assert accept(address, wrong)[1].status_code == 422
    assert accept(address, PASSWORD, again="another")[1].status_code == 422
    assert accept(address)[1].status_code == 302


def test_whose_role_moves_money_sets_a_factor_up_first(office):
    address = link(invite(signed_in(Role.BRANCH, "KC-BDW"), role="coordinator"))
    new, _ = accept(address)
    assert new.get("/realisasi/SEMBAKO-2022-1/")["Location"] == "/masuk/faktor/"


def test_a_newer_invitation_voids_the_older_and_a_week_old_one_is_over(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    first, second = link(invite(chief)), link(invite(chief))
    assert Client().get(first).status_code == 410
    Invitation.objects.filter(accepted_at=None, withdrawn_at=None).update(expires_at=now() - timedelta(seconds=1))
    assert Client().get(second).status_code == 410
    assert "kedaluwarsa" in chief.get("/orang/").content.decode()


@pytest.mark.parametrize("inviting", Role)
@pytest.mark.parametrize("role", Role)
def test_who_may_invite_whom(office, inviting, role):
    national = {Role.MINISTRY, Role.HEADQUARTERS, Role.AUDITOR}
    at = None if inviting in national else "REG-5" if inviting == Role.REGION else "KC-BDW"
    to = "" if role in national else "REG-5" if role == Role.REGION else "KC-BDW"
    answer = invite(signed_in(inviting, at), role=role.value, office=to)
    if not MAY_INVITE[inviting]:
        assert answer.status_code == 404
    else:
        assert answer.status_code == (200 if role in MAY_INVITE[inviting] else 403)
    assert Invitation.objects.exists() == (answer.status_code == 200)


def test_nobody_invites_to_a_neighbours_office(office):
    assert invite(signed_in(Role.BRANCH, "KC-SIT"), office="KC-BDW").status_code == 403
    assert invite(signed_in(Role.REGION, "REG-5"), role="branch", office="KC-SIT").status_code == 200
    assert invite(signed_in(Role.HEADQUARTERS), role="region", office="KC-SIT").status_code == 400, "no region"


@pytest.mark.parametrize("name", ["ministry-chief", "MINISTRY-CHIEF", "neighbour", "branch-chief"])
def test_nobody_takes_over_an_account_that_is_not_below_them(office, name):
    """An invitation replaces a password: inviting a superior, a neighbour's person, or oneself under their name would be a way in."""
    signed_in(Role.MINISTRY)
    give_role(actor="tests", username="neighbour", role=Role.OFFICER, office_code="KC-SIT", at=now())
    answer = invite(signed_in(Role.BRANCH, "KC-BDW"), username=name)
    assert answer.status_code == 409
    assert not Invitation.objects.exists()


def test_a_lost_key_is_replaced_by_a_new_invitation_and_old_sessions_end(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    old = signed_in(Role.COORDINATOR, "KC-BDW", username="kunci")
    user = User.objects.get(username="kunci")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    shown = invite(chief, username="kunci", role="coordinator")
    assert "kata sandi dan kuncinya diganti" in shown.content.decode()
    assert old.get("/realisasi/SEMBAKO-2022-1/").status_code == 200, "until the link is used nothing changes"
    accept(link(shown))
    assert not Authenticator.objects.filter(user=user).exists()
    assert old.get("/realisasi/SEMBAKO-2022-1/")["Location"].startswith("/masuk/")


# Hired for a time


def test_a_hire_has_a_last_day_and_the_database_says_so_too(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    assert invite(chief, external="1").status_code == 400
    assert invite(chief, external="1", ends=(TODAY + timedelta(days=400)).isoformat()).status_code == 400
    assert invite(chief, external="1", ends=(TODAY - timedelta(days=3)).isoformat()).status_code == 400
    last = TODAY + timedelta(days=14)
    hire, _ = accept(link(invite(chief, external="1", ends=last.isoformat())))
    assert hire.get("/").status_code == 200
    member = Membership.objects.get(user__username="budi")
    assert (member.external, member.ends) == (True, last)
    with pytest.raises(IntegrityError, match="web_membership_external_ends"), transaction.atomic():
        Membership.objects.filter(id=member.id).update(ends=None)
    Membership.objects.filter(id=member.id).update(ends=TODAY - timedelta(days=2))
    assert hire.get("/")["Location"] == "/masuk/", "the day after, an open session is closed"
    assert "berakhir" in hire.post("/masuk/", {"login": "budi", "password": PASSWORD}, follow=True).content.decode()


def test_a_role_is_ended_at_once_and_an_open_browser_closes(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    budi, _ = accept(link(invite(chief)))
    user = User.objects.get(username="budi")
    assert signed_in(Role.BRANCH, "KC-SIT", username="sit").get(f"/orang/{user.pk}/akhiri/").status_code == 404
    assert chief.get(f"/orang/{user.pk}/akhiri/").status_code == 200
    assert chief.post(f"/orang/{user.pk}/akhiri/", {"last_day": "2020-01-01"}).status_code == 400
    assert chief.post(f"/orang/{user.pk}/akhiri/", {"at_once": "1"}).status_code == 302
    assert budi.get("/")["Location"] == "/masuk/"
    assert audited("ended a role") == [("branch-chief", "user/budi")]
    assert "dikeluarkan" in chief.get("/orang/").content.decode()


def test_ending_takes_an_open_invitation_back(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    accept(link(invite(chief)))
    again = link(invite(chief))
    chief.post(f"/orang/{User.objects.get(username='budi').pk}/akhiri/", {"at_once": "1"})
    assert Client().get(again).status_code == 410


def test_an_auditor_reads_everybody_and_changes_nobody(office):
    give_role(actor="tests", username="siti", role=Role.OFFICER, office_code="KC-BDW", at=now())
    auditor = signed_in(Role.AUDITOR)
    assert "siti" in auditor.get("/orang/").content.decode()
    assert auditor.get("/orang/undang/").status_code == 404
    assert auditor.get(f"/orang/{User.objects.get(username='siti').pk}/akhiri/").status_code == 404


def test_an_address_that_signs_somebody_else_in_is_refused(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    accept(link(invite(chief, email="budi@pos.example")))
    assert invite(chief, username="lain", email="BUDI@pos.example").status_code == 409
    assert invite(chief, username="lain", email="bukan").status_code == 400


# The same by command and API


def test_the_operator_invites_the_first_person_by_command(office, typed):
    first = typed(commands.people, "invite", "kemensos", "--role", "ministry", "--url", "https://salur.example/")
    assert first.code == 0
    assert first.data["link"].startswith("https://salur.example/undangan/")
    assert accept(first.data["link"].removeprefix("https://salur.example"))[1].status_code == 302
    assert typed(commands.people, "invite", "3511990101990001", "--role", "ministry").code == 2
    (row,) = typed(commands.people, "list").data["people"]
    assert (row["username"], row["state"], row["second_factor"]) == ("kemensos", "active", False)
    assert typed(commands.people, "end", "kemensos").code == 0
    assert typed(commands.people, "list").data["people"][0]["state"] == "ended"
    assert typed(commands.people, "end", "tidak-ada").code == 2


def test_the_same_by_api(office):
    chief = signed_in(Role.BRANCH, "KC-BDW")
    made = chief.post("/api/v1/people", {"username": "budi", "role": "officer", "office": "KC-BDW"}, "application/json")
    assert made.status_code == 200
    accept(made.json()["path"])
    (person,) = chief.get("/api/v1/people").json()
    assert (person["username"], person["ended"]) == ("budi", False)
    neighbour = signed_in(Role.BRANCH, "KC-SIT", username="sit")
    assert neighbour.get("/api/v1/people").json() == []
    assert neighbour.post(f"/api/v1/people/{person['id']}/end", {}, "application/json").status_code == 404
    assert chief.post(f"/api/v1/people/{person['id']}/end", {}, "application/json").json()["username"] == "budi"


@pytest.mark.parametrize(
    ("name", "good"),
    [("siti", True), ("siti.r-2_b", True), ("3511990101990001", False), ("08123456789", False), ("si", False), ("Siti", False), ("a b", False)],
)  # fmt: skip
def test_names_are_never_numbers_of_people(name, good):
    assert good_name(name) is good


@pytest.mark.parametrize(
    ("days", "external", "good"),
    [(None, False, True), (None, True, False), (0, True, True), (366, True, True), (367, True, False), (367, False, True), (-1, False, False)],
)  # fmt: skip
def test_last_days(days, external, good):
    ends = None if days is None else TODAY + timedelta(days=days)
    assert good_end(ends=ends, external=external, today=TODAY) is good

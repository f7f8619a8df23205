"""The way in: a second factor for whoever moves money, guessers locked out by all processes together, nobody in after the last day."""

import base64
import hashlib
import hmac
import re
import struct
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client

from salur.lib.clock import now
from salur.web.actions import give_role, make_demo_users
from salur.web.models import NEEDS_SECOND_FACTOR, Role

BOARD = "/realisasi/SEMBAKO-2022-1/"
PASSWORD = "melati-sungai-4711"
SETUP = "/masuk/faktor/"


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """The session learns of a factor when the factor is durable; in these tests, rolled back as they are, at once."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda then, **_: then())


def person(role=Role.BRANCH, *, username="siti", **given):
    office = None if role in ("ministry", "headquarters", "auditor") else "REG-5" if role == Role.REGION else "KC-BDW"
    return give_role(
        actor="tests", username=username, role=role, office_code=office, at=now(), password=PASSWORD, **given
    )


def sign_in(client, username="siti", password=PASSWORD):
    return client.post("/masuk/", {"login": username, "password": password})


def code(secret: str, step: int = 0) -> str:
    """RFC 6238, written here a second time: the server's own arithmetic must not vouch for itself."""
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def set_up_app(client) -> tuple[str, list[str]]:
    page = client.get(f"{SETUP}totp/activate/").content.decode()
    secret = re.search(r'letter-code">([A-Z2-7]+)<', page)[1]
    assert "<svg" in page
    answer = client.post(f"{SETUP}totp/activate/", {"code": code(secret, -1)}, follow=True)
    return secret, re.findall(r'<li class="letter-code">([^<]+)</li>', answer.content.decode())


def entries() -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, verb, subject FROM audit_entry ORDER BY number")
        return cursor.fetchall()


# A second factor


@pytest.mark.parametrize("role", Role)
def test_a_password_alone_opens_pages_only_to_roles_that_move_no_money(office, client, role):
    person(role)
    sign_in(client)
    board, home, api = client.get(BOARD), client.get("/"), client.get("/api/v1/cases")
    if role in NEEDS_SECOND_FACTOR:
        assert (board.status_code, board["Location"]) == (302, SETUP)
        assert (home.status_code, home["Location"]) == (302, SETUP)
        assert api.status_code == 401
        assert client.get(BOARD, headers={"HX-Request": "true"})["HX-Redirect"] == SETUP
        assert client.get(SETUP).status_code == 200
    else:
        assert (board.status_code, home.status_code) == (200, 200)


def test_the_app_is_set_up_once_and_asked_for_each_time(office, client):
    person()
    sign_in(client)
    secret, recovery = set_up_app(client)
    assert len(recovery) == 10
    assert client.get(BOARD).status_code == 200
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in kept, "the secret is sealed in the database"
    other = Client()
    assert sign_in(other)["Location"] == f"{SETUP}authenticate/"
    assert other.get(BOARD)["Location"].startswith("/masuk/"), "half-way in is not in"
    assert "salah" in other.post(f"{SETUP}authenticate/", {"code": "000000"}).content.decode().lower()
    assert other.post(f"{SETUP}authenticate/", {"code": code(secret)})["Location"] == "/"
    assert other.get(BOARD).status_code == 200
    lost = Client()
    sign_in(lost)
    assert lost.post(f"{SETUP}authenticate/", {"code": recovery[0]})["Location"] == "/"
    again = Client()
    sign_in(again)
    assert again.post(f"{SETUP}authenticate/", {"code": recovery[0]}).status_code == 200, "a recovery code opens once"
    assert ("siti", "added a factor", "user/siti") in entries()


def test_a_session_from_before_the_factor_ends_and_the_last_factor_stays(office, client):
    person()
    before = Client()
    sign_in(before)
    sign_in(client)
    set_up_app(client)
    assert before.get(BOARD)["Location"] == "/masuk/"
    assert before.get(SETUP).status_code == 302, "signed out: it cannot add a key of its own"
    client.post(f"{SETUP}totp/deactivate/")
    assert Authenticator.objects.filter(type="totp").exists()


def test_a_session_from_before_the_factor_cannot_go_straight_to_the_set_up(office, client):
    person()
    before = Client()
    sign_in(before)
    sign_in(client)
    set_up_app(client)
    assert before.get(f"{SETUP}webauthn/add/").status_code == 302
    assert before.get(f"{SETUP}recovery-codes/").status_code == 302


def test_a_demos_accounts_need_no_factor_in_a_demos_home_and_in_no_other(office, client, settings):
    (branch,) = [user for user in make_demo_users(at=office.noon) if user["role"] == "branch"]
    settings.DEMO_HOME = lambda: True
    sign_in(client, branch["username"], branch["password"])
    assert client.get(BOARD).status_code == 200
    settings.DEMO_HOME = lambda: False
    assert client.get(BOARD)["Location"] == SETUP
    settings.DEMO_HOME = lambda: True
    person()
    real = Client()
    sign_in(real)
    assert real.get(BOARD)["Location"] == SETUP, "a real account needs it in a demo's home, too"


# Guessers


def test_a_guesser_is_locked_out_told_until_when_and_written_down_once(office, client):
    person()
    for _ in range(5):
        assert "Terlalu banyak" not in sign_in(client, password="guess").content.decode()
    for _ in range(3):
        assert "Coba lagi dalam 10 menit" in sign_in(Client(), password="guess").content.decode()
    refused = sign_in(Client())
    assert "Coba lagi dalam" in refused.content.decode(), "nor does the right password open it now"
    assert [entry for entry in entries() if entry[1] == "locked out"] == [("sign-in", "locked out", "user/siti")]
    person(username="budi")
    assert sign_in(Client(), "budi").status_code == 302, "a colleague at the same address is not locked out"


def test_an_unknown_name_is_locked_out_alike_and_not_written_down(office, client):
    for _ in range(6):
        last = sign_in(client, "3511990101990001", "guess")
    assert "Coba lagi dalam 10 menit" in last.content.decode()
    assert [entry for entry in entries() if entry[1] == "locked out"] == [("sign-in", "locked out", "user/?")]


def test_the_second_step_is_not_guessed_either(office, client):
    person()
    sign_in(client)
    set_up_app(client)
    other = Client()
    sign_in(other)
    for _ in range(5):
        other.post(f"{SETUP}authenticate/", {"code": "000000"})
    assert "Coba lagi dalam" in other.post(f"{SETUP}authenticate/", {"code": "000000"}).content.decode()
    assert ("sign-in", "locked out", "user/siti") in entries()


def test_attempts_are_counted_in_the_database_which_all_processes_share(office, client):
    person()
    sign_in(client, password="guess")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM web_cache WHERE cache_key LIKE '%%login_failed%%'")
        assert cursor.fetchone()[0] == 2, "by person and by address"
    cache.clear()


# Leaving


def test_after_the_last_day_a_session_ends_and_nobody_gets_in(office, client):
    person(Role.OFFICER, ends=now().date() + timedelta(days=2))
    sign_in(client)
    assert client.get(BOARD).status_code == 200
    person(Role.OFFICER, ends=now().date() - timedelta(days=2))
    fresh = Client()
    assert "berakhir" in fresh.post("/masuk/", {"login": "siti", "password": PASSWORD}, follow=True).content.decode()
    user = User.objects.get(username="siti")
    client.force_login(user)
    assert client.get(BOARD)["Location"] == "/masuk/"
    assert client.get("/api/v1/cases").status_code == 401
    assert "_auth_user_id" not in client.session

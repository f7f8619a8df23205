"""Sign-in, languages, the pages for what goes wrong, and what every answer carries."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.test import Client

from salur.audit import actions as audit
from salur.lib.clock import now
from salur.lib.problem import NotFound
from salur.web.actions import OfficeNeeded, give_role, make_demo_users
from salur.web.models import Membership, Role

ROOT = Path(__file__).resolve().parents[3]
BOARD = "/realisasi/SEMBAKO-2022-1/"


def text(response) -> str:
    return response.content.decode().replace("\u00a0", " ")


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Hashing that is slow on purpose is Django's, and tested there."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def in_a_demos_home(settings):
    """Where the demo's accounts need no second factor; what a real home asks is in test_sign_in.py."""
    settings.DEMO_HOME = lambda: True


# Signing in


def test_the_demos_users_can_sign_in_and_see_their_place(office, client):
    users = make_demo_users(at=office.noon)
    assert [user["role"] for user in users] == [role.value for role in Role]
    assert len({user["password"] for user in users}) == len(users)
    for user in users:
        answer = client.post("/masuk/", {"login": user["username"], "password": user["password"]}, follow=True)
        assert answer.status_code == 200
        assert user["username"] in text(answer)
        top = client.get(BOARD).context["place_name"]
        national = user["role"] in ("ministry", "headquarters", "auditor")
        assert top == ("" if national else "Regional V" if user["role"] == "region" else "Bondowoso")
        assert client.post("/keluar/").status_code == 302
        assert client.get(BOARD).status_code == 302


def test_the_demo_again_gives_the_same_users_new_passwords(office, client):
    first, second = make_demo_users(at=office.noon), make_demo_users(at=office.noon)
    assert [user["username"] for user in first] == [user["username"] for user in second]
    assert User.objects.count() == len(first)
    old = client.post("/masuk/", {"login": "kemensos", "password": first[0]["password"]})
    assert old.status_code == 200
    assert 'role="alert"' in text(old)


def test_a_wrong_password_says_nothing_about_the_user(office, client):
    make_demo_users(at=office.noon)
    answers = [
        re.sub(r'value="[^"]*"', "", text(client.post("/masuk/", {"login": name, "password": "wrong"})))
        for name in ("kemensos", "nobody")
    ]
    assert answers[0] == answers[1]


def test_the_sign_in_page_leads_only_into_this_house(office, client):
    (user, *_) = make_demo_users(at=office.noon)
    given = {"login": user["username"], "password": user["password"]}
    assert client.post("/masuk/", {**given, "next": "https://elsewhere.example/"})["Location"] == "/"
    client.post("/keluar/")
    assert client.post("/masuk/", {**given, "next": BOARD})["Location"] == BOARD


def test_a_role_below_the_nation_needs_an_office_that_exists(office):
    with pytest.raises(OfficeNeeded):
        give_role(actor="pusat", username="siti", role=Role.BRANCH, office_code=None, at=office.noon)
    with pytest.raises(NotFound):
        give_role(actor="pusat", username="siti", role=Role.BRANCH, office_code="KC-XXX", at=office.noon)
    user = User.objects.create(username="budi")
    with pytest.raises(IntegrityError, match="web_membership_office_given"):
        Membership.objects.create(user=user, role="officer")


def test_a_role_given_is_in_the_audit_trail_without_the_password(office):
    give_role(actor="pusat", username="siti", role=Role.BRANCH, office_code="KC-BDW", at=office.noon, password="sesame")
    with connection.cursor() as cursor:
        cursor.execute("SELECT actor, verb, subject, facts::text FROM audit_entry")
        ((actor, verb, subject, facts),) = cursor.fetchall()
    assert (actor, verb, subject) == ("pusat", "gave a role", "user/siti")
    assert "KC-BDW" in facts
    assert "sesame" not in facts
    assert audit.verify().ok


# Languages


def test_indonesian_unless_the_person_switched(db, client):
    assert "Nama pengguna" in text(client.get("/masuk/", headers={"Accept-Language": "en-US"}))
    assert client.post("/bahasa/", {"language": "en", "next": "/masuk/"})["Location"] == "/masuk/"
    page = client.get("/masuk/")
    assert "User name" in text(page)
    assert '<html lang="en">' in text(page)
    client.post("/bahasa/", {"language": "tlh", "next": "/masuk/"})
    assert "User name" in text(client.get("/masuk/")), "a language that salur does not speak changes nothing"


def test_the_words_of_the_screens_are_complete_and_compiled():
    check = subprocess.run(
        [sys.executable, ROOT / "tools" / "messages.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stderr) == (0, "")


# What goes wrong


def test_what_is_missing_and_what_is_refused_have_pages_of_the_house(office, client):
    make_demo_users(at=office.noon)
    client.force_login(User.objects.get(username="kemensos"))
    missing = client.get("/no/such/page/")
    assert missing.status_code == 404
    assert "Tidak ada apa-apa di sini" in text(missing)
    assert 'href="/"' in text(missing)
    assert client.get("/realisasi/NO-SUCH-STAGE/").status_code == 404
    refused = client.get(f"{BOARD}?as_of=soon")
    assert refused.status_code == 400
    assert "Ini tidak dapat dijawab" in text(refused)


def test_a_form_from_elsewhere_is_refused_with_a_page(db):
    answer = Client(enforce_csrf_checks=True).post("/masuk/", {"login": "a", "password": "b"})
    assert answer.status_code == 403
    assert "Formulirnya sudah kedaluwarsa" in text(answer)


def test_a_bug_shows_a_page_that_needs_no_database(office, monkeypatch):
    def broken(**given):
        raise RuntimeError("boom")

    make_demo_users(at=office.noon)
    monkeypatch.setattr("salur.monitoring.actions.board", broken)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username="kemensos"))
    answer = client.get(BOARD)
    assert answer.status_code == 500
    assert "Ada yang rusak di pihak kami" in text(answer)
    assert "boom" not in text(answer)


def test_an_empty_installation_says_what_to_do_first(db, client):
    user = give_role(actor="cli", username="pusat", role=Role.HEADQUARTERS, office_code=None, at=now())
    client.force_login(user)
    page = text(client.get("/"))
    assert "Langkah pertama" in page
    assert re.findall(r"<code>(salur [a-z]+ [a-z]+)", page) == [
        "salur areas import", "salur offices import", "salur programmes import", "salur danom import", "salur danom approve",
    ]  # fmt: skip
    assert "✓" not in page


def test_the_first_steps_that_are_done_are_ticked_off(office, client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM danom_tally")
    make_demo_users(at=office.noon)
    client.force_login(User.objects.get(username="pusat"))
    page = text(client.get("/"))
    assert page.count("✓") == 3
    assert "Belum ada danom yang disetujui" in page


# What every answer carries


@pytest.mark.parametrize("path", ["/masuk/", "/no/such/page/", "/static/web/salur.css"])
def test_no_page_may_load_from_elsewhere_or_run_a_script_of_its_own(db, client, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_no_template_has_a_script_or_style_of_its_own():
    for template in (ROOT / "salur").rglob("templates/**/*.html"):
        source = template.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)(?![^>]*/json)|javascript:", source), (
            template
        )
        assert not re.search(r"(src|href)=\"(https?:)?//", source), template
        assert "|safe" not in source, template


def test_files_of_others_are_those_that_were_recorded():
    folder = ROOT / "salur" / "web" / "static" / "web" / "vendored"
    recorded = dict(
        re.findall(r"^\| (\S+\.js) \|.*\| ([0-9a-f]{64}) \|$", (folder / "README.md").read_text(), re.MULTILINE)
    )
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}
    assert found == recorded
    assert found

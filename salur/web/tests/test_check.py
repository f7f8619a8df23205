"""A family checks for itself over HTTP: what it is told, and what a guesser is not."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from salur.danom.actions import hold
from salur.lib.letter_code import letter_code
from salur.payments.actions import record_failures, record_payments
from salur.payments.rules import Channel, Failure, Payment, Reason
from salur.registry.actions import index_key, sealer
from salur.registry.rules import NIK, key_of
from salur.web import check

SITI = "9935110101800001"


@pytest.fixture
def siti(office, monkeypatch):
    """The first family of the list with a NIK and a name; it is noon of the day of payment."""
    monkeypatch.setattr(check, "now", lambda: office.noon)
    family, entitlement = key_of(SITI, index_key()), office.entitlements[0]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO registry_family (stage, branch, id, nik_sealed, key_version, name, birth_date, sex, address, rt, rw)
            VALUES (%s, %s, %s, %s, 1, 'SITI AMINAH', '1980-01-01', 'P', 'Dusun Krajan', '001', '002')""",
            [office.stage, office.branch, family, sealer(NIK, 1).seal(SITI.encode())],
        )
        cursor.execute(
            "UPDATE danom_entitlement SET family = %s WHERE stage = %s AND branch = %s AND id = %s",
            [family, office.stage, office.branch, entitlement],
        )
    return entitlement


def ask(**typed: str):
    return Client().post("/cek/", typed)


def answer(response) -> str:
    """The page's words without what differs each time anyway."""
    return re.sub(r'value="[A-Za-z0-9]{64}"', "", response.content.decode()).replace("\u00a0", " ")


def pay(office, entitlement) -> None:
    paid = [Payment(office.id(), entitlement, office.officers[0], office.amount_rp, Channel.COMMUNITY, office.noon)]
    assert record_payments(stage=office.stage, branch=office.branch, payments=paid, at=office.noon) == ["created"]


def test_the_code_on_the_letter_tells_amount_and_last_day_and_names_nobody(siti):
    said = answer(ask(kode=letter_code(siti)))
    assert "Rp600.000" in said
    assert "Menunggu Anda" in said
    assert "Bondowoso" in said
    assert "SITI" not in said
    assert SITI not in said


def test_a_code_read_aloud_is_taken_as_it_was_meant(siti):
    code = letter_code(siti).lower()
    assert "Rp600.000" in answer(ask(kode=f"{code[:4]}-{code[4:]}"))


@pytest.mark.parametrize("born", ["1980-01-01", "01-01-1980", "1/1/1980"])
def test_nik_and_birth_date_do_without_a_letter(siti, born):
    assert "Rp600.000" in answer(ask(nik="9935 1101 0180 0001", lahir=born))


def test_who_was_paid_is_told_when(siti, office):
    pay(office, siti)
    said = answer(ask(kode=letter_code(siti)))
    assert "Terbayar" in said
    assert "12 Maret 2022" in said
    assert "12.00" in said


def test_a_visit_that_failed_and_a_hold_are_told_in_words_for_the_family(siti, office):
    failure = Failure(office.id(), siti, office.officers[0], Reason.NOT_HOME, office.noon)
    record_failures(stage=office.stage, branch=office.branch, failures=[failure], at=office.noon)
    assert "tidak ditemui" in answer(ask(kode=letter_code(siti)))
    hold(stage_code="SEMBAKO-2022-1", word=str(siti), reason="two cards", actor="siti", at=office.noon)
    said = answer(ask(kode=letter_code(siti)))
    assert "Ditahan" in said
    assert "two cards" not in said, "why is for the desk"


def test_whatever_does_not_fit_has_one_answer_and_one_way_of_finding_it(siti, office):
    """No NIK, a stranger's, a known one with another birth date, a code that nobody has, nonsense: the same words, the same statements."""
    guesses = [
        {"nik": SITI, "lahir": "1980-01-02"},
        {"nik": SITI},
        {"nik": "9935110101800009", "lahir": "1980-01-01"},
        {"nik": "x' OR 1=1 --", "lahir": "soon"},
        {"kode": "0000000Z"},
        {"kode": "nonsense"},
        {},
    ]
    words, statements = set(), set()
    for guess in guesses:
        with CaptureQueriesContext(connection) as asked:
            words.add(answer(ask(**guess)))
        statements.add(tuple(re.sub(r"'[^']*'", "?", one["sql"])[:60] for one in asked.captured_queries))
    assert len(words) == 1
    assert "Tidak ada yang cocok" in words.pop()
    assert len(statements) == 1
    with CaptureQueriesContext(connection) as asked:
        ask(kode=letter_code(siti))
    assert tuple(re.sub(r"'[^']*'", "?", one["sql"])[:60] for one in asked.captured_queries) in statements


def test_answers_leave_at_whole_steps(siti, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(check.time, "sleep", slept.append)
    ask(kode="0000000Z")
    ask(kode=letter_code(siti))
    assert len(slept) == 2
    assert all(0 < pause <= check.STEP_S for pause in slept)


def test_who_guesses_is_stopped_and_another_address_is_not(siti, office, monkeypatch):
    monkeypatch.setattr(check, "CHECKS_AN_HOUR", 3)
    client = Client()
    for _ in range(3):
        assert client.post("/cek/", {"kode": "0000000Z"}).status_code == 200
    refused = client.post("/cek/", {"kode": letter_code(siti)})
    assert refused.status_code == 429
    assert "Rp600.000" not in answer(refused)
    assert Client(REMOTE_ADDR="203.0.113.9").post("/cek/", {"kode": letter_code(siti)}).status_code == 200
    monkeypatch.setattr(check, "now", lambda: office.noon + timedelta(hours=1))
    assert client.post("/cek/", {"kode": letter_code(siti)}).status_code == 200


def test_nothing_of_it_is_kept_and_the_way_to_complain_is_there(siti):
    response = ask(kode=letter_code(siti))
    assert "no-store" in response["Cache-Control"]
    assert 'href="/pengaduan/"' in response.content.decode()
    assert Client().get("/cek/", {"kode": letter_code(siti)}).content.decode().count("Rp600.000") == 0, (
        "only what is posted is read"
    )


def test_a_family_without_a_birth_date_on_the_list_is_known_by_the_one_in_its_nik(siti, office):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_family SET birth_date = NULL WHERE stage = %s", [office.stage])
    assert "Rp600.000" in answer(ask(nik=SITI, lahir="1980-01-01"))
    assert "Rp600.000" not in answer(ask(nik=SITI, lahir="1980-02-01"))


def test_after_the_last_day_the_page_says_so(siti, office, monkeypatch):
    monkeypatch.setattr(check, "now", lambda: office.noon + timedelta(days=400))
    assert "Tidak diambil" in answer(ask(kode=letter_code(siti)))

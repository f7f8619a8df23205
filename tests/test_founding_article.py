"""The main job in full size: four branches, 472,098 families, fourteen days; then somebody tampers with it.

The demo runs as a newcomer runs it: the program, a fresh home, nothing else.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from decimal import Decimal
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest
from pypdf import PdfReader

from salur.lib.database.server import EmbeddedServer
from salur.lib.indonesian import number, percent

PAID = {
    "KC-BDW": (101_913, 101_506),
    "KC-PMK": (112_091, 111_396),
    "KC-SEL": (106_395, 92_421),
    "KC-KDR": (151_699, 147_627),
}
STAGE = "SEMBAKO-2022-1"

pytestmark = pytest.mark.slow


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if k != "SALUR_DATABASE_URL"} | {
            "SALUR_HOME": str(folder)
        }

    def salur(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "salur", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=600)

    def answer(self, *words: str) -> dict:
        done = self.salur(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def sql(self, statement: str) -> list[tuple]:
        with psycopg.connect(EmbeddedServer(self.folder).url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("demo") / "home")
    home.demo = home.answer("demo", "--no-serve")
    yield home
    home.salur("db", "stop")


def test_the_demo_answers_with_the_articles_counts(played):
    branches = {branch["code"]: branch for branch in played.demo["branches"]}
    assert {code: (b["allocated"], b["paid"]) for code, b in branches.items()} == PAID
    assert {code: (b["paid_percent"], b["published_percent"]) for code, b in branches.items()} == {
        "KC-BDW": (99.6, "99.6"),
        "KC-PMK": (99.38, "99.38"),
        "KC-SEL": (86.87, "86.87"),
        "KC-KDR": (97.32, "97.31"),
    }
    assert branches["KC-SEL"]["geotag_percent"] == 85.0
    assert played.demo["seconds"] > 0
    assert {user["role"] for user in played.demo["users"]} >= {
        "ministry",
        "headquarters",
        "region",
        "branch",
        "officer",
        "auditor",
    }


def test_the_regional_meeting_ranks_names_and_flags(played):
    words = ("evaluation", "report", "--region", "REG-5", "--stage", STAGE, "--as-of", "2022-03-26")
    meeting = played.answer(*words)
    assert [(row["rank"], row["branch"], row["paid_percent"]) for row in meeting["ranking"]] == [
        (1, "KC-BDW", 99.6),
        (2, "KC-PMK", 99.38),
        (3, "KC-KDR", 97.32),
        (4, "KC-SEL", 86.87),
    ]
    assert meeting["named_for_geotagging"] == ["KC-SEL", "KC-KDR"]
    published = {each["office"]: each for each in meeting["published"]}
    assert {code: (each["printed"], each["agreement"]) for code, each in published.items()} == {
        "KC-BDW": ("99.6", "agrees"),
        "KC-PMK": ("99.38", "agrees"),
        "KC-SEL": ("86.87", "agrees"),
        "KC-KDR": ("97.31", "cut_off"),
    }
    assert published["KC-KDR"]["note"] == "97.31% is cut off: 147,627 of 151,699 is 97.32% when rounded."
    assert [(each["rounded"], each["cut_off"]) for each in meeting["mixed_rounding"]] == [
        (["Pamekasan", "Selong"], ["Kediri"])
    ]
    assert {note["tag"] for note in meeting["notes"]} == {
        "recruitment", "coordination", "online_first", "geotagging", "field_control",
    }  # fmt: skip
    assert all(sum(day["paid"] for day in each["days"]) == PAID[each["branch"]][1] for each in meeting["progress"])
    assert sum(meeting["unpaid"].values()) == sum(allocated - paid for allocated, paid in PAID.values())
    assert played.demo["evaluation"]["ranking"] == meeting["ranking"]


def test_page_and_paper_of_the_meeting_agree_with_the_command_line(played, tmp_path):
    words = ("evaluation", "report", "--region", "REG-5", "--stage", STAGE, "--as-of", "2022-03-26")
    said, paper = played.answer(*words), tmp_path / "evaluasi.pdf"
    played.answer(*words, "--format", "pdf", "--out", str(paper))
    with served(played, role="region") as get:
        page = get(f"/evaluasi/{STAGE}/REG-5/?as_of=2022-03-26").decode()
        assert get(f"/evaluasi/{STAGE}/REG-5/evaluasi.pdf?as_of=2022-03-26") == paper.read_bytes()
    page = plain(re.sub(r"<[^>]+>", " ", page))
    printed = plain(" ".join(sheet.extract_text() for sheet in PdfReader(paper).pages))
    for row in said["ranking"]:
        for shown in (row["allocated"], row["paid"]):
            assert number(shown) in page
            assert number(shown) in printed
        for shown in (row["paid_percent"], row["geotag_percent"]):
            assert plain(percent(Decimal(f"{shown:.2f}"))) in page
            assert plain(percent(Decimal(f"{shown:.2f}"))) in printed
    for quoted in ("99,6 %", "99,38 %", "86,87 %", "97,31 %"):
        assert quoted in page
        assert quoted in printed
    for text in (page, printed):
        assert "97,31 % dipotong: 147.627 dari 151.699" in text, "the note on Kediri"
        # A sentence on the page, its second half on paper.
        named = text[text.lower().index("unggul geotagging") :][:120]
        assert named.index("Selong") < named.index("Kediri")
        assert "Merekrut 40–50 tenaga tambahan" in text
    assert {row["branch"]: row["hires"] for row in said["ranking"]} == {
        "KC-BDW": 45,
        "KC-PMK": 48,
        "KC-SEL": 46,
        "KC-KDR": 60,
    }
    assert all(
        row["days_to_50"] <= row["days_to_90"] <= row["days_to_95"] for row in said["ranking"] if row["days_to_95"]
    )


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


@contextmanager
def served(home, *, role):
    """Pages as somebody of the demo sees them, signed in."""
    user = next(user for user in home.demo["users"] if user["role"] == role)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "salur", "serve", "--port", str(port)]
    running = subprocess.Popen(command, env=home.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))

    def get(address, **form):
        data = urlencode(form).encode() if form else None
        with opener.open(f"http://127.0.0.1:{port}{address}", data=data, timeout=60) as answer:
            return answer.read()

    try:
        patience = time.monotonic() + 180  # on a machine that does other things, too
        while time.monotonic() < patience:
            try:
                get("/masuk/")
                break
            except OSError:
                time.sleep(0.2)
        token = next(cookie.value for cookie in jar if "csrf" in cookie.name)
        get("/masuk/", login=user["username"], password=user["password"], csrfmiddlewaretoken=token)
        yield get
    finally:
        running.terminate()
        try:
            running.wait(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()


def test_every_level_of_the_table_adds_up_to_the_same(played):
    total = sum(paid for _, paid in PAID.values())
    for by in ("nation", "region", "branch", "kecamatan", "village"):
        rows = played.answer("monitoring", "realisation", "--stage", STAGE, "--by", by)["rows"]
        assert sum(row["paid"] for row in rows) == total
        assert sum(row["amount_paid_rp"] for row in rows) == total * 600_000
        assert all(row["allocated"] == row["paid"] + row["failed"] + row["open"] for row in rows)


def test_the_payments_say_the_same_as_the_table(played):
    counted = played.sql(
        "SELECT o.code, count(*) FROM payments_payment AS p JOIN offices_office AS o ON o.id = p.branch GROUP BY o.code"
    )
    assert dict(counted) == {code: paid for code, (_, paid) in PAID.items()}


def test_an_earlier_day_shows_the_earlier_figure(played):
    counted = played.sql(
        "SELECT count(*) FROM payments_payment WHERE paid_at < timestamptz '2022-03-15 00:00+07' AND branch = (SELECT id FROM offices_office WHERE code = 'KC-BDW')"
    )
    rows = played.answer("monitoring", "realisation", "--stage", STAGE, "--as-of", "2022-03-14")["rows"]
    assert next(row["paid"] for row in rows if row["code"] == "KC-BDW") == counted[0][0]


def test_the_books_sum_to_zero(played):
    answer = played.answer("ledger", "balances", "--stage", STAGE)
    assert answer["sum_rp"] == 0
    paid = sum(account["balance_rp"] for account in answer["accounts"] if account["code"] == "paid")
    assert paid == sum(paid for _, paid in PAID.values()) * 600_000


def test_verify_is_content(played):
    done = played.salur("verify", "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["ok"]


# What a hand in the database can do, how it is undone, and the check that must find it out.
TAMPERING = [
    ("a payment deleted", "payments_payment", None, None, "every payment has moved exactly its money"),
    (
        "a payment's amount changed",
        "payments_payment",
        "amount_rp = 500000",
        "amount_rp = 600000",
        "paid at most once, and in full",
    ),
    (
        "a counter of payments changed",
        "payments_tally",
        "paid = paid + 1",
        "paid = paid - 1",
        "payment tallies equal a recount",
    ),
    (
        "a counter of geotags changed",
        "evidence_tally",
        "geotagged = geotagged - 1",
        "geotagged = geotagged + 1",
        "geotag tallies equal a recount",
    ),
    (
        "a balance changed",
        "ledger_account",
        "credits_rp = credits_rp + 1",
        "credits_rp = credits_rp - 1",
        "ledger balances are the sums",
    ),
    (
        "a transfer made smaller",
        "ledger_transfer",
        "amount_rp = amount_rp - 1",
        "amount_rp = amount_rp + 1",
        "ledger balances are the sums",
    ),
    (
        "a line of the list made dearer",
        "danom_entitlement",
        "amount_rp = 700000",
        "amount_rp = 600000",
        "list tallies equal a recount",
    ),
    ("an audit entry rewritten", "audit_entry", "actor = 'nobody'", "actor = 'kemensos'", "the audit trail is whole"),
]


@pytest.mark.parametrize(("what", "table", "change", "undo", "check"), TAMPERING, ids=[what for what, *_ in TAMPERING])
def test_a_hand_in_the_database_is_found_out(played, what, table, change, undo, check):
    keys = played.sql(
        f"SELECT string_agg(quote_ident(attname), ', ' ORDER BY array_position(indkey, attnum)) FROM pg_index"
        f" JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = '{table}'::regclass AND indisprimary"
    )[0][0]
    played.sql(f"CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM {table} ORDER BY {keys} LIMIT 1")
    row = f"({keys}) = (SELECT {keys} FROM kept)"
    try:
        played.sql(f"DELETE FROM {table} WHERE {row}" if change is None else f"UPDATE {table} SET {change} WHERE {row}")
        done = played.salur("verify", "--json")
        assert done.returncode == 1
        broken = [found for found in json.loads(done.stdout)["checks"] if not found["ok"]]
        assert any(check in found["name"] for found in broken), [found["name"] for found in broken]
        assert all(found["examples"] for found in broken), "it names what broke"
    finally:
        played.sql(
            f"INSERT INTO {table} SELECT * FROM kept" if change is None else f"UPDATE {table} SET {undo} WHERE {row}"
        )
        played.sql("DROP TABLE kept")


def test_a_home_that_no_demo_made_is_never_cleared(tmp_path):
    home = Home(tmp_path / "home")
    assert home.salur("db", "start").returncode == 0
    try:
        done = home.salur("demo", "--no-serve")
        assert done.returncode == 2
        assert "no demo made" in done.stderr
    finally:
        home.salur("db", "stop")

"""The board over HTTP: what it shows, to whom, as of when, and how it stays current."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from conftest import entitle
from salur.areas.models import Area
from salur.field.models import Device
from salur.lib.problem import NotFound
from salur.lib.process_cache import cache
from salur.lib.sql import Queries
from salur.monitoring import living, views
from salur.monitoring.actions import Quotation, load_quotations, tidy
from salur.monitoring.charts import burn_up
from salur.monitoring.rules import Day, Row, bar, in_order, ranks
from salur.offices.models import Office
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

STAGE = "SEMBAKO-2022-1"
BOARD = f"/realisasi/{STAGE}/"
BRANCH, NEIGHBOUR = f"{BOARD}kantor/KC-BDW/", f"{BOARD}kantor/KC-SIT/"
KECAMATAN = f"{BRANCH}kecamatan/351101/"
SCRIPT = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def sign_in(office):
    """Sign in as a role of an office; the last approved list is version 1."""
    cache.clear()
    approve(office, 1, office.noon - timedelta(days=10))

    def person(role: Role, office_code: str | None = None, ends: date | None = None) -> Client:
        user = give_role(
            actor="tests",
            username=f"{role}-{office_code}",
            role=role,
            office_code=office_code,
            ends=ends,
            at=office.noon,
        )
        client = Client()
        client.force_login(user)
        return client

    return person


def approve(office, version: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined,
                duplicates, amount_rp, reasons, imported_by, imported_at, approved_by, approved_at)
            VALUES (%s, %s, %s, 'list.csv', %s, 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %s, 'budi', %s)""",
            [office.stage, version, f"list {version}", f"{version:064d}", at, at],
        )


def pay(office, families, at: datetime) -> None:
    made = [
        Payment(office.id(), family, office.officers[0], office.amount_rp, Channel.COMMUNITY, at) for family in families
    ]
    outcomes = payments.record_payments(stage=office.stage, branch=office.branch, payments=made, at=at)
    assert set(outcomes) == {"created"}


def text(response) -> str:
    return response.content.decode().replace("\u00a0", " ")


# Who sees what


def test_a_stranger_is_led_to_the_sign_in_page_and_back(office, client):
    response = client.get(BRANCH)
    assert (response.status_code, response["Location"]) == (302, f"/masuk/?next={BRANCH.replace('/', '%2F')}")


def test_an_open_board_whose_session_ended_leads_to_the_sign_in_page(office, client):
    response = client.get(BRANCH, headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/masuk/?next=")


SEES = {
    (Role.MINISTRY, None): {"nation", "region", "branch", "neighbour", "kecamatan"},
    (Role.HEADQUARTERS, None): {"nation", "region", "branch", "neighbour", "kecamatan"},
    (Role.HEADQUARTERS, "HQ"): {"nation", "region", "branch", "neighbour", "kecamatan"},
    (Role.AUDITOR, None): {"nation", "region", "branch", "neighbour", "kecamatan"},
    (Role.AUDITOR, "KC-SIT"): {"neighbour"},
    (Role.REGION, "REG-5"): {"region", "branch", "neighbour", "kecamatan"},
    (Role.REGION, "REG-6"): set(),
    (Role.BRANCH, "KC-BDW"): {"branch", "kecamatan"},
    (Role.BRANCH, "KC-SIT"): {"neighbour"},
    (Role.COORDINATOR, "KC-BDW"): {"branch", "kecamatan"},
    (Role.COORDINATOR, "KCP-MAESAN"): {"branch", "kecamatan"},
    (Role.OFFICER, "KCP-SUCOLOR"): {"branch", "kecamatan"},
    (Role.OFFICER, "KC-BDW"): {"branch", "kecamatan"},
}
PLACES = {"region": f"{BOARD}kantor/REG-5/", "branch": BRANCH, "neighbour": NEIGHBOUR, "kecamatan": KECAMATAN}


@pytest.mark.parametrize(
    ("who", "sees"), SEES.items(), ids=lambda value: f"{value[0]}-{value[1]}" if isinstance(value, tuple) else ""
)
def test_everybody_sees_its_office_and_what_is_below_it_and_nothing_else(office, sign_in, who, sees):
    Office.objects.create(
        code="REG-6", name="Regional VI", kind="REGION", parent=Office.objects.get(code="HQ"), timezone="Asia/Jakarta"
    )
    branch = Office.objects.get(code="KC-BDW")
    counter = Office.objects.create(
        code="KCP-MAESAN", name="Maesan", kind="KCP", parent=branch, timezone="Asia/Jakarta"
    )
    Office.objects.create(code="KCP-SUCOLOR", name="Sucolor", kind="KCP", parent=counter, timezone="Asia/Jakarta")
    client = sign_in(*who)
    found = {place for place, url in PLACES.items() if client.get(url).status_code == 200}
    refused = {client.get(url).status_code for place, url in PLACES.items() if place not in found}
    assert found == sees - {"nation"}
    assert refused <= {404}
    allocated = client.get(BOARD).context["total"].allocated
    assert allocated == {0: 0, 1: 1, 2: 10, 4: 11, 5: 11}[len(sees)], "the stage's own address shows the viewer's top"
    exported = client.get(f"{NEIGHBOUR}?format=csv").status_code
    living = client.get(NEIGHBOUR, headers={"HX-Request": "true"}).status_code
    assert {exported, living} == ({200} if "neighbour" in sees else {404})


def test_a_neighbours_kecamatan_is_not_found_through_ones_own_branch(office, sign_in):
    client = sign_in(Role.BRANCH, "KC-BDW")
    assert client.get(f"{BRANCH}kecamatan/351102/").status_code == 404


def test_a_role_ends_with_its_last_day(office, sign_in):
    today = datetime.now(UTC).date()
    assert sign_in(Role.OFFICER, "KC-BDW", ends=today + timedelta(days=1)).get(BRANCH).status_code == 200
    ended = sign_in(Role.OFFICER, "KC-BDW", ends=today - timedelta(days=2))
    assert ended.get(BRANCH)["Location"] == "/masuk/", "signed out"


# What it shows


def test_the_figures_are_those_of_the_command_line(office, sign_in):
    pay(office, office.entitlements[:6], office.noon)
    page = text(sign_in(Role.MINISTRY).get(f"{BOARD}?by=branch&as_of=2022-03-12"))
    assert "60,00 %" in page
    assert "Rp3.600.000" in page
    assert "Data per 12 Maret 2022 23.59 WIB" in page
    assert "Danom versi 1" in page
    assert "6</strong> dari 11 KPM terbayar" in page


def test_every_level_is_one_click_from_the_one_above(office, sign_in):
    client, url = sign_in(Role.MINISTRY), BOARD
    for name in ("Regional V", "Bondowoso", "Maesan"):
        (line,) = [line for line in client.get(url).context["lines"] if line.row.name == name]
        url = line.href
    page = client.get(url)
    assert [line.row.name for line in page.context["lines"]] == ["Sucolor", "Sumberpakem"]
    assert [name for name, _ in page.context["crumbs"]] == ["", "Regional V", "Bondowoso", "Maesan"]
    assert [client.get(href).status_code for _, href in page.context["crumbs"]] == [200] * 4


def test_moment_and_version_go_along_on_every_click(office, sign_in):
    page = sign_in(Role.MINISTRY).get(f"{BOARD}?as_of=2022-03-12&version=1&sort=name")
    assert page.context["lines"][0].href == f"{BOARD}kantor/REG-5/?as_of=2022-03-12&version=1"
    assert all("as_of=2022-03-12&version=1" in column.href for column in page.context["columns"])


def test_a_moment_is_local_time_of_the_place(office, sign_in):
    """Noon in Makassar is eleven in Jakarta: a payment at half past eleven, Jakarta, is after it."""
    client = sign_in(Role.MINISTRY)
    pay(office, office.entitlements[:1], office.noon - timedelta(minutes=30))
    jakarta = client.get(f"{BRANCH}?as_of=2022-03-12&at=12:00")
    Office.objects.filter(code="KC-BDW").update(timezone="Asia/Makassar")
    makassar = client.get(f"{BRANCH}?as_of=2022-03-12&at=12:00")
    assert (jakarta.context["total"].paid, makassar.context["total"].paid) == (1, 0)
    assert "12.00 WITA" in text(makassar)


@pytest.mark.parametrize(
    "typed", ["yesterday", "2022-13-01", "2022-03-12&at=25:61", "12/03/2022", "2022-03-12T14:05:00+99:00"]
)
def test_what_is_no_moment_is_refused_with_a_sentence(office, sign_in, typed):
    response = sign_in(Role.MINISTRY).get(f"{BOARD}?as_of={typed}")
    assert response.status_code == 400
    assert "is not a moment" in text(response)


def test_an_older_version_counts_only_its_families(office, sign_in):
    approve(office, 2, office.noon - timedelta(days=5))
    supplement = [
        entitle(office, branch=office.branch, village=office.villages[0], number=60 + n, version=2) for n in range(10)
    ]
    pay(office, [*office.entitlements[:9], *supplement[:2]], office.noon)
    client = sign_in(Role.BRANCH, "KC-BDW")
    now = client.get(BRANCH).context
    first = client.get(f"{BRANCH}?version=1").context
    assert (now["total"].paid, now["total"].allocated, now["board"].table.danom_version) == (11, 20, 2)
    assert (first["total"].paid, first["total"].allocated, first["board"].table.danom_version) == (9, 10, 1)
    cut = client.get(f"{BRANCH}?version=1&as_of=2022-03-12&at=12:00").context["total"]
    assert (cut.paid, cut.allocated) == (9, 10)
    assert client.get(f"{BRANCH}?version=3").status_code == 404


def test_sorting_by_plain_links(office, sign_in):
    pay(office, office.entitlements[:6], office.noon)
    client = sign_in(Role.BRANCH, "KC-BDW")

    def order(sort):
        return [line.row.name for line in client.get(f"{BRANCH}?by=village&sort={sort}").context["lines"]]

    assert order("name") == order("-paid") == order("code") == ["Sucolor", "Sumberpakem"]
    assert order("-name") == order("paid_percent") == ["Sumberpakem", "Sucolor"]
    assert order("password") == ["Sucolor", "Sumberpakem"], "what is no column is the usual order"
    page = client.get(f"{BRANCH}?sort=-paid")
    directions = {column.key: (column.direction, column.href) for column in page.context["columns"]}
    assert directions["paid"] == ("descending", f"{BRANCH}?sort=paid")
    assert directions["failed"] == ("none", f"{BRANCH}?sort=-failed")


def test_published_percentages_stand_beside_the_counted_ones_as_they_were_printed(office, sign_in):
    given = [Quotation("KC-BDW", "99.6", "A newspaper", date(2022, 3, 26))]
    assert load_quotations(stage_code=office.stage_code, quotations=given) == 1
    assert load_quotations(stage_code=office.stage_code, quotations=given) == 0, "the same again changes nothing"
    with pytest.raises(NotFound):
        load_quotations(stage_code=office.stage_code, quotations=[Quotation("KC-XXX", "1", "x", date(2022, 3, 26))])
    client = sign_in(Role.MINISTRY)
    assert "<q>99,6 %</q>" in text(client.get(f"{BOARD}?by=branch"))
    assert "<q>" not in text(client.get(f"{BOARD}?by=branch&as_of=2022-03-25")), "not published yet"
    assert "<q>" not in text(client.get(BRANCH))


def test_a_stage_without_families_says_so(office, sign_in):
    with connection.cursor() as cursor:
        for table in ("danom_tally", "danom_entitlement", "danom_batch"):
            cursor.execute(f"DELETE FROM {table}")
    page = text(sign_in(Role.MINISTRY).get(BOARD))
    assert "Tidak ada KPM dalam danom di sini." in page
    assert "Belum ada danom yang disetujui" in page


# Names are names


def test_a_name_with_a_script_is_shown_and_never_becomes_markup(office, sign_in):
    Office.objects.filter(code="KC-BDW").update(name=SCRIPT)
    Area.objects.filter(code=351101).update(name=SCRIPT)
    client = sign_in(Role.MINISTRY)
    for url in (BRANCH, f"{BOARD}?by=branch", KECAMATAN):
        page = client.get(url).content.decode()
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_spreadsheet_gets_rows_and_no_formulas(office, sign_in):
    pay(office, office.entitlements[:6], office.noon)
    Area.objects.filter(code=3511012001).update(name='=HYPERLINK("http://x","y")')
    response = sign_in(Role.BRANCH, "KC-BDW").get(f"{BRANCH}?by=village&format=csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [(row["code"], row["allocated"], row["paid"], row["paid_percent"]) for row in rows] == [
        ("3511012001", "5", "5", "100.00"),
        ("3511012002", "5", "1", "20.00"),
    ]
    assert rows[0]["name"].startswith("'=HYPERLINK")
    assert "attachment" in response["Content-Disposition"]


def test_five_thousand_villages_come_in_pages(office, sign_in):
    village = 3511013000
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO areas_area (code, name, level, first_vintage, last_vintage)
            SELECT %s + n, 'Desa ' || n, 4, '2022-02', '2022-02' FROM generate_series(1, 5000) AS n""",
            [village],
        )
        cursor.execute(
            "INSERT INTO danom_tally SELECT %s, %s, %s + n, 1, 20, 20 * 600000 FROM generate_series(1, 5000) AS n",
            [office.stage, office.branch, village],
        )
    client = sign_in(Role.BRANCH, "KC-BDW")
    page = client.get(f"{BRANCH}?by=village")
    assert (len(page.context["lines"]), page.context["count"], page.context["pages"]) == (100, 5002, 51)
    last = client.get(f"{BRANCH}?by=village&page=51")
    assert len(last.context["lines"]) == 2
    assert client.get(f"{BRANCH}?by=village&page=999").context["page"] == 51
    assert len(client.get(f"{BRANCH}?by=village&format=csv").content.splitlines()) == 5003


# Staying current


def test_an_open_board_is_told_only_what_changed(office, sign_in):
    client = sign_in(Role.BRANCH, "KC-BDW")
    moment = "?as_of=2022-03-12"
    page = client.get(BRANCH + moment)
    etag = page.context["etag"]

    def ask(tag: str):
        cache.clear()
        return client.get(BRANCH + moment, headers={"HX-Request": "true", "If-None-Match": tag})

    assert (ask(etag).status_code, ask(f"W/{etag}").status_code, ask("").status_code) == (304, 304, 200)
    pay(office, office.entitlements[:1], office.noon)
    changed = ask(etag)
    assert changed.status_code == 200
    assert changed["ETag"] != etag
    assert "<html" not in text(changed)
    assert "10,00 %" in text(changed)
    assert ask(changed["ETag"]).status_code == 304


def pass_time(monkeypatch, to) -> None:
    for asked in (views, living):
        monkeypatch.setattr(asked, "now", lambda: to)


def test_a_minute_that_passes_sends_an_open_board_its_moment_and_nothing_else(office, sign_in, monkeypatch):
    client = sign_in(Role.BRANCH, "KC-BDW")
    pass_time(monkeypatch, office.noon)
    shown = client.get(BRANCH, headers={"HX-Request": "true"})
    assert shown["Salur-Moment"] in shown.content.decode()
    pass_time(monkeypatch, office.noon + timedelta(minutes=1))
    later = client.get(BRANCH, headers={"HX-Request": "true", "If-None-Match": shown["ETag"]})
    assert (later.status_code, later.content) == (304, b"")
    assert later["Salur-Moment"] != shown["Salur-Moment"]
    assert later["Salur-Moment"].replace("\xa0", " ").endswith("01 WIB")


def test_nobody_is_signed_in_and_nothing_added_up_to_tell_that_nothing_changed(office, sign_in):
    client = sign_in(Role.BRANCH, "KC-BDW")
    pay(office, office.entitlements[:1], office.noon)
    shown = client.get(BRANCH, headers={"HX-Request": "true"})
    asked = {"HX-Request": "true", "If-None-Match": shown["ETag"]}
    with counted_statements() as seen:
        assert client.get(BRANCH, headers=asked).status_code == 304
        assert client.get(BRANCH, headers=asked).status_code == 304
    assert [name for name in seen if name not in ("news", "roles_mark")] == []
    assert len(seen) <= 2
    # Tidying moves what was noted and brings no news.
    cache.delete(f"news-{STAGE}")
    tidy()
    assert client.get(BRANCH, headers=asked).status_code == 304


def test_news_are_drawn_once_and_told_to_all_who_look(office, sign_in):
    one, other = sign_in(Role.BRANCH, "KC-BDW"), sign_in(Role.BRANCH, "KC-BDW")
    shown = [client.get(BRANCH, headers={"HX-Request": "true"})["ETag"] for client in (one, other)]
    pay(office, office.entitlements[:1], office.noon)
    cache.delete(f"news-{STAGE}")
    answers = []
    with counted_statements() as seen:
        for client, tag in zip((one, other), shown, strict=True):
            answers.append(client.get(BRANCH, headers={"HX-Request": "true", "If-None-Match": tag}))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert "10,00 %" in text(answers[0])
    assert seen.count("realisation_of_areas") == 1


@pytest.mark.parametrize("news", [True, False])
@pytest.mark.parametrize("taken", ["role", "lock", "password"])
def test_an_open_page_whose_right_was_taken_away_is_sent_to_sign_in(office, sign_in, news, taken):
    client = sign_in(Role.BRANCH, "KC-BDW")
    asked = {"HX-Request": "true", "If-None-Match": client.get(BRANCH, headers={"HX-Request": "true"})["ETag"]}
    user = User.objects.get(pk=client.session[SESSION_KEY])
    if taken == "role":
        sign_in(Role.BRANCH, "KC-BDW", ends=datetime.now(UTC).date() - timedelta(days=2))
    elif taken == "lock":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.set_password("another one of the tests")
        user.save()
    assert client.get(BRANCH, headers=asked).status_code == 304, "what everybody may see is known for a moment"
    if news:
        pay(office, office.entitlements[:1], office.noon)
        cache.delete(f"news-{STAGE}")
    cache.delete("roles")
    sent = client.get(BRANCH, headers=asked)
    assert "/masuk/" in sent.get("HX-Redirect", sent.get("Location", ""))
    assert sent.content == b""


def test_a_page_that_was_known_too_long_is_looked_at_again(office, sign_in, monkeypatch):
    client = sign_in(Role.BRANCH, "KC-BDW")
    monkeypatch.setattr(living, "KNOWN_SECONDS", 0)
    asked = {"HX-Request": "true", "If-None-Match": client.get(BRANCH, headers={"HX-Request": "true"})["ETag"]}
    with counted_statements() as seen:
        assert client.get(BRANCH, headers=asked).status_code == 304
    assert "viewer" in seen


def test_what_phones_have_not_sent_is_news_too(office, sign_in):
    client = sign_in(Role.REGION, "REG-5")
    board = f"{BOARD}kantor/REG-5/"
    phone = Device.objects.create(
        id=office.id(), branch_id=office.branch, officer_id=office.officers[0], public_key=b"key", token_hash=b"token", last_digest=b"",
        enrolled_at=office.noon, enrolled_by="tests",
    )  # fmt: skip
    tag = client.get(board, headers={"HX-Request": "true"})["ETag"]
    phone.unsent = 7
    phone.save()
    cache.delete(f"news-{STAGE}")
    assert client.get(board, headers={"HX-Request": "true", "If-None-Match": tag}).status_code == 200


def test_a_new_day_is_drawn_although_nothing_happened(office, sign_in, monkeypatch):
    client = sign_in(Role.BRANCH, "KC-BDW")
    pass_time(monkeypatch, office.noon)
    pay(office, office.entitlements[:1], office.noon)
    tag = client.get(BRANCH, headers={"HX-Request": "true"})["ETag"]
    pass_time(monkeypatch, office.noon + timedelta(days=1))
    assert client.get(BRANCH, headers={"HX-Request": "true", "If-None-Match": tag}).status_code == 200


def test_what_one_person_is_told_is_not_told_another_scope(office, sign_in):
    asked = {"HX-Request": "true"}
    nation = sign_in(Role.MINISTRY).get(BOARD, headers=asked)
    branch = sign_in(Role.BRANCH, "KC-BDW").get(BOARD, headers=asked)
    assert "Bondowoso" not in text(nation)
    assert "Maesan" in text(branch)
    assert nation["Cache-Control"] == branch["Cache-Control"] == "private, no-cache"


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Every statement that reaches the server, through Django and past it."""
    seen: list[str] = []
    run = Queries.run

    def counting(self, name, **parameters):
        seen.append(name)
        return run(self, name, **parameters)

    def wrapped(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(wrapped):
        patch.setattr(Queries, "run", counting)
        yield seen


@pytest.mark.parametrize(
    "url", [BOARD, f"{BOARD}?by=branch&as_of=2022-03-12&version=1", f"{BOARD}kantor/REG-5/", BRANCH, KECAMATAN, "/"]
)
def test_no_page_asks_the_database_more_than_twelve_times(office, sign_in, url):
    client = sign_in(Role.MINISTRY)
    with counted_statements() as seen:
        assert client.get(url).status_code == 200
    assert len(seen) <= 12, "\n".join(seen)


# Pure rules


def row(code: str, paid: int, allocated: int) -> Row:
    return Row(
        key=int(code), code=code, name=code, allocated=allocated, amount_rp=0, paid=paid, amount_paid_rp=0, failed=0,
        open=allocated - paid, paid_today=0, geotagged=0,
    )  # fmt: skip


def test_ranks_follow_the_exact_share_and_are_shared_by_equals():
    rows = [row("1", 1, 3), row("2", 33_333, 100_000), row("3", 2, 6), row("4", 0, 0), row("5", 9, 10)]
    assert ranks(rows) == {5: 1, 1: 2, 3: 2, 2: 4, 4: 5}
    assert [found.code for found in in_order(rows, "-paid_percent")] == ["5", "1", "3", "2", "4"]


def test_a_bar_is_whole_only_when_the_work_is():
    assert (bar(0, 0), bar(0, 5), bar(5, 5), bar(6, 5)) == ("0", "0.00", "100", "100")
    assert float(bar(112_090, 112_091)) < 100


def test_a_chart_needs_two_days_and_keeps_within_its_frame():
    first = date(2022, 3, 9)
    assert burn_up([Day(first, 5, 0, 5, 0)], 10) is None
    assert burn_up([Day(first, 5, 0, 5, 0), Day(first + timedelta(days=1), 0, 0, 5, 0)], 0) is None
    chart = burn_up([Day(first, 5, 1, 5, 1), Day(first + timedelta(days=9), 7, 1, 12, 2)], 10)
    assert chart is not None
    points = [tuple(map(float, point.split(","))) for point in chart.paid.split()]
    assert points[0][0] == chart.left
    assert points[-1] == (chart.right, 12), "more than allocated is drawn at the top, not above it"
    assert [day for _, day in chart.dates] == [first, first + timedelta(days=4), first + timedelta(days=9)]

"""The line beneath the pages: what a page asks of the hot tables, asked as somebody of another branch, finds nothing of this one.

Each page is opened by Bondowoso's people, its statements are written down as they reached PostgreSQL, and then sent again, word for word and with
the same parameters, on a connection narrowed to Situbondo.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client

from conftest import PostOffice
from salur.lib import rights
from salur.lib.clock import told
from salur.lib.process_cache import cache
from salur.monitoring.tests.test_board import approve
from salur.payments import actions as payments
from salur.payments.rules import Channel, Payment
from salur.web.actions import give_role
from salur.web.models import Role

BOARD = "/realisasi/SEMBAKO-2022-1/"


@contextmanager
def as_application() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(rights.VARIABLE, rights.APPLICATION)
        rights._lay_down(connection)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE NONE")


@contextmanager
def narrowed(*branches: int) -> Iterator[None]:
    with as_application():
        assert rights.narrow(branches)
        try:
            yield
        finally:
            rights.widen()


@pytest.fixture
def paid(office: PostOffice) -> PostOffice:
    cache.clear()
    approve(office, 1, office.noon - timedelta(days=10))
    made = [
        Payment(office.id(), entitlement, office.officers[0], office.amount_rp, Channel.DOOR, office.noon)
        for entitlement in office.entitlements[:4]
    ]
    payments.record_payments(stage=office.stage, branch=office.branch, payments=made, at=office.noon)
    return office


def person(role: Role, code: str) -> Client:
    client = Client()
    client.force_login(
        give_role(actor="tests", username=f"{role}-{code}", role=role, office_code=code, at=PostOffice.noon)
    )
    return client


def rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        found: int = cursor.fetchone()[0]
        return found


def test_a_page_reads_its_own_branches_rows_and_no_others(paid: PostOffice) -> None:
    with narrowed(paid.branch):
        assert (rows("danom_entitlement"), rows("payments_payment")) == (10, 4)
        assert rows("monitoring_change") + rows("monitoring_tally") > 0
    with narrowed(paid.neighbour):
        assert (rows("danom_entitlement"), rows("payments_payment"), rows("payments_tally")) == (1, 0, 0)
    with narrowed(paid.branch, paid.neighbour):
        assert rows("danom_entitlement") == 11
    with narrowed():
        assert rows("danom_entitlement") == 0, "without branches nothing"
    with as_application():
        assert rows("danom_entitlement") == 11, "phones and jobs are not narrowed"


def test_every_hot_table_is_hidden_and_its_partitions_are_not_reached_around_it(paid: PostOffice) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_policies WHERE policyname = 'page_sees_its_branches'")
        assert sorted(name for (name,) in cursor.fetchall()) == rights.hidden_tables()
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        partitions = [name for (name,) in cursor.fetchall()]
        assert partitions
        for partition in partitions:
            cursor.execute("SELECT has_table_privilege(%s, %s, 'SELECT')", [rights.PAGE, partition])
            assert cursor.fetchone() == (False,), partition


def test_a_page_that_forgets_its_scope_shows_nothing_of_others(
    paid: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that this is for: a statement without its ``branch = …``."""

    def careless(request: Any) -> Any:
        from django.http import HttpResponse

        from salur.lib.viewer import viewer_of

        assert viewer_of(request) is not None
        return HttpResponse(str(rows("danom_entitlement")))

    monkeypatch.setattr("salur.web.urls.urlpatterns", [])
    from django.urls import clear_url_caches, path

    import salur.web.urls as urls

    monkeypatch.setattr(urls, "urlpatterns", [path("bocor/", careless), path("masuk/", careless, name="account_login")])
    clear_url_caches()
    try:
        branch, neighbour = person(Role.BRANCH, "KC-BDW"), person(Role.BRANCH, "KC-SIT")
        with as_application():
            assert branch.get("/bocor/").content == b"10"
            assert neighbour.get("/bocor/").content == b"1"
            assert rows("danom_entitlement") == 11, "widened again when the answer is written"
    finally:
        monkeypatch.undo()
        clear_url_caches()


def pages(office: PostOffice) -> list[str]:
    family = f"/keluarga/{office.entitlements[0]}/"
    branch = f"{BOARD}kantor/KC-BDW/"
    return [
        "/", BOARD, branch, f"{branch}kecamatan/351101/", f"{branch}desa/3511012001/", f"{BOARD}wilayah/3511/",
        "/ekspor/SEMBAKO-2022-1/?office=KC-BDW", "/dinding/SEMBAKO-2022-1/", "/dinding/SEMBAKO-2022-1/kantor/KC-BDW/", "/keluarga/", family, "/hp/", "/pengawasan/pengaduan/",
        "/pengawasan/SEMBAKO-2022-1/", "/prakiraan/SEMBAKO-2022-1/", "/rencana/SEMBAKO-2022-1/?kantor=KC-BDW", "/hp/rencana/SEMBAKO-2022-1/?kantor=KC-BDW", "/surat/SEMBAKO-2022-1/", "/buku/SEMBAKO-2022-1/",
        "/api/v1/stages/SEMBAKO-2022-1/realisation?by=branch", "/api/v1/cases", "/kasus/",
    ]  # fmt: skip


@contextmanager
def written_down() -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its parameters, the folder's own (past Django) and the ORM's."""
    seen: list[tuple[str, Any]] = []
    execute = psycopg.Cursor.execute

    def noting(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        if isinstance(query, str | bytes):
            seen.append((query if isinstance(query, str) else query.decode(), params))
        return execute(self, query, params, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", noting)
        yield seen


def test_every_pages_statements_sent_again_by_a_neighbour_find_nothing(paid: PostOffice) -> None:
    hidden = rights.hidden_tables()
    client, statements = person(Role.BRANCH, "KC-BDW"), []
    for page in pages(paid):
        with written_down() as seen:
            assert client.get(page).status_code == 200, page
        statements += [
            (page, sql, params)
            for sql, params in seen
            if any(table in sql for table in hidden) and sql.lstrip().upper().startswith(("SELECT", "WITH", "--"))
        ]
    assert {page for page, _, _ in statements} >= {*pages(paid)[:9], pages(paid)[10]}, (
        "boards and families read hot tables"
    )

    def again(*branches: int) -> list[list[Any]]:
        found = []
        with narrowed(*branches), transaction.atomic():
            connection.ensure_connection()
            for page, sql, params in statements:
                with psycopg.Cursor(connection.connection) as cursor:
                    try:
                        cursor.execute(sql, params)
                        found.append([page, *(cursor.fetchall() if cursor.description else [])])
                    except psycopg.Error as error:
                        raise AssertionError(f"{page}: {error}\n{sql}") from error
            transaction.set_rollback(True)
        return found

    theirs, nobodys, own = again(paid.neighbour), again(), again(paid.branch)
    assert sum(a != b for a, b in zip(own, nobodys, strict=True)) >= 10, "the own branch finds something"
    secrets = [str(entitlement) for entitlement in paid.entitlements]
    for found in theirs:
        assert not any(secret in repr(found[1:]) for secret in secrets), found
    # What still differs from an empty country is Situbondo's own: its one family, never one of Bondowoso's ten.
    for neighbour, nothing in zip(theirs, nobodys, strict=True):
        if neighbour != nothing:
            assert paid.neighbour in _numbers(neighbour) or "Situbondo" in repr(neighbour) or 1 in _numbers(neighbour)
            assert 10 not in _numbers(neighbour), neighbour


def _numbers(value: Any) -> set[int]:
    if isinstance(value, list | tuple):
        return set().union(*map(_numbers, value)) if value else set()
    return {int(value)} if isinstance(value, int) and not isinstance(value, bool) else set()


def test_a_branch_still_reads_its_regions_ranking(paid: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    client = person(Role.BRANCH, "KC-BDW")
    with told(paid.noon + timedelta(hours=3)):
        bare = _still(client.get("/evaluasi/SEMBAKO-2022-1/REG-5/"))
        with as_application():
            assert _still(client.get("/evaluasi/SEMBAKO-2022-1/REG-5/")) == bare
            monkeypatch.setattr(rights, "beyond_scope", nullcontext)
            assert _still(client.get("/evaluasi/SEMBAKO-2022-1/REG-5/")) != bare, (
                "without the exception it would be less"
            )


@pytest.mark.parametrize("role", [Role.BRANCH, Role.REGION, Role.COORDINATOR])
def test_the_pages_show_the_same_with_the_line_beneath_them(paid: PostOffice, role: Role) -> None:
    """What a person may see is not less for being asked twice."""
    client = person(role, "REG-5" if role == Role.REGION else "KC-BDW")
    for page in pages(paid):
        with told(paid.noon + timedelta(hours=3)):
            cache.clear()
            bare = client.get(page)
            cache.clear()
            with as_application():
                lined = client.get(page)
        assert (lined.status_code, _still(lined)) == (bare.status_code, _still(bare)), page


def _still(answer: Any) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.content.decode())

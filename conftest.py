"""What every test may use: the fixed cast of a small post office, and the public data beside the project where it is present."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner
from django.db import OperationalError, connection
from django.test import Client, TransactionTestCase

from salur.lib.ids import uuid7_of

NOON = datetime(2022, 3, 12, 5, 0, tzinfo=UTC)  # 12.00 WIB


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public area codes, names and boundaries (../shared/data); tests that need them are skipped where they are absent."""
    folder = Path(__file__).resolve().parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the public area data in ../shared/data")
    return folder


@pytest.fixture(scope="session", autouse=True)
def committing_tests_leave_nothing() -> None:
    """A test that commits leaves every table empty, also the hot ones, which Django does not manage and would not flush."""

    from salur.lib.rights import as_owner

    def empty(self: TransactionTestCase) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(
                """SELECT string_agg(quote_ident(relname), ', ') FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                    AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"""
            )
            (tables,) = cursor.fetchone()
            cursor.execute("SET lock_timeout = '20s'")
            for attempt in range(5):
                try:
                    cursor.execute(f"TRUNCATE {tables} CASCADE")
                    break
                except OperationalError:  # a deadlock with what a browser's last request still does at the server, or somebody who holds a lock
                    if attempt == 4:
                        raise
                    cursor.execute(  # a transaction that a failed test left open would be waited for without an end
                        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"""
                    )
            cursor.execute("RESET lock_timeout")

    TransactionTestCase._fixture_teardown = empty  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=bool(os.environ.get("SALUR_TEST_AS_APPLICATION")))
def everything_as_the_application(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """``SALUR_TEST_AS_APPLICATION=1 pytest salur/field``: each test has the rights of the server's process and no more.

    A test that tampers with facts takes the owner's rights for that (``salur.lib.rights.as_owner``); the operator's verbs, which make
    tables, need the owner and are not tested this way.
    """
    from salur.lib import rights

    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv(rights.VARIABLE, rights.APPLICATION)
        rights._lay_down(connection)
        yield


@pytest.fixture(scope="session", autouse=True)
def signed_in_means_with_second_factor() -> None:
    """``client.force_login`` leaves the session as a whole sign-in leaves it; the way there is tested in salur/web/tests/test_sign_in.py."""
    force_login = Client.force_login

    def whole(self: Client, user: Any, backend: str | None = None) -> None:
        force_login(self, user, backend)
        session = self.session
        session.update(second_factor_of(user))
        session.save()

    Client.force_login = whole  # type: ignore[method-assign]


def second_factor_of(user: Any) -> dict[str, object]:
    """What a session knows after the second step."""
    records = [{"method": "password", "at": time.time()}, {"method": "mfa", "at": time.time(), "type": "totp"}]
    return {"account_authentication_methods": records, "account_authentication_methods_user": str(user.pk)}


@dataclass(frozen=True)
class Typed:
    """What a command line verb answered: its exit code, its JSON object, and what it said on the side."""

    code: int
    data: dict[str, Any]
    said: str


@pytest.fixture
def typed(db: None) -> Callable[..., Typed]:
    """Type a verb, as `salur areas import FILE` is ``typed(areas, "import", FILE)``; inside the transaction of the test."""

    def run(group: click.Group, *words: object) -> Typed:
        answer = CliRunner().invoke(group, [*map(str, words), "--json"], catch_exceptions=False)
        return Typed(answer.exit_code, json.loads(answer.stdout) if answer.stdout else {}, answer.stderr)

    return run


@dataclass
class PostOffice:
    """A branch with two villages, two officers and ten families of Rp600.000 each, and a neighbouring branch with one family."""

    stage: int
    stage_code: str
    branch: int
    neighbour: int
    officers: list[int]
    villages: list[int]
    entitlements: list[UUID]
    neighbours_entitlement: UUID
    amount_rp: int = 600_000
    noon: datetime = NOON
    made: int = field(default=0)

    def id(self) -> UUID:
        """A new UUIDv7, the same in every run."""
        self.made += 1
        return uuid7_of(int(self.noon.timestamp() * 1000) + self.made, self.made.to_bytes(10, "big"))


def entitle(
    office: PostOffice, *, branch: int, village: int, number: int, version: int = 1, amount_rp: int = 600_000
) -> UUID:
    """One approved line of the list, as `danom approve` leaves it."""
    entitlement, family = uuid7_of(1_645_000_000_000 + number, number.to_bytes(10, "big")), UUID(int=number)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO danom_entitlement (stage, branch, id, family, village, amount_rp, version, line) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [office.stage, branch, entitlement, family, village, amount_rp, version, number],
        )
        cursor.execute(
            """INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp) VALUES (%s, %s, %s, %s, 1, %s)
            ON CONFLICT (stage, branch, village, version) DO UPDATE
            SET lines = danom_tally.lines + 1, amount_rp = danom_tally.amount_rp + excluded.amount_rp""",
            [office.stage, branch, village, version, amount_rp],
        )
    return entitlement


def make_post_office() -> PostOffice:
    from salur.areas.models import Area, Vintage
    from salur.lib.stage_tables import open_stage_partitions
    from salur.offices.models import Coverage, Office, Officer
    from salur.programmes.models import Programme, Stage

    vintage = Vintage.objects.create(code="2022-02", imported_at=NOON - timedelta(days=30))
    for code, name, level in (
        (35, "Jawa Timur", 1),
        (3511, "Kab. Bondowoso", 2),
        (351101, "Maesan", 3),
        (3511012001, "Sucolor", 4),
        (3511012002, "Sumberpakem", 4),
        (351102, "Grujugan", 3),
        (3511022001, "Wanisodo", 4),
    ):
        Area.objects.create(code=code, name=name, level=level, first_vintage=vintage.code, last_vintage=vintage.code)
    hq = Office.objects.create(code="HQ", name="Kantor Pusat", kind="HQ", timezone="Asia/Jakarta")
    region = Office.objects.create(code="REG-5", name="Regional V", kind="REGION", parent=hq, timezone="Asia/Jakarta")
    branch = Office.objects.create(code="KC-BDW", name="Bondowoso", kind="KC", parent=region, timezone="Asia/Jakarta")
    neighbour = Office.objects.create(
        code="KC-SIT", name="Situbondo", kind="KC", parent=region, timezone="Asia/Jakarta"
    )
    for village, served_by in ((3511012001, branch), (3511012002, branch), (3511022001, neighbour)):
        Coverage.objects.create(village=village, branch=served_by, office=served_by)
    officers = [
        Officer.objects.create(branch=branch, code=f"JB-{n}", name=name, kind="employee")
        for n, name in ((1, "Siti"), (2, "Budi"))
    ]
    programme = Programme.objects.create(
        code="SEMBAKO", name="Kartu Sembako", proxy="same_family", amount_ceiling_rp=4_000_000
    )
    stage = Stage.objects.create(
        programme=programme, code="SEMBAKO-2022-1", period_from=date(2022, 1, 1), period_to=date(2022, 3, 1), opens=date(2022, 2, 20),
        target_days=14, deadline=date(2022, 6, 5), order="online_first", geotag_counter="follow_up", geotag_community="follow_up",
        geotag_door="at_payment", second_person=True,
    )  # fmt: skip
    open_stage_partitions(stage=stage.id, loaded_beside=True)
    office = PostOffice(
        stage=stage.id,
        stage_code=stage.code,
        branch=branch.id,
        neighbour=neighbour.id,
        officers=[officer.id for officer in officers],
        villages=[3511012001, 3511012002],
        entitlements=[],
        neighbours_entitlement=UUID(int=0),
    )
    for number in range(10):
        village = office.villages[number // 5]
        office.entitlements.append(entitle(office, branch=branch.id, village=village, number=number + 1))
    office.neighbours_entitlement = entitle(office, branch=neighbour.id, village=3511022001, number=11)
    return office


@pytest.fixture
def office(db: None) -> PostOffice:
    return make_post_office()

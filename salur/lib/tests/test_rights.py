"""The application can add facts and change none, whatever it is made to say to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, connections, transaction

from conftest import PostOffice, entitle
from salur.audit import actions as audit
from salur.cases import actions as cases
from salur.cases.rules import Decision, Kind
from salur.custody import actions as custody
from salur.custody.rules import Kind as Cash
from salur.custody.rules import Portion
from salur.evidence import actions as evidence
from salur.evidence.rules import Geotag
from salur.ledger import actions as ledger
from salur.lib import rights
from salur.lib.stage_tables import StageTable, open_stage_partitions
from salur.payments import actions as payments
from salur.payments.rules import Channel, Failure, Payment, Reason

FACTS = [
    "audit_entry", "cases_case", "cases_event", "custody_count", "custody_movement", "custody_reply", "evidence_geotag", "field_answer",
    "field_event", "field_quarantine", "ledger_transfer", "payments_failure", "payments_payment", "payments_void",
]  # fmt: skip


@contextmanager
def as_application() -> Iterator[None]:
    """What a connection of the server's process is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(rights.VARIABLE, rights.APPLICATION)
        rights._lay_down(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (rights.APPLICATION,)
        try:
            yield
        finally:
            cursor.execute("SET ROLE NONE")


@pytest.fixture
def application(office: PostOffice) -> Iterator[PostOffice]:
    """The cast, with every kind of fact there, and the connection working as the application."""
    families(office, first=0)
    with as_application():
        yield office


def families(office: PostOffice, *, first: int) -> None:
    """Everything the application does to facts: each verb once."""
    at, person = office.noon + timedelta(hours=1), office.officers[0]
    one = {"stage": office.stage, "branch": office.branch, "at": at}
    pay = [
        Payment(office.id(), office.entitlements[first + n], person, office.amount_rp, Channel.DOOR, office.noon)
        for n in range(2)
    ]
    assert payments.record_payments(**one, payments=pay) == ["created", "created"]
    payments.void_payment(
        **one,
        entitlement=pay[1].entitlement,
        payment=pay[1].id,
        reason="wrong family",
        actor="siti",
        approved_by="rina",
    )
    assert payments.record_payments(**one, payments=[pay[1]._replace(id=office.id())]) == ["created"]
    failure = Failure(office.id(), office.entitlements[first + 2], person, Reason.NOT_HOME, office.noon)
    assert payments.record_failures(**one, failures=[failure]) == ["created"]
    tag = Geotag(
        office.id(), office.entitlements[first], person, -79_000_000, 1_139_000_000, 50, office.noon, bytes(32)
    )
    assert evidence.record_geotags(**one, geotags=[tag]) == ["created"]
    offers = [Portion(office.id(), office.stage, 1_000_000) for _ in range(2)]
    for number, offer in enumerate(offers):
        custody.move(
            kind=Cash.HAND_OVER,
            portions=[offer],
            branch=office.branch,
            officer=person,
            reference=f"K-{first}-{number}",
            given_by="rina",
            at=at,
        )
    custody.accept(movement=offers[0].id, actor="siti", at=at)
    custody.decline(movement=offers[1].id, reason="empty", actor="siti", at=at)
    counted = custody.count(
        id=office.id(),
        branch=office.branch,
        officer=person,
        counted_rp=5,
        counted_by="siti",
        witnessed_by="rina",
        at=at,
    )
    assert counted.case is not None
    cases.decide(case=counted.case, decision=Decision.EXPLAINED, reason="seen", actor="ani", at=at)
    custody.review(at=at)
    cases.open_case(kind=Kind.MISSING_PHOTO, subject=f"payment/{first}", branch=office.branch, actor="salur", at=at)


def refused(statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_facts_are_at_least_these():
    """A folder that declares new facts need not come here: the tables it declares are protected and told like any other."""
    assert set(FACTS) <= set(rights.fact_tables())


def test_every_declared_fact_is_closed_to_the_application_and_every_other_table_open(office: PostOffice):
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname, has_table_privilege('salur_app', oid, 'INSERT'), has_table_privilege('salur_app', oid, 'UPDATE, DELETE')
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"""
        )
        rows = cursor.fetchall()
    assert {name for name, _, may_change in rows if not may_change} == set(rights.fact_tables())
    assert [name for name, may_add, _ in rows if not may_add] == []


@pytest.mark.parametrize("table", FACTS)
def test_a_fact_can_be_read_but_not_changed_or_deleted_in_its_table_or_partition(application: PostOffice, table: str):
    (model,) = (model for model in apps.get_models() if model._meta.db_table == table)
    column = model._meta.fields[-1].column
    tables = [table, f"{table}_s{application.stage}"] if issubclass(model, StageTable) else [table]
    for each in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {each}")
        refused(f"UPDATE {each} SET {column} = {column}")
        refused(f"DELETE FROM {each}")
        refused(f"TRUNCATE {each}")
        refused(f"SELECT * FROM {each} FOR UPDATE")
        refused(f"DROP TABLE {each}")
        refused(f"ALTER TABLE {each} ADD COLUMN x int")


@pytest.mark.usefixtures("application")
def test_no_table_can_be_made_and_no_right_taken():
    refused("CREATE TABLE mine (x int)")
    refused("GRANT DELETE ON payments_payment TO salur_app; DELETE FROM payments_payment")
    refused("CREATE ROLE friend")
    refused("CREATE RULE r AS ON INSERT TO payments_payment DO INSTEAD NOTHING")
    refused(
        "CREATE TRIGGER t BEFORE INSERT ON payments_payment FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    )


def test_everything_the_application_does_to_facts_still_works(application: PostOffice):
    families(application, first=5)
    checks = [
        *payments.recount(stage=application.stage), *ledger.recount(stage=application.stage), *custody.recount(stage=application.stage),
        *evidence.recount(stage=application.stage), *cases.recount(), audit.verify(),
    ]  # fmt: skip
    assert [check.name for check in checks if not check.ok] == []


def test_a_new_stage_is_opened_with_the_owners_rights_and_its_facts_are_protected(application: PostOffice):
    open_stage_partitions(stage=application.stage + 1)
    refused(f"DELETE FROM payments_payment_s{application.stage + 1}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (rights.APPLICATION,)
    assert rights.unprotected() is None


def test_the_owners_rights_are_laid_down_again_also_when_a_statement_fails(application: PostOffice):
    with pytest.raises(ProgrammingError), transaction.atomic(), rights.as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")
    refused("DELETE FROM payments_payment")
    with pytest.raises(ValueError), rights.as_owner():
        raise ValueError
    refused("DELETE FROM payments_payment")


def test_an_owner_stays_an_owner(office: PostOffice):
    with rights.as_owner():
        with rights.as_owner():
            entitle(office, branch=office.branch, village=office.villages[0], number=99)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM payments_payment")


def test_rights_may_be_given_again_and_a_table_that_was_opened_is_told_and_closed(office: PostOffice):
    with rights.as_owner(), connection.cursor() as cursor:
        assert rights.give_rights() is None
        cursor.execute("GRANT DELETE ON audit_entry TO salur_app")
        cursor.execute(f"GRANT UPDATE (amount_rp) ON payments_payment_s{office.stage} TO salur_app")
        told = rights.unprotected()
        assert told is not None
        assert "audit_entry" in told
        assert f"payments_payment_s{office.stage}" in told
        assert rights.give_rights() is None


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_of_the_server_has_laid_the_owners_rights_down(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(rights.VARIABLE, rights.APPLICATION)
    fresh = connections["default"].copy()
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == (rights.APPLICATION,)
    finally:
        fresh.close()


@pytest.mark.django_db(transaction=True)
def test_a_role_that_is_not_there_is_not_taken_and_the_server_serves_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(rights.VARIABLE, "no_such_role")
    fresh = connections["default"].copy()
    try:
        with fresh.cursor() as cursor:
            cursor.execute("SELECT current_user = session_user")
            assert cursor.fetchone() == (True,)
    finally:
        fresh.close()

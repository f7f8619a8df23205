"""The realisation table: by level, with an as-of time and a danom version."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from conftest import entitle
from salur.evidence.actions import record_geotags
from salur.evidence.rules import Geotag
from salur.lib.sql import server_cursor
from salur.monitoring.actions import realisation
from salur.monitoring.rules import By
from salur.payments import actions as payments
from salur.payments.rules import Channel, Failure, Payment, Reason

WITA = ZoneInfo("Asia/Makassar")


def approve(office, version: int, at: datetime) -> None:
    """A list approved at a moment, as `danom approve` leaves it (the entitlements are there already)."""
    with server_cursor() as cursor:
        cursor.execute(APPROVED, {"stage": office.stage, "version": version, "at": at})


APPROVED = """
INSERT INTO danom_batch (stage, version, name, file_name, file_sha256, state, lines, accepted, warned, quarantined, duplicates, amount_rp,
    reasons, imported_by, imported_at, approved_by, approved_at)
VALUES (%(stage)s, %(version)s, %(version)s::text, 'list.csv', %(version)s::text, 'approved', 0, 0, 0, 0, 0, 0, '{}', 'siti', %(at)s, 'budi', %(at)s)
"""


def pay(office, families, *, paid_at, recorded_at=None) -> None:
    made = [
        Payment(office.id(), family, office.officers[0], office.amount_rp, Channel.COMMUNITY, paid_at)
        for family in families
    ]
    outcomes = payments.record_payments(
        stage=office.stage, branch=office.branch, payments=made, at=recorded_at or paid_at
    )
    assert set(outcomes) <= {"created"}


def look(office, by=By.BRANCH, as_of=None, **more):
    return realisation(stage_code=office.stage_code, by=by, now=office.noon + timedelta(days=60), as_of=as_of, **more)


def figures(table) -> dict[str, tuple[int, int, int, int, int]]:
    return {row.code: (row.allocated, row.paid, row.failed, row.open, row.geotagged) for row in table.rows}


def test_every_level_adds_up_to_the_nation(office):
    approve(office, 1, office.noon - timedelta(days=10))
    pay(office, office.entitlements[:6], paid_at=office.noon)
    failure = Failure(office.id(), office.entitlements[9], office.officers[0], Reason.NOT_HOME, office.noon)
    payments.record_failures(stage=office.stage, branch=office.branch, failures=[failure], at=office.noon)
    tag = Geotag(
        office.id(), office.entitlements[0], office.officers[0], -79_000_000, 1_130_000_000, 50, office.noon, None
    )
    record_geotags(stage=office.stage, branch=office.branch, geotags=[tag], at=office.noon)

    assert figures(look(office)) == {"KC-BDW": (10, 6, 1, 3, 1), "KC-SIT": (1, 0, 0, 1, 0)}
    assert figures(look(office, By.VILLAGE)) == {
        "3511012001": (5, 5, 0, 0, 1),
        "3511012002": (5, 1, 1, 3, 0),
        "3511022001": (1, 0, 0, 1, 0),
    }
    assert figures(look(office, By.KECAMATAN)) == {"351101": (10, 6, 1, 3, 1), "351102": (1, 0, 0, 1, 0)}
    assert figures(look(office, By.REGION)) == {"REG-5": (11, 6, 1, 4, 1)}
    assert figures(look(office, By.NATION)) == {"": (11, 6, 1, 4, 1)}
    total = look(office).total
    assert (total.allocated, total.paid, total.amount_paid_rp, total.paid_percent) == (
        11,
        6,
        3_600_000,
        Decimal("54.55"),
    )


def test_it_can_be_limited_to_branches_and_to_an_area(office):
    approve(office, 1, office.noon - timedelta(days=10))
    assert figures(look(office, branches=[office.neighbour])) == {"KC-SIT": (1, 0, 0, 1, 0)}
    assert figures(look(office, By.VILLAGE, area=351102)) == {"3511022001": (1, 0, 0, 1, 0)}
    assert figures(look(office, By.VILLAGE, area=3511012002)) == {"3511012002": (5, 0, 0, 5, 0)}
    assert figures(look(office, By.VILLAGE, area=3529)) == {}


def test_a_published_figure_comes_out_again_though_a_phone_sent_older_payments_later(office):
    approve(office, 1, office.noon - timedelta(days=10))
    pay(office, office.entitlements[:3], paid_at=office.noon)
    published = office.noon + timedelta(hours=6)
    pay(office, office.entitlements[3:5], paid_at=office.noon, recorded_at=office.noon + timedelta(days=2))
    assert figures(look(office, as_of=published))["KC-BDW"] == (10, 3, 0, 7, 0)
    assert figures(look(office, as_of=office.noon + timedelta(days=3)))["KC-BDW"] == (10, 5, 0, 5, 0)


def test_the_day_is_cut_at_the_moment_not_at_midnight(office):
    approve(office, 1, office.noon - timedelta(days=10))
    for hour in range(5):
        pay(office, [office.entitlements[hour]], paid_at=office.noon + timedelta(hours=hour))
    pay(office, [office.entitlements[5]], paid_at=office.noon + timedelta(days=1))
    paid = [
        figures(look(office, as_of=office.noon + timedelta(hours=h)))["KC-BDW"][1] for h in (-1, 0, 1, 4, 12, 23, 24)
    ]
    assert paid == [0, 1, 2, 5, 5, 5, 6]


def test_a_failed_family_that_is_paid_later_was_failed_before(office):
    approve(office, 1, office.noon - timedelta(days=10))
    failure = Failure(office.id(), office.entitlements[0], office.officers[0], Reason.NOT_HOME, office.noon)
    payments.record_failures(stage=office.stage, branch=office.branch, failures=[failure], at=office.noon)
    pay(office, office.entitlements[:1], paid_at=office.noon + timedelta(hours=2))
    at = {h: figures(look(office, as_of=office.noon + timedelta(hours=h)))["KC-BDW"][1:4] for h in (-1, 0, 1, 2, 40)}
    assert at == {-1: (0, 0, 10), 0: (0, 1, 9), 1: (0, 1, 9), 2: (1, 0, 9), 40: (1, 0, 9)}


def test_a_voided_payment_counts_until_the_void(office):
    approve(office, 1, office.noon - timedelta(days=10))
    made = Payment(
        office.id(), office.entitlements[0], office.officers[0], office.amount_rp, Channel.OFFICE, office.noon
    )
    payments.record_payments(stage=office.stage, branch=office.branch, payments=[made], at=office.noon)
    payments.void_payment(
        stage=office.stage, branch=office.branch, entitlement=made.entitlement, payment=made.id, reason="wrong family",
        actor="siti", approved_by="kepala", at=office.noon + timedelta(hours=3),
    )  # fmt: skip
    paid = [figures(look(office, as_of=office.noon + timedelta(hours=h)))["KC-BDW"][1] for h in (1, 3, 30)]
    assert paid == [1, 0, 0]


def test_a_percentage_falls_while_more_people_are_paid(office):
    """Kota Kupang: 13,609 of 14,005 = 97.17; four days and a supplement later 16,495 of 17,019 = 96.92. Here a tenth of a thousandth."""
    first, later = office.noon, office.noon + timedelta(days=4)
    approve(office, 1, first - timedelta(days=1))
    pay(office, office.entitlements[:9], paid_at=first)
    approve(office, 2, later - timedelta(hours=2))
    supplement = [
        entitle(office, branch=office.branch, village=office.villages[0], number=50 + n, version=2) for n in range(10)
    ]
    pay(office, supplement[:8], paid_at=later)

    now = look(office, branches=[office.branch])
    assert (now.danom_version, now.total.paid, now.total.allocated, now.total.paid_percent) == (
        2,
        17,
        20,
        Decimal("85.00"),
    )
    earlier = look(office, branches=[office.branch], as_of=first + timedelta(hours=1))
    assert (earlier.danom_version, earlier.total.paid, earlier.total.allocated, earlier.total.paid_percent) == (
        1,
        9,
        10,
        Decimal("90.00"),
    )


def test_history_loaded_later_is_answered_from_what_happened_by_then(office):
    """Lists approved and payments imported today about last spring: figures of that spring still come out."""
    today = office.noon + timedelta(days=1000)
    approve(office, 1, today)
    pay(office, office.entitlements[:9], paid_at=office.noon, recorded_at=today)
    approve(office, 2, today + timedelta(hours=1))
    supplement = [
        entitle(office, branch=office.branch, village=office.villages[0], number=50 + n, version=2) for n in range(10)
    ]
    pay(office, supplement[:8], paid_at=office.noon + timedelta(days=4), recorded_at=today + timedelta(hours=1))

    then = {
        days: look(office, branches=[office.branch], as_of=office.noon + timedelta(days=days)) for days in (-1, 0, 3, 4)
    }
    assert {days: (t.danom_version, t.total.paid, t.total.allocated) for days, t in then.items()} == {
        -1: (1, 0, 10),
        0: (1, 9, 10),
        3: (1, 9, 10),
        4: (2, 17, 20),
    }


def test_the_branchs_own_midnight_ends_its_day(office):
    with server_cursor() as cursor:
        cursor.execute("UPDATE offices_office SET timezone = 'Asia/Makassar'")
    approve(office, 1, office.noon - timedelta(days=10))
    pay(office, office.entitlements[:1], paid_at=datetime(2022, 3, 12, 23, 59, tzinfo=WITA))
    pay(office, office.entitlements[1:2], paid_at=datetime(2022, 3, 13, 0, 1, tzinfo=WITA))
    assert figures(look(office, as_of=datetime(2022, 3, 12, 23, 59, 59, 999999, tzinfo=WITA)))["KC-BDW"][1] == 1


def test_a_stage_without_a_list_is_an_empty_table(office):
    with server_cursor() as cursor:
        cursor.execute("DELETE FROM danom_tally")
    table = look(office)
    assert (table.rows, table.danom_version, table.total.paid_percent) == ([], None, None)

"""The forecast is fed with what was planned, paid and not yet heard; it says when, how likely, and why not."""

from datetime import date, timedelta

import pytest
from django.db import connection

from conftest import NOON, PostOffice
from salur.field.models import Device, Lease
from salur.lib.problem import NotFound
from salur.monitoring.outlook import actions
from salur.monitoring.outlook.commands import forecast
from salur.planning import models
from salur.planning.commands import planning

FIRST_DAY = date(2022, 3, 1)
VILLAGES, FAMILIES = 20, 400
planning.add_command(forecast)


def village(number: int) -> int:
    return 3511012001 + number


@pytest.fixture
def campaign(office: PostOffice) -> PostOffice:
    """Twenty villages of 400 families, on the list but not planned yet."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM danom_tally")
        for number in range(VILLAGES):
            cursor.execute(
                "INSERT INTO danom_tally (stage, branch, village, version, lines, amount_rp) VALUES (%s, %s, %s, 1, %s, 1)",
                [office.stage, office.branch, village(number), FAMILIES],
            )
    return office


def publish(office: PostOffice, villages: int = VILLAGES) -> None:
    """A plan that calls two villages a day and has four days more to sweep."""
    plan = models.Plan.objects.create(
        id=office.id(), stage_id=office.stage, branch_id=office.branch, version=1, order="online_first", first_day=FIRST_DAY, days=14,
        families=VILLAGES * FAMILIES, unmet=0, hire_leaders=0, hire_others=0, rest=[], proof={}, inputs={}, assumed={}, made_by="siti",
        made_at=NOON,
    )  # fmt: skip
    models.State.objects.create(id=office.id(), plan=plan, state="published", actor="budi", at=NOON)
    for number in range(villages):
        day = FIRST_DAY + timedelta(days=number // 2)
        models.Visit.objects.create(
            plan=plan, channel="session", number=number, day=day, span=0, host=village(number), size=2
        )
        models.Served.objects.create(
            plan=plan, channel="session", number=number, village=village(number), families=FAMILIES
        )


def pay(office: PostOffice, number: int, day: int, share: float, recorded: int | None = None) -> None:
    on = FIRST_DAY + timedelta(days=day)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_tally (stage, branch, village, version, day, recorded_day, paid, paid_rp) VALUES (%s, %s, %s, 1, %s, %s, %s, 1)",
            [
                office.stage,
                office.branch,
                village(number),
                on,
                FIRST_DAY + timedelta(days=recorded or day),
                round(FAMILIES * share),
            ],
        )


def pay_as_planned(office: PostOffice, until: int, share: float = 0.96, every: int = 1) -> None:
    for number in range(0, 2 * until, every):
        pay(office, number, number // 2, share)


def look(office: PostOffice, day: int) -> actions.Outlook:
    (row,) = [
        row
        for row in actions.outlook(stage_code=office.stage_code, now=NOON, today=FIRST_DAY + timedelta(days=day)).rows
        if row.branch == office.branch
    ]
    return row


def test_a_branch_that_follows_its_plan_is_likely_done_in_time(campaign):
    publish(campaign)
    pay_as_planned(campaign, until=5)
    row = look(campaign, day=4)
    assert (row.planned, row.allocated, row.paid) == (True, 8000, 3840)
    assert row.due == FIRST_DAY + timedelta(days=13)
    assert row.reaches > 0.8
    assert row.share.low <= row.share.middle <= row.share.high
    ninety, ninety_five, _ = row.eta
    assert FIRST_DAY + timedelta(days=8) <= ninety.middle <= FIRST_DAY + timedelta(days=11)
    assert ninety.middle <= ninety_five.middle <= row.due


def test_villages_without_a_day_in_the_plan_are_named_as_what_holds_it_back(campaign):
    publish(campaign, villages=14)
    pay_as_planned(campaign, until=5)
    row = look(campaign, day=4)
    assert row.reaches < 0.05
    assert row.at_risk
    assert row.holds_back == "unscheduled"
    assert row.missing["unscheduled"] == 2400


def test_sessions_that_were_not_held_make_it_later(campaign):
    publish(campaign)
    pay_as_planned(campaign, until=5, every=2)  # one of two sessions a day
    late = look(campaign, day=4)
    for number in range(1, 10, 2):
        pay(campaign, number, number // 2, 0.96)
    on_time = look(campaign, day=4)
    assert late.reaches < on_time.reaches
    assert late.eta[0].middle > on_time.eta[0].middle


def test_what_was_recorded_later_is_not_known_on_the_evening_before(campaign):
    publish(campaign)
    pay_as_planned(campaign, until=3)
    pay(campaign, 6, 3, 0.9, recorded=6)
    assert look(campaign, day=4).paid == 6 * 384
    assert look(campaign, day=6).paid == 6 * 384 + 360


def test_families_on_a_phone_that_is_silent_are_a_band_of_their_own(campaign):
    publish(campaign)
    pay_as_planned(campaign, until=4)
    assert look(campaign, day=4).unsynced.high == 0
    device = Device.objects.create(
        id=campaign.id(), branch_id=campaign.branch, officer_id=campaign.officers[0], public_key=b"", token_hash=b"1",
        enrolled_at=NOON, enrolled_by="siti", last_digest=b"", unsent=7,
    )  # fmt: skip
    Lease.objects.create(
        id=campaign.id(), stage_id=campaign.stage, branch_id=campaign.branch, device=device, officer_id=campaign.officers[0],
        day=FIRST_DAY + timedelta(days=4), families=800, amount_rp=1, issued_by="siti", issued_at=NOON, expires_at=NOON + timedelta(days=1),
    )  # fmt: skip
    row = look(campaign, day=4)
    assert 300 < row.unsynced.low <= row.unsynced.middle <= row.unsynced.high <= 800
    assert row.unsent == 7
    Device.objects.filter(id=device.id).update(last_seen_at=NOON)
    assert look(campaign, day=4).unsynced.high == 0


def test_without_a_plan_the_targets_days_are_followed_and_it_says_so(campaign):
    row = look(campaign, day=-20)
    assert not row.planned
    assert row.due == date(2022, 3, 5)  # the stage opens on 20 February for 14 days
    assert row.paid == 0
    assert 0 < row.reaches < 1


def test_after_the_last_day_the_stages_deadline_counts(campaign):
    publish(campaign)
    pay_as_planned(campaign, until=10, share=0.9)
    assert look(campaign, day=20).due == date(2022, 6, 5)


def test_the_same_facts_give_the_same_answer_and_the_command_line_gives_it(campaign, typed):
    publish(campaign)
    pay_as_planned(campaign, until=5)
    assert look(campaign, day=4) == look(campaign, day=4)
    stage = ("forecast", "--stage", campaign.stage_code)
    answer = typed(planning, *stage, "--branch", "KC-BDW", "--day", "2022-03-05")
    assert answer.code == 0
    (row,) = answer.data["rows"]
    assert row["probability"] > 0.8
    assert row["eta"]["90"]["p50"] >= "2022-03-09"
    assert typed(planning, "forecast", "--stage", "KARTU-0").code == 2
    assert typed(planning, *stage, "--branch", "KC-SIT").code == 2


def test_branches_outside_the_scope_are_not_there(campaign):
    assert actions.outlook(stage_code=campaign.stage_code, now=NOON, branches=[campaign.neighbour]).rows == ()
    with pytest.raises(NotFound):
        actions.outlook(stage_code="KARTU-0", now=NOON)


def test_what_is_missing_adds_up_to_what_is_not_expected_to_be_paid(campaign):
    """Also where families are paid before their village's session counts as held."""
    publish(campaign)
    for number in range(10):
        pay(campaign, number, 0, 0.2)
        pay(campaign, number, 4, 0.76)
    row = look(campaign, day=4)
    assert sum(row.missing.values()) == pytest.approx(8000 * (1 - row.share.middle), abs=160)

"""The published plan becomes work lists on the officers' phones, over HTTP and by command."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from salur.field import commands, lease, views
from salur.field.phone import new_key, public_key_of
from salur.lib.clock import WIB, now
from salur.planning import actions as planning
from salur.planning.models import Plan
from salur.planning.tests.conftest import FIRST_DAY, make_branch
from salur.web.actions import give_role
from salur.web.models import Role

MORNING = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 6, tzinfo=ZoneInfo(WIB))


@pytest.fixture
def planned(office, typed, monkeypatch):
    """A branch whose plan is published, early on its first day."""
    branch = make_branch(office, typed)
    assert branch.solve("--fast").code == 0
    planning.publish(plan=Plan.objects.get().id, actor="budi", at=office.noon)
    monkeypatch.setattr(views, "now", lambda: MORNING)
    monkeypatch.setattr(commands, "now", lambda: MORNING)
    return branch


@pytest.fixture
def page(planned):
    return signed_in(Role.BRANCH, "KC-BDW")


def signed_in(role, office=None):
    client = Client()
    client.force_login(give_role(actor="tests", username=f"{role}-{office}", role=role, office_code=office, at=now()))
    return client


def enrol(officer, at=MORNING):
    token = lease.offer_enrolment(officer=officer, actor="tests", at=at)
    return lease.enrol_device(
        token=token.partition(".")[0], public_key=public_key_of(new_key()), self_test={}, persisted=True, app="1", at=at
    ).device


def slots_of(planned, day=FIRST_DAY):
    """Officer → the families of a day by time and place in the queue, as the plan has them."""
    found: dict[int | None, list] = {}
    slots = planning.family_slots(stage=planned.office.stage, branch=planned.office.branch, day=day)
    for slot in sorted(slots, key=lambda s: (s.starts_at, s.number, s.position)):
        found.setdefault(slot.officer, []).append(slot.entitlement)
    return found


def where(planned, **words):
    return {"kantor": "KC-BDW", "hari": FIRST_DAY.isoformat(), **words}


def url(planned):
    return f"/hp/rencana/{planned.office.stage_code}/"


def test_each_officer_gets_the_families_the_plan_names_in_the_order_of_their_slots(planned, page):
    slots = slots_of(planned)
    officers = [officer for officer in slots if officer is not None]
    assert len(officers) > 1
    phones = {officer: enrol(officer) for officer in officers}
    before = page.get(url(planned), where(planned)).content.decode()
    assert "Bagikan" in before
    after = page.post(url(planned), where(planned)).content.decode()
    assert "sudah dibagikan" in after
    assert "Bagikan" not in after
    for officer, device in phones.items():
        ((issued, families),) = lease.work_list(device=device, at=MORNING)
        assert [family.asg for family in families] == slots[officer]
        assert (issued.day, issued.officer_id) == (FIRST_DAY, officer)


def test_the_same_day_again_adds_what_is_new_and_repeats_nothing(planned, page):
    slots = slots_of(planned)
    first, second = [officer for officer in slots if officer is not None][:2]
    device = enrol(first)
    shown = page.post(url(planned), where(planned)).content.decode()
    assert "Direncanakan, tetapi belum punya HP" in shown
    again = page.post(url(planned), where(planned)).content.decode()
    assert "Tidak ada daftar baru" in again
    late = enrol(second)
    planned.pay(slots[second][:3], FIRST_DAY)
    hold(planned, slots[second][3])
    page.post(url(planned), where(planned))
    assert len(lease.work_list(device=device, at=MORNING)) == 1
    ((_, families),) = lease.work_list(device=late, at=MORNING)
    assert [family.asg for family in families] == slots[second][4:], "who is paid or held is on no new list"


def hold(planned, entitlement):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE danom_entitlement SET held = true WHERE stage = %s AND branch = %s AND id = %s",
            [planned.office.stage, planned.office.branch, entitlement],
        )


def test_of_two_phones_the_one_in_use_gets_the_list_and_a_lost_one_gets_none(planned, page):
    officer = next(officer for officer in slots_of(planned) if officer is not None)
    old, lost, new = (enrol(officer, MORNING - timedelta(hours=hours)) for hours in (3, 2, 1))
    lease.revoke_device(device=lost, reason="hilang", actor="tests", at=MORNING)
    lease.seen(device=old, at=MORNING - timedelta(minutes=90))
    page.post(url(planned), where(planned))
    lists = {device: len(lease.work_list(device=device, at=MORNING)) for device in (old, lost, new)}
    assert lists == {old: 0, lost: 0, new: 1}


def test_one_officer_who_may_not_work_that_day_keeps_nobody_else_waiting(planned, page):
    slots = slots_of(planned)
    first, second = [officer for officer in slots if officer is not None][:2]
    gone, there = enrol(first), enrol(second)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE offices_officer SET contract_ends = %s WHERE id = %s", [date(2022, 1, 31), first])
    shown = page.post(url(planned), where(planned)).content.decode()
    assert re.search("The contract of .* ends on 2022-01-31", shown)
    assert [len(lease.work_list(device=device, at=MORNING)) for device in (gone, there)] == [0, 1]


def test_the_command_tells_officer_by_officer(planned, typed):
    slots = slots_of(planned)
    officer = next(officer for officer in slots if officer is not None)
    device = enrol(officer)
    words = ("hand-out-day", "KC-BDW", "--stage", planned.office.stage_code, "--as", "budi")
    answer = typed(commands.field, *words, "--day", FIRST_DAY)
    assert answer.code == 0
    assert answer.data["families"] == len(slots[officer])
    (line,) = [line for line in answer.data["officers"] if line["device"]]
    assert (line["device"], line["handed_out"], line["left"]) == (str(device), len(slots[officer]), 0)
    assert typed(commands.field, *words, "--day", "2022-02-01").code != 0
    over = typed(commands.field, *words, "--day", FIRST_DAY - timedelta(days=3))
    assert over.code != 0
    assert typed(commands.field, "hand-out-day", "KC-XXX", *words[2:], "--day", FIRST_DAY).code != 0


def test_a_branch_without_a_published_plan_is_told_to_publish_one(office, typed, monkeypatch):
    monkeypatch.setattr(commands, "now", lambda: MORNING)
    answer = typed(
        commands.field, "hand-out-day", "KC-BDW", "--stage", office.stage_code, "--day", FIRST_DAY, "--as", "budi"
    )
    assert answer.code != 0
    assert "publish" in answer.said
    shown = signed_in(Role.BRANCH, "KC-BDW").get(f"/hp/rencana/{office.stage_code}/", {"kantor": "KC-BDW"})
    assert "Belum ada rencana" in shown.content.decode()


def test_headquarters_looks_and_a_neighbour_finds_nothing(planned):
    assert signed_in(Role.HEADQUARTERS).get(url(planned), where(planned)).status_code == 200
    assert signed_in(Role.HEADQUARTERS).post(url(planned), where(planned)).status_code == 403
    assert signed_in(Role.BRANCH, "KC-SIT").get(url(planned), where(planned)).status_code == 404

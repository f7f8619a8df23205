"""The verbs of planning, typed: inputs, a plan, its publication, a change by hand, planning again."""

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from salur.planning import actions
from salur.planning.models import Plan
from salur.planning.stored import inputs_from_json, to_json
from salur.planning.tests.conftest import FIRST_DAY, Branch


def slots(branch: Branch, **only: Any) -> list[Any]:
    return actions.family_slots(stage=branch.office.stage, branch=branch.office.branch, **only)


def published(branch: Branch, *words: object) -> Any:
    made = branch.solve(*words)
    assert made.code == 0, (made.said, made.data)
    done = branch("publish", made.data["plan"], "--as", "budi")
    assert done.code == 0, done.said
    return made


def test_a_plan_says_days_people_money_and_what_it_assumed(branch: Branch) -> None:
    made = branch.solve()
    data = made.data
    assert made.code == 0
    assert (data["branch"], data["days"], data["villages"], data["unmet"]) == ("KC-BDW", 14, 10, 0)
    assert sum(day["families"] for day in data["by_day"]) == branch.families == data["families"]
    assert sum(day["cash_rp"] for day in data["by_day"]) == branch.families * 600_000
    assert data["gap"] is None or data["gap"] <= 0.01
    assert data["assumed"]["vault_rp"] == 8_000_000_000
    assert data["assumed"]["villages_home_visits"] == 10
    assert "villages_signal" not in data["assumed"], "the register knows the signal"
    assert branch("check", data["plan"]).data == {"plan": data["plan"], "ok": True, "violations": []}


def test_a_plan_is_kept_exactly(branch: Branch) -> None:
    branch.solve()
    row = Plan.objects.select_related("stage", "branch").get()
    kept = actions.load(row)
    assert inputs_from_json(json.loads(json.dumps(to_json(kept.inputs)))) == kept.inputs
    again = actions.read_inputs(stage=row.stage, branch=row.branch, supposed={"first_day": FIRST_DAY.isoformat()})
    assert again.inputs == kept.inputs


def test_without_officers_everybody_is_hired_and_the_answer_says_so(branch: Branch) -> None:
    made = branch.solve("--officers", 0)
    assert made.code == 0
    assert made.data["officers"] == 0
    assert made.data["hires"] > 0
    nobody = branch.solve("--officers", 0, "--set", "hire_ceiling=0")
    assert nobody.code == 1
    assert nobody.data["unmet"] == branch.families
    assert {"officers", "leaders"} & {part["lack"] for part in nobody.data["shortfalls"]}


@pytest.mark.parametrize(
    ("words", "lack"),
    [
        (("--days", 0), "days"),
        (("--set", "vault_rp=599999"), "vault"),
        (("--set", "float_rp=599999"), "float"),
        (("--set", "escorts=0", "--set", "door_per_day_town=1", "--set", "door_per_day_plain=1"), "escorts"),
    ],
)
def test_impossible_inputs_get_a_plan_that_says_what_is_missing(
    branch: Branch, words: tuple[object, ...], lack: str
) -> None:
    made = branch.solve(*words, "--seconds", 10)
    assert made.code == 1
    assert made.data["unmet"] > 0
    assert lack in {part["lack"] for part in made.data["shortfalls"]}


def test_what_cannot_be_an_input_is_refused_in_one_sentence(branch: Branch, tmp_path: Path) -> None:
    for words in (
        ("vault_rp=-1",),
        ("vault=1",),
        ("rest_every=1",),
        ("travel_minutes=20",),
        ("closed_days=31-12-2022",),
    ):
        refused = branch("inputs", "set", "--branch", "KC-BDW", "--stage", branch.office.stage_code, *words)
        assert refused.code == 2
        assert refused.said.count("\n") == 1
    file = tmp_path / "villages.csv"
    file.write_text("kode;travel_minutes\n35.11.03.2001;zwanzig\n")
    refused = branch("inputs", "import", file, "--branch", "KC-BDW", "--stage", branch.office.stage_code)
    assert refused.code == 2
    assert "villages.csv line 2" in refused.said


def test_inputs_are_imported_once_and_bind_the_plan(branch: Branch, tmp_path: Path) -> None:
    there = ("--branch", "KC-BDW", "--stage", branch.office.stage_code)
    toml = tmp_path / "branch.toml"
    toml.write_text(
        "days = 12\nfirst_day = 2022-03-01\nclosed_days = [2022-03-03]\nhome_percent = 0\n"
        '[village."35.11.03.2001"]\nblocked_days = ["2022-03-01", "2022-03-02", "2022-03-04"]\nvenue = "Balai Desa"\n'
        "[officer.JB-3]\nabsent_days = [2022-03-01]\nleads = false\n"
    )
    first = branch("inputs", "import", toml, *there)
    assert (first.code, first.data["changed"]) == (0, 8), first.said
    assert branch("inputs", "import", toml, *there).data["changed"] == 0
    csv = tmp_path / "villages.csv"
    csv.write_text("kode,nama,travel_minutes,home_visits\n35.11.04.2001,Desa 2,45,3\n35.11.04.2002,Desa 4,,\n")
    assert branch("inputs", "import", csv, *there).data["changed"] == 2
    made = branch("solve", *there, "--as", "siti")
    assert made.data["days"] == 12
    assert "2022-03-03" not in {day["date"] for day in made.data["by_day"]}
    kept = actions.load(actions.plan_by_word(made.data["plan"]))
    village = next(v for v in kept.inputs.villages if v.code == 3511032001)
    assert (village.blocked, village.home_visits) == (frozenset({0, 1, 3}), 0)
    assert kept.venues.get(3511032001) == "Balai Desa"
    assert next(v for v in kept.inputs.villages if v.code == 3511042001).travel_minutes == 45
    assert {d.person for d in kept.roster.duties if d.day == 0}.isdisjoint(
        {o.id for o in kept.inputs.branch.officers if 0 in o.absent}
    )
    shown = {line["name"]: line for line in branch("inputs", "show", *there).data["inputs"]}
    assert (shown["days"]["value"], shown["days"]["said"], shown["vault_rp"]["said"]) == (12, True, False)


def test_a_village_waits_for_everyone_whose_word_binds(branch: Branch) -> None:
    there = ("--branch", "KC-BDW", "--stage", branch.office.stage_code)
    branch("inputs", "set", *there, "readiness_bodies=polsek village_head")
    assert branch.solve("--set", "hire_ceiling=0").data["unmet"] == branch.families
    for kecamatan in ("35.11.03", "35.11.04"):
        done = branch(
            "readiness",
            "confirm",
            *there,
            "--body",
            "polsek",
            "--area",
            kecamatan,
            "--on",
            "2022-02-20",
            "--ready",
            "2022-03-02",
            "--document",
            "B/12",
        )
        assert (done.code, done.data["outcome"]) == (0, "created"), done.said
    for village in branch.villages[:-1]:
        branch(
            "readiness",
            "confirm",
            *there,
            "--body",
            "village_head",
            "--area",
            village,
            "--on",
            "2022-02-21",
            "--ready",
            "2022-02-21",
            "--document",
            "140/7",
        )
    board = branch("readiness", "show", *there)
    assert (board.code, board.data["ready"]) == (1, 9)
    assert {row["ready_on"] for row in board.data["villages"] if row["ready"]} == {"2022-03-02"}
    made = branch.solve()
    assert made.data["unmet"] == branch.sizes[-1]
    assert [(part["lack"], part["amount"]) for part in made.data["shortfalls"]] == [("readiness", branch.sizes[-1])]
    assert min(day["date"] for day in made.data["by_day"]) >= "2022-03-02"
    taken_back = branch(
        "readiness",
        "withdraw",
        *there,
        "--body",
        "polsek",
        "--area",
        "35.11.03",
        "--on",
        "2022-02-25",
        "--note",
        "Pilkades",
    )
    assert taken_back.code == 0
    assert branch.solve().data["unmet"] > branch.sizes[-1]
    assert (
        branch("readiness", "confirm", *there, "--body", "polsek", "--area", "35.11.03", "--on", "2022-02-26").code == 2
    )


def test_a_plan_is_published_by_another_person_once(branch: Branch) -> None:
    made = branch.solve()
    assert branch("publish", made.data["plan"], "--as", "siti").code == 2
    assert slots(branch) == []
    done = branch("publish", "KC-BDW/1", "--as", "budi")
    assert (done.code, done.data["slots"], done.data["changed"]) == (0, branch.families, 0)
    assert branch("publish", "KC-BDW/1", "--as", "budi").data["outcome"] == "exists"
    assert branch.solve().code == 2, "what families were told is not planned away"
    assert [
        (p["state"], p["published_by"]) for p in branch("plans", "--stage", branch.office.stage_code).data["plans"]
    ] == [("published", "budi")]


def test_every_family_has_one_place_and_time_within_the_plan(branch: Branch) -> None:
    made = published(branch)
    rows = slots(branch)
    assert len({row.entitlement for row in rows}) == len(rows) == branch.families
    kept = actions.load(actions.plan_by_word(made.data["plan"]))
    by_village = Counter(row.village for row in rows)
    assert by_village == {village.code: village.families for village in kept.inputs.villages}
    home = {v.code: v.home_visits for v in kept.inputs.villages}
    with_session = {part.village for s in kept.plan.sessions for part in s.served}
    at_door = Counter(row.village for row in rows if row.channel == "door")
    for village in with_session:
        assert at_door[village] == min(
            home[village], sum(p.families for r in kept.plan.rounds for p in r.served if p.village == village)
        )
    session_days = {n: s.day for n, s in zip(kept.numbers["session"], kept.plan.sessions, strict=True)}  # type: ignore[index]
    for row in rows:
        assert row.starts_at < row.ends_at
        assert row.starts_at.date() <= row.day <= row.ends_at.date()
        if row.channel == "session":
            assert row.day == FIRST_DAY + timedelta(days=session_days[row.number])
            assert row.host in with_session
    heads = {n: s.heads for n, s in zip(kept.numbers["session"], kept.plan.sessions, strict=True)}  # type: ignore[index]
    sizes = Counter((row.number, row.seat) for row in rows if row.channel == "session")
    for number, seats in heads.items():
        share = [sizes[number, seat] for seat in range(1, seats + 1)]
        assert max(share) - min(share) <= 1, "a team's families are dealt evenly"
    assert all(row.officer is not None for row in rows if row.seat is not None)
    assert all(check.ok for check in actions.recount(stage=branch.office.stage))


def test_the_oldest_are_visited_at_home(branch: Branch) -> None:
    published(branch)
    village = branch.villages[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id, f.birth_date FROM danom_entitlement e JOIN registry_family f ON f.stage = e.stage AND f.id = e.family WHERE e.village = %s",
            [village],
        )
        born = dict(cursor.fetchall())
    rows = slots(branch, village=village)
    at_home = [born[row.entitlement] for row in rows if row.channel == "door"]
    invited = [born[row.entitlement] for row in rows if row.channel != "door"]
    assert at_home
    assert max(at_home) <= min(invited)


def test_a_village_is_moved_by_hand_or_the_answer_says_what_that_breaks(branch: Branch) -> None:
    made = published(branch)
    kept = actions.load(actions.plan_by_word(made.data["plan"]))
    outcomes = set()
    for session in kept.plan.sessions:
        for day in (0, 6, 13, 20):
            start, to = kept.inputs.window.date(session.day), kept.inputs.window.date(day)
            tried = branch("move", made.data["plan"], "--village", session.host, "--from", start, "--to", to, "--try")
            outcomes.add(tried.data["accepted"])
            assert tried.data["accepted"] == (tried.data["breaks"] == [])
            assert tried.code == (0 if tried.data["accepted"] else 1)
    assert outcomes == {True, False}
    assert Plan.objects.count() == 1


def test_a_moved_village_is_a_new_version_and_only_its_families_get_new_letters(branch: Branch) -> None:
    made = published(branch)
    before = {row.entitlement: row for row in slots(branch)}
    kept = actions.load(actions.plan_by_word(made.data["plan"]))
    for session in kept.plan.sessions:
        start = kept.inputs.window.date(session.day)
        for day in range(14):
            moved = (
                branch(
                    "move",
                    made.data["plan"],
                    "--village",
                    session.host,
                    "--from",
                    start,
                    "--to",
                    kept.inputs.window.date(day),
                    "--as",
                    "siti",
                )
                if day != session.day
                else None
            )
            if moved is not None and moved.code == 0:
                break
        else:
            continue
        break
    else:
        raise AssertionError(f"no village of the plan can be moved at all: {moved and moved.said}")
    done = branch("publish", moved.data["plan"], "--as", "budi")
    assert done.data["superseded"] == 1
    after = {row.entitlement: row for row in slots(branch)}
    assert after.keys() == before.keys()
    changed = {e for e in after if (after[e].day, after[e].starts_at) != (before[e].day, before[e].starts_at)}
    villages = {part.village for part in session.served}
    assert changed
    assert {after[e].village for e in changed} <= villages
    assert {row.entitlement for row in slots(branch, version=2)} == changed
    assert all(check.ok for check in actions.recount(stage=branch.office.stage))


def test_planning_again_keeps_tomorrow_and_takes_up_what_was_not_paid(branch: Branch) -> None:
    made = published(branch)
    kept = actions.load(actions.plan_by_word(made.data["plan"]))
    days = sorted({s.day for s in kept.plan.sessions})
    today = days[0] + 1
    # Of what was to be paid on the first day half came; a village that had no session yet was paid ten of its families at the counter.
    for number, session in zip(kept.numbers["session"], kept.plan.sessions, strict=True):  # type: ignore[index]
        if session.day == days[0]:
            called = [row.entitlement for row in slots(branch) if (row.channel, row.number) == ("session", number)]
            branch.pay(called[: len(called) // 2], kept.inputs.window.date(days[0]))
    later = next(s for s in kept.plan.sessions if s.day > days[0])
    branch.pay(branch.entitlements(later.host)[:10], kept.inputs.window.date(days[0]))
    again = branch(
        "replan", "--branch", "KC-BDW", "--stage", branch.office.stage_code, "--today", kept.inputs.window.date(today), "--keep", 2, "--as", "siti"
    )  # fmt: skip
    assert again.code == 0, (again.said, again.data)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_payment")
        paid = cursor.fetchone()[0]
    assert again.data["families"] == branch.families - paid
    new = actions.load(actions.plan_by_word(again.data["plan"]))
    assert actions.violations(new) == []
    for day in (today, today + 1):
        assert {s.host for s in kept.plan.sessions if s.day == day} <= {
            s.host for s in new.plan.sessions if s.day == day
        }
    frozen = {
        row.entitlement: row
        for row in slots(branch)
        if kept.inputs.window.date(today) <= row.day <= kept.inputs.window.date(today + 1)
    }
    done = branch("publish", again.data["plan"], "--as", "budi")
    assert done.code == 0, done.said
    after = {row.entitlement: row for row in slots(branch)}
    unpaid = {e for v in branch.villages for e in branch.entitlements(v)} - _paid()
    assert unpaid <= after.keys()
    for entitlement in frozen.keys() & unpaid:
        row, was = after[entitlement], frozen[entitlement]
        assert (row.day, row.starts_at, row.channel, row.number) == (was.day, was.starts_at, was.channel, was.number)
    assert all(check.ok for check in actions.recount(stage=branch.office.stage))


def _paid() -> set[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT entitlement FROM payments_payment")
        return {row[0] for row in cursor.fetchall()}


def test_a_need_is_offered_signed_and_ends(branch: Branch) -> None:
    made = branch.solve("--officers", 0)
    needs = branch("hiring", "needs", made.data["plan"]).data["needs"]
    assert len(needs) == made.data["hires"] > 0
    offer = (
        "hiring",
        "offer",
        made.data["plan"],
        "--need",
        1,
        "--code",
        "T-1",
        "--name",
        "Rina",
        "--until",
        "2022-03-20",
        "--daily",
        150_000,
    )
    first = branch(*offer)
    assert first.code == 0, first.said
    assert branch(*offer).data["offer"] == first.data["offer"], "the same again is one offer"
    other = branch(
        "hiring",
        "offer",
        made.data["plan"],
        "--need",
        1,
        "--code",
        "T-2",
        "--name",
        "Joko",
        "--until",
        "2022-03-20",
        "--daily",
        150_000,
    )
    assert other.code == 2
    signed = branch("hiring", "accept", first.data["offer"], "--contract", "PKWT/1")
    assert signed.code == 0, signed.said
    assert branch("hiring", "accept", first.data["offer"], "--contract", "PKWT/1").data == signed.data
    assert branch("hiring", "close", first.data["offer"], "withdrawn", "--reason", "berubah").code == 2
    roster = branch("roster", made.data["plan"]).data["duties"]
    assert {duty["name"] for duty in roster if duty["need"] == 1} == {"Rina"}
    from salur.offices.models import Officer

    assert Officer.objects.get(code="T-1").contract_ends == date(2022, 3, 20)


def test_an_outsider_branch_is_told_that_there_is_none(branch: Branch) -> None:
    assert branch("solve", "--branch", "KC-XXX", "--stage", branch.office.stage_code).code == 2
    assert branch("publish", "KC-BDW/9").code == 2
    assert branch("publish", "00000000-0000-7000-8000-000000000000").code == 2

"""The pages of the plan: who sees what, what a hand moves, who publishes, the briefing, readiness, hiring, all branches as a job."""

import csv
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conftest import NOON, PostOffice
from salur.custody import actions as custody
from salur.jobs import actions as jobs
from salur.jobs.models import Job
from salur.jobs.models import State as JobState
from salur.planning import actions
from salur.planning.examples import imagined_places
from salur.planning.models import Plan, State, Step
from salur.planning.rules import Span
from salur.planning.tests.conftest import FIRST_DAY, Branch, give_villages, make_branch
from salur.web.actions import give_role
from salur.web.models import Role

PAGE = "/rencana/SEMBAKO-2022-1/"
PAGES = ("", "petugas/", "hari/", "kesiapan/", "andai/")


def signed_in(role: Role, office_code: str | None = None, name: str = "") -> Client:
    name = name or f"{role}-{office_code}"
    give_role(actor="tests", username=name, role=role, office_code=office_code, at=NOON)
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def ask(client: Client, where: str = "", **facts: Any) -> Any:
    return client.get(f"{PAGE}{where}", {"kantor": "KC-BDW", **facts})


def send(client: Client, where: str, **facts: Any) -> Any:
    return client.post(f"{PAGE}{where}/", {"kantor": "KC-BDW", **facts})


def words(answer: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", answer.content.decode().split("<main", 1)[1])
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def planned(branch: Branch) -> Branch:
    assert branch.solve("--fast").code == 0
    return branch


def test_without_a_plan_the_branch_makes_one_in_the_background(branch: Branch) -> None:
    client = signed_in(Role.BRANCH, "KC-BDW")
    assert "belum punya rencana" in words(ask(client))
    answer = send(client, "susun", first_day=FIRST_DAY.isoformat(), rate="150", officers="8")
    job = Job.objects.get()
    assert answer["Location"] == f"/pekerjaan/{job.id}/"
    assert jobs.run(job=job.id).state == JobState.DONE
    row = Plan.objects.get()
    assert row.made_by == "branch-KC-BDW"
    assert row.inputs["rates"]["session_per_day"] == 150
    page = words(ask(client))
    assert f"{row.hire_leaders + row.hire_others} orang direkrut" in page
    assert "150 KPM per juru bayar per hari" in page


def test_the_need_of_people_is_shown_beside_what_was_published(branch: Branch) -> None:
    there = ("--branch", "KC-BDW", "--stage", branch.office.stage_code)
    assert branch("inputs", "set", *there, "quoted_hires=40-50").code == 0
    assert branch("inputs", "set", *there, "quoted_hires=50-40").code == 2
    branch.solve("--fast", "--rate", 60, "--officers", 1)
    page = ask(signed_in(Role.BRANCH, "KC-BDW"))
    assert "“40–50”" in page.content.decode()
    # By the same villages: four hundred a day need fewer people than sixty.
    table = page.content.decode().split('class="plain sensitivity"')[1].split("</table>")[0]
    lines = {
        int(rate): [int(n) for n in re.findall(r">(?:≤ )?(\d+)</td>", row)]
        for rate, row in re.findall(r'<th scope="row">(\d+)(.*?)</tr>', table, re.DOTALL)
    }
    assert set(lines) == {60, 150, 200, 300, 400}
    assert all(few <= many for few, many in zip(lines[400], lines[60], strict=True))
    assert lines[400][0] < lines[60][0]


@pytest.mark.slow
@pytest.mark.parametrize("officers", [25, 30])
def test_bondowoso_shows_the_need_the_article_tells_of_and_how_it_hangs_on_the_rate(
    office: PostOffice, typed: Any, officers: int
) -> None:
    """101,913 families of 219 villages, 150 families per officer and day, everybody at work on fourteen days: 40 to 50 people more."""
    branch = make_branch(office, typed, villages=0)
    give_villages(branch, imagined_places(219, kecamatan=23), 101_913)
    there = ("--branch", "KC-BDW", "--stage", office.stage_code)
    branch("inputs", "set", *there, "quoted_hires=40-50")
    made = branch.solve("--rate", 150, "--officers", officers, "--no-rest-day", "--seconds", 60)
    assert (made.data["families"], made.data["villages"], made.data["unmet"]) == (101_913, 219, 0)
    assert made.data["hires"] == made.data["hires_bound"]
    assert 40 <= made.data["hires"] <= 50
    page = ask(signed_in(Role.BRANCH, "KC-BDW")).content.decode()
    assert f'<span class="big">{made.data["hires"]}</span>' in page
    assert '<span class="tag good">menurut berita “40–50”</span>' in page
    rows = page.split('class="plain sensitivity"')[1].split("</table>")[0].split("<tr")
    (at_400,) = (row for row in rows if '<th scope="row">400' in row)
    few = [int(n) for n in re.findall(r">(?:≤ )?(\d+)</td>", at_400)]
    assert len(few) == 3
    assert max(few) < 30


def test_a_village_is_moved_on_the_page_and_a_move_that_breaks_a_rule_says_which(planned: Branch) -> None:
    client = signed_in(Role.BRANCH, "KC-BDW")
    kept = actions.load(Plan.objects.get())
    session = kept.plan.sessions[-1]
    day = kept.inputs.window.date(session.day).isoformat()
    offered = ask(client, desa=session.host, dari=day).content.decode().split('id="pindah"')[1].split("</section>")[0]
    free = re.findall(r'name="ke" value="([^"]+)"', offered)
    assert free, "no day has room"
    answer = send(client, "pindah", versi=1, desa=session.host, dari=day, ke=free[0])
    assert answer["Location"].endswith("versi=2")
    second = Plan.objects.get(version=2)
    assert second.based_on_id == kept.row.id
    assert actions.violations(actions.load(second)) == []
    after = (kept.inputs.window.date(kept.inputs.window.days) + timedelta(days=3)).isoformat()
    refused = send(client, "pindah", versi=1, desa=session.host, dari=day, ke=after)
    assert refused.status_code == 409
    assert "melanggar aturan" in words(refused)
    assert Plan.objects.count() == 2


def test_a_plan_is_published_by_somebody_else_and_the_job_gives_places(planned: Branch) -> None:
    maker = signed_in(Role.BRANCH, "KC-BDW", name="siti")
    assert send(maker, "terbit", versi=1).status_code == 403
    other = signed_in(Role.BRANCH, "KC-BDW", name="budi")
    send(other, "terbit", versi=1)
    assert jobs.run(job=Job.objects.get().id).state == JobState.DONE
    assert State.objects.get().actor == "budi"
    assert "Versi 1 berlaku" in words(ask(other))
    assert len(actions.family_slots(stage=planned.office.stage, branch=planned.office.branch)) == planned.families


def test_the_briefing_names_venues_teams_cash_and_who_has_not_agreed(planned: Branch) -> None:
    there = ("--branch", "KC-BDW", "--stage", planned.office.stage_code)
    planned("publish", "KC-BDW/1", "--as", "budi")
    planned("inputs", "set", *there, "readiness_bodies=village_head")
    client = signed_in(Role.BRANCH, "KC-BDW")
    kept = actions.load(Plan.objects.get())
    line = actions.by_day(kept)[0]
    page = words(ask(client, "hari/", hari=line.day.isoformat()))
    for session in (s for s in kept.plan.sessions if kept.inputs.window.date(s.day) == line.day):
        assert next(v.name for v in kept.inputs.villages if v.code == session.host) in page
    assert "Belum setuju" in page
    assert "Kades/lurah" in page
    names = {p.name for p in kept.inputs.branch.officers}
    assert sum(name in page for name in names) >= line.officers - kept.plan.hires.total
    offered = send(client, "hari/panjar", versi=1, hari=line.day.isoformat())
    assert "panjar ditawarkan" in words(offered)
    assert send(client, "hari/panjar", versi=1, hari=line.day.isoformat()).status_code == 200
    assert len(list(custody.recount(stage=planned.office.stage))) > 0


def test_the_roster_has_each_person_and_every_half_day_once(planned: Branch) -> None:
    kept = actions.load(Plan.objects.get())
    page = ask(signed_in(Role.BRANCH, "KC-BDW"), "petugas/").content.decode()
    rows = page.split("<tbody>")[1].split("<tr>")[1:]
    working = {duty.person for duty in kept.roster.duties}
    assert len(rows) == len(working)
    shown = sum(row.count('class="duty"') for row in rows)
    assert shown == len(kept.roster.duties)
    loads = sum(float(re.findall(r"</th><td>([\d,]+)</td>", row)[0].replace(",", ".")) for row in rows)
    assert loads == sum(2 if duty.span == Span.DAY else 1 for duty in kept.roster.duties) / 2


def test_a_coordinator_writes_down_what_bodies_said_and_plans_nothing(planned: Branch) -> None:
    client = signed_in(Role.COORDINATOR, "KC-BDW")
    village = str(planned.villages[0])
    facts = {
        "body": "camat",
        "area": village,
        "kind": "confirmed",
        "day": "2022-02-25",
        "ready_on": "2022-03-02",
        "document": "140/7",
    }
    assert send(client, "kesiapan/langkah", **facts).status_code == 302
    assert Step.objects.get().area == int(village[:6]), "a camat acts for the kecamatan"
    send(client, "kesiapan/kontak", body="village_head", area=village, name="Pak Kades", phone="0812")
    page = words(ask(client, "kesiapan/"))
    assert "Camat" in page
    assert "140/7" in page
    assert "Pak Kades" in page
    assert send(client, "susun").status_code == 403
    assert send(client, "pindah", versi=1, desa=village, dari="2022-03-01", ke="2022-03-02").status_code == 403


def test_somebody_is_offered_the_work_and_signs_on_the_page(branch: Branch) -> None:
    branch.solve("--fast", "--officers", 1, "--rate", 60)
    client = signed_in(Role.BRANCH, "KC-BDW")
    facts = {
        "versi": 1,
        "need": 1,
        "do": "offer",
        "name": "Ani",
        "code": "PHL-1",
        "until": "2022-03-20",
        "daily": "150000",
    }
    assert send(client, "orang", **facts).status_code == 302
    assert "ditawarkan" in words(ask(client))
    assert send(client, "orang", versi=1, need=1, do="accept", contract="PKS/7").status_code == 302
    assert "kontrak PKS/7 sampai" in words(ask(client))
    assert "Ani" in words(ask(client, "petugas/"))


def test_what_if_answers_side_by_side_and_keeps_nothing(planned: Branch) -> None:
    client = signed_in(Role.BRANCH, "KC-BDW")
    page = ask(client, "andai/", rate0="40", rate1="400", officers0="2", officers1="2").content.decode()
    first, second, *_ = (int(n) for n in re.findall(r'<span class="big">(\d+)</span>', page))
    assert first > second
    assert ask(client, "andai/", rate0="many").status_code == 400
    assert Plan.objects.count() == 1


def test_headquarters_plans_all_branches_as_a_job_and_sees_people_and_cash(
    branch: Branch, settings: Any, tmp_path: Any
) -> None:
    settings.SALUR_HOME = tmp_path
    client = signed_in(Role.HEADQUARTERS)
    before = words(client.get(PAGE))
    assert "belum ada" in before
    job_page = client.post(f"{PAGE}semua/")
    job = Job.objects.get()
    assert job_page["Location"] == f"/pekerjaan/{job.id}/"
    done = jobs.run(job=job.id)
    assert (done.state, done.done) == (JobState.DONE, done.total)
    path, _ = jobs.take_file(job=job.id, actor=done.asked_by, at=NOON)
    with path.open(newline="") as file:
        lines = {line["branch"]: line for line in csv.DictReader(file)}
    row = Plan.objects.get(branch=branch.office.branch)
    made = Plan.objects.count()
    assert lines["KC-BDW"]["outcome"] == "planned"
    assert int(lines["KC-BDW"]["hires"]) == row.hire_leaders + row.hire_others
    after = words(client.get(PAGE))
    assert "rancangan 1" in after
    assert "Uang yang keluar dari kas" in after
    # Once more leaves the plan that is there.
    client.post(f"{PAGE}semua/")
    assert jobs.run(job=Job.objects.latest("id").id).state == JobState.DONE
    assert Plan.objects.count() == made
    assert send(signed_in(Role.REGION, "REG-5"), "semua").status_code == 403


@pytest.mark.parametrize("where", PAGES)
def test_an_outsider_finds_nothing_and_a_stranger_signs_in(planned: Branch, where: str) -> None:
    neighbour = signed_in(Role.BRANCH, "KC-SIT")
    assert ask(neighbour, where).status_code == 404
    assert ask(signed_in(Role.OFFICER, "KC-BDW"), where).status_code == 404
    assert ask(Client(), where)["Location"].startswith("/masuk/")
    for role in (Role.MINISTRY, Role.AUDITOR, Role.REGION):
        page = ask(signed_in(role, "REG-5" if role == Role.REGION else None), where)
        assert page.status_code == 200
        assert 'method="post"' not in page.content.decode().split("<main")[1]

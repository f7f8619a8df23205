"""Printing from a page: who may, what comes, and what is made as a job."""

import zipfile
from io import BytesIO

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pypdf import PdfReader

from conftest import PostOffice
from salur.audit.models import Entry
from salur.jobs import actions as jobs
from salur.jobs.models import Job, State
from salur.planning.papers.tests.test_papers import families, planned
from salur.web.actions import give_role
from salur.web.models import Role

__all__ = ["families", "planned"]

NOBODY = [Role.OFFICER]
PAGE = "/surat/SEMBAKO-2022-1/"


def signed_in(role: Role, office_code: str | None = None) -> Client:
    name = f"{role}-{office_code}"
    from conftest import NOON

    give_role(actor="tests", username=name, role=role, office_code=office_code, at=NOON)
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def ask(client: Client, where: str, **facts: str):
    return client.post(f"{PAGE}{where}/", {"kantor": "KC-BDW", "kind": "letter", **facts})


def test_the_branch_sees_its_villages_and_prints_one_at_once(planned: PostOffice) -> None:
    branch = signed_in(Role.BRANCH, "KC-BDW")
    page = branch.get(PAGE).content.decode()
    assert "Sucolor" in page
    assert "Sumberpakem" in page
    assert "Rencana 1 sudah terbit" in page
    answer = ask(branch, "desa", village="3511012001")
    assert answer["Content-Type"] == "application/pdf"
    assert "attachment" in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "no-store"
    assert len(PdfReader(BytesIO(answer.content)).pages) == 5
    assert Entry.objects.filter(verb="printed papers", actor="branch-KC-BDW").count() == 1


def test_the_whole_branch_is_a_job_with_one_zip(planned: PostOffice, settings, tmp_path) -> None:
    settings.SALUR_HOME = tmp_path
    branch = signed_in(Role.BRANCH, "KC-BDW")
    answer = ask(branch, "cabang")
    job = Job.objects.get()
    assert answer["Location"] == f"/pekerjaan/{job.id}/"
    done = jobs.run(job=job.id)
    assert (done.state, done.done, done.total) == (State.DONE, 10, 10)
    path, _ = jobs.take_file(job=job.id, actor="branch-KC-BDW", at=planned.noon)
    assert sorted(zipfile.ZipFile(path).namelist()) == [
        "undangan/3511012001-sucolor.pdf",
        "undangan/3511012002-sumberpakem.pdf",
    ]


def test_without_a_plan_the_page_says_so_and_offers_what_makes_sense_without_one(families: PostOffice) -> None:
    branch = signed_in(Role.BRANCH, "KC-BDW")
    page = branch.get(PAGE).content.decode()
    assert "belum punya rencana terbit" in page
    assert "Lembar tim" not in page
    assert ask(branch, "desa", village="3511012001").status_code == 200


@pytest.mark.parametrize("role", [Role.REGION, Role.MINISTRY, Role.AUDITOR])
def test_who_may_only_look_sees_the_branch_but_gets_no_letters(planned: PostOffice, role: Role) -> None:
    client = signed_in(role, "REG-5" if role == Role.REGION else None)
    page = client.get(f"{PAGE}?kantor=KC-BDW")
    assert page.status_code == 200
    assert "<button" not in page.content.decode().split("<main")[1]
    assert ask(client, "desa", village="3511012001").status_code == 403
    assert ask(client, "cabang").status_code == 403


def test_an_outsider_finds_nothing(planned: PostOffice) -> None:
    neighbour = signed_in(Role.BRANCH, "KC-SIT")
    assert neighbour.get(f"{PAGE}?kantor=KC-BDW").status_code == 404
    assert "Sucolor" not in neighbour.get(PAGE).content.decode()
    assert ask(neighbour, "desa", village="3511012001").status_code == 404
    assert ask(neighbour, "cabang").status_code == 404
    assert ask(neighbour, "desa", kantor="KC-SIT", village="3511012001").status_code == 404
    assert signed_in(Role.OFFICER, "KC-BDW").get(PAGE).status_code == 404
    assert Client().get(PAGE)["Location"] == f"/masuk/?next={PAGE.replace('/', '%2F')}"
    assert ask(Client(), "desa", village="3511012001").status_code == 404


def test_nonsense_is_answered_with_nothing(planned: PostOffice) -> None:
    branch = signed_in(Role.BRANCH, "KC-BDW")
    assert ask(branch, "desa", village="Sucolor").status_code == 404
    assert ask(branch, "desa", village="3511012001", kind="../letter").status_code == 404
    assert branch.get("/surat/KARTU-0/").status_code == 404

"""A job is asked for by one person, carried out once by a worker, and its file is that person's alone."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from procrastinate.contrib.django import app

from conftest import NOON
from salur.audit.models import Entry
from salur.jobs import actions
from salur.jobs.actions import Running
from salur.jobs.models import Job, State
from salur.lib.problem import NotFound, Problem
from salur.web.actions import give_role
from salur.web.models import Role


@pytest.fixture(autouse=True)
def kinds(monkeypatch, settings, tmp_path):
    settings.SALUR_HOME = tmp_path
    actions.discover()  # into the real ones, before these stand in their place
    monkeypatch.setattr(actions, "_KINDS", {"tests.count": count, "tests.refuse": refuse, "tests.break": break_down})


def count(job: Running, *, upto: int) -> None:
    with job.file("count.txt", "text/plain") as path, path.open("w") as out:
        for number in range(upto):
            print(number, file=out)
            job.progress(number + 1, upto)


def refuse(job: Running) -> None:
    raise Problem("There is nothing to count: choose a stage with families.")


def break_down(job: Running) -> None:
    with job.file("half.txt", "text/plain") as path:
        path.write_text("half")
        raise RuntimeError("the disk is full")


def start(kind: str, actor: str = "siti", **arguments: object) -> UUID:
    return actions.start(kind=kind, title="Counting", arguments=arguments, actor=actor, at=NOON)


def test_a_job_is_carried_out_and_its_file_is_whole(db):
    job = actions.run(job=start("tests.count", upto=3))
    assert (job.state, job.done, job.total, job.file_name) == (State.DONE, 3, 3, "count.txt")
    path, _ = actions.take_file(job=job.id, actor="siti", at=NOON)
    assert path.read_text() == "0\n1\n2\n"
    assert [entry.verb for entry in Entry.objects.order_by("number")] == ["started a job", "took a file"]


def test_a_job_that_is_over_is_not_carried_out_again(db):
    job = actions.run(job=start("tests.count", upto=1))
    assert actions.run(job=job.id).ended_at == job.ended_at


def test_a_refusal_is_told_in_its_own_words_and_a_bug_is_told_as_one(db, caplog):
    assert actions.run(job=start("tests.refuse")).say == "There is nothing to count: choose a stage with families."
    broken = actions.run(job=start("tests.break"))
    assert broken.state == State.FAILED
    assert "disk is full" not in broken.say
    assert "disk is full" in caplog.text
    with pytest.raises(NotFound):  # half a file is no file
        actions.take_file(job=broken.id, actor="siti", at=NOON)


def test_an_outsider_sees_neither_the_job_nor_its_file(office, client: Client):
    job = actions.run(job=start("tests.count", upto=2))
    pages = [f"/pekerjaan/{job.id}/", f"/pekerjaan/{job.id}/berkas"]
    for username, code in (("siti", 200), ("budi", 404)):
        give_role(actor="tests", username=username, role=Role.BRANCH, office_code="KC-BDW", at=NOON)
        client.force_login(User.objects.get(username=username))
        assert [client.get(page).status_code for page in pages] == [code, code]
        assert ("Counting" in client.get("/pekerjaan/").content.decode()) is (code == 200)
    client.logout()
    assert client.get(pages[0]).status_code == 404


def test_old_files_are_thrown_away_and_said_to_be(db):
    job = actions.run(job=start("tests.count", upto=2))
    assert actions.throw_away_old(at=job.ended_at + timedelta(days=6)) == 0
    assert actions.throw_away_old(at=job.ended_at + timedelta(days=8)) == 1
    with pytest.raises(NotFound, match="no longer kept"):
        actions.take_file(job=job.id, actor="siti", at=NOON)


def test_a_job_that_was_taken_back_is_never_run(transactional_db):
    with transaction.atomic():
        start("tests.count", upto=1)
        transaction.set_rollback(True)
    work_off()
    assert Job.objects.count() == 0


def test_a_worker_carries_out_what_was_queued(transactional_db):
    first, second = start("tests.count", upto=5), start("tests.refuse")
    work_off()
    assert [Job.objects.get(id=job).state for job in (first, second)] == [State.DONE, State.FAILED]


def test_a_job_whose_worker_was_killed_is_taken_up_by_the_next(transactional_db):
    job = start("tests.count", upto=5)
    with connection.cursor() as cursor:  # as a worker leaves it that is killed while it works
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
    Job.objects.filter(id=job).update(state=State.RUNNING, done=2, total=5)
    work_off()
    assert Job.objects.get(id=job).state == State.DONE


def work_off() -> None:
    async def work() -> None:
        worker = app.with_connector(app.connector.get_worker_connector())
        async with worker.open_async():
            await actions.take_up_abandoned(worker)
            await worker.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)

    asyncio.run(work())

"""The verbs: start a job, carry it out, look at it, take its file, throw old files away."""

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import autodiscover_modules
from procrastinate import App
from procrastinate.contrib.django import app

from salur.audit import actions as audit
from salur.jobs.models import Job, State
from salur.lib.clock import now
from salur.lib.ids import uuid7
from salur.lib.problem import NotFound, Problem

log = logging.getLogger(__name__)

Kind = Callable[..., None]
_KINDS: dict[str, Kind] = {}

KEPT = timedelta(days=7)  # a file is personal data lying about; who needs it longer asks again
BETWEEN_REPORTS_S = 0.5  # progress is for a person's eye


class Stopped(Exception):
    """The job's row is gone or over: somebody else took it."""


def kind(name: str) -> Callable[[Kind], Kind]:
    """Register a function as a kind of job, by ``folder.verb``; its keyword arguments are JSON."""

    def register(function: Kind) -> Kind:
        assert name not in _KINDS, f"{name} is registered twice"
        _KINDS[name] = function
        return function

    return register


@cache
def discover() -> None:
    """Let every folder register its kinds. Not while Django starts: most commands never ask, and papers and solvers load slowly."""
    autodiscover_modules("jobs")


class Running:
    """A job while it is carried out: where it reports its progress and writes its file."""

    def __init__(self, job: Job) -> None:
        self.id = job.id
        self.asked_by = job.asked_by
        self._reported = 0.0

    def progress(self, done: int, total: int, say: str = "") -> None:
        """How far it is; cheap enough to be called at every step. Seen at once, also while a transaction is open elsewhere."""
        at = time.monotonic()
        if at - self._reported < BETWEEN_REPORTS_S and done < total:
            return
        self._reported = at
        if not Job.objects.filter(id=self.id, state=State.RUNNING).update(done=done, total=total, say=say):
            raise Stopped

    @contextmanager
    def file(self, name: str, content_type: str) -> Iterator[Path]:
        """A path to write the result to; it becomes the job's file when the block ends well, whole or not at all."""
        assert re.fullmatch(r"[\w(][\w.() -]*", name), f"{name!r} is no plain file name"
        folder = folder_of(self.id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it is often personal data
        half = folder / f".{name}.part"
        yield half
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.replace(folder / name)
        Job.objects.filter(id=self.id).update(file_name=name, file_type=content_type)


def folder_of(job: UUID) -> Path:
    return Path(settings.SALUR_HOME) / "jobs" / str(job)


@transaction.atomic
def start(
    *, kind: str, title: str, arguments: Mapping[str, object], actor: str, at: datetime, lock: str | None = None
) -> UUID:
    """Write a job down and queue it, in the caller's transaction; it runs when that commits.

    ``lock``: of jobs with the same word only one runs at a time.
    """
    discover()
    assert kind in _KINDS, f"no folder registered the job {kind}"
    job = Job.objects.create(
        id=uuid7(at), kind=kind, title=title, arguments=dict(arguments), asked_by=actor, asked_at=at
    )
    app.configure_task("salur.run", lock=lock, allow_unknown=False).defer(job=str(job.id))
    audit.record(actor=actor, verb="started a job", subject=f"job/{job.id}", facts={"kind": kind, **arguments}, at=at)
    return job.id


@app.task(name="salur.run")
def run_queued(job: str) -> None:
    """What a worker calls."""
    try:
        run(job=UUID(job))
    finally:
        connection.close()


def run(*, job: UUID) -> Job:
    """Carry a job out, here and now. A ``Problem`` is told to the person who waits; a bug is told as such and logged."""
    if not Job.objects.filter(id=job, state__in=[State.WAITING, State.RUNNING]).update(
        state=State.RUNNING, done=0, say=""
    ):
        return Job.objects.get(id=job)
    found = Job.objects.get(id=job)
    discover()
    try:
        _KINDS[found.kind](Running(found), **found.arguments)
    except Problem as problem:
        return _end(job, State.FAILED, problem.message)
    except Stopped:
        return Job.objects.get(id=job)
    except Exception:  # the person who waits must hear of it, whatever it was
        log.exception("job %s (%s) failed", job, found.kind)
        return _end(job, State.FAILED, "It failed for a reason that is in the server's log; nothing was changed.")
    return _end(job, State.DONE, "")


def _end(job: UUID, state: State, say: str) -> Job:
    Job.objects.filter(id=job).update(state=state, say=say, ended_at=now())
    return Job.objects.get(id=job)


def job_of(*, job: UUID, actor: str) -> Job:
    """A person's own job; another person's is ``NotFound``."""
    found = Job.objects.filter(id=job, asked_by=actor).first()
    if found is None:
        raise NotFound(f"There is no job {job}.")
    return found


def jobs_of(*, actor: str, limit: int = 50) -> list[Job]:
    return list(Job.objects.filter(asked_by=actor).order_by("-asked_at")[:limit])


def take_file(*, job: UUID, actor: str, at: datetime) -> tuple[Path, Job]:
    """The file of a person's own job; taking it leaves a trace. Raises ``NotFound`` also when the file was thrown away."""
    found = job_of(job=job, actor=actor)
    path = folder_of(found.id) / found.file_name
    if found.state != State.DONE or not found.file_name or not path.is_file():
        raise NotFound("The file is no longer kept: ask for it again.")
    with transaction.atomic():
        facts = {"kind": found.kind, "file": found.file_name}
        audit.record(actor=actor, verb="took a file", subject=f"job/{found.id}", facts=facts, at=at)
    return path, found


def throw_away_old(*, at: datetime) -> int:
    """Remove the files of jobs that ended more than ``KEPT`` ago; their rows stay. Answers how many."""
    thrown = 0
    for job in Job.objects.filter(ended_at__lt=at - KEPT).exclude(file_name=""):
        shutil.rmtree(folder_of(job.id), ignore_errors=True)
        Job.objects.filter(id=job.id).update(file_name="")
        thrown += 1
    return thrown


async def take_up_abandoned(worker: App) -> int:
    """Queue the jobs anew whose worker died under them. Answers how many."""
    abandoned = list(await worker.job_manager.get_stalled_jobs())
    for job in abandoned:
        await worker.job_manager.retry_job(job)
    return len(abandoned)

"""The verbs without a folder of their own: `salur demo`, `doctor`, `migrate`, `serve`, `verify`."""

import os
import shutil
import socket
import sys
import time
from pathlib import Path

import click
from django.core.management import call_command
from django.db import connection
from django.db.utils import OperationalError
from django.utils import translation

from salur.evaluation.actions import report
from salur.evaluation.commands import data_of
from salur.ledger.actions import balances as read_balances
from salur.lib import database, serving
from salur.lib.clock import moment, now
from salur.lib.command import Answer, answers
from salur.lib.command import table as lined
from salur.lib.database import watch as database_watch
from salur.lib.problem import Problem
from salur.lib.rights import unprotected
from salur.lib.secrets import master_secret, secret_file
from salur.monitoring.actions import realisation
from salur.monitoring.rules import By
from salur.offices.models import Office
from salur.programmes.actions import stage_by_code, stages
from salur.simulate import article
from salur.simulate.demo import play
from salur.web import watching
from salur.web.actions import make_demo_users
from salur.web.ready import ready_database
from salur.web.verify import verify as recount_everything


@click.command("migrate")
@answers
def migrate() -> Answer:
    """Bring the database's tables to this version of salur."""
    call_command("migrate", verbosity=0, interactive=False)
    gap = unprotected()
    return Answer(
        {"migrated": True, "facts_protected": gap is None},
        "The database is of this version.",
        warnings=[gap] if gap else (),
    )


@click.command("verify")
@click.option("--stage", "stage_code", metavar="CODE", help="One stage; all stages when left out.")
@answers
def verify(stage_code: str | None) -> Answer:
    """Recount every counter and balance from the facts; exit 1 when one is broken."""
    checks = list(recount_everything(stage_code=stage_code))
    ok = all(check.ok for check in checks)
    data = {
        "ok": ok,
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "checked": check.checked,
                "broken": check.broken,
                "examples": list(check.examples),
            }
            for check in checks
        ],
    }
    lines = []
    for check in checks:
        lines.append(
            f"{'ok    ' if check.ok else 'BROKEN'}  {check.name} ({check.checked:,} checked{'' if check.ok else f', {check.broken:,} broken'})"
        )
        lines.extend(f"        {example}" for example in check.examples)
    return Answer(data, "\n".join(lines), needs_person=not ok)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=int)
@click.option("--workers", default=2, show_default=True, type=int)
def serve(host: str, port: int, workers: int) -> None:
    """Serve the pages and the API until stopped."""
    run_server(host=host, port=port, workers=workers)


def run_server(*, host: str, port: int, workers: int) -> None:
    """Become the process that keeps the server, the worker for what pages start and who looks after the database, until told to stop."""
    connection.close()
    _refuse_taken_port(host, port)
    watching.prepare_folder()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
    serving.become_keeper(
        [
            serving.granian("salur.web.wsgi:application", host=host, port=port, workers=workers, log_level="warning"),
            [sys.executable, "-m", "salur", "work", "--under", "{keeper}"],
            *database_watch.command(),
        ]
    )


class PortTaken(Problem):
    code = "port_taken"


def _refuse_taken_port(host: str, port: int) -> None:
    """Said at once and in a sentence: the keeper would try for ever."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise PortTaken(
            f"Nothing can be served at {host}:{port} ({error.strerror}): name another --host or --port."
        ) from None


class HomeInUse(Problem):
    code = "home_in_use"


@click.command("demo")
@click.option("--no-serve", is_flag=True, help="Play and print, do not serve the boards.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=int)
@answers
def demo(no_serve: bool, host: str, port: int) -> Answer:
    """The founding article's four branches in full size, fourteen days of payments, then the boards."""
    started = time.monotonic()
    folder = database.salur_home() / "demo"
    _clear_for_demo(folder)
    ready_database()

    def say(what: str) -> None:
        click.echo(f"{time.monotonic() - started:6.1f} s  {what}", err=True)

    played = play(folder=folder, say=say)
    users = make_demo_users(at=now())
    table = realisation(stage_code=played.stage, by=By.BRANCH, now=now(), as_of=moment(article.AS_OF.isoformat()))
    printed = {branch.code: branch.published_percent for branch in article.BRANCHES}
    branches = [
        {
            "code": row.code, "name": row.name, "allocated": row.allocated, "paid": row.paid, "paid_percent": row.paid_percent,
            "geotagged": row.geotagged, "geotag_percent": row.geotag_percent, "published_percent": printed[row.code],
        }
        for row in table.rows
    ]  # fmt: skip
    say("the meeting of Regional V")
    meeting = report(
        stage_code=played.stage, region_code=article.REGION, now=now(), as_of=moment(article.AS_OF.isoformat())
    )
    with translation.override("en"):
        evaluation = data_of(meeting)
    url = f"http://{host}:{port}"
    data = {
        "stage": played.stage, "seconds": round(time.monotonic() - started, 1), "as_of": table.as_of, "branches": branches,
        "evaluation": {
            key: evaluation[key] for key in ("region", "as_of", "ranking", "named_for_geotagging", "published", "mixed_rounding", "notes")
        },
        "url": url, "users": users,
    }  # fmt: skip
    text = "\n".join(
        [
            "",
            lined(
                ("branch", "allocated", "paid", "paid %", "published %", "geotagged", "geotag %"),
                [
                    (b["name"], f"{b['allocated']:,}", f"{b['paid']:,}", b["paid_percent"], b["published_percent"], f"{b['geotagged']:,}",
                     b["geotag_percent"])
                    for b in branches
                ],
                right=range(1, 7),
            ),
            f"as of {article.AS_OF:%d %B %Y}, in {data['seconds']} s",
            "",
            lined(("role", "username", "password"), [(u["role"], u["username"], u["password"]) for u in users]),
            "",
            f"Named for geotagging in {meeting.region_name}: {', '.join(branch.name for branch in meeting.named_for_geotagging)}",
            *(f"{each['office']}: “{each['printed']}” {each['note']}" for each in evaluation["published"]),
            "",
            f"The boards: {url}",
            f"The regional meeting: {url}/evaluasi/{played.stage}/{meeting.region}/?as_of={article.AS_OF.isoformat()}",
        ]
    )  # fmt: skip
    if not no_serve:
        click.echo(text)
        run_server(host=host, port=port, workers=2)
    return Answer(data, text)


def _clear_for_demo(folder: Path) -> None:
    """A fresh home for the demo. Only a home that a demo made is ever cleared; anything else is somebody's work."""
    if database.own_server_url() is None and not folder.exists() and _has_database():
        raise HomeInUse(
            f"{database.salur_home()} holds a database that no demo made: name another folder, as in `SALUR_HOME=/tmp/demo salur demo`."
        )
    if database.own_server_url() is not None:
        database.ensure_running()
        if connection.introspection.table_names():
            raise HomeInUse("The database of SALUR_DATABASE_URL is not empty: the demo wants an empty one.")
        return
    database.erase()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _has_database() -> bool:
    data_dir = database.status().data_dir
    return data_dir is not None and Path(data_dir).joinpath("PG_VERSION").exists()


@click.command("doctor")
@answers
def doctor() -> Answer:
    """What is used, and what is wrong."""
    wrong: list[str] = []
    found: dict[str, object] = {"home": str(database.salur_home())}
    status = database.status()
    found["database"] = {
        "running": status.running,
        "version": status.version,
        "url": status.url,
        "data_dir": status.data_dir,
    }
    if not status.running:
        wrong.append("The database does not run: `salur db start` starts it.")
    else:
        try:
            gap = unprotected()
            found["facts_protected"] = gap is None
            if gap:
                wrong.append(gap)
        except OperationalError as error:
            wrong.append(f"The database refuses the connection: {error}")
    try:
        master_secret()
        found["secret_file"] = str(secret_file())
    except Problem as problem:
        wrong.append(problem.message)
    free_gib = shutil.disk_usage(database.salur_home().parent).free / 2**30
    found["disk_free_gib"] = round(free_gib, 1)
    if free_gib < 5:
        wrong.append(f"Only {free_gib:.1f} GiB of disk are free: make room before the next list is imported.")
    found["wrong"] = wrong
    text = "\n".join(
        [
            *(f"{key:<15} {value}" for key, value in found.items() if key != "wrong"),
            "",
            *(wrong or ["Nothing is wrong."]),
        ]
    )
    return Answer(found, text, needs_person=bool(wrong))


@click.group("ledger")
def ledger() -> None:
    """Where the money is, and how it came there."""


@ledger.command("balances")
@click.option("--stage", "stage_code", metavar="CODE", help="One stage's books; all when left out.")
@click.option("--as-of", metavar="T", help="As the books stood at a past moment.")
@answers
def balances(stage_code: str | None, as_of: str | None) -> Answer:
    """The balance of every account; they sum to zero."""
    try:
        past = moment(as_of) if as_of else None
    except ValueError as error:
        raise Problem(f"--as-of {as_of} is not a moment: write 2022-03-26 or 2022-03-26T14:05+07:00.") from error
    rows = read_balances(stage=stage_by_code(stage_code).id if stage_code else None, as_of=past)
    stages_by_id = {stage.id: stage.code for stage in stages()}
    offices = {office.id: office.code for office in Office.objects.all()}
    accounts = [
        {
            "stage": stages_by_id[row.stage], "branch": offices.get(row.branch, str(row.branch)), "code": row.code,
            "debits_rp": row.debits_rp, "credits_rp": row.credits_rp, "balance_rp": row.balance_rp,
        }
        for row in rows
    ]  # fmt: skip
    total_rp = sum(row.balance_rp for row in rows)
    header = ("stage", "branch", "code", "debits_rp", "credits_rp", "balance_rp")
    lines = [[f"{account[c]:,}" if c.endswith("_rp") else account[c] for c in header] for account in accounts]
    return Answer(
        {"accounts": accounts, "sum_rp": total_rp}, lined(header, lines, right=(3, 4, 5)) + f"\n\nsum_rp {total_rp}"
    )

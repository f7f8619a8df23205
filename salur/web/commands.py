"""The verbs without a folder of their own: `salur demo`, `doctor`, `migrate`, `serve`, `verify`."""

import os
import shutil
import sys

import click
from django.core.management import call_command
from django.db import connection
from django.db.utils import OperationalError

from salur.lib import database
from salur.lib.command import Answer, answers
from salur.lib.problem import Problem
from salur.lib.secrets import master_secret, secret_file
from salur.web.verify import verify as recount_everything


@click.command("migrate")
@answers
def migrate() -> Answer:
    """Bring the database's tables to this version of salur."""
    call_command("migrate", verbosity=0, interactive=False)
    return Answer({"migrated": True}, "The database is of this version.")


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
    """Become the server process; a worker that dies is replaced."""
    connection.close()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers),
        "--respawn-failed-workers", "--log-level", "warning", "salur.web.wsgi:application",
    ]  # fmt: skip
    os.execv(sys.executable, command)  # noqa: S606 — our own interpreter, no shell, no outside words


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
            connection.ensure_connection()
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

"""`salur work`: carry out what pages asked for."""

import asyncio
import logging
import os
import sys
import threading
import time

import click
from django.db import connection
from procrastinate import App
from procrastinate.contrib.django import app

from salur.jobs import actions
from salur.lib.clock import now

log = logging.getLogger(__name__)


@click.command("work")
@click.option("--once", is_flag=True, help="End when nothing is left to do.")
@click.option("--under", type=int, metavar="PID", help="End when this process, which started it, ends.")
def work(once: bool, under: int | None) -> None:
    """Carry out the jobs that pages start (exports, papers, plans), one at a time, until stopped."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if under is not None:
        threading.Thread(target=_end_with, args=(under,), daemon=True).start()
    asyncio.run(_work(once))


async def _work(once: bool) -> None:
    # Django's own connection cannot listen for new jobs; the worker's can. What a job itself does runs on Django's.
    worker = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with worker.open_async():
        await actions.take_up_abandoned(worker)
        keeping = asyncio.create_task(_keep_house(worker))
        await worker.run_worker_async(wait=not once, listen_notify=not once, shutdown_graceful_timeout=5)
        keeping.cancel()


def _end_with(pid: int) -> None:
    """A server that is killed cannot end its worker: the worker looks for itself."""
    while os.getppid() == pid:
        time.sleep(1)
    os._exit(0)


async def _keep_house(worker: App) -> None:
    while True:
        await asyncio.sleep(30)
        try:
            await actions.take_up_abandoned(worker)
            await asyncio.to_thread(_throw_away_old)
        except Exception:  # the database is away: it will be back, and so shall we
            log.warning("could not look after abandoned jobs", exc_info=True)


def _throw_away_old() -> None:
    try:
        actions.throw_away_old(at=now())
    finally:
        connection.close()

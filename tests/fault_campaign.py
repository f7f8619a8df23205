"""The fault campaign: a whole stage through the public API while the network, the server and the database fail.

    python tests/fault_campaign.py --families 11000 --faults 0.45 --photos 0.2 --batch 12 --kill-web 100 --kill-database 20

plays it in the house of ``SALUR_HOME`` (an empty one) and prints one JSON object: what was done to it, and what was lost or doubled. It
counts from what the phones said, not from what the house believes. Exit code 1 when anything is wrong. ``--forgetful`` is the control: a
server that forgets what it took in before, over an inbox without its key; the campaign has to find it out.
"""

import argparse
import contextlib
import errno
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django
import psutil

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "salur.web.settings")
sys.path[:0] = [
    str(Path(__file__).resolve().parent)
]  # the control's server is found by its name, `forgetful:application`
django.setup()

from django.db import connection  # noqa: E402

from salur.lib.database import salur_home  # noqa: E402
from salur.lib.database.server import EmbeddedServer  # noqa: E402
from salur.programmes.actions import stage_by_code  # noqa: E402
from salur.simulate.actions import simulate_campaign  # noqa: E402
from salur.simulate.handset import Traffic  # noqa: E402
from salur.simulate.server import APPLICATION, OwnServer  # noqa: E402
from salur.simulate.whole_stage import Played  # noqa: E402
from salur.web.ready import ready_database  # noqa: E402
from salur.web.verify import verify  # noqa: E402

TOLD_FULL = 6  # answers 503 before there is room again


class Havoc:
    """Kills what answers, in the middle of answering, every so many answers, until as many were killed as were asked for."""

    def __init__(
        self, server: OwnServer, *, web: int, database: int, disk: int, answers_between: int, seed: int
    ) -> None:
        self.server, self.rng, self.between = server, random.Random(seed), answers_between
        self.plan = ["web"] * web + ["database"] * database + ["disk"] * disk
        self.rng.shuffle(self.plan)
        self.killed: Counter[str] = Counter()
        self.gave_up = 0  # how often the web server ended itself, and its keeper started it again
        self._master: int | None = None
        self.failed: list[Exception] = []
        self.answered = self.refused = lambda: 0

    @contextlib.contextmanager
    def __call__(self) -> Any:
        connection.close()
        over = threading.Event()
        killing = threading.Thread(target=self._kill_until, args=(over,))
        killing.start()
        try:
            yield
        finally:
            over.set()
            killing.join()
            self._up_again()
            connection.close()
        if self.failed:
            raise self.failed[0]

    def _kill_until(self, over: threading.Event) -> None:
        try:
            self._watch(over)
        except Exception as error:  # noqa: BLE001 — raised where the round ends
            self.failed.append(error)

    def _watch(self, over: threading.Event) -> None:
        due = self.answered() + self.rng.randint(1, self.between)
        while not over.is_set():
            time.sleep(0.005)
            assert self.server.process is not None
            assert self.server.process.poll() is None, "the keeper of the server ended"
            self._look_at_master()
            if self.plan and self.answered() >= due:
                self._kill(self.plan.pop(), over)
                due = self.answered() + self.rng.randint(1, 2 * self.between)

    def _look_at_master(self) -> psutil.Process | None:
        """The web server's own process below its keeper, when it runs."""
        assert self.server.process is not None
        try:
            kept = psutil.Process(self.server.process.pid).children()
            master = next((one for one in kept if "granian" in one.cmdline()), None)
        except psutil.NoSuchProcess:
            return None
        if master is not None and master.pid != self._master:
            self.gave_up += self._master is not None
            self._master = master.pid
        return master

    def _kill(self, what: str, over: threading.Event) -> None:
        if what == "web":
            self._kill_web(self.rng.random())
        elif what == "disk":
            self._fill_disk(over)
        else:
            database = EmbeddedServer(salur_home())._process()
            assert database is not None
            beside = database.children()
            backends = [one for one in beside if " salur " in " ".join(one.cmdline())]
            if backends and self.rng.random() < 0.5:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.rng.choice(backends).kill()
                self.killed["database backend"] += 1
                # The server ends everything beside it when it notices, a moment later: a round that ended before would take it for up again.
                psutil.wait_procs(beside, timeout=5)
                self._wait_for_database()
            else:
                database.kill()
                with contextlib.suppress(psutil.NoSuchProcess):
                    database.wait(30)
                self.killed["database server"] += 1
                self._wait_for_database()  # whoever watches over it starts it again

    def _kill_web(self, lot: float) -> None:
        """Mostly a worker, which its master replaces; now and then the master, whom the keeper replaces; or everything, as systemd would see it."""
        assert self.server.process is not None
        master = self._look_at_master()
        workers = master.children(recursive=True) if master is not None else []
        if lot < 0.75 and workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                self.rng.choice(workers).kill()
            self.killed["web worker"] += 1
        elif lot < 0.9 and master is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                master.kill()
            self._master = None  # it did not give up
            self.killed["web master"] += 1
        else:
            keeper = psutil.Process(self.server.process.pid)
            for one in [keeper, *keeper.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            self.server.process.wait()
            self._master = None
            self.killed["web server"] += 1
            self.server.start()

    def _wait_for_database(self) -> None:
        until = time.monotonic() + 300
        while not EmbeddedServer(salur_home()).is_ready():
            assert time.monotonic() < until, "nobody started the database again"
            time.sleep(0.05)

    def _fill_disk(self, over: threading.Event) -> None:
        """Until phones were told several times that the server cannot write; then there is room again. Where they fell silent before, anew."""
        ballast = salur_home() / "ballast"
        before, until, size = self.refused(), time.monotonic() + 300, 65_536
        disk = os.statvfs(ballast.parent)
        with ballast.open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - size)
            while self.refused() < before + TOLD_FULL and not over.is_set():
                assert time.monotonic() < until, "the disk is full and nobody notices"
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size = max(4096, size // 16)  # to the last page; what the database frees is taken from it again
                    time.sleep(0.001)
        ballast.unlink()
        if over.is_set():
            self.plan.insert(0, "disk")
        else:
            self.killed["disk full"] += 1

    def _up_again(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                connection.close()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                return
            except Exception:  # noqa: BLE001 — it recovers; whoever waits for it too long is told
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)


def audit(code: str, played: Played) -> dict[str, Any]:
    """What is wrong, by what the phones said: their events, their payments, each once."""
    stage = stage_by_code(code).id
    said = Counter({id: 1 for handset in played.handsets for id in handset.said})
    paid = {id: amount_rp for handset in played.handsets for id, amount_rp in handset.paid.items()}
    with connection.cursor() as cursor:

        def rows(statement: str) -> list[Any]:
            cursor.execute(statement, [stage])
            return cursor.fetchall()

        events = Counter(id for (id,) in rows("SELECT id FROM field_event WHERE stage IN (0, %s)"))
        moved = rows(
            """SELECT t.id, t.amount_rp FROM ledger_transfer AS t LEFT JOIN custody_movement AS m ON m.id = t.id
            LEFT JOIN payments_void AS v ON v.id = t.id WHERE t.stage = %s AND m.id IS NULL AND v.id IS NULL"""
        )
        twice = rows(
            """SELECT count(*) FROM (SELECT p.entitlement FROM payments_payment AS p WHERE p.stage = %s AND NOT EXISTS (
                SELECT FROM payments_void AS v WHERE (v.stage, v.branch, v.entitlement, v.round) = (p.stage, p.branch, p.entitlement, p.round))
            GROUP BY p.branch, p.entitlement HAVING count(*) > 1) AS s"""
        )[0][0]
        sum_rp = rows("SELECT coalesce(sum(debits_rp - credits_rp), 0)::bigint FROM ledger_account WHERE stage = %s")[
            0
        ][0]
    moves = Counter(id for id, _ in moved)
    broken = [f"{check.name}: {check.examples}" for check in verify() if not check.ok]
    return {
        "payments": len(paid),
        "unanswered": sum(len(handset.outbox) + len(handset.photos) for handset in played.handsets),
        "lost_events": len(said - events),
        "doubled_events": sum((events - said).values()),
        "lost_payments": sum(1 for id in paid if id not in moves),
        "doubled_payments": sum((moves - Counter(dict.fromkeys(paid, 1))).values()) + twice,
        "amounts_differ": sum(1 for id, amount_rp in moved if id in paid and paid[id] != amount_rp),
        "ledger_sum_rp": sum_rp,
        "difference_rp": played.closed["difference_rp"],
        "broken": broken,
    }


def forget() -> None:
    """The control: without the inbox's key the database cannot tell a repetition from something new."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT conrelid::regclass::text, conname FROM pg_constraint
            WHERE contype = 'p' AND conrelid = 'field_event'::regclass"""
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=int, default=250)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--faults", type=float, default=0.4)
    parser.add_argument("--photos", type=float, default=0.1)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--kill-web", type=int, default=0)
    parser.add_argument("--kill-database", type=int, default=0)
    parser.add_argument("--fill-disk", type=int, default=0, help="only where the home is a small disk of its own")
    parser.add_argument("--answers-between", type=int, default=40, help="how many answers lie between two kills, about")
    parser.add_argument("--forgetful", action="store_true")
    wish = parser.parse_args()
    began = time.monotonic()

    def say(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {what}\n")
        sys.stderr.flush()

    ready_database()
    if wish.forgetful:
        forget()
    application = "forgetful:application" if wish.forgetful else APPLICATION
    with OwnServer(application=application, env={"PYTHONPATH": os.pathsep.join(sys.path)}) as server:
        havoc = Havoc(
            server, web=wish.kill_web, database=wish.kill_database, disk=wish.fill_disk, answers_between=wish.answers_between, seed=wish.seed,
        )  # fmt: skip

        def watch(traffic: Traffic) -> None:
            havoc.answered = lambda: traffic.answered
            havoc.refused = lambda: traffic.refused[503]

        code, played = simulate_campaign(
            stage_code=None, seed=wish.seed, count=wish.families, folder=salur_home() / "simulate", faults=wish.faults,
            photos=wish.photos, batch=wish.batch, say=say, server=server, disturb=havoc, watch=watch,
        )  # fmt: skip
    found = audit(code, played)
    traffic = played.traffic
    told = {
        "seconds": round(time.monotonic() - began, 1), "families": wish.families, "seed": wish.seed, "phones": played.phones,
        "events": sum(played.made.values()), "requests": traffic.requests, "network_faults": sum(traffic.faults.values()),
        "faults": dict(traffic.faults), "broken_connections": traffic.broken, "refused": {str(k): v for k, v in traffic.refused.items()},
        "killed": dict(havoc.killed), "gave_up": havoc.gave_up, "answers": dict(traffic.answers), "photos": traffic.photos, "cases": played.cases,
        "ledger_sha256": played.ledger_sha256, **found,
    }  # fmt: skip
    wrong = [name for name, value in found.items() if name != "payments" and value not in (0, [])]
    sys.stdout.write(json.dumps({**told, "wrong": wrong}) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

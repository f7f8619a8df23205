"""The machine is lost in the middle of a campaign: base backup and archived log bring back every second that was acknowledged."""

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from salur.lib.database.server import EmbeddedServer

LINES, BATCH = 6_000, 10

# Pays batch after batch and writes down when each began and when it was acknowledged: "7 began 1646…" "7 ended 1646…".
PAYER = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "salur.web.settings"
import django
django.setup()
from datetime import UTC, datetime
from django.db import connection
from salur.lib.ids import uuid7
from salur.payments.actions import record_payments
from salur.payments.rules import Channel, Payment
with connection.cursor() as cursor:
    cursor.execute("SELECT stage, branch, id, amount_rp FROM danom_entitlement ORDER BY line")
    rows = cursor.fetchall()
for start in range(0, len(rows), BATCH):
    print(start // BATCH, "began", time.time(), flush=True)
    at = datetime.now(UTC)
    payments = [Payment(uuid7(at), row[2], 1, row[3], Channel.COMMUNITY, at) for row in rows[start : start + BATCH]]
    record_payments(stage=rows[0][0], branch=rows[0][1], payments=payments, at=at)
    print(start // BATCH, "ended", time.time(), flush=True)
    time.sleep(0.02)
"""


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A place on another disk, as it were, that the database's account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="salur-elsewhere-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def empty_home(home: Any, elsewhere: Path) -> Iterator[Path]:
    folder = elsewhere / "home"
    folder.mkdir()
    yield folder
    EmbeddedServer(folder).erase()


def moments(told: str) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {"began": {}, "ended": {}}
    for line in told.splitlines():
        batch, what, when = line.split()
        found[what][int(batch)] = float(when)
    return found


@pytest.mark.slow
@pytest.mark.faults
def test_a_running_campaign_is_restored_to_a_random_second_in_an_empty_home(
    home: Any, elsewhere: Path, empty_home: Path
) -> None:
    danom = home.folder / "drill.csv"
    home("simulate", "danom", "--lines", LINES, "--seed", 3, "--out", danom)
    batch = home("danom", "import", danom, "--stage", "S1")["batch"]
    home("danom", "approve", batch, "--as", "checker")
    home("db", "archive", elsewhere / "archive")

    ledger = elsewhere / "paid.txt"
    with ledger.open("w") as out:
        payer = subprocess.Popen(
            [sys.executable, "-c", PAYER.replace("BATCH", str(BATCH))], stdout=out, env=home.environment
        )
    while not ledger.read_text():
        assert payer.poll() is None
        time.sleep(0.05)
    kept = home("db", "backup", elsewhere / "bases")
    usable_from = datetime.fromisoformat(kept["usable_from"]).timestamp()
    assert payer.poll() is None, "the backup was made while families were paid"
    time.sleep(6)
    payer.kill()
    payer.wait()
    told = moments(ledger.read_text())
    last = max(told["ended"].values())
    superuser = EmbeddedServer(home.folder / "home").url.replace("salur@", "postgres@")
    with psycopg.connect(superuser, autocommit=True) as connection:
        hand_over_the_rest(connection)
    target = random.Random(11).uniform(usable_from, last)

    shutil.copy(home.folder / "home" / "secret.key", empty_home / "secret.key")
    home.environment |= {"SALUR_HOME": str(empty_home)}
    try:
        to = datetime.fromtimestamp(target, UTC).isoformat()
        home("db", "restore", kept["backup"], "--archive", elsewhere / "archive", "--to", to)
        assert home("verify")["ok"] is True
        again = home.measured("db", "restore", kept["backup"])
        assert (again.code, "holds a database" in again.said) == (2, True)
    finally:
        home.environment |= {"SALUR_HOME": str(home.folder / "home")}

    with psycopg.connect(EmbeddedServer(empty_home).url) as connection:
        (paid,) = connection.execute("SELECT count(*) FROM payments_payment").fetchone()  # type: ignore[misc]
    acknowledged = sum(BATCH for moment in told["ended"].values() if moment <= target)
    begun = sum(BATCH for moment in told["began"].values() if moment <= target)
    assert acknowledged <= paid <= begun, "all that was acknowledged by then, nothing that had not begun"
    assert 0 < acknowledged < BATCH * len(told["ended"]), "a moment within the campaign"


def hand_over_the_rest(connection: Any) -> None:
    """The segment that is being written goes to the archive too: what a minute's waiting would do."""
    (name,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    for _ in range(200):
        (archived,) = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
        if archived is not None and archived >= name:
            return
        time.sleep(0.1)
    raise AssertionError("the log is not handed over")


@pytest.mark.slow
def test_a_moment_that_the_archive_does_not_reach_is_refused_and_the_home_stays_empty(
    home: Any, elsewhere: Path, empty_home: Path
) -> None:
    kept = home("db", "backup", elsewhere / "bases")
    home.environment |= {"SALUR_HOME": str(empty_home)}
    try:
        done = home.measured("db", "restore", kept["backup"], "--to", "2100-01-01T00:00:00+07:00")
        assert (done.code, "ends before 2099-12-31" in done.said) == (2, True), done.said
        assert not EmbeddedServer(empty_home).places.data.exists()
        nothing = home.measured("db", "restore", home.folder)
        assert (nothing.code, "is no base backup" in nothing.said) == (2, True)
    finally:
        home.environment |= {"SALUR_HOME": str(home.folder / "home")}

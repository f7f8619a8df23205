"""An import or an approval that is killed: nothing half is left, and the same command again gives what an undisturbed run gives."""

import os
import random
import signal
import subprocess
import time
from typing import Any

import pytest

from salur.danom.rules import COLUMNS

LINES = 60_000
SAME = ("lines", "accepted", "warned", "quarantined", "duplicates", "amount_rp", "reasons")


def killed_after(home: Any, seconds: float, *words: object) -> bool:
    """Start a verb and kill it, with all it started, after so long; false when it was done before."""
    running = home.start(*words)
    try:
        running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return True
    return False


def list_of(home: Any, stage: str) -> list[tuple[Any, ...]]:
    """What the list of a stage says, line by line; ids and moments differ from run to run."""
    with home.database() as connection:
        return connection.execute(
            """SELECT e.line, f.id, f.name, f.birth_date, f.sex, f.address, f.rt, f.rw, e.village, e.amount_rp, e.version, e.number
            FROM danom_entitlement AS e JOIN registry_family AS f ON (f.stage, f.id, f.branch) = (e.stage, e.family, e.branch)
            WHERE e.stage = (SELECT id FROM programmes_stage WHERE code = %s) ORDER BY e.line""",
            [stage],
        ).fetchall()


def batch_of(home: Any, name: str) -> list[tuple[Any, ...]]:
    """The batch of this name as it stands once no killed verb's session is left in the database."""
    with home.database() as connection:
        for _ in range(200):
            others = connection.execute(SESSIONS).fetchone()
            if others == (0,):
                break
            time.sleep(0.05)
        assert others == (0,), "a killed verb's session lives on"
        return connection.execute("SELECT state, lines, accepted FROM danom_batch WHERE name = %s", [name]).fetchall()


SESSIONS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def mend_sheet(home: Any, batch: str) -> list[str]:
    out = home.folder / f"{batch}.csv"
    home("danom", "quarantine", batch, "--out", out)
    rows = out.read_text().splitlines()
    assert all(column in rows[0] for column in COLUMNS)
    return [row.replace(batch, "") for row in rows]


@pytest.mark.faults
@pytest.mark.slow
def test_killed_at_ten_random_moments_the_same_command_then_equals_an_undisturbed_run(home):
    listed = home.folder / "danom.csv"
    home("simulate", "danom", "--lines", LINES, "--seed", 11, "--damage", "0.05", "--out", listed)
    undisturbed = home.measured("danom", "import", listed, "--stage", "S1", "--batch", "undisturbed")
    importing = ("danom", "import", listed, "--stage", "S2", "--batch", "killed")
    before = home.counts()

    chance = random.Random(5)
    kills = 0
    for _ in range(40):
        kills += killed_after(home, chance.uniform(0.2, 0.95) * undisturbed.seconds, *importing)
        if batch_of(home, "killed") == []:
            assert home.counts() == before
        else:  # it was done before the kill came: cancelled, so that the next one begins anew
            home("danom", "cancel", "killed")
            before = home.counts()
        if kills == 10:
            break
    assert kills == 10
    again = home("danom", "import", listed, "--stage", "S2", "--batch", "killed")
    assert [again[key] for key in SAME] == [undisturbed.data[key] for key in SAME]
    assert mend_sheet(home, "killed") == mend_sheet(home, "undisturbed")

    approved = home.measured("danom", "approve", "undisturbed", "--as", "pusat")
    kills = 0
    for _ in range(5):
        kills += killed_after(
            home, chance.uniform(0.3, 0.95) * approved.seconds, "danom", "approve", "killed", "--as", "pusat"
        )
        batch_of(home, "killed")
        # Whole or invisible: payments see all of a batch or nothing of it.
        assert len(list_of(home, "S2")) in (0, again["accepted"])
    assert kills
    assert home("danom", "approve", "killed", "--as", "pusat")["state"] == "approved"
    assert len(list_of(home, "S1")) == undisturbed.data["accepted"]
    versions = {row[-2] for row in list_of(home, "S2")}
    assert len(versions) == 1
    assert [row[:-2] + row[-1:] for row in list_of(home, "S2")] == [row[:-2] + row[-1:] for row in list_of(home, "S1")]
    assert home("verify")["ok"] is True

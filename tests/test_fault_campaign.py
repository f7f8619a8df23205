"""A stage through the public API while the network, the server and the database are killed: nothing is lost, nothing is doubled.

``SALUR_FAULTS=long pytest tests/test_fault_campaign.py`` plays the long one (more than ten thousand payments, five thousand faults of the
network, a hundred kills of the server and twenty of the database; some twenty minutes).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import salur
from salur.lib.database.server import EmbeddedServer

ROOT = Path(salur.__file__).resolve().parents[1]
LONG = os.environ.get("SALUR_FAULTS") == "long"

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def played(folder: Path, *words: object) -> tuple[int, dict[str, Any], str]:
    """Play it in a house of its own: exit code, what was found, and what was said on the side."""
    home = folder / "home"
    home.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "SALUR_DATABASE_URL"}
    try:
        done = subprocess.run(
            [sys.executable, "tests/fault_campaign.py", *map(str, words)], cwd=ROOT, env=environment | {"SALUR_HOME": str(home)},
            capture_output=True, text=True, timeout=7200 if LONG else 1200,
        )  # fmt: skip
    finally:
        EmbeddedServer(home).erase()
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr[-3000:]


def test_killed_and_cut_off_it_loses_nothing_and_doubles_nothing_and_moves_the_same_money(tmp_path: Path):
    size: tuple[object, ...] = ("--families", 250, "--kill-web", 4, "--kill-database", 3, "--answers-between", 30)
    least = {"payments": 200, "network_faults": 100, "web": 4, "database": 3}
    if LONG:
        size = ("--families", 11_000, "--photos", 0.2, "--batch", 12, "--kill-web", 110, "--kill-database", 24, "--answers-between", 45)  # fmt: skip
        least = {"payments": 10_000, "network_faults": 5_000, "web": 100, "database": 20}
    code, found, said = played(tmp_path, *size, "--faults", 0.45)
    assert (code, found.get("wrong")) == (0, []), said
    killed = found["killed"]
    done = {
        "payments": found["payments"],
        "network_faults": found["network_faults"],
        "web": sum(count for what, count in killed.items() if what.startswith("web")),
        "database": sum(count for what, count in killed.items() if what.startswith("database")),
    }
    assert all(done[name] >= least[name] for name in least), done
    # The same seed without any disturbance: the same transfers, to the last one.
    calm, undisturbed, said = played(
        tmp_path / "calm", "--families", size[1], "--faults", 0, *(("--photos", 0.2) if LONG else ())
    )
    assert (calm, undisturbed["network_faults"]) == (0, 0), said
    assert undisturbed["ledger_sha256"] == found["ledger_sha256"]


def test_a_server_that_forgets_what_it_took_in_is_found_out(tmp_path: Path):
    """The control: with its idempotency off, the same campaign must fail."""
    code, found, said = played(tmp_path, "--families", 250, "--faults", 0.45, "--forgetful")
    assert code == 1, said
    assert found["doubled_payments"] > 0
    assert found["doubled_events"] > 0

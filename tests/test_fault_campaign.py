"""A stage through the public API while the network, the server and the database are killed: nothing is lost, nothing is doubled.

``SALUR_FAULTS=long pytest tests/test_fault_campaign.py`` plays the long one (more than ten thousand payments, five thousand faults of the
network, a hundred kills of the server and twenty of the database; some twenty minutes).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import salur
from salur.lib.database.server import EmbeddedServer

ROOT = Path(salur.__file__).resolve().parents[1]
LONG = os.environ.get("SALUR_FAULTS") == "long"
PATIENCE_S = 7200 if LONG else 400

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(2.5 * PATIENCE_S)]


def played(folder: Path, *words: object, before: Sequence[str] = ()) -> tuple[int, dict[str, Any], str]:
    """Play it in a house of its own: exit code, what was found, and what was said on the side."""
    home = folder / "home"
    home.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "SALUR_DATABASE_URL"}
    command = [*before, sys.executable, "tests/fault_campaign.py", *map(str, words)]
    playing = subprocess.Popen(
        command, cwd=ROOT, env=environment | {"SALUR_HOME": str(home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        answer, said = playing.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(playing.pid, signal.SIGKILL)  # with its phones and servers, which hold our ends of its pipes
        answer, said = "", f"It did not end in {PATIENCE_S} seconds.\n" + playing.communicate()[1][-3000:]
    finally:
        EmbeddedServer(home).erase()
    return playing.returncode, json.loads(answer) if answer else {}, said[-3000:]


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


# In a mount namespace of its own, which ends with it: the house lies on a small disk.
ON_A_SMALL_DISK = """
set -e
mount -t tmpfs -o size=300m,mode=755 tmpfs "$1"
shift
mkdir -p "$SALUR_HOME/postgres"
chmod 711 "$SALUR_HOME"
printf "max_wal_size = '64MB'\nmin_wal_size = '32MB'\n" > "$SALUR_HOME/postgres/local.conf"
set +e
"$@"
code=$?
"$PYTHON" -m salur db stop >&2
exit $code
"""


def may_mount(folder: Path) -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True)
    return tried.returncode == 0


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that the database's account may pass through, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="salur-disk-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_on_a_full_disk_phones_are_told_to_wait_and_nothing_is_lost(reachable: Path, monkeypatch: pytest.MonkeyPatch):
    """What was acknowledged is durable; every refusal says when to come back; when there is room it goes on by itself."""
    if not may_mount(reachable):
        pytest.skip("only root may mount a small disk")
    monkeypatch.setenv("PYTHON", sys.executable)
    code, found, said = played(
        reachable, "--families", 250, "--photos", 0.8, "--batch", 20, "--faults", 0.2, "--fill-disk", 1, "--answers-between", 5,
        before=["unshare", "-m", "sh", "-c", ON_A_SMALL_DISK, "sh", str(reachable)],
    )  # fmt: skip
    assert (code, found.get("wrong")) == (0, []), said
    assert found["killed"] == {"disk full": 1}
    assert found["refused"]["503"] >= 6, "phones were told to wait"


def test_a_server_that_forgets_what_it_took_in_is_found_out(tmp_path: Path):
    """The control: with its idempotency off, the same campaign must fail."""
    code, found, said = played(tmp_path, "--families", 250, "--faults", 0.45, "--forgetful")
    assert code == 1, said
    assert found["doubled_payments"] > 0
    assert found["doubled_events"] > 0

"""A whole stage in one command, from the ministry's list to closed books. That one seed moves the same money: tests/test_fault_campaign.py."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import salur
from salur.lib.database.server import EmbeddedServer

ROOT = Path(salur.__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


class House:
    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"

    def __call__(self, *words: object) -> tuple[int, dict[str, Any], str]:
        environment = {name: value for name, value in os.environ.items() if name != "SALUR_DATABASE_URL"}
        done = subprocess.run(
            [sys.executable, "-m", "salur", *map(str, words), "--json"], cwd=ROOT, env=environment | {"SALUR_HOME": str(self.home)},
            capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr[-2000:]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("simulated")
    yield House(folder)
    EmbeddedServer(folder / "home").erase()


@pytest.fixture(scope="module")
def stage(house: House) -> dict[str, Any]:
    code, data, said = house(
        "simulate", "campaign", "--families", 500, "--seed", 7, "--photos", "0.1", "--faults", "0.1"
    )
    assert code == 0, said
    return data


def test_every_entitlement_has_its_ending_and_the_cash_its_place(stage):
    closed = stage["closed"]
    assert len(closed["branches"]) == 2
    assert closed["allocated"] == 500
    assert closed["allocated"] == closed["paid"] + closed["returned"] + closed["held"] + closed["disputed"]
    assert (closed["difference_rp"], closed["vault_rp"], closed["suspense_rp"]) == (0, 0, 0)


def test_what_goes_wrong_in_the_field_happens_and_becomes_cases(stage):
    assert stage["paid_by_two_phones"] >= 1
    assert stage["answers"]["SUSPENSE_ALREADY_PAID"] == stage["paid_by_two_phones"] == stage["cases"]["double_payment"]
    assert stage["cases"]["unsettled_float"] == 2  # each branch's thief
    assert {"OPEN", "PAY", "UNPAID", "EVID", "VOID", "CASH", "CLOSE"} == set(stage["by_kind"])
    assert sum(stage["answers"].values()) == stage["events"]
    assert stage["photos"] > 0
    assert sum(stage["faults"].values()) > 0


def test_the_meeting_ranks_the_branches(stage):
    ranking = stage["evaluation"]["ranking"]
    assert [row["rank"] for row in ranking] == [1, 2]
    assert sum(row["paid"] for row in ranking) == stage["closed"]["paid"]


def test_every_invariant_holds_afterwards(house, stage):
    code, data, said = house("verify")
    broken = [check for check in data["checks"] if not check["ok"]]
    assert (code, broken) == (0, []), said


def test_a_stage_that_was_played_is_not_played_again(house, stage):
    code, _, said = house("simulate", "campaign", "--families", 500, "--seed", 7)
    assert code == 2
    assert "another --seed" in said


def test_what_cannot_be_played_is_said_in_one_sentence(house, stage):
    for words, sentence in (
        (("--stage", "NOWHERE"), "NOWHERE"),
        (("--stage", "SIM-7"), "has paid already"),
        (("--stage", "SIM-7", "--small"), "has its own list"),
        (("--speed", "fast"), "write max"),
    ):
        code, _, said = house("simulate", "campaign", *words)
        assert code == 2
        assert sentence in said

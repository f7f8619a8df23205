"""The long fault runs, whole: what of a stage and of a phone's day is lost or doubled while line, server, database and browser are killed.

Only when asked for (``python -m bench --only faults``, an hour or more): the runs are the tests' own (``tests/fault_campaign.py`` and
``tests/browser/test_fault_run.py``), at the size that was asked for. The figures are what was lost and doubled, with what was done in the note.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bench import Figure
from salur.lib.database.server import EmbeddedServer

ROOT = Path(__file__).resolve().parents[1]
CAMPAIGN = ("--families", "11000", "--photos", "0.2", "--batch", "12", "--kill-web", "110", "--kill-database", "24",
            "--answers-between", "45", "--faults", "0.45")  # fmt: skip
PHONE = "10000,5000,300"  # records, faults, kills


def figures() -> Iterator[Figure]:
    if "faults" not in sys.argv:
        return
    yield from campaign()
    yield from phone()


def campaign() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = {name: value for name, value in os.environ.items() if name != "SALUR_DATABASE_URL"}
        try:
            done = subprocess.run(
                [sys.executable, "tests/fault_campaign.py", *CAMPAIGN], cwd=ROOT, env=environment | {"SALUR_HOME": str(home)},
                stdout=subprocess.PIPE, check=False,
            )  # fmt: skip
        finally:
            EmbeddedServer(home).erase()
    found = json.loads(done.stdout)
    killed = found["killed"]
    web = sum(count for what, count in killed.items() if what.startswith("web"))
    database = sum(count for what, count in killed.items() if what.startswith("database"))
    note = (
        f"{found['payments']:,} payments, {found['network_faults']:,} faults of the network, {web} kills of the web process, {database} of"
        f" PostgreSQL in {found['seconds'] / 60:.0f} minutes; ledger sum {found['ledger_sum_rp']}, checks that fail: {len(found['broken'])}"
    )
    yield count("fault_campaign_lost", "events and payments", found["lost_events"] + found["lost_payments"], note)
    yield count(
        "fault_campaign_doubled", "events and payments", found["doubled_events"] + found["doubled_payments"], note
    )


def phone() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = (
            "-q",
            "tests/browser/test_fault_run.py",
            "-k",
            "nothing_is_lost",
            "-p",
            "no:cacheprovider",
            "--timeout=0",
            f"--junitxml={report}",
        )
        subprocess.run(
            [sys.executable, "-m", "pytest", *words], cwd=ROOT, env=os.environ | {"SALUR_BAD_LUCK": PHONE}, stdout=sys.stderr, check=False
        )  # fmt: skip
        told = {each.get("name"): each.get("value") for each in ElementTree.parse(report).iter("property")}
    found: dict[str, Any] = json.loads(told["run"] or "{}")
    note = (
        f"{found['records']:,} records, {found['faults']:,} faults of the line, {found['kills']} kills of the browser in"
        f" {found['seconds'] / 60:.0f} minutes; {found['receipts']:,} receipts shown, {found['photos']:,} photos;"
        f" wrong: {found['wrong'] or 'nothing'}"
    )
    yield count("phone_faults_lost", "records", found["lost"], note)
    yield count("phone_faults_doubled", "records", found["doubled"], note)


def count(name: str, unit: str, value: int, note: str) -> Figure:
    return Figure(name, value, unit, None, None, [value], note)

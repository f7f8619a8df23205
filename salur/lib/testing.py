"""A database of its own for each test run, there before Django's settings are read (``-p salur.lib.testing`` in pyproject.toml).

``SALUR_DATABASE_URL`` runs the suite on a real server instead; ``SALUR_TEST_HOME`` keeps a home between runs, which saves the seconds
that a fresh embedded database takes.
"""

import os
import tempfile
from pathlib import Path

import pytest

_KEPT = os.environ.get("SALUR_TEST_HOME")
_TEMPORARY = None if _KEPT else tempfile.TemporaryDirectory(prefix="salur-test-")
os.environ["SALUR_HOME"] = _KEPT or Path(_TEMPORARY.name).joinpath("home").as_posix()  # type: ignore[union-attr]


def pytest_sessionstart(session: pytest.Session) -> None:
    from salur.lib import database  # noqa: PLC0415  after the settings of the test run

    database.ensure_running()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Say what failed at once: the end of a run that is cut off is never printed."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(  # noqa: T201
            f"\n{report.nodeid} failed after {report.duration:.0f} s\n{report.longreprtext[-4000:]}", flush=True
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    from salur.lib import database  # noqa: PLC0415  after the settings of the test run

    if "SALUR_DATABASE_URL" not in os.environ and not _KEPT:
        database.erase()  # as root its data may lie outside the temporary home
    if _TEMPORARY is not None:
        _TEMPORARY.cleanup()

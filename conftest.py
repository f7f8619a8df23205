"""What every test may use: the fixed cast of a small post office, and the public data beside the project where it is present."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public area codes, names and boundaries (../shared/data); tests that need them are skipped where they are absent."""
    folder = Path(__file__).resolve().parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the public area data in ../shared/data")
    return folder

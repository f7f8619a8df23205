"""After a list has come, waited, been approved and partly quarantined, no NIK and no card number is in clear anywhere but in the file."""

import re
from pathlib import Path
from typing import Any

import pytest

LINES = 20_000
# Every number that `simulate danom` makes; hexadecimal digits around it would be part of a hash or a sealed text.
NUMBER = re.compile(r"(?<![0-9a-f])99[0-9]{14}(?![0-9a-f])")


@pytest.fixture(scope="module")
def lists(home: Any) -> Any:
    """One batch approved, one that waits, one cancelled, all with damaged lines."""
    for seed, stage, batch in ((1, "S1", "approved"), (2, "S1", "waits"), (3, "S2", "cancelled")):
        listed = home.folder / f"{batch}.csv"
        home(
            "simulate",
            "danom",
            "--lines",
            LINES,
            "--seed",
            seed,
            "--damage",
            "0.1",
            "--cosmetic",
            "0.05",
            "--out",
            listed,
        )
        home("danom", "import", listed, "--stage", stage, "--batch", batch)
    home("danom", "approve", "approved", "--as", "pusat")
    home("danom", "cancel", "cancelled")
    home("danom", "batches")
    home("danom", "allocation", "--stage", "S1", "--by", "village")
    for verb in (("danom", "approve", "waits"), ("danom", "import", home.folder / "none.csv", "--stage", "S1")):
        assert home.measured(*verb).code == 2
    return home


def test_what_the_numbers_look_like(lists):
    """The test looks for the right thing: the file is full of it."""
    text = (lists.folder / "approved.csv").read_text()
    assert len(NUMBER.findall(text)) > LINES


def test_a_dump_of_all_tables_holds_no_number_in_clear(lists):
    dumped = 0
    with lists.database() as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        ]
        for table in tables:
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:  # type: ignore[arg-type]
                for row in copy:
                    text = bytes(row).decode()
                    dumped += 1
                    assert NUMBER.search(text) is None, f"{table}: {NUMBER.sub('99…', text)}"
                    # Nor as the bytes of its digits, which a dump writes as 3939….
                    assert not re.search(r"3939(3[0-9]){14}", text), table
    assert dumped > 2 * LINES


def test_output_and_warnings_hold_no_number_in_clear(lists):
    said = "\n".join(lists.spoken)
    assert len(said) > 1_000
    assert NUMBER.search(said) is None


@pytest.mark.slow
def test_no_file_of_the_house_holds_a_number_in_clear(lists):
    """Data files, the log of changes, the server's log, temporary files: what a thief of the disk would have."""
    numbers = {
        number
        for batch in ("approved", "waits", "cancelled")
        for number in NUMBER.findall((lists.folder / f"{batch}.csv").read_text())
    }
    with lists.database() as connection:
        connection.execute("CHECKPOINT")
        data = Path(connection.execute("SHOW data_directory").fetchone()[0])
    pattern = re.compile(rb"99[0-9]{14}")
    searched = 0
    for folder in {Path(lists.environment["SALUR_HOME"]).resolve(), data.resolve()}:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                searched += len(content)
                found = {match.decode() for match in pattern.findall(content)} & numbers
                assert not found, path
    assert searched > 10_000_000

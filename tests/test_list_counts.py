"""A list made with known damage is found damaged exactly so: `salur simulate danom` puts in what `salur danom import` counts."""

import csv
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from salur.danom.commands import danom
from salur.danom.rules import COLUMNS, ERRORS
from salur.offices.models import Coverage
from salur.programmes.commands import programmes
from salur.simulate.commands import simulate
from salur.simulate.damage import PAIR, SINGLE

PROGRAMMES = """
[[programme]]
code = "SEMBAKO"
name = "Kartu Sembako"
amount_ceiling_rp = 4_000_000
[[programme.stage]]
code = "S2"
period = "2022-04/2022-06"
opens = 2022-06-20
deadline = 2022-08-05
[[programme]]
code = "PKH"
name = "Program Keluarga Harapan"
amount_ceiling_rp = 4_000_000
[[programme.stage]]
code = "P2"
period = "2022-04/2022-06"
opens = 2022-06-20
deadline = 2022-08-05
"""
WITHIN_A_FILE = sorted([*SINGLE, *PAIR, "amount_ceiling"])


@pytest.fixture
def stages(office, typed, tmp_path) -> None:
    """Stage S2 with an empty list and P2 of another programme; one village has no office."""
    (tmp_path / "programmes.toml").write_text(PROGRAMMES)
    assert typed(programmes, "import", tmp_path / "programmes.toml").code == 0
    Coverage.objects.filter(village=3511012002).delete()


def errors(reasons: dict[str, int]) -> int:
    return sum(count for reason, count in reasons.items() if reason in ERRORS)


def test_twenty_thousand_lines_with_every_kind_of_damage_are_counted_exactly(stages, typed, tmp_path):
    earlier, other = tmp_path / "earlier.csv", tmp_path / "pkh.csv"
    common = ("--seed", 7, "--out")
    typed(simulate, "danom", "--lines", 4_000, *common, earlier)
    typed(simulate, "danom", "--lines", 4_000, *common, other, "--earlier", earlier)
    for path, stage in ((earlier, "S2"), (other, "P2")):
        sound = typed(danom, "import", path, "--stage", stage)
        assert (sound.code, sound.data["accepted"], sound.data["reasons"]) == (0, 4_000, {})
        assert typed(danom, "approve", sound.data["batch"], "--as", "pusat").code == 0
    out = tmp_path / "supplement.csv"
    made = typed(
        simulate, "danom", "--lines", 20_000, *common, out, "--damage", 0.3, "--cosmetic", 0.1, "--earlier", earlier, "--other-programme", other
    )  # fmt: skip
    found = typed(danom, "import", out, "--stage", "S2")
    assert found.data["reasons"] == made.data["reasons"]
    assert {"nik_in_stage", "nik_in_other_programme", "village_without_office"} < made.data["reasons"].keys()
    assert found.data["lines"] == 20_000 == found.data["accepted"] + found.data["quarantined"]
    assert found.data["quarantined"] == errors(made.data["reasons"])
    assert found.data["warned"] == sum(made.data["reasons"].values()) - found.data["quarantined"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.integers(1, 120),
    seed=st.integers(0, 2**31),
    kinds=st.dictionaries(st.sampled_from(WITHIN_A_FILE), st.floats(0, 0.06), max_size=9),
    ending=st.sampled_from(["csv", "csv.gz", "parquet", "xlsx"]),
)
def test_any_small_list_is_counted_exactly_and_no_line_disappears(stages, typed, tmp_path, lines, seed, kinds, ending):
    out = tmp_path / f"list.{ending}"
    shares = [word for kind, share in kinds.items() for word in ("--kind", f"{kind}={share:.4f}")]
    made = typed(simulate, "danom", "--lines", lines, "--seed", seed, "--out", out, *shares)
    assume(made.code == 0)  # else so much damage does not fit so few lines
    with transaction.atomic():
        found = typed(danom, "import", out, "--stage", "S2")
        transaction.set_rollback(True)
    assert {reason: count for reason, count in made.data["reasons"].items() if count} == found.data["reasons"]
    assert found.data["lines"] == lines == found.data["accepted"] + found.data["quarantined"]
    assert found.data["quarantined"] == errors(found.data["reasons"])


@pytest.mark.parametrize("ending", ["csv.gz", "parquet", "xlsx"])
def test_the_same_lines_in_another_format_give_the_same_batch(stages, typed, tmp_path, ending):
    batches = []
    for path in (tmp_path / "list.csv", tmp_path / f"list.{ending}"):
        made = typed(
            simulate, "danom", "--lines", 2_000, "--seed", 4, "--damage", 0.4, "--cosmetic", 0.1, "--out", path
        )
        found = typed(danom, "import", path, "--stage", "S2")
        assert found.data["reasons"] == made.data["reasons"]
        sheet = tmp_path / "mend.csv"
        typed(danom, "quarantine", found.data["batch"], "--out", sheet)
        batches.append(({key: found.data[key] for key in SAME}, mend_lines(sheet)))
        assert typed(danom, "cancel", found.data["batch"]).code == 0
    assert batches[0] == batches[1]


SAME = ("lines", "accepted", "warned", "quarantined", "duplicates", "amount_rp", "reasons")


def mend_lines(path: Path) -> list[dict[str, str]]:
    """The lines to mend; a spreadsheet's also name their sheet, and every batch has its name."""
    with path.open(newline="", encoding="utf-8-sig") as sheet:
        return [{column: row[column] for column in (*COLUMNS, "baris", "alasan")} for row in csv.DictReader(sheet)]

"""`salur simulate danom`: the villages it takes, and what it answers."""

import json

import polars as pl
import pytest
from click.testing import CliRunner

from salur.areas.models import Area
from salur.offices.models import Coverage
from salur.simulate.article import article_villages
from salur.simulate.commands import simulate


def run(*arguments):
    return CliRunner().invoke(simulate, ["danom", *map(str, arguments)])


def answer(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_families_live_in_the_villages_that_an_office_serves(office, tmp_path):
    Area.objects.create(code=3511022002, name="Taman", level=4, first_vintage="2022-02", last_vintage="2022-02")
    found = answer("--lines", 30, "--seed", 1, "--out", tmp_path / "danom.csv")
    assert (found["lines"], found["villages"], found["reasons"]) == (30, 3, {})
    counted = pl.read_csv(tmp_path / "danom.csv", infer_schema=False)["kode_desa"].value_counts().sort("kode_desa")
    assert counted.rows() == [("3511012001", 10), ("3511012002", 10), ("3511022001", 10)]
    assert answer("--lines", 30, "--seed", 1, "--out", tmp_path / "danom.csv", "--everywhere")["villages"] == 4


def test_a_village_without_office_is_a_kind_of_damage_when_others_have_one(office, tmp_path):
    Coverage.objects.filter(village=3511022001).delete()
    arguments = ("--lines", 100, "--seed", 1, "--out", tmp_path / "danom.csv", "--kind")
    assert answer(*arguments, "village_without_office=0.1")["reasons"] == {"village_without_office": 10}
    assert (pl.read_csv(tmp_path / "danom.csv", infer_schema=False)["kode_desa"] == "3511022001").sum() == 10


def test_families_follow_the_population_by_kabupaten(office, tmp_path):
    Area.objects.create(code=3512, name="Kab. Situbondo", level=2, first_vintage="2022-02", last_vintage="2022-02")
    Area.objects.create(code=3512012001, name="Sumberejo", level=4, first_vintage="2022-02", last_vintage="2022-02")
    (tmp_path / "people.csv").write_text(
        "kode,nama,total\n35,Jawa Timur,900\n35.11,Kab. Bondowoso,300\n35.12,Kab. Situbondo,600\n"
    )
    answer(
        "--lines",
        90,
        "--seed",
        1,
        "--out",
        tmp_path / "danom.csv",
        "--population",
        tmp_path / "people.csv",
        "--everywhere",
    )
    counted = (
        pl.read_csv(tmp_path / "danom.csv", infer_schema=False)["kode_desa"]
        .str.slice(0, 4)
        .value_counts()
        .sort("kode_desa")
    )
    assert counted.rows() == [("3511", 30), ("3512", 60)]


def test_a_supplement_goes_on_after_an_earlier_file_and_repeats_only_what_it_says(office, tmp_path):
    first, then = tmp_path / "first.csv", tmp_path / "then.parquet"
    answer("--lines", 3000, "--seed", 1, "--out", first)
    found = answer("--lines", 500, "--seed", 1, "--out", then, "--earlier", first, "--kind", "nik_in_stage=0.1")
    assert found["reasons"] == {"nik_in_stage": 50}
    earlier, supplement = pl.read_csv(first, infer_schema=False), pl.read_parquet(then)
    repeated = supplement.join(earlier, on="nik")
    assert len(repeated) == 50
    fresh = supplement.filter(~pl.col("nik").is_in(earlier["nik"].implode()))
    assert fresh.join(earlier, on=["kode_desa", "tanggal_lahir"]).is_empty()
    assert fresh.join(earlier, on="no_kk").is_empty()


def test_without_a_register_the_villages_are_the_articles_and_it_says_so(db, tmp_path):
    result = run("--lines", 2000, "--seed", 1, "--out", tmp_path / "danom.csv")
    assert result.exit_code == 0
    assert "register of areas is empty" in result.stderr
    codes = pl.read_csv(tmp_path / "danom.csv", infer_schema=False)["kode_desa"].cast(pl.Int64)
    assert set(codes) == set(article_villages()["code"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kind", "nik_lenght=0.1"], "“nik_lenght” cannot be put in here"),
        (["--kind", "nik_length"], "write a reason code and a share"),
        (["--damage", "1"], "damage less"),
        (["--earlier", "none.csv"], "does not exist"),
        (["--population", "none.csv"], "none.csv"),
    ],
)
def test_wrong_use_is_one_sentence_exit_2_and_no_file(office, tmp_path, arguments, sentence):
    result = run("--lines", 100, "--seed", 1, "--out", tmp_path / "danom.csv", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

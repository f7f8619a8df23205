"""The founding article's scenario, to the last family."""

import tomllib
from datetime import date

import polars as pl
import pytest

from salur.lib.percent import percent
from salur.simulate import article

FIGURES = {
    # branch: allocated, paid, what the article prints, how many villages it has
    "KC-BDW": (101_913, 101_506, "99.6", 219),
    "KC-PMK": (112_091, 111_396, "99.38", 189),
    "KC-SEL": (106_395, 92_421, "86.87", 254),
    "KC-KDR": (151_699, 147_627, "97.31", 390),
}


def test_the_four_branches_have_the_articles_figures():
    assert {branch.code: (branch.allocated, branch.paid, branch.published_percent) for branch in article.BRANCHES} == {
        code: figures[:3] for code, figures in FIGURES.items()
    }
    assert sum(branch.allocated for branch in article.BRANCHES) == 472_098


def test_each_published_percentage_is_the_count_rounded_or_cut_off():
    for branch in article.BRANCHES:
        exact = branch.paid * 100 / branch.allocated
        places = len(branch.published_percent.split(".")[1])
        assert branch.published_percent in {f"{exact:.{places}f}", f"{exact:.6f}"[: len(branch.published_percent)]}


def test_selongs_geotags_are_85_percent_of_its_families_and_the_others_are_declared_assumed():
    selong = next(branch for branch in article.BRANCHES if branch.code == "KC-SEL")
    assert percent(selong.geotagged, selong.allocated) == 85
    assert [branch.geotag_assumed for branch in article.BRANCHES] == [True, True, False, True]
    assert all(branch.geotagged <= branch.paid for branch in article.BRANCHES)


def test_no_day_of_paying_is_after_the_day_the_figures_are_of():
    for branch in article.BRANCHES:
        assert len(branch.days) == 14
        assert branch.days[-1] <= article.AS_OF
    assert article.BRANCHES[0].days[0] == date(2022, 3, 9)


@pytest.mark.parametrize("seed", [article.SEED, 1])
def test_a_branchs_families_are_split_over_all_its_villages_exactly(seed):
    villages = article.article_villages(seed=seed)
    counted = villages.group_by("branch").agg(pl.col("families").sum(), pl.len().alias("villages"))
    assert {code: (families, number) for code, families, number in counted.iter_rows()} == {
        code: (allocated, number) for code, (allocated, _, _, number) in FIGURES.items()
    }
    assert villages["families"].min() > 0


def test_the_list_has_a_line_for_every_family_in_the_village_it_was_given():
    counted = (
        pl.concat(article.article_families()).group_by(pl.col("kode_desa").cast(pl.Int64).alias("code")).len("families")
    )
    expected = article.article_villages().select("code", "families")
    assert counted.sort("code").equals(expected.cast({"families": pl.UInt32}))


def test_the_areas_are_whole_every_village_has_its_kecamatan_kabupaten_and_province():
    areas = pl.read_csv(article.AREAS, schema_overrides={"kode": pl.String})
    codes = set(areas["kode"])
    assert areas["level"].value_counts().sort("level").rows() == [(1, 2), (2, 5), (3, 86), (4, 1052)]
    assert all(code.rpartition(".")[0] in codes for code in codes if "." in code)
    assert set(article.article_places()["code"]) == set(article.article_villages()["code"])


def test_the_offices_cover_every_kabupaten_once_and_stand_in_one_region():
    offices = pl.read_csv(article.OFFICES, infer_schema=False)
    branches = {row["code"]: row for row in offices.iter_rows(named=True) if row["kind"] == "KC"}
    assert {row["parent"] for row in branches.values()} == {"REG-5"}
    assert {
        code: tuple(int(area.replace(".", "")) for area in row["areas"].split()) for code, row in branches.items()
    } == {branch.code: branch.kabupaten for branch in article.BRANCHES}


def test_the_programme_file_opens_the_articles_stage_before_the_first_payment():
    (programme,) = tomllib.loads(article.PROGRAMMES.read_text())["programme"]
    (stage,) = programme["stage"]
    assert stage["code"] == article.STAGE
    assert stage["opens"] <= min(branch.first_day for branch in article.BRANCHES)
    assert programme["amount_ceiling_rp"] >= article.AMOUNT_RP

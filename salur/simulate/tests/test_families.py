"""What the simulated families promise."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salur.simulate.families import COLUMNS, MOST_FAMILIES, TooManyFamilies, families, nik_date, village_counts
from salur.simulate.files import UnwritableFile, write_lines
from salur.simulate.numbers import share_out

VILLAGES = pl.DataFrame({"code": [3511012001, 3511012002, 3528011001], "families": [700, 1, 1300]})


def lines(**changes):
    return pl.concat(families(**{"villages": VILLAGES, "seed": 7, **changes}))


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(0, 3000), min_size=1, max_size=12),
    seed=st.integers(0, 2**63),
    first=st.integers(0, MOST_FAMILIES - 36_000),
)
def test_no_two_families_share_a_nik_or_a_card_and_no_two_of_a_village_a_birth_date(counts, seed, first):
    villages = pl.DataFrame({"code": [3511010000 + number for number in range(len(counts))], "families": counts})
    made = pl.concat(
        [pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), *families(villages=villages, seed=seed, first=first)]
    )
    assert len(made) == sum(counts)
    assert made["nik"].n_unique() == len(made)
    assert made["no_kk"].n_unique() == len(made)
    assert made.select(pl.struct("kode_desa", "tanggal_lahir").n_unique()).item() == len(made)


def test_a_supplement_that_begins_where_the_file_ended_repeats_no_nik():
    first, then = lines(), lines(seed=8, first=2001)
    assert pl.concat([first["nik"], then["nik"]]).n_unique() == 4002


def test_every_number_is_impossible_and_well_formed():
    made = lines()
    for column in ("nik", "no_kk"):
        assert made[column].str.contains(r"^99\d{14}$").all()
        assert not made[column].str.ends_with("0000").any()
    assert not (made["nik"] == made["no_kk"]).any()


def test_a_nik_tells_the_birth_date_and_the_sex_of_its_line_and_womens_days_carry_forty_more():
    for nik, day, sex in lines().select("nik", "tanggal_lahir", "jenis_kelamin").iter_rows():
        born = date.fromisoformat(day)
        assert date(1930, 1, 1) <= born <= date(2004, 12, 31)
        assert nik[6:12] == f"{born.day + (40 if sex == 'P' else 0):02d}{born.month:02d}{born.year % 100:02d}"
        assert nik[6:12] == nik_date(born, woman=sex == "P")


def test_most_recipients_are_women_and_some_people_have_one_name_only():
    made = lines()
    assert 0.68 < (made["jenis_kelamin"] == "P").mean() < 0.76
    assert 0.2 < (~made["nama"].str.contains(" ")).mean() < 0.4
    assert made["nama"].str.contains(r"^[A-Z]+( [A-Z]+)?$").all()


def test_each_village_gets_its_families_in_its_order():
    counted = lines().group_by("kode_desa", maintain_order=True).len()
    assert counted.rows() == [("3511012001", 700), ("3511012002", 1), ("3528011001", 1300)]


def test_the_same_seed_gives_the_same_bytes_in_every_format_and_another_seed_others(tmp_path):
    for ending in ("csv", "csv.gz", "parquet", "xlsx"):
        for name, seed in (("a", 7), ("b", 7), ("c", 8)):
            assert write_lines(families(villages=VILLAGES, seed=seed), tmp_path / f"{name}.{ending}") == 2001
        a, b, c = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_csv_its_packed_form_and_parquet_hold_the_same_text(tmp_path):
    made = lines()
    for ending in ("csv", "csv.gz", "parquet"):
        write_lines(families(villages=VILLAGES, seed=7), tmp_path / f"danom.{ending}")
    assert pl.read_csv(tmp_path / "danom.csv", infer_schema=False).equals(made)
    assert pl.read_csv(tmp_path / "danom.csv.gz", infer_schema=False).equals(made)
    assert pl.read_parquet(tmp_path / "danom.parquet").equals(made)


def test_an_unknown_ending_is_refused_and_a_broken_run_leaves_no_file(tmp_path):
    with pytest.raises(UnwritableFile, match="ending"):
        write_lines(families(villages=VILLAGES, seed=7), tmp_path / "danom.ods")

    def breaking():
        yield from families(villages=VILLAGES, seed=7)
        raise OSError

    with pytest.raises(OSError):
        write_lines(breaking(), tmp_path / "danom.csv")
    assert list(tmp_path.iterdir()) == []


def test_more_families_than_numbers_or_birth_dates_are_refused():
    with pytest.raises(TooManyFamilies, match="numbered"):
        families(villages=VILLAGES, seed=7, first=MOST_FAMILIES - 2000)
    with pytest.raises(TooManyFamilies, match="3511012001"):
        families(villages=pl.DataFrame({"code": [3511012001], "families": [27_395]}), seed=7)


@given(
    total=st.integers(0, 10**7),
    weights=st.lists(st.floats(0, 1e6), min_size=1, max_size=50).filter(lambda all: sum(all) > 0),
)
def test_parts_sum_to_the_whole_and_none_is_off_by_one(total, weights):
    parts = share_out(total, weights)
    exact = np.array(weights) / sum(weights) * total
    assert parts.sum() == total
    assert (np.abs(parts - exact) < 1 + 1e-6).all()


def test_families_follow_the_people_and_a_kabupaten_without_a_figure_gets_the_mean_villages():
    codes = [3511012001, 3511012002, 3528011001, 9999010001]
    counted = village_counts(codes, lines=1200, population={3511: 800, 3528: 100})
    assert counted["families"].to_list() == [400, 400, 100, 300]
    assert village_counts(codes, lines=1200)["families"].to_list() == [300] * 4

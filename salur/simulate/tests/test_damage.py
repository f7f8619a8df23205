"""Damage is what it says: a reader that knows nothing of it finds exactly the faults that were put in."""

import re
from collections import Counter
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salur.danom.rules import Reason
from salur.simulate.damage import PAIR, SINGLE, BadDamage, Damage, Line, Outside, evenly, kinds_needing
from salur.simulate.families import CHUNK_LINES, COLUMNS, families

CODES = [3511012001, 3511012002, 3511022001, 3528011001]
VILLAGES = pl.DataFrame({"code": CODES, "families": [700, 300, 900, 1100]})
MADE = VILLAGES.with_columns(made=pl.col("families"))
RETIRED, UNCOVERED = 3511012009, 3515010001


def lines_of(frames) -> list[Line]:
    return [Line(*(value or "" for value in row)) for frame in frames for row in frame.select(COLUMNS).iter_rows()]


EARLIER = lines_of(families(villages=VILLAGES, seed=5))
OUTSIDE = Outside(earlier=EARLIER[:1500], other_programme=EARLIER[1500:], retired=[RETIRED], uncovered=[UNCOVERED])


def faults_of(lines: list[Line]) -> list[set[str]]:
    """The faults of each line, found plainly: rule by rule from the ministry's point of view, with no knowledge of how they were made."""
    seen_nik, seen_card, seen_person = set(), set(), {}
    in_stage, elsewhere = ({line.nik for line in group} for group in (OUTSIDE.earlier, OUTSIDE.other_programme))
    found = []
    for line in lines:
        faults = set()
        born = None
        if not line.nik:
            faults.add("nik_missing")
        elif len(line.nik) != 16:
            faults.add("nik_length")
        elif not re.fullmatch("[0-9]+", line.nik):
            faults.add("nik_letters")
        else:
            day, month, year = (int(line.nik[place : place + 2]) for place in (6, 8, 10))
            woman = day >= 40
            day -= 40 * woman
            try:
                born = date(1900 + year if year > 10 else 2000 + year, month, day)
            except ValueError:
                faults.add("nik_date")
            if line.nik.endswith("0000"):
                faults.add("nik_serial")
            if born and woman != (line.jenis_kelamin == "P"):
                faults.add("sex_differs")
            if born and line.tanggal_lahir and born.isoformat() != line.tanggal_lahir:
                faults.add("birth_date_differs")
            if line.nik in seen_nik:
                faults.add("nik_twice_in_file")
            if line.nik in in_stage:
                faults.add("nik_in_stage")
            if line.nik in elsewhere:
                faults.add("nik_in_other_programme")
        if not re.fullmatch("[0-9]{16}", line.no_kk):
            faults.add("kk_form")
        elif line.no_kk in seen_card:
            faults.add("kk_repeated")
        if not line.nama:
            faults.add("name_missing")
        elif not re.fullmatch("[A-Z ]+", line.nama):
            faults.add("name_damaged")
        if not re.fullmatch("-?[0-9]+", line.nominal):
            faults.add("amount_form")
        elif int(line.nominal) <= 0:
            faults.add("amount_not_positive")
        elif int(line.nominal) > OUTSIDE.ceiling_rp:
            faults.add("amount_ceiling")
        village = int(line.kode_desa)
        if village == RETIRED:
            faults.add("village_mapped")
        elif village == UNCOVERED:
            faults.add("village_without_office")
        elif village not in CODES:
            faults.add("village_unknown")
        # However different their names: no two of a village share a birth date but on purpose.
        person = (line.kode_desa, line.tanggal_lahir)
        if line.tanggal_lahir and seen_person.get(person, line.nik) != line.nik:
            faults.add("probable_duplicate")
        seen_nik.add(line.nik)
        seen_card.add(line.no_kk)
        if line.tanggal_lahir:
            seen_person.setdefault(person, line.nik)
        found.append(faults)
    return found


def test_every_reason_of_the_import_can_be_put_in_but_that_of_an_area_which_cannot_exist():
    of_corrections_and_withdrawals = {Reason.NIK_NOT_IN_STAGE, Reason.VISITED_ALREADY}  # a simulated list is neither
    assert {*SINGLE, *PAIR, *kinds_needing(OUTSIDE)} == set(Reason) - {
        Reason.AREA_DIFFERS
    } - of_corrections_and_withdrawals


def test_sound_lines_have_no_fault():
    assert not any(faults_of(lines_of(families(villages=MADE, seed=5, first=3000))))


@settings(max_examples=25, deadline=None)
@given(
    shares=st.dictionaries(
        st.sampled_from(sorted({*SINGLE, *PAIR, *kinds_needing(OUTSIDE)})), st.floats(0, 0.02), min_size=1, max_size=20
    ),
)
def test_the_faults_found_are_those_put_in_and_each_line_has_one_at_most(shares):
    damage = Damage(lines=3000, shares=shares, seed=5, outside=OUTSIDE)
    found = faults_of(lines_of(damage.put_in(families(villages=MADE, seed=5, first=3000))))
    assert max(len(faults) for faults in found) <= 1
    assert Counter(fault for faults in found for fault in faults) == +damage.reasons
    assert sum(damage.reasons.values()) == round(sum(shares.values()) * 3000)


@pytest.mark.parametrize("kind", sorted({*SINGLE, *PAIR, *kinds_needing(OUTSIDE)}))
def test_each_kind_alone_gives_its_own_reason_and_no_other(kind):
    damage = Damage(lines=3000, shares={kind: 0.1}, seed=5, outside=OUTSIDE)
    found = faults_of(lines_of(damage.put_in(families(villages=MADE, seed=5, first=3000))))
    assert Counter(fault for faults in found for fault in faults) == {kind: 300}


def test_damage_of_all_kinds_alike_is_the_share_asked_for():
    damage = Damage(lines=3000, shares=evenly(0.3, OUTSIDE), seed=5, outside=OUTSIDE)
    found = faults_of(lines_of(damage.put_in(families(villages=MADE, seed=5, first=3000))))
    assert sum(map(bool, found)) == damage.reasons.total() == 900
    assert set(damage.reasons) == {*SINGLE, *PAIR, *kinds_needing(OUTSIDE)}
    assert set(damage.reasons.values()) <= {42, 43, 44, 45}


def test_a_pair_may_lie_in_two_frames():
    villages = pl.DataFrame(
        {"code": [3511012001 + number for number in range(50)], "families": [CHUNK_LINES // 40] * 50}
    )
    lines = int(villages["families"].sum())
    assert lines > CHUNK_LINES
    damage = Damage(lines=lines, shares={"nik_twice_in_file": 0.001}, seed=5)
    niks = pl.concat(damage.put_in(families(villages=villages, seed=5)))["nik"]
    assert lines - niks.n_unique() == damage.reasons["nik_twice_in_file"] == lines // 1000
    twice = pl.DataFrame({"nik": niks}).with_row_index("line").filter(pl.col("nik").is_duplicated())
    apart = twice.group_by("nik").agg(
        first=pl.col("line").min() // CHUNK_LINES, last=pl.col("line").max() // CHUNK_LINES
    )
    assert (apart["first"] != apart["last"]).any()


def test_cosmetic_damage_is_no_fault_once_mended_and_is_counted_apart():
    sound = lines_of(families(villages=MADE, seed=5, first=3000))
    damage = Damage(lines=3000, shares={}, seed=5, cosmetic_share=0.2)
    changed = lines_of(damage.put_in(families(villages=MADE, seed=5, first=3000)))
    differing = [(line, was) for line, was in zip(changed, sound, strict=True) if line != was]
    assert len(differing) == damage.cosmetic.total() == 600
    assert damage.reasons.total() == 0
    assert set(damage.cosmetic) == {"nik_apostrophe", "spaces", "village_dots", "nik_float", "nik_scientific"}
    for line, was in differing:
        nik = line.nik.strip().removeprefix("'")
        # A spreadsheet's number is a double: it must come back whole from one.
        nik = str(int(float(nik))) if set(nik) & set(".E") else nik
        assert line._replace(nik=nik, nama=line.nama.strip(), kode_desa=line.kode_desa.strip().replace(".", "")) == was


def test_the_same_seed_damages_the_same_lines_and_another_seed_others():
    def damaged(seed):
        damage = Damage(lines=3000, shares=evenly(0.1, Outside()), seed=seed, cosmetic_share=0.1)
        return pl.concat(damage.put_in(families(villages=VILLAGES, seed=5)))

    assert damaged(1).equals(damaged(1))
    assert not damaged(1).equals(damaged(2))


def test_damage_that_is_not_possible_is_refused_in_a_sentence():
    with pytest.raises(BadDamage, match="nik_in_stage.*cannot be put in here"):
        Damage(lines=100, shares={"nik_in_stage": 0.1}, seed=1)
    with pytest.raises(BadDamage, match="between 0 and 1"):
        Damage(lines=100, shares={"nik_length": 1.5}, seed=1)
    with pytest.raises(BadDamage, match="damage less"):
        Damage(lines=100, shares={"kk_repeated": 0.6}, seed=1)
    with pytest.raises(BadDamage, match="needs 10 lines of the other file; 3 are given"):
        Damage(lines=100, shares={"nik_in_stage": 0.1}, seed=1, outside=Outside(earlier=EARLIER[:3]))

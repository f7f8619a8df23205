"""What a code is, and which area a retired one probably became."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salur.areas.rules import area_code, dotted, level_of, parent_of, propose

CODES = (
    st.integers(10, 99)
    | st.integers(1000, 9999)
    | st.integers(10_00_00, 99_99_99)
    | st.integers(10_00_00_0000, 99_99_99_9999)
)


@given(CODES)
def test_a_code_is_the_same_with_and_without_dots(code: int) -> None:
    assert area_code(dotted(code)) == area_code(str(code)) == code


@given(CODES)
def test_every_area_has_one_parent_up_to_the_province(code: int) -> None:
    steps = 0
    while (parent := parent_of(code)) is not None:
        assert level_of(parent) == level_of(code) - 1
        assert dotted(code).startswith(dotted(parent) + ".")
        code, steps = parent, steps + 1
    assert steps <= 3


@pytest.mark.parametrize(
    "text",
    ["", "3", "351", "35110", "3511012", "35.11.1", "35.11.01.201", "35.1101", "3511.01", "35,11", "35.11.", " 35", "05", "05.11",
     "3511012001.0", "3.51E+09", "٣٥", "-35", "35\n"],
)  # fmt: skip
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an area code"):
        area_code(text)


def proposals(old: dict[int, str], new: dict[int, str]) -> dict[int, tuple[int, str]]:
    """What is proposed when a register of ``old`` areas is followed by one of ``new`` ones."""
    lived = {
        code: ("2022-02" if code in old else "2025-06", "2025-06" if code in new else "2022-02")
        for code in {**old, **new}
    }
    found = propose(
        retired=[code for code in old if code not in new], names={**old, **new}, lived=lived, current=set(new), links={}
    )
    return {proposal.old: (proposal.new, proposal.basis) for proposal in found}


def test_a_new_province_takes_its_kabupaten_kecamatan_and_villages_along() -> None:
    old = {91: "PAPUA", 9101: "KAB. MERAUKE", 910101: "Merauke", 9101012001: "Rimba Jaya", 9101012002: "Kuper"}
    new = {
        91: "Papua",
        93: "Papua Selatan",
        9301: "Kabupaten Merauke",
        930101: "Merauke",
        9301012005: "Rimba Jaya",
        9301012002: "Kuperr",
    }
    assert proposals(old, new) == {
        9101: (9301, "same name"),
        910101: (930101, "same name in the same kabupaten/kota"),
        9101012001: (9301012005, "same name in the same kecamatan"),
        9101012002: (9301012002, "same number and similar name in the same kecamatan"),
    }


def test_a_kota_is_not_taken_for_the_kabupaten_of_its_name() -> None:
    old = {92: "PAPUA BARAT", 9201: "KAB. SORONG", 9271: "KOTA SORONG"}
    new = {92: "Papua Barat", 96: "Papua Barat Daya", 9601: "Kabupaten Sorong", 9671: "Kota Sorong"}
    assert proposals(old, new) == {9201: (9601, "same name"), 9271: (9671, "same name")}


def test_a_namesake_elsewhere_or_an_area_that_was_there_before_is_not_proposed() -> None:
    around = {35: "Jawa Timur", 3511: "Bondowoso", 351101: "Maesan", 3512: "Situbondo", 351201: "Panji"}
    old = {**around, 3511012001: "Sidomulyo", 3511012002: "Sucolor", 3511012003: "Sucolor"}
    new = {**around, 3512012009: "Sidomulyo", 3511012003: "Sucolor"}
    assert proposals(old, new) == {}


def test_of_two_namesakes_in_reach_none_is_proposed() -> None:
    around = {35: "Jawa Timur", 3511: "Bondowoso", 351101: "Maesan", 351102: "Tamanan", 351103: "Grujugan"}
    old = {**around, 3511012001: "Sucolor"}
    new = {**around, 3511022009: "Sucolor", 3511032009: "Sucolor"}
    assert proposals(old, new) == {}

"""Batches are versions of a stage's list: approved in order, by another person, or cancelled; allocation as of each of them."""

import pytest

from salur.danom.commands import danom
from salur.danom.tests.conftest import BY_ONE, family
from salur.danom.tests.test_import import imported, tables


@pytest.fixture
def two(typed, stage, written):
    """Two batches that wait: three families in one village, then one there and one in another."""
    first = imported(typed, written([family(n) for n in (1, 2, 3)]), stage)
    second = imported(
        typed, written([family(4), family(5, kode_desa="3511012002", nominal="900000")], "more.csv"), stage
    )
    return first.data["batch"], second.data["batch"]


def test_the_importer_may_not_approve_and_another_person_may(typed, stage, two):
    before = tables()
    refused = typed(danom, "approve", two[0])
    assert refused.code == 2
    assert "another person" in refused.said
    assert tables() == before
    done = typed(danom, "approve", two[0], "--as", "pusat")
    assert (done.code, done.data["state"], done.data["version"], done.data["approved_by"]) == (
        0,
        "approved",
        1,
        "pusat",
    )


def test_below_the_policys_threshold_one_person_suffices_and_above_it_does_not(typed, stage, written):
    small = imported(typed, written([family(n) for n in range(3)]), BY_ONE)
    assert typed(danom, "approve", small.data["batch"]).code == 0
    large = imported(typed, written([family(n) for n in range(10, 14)], "large.csv"), BY_ONE)
    assert typed(danom, "approve", large.data["batch"]).code == 2
    assert typed(danom, "approve", large.data["batch"], "--as", "pusat").code == 0


def test_versions_are_approved_in_their_order(typed, stage, two):
    early = typed(danom, "approve", two[1], "--as", "pusat")
    assert early.code == 2
    assert two[0] in early.said
    assert typed(danom, "approve", two[0], "--as", "pusat").code == 0
    assert typed(danom, "approve", two[1], "--as", "pusat").code == 0


def test_the_same_approval_again_changes_nothing(typed, stage, two):
    typed(danom, "approve", two[0], "--as", "pusat")
    before = tables()
    assert typed(danom, "approve", two[0], "--as", "pusat").code == 0
    assert tables() == before


def test_a_cancelled_batch_makes_room_for_its_file_and_an_approved_one_stays(typed, stage, two, tmp_path):
    assert typed(danom, "cancel", two[1]).data["state"] == "cancelled"
    again = imported(typed, tmp_path / "more.csv", stage)
    assert (again.data["again"], again.data["version"], again.data["accepted"]) == (False, 3, 2)
    typed(danom, "approve", two[0], "--as", "pusat")
    assert typed(danom, "cancel", two[0]).code == 2
    assert typed(danom, "approve", again.data["batch"], "--as", "pusat").code == 0


def test_a_batch_nobody_knows(typed, stage):
    refused = typed(danom, "approve", "tidak-ada", "--as", "pusat")
    assert refused.code == 2
    assert "tidak-ada" in refused.said


def test_allocation_is_as_of_a_version(typed, stage, two):
    typed(danom, "approve", two[0], "--as", "pusat")
    typed(danom, "approve", two[1], "--as", "pusat")

    def allocated(*more):
        answer = typed(danom, "allocation", "--stage", stage, *more).data
        return answer["version"], [(row["code"], row["allocated"], row["amount_rp"]) for row in answer["rows"]]

    assert allocated("--by", "branch") == (2, [("KC-BDW", 5, 3_300_000)])
    assert allocated("--by", "branch", "--version", "1") == (1, [("KC-BDW", 3, 1_800_000)])
    assert allocated("--by", "village") == (2, [("3511012001", 4, 2_400_000), ("3511012002", 1, 900_000)])
    assert allocated("--by", "kecamatan", "--version", "1") == (1, [("351101", 3, 1_800_000)])
    assert allocated("--by", "region") == (2, [("REG-5", 5, 3_300_000)])
    (nation,) = allocated("--by", "nation")[1]
    assert nation[1:] == (5, 3_300_000)


def test_the_difference_of_two_batches_is_told_village_by_village(typed, stage, two):
    typed(danom, "approve", two[0], "--as", "pusat")
    typed(danom, "approve", two[1], "--as", "pusat")
    rows = typed(danom, "diff", *two).data["rows"]
    assert [(row["branch"], row["village"], row["lines"], row["amount_rp"]) for row in rows] == [
        ("KC-BDW", 3511012001, 1, 600_000),
        ("KC-BDW", 3511012002, 1, 900_000),
    ]


def test_batches_lists_them_all_with_their_state(typed, stage, two):
    typed(danom, "approve", two[0], "--as", "pusat")
    rows = typed(danom, "batches", "--stage", stage).data["batches"]
    assert [(row["version"], row["state"], row["lines"]) for row in rows] == [(1, "approved", 3), (2, "imported", 2)]


def test_a_family_that_came_onto_the_list_while_a_batch_waited_stops_its_approval(typed, stage, written):
    """Both were clean when they were imported; the second would put a family onto the list twice."""
    first = imported(typed, written([family(1), family(2)]), stage)
    second = imported(typed, written([family(2), family(3)], "more.csv"), stage)
    typed(danom, "approve", first.data["batch"], "--as", "pusat")
    before = tables()
    refused = typed(danom, "approve", second.data["batch"], "--as", "pusat")
    assert (refused.code, tables()) == (2, before)
    assert typed(danom, "cancel", second.data["batch"]).code == 0

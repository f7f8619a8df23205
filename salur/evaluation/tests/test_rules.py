"""What was printed beside what was counted, sums, ranks and speed: as tables that read aloud."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salur.evaluation.rules import Agreement, Measure, Published, days_to, mixed_sources, ranked, sums
from salur.monitoring.rules import Day

DAY = date(2022, 3, 26)


def percent(printed, counted, whole, name="Kediri", source="the newspaper"):
    return Published(name, name, Measure.PAID_PERCENT, printed, source, DAY, counted, whole)


def count(office, printed, counted=0, measure=Measure.ALLOCATED, day=DAY, source="the newspaper"):
    return Published(office, office, measure, printed, source, day, counted, counted)


@pytest.mark.parametrize(
    ("printed", "counted", "whole", "agreement"),
    [
        ("99,6", 101_506, 101_913, Agreement.AGREES),
        ("99.38", 111_396, 112_091, Agreement.AGREES),
        ("86,87", 92_421, 106_395, Agreement.AGREES),  # rounded
        ("97,31", 147_627, 151_699, Agreement.CUT_OFF),  # 97.3157…
        ("97,32", 147_627, 151_699, Agreement.AGREES),
        ("97,33", 147_627, 151_699, Agreement.DIFFERS),
        ("97", 147_627, 151_699, Agreement.AGREES),
        ("100", 112_090, 112_091, Agreement.NOT_COMPLETE),
        ("100", 112_091, 112_091, Agreement.AGREES),
        ("99,38", 0, 0, Agreement.UNKNOWN),
    ],
)
def test_a_printed_percentage_agrees_is_cut_off_or_differs(printed, counted, whole, agreement):
    assert percent(printed, counted, whole).agreement is agreement


@given(st.integers(1, 200_000), st.integers(0, 200_000), st.integers(0, 3))
def test_whatever_rule_printed_it_it_is_recognised(whole, paid, decimals):
    paid = min(paid, whole)
    exact = Fraction(paid * 100 * 10**decimals, whole)
    rounded, cut = int(exact + Fraction(1, 2)), int(exact)
    for number in {rounded, cut}:
        digits = f"{number:0{decimals + 1}d}"
        printed = f"{digits[:-decimals]},{digits[-decimals:]}" if decimals else digits
        expected = {rounded: Agreement.AGREES}.get(number, Agreement.CUT_OFF)
        if number == 100 * 10**decimals and paid != whole:
            expected = Agreement.NOT_COMPLETE
        assert percent(printed, paid, whole).agreement is expected


def test_a_source_that_rounds_one_and_cuts_off_another_is_named_once():
    printed = [
        percent("86,87", 92_421, 106_395, "Selong"),
        percent("97,31", 147_627, 151_699, "Kediri"),
        percent("99,6", 101_506, 101_913, "Bondowoso"),  # both rules give 99,6: it tells nothing
        percent("97,31", 147_627, 151_699, "Kediri", source="a source that cuts off"),
    ]
    (mixed,) = mixed_sources(printed)
    assert (list(mixed.rounded), list(mixed.cut_off), mixed.source) == (["Selong"], ["Kediri"], "the newspaper")


PARENTS = {"REG": None, "A": "REG", "B": "REG", "SUB": "REG", "C": "SUB"}


def test_a_total_that_differs_from_the_sum_of_its_parts_is_flagged_with_the_difference():
    (found,) = sums(
        [count("REG", "1.000"), count("A", "400"), count("B", "350"), count("C", "245")], PARENTS, ["A", "B", "C"]
    )
    assert (found.sum, found.difference, found.agrees, list(found.missing)) == (995, 5, False, [])


def test_a_total_that_is_the_sum_of_its_parts_agrees():
    (found,) = sums(
        [count("REG", "1.000"), count("A", "400"), count("B", "600"), count("C", "0")], PARENTS, ["A", "B", "C"]
    )
    assert found.agrees


def test_with_a_branch_unpublished_the_parts_may_be_less_but_never_more():
    less = sums([count("REG", "1.000"), count("A", "400")], PARENTS, ["A", "B", "C"])[0]
    more = sums([count("REG", "1.000"), count("A", "1.001")], PARENTS, ["A", "B", "C"])[0]
    assert (less.agrees, list(less.missing), more.agrees, more.difference) == (True, ["B", "C"], False, -1)


def test_only_figures_of_one_day_and_measure_are_added_up():
    other_day = count("A", "400", day=date(2022, 3, 25))
    other_measure = count("B", "400", measure=Measure.PAID)
    assert sums([count("REG", "1.000"), other_day, other_measure], PARENTS, ["A", "B", "C"]) == []


def test_equal_shares_share_a_rank_and_two_decimals_do_not_make_shares_equal():
    shares = {"A": Fraction(1, 2), "B": Fraction(50_001, 100_000), "C": Fraction(2, 4), "D": Fraction(1, 3)}
    assert ranked(shares) == {"B": 1, "A": 2, "C": 2, "D": 4}


def test_days_count_from_the_first_day_of_paying():
    def day(number, paid, total):
        return Day(date(2022, 3, number), paid, 0, total, 0)

    days = [day(9, 40, 40), day(10, 10, 50), day(14, 41, 91)]
    total = lambda each: each.total_paid  # noqa: E731
    assert [days_to(days, 100, share, total) for share in (40, 50, 90, 95)] == [1, 2, 6, None]
    assert days_to([], 100, 50, total) is None

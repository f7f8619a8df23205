"""The fourteen days of each branch, played over its own list."""

from datetime import time
from functools import cache

import numpy as np
import polars as pl
import pytest

from salur.lib.clock import zone_of_province
from salur.payments.rules import CHANNELS, Channel, Reason
from salur.simulate.article import AS_OF, BRANCHES, SEED, Branch, article_places, article_villages
from salur.simulate.campaign import Campaign, campaign


@cache
def list_of(branch: Branch) -> np.ndarray:
    own = article_villages().filter(branch=branch.code)
    return np.repeat(own["code"].to_numpy(), own["families"].to_numpy())


@cache
def played(branch: Branch, seed: int = SEED) -> Campaign:
    return campaign(branch=branch, villages=list_of(branch), seed=seed)


def local(branch: Branch, moments: pl.Series) -> pl.Series:
    return moments.dt.convert_time_zone(zone_of_province(branch.kabupaten[0] // 100))


every_branch = pytest.mark.parametrize("branch", BRANCHES, ids=[branch.code for branch in BRANCHES])


@every_branch
def test_as_many_families_are_paid_and_geotagged_as_the_article_says_each_once(branch):
    result = played(branch)
    assert len(result.payments) == result.payments["entitlement"].n_unique() == branch.paid
    assert len(result.geotags) == result.geotags["entitlement"].n_unique() == branch.geotagged
    assert result.payments["entitlement"].is_between(0, branch.allocated - 1).all()


@every_branch
def test_every_visit_is_on_one_of_the_fourteen_days_in_office_hours_of_the_place(branch):
    result = played(branch)
    for moments in (result.payments["paid_at"], result.failures["visited_at"]):
        assert moments.is_sorted()
        assert set(local(branch, moments).dt.date()) <= set(branch.days)
        assert local(branch, moments).dt.time().is_between(time(8), time(16), closed="left").all()
    assert set(local(branch, result.payments["paid_at"]).dt.date()) == set(branch.days)


@every_branch
def test_an_officer_is_at_one_place_at_a_time_and_pays_a_possible_number_of_families_a_day(branch):
    visits = pl.concat(
        [
            played(branch).payments.select("officer", at="paid_at"),
            played(branch).failures.select("officer", at="visited_at"),
        ]
    )
    assert visits.select(pl.struct("officer", "at").n_unique()).item() == len(visits)
    a_day = visits.group_by("officer", local(branch, visits["at"]).dt.date().alias("day")).len()["len"]
    assert a_day.max() <= 250
    assert visits["officer"].n_unique() == branch.officers


@every_branch
def test_a_failed_visit_has_a_known_reason_and_comes_before_the_payment_if_there_is_one(branch):
    result = played(branch)
    assert set(result.failures["reason"]) <= {reason.value for reason in Reason}
    assert result.failures["entitlement"].is_unique().all()
    both = result.failures.join(result.payments, on="entitlement")
    assert len(both) > branch.paid * 0.05
    assert (both["visited_at"] < both["paid_at"]).all()
    unpaid = branch.allocated - branch.paid
    assert unpaid * 0.6 < len(result.failures) - len(both) < unpaid * 0.73


@every_branch
def test_a_geotag_is_taken_at_the_door_with_the_payment_or_later_by_another_person_by_the_day_of_the_figures(branch):
    result = played(branch)
    both = result.geotags.join(result.payments, on="entitlement", suffix="_paid")
    assert len(both) == branch.geotagged
    at_door = both.filter(channel=Channel.DOOR.value)
    assert (at_door["taken_at"] == at_door["paid_at"]).all()
    assert (at_door["officer"] == at_door["officer_paid"]).all()
    later = both.filter(pl.col("channel") != Channel.DOOR)
    assert (local(branch, later["taken_at"]).dt.date() > local(branch, later["paid_at"]).dt.date()).all()
    assert (later["officer"] >= branch.officers).all()
    assert local(branch, both["taken_at"]).dt.date().max() <= AS_OF


@every_branch
def test_a_geotag_lies_near_the_middle_of_the_familys_village(branch):
    geotags = played(branch).geotags
    tagged = geotags.with_columns(code=pl.Series(list_of(branch)[geotags["entitlement"].to_numpy()])).join(
        article_places(), on="code", suffix="_village"
    )
    assert len(tagged) == branch.geotagged
    assert ((tagged["lat"] - tagged["lat_village"]).abs() < 0.011).all()
    assert ((tagged["lon"] - tagged["lng"]).abs() < 0.011).all()


@every_branch
def test_most_families_are_paid_in_the_first_ten_days_and_at_community_venues(branch):
    payments = played(branch).payments
    first_ten = (local(branch, payments["paid_at"]).dt.date() <= branch.days[9]).mean()
    assert 0.88 < first_ten < 0.95
    assert set(payments["channel"]) == set(CHANNELS.values())
    assert 0.7 < (payments["channel"] == Channel.COMMUNITY).mean() < 0.8


def test_the_same_seed_plays_the_same_campaign_and_another_seed_another_with_the_same_totals():
    branch = BRANCHES[0]
    again = campaign(branch=branch, villages=list_of(branch), seed=SEED)
    other = played(branch, SEED + 1)
    for table in ("payments", "failures", "geotags"):
        assert getattr(played(branch), table).equals(getattr(again, table))
        assert not getattr(played(branch), table).equals(getattr(other, table))
    assert again.officers == played(branch).officers
    assert (len(other.payments), len(other.geotags)) == (branch.paid, branch.geotagged)


def test_officers_have_codes_of_their_branch_once_each_and_names():
    officers = played(BRANCHES[0]).officers
    assert officers[0].code == "JB-BDW-001"
    assert officers[BRANCHES[0].officers].code == "OD-BDW-001"
    assert len({officer.code for officer in officers}) == len(officers) == 2 * BRANCHES[0].officers
    assert all(officer.name.istitle() for officer in officers)


def test_a_list_of_another_size_is_a_bug_of_the_caller():
    with pytest.raises(AssertionError, match="KC-BDW has 101913 families"):
        campaign(branch=BRANCHES[0], villages=list_of(BRANCHES[0])[1:], seed=SEED)

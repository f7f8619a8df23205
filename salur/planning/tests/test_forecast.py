"""The forecast follows the plan: judged on seeded campaigns that it was not calibrated on."""

from dataclasses import replace

import numpy as np
import pytest

from salur.planning.campaigns import Campaigns, imagined_campaigns
from salur.planning.forecast import brier, cover, forecast, linear_forecast


@pytest.fixture(scope="module")
def campaigns() -> Campaigns:
    """300 branches; calibration used seeds from 1000 on."""
    return imagined_campaigns(300, seed=42)


@pytest.mark.parametrize("today", [3, 5, 7, 9, 11])
def test_it_beats_the_straight_line_and_its_interval_covers_what_it_says(campaigns: Campaigns, today: int) -> None:
    progress, truth = campaigns.on(today), campaigns.share
    ours, line = forecast(progress), linear_forecast(progress)
    reached = truth >= 0.95
    assert 0.05 < reached.mean() < 0.95, "a question with one answer judges nobody"
    assert brier(ours.reaches, reached) < brier(line.reaches, reached)
    assert brier(ours.reaches, reached) < brier(np.full(len(truth), reached.mean()), reached)
    assert 0.70 <= cover(ours.share[:, 0], ours.share[:, 2], truth) <= 0.90
    assert np.abs(ours.share[:, 1] - truth).mean() < 0.5 * np.abs(line.share - truth).mean()


def test_the_same_seed_gives_the_same_forecast(campaigns: Campaigns) -> None:
    one, two = forecast(campaigns.on(5), seed=3), forecast(campaigns.on(5), seed=3)
    assert np.array_equal(one.share, two.share)
    assert np.array_equal(one.eta, two.eta)


def test_it_gets_surer_as_the_deadline_comes(campaigns: Campaigns) -> None:
    widths = [float(np.diff(forecast(campaigns.on(day)).share[:, [0, 2]]).mean()) for day in (3, 7, 11)]
    assert widths[0] > widths[1] > widths[2]


def test_what_is_paid_already_is_never_forecast_away(campaigns: Campaigns) -> None:
    progress = campaigns.on(9)
    paid = progress.paid[:, :10].sum(axis=1) / progress.families
    assert np.all(forecast(progress).share[:, 0] >= paid - 1e-12)


def test_etas_come_in_order(campaigns: Campaigns) -> None:
    eta = forecast(campaigns.on(5)).eta
    assert np.all(eta[:, 0] <= eta[:, 1])
    assert np.all(eta[:, 1] <= eta[:, 2])
    assert np.all(eta[:, :, 0] <= eta[:, :, 2])
    late = np.isfinite(eta[:, 0, 1])
    assert late.mean() > 0.9


def test_families_without_a_day_are_named_as_what_holds_it_back(campaigns: Campaigns) -> None:
    progress = campaigns.on(5)
    planned = progress.planned.copy()
    lost = planned[:, 8:].sum(axis=1) / progress.families
    planned[:, 8:] = 0
    result = forecast(replace(progress, planned=planned))
    assert np.allclose(result.missing["unscheduled"], lost)
    assert np.all(result.share[:, 2] <= 1 - lost)
    assert np.all(result.reaches[lost > 0.06] < 0.05)


def test_silent_phones_are_a_band_of_their_own(campaigns: Campaigns) -> None:
    progress = campaigns.on(5)
    result = forecast(progress)
    silent = progress.silent[:, :6].sum(axis=1)
    heard = silent == 0
    assert np.all(result.unsynced[heard] == 0)
    assert np.all(result.unsynced[~heard, 2] <= silent[~heard])
    assert np.all(result.unsynced[~heard, 1] > 0)


def test_a_branch_before_its_first_day_and_one_without_families_have_a_forecast(campaigns: Campaigns) -> None:
    progress = replace(campaigns.on(0), today=-1)
    before = forecast(progress)
    assert np.all((before.share > 0.8) & (before.share <= 1))
    nobody = replace(progress, families=progress.families * 0, planned=progress.planned * 0, silent=progress.silent * 0)
    assert np.all(np.isfinite(forecast(nobody).share))

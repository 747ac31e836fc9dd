"""Laws of intervals that are corrected online."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.evaluation.conformal import STEP, online_quantiles, volatility

LEVELS = np.array([0.05, 0.5, 0.95])


def bands(truth, known, *, scale=None, scale_before=None, levels=LEVELS):
    """Quantiles (Q, N, H) of a forecast that always says zero."""
    shape, before = (len(levels), *truth.shape), (len(levels), *known.shape)
    (corrected,) = online_quantiles(
        [np.zeros(shape)],
        truth,
        before=[np.zeros(before)],
        known=known,
        levels=levels,
        scale=np.ones(len(truth)) if scale is None else scale,
        scale_before=np.ones(len(known)) if scale_before is None else scale_before,
    )
    return corrected


@given(st.integers(0, 59), st.integers(1, 6), st.integers(0, 2**31))
def test_what_is_said_at_a_bar_rests_on_outcomes_known_by_then(t, horizon, seed):
    """The outcome h bars ahead of decision n is known at bar n + h, and not before."""
    rng = np.random.default_rng(seed)
    truth, known = rng.normal(size=(60, horizon)), rng.normal(size=(20, horizon))
    later = np.arange(60)[:, None] + np.arange(1, horizon + 1) > t
    other = np.where(later, 1e6 * rng.normal(size=truth.shape), truth)
    assert np.array_equal(bands(truth, known)[:, : t + 1], bands(other, known)[:, : t + 1])


def test_an_outcome_is_used_at_the_bar_at_which_it_is_known():
    rng = np.random.default_rng(1)
    truth, known = rng.normal(size=(30, 3)), rng.normal(size=(50, 3))
    other = truth.copy()
    other[10, 2] = -1e6  # three bars ahead of bar 10
    moved = (bands(truth, known) != bands(other, known)).any(axis=0)  # (N, H)
    assert np.flatnonzero(moved.any(axis=1))[0] == 13
    assert not moved[:, :2].any()


@pytest.mark.parametrize("count", [19, 20, 57, 200])
def test_before_any_outcome_intervals_cover_what_they_promise_however_few_the_residuals(count):
    """4,000 worlds side by side, as bars ahead of one decision; 2 / (count + 1) is what ranks cannot tell apart."""
    rng = np.random.default_rng(count)
    known, fresh = rng.normal(size=(count, 4000)), rng.normal(size=(1, 4000))
    low, _, high = bands(fresh, known)
    assert abs(((fresh >= low) & (fresh <= high)).mean() - 0.9) <= 2.0 / (count + 1) + 0.015


@given(st.integers(0, 2**31), st.floats(0.0, 1.0), st.integers(1, 400))
def test_whatever_comes_the_share_below_a_quantile_is_its_level(seed, persistence, regime):
    """No law of the outcomes is assumed, only |y| <= 1: |share - level| <= (2 + 2 s) / (s T), with s the step."""
    rng = np.random.default_rng(seed)
    centre = np.repeat(rng.uniform(-1.0, 1.0, 2000 // regime + 1), regime)[:2000]
    truth = np.clip(persistence * centre + (1.0 - persistence) * rng.normal(size=2000), -1.0, 1.0)[:, None]
    known = np.where(np.arange(50) % 2, 1.0, -1.0)[:, None]  # mean absolute residual 1
    share = (truth < bands(truth, known)).mean(axis=(1, 2))
    assert (np.abs(share - LEVELS) <= (2.0 + 2.0 * STEP) / (STEP * 2000)).all()


@pytest.mark.parametrize("factor", [1 / 3, 3.0])
def test_intervals_find_their_width_again_when_errors_change_theirs(factor):
    rng = np.random.default_rng(2)
    known, truth = rng.normal(size=(500, 1)), factor * rng.normal(size=(6000, 1))
    low, _, high = bands(truth, known)
    assert 0.88 <= ((truth >= low) & (truth <= high))[2000:].mean() <= 0.92


def test_intervals_are_as_wide_as_the_day_is_wild():
    rng = np.random.default_rng(3)
    scale = np.where(np.arange(4000) % 400 < 200, 1.0, 5.0)
    truth = scale[:, None] * rng.normal(size=(4000, 1))
    low, _, high = bands(truth[2000:], truth[:2000], scale=scale[2000:], scale_before=scale[:2000])
    for wild in (1.0, 5.0):
        there = scale[2000:] == wild
        assert 0.87 <= ((truth[2000:] >= low) & (truth[2000:] <= high))[there].mean() <= 0.93


@given(st.integers(1, 199), st.integers(0, 2**31))
def test_the_volatility_of_a_bar_rests_on_bars_up_to_it(t, seed):
    rng = np.random.default_rng(seed)
    changes = rng.normal(size=200)
    other = np.where(np.arange(200) > t, 1e3, changes)
    assert np.array_equal(volatility(changes)[: t + 1], volatility(other)[: t + 1])


def test_volatility_by_hand():
    """Weights 0.97^k, as many as there are bars; row 0 has no change and takes the first one's."""
    changes = np.array([np.nan, 2.0, 1.0])
    weights = np.array([0.97**2, 0.97, 1.0])
    expected = np.sqrt((weights * [4.0, 4.0, 1.0]).sum() / weights.sum())
    assert volatility(changes)[2] == pytest.approx(expected, rel=1e-9)
    assert (volatility(np.zeros(50)) > 0.0).all()

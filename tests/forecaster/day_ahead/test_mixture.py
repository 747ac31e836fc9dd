"""A mix of forecasts: weights are shares, learned of past days only, and lean to who errs less."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.day_ahead.mixture import knows_what_comes, learned_mixture


def errors_of(deviations, days=400, slots=24, seed=0):
    """Prices, and forecasts that miss them by errors of their own."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(40.0, 20.0, (days, slots))
    return truth, np.stack([truth + rng.normal(0.0, deviation, truth.shape) for deviation in deviations])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=5), st.integers(0, 10_000), st.floats(0.1, 50.0))
def test_weights_are_shares_begin_alike_and_do_not_hang_on_the_unit(deviations, seed, unit):
    truth, forecasts = errors_of(deviations, days=60, slots=4, seed=seed)
    mix, weights = learned_mixture(truth, forecasts)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    assert (weights >= 0.0).all()
    np.testing.assert_allclose(weights[0], 1.0 / len(deviations))
    np.testing.assert_allclose(mix, np.einsum("dk,kds->ds", weights, forecasts), atol=1e-9)
    _, scaled = learned_mixture(unit * truth, unit * forecasts)
    np.testing.assert_allclose(scaled, weights, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(0, 10_000))
def test_a_day_s_weights_are_of_the_days_before_it(day, seed):
    truth, forecasts = errors_of([1.0, 2.0, 3.0], days=100, slots=3, seed=seed)
    assert not knows_what_comes(learned_mixture, truth, forecasts, day)


def test_who_errs_less_is_weighed_more_and_one_that_only_adds_noise_hardly():
    truth, forecasts = errors_of([1.0, 3.0])
    mix, weights = learned_mixture(truth, forecasts)
    best = 9.0 / 10.0  # by the variances of independent errors
    assert weights[-1, 0] == pytest.approx(best, abs=0.07)
    learned, equal = (np.abs(one - truth)[100:].mean() for one in (mix, forecasts.mean(axis=0)))
    assert learned < 0.65 * equal


def test_of_two_that_err_alike_none_is_preferred():
    truth, forecasts = errors_of([2.0, 2.0])
    _, weights = learned_mixture(truth, forecasts)
    assert np.abs(weights.mean(axis=0) - 0.5).max() < 0.1


def test_weights_learned_on_the_days_they_are_for_are_found():
    truth, forecasts = errors_of([1.0, 3.0], days=80)

    def best_afterwards(truth, forecasts):
        loss = np.abs(forecasts - truth).mean(axis=(1, 2))
        weights = np.tile(1.0 / loss / (1.0 / loss).sum(), (len(truth), 1))
        return np.einsum("dk,kds->ds", weights, forecasts), weights

    assert knows_what_comes(best_afterwards, truth, forecasts, 40)


def test_other_shapes_and_holes_are_refused():
    truth, forecasts = errors_of([1.0], days=5)
    with pytest.raises(ValueError, match=r"of the days and slots of truth \(D, S\), were"):
        learned_mixture(truth[:4], forecasts)
    with pytest.raises(ValueError, match="must be finite"):
        learned_mixture(np.where(truth > 40.0, np.nan, truth), forecasts)

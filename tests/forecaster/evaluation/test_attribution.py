"""What a forecast rests on: parts that sum to the whole, fall on what matters, and go when the weights do."""

import numpy as np
import pytest

from forecaster.config import FeatureConfig
from forecaster.evaluation.attribution import alike, attribute, randomised
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode

from markets import series_of, small_config, with_model


@pytest.fixture(scope="module")
def followed():
    """Returns that repeat the one of three bars before, and a forecaster of them."""
    rng = np.random.default_rng(4)
    returns = rng.normal(0.0, 0.01, 1200)
    for t in range(3, len(returns)):
        returns[t] += 0.8 * returns[t - 3]
    series = series_of(returns, volume=False)
    config = with_model(small_config(epochs=20, learning_rate=5e-3, patience=20), horizon=1, hidden_size=12)
    features = FeatureConfig(volatility_bars=(5,), calendar=True)
    config = type(config)(features=features, model=config.model, trainer=config.trainer)
    return series, fit_forecaster(series, config, range(0, 1000), seed=2)


ROWS = np.arange(1010, 1030)


def test_the_parts_sum_to_what_was_forecast_less_the_usual(followed):
    series, fitted = followed
    found = attribute(fitted, series, ROWS)
    whole = found.parts.sum(axis=(1, 2))
    np.testing.assert_allclose(whole, found.told - found.usual, atol=0.02 * np.abs(found.told).max())
    np.testing.assert_allclose(found.told, encode(fitted, series).forecast[ROWS, 0], atol=1e-6)
    assert found.unexplained < 0.02


def test_they_fall_on_the_bar_and_the_feature_that_matter(followed):
    series, fitted = followed
    found = attribute(fitted, series, ROWS)
    assert next(iter(found.by_feature)) == "log_return"
    assert found.by_bar.argmax() == len(found.by_bar) - 3  # the forecast is of the next bar, three after that one
    assert sum(found.by_feature.values()) == pytest.approx(1.0)
    assert found.by_bar.sum() == pytest.approx(1.0)


def test_weights_drawn_anew_rest_on_something_else(followed):
    series, fitted = followed
    found = attribute(fitted, series, ROWS)
    others = [alike(found, attribute(randomised(fitted, seed), series, ROWS)) for seed in range(12)]
    assert alike(found, found) == pytest.approx(1.0)
    assert abs(np.mean(others)) < 0.25


def test_what_cannot_be_taken_apart_is_refused(followed):
    series, fitted = followed
    with pytest.raises(ValueError, match=r"ahead must lie in \[1, 1\] and rows be 12 or later, were 1 and \[3\]"):
        attribute(fitted, series, np.array([3]))

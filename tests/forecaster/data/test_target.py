"""What is forecast: log returns of prices, differences of the rest; and the linear forecast a network corrects."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.config import FeatureConfig, ModelConfig
from forecaster.data.datamodule import WindowData, WindowRows
from forecaster.data.features import build_features
from forecaster.data.series import Series
from forecaster.data.windows import labels, steps_between, values_ahead
from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import Stream, encode
from forecaster.training.linear_base import base_inputs, fit_base

from markets import KINDS, noise_series, small_config, with_model

ROWS = range(0, 300)


def temperatures(degrees, **options):
    """An hourly series of one value a bar."""
    index = pd.date_range("2021-01-01", periods=len(degrees), freq="h", tz="UTC").as_unit("ns")
    column = np.asarray(degrees, dtype=np.float64)[:, None]
    facts = {"bar_length": pd.Timedelta("1h"), "bars_per_year": 8766.0, "season_bars": 24, "single_price": True}
    prices = dict.fromkeys(("open", "high", "low", "close"), column)
    options = {"target": "difference", "price_unit": "degC", **options}
    return Series(name="made", instruments=("t",), index=index, **facts, **prices, **options)


def days(num_bars=400, seed=0):
    """Days of warm afternoons and cold nights about 0 degC, with weather."""
    rng = np.random.default_rng(seed)
    weather = np.zeros(num_bars)
    for t in range(1, num_bars):
        weather[t] = 0.95 * weather[t - 1] + rng.normal(0.0, 0.5)
    return 5.0 * np.sin(np.arange(num_bars) * 2.0 * np.pi / 24.0) + weather


@pytest.fixture(scope="module")
def corrected():
    return fit_forecaster(temperatures(days()), with_model(small_config(), linear_base=True), ROWS, seed=1)


def test_zero_and_negative_values_have_differences_and_no_log_returns():
    with pytest.raises(ValueError, match=r"close of t must be positive and finite, was -1.0 at 2021-01-01 02:00"):
        temperatures([1.0, 2.0, -1.0], target="log_return")
    with pytest.raises(ValueError, match=r"close of t must be finite, was nan"):
        temperatures([1.0, np.nan, -1.0])
    np.testing.assert_array_equal(temperatures([1.0, 0.0, -1.5]).changes()[:, 0], [0.0, -1.0, -1.5])
    np.testing.assert_allclose(temperatures([1.0, 2.0], target="log_return").changes()[:, 0], [0.0, np.log(2.0)])


def test_the_features_of_a_difference_are_in_its_unit_and_know_the_level():
    values = days(60)
    table = build_features(temperatures(values), small_config().features)
    column = dict(zip(table.names, table.values.T, strict=True))
    np.testing.assert_allclose(column["difference"][1:], np.diff(values))
    np.testing.assert_array_equal(column["level"], values)
    np.testing.assert_allclose(column["volatility_3"][10], np.sqrt(np.mean(np.diff(values)[7:10] ** 2)))


@pytest.mark.parametrize("linear_base", [False, True])
@given(scale=st.sampled_from([1.0, 1.8]), offset=st.sampled_from([-40.0, 32.0, 273.15]))
@settings(max_examples=6)
def test_another_scale_of_temperature_gives_the_same_forecast_in_its_own_degrees(linear_base, scale, offset):
    config = with_model(small_config(epochs=1), linear_base=linear_base)
    celsius, other = temperatures(days()), temperatures(offset + scale * days())
    ours, theirs = (encode(fit_forecaster(one, config, ROWS, seed=1), one).forecast for one in (celsius, other))
    np.testing.assert_allclose(theirs[50:], scale * ours[50:], atol=2e-3)


def test_a_forecaster_of_differences_refuses_log_returns_and_remembers_its_target(corrected, tmp_path):
    corrected.save(tmp_path)
    loaded = load_forecaster(tmp_path)
    assert loaded.target == "difference"
    series = temperatures(days())
    np.testing.assert_array_equal(encode(loaded, series).forecast, encode(corrected, series).forecast)
    prices = temperatures(days() + 100.0, target="log_return")
    with pytest.raises(ValueError, match="must have the target difference, as it was fitted on, had log_return"):
        encode(corrected, prices)


def test_the_baselines_of_a_difference_are_the_textbook_s(corrected):
    series = temperatures(days())
    scores = score_forecasts(
        corrected, series, encode(corrected, series), calibration_rows=range(310, 340), rows=range(340, 400)
    )
    level, rows = series.close[:, 0], np.arange(340, 397)
    truth = labels(np.diff(level, prepend=0.0), rows, 3)
    np.testing.assert_allclose(scores.errors["naive"], truth)
    missed = labels(level, rows, 3) - labels(level, rows - 24, 3)  # the same hour of yesterday
    np.testing.assert_allclose(np.cumsum(scores.errors["seasonal_naive"], axis=1), missed)


@pytest.mark.parametrize("head", ["point", "quantile", "student_t"])
@pytest.mark.parametrize("kind", KINDS)
def test_untaught_every_network_says_what_its_linear_base_says(kind, head):
    """With a step of nothing the decoder stays at zero, and what is left is the linear forecast, whatever the head."""
    config = with_model(small_config(kind, epochs=1, learning_rate=1e-12), linear_base=True, head=head)
    series = temperatures(days())
    fitted = fit_forecaster(series, config, ROWS, seed=1)
    states = encode(fitted, series)
    features = fitted.scaled(build_features(series, config.features).values).astype(np.float32)
    context = torch.from_numpy(features[300 - 7 : 301])[None]
    linear = base_inputs(context) @ fitted.model.base[:-1] + fitted.model.base[-1]
    np.testing.assert_allclose(states.forecast[300], linear[0].numpy() * fitted.target_scale, atol=1e-4)
    if states.quantiles is not None:
        np.testing.assert_allclose(states.quantiles[300, :, 9], states.forecast[300], atol=1e-4)


def test_a_linear_world_is_known_before_the_first_epoch():
    """An AR(2) in the differences: the base finds its coefficients, and zeros for what was longer ago."""
    rng = np.random.default_rng(0)
    change = np.zeros(6000)
    for t in range(2, 6000):
        change[t] = 0.5 * change[t - 1] - 0.3 * change[t - 2] + rng.normal()
    features = change.astype(np.float32)[None, :, None]
    rows = WindowRows(np.arange(10, 5000), np.arange(5000, 5900))
    data = WindowData(features, np.zeros((1, 0), np.float32), change.astype(np.float32)[None], rows, 6, 1)
    weights = fit_base(data)
    np.testing.assert_allclose(weights[:, 0], [0, 0, 0, 0, -0.3, 0.5, 0], atol=0.04)


def test_the_future_reaches_neither_the_linear_base_nor_what_it_says(corrected):
    values = days()
    values[ROWS.stop :] += 10.0
    series, changed = temperatures(days()), temperatures(values)
    other = fit_forecaster(changed, corrected.config, ROWS, seed=1)
    for name, weights in corrected.model.state_dict().items():
        torch.testing.assert_close(other.model.state_dict()[name], weights, rtol=0, atol=0)
    before, after = (encode(corrected, one).forecast[: ROWS.stop] for one in (series, changed))
    np.testing.assert_array_equal(before, after)


def test_bar_by_bar_the_corrected_forecast_is_that_of_the_whole_series(corrected):
    series = temperatures(days())
    stream, whole = Stream(corrected, series.rows(range(0, 350))), encode(corrected, series)
    for row in range(350, 353):
        _, forecast = stream.push(series.rows(range(row, row + 1)))
        np.testing.assert_allclose(forecast, whole.forecast[row], atol=1e-5)


def test_several_instruments_share_one_linear_base():
    one = noise_series(400)
    two = {name: np.hstack([getattr(one, name), getattr(one, name)[::-1]]) for name in ("open", "high", "low", "close")}
    panel = dataclasses.replace(one, instruments=("a", "b"), volume=None, **two)
    config = with_model(small_config(epochs=1), linear_base=True)
    config = dataclasses.replace(config, features=dataclasses.replace(config.features, identity=True))
    from forecaster.fitted import fit_panel

    fitted = fit_panel(panel, config, ROWS, seed=1)
    assert fitted["a"].model is fitted["b"].model
    assert np.isfinite(encode(fitted["b"], panel.instrument("b")).forecast[50:]).all()


def test_classes_have_no_centre_that_a_linear_forecast_could_move():
    with pytest.raises(ValueError, match="linear_base must be false with head=bins"):
        ModelConfig(linear_base=True, head="bins")


@given(seed=st.integers(0, 2**16), horizon=st.integers(1, 30))
def test_steps_lead_to_the_values_ahead_and_these_tell_the_steps(seed, horizon):
    changes = np.random.default_rng(seed).normal(size=(4, horizon)).astype(np.float32)
    ahead = values_ahead(changes)
    np.testing.assert_allclose(ahead * np.sqrt(np.arange(1, horizon + 1)), np.cumsum(changes, axis=1), atol=1e-4)
    np.testing.assert_allclose(steps_between(ahead), changes, atol=1e-4)


def test_a_level_is_learned_as_the_value_ahead():
    """What reverts to its mean by a tenth a bar is best forecast h bars ahead as 0.9^h of itself."""
    rng = np.random.default_rng(5)
    level = np.zeros(4000)
    for t in range(1, len(level)):
        level[t] = 0.9 * level[t - 1] + rng.normal()
    series = temperatures(level, target="level")
    config = with_model(small_config(epochs=20, learning_rate=3e-3, patience=8), horizon=8, context_length=4)
    config = dataclasses.replace(config, features=FeatureConfig(volatility_bars=(), calendar=False))
    fitted = fit_forecaster(series, config, range(0, 3000), seed=1)
    rows = np.arange(3000, 3990)
    told = level[rows, None] + np.cumsum(encode(fitted, series).forecast[rows], axis=1)
    best = level[rows, None] * 0.9 ** np.arange(1, 9)
    truth = labels(level, rows, 8)
    for ahead in (0, 3, 7):
        error, least = (np.mean((truth[:, ahead] - one[:, ahead]) ** 2) for one in (told, best))
        assert error < 1.06 * least
    assert np.mean((truth[:, 7] - level[rows]) ** 2) > 1.3 * least  # no change is far from it

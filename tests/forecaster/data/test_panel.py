"""One network for several instruments: it tells them apart if it is told, and none reads another's bars."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.config import FeatureConfig
from forecaster.data.features import static_features
from forecaster.fitted import fit_forecaster, fit_panel, load_forecaster, save_panel
from forecaster.hidden_states import Stream, encode

from markets import noise_series, series_of, small_config

ROWS = range(0, 250)


def panel_of(*parts):
    """Series of one instrument each, side by side."""
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name in ("open", "high", "low", "close", "volume")
    }
    return dataclasses.replace(parts[0], instruments=tuple("abc"[: len(parts)]), **columns)


def with_features(config, **changes):
    return dataclasses.replace(config, features=dataclasses.replace(config.features, **changes))


@pytest.fixture(scope="module")
def panel():
    return panel_of(noise_series(400, seed=1), noise_series(400, seed=2))


@pytest.fixture(scope="module")
def fitted(panel):
    return fit_panel(panel, with_features(small_config(), identity=True), ROWS, seed=1)


def test_being_told_which_instrument_it_is_pays_where_the_past_does_not_tell():
    """r[t+1] = +-s x[t] + s e: the best error is s^2 with the sign known, and nearly 2 s^2, no change, without it."""
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=1600), rng.normal(size=(1600, 2))
    returns = 0.01 * noise
    returns[1:] += 0.01 * signal[:-1, None] * np.array([1.0, -1.0])
    table = pd.DataFrame({"signal": signal})
    panel = panel_of(*(series_of(returns[:, one], exogenous=table) for one in (0, 1)))
    config = small_config(horizon=1, epochs=12, context_length=2, hidden_size=8, learning_rate=0.01)
    error = {}
    for told in (False, True):
        models = fit_panel(panel, with_features(config, identity=told), range(0, 1000), seed=1)
        forecast = [encode(models[name], panel.instrument(name)).forecast[1000:-1, 0] for name in panel.instruments]
        error[told] = float(np.mean((returns[1001:] - np.stack(forecast, axis=1)) ** 2)) / 0.01**2
    assert error[True] < 1.2
    assert error[False] > 1.5


def test_the_network_is_shared_and_the_scales_are_not(fitted):
    one, two = fitted["a"], fitted["b"]
    assert one.model is two.model
    assert not np.array_equal(one.mean, two.mean)
    assert one.static.tolist() == [1.0, 0.0]
    assert two.static.tolist() == [0.0, 1.0]


@given(st.integers(20, 398))
@settings(max_examples=8)
def test_no_instrument_s_bars_reach_another_s_hidden_state(panel, fitted, t):
    close = panel.close.copy()
    close[t:, 1] *= 1.3
    other = dataclasses.replace(panel, close=close, high=np.maximum(panel.high, close))
    before, after = (encode(fitted["a"], one.instrument("a")) for one in (panel, other))
    np.testing.assert_array_equal(before.hidden_state, after.hidden_state)
    changed = encode(fitted["b"], other.instrument("b")).hidden_state
    np.testing.assert_array_equal(changed[:t], encode(fitted["b"], panel.instrument("b")).hidden_state[:t])


def test_what_comes_after_the_fit_rows_of_any_instrument_leaves_the_weights_as_they_are(panel, fitted):
    close = panel.close.copy()
    close[ROWS.stop :, 1] *= 1.3
    other = dataclasses.replace(panel, close=close, high=np.maximum(panel.high, close))
    again = fit_panel(other, fitted["a"].config, ROWS, seed=1)
    for name, weights in fitted["a"].model.state_dict().items():
        np.testing.assert_array_equal(again["a"].model.state_dict()[name].numpy(), weights.numpy())


def test_a_panel_on_disk_is_the_panel(panel, fitted, tmp_path):
    save_panel(fitted, tmp_path)
    for name in panel.instruments:
        series = panel.instrument(name)
        np.testing.assert_array_equal(
            encode(load_forecaster(tmp_path, name), series).hidden_state, encode(fitted[name], series).hidden_state
        )
    with pytest.raises(ValueError, match="instrument must be one of a, b, which it was fitted on, was None"):
        load_forecaster(tmp_path)


def test_a_stream_knows_which_instrument_it_reads(panel, fitted):
    series = panel.instrument("b")
    states = encode(fitted["b"], series)
    stream = Stream(fitted["b"], series.rows(range(0, 399)))
    state, forecast = stream.push(series.rows(range(399, 400)))
    np.testing.assert_allclose(state, states.hidden_state[399], atol=1e-5)
    np.testing.assert_allclose(forecast, states.forecast[399], atol=1e-5)


def test_numbers_that_describe_instruments_are_scaled_over_them():
    config = FeatureConfig(static={"a": {"size": 1.0, "beta": 2.0}, "b": {"size": 3.0, "beta": 2.0}})
    told, names = static_features(("a", "b"), config)
    assert names == ("beta", "size")
    assert told.tolist() == [[0.0, -1.0], [0.0, 1.0]]
    assert static_features(("a",), config)[0].shape == (1, 0)


def test_instruments_that_are_not_described_are_named(panel):
    config = with_features(small_config(), static={"a": {"size": 1.0}})
    with pytest.raises(ValueError, match=r"features\.static must describe every instrument, lacks b"):
        fit_panel(panel, config, ROWS, seed=1)
    with pytest.raises(ValueError, match="static must give every instrument the same names, did not for b"):
        FeatureConfig(static={"a": {"size": 1.0}, "b": {"beta": 1.0}})


def test_one_forecaster_is_of_one_instrument(panel):
    with pytest.raises(ValueError, match="fit_forecaster fits one instrument, the series has a, b"):
        fit_forecaster(panel, small_config(), ROWS, seed=1)
    with pytest.raises(ValueError, match="instrument must be one of a, b, was 'c'"):
        panel.instrument("c")

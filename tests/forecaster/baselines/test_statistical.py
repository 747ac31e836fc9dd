"""AutoETS and AutoARIMA: refused in words where their library is absent, causal and sensible where it is there."""

import importlib.util

import numpy as np
import pytest

from forecaster.baselines.statistical import fit_classical, require_classical
from forecaster.config import BaselineConfig
from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode

from markets import noise_series, small_config

BOTH = BaselineConfig(classical=("auto_ets", "auto_arima"), fit_bars=200)
installed = pytest.mark.skipif(importlib.util.find_spec("statsforecast") is None, reason="extra [classical]")


def rules(changes, config=BOTH, *, fit_stop=300, horizon=3, season_bars=1):
    return fit_classical(changes, config, fit_stop=fit_stop, horizon=horizon, season_bars=season_bars)


def errors(changes, rule, rows, horizon):
    truth = np.stack([changes[t + 1 : t + 1 + horizon] for t in rows])
    return float(np.mean((truth - rule(rows)) ** 2)), float(np.mean(truth**2))


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("forecaster.baselines.statistical.find_spec", lambda name: None)
    require_classical(())
    assert rules(np.zeros(400), BaselineConfig()) == {}
    with pytest.raises(ValueError, match=r"auto_ets and auto_arima need statsforecast.*pip install 'tradewinds\[class"):
        rules(np.zeros(400))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classical": ("auto_ets", "auto_ets")}, "classical must name each model once, was"),
        ({"fit_bars": 49}, r"fit_bars\n.*greater than or equal to 50 .*input_value=49"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        BaselineConfig(**changes)


@installed
def test_too_few_bars_are_refused():
    with pytest.raises(ValueError, match="fit_bars must be fewer than the 200 bars that may be fitted on, was 200"):
        rules(np.zeros(400), fit_stop=200)


@installed
def test_the_future_reaches_neither_the_fit_nor_a_forecast():
    changes = np.random.default_rng(0).normal(size=400)
    other = changes.copy()
    other[351:] += 100.0
    rows = np.arange(300, 351)
    ours, theirs = rules(changes, season_bars=4), rules(other, season_bars=4)
    for name in BOTH.classical:
        assert np.array_equal(ours[name](rows), theirs[name](rows))


@installed
def test_a_persistent_change_is_foreseen_by_arima():
    rng, changes = np.random.default_rng(1), np.zeros(1000)
    for t in range(1, 1000):
        changes[t] = 0.7 * changes[t - 1] + rng.normal()
    ours, naive = errors(changes, rules(changes, horizon=1)["auto_arima"], np.arange(400, 900), 1)
    assert ours < 0.6 * naive  # 0.51 is the share of the noise in the variance


@installed
@pytest.mark.parametrize("name", BOTH.classical)
def test_a_season_is_foreseen_in_its_phase(name):
    rng, t = np.random.default_rng(2), np.arange(1000)
    levels = 5.0 * np.sin(t * 2.0 * np.pi / 12.0) + np.convolve(rng.normal(0.0, 0.3, 1000), [1.0, 0.5], "same")
    changes = np.diff(levels, prepend=np.nan)
    ours, naive = errors(changes, rules(changes, horizon=12, season_bars=12)[name], np.arange(401, 800, 7), 12)
    assert ours < 0.2 * naive


@installed
def test_a_price_that_stands_still_is_forecast_to_stand_still():
    for rule in rules(np.zeros(400)).values():
        assert not rule(np.arange(300, 320)).any()


@installed
def test_they_stand_in_the_table_with_intervals_of_their_own():
    series, config = noise_series(volume=False), small_config(epochs=1)
    fitted = fit_forecaster(series, config, range(0, 260), seed=1)
    spans = {"calibration_rows": range(265, 300), "rows": range(305, 350)}
    states = encode(fitted, series)
    alone = score_forecasts(fitted, series, states, **spans)
    beside = score_forecasts(fitted, series, states, **spans, baselines=BOTH)
    assert set(beside.table) - set(alone.table) == {"auto_ets", "auto_arima"}
    assert all(beside.table[name] == row for name, row in alone.table.items())
    assert beside.table["auto_ets"]["rmse"] < 1.1 * beside.table["naive"]["rmse"]

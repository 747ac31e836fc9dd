"""Values ahead and their intervals: what they rest on, what they are of, and how often they hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.series import Series
from forecaster.evaluation.intervals import value_forecasts
from forecaster.hidden_states import HiddenStates

LEVELS = (0.05, 0.5, 0.95)


def made(changes, forecast, target="log_return", **more):
    """A series of one instrument with these (T,) changes, and (T, H) forecasts of them."""
    index = pd.date_range("2020-01-01", periods=len(changes), freq="D", tz="UTC")
    path = np.cumsum(changes)
    close = (100.0 * np.exp(path) if target != "difference" else path)[:, None]
    series = Series("s", ("s",), index, pd.Timedelta("1D"), 365.0, 7, close, close, close, close, target=target, **more)
    nothing = np.zeros((len(changes), 1), dtype=np.float32)
    states = HiddenStates(index, nothing, forecast.astype(np.float32), np.full(len(changes), -1), 0)
    return series, states


def told(series, states, calibration=range(20, 120), first=120):
    return value_forecasts(series, states, calibration_rows=calibration, first=first, levels=LEVELS)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), horizon=st.integers(1, 6), cut=st.integers(130, 199))
def test_what_is_told_at_a_bar_is_what_is_told_when_the_series_ends_there(seed, horizon, cut):
    rng = np.random.default_rng(seed)
    series, states = made(rng.normal(0.0, 0.01, 200), rng.normal(0.0, 0.003, (200, horizon)))
    whole, ended = told(series, states), told(series.rows(range(cut)), states.until(cut)).of_last(cut - 1)
    place = int(np.flatnonzero(whole.decisions == cut - 1)[0])
    assert np.array_equal(whole.value[place], ended.value[0])
    assert np.array_equal(whole.quantiles[:, place], ended.quantiles[:, 0])


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_a_value_is_what_the_changes_forecast_lead_to(target):
    forecast = np.tile([0.01, 0.02, -0.005], (200, 1))
    series, states = made(np.random.default_rng(0).normal(0.0, 0.01, 200), forecast, target)
    value, last = told(series, states).value[-1], series.close[-1, 0]
    sums = np.array([0.01, 0.03, 0.025])
    assert value == pytest.approx(last * np.exp(sums) if target == "log_return" else last + sums, rel=1e-6)


def test_a_relative_return_is_told_in_percent_beyond_the_mean():
    forecast = np.tile([0.01, 0.02], (200, 1))
    changes = np.random.default_rng(0).normal(0.0, 0.01, 200)
    series, states = made(changes, forecast, "relative_return", common=np.zeros(200))
    assert told(series, states).value[-1] == pytest.approx(100.0 * np.expm1([0.01, 0.03]), rel=1e-5)


@pytest.mark.parametrize("moves", [1.0, 4.0])
def test_nine_of_ten_values_ahead_lie_within_the_interval_of_nine_tenths(moves):
    """Of a random walk, whose spread grows `moves` times over after the calibration."""
    rng = np.random.default_rng(1)
    scale = np.where(np.arange(6000) < 1000, 1.0, moves)
    series, states = made(scale * rng.normal(0.0, 1.0, 6000), np.zeros((6000, 5)), "difference")
    told_of = told(series, states, range(100, 900), 1000)
    known = told_of.decisions[told_of.decisions < 5995]
    truth = series.close[known[:, None] + 1 + np.arange(5), 0]
    low, _, high = told_of.quantiles[:, : len(known)]
    assert ((truth >= low) & (truth <= high)).mean(axis=0) == pytest.approx(0.9, abs=0.02)
    spread = (high - low)[1500:].mean(axis=0)
    assert spread == pytest.approx(2.0 * 1.645 * moves * np.sqrt(np.arange(1, 6)), rel=0.15)


def test_bars_that_an_instrument_did_not_trade_make_no_outcome():
    rng = np.random.default_rng(2)
    traded = np.ones((200, 1), dtype=bool)
    traded[60:70] = traded[150:153] = False
    changes = np.where(traded[:, 0], rng.normal(0.0, 0.01, 200), 0.0)
    series, states = made(changes, np.zeros((200, 2)), traded=traded)
    decisions = told(series, states).decisions
    assert not np.isin(decisions, [148, 149, 150, 151]).any()  # whose next two bars are none of its own
    assert decisions[-1] == 199
    with pytest.raises(ValueError, match="row 199 is not forecast, the last that is was 198"):
        told(series, HiddenStates(**{**states.__dict__, "forecast": _silent(states.forecast, 199)})).of_last(199)


def _silent(forecast, row):
    forecast = forecast.copy()
    forecast[row] = np.nan
    return forecast


def test_too_little_to_calibrate_by_is_refused_with_its_numbers():
    series, states = made(np.zeros(200), np.zeros((200, 5)))
    with pytest.raises(ValueError, match="hold 0 outcomes of 5 bars to calibrate intervals by, and 80 rows from 120"):
        told(series, states, range(110, 115))

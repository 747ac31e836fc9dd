"""Features look back only, and the split keeps its distances."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import FeatureConfig, SplitConfig
from forecaster.data.datamodule import window_rows
from forecaster.data.features import build_features
from forecaster.data.splits import split_rows
from forecaster.data.windows import gather, labels, strided_windows

from markets import noise_series, series_of

CONFIG = FeatureConfig(volatility_bars=(3, 10), volume_bars=5)


@given(st.integers(0, 99), st.integers(0, 2**31))
def test_the_future_cannot_reach_a_feature(t, seed):
    rng = np.random.default_rng(seed)
    series = noise_series(100, exogenous=pd.DataFrame({"heat": rng.normal(size=100)}))
    changed = {name: np.array(getattr(series, name)) for name in ("open", "high", "low", "close", "volume")}
    for values in changed.values():
        values[t + 1 :] *= 1.7
    heat = series.exogenous.copy()
    heat.iloc[t + 1 :] = rng.normal(size=(99 - t, 1))
    before = build_features(series, CONFIG)
    after = build_features(dataclasses.replace(series, **changed, exogenous=heat), CONFIG)
    np.testing.assert_array_equal(before.values[: t + 1], after.values[: t + 1])
    assert before.first_row == after.first_row


def test_the_features_are_what_their_names_say():
    r = np.array([0.0, 0.01, -0.02, 0.03, 0.01])
    series = series_of(r)
    table = build_features(series, FeatureConfig(volatility_bars=(2,), volume_bars=2, calendar=False))
    column = dict(zip(table.names, table.values.T, strict=True))
    np.testing.assert_allclose(column["log_return"][1:], r[1:], atol=1e-12)
    np.testing.assert_allclose(column["volatility_2"][2:], np.sqrt((r[1:-1] ** 2 + r[2:] ** 2) / 2), atol=1e-12)
    np.testing.assert_allclose(column["range"], np.log(series.high / series.low)[:, 0])
    np.testing.assert_allclose(column["gap"][1:], np.log(series.open[1:, 0] / series.close[:-1, 0]))
    assert table.first_row == 2


def test_columns_that_can_say_nothing_are_left_out():
    series = noise_series(60, volume=False)
    one = dict.fromkeys(("open", "high", "low"), series.close)
    series = dataclasses.replace(series, **one, single_price=True)
    names = build_features(series, CONFIG).names
    assert not {"range", "gap", "volume_z", "hour_sin"} & set(names)
    assert {"weekday_sin", "month_cos"} <= set(names)
    hourly = build_features(noise_series(60, bar_length="1h"), CONFIG).names
    assert "hour_sin" in hourly


def test_a_gap_inside_a_column_is_refused_by_name_and_time():
    heat = pd.DataFrame({"heat": np.r_[np.nan, np.ones(50), np.nan, np.ones(48)]})
    with pytest.raises(ValueError, match=r"feature heat is undefined at 2015-02-21 00:00:00\+00:00, inside the series"):
        build_features(noise_series(100, exogenous=heat), CONFIG)


@pytest.mark.parametrize("names", [["log_return"], ["x", "x_change"], ["weekday_sin"]])
def test_an_exogenous_column_may_not_take_the_name_of_a_feature(names):
    table = pd.DataFrame(np.ones((100, len(names))), columns=names)
    with pytest.raises(ValueError, match=f"must not bear the names of features, did: {names[-1]}; rename them"):
        build_features(noise_series(100, exogenous=table), CONFIG)


def test_which_columns_there_are_does_not_depend_on_bars_to_come():
    series = noise_series(100)
    volume = np.array(series.volume)
    volume[:60] = 0.0
    late = dataclasses.replace(series, volume=volume)
    assert build_features(late, CONFIG).names == build_features(late.rows(range(0, 60)), CONFIG).names


@given(st.floats(0.05, 0.5), st.integers(2, 30), st.integers(1, 25), st.integers(0, 20), st.data())
def test_what_the_split_accepts_the_fit_accepts(fraction, context, horizon, first_row, data):
    num_rows = data.draw(st.integers(100, 1500))
    sizes = {"context_length": context, "horizon": horizon, "first_row": first_row, "stop_fraction": fraction}
    try:
        split = split_rows(num_rows, SplitConfig(), **sizes)
    except ValueError:
        return
    rows = window_rows(split.forecaster, **sizes)
    assert min(len(rows.fit), len(rows.stop)) >= 2


def test_several_instruments_are_refused():
    series = noise_series(30)
    two = {name: np.repeat(getattr(series, name), 2, axis=1) for name in ("open", "high", "low", "close", "volume")}
    with pytest.raises(ValueError, match="features are read from one instrument at a time, the series has a, b"):
        build_features(dataclasses.replace(series, instruments=("a", "b"), **two), CONFIG)


@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 30), st.integers(0, 50), st.integers(400, 3000))
def test_the_agent_s_rows_lie_beyond_all_that_the_forecaster_was_fitted_on(
    context, horizon, embargo, first_row, num_rows
):
    config = SplitConfig(embargo_bars=embargo)
    split = split_rows(
        num_rows, config, context_length=context, horizon=horizon, first_row=first_row, stop_fraction=0.2
    )
    fit_end = split.forecaster.stop - 1 - horizon
    for part in (split.agent, split.validation, split.test):
        assert fit_end + horizon + embargo < part.start
    assert split.agent.stop + embargo == split.validation.start
    assert split.validation.stop + embargo == split.test.start
    assert split.test.stop == num_rows


@pytest.mark.parametrize(
    ("num_rows", "options", "message"),
    [
        (
            80,
            {},
            r"80 rows are too few: the forecaster part gets 40 rows and needs 42 \(context_length 20, horizon 3",
        ),
        (200, {"agent": 0.01, "test": 0.39}, "the agent part gets 0 rows and needs 5"),
    ],
)
def test_a_series_too_short_is_refused_with_what_it_needs(num_rows, options, message):
    with pytest.raises(ValueError, match=message):
        split_rows(num_rows, SplitConfig(**options), context_length=20, horizon=3, first_row=10, stop_fraction=0.2)


def test_the_length_a_refusal_asks_for_is_enough():
    def attempt(num_rows):
        return split_rows(num_rows, SplitConfig(), context_length=20, horizon=3, first_row=10, stop_fraction=0.2)

    with pytest.raises(ValueError, match=r"bring \d+ rows") as refused:
        attempt(50)
    attempt(int(str(refused.value).split("bring ")[1].split(" ")[0]))


def test_windows_are_views_and_a_batch_is_one_gather():
    values = np.arange(20, dtype=np.float32).reshape(10, 2)
    windows = strided_windows(values, 4)
    assert windows.shape == (7, 4, 2)
    assert np.shares_memory(windows, values)
    batch = gather(windows, np.array([3, 9]))
    np.testing.assert_array_equal(batch[0], values[:4])
    np.testing.assert_array_equal(batch[1], values[6:])


def test_a_label_is_what_follows_the_row():
    r = np.arange(10.0)
    np.testing.assert_array_equal(labels(r, np.array([2, 5]), 3), [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (FeatureConfig, {"volatility_bars": (1,)}, r"volatility_bars\.0\n.*greater than or equal to 2 .*input_value=1"),
        (FeatureConfig, {"volatility_bars": (3, 3)}, "volatility_bars must differ"),
        (SplitConfig, {"test": 0.3}, "must sum to 1, their sum was 1.1"),
        (SplitConfig, {"forecaster": 1.2}, r"forecaster\n.*less than 1 .*input_value=1.2"),
        (SplitConfig, {"embargo_bars": -1}, r"embargo_bars\n.*greater than or equal to 0 .*input_value=-1"),
    ],
)
def test_settings_out_of_range_are_refused(config, values, message):
    with pytest.raises(ValueError, match=message):
        config(**values)

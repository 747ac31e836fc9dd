"""Series and the join on availability."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.series import closes_of, join_as_of

from markets import noise_series, series_of

HOUR = pd.Timedelta(hours=1)


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=20, unique=True),
    st.lists(st.integers(0, 200), min_size=1, max_size=20, unique=True),
    st.integers(0, 48),
)
def test_a_join_takes_the_newest_value_that_was_known_and_none_that_was_not(bars, values, lag):
    start = pd.Timestamp("2020-01-01", tz="UTC")
    index = pd.DatetimeIndex([start + hour * HOUR for hour in sorted(bars)]).as_unit("ns")
    valid = pd.DatetimeIndex([start + hour * HOUR for hour in sorted(values)])
    table = pd.DataFrame({"x": np.array(sorted(values), dtype=float)}, index=valid)
    joined = join_as_of(index, HOUR, table, {"x": lag * HOUR})["x"].to_numpy()
    for bar, value in zip(sorted(bars), joined, strict=True):
        known = [hour for hour in values if hour + lag <= bar + 1]
        if known:
            assert value == max(known)
        else:
            assert np.isnan(value)


def test_a_join_passes_over_values_that_were_not_measured():
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    table = pd.DataFrame({"x": [1.0, np.nan, 3.0]}, index=index)
    joined = join_as_of(index, pd.Timedelta(days=1), table, {"x": pd.Timedelta(days=1)})
    assert joined["x"].tolist() == [1.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("order", "lag", "message"),
    [([1, 0, 2], 1, "must increase strictly; sort it first"), ([0, 1, 2], -1, "lags must be at least 0, those of x")],
)
def test_a_join_that_would_look_ahead_is_refused(order, lag, message):
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index).iloc[order]
    with pytest.raises(ValueError, match=message):
        join_as_of(index, pd.Timedelta(days=1), table, {"x": pd.Timedelta(days=lag)})


def test_a_bar_is_over_when_the_next_begins():
    index = pd.DatetimeIndex(["2024-03-30T23:00Z", "2024-03-31T22:00Z", "2024-04-01T22:00Z"])  # midnights in Berlin
    closes = closes_of(index, pd.Timedelta(days=1))
    assert closes.tolist() == [*index[1:], index[2] + pd.Timedelta(days=1)]


def test_a_column_without_a_lag_is_refused():
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    with pytest.raises(KeyError, match="x"):
        join_as_of(index, pd.Timedelta(days=1), pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index), {})


def test_the_identity_of_a_series_changes_with_any_bit_of_its_content():
    series = noise_series(50)
    same, other = noise_series(50), np.array(series.close)
    other[17] = np.nextafter(other[17], np.inf)
    assert same.sha256() == series.sha256()
    assert dataclasses.replace(series, close=other).sha256() != series.sha256()
    assert series.rows(range(0, 49)).sha256() != series.sha256()


def test_the_first_log_return_is_zero_and_the_others_are_those_of_the_closes():
    series = series_of(np.array([0.1, 0.2, -0.3]))
    np.testing.assert_allclose(series.log_return()[:, 0], [0.0, 0.2, -0.3], atol=1e-12)


def broken(**changes):
    series = noise_series(5)
    values = {name: np.array(getattr(series, name)) for name in ("open", "high", "low", "close")}
    for name, (row, value) in changes.items():
        values[name][row] = value
    return lambda: dataclasses.replace(series, **values)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (broken(close=(2, -1.0)), r"close of one must be positive and finite, was -1.0 at 2015-01-03"),
        (broken(open=(1, np.nan)), r"open of one must be positive and finite, was nan at 2015-01-02"),
        (broken(high=(3, 1.0)), r"open and close of one must lie between low and high, did not at 2015-01-04"),
        (
            lambda: dataclasses.replace(noise_series(5), index=noise_series(5).index[::-1]),
            "index must increase strictly",
        ),
        (lambda: dataclasses.replace(noise_series(5), index=noise_series(5).index.tz_convert("Asia/Tokyo")), "in UTC"),
        (
            lambda: dataclasses.replace(
                noise_series(5), exogenous=pd.DataFrame({"x": np.ones(5)}, index=noise_series(5).index + 30 * HOUR)
            ),
            "exogenous must have the index of the bars",
        ),
        (lambda: dataclasses.replace(noise_series(5), volume=-np.ones((5, 1))), "volume must be finite and at least 0"),
        (lambda: dataclasses.replace(noise_series(5), single_price=True), "must be the same where single_price is set"),
        (lambda: dataclasses.replace(noise_series(5), season_bars=0), "season_bars must be positive"),
        (lambda: dataclasses.replace(noise_series(5), close=np.ones((4, 1))), r"close must be \(T, A\) = \(5, 1\)"),
    ],
)
def test_a_series_that_cannot_be_is_refused(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()

"""Series and the join on availability."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.as_of import join_as_of
from forecaster.data.series import PRICES, Series, closes_of

from markets import noise_series, series_of

HOUR = pd.Timedelta(hours=1)


START = pd.Timestamp("2020-01-01", tz="UTC")


def hours(numbers):
    return pd.DatetimeIndex([START + number * HOUR for number in numbers]).as_unit("ns")


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=20, unique=True),
    st.lists(st.tuples(st.integers(0, 200), st.integers(-48, 48)), min_size=1, max_size=20, unique_by=lambda v: v[0]),
)
def test_a_join_takes_the_newest_value_that_was_known_and_none_that_was_not(bars, values):
    values = sorted(values)
    table = pd.DataFrame({"x": [float(hour) for hour, _ in values]}, index=hours(hour for hour, _ in values))
    joined = join_as_of(hours(sorted(bars)), table, {"x": hours(hour + lag for hour, lag in values)})["x"].to_numpy()
    for bar, value in zip(sorted(bars), joined, strict=True):
        known = [hour for hour, lag in values if hour + lag <= bar]
        if known:
            assert value == max(known)
        else:
            assert np.isnan(value)


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_column_with_an_availability_lag_of_k_bars_is_invisible_for_k_bars(lag, row):
    index = hours(range(60))
    table = pd.DataFrame({"x": np.arange(60.0)}, index=index)
    shocked = table.copy()
    shocked.iloc[row:] += 1000.0
    before, after = (join_as_of(index, one, {"x": index + lag * HOUR})["x"].to_numpy() for one in (table, shocked))
    np.testing.assert_array_equal(before[: row + lag], after[: row + lag])
    assert (before[row + lag :] != after[row + lag :]).all()


def test_a_join_passes_over_values_that_were_not_measured():
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    table = pd.DataFrame({"x": [1.0, np.nan, 3.0]}, index=index)
    assert join_as_of(index, table, {"x": index})["x"].tolist() == [1.0, 1.0, 3.0]


def test_a_table_without_order_and_a_value_without_a_moment_are_refused():
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index)
    with pytest.raises(ValueError, match="must increase strictly; sort it first"):
        join_as_of(index, table.iloc[[1, 0, 2]], {"x": index})
    with pytest.raises(ValueError, match="x must have 3 moments of availability, had 2"):
        join_as_of(index, table, {"x": index[:2]})


def test_a_bar_is_over_when_the_next_begins():
    index = pd.DatetimeIndex(["2024-03-30T23:00Z", "2024-03-31T22:00Z", "2024-04-01T22:00Z"])  # midnights in Berlin
    closes = closes_of(index, pd.Timedelta(days=1))
    assert closes.tolist() == [*index[1:], index[2] + pd.Timedelta(days=1)]


def test_a_column_without_an_availability_is_refused():
    index = pd.date_range("2020-01-01", periods=3, freq="1D", tz="UTC")
    with pytest.raises(KeyError, match="x"):
        join_as_of(index, pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=index), {})


@given(st.integers(0, 2**31), st.lists(st.integers(1, 29), max_size=4, unique=True))
def test_adjusted_returns_are_what_an_owner_who_reinvests_earns(seed, days):
    rng = np.random.default_rng(seed)
    lived = np.exp(np.cumsum(rng.normal(0.0, 0.02, 30)))[:, None]  # worth of one reinvested unit
    splits, dividends, raw = np.ones((30, 1)), np.zeros((30, 1)), lived.copy()
    for day in sorted(days):
        splits[day] = rng.choice([0.1, 2.0, 3.0, 7.0])
        cut = rng.uniform(0.0, 0.2)  # of the worth at the close before
        raw[day:] *= (1.0 - cut) / splits[day]
        dividends[day] = cut * raw[day - 1] / splits[day]
    series = dataclasses.replace(
        series_of(np.zeros(30)), **dict.fromkeys(PRICES, raw), dividends=dividends, splits=splits
    )
    adjusted = series.adjusted()
    np.testing.assert_allclose(adjusted.close, lived * raw[0] / lived[0], rtol=1e-12)
    assert adjusted.splits is None
    assert adjusted.dividends is None
    for cut_off in range(2, 30):  # no later event reaches an earlier row
        np.testing.assert_array_equal(series.rows(range(cut_off)).adjusted().close, adjusted.close[:cut_off])


def test_a_series_without_events_is_its_own_adjustment():
    series = noise_series(50)
    assert series.adjusted() is series


def test_a_dividend_of_the_whole_price_is_refused():
    dividends = np.zeros((3, 1))
    dividends[1] = 200.0
    series = dataclasses.replace(series_of(np.zeros(3)), dividends=dividends)
    with pytest.raises(ValueError, match=r"the dividend of \w+ on 2\S+ .* must be below the close before it"):
        series.adjusted()


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


def panel(**changes: Any) -> Series:
    """Return six days of two instruments, of which the second is listed on the third and gone on the sixth."""
    index = pd.date_range("2024-01-01", periods=6, tz="UTC")
    close = np.array([[1.0, 2.0, 4.0, 4.0, 2.0, 2.0], [1.0, 1.0, 50.0, 50.0, 25.0, 25.0]]).T
    traded = np.array([[1, 1, 1, 0, 1, 1], [0, 0, 1, 1, 1, 0]], dtype=bool).T
    delisted = np.zeros((6, 2), dtype=bool)
    delisted[5, 1] = True
    columns = {"open": close, "high": close, "low": close, "close": close, "traded": traded, "delisted": delisted}
    return Series("two", ("a", "b"), index, pd.Timedelta(days=1), 365.25, 7, **{**columns, **changes})


def of_closes(close: np.ndarray, **changes: Any) -> Series:
    """Return the same panel with other closes."""
    return panel(**dict.fromkeys(PRICES, close), **changes)


def test_an_instrument_has_no_return_on_the_day_it_is_listed_nor_where_it_does_not_trade() -> None:
    returns = panel().log_return()
    assert returns[:, 0] == pytest.approx([0.0, np.log(2.0), np.log(2.0), 0.0, -np.log(2.0), 0.0])
    assert returns[:, 1] == pytest.approx([0.0, 0.0, 0.0, 0.0, -np.log(2.0), 0.0])
    assert panel().has_change.T.tolist() == [[False, True, True, False, True, True], [False] * 3 + [True, True, False]]


def test_a_relative_return_is_less_the_mean_of_what_has_a_return_in_that_bar() -> None:
    tripled = np.array([1.0, 2.0, 4.0, 4.0, 6.0, 6.0])
    relative = of_closes(np.column_stack([tripled, panel().close[:, 1]]), target="relative_return")
    assert relative.changes()[:, 0] == pytest.approx([0.0, 0.0, 0.0, 0.0, np.log(3.0) / 2, 0.0])
    assert relative.changes()[:, 1] == pytest.approx([0.0, 0.0, 0.0, 0.0, -np.log(3.0) / 2, 0.0])


def test_an_instrument_looked_at_alone_keeps_its_relative_returns_and_a_cut_keeps_them_too() -> None:
    rng = np.random.default_rng(0)
    close = panel().close * np.exp(rng.normal(0.0, 0.1, (6, 2)))
    both = of_closes(close, target="relative_return")
    for name, column in zip(both.instruments, both.changes().T, strict=True):
        alone = both.instrument(name)
        assert np.array_equal(alone.changes()[:, 0], column)
        assert np.array_equal(alone.rows(range(2, 6)).changes()[1:, 0], alone.changes()[3:, 0])


def test_what_is_delisted_trades_no_more() -> None:
    with pytest.raises(ValueError, match="must be delisted once, and trade no more"):
        panel(traded=np.ones((6, 2), dtype=bool))

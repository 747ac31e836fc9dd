"""A table in memory is read as it says, long or wide, pandas or polars; what cannot be read is refused by name."""

import re

import numpy as np
import pandas as pd
import polars
import pytest

from forecaster.data.frame_series import series_of_frame
from forecaster.data.frames import FrameColumns, long_frame

from story import universe_closes, write_bars

PERIODS = pd.period_range("2024-01", periods=50, freq="h")


def series(frame, **options):
    roles = FrameColumns(
        **{name: options.pop(name) for name in list(options) if name in FrameColumns.__dataclass_fields__}
    )
    return series_of_frame(long_frame(frame, roles), roles, **options)


@pytest.fixture
def bars(tmp_path):
    return write_bars(tmp_path / "bars.csv", num_bars=40)


def hourly(num_rows=50, **columns):
    index = pd.date_range("2024-03-01", periods=num_rows, freq="h", tz="UTC", name="time", unit="ns")
    return pd.DataFrame({"close": np.arange(1.0, num_rows + 1.0), **columns}, index=index)


def days_as(spelling, num_rows=12):
    dates = pd.date_range("2024-01-01", periods=num_rows).strftime(spelling)
    return pd.DataFrame({"date": dates, "close": np.arange(1.0, num_rows + 1.0)})


def long_of(closes):
    return closes.stack().dropna().rename("close").rename_axis(["date", "symbol"]).reset_index()


def test_an_index_of_times_and_a_column_of_them_say_the_same(bars):
    assert series(bars).sha256() == series(bars.reset_index()).sha256()


def test_polars_and_pandas_say_the_same(bars):
    assert series(polars.from_pandas(bars.reset_index())).sha256() == series(bars).sha256()


def test_long_and_wide_tables_of_a_universe_are_one_series():
    closes = universe_closes()
    wide = series(closes, close=list(closes.columns))
    long = series(long_of(closes).sample(frac=1.0, random_state=1))
    assert set(wide.instruments) == set(long.instruments) == set(closes.columns)
    for name in closes.columns:
        np.testing.assert_array_equal(wide.instrument(name).close, long.instrument(name).close)
    late = wide.instruments.index("LATE")
    assert not wide.traded[:100, late].any()
    assert wide.traded[100:, late].all()


def test_rows_out_of_order_are_put_in_order(bars):
    assert series(bars.sample(frac=1.0, random_state=0)).sha256() == series(bars).sha256()


def test_times_of_a_zone_are_the_moments_they_are():
    local = hourly().tz_convert("Europe/Berlin")
    assert series(local).index.equals(series(hourly()).index)


@pytest.mark.parametrize("spelling", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%Y/%m/%d"])
def test_days_in_texts_are_read_in_the_order_that_fits_them_all(spelling):
    index = series(days_as(spelling, 40)).index
    assert index.equals(pd.date_range("2024-01-01", periods=40, tz="UTC"))


@pytest.mark.parametrize("numbers", ["int8", "Int64", "float32", "bool", "string", "float64[pyarrow]"])
def test_numbers_of_any_kind_are_numbers(numbers):
    table = hourly(load=[0, 1] * 25)
    read = series(table.astype({"load": numbers}), past=["load"])
    assert read.exogenous["load"].tolist() == table["load"].tolist()


def test_a_column_may_be_called_by_a_number_and_in_capitals():
    for table, close in ((hourly().set_axis([0], axis=1), 0), (hourly().set_axis(["Close"], axis=1), None)):
        np.testing.assert_array_equal(series(table, close=close).close[:, 0], hourly()["close"])


def test_a_range_is_read_whole_or_not_at_all(bars):
    assert not series(bars).single_price
    assert series(bars.drop(columns="high")).single_price


def test_rows_after_the_last_close_tell_of_the_bars_to_come():
    table = hourly(load=np.arange(50.0))
    table.loc[table.index[-6:], "close"] = np.nan
    read = series(table, future=["load"], horizon=6)
    assert len(read.index) == 44
    assert read.exogenous["load"].iloc[-1] == 43.0
    known = list(read.future_covariates[0].known(table.index[-6:].asi8[None], read.index[-1:].asi8))
    np.testing.assert_array_equal(known[0][0], np.arange(44.0, 50.0))


def test_a_lead_says_how_far_ahead_a_column_is_known():
    read = series(hourly(load=np.arange(50.0)), future={"load": "2h"})
    ahead = read.index[30] + pd.to_timedelta([1, 2, 3], unit="h")
    (values,) = read.future_covariates[0].known(ahead.asi8[None], read.index[30:31].asi8)
    np.testing.assert_array_equal(values[0], [31.0, 32.0, np.nan])


def test_dividends_and_splits_are_read_where_they_are_named(bars):
    bars["paid"] = 0.0
    bars.loc[bars.index[10], "paid"] = 1.0
    assert series(bars).dividends is None
    assert series(bars, dividends="paid").dividends[10, 0] == 1.0


@pytest.mark.parametrize(
    ("frame", "options", "words"),
    [
        ([1.0, 2.0], {}, "a forecaster reads a DataFrame of pandas or polars, was given list"),
        (hourly()["close"], {}, "was given Series; make a table of it: .to_frame('close')"),
        (polars.LazyFrame({"close": [1.0]}), {}, "was given LazyFrame; collect it first: frame.collect()"),
        (hourly()[:0], {}, "the table holds no row; bring some bars"),
        (polars.DataFrame(), {}, "the table holds no row; bring some bars"),
        (hourly() * np.nan, {}, "the table holds no bar: none of its 50 rows has a close"),
        (hourly().set_axis(PERIODS), {}, "the index holds periods, and no moments; take their starts"),
        (hourly(day=PERIODS), {"time": "day"}, "column day holds periods, and no moments; take their starts"),
        (hourly(symbol="A").set_index("symbol", append=True), {}, "the index must have one level, had time, symbol"),
        (pd.concat({"A": hourly(), "B": hourly()}, axis=1), {}, "columns must have one level, had 2; flatten them"),
        (pd.concat([hourly(), hourly()], axis=1), {}, "two columns are called 'close'; rename one, or leave it out"),
        (hourly(Close=1.0), {}, "columns close and Close cannot be told apart; rename one"),
        (hourly(symbol=["A", None] * 25), {}, "row 1 has no symbol; fill it in, or leave the row out"),
        (hourly().reset_index().assign(time="soon"), {}, "column time must hold moments, such as '2026-01-31 14:00'"),
        (hourly(load=1.0), {"past": "load"}, "past must be a list of columns, such as ['load'], was 'load'"),
        (hourly(load=1.0), {"past": ["load"], "future": ["load"]}, "column load is named twice; name it once"),
        (hourly(load=1.0), {"future": {"load": "soon"}}, "the lead of future column load must be a span of time"),
        (hourly(), {"close": []}, "close must name a column, or several, an instrument each; was an empty list"),
        (hourly() * 1j, {}, "column close must hold numbers, held complex128"),
        (hourly().reset_index(drop=True), {}, "no column is called time, date, datetime, timestamp, ds, and the index"),
        (hourly(), {"close": "price"}, "the table has no column 'price'; it has close"),
        (hourly(), {"past": ["load"]}, "the table has no column 'load'"),
        (hourly().rename(columns={"close": "a"}).assign(b=1.0), {}, "and 2 hold numbers; name what is forecast"),
        (pd.concat([hourly(), hourly(1)]), {}, "two rows are of series at 2024-03-01 00:00 UTC; leave one out"),
        (hourly().assign(close="many"), {}, "column close must hold numbers, held"),
        (hourly().reset_index().assign(time=range(50)), {}, "column time holds numbers, and no moments; make them"),
        (hourly(2), {}, "the table holds 2 bars; a forecaster needs at least 3"),
        (
            hourly(load=[np.nan, *np.arange(49.0)]),
            {"past": ["load"]},
            "column load has no value at 2024-03-01 00:00 UTC",
        ),
        (
            hourly(load=np.inf),
            {"past": ["load"]},
            "column load is infinite at 2024-03-01 00:00 UTC; put a number there",
        ),
        (hourly(), {"length": pd.Timedelta("1D")}, "bar_length must be at most the 0 days 01:00:00 from most bars to"),
        (
            days_as("%d/%m/%Y"),
            {},
            "column date may begin with the day or with the month, as in 01/01/2024; make",
        ),
        (
            hourly(b=1.0, paid=0.0),
            {"close": ["close", "b"], "dividends": "paid"},
            "dividends are of one instrument",
        ),
        (hourly().mask(hourly() == 20.0), {}, "series has no close at 2024-03-01 19:00 UTC; fill it"),
        (hourly() - 1.0, {}, "close of series must be positive, as prices are, was 0 at 2024-03-01 00:00 UTC; take"),
    ],
)
def test_what_cannot_be_read_is_refused(frame, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        series(frame, **options)


def test_a_column_that_differs_among_instruments_is_refused():
    table = long_of(universe_closes())
    table["mood"] = np.arange(float(len(table)))
    with pytest.raises(ValueError, match="column mood must be the same of all instruments, differed at 2020-01-01"):
        series(table, past=["mood"])

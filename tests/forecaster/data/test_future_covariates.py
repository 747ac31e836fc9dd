"""What is known of the bars ahead: their times by habit, and of a column what its lead has reached."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import FeatureConfig
from forecaster.data.calendar import Timetable
from forecaster.data.features import build_features, scale, scale_of
from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.instruments import bar_length

from markets import noise_series, with_ahead

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
CONFIG = FeatureConfig(volatility_bars=(3,), volume_bars=5)


def stamps(*texts):
    return pd.DatetimeIndex(texts, tz="UTC").as_unit("ns")


def following(timetable, text, horizon):
    found = timetable.next_starts(stamps(text).asi8, horizon)[0]
    return [f"{moment:%a %d %H:%M}" for moment in pd.DatetimeIndex(found, tz="UTC")]


def test_round_the_clock_one_bar_follows_another():
    table = Timetable.learned(pd.date_range("2024-01-01", periods=1000, freq="h", tz="UTC"), HOUR)
    assert table.slots == ()
    assert following(table, "2024-05-31T22:00", 3) == ["Fri 31 23:00", "Sat 01 00:00", "Sat 01 01:00"]


def test_a_weekday_market_goes_on_on_monday_and_does_not_know_its_holidays():
    days = pd.bdate_range("2024-01-01", "2024-12-31", tz="UTC")
    holidays = stamps("2024-03-29", "2024-05-27", "2024-12-25")
    table = Timetable.learned(days[~days.isin(holidays)], DAY)
    assert following(table, "2024-03-28", 3) == ["Fri 29 00:00", "Mon 01 00:00", "Tue 02 00:00"]


def test_one_session_on_a_saturday_makes_no_habit():
    days = pd.bdate_range("2024-01-01", "2024-12-31", tz="UTC").union(stamps("2024-03-02"))
    assert following(Timetable.learned(days, DAY), "2024-06-07", 1) == ["Mon 10 00:00"]


def test_hours_of_a_session_are_followed_by_those_of_the_next():
    hours = pd.date_range("2024-01-01", "2024-03-01", freq="h", tz="UTC")
    table = Timetable.learned(hours[(hours.hour >= 14) & (hours.hour < 17) & (hours.day_of_week < 5)], HOUR)
    assert following(table, "2024-06-07T15:00", 3) == ["Fri 07 16:00", "Mon 10 14:00", "Mon 10 15:00"]
    assert following(table, "2024-06-09T15:20", 1) == ["Mon 10 14:00"]  # a bar where none was ever seen


def test_local_midnights_are_followed_by_local_midnights_in_both_halves_of_the_year():
    days = pd.bdate_range("2023-01-01", "2024-12-31", tz="America/Chicago").tz_convert("UTC")
    table = Timetable.learned(days, DAY)
    assert following(table, "2024-01-10T06:00", 2) == ["Thu 11 06:00", "Fri 12 06:00"]
    assert following(table, "2024-07-10T05:00", 2) == ["Thu 11 05:00", "Fri 12 05:00"]


@pytest.mark.parametrize("freq", ["MS", "ME", "QS", "QE", "YE"])
def test_the_next_months_begin_or_end_as_those_before(freq):
    starts = pd.date_range("2019-01-01", periods=60, freq=freq, tz="UTC").as_unit("ns")
    known, length = starts[:50], bar_length(starts)
    ahead = Timetable.learned(known, length).next_starts(known.asi8[-1:], 10)[0]
    assert pd.DatetimeIndex(ahead, tz="UTC").equals(starts[50:])


def test_bars_of_a_month_are_counted_in_months():
    months = pd.date_range("2020-01-01", periods=50, freq="MS", tz="UTC")
    table = Timetable.learned(months, pd.Timedelta(days=28))
    found = pd.DatetimeIndex(table.next_starts(stamps("2023-12-01").asi8, 3)[0])
    assert list(found) == list(pd.DatetimeIndex(["2024-01-01", "2024-02-01", "2024-03-01"]))


@given(st.integers(1, 200), st.integers(1, 30), st.sampled_from(["5min", "1h", "7h", "1D", "7D"]))
def test_bars_ahead_come_in_order_and_never_overlap(row, horizon, length):
    index = pd.date_range("2024-01-01", periods=900, freq=length, tz="UTC").as_unit("ns")
    kept = index[(index.hour < 20) & (index.day_of_week < 5)]
    ahead = Timetable.learned(kept, pd.Timedelta(length)).next_starts(kept.asi8[row : row + 1], horizon)[0]
    assert (np.diff(ahead, prepend=kept.asi8[row]) >= pd.Timedelta(length).as_unit("ns").value).all()


@given(st.integers(0, 99), st.integers(1, 12), st.integers(1, 30))
def test_a_column_is_read_as_far_ahead_as_its_lead_reaches_and_no_further(row, horizon, lead):
    load = np.random.default_rng(lead).normal(size=100)
    series = with_ahead(noise_series(100, bar_length="1h"), load=load, hours=lead)
    table = series.future_table(calendar=True)
    values, change, missing = table.gather(np.array([row]), horizon, Timetable(3600.0))[0, :, -3:].T
    steps = np.arange(1, horizon + 1)
    known = (steps <= lead) & (row + steps < 100)
    np.testing.assert_array_equal(missing, ~known)
    np.testing.assert_array_equal(values[known], load[row + steps[known]])
    np.testing.assert_array_equal(change[known], np.diff(load, prepend=0.0)[row + steps[known]])
    assert np.isnan(values[~known]).all()
    assert np.isnan(change[~known]).all()
    assert table.names[-3:] == ("load", "load_change", "load_missing")


def test_the_calendar_ahead_is_that_of_the_bars_when_they_come():
    series = noise_series(200, bar_length="1h")
    ahead = series.future_table(calendar=True).gather(np.arange(100), 24, Timetable(3600.0))
    now = build_features(series, CONFIG)
    columns = [now.names.index(name) for name in series.future_table(calendar=True).names]
    for step in (1, 24):
        np.testing.assert_allclose(ahead[:, step - 1], now.values[step : 100 + step, columns])


def test_a_closure_nobody_planned_is_not_known_before_it_happens():
    series = noise_series(400, bar_length="1h")
    gap = series.rows(range(0, 300)).extended(series.rows(range(330, 400)))
    before = series.future_table(calendar=True).gather(np.arange(300), 24, Timetable(3600.0))
    np.testing.assert_array_equal(before, gap.future_table(calendar=True).gather(np.arange(300), 24, Timetable(3600.0)))


def test_a_cut_series_keeps_what_its_last_bar_knows_and_nothing_else_and_grows_back():
    series = with_ahead(noise_series(100, bar_length="1h"), load=np.arange(100.0), hours=5)
    cut = series.rows(range(0, 50))
    assert list(cut.future_covariates[0].table["load"]) == list(np.arange(55.0))
    grown = cut.extended(series.rows(range(50, 51)))
    assert list(grown.future_covariates[0].table["load"]) == list(np.arange(56.0))
    assert grown.sha256() == series.rows(range(0, 51)).sha256()
    changed = with_ahead(noise_series(100, bar_length="1h"), load=np.arange(100.0) + (np.arange(100) == 99), hours=5)
    assert changed.sha256() != series.sha256()
    assert changed.rows(range(0, 94)).sha256() == series.rows(range(0, 94)).sha256()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leads": {}}, "leads must be positive for every column known ahead, were not for load"),
        ({"leads": {"load": pd.Timedelta(0)}}, "leads must be positive"),
        ({"table": pd.DataFrame({"load": [1.0, 2.0]}, index=stamps("2024-01-02", "2024-01-01"))}, "increase strictly"),
        ({"table": pd.DataFrame({"load": [np.inf]}, index=stamps("2024-01-02"))}, "must be finite, or NaN"),
    ],
)
def test_a_table_that_could_not_be_read_is_refused(change, message):
    table = pd.DataFrame({"load": [1.0]}, index=stamps("2024-01-01"))
    with pytest.raises(ValueError, match=message):
        FutureCovariates(**{"table": table, "leads": {"load": HOUR}, "interval": HOUR, **change})


def test_a_column_known_ahead_that_is_no_column_of_the_bars_is_refused():
    series = with_ahead(noise_series(50), load=np.ones(50), hours=24)
    with pytest.raises(ValueError, match="must be exogenous columns, each once, were not: load"):
        dataclasses.replace(series, exogenous=pd.DataFrame(index=series.index))


def missing_heat(rows, fill=np.nan, num_bars=100):
    heat = np.random.default_rng(5).normal(20.0, 5.0, num_bars)
    heat[rows] = fill
    series = noise_series(num_bars, exogenous=pd.DataFrame({"heat": heat}))
    return dataclasses.replace(series, missing=("heat",))


@given(st.sets(st.integers(0, 97)))
def test_what_is_missing_is_told_and_has_no_influence(rows):
    rows = sorted(rows)
    table = build_features(missing_heat(rows), CONFIG)
    whole = build_features(missing_heat([]), CONFIG)
    assert table.names == whole.names
    assert table.first_row == whole.first_row
    column = {name: number for number, name in enumerate(table.names)}
    told = table.values[:, column["heat_missing"]]
    np.testing.assert_array_equal(np.flatnonzero(told), rows)
    mean, std = scale_of(table.values[table.first_row :], table.names)
    scaled = scale(table.values, mean, std, table.names)
    assert np.isfinite(scaled[table.first_row :]).all()
    assert not scaled[rows][:, [column["heat"], column["heat_change"]]].any()
    there = told[table.first_row :] == 0.0
    known = table.values[table.first_row :][there, column["heat"]]
    assert mean[column["heat"]] == pytest.approx(known.mean())


def test_a_scale_is_numpy_s_where_nothing_is_missing():
    values = np.random.default_rng(0).normal(3.0, 2.0, (500, 7))
    mean, std = scale_of(values, tuple("abcdefg"))
    np.testing.assert_array_equal(mean, values.mean(axis=0))
    np.testing.assert_array_equal(std, values.std(axis=0))
    values[:, 2] = np.nan
    with pytest.raises(ValueError, match="feature c is missing on all 500 fit rows; leave the column out"):
        scale_of(values, tuple("abcdefg"))


def test_no_column_may_be_called_what_marks_a_missing_one():
    heat = pd.DataFrame({"log_return_missing": np.ones(100)})
    with pytest.raises(ValueError, match="must not bear the names of features, did: log_return_missing"):
        build_features(noise_series(100, exogenous=heat), CONFIG)

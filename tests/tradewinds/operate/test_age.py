"""How old a series is, in bars of its own calendar: weekends, holidays and closed hours are no bars."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from forecaster.data.series import Series
from tradewinds.operate.age import bars_missed


def series(index, length, calendar=""):
    ones = np.ones((len(index), 1))
    return Series("s", ("s",), index, pd.Timedelta(length), 250.0, 5, ones, ones, ones, ones, calendar=calendar)


def days(last, calendar="", kind="B"):
    return series(pd.date_range(end=last, periods=60, freq=kind, tz="UTC"), "1D", calendar)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "moment", "missed"),
    [
        (days("2024-07-05"), "2024-07-05T20:00", 0),  # the last bar is not over yet
        (days("2024-07-05"), "2024-07-08T23:59", 0),  # a Friday's, over a weekend
        (days("2024-07-05"), "2024-07-09T00:00", 1),
        (days("2024-07-05", kind="D"), "2024-07-09T00:00", 3),  # a market without weekends
        (days("2024-07-05", "24/7", "D"), "2024-07-09T00:00", 3),
        (
            days("2024-07-02"),
            "2024-07-06T00:00",
            3,
        ),  # the Fourth is a holiday that a file without a calendar is not told
        (days("2024-07-02", "XNYS"), "2024-07-06T00:00", 2),
        (days("2020-01-03"), "2024-05-11T00:00", 1135),
        (series(pd.date_range(end="2024-06-30", periods=60, freq="MS", tz="UTC"), "31D"), "2024-09-09T00:00", 2),
        (series(pd.date_range(end="2024-07-05T22:00", periods=200, freq="h", tz="UTC"), "1h"), "2024-07-06T02:00", 3),
    ],
)
def test_bars_missed_are_those_that_the_calendar_has_closed_since(made, moment, missed):
    assert bars_missed(made, at(moment)) == missed


def test_a_session_of_seven_hours_misses_nothing_by_night_and_over_a_weekend():
    hours = [
        day + pd.Timedelta(hours=hour) for day in pd.bdate_range("2024-06-24", "2024-07-05") for hour in range(13, 20)
    ]
    session = series(pd.DatetimeIndex(hours, tz="UTC"), "1h")
    assert bars_missed(session, at("2024-07-08T13:59")) == 0
    assert bars_missed(session, at("2024-07-08T14:00")) == 1
    assert bars_missed(session, at("2024-07-09T12:00")) == 7


def test_days_of_a_local_calendar_are_one_bar_each_over_a_change_of_the_clock():
    local = pd.bdate_range(end="2024-04-05", periods=60, tz="Europe/Berlin").tz_convert("UTC")
    assert bars_missed(series(local, "1D"), at("2024-04-09T22:00")) == 2
    assert bars_missed(series(local, "1D", "XETR"), at("2024-04-09T22:00")) == 2

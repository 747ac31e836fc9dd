"""The bars that follow a series' last one, by its own calendar."""

import numpy as np
import pandas as pd
import pytest

from forecaster.data.series import Series
from tradewinds.data.due import bars_due, next_bars


def series(index, length, calendar=""):
    ones = np.ones((len(index), 1))
    return Series("s", ("s",), index, pd.Timedelta(length), 250.0, 5, ones, ones, ones, ones, calendar=calendar)


def days(last, calendar="", kind="B"):
    return series(pd.date_range(end=last, periods=60, freq=kind, tz="UTC"), "1D", calendar)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (days("2024-07-05"), ["2024-07-08", "2024-07-09", "2024-07-10"]),  # a weekend lies between
        (days("2024-07-02"), ["2024-07-03", "2024-07-04", "2024-07-05"]),
        (days("2024-07-02", "XNYS"), ["2024-07-03", "2024-07-05", "2024-07-08"]),  # a holiday, and a weekend
        (days("2024-07-05", "24/7", "D"), ["2024-07-06", "2024-07-07", "2024-07-08"]),
        (
            series(pd.date_range(end="2024-03-31T23:00", periods=400, freq="h", tz="UTC"), "1h", "24/7"),
            ["2024-04-01T00", "2024-04-01T01", "2024-04-01T02"],
        ),
        (
            series(pd.date_range(end="2024-03-31", periods=40, freq="7D", tz="UTC"), "7D"),
            ["2024-04-07", "2024-04-14", "2024-04-21"],
        ),
    ],
)
def test_the_next_bars_are_those_of_the_calendar(made, expected):
    assert list(next_bars(made, 3)) == [pd.Timestamp(text, tz="UTC") for text in expected]


def test_far_ahead_there_are_as_many_as_asked_for():
    made = days("2024-07-05")
    ahead = next_bars(made, 200)
    assert len(ahead) == 200
    assert (ahead.day_of_week < 5).all()
    assert ahead.is_monotonic_increasing


def test_a_bar_is_due_when_it_has_closed():
    made = days("2024-07-05")
    assert list(bars_due(made, pd.Timestamp("2024-07-09", tz="UTC"))) == [pd.Timestamp("2024-07-08", tz="UTC")]
    assert len(bars_due(made, pd.Timestamp("2024-07-08T23:59", tz="UTC"))) == 0
    assert len(bars_due(made, made.close_time[-1])) == 0

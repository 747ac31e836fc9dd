"""Holidays: those of a country, by a package that is asked for when it is not there."""

import sys
from datetime import date
from importlib.util import find_spec

import pandas as pd
import pytest

from forecaster.day_ahead.holidays import holidays_of

INDEX = pd.date_range("2021-12-20", periods=24 * 20, freq="h", tz="UTC")


def test_none_are_told_of_no_country():
    assert holidays_of(None, INDEX) == ()


def test_a_package_that_is_not_there_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ValueError, match=r"recalibration.holidays needs a package; type pip install 'tradewinds\[hol"):
        holidays_of("NO", INDEX)


@pytest.mark.skipif(find_spec("holidays") is None, reason="the extra `holidays` is not installed")
def test_those_of_the_years_around_a_series_are_known_and_a_country_that_is_none_is_refused():
    days = holidays_of("NO", INDEX)
    assert {date(2021, 5, 17), date(2022, 12, 25), date(2023, 1, 1)} <= set(days)
    with pytest.raises(ValueError, match="must be the code of a country, such as"):
        holidays_of("XX", INDEX)

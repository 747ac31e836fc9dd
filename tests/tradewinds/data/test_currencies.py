"""The shipped universe: dollars for a unit by way of the euro, and every end and renaming where history has it."""

import csv
import gzip

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.data import load_series
from tradewinds.data.config import NoWeather, SampleConfig
from tradewinds.data.providers.currencies import NAMES


@pytest.fixture(scope="module")
def loaded():
    return currencies(*NAMES)


def currencies(*names, **options):
    return load_series(SampleConfig(name="currencies", instruments=names, **options), NoWeather())


def row(series, day):
    return series.index.get_loc(pd.Timestamp(day, tz="UTC"))


def test_a_price_is_the_dollars_for_a_unit_by_the_two_rates_of_the_day(loaded):
    series = loaded.series
    with gzip.open(resource_dir("data") / "ecb_euro_rates_daily.csv.gz", "rt") as file:
        rates = {line["date"]: line for line in csv.DictReader(file)}
    for day in ("1999-01-04", "2008-12-09", "2026-10-30"):
        for name in ("JPY", "GBP", "ZAR"):
            expected = float(rates[day]["USD"]) / float(rates[day][name])
            assert series.close[row(series, day), series.instruments.index(name)] == expected
        assert series.close[row(series, day), series.instruments.index("EUR")] == float(rates[day]["USD"])


def test_what_joined_the_euro_or_was_suspended_is_delisted_on_the_next_day_of_rates(loaded):
    series = loaded.series
    gone = {series.instruments[asset]: f"{series.index[day]:%Y-%m-%d}" for day, asset in np.argwhere(series.delisted)}
    assert gone == {
        "SIT": "2007-01-02",
        "CYP": "2008-01-02",
        "MTL": "2008-01-02",
        "SKK": "2009-01-02",
        "LVL": "2014-01-02",
        "RUB": "2022-03-02",
        "HRK": "2023-01-02",
    }
    assert loaded.universe.delisted == tuple(name for name in series.instruments if name in gone)


def test_nine_years_without_a_rate_are_a_halt(loaded):
    series = loaded.series
    krona = series.traded[:, series.instruments.index("ISK")]
    assert not krona[row(series, "2008-12-10") : row(series, "2018-02-01")].any()
    assert krona[row(series, "2018-02-01") :].all()


@pytest.mark.parametrize(("name", "day", "units"), [("TRY", "2005-01-03", 1_000_000), ("RON", "2005-07-01", 10_000)])
def test_a_redenomination_is_a_split_and_no_return(loaded, name, day, units):
    series, asset = loaded.series, loaded.series.instruments.index(name)
    assert series.splits[row(series, day), asset] == 1.0 / units
    assert series.close[row(series, day), asset] > 0.9 * units * series.close[row(series, day) - 1, asset]
    assert abs(series.adjusted().log_return()[row(series, day), asset]) < 0.02


def test_no_other_day_has_a_split_and_the_span_cuts_one_off(loaded):
    assert np.count_nonzero(loaded.series.splits != 1.0) == 2
    assert currencies("TRY", "RON", first="2006-01-01").series.splits is None


def test_what_has_ended_before_the_span_is_left_out_and_said():
    later = currencies("EUR", "SIT", "JPY", first="2010-01-01")
    assert later.series.instruments == ("EUR", "JPY")
    assert "left out, fewer than 3 bars: 1, SIT" in later.notes
    with pytest.raises(RequestError, match=r"SIT of currencies have no rate between series.first=2010-01-01"):
        currencies("SIT", first="2010-01-01")


def test_a_currency_that_is_not_there_is_refused():
    with pytest.raises(RequestError, match=r"must be some of EUR, JPY, .*, was 'USD'; prices are in USD"):
        currencies("USD")
    with pytest.raises(ValueError, match=r"relative_return, a return less the mean of several"):
        currencies("EUR", target="relative_return")


def test_the_bank_is_named_as_the_source(loaded):
    assert loaded.notes[0].startswith("Source: European Central Bank")
    assert loaded.series.price_unit == "USD"

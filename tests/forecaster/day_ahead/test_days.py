"""Days of delivery as a network reads them: by the wall clock, whatever the clocks do, and nothing of what comes."""

import dataclasses
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.day_ahead.days import FIRST, day_table, longest_day
from forecaster.day_ahead.inputs import day_inputs, names_of, price_units

from markets import power_series

HOUR, QUARTER = pd.Timedelta(hours=1), pd.Timedelta(minutes=15)
ZONES = ("Europe/Amsterdam", "America/Chicago", "UTC", "Australia/Lord_Howe")


def power(bars, *, start="2021-03-01", zone="Europe/Amsterdam", length=HOUR, load=False, seed=0):
    """Prices of any sign, with or without a load that is announced a day and a half ahead."""
    rng = np.random.default_rng(seed)
    index = pd.date_range(start, periods=bars, freq=length, tz="UTC")
    price, later = rng.normal(40.0, 30.0, bars), pd.date_range(index[0], periods=bars + 60, freq=length)
    ahead = pd.DataFrame({"load": rng.normal(1000.0, 100.0, bars + 60)}, index=later) if load else None
    return power_series(index, price, zone=zone, ahead=ahead, lead=pd.Timedelta(hours=36))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ZONES[:3]), st.integers(0, 400), st.integers(30, 400), st.sampled_from([HOUR, QUARTER]))
def test_a_price_stands_at_the_hour_its_wall_clock_shows(zone, later, bars, length):
    series = power(bars, start=f"2021-01-01 {later % 24:02}:00", zone=zone, length=length)
    table, place = day_table(series), {}
    for row, moment in enumerate(series.index.to_pydatetime()):
        local = moment.astimezone(ZoneInfo(zone))
        minutes = local.hour * 60 + local.minute
        place.setdefault(((local.date() - date(1970, 1, 1)).days, int(minutes * 60 / length.total_seconds())), row)
    for (day, slot), row in place.items():  # of an hour that comes twice the first
        assert table.price[day - table.dates[0], slot] == series.close[row, 0]


@pytest.mark.parametrize(("start", "hours"), [("2021-03-20 23:00", 23), ("2021-10-20 22:00", 25)])
def test_a_day_on_which_clocks_change_has_as_many_bars_as_it_has(start, hours):
    series = power(24 * 20, start=start)
    table = day_table(series)
    changed = int(np.flatnonzero(table.length != 24)[0])
    assert table.length[changed] == hours
    rows = range(int(table.first[changed]), int(table.first[changed]) + hours)
    told = table.of_bars(changed, np.arange(24.0))
    assert len(told) == hours
    assert np.isfinite(table.price[changed]).all()
    local = [moment.astimezone(ZoneInfo("Europe/Amsterdam")).hour for moment in series.index[rows].to_pydatetime()]
    np.testing.assert_array_equal(told, local)
    assert longest_day(HOUR) == 25
    assert longest_day(QUARTER) == 100


def test_the_day_after_a_series_that_ends_at_midnight_is_there_and_is_read_like_any_other():
    series = power(24 * 60, start="2021-04-30 22:00", load=True)
    table, longer = day_table(series), day_table(power(24 * 62, start="2021-04-30 22:00", load=True))
    last = len(table.dates) - 1
    assert (int(table.first[last]), int(table.length[last])) == (len(series.index), 24)
    assert np.isnan(table.price[last]).all()
    np.testing.assert_array_equal(table.facts[last], longer.facts[last])
    assert np.isfinite(table.ahead[last]).all()
    assert day_table(series.rows(range(24 * 60 - 1))).dates[-1] == table.dates[last] - 1


@settings(max_examples=15, deadline=None)
@given(st.integers(FIRST + 2, 58), st.integers(0, 23))
def test_nothing_that_comes_after_a_gate_reaches_what_is_read_of_its_day(day, hour):
    series = power(24 * 60, start="2021-04-30 22:00", load=True)
    table = day_table(series)
    cut = int(table.first[day]) + hour  # bars from here on are others
    other = series.close.copy()
    other[cut:] = -7.0 * other[cut:] + 500.0
    changed = dataclasses.replace(series, open=other, high=other, low=other, close=other)
    one, two = (day_inputs(day_table(world), tokens=7, scales_days=(28,)) for world in (series, changed))
    for name in ("tokens", "flat", "middle", "spread"):
        np.testing.assert_array_equal(getattr(one, name)[0, : day + 1], getattr(two, name)[0, : day + 1])
    np.testing.assert_array_equal(one.label[0, :day], two.label[0, :day])
    assert not np.array_equal(one.flat[0, day + 1], two.flat[0, day + 1])


def test_what_was_not_announced_at_the_gate_is_not_read():
    series = power(24 * 60, start="2021-04-30 22:00", load=True)
    (load,) = series.future_covariates
    short = dataclasses.replace(load, leads={"load": pd.Timedelta(hours=12)})
    table = day_table(dataclasses.replace(series, future_covariates=(short,)))
    assert np.isfinite(table.ahead[40, :12, 0]).all()  # twelve hours after the start of the gate's bar
    assert np.isnan(table.ahead[40, 12:, 0]).all()


def test_inputs_have_the_names_and_the_numbers_that_they_say():
    series = power(24 * 60, start="2021-04-30 22:00", load=True)
    table = day_table(series)
    inputs, names = day_inputs(table, tokens=7, scales_days=(28,)), names_of(table)
    assert inputs.flat.shape == (1, len(table.dates), len(names))
    day = 50
    middle, spread = price_units(table.price, 28)
    past = table.price[day - 28 : day]
    assert middle[day] == np.median(past)
    assert spread[day] == pytest.approx(1.4826 * np.median(np.abs(past - np.median(past))))
    told = float(inputs.flat[0, day, names.index("price.7_days_before.13")])
    assert told == pytest.approx(np.arcsinh((table.price[day - 7, 13] - middle[day]) / spread[day]), rel=1e-5)
    assert inputs.flat[0, day, [names.index(name) for name in names if name.endswith("day")]].sum() == 1.0
    np.testing.assert_allclose(
        inputs.prices(inputs.label[:, day], torch.tensor([0]), day)[0], table.price[day], rtol=1e-5, atol=1e-3
    )


def test_holidays_are_told_of_the_day_and_of_those_beside_it():
    series = power(24 * 60, start="2021-04-30 22:00")
    table = day_table(series, [date(2021, 5, 13)])
    column = {name: table.facts[:, place] for place, name in enumerate(table.names[2])}
    day = (date(2021, 5, 13) - date(1970, 1, 1)).days - int(table.dates[0])
    assert column["holiday"].nonzero()[0].tolist() == [day]
    assert column["holiday_before"].nonzero()[0].tolist() == [day + 1]
    assert column["holiday_after"].nonzero()[0].tolist() == [day - 1]


def test_bars_that_make_no_days_are_refused():
    with pytest.raises(
        ValueError, match="an hour, or a whole part of one, to make days of delivery; were 0 days 02:00"
    ):
        day_table(power(400, length=pd.Timedelta(hours=2)))
    with pytest.raises(ValueError, match="day_zone, the zone whose midnights part its days"):
        day_table(power(400, zone=None))


def test_the_clock_is_that_of_the_standard_library_on_every_day_of_a_year_with_quarters():
    series = power(96 * 366, start="2020-01-01", zone="America/Chicago", length=QUARTER)
    table = day_table(series)
    whole = table.whole
    assert set(table.length[whole].tolist()) == {92, 96, 100}
    first = [
        datetime.fromtimestamp(series.index[row].timestamp(), UTC).astimezone(ZoneInfo("America/Chicago"))
        for row in table.first[whole]
    ]
    assert {(moment.hour, moment.minute) for moment in first} == {(0, 0)}

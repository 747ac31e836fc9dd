"""A price for every slot: hours before quarters are four equal quarters, and nothing else is made up unasked."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.tasks.storage.delivery import delivery_days
from tradewinds.tasks.storage.slots import coarse_bars, in_slots
from trading_env import BatteryConfig

from markets import power_series

QUARTER, HALF, HOUR = (pd.Timedelta(minutes=length) for length in (15, 30, 60))
DUTCH = BatteryConfig(time_zone="Europe/Amsterdam", gate_closure_hour=12)


def mixed(hours=48, quarters=192, length=HOUR, fine=QUARTER):
    """Starts of longer bars, then of shorter ones."""
    first = pd.date_range("2025-09-28 22:00", periods=hours, freq=length, tz="UTC")
    second = pd.date_range(first[-1] + length, periods=quarters, freq=fine, tz="UTC")
    return first.append(second).as_unit("ns")


def parts_of(index, bar_length=QUARTER, ahead=None):
    lead = pd.Timedelta(hours=36)
    price = np.arange(float(len(index)))
    series = dataclasses.replace(power_series(index, price, ahead=ahead, lead=lead), bar_length=bar_length)
    if ahead is not None:
        series = dataclasses.replace(
            series,
            future_covariates=tuple(dataclasses.replace(p, interval=bar_length) for p in series.future_covariates),
        )
    return Parts(LoadedSeries(series))


def laid_out(parts, *, carry=False):
    loaded = in_slots(parts, carry=carry).series
    return loaded.series, loaded.notes


@pytest.mark.parametrize(
    ("length", "fine", "many", "words"),
    [(HOUR, QUARTER, 4, "an hour"), (HALF, QUARTER, 2, "30 minutes"), (HOUR, HALF, 2, "an hour")],
)
def test_an_hour_before_quarters_is_as_many_equal_ones(length, fine, many, words):
    index = mixed(length=length, fine=fine)
    series, notes = laid_out(parts_of(index, fine))
    assert set(np.diff(series.index.asi8)) == {fine.value}
    np.testing.assert_array_equal(series.close[: 48 * many, 0], np.repeat(np.arange(48.0), many))
    np.testing.assert_array_equal(series.close[48 * many :, 0], np.arange(48.0, 240.0))
    (note,) = notes
    assert f"48 bars of {words} before" in note
    assert f"are read as {many} of {fine / pd.Timedelta(minutes=1):g} minutes each, all at the same price" in note
    assert series.season_bars == 24 * HOUR // fine


def test_what_is_announced_of_an_hour_is_announced_of_its_quarters():
    index = mixed()
    ahead = pd.DataFrame({"load": np.arange(len(index)) + 1000.0}, index=index)
    series, _ = laid_out(parts_of(index, ahead=ahead))
    np.testing.assert_array_equal(series.exogenous["load"].to_numpy()[:192], np.repeat(np.arange(48.0), 4) + 1000.0)
    (part,) = series.future_covariates
    now = np.array([series.index.asi8[0]])
    (told,) = part.known(series.index.asi8[None, :120], now)
    np.testing.assert_array_equal(told[0], np.repeat(np.arange(30.0), 4) + 1000.0)


def test_a_history_of_one_length_and_bars_that_are_no_slots_stay_as_they_are():
    for freq in ("15min", "30min", "1h", "1D"):
        parts = parts_of(pd.date_range("2025-01-01", periods=60, freq=freq, tz="UTC"), pd.Timedelta(freq))
        assert in_slots(parts, carry=False) is parts


def test_a_slot_that_is_missing_stays_so_unless_it_is_asked_for():
    index = mixed().delete([20, 100])  # an hour, and a quarter of the later part
    series, (note,) = laid_out(parts_of(index))
    assert len(series.index) == 47 * 4 + 191
    assert "47 bars of an hour" in note
    with pytest.raises(
        RequestError, match=r"a price is missing after .* every slot of 15 minutes; .*data.repair=\[gaps\]"
    ):
        delivery_days(series, DUTCH, range(len(series.index)))
    series, notes = laid_out(parts_of(index), carry=True)
    assert len(series.index) == 48 * 4 + 192
    assert "5 slots repeat the price before; what is earned in them no one could have earned" in notes[-1]
    days = delivery_days(series, DUTCH, range(len(series.index)))
    np.testing.assert_array_equal(days.length, [96, 96, 96])


def test_three_quarters_that_are_missing_are_no_hour():
    """A hole in the quarters is as long as an hour, and is none."""
    index = mixed(hours=0 + 1, quarters=96)[1:].delete([9, 10, 11])
    assert coarse_bars(index, QUARTER) == (0, QUARTER)
    shifted = mixed() + pd.Timedelta(minutes=20)  # hours that lie on no clock of their own
    assert coarse_bars(shifted, QUARTER) == (0, QUARTER)


@pytest.mark.parametrize(
    ("start", "freq", "lengths"),
    [
        ("2025-03-29 22:00", "15min", [92, 96]),
        ("2025-10-25 21:00", "15min", [100, 96]),
        ("2025-03-29 22:00", "30min", [46, 48]),
        ("2025-10-25 21:00", "30min", [50, 48]),
    ],
)
def test_days_of_clock_changes_have_92_and_100_quarters_or_46_and_50_halves(start, freq, lengths):
    length = pd.Timedelta(freq)
    index = pd.date_range(start, periods=int(pd.Timedelta(hours=51) / length), freq=freq, tz="UTC")
    days = delivery_days(parts_of(index, length).series.series, DUTCH, range(len(index)))
    assert days.length.tolist() == lengths
    local = index[days.rows.start : days.rows.stop].tz_convert("Europe/Amsterdam")
    np.testing.assert_array_equal(days.slot, (local.hour * 60 + local.minute) // (length / pd.Timedelta(minutes=1)))

"""Energy and money are conserved, and an account of its own finds it where they are not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trading_env.storage.ledger as ledger
from tradewinds.tasks.storage.second_account import _floors, earned_where_nothing_can_be, energy_balance
from trading_env import BatteryConfig, run_schedule
from trading_env.storage.requirement import least_charge

shares = st.floats(0.05, 1.0)
units = st.builds(
    BatteryConfig,
    capacity_mwh=st.floats(0.5, 20.0),
    power_mw=st.floats(0.1, 5.0),
    charge_efficiency=shares,
    discharge_efficiency=shares,
    degradation_per_mwh=st.floats(0.0, 20.0),
    initial_charge=st.floats(0.0, 1.0),
)


@settings(max_examples=80)
@given(units, st.integers(0, 10_000))
def test_no_schedule_makes_or_loses_energy_and_none_earns_at_one_price(unit, seed):
    rng = np.random.default_rng(seed)
    power = rng.uniform(-2.0, 2.0, (60, 3)) * unit.power_mw
    path = run_schedule(np.full(60, 30.0), power, unit)
    assert energy_balance(path, unit) is None
    opening = unit.initial_charge * unit.capacity_mwh * unit.discharge_efficiency * 30.0
    assert (path.profit.sum(axis=0) <= opening * (1.0 + 1e-9) + 1e-9).all()
    assert earned_where_nothing_can_be(unit) <= 1e-9


def planted(charge, power, price, config, slot_hours=1.0, least=None):
    """Sold times efficiency instead of divided by it: energy appears on discharge."""
    honest = REAL(charge, power, price, config, slot_hours, least)
    drawn = honest.sold * config.discharge_efficiency
    after = np.clip(charge + honest.bought * config.charge_efficiency - drawn, 0.0, config.capacity_mwh)
    return honest._replace(charge=after)


REAL = ledger.deliver


@pytest.mark.parametrize("initial", [0.0, 0.5, 1.0])
def test_energy_that_appears_on_discharge_is_found_in_the_records_and_in_a_flat_world(monkeypatch, initial):
    unit = BatteryConfig(initial_charge=initial, discharge_efficiency=0.7, degradation_per_mwh=0.0)
    monkeypatch.setattr(ledger, "deliver", planted)
    path = run_schedule(np.full(24, 30.0), np.tile([1.0, -1.0], 12), unit)
    hour, number, words = energy_balance(path, unit)
    assert (hour, number) == (1, 0)
    assert words.startswith("makes or loses")
    assert earned_where_nothing_can_be(unit) > 0.5


@pytest.mark.parametrize("freq", ["1h", "15min"])
@pytest.mark.parametrize("start", ["2025-03-27 23:00", "2025-10-23 22:00", "2025-07-01 22:00"])
@pytest.mark.parametrize("hour", [0.0, 2.5, 7.0, 23.5])
def test_two_clocks_agree_on_the_charge_that_must_be_there(freq, start, hour):
    """Through nights in which clocks change, and a time of day that one of them leaves out."""
    unit = BatteryConfig(time_zone="Europe/Amsterdam", required_charge=0.8, required_hour=hour)
    length = pd.Timedelta(freq)
    stop = pd.Timestamp(start, tz="UTC").tz_convert(unit.time_zone) + pd.DateOffset(days=5)
    index = pd.date_range(pd.Timestamp(start, tz="UTC"), stop.tz_convert("UTC"), freq=freq, inclusive="left")
    local = index.tz_convert(unit.time_zone)
    slot_hours = length / pd.Timedelta(hours=1)
    least = least_charge(np.asarray(local.hour + local.minute / 60.0), unit, slot_hours)
    np.testing.assert_allclose(_floors(index, unit, slot_hours), least, atol=1e-12)
    assert least.max() == pytest.approx(3.2)

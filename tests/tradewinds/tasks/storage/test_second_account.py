"""Energy and money are conserved, and an account of its own finds it where they are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trading_env.storage.ledger as ledger
from tradewinds.tasks.storage.second_account import earned_where_nothing_can_be, energy_balance
from trading_env import BatteryConfig, run_schedule

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


def planted(charge, power, price, config, slot_hours=1.0):
    """Sold times efficiency instead of divided by it: energy appears on discharge."""
    honest = REAL(charge, power, price, config, slot_hours)
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

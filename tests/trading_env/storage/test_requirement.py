"""A charge that must be there at a time of day: it is, whatever was committed, at the least cost by plan."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from trading_env import (
    BatteryConfig,
    BatteryEnv,
    BatteryVectorEnv,
    PowerMarket,
    best_schedule,
    perfect_schedule,
    planned_schedule,
    run_schedule,
)
from trading_env.storage.requirement import least_charge
from trading_env.storage.schedule import play_schedule

CAR = BatteryConfig(required_charge=0.8, required_hour=7.0, actions="power")
UNITS = [CAR, dataclasses.replace(CAR, required_hour=1.5, initial_charge=0.3), dataclasses.replace(CAR, power_mw=0.4)]


def market_of(lengths=(24, 23, 25, 24), seed=0, slot_hours=1.0, low=0.0):
    rng, many = np.random.default_rng(seed), round(1.0 / slot_hours)
    slots = [length * many for length in lengths]
    clock = [np.delete(np.arange(25.0 if n == 25 else 24.0), [2] if n == 23 else []) for n in lengths]
    clock = [np.where(hours > 2, hours - 1, hours) if len(hours) == 25 else hours for hours in clock]  # 2 o'clock twice
    hour = np.concatenate([np.repeat(hours, many) + np.tile(np.arange(many) / many, len(hours)) for hours in clock])
    price = 40.0 + 30.0 * np.sin(hour / 24 * 6.28) + rng.normal(0, 20, len(hour))
    return PowerMarket(
        price=np.maximum(price, low),
        day=np.repeat(np.arange(len(lengths)), slots),
        hour=hour,
        features=rng.normal(size=(len(lengths), 2)),
        forecast=40.0 + rng.normal(0, 20, (len(lengths), 25 * many)),
        price_scale=40.0,
        slot_hours=slot_hours,
    )


def due_slots(market, config):
    """The last slots of each day that begin at the required hour or before, but for the market's first."""
    last = [np.flatnonzero((market.day == day) & (market.hour <= config.required_hour))[-1] for day in set(market.day)]
    return [int(slot) for slot in last if slot > 0]


@settings(deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(UNITS), st.sampled_from([1.0, 0.25]))
def test_the_charge_is_there_at_its_hour_whatever_was_committed(seed, config, slot_hours):
    """On each day, those of clock changes included, but for a first whose hours do not suffice at full power."""
    market = market_of(seed=seed % 100, slot_hours=slot_hours)
    power = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(market), 3)) * config.power_mw
    path = play_schedule(market, power, config)
    required, due = config.required_charge * config.capacity_mwh, due_slots(market, config)
    opening = config.initial_charge * config.capacity_mwh
    reach = opening + due[0] * config.power_mw * config.charge_efficiency * slot_hours
    for slot in due:
        assert (path.charge[slot] >= min(required, reach if slot == due[0] else required) - 1e-9).all()
    gone = path.charge[0] + path.bought.sum(axis=0) * config.charge_efficiency
    np.testing.assert_allclose(path.charge[-1], gone - path.sold.sum(axis=0) / config.discharge_efficiency, atol=1e-9)
    assert not (path.bought * path.sold).any()
    assert max(path.bought.max(), path.sold.max()) <= config.power_mw * slot_hours + 1e-12


def by_linear_programming(market, config):
    """The most that can be earned where the floors can be reached: buying and selling at once does not pay."""
    price, slots = market.price, len(market)
    into, out, most = config.charge_efficiency, config.discharge_efficiency, config.power_mw * market.slot_hours
    total, start = np.tril(np.ones((slots, slots))), config.initial_charge * config.capacity_mwh
    change = np.hstack([into * total, -total / out])
    least = np.zeros(slots)
    least[np.array(due_slots(market, config)) - 1] = config.required_charge * config.capacity_mwh
    least[-1] = least_charge(market.hour, config, market.slot_hours)[-1]
    solved = linprog(
        np.concatenate([price, config.degradation_per_mwh / out - price]),
        A_ub=np.vstack([change, -change]),
        b_ub=np.concatenate([np.full(slots, config.capacity_mwh - start), start - least]),
        bounds=[(0, most)] * (2 * slots),
    )
    return -solved.fun


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([1.0, 0.5]), st.sampled_from([3.0, 7.0, 18.5]))
def test_the_best_schedule_with_a_charge_to_be_reached_is_that_of_linear_programming(seed, slot_hours, hour):
    config = dataclasses.replace(CAR, required_hour=hour, initial_charge=0.5)
    market = market_of(lengths=(24, 25), seed=seed, slot_hours=slot_hours)
    path = play_schedule(market, perfect_schedule(market, config), config)
    assert path.profit.sum() == pytest.approx(by_linear_programming(market, config), abs=1e-5)


@pytest.mark.parametrize("low", [0.0, -400.0])
@pytest.mark.parametrize("config", UNITS)
def test_nobody_earns_more_than_perfect_foresight_with_a_charge_to_be_reached(config, low):
    """At prices far below zero, too, where the value of energy is not concave."""
    for seed in range(3):
        market = market_of(seed=seed, low=low)
        price = market.price.copy()
        price[10 + seed :: 17] = np.maximum(low, -300.0) if low < 0.0 else 5.0
        market = dataclasses.replace(market, price=price)
        best = play_schedule(market, perfect_schedule(market, config), config).profit.sum()
        guesses = np.random.default_rng(seed).uniform(-1, 1, (len(market), 200)) * config.power_mw
        assert play_schedule(market, guesses, config).profit.sum(axis=0).max() < best + 1e-6
        free = dataclasses.replace(config, required_charge=None)
        assert best <= play_schedule(market, perfect_schedule(market, free), free).profit.sum() + 1e-6


def test_what_it_costs_in_closed_form():
    """2 MWh by seven o'clock at 1 MW: the two cheapest hours before it, and sold after it at the dearest."""
    config = BatteryConfig(
        capacity_mwh=2.0, charge_efficiency=1.0, discharge_efficiency=1.0, degradation_per_mwh=0.0, required_charge=1.0
    )
    price = np.full(24, 50.0)
    price[:7] = [60.0, 58.0, 56.0, 57.0, 59.0, 61.0, 62.0]
    price[9], price[10] = 55.0, 54.0
    hour = np.arange(24.0)
    power = best_schedule(price, config, start=0.0, least=least_charge(hour, config, 1.0))
    path = run_schedule(price, power, config, 1.0, least_charge(hour, config, 1.0))
    np.testing.assert_allclose(np.flatnonzero(power > 0.0), [2, 3])
    assert path.profit.sum() == pytest.approx(55.0 + 54.0 - 56.0 - 57.0)
    assert path.charge[7, 0] == 2.0
    idle = run_schedule(price, np.zeros(24), config, 1.0, least_charge(hour, config, 1.0))
    assert idle.profit.sum() == pytest.approx(-61.0 - 62.0)  # at the last moment, since nothing was committed


def test_a_charge_that_cannot_be_reached_in_time_is_neared_with_full_power():
    config = dataclasses.replace(CAR, required_hour=2.0)
    market = market_of(lengths=(24,))
    for power in (perfect_schedule(market, config), -np.ones(24)):
        path = play_schedule(market, power, config)
        np.testing.assert_allclose(path.charge[:3, 0], [0.0, 0.9274, 1.8548])


@pytest.mark.parametrize("slot_hours", [1.0, 0.25])
def test_environments_and_the_planner_know_the_charge_to_be_reached(slot_hours):
    """One unit and many, the ledger, a replayed transition, and a plan that is read out of observations."""
    market = market_of(lengths=(24, 24), slot_hours=slot_hours)
    single, vector = BatteryEnv(market, CAR), BatteryVectorEnv(market, CAR, num_envs=3)
    shares = np.random.default_rng(4).uniform(-1.0, 1.0, (len(market), 3, 1)).astype(np.float32)
    single.reset(seed=0)
    vector.reset(seed=0)
    path = play_schedule(market, shares[:, :, 0].astype(np.float64), CAR)
    for t, row in enumerate(shares):
        now, account = vector.cursor()
        profit, *_ = vector.transition(now, account, row)
        rewards = vector.step(row)[1]
        np.testing.assert_array_equal(rewards, path.profit[t])
        np.testing.assert_allclose(profit, rewards, rtol=1e-5, atol=1e-2)
        assert single.step(row[0])[1] == rewards[0]
    env = BatteryVectorEnv(market, CAR, num_envs=1)
    plan, (observation, _) = env.plan(), env.reset(seed=0)
    played = np.zeros(len(market))
    for t in range(len(market)):
        played[t] = plan.act(observation, plan.forecasts(observation)[:, 0])[0, 0]
        observation, *_ = env.step(np.array([[played[t]]], dtype=np.float32))
    told = dataclasses.replace(market, price=market.expected())
    planned = play_schedule(told, planned_schedule(market, market.forecast, CAR), CAR).profit.sum()
    assert play_schedule(told, played, CAR).profit.sum() == pytest.approx(planned, rel=1e-3)

"""The storage market: energy and money are conserved, nothing after gate closure is seen, and the optimum is one."""

import dataclasses
import itertools
import warnings
from decimal import Decimal, getcontext

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from trading_env import (
    BatteryConfig,
    BatteryEnv,
    BatteryVectorEnv,
    PowerMarket,
    best_schedule,
    perfect_schedule,
    planned_schedule,
    play_schedule,
    run_schedule,
)
from trading_env.storage.piecewise import Line
from trading_env.storage.schedule import _values
from trading_env.storage.simulator import StorageSimulator

getcontext().prec = 50
prices = st.lists(st.floats(-200.0, 9000.0), min_size=2, max_size=40)
UNITS = [
    BatteryConfig(),
    BatteryConfig(capacity_mwh=2.5, power_mw=0.7, initial_charge=0.4, degradation_per_mwh=0.0),
    BatteryConfig(charge_efficiency=1.0, discharge_efficiency=0.86, levels=(-1.0, -0.5, 0.0, 0.5, 1.0)),
]


def power_market(lengths=(24, 23, 25, 24), seed=0, low=-50.0):
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(len(lengths)), lengths)
    hour = np.concatenate([np.arange(length) % 24 for length in lengths])
    price = 40.0 + 30.0 * np.sin(hour / 24 * 6.28) + rng.normal(0, 20, len(day))
    price[rng.integers(len(day))] = 9000.0
    return PowerMarket(
        price=np.maximum(price, low),
        day=day,
        hour=hour,
        features=rng.normal(size=(len(lengths), 3)),
        forecast=40.0 + 30.0 * np.sin(np.arange(25) / 24 * 6.28) + rng.normal(0, 5, (len(lengths), 25)),
        price_scale=40.0,
    )


def walk(env, actions):
    """Rows of (observation, reward, profit) of one env."""
    observation, info = env.reset(seed=0)
    rows = [(observation, 0.0, info["profit"])]
    for action in actions:
        observation, reward, _, _, info = env.step(action)
        rows.append((observation, reward, info["profit"]))
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@given(prices, st.integers(0, 2**31 - 1), st.sampled_from(UNITS))
def test_the_ledger_equals_one_written_in_decimal(price, seed, config):
    power = np.random.default_rng(seed).uniform(-1.5, 1.5, len(price)) * config.power_mw
    path = run_schedule(np.array(price), power, config)
    most, capacity = Decimal(config.power_mw), Decimal(config.capacity_mwh)
    into, out = Decimal(config.charge_efficiency), Decimal(config.discharge_efficiency)
    charge, money = Decimal(config.initial_charge) * capacity, Decimal(0)
    for t, value in enumerate(price):
        bought = min(max(Decimal(power[t]), Decimal(0)), most, (capacity - charge) / into)
        sold = min(max(-Decimal(power[t]), Decimal(0)), most, charge * out)
        charge += bought * into - sold / out
        money += (sold - bought) * Decimal(value) - sold / out * Decimal(config.degradation_per_mwh)
        assert abs(Decimal(path.charge[t + 1, 0]) - charge) < Decimal("1e-9")
    scale = 1 + sum(abs(Decimal(value)) for value in price)
    assert abs(Decimal(path.profit.sum()) - money) < Decimal("1e-9") * scale


@given(prices, st.integers(0, 2**31 - 1), st.sampled_from(UNITS))
def test_energy_and_money_are_neither_made_nor_lost(price, seed, config):
    power = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(price), 3))
    path = run_schedule(np.array(price), power, config)
    gone = path.charge[0] + path.bought.sum(axis=0) * config.charge_efficiency
    gone -= path.sold.sum(axis=0) / config.discharge_efficiency
    np.testing.assert_allclose(path.charge[-1], gone, atol=1e-9)
    assert path.charge.min() >= 0.0
    assert path.charge.max() <= config.capacity_mwh
    assert not (path.bought * path.sold).any()  # never both in one hour
    assert max(path.bought.max(), path.sold.max()) <= config.power_mw
    traded = ((path.sold - path.bought) * np.array(price)[:, None]).sum(axis=0) - path.wear.sum(axis=0)
    np.testing.assert_allclose(path.profit.sum(axis=0), traded, rtol=1e-9, atol=1e-6)


def test_a_full_turn_gives_back_the_round_trip_efficiency():
    config = BatteryConfig(charge_efficiency=0.9, discharge_efficiency=0.8, degradation_per_mwh=5.0, capacity_mwh=2.0)
    path = run_schedule(np.array([10.0, 100.0]), np.array([1.0, -1.0]), config)
    assert path.sold[1, 0] == pytest.approx(0.72)
    assert path.profit.sum() == pytest.approx(0.72 * 100.0 - 10.0 - 0.9 * 5.0)
    assert path.charge[-1, 0] == 0.0


def test_a_negative_price_pays_the_buyer():
    path = run_schedule(np.array([-30.0]), np.array([1.0]), BatteryConfig())
    assert path.profit[0, 0] == 30.0


@pytest.mark.parametrize("config", UNITS)
@pytest.mark.parametrize("num_envs", [1, 7, 64])
def test_one_unit_and_many_play_the_same_game_to_the_last_bit(config, num_envs):
    market = power_market()
    actions = np.random.default_rng(2).integers(0, len(config.levels), (len(market), num_envs))
    vector = BatteryVectorEnv(market, config, num_envs=num_envs)
    observations, info = vector.reset(seed=0)
    told = [(observations, np.zeros(num_envs), info["profit"])]
    for row in actions:
        observations, rewards, _, truncated, info = vector.step(row)
        told.append((observations, rewards, info["profit"]))
    assert truncated.all()
    for env in range(num_envs):
        alone = walk(BatteryEnv(market, config), actions[:, env])
        for number, column in enumerate(alone):
            np.testing.assert_array_equal(column, np.array([row[number][env] for row in told]))


@pytest.mark.parametrize("config", UNITS)
def test_the_environment_pays_what_the_ledger_does(config):
    market = power_market()
    actions = np.random.default_rng(3).integers(0, len(config.levels), len(market))
    _, rewards, _ = walk(BatteryEnv(market, config), actions)
    power = np.array(config.levels)[actions] * config.power_mw
    np.testing.assert_array_equal(rewards[1:], run_schedule(market.price, power, config).profit[:, 0])


def test_any_share_of_the_power_can_be_committed():
    """One unit and many, what the ledger pays, and Gymnasium's contract, as with levels."""
    market, config = power_market(), BatteryConfig(actions="power", power_mw=0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render")
        made = gymnasium.make("tradewinds/Battery-v0", market=market, config=config)
        check_env(made.unwrapped, skip_render_check=True)
    shares = np.random.default_rng(4).uniform(-1.0, 1.0, (len(market), 5, 1)).astype(np.float32)
    vector = BatteryVectorEnv(market, config, num_envs=5)
    vector.reset(seed=0)
    rewards = np.array([vector.step(row)[1] for row in shares])
    power = shares[:, :, 0].astype(np.float64) * config.power_mw
    np.testing.assert_array_equal(rewards, run_schedule(market.price, power, config).profit)
    for unit in range(5):
        np.testing.assert_array_equal(walk(BatteryEnv(market, config), shares[:, unit])[1][1:], rewards[:, unit])
    with pytest.raises(ValueError, match=r"actions must be 5 x 1 numbers in \[-1, 1\]"):
        vector.step(np.full((5, 1), 1.5))


@given(st.integers(0, 2**31 - 1), st.integers(1, 95), st.sampled_from(UNITS))
def test_a_unit_that_is_put_down_and_taken_up_goes_on_to_the_last_bit(seed, slot, config):
    market = power_market(seed=seed)
    power = np.random.default_rng(seed).uniform(-1.0, 1.0, len(market)) * config.power_mw
    whole = play_schedule(market, power, config)
    first = StorageSimulator(market, config, 1)
    for megawatt in power[:slot]:
        first.follow(np.array([megawatt]))
    second = StorageSimulator(market, config, 1)
    second.restore(first.state())
    profit = [second.follow(np.array([megawatt])).record.profit[0] for megawatt in power[slot:]]
    np.testing.assert_array_equal(profit, whole.profit[slot:, 0])
    assert second.charge[0] == whole.charge[-1, 0]
    assert second.profit[0] == whole.profit[:, 0].cumsum()[-1]


def test_random_episodes_begin_with_a_day_and_fit():
    env = BatteryVectorEnv(power_market(), num_envs=200, episode_bars=48, starts="random")
    env.reset(seed=0)
    assert set(env.simulator.t.tolist()) == {0, 24, 47}


@pytest.mark.parametrize("seed", range(3))
def test_a_transition_can_be_made_again_from_what_is_remembered(seed):
    market, rng = power_market(seed=seed), np.random.default_rng(seed)
    env = BatteryVectorEnv(market, num_envs=16)
    observations, _ = env.reset(seed=0)
    for _ in range(len(market) - 1):
        t, account = env.cursor()
        np.testing.assert_array_equal(env.observe(t, account), observations)
        actions = rng.integers(0, 3, 16)
        profit, following, terminated, truncated = env.transition(t, account, actions)
        observations, rewards, *ends, _ = env.step(actions)
        np.testing.assert_allclose(profit, rewards, rtol=1e-5, atol=1e-2)
        np.testing.assert_allclose(env.observe(t + 1, following), observations, atol=1e-5)
        for replayed, played in zip((terminated, truncated), ends, strict=True):
            np.testing.assert_array_equal(replayed, played)


def test_what_comes_after_gate_closure_reaches_no_observation_and_no_commitment():
    """1,000 episodes: every price from a day on is changed; till that day's last hour nothing seen or done differs."""
    market, rng = power_market(), np.random.default_rng(0)
    last = np.append(market.first_slots[1:], len(market))
    worlds = {}
    for day in range(4):  # what is known of later days may change, as it is known later
        price, features, forecast = market.price.copy(), market.features.copy(), market.forecast.copy()
        price[market.first_slots[day] :] = rng.normal(0, 1000, len(market) - market.first_slots[day])
        features[day + 1 :], forecast[day + 1 :] = rng.normal(size=features[day + 1 :].shape), 0.0
        worlds[day] = dataclasses.replace(market, price=price, features=features, forecast=forecast)
    for day, world in worlds.items():
        weights = rng.normal(size=(250, BatteryEnv(market).observation_space.shape[0], 3)).astype(np.float32)
        told = []
        for shown in (market, world):
            env = BatteryVectorEnv(shown, num_envs=250)
            observations, _ = env.reset(seed=0)
            rows = []
            for _ in range(last[day]):
                actions = np.einsum("no,noa->na", observations, weights).argmax(axis=1)
                rows.append((observations, actions, env.simulator.charge))
                observations, *_ = env.step(actions)
            told.append(rows)
        for before, after in zip(*told, strict=True):
            for one, two in zip(before, after, strict=True):
                np.testing.assert_array_equal(one, two)


def test_tomorrow_is_committed_before_its_prices_are_known():
    """The last day has no price yet: charge moves, what is earned is NaN, and nothing else is another than with it."""
    market, config = power_market(), BatteryConfig(actions="power")
    price, last = market.price.copy(), market.first_slots[-1]
    price[last:] = np.nan
    waiting = dataclasses.replace(market, price=price)
    assert waiting.cleared.tolist() == [True, True, True, False]
    assert market.cleared.all()
    shares = np.random.default_rng(4).uniform(-1.0, 1.0, (len(market), 1)).astype(np.float32)
    for env, other in (
        (BatteryEnv(waiting, config), BatteryEnv(market, config)),
        (BatteryVectorEnv(waiting, config), BatteryVectorEnv(market, config)),
    ):
        np.testing.assert_array_equal(env.reset()[0], other.reset()[0])
        for t, share in enumerate(shares):
            action = share if isinstance(env, BatteryEnv) else share[None]
            answer, expected = env.step(action), other.step(action)
            np.testing.assert_array_equal(answer[0], expected[0])
            assert env.simulator.charge[0] == other.simulator.charge[0]
            np.testing.assert_array_equal(answer[1], np.nan if t >= last else expected[1])
            assert np.isnan(answer[4]["profit"]).all() == (t >= last)
    path, known = (run_schedule(shown.price, shares[:, 0], config) for shown in (waiting, market))
    np.testing.assert_array_equal(path.charge, known.charge)
    np.testing.assert_array_equal(path.profit[:last], known.profit[:last])
    assert np.isnan(path.profit[last:]).all()
    lessons, others = (BatteryVectorEnv(shown, config).lessons() for shown in (waiting, market))
    for mine, theirs in zip(lessons, others, strict=True):
        np.testing.assert_array_equal(mine, theirs[:3])
    tomorrow = waiting.days(range(3, 4))
    assert not tomorrow.cleared.any()
    assert planned_schedule(tomorrow, tomorrow.forecast, config).shape == (24,)
    with pytest.raises(ValueError, match="perfect foresight needs prices that are cleared"):
        perfect_schedule(waiting, config)
    price[last - 1] = np.nan  # of a day that is over
    with pytest.raises(ValueError, match=r"price must be finite, was nan at \(71,\)"):
        dataclasses.replace(market, price=price)
    with pytest.raises(ValueError, match=r"price must be finite, was nan at \(95,\)"):
        dataclasses.replace(market, price=np.append(market.price[:-1], np.nan))


def test_a_sweep_replaces_wear_and_the_efficiency_of_a_round_trip():
    config = BatteryConfig()
    assert config.round_trip_efficiency == pytest.approx(0.86, abs=1e-4)
    worn = dataclasses.replace(config, degradation_per_mwh=50.0, charge_efficiency=0.5, discharge_efficiency=0.5)
    assert (worn.round_trip_efficiency, worn.degradation_per_mwh) == (0.25, 50.0)


def test_a_plan_uses_no_price_of_the_market():
    market = power_market()
    other = dataclasses.replace(market, price=np.zeros(len(market)))
    plans = [planned_schedule(shown, market.forecast, BatteryConfig()) for shown in (market, other)]
    np.testing.assert_array_equal(*plans)


def relaxed(price, config, start, end):
    """The linear program that may buy and sell at once: equal to the optimum where that does not pay."""
    hours, into, out = len(price), config.charge_efficiency, config.discharge_efficiency
    total = np.tril(np.ones((hours, hours)))
    change = np.hstack([into * total, -total / out])
    least = np.zeros(hours)
    least[-1] = end
    solved = linprog(
        np.concatenate([price, config.degradation_per_mwh / out - price]),
        A_ub=np.vstack([change, -change]),
        b_ub=np.concatenate([np.full(hours, config.capacity_mwh - start), start - least]),
        bounds=[(0, config.power_mw)] * (2 * hours),
    )
    return -solved.fun


def earned(price, power, config, start):
    opened = dataclasses.replace(config, initial_charge=start / config.capacity_mwh)
    path = run_schedule(price, power, opened)
    return path.profit.sum(), path.charge[-1, 0]


@given(st.lists(st.floats(-20.0, 300.0), min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1), st.integers(0, 1))
def test_the_best_schedule_earns_what_linear_programming_finds(price, start, end, which):
    config, price = UNITS[which], np.maximum(np.array(price), -20.0 if which == 0 else 0.0)
    start, end = start * config.capacity_mwh, min(end, start) * config.capacity_mwh
    power = best_schedule(price, config, start=start, end=end)
    profit, left = earned(price, power, config, start)
    assert profit == pytest.approx(relaxed(price, config, start, end), abs=1e-5)
    assert left >= end - 1e-9


@given(st.lists(st.sampled_from([-500.0, -200.0, -60.0, 0.0, 20.0, 90.0]), min_size=1, max_size=7))
def test_far_below_zero_the_best_schedule_is_still_the_best(price):
    """Units whose steps are whole: brute force over every schedule; the relaxation, which burns energy, is beyond."""
    config = BatteryConfig(
        capacity_mwh=2.0, power_mw=2.0, charge_efficiency=0.5, discharge_efficiency=0.5, degradation_per_mwh=1.0
    )
    price = np.array(price)
    power = best_schedule(price, config, start=1.0)
    profit, _ = earned(price, power, config, 1.0)
    every = np.array(list(itertools.product((-0.5, 0.0, 2.0), repeat=len(price)))).T
    opened = dataclasses.replace(config, initial_charge=0.5)
    assert profit >= run_schedule(price, every, opened).profit.sum(axis=0).max() - 1e-6
    assert profit <= relaxed(price, config, 1.0, 0.0) + 1e-6


def by_integers(price, config, start, end):
    """The profit of the best schedule by mixed-integer programming: bought, sold, charge after, buying (0 or 1)."""
    hours, unit = len(price), np.eye(len(price))
    none, opening = np.zeros((hours, hours)), np.append(start, np.zeros(hours - 1))
    balance = np.hstack(
        [-config.charge_efficiency * unit, unit / config.discharge_efficiency, unit - np.eye(hours, k=-1), none]
    )
    wear = config.degradation_per_mwh / config.discharge_efficiency
    least = np.append(np.zeros(3 * hours - 1), np.append(end, np.zeros(hours)))
    most = np.repeat([config.power_mw, config.power_mw, config.capacity_mwh, 1.0], hours)
    found = milp(
        np.concatenate([price, wear - price, np.zeros(2 * hours)]),
        constraints=[
            LinearConstraint(balance, opening, opening),
            LinearConstraint(np.hstack([unit, none, none, -config.power_mw * unit]), -np.inf, 0.0),
            LinearConstraint(np.hstack([none, unit, none, config.power_mw * unit]), -np.inf, config.power_mw),
        ],
        bounds=Bounds(least, most),
        integrality=np.repeat([0, 0, 0, 1], hours),
        options={"mip_rel_gap": 1e-9},
    )
    return -found.fun


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31))
def test_at_prices_of_any_sign_it_earns_what_integer_programming_finds(seed):
    rng = np.random.default_rng(seed)
    price, capacity = rng.normal(-20.0, 80.0, rng.integers(1, 12)), rng.uniform(0.5, 6.0)
    config = BatteryConfig(
        capacity_mwh=capacity,
        power_mw=rng.uniform(0.3, 2.0),
        charge_efficiency=rng.uniform(0.6, 1.0),
        discharge_efficiency=rng.uniform(0.6, 1.0),
        degradation_per_mwh=rng.uniform(0.0, 10.0),
    )
    start = rng.uniform(0.0, capacity)
    end = rng.uniform(0.0, min(capacity, start + 0.1))
    power = best_schedule(price, config, start=start, end=end)
    profit, charge = earned(price, power, config, start)
    assert profit == pytest.approx(by_integers(price, config, start, end), abs=1e-5)  # HiGHS misses a row by 1e-7 MWh
    assert charge >= end - 1e-6


# hours of April 2023 in the Netherlands, three of them at nearly one price, below which burning energy would just pay
APRIL = [
    *(97.36, 97.62, 97.07, 100.34, 109.3, 106.62, 111.53, 125.0, 112.11, 109.3, 97.95, 97.23, 85.09, 79.49, 72.86),
    *(71.12, 82.5, 102.06, 115.04, 122.15, 105.39, 83.4, 34.9, -4.5, -50.0, -50.07, -50.0, -0.9, 108.1, 128.1),
    *(151.0, 155.2, 152.0, 134.04, 120.1, 118.09, 112.8, 116.54, 112.8, 113.14, 127.4, 144.74, 171.74, 176.16, 149.94),
]


def test_what_rounding_puts_apart_does_not_become_a_knot():
    """Knots a millionth of a Wh apart multiplied hour by hour, and two years of prices did not end."""
    config, price = BatteryConfig(), np.array(APRIL)
    buys = price / config.charge_efficiency
    sells = price * config.discharge_efficiency - config.degradation_per_mwh
    most = (config.power_mw * config.charge_efficiency, config.power_mw / config.discharge_efficiency)
    values = _values(buys.tolist(), sells.tolist(), config.capacity_mwh, most, 0.0, None)
    assert max(len(value.x) if isinstance(value, Line) else len(value) for value in values) < 30  # was 142
    power = best_schedule(price, config, start=1.0)
    profit, _ = earned(price, power, config, 1.0)
    assert profit == pytest.approx(by_integers(price, config, 1.0, 0.0), abs=1e-5)


def test_a_month_at_one_price_far_below_zero_is_filled_and_emptied_in_turn():
    """Integer programming does not end here: all hours are alike."""
    config = BatteryConfig()
    power = best_schedule(np.full(672, -50.0), config, start=0.0)
    profit, _ = earned(np.full(672, -50.0), power, config, 0.0)
    assert profit > 50.0 * config.capacity_mwh / config.charge_efficiency
    assert (power > 0.0).sum() > 300
    assert (power < 0.0).sum() > 300


def test_a_unit_does_not_burn_what_it_is_paid_to_take():
    """Full, at -500: selling to make room costs 250 a MWh stored and brings 1,000; at -500 twice, one hour each."""
    config = BatteryConfig(
        capacity_mwh=1.0, power_mw=2.0, charge_efficiency=0.5, discharge_efficiency=0.5, degradation_per_mwh=0.0
    )
    power = best_schedule(np.array([-500.0, -500.0]), config, start=1.0)
    np.testing.assert_allclose(power, [-0.5, 2.0], atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_nobody_earns_more_than_perfect_foresight(seed):
    market = power_market(lengths=(24,) * 6, seed=seed)
    for config in UNITS:
        knowing = run_schedule(market.price, perfect_schedule(market, config), config).profit.sum()
        guesses = np.random.default_rng(seed).uniform(-1, 1, (len(market), 200)) * config.power_mw
        assert run_schedule(market.price, guesses, config).profit.sum(axis=0).max() < knowing
        plan = planned_schedule(market, market.forecast, config)
        assert run_schedule(market.price, plan, config).profit.sum() < knowing


def test_a_plan_on_the_true_prices_of_one_day_is_perfect_foresight():
    market = power_market(lengths=(24,), low=0.0)
    truth = np.append(market.price, 0.0)[None]
    config = BatteryConfig()
    np.testing.assert_array_equal(planned_schedule(market, truth, config), perfect_schedule(market, config))


def test_days_of_23_and_25_hours_are_planned_whole():
    market = power_market(lengths=(23, 25))
    assert planned_schedule(market, market.forecast, BatteryConfig()).shape == (48,)
    second = market.days(range(1, 2))
    assert len(second) == 25
    assert second.first_slots.tolist() == [0]
    np.testing.assert_array_equal(second.expected(), market.forecast[1])
    left = BatteryEnv(market).simulator.table[:, -2] * 24.0
    np.testing.assert_allclose(left[[0, 22, 23, 47]], [23, 1, 25, 1], rtol=1e-6)


def in_quarters(market, many=4):
    """The same market in slots of an hour's `many` equal parts, each at the hour's price and forecast."""
    rows = np.repeat(np.arange(len(market)), many)
    part = np.tile(np.arange(many), len(market)) / many
    forecast = np.repeat(market.forecast, many, axis=1)
    return dataclasses.replace(
        market,
        price=market.price[rows],
        day=market.day[rows],
        hour=market.hour[rows] + part,
        forecast=forecast,
        others={name: np.repeat(other, many, axis=1) for name, other in market.others.items()},
        slot_hours=1.0 / many,
    )


def gained(market, power, config):
    """What a schedule earns, and its path."""
    path = run_schedule(market.price, power, config, market.slot_hours)
    return path.profit.sum(axis=0), path


@given(st.integers(0, 2**31 - 1), st.sampled_from(UNITS), st.sampled_from([2, 4]))
def test_four_quarters_of_one_price_are_the_hour_to_the_ledger(seed, config, many):
    """The same power through the parts of an hour buys, sells, wears and earns what it does in the hour."""
    market = power_market(seed=seed % 1000)
    power = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(market), 3)) * config.power_mw
    hours, path = gained(market, power, config)
    quarters, parts = gained(in_quarters(market, many), np.repeat(power, many, axis=0), config)
    np.testing.assert_allclose(quarters, hours, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(parts.charge[::many], path.charge, atol=1e-9)
    for name in ("bought", "sold", "wear", "profit"):
        summed = getattr(parts, name).reshape(len(market), many, 3).sum(axis=1)
        np.testing.assert_allclose(summed, getattr(path, name), rtol=1e-9, atol=1e-7)


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from(UNITS), st.sampled_from([2, 4]))
def test_four_quarters_of_one_price_are_worth_the_hour(seed, config, many):
    """Above zero, where a unit in quarters can do no more than one in hours: foresight and plans earn the same."""
    market = power_market(seed=seed, low=0.0)
    quarters = in_quarters(market, many)
    best, parts = (gained(one, perfect_schedule(one, config), config)[0] for one in (market, quarters))
    np.testing.assert_allclose(parts, best, rtol=1e-9)
    plans = [gained(one, planned_schedule(one, one.forecast, config), config)[0] for one in (market, quarters)]
    np.testing.assert_allclose(plans[1], plans[0], rtol=1e-7, atol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from(UNITS), st.sampled_from([2, 4]))
def test_the_foresight_of_quarters_is_never_below_that_of_hours(seed, config, many):
    """Quarters whose mean is the hour's price, of any sign: each hourly schedule can be played in them, too."""
    market = power_market(lengths=(24, 25), seed=seed % 1000, low=-200.0)
    quarters = in_quarters(market, many)
    spread = np.random.default_rng(seed).normal(0.0, 30.0, (len(market), many))
    spread -= spread.mean(axis=1, keepdims=True)
    quarters = dataclasses.replace(quarters, price=quarters.price + spread.ravel())
    hours = perfect_schedule(market, config)
    best, _ = gained(quarters, perfect_schedule(quarters, config), config)
    assert best >= gained(market, hours, config)[0] - 1e-6


@pytest.mark.parametrize(("lengths", "many"), [((92, 100, 96), 4), ((46, 50, 48), 2)])
def test_days_of_92_and_100_quarters_are_played_whole(lengths, many):
    """Clock changes in quarters and halves: observations tell the time of day and the hours that are left."""
    market, config = in_quarters(power_market(lengths=(23, 25, 24)), many), BatteryConfig(actions="power")
    assert tuple(market.day_slots) == lengths
    env = BatteryEnv(market, config)
    left = env.simulator.table[:, -2] * 24.0
    np.testing.assert_allclose(left[market.first_slots], [23.0, 25.0, 24.0], rtol=1e-6)
    np.testing.assert_allclose(left[market.first_slots[1:] - 1], 1.0 / many, rtol=1e-6)
    angle = 2.0 * np.pi * market.hour / 24.0
    np.testing.assert_allclose(env.simulator.table[:, -4:-2], np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-6)
    shares = np.random.default_rng(5).uniform(-1.0, 1.0, (len(market), 1)).astype(np.float32)
    _, rewards, _ = walk(env, shares)
    path = run_schedule(market.price, shares[:, 0].astype(np.float64), config, market.slot_hours)
    np.testing.assert_array_equal(rewards[1:], path.profit[:, 0])
    gone = path.charge[0] + path.bought.sum(axis=0) * config.charge_efficiency
    np.testing.assert_allclose(path.charge[-1], gone - path.sold.sum(axis=0) / config.discharge_efficiency, atol=1e-9)
    assert max(path.bought.max(), path.sold.max()) <= config.power_mw / many


def test_a_planner_reads_the_plan_of_a_quarter_hour_day_out_of_its_observations():
    """Slot by slot from what an observation holds: the same schedule as from the forecast itself."""
    config = BatteryConfig(actions="power")
    market = in_quarters(power_market(lengths=(23, 25), low=0.0))
    env = BatteryVectorEnv(market, config, num_envs=1)
    plan, (observation, _) = env.plan(), env.reset(seed=0)
    played = np.zeros(len(market))
    for t in range(len(market)):
        played[t] = plan.act(observation, plan.forecasts(observation)[:, 0])[0, 0]
        observation, *_ = env.step(np.array([[played[t]]], dtype=np.float32))
    truth = planned_schedule(market, market.forecast, config)
    told = dataclasses.replace(market, price=market.expected())
    np.testing.assert_allclose(gained(told, played, config)[0], gained(told, truth, config)[0], rtol=1e-4)
    sold = plan.volumes(market.forecast, market.day_slots)
    assert np.abs(sold).max() <= 0.25 * config.power_mw + 1e-12


def test_the_optimum_of_a_day_of_quarters_in_closed_form():
    """2 MWh at 1 MW fill in the eight cheapest quarters of 96 and sell what comes back in the dearest."""
    config = BatteryConfig(
        capacity_mwh=2.0, power_mw=1.0, charge_efficiency=1.0, discharge_efficiency=0.5, degradation_per_mwh=3.0
    )
    price = np.full(96, 50.0)
    price[8:20], price[60:72] = np.arange(12.0), 100.0 + np.arange(12.0)
    power = best_schedule(price, config, start=0.0, slot_hours=0.25)
    path = run_schedule(price, power, config, 0.25)
    bought = 0.25 * np.arange(8.0).sum()  # the eight cheapest: 0 to 7
    sold = 0.25 * (111.0 + 110.0 + 109.0 + 108.0)  # 1 MWh at the grid: four quarters
    assert path.profit.sum() == pytest.approx(sold - bought - 3.0 * 2.0)
    np.testing.assert_allclose(power[8:16], 1.0)
    np.testing.assert_allclose(power[68:72], -1.0)


def test_slots_of_another_length_are_refused_by_name():
    with pytest.raises(ValueError, match=r"slot_hours must be 1, 0.5 or 0.25, was 0.2"):
        dataclasses.replace(power_market(), slot_hours=0.2)
    with pytest.raises(ValueError, match=r"hour must lie in \[0, 24\)"):
        dataclasses.replace(power_market(), hour=power_market().hour + 1.0)


def test_wrong_markets_units_and_actions_are_refused_by_name():
    market = power_market()
    price = market.price.copy()
    price[5] = np.nan
    with pytest.raises(ValueError, match=r"price must be finite, was nan at \(5,\)"):
        dataclasses.replace(market, price=price)
    with pytest.raises(ValueError, match=r"forecast must be \(D, H\) with D = 4 and H >= 25, was \(4, 24\)"):
        dataclasses.replace(market, forecast=market.forecast[:, :24])
    with pytest.raises(ValueError, match="day must count the days"):
        dataclasses.replace(market, day=market.day + 1)
    env = BatteryEnv(market)
    with pytest.raises(ValueError, match="call reset"):
        env.step(0)
    env.reset()
    with pytest.raises(ValueError, match=r"actions must be 1 numbers in \[0, 2\], was \[3\]"):
        env.step(3)
    with pytest.raises(ValueError, match=r"start must be a bar in \[0, 95\], was 96"):
        env.reset(options={"start": 96})
    with pytest.raises(ValueError, match="start and end must lie in the store"):
        best_schedule(market.price, BatteryConfig(), start=5.0)

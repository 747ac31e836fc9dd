"""The best policies of worlds whose law is known: closed forms, bands, and no rule that earns more on long paths."""

import dataclasses

import numpy as np
import pytest

from trading_env import CostConfig, Market, TradingConfig, planned_targets, run_ledger
from trading_env.planning.markov import (
    after_return,
    autoregressive,
    best_policy,
    cycle,
    follow,
    level_gain,
    two_regimes,
)

KAPPA, SIGMA, DRIFT, SWITCH = 0.05, 0.01, 0.004, 0.02
YEAR = 252.0


def rules_of(cost, **fixed):
    """Rules under which a turnover of 1 costs `cost`; exposures are restored as the theory has it."""
    costs = CostConfig(
        fee_bps=1e4 * cost, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0
    )
    return TradingConfig(costs=costs, execution="same_close", **{"rebalance": "on_change", **fixed})


def ou_world():
    return autoregressive(1.0 - KAPPA, SIGMA, -KAPPA, SIGMA)


def growth(log_price, targets, rules):
    close = np.exp(log_price)[:, None]
    market = Market(open=close, close=close, features=np.zeros((len(close), 0)), bars_per_year=YEAR)
    equity = run_ledger(market, targets, rules).equity[-1]
    return np.log(equity) / len(close)


def ou_path(bars, seed):
    rng = np.random.default_rng(seed)
    x = np.empty(bars)
    x[0] = 0.0
    for t, shock in enumerate(rng.normal(0, SIGMA, bars - 1)):
        x[t + 1] = (1.0 - KAPPA) * x[t] + shock
    return x


def band_of(cost):
    """Half the distance between the signals at which a short turns long and a long turns short."""
    world, rules = ou_world(), rules_of(cost)
    policy = best_policy(world, rules, YEAR)
    x = world.signal
    return (x[policy[:, 2] == 0].min() - x[policy[:, 0] == 2].max()) / 2.0


def test_the_no_trade_band_of_an_ou_is_as_wide_as_an_independent_program_finds():
    free, cheap, dear = (band_of(cost) for cost in (0.0, 0.0003, 0.002))
    assert free < 0.0022  # a step and a half of the grid
    assert 0.004 < cheap < 0.007
    assert 0.012 < dear < 0.016


def test_no_band_and_no_sign_rule_earns_more_on_an_ou_than_its_best_policy():
    rules = rules_of(0.002)
    x = ou_path(60_000, 3)
    best = follow(ou_world(), best_policy(ou_world(), rules, YEAR), x, rules)
    widths = np.linspace(0.0, 0.04, 21)
    rivals = []
    for width in widths:
        turns = np.where(x > width, -1.0, np.where(x < -width, 1.0, 0.0))
        last = np.maximum.accumulate(np.where(turns != 0.0, np.arange(len(x)), 0))
        rivals.append(turns[last])
    earned = growth(x, np.concatenate([best[:, None], np.array(rivals).T[:, :, None]], axis=1), rules)
    assert earned[0] > 0.0
    assert earned[0] > 0.99 * earned[1:].max()  # the luck of one path
    assert earned[0] > 1.2 * earned[1]  # the sign rule pays for its zeal


@pytest.mark.parametrize(("cost", "trades"), [(0.0, True), (0.02, True), (0.0395, True), (0.0397, False), (0.3, False)])
def test_a_square_wave_is_followed_as_long_as_half_a_period_pays_for_the_turns(cost, trades):
    """Up 4 bars by 0.01, down 4 bars: a turn of 1 - exp(-0.02), there and back, costs as much as the fall."""
    means = np.repeat([0.01, -0.01], 4)
    rules = rules_of(cost / 2.0, exposures=(0.0, 1.0))
    policy = best_policy(cycle(means, 0.0, 1), rules, YEAR)
    path = follow(cycle(means, 0.0, 1), policy, (np.arange(80) % 8).astype(float), rules)
    assert (np.ptp(path[16:]) > 0.0) == trades
    if trades and cost:
        np.testing.assert_array_equal(path[16:72, 0], np.roll(np.tile(means > 0, 10), -1)[16:72])


def test_a_cycle_of_two_bars_turns_at_once_or_waits_two_bars():
    policy = best_policy(cycle(np.array([0.01, -0.01]), 0.0, 2), rules_of(0.0), YEAR)
    assert policy[:, 1].tolist() == [2, 0]  # decided at phase 0, earned at phase 0 again


def test_a_regime_is_followed_by_the_chance_that_the_drift_is_up_and_with_costs_in_a_band_of_chances():
    world = two_regimes(DRIFT, SWITCH, SIGMA, 1)
    np.testing.assert_allclose(world.chance.sum(axis=1), 1.0, rtol=1e-9)
    free, dear = (best_policy(world, rules_of(cost, exposures=(-1.0, 1.0)), YEAR) for cost in (0.0, 0.003))
    turn = world.signal[free[:, 0] == 1].min()
    assert abs(turn - 0.5) < 0.03
    assert world.signal[dear[:, 0] == 1].min() > turn + 0.1 > turn - 0.1 > world.signal[dear[:, 1] == 0].max()


def test_no_threshold_on_the_chance_earns_more_than_the_best_policy_of_a_regime():
    rng, bars, rules = np.random.default_rng(7), 40_000, rules_of(0.002, exposures=(-1.0, 1.0))
    state = 1.0 - 2.0 * (np.cumsum(rng.random(bars) < SWITCH) % 2)
    r = DRIFT * state + SIGMA * rng.standard_normal(bars)
    chance = np.empty(bars)
    p = 0.5
    for t in range(bars):
        p = float(after_return(p, r[t], DRIFT, SWITCH, SIGMA))
        chance[t] = p
    world = two_regimes(DRIFT, SWITCH, SIGMA, 1)
    paths = [follow(world, best_policy(world, rules, YEAR), chance, rules)[:, 0]]
    for width in np.linspace(0.0, 0.45, 10):
        turns = np.where(chance > 0.5 + width, 1.0, np.where(chance < 0.5 - width, -1.0, 0.0))
        last = np.maximum.accumulate(np.where(turns != 0.0, np.arange(bars), 0))
        paths.append(np.where(turns[last] == 0.0, 1.0, turns[last]))
    earned = growth(np.cumsum(r), np.array(paths).T[:, :, None], rules)
    assert earned[0] > earned[1:].max() - 5e-6
    assert earned[0] > earned[1]


def test_on_noise_the_best_policy_stays_flat():
    policy = best_policy(cycle(np.full(2, -0.5 * SIGMA**2), SIGMA, 1), rules_of(0.001), YEAR)
    assert (policy[:, 1] == 1).all()


def test_the_gain_of_a_level_is_its_expected_log_growth():
    world = cycle(np.array([0.003, 0.003]), 0.0, 1)
    gain = level_gain(world, dataclasses.replace(rules_of(0.0), exposures=(-1.0, 0.0, 1.0)), YEAR)
    np.testing.assert_allclose(gain[0], [np.log(2.0 - np.exp(0.003)), 0.0, 0.003])


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_plan_on_true_forecasts_earns_what_brute_force_finds_for_the_bars_it_sees(horizon):
    rng = np.random.default_rng(horizon)
    rules = rules_of(0.004, rebalance="every_bar")
    for _ in range(20):
        r = rng.normal(0, 0.01, horizon)
        levels = np.array(rules.exposures)
        paths = np.array(np.meshgrid(*[levels] * horizon)).reshape(horizon, -1)
        turned = np.abs(np.diff(paths, axis=0, prepend=0.0))
        worth = (np.log1p(paths * np.expm1(r)[:, None]) + np.log1p(-0.004 * turned)).sum(axis=0)
        first = planned_targets(r[None, :], rules, YEAR)[0, 0]
        assert worth[paths[0] == first].max() == pytest.approx(worth.max(), abs=1e-12)


def test_a_plan_does_not_trade_on_what_pays_less_than_its_cost():
    forecast = np.array([[0.001], [0.01], [0.001], [-0.001], [-0.01]])
    assert planned_targets(forecast, rules_of(0.002), YEAR)[:, 0].tolist() == [0.0, 1.0, 1.0, 1.0, -1.0]

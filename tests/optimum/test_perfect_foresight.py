"""Perfect foresight is a bound: brute force over every path of levels never ends richer, whatever the rules."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, perfect_foresight, run_ledger

LEVELS = [
    (-1.0, 0.0, 1.0),
    (0.0, 1.0),
    (-1.0, 1.0),
    (0.5, 1.0),
    (-1.0, 2.0, 0.0),
    (-1.0, -0.5, 0.0, 0.5, 1.0),
    (-0.5, 0.0, 0.5),
    (-2.0, 0.0),
    (-3.0, -1.0),
]


def random_game(rng):
    levels = LEVELS[rng.integers(len(LEVELS))]
    num_bars = int(rng.integers(3, 6 if len(levels) == 5 else 8))
    volatility = rng.choice([0.002, 0.01, 0.05, 0.2])
    close = np.exp(np.cumsum(rng.normal(0, volatility, num_bars)))
    market = Market(
        open=(close * np.exp(rng.normal(0, volatility / 2, num_bars)))[:, None],
        close=close[:, None],
        features=np.zeros((num_bars, 1)),
        bars_per_year=float(rng.choice([252, 4])),
    )
    costs = CostConfig(
        fee_bps=float(rng.choice([0, 1, 20, 300])),
        half_spread_bps=float(rng.choice([0, 1, 50])),
        slippage_bps=float(rng.choice([0, 5])),
        borrow_bps_per_year=float(rng.choice([0, 50, 2000, 9000])),
        financing_bps_per_year=float(rng.choice([0, 300, 9000])),
    )
    rules = TradingConfig(
        exposures=levels,
        execution=rng.choice(["next_open", "next_close", "same_close"]),
        rebalance=rng.choice(["on_change", "on_change", "every_bar"]),
        leverage_cap=max(map(abs, levels)) * rng.choice([1.0, 1.0, 1.3]),
        maintenance=rng.random() < 0.8,
        costs=costs,
    )
    return market, rules


@pytest.mark.parametrize("seed", range(8))
def test_no_path_of_levels_ends_richer_than_perfect_foresight(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        market, rules = random_game(rng)
        paths = np.array(list(itertools.product(rules.exposures, repeat=len(market) - 1))).T
        paths = np.vstack([paths, paths[-1:]])[:, :, None]  # no bar fills the last decision
        best = run_ledger(market, paths, rules).equity[-1].max()
        knowing = run_ledger(market, perfect_foresight(market, rules), rules).equity[-1, 0]
        assert knowing == pytest.approx(best, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 80))
def test_no_strategy_under_the_same_rules_ends_richer_cuts_to_the_cap_included(seed, num_bars):
    """Paths of levels held for a while, and the best path with a few bars done otherwise."""
    rng = np.random.default_rng(seed)
    _, rules = random_game(rng)
    close = np.exp(np.cumsum(rng.normal(0, rng.choice([0.01, 0.05]), num_bars)))[:, None]
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    market = Market(open=open_, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252)
    knowing = perfect_foresight(market, rules)
    near = np.repeat(knowing[:, None], 60, axis=1)
    for path in range(60):
        start = rng.integers(num_bars)
        near[start : start + rng.integers(1, 6), path, 0] = rng.choice(rules.exposures)
    held = np.repeat(rng.choice(rules.exposures, (num_bars // 5 + 1, 60, 1)), 5, axis=0)[:num_bars]
    equity = run_ledger(market, np.concatenate([knowing[:, None], near, held], axis=1), rules).equity[-1]
    assert equity[1:].max() <= equity[0] * (1.0 + 1e-11)


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
def test_no_random_path_of_many_bars_ends_richer(rebalance):
    rng = np.random.default_rng(5)
    close = np.exp(np.cumsum(rng.normal(0, 0.01, 400)))[:, None]
    market = Market(open=close, close=close, features=np.zeros((400, 1)), bars_per_year=252)
    rules = TradingConfig(rebalance=rebalance, costs=CostConfig(fee_bps=20))
    knowing = perfect_foresight(market, rules)
    near = np.repeat(knowing[:, None], 500, axis=1)  # a few bars of the best path done otherwise
    for path in range(500):
        rows = rng.integers(0, 399, 3)
        near[rows, path, 0] = rng.choice(rules.exposures, 3)
    equity = run_ledger(market, np.concatenate([knowing[:, None], near], axis=1), rules).equity[-1]
    assert equity[1:].max() <= equity[0] * (1.0 + 1e-12)


def test_a_ruined_path_is_not_the_best_one():
    """A short that would come back from under water is closed out at the bottom, and perfect foresight knows."""
    close = np.array([1.0, 2.2, 0.2, 0.2])[:, None]
    market = Market(open=close, close=close, features=np.zeros((4, 1)), bars_per_year=252)
    rules = TradingConfig(exposures=(-1.0, 0.0), execution="same_close")
    assert perfect_foresight(market, rules)[:2, 0].tolist() == [0.0, -1.0]

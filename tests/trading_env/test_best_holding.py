"""The best path of several assets: against every path there is, and against the ledger."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, run_ledger
from trading_env.planning.best_holding import best_holdings, unbounded_rules

FEES = CostConfig(fee_bps=30.0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
LONG = TradingConfig(actions="long_weights", costs=FEES, maintenance=False)


def market_of(rng, num_bars, num_assets, missing=None, delisted=None):
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (num_bars, num_assets)), axis=0))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.005, close.shape))
    return Market(open=open_, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252.0, missing=missing,
                  delisted=delisted, instruments=tuple("abcdef"[:num_assets]))  # fmt: skip


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(3, 5))
def test_no_path_from_one_holding_to_the_next_ends_richer(seed, num_assets, num_bars):
    market = market_of(np.random.default_rng(seed), num_bars, num_assets)
    held = np.concatenate([np.zeros((1, num_assets)), np.eye(num_assets)])
    every = [held[list(path)] for path in itertools.product(range(num_assets + 1), repeat=num_bars - 1)]
    targets = np.stack([np.concatenate([path, path[-1:]]) for path in every], axis=1)
    most = run_ledger(market, targets, LONG).equity[-1].max()
    ours = run_ledger(market, best_holdings(market, LONG), LONG).equity[-1, 0]
    assert ours >= most * (1.0 - 3e-4)  # a cost squared, for each trade


def test_what_is_sold_short_falls_and_caps_are_kept():
    rng = np.random.default_rng(0)
    rules = TradingConfig(actions="long_short_weights", asset_cap=0.3, costs=FEES)
    market = market_of(rng, 60, 5)
    targets = best_holdings(market, rules)
    assert np.abs(targets).sum(axis=1).max() <= 1.0 + 1e-9
    assert np.abs(targets).max() <= 0.3
    assert targets.min() < 0.0
    assert run_ledger(market, targets, rules).equity[-1, 0] > 1.2
    assert unbounded_rules(rules) == ("shorts", "env.asset_cap")
    assert unbounded_rules(LONG) == ()


def test_an_asset_that_does_not_trade_is_neither_bought_nor_sold():
    rng = np.random.default_rng(1)
    missing = np.zeros((30, 2), dtype=bool)
    missing[10:20, 0] = True
    market = market_of(rng, 30, 2, missing)
    targets = best_holdings(market, LONG)
    changed = np.flatnonzero(np.diff(targets[:, 0]) != 0.0) + 1  # decided there, filled a bar later
    assert not set(changed.tolist()) & set(range(9, 19))

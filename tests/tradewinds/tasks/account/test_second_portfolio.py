"""The second account of several assets against the ledger, which it shares no line with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.tasks.account.second_portfolio import second_portfolio
from trading_env import CostConfig, Market, TradingConfig, run_ledger

COSTS = CostConfig(borrow_bps_per_year=400.0, slippage_per_volatility=0.1, slippage_bps_per_volume_percent=1.0)


def market_of(rng, num_bars, num_assets, *, events):
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (num_bars, num_assets)), axis=0))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.01, close.shape))
    columns = {}
    if events:
        shape = close.shape
        columns["dividends"] = np.where(rng.random(shape) < 0.1, 0.01 * close, 0.0)
        columns["splits"] = np.where(rng.random(shape) < 0.1, 2.0, 1.0)
        columns["missing"] = rng.random(shape) < 0.15
        columns["missing"][0] = False
        gone = int(rng.integers(2, num_bars))
        columns["missing"][gone:, -1] = True
        columns["delisted"] = np.zeros(shape, dtype=bool)
        columns["delisted"][gone, -1] = True
        columns["splits"][columns["missing"]] = 1.0
        columns["dividends"][columns["missing"]] = 0.0
        columns["borrow"] = rng.uniform(0.0, 900.0, shape)
    return Market(
        open=open_, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252.0,
        volume=rng.uniform(1e4, 1e6, close.shape), volatility=rng.uniform(0.0, 0.03, close.shape),
        instruments=tuple("abcd"[:num_assets]), **columns,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 100_000),
    st.integers(2, 4),
    st.booleans(),
    st.sampled_from(["next_open", "next_close"]),
    st.sampled_from(["on_change", "every_bar"]),
    st.sampled_from([None, 0.05]),
)
def test_both_hold_the_same_units_and_money(seed, num_assets, events, execution, rebalance, volume_cap):
    rng = np.random.default_rng(seed)
    market = market_of(rng, 24, num_assets, events=events)
    rules = TradingConfig(
        actions="long_short_weights", leverage_cap=1.5, execution=execution, rebalance=rebalance, costs=COSTS,
        lot=float(rng.choice([0.0, 10.0])), min_notional=float(rng.choice([0.0, 2e4])), volume_cap=volume_cap,
        maintenance_margin=float(rng.choice([0.0, 0.5])), delisting_loss=float(rng.choice([0.0, 0.3])),
    )  # fmt: skip
    targets = rng.normal(0.0, 0.4, (24, num_assets)).round(1)
    targets *= np.minimum(1.5 / np.maximum(np.abs(targets).sum(axis=1, keepdims=True), 1.5), 1.0)
    targets[5:9] = targets[5]
    path = run_ledger(market, targets, rules)
    units, equity = second_portfolio(market, targets, rules)
    assert path.units[:, 0] == pytest.approx(units, rel=1e-9, abs=1e-12)
    assert path.equity[:, 0] == pytest.approx(equity, rel=1e-9)

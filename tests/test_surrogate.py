"""The law of money has two forms, the ledger's and one a gradient runs through: they are one law."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent.direct.ledger_gradient import Surrogate
from trading_env import CostConfig, Market, TradingConfig, run_ledger

COSTS = CostConfig(
    fee_bps=3.0, half_spread_bps=2.0, slippage_bps=4.0, borrow_bps_per_year=500.0, financing_bps_per_year=900.0
)


def market_of(seed, num_bars=60, assets=1, single_price=False):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (num_bars, assets)), axis=0))
    gap = np.ones_like(close) if single_price else np.exp(rng.normal(0.0, 0.01, close.shape))
    open_ = close if single_price else np.concatenate([close[:1], close[:-1]]) * gap
    names = tuple(f"a{number}" for number in range(assets))
    features = np.zeros((num_bars, 1), np.float32)
    return Market(open=open_, close=close, features=features, bars_per_year=252.0, instruments=names)


def walked(market, config, targets):
    """Equity (T,) of the surrogate in float64, opening equity 1."""
    law = Surrogate(market, config, torch.float64)
    wanted = torch.from_numpy(targets)
    held, last, equity = torch.zeros_like(wanted[:1]), torch.zeros_like(wanted[:1]), [0.0]
    for row in range(len(targets) - 1):
        growth, held = law.bar(held, wanted[row : row + 1], last, torch.tensor([row]))
        last = wanted[row : row + 1]
        equity.append(equity[-1] + float(growth))
    return np.exp(equity)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["next_open", "next_close", "same_close"]),
    st.sampled_from(["on_change", "every_bar"]),
    st.integers(1, 3),
    st.sampled_from([0.6, 1.8, 3.0]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_the_same_exposures_make_the_same_money(execution, rebalance, assets, cap, maintenance, seed):
    market = market_of(seed, assets=assets)
    config = TradingConfig(
        actions="long_short_weights",
        leverage_cap=cap,
        maintenance=maintenance,
        exposures=(-cap, cap),
        execution=execution,
        rebalance=rebalance,
        costs=COSTS,
    )
    rng = np.random.default_rng(seed)
    targets = np.repeat(rng.choice([-0.6, 0.0, 0.3, 0.6], (20, assets)), 3, axis=0)  # on_change has some to leave alone
    targets *= min(1.0, cap / 0.6 / assets)
    ledger = run_ledger(market, targets[:, None, :], config).equity[:, 0]
    np.testing.assert_allclose(walked(market, config, targets), ledger, rtol=1e-9)


def test_a_gradient_runs_from_the_money_to_every_exposure_that_traded():
    """Checked against differences of the ledger itself."""
    market, config = market_of(1), TradingConfig(actions="exposure", rebalance="every_bar", costs=COSTS)
    targets = np.random.default_rng(2).uniform(-0.9, 0.9, (60, 1))
    law, wanted = Surrogate(market, config, torch.float64), torch.tensor(targets, requires_grad=True)
    held, total = torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for row in range(59):
        growth, held = law.bar(held, wanted[row : row + 1], held, torch.tensor([row]))
        total = total + growth
    total.sum().backward()
    for row in (0, 7, 30, 58):
        ends = []
        for step in (-1e-6, 1e-6):
            moved = targets.copy()
            moved[row] += step
            ends.append(np.log(run_ledger(market, moved[:, None, :], config).equity[-1, 0]))
        assert float(wanted.grad[row]) == pytest.approx((ends[1] - ends[0]) / 2e-6, rel=1e-4, abs=1e-9)


def test_rules_without_a_gradient_are_refused_by_name():
    with pytest.raises(ValueError, match=r"kind=direct has no gradient through env.lot, env.min_notional: leave it"):
        Surrogate(market_of(1), TradingConfig(lot=1.0, min_notional=5.0))

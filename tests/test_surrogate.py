"""The law of money has two forms, the ledger's and one a gradient runs through: they are one law."""

import dataclasses

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


def eventful(seed, execution, assets=3, num_bars=60):
    """A market in which everything happens: dividends, splits, funding, borrow by asset, halts, and an end."""
    plain, rng = market_of(seed, num_bars, assets, single_price=execution == "next_close"), np.random.default_rng(seed)
    shape = plain.close.shape
    columns = {"dividends": rng.choice([0.0, 0.7], shape, p=[0.9, 0.1])}
    columns["splits"] = rng.choice([1.0, 2.0, 0.5], shape, p=[0.9, 0.05, 0.05])
    columns["funding"], columns["borrow"] = rng.normal(0.0, 1e-3, shape), rng.uniform(0.0, 2_000.0, shape)
    columns["missing"], columns["delisted"] = rng.random(shape) < 0.2, np.zeros(shape, dtype=bool)
    columns["missing"][0] = False
    columns["missing"][40:, 0], columns["delisted"][40, 0] = True, True
    columns["splits"][columns["missing"]], columns["dividends"][columns["missing"]] = 1.0, 0.0
    grown = np.cumprod(columns["splits"], axis=0)
    return dataclasses.replace(plain, open=plain.open / grown, close=plain.close / grown, **columns)


def walked(market, config, targets):
    """Equity (T,) of the surrogate in float64, opening equity 1."""
    law = Surrogate(market, config, torch.float64)
    wanted = torch.from_numpy(targets)
    held, last, equity = torch.zeros_like(wanted[:1]), torch.zeros_like(wanted[:1]), [0.0]
    for row in range(len(targets) - 1):
        growth, held, last = law.bar(held, wanted[row : row + 1], last, torch.tensor([row]))
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


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["next_open", "next_close", "same_close"]),
    st.sampled_from(["on_change", "every_bar"]),
    st.sampled_from([0.6, 1.8]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_whatever_happens_to_an_asset_the_money_is_the_same(execution, rebalance, cap, maintenance, seed):
    market = eventful(seed, execution)
    config = TradingConfig(
        actions="long_short_weights",
        leverage_cap=cap,
        exposures=(-cap, cap),
        maintenance=maintenance,
        execution=execution,
        rebalance=rebalance,
        delisting_loss=0.3,
        costs=COSTS,
    )
    rng = np.random.default_rng(seed)
    targets = np.repeat(rng.choice([-0.6, 0.0, 0.3, 0.6], (20, 3)), 3, axis=0) * min(1.0, cap / 1.8)
    ledger = run_ledger(market, targets[:, None, :], config).equity[:, 0]
    np.testing.assert_allclose(walked(market, config, targets), ledger, rtol=1e-9)


def test_a_gradient_runs_from_the_money_to_every_exposure_that_traded():
    """Checked against differences of the ledger itself."""
    market, config = market_of(1), TradingConfig(actions="exposure", rebalance="every_bar", costs=COSTS)
    targets = np.random.default_rng(2).uniform(-0.9, 0.9, (60, 1))
    law, wanted = Surrogate(market, config, torch.float64), torch.tensor(targets, requires_grad=True)
    held, total = torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for row in range(59):
        growth, held, _ = law.bar(held, wanted[row : row + 1], held, torch.tensor([row]))
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
    with pytest.raises(ValueError, match=r"kind=direct has no gradient through lots: leave it"):
        Surrogate(dataclasses.replace(market_of(1), lots=np.ones(1)), TradingConfig())

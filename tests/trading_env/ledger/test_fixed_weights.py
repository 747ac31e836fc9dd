"""Weights that every fill restores: passes over whole runs agree with the ledger, ruins included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, run_ledger, run_weights
from trading_env.ledger.fixed_weights import BLOCK

from full_games import full_market


def market_of(seed, num_bars, num_assets=1, volatility=0.02):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, volatility, (num_bars, num_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    names = tuple(f"asset{number}" for number in range(num_assets))
    return Market(open=open_, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252.0, instruments=names)


rules = st.builds(
    TradingConfig,
    execution=st.sampled_from(["next_open", "next_close", "same_close"]),
    rebalance=st.sampled_from(["every_bar", "on_change"]),
    leverage_cap=st.sampled_from([1.0, 3.0]),
    costs=st.builds(
        CostConfig,
        fee_bps=st.floats(0, 90),
        half_spread_bps=st.floats(0, 90),
        slippage_bps=st.floats(0, 90),
        borrow_bps_per_year=st.sampled_from([0.0, 900.0]),
        financing_bps_per_year=st.sampled_from([0.0, 900.0]),
    ),
)


def weights_of(seed, market, config):
    """Weights up to the cap; held for three bars where every fill restores them, else new or 0 again."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(-1.0, 1.0, market.close.shape) * config.leverage_cap / market.close.shape[1]
    if config.rebalance == "every_bar":
        return np.repeat(weights[::3], 3, axis=0)[: len(weights)]
    weights[rng.random(len(weights)) < 0.3] = 0.0
    return weights


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4), rules, st.sampled_from([0.02, 0.2]))
def test_passes_over_a_whole_run_agree_with_the_ledger_to_rounding(seed, num_bars, num_assets, config, volatility):
    market = market_of(seed, num_bars, num_assets, volatility)
    weights = weights_of(seed, market, config)
    run, path = run_weights(market, weights, config), run_ledger(market, weights, config)
    paid = path.fee + path.spread + path.slippage + path.borrow + path.financing
    for ours, theirs in ((run.equity, path.equity), (run.cash, path.cash), (run.paid, paid)):
        np.testing.assert_allclose(ours, theirs[:, 0], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(run.turnover, path.turnover[:, 0], rtol=1e-10, atol=1e-11)
    ruined = np.flatnonzero(path.equity[:, 0] <= config.ruin_equity)
    assert run.ruined_at == (ruined[0] if len(ruined) else None)


@pytest.mark.parametrize("execution", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("assets", [1, 3])
def test_the_edges_of_blocks_leave_no_mark(execution, assets):
    market = market_of(1, 2 * BLOCK // assets + 3, assets, volatility=0.002)
    config = TradingConfig(execution=execution, rebalance="every_bar")
    weights = np.full(market.close.shape, 0.7 / assets)
    run, path = run_weights(market, weights, config), run_ledger(market, weights, config)
    np.testing.assert_allclose(run.equity, path.equity[:, 0], rtol=1e-11)


@pytest.mark.parametrize(
    ("market", "config", "weights", "message"),
    [
        (market_of(0, 4), {}, [[0.5]] * 4, r"targets must change at every bar, .* asset 0 was held at row 1; use"),
        (full_market(0, 4), {}, [[0.5]] * 4, "knows constant cost rates and a market without events; use run_ledger"),
        (market_of(0, 4), {"lot": 1.0}, [[0.0]] * 4, "knows constant cost rates"),
        (market_of(0, 4), {"maintenance_margin": 0.3}, [[0.0]] * 4, "knows constant cost rates"),
        (market_of(0, 4), {}, [[[0.5]]] * 4, r"targets must be \(T, A\), was \(4, 1, 1\)"),
        (market_of(0, 4), {}, [[1.5]] * 4, "within the leverage cap of 1"),
    ],
)
def test_what_passes_do_not_know_is_refused(market, config, weights, message):
    with pytest.raises(ValueError, match=message):
        run_weights(market, np.array(weights), TradingConfig(**config))


def test_costs_of_half_the_turnover_still_settle():
    market, costs = market_of(2, 200), CostConfig(fee_bps=5_000, half_spread_bps=0, slippage_bps=0)
    config = TradingConfig(rebalance="every_bar", ruin_equity=0.0, costs=costs)
    weights = np.full((200, 1), 0.3)
    run = run_weights(market, weights, config)
    np.testing.assert_allclose(run.equity, run_ledger(market, weights, config).equity[:, 0], rtol=1e-11)

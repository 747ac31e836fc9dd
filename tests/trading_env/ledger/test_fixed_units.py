"""Fixed units: the running sum is the ledger's law, told by an account that takes one bar after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, run_units
from trading_env.ledger.fixed_units import BLOCK


def market_of(seed, num_bars, volatility=0.02):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, volatility, num_bars)))[:, None]
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    return Market(open=open_, close=close, features=np.zeros((num_bars, 1)), bars_per_year=252.0)


def by_hand(market, units, config):
    costs, closed = config.costs, False
    move, fee = (costs.half_spread_bps + costs.slippage_bps) * 1e-4, costs.fee_bps * 1e-4
    lent, owed = (rate * 1e-4 / 252.0 for rate in (costs.borrow_bps_per_year, costs.financing_bps_per_year))
    cash, held, path = config.capital, 0.0, [config.capital]
    ruin = config.ruin_equity * config.capital

    def fill(price, wanted):
        nonlocal cash, held, closed
        if cash + held * price <= ruin:
            cash, held, closed = max(cash + held * price, 0.0), 0.0, True
            return
        bought = wanted - held
        paid = price * (1 + move) if bought > 0 else price * (1 - move)
        cash, held = cash - bought * paid - fee * abs(bought) * paid, wanted

    def accrue(price):
        nonlocal cash
        cash -= max(-held, 0.0) * price * lent + max(-cash, 0.0) * owed

    for t in range(len(market) - 1):
        now, opening, after = market.close[t, 0], market.open[t + 1, 0], market.close[t + 1, 0]
        if not closed and config.execution == "next_close":
            accrue(after)
            fill(after, units[t])
        elif not closed:
            fill(opening if config.execution == "next_open" else now, units[t])
            if not closed:
                accrue(after)
        if not closed and cash + held * after <= ruin:
            cash, held, closed = max(cash + held * after, 0.0), 0.0, True
        path.append(cash + held * after)
    return np.array(path) / config.capital


@given(
    st.integers(0, 10_000),
    st.integers(2, 60),
    st.sampled_from(["next_open", "next_close", "same_close"]),
    st.sampled_from([300.0, 3_000.0, 30_000.0]),  # no money is owed; it is; many are ruined
)
def test_a_path_of_units_equals_an_account_kept_bar_by_bar(seed, num_bars, execution, most):
    rng, market = np.random.default_rng(seed), market_of(seed, num_bars)
    units = np.repeat(rng.integers(-1, 2, num_bars), rng.integers(1, 4))[:num_bars] * most
    costs = CostConfig(
        fee_bps=rng.uniform(0, 20), borrow_bps_per_year=rng.uniform(0, 900), financing_bps_per_year=rng.uniform(0, 900)
    )
    config = TradingConfig(execution=execution, capital=100_000.0, costs=costs)
    path = run_units(market, units, config)
    np.testing.assert_allclose(path.equity, by_hand(market, units, config), rtol=1e-9, atol=1e-12)


def test_the_sum_goes_on_over_the_edge_of_a_block():
    market = market_of(1, 2 * BLOCK + 7, volatility=0.0005)
    units = np.repeat(np.random.default_rng(2).integers(-1, 2, 2 * BLOCK // 50 + 1), 50)[: len(market)] * 1_000.0
    config = TradingConfig()
    path = run_units(market, units, config)
    np.testing.assert_allclose(path.equity, by_hand(market, units, config), rtol=1e-9)
    assert path.ruined_at is None


@pytest.mark.parametrize(
    ("units", "config", "message"),
    [
        (np.ones(4), {}, r"units must be 5 finite numbers, had the shape \(4,\)"),
        (np.full(5, np.nan), {}, "units must be 5 finite numbers"),
        (np.ones(5), {"lot": 1.0}, "knows constant cost rates and a market without events; use run_ledger"),
    ],
)
def test_what_a_running_sum_does_not_know_is_refused(units, config, message):
    with pytest.raises(ValueError, match=message):
        run_units(market_of(0, 5), units, TradingConfig(**config))

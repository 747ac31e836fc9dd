"""Markets with everything in them and rules with every option, drawn by hypothesis or by a seed."""

import numpy as np
from hypothesis import strategies as st

from trading_env import CostConfig, Market, RewardConfig, TradingConfig, realised_volatility

FREE = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
KINDS = ("log_growth", "drawdown", "variance", "differential_sharpe", "benchmark")


def full_market(seed, num_bars=20, num_assets=1, *, volatility=0.05, features=3, portfolio=False):
    """A market with missing bars, an asset that is gone, empty bars, splits, dividends and funding.

    With `portfolio` some assets come late, some are delisted, lots and borrow are each asset's own, and volumes small.
    """
    rng = np.random.default_rng(seed)
    shape = (num_bars, num_assets)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, volatility, shape), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.01, shape))
    missing = rng.random(shape) < 0.1
    if num_assets > 1:
        missing[num_bars // 2 :, -1] = True  # gone, and never paid out
    own = portfolio_columns(rng, missing) if portfolio else {}
    splits = np.where(rng.random(shape) < 0.05, 2.0, 1.0)
    close, open_ = close / np.cumprod(splits, axis=0), open_ / np.cumprod(splits, axis=0)
    return Market(
        open=np.where(missing, np.nan, open_),
        close=np.where(missing, np.nan, close),
        features=rng.normal(size=(num_bars, features)),
        bars_per_year=252.0,
        instruments=tuple(f"asset{number}" for number in range(num_assets)),
        volume=np.where(rng.random(shape) < 0.1, 0.0, rng.uniform(1e3, 1e4 if portfolio else 1e6, shape)),
        volatility=realised_volatility(np.where(missing, 1.0, close)),
        dividends=np.where(rng.random(shape) < 0.1, 0.5, 0.0),
        splits=splits,
        funding=rng.normal(0, 1e-4, shape),
        missing=missing,
        **own,
    )


def portfolio_columns(rng, missing):
    """What a portfolio's market has beside: whoever is delisted is missing to the end, in place."""
    num_bars, num_assets = missing.shape
    delisted = np.zeros(missing.shape, dtype=bool)
    for asset in range(num_assets):
        if rng.random() < 0.3:
            missing[: rng.integers(num_bars), asset] = True  # listed late
        if rng.random() < 0.5:
            row = rng.integers(num_bars)
            delisted[row, asset], missing[row:, asset] = True, True
    return {
        "delisted": delisted,
        "borrow": rng.uniform(0, 2_000, missing.shape),
        "lots": rng.choice([0.0, 3.0, 7.0], num_assets),
    }


def full_rules(draw_one, draw_float, **fixed):
    """Rules with every option; `draw_one` picks of a list, `draw_float` of an interval."""
    costs = CostConfig(
        fee_bps=draw_float(0, 50),
        half_spread_bps=draw_float(0, 50),
        slippage_bps=draw_float(0, 50),
        slippage_per_volatility=draw_one([0.0, 0.1]),
        slippage_bps_per_volume_percent=draw_one([0.0, 3.0]),
        borrow_bps_per_year=draw_float(0, 2000),
        financing_bps_per_year=draw_float(0, 2000),
    )
    rules = {
        "execution": draw_one(["next_open", "next_close", "same_close"]),
        "rebalance": draw_one(["on_change", "every_bar"]),
        "leverage_cap": 1.5,
        "maintenance": draw_one([True, True, False]),
        "maintenance_margin": draw_one([0.0, 0.37]),
        "capital": 1e5,
        "lot": draw_one([0.0, 7.0]),
        "min_notional": draw_one([0.0, 8_137.0]),
        "volume_cap": draw_one([None, 0.02, 0.1]),
        "delisting_loss": draw_one([0.0, 0.3]),
        "costs": costs,
    }
    return TradingConfig(**{**rules, **fixed})


def random_rules(rng, **fixed):
    return full_rules(lambda words: words[rng.integers(len(words))], lambda low, high: rng.uniform(low, high), **fixed)


@st.composite
def full_games(draw, num_accounts=1):
    """A market, (T, N, A) targets and rules."""
    num_assets, portfolio = draw(st.integers(1, 4)), draw(st.booleans())
    market = full_market(draw(st.integers(0, 10_000)), draw(st.integers(2, 20)), num_assets, portfolio=portfolio)
    rules = full_rules(
        lambda words: draw(st.sampled_from(words)),
        lambda low, high: draw(st.floats(low, high)),
        leverage_cap=draw(st.sampled_from([1.0, 3.0])),
    )
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    levels = rng.choice([-1.0, -0.4, 0.0, 0.4, 1.0], size=(len(market), num_accounts, num_assets))
    levels = np.repeat(levels[::3], 3, axis=0)[: len(market)]  # so that some are held, and drift
    return market, levels * min(rules.leverage_cap / num_assets, 1.0), rules


def reward_of(kind):
    return RewardConfig(kind=kind, penalty=0.7, memory_bars=20)

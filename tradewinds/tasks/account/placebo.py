"""An account in a world of random signs: what its strategies earned from moves that nobody could know."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tradewinds.pipeline.records import Forecasts, Luck, Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import random_signs
from tradewinds.tasks.account.backtest import Backtest
from tradewinds.tasks.account.rivals import KNOWING
from trading_env import CostConfig

Array = NDArray[np.float64]
unknowable = random_signs.unknowable
FREE = CostConfig(**dict.fromkeys(vars(CostConfig()), 0.0))


def costless(config: Config) -> Config:
    """Return the request of a market that charges nothing, in which whoever believes in something acts on it."""
    return replace(config, env=replace(config.env, costs=FREE, delisting_loss=0.0))


def frictions(config: Config) -> list[Config]:
    """Return the request with its costs and without: neither may feed an account.

    What is delisted is paid out in full, since who is short of it would earn what its owners lose.
    """
    return [replace(config, env=replace(config.env, delisting_loss=0.0)), costless(config)]


def luck(prepared: Prepared, outcome: Outcome | None, forecasts: Forecasts, rng: np.random.Generator) -> Luck:
    """Return the luck of every forecaster, and of every strategy but those that may know what comes or hold nothing."""
    assert outcome is not None
    played: Backtest = outcome.record
    names = [name for name in played.strategies if name not in ("flat", *KNOWING)]
    return Luck(random_signs.forecast_luck(forecasts), {name: strategy_luck(played, name) for name in names})


def strategy_luck(played: Backtest, name: str) -> Array:
    """Return (2 (T - 1), 1) what a strategy earned over every night and every day, as a fraction of its equity.

    What was held over a night was chosen before it, and what is held from open to close when the bar opened, so that
    each is as likely to be lost. A price that moves by log x or by -log x gains more than it loses; times 2 / (2 + r),
    for the simple return r of that stretch, both are of one size. The day is what the ledger says was earned beyond
    the night, so that money out of nothing shows.
    """
    number = played.strategies.index(name)
    equity, units = played.path.equity[:, number], played.path.units[:, number]  # (T,), (T, A)
    open_, close = played.market.open, played.market.close
    fair = [2.0 / (1.0 + later / earlier) for later, earlier in ((open_[1:], close[:-1]), (close[1:], open_[1:]))]
    by_night, by_day = units[:-1] * (open_[1:] - close[:-1]), units[1:] * (close[1:] - open_[1:])  # (T - 1, A)
    night = by_night.sum(axis=1)
    beyond = np.diff(equity) - night - by_day.sum(axis=1)  # costs, and what comes from nowhere
    earned = np.stack(
        [(by_night * fair[0]).sum(axis=1), (by_day * fair[1]).sum(axis=1) + beyond * fair[1].mean(axis=1)], axis=1
    )
    earned[np.abs(earned) < 1e-13] = 0.0  # rounding is no luck
    before = np.maximum(np.stack([equity[:-1], equity[:-1] + night], axis=1), 1e-12)
    return np.asarray((earned / before).reshape(-1, 1))

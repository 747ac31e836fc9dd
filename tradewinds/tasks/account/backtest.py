"""The test span, decided once by the agent and reckoned beside the strategies that always stand beside it.

Every strategy is a path of target exposures; one ledger, the environment's own, turns all of them into money in a
single pass. Must not know files or reports.
"""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.evaluation.metrics import Metrics, simple_returns, strategy_metrics
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.account.known_worlds import best_known
from trading_env import (
    LedgerRun,
    Market,
    Trade,
    TradingConfig,
    all_trades,
    final_equity,
    not_bounded,
    payments,
    perfect_foresight,
    play_episode,
    run_ledger,
)
from trading_env.account.plan import first_bar_earned, planned_targets

if TYPE_CHECKING:
    from trading_agent import Policy

Array = NDArray[np.float64]
STRATEGIES = (
    "agent",
    "buy_and_hold",
    "flat",
    "random_same_turnover",
    "forecast_sign",
    "plan_on_forecast",
    "perfect_foresight",
)
BEST_KNOWN = "best_known"  # beside them where the series is a made-up world


@dataclass(frozen=True, eq=False)
class Backtest:
    """What happened on the test span.

    Attributes:
        strategies: names, in the order of the ledger's accounts.
        path: (T, S) records of the S strategies.
        targets: (T, S, A) target exposures.
        metrics: per strategy.
        trades: the agent's trades, closed and open.
        without_costs: the metrics of the agent's targets in a market that charges nothing.
        market: its bars.
        rows: the rows of the series they are.
        unbounded: rules that `perfect_foresight` does not know, so that it is no bound; mostly none.
    """

    strategies: tuple[str, ...]
    path: LedgerRun
    targets: Array
    metrics: dict[str, Metrics]
    trades: list[Trade]
    without_costs: Metrics
    market: Market
    rows: range
    unbounded: tuple[str, ...] = ()

    def equity(self, strategy: str) -> Array:
        """Return the (T,) equity of a strategy, in units of its opening equity."""
        return np.asarray(self.path.equity[:, self.strategies.index(strategy)])

    def reconciliation(self) -> dict[str, float]:
        """Return what the agent's change of equity is made of, and that change; docs/accounting.md, eq. 19."""
        open_profit = sum(trade.profit for trade in self.trades if trade.open)
        closed_profit = sum(trade.profit for trade in self.trades if not trade.open)
        equity = self.equity("agent")
        return {
            "closed_trades": float(closed_profit),
            "open_trades": float(open_profit),
            **payments(self.path, self.strategies.index("agent")),
            "change_of_equity": float(equity[-1] - equity[0]),
        }

    def returns(self, strategy: str) -> Array:
        """Return the (T - 1,) simple returns of a strategy."""
        return simple_returns(self.equity(strategy))


def decide(prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
    """Let the agent walk `rows` once.

    Returns:
        (R, 1 + 1 + H) by the bar at whose close it is decided: `target`, the exposure; `next_bar`, the log return
        forecast for the next bar; `forecast_1` and so on, those of the bars the order earns, the first one first.
    """
    _, states = models.forecasting()
    targets = play(models.acting(), markets.build_market(prepared, states, rows), prepared.config.env)
    part = slice(rows.start, rows.stop)
    columns = {"target": targets[:, 0], "next_bar": states.forecast[part, 0]}
    earned = states.forecast[part, first_bar_earned(prepared.config.env, states.forecast.shape[1]) :]
    columns |= {f"forecast_{number + 1}": column for number, column in enumerate(earned.T)}
    return pd.DataFrame(columns, index=prepared.series.index[part])


def outcome(prepared: Prepared, decisions: pd.DataFrame) -> Outcome:
    """Reckon what was decided, beside all baselines, as the request asks."""
    config, start = prepared.config, int(prepared.series.index.searchsorted(decisions.index[0]))
    rows = range(start, start + len(decisions))
    forecasts = [name for name in decisions if str(name).startswith("forecast_")]
    played = backtest(
        decisions["target"].to_numpy(np.float64)[:, None],
        markets.price_market(prepared, rows),
        decisions[forecasts].to_numpy(np.float32),
        config.env,
        rows=rows,
        seed=seed_for(config.seed, "rotation"),
        draws=config.backtest.random_draws,
        best_known=best_known(prepared, rows),
    )
    curves = pd.DataFrame({name: played.equity(name) for name in played.strategies}, index=decisions.index)
    earned = {name: played.returns(name) for name in played.strategies}
    return Outcome(curves, pd.DataFrame(earned, index=decisions.index[1:]), played.metrics, played)


def backtest(
    agent: Array,
    market: Market,
    forecast: NDArray[np.float32],
    config: TradingConfig,
    *,
    rows: range,
    seed: int,
    draws: int,
    best_known: Array | None = None,
) -> Backtest:
    """Reckon the test span.

    Args:
        agent: (T, A) target exposures of the agent.
        market: T bars.
        forecast: (T, H) forecast log returns of the bars that an order decided at t earns, the first one first.
        config: rules and costs.
        rows: the T rows of the series they are.
        seed: decides the rotations behind `random_same_turnover`.
        draws: how many rotations; the one with the median total return is reported.
        best_known: (T, 1) targets of the best policy of a made-up world, or None.

    Returns:
        Paths, metrics and trades of all `STRATEGIES`, and of `best_known` where it is given.
    """
    paths = {
        "agent": agent,
        "buy_and_hold": np.full_like(agent, min(1.0, config.leverage_cap)),
        "flat": np.zeros_like(agent),
        "random_same_turnover": random_rotation(agent, market, config, seed=seed, draws=draws),
        "forecast_sign": sign_targets(forecast[:, 0], config),
        "plan_on_forecast": planned_targets(forecast.astype(np.float64), config, market.bars_per_year),
        "perfect_foresight": perfect_foresight(market, config),
    }
    if best_known is not None:
        paths[BEST_KNOWN] = best_known
    names = tuple(paths)
    targets = np.stack(list(paths.values()), axis=1)  # S x (T, A) -> (T, S, A)
    path = run_ledger(market, targets, config)
    assert market.index is not None
    span = (market.index[-1] - market.index[0]).astype("timedelta64[s]").item()
    trades = [all_trades(path, account=number) for number in range(len(names))]
    metrics = {
        name: strategy_metrics(path, number, trades[number], bars_per_year=market.bars_per_year, span=span)
        for number, name in enumerate(names)
    }
    costs = dataclasses.replace(config.costs, **dict.fromkeys(vars(config.costs), 0.0))
    free = run_ledger(market, targets[:, :1], dataclasses.replace(config, costs=costs))
    without = strategy_metrics(free, 0, all_trades(free), bars_per_year=market.bars_per_year, span=span)
    return Backtest(names, path, targets, metrics, trades[0], without, market, rows, not_bounded(market, config))


def play(policy: "Policy", market: Market, config: TradingConfig) -> Array:
    """Let the policy walk the market once, greedily, and return its (T, 1) target exposures.

    The last row holds the decision taken at the last close, which no bar of this market fills.
    """
    return play_episode(policy.act, market, config).targets[:, None]


def random_rotation(targets: Array, market: Market, config: TradingConfig, *, seed: int, draws: int) -> Array:
    """Return the agent's own targets, rotated in time by a random number of bars.

    A rotation keeps how much is held, how long and how often it changes, and loses only the timing: what is left of the
    agent's result after it is luck with the market's drift. Of `draws` rotations the one with the median total return
    is returned, so that one lucky draw does not speak for all. Who held one exposure throughout has no timing to lose.
    """
    if (targets == targets[0]).all():
        return targets.copy()
    rng = np.random.default_rng(seed)
    shifts = rng.integers(1, max(len(targets), 2), size=draws)
    final = final_equity(market, np.stack([np.roll(targets, shift, axis=0) for shift in shifts], axis=1), config)
    return np.roll(targets, shifts[np.argsort(final, kind="stable")[draws // 2]], axis=0)


def sign_targets(forecast: NDArray[np.float32], config: TradingConfig) -> Array:
    """Return (T, 1) targets that follow the sign of the forecast, at the nearest level the agent could hold.

    An agent that cannot beat this rule on the same forecasts has added nothing to the forecaster.
    """
    levels = np.asarray(config.exposures, dtype=np.float64)
    wanted = np.clip(np.sign(forecast.astype(np.float64)), levels.min(), levels.max())
    return np.asarray(levels[np.abs(levels[None, :] - wanted[:, None]).argmin(axis=1)][:, None])

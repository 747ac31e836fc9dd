"""The test span, decided once by the agent and reckoned beside the strategies that always stand beside it.

Every strategy is a path of target exposures; one ledger, the environment's own, turns all of them into money in a
single pass. Must not know files or reports.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.evaluation.metrics import Metrics, simple_returns, strategy_metrics
from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.account.rivals import causal_strategies, strategies, unbounded
from tradewinds.tasks.panel_forecasts import ridge_forecasts
from trading_agent.common.player import Player
from trading_env import (
    LedgerRun,
    Market,
    Trade,
    TradingConfig,
    TradingEnv,
    all_trades,
    payments,
    play_episode,
    run_ledger,
)
from trading_env.account.plan import first_bar_earned

if TYPE_CHECKING:
    from trading_agent import Policy

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlayedAccounts:
    """What strategies did, and what it came to.

    Attributes:
        strategies: names, in the order of the ledger's accounts.
        path: (T, S) records of the S strategies.
        targets: (T, S, A) target exposures.
    """

    strategies: tuple[str, ...]
    path: LedgerRun
    targets: Array

    def equity(self, strategy: str) -> Array:
        """Return the (T,) equity of a strategy, in units of its opening equity."""
        return np.asarray(self.path.equity[:, self.strategies.index(strategy)])

    def returns(self, strategy: str) -> Array:
        """Return the (T - 1,) simple returns of a strategy."""
        return simple_returns(self.equity(strategy))


@dataclass(frozen=True, eq=False)
class Backtest(PlayedAccounts):
    """What happened on the test span.

    Attributes:
        metrics: per strategy.
        trades: the agent's trades, closed and open.
        without_costs: the metrics of the agent's targets in a market that charges nothing.
        market: its bars.
        rows: the rows of the series they are.
        unbounded: rules that `perfect_foresight` does not know, so that it is no bound; mostly none.
    """

    metrics: dict[str, Metrics]
    trades: list[Trade]
    without_costs: Metrics
    market: Market
    rows: range
    unbounded: tuple[str, ...] = ()

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


def decide(prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
    """Let the agent walk `rows` once.

    Returns:
        (R, 1 + 1 + H) by the bar at whose close it is decided: `target`, the exposure; `next_bar`, the log return
        forecast for the next bar; `forecast_1` and so on, those of the bars the order earns, the first one first. Of
        several assets (R, 3 A): `target.<name>`, and what network and ridge forecast of the first bar the order earns,
        `forecast.<name>` and `ridge.<name>`; NaN where an asset cannot be acted on.
    """
    states, part, rules = models.states, slice(rows.start, rows.stop), prepared.config.env
    assert states is not None
    targets = play(models.acting(), markets.build_market(prepared, states, rows), rules)
    first, index = first_bar_earned(rules, states.forecast.shape[-1]), prepared.series.index[part]
    if not prepared.several:
        columns = {"target": targets[:, 0], "next_bar": states.forecast[part, 0]}
        columns |= {f"forecast_{number + 1}": column for number, column in enumerate(states.forecast[part, first:].T)}
        return pd.DataFrame(columns, index=index)
    fitted, panel = models.forecasting_panel()
    told: dict[str, NDArray[Any]] = {"target": targets, "forecast": panel.forecast[part, :, first]}
    told["ridge"] = ridge_forecasts(fitted, prepared.series, panel, rows)[:, :, first]
    names = prepared.series.instruments
    table = np.concatenate([values.astype(np.float64) for values in told.values()], axis=1)
    return pd.DataFrame(table, index=index, columns=[f"{column}.{name}" for column in told for name in names])


def outcome(prepared: Prepared, decisions: pd.DataFrame) -> Outcome:
    """Reckon what was decided, beside all baselines, as the request asks."""
    rows = decided_rows(prepared, decisions)
    market = markets.price_market(prepared, rows)
    played = backtest(strategies(prepared, market, decisions, rows), market, prepared.config.env, rows=rows)
    curves = pd.DataFrame({name: played.equity(name) for name in played.strategies}, index=decisions.index)
    earned = {name: played.returns(name) for name in played.strategies}
    return Outcome(
        curves, pd.DataFrame(earned, index=decisions.index[1:]), played.metrics, played, market.bars_per_year
    )


def causal(prepared: Prepared, decisions: pd.DataFrame) -> PlayedAccounts:
    """Reckon what was decided beside the baselines that know no later bar, and measure nothing of it."""
    rows = decided_rows(prepared, decisions)
    market = markets.price_market(prepared, rows)
    return reckon(causal_strategies(prepared, market, decisions, rows), market, prepared.config.env)


def decided_rows(prepared: Prepared, decisions: pd.DataFrame) -> range:
    """Return the rows of the series that decisions were taken at."""
    start = int(prepared.series.index.searchsorted(decisions.index[0]))
    return range(start, start + len(decisions))


def reckon(paths: Mapping[str, Array], market: Market, config: TradingConfig) -> PlayedAccounts:
    """Turn the (T, A) target exposures of each strategy into money, in a single pass."""
    targets = np.stack(list(paths.values()), axis=1)  # S x (T, A) -> (T, S, A)
    return PlayedAccounts(tuple(paths), run_ledger(market, targets, config), targets)


def backtest(paths: Mapping[str, Array], market: Market, config: TradingConfig, *, rows: range) -> Backtest:
    """Reckon the test span.

    Args:
        paths: by strategy the (T, A) target exposures, the agent's first.
        market: T bars.
        config: rules and costs.
        rows: the T rows of the series they are.

    Returns:
        Paths, metrics and trades of all strategies.
    """
    accounts = reckon(paths, market, config)
    names, path, targets = accounts.strategies, accounts.path, accounts.targets
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
    return Backtest(names, path, targets, metrics, trades[0], without, market, rows, unbounded(market, config))


def play(policy: "Policy", market: Market, config: TradingConfig) -> Array:
    """Let the policy walk the market once, greedily, and return its (T, 1) target exposures.

    The last row holds the decision taken at the last close, which no bar of this market fills.
    """
    player = Player(policy)
    if market.close.shape[1] == 1:
        return play_episode(player.act, market, config, in_order=player.remembers).targets[:, None]
    env = TradingEnv(market, config)
    observation, _ = env.reset(seed=0)
    targets = np.zeros((len(market.close), market.close.shape[1]))
    for t in range(len(targets)):
        action = player.act(observation[None])[0]
        targets[t] = env.targets(action)
        if t + 1 < len(targets):
            observation, _, terminated, _, _ = env.step(action)
            if terminated:  # ruined: flat from here on
                break
    return targets

"""The test days of a storage unit: the agent beside the schedules that need none, in the currency of the price.

Every strategy is a schedule of powers; one ledger, the environment's own, turns all of them into money. Perfect
foresight is the best any schedule can earn, and each profit is also told as a share of it. Must not know files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tradewinds.evaluation.inference import interval_of
from tradewinds.evaluation.reasons import FEWEST
from trading_agent import Policy
from trading_env import (
    BatteryConfig,
    BatteryEnv,
    PowerMarket,
    SchedulePath,
    perfect_schedule,
    planned_schedule,
    run_schedule,
)

Array = NDArray[np.float64]
Metrics = dict[str, float | int | str | None]
RIVALS = {  # whom the agent's lead is measured against
    "lead_over_yesterday_per_day_ci95": "yesterdays_schedule",
    "lead_over_ridge_plan_per_day_ci95": "plan_on_ridge_forecast",
}


@dataclass(frozen=True, eq=False)
class StorageBacktest:
    """What happened on the test days.

    Attributes:
        strategies: S names, in the order of the ledger's units.
        path: (T, S) records of the units.
        power: (T, S) MW committed.
        forecasts: per name (T,) price forecast for each hour at its day's gate closure.
        metrics: per strategy.
        scores: per forecast its errors.
    """

    strategies: tuple[str, ...]
    path: SchedulePath
    power: Array
    forecasts: dict[str, Array]
    metrics: dict[str, Metrics]
    scores: dict[str, Metrics]

    def daily(self, strategy: str, market: PowerMarket) -> Array:
        """Return the (D,) profits of a strategy, currency."""
        profit = self.path.profit[:, self.strategies.index(strategy)]
        return np.bincount(market.day, weights=profit).astype(np.float64)


def storage_backtest(
    policy: Policy, market: PowerMarket, forecasts: Mapping[str, Array], config: BatteryConfig
) -> StorageBacktest:
    """Play the test days.

    Args:
        policy: the trained agent.
        market: T hours of D days, with the network's forecasts.
        forecasts: per name (D, H) price forecasts of the days at their gate closures; `yesterday` is among them.
        config: the unit.

    Returns:
        `agent`, `yesterdays_schedule`, `plan_on_<name>_forecast` for every other forecast, `idle` and
        `perfect_foresight`.
    """
    powers = {"agent": play(policy, market, config)}
    for name, forecast in forecasts.items():
        label = "yesterdays_schedule" if name == "yesterday" else f"plan_on_{name}_forecast"
        powers[label] = planned_schedule(market, forecast, config)
    powers["idle"] = np.zeros(len(market))
    powers["perfect_foresight"] = perfect_schedule(market, config)
    power = np.stack(list(powers.values()), axis=1)
    path, names = run_schedule(market.price, power, config), tuple(powers)
    best = float(path.profit[:, names.index("perfect_foresight")].sum())
    metrics = {name: unit_metrics(market, path, number, config, best) for number, name in enumerate(names)}
    hour = np.arange(len(market)) - market.first_hours[market.day]
    hourly = {name: np.asarray(forecast[market.day, hour]) for name, forecast in forecasts.items()}
    scores = {name: forecast_scores(market.price, path_) for name, path_ in hourly.items()}
    return StorageBacktest(names, path, power, hourly, metrics, scores)


def play(policy: Policy, market: PowerMarket, config: BatteryConfig) -> Array:
    """Let the policy commit every hour of the market once, greedily, and return its (T,) powers in MW."""
    env = BatteryEnv(market, config)
    observation, _ = env.reset(seed=0)
    power = np.zeros(len(market))
    for t in range(len(market)):
        action = policy.act(observation[None])
        power[t] = env.game.shares(action, 1)[0] * config.power_mw
        observation, *_ = env.step(action[0])
    return power


def unit_metrics(market: PowerMarket, path: SchedulePath, unit: int, config: BatteryConfig, best: float) -> Metrics:
    """Measure one unit; money in the currency of the price, energy in MWh at the grid.

    Args:
        market: prices and days.
        path: the ledger's records.
        unit: which of its units.
        config: the unit's capacity and efficiencies.
        best: profit of perfect foresight.
    """
    profit, bought, sold = (part[:, unit] for part in (path.profit, path.bought, path.sold))
    daily = np.bincount(market.day, weights=profit)
    metrics: Metrics = {"profit": float(profit.sum())}
    _put(metrics, "share_of_perfect_foresight", profit.sum() / best if best > 0.0 else None, "nothing could be earned")
    metrics["profit_per_day"] = float(daily.mean())
    metrics["worst_day"] = float(daily.min())
    metrics["days_at_a_loss"] = float((daily < -1e-9).mean())
    metrics["sold_mwh"], metrics["bought_mwh"] = float(sold.sum()), float(bought.sum())
    for name, energy in (("sold", sold), ("bought", bought)):
        mean = (energy * market.price).sum() / energy.sum() if energy.any() else None
        _put(metrics, f"mean_price_{name}", mean, f"nothing was {name}")
    metrics["wear_paid"] = float(path.wear[:, unit].sum())
    drawn = sold.sum() / config.discharge_efficiency
    metrics["full_cycles_per_day"] = float(drawn / config.capacity_mwh / len(daily))
    metrics["charge_at_end_mwh"] = float(path.charge[-1, unit])
    return metrics


def forecast_scores(truth: Array, forecast: Array) -> Metrics:
    """Score (T,) hourly price forecasts made at gate closure, in the currency of the price."""
    error = truth - forecast
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean())), "n": len(error)}


def storage_honesty(played: StorageBacktest, market: PowerMarket, *, draws: int, seed: int) -> dict[str, object]:
    """Say how far to believe it: 95 % intervals of the agent's daily profit, its share of the best and its leads.

    Source:
        Stationary bootstrap, percentile (Politis and Romano 1994), over days.
    """
    agent, best = (played.daily(name, market) for name in ("agent", "perfect_foresight"))
    leads = {name: agent - played.daily(strategy, market) for name, strategy in RIVALS.items()}
    drawn = partial(interval_of, draws=draws, seed=seed)
    intervals = {
        "profit_per_day_ci95": drawn(np.mean, agent),
        "share_of_perfect_foresight_ci95": drawn(lambda profits, most: profits.sum() / most.sum(), agent, best),
        **{name: drawn(np.mean, lead) for name, lead in leads.items()},
    }
    block: dict[str, object] = dict(intervals)
    for name, interval in intervals.items():
        if interval is None:
            block[f"{name}_reason"] = f"{len(agent)} days are too few or all alike; {FEWEST} are needed"
    return block


def _put(metrics: Metrics, name: str, value: float | None, reason: str) -> None:
    metrics[name] = None if value is None else float(value)
    if value is None:
        metrics[f"{name}_reason"] = reason

"""The test days of a storage unit: the agent beside the schedules that need none, in the currency of the price.

Every strategy is a schedule of powers; one ledger, the environment's own, turns all of them into money. Perfect
foresight is the best any schedule can earn, and each profit is also told as a share of it. Must not know files.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.evaluation.reasons import number_or_reason
from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.all_forecasts import VALUE
from tradewinds.tasks.storage import market as markets
from tradewinds.tasks.storage.delivery import DAYS_PER_YEAR, by_day, gate_of, midnights
from trading_agent.common.player import Player
from trading_env import (
    BatteryConfig,
    BatteryEnv,
    PowerMarket,
    ScheduleRun,
    perfect_schedule,
    planned_schedule,
    play_schedule,
)

if TYPE_CHECKING:
    from trading_agent import Policy

Array = NDArray[np.float64]
Metrics = dict[str, float | int | str | None]
BASELINES = ("yesterday", "ridge")  # forecasts whose plans stand beside the agent, before the network's and the mean
PREFIX = "forecast."


@dataclass(frozen=True, eq=False)
class StorageBacktest:
    """What happened on the test days.

    Attributes:
        strategies: S names, in the order of the ledger's units.
        path: (T, S) records of the units.
        power: (T, S) MW committed.
        forecasts: per name (T,) price forecast for each slot at its day's gate closure.
        market: the T slots.
        first_row: of the series, which is their first.
    """

    strategies: tuple[str, ...]
    path: ScheduleRun
    power: Array
    forecasts: dict[str, Array]
    market: PowerMarket
    first_row: int


def decide(prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
    """Let the agent commit the whole days in `rows`.

    Returns:
        (T, 1 + K) by the hour: `power`, MW, positive buys; and the K price forecasts at each day's gate closure whose
        plans stand beside it, `forecast.<name>`: yesterday's prices, ridge, the network's, and the mean of all.

    Raises:
        RequestError: no whole day lies in `rows`, or too few days lie before them.
    """
    return decide_on(markets.build_power_market(prepared, models.forecasting()[1], rows), prepared, models, rows)


def decide_on(market: PowerMarket, prepared: Prepared, models: Models, rows: range) -> pd.DataFrame:
    """Let the agent commit the whole days in `rows`, of which the market is there already; as `decide`."""
    (_, states), config = models.forecasting(), prepared.config
    others = market.others or markets.other_forecasts(prepared, states, rows)
    forecasts = {name: others[name] for name in BASELINES} | {config.model.kind: market.forecast}
    forecasts["mean"] = np.mean([market.forecast, *others.values()], axis=0)
    columns = {"power": play(models.acting(), market, config.env)}
    columns |= {f"{PREFIX}{name}": forecast[market.day, market.slot_of_day] for name, forecast in forecasts.items()}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(np.asarray(market.index), tz="UTC"))


def outcome(prepared: Prepared, decisions: pd.DataFrame) -> Outcome:
    """Reckon the committed schedule of whole days beside its baselines.

    `agent`, `yesterdays_schedule`, `plan_on_<name>_forecast` for every other forecast, `idle`, `foresight_of_each_day`,
    which plans a day at a time on its true prices, and `perfect_foresight`, which knows all hours at once.
    """
    unit, index = prepared.config.env, pd.DatetimeIndex(decisions.index)
    start = int(prepared.series.index.searchsorted(index[0]))
    market = markets.price_market(prepared, range(start - 1, start + len(index)))
    if len(market) != len(index):
        raise RequestError(f"{prepared.series.name}: the days from {index[0]} on are not whole; bring all their slots")
    forecasts = {
        str(name).removeprefix(PREFIX): decisions[name].to_numpy(np.float64)
        for name in decisions
        if str(name).startswith(PREFIX)
    }
    powers = {"agent": decisions["power"].to_numpy(np.float64)}
    for name, forecast in forecasts.items():
        label = "yesterdays_schedule" if name == "yesterday" else f"plan_on_{name}_forecast"
        powers[label] = planned_schedule(market, by_day(forecast, market.day, prepared.series.bar_length), unit)
    powers["idle"] = np.zeros(len(market))
    truth = by_day(market.price, market.day, prepared.series.bar_length)
    powers["foresight_of_each_day"] = planned_schedule(market, truth, unit)  # begun from what the day before left
    powers["perfect_foresight"] = perfect_schedule(market, unit)
    names, power = tuple(powers), np.stack(list(powers.values()), axis=1)
    path = play_schedule(market, power, unit)
    best = float(path.profit[:, names.index("perfect_foresight")].sum())
    metrics = {name: unit_metrics(market, path, number, unit, best) for number, name in enumerate(names)}
    daily = {
        name: np.bincount(market.day, weights=path.profit[:, number]).astype(np.float64)
        for number, name in enumerate(names)
    }
    return Outcome(
        pd.DataFrame(path.profit.cumsum(axis=0), columns=pd.Index(names), index=index),
        pd.DataFrame(daily, index=midnights(index, unit)),
        metrics,
        StorageBacktest(names, path, power, forecasts, market, start),
        DAYS_PER_YEAR,
    )


def play(policy: "Policy", market: PowerMarket, config: BatteryConfig) -> Array:
    """Let the policy commit every slot of the market once, greedily, and return its (T,) powers in MW."""
    env = BatteryEnv(market, config)
    observation, _ = env.reset(seed=0)
    player = Player(policy)
    power = np.zeros(len(market))
    for t in range(len(market)):
        action = player.act(observation[None])
        power[t] = env.simulator.shares(action, 1)[0] * config.power_mw
        observation, *_ = env.step(action[0])
    return power


def unit_metrics(market: PowerMarket, path: ScheduleRun, unit: int, config: BatteryConfig, best: float) -> Metrics:
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
    share = float(profit.sum() / best) if best > 0.0 else None
    metrics |= number_or_reason("share_of_perfect_foresight", share, "nothing could be earned")
    metrics["profit_per_day"] = float(daily.mean())
    metrics["worst_day"] = float(daily.min())
    metrics["days_at_a_loss"] = float((daily < -1e-9).mean())
    metrics["sold_mwh"], metrics["bought_mwh"] = float(sold.sum()), float(bought.sum())
    for name, energy in (("sold", sold), ("bought", bought)):
        mean = float((energy * market.price).sum() / energy.sum()) if energy.any() else None
        metrics |= number_or_reason(f"mean_price_{name}", mean, f"nothing was {name}")
    metrics["wear_paid"] = float(path.wear[:, unit].sum())
    drawn = sold.sum() / config.discharge_efficiency
    metrics["full_cycles_per_day"] = float(drawn / config.capacity_mwh / len(daily))
    metrics["charge_at_end_mwh"] = float(path.charge[-1, unit])
    return metrics


def every_forecast(prepared: Prepared, decisions: pd.DataFrame) -> pd.DataFrame:
    """Return every price forecast of the decided slots.

    Returns:
        (T, ...): `decision`, the gate closure it was made at, `last_price`, the start of the last slot whose price was
        known then, and `target`, the slot it is about, UTC; `value.<name>`, the price, in the unit of the series.
    """
    unit, index = prepared.config.env, pd.DatetimeIndex(decisions.index)
    begins = midnights(index, unit)
    day = begins.searchsorted(index, side="right") - 1
    gates = pd.DatetimeIndex([gate_of(begin, unit) for begin in begins])
    columns = {"decision": gates[day], "last_price": (begins - prepared.series.bar_length)[day], "target": index}
    forecasts = decisions[[name for name in decisions if str(name).startswith(PREFIX)]]
    values = {f"{VALUE}{str(name).removeprefix(PREFIX)}": column.to_numpy() for name, column in forecasts.items()}
    return pd.DataFrame({**columns, **values})


def forecast_scores(truth: Array, forecast: Array, begins: NDArray[np.int64]) -> Metrics:
    """Score (T,) prices as they were forecast at gate closure, in the unit of the price.

    Args:
        truth: (T,) prices of whole days.
        forecast: (T,) forecasts.
        begins: (D,) first slot of each day; the slot before it is the last, and the furthest ahead, of the day before.
    """
    error = np.abs(truth - forecast)
    return {
        "value_mae": float(error.mean()),
        "value_rmse": float(np.sqrt((error**2).mean())),
        "value_mae_last": float(error[np.append(begins[1:], len(error)) - 1].mean()),
        "n": len(error),
    }

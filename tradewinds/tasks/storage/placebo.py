"""A storage unit in a world whose days come in random order: what was known of a day that could have been any other.

Prices of whole days of 24 hours change places; the others, and every column beside the prices, stay where they were.
Given all that came before, the prices of a day are then as likely to be those of any day still to come: the place of a
forecast's error, or of a schedule's profit, among what it had been on those is any place with the same probability.
"""

import dataclasses
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import PRICES, Series
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.records import Forecasts, Luck, Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks.storage.backtest import StorageBacktest
from tradewinds.tasks.storage.inference import FORESIGHTS
from trading_env import BatteryConfig, best_schedule, run_schedule

Array = NDArray[np.float64]
Int = NDArray[np.int64]
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
LOSSES = ((1.0, 0.8), (0.8, 1.0))  # efficiencies of units that a wrong factor on either side would feed


def costless(config: Config) -> Config:
    """Return the request as it is: any unit that is worth its wear acts every day."""
    return config


def frictions(config: Config) -> list[Config]:
    """Return the request with units that lose energy on one side only, begin empty and do not wear."""
    empty = replace(config.env, degradation_per_mwh=0.0, initial_charge=0.0)
    units = [replace(empty, charge_efficiency=into, discharge_efficiency=out) for into, out in LOSSES]
    return [replace(config, env=unit) for unit in units]


def unknowable(config: Config, parts: Parts, rng: np.random.Generator) -> Parts:
    """Return what was loaded with the prices of its days in random order."""
    series = parts.series.series
    slots = day_rows(series.index, config.env, series.bar_length)  # (D, S)
    order = rng.permutation(len(slots))
    prices = {}
    for name in PRICES:
        prices[name] = getattr(series, name).copy()
        prices[name][slots] = getattr(series, name)[slots[order]]
    dealt: Series = dataclasses.replace(series, **prices)
    return dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=dealt))


def day_rows(index: pd.DatetimeIndex, unit: BatteryConfig, bar_length: pd.Timedelta) -> Int:
    """Return (D, S) rows of the local days that are whole and have 24 hours, S slots."""
    local, many = index.tz_convert(unit.time_zone).tz_localize(None), DAY // bar_length
    dates = local.normalize()
    starts = np.flatnonzero(np.append(True, dates[1:] != dates[:-1]))
    lengths = np.diff(np.append(starts, len(index)))
    rows = starts[lengths == many, None] + np.arange(many)
    slot = np.asarray((local - dates) // bar_length)
    return np.asarray(rows[(slot[rows] == np.arange(many)).all(axis=1)])


def luck(prepared: Prepared, outcome: Outcome | None, forecasts: Forecasts, rng: np.random.Generator) -> Luck:
    """Return the luck of every price forecast and of every strategy but those that may know what comes or rest."""
    assert outcome is not None
    played: StorageBacktest = outcome.record
    unit, length = prepared.config.env, prepared.series.bar_length
    rows = day_rows(pd.DatetimeIndex(outcome.curves.index), unit, length)
    price = played.market.price[rows]  # (D, S)
    knew = {}
    for name, forecast in played.forecasts.items():
        errors = np.abs(price[None, :, :] - forecast[rows][:, None, :]).mean(axis=2)  # (D, D): of day d on prices of e
        knew[name] = places(errors, rng)
    best = np.array([_best_profit(day, unit, length / HOUR) for day in price])  # that any schedule earns of it alone
    earned = {}
    for number, name in enumerate(played.strategies):
        if name in ("idle", *FORESIGHTS):
            continue
        path = played.path
        sold = path.sold[rows, number] - path.bought[rows, number]
        profit = sold @ price.T - path.wear[rows, number].sum(axis=1)[:, None]  # (D, D): of day d on prices of e
        profit[np.diag_indices(len(rows))] = path.profit[rows, number].sum(axis=1)  # as the ledger says
        earned[name] = places(np.round(best - profit, 9), rng)
    return Luck(knew, earned)


def _best_profit(price: Array, unit: BatteryConfig, slot_hours: float) -> float:
    power = best_schedule(price, unit, start=0.0, slot_hours=slot_hours)
    return float(run_schedule(price, power, replace(unit, initial_charge=0.0), slot_hours).profit.sum())


def places(losses: Array, rng: np.random.Generator) -> Array:
    """Return (D - 1, 1) the place of each day's own loss among what it had been on every later day.

    Args:
        losses: (D, D) of what was decided for day d, on the prices of day e.
        rng: decides between days on which it comes to the same.

    Returns:
        1 where the own is the smallest, -1 where it is the largest, evenly spaced between; 0 where all are the same.
    """
    luck = []
    for day in range(len(losses) - 1):
        own, later = losses[day, day], losses[day, day + 1 :]
        smaller, same = int((later < own).sum()), int((later == own).sum())
        place = len(later) / 2 if same == len(later) else smaller + int(rng.integers(0, same + 1))
        luck.append(1.0 - 2.0 * place / len(later))
    return np.array(luck, dtype=np.float64).reshape(-1, 1)

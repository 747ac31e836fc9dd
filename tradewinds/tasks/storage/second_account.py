"""A second account of a storage unit, written from docs/battery.md alone, one slot and one number at a time.

It shares no code with `trading_env.storage.ledger`: energy and money of every strategy are reckoned twice. And energy
is conserved: the ledger's own records are balanced slot by slot, and where all slots have one price nobody earns.
"""

import math
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.storage.backtest import StorageBacktest
from trading_env import BatteryConfig, ScheduleRun, run_schedule

FLAT_SLOTS, FLAT_PRICE = 48, 50.0  # of the world in which nothing can be earned, currency per MWh
HOUR = pd.Timedelta(hours=1)
SAME = 1e-9  # relative difference between two accounts that is rounding


def second_opinion(prepared: Prepared, played: StorageBacktest) -> tuple[str, int, str] | None:
    """Return the first stage, row and difference in which a second account has other energy or money; None if none."""
    unit, series = prepared.config.env, prepared.series
    first = played.first_row
    unbalanced = energy_balance(played.path, unit)
    if unbalanced is not None:
        slot, number, what = unbalanced
        return "fills", first + slot, f"{played.strategies[number]} {what}"
    slot_hours = series.bar_length / HOUR
    gift = earned_where_nothing_can_be(unit, slot_hours)
    if gift > SAME:
        return "equity", first, f"a unit earns {gift:.9g} in a market of one price, where nothing can be earned"
    prices = series.close[first : first + len(played.power), 0].tolist()
    floors = _floors(series.index[first : first + len(prices)], unit, slot_hours)
    for number, name in enumerate(played.strategies):
        stored, earned = unit.initial_charge * unit.capacity_mwh, 0.0
        records = zip(played.power[:, number].tolist(), prices, strict=True)
        for slot, (power, price) in enumerate(records):
            energy = max(-unit.power_mw, min(unit.power_mw, power)) * slot_hours
            energy = max(energy, _asked(stored, floors[slot], unit, slot_hours))
            stored, money = _slot(stored, energy, price, unit)
            earned += money
            stages = (
                ("fills", "MWh in store", float(played.path.charge[slot + 1, number]), stored),
                ("equity", "earned in the slot", float(played.path.profit[slot, number]), money),
            )
            for stage, word, ours, theirs in stages:
                if abs(ours - theirs) > SAME * max(1.0, abs(theirs)):
                    return stage, first + slot, f"{name} has {ours:.9g} {word}, and {theirs:.9g} by a second account"
    return None


def second_figures(prepared: Prepared, outcome: Outcome) -> tuple[str, int, str] | None:
    """Return where the profit told of a strategy is not the sum of its slots; None if nowhere."""
    played: StorageBacktest = outcome.record
    for number, name in enumerate(played.strategies):
        told, earned = outcome.metrics[name]["profit"], math.fsum(played.path.profit[:, number].tolist())
        if abs(told - earned) > SAME * max(1.0, abs(earned)):
            last = played.first_row + len(played.power) - 1
            return "equity", last, f"{name} is told to have earned {told:.9g}, and its slots sum to {earned:.9g}"
    return None


def energy_balance(path: ScheduleRun, unit: BatteryConfig) -> tuple[int, int, str] | None:
    """Return the first slot, unit and words where energy appears or vanishes in a record; None where it never does.

    Charge changes by what was bought, times the charge efficiency, less what was sold, over the discharge efficiency;
    it lies within the capacity, and no more is sold than was there. docs/battery.md, eq. 5.
    """
    before, after = path.charge[:-1], path.charge[1:]
    into, out = path.bought * unit.charge_efficiency, path.sold / unit.discharge_efficiency
    slack = SAME * max(1.0, unit.capacity_mwh)
    faults: tuple[tuple[str, NDArray[np.float64]], ...] = (
        ("makes or loses {0:.9g} MWh", np.abs(after - before - (into - out))),
        ("draws {0:.9g} MWh that were not there", out - before),
        ("holds {0:.9g} MWh less than none", -after),
        ("holds {0:.9g} MWh more than fit", after - unit.capacity_mwh),
    )
    for words, size in faults:
        wrong = np.argwhere(size > slack)
        if len(wrong):
            slot, number = wrong[0].tolist()
            return slot, number, words.format(float(size[slot, number]))
    return None


def earned_where_nothing_can_be(unit: BatteryConfig, slot_hours: float = 1.0) -> float:
    """Return what the ledger pays an eager unit at one price, beyond what its opening charge is worth there.

    It buys and sells by turns, in whole and in part; wear aside, efficiencies can only cost it.
    """
    turns = np.array([1.0, 1.0, -1.0, 0.3, -0.7, 1.0, -1.0, -1.0]) * unit.power_mw
    power = np.tile(turns, FLAT_SLOTS // len(turns))
    path = run_schedule(np.full(FLAT_SLOTS, FLAT_PRICE), power, unit, slot_hours)
    opening = unit.initial_charge * unit.capacity_mwh * unit.discharge_efficiency * FLAT_PRICE
    return float(path.profit.sum() - opening) / (FLAT_PRICE * unit.power_mw * slot_hours)


def _floors(index: pd.DatetimeIndex, unit: BatteryConfig, slot_hours: float) -> list[float]:
    """Return what must be in the store at each slot's end, by the wall clock; docs/battery.md, eq. 6."""
    if unit.required_charge is None:
        return [0.0] * len(index)
    zone, required = ZoneInfo(unit.time_zone), unit.required_charge * unit.capacity_mwh
    local = [moment.astimezone(zone) for moment in index.to_pydatetime()]
    early = [moment.hour + moment.minute / 60.0 <= unit.required_hour for moment in local]
    floors = [0.0] * len(index)
    slots = math.floor(unit.required_hour / slot_hours)  # from the midnight at the end
    for slot in reversed(range(len(index))):
        floors[slot] = max(0.0, required - slots * unit.power_mw * slot_hours * unit.charge_efficiency)
        last = slot + 1 == len(index) or local[slot].date() != local[slot + 1].date() or not early[slot + 1]
        slots = 0 if early[slot] and last else slots + 1
    return floors


def _asked(stored: float, floor: float, unit: BatteryConfig, slot_hours: float) -> float:
    """Return the MWh at the grid, positive buys, that a slot has to come to at least for its floor."""
    missing = floor - stored
    if missing > 0.0:
        return min(missing / unit.charge_efficiency, unit.power_mw * slot_hours)
    return missing * unit.discharge_efficiency


def _slot(stored: float, energy: float, price: float, unit: object) -> tuple[float, float]:
    """Return what is stored after a slot of `energy` MWh, positive buys, and what the slot earned; eq. 1 to 4."""
    capacity, into, out, wear = (
        getattr(unit, name)
        for name in ("capacity_mwh", "charge_efficiency", "discharge_efficiency", "degradation_per_mwh")
    )
    if energy >= 0.0:
        room = capacity - stored
        taken = energy if energy * into <= room else room / into
        return min(stored + taken * into, capacity), -taken * price
    drawn = min(-energy / out, stored)
    return max(stored - drawn, 0.0), drawn * out * price - drawn * wear

"""What a network reads of a day, in units of the days before it; and what it is to say.

Prices may have any sign and leap: they are read and told as asinh((price - median) / spread), of the prices of the days
before, so that what is usual moves with the market (Uniejewski, Weron and Ziel 2018, IEEE Transactions on Power Systems
33(2), eq. 7; a window that rolls: Sebastian et al. 2023, arXiv:2311.02610). The past of a day is read in the day's own
units. Must not know networks. Formulas: docs/day_ahead.md, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.day_ahead.days import PRICE_DAYS, DayTable

Array = NDArray[np.float64]
Int = NDArray[np.int64]
AHEAD_DAYS = (0, 1, 7)  # days back whose announcements it reads
MAD = 1.4826  # of a normal distribution, the deviation by the median absolute deviation
TINY = 1e-6  # of a price: less is no spread
FARTHEST = 6.0  # deviations at which announcements, and scaled prices that are told, are cut off


@dataclass(frozen=True, eq=False)
class DayInputs:
    """D days, as networks meet them, in each of Z units.

    Attributes:
        tokens: (Z, D, L, F) the last L days, oldest first: of each the prices of the day before it, its announcements,
            what the calendar says of it, and the other columns.
        flat: (Z, D, G) of the linear path: prices and announcements of some days, calendar, other columns.
        label: (Z, D, S) scaled prices; NaN where there is none.
        middle: (Z, D) median of the prices of the days before.
        spread: (Z, D) their spread.
    """

    tokens: Tensor
    flat: Tensor
    label: Tensor
    middle: Tensor
    spread: Tensor

    @property
    def sizes(self) -> tuple[int, int, int]:
        """F, G and S."""
        return self.tokens.shape[3], self.flat.shape[2], self.label.shape[2]

    def prices(self, told: Tensor, unit: Tensor, day: int) -> Array:
        """Return (M, S) prices from (M, S) scaled ones of a day, in the units (M,)."""
        spread, middle = self.spread[unit, day, None], self.middle[unit, day, None]
        return (torch.sinh(told.clamp(-FARTHEST, FARTHEST).double()) * spread + middle).numpy()


def day_inputs(table: DayTable, *, tokens: int, scales_days: Sequence[int]) -> DayInputs:
    """Return what networks read of every day of a table.

    Args:
        table: D days.
        tokens: L, days read.
        scales_days: (Z,) days before a day whose prices are its units.
    """
    parts = zip(*(_in_units(table, tokens, days) for days in scales_days), strict=True)
    tokens_read, flat, label, middle, spread = (np.stack(part) for part in parts)
    read, linear, said = (torch.from_numpy(part.astype(np.float32)) for part in (tokens_read, flat, label))
    return DayInputs(read, linear, said, torch.from_numpy(middle), torch.from_numpy(spread))


def _in_units(table: DayTable, tokens: int, scale_days: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return (D, L, F) tokens, (D, G) flat, (D, S) labels, and the units (D,) that they are in."""
    middle, spread = price_units(table.price, scale_days)
    ahead = [_standard(table.ahead[:, :, column], scale_days, through=True) for column in range(table.ahead.shape[2])]
    gate = [_standard(table.gate[:, [column]], scale_days, through=True) for column in range(table.gate.shape[1])]
    day = np.arange(len(table.dates))

    def prices(at: Int) -> Array:  # (D, ...) days -> (D, ..., S) in the units of each row's own day
        own = (len(day),) + (1,) * at.ndim
        scaled = np.arcsinh((table.price[np.maximum(at, 0)] - middle.reshape(own)) / spread.reshape(own))
        return np.where((at >= 0)[..., None], np.nan_to_num(scaled), 0.0)

    def columns(at: Int) -> Array:  # (D, ...) -> (D, ..., S K)
        own = (len(day),) + (1,) * at.ndim
        parts = [np.zeros((*at.shape, 0))]
        for column, (mean, deviation) in enumerate(ahead):
            value = (table.ahead[np.maximum(at, 0), :, column] - mean.reshape(own)) / deviation.reshape(own)
            parts.append(np.where((at >= 0)[..., None], np.clip(np.nan_to_num(value), -FARTHEST, FARTHEST), 0.0))
        return np.concatenate(parts, axis=-1)

    others = np.zeros((len(day), 0))
    if gate:
        scaled = [(table.gate[:, column] - mean) / deviation for column, (mean, deviation) in enumerate(gate)]
        others = np.clip(np.nan_to_num(np.stack(scaled, axis=1)), -FARTHEST, FARTHEST)
    said = np.concatenate([table.facts, others], axis=1)
    back = day[:, None] - np.arange(tokens - 1, -1, -1)  # (D, L)
    told = np.where((back >= 0)[..., None], said[np.maximum(back, 0)], 0.0)
    read = np.concatenate([prices(back - 1), columns(back), told], axis=-1)
    flat = [*(prices(day - ago) for ago in PRICE_DAYS), *(columns(day - ago) for ago in AHEAD_DAYS), said]
    label = np.arcsinh((table.price - middle[:, None]) / spread[:, None])
    return read, np.concatenate(flat, axis=1), label, middle, spread


def names_of(table: DayTable) -> tuple[str, ...]:
    """Return the names of what `flat` holds, in its order; `tokens` hold the same of other days."""
    ahead, gate, facts = table.names
    slots = range(table.price.shape[1])

    def block(what: tuple[str, ...], ago: int) -> list[str]:
        return [f"{name}.{ago}_days_before.{slot}" for name in what for slot in slots]

    flat = [name for ago in PRICE_DAYS for name in block(("price",), ago)]
    flat += [name for ago in AHEAD_DAYS for name in block(ahead, ago)]
    return (*flat, *facts, *gate)


def price_units(price: Array, days: int) -> tuple[Array, Array]:
    """Return (D,) median and spread of the prices (D, S) of the `days` before each day; of the first ones 0 and 1.

    The spread is 1.4826 times the median absolute deviation, which a week of prices a hundred times the usual ones does
    not move.
    """
    middle, spread = np.zeros(len(price)), np.ones(len(price))
    for day in range(1, len(price)):
        past = price[max(0, day - days) : day].ravel()
        past = past[np.isfinite(past)]
        if len(past):
            middle[day] = np.median(past)
            wide = MAD * float(np.median(np.abs(past - middle[day])))
            wide = (
                wide if wide > TINY * (1.0 + abs(middle[day])) else float(past.std())
            )  # half of all prices are the same
            spread[day] = wide if wide > TINY * (1.0 + abs(middle[day])) else 1.0
    return middle, spread


def _standard(values: Array, days: int, *, through: bool) -> tuple[Array, Array]:
    """Return (D,) mean and deviation of values (D, N) over the `days` up to each day, or through it."""
    there = np.isfinite(values)
    sums = [np.concatenate([[0.0], np.where(there, values**power, 0.0).sum(axis=1).cumsum()]) for power in (0, 1, 2)]
    stop = np.arange(len(values)) + through
    start = np.maximum(stop - days, 0)
    count, total, squares = (one[stop] - one[start] for one in sums)
    number = np.maximum(count, 1.0)
    mean = total / number
    deviation = np.sqrt(np.maximum(squares / number - mean**2, 0.0))
    return mean, np.where(deviation > 1e-6 * np.abs(mean) + 1e-12, deviation, 1.0)

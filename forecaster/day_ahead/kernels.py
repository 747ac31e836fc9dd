"""A regression by kernels: the day that comes is told from the days that were most like it, near ones and recent ones.

A Gaussian process of the inputs of the linear path, one for each unit; nothing in it is drawn or stepped, and on a day
it is the exact answer of all days known by then. What makes days alike is found once, on the days of the first fit, by
their errors when each is left out. Must not know series. Formulas: docs/day_ahead.md, section 3.

Z units, D days, G inputs of a day, S slots, N days learned from.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from torch import Tensor

from forecaster.day_ahead.days import FIRST, PRICE_DAYS
from forecaster.day_ahead.inputs import AHEAD_DAYS, DayInputs

Array = NDArray[np.float64]
GUESSES = ((1.0, 0.5, 0.4, 0.6), (1.0, 0.5, 0.3), (0.4,))  # of prices and announcements by age, and of all else
SHAPE = (0.1, 3.0, 0.3, 700.0)  # noise, radial part, linear part, days in which noise grows e-fold
FACTORS = (2.0, 1.4, 1.2)  # by which each number is moved, one round for each
REACH = 36.0  # squared distance at which two days are a quarter as alike as one is to itself
FARTHEST = 8.0  # times its guess that a number may become: few days say little
SEARCHED = 728  # days, the last ones, on which kernels are found
TOGETHER = 28  # days of a tile
NOTHING = 1e12  # variance of a day without prices
BETTER = 0.9999  # of an error: less is not worth a move


class DayKernels:
    """Z regressions by kernels, and what decides them.

    Args:
        sizes: `DayInputs.sizes`.
        units: Z.
        window: days that a regression looks back.
        state: of `state`; None are the first guesses.
    """

    def __init__(
        self, sizes: tuple[int, int, int], units: int, window: int, state: Mapping[str, Tensor] | None = None
    ) -> None:
        self.window = window
        self.groups = _groups(*sizes)
        guesses = [weight for weight, _ in self.groups] + list(SHAPE)
        first = torch.tensor([guesses] * units, dtype=torch.float64)
        self.settings: Array = (first if state is None else state["settings"]).numpy().copy()  # (Z, groups and SHAPE)
        self._alike: list[_Alike] = []
        self._read: DayInputs | None = None

    def state(self) -> dict[str, Tensor]:
        """Return a copy of what decides them."""
        return {"settings": torch.from_numpy(self.settings.copy())}

    def fit(self, inputs: DayInputs, stop: int, *, first: int) -> None:
        """Find the kernels by the days in [first, stop), of which the last `SEARCHED` are looked at."""
        days = np.arange(max(first, stop - SEARCHED), stop)
        for unit in range(len(self.settings)):
            label = inputs.label[unit].double().numpy()
            rows = days[np.isfinite(label[days]).all(axis=1)]
            read = inputs.flat[unit].double().numpy()[rows]
            grams = np.array([read[:, part] @ read[:, part].T / (part.stop - part.start) for _, part in self.groups])
            self.settings[unit] = _found(grams, label[rows], stop - rows, self.settings[unit])
        self._read = None

    def forecast(self, inputs: DayInputs, day: int, stop: int) -> Array:
        """Return (Z, S) prices of a day from the days before it and before `stop`."""
        if self._read is not inputs:
            self._read = inputs
            units = enumerate(self.settings)
            self._alike = [_Alike(inputs.flat[unit].double().numpy(), self.groups, one) for unit, one in units]
        end = min(stop, day)
        rows = np.arange(max(FIRST, end - self.window), end)
        told = np.zeros((len(self._alike), inputs.label.shape[2]))
        for unit, alike in enumerate(self._alike if len(rows) else []):
            label = inputs.label[unit, rows].double().numpy()
            there = np.isfinite(label).all(axis=1)
            kernel, last = alike.between(rows, day)
            kernel[np.diag_indices(len(rows))] += np.where(there, _noise(self.settings[unit], day - rows), NOTHING)
            factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
            told[unit] = last @ cho_solve(factor, np.where(there[:, None], label, 0.0), check_finite=False)
        return inputs.prices(torch.from_numpy(told), torch.arange(len(told)), day)


class _Alike:
    """How like each of D days is to those before it, by tiles of `TOGETHER` days, of which those in use are kept."""

    def __init__(self, flat: Array, groups: list[tuple[float, slice]], settings: Array) -> None:
        scale = np.zeros(flat.shape[1])
        for weight, (_, part) in zip(settings, groups, strict=False):
            scale[part] = weight / np.sqrt(part.stop - part.start)
        self.read = np.zeros((-(-len(flat) // TOGETHER), TOGETHER, flat.shape[1]))
        self.read.reshape(-1, flat.shape[1])[: len(flat)] = flat * scale
        self.squares = np.square(self.read).sum(axis=2)
        self.settings = settings
        self.tiles: dict[int, Array] = {}

    def between(self, rows: NDArray[np.int64], day: int) -> tuple[Array, Array]:
        """Return (N, N) of N days that follow one another, what lies below its diagonal, and (N,) of a later day."""
        first, last = rows[0] // TOGETHER, rows[-1] // TOGETHER
        self.tiles = {row: kept for row, kept in self.tiles.items() if row >= first}
        size = TOGETHER * (last + 1 - first)
        table = np.zeros((size, size))
        for row in range(first, last + 1):
            width = TOGETHER * (row + 1 - first)
            table[width - TOGETHER : width, :width] = self._tiles(row, first)
        begin, stop = rows[0] - TOGETHER * first, rows[-1] + 1 - TOGETHER * first
        same = self._tiles(day // TOGETHER, first)[day % TOGETHER, begin:stop]
        return np.array(table[begin:stop, begin:stop]), same

    def _tiles(self, row: int, first: int) -> Array:
        """Return (TOGETHER, n TOGETHER) of the days of one tile and all from the tile `first` to their own."""
        known = self.tiles.get(row)
        width = TOGETHER * (row + 1 - first)
        if known is None or known.shape[1] < width:
            columns = range(first, row + 1)
            known = np.concatenate([self._tile(row, column) for column in columns], axis=1)
            self.tiles[row] = known
        return known[:, -width:]

    def _tile(self, row: int, column: int) -> Array:
        products = self.read[row] @ self.read[column].T  # always of one shape: others are summed in another order
        return _kernel(products, self.squares[row], self.squares[column], self.settings)


def _groups(features: int, flat: int, slots: int) -> list[tuple[float, slice]]:
    """Return the first weight of each group of the G inputs, and where it lies: `inputs._in_units` lays them so."""
    prices = len(PRICE_DAYS) * slots
    columns = (flat - features - (len(PRICE_DAYS) - 1) * slots) // (len(AHEAD_DAYS) - 1)  # S K
    widths = [[slots] * len(PRICE_DAYS), [columns] * len(AHEAD_DAYS), [flat - prices - columns * len(AHEAD_DAYS)]]
    groups, begin = [], 0
    for weights, sizes in zip(GUESSES, widths, strict=True):
        for weight, size in zip(weights, sizes, strict=True):
            if size:
                groups.append((weight, slice(begin, begin + size)))
            begin += size
    return groups


def _kernel(products: Array, squares: Array, others: Array, settings: Array) -> Array:
    """Return (N, M) likeness of days from their inner products (N, M) and squares (N,) and (M,).

    A constant, a linear part, and a rational quadratic one of their distance (Rasmussen and Williams 2006, eq. 4.19).
    """
    _, radial, linear, _ = settings[-len(SHAPE) :]
    distance = np.maximum(squares[:, None] + others - 2.0 * products, 0.0)
    return np.asarray(1.0 + linear * products + radial / np.square(1.0 + distance / REACH))


def _noise(settings: Array, age: NDArray[np.int64]) -> Array:
    """Return (N,) variances of what days say, in squared units of prices: more of old ones."""
    noise, _, _, decay = settings[-len(SHAPE) :]
    return np.asarray(noise * np.exp(age / decay))


def _found(grams: Array, label: Array, age: NDArray[np.int64], guess: Array) -> Array:
    """Return the settings that err least, moved one after another from a guess.

    Args:
        grams: (groups, N, N) mean products of each group.
        label: (N, S) scaled prices.
        age: (N,) days up to the end of the fit.
        guess: (groups and SHAPE,).
    """
    best, settings = _left_out(grams, label, age, guess), guess
    for factor in FACTORS:
        for place in range(len(guess)):
            for move in (factor, 1.0 / factor):
                while True:
                    other = settings.copy()
                    other[place] *= move
                    near = 1.0 / FARTHEST <= other[place] / guess[place] <= FARTHEST
                    if not near or (error := _left_out(grams, label, age, other)) >= BETTER * best:
                        break
                    best, settings = error, other
    return settings


def _left_out(grams: Array, label: Array, age: NDArray[np.int64], settings: Array) -> float:
    """Return the mean absolute error of each day told from all others.

    Source:
        Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eq. 5.12.
    """
    products = np.tensordot(np.square(settings[: len(grams)]), grams, axes=1)
    squares = np.diag(products)
    kernel = _kernel(products, squares, squares, settings)
    kernel[np.diag_indices(len(kernel))] += _noise(settings, age)
    inverse = np.linalg.inv(kernel)
    return float(np.abs(inverse @ label / np.diag(inverse)[:, None]).mean())

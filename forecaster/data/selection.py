"""Which features a network reads: those without which the next change would be forecast worse, beyond luck.

A network that reads forty columns of noise beside the one that matters learns the noise. So the fit rows say, by
stepwise regression, what is read; a column whose season hides it is read without its season. Knows tables of features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# What a feature that is read must add to twice the log likelihood: |t| > 3.5, which a random walk regressed on its own
# level exceeds once in a hundred times (Dickey and Fuller 1979), and the best of 60 noises once in thirty.
PENALTY = 12.0
MOST = 12  # features selected
VARIES = 1e-6  # share of a feature's variance that those selected must leave of it


@dataclass(frozen=True)
class Reading:
    """What a network reads of a bar's F scaled features: S of them, some without their season.

    Attributes:
        columns: S numbers of features, the change first.
        season: K numbers of the features that tell the season; none where there is no season.
        weights: S rows of K: what of the season is taken off each; 0 where nothing is.
        selected: which of the S the regression kept that selected; none where nothing stood out.
    """

    columns: tuple[int, ...]
    season: tuple[int, ...] = ()
    weights: tuple[tuple[float, ...], ...] = ()
    selected: tuple[int, ...] = ()

    def read(self, scaled: Array) -> Array:
        """Return (T, S) what is read of (T, F) scaled features; each row of its own, whatever the others are."""
        values = scaled[:, self.columns].copy()
        for number, weights in enumerate(self.weights):
            for column, weight in zip(self.season, weights, strict=True):
                if weight:
                    values[:, number] -= weight * scaled[:, column]
        return values


def everything(count: int) -> Reading:
    """Return the reading of the first `count` features, as they are."""
    return Reading(tuple(range(count)))


def selected_reading(
    scaled: Array, change: Array, *, season: Sequence[int], plain: int, means: Mapping[int, int]
) -> Reading:
    """Return the change and what helps to forecast it; all of the first `plain` features where nothing does.

    Beside a mean of a column the column itself is read: who remembers may weigh its bars better.

    Args:
        scaled: (N, F) scaled features of the fit rows; feature 0 is the change.
        change: (N,) the change after each.
        season: numbers of the features that tell the season.
        plain: how many features are read where nothing stands out.
        means: by the number of a feature that is a mean, that of what it is the mean of.

    Source:
        Forward selection and backward elimination, Draper and Smith (1998), Applied Regression Analysis, chapter 15;
        a penalty that grows with the search, Foster and George (1994), Annals of Statistics 22(4).
    """
    season, num_features = tuple(season), scaled.shape[1]
    cycles = np.column_stack([np.ones(len(scaled)), scaled[:, season]])
    of_season = np.linalg.lstsq(cycles, scaled, rcond=None)[0][1:]  # (K, F)
    without = scaled - cycles[:, 1:] @ of_season
    without[:, season] = 0.0
    chosen = stepwise(np.concatenate([scaled, without], axis=1), change)
    if not chosen:
        return everything(plain)
    whole = {k - k % num_features + means[k % num_features] for k in chosen if k % num_features in means}
    candidates = [0, *sorted({*chosen, *whole} - {0})]
    none = (0.0,) * len(season)
    weights = tuple(none if k < num_features else tuple(of_season[:, k - num_features].tolist()) for k in candidates)
    selected = tuple(candidates.index(k) for k in sorted(chosen))
    return Reading(tuple(k % num_features for k in candidates), season, weights, selected)


def stepwise(candidates: Array, target: Array) -> list[int]:
    """Return which of (N, P) candidates a regression of the target (N,) keeps, each worth its penalty beside the rest.

    The worth of a candidate is N log(squared error without it / squared error with it).
    """
    count = len(target)
    columns, left = candidates - candidates.mean(axis=0), target - target.mean()
    total = np.square(columns).sum(axis=0)
    chosen: list[int] = []
    rest, error = columns, left
    while len(chosen) < MOST:
        varies = np.square(rest).sum(axis=0)
        free = varies > VARIES * np.maximum(total, 1.0)
        gain = np.where(free, (rest.T @ error) ** 2 / np.maximum(varies, 1e-12), 0.0)
        best, squared = int(gain.argmax()), float(error @ error)
        if squared == 0.0:  # nothing ever moved
            break
        if count * np.log(squared / max(squared - float(gain[best]), 1e-12 * squared)) <= PENALTY:
            break
        chosen.append(best)
        basis, _ = np.linalg.qr(columns[:, chosen])
        rest, error = columns - basis @ (basis.T @ columns), left - basis @ (basis.T @ left)
    while len(chosen) > 1:
        without = [_squared_error(columns[:, [k for k in chosen if k != out]], left) for out in chosen]
        weakest = int(np.argmin(without))
        if count * np.log(without[weakest] / max(_squared_error(columns[:, chosen], left), 1e-300)) > PENALTY:
            break
        chosen.pop(weakest)
    return chosen


def _squared_error(columns: Array, target: Array) -> float:
    error = target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0]
    return float(error @ error)

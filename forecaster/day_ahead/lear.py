"""LEAR: a lasso for each slot of the day, on what the linear path of the networks reads, refitted every day.

By scikit-learn (extra `power`). Penalties are chosen by the corrected AIC on a path of lassos, every few weeks;
between, a day's lassos start from those of the day before. Forecasts of several calibration windows are averaged. Must
not know networks.
"""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.day_ahead.days import FIRST
from forecaster.day_ahead.inputs import FARTHEST, DayInputs

Array = NDArray[np.float64]
WINDOWS = (56, 84, 1092, 1456)  # days
CHOSEN_EVERY = 28  # days between two choices of the penalties
PENALTIES = 40  # of a path
SHORT = 300  # days below which a path ends early: with more regressors than days it only costs time
NONE = 1e-10  # a weight that is none


def lear_is_installed() -> bool:
    """Say whether scikit-learn is there."""
    from importlib.util import find_spec

    return find_spec("sklearn") is not None


def lear_forecasts(inputs: DayInputs, days: range, windows: Sequence[int] = WINDOWS) -> Array:
    """Return (N, S) prices of the days `days` (N,), the mean over the windows.

    Args:
        inputs: of one unit, the first.
        days: each is forecast from the days before it.
        windows: days that a fit looks back.

    Source:
        Lago, Marcjasz, De Schutter and Weron (2021), Applied Energy 293, 116983, section 4.2: regressors, windows, and
        the penalty by an information criterion. Here units move with the day (`price_units`), and penalties are kept
        for four weeks.
    """
    told = np.mean([list(_walk(inputs, days, window)) for window in windows], axis=0)
    middle, spread = (part[0, days.start : days.stop].numpy()[:, None] for part in (inputs.middle, inputs.spread))
    return np.asarray(np.sinh(np.clip(told, -FARTHEST, FARTHEST)) * spread + middle)


def _walk(inputs: DayInputs, days: range, window: int) -> Iterator[Array]:
    """Yield (S,) scaled prices of one day after the other, from one window."""
    read, label = inputs.flat[0].double().numpy(), inputs.label[0].double().numpy()
    penalty, weights = np.zeros(label.shape[1]), np.zeros((label.shape[1], read.shape[1]))
    for number, day in enumerate(days):
        rows = np.arange(max(FIRST, day - window), day)
        rows = rows[np.isfinite(label[rows]).all(axis=1)]
        mean, base = read[rows].mean(axis=0), label[rows].mean(axis=0)
        if number % CHOSEN_EVERY == 0:
            penalty[:] = 0.0
        _refit(read[rows] - mean, label[rows] - base, penalty, weights)
        yield base + weights @ (read[day] - mean)


def _refit(x: Array, y: Array, penalty: Array, weights: Array) -> None:
    """Fit a lasso for each slot, in place; where a penalty (S,) is 0 it is chosen, else weights (S, F) are begun with.

    Args:
        x: (N, F) regressors less their means.
        y: (N, S) likewise.
        penalty: (S,).
        weights: (S, F).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import lasso_path

    gram, cross, count = x.T @ x, x.T @ y, len(x)
    for slot in range(y.shape[1]):
        known = {"precompute": gram, "Xy": cross[:, slot], "max_iter": 1000, "tol": 1e-3}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of the last, nearly free weights of a path
            if penalty[slot] > 0.0:
                _, path, _ = lasso_path(x, y[:, slot], alphas=[penalty[slot]], coef_init=weights[slot], **known)
                weights[slot] = path[:, 0]
                continue
            largest = np.abs(cross[:, slot]).max() / count
            least = largest * (1e-2 if count < SHORT else 3e-4)
            penalties, path, _ = lasso_path(x, y[:, slot], alphas=np.geomspace(largest, least, PENALTIES), **known)
        best = int(np.argmin(_corrected_aic(x, y[:, slot], path)))
        penalty[slot], weights[slot] = penalties[best], path[:, best]


def _corrected_aic(x: Array, y: Array, path: Array) -> Array:
    """Return (P,) the corrected AIC of P weights (F, P); infinite where they are nearly as many as the days.

    Source:
        Hurvich and Tsai (1989), Biometrika 76(2), with the number of weights that are not 0 as degrees of freedom (Zou,
        Hastie and Tibshirani 2007, Annals of Statistics 35(5)).
    """
    count, used = len(y), (np.abs(path) > NONE).sum(axis=0)
    left = ((y[:, None] - x @ path) ** 2).mean(axis=0)
    fewer = np.maximum(count - used - 1, 1)
    aic = count * np.log(left + 1e-12) + 2.0 * used + 2.0 * used * (used + 1.0) / fewer
    return np.where(used < count - 2, aic, np.inf)

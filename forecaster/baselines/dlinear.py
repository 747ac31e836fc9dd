"""DLinear: the last L changes, split into a moving average and the rest, each mapped linearly to the next H.

Knows NumPy. Source: Zeng, Chen, Zhang and Xu (2023), Are transformers effective for time series forecasting?, AAAI,
arXiv:2205.13504, section 3. Departures:

1. Fitted in closed form with a ridge penalty, chosen on the rows that stop the network's training, not by Adam.
2. The edges of the moving average are padded with the edge values, as the authors' code does; its length is 25 bars.
3. It reads the log returns or differences of one instrument, which are stationary; the paper reads levels.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines.naive_and_ridge import RIDGE_PENALTIES
from forecaster.data.windows import labels, strided_windows

Array = NDArray[np.float64]
AVERAGE_BARS = 25
BLOCK = 8192  # windows gathered at a time: what memory it takes does not depend on T


def fit_dlinear(
    changes: Array, fit: NDArray[np.int64], stop: NDArray[np.int64], *, context_length: int, horizon: int
) -> Array:
    """Fit on the windows that end at `fit`; the penalty is the one with the least squared error at `stop`.

    Args:
        changes: (T,).
        fit: (N,) decision rows.
        stop: (M,) later decision rows.
        context_length: L.
        horizon: H.

    Returns:
        (L + 1, H) weights of the window, oldest bar first, and the intercept: both maps folded into one.
    """
    maps = _decomposition(context_length)  # (2L, L)
    mean, target_mean, gram, cross = _moments(changes, fit, context_length, horizon)
    gram, cross = maps @ gram @ maps.T, maps @ cross  # (2L, 2L), (2L, H)
    scale = float(np.trace(gram)) / len(gram) or 1.0
    truth, best, least = labels(changes, stop, horizon), np.zeros((context_length + 1, horizon)), np.inf
    for penalty in RIDGE_PENALTIES:
        slope = maps.T @ np.linalg.solve(gram + penalty * scale / 100.0 * np.eye(len(gram)), cross)  # (L, H)
        weights = np.vstack([slope, target_mean - mean @ slope])
        error = float(np.mean((dlinear(weights, changes, stop) - truth) ** 2))
        if error < least:
            best, least = weights, error
    return best


def dlinear(weights: Array, changes: Array, rows: NDArray[np.int64]) -> Array:
    """Return (N, H) forecasts of (L + 1, H) weights for the windows that end at `rows`; 0 where no whole one does."""
    length = len(weights) - 1
    windows = strided_windows(changes[:, None], length)[:, :, 0]
    forecast = np.zeros((len(rows), weights.shape[1]))
    whole = np.flatnonzero(rows >= length - 1)
    for block in np.split(whole, range(BLOCK, len(whole), BLOCK)):
        forecast[block] = windows[rows[block] - (length - 1)] @ weights[:-1] + weights[-1]
    return forecast


@cache
def _decomposition(length: int) -> Array:
    """(2L, L): what turns a window into its moving average and what is left; the same for every instrument."""
    half = min(AVERAGE_BARS, 2 * ((length - 1) // 2) + 1) // 2
    average = np.zeros((length, length))
    for row in range(length):
        for offset in range(-half, half + 1):
            average[row, np.clip(row + offset, 0, length - 1)] += 1.0 / (2 * half + 1)
    maps = np.vstack([average, np.eye(length) - average])
    maps.flags.writeable = False
    return maps


def _moments(changes: Array, rows: NDArray[np.int64], length: int, horizon: int) -> tuple[Array, Array, Array, Array]:
    """Means (L,) and (H,), centred Gram matrix (L, L) and cross products (L, H) of windows and labels."""
    windows = strided_windows(changes[:, None], length)[:, :, 0]
    blocks = np.split(rows, range(BLOCK, len(rows), BLOCK))
    mean = np.mean([windows[block - (length - 1)].mean(axis=0) for block in blocks], axis=0)
    gram, cross = np.zeros((length, length)), np.zeros((length, horizon))
    total, target = np.zeros(length), np.zeros(horizon)
    for block in blocks:
        x, y = windows[block - (length - 1)] - mean, labels(changes, block, horizon)
        gram, cross = gram + x.T @ x, cross + x.T @ y
        total, target = total + x.sum(axis=0), target + y.sum(axis=0)
    count = len(rows)
    gram -= np.outer(total, total) / count
    cross -= np.outer(total, target) / count
    return mean + total / count, target / count, gram, cross

"""Forecasts that need no network: what any network must beat before it is worth its hidden state."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RIDGE_PENALTIES = tuple(10.0**power for power in range(-2, 6))


def naive(num_rows: int, horizon: int) -> Array:
    """Repeat the last price: (N, H) changes of zero."""
    return np.zeros((num_rows, horizon))


def seasonal_naive(changes: Array, rows: NDArray[np.int64], horizon: int, season_bars: int) -> Array:
    """Repeat the last season: (N, H) with forecast[t, h] = r[t + h - m], m the smallest multiple of the season >= h.

    Rows too early to have a season behind them get zero, the naive forecast.
    """
    ahead = np.arange(1, horizon + 1)
    back = season_bars * np.ceil(ahead / season_bars).astype(np.int64)
    source = rows[:, None] + ahead[None, :] - back[None, :]
    return np.where(source >= 0, changes[np.maximum(source, 0)], 0.0)


def last_season(level: Array, rows: NDArray[np.int64], horizon: int, season_bars: int) -> Array:
    """Return the (N, H) changes that lead to the values of the last season: y[t + h] is y[t + h - m], as above.

    For what is no price, such as the same hour of yesterday; rows without a season behind them get zero.

    Source:
        Hyndman and Athanasopoulos (2021), section 5.2.
    """
    ahead = np.arange(1, horizon + 1)
    back = season_bars * np.ceil(ahead / season_bars).astype(np.int64)
    source = rows[:, None] + ahead[None, :] - back[None, :]
    values = np.where(source >= 0, level[np.maximum(source, 0)], level[rows][:, None])
    return np.diff(values, axis=1, prepend=level[rows][:, None])


def drift(changes: Array, rows: NDArray[np.int64], horizon: int) -> Array:
    """Go on as on average so far: (N, H) means of the changes up to each row.

    Source:
        Hyndman and Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., section 5.2, on log prices or
        on levels.
    """
    so_far = np.cumsum(changes)[rows] / np.maximum(rows, 1)  # row 0 has no bar before it and no return
    return np.repeat(so_far[:, None], horizon, axis=1)


def fit_ridge(features: Array, target: Array, stop_features: Array, stop_target: Array) -> Array:
    """Fit ridge regression from the features of a row to its H next changes.

    The penalty is the one of `RIDGE_PENALTIES` with the least squared error on the stop rows: the rows that also stop
    the network's training, so that neither has seen more than the other. The intercept is not penalised.

    Args:
        features: (N, F) scaled features of the fit rows.
        target: (N, H) their labels.
        stop_features: (M, F).
        stop_target: (M, H).

    Returns:
        (F + 1, H) weights, the intercept last.

    Source:
        Hoerl and Kennard (1970), Technometrics 12(1), eq. 2.1; closed form.
    """
    return ridge_weights(features, target, best_penalty(features, target, stop_features, stop_target))


def best_penalty(features: Array, target: Array, stop_features: Array, stop_target: Array) -> float:
    """Return the one of `RIDGE_PENALTIES` whose fit on (N, F), (N, H) has the least squared error on (M, F), (M, H)."""
    weights_of = _ridge(features, target)

    def error(penalty: float) -> float:
        weights = weights_of(penalty)
        return float(np.mean((ridge_forecast(weights, stop_features) - stop_target) ** 2))

    return min(RIDGE_PENALTIES, key=error)


def ridge_weights(features: Array, target: Array, penalty: float) -> Array:
    """Return (F + 1, H) weights of (N, F) features for (N, H) targets, the intercept last and not penalised."""
    return _ridge(features, target)(penalty)


def _ridge(features: Array, target: Array) -> Callable[[float], Array]:
    """Return what gives the weights for a penalty; the products of the tables are taken once for all penalties."""
    center, mean = features.mean(axis=0), target.mean(axis=0)
    x, y = features - center, target - mean
    squares, products, identity = x.T @ x, x.T @ y, np.eye(x.shape[1])

    def weights(penalty: float) -> Array:
        slope = np.linalg.solve(squares + penalty * identity, products)
        return np.vstack([slope, mean - center @ slope])

    return weights


def ridge_forecast(weights: Array, features: Array, limits: Array | None = None) -> Array:
    """Return (N, H) forecasts of (F + 1, H) weights for (N, F) features, held to (2, H) limits if there are any.

    A line goes on for ever: one bad cell, or a level never met, would make of a rival what nobody would believe.
    """
    return _held(features @ weights[:-1] + weights[-1], limits)


def ridge_forecast_by_row(weights: Array, features: Array, limits: Array | None = None) -> Array:
    """Return what `ridge_forecast` does, each row summed by itself.

    In a product of matrices the last digits of a row may hang on how many others are asked for beside it.
    """
    parts = np.multiply(features[:, None, :], np.ascontiguousarray(weights[:-1].T), order="C")  # (N, H, F)
    return _held(parts.sum(axis=2) + weights[-1], limits)


def _held(forecast: Array, limits: Array | None) -> Array:
    return np.asarray(forecast if limits is None else np.clip(forecast, limits[0], limits[1]))

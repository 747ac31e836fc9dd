"""The linear base: a forecast in closed form, whose errors a network is taught instead of the series.

With few bars a network spends its training on what a linear map says at once; taught the rest, it starts from the best
linear forecast and can only add. It is the regression that selected what the network reads or, where it is asked for,
ridge regression from the whole window. Fitted beforehand, on the rows the network is fitted on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.baselines.naive_and_ridge import fit_ridge, ridge_forecast, ridge_weights
from forecaster.data.datamodule import Pairs, WindowData
from forecaster.data.windows import gather, strided_windows


@dataclass(frozen=True, eq=False)
class LinearBase:
    """A linear forecast of H bars.

    Attributes:
        weights: (L + F + S, H), the intercept last.
        limits: (2, H) the least and the most it said on the fit rows, which it is held to elsewhere: a line goes on for
            ever, and what it reads may not have been met yet. None: it is not held.
    """

    weights: Tensor
    limits: Tensor | None = None


MOST_WINDOWS = 200_000  # of several instruments that a regression is fitted on; evenly thinned
TINY = 1e-6  # penalty beside N rows of variance 1: for features that are all but the same


def base_among(weights: Mapping[str, Tensor], prefix: str = "") -> LinearBase | None:
    """Return the base that is saved among a network's weights; None where it has none."""
    base = weights.get(f"{prefix}base")
    return None if base is None else LinearBase(base, weights.get(f"{prefix}base_limits"))


def base_inputs(context: Tensor) -> Tensor:
    """Return (B, L + F - 1) for windows (B, L, F): feature 0, the change, of every bar, and the last bar's others."""
    return torch.cat((context[:, :, 0], context[:, -1, 1:]), dim=1)


def fit_selected(data: WindowData, selected: Sequence[int]) -> LinearBase:
    """Fit least squares of A instruments together on some features of the last bar; the fit rows alone have a say.

    The weights of everything that is not among the `selected` features are 0.
    """
    length = data.context_length
    num_inputs = length + data.features.shape[2] + data.static.shape[1] - 1
    pairs = data.pairs(data.rows.fit, MOST_WINDOWS)
    inputs = np.ascontiguousarray(data.features[pairs][:, list(selected)], dtype=np.float64)  # (M, K)
    fitted = ridge_weights(inputs, data.labels(pairs).astype(np.float64), TINY)
    told = ridge_forecast(fitted, inputs)  # (M, H)
    weights = np.zeros((num_inputs + 1, data.horizon))
    weights[[length - 1 + number for number in selected]] = fitted[:-1]  # `base_inputs`: the last bar from L - 1 on
    weights[-1] = fitted[-1]
    limits = np.stack([told.min(axis=0), told.max(axis=0)])
    return LinearBase(torch.from_numpy(weights.astype(np.float32)), torch.from_numpy(limits.astype(np.float32)))


def fit_base(data: WindowData) -> Tensor:
    """Fit ridge regression of A instruments together on the whole window; the stop rows choose the penalty.

    Returns:
        (L + F + S, H) weights, the intercept last.
    """
    windows = strided_windows(data.features[:, :, :1], data.context_length)  # of the changes

    def inputs(pairs: Pairs) -> NDArray[np.float64]:
        instrument, row = pairs
        changes = gather(windows, row, instrument)[:, :, 0]  # (M, L)
        last = data.features[instrument, row, 1:]  # (M, F - 1)
        return np.concatenate([changes, last, data.static[instrument]], axis=1).astype(np.float64)

    def truth(pairs: Pairs) -> NDArray[np.float64]:
        return data.labels(pairs).astype(np.float64)

    fit, stop = data.pairs(data.rows.fit, MOST_WINDOWS), data.pairs(data.rows.stop, MOST_WINDOWS)
    weights = fit_ridge(inputs(fit), truth(fit), inputs(stop), truth(stop))
    return torch.from_numpy(weights.astype(np.float32))

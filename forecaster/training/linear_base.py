"""The linear base: a ridge forecast from the whole window, whose errors a network may be taught instead of the series.

With few bars a network spends its training on what a linear map says at once; taught the rest, it starts from the best
linear forecast and can only add. Fitted in closed form beforehand, on the rows the network is fitted on.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.baselines.naive_and_ridge import fit_ridge
from forecaster.data.windows import gather, labels, strided_windows, with_static

Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]


def base_inputs(context: Tensor) -> Tensor:
    """Return (B, L + F - 1) for windows (B, L, F): feature 0, the change, of every bar, and the last bar's others."""
    return torch.cat((context[:, :, 0], context[:, -1, 1:]), dim=1)


def fit_base(
    features: Float32, static: Float32, target: Float32, *, fit: Rows, stop: Rows, context_length: int, horizon: int
) -> Tensor:
    """Fit the linear base of A instruments together.

    Args:
        features: (A, T, F) scaled features.
        static: (A, S) scaled numbers of each instrument that do not change.
        target: (A, T) scaled changes.
        fit: (N,) decision rows.
        stop: (M,) later decision rows, which choose the penalty.
        context_length: L.
        horizon: H.

    Returns:
        (L + F + S, H) weights, the intercept last.
    """
    windows = strided_windows(features, context_length)

    def inputs(rows: Rows) -> NDArray[np.float64]:
        parts = []
        for number, told in enumerate(static):
            last = with_static(features[number, rows][:, None], np.repeat(told[None], len(rows), axis=0))[:, 0]
            changes = gather(windows[number, :, :, :1], rows)[:, :, 0]  # (N, L, 1) -> (N, L)
            parts.append(np.concatenate([changes, last[:, 1:]], axis=1))
        return np.concatenate(parts).astype(np.float64)  # A x (N, L + F + S - 1) -> (A * N, L + F + S - 1)

    def truth(rows: Rows) -> NDArray[np.float64]:
        return np.concatenate([labels(one.astype(np.float64), rows, horizon) for one in target])

    weights = fit_ridge(inputs(fit), truth(fit), inputs(stop), truth(stop))
    return torch.from_numpy(weights.astype(np.float32))

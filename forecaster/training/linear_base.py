"""The linear base: a ridge forecast from the whole window, whose errors a network may be taught instead of the series.

With few bars a network spends its training on what a linear map says at once; taught the rest, it starts from the best
linear forecast and can only add. Fitted in closed form beforehand, on the rows the network is fitted on.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.baselines.naive_and_ridge import fit_ridge
from forecaster.data.datamodule import Rows, WindowData
from forecaster.data.windows import gather, strided_windows


def base_inputs(context: Tensor) -> Tensor:
    """Return (B, L + F - 1) for windows (B, L, F): feature 0, the change, of every bar, and the last bar's others."""
    return torch.cat((context[:, :, 0], context[:, -1, 1:]), dim=1)


def fit_base(data: WindowData) -> Tensor:
    """Fit the linear base of A instruments together; the stop rows choose the penalty.

    Returns:
        (L + F + S, H) weights, the intercept last.
    """
    windows = strided_windows(data.features[:, :, :1], data.context_length)  # of the changes

    def inputs(rows: Rows) -> NDArray[np.float64]:
        parts = []
        for number, static in enumerate(data.static):
            changes, last = (
                gather(windows[number], rows)[:, :, 0],
                data.features[number, rows, 1:],
            )  # (N, L), (N, F - 1)
            parts.append(np.concatenate([changes, last, np.tile(static, (len(rows), 1))], axis=1))
        return np.concatenate(parts).astype(np.float64)  # A x (N, L + F + S - 1) -> (A * N, L + F + S - 1)

    fit, stop = data.rows.fit, data.rows.stop
    weights = fit_ridge(inputs(fit), data.labels(fit), inputs(stop), data.labels(stop))
    return torch.from_numpy(weights.astype(np.float32))

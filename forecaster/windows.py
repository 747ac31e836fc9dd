"""Windows of a table without copies: one strided view, and one gather per batch."""

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


def strided_windows(values: Floats, context_length: int) -> Floats:
    """View a table as windows.

    Args:
        values: (T, F).
        context_length: L, at most T.

    Returns:
        (T - L + 1, L, F) read-only view of the same memory; window i covers rows i to i + L - 1.
    """
    view = sliding_window_view(values, context_length, axis=0)  # (T, F) -> (T - L + 1, F, L)
    return view.transpose(0, 2, 1)  # -> (T - L + 1, L, F)


def gather(windows: Float32, last_rows: NDArray[np.int64]) -> Float32:
    """Copy the windows that end at `last_rows` (B,) into one contiguous (B, L, F) batch."""
    return np.ascontiguousarray(windows[last_rows - (windows.shape[1] - 1)])


def labels(log_return: NDArray[np.float64], rows: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Return (N, H) log returns of the H bars after each of `rows` (N,); (T,) `log_return` must reach that far."""
    return np.asarray(log_return[rows[:, None] + 1 + np.arange(horizon)[None, :]])

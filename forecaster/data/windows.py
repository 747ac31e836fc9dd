"""Windows of a table without copies: one strided view, and one gather per batch; and the labels that follow them."""

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])


def strided_windows(values: Floats, context_length: int) -> Floats:
    """View a table, or one table an instrument, as windows.

    Args:
        values: (T, F) or (A, T, F).
        context_length: L, at most T.

    Returns:
        (T - L + 1, L, F) or (A, T - L + 1, L, F), a read-only view of the same memory; window i covers rows i to
        i + L - 1.
    """
    view = sliding_window_view(values, context_length, axis=-2)  # (..., T, F) -> (..., T - L + 1, F, L)
    return np.swapaxes(view, -1, -2)  # -> (..., T - L + 1, L, F)


def gather(windows: Float32, last_rows: NDArray[np.int64], instruments: NDArray[np.int64] | None = None) -> Float32:
    """Copy the windows that end at `last_rows` (B,), of `instruments` (B,) if there are, into one (B, L, F) batch."""
    first_rows = last_rows - (windows.shape[-2] - 1)
    return np.ascontiguousarray(windows[first_rows] if instruments is None else windows[instruments, first_rows])


def with_static(context: Float32, static: Float32) -> Float32:
    """Set what does not change beside every bar of a batch: (B, L, F) and (B, S) -> (B, L, F + S)."""
    if static.shape[1] == 0:
        return context
    beside = np.broadcast_to(static[:, None, :], (*context.shape[:2], static.shape[1]))
    return np.concatenate([context, beside], axis=2)


def labels(changes: Floats, rows: NDArray[np.int64], horizon: int) -> Floats:
    """Return (N, H) changes of the H bars after each of `rows` (N,); (T,) `changes` must reach that far."""
    ahead: Floats = changes[rows[:, None] + 1 + np.arange(horizon)[None, :]]
    return ahead


def values_ahead(changes: Float32) -> Float32:
    """Return (N, H) by how much the value h bars ahead differs from the last, in units of sqrt(h) changes of a bar.

    What a level is learned by, from (N, H) changes of the bars ahead: the value itself, not the steps that lead there,
    and every one of them about as large as the others, as those of a random walk are.
    """
    return (np.cumsum(changes, axis=1, dtype=np.float64) / _walk(changes.shape[1])).astype(np.float32)


def steps_between(values: Float32) -> Float32:
    """Return the (N, H) changes of which `values_ahead` would be `values` (N, H)."""
    return np.diff(values * _walk(values.shape[1]), axis=1, prepend=0.0).astype(np.float32)


def _walk(horizon: int) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.arange(1.0, horizon + 1.0)))

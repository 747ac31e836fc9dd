"""The long-horizon protocol: who may see which rows, how values are scaled, and how forecasts are scored.

A file is C columns of T rows. Each column is forecast from its own past: a window is L + H rows of one column. Knows
torch and no network. The rules are those of the papers, read in their code: docs/forecaster.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.benchmark.config import SplitRule

Forecaster = Callable[[Tensor, Tensor], Tensor]  # contexts (B, L) of columns (B,) -> forecasts (B, H)
ROWS_A_MONTH = {"ett_hourly": 30 * 24, "ett_minute": 30 * 24 * 4}
SCORING_BATCH = 2048  # windows; what bounds the memory of scoring


@dataclass(frozen=True)
class Rows:
    """The rows whose values may be forecast in each part; a context may begin before its part.

    Attributes:
        train: rows that fit the weights and the scaling.
        validation: rows that select.
        test: rows that are scored once.
    """

    train: range
    validation: range
    test: range


def split_rows(num_rows: int, rule: SplitRule) -> Rows:
    """Divide a file as the papers do.

    Raises:
        ValueError: `rule` asks for more rows than there are.
    """
    if rule == "ratio":
        train, test = int(0.7 * num_rows), int(0.2 * num_rows)
        return Rows(range(train), range(train, num_rows - test), range(num_rows - test, num_rows))
    month = ROWS_A_MONTH[rule]
    if num_rows < 20 * month:
        raise ValueError(
            f"split {rule} needs 20 months, {20 * month} rows, the file has {num_rows}; use benchmark.split=ratio"
        )
    return Rows(range(12 * month), range(12 * month, 16 * month), range(16 * month, 20 * month))


@dataclass(frozen=True, eq=False)
class LongSeries:
    """A file, scaled by its training rows.

    Attributes:
        values: (C, T) in deviations of each column's training rows from their mean.
        rows: who may see which.
        mean: (C,) of the training rows.
        std: (C,) of the training rows; 1 where a column did not vary.
    """

    values: Tensor
    rows: Rows
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def windows(self, length: int) -> Tensor:
        """View every run of `length` rows: (C, T - length + 1, length), no copy."""
        return self.values.unfold(1, length, 1)


def scaled_series(values: NDArray[np.float64], rule: SplitRule) -> LongSeries:
    """Scale (T, C) values by mean and standard deviation (ddof 0) of the training rows."""
    rows = split_rows(len(values), rule)
    train = values[rows.train.start : rows.train.stop]
    mean, spread = train.mean(axis=0), train.std(axis=0)
    std = np.where(spread > 0.0, spread, 1.0)
    scaled = np.ascontiguousarray(((values - mean) / std).T.astype(np.float32))
    return LongSeries(torch.from_numpy(scaled), rows, mean, std)


def window_starts(rows: range, context_length: int, horizon: int) -> range:
    """Return the first rows of all windows whose H forecast rows lie in `rows`; their contexts may lie before it.

    Raises:
        ValueError: there is none.
    """
    starts = range(max(0, rows.start - context_length), rows.stop - context_length - horizon + 1)
    if len(starts) == 0:
        raise ValueError(
            f"rows [{rows.start}, {rows.stop}) hold no window of context_length {context_length} and horizon "
            f"{horizon}; bring more rows, or lower one of them"
        )
    return starts


def spread(starts: range, at_most: int) -> range:
    """Return every k-th of `starts`, k the least that leaves no more than `at_most`."""
    return starts[:: -(-len(starts) // at_most)]


def repeat_last(horizon: int) -> Forecaster:
    """Return the forecast that nothing changes."""
    return lambda context, columns: context[:, -1:].expand(-1, horizon)


@dataclass(frozen=True)
class Score:
    """Mean squared and mean absolute error on scaled values, over windows, columns and the H rows ahead."""

    mse: float
    mae: float


def score(
    forecasters: Mapping[str, Forecaster],
    series: LongSeries,
    starts: range,
    *,
    context_length: int,
    horizon: int,
    rivals: Mapping[str, Forecaster] | None = None,
) -> dict[str, Score]:
    """Score forecasters on the windows that begin at `starts`, the mean of their forecasts as `ensemble`, and rivals.

    One pass; nothing is kept but sums, whatever the number of windows.
    """
    rivals = rivals or {}
    sums = {name: np.zeros(2) for name in (*forecasters, "ensemble", *rivals)}
    count = 0
    with torch.inference_mode():
        for context, target, columns in _batches(series, starts, context_length, horizon):
            forecasts = {name: forecast(context, columns) for name, forecast in forecasters.items()}
            forecasts["ensemble"] = torch.stack(list(forecasts.values())).mean(dim=0)
            forecasts |= {name: forecast(context, columns) for name, forecast in rivals.items()}
            for name, forecast in forecasts.items():
                error = forecast - target
                sums[name] += float(error.square().double().sum()), float(error.abs().double().sum())
            count += target.numel()
    return {name: Score(*(total / count).tolist()) for name, total in sums.items()}


def _batches(
    series: LongSeries, starts: range, context_length: int, horizon: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    windows, columns = series.windows(context_length + horizon), len(series.values)
    order = torch.arange(starts.start, starts.stop, starts.step)
    for chosen in torch.split(order, max(1, SCORING_BATCH // columns)):
        batch = windows[:, chosen].flatten(0, 1)  # (C, B, L + H) -> (C * B, L + H)
        column = torch.arange(columns).repeat_interleave(len(chosen))
        yield batch[:, :context_length], batch[:, context_length:], column

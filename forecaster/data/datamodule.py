"""Batches of windows for Lightning, each made by one gather; no sample is ever touched alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from forecaster.data.future_covariates import FutureReader, FutureTable
from forecaster.data.windows import gather, labels, strided_windows, with_static

Batch = tuple[Tensor, ...]
Future = Callable[[NDArray[np.int64]], tuple[Tensor, ...]]


@dataclass(frozen=True, eq=False)
class WindowRows:
    """The rows a forecaster learns from, as decision rows: a window ends there and its label follows.

    Attributes:
        fit: rows whose labels train the weights.
        stop: later rows whose labels stop the training; the first lies a horizon after the last fit row, so that no
            label is shared.
    """

    fit: NDArray[np.int64]
    stop: NDArray[np.int64]


def window_rows(rows: range, *, first_row: int, context_length: int, horizon: int, stop_fraction: float) -> WindowRows:
    """Divide the decision rows of the forecaster's part into fit and stop rows, purged by the horizon.

    Raises:
        ValueError: fewer than two rows would be left on either side.
    """
    decisions = np.arange(max(rows.start, first_row) + context_length - 1, rows.stop - horizon)
    num_stop = max(2, round(stop_fraction * len(decisions)))
    fit, stop = decisions[: -num_stop - horizon + 1], decisions[-num_stop:]
    if len(fit) < 2:
        raise ValueError(
            f"the forecaster's rows [{rows.start}, {rows.stop}) hold {len(decisions)} windows, too few to fit and "
            f"to stop with context_length {context_length} and horizon {horizon}; bring more rows"
        )
    return WindowRows(fit, stop)


def future_inputs(reader: FutureReader | None, table: FutureTable, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
    """Return what a network reads beside the windows that end at `rows` (B,): (B, H, G); nothing without a reader."""
    return () if reader is None else (torch.from_numpy(reader.read(table, rows)),)


class _Batches(IterableDataset[Batch]):
    """Batches over the pairs of an instrument and a decision row."""

    def __init__(
        self,
        windows: NDArray[np.float32],
        static: NDArray[np.float32],
        target: Tensor,
        rows: NDArray[np.int64],
        size: int,
        rng: torch.Generator | None,
        future: Future,
    ) -> None:
        self.windows, self.static, self.target = windows, static, target
        self.rows, self.size, self.rng, self.future = rows, size, rng, future

    def __iter__(self) -> Iterator[Batch]:
        count = len(self.static) * len(self.rows)
        order = torch.arange(count) if self.rng is None else torch.randperm(count, generator=self.rng)
        for chosen in torch.split(order, self.size):
            instrument, row = np.divmod(chosen.numpy(), len(self.rows))
            context = with_static(gather(self.windows, self.rows[row], instrument), self.static[instrument])
            yield torch.from_numpy(context), self.target[chosen], *self.future(self.rows[row])


class WindowDataModule(pl.LightningDataModule):
    """Shuffled fit batches and ordered stop batches: context (B, L, F + S), target (B, H), and what `future` adds.

    Args:
        features: (A, T, F) scaled features of A instruments.
        static: (A, S) scaled numbers of each instrument that do not change.
        target: (A, T) scaled changes.
        rows: decision rows, the same for every instrument.
        context_length: L.
        horizon: H.
        batch_size: B.
        seed: of the shuffling.
        future: for rows (B,), what the network reads beside their windows: (B, H, G) of the bars ahead, or nothing.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        static: NDArray[np.float32],
        target: NDArray[np.float32],
        rows: WindowRows,
        *,
        context_length: int,
        horizon: int,
        batch_size: int,
        seed: int,
        future: Future = lambda rows: (),
    ) -> None:
        super().__init__()
        windows = strided_windows(features, context_length)
        rng = torch.Generator().manual_seed(seed)

        def batches(chosen: NDArray[np.int64], shuffle: bool) -> _Batches:
            wanted = [labels(one.astype(np.float64), chosen, horizon).astype(np.float32) for one in target]
            stacked = torch.from_numpy(np.concatenate(wanted))  # A x (N, H) -> (A * N, H)
            size = batch_size if shuffle else 1024
            return _Batches(windows, static, stacked, chosen, size, rng if shuffle else None, future)

        self._fit, self._stop = batches(rows.fit, True), batches(rows.stop, False)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Whole batches, shuffled anew each epoch."""
        return DataLoader(self._fit, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole batches of the stop rows, in order."""
        return DataLoader(self._stop, batch_size=None)

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
from forecaster.data.senses import NOTHING, SenseTables
from forecaster.data.windows import gather, labels, strided_windows, values_ahead, with_static

Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Batch = tuple[Tensor, ...]
Future = Callable[[Rows], tuple[Tensor, ...]]
STOP_BATCH = 1024  # windows; what bounds the memory of a look at the stop rows


@dataclass(frozen=True, eq=False)
class WindowRows:
    """The rows a forecaster learns from, as decision rows: a window ends there and its label follows.

    Attributes:
        fit: rows whose labels train the weights.
        stop: later rows whose labels stop the training; the first lies a horizon after the last fit row, so that no
            label is shared.
    """

    fit: Rows
    stop: Rows


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


@dataclass(frozen=True, eq=False)
class WindowData:
    """What networks learn from: windows of A instruments that end at decision rows, and the changes that follow.

    Attributes:
        features: (A, T, F) scaled features.
        static: (A, S) scaled numbers of each instrument that do not change.
        target: (A, T) scaled changes.
        rows: decision rows, the same for every instrument.
        context_length: L.
        horizon: H.
        usable: (A, T) the rows at which an instrument has a whole context and a label of its own; None: all are.
        levels: whether labels are the values ahead (`forecaster.data.windows.values_ahead`), not the changes.
        senses: what is read beside numbers.
    """

    features: Float32
    static: Float32
    target: Float32
    rows: WindowRows
    context_length: int
    horizon: int
    usable: NDArray[np.bool_] | None = None
    levels: bool = False
    senses: SenseTables = NOTHING

    @property
    def bars(self) -> Rows:
        """The bars that windows which fit the weights hold."""
        return np.arange(int(self.rows.fit[0]) - self.context_length + 1, int(self.rows.fit[-1]) + 1)

    def pairs(self, rows: Rows, at_most: int | None = None) -> Pairs:
        """Return the windows that end at `rows` (N,), instrument by instrument: numbers of instruments (M,), rows (M,).

        Of more than `at_most` windows of several instruments, every second, third and so on.
        """
        if self.usable is None:
            instrument, place = np.divmod(np.arange(len(self.static) * len(rows)), len(rows))
        else:
            instrument, place = np.nonzero(self.usable[:, rows])
        step = 1 if at_most is None or len(self.static) == 1 else -(-len(place) // at_most)
        return instrument[:: max(step, 1)], rows[place[:: max(step, 1)]]

    def labels(self, pairs: Pairs) -> Float32:
        """Return (M, H) scaled changes of the bars after M windows, or the values that they lead to."""
        instrument, row = pairs
        changes = labels(self.target.reshape(-1), instrument * self.target.shape[1] + row, self.horizon)
        return values_ahead(changes) if self.levels else changes


def future_inputs(reader: FutureReader | None, table: FutureTable, rows: Rows) -> tuple[Tensor, ...]:
    """Return what a network reads beside the windows that end at `rows` (B,): (B, H, G); nothing without a reader."""
    return () if reader is None else (torch.from_numpy(reader.read(table, rows)),)


class _Batches(IterableDataset[Batch]):
    """Batches over the pairs of an instrument and a decision row; with an rng `at_most` drawn anew each time."""

    def __init__(
        self,
        data: WindowData,
        rows: Rows,
        size: int,
        rng: torch.Generator | None,
        future: Future,
        at_most: int | None,
    ) -> None:
        self.windows, self.data = strided_windows(data.features, data.context_length), data
        self.instrument, self.row = data.pairs(rows, at_most if rng is None else None)
        self.size, self.rng, self.future, self.at_most = size, rng, future, at_most

    @property
    def batches(self) -> int:
        """How many there are of an epoch; no `__len__`, of which Lightning would make another order."""
        windows = len(self.row) if self.rng is None or self.at_most is None else min(len(self.row), self.at_most)
        return -(-windows // self.size)

    def __iter__(self) -> Iterator[Batch]:
        count = len(self.row)
        order = torch.arange(count) if self.rng is None else torch.randperm(count, generator=self.rng)[: self.at_most]
        for chosen in torch.split(order, self.size):
            instrument, row = self.instrument[chosen.numpy()], self.row[chosen.numpy()]
            context = with_static(gather(self.windows, row, instrument), self.data.static[instrument])
            target = torch.from_numpy(self.data.labels((instrument, row)))
            senses = map(torch.from_numpy, self.data.senses.gather(row, instrument))
            yield torch.from_numpy(context), target, *self.future(row), *senses


class WindowDataModule(pl.LightningDataModule):
    """Shuffled fit batches and ordered stop batches: context (B, L, F + S), target (B, H), and what stands beside them.

    That is what `future` adds, and then of each sense its last bars.

    Args:
        data: windows and labels.
        batch_size: B.
        seed: of the shuffling.
        future: for rows (B,), what the network reads beside their windows: (B, H, G) of the bars ahead, or nothing.
        at_most: windows of an epoch, drawn anew each time, and of the stop rows, always the same; None: all of them.
    """

    def __init__(
        self,
        data: WindowData,
        *,
        batch_size: int,
        seed: int,
        future: Future = lambda rows: (),
        at_most: int | None = None,
    ) -> None:
        super().__init__()
        self._order = torch.Generator().manual_seed(seed)
        self._fit = _Batches(data, data.rows.fit, batch_size, self._order, future, at_most)
        self._stop = _Batches(data, data.rows.stop, STOP_BATCH, None, future, at_most)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Whole batches, shuffled anew each epoch."""
        return DataLoader(self._fit, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole batches of the stop rows, in order."""
        return DataLoader(self._stop, batch_size=None)

    @property
    def batches(self) -> tuple[int, int]:
        """How many batches there are to fit in an epoch, and to stop."""
        return self._fit.batches, self._stop.batches

    def state_dict(self) -> dict[str, Tensor]:
        """Return what decides the order of all epochs to come."""
        return {"order": self._order.get_state()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over what `state_dict` returned."""
        self._order.set_state(state["order"])

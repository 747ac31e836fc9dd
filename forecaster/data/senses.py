"""What a bar holds beside numbers: texts, or a picture, as a row of values that an encoder of its own reads.

A sense's values are columns like all others: joined by when they were known, cut, compared and saved with the bars. A
network reads them of its last bars, each row with a 1 behind it where there is something and all 0 where there is not.
Knows no torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecaster.data.windows import gather, strided_windows

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Rows = NDArray[np.int64]
MOST_ROWS = 20_000  # that an encoder is fitted on
FEWEST_READ = 2  # bars with a text or a picture, of those that are learned from: one has no deviation


@dataclass(frozen=True)
class Sense:
    """One kind of what is read beside numbers.

    Attributes:
        name: of it, such as `text`.
        kind: what reads it: `words`, counts of words, by a truncated SVD; `tokens`, the numbers of words in their
            order, 0 for none, by an LSTM; `picture`, brightness in [0, 1], by a convolution.
        shape: of a bar's W values: (V,) words, (N,) tokens, (height, width) of a picture.
        units: E numbers that its encoder makes of a bar.
        bars: last bars of a window that are read.
        columns: W exogenous columns that hold it, row by row of a picture; none where the bars themselves are drawn.
        vocabulary: V numbers that a token may be, 0 among them; of `tokens`.
    """

    name: str
    kind: Literal["words", "tokens", "picture"]
    shape: tuple[int, ...]
    units: int
    bars: int
    columns: tuple[str, ...] = ()
    vocabulary: int = 0

    @property
    def width(self) -> int:
        """W, values of a bar."""
        return int(np.prod(self.shape))


def with_presence(values: Array | Float32) -> Float32:
    """Return (T, W + 1): values (T, W) and a 1 where a row has them; all 0 where it is NaN."""
    there = ~np.isnan(values).any(axis=1)
    table = np.zeros((len(values), values.shape[1] + 1), dtype=np.float32)
    table[there, :-1], table[there, -1] = values[there], 1.0
    return table


def refuse_long(senses: Sequence[Sense], context_length: int) -> None:
    """Hold what is read beside numbers to the bars that a network reads.

    Raises:
        ValueError: a sense reads more.
    """
    for sense in senses:
        if sense.bars > context_length:
            raise ValueError(
                f"{sense.name}.bars must be at most model.context_length = {context_length} bars, was {sense.bars}"
            )


@dataclass(frozen=True, eq=False)
class SenseTables:
    """What A instruments have of each sense; no sense at all where nothing is read beside numbers.

    Attributes:
        senses: in the order in which a network is given them.
        tables: of each (A, T, W + 1), as `with_presence` writes it.
    """

    senses: tuple[Sense, ...] = ()
    tables: tuple[Float32, ...] = ()

    @classmethod
    def of(cls, senses: tuple[Sense, ...], by_instrument: Sequence[Mapping[str, Float32]]) -> "SenseTables":
        """Lay the (T, W + 1) tables of A instruments, by the names of senses, one upon the other."""
        return cls(senses, tuple(np.stack([tables[sense.name] for tables in by_instrument]) for sense in senses))

    def gather(self, rows: Rows, instruments: Rows | None = None) -> tuple[Float32, ...]:
        """Return of each sense (B, bars, W + 1): the last bars up to `rows` (B,), of `instruments` (B,)."""
        asset = np.zeros_like(rows) if instruments is None else instruments
        return tuple(
            gather(strided_windows(table, sense.bars), rows, asset)
            for sense, table in zip(self.senses, self.tables, strict=True)
        )

    def learned(self, rows: Rows) -> Iterator[Float32]:
        """Yield of each sense the values (N, W) of those of `rows`, of all instruments, that have any."""
        for sense, table in zip(self.senses, self.tables, strict=True):
            values = table[:, rows].reshape(-1, sense.width + 1)
            values = values[values[:, -1] > 0.0, :-1]
            yield values[:: max(-(-len(values) // MOST_ROWS), 1)].copy()


NOTHING = SenseTables()


def chart(prices: Mapping[str, Array], bars: int) -> Float32:
    """Draw at each bar the last `bars` of an instrument: (T, height * width), NaN before there are as many.

    A bar is three columns wide: a point left at its open, a line in the middle from low to high, a point right at its
    close. The highest and the lowest price of the picture touch its edges; at one price it is a line half-way up.

    Args:
        prices: (T,) `open`, `high`, `low` and `close`.
        bars: drawn in one picture.

    Source:
        Jiang, Kelly and Xiu (2023), (Re-)Imag(in)ing Price Trends, Journal of Finance 78(6), section I.A: open, high,
        low and close, 5, 20 or 60 bars; without their moving average and volume.
    """
    height, width = chart_shape(bars)
    count = len(prices["close"])
    pictures = np.full((count, height, width), np.nan, dtype=np.float32)
    if count < bars:
        return pictures.reshape(count, -1)
    windows = {
        name: np.lib.stride_tricks.sliding_window_view(prices[name], bars) for name in ("open", "high", "low", "close")
    }  # (N, bars)
    low, high = windows["low"].min(axis=1), windows["high"].max(axis=1)
    spread = np.where(high > low, high - low, 1.0)
    rows = {}
    for name, values in windows.items():
        share = np.where((high > low)[:, None], (values - low[:, None]) / spread[:, None], 0.5)
        rows[name] = np.rint((1.0 - share) * (height - 1)).astype(np.int64)  # the first row is the top
    drawn = pictures[bars - 1 :]
    drawn[:] = 0.0
    line = np.arange(height)[None, :, None]
    middle = (line >= rows["high"][:, None, :]) & (line <= rows["low"][:, None, :])  # (N, height, bars)
    drawn[:, :, 1::3] = middle
    for offset, name in ((0, "open"), (2, "close")):
        drawn[:, :, offset::3] = line == rows[name][:, None, :]
    return pictures.reshape(count, -1)


def chart_shape(bars: int) -> tuple[int, int]:
    """Return height and width of a chart of so many bars: 32 by 15 of five, 64 by 60 of twenty, as in the paper."""
    return (32 if bars <= 10 else 64), 3 * bars


def chart_sense(bars: int) -> Sense:
    """Return the sense of the chart of the last `bars`, which is read at the last bar only."""
    return Sense("chart", "picture", chart_shape(bars), units=8, bars=1)

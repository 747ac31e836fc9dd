"""Values of volume and of features that lie a hundred times beyond all others for a bar or a few: told, not refused.

What a column may be nobody knows, and a hundredfold volume has been traded. Knows a series.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.data.checks.bars import Array
from tradewinds.data.readers.text import moment

FOLD = 100.0  # times as far from the median as all others
MOST = 5  # columns that are told of
ENOUGH = 30  # values, from which on a usual one is known


def tell_lone_values(series: Series) -> list[str]:
    """Return a sentence for each column in which at most one value in a hundred lies `FOLD` times beyond the others.

    Of the volumes of a universe the first `MOST`.
    """
    notes: list[str] = []
    others = 0
    for name, values in _columns(series):
        rows, fold = lone_values(values)
        if len(rows) and len(notes) == MOST and len(series.instruments) > MOST:
            others += 1
        elif len(rows):
            row, more = int(rows[0]), f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
            notes.append(
                f"{name}: {values[row]:g} of {moment(series.index[row])} lies {fold:.3g} times as far from the median "
                f"as any usual value{more}: correct it if it is none; it is read as real"
            )
    return [*notes, *([f"so do values of {others} more columns"] if others else [])]


def lone_values(values: Array) -> tuple[NDArray[np.intp], float]:
    """Return the rows of a (T,) column, which may have holes, that lie far beyond all others, and the first's times."""
    known = np.isfinite(values)
    if known.sum() < ENOUGH:
        return np.empty(0, dtype=np.intp), 1.0
    distance = np.where(known, np.abs(values - np.median(values[known])), 0.0)
    few = max(int(known.sum()) // 100, 1)
    largest = np.sort(distance)[-few - 1 :]
    gaps = np.flatnonzero((largest[1:] > FOLD * largest[:-1]) & (largest[:-1] > 0.0))
    if len(gaps) == 0:
        return np.empty(0, dtype=np.intp), 1.0
    usual = float(largest[gaps[0]])
    rows = np.flatnonzero(distance > usual)
    return rows, float(distance[rows[0]]) / usual


def _columns(series: Series) -> Iterator[tuple[str, Array]]:
    """Yield the volume of each instrument, and each exogenous column, with its name."""
    if series.volume is not None:
        for asset, name in enumerate(series.instruments):
            volume = series.volume[:, asset]
            yield (
                f"{name}, volume",
                volume if series.traded is None else np.where(series.traded[:, asset], volume, np.nan),
            )
    for column in series.number_columns:  # words and pixels are no measurements
        yield f"column {column}", series.exogenous[column].to_numpy(dtype=np.float64)

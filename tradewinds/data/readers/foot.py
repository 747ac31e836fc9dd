"""Lines below the rows of a file that are none of them: a source, an average, a total. Never one in the middle."""

import dataclasses

import numpy as np
import pyarrow as pa

from tradewinds.data.readers.cells import FOOT, is_foot
from tradewinds.data.readers.clocks import clock_of
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.raw import Raw
from tradewinds.data.readers.table import find_column
from tradewinds.data.readers.text import shown


def time_column(raw: Raw, directions: Directions) -> str:
    """Return the column of a file's times.

    Raises:
        RequestError: the one that the request names is not there.
    """
    named = directions.time_column
    column = None if named is None else find_column(named, list(raw.cells), raw.origin.name)
    return clock_of(raw, column, zoned=directions.time_zone is not None).column


def without_foot(raw: Raw, directions: Directions, column: str | None = None) -> Raw:
    """Return a file without the last lines that tell no time, of which there are at most FOOT, and a note of each.

    Args:
        raw: the file.
        directions: what the request says of it.
        column: of its times, where that is known; None finds it.

    Raises:
        RequestError: the column that the request names as the times' is not there.
    """
    column = time_column(raw, directions) if column is None else column
    times = raw.cells[column]
    if not isinstance(times, pa.Array):
        return raw
    others = [cells for name, cells in raw.cells.items() if name != column and isinstance(cells, pa.Array)]
    number, lines = len(times), raw.origin.lines
    for first in range(max(number - FOOT - 1, 0), number):
        gaps = np.diff(lines[max(first - 1, 0) :])[-(number - first) :]
        apart = np.maximum.accumulate(gaps > 1) if len(gaps) == number - first else np.zeros(number - first, bool)
        rows = [(times[row].as_py(), [cells[row].as_py() for cells in others]) for row in range(first, number)]
        if all(is_foot(*row, apart=bool(alone)) for row, alone in zip(rows, apart, strict=True)):
            break
    else:
        return raw
    if first == 0 or number - first > FOOT:
        return raw
    notes = [
        f"{raw.origin.row(first + place)}: {shown(' '.join([time, *cells]))} is no row and is not read"
        for place, (time, cells) in enumerate(rows)
    ]
    kept = raw.take(np.arange(number) < first)
    return dataclasses.replace(kept, notes=(*raw.notes, *notes))

"""Rows of a series, known by what happened on them: whatever the file, the name, the unit or the clock is called.

A row's mark is a hash of the last `WINDOW` changes of the price in proportion to their size, so that neither another
currency, nor another origin of the scale, nor prices adjusted from another first bar make it another row; and a longer
file has the marks of a shorter one. Must not know what was done on the rows.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tradewinds.core.files import write_bytes

Array = NDArray[np.float64]
Marks = NDArray[np.uint64]
WINDOW = 16  # changes behind a mark: fewer are shared by chance where prices move by few ticks
DIGITS = 3  # of a change's share of all changes in its window: files that were rounded otherwise still agree
FEWEST = 6  # different changes below which a window could be any series: a price that stands still, or moves by a tick
MOST = 16  # instruments of a universe by whose prices its rows are known
FOLDER = "test_rows"


def marks_of(close: Array, rows: range) -> Marks:
    """Return the marks of `rows`, in order of size; rows that cannot be told from those of other series have none.

    Args:
        close: (T,) prices, or values, of the whole series.
        rows: of it, every one or every so many.
    """
    changes = np.diff(close, prepend=close[:1])
    first = max(rows.start, WINDOW)
    if rows.stop - first < 1:
        return np.empty(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(changes, WINDOW)[first - WINDOW + 1 : rows.stop - WINDOW + 1]
    windows = windows[:: rows.step]
    size = np.abs(windows).sum(axis=1, keepdims=True)
    shares = np.round(np.divide(windows, size, out=np.zeros_like(windows), where=size > 0.0), DIGITS) + 0.0
    ordered = np.sort(shares, axis=1)
    told = (np.diff(ordered, axis=1) > 0.0).sum(axis=1) + 1 >= FEWEST
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in np.ascontiguousarray(shares[told])]
    return np.unique(np.frombuffer(b"".join(digests), np.uint64))


def marked(instruments: Sequence[str]) -> list[int]:
    """Return by which instruments' prices the rows of a universe are known: the same ones of any that holds them."""
    by_hash = sorted(range(len(instruments)), key=lambda number: hashlib.sha256(instruments[number].encode()).digest())
    return sorted(by_hash[:MOST])


def digest_of(marks: Marks) -> str:
    """Return 32 hexadecimal digits that are the same exactly for the same marks."""
    return hashlib.sha256(marks.tobytes()).hexdigest()[:32]


def keep_marks(marks: Marks, runs: Path) -> str:
    """Write marks down once under the folder of all runs, and return their digest."""
    digest = digest_of(marks)
    file = runs / FOLDER / digest
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, marks.tobytes())
    return digest


def kept_marks(runs: Path, digest: str) -> Marks:
    """Return the marks of a digest; none where their file is gone or damaged."""
    try:
        marks = np.frombuffer((runs / FOLDER / digest).read_bytes(), np.uint64)
    except (OSError, ValueError):
        return np.empty(0, np.uint64)
    return marks if digest_of(marks) == digest else np.empty(0, np.uint64)


def overlapping(runs: Path, digest: str, others: set[str]) -> set[str]:
    """Return those of `others` that share a row with `digest`, or are the same."""
    marks = kept_marks(runs, digest)
    return {other for other in others if other == digest or len(np.intersect1d(marks, kept_marks(runs, other)))}

"""What a table held, in a hundredth of its size: enough to say which value has changed since, and from what.

Rows are taken in blocks. Of each block and column three numbers are kept: the sum of the values and their sum with
weights, both of scrambled values modulo 2^64, and the first value. One changed value is found again exactly: its row
is the one whose weight turns the change of the first sum into that of the second, and the change of the first sum gives
the old value back. Two or more are known to lie in the block. Must not know what the columns mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Words = NDArray[np.uint64]
BLOCK = 64  # rows
DIGITS = 9  # significant ones that count: a parser's rounding is no change
_WEIGHTS: Words = np.random.default_rng(0).integers(1, 2**64 - 1, BLOCK, dtype=np.uint64)
_SCRAMBLE = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))  # shifts and factors of SplitMix64, 2014


@dataclass(frozen=True, eq=False)
class Checksums:
    """Of a table of N rows and C columns, in n = ceil(N / BLOCK) blocks.

    Attributes:
        last: time of the last row, ns since 1970.
        starts: (n,) times of the blocks' first rows, ns since 1970.
        columns: per column (3, n) sums, weighted sums and first values; the times are the column "".
    """

    last: int
    starts: NDArray[np.int64]
    columns: Mapping[str, Words]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what `checksums_from` reads back."""
        return {"last": np.array([self.last]), "starts": self.starts, **{f"of {k}": v for k, v in self.columns.items()}}


@dataclass(frozen=True)
class Change:
    """The first difference between what a table held and what it holds.

    Attributes:
        column: its name; empty where rows came or went.
        first: the row that changed, or the first of the block in which something did.
        last: the same row, or the last of that block.
        was: the value there, if it is known.
        value: what it is now.
        blocks: how many blocks differ.
        of: of so many.
    """

    column: str
    first: pd.Timestamp
    last: pd.Timestamp
    was: float | None
    value: float | None
    blocks: int
    of: int


def checksums_of(index: pd.DatetimeIndex, columns: Mapping[str, Array]) -> Checksums:
    """Reckon the checksums of a table.

    Args:
        index: (N,) times, increasing.
        columns: (N,) values each.
    """
    times = index.as_unit("ns").asi8
    words = {"": times.view(np.uint64), **{name: _words(values) for name, values in columns.items()}}
    return Checksums(int(times[-1]), times[::BLOCK], {name: _sums(column) for name, column in words.items()})


def checksums_from(arrays: Mapping[str, NDArray[np.generic]]) -> Checksums:
    """Read back what `Checksums.arrays` wrote."""
    columns = {name.removeprefix("of "): array for name, array in arrays.items() if name.startswith("of ")}
    return Checksums(int(arrays["last"][0]), arrays["starts"], columns)  # type: ignore[arg-type]


def first_change(then: Checksums, index: pd.DatetimeIndex, columns: Mapping[str, Array]) -> Change | None:
    """Compare what a table held with what it holds, on the rows and columns that both have.

    Blocks that began before the present rows, or end after them, are left alone.

    Args:
        then: of the table as it was.
        index: (N,) times of the table now.
        columns: (N,) values each.

    Returns:
        The earliest difference, or None where there is none.
    """
    times = index.as_unit("ns").asi8
    if not len(times):
        return None
    block = int(np.searchsorted(then.starts, times[0]))
    begin = int(np.searchsorted(times, then.starts[block])) if block < len(then.starts) else len(times)
    rows = int(np.searchsorted(times, then.last, side="right")) - begin
    if times[-1] < then.last:
        rows = rows // BLOCK * BLOCK
    if rows <= 0:
        return None
    now = {"": times.view(np.uint64), **{name: _words(columns[name]) for name in columns if name in then.columns}}
    now = {name: column[begin : begin + rows] for name, column in now.items()}
    sums = {name: _sums(column) for name, column in now.items()}
    number = min(len(then.starts) - block, sums[""].shape[1])
    kept = {name: then.columns[name][:, block : block + number] for name in now}
    differ = np.array([(sums[name][:, :number] != kept[name]).any(axis=0) for name in now])  # (C + 1, n)
    blocks = np.flatnonzero(differ.any(axis=0))
    if not len(blocks):
        return None
    names, where = list(now), int(blocks[0])
    part = slice(BLOCK * where, min(BLOCK * (where + 1), rows))
    stamps = index[begin : begin + rows][part]
    changed = [names[row] for row in np.flatnonzero(differ[:, where])]
    found = [_located(now[name][part], sums[name][:, where], kept[name][:, where]) for name in changed]
    name, (row, was) = min(zip(changed, found, strict=True), key=lambda pair: (pair[0] != "", pair[1][0] or 0))
    share = {"blocks": len(blocks), "of": differ.shape[1]}
    if name == "" or row is None or was is None:
        return Change(name, stamps[0], stamps[-1], None, None, **share)
    before, after = (float(word.view(np.float64)) for word in (was, now[name][part][row]))
    return Change(name, stamps[row], stamps[row], before, after, **share)


def _words(values: Array) -> Words:
    """Return numbers that differ exactly where values differ in their first digits; NaN is one value."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    usable = np.isfinite(rounded) & np.isfinite(scale)
    plain = np.where(usable, rounded, np.where(np.isnan(values), np.nan, values)) + 0.0  # no -0.0
    return plain.view(np.uint64)


def _sums(words: Words) -> Words:
    """Return (3, n) sums, weighted sums and first values by block."""
    starts, scrambled = np.arange(0, len(words), BLOCK), _scrambled(words)
    weighted = scrambled * np.resize(_WEIGHTS, len(words))
    return np.stack([np.add.reduceat(scrambled, starts), np.add.reduceat(weighted, starts), words[starts]])


def _scrambled(words: Words) -> Words:
    """Mix the bits of words, one to one: two values that differ in a sign alone are then as far apart as any others."""
    for shift, factor in _SCRAMBLE:
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    return words


def _unscrambled(word: Words) -> Words:
    """Undo `_scrambled`."""
    for shift, factor in reversed(_SCRAMBLE):
        word = word * np.uint64(pow(factor, -1, 2**64))
        for far in (shift, 2 * shift):  # thrice any of them is all 64 bits
            word = word ^ (word >> np.uint64(far))
    return word


def _located(words: Words, now: Words, then: Words) -> tuple[int | None, np.uint64 | None]:
    """Find the one row of a block that changed, and its old value; a first value is known even among many changes."""
    change, weighted = (now[part : part + 1] - then[part : part + 1] for part in (0, 1))
    rows = np.flatnonzero(_WEIGHTS[: len(words)] * change == weighted)
    if len(rows) == 1:
        row = int(rows[0])
        return row, _unscrambled(_scrambled(words[row : row + 1]) - change)[0]
    return (0, then[2]) if now[2] != then[2] else (None, None)

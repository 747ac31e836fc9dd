"""Functions of the energy in a store that are straight between knots, concave or not: the value of energy by the hour.

Exact but for rounding: a maximum over a stretch that moves with the charge is straight between knots again. Knows
NumPy and no store. docs/battery.md, section 4.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SAME = 1e-12  # MWh between two knots that are one
SMALL = 1e-9  # currency: a bend that is none


class Line(NamedTuple):
    """A function over [0, C].

    Attributes:
        x: (n,) knots, increasing, from 0 to C.
        y: (n,) its values there.
    """

    x: Array
    y: Array

    def at(self, x: Array) -> Array:
        """Return its values at points of [0, C]."""
        return np.interp(x, self.x, self.y)

    def tilted(self, slope: float) -> "Line":
        """Return it with a straight line of that slope added."""
        return Line(self.x, self.y + slope * self.x)

    def mirrored(self) -> "Line":
        """Return it read from C down to 0."""
        return Line(self.x[-1] - self.x[::-1], self.y[::-1])

    def concave(self) -> bool:
        """Say whether its slopes fall: no knot lies below the line between its neighbours, but for rounding."""
        return bool((_above_chord(self) >= -_rounding(self)).all())


def from_pieces(pieces: list[tuple[float, float]]) -> Line:
    """Return the function that begins at 0 with straight pieces of (slope, width)."""
    slope, width = np.array(pieces, dtype=np.float64).T
    kept = width > SAME
    x, y = np.append(0.0, np.cumsum(width[kept])), np.append(0.0, np.cumsum((slope * width)[kept]))
    return Line(x, y)


def to_pieces(line: Line) -> list[tuple[float, float]]:
    """Return the (slope, width) of its pieces."""
    width = np.diff(line.x)
    return list(zip((np.diff(line.y) / width).tolist(), width.tolist(), strict=True))


def best_ahead(line: Line, reach: float) -> Line:
    """Return for each s the largest value in [s, s + reach], as far as there is any.

    Between two knots of the line, and of it moved by the reach, the largest is at one end of the stretch or at a knot
    within it that stays within it: the larger of two straight lines and a constant.
    """
    x, y, end = line.x, line.y, line.x[-1]
    knots = _distinct(np.concatenate([x, x - reach]), end)
    left, right = line.at(knots), line.at(np.minimum(knots + reach, end))
    first = np.searchsorted(x, knots[1:] - SAME)
    stop = np.searchsorted(x, np.minimum(knots[:-1] + reach, end) + SAME, side="right")
    inside = _largest(y, first, stop)
    pairs = ((left, right), (left, None), (right, None))
    crossings = [_crossings(knots, one, inside if other is None else other, flat=other is None) for one, other in pairs]
    finer = _distinct(np.concatenate([knots, *crossings]), end)
    within = _largest(
        y,
        np.searchsorted(x, finer - SAME),
        np.searchsorted(x, np.minimum(finer + reach, end) + SAME, side="right"),
    )
    ends = np.maximum(line.at(finer), line.at(np.minimum(finer + reach, end)))
    return Line(finer, np.maximum(ends, within))


def larger(one: Line, other: Line) -> Line:
    """Return the larger of two functions at each point, less its value at 0: only differences of values count.

    So numbers stay small, however long the time they are summed over, and rounding does not bend what is straight.
    """
    knots = _distinct(np.concatenate([one.x, other.x]), one.x[-1])
    finer = _distinct(np.concatenate([knots, _crossings(knots, one.at(knots), other.at(knots), flat=False)]), knots[-1])
    y = np.maximum(one.at(finer), other.at(finer))
    return _fewer(Line(finer, y - y[0]))


def _crossings(knots: Array, one: Array, other: Array, *, flat: bool) -> Array:
    """Return where two lines given at the knots cross between them; the other constant in each gap, if `flat`."""
    begin = one[:-1] - (other if flat else other[:-1])
    finish = one[1:] - (other if flat else other[1:])
    apart = (begin * finish < 0.0) & np.isfinite(begin) & np.isfinite(finish)
    share = begin[apart] / (begin[apart] - finish[apart])
    return np.asarray(knots[:-1][apart] + share * np.diff(knots)[apart])


def _largest(values: Array, first: NDArray[np.int64], stop: NDArray[np.int64]) -> Array:
    """Return the largest of `values[first:stop]` for each pair, by a table of powers of two; -inf of none."""
    table = [values]
    while 2 ** len(table) <= len(values):
        half = 2 ** (len(table) - 1)
        table.append(np.maximum(table[-1][:-half], table[-1][half:]))
    largest = np.full(len(first), -np.inf)
    for level, row in enumerate(table):
        size = 2**level
        mine = (stop - first >= size) & (stop - first < 2 * size)
        largest[mine] = np.maximum(row[first[mine]], row[stop[mine] - size])
    return largest


def _distinct(points: Array, end: float) -> Array:
    """Return points in [0, end], sorted, both ends among them and none twice."""
    points = np.sort(np.clip(np.concatenate([points, [0.0, end]]), 0.0, end))
    kept = np.append(True, np.diff(points) > SAME)
    points = points[kept]
    points[-1] = end
    return points


def _above_chord(line: Line) -> Array:
    """Return (n - 2,) by how much each inner knot lies above the straight line between its neighbours."""
    x, y = line
    share = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    return np.asarray(y[1:-1] - (y[:-2] + share * (y[2:] - y[:-2])))


def _rounding(line: Line) -> float:
    """Return how much of a value may be rounding, currency."""
    return SMALL + 16.0 * float(np.finfo(np.float64).eps * np.abs(line.y).max())


def _fewer(line: Line) -> Line:
    """Leave out knots at which nothing bends, of neighbours every second one until none is left."""
    small = _rounding(line)
    while len(line.x) > 2:
        straight = np.abs(_above_chord(line)) <= small
        begins = np.concatenate([[0], np.flatnonzero(np.diff(straight)) + 1])  # of stretches that are straight or not
        place = np.arange(len(straight)) - np.repeat(begins, np.diff(np.append(begins, len(straight))))
        dropped = straight & (place % 2 == 0)
        if not dropped.any():
            break
        kept = np.concatenate([[True], ~dropped, [True]])
        line = Line(line.x[kept], line.y[kept])
    return line

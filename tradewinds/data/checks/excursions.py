"""A bar that leaves and comes back: a bad print, told from a market that does so by habit.

An excursion is as large as the smaller of its two moves, out and back. How large one may be follows from the series
itself, in its scale nearby: where moves are independent, two far ones meet as seldom as their rarities' product says;
where far moves are commonly undone, as the price of power does it, an excursion is no rarer than a move. What lies
between is weighed by how much more often than by chance far moves are undone. The last bars cannot come back yet: they
are held against the moves alone, and doubted, not refused. Knows bars of one instrument, and a series.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import GateError, RequestError
from tradewinds.data.checks.bars import Array, Bars
from tradewinds.data.checks.belief import believed, believing, believing_or_all
from tradewinds.data.checks.rarity import Tail, local_scale
from tradewinds.data.checks.separation import NEAR, gap_in, stands_apart
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig

LONGEST = 3  # bars of an excursion; what stays longer is a level
LEAST = 4.0  # standard deviations nearby: no smaller excursion, and no smaller last move, is doubted
REFUSED = 1000.0  # histories like this one, in which chance makes one excursion as large as those refused
DOUBTED = 2.0  # likewise, moves as large as a last one that is doubted
APART = 5.0  # times as large as all others: bad prints by that alone, if they are few
ENOUGH = 250  # bars, from which on few is known from many
CHANCE, HABIT = 1.5, 3.0  # times as often as by chance: undone by chance up to the first, by habit from the second


def check_excursions(bars: Bars, rules: DataConfig, *, positive: bool = True, beside: int = 1) -> None:
    """Refuse prices that leave for up to `LONGEST` bars and come back, beyond what their own history makes likely.

    The first bars, which come from nowhere, are held against the moves alone.

    Args:
        bars: of one instrument, checked.
        rules: `data.accept_jumps` believes bars.
        positive: whether steps are compared by ratio, as those of a price whose log return is forecast.
        beside: how many instruments are looked at; of all of them one is refused by chance as seldom as of one alone.

    Raises:
        RequestError: there is one; the message names the first, and what believes them all.
    """
    levels = _levels(bars, positive=positive)
    accepted = believed(bars.index, rules)
    for column, sizes, most in _excursions(levels, REFUSED * beside):
        rows = np.flatnonzero((sizes > most) & ~accepted)
        if len(rows):
            size, likely = float(sizes[rows[0]]), float(most[rows[0]])
            raise RequestError(_sentence(bars, column, rows.tolist(), size, likely, rules))


def excursions_of(level: Array) -> tuple[Array, Array]:
    """Return the (T,) excursions of a level, in standard deviations nearby, and (T,) the largest that is likely.

    An excursion of several bars stands at its first, 0 where there is none. What stands apart says nothing of others.

    Args:
        level: (T,) in which steps are compared.
    """
    return _judged(_measured(level), REFUSED)


@dataclass(frozen=True, eq=False)
class _Measured:
    """A (T,) level without what stands apart, its steps, their scale, its excursions; what stands apart, and how."""

    level: Array
    steps: Array
    scale: Array
    sizes: Array
    away: Array
    apart: Array


def _measured(level: Array) -> _Measured:
    away, apart = stands_apart(level, LONGEST)
    given, level = level, level - away
    steps = np.diff(level, prepend=level[:1])
    scale = local_scale(steps if steps.any() else np.diff(given, prepend=given[:1]))
    sizes = np.zeros(len(level))
    for length in range(1, LONGEST + 1):
        _widen(sizes, level, length)
    return _Measured(level, steps, scale, np.maximum(sizes, np.abs(away)) / scale, away, apart)


def _judged(measured: _Measured, refused: float) -> tuple[Array, Array]:
    """Return the (T,) excursions, those of the first bars among them, and (T,) the largest that is likely.

    Args:
        measured: of one price.
        refused: histories like this one, in which chance makes one excursion as large as those refused.
    """
    level, steps, scale, sizes = measured.level, measured.steps, measured.scale, measured.sizes
    moves = np.abs(steps) / scale
    farthest = max(Tail.of(moves[1:]).exceeded_by(1.0 / refused), LEAST)
    home = float(np.median(level[LONGEST + 1 : 5 * LONGEST + 1])) if len(level) > LONGEST + 1 else level[-1]
    for row in np.flatnonzero(moves[: LONGEST + 1] > farthest):
        left = np.abs(level[:row] - home) > 0.5 * np.abs(steps[row])  # for good, and nothing lies before them
        sizes[:row] = np.where(left, np.maximum(sizes[:row], moves[row]), sizes[:row])
    most = np.full(len(level), min(largest_excursion(steps, scale, refused), _apart(sizes)))
    rows = np.flatnonzero(measured.away)
    most[rows] = np.minimum(most[rows], measured.apart[rows] / scale[rows])
    return sizes, most


def largest_excursion(steps: Array, scale: Array, refused: float = REFUSED) -> float:
    """Return the excursion, in standard deviations nearby, that the history of a close makes likely at most.

    Args:
        steps: (T,) changes from bar to bar; 0 at the first.
        scale: (T,) standard deviation nearby.
        refused: histories like this one, in which chance makes one as large.
    """
    moves = np.abs(steps[1:]) / scale[1:]
    tail = Tail.of(moves)
    undone = np.where(steps[1:-1] * steps[2:] < 0.0, np.minimum(moves[:-1], np.abs(steps[2:]) / scale[1:-1]), 0.0)
    share, times = _undone(moves, np.append(undone, 0.0), tail.trimmed)
    by_habit = np.log(1.0 / (refused * max(share, 1.0 / len(moves))))
    by_chance = 0.5 * np.log(2.0 * len(moves) / (refused * LONGEST * max(times, 1.0)))
    weight = float(np.clip(np.log(times / CHANCE) / np.log(HABIT / CHANCE), 0.0, 1.0))
    return max(tail.exceeded_by(float(np.exp(weight * by_habit + (1.0 - weight) * by_chance))), LEAST)


def doubt_last_bars(series: Series, rules: DataConfig) -> str | None:
    """Return a sentence on a close among the last `LONGEST` that moved farther than the history makes likely, or None.

    Whether such a move stays no history can know: who acts on it wants it confirmed. Of A instruments one is doubted by
    chance as seldom as one alone.

    Args:
        series: of one or more instruments; splits are undone, dividends are steps like others.
        rules: `data.accept_jumps` confirms bars.
    """
    since = series.index[-min(LONGEST, len(series.index))]
    for asset, name in enumerate(series.instruments):
        rows = slice(None) if series.traded is None else np.flatnonzero(series.traded[:, asset])
        index, close = pd.DatetimeIndex(series.index[rows]), series.close[rows, asset]
        if series.splits is not None:
            close = close * np.cumprod(series.splits[rows, asset])
        if len(index) < 2 or index[-1] < since:
            continue  # it ended before
        doubt = _doubt(index, close, since, rules, chances=len(series.instruments), positive=series.is_price)
        if doubt is not None:
            return f"{name}: {doubt}"
    return None


def _doubt(
    index: pd.DatetimeIndex, close: Array, since: pd.Timestamp, rules: DataConfig, *, chances: int, positive: bool
) -> str | None:
    """Return a sentence on the first of (T,) closes since a moment that moved too far, or None."""
    number, accepted = len(index), believed(index, rules)
    level = np.log(close) if positive else stabilised(close, close)
    steps = np.diff(level, prepend=level[:1])
    moves = np.abs(steps) / local_scale(steps)
    most = max(Tail.of(moves[1:]).exceeded_by(1.0 / (DOUBTED * chances)), LEAST)
    rows = range(max(int(index.searchsorted(since)), 1), number)
    far = [row for row in rows if moves[row] > most and not accepted[row]]
    if not far:
        return None
    row = far[0]
    left = number - 1 - row
    return (
        f"the close {close[row]:g} of {moment(index[row])}, {f'{left} before the last' if left else 'the last'}, "
        f"{_move(close[row - 1], close[row])} the {close[row - 1]:g} before it, {moves[row]:.0f} standard deviations "
        f"where its own history makes {most:.0f} likely: whether it stays cannot be known yet; correct it, or confirm "
        f"it with {believing(index, far, rules)}"
    )


def stabilised(values: Array, close: Array) -> Array:
    """Return (T,) values of what may be negative on a scale that is theirs near the median, and a log's far from it.

    Args:
        values: (T,) prices.
        close: (T,) closes, whose median and deviation are used.

    Source:
        asinh((v - median) / median absolute deviation): Uniejewski, Weron and Ziel (2018), IEEE Trans. Power Syst. 33,
        2219, where it tames the spikes of power prices.
    """
    median = float(np.median(close))
    distance = np.abs(close - median)
    spread = float(np.median(distance)) or float(distance.mean()) or 1.0
    return np.asarray(np.arcsinh((values - median) / spread), dtype=np.float64)


def refuse_doubtful_end(series: Series, rules: DataConfig) -> None:
    """Stop who would act on a series whose last bars are in doubt; arguments as in `doubt_last_bars`.

    Raises:
        GateError: they are, and the request does not confirm them.
    """
    doubt = doubt_last_bars(series, rules)
    if doubt is not None:
        raise GateError(doubt)


def _levels(bars: Bars, *, positive: bool) -> dict[str, Array]:
    """Return of each price (T,) levels in which its steps, and its distance from the close, can be compared."""
    close = bars.columns["close"]
    if not positive:
        return {name: stabilised(price, close) for name, price in bars.prices.items()}
    level = bars.log_level
    return {name: level if name == "close" else level + np.log(price / close) for name, price in bars.prices.items()}


def _excursions(levels: dict[str, Array], refused: float) -> Iterator[tuple[str, Array, Array]]:
    """Yield of each price its (T,) excursions in standard deviations of the close nearby, and the largest likely."""
    close = levels["close"]
    measured = _measured(close)
    scale, early = measured.scale, slice(LONGEST + 1)
    apart = bool(measured.away.any())
    if apart or measured.sizes.max() > LEAST or (np.abs(measured.steps[early]) > LEAST * scale[early]).any():
        yield "close", *_judged(measured, refused)  # others are no larger than what is never refused
    before = np.append(close[:1], close[:-1])
    scale = local_scale(np.diff(close, prepend=close[:1])) if apart else scale
    for column in [name for name in levels if name != "close"]:
        beyond = np.maximum(levels[column] - np.maximum(before, close), np.minimum(before, close) - levels[column])
        beyond = np.maximum(beyond, 0.0)
        sizes = beyond / scale
        if sizes.max() <= LEAST and beyond.max() < NEAR:
            continue
        most = min(max(Tail.of(sizes).exceeded_by(1.0 / refused), LEAST), _apart(sizes))
        yield column, sizes, np.minimum(most, gap_in(beyond) / scale)


def _apart(sizes: Array) -> float:
    """Return a size between the excursions and those few, one in a hundred, that are `APART` times as large; or inf.

    Several bad prints are no habit: a market that spikes does so by all sizes.
    """
    few = len(sizes) // 100
    if len(sizes) < ENOUGH:
        return float("inf")
    largest = np.sort(np.partition(sizes, len(sizes) - few - 1)[len(sizes) - few - 1 :])[::-1]
    gaps = np.flatnonzero((largest[:-1] >= APART * largest[1:]) & (largest[:-1] >= APART * LEAST))
    return float(largest[gaps[-1] + 1] * APART) * (1.0 - 1e-9) if len(gaps) else float("inf")


def _widen(sizes: Array, level: Array, length: int) -> None:
    """Raise (T,) sizes at the first bar of each excursion of `length` bars to its size."""
    starts = len(level) - length - 1
    if starts < 1:
        return
    low = high = level[1 : 1 + starts]
    for later in range(1, length):
        low = np.minimum(low, level[1 + later : 1 + later + starts])
        high = np.maximum(high, level[1 + later : 1 + later + starts])
    before, after = level[:starts], level[length + 1 :]
    size = np.maximum(low - np.maximum(before, after), np.minimum(before, after) - high)
    np.maximum(sizes[1 : 1 + starts], size, out=sizes[1 : 1 + starts])


def _undone(moves: Array, undone: Array, trimmed: int) -> tuple[float, float]:
    """Return which share of far moves is undone by half at once, and how many times as often as by chance."""
    number = len(moves)
    kept = min(trimmed + max(number // 50, 30), number // 2)
    far = np.argpartition(moves, number - kept)[number - kept :]
    far = far[np.argsort(moves[far])[: max(kept - trimmed, 1)]]  # without the largest, which may be bad prints
    by_chance = (number - np.searchsorted(np.sort(moves), 0.5 * moves[far])) / number / 2.0
    count = int((undone[far] > 0.5 * moves[far]).sum())
    return count / len(far), float((count + 1.0) / (by_chance.sum() + 1.0))


def _move(before: float, value: float) -> str:
    """Say how a value stands to another, as the verb of `the ... before it`."""
    if not (before > 0.0 and value > 0.0):
        return f"lies {value - before:+g} from"
    ratio = value / before
    return f"is {ratio - 1.0:+.1%} from" if 0.5 <= ratio < 2.0 else f"is {ratio:.4g} times"


def _sentence(bars: Bars, column: str, rows: list[int], size: float, most: float, rules: DataConfig) -> str:
    row, values = rows[0], bars.columns[column]
    more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
    before = next(beside for beside in range(row - 1, -2, -1) if beside not in rows)
    after = next((beside for beside in range(row + 1, len(values)) if beside not in rows), row)
    beside, where = (before, "before it, and comes back") if before >= 0 else (after, "after it")
    return (
        f"{bars.origin.row(row)}, {column} {values[row]:g} of {moment(bars.index[row])} "
        f"{_move(bars.columns['close'][beside], values[row])} the close of {bars.columns['close'][beside]:g} {where}: "
        f"{size:.0f} standard deviations where its own history makes {most:.0f} likely{more}; correct or remove the "
        f"row, or, if it was traded there, believe it with {believing_or_all(bars.index, rows, rules)}"
    )

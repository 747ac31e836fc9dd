"""Jumps of a price that nobody traded through: a split that is not recorded, another unit, a mark taken for a price.

An adjusted close in the same file is evidence, and nothing but evidence: what both closes show happened in the market,
what the raw one alone shows is an event that no column records. Without one a jump is judged by its ratio, and what
that cannot tell is said. Knows bars of one instrument.
"""

import numpy as np

from tradewinds.core.errors import RequestError
from tradewinds.data.checks.bars import Array, Bars
from tradewinds.data.checks.belief import believed, believing_or_all
from tradewinds.data.checks.excursions import LONGEST
from tradewinds.data.notes import Note
from tradewinds.data.readers.origin import Mask
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig

SPLITS = (*(float(ratio) for ratio in range(2, 11)), 12.0, 15.0, 20.0, 25.0, 30.0, 50.0)
UNITS = (100.0, 1000.0)
RATIOS = np.array((*SPLITS, *UNITS))
BETWEEN = (np.log(RATIOS[1:]) + np.log(RATIOS[:-1])) / 2.0  # where the nearest of them changes
MARKS = (9999.0, 99999.0, 999999.0)  # what people write where a price is missing, if it is far from the one before
FAR = 3.0  # times the farthest usual return: what a split is, and a bad day is not
NOISE = 10.0  # times the usual step of a quotient that should stand still
ODD = 0.2  # log return: a lasting move without evidence that is remarked upon
DIVIDEND = 0.09  # log return: what only the raw close shows is a dividend below, and a split from 11 for 10 on


def check_jumps(bars: Bars, rules: DataConfig, *, window: int = 10) -> list[str]:
    """Refuse a lasting jump that only the raw close shows, or that looks like a split where there is no evidence.

    With `adjusted_close`, any ratio counts. Without it a jump counts if its ratio is that of a split, within what
    prices move in a bar anyway; if it goes `FAR` times as far as all but one in two hundred of the others; and if the
    `window` bars after it stay where it led. A spike, a crash among crashes, or a wild market is none.

    Args:
        bars: of one instrument, with `splits`, `dividends` and `adjusted_close` where the file has them.
        rules: `data.accept_jumps` believes all bars, or some.
        window: bars before and after a jump by which it is known to last.

    Returns:
        What is odd and may yet be true.

    Raises:
        RequestError: there is such a jump, a change of unit, or a mark for a missing value.
    """
    accepted = believed(bars.index, rules)
    if accepted.all() or len(bars.index) < 3:
        return []
    unrecorded = _unrecorded(bars)
    proven = "adjusted_close" in bars.columns
    notes = _check_evidence(bars, np.where(accepted, 0.0, unrecorded), rules, window) if proven else []
    if len(np.unique(bars.index.hour)) > 20:
        return notes  # what trades around the clock within the day, as power does, jumps by any ratio
    return notes + _check_ratios(bars, np.isfinite(unrecorded), accepted, rules, window)


def refuse_adjusted(bars: Bars) -> None:
    """Refuse splits beside prices that are already divided by them: they would be applied twice.

    Raises:
        RequestError: the price goes on through a split as if there had been none.
    """
    if "splits" not in bars.columns:
        return
    jump = np.diff(np.log(bars.columns["close"]), prepend=np.log(bars.columns["close"][0]))
    size = np.log(bars.columns["splits"])
    usual = 3.0 * float(np.median(np.abs(jump)))
    bars.refuse(
        "splits",
        (np.abs(size) > usual) & (np.abs(jump) < np.abs(jump + size)) & (np.arange(len(jump)) > 0),
        "is of a day whose price goes on as if there had been none: the prices are already divided by it; "
        "remove the column",
    )


def _unrecorded(bars: Bars) -> Array:
    """(T,) log of the factor by which the adjusted close moved beyond what an owner got, NaN without evidence.

    0 where both moved alike, or a recorded split or dividend explains the difference; log 2 at an unrecorded 2-for-1
    split.
    """
    close, step = bars.columns["close"], np.full(len(bars.index), np.nan)
    if "adjusted_close" not in bars.columns:
        return step
    adjusted = np.where(bars.columns["adjusted_close"] > 0.0, bars.columns["adjusted_close"], np.nan)
    got = (close + bars.columns.get("dividends", 0.0)) * bars.columns.get("splits", 1.0)
    step[1:] = np.log(adjusted[1:] / adjusted[:-1]) - np.log(got[1:] / close[:-1])
    return step


def _check_evidence(bars: Bars, unrecorded: Array, rules: DataConfig, window: int) -> list[str]:
    step = np.nan_to_num(unrecorded)
    usual = NOISE * float(np.median(np.abs(step))) + _rounding(bars)
    split = np.abs(step) > np.maximum(DIVIDEND, usual)
    level = np.cumsum(step)
    refused = [row for row in np.flatnonzero(split).tolist() if _lasts(level, row, window)]
    if refused:
        raise RequestError(_unrecorded_event(bars, float(np.exp(step[refused[0]])), refused, rules))
    dividend = ~split & (step > np.maximum(0.001, usual))
    if not dividend.any():
        return []
    most = int(np.argmax(np.where(dividend, step, 0.0)))
    share, day = 1.0 - np.exp(-step[most]), moment(bars.index[most])
    return [
        f"{bars.origin.name}: the adjusted close knows {int(dividend.sum())} dividends that are not recorded, at most "
        f"{share:.1%} on {day}: returns are those of the price alone; series.dividends names a column of them"
    ]


def _rounding(bars: Bars) -> Array:
    """(T,) log by which a step of the adjusted close may be off where it is written with few digits; 0 without one."""
    adjusted: Array = bars.columns.get("adjusted_close", np.zeros(len(bars.index)))
    grains = np.diff(np.unique(adjusted[adjusted > 0.0]))
    if len(grains) == 0:
        return np.zeros(len(adjusted))
    half = np.minimum(0.5 * grains.min() / np.where(adjusted > 0.0, adjusted, np.inf), 0.5)
    off = -np.log1p(-half)
    return np.asarray(off + np.append(0.0, off[:-1]), dtype=np.float64)


def _check_ratios(bars: Bars, proven: Mask, accepted: Mask, rules: DataConfig, window: int) -> list[str]:
    level = bars.log_level
    jump = np.diff(level, prepend=level[0])
    size = np.abs(jump)
    if size.max() <= ODD:
        return []
    marked = np.isin(bars.columns["close"], MARKS) & (size > np.log(3.0)) & ~accepted
    bars.refuse("close", marked, "marks a missing value; declare it with data.missing_marks, or remove the row")
    nearest = RATIOS[np.searchsorted(BETWEEN, size)]
    near = np.abs(size - np.log(nearest)) < float(np.clip(3.0 * np.median(size), 0.02, 0.06))
    usual = float(np.quantile(size[1:][~near[1:]], 0.995)) if not near[1:].all() else 0.0
    far = near & (size > FAR * usual)
    unit = far & np.isin(nearest, UNITS)
    odd = (far | (size > max(ODD, NOISE * float(np.median(size))))) & ~accepted
    lasting = np.zeros(len(level), dtype=bool)
    rows = np.flatnonzero(odd)
    lasting[rows] = [_lasts(level, row, window) for row in rows.tolist()]
    refused = np.flatnonzero(lasting & far & (unit | ~proven))
    if len(refused):
        raise RequestError(_jump(bars, float(nearest[refused[0]]), refused.tolist(), rules))
    lasting[-LONGEST:] = False  # whether those stay cannot be known yet: `doubt_last_bars` tells them
    early = np.arange(len(level)) <= LONGEST
    return [
        *_told(bars, lasting & proven, "and so does the adjusted close: it is read as real"),
        *_told(
            bars,
            lasting & ~proven & early,
            "with so few bars before it that it cannot be known whether they are off or the market moved; all are read "
            "as real",
        ),
        *_told(
            bars,
            lasting & ~proven & ~early,
            "and stays there: without an adjusted close beside it, it cannot be known whether the market moved or a "
            "split is not recorded; it is read as real",
        ),
    ]


def _told(bars: Bars, rows: Mask, words: str) -> list[str]:
    """Say what is odd about the first of some rows, and how many more there are."""
    odd = np.flatnonzero(rows)
    more = f" (and {len(odd) - 1} more rows)" if len(odd) > 1 else ""
    return [Note(f"{_move(bars, int(odd[0]))}, {words}{more}", "jump")] if len(odd) else []


def _lasts(level: Array, row: int, window: int) -> bool:
    """Whether the bars after a jump stay where it led, (T,) logs."""
    before, after = np.median(level[max(row - window, 0) : row]), np.median(level[row : row + window])
    jump = level[row] - level[row - 1]
    return bool(abs((after - before) - jump) < 0.25 * abs(jump))


def _move(bars: Bars, row: int) -> str:
    before, value = bars.columns["close"][row - 1], bars.columns["close"][row]
    return f"{bars.origin.row(row)}, close {value:g} of {moment(bars.index[row])} moves by {value / before - 1.0:+.1%}"


def _unrecorded_event(bars: Bars, ratio: float, rows: list[int], rules: DataConfig) -> str:
    row, adjusted = rows[0], bars.columns["adjusted_close"]
    move = adjusted[row] / adjusted[row - 1] - 1.0
    kind = f"{ratio:.4g}-for-1 split" if ratio > 1.0 else f"1-for-{1.0 / ratio:.4g} reverse split"
    if 1.0 < ratio < 1.5:
        kind += f", or a dividend of {1.0 - 1.0 / ratio:.1%} of the price,"
    return (
        f"{_move(bars, row)} and the adjusted close by {move:+.1%}: only the raw one shows it, as after a {kind} that "
        f"is not recorded; write {ratio:.4g} for that day into a column splits (series.splits names another), choose a "
        f"span without it with series.first or series.last, or {_believe(bars, rows, rules)}"
    )


def _believe(bars: Bars, rows: list[int], rules: DataConfig) -> str:
    """Say how to believe some bars; the first is named by the message, the others are more of them."""
    return f"believe the close as it is with {believing_or_all(bars.index, rows, rules)}"


def _jump(bars: Bars, ratio: float, rows: list[int], rules: DataConfig) -> str:
    row, believe = rows[0], _believe(bars, rows, rules)
    before, value = bars.columns["close"][row - 1], bars.columns["close"][row]
    change = f"{value / before:.3g} times" if value > before else f"1/{before / value:.3g} of"
    head = (
        f"{bars.origin.row(row)}, close {value:g} of {moment(bars.index[row])} is {change} the {before:g} before it, "
    )
    if ratio in UNITS:
        return f"{head}as where pence follow pounds; write one unit throughout, or {believe}"
    kind = f"{ratio:g}-for-1 split" if value < before else f"1-for-{ratio:g} reverse split"
    units = ratio if value < before else 1.0 / ratio
    return (
        f"{head}as after a {kind} that is not recorded; without an adjusted close beside it, it cannot be known "
        f"whether the market moved: add a column adj_close, or write {units:.3g} for that day into a column splits, "
        f"or {believe}"
    )

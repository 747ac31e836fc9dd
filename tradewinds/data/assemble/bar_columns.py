"""Bar columns: what the user knows at the close of a bar besides its prices."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.future_covariates import refuse_holes
from tradewinds.data.checks.bars import check_countable
from tradewinds.data.config import FileConfig
from tradewinds.data.notes import Note
from tradewinds.data.readers.names import HINDSIGHT, is_adjusted, meanings, why_no_feature
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import listed
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
YEAR_NS = 366 * 86_400 * 10**9
KNOWS = 0.9  # correlation with the next bar's return that no honest column has


@dataclass(frozen=True)
class Further:
    """The columns of a file beside its bars.

    Attributes:
        names: of those that are read.
        left_out: of those that are not, and why.
        notes: what a person should know of them.
    """

    names: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


def with_columns(
    series: Series, table: Table, config: FileConfig, rules: DataConfig, roles: Mapping[str, str]
) -> tuple[Series, Further]:
    """Put the other columns of a file of bars beside them, and say which they are.

    Args:
        series: the bars.
        table: the file they were read from.
        config: names them, or lets every column of numbers be taken that has no holes and varies.
        rules: whether holes are to be told to the network, `data.repair=[missing]`.
        roles: by role, the columns that the bars themselves were read from.

    Raises:
        RequestError: a column that was named is not there, holds no numbers, or has a hole.
    """
    rows = np.asarray(table.index.isin(series.index))
    taken = {*roles.values(), *map(table.find, config.known_ahead)}
    left_out = _left_out(table, taken)
    unreadable: dict[str, str] = {}
    if config.columns is None:
        rest = [name for name in table.columns if name not in taken and name not in left_out]
        values, unreadable = _usable(table, rows, rest)
    else:
        values = {name: table.numbers(name, empty_allowed=True) for name in config.columns}
        unreadable = {name: "not named in series.columns" for name in table.columns if name not in (*taken, *values)}
        refuse_holes(values, rows, table.origin, rules)
        for name, column in values.items():
            check_countable(name, column[rows], table.index[rows], table.origin.name)
    further = Further(
        tuple(values), {**left_out, **unreadable}, _notes(table, list(values), left_out, unreadable, config)
    )
    if not values:
        return series, further
    frame = pd.DataFrame(values, index=table.index).reindex(series.index)
    repeated = sorted(set(map(str, frame.columns)) & set(map(str, series.exogenous.columns)))
    if repeated:
        raise RequestError(f"series.columns and series.known_ahead must not name the same column, both: {repeated[0]}")
    holes = tuple(values) if config.columns is not None and "missing" in rules.repair else ()
    joined = dataclasses.replace(
        series,
        exogenous=pd.concat([series.exogenous, frame], axis=1),
        lags={**series.lags, **dict.fromkeys(values, series.bar_length)},
        missing=(*series.missing, *holes),
    )
    return joined, dataclasses.replace(further, notes=(*further.notes, *_clairvoyant(joined, list(values))))


def _left_out(table: Table, taken: Collection[str]) -> dict[str, str]:
    """Return the columns that are no features whatever stands in them, and why."""
    meant = meanings(table.columns)
    reasons = {name: why_no_feature(name, meant[name]) for name in table.columns if name not in taken}
    if table.layout.symbol_column in reasons:
        reasons[table.layout.symbol_column] = "names the instrument"
    return {name: reason for name, reason in reasons.items() if reason}


def _usable(table: Table, rows: NDArray[np.bool_], names: Sequence[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the columns nobody named that can be read, and those that cannot, with the reason."""
    values: dict[str, Array] = {}
    unreadable = {}
    for name in names:
        try:
            column = table.numbers(name, empty_allowed=True)
        except RequestError:
            unreadable[name] = "no numbers"
            continue
        reason = "" if np.isfinite(column[rows]).all() else "holes"
        if not reason:
            check_countable(name, column[rows], table.index[rows], table.origin.name)
            reason = _why_unusable(column[rows], table.index[rows])
        if reason:
            unreadable[name] = reason
        else:
            values[name] = column
    return values, unreadable


def _why_unusable(column: Array, index: pd.DatetimeIndex) -> str:
    if np.ptp(column) == 0.0:
        return "never another value"
    if np.ptp(np.diff(column)) == 0.0 and abs(column[1] - column[0]) == 1.0 and column.min() in (0.0, 1.0):
        return "counts the rows"
    ends = column[[0, -1]]
    for unit in (10**9, 10**6, 10**3, 1):  # nanoseconds
        if (np.abs(ends * unit - index.asi8[[0, -1]]) < 2 * YEAR_NS).all() and (np.diff(column) >= 0.0).all():
            return "a clock"
    return ""


def _notes(
    table: Table, read: list[str], left_out: Mapping[str, str], unreadable: Mapping[str, str], config: FileConfig
) -> tuple[str, ...]:
    name = table.origin.name
    notes = [_told(name, "reads", read, "as known at the close of their bar")] if read else []
    if unreadable and config.columns is None:
        notes.append(_told(name, "leaves out", list(unreadable), "no numbers, holes, or never another value"))
    hindsight = [column for column, reason in left_out.items() if reason == HINDSIGHT and not is_adjusted(column)]
    if hindsight:
        notes.append(f"{name}: leaves out {listed(hindsight, 5)} ({HINDSIGHT})")
    return tuple(Note(note, "columns") for note in notes)


def _told(file: str, verb: str, names: list[str], why: str) -> str:
    return f"{file}: {verb} {listed(names, 5)} ({why}; series.columns says which)"


def _clairvoyant(series: Series, names: list[str]) -> tuple[str, ...]:
    """Return a warning for each column that knows the next bar too well to have been known at its own."""
    if len(series.index) < 30 or not series.is_price:
        return ()
    after = np.diff(np.log(series.close[:, 0]))
    notes = []
    for name in names:
        column = series.exogenous[name].to_numpy(dtype=np.float64)[:-1]
        finite = np.isfinite(column)
        if np.ptp(column[finite]) == 0.0 or np.ptp(after[finite]) == 0.0:
            continue
        correlation = np.corrcoef(column[finite], after[finite])[0, 1]
        if abs(correlation) > KNOWS:
            notes.append(
                f"column {name} correlates by {correlation:.2f} with the return of the bar after it: it was hardly "
                "known at its bar's close; leave it out with series.columns"
            )
    return tuple(notes)

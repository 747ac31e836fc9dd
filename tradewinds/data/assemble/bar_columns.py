"""Bar columns: what the user knows at the close of a bar besides its prices."""

import dataclasses

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.future_covariates import refuse_holes
from tradewinds.data.config import FileConfig
from tradewinds.data.readers.names import speaks_of_prices
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import listed
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
KNOWS = 0.9  # correlation with the next bar's return that no honest column has


def with_columns(series: Series, table: Table, config: FileConfig, rules: DataConfig) -> tuple[Series, tuple[str, ...]]:
    """Put the other columns of a file of bars beside them, and say which they are.

    Args:
        series: the bars.
        table: the file they were read from.
        config: names them, or lets every column of numbers be taken that has no holes and varies.
        rules: whether holes are to be told to the network, `data.repair=[missing]`.

    Raises:
        RequestError: a column that was named is not there, holds no numbers, or has a hole.
    """
    rows = np.asarray(table.index.isin(series.index))
    if config.columns is None:
        values, unreadable = _usable(table, rows, _taken(config))
    else:
        values, unreadable = {name: table.numbers(name, empty_allowed=True) for name in config.columns}, []
        refuse_holes(values, rows, table.origin, rules)
    notes = [_told(table.origin.name, "reads", list(values), "as known at the close of their bar")] if values else []
    if unreadable:
        notes.append(_told(table.origin.name, "leaves out", unreadable, "no numbers, holes, or never another value"))
    if not values:
        return series, tuple(notes)
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
    return joined, (*notes, *_clairvoyant(joined, list(values)))


def _taken(config: FileConfig) -> set[str]:
    roles = (config.open, config.high, config.low, config.close, config.volume, config.dividends, config.splits)
    return {role.lower() for role in roles if role} | {name.lower() for name in config.known_ahead}


def _usable(table: Table, rows: NDArray[np.bool_], taken: set[str]) -> tuple[dict[str, Array], list[str]]:
    """Return the columns nobody named that can be read, and the names of those that cannot."""
    values, unreadable = {}, []
    for name in table.columns:
        if name.strip().lower() in taken or speaks_of_prices(name):
            continue
        try:
            column = table.numbers(name, empty_allowed=True)
        except RequestError:
            unreadable.append(name)
            continue
        known_values = column[rows]
        if np.isfinite(known_values).all() and np.ptp(known_values) > 0.0:
            values[name] = column
        else:
            unreadable.append(name)
    return values, unreadable


def _told(file: str, verb: str, names: list[str], why: str) -> str:
    return f"{file}: {verb} {listed(names, 5)} ({why}; series.columns says which)"


def _clairvoyant(series: Series, names: list[str]) -> tuple[str, ...]:
    """Return a warning for each column that knows the next bar too well to have been known at its own."""
    if len(series.index) < 30 or series.target != "log_return":
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

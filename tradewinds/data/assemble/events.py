"""Put what comes at moments of its own, texts and pictures, beside the bars of a series, by when it was known.

A bar has what became known since the moment at which the bar before it was read. Unlike a value that is measured again
and again nothing is carried on: of a bar without any, its columns are missing, and its count is 0.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.readers.limits import GIB, free_memory
from tradewinds.data.readers.text import counted, listed

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
KnownAt = Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]
WORKED = 8.0  # times that a table of all instruments lies in memory while it is joined, read and checked
COUNT = "_count"  # end of the name of a column of ones, whose sum a bar has


def join_events(loaded: LoadedSeries, columns: LoadedColumns, known_at: KnownAt | None = None) -> LoadedSeries:
    """Pool the rows of `columns` by bar, as its `pool` says; of several instruments each has those of its own.

    Args:
        loaded: T bars.
        columns: rows by their times.
        known_at: from starts and closes of the bars to the moments up to which rows may be known; None: the closes.

    Raises:
        RequestError: a column stands in the series already, or none of its instruments has a row.
    """
    series, table = loaded.series, columns.table
    repeated = sorted(set(map(str, table.columns)) & set(map(str, series.exogenous.columns)))
    if repeated:
        raise RequestError(
            f"{', '.join(repeated)} stands in the series and is a name of {columns.group}; rename it in the series, or "
            "see series.columns"
        )
    moments = series.close_time if known_at is None else known_at(series.index, series.close_time)
    since = moments[0] - series.bar_length
    own: dict[str, tuple[str, ...]] = {}
    if columns.whose is None or len(series.instruments) == 1:
        joined = pooled(columns, moments, since).set_axis(series.index)
    else:
        joined, own = _pooled_by_instrument(series, columns, moments, since)
    lag = pd.Timedelta((columns.available[str(table.columns[0])] - pd.DatetimeIndex(table.index)).min())
    whole = dataclasses.replace(
        series,
        exogenous=pd.concat([series.exogenous, joined], axis=1),
        lags={**series.lags, **dict.fromkeys(map(str, joined), pd.Timedelta(0) if table.empty else lag)},
        own={**series.own, **own},
        missing=(*series.missing, *(str(name) for name in table.columns if not str(name).endswith(COUNT))),
        senses=(*series.senses, *([] if columns.sense is None else [columns.sense])),
    )
    sources, notes = (*loaded.sources, *columns.sources), (*loaded.notes, *columns.notes, _told(whole, columns))
    return dataclasses.replace(loaded, series=whole, notes=notes, sources=sources)


def _pooled_by_instrument(
    series: Series, columns: LoadedColumns, moments: pd.DatetimeIndex, since: pd.Timestamp
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Return (T, A K): of each instrument the rows that are its own or of all, and which columns hold which of it."""
    assert columns.whose is not None
    names, instruments = list(map(str, columns.table.columns)), series.instruments
    needed = WORKED * 8.0 * len(moments) * len(names) * len(instruments)
    if needed > free_memory():
        raise RequestError(
            f"{columns.origin.name}: {len(names)} numbers a bar of each of {len(instruments)} instruments take about "
            f"{needed / GIB:.1f} GB of memory, and {free_memory() / GIB:.1f} are free; lower text.words, take "
            "text.encoder=lexicon, or choose fewer instruments"
        )
    blocks = []
    for instrument in instruments:
        rows = (columns.whose == instrument) | (columns.whose == "")
        available = {name: columns.available[name][rows] for name in names}
        part = dataclasses.replace(columns, table=columns.table[rows], available=available)
        blocks.append(pooled(part, moments, since).set_axis([f"{name} of {instrument}" for name in names], axis=1))
    own = {name: tuple(f"{name} of {instrument}" for instrument in instruments) for name in names}
    return pd.concat(blocks, axis=1).set_axis(series.index), own


def _told(series: Series, columns: LoadedColumns) -> str:
    """Say of how many bars, and instruments, there is any."""
    table, times = columns.table, pd.DatetimeIndex(columns.table.index)
    count = next(str(name) for name in table.columns if str(name).endswith(COUNT))
    there = series.exogenous[list(series.holding(count))].to_numpy(dtype=np.float64) > 0.0
    of_each = ""
    if there.shape[1] > 1:
        having = int(there.any(axis=0).sum())
        of_each = f" of {having} of {there.shape[1]} instruments, each its own"
    return (
        f"{columns.origin.name}: {counted(len(table), 'row')}{f', {_span(times)}' if len(times) else ''}, in "
        f"{int(there.any(axis=1).sum())} of {len(there)} bars{of_each}, each by when it was known"
        f"{f', {columns.known_by}' if columns.known_by else ''}; the other bars are told that there is none"
    )


def of_instruments(series: Series, columns: LoadedColumns) -> LoadedColumns:
    """Return the rows of a series' own instruments, and of all; what is not theirs is told, and not read.

    A series of one instrument reads all rows, and is told of how many symbols they are.

    Raises:
        RequestError: none of several instruments has a row.
    """
    if columns.whose is None:
        return columns
    if len(series.instruments) == 1:
        symbols = sorted(set(columns.whose.tolist()) - {""})
        note = (
            f"{columns.origin.name}: rows of {len(symbols)} symbols ({listed(symbols, 5)}) are read together; "
            f"{columns.group}.symbol=... reads those of one"
        )
        return dataclasses.replace(columns, whose=None, notes=(*columns.notes, *([note] if len(symbols) > 1 else [])))
    own = np.isin(columns.whose, series.instruments)
    others = sorted(set(columns.whose[~own & (columns.whose != "")].tolist()))
    if not own.any():
        raise RequestError(
            f"{columns.origin.name} has rows of {listed(others, 8) or 'no symbol'}, and none of the instruments "
            f"{listed(series.instruments, 8)}{nearest(others[0], series.instruments) if others else ''}; write their "
            "symbols as the series does, or leave the column out, and all read the same"
        )
    kept = own | (columns.whose == "")
    notes = list(columns.notes)
    if others:
        rows = counted(int((~kept).sum()), "row")
        notes.append(f"{columns.origin.name}: {rows} of {listed(others, 5)}, no instrument of the series: not read")
    return dataclasses.replace(
        columns,
        table=columns.table[kept],
        available={name: moments[kept] for name, moments in columns.available.items()},
        origin=columns.origin.take(kept),
        notes=tuple(notes),
        whose=columns.whose[kept],
    )


def refuse_apart(series: Series, columns: LoadedColumns) -> None:
    """Refuse what became known before the first bar of a series began, or after its last one closed, all of it.

    Raises:
        RequestError: no bar has any, and both spans are named.
    """
    known = columns.available[str(columns.table.columns[0])]
    if not ((known > series.index[0]) & (known <= series.close_time[-1])).any():
        raise RequestError(
            f"no bar of {series.name}, {_span(series.index)}, has any of {columns.origin.name}, "
            f"{_span(pd.DatetimeIndex(columns.table.index))}; choose series.first and series.last, or another "
            f"{columns.group}.path"
        )


def pooled(columns: LoadedColumns, moments: pd.DatetimeIndex, since: pd.Timestamp) -> pd.DataFrame:
    """Return (T, K): of the rows that became known in (moments[t - 1], moments[t]], the first after `since`, one each.

    Bars that are read at one moment have the same. `mean` is that of the rows, `newest` the last that became known,
    `join` their values behind each other, the last K, without the zeros at the end of each; `latest` the largest of
    each column, which of moments is that at which the bar was whole. A column of counts is the sum, but for `latest`.
    """
    table = columns.table
    names = [str(name) for name in table.columns]
    is_count = np.array([name.endswith(COUNT) for name in names])
    known = columns.available[names[0]].as_unit("ns").asi8
    order = np.argsort(known, kind="stable")
    order = order[known[order] > since.as_unit("ns").value]
    reads, place = np.unique(moments.as_unit("ns").asi8, return_inverse=True)
    bar = np.searchsorted(reads, known[order], side="left")
    order, bar = order[bar < len(reads)], bar[bar < len(reads)]
    values = table.to_numpy(dtype=np.float64)[order]
    result = np.full((len(reads), len(names)), np.nan)
    result[:, is_count] = 0.0
    starts = np.flatnonzero(np.diff(bar, prepend=-1))
    if len(starts):
        counts = np.maximum if columns.pool == "latest" else np.add
        result[np.ix_(bar[starts], ~is_count)] = POOLS[columns.pool](values[:, ~is_count], starts)
        result[np.ix_(bar[starts], is_count)] = counts.reduceat(values[:, is_count], starts)
    return pd.DataFrame(result[place], columns=names)


def _mean(rows: Array, starts: Rows) -> Array:
    size = np.diff(starts, append=len(rows))
    return np.asarray(np.add.reduceat(rows, starts) / size[:, None])


def _newest(rows: Array, starts: Rows) -> Array:
    return np.asarray(rows[np.append(starts[1:], len(rows)) - 1])


def _latest(rows: Array, starts: Rows) -> Array:
    return np.asarray(np.maximum.reduceat(rows, starts))


def _join(rows: Array, starts: Rows) -> Array:
    width = rows.shape[1]
    length = width - (rows[:, ::-1] != 0.0).argmax(axis=1)
    length[~rows.any(axis=1)] = 0
    joined = np.zeros((len(starts), width))
    for number, of_bar in enumerate(np.split(np.arange(len(rows)), starts[1:])):
        last = np.concatenate([rows[row, : length[row]] for row in of_bar])[-width:]
        joined[number, : len(last)] = last
    return joined


# From (N, K) rows and (M,) the first of each bar to (M, K).
POOLS: dict[str, Callable[[Array, Rows], Array]] = {
    "mean": _mean,
    "newest": _newest,
    "join": _join,
    "latest": _latest,
}


def _span(index: pd.DatetimeIndex) -> str:
    return f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"

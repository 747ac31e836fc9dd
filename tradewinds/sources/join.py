"""Put exogenous columns beside the bars of a series, by when they were known."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd

from forecaster.series import Series, join_as_of
from tradewinds.errors import RequestError
from tradewinds.sources.loaded import LoadedColumns, LoadedSeries


def join_columns(loaded: LoadedSeries, columns: LoadedColumns) -> LoadedSeries:
    """Join `columns` as-of on availability and cut the series to the bars for which they were fresh.

    A bar is kept from the first on at which every column is known, until one interval of the columns after the last
    value became known: beyond that the join would repeat an old value for ever.

    Raises:
        RequestError: no bar is left; both spans are named.
    """
    series, table, times = loaded.series, columns.table, pd.DatetimeIndex(columns.table.index)
    joined = join_as_of(series.index, series.bar_length, table, columns.lags)
    interval = pd.Timedelta(np.median(np.diff(times.asi8)), unit="ns") if len(table) > 1 else series.bar_length
    ends = [pd.Timestamp(str(table[name].last_valid_index())) + columns.lags[name] for name in joined.columns]
    fresh = series.close_time < min(ends) + interval
    kept = np.flatnonzero(joined.notna().all(axis=1).to_numpy() & fresh)
    if len(kept) == 0:
        raise RequestError(
            f"market and weather do not overlap: {series.name} runs {_span(series.index)}, "
            f"the weather {_span(times)}; choose series.first and series.last, or other weather"
        )
    rows = range(int(kept[0]), int(kept[-1]) + 1)
    cut = series.rows(rows)
    notes = list(loaded.notes)
    if len(rows) < len(series.index):
        notes.append(
            f"weather is known for {len(rows)} of {len(series.index)} bars: {series.name} is cut to {_span(cut.index)}"
        )
    notes.extend(_remarks(cut, columns, interval))
    whole = dataclasses.replace(
        cut,
        exogenous=joined.iloc[rows.start : rows.stop],
        lags=dict(columns.lags),
        units={**series.units, **columns.units},
    )
    return LoadedSeries(whole, tuple(notes), (*loaded.sources, *columns.sources))


def _remarks(series: Series, columns: LoadedColumns, interval: pd.Timedelta) -> Iterator[str]:
    """Say which columns are known suspiciously early, and which repeat an old value inside the series."""
    for name in columns.table.columns:
        lag = columns.lags[name]
        if lag < interval:
            yield f"{name} counts as known {lag} after its interval of {interval} began: right only for a forecast"
        known = pd.DatetimeIndex(columns.table[name].dropna().index) + lag
        gaps = np.diff(known.asi8)
        inside = (known[1:] > series.close_time[0]) & (known[:-1] < series.close_time[-1])
        longest = int(np.where(inside, gaps, 0).argmax()) if len(gaps) else 0
        if len(gaps) and inside[longest] and gaps[longest] > 3 * interval.as_unit("ns").value:
            days = pd.Timedelta(int(gaps[longest]), unit="ns") / pd.Timedelta(days=1)
            yield f"{name} has no new value for {days:.1f} days from {known[longest]:%Y-%m-%d}: the old one is repeated"


def _span(index: pd.DatetimeIndex) -> str:
    return f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"

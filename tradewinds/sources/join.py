"""Put exogenous columns beside the bars of a series, by when they were known."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from forecaster.series import join_as_of
from tradewinds.errors import RequestError
from tradewinds.sources.loaded import LoadedColumns, LoadedSeries
from tradewinds.sources.rules import DataConfig
from tradewinds.sources.weather import check_clock, check_gaps, median_interval

FARTHEST = pd.Timedelta(days=366)  # ahead of its interval that a value may be known: a seasonal outlook


KnownAt = Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]


def join_columns(
    loaded: LoadedSeries, columns: LoadedColumns, rules: DataConfig, known_at: KnownAt | None = None
) -> LoadedSeries:
    """Join `columns` as-of on availability and cut the series to the bars for which they were fresh.

    A bar is kept from the first on at which every column is known, until one interval of the columns after the last
    value became known: beyond that the join would repeat an old value for ever. Columns joined before stay.
    `known_at` turns starts and closes of the bars into the moments up to which values may be known; None: the closes.

    Raises:
        RequestError: no bar is left, and both spans are named; or a column has a hole too long to carry over.
    """
    series, table, times = loaded.series, columns.table, pd.DatetimeIndex(columns.table.index)
    moments = series.close_time if known_at is None else known_at(series.index, series.close_time)
    joined = join_as_of(moments, table, columns.available).set_axis(series.index)
    interval = median_interval(times)
    ends = [max(columns.available[name][table[name].notna().to_numpy()]) for name in joined.columns]
    fresh = moments < min(ends) + interval
    kept = np.flatnonzero(joined.notna().all(axis=1).to_numpy() & fresh)
    if len(kept) == 0:
        raise RequestError(
            f"market and weather do not overlap: {series.name} runs {_span(series.index)}, "
            f"the weather {_span(times)}; choose series.first and series.last, or other weather"
        )
    rows = range(int(kept[0]), int(kept[-1]) + 1)
    cut = series.rows(rows)
    notes = [*loaded.notes, *columns.notes]
    said = ""
    if len(rows) < len(series.index):
        said = (
            f"weather is known for {len(rows)} of {len(series.index)} bars: {series.name}, {_span(series.index)}, "
            f"is cut to {_span(cut.index)}, as the weather runs {_span(times)}"
        )
        notes.append(said)
    notes.extend(_early(columns, interval))
    notes.extend(check_gaps(table, columns.origin, rules, first=cut.close_time[0] - interval, last=cut.close_time[-1]))
    notes.extend(check_clock(table, columns.units, columns.place if columns.place is not None else loaded.zone))
    lags = {name: pd.Timedelta((columns.available[name] - times).min()) for name in joined.columns}
    whole = dataclasses.replace(
        cut,
        exogenous=pd.concat([cut.exogenous, joined.iloc[rows.start : rows.stop]], axis=1),
        lags={**cut.lags, **lags},
        units={**series.units, **columns.units},
    )
    sources = (*loaded.sources, *columns.sources)
    said = "; ".join(part for part in (loaded.cut, said) if part)
    return dataclasses.replace(loaded, series=whole, notes=tuple(notes), sources=sources, cut=said)


def _early(columns: LoadedColumns, interval: pd.Timedelta) -> Iterator[str]:
    """Say which columns are known before their interval is over, and refuse what nobody could have known.

    Raises:
        RequestError: a value counts as known more than a year before its interval.
    """
    for name in columns.table.columns:
        lags = columns.available[name] - pd.DatetimeIndex(columns.table.index)
        lag = pd.Timedelta(lags.min())
        if lag < -FARTHEST:
            row = int(lags.argmin())
            raise RequestError(
                f"{columns.origin.row(row)}, {name} counts as known {-lag} before its interval began; no forecast "
                "reaches that far: correct when it was known"
            )
        if lag < interval and not columns.forecast:
            when = f"{lag} after its" if lag >= pd.Timedelta(0) else f"{-lag} before its"
            yield f"{name} counts as known {when} interval of {interval} began: right only for a forecast"


def _span(index: pd.DatetimeIndex) -> str:
    return f"{index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"

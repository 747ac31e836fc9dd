"""Put exogenous columns beside the bars of a series, by when they were known."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from forecaster.data.as_of import join_as_of
from forecaster.data.future_covariates import FutureCovariates
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.future_covariates import refuse_short
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.checks.weather import check_clock, check_gaps, median_interval
from tradewinds.data.rules import DataConfig

FARTHEST = pd.Timedelta(days=366)  # ahead of its interval that a value may be known: a seasonal outlook


KnownAt = Callable[[pd.DatetimeIndex, pd.DatetimeIndex], pd.DatetimeIndex]


def join_columns(
    loaded: LoadedSeries, columns: LoadedColumns, rules: DataConfig, known_at: KnownAt | None = None
) -> LoadedSeries:
    """Join `columns` as-of on availability and cut the series to the bars for which they were fresh.

    A bar is kept from the first on at which every column is known, until one interval of the columns after the last
    value became known: beyond that the join would repeat an old value for ever. With `data.repair=[missing]` every bar
    is kept, and a column is NaN, which is to say missing, before its first value and where it is carried no further.
    Columns joined before stay.
    `known_at` turns starts and closes of the bars into the moments up to which values may be known; None: the closes.

    Raises:
        RequestError: no bar is left, and both spans are named; a column has a hole too long to carry over; or a column
            stands in the series already.
    """
    series, table, times = loaded.series, columns.table, pd.DatetimeIndex(columns.table.index)
    repeated = sorted(set(map(str, table.columns)) & set(map(str, series.exogenous.columns)))
    if repeated:
        raise RequestError(
            f"{', '.join(repeated)} stands in the series and in the weather; rename one of them, or see series.columns"
        )
    moments = series.close_time if known_at is None else known_at(series.index, series.close_time)
    joined = join_as_of(moments, table, columns.available).set_axis(series.index)
    interval = median_interval(times)
    marks_missing = "missing" in rules.repair
    if marks_missing:
        stale = _stale(moments, columns, interval + pd.Timedelta(hours=rules.max_gap_hours))
        joined = joined.mask(stale.set_axis(series.index))
    ends = [columns.available[name][table[name].notna().to_numpy()].max() for name in joined.columns]
    fresh = moments < min(ends) + interval
    fresh_rows = np.flatnonzero(joined.notna().all(axis=1).to_numpy() & fresh)
    if marks_missing and joined.notna().any().all():
        fresh_rows = np.arange(len(joined))
    if len(fresh_rows) == 0:
        raise RequestError(
            f"market and weather do not overlap: {series.name} runs {_span(series.index)}, "
            f"the weather {_span(times)}; choose series.first and series.last, or other weather"
        )
    rows = range(int(fresh_rows[0]), int(fresh_rows[-1]) + 1)
    cut = series.rows(rows)
    notes = [*loaded.notes, *columns.notes]
    cut_note = ""
    if len(rows) < len(series.index):
        cut_note = (
            f"weather is known for {len(rows)} of {len(series.index)} bars: {series.name}, {_span(series.index)}, "
            f"is cut to {_span(cut.index)}, as the weather runs {_span(times)}"
        )
        notes.append(cut_note)
    notes.extend(_early(columns, interval))
    notes.extend(check_gaps(table, columns.origin, rules, first=cut.close_time[0] - interval, last=cut.close_time[-1]))
    notes.extend(check_clock(table, columns.units, columns.place if columns.place is not None else loaded.zone))
    lags = {name: pd.Timedelta((columns.available[name] - times).min()) for name in joined.columns}
    leads = _leads(columns, series.bar_length)
    lags |= {name: interval - lead for name, lead in leads.items() if not columns.forecast}
    future = (FutureCovariates(table[list(leads)], leads, interval),) if leads else ()
    whole = dataclasses.replace(
        cut,
        exogenous=pd.concat([cut.exogenous, joined.iloc[rows.start : rows.stop]], axis=1),
        lags={**cut.lags, **lags},
        missing=(*cut.missing, *joined.columns) if marks_missing else cut.missing,
        future_covariates=(
            *cut.future_covariates,
            *(part.between(cut.index[0], cut.index[-1]) for part in future),
        ),
        units={**series.units, **columns.units},
    )
    sources = (*loaded.sources, *columns.sources)
    cut_note = "; ".join(part for part in (loaded.cut, cut_note) if part)
    return dataclasses.replace(loaded, series=whole, notes=tuple(notes), sources=sources, cut=cut_note)


def _leads(columns: LoadedColumns, bar_length: pd.Timedelta) -> dict[str, pd.Timedelta]:
    """Return how far ahead columns are known, where it is far enough to say anything of the next bar.

    Raises:
        RequestError: a column that was declared is not known that far.
    """
    if not columns.forecast:
        refuse_short(columns.leads, bar_length, "weather", "a bar")
    return {name: lead for name, lead in columns.leads.items() if lead >= bar_length}


def _stale(closes: pd.DatetimeIndex, columns: LoadedColumns, most: pd.Timedelta) -> pd.DataFrame:
    """Return (T, K) where the value that is joined became known `most` or longer before the bar's close."""
    table = columns.table
    numbers = pd.DataFrame({name: np.arange(float(len(table))) for name in table.columns}, index=table.index)
    rows = join_as_of(closes, numbers.where(table.notna()), columns.available)
    ends = {}
    for name in rows.columns:
        moments = columns.available[str(name)].as_unit("ns").asi8[rows[name].fillna(0.0).to_numpy(dtype=np.int64)]
        ends[name] = closes.as_unit("ns").asi8 >= moments + most.as_unit("ns").value
    return pd.DataFrame(ends)


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

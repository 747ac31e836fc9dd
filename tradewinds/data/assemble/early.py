"""A series whose rows are read before their bars close: its own columns, and its leads, as they are known by then.

What joins other columns asks the same moments (`exogenous`); here are those that came with the bars.
"""

import dataclasses

import numpy as np
import pandas as pd

from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.exogenous import KnownAt
from tradewinds.data.assemble.loaded import LoadedSeries


def read_early(loaded: LoadedSeries, known_at: KnownAt) -> LoadedSeries:
    """Put at each bar the newest row of the series' own columns that is known at the moment the bar is read.

    A row is known at the close of its bar, or as early as it is announced (`Series.future_covariates`). Bars at which
    none is known yet are cut off.

    Args:
        loaded: bars, and the columns of their file.
        known_at: from starts and closes of the bars (T,) moments at which they are read.

    Raises:
        RequestError: no bar is left.
    """
    series = loaded.series
    if series.exogenous.empty:
        return loaded
    moments = known_at(series.index, series.close_time).as_unit("ns").asi8
    leads = {name: lead for part in series.future_covariates for name, lead in part.leads.items()}
    columns, first = {}, 0
    for name in map(str, series.exogenous.columns):
        known = series.close_time if name not in leads else series.index - leads[name] + series.bar_length
        row = np.searchsorted(known.as_unit("ns").asi8, moments, side="right") - 1
        row = np.minimum(row, np.arange(len(row)))  # what is announced is told of its own bar
        columns[name] = series.exogenous[name].to_numpy(dtype=np.float64)[np.maximum(row, 0)]
        first = max(first, int((row < 0).sum()))
    if first >= len(series.index):
        raise RequestError(f"{series.name}: no bar is left at whose reading its columns are known; bring more bars")
    whole = dataclasses.replace(series, exogenous=pd.DataFrame(columns, index=series.index))
    return dataclasses.replace(loaded, series=whole.rows(range(first, len(series.index))))


def shorten_leads(loaded: LoadedSeries, known_at: KnownAt) -> LoadedSeries:
    """Take off every lead what lies between the reading of a bar and its close, at most.

    A column that is then known less than a bar ahead says nothing of the bars to come, and is told of its own bar only.
    """
    series = loaded.series
    if not series.future_covariates:
        return loaded
    early = pd.Timedelta((series.close_time - known_at(series.index, series.close_time)).max())
    future = []
    for part in series.future_covariates:
        leads = {name: lead - early for name, lead in part.leads.items() if lead - early >= series.bar_length}
        if leads:
            future.append(dataclasses.replace(part, table=part.table[list(leads)], leads=leads))
    return dataclasses.replace(loaded, series=dataclasses.replace(series, future_covariates=tuple(future)))

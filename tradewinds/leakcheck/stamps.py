"""Clock worlds: what was loaded, with every value replaced by the moment it became known, or is about.

A join only chooses and carries values. So the very code that joins them, run on a world of stamps, leaves at each bar
the stamp of the value that it puts there. What a loader says of its values' moments is compared with what was declared.
"""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import LoadedColumns, Parts
from tradewinds.data.providers.sample_catalogue import list_samples
from tradewinds.data.readers.layout import Layout
from tradewinds.leakcheck.columns import Array, seconds
from tradewinds.leakcheck.second_reading import columns_of, file_of, second_names, second_times
from tradewinds.tasks.second_clock import closes

PUBLISHED = ("published", "published_at", "published at", "available_at", "known_at")  # said again in a reader's words
Stamp = Literal["known", "announced", "valid"]


def stamped(parts: Parts, which: Stamp, settings: Any) -> Parts:
    """Replace every value of every column by a moment, in seconds since 1970; what is missing stays missing.

    Args:
        parts: what was loaded.
        which: `known` for when a value may be used, `announced` for when one of a column known ahead is, `valid` for
            the start of the interval it is about.
        settings: of the series, which declare what is known ahead.
    """
    series = parts.series.series
    leads = declared_leads(series, settings)
    exogenous = series.exogenous.copy()
    ends = closes(series)
    for name in map(str, exogenous.columns):
        known = ends if name not in leads else series.index - leads[name] + series.bar_length
        stamp = seconds(series.index if which == "valid" else known)
        exogenous[name] = np.where(exogenous[name].notna(), stamp, np.nan)
    future = tuple(_announced(part, leads, series.bar_length, which) for part in series.future_covariates)
    bars = dataclasses.replace(series, exogenous=exogenous, future_covariates=future)
    loaded = dataclasses.replace(parts.series, series=bars)
    return Parts(loaded, tuple(_columns(part, series.bar_length, which) for part in parts.columns))


def declared_leads(series: Series, settings: Any) -> dict[str, pd.Timedelta]:
    """Return how far ahead of a bar each announced column of the series' own is known: as the request says it."""
    hours = dict(getattr(settings, "known_ahead", {}))
    own = {name: lead for part in series.future_covariates for name, lead in part.leads.items()}
    return {name: pd.Timedelta(hours=hours[name]) if name in hours else lead for name, lead in own.items()}


def _announced(
    part: FutureCovariates, leads: dict[str, pd.Timedelta], bar_length: pd.Timedelta, which: Stamp
) -> FutureCovariates:
    index = pd.DatetimeIndex(part.table.index)
    stamps = {
        name: np.where(
            part.table[name].notna(), seconds(index if which == "valid" else index - leads[name] + bar_length), np.nan
        )
        for name in part.names
    }
    return dataclasses.replace(part, table=pd.DataFrame(stamps, index=index))


def _columns(part: LoadedColumns, bar_length: pd.Timedelta, which: Stamp) -> LoadedColumns:
    index = pd.DatetimeIndex(part.table.index)
    stamps = {}
    for name in map(str, part.table.columns):
        moments = pd.DatetimeIndex(part.available[name])
        if which == "valid":
            moments = index
        elif which == "announced" and name in part.leads and not part.forecast:
            moments = index - part.leads[name] + bar_length
        stamps[name] = np.where(part.table[name].notna(), seconds(moments), np.nan)
    pool = "latest" if part.pool else ""
    return dataclasses.replace(part, table=pd.DataFrame(stamps, index=index), units={}, pool=pool)


def false_moments(parts: Parts, request: Any) -> Iterator[tuple[str, pd.Timestamp, str]]:
    """Yield the columns whose loader gives other moments than were declared: name, moment, and what is wrong.

    Declared are a sample's `known_after_hours` in its sidecar, a file's `lag_hours` in the request, and the times that
    stand in the file itself. Nothing but a forecast is known before what it is about has begun.

    Args:
        parts: what was loaded.
        request: whose group of settings each part was loaded by.
    """
    samples = {sample.path.name: sample for sample in list_samples()}
    for part in parts.columns:
        settings = getattr(request, part.group)
        shipped = next((samples[str(one["file"])] for one in part.sources if str(one["file"]) in samples), None)
        index = pd.DatetimeIndex(part.table.index)
        if shipped is not None:
            times = second_times(shipped.path)
        else:
            file = file_of(settings) if part.layout is None or _is_plain(part.layout) else None
            column = getattr(settings, "time_column", None) or (part.layout.time_columns[0] if part.layout else None)
            times = set() if file is None else second_times(file, column, getattr(settings, "time_zone", None))
        ends, strange = index[[0, -1]], False
        if times and part.pool:
            strange = not set(_coarse(ends)) <= set(_coarse(pd.DatetimeIndex(sorted(times))))
        elif times:
            strange = not {end.to_pydatetime() for end in ends} <= times
        told = _published(part, settings)
        names = list(map(str, part.table.columns))
        for name in names[:1] if part.pool else names:  # all of a row are known together
            if strange:
                span = f"{min(times).isoformat()} to {max(times).isoformat()}"
                read = f"{index[0].isoformat()} to {index[-1].isoformat()}"
                yield name, index[0], f"its file holds times from {span}, and was read as {read}"
            lags: Array = np.asarray((part.available[name] - index) / pd.Timedelta(hours=1), dtype=np.float64)
            least = _declared(name, part, {} if shipped is None else shipped.facts, settings)
            early = None if told is None else _before(pd.DatetimeIndex(part.available[name]), told)
            if least is not None and lags.min() < least:
                row = int(lags.argmin())
                what = f"it is known {least:g} hours after its interval begins, and was read {lags[row]:g} hours after"
                yield name, index[row], what
            elif early is not None:
                moment = part.available[name][early].isoformat()
                what = "no row of its file" if part.group == "text" else "no picture of its folder"
                yield name, index[early], f"{what} was published at {moment}, when it is known"


def _coarse(moments: pd.DatetimeIndex) -> list[int]:
    """Return moments to the millisecond: texts of one moment are parted by nanoseconds."""
    return [int(stamp) for stamp in (moments.as_unit("ns").asi8 + 500_000) // 1_000_000]


def _published(part: LoadedColumns, settings: Any) -> set[int] | None:
    """Return when texts and pictures were published, by a second reading; None where it cannot tell."""
    hours = getattr(settings, "lag_hours", None)
    file = file_of(settings) if part.group == "text" else None
    times = set()
    if file is not None:
        named = settings.available_column or next(iter(columns_of(file, PUBLISHED)), None)
        column = named if hours is None else settings.time_column
        times = set() if column is None else second_times(file, column, settings.time_zone, ends=True)
    elif part.group == "pictures" and getattr(settings, "kind", "") == "folder":
        times = second_names(Path(settings.path), settings.time_zone)
    lag = timedelta(hours=hours or 0.0)
    return set(_coarse(pd.DatetimeIndex(sorted(time + lag for time in times)))) if times else None


def _before(known: pd.DatetimeIndex, published: set[int]) -> int | None:
    """Return the first row that counts as known at a moment at which nothing was published."""
    strange = [row for row, moment in enumerate(_coarse(known)) if moment not in published]
    return strange[0] if strange else None


def _is_plain(layout: Layout) -> bool:
    """Say whether a file's times stand in one column and are of the zone that the request or they themselves name."""
    return len(layout.time_columns) == 1 and layout.clock_change == "real" and layout.zone_source != "the column's name"


def _declared(name: str, part: LoadedColumns, facts: dict[str, Any], settings: Any) -> float | None:
    """Return after how many hours a column is known at the earliest; None where any moment is possible."""
    if part.forecast or name in part.leads:
        return None
    hours = facts.get("known_after_hours")
    if hours is None:
        hours = getattr(settings, "lag_hours", None)
    return 0.0 if hours is None else float(hours)

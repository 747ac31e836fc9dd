"""The sources read again as if their later values were not there: what a loader computes of the others may not change.

A source is asked where its kind has a setting `last`: series for their bars, weather for the values known by then.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import function_of
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.leakcheck.stretch import parts_of
from tradewinds.leakcheck.verdict import Leak, Verdict
from tradewinds.pipeline.task import Prepared

RELOADS = (0.6, 0.8, 0.95)  # shares of the bars, or values, after which a source is cut off
DAY = pd.Timedelta(days=1)


def check_source(prepared: Prepared, verdict: Verdict) -> None:
    """Read series and weather again with an earlier last date, where their kinds can.

    Args:
        prepared: the request as it was loaded.
        verdict: what is found is written here.
    """
    for group, probe in (("series", _series_again), ("weather", _weather_again)):
        settings = getattr(prepared.config, group)
        kind = getattr(settings, "kind", "?")
        if verdict.leak is not None or kind == "none":
            return
        if not hasattr(settings, "last"):
            verdict.notes.append(f"{group} of kind {kind} have no `last`: what their loader computes was not probed")
            continue
        for share in RELOADS:
            verdict.leak = verdict.leak or probe(prepared, share, verdict)


def _series_again(prepared: Prepared, share: float, verdict: Verdict) -> Leak | None:
    settings, whole = prepared.config.series, parts_of(prepared).series.series
    last = whole.index[round(share * (len(whole.index) - 1))]
    config: Any = dataclasses.replace(settings, last=f"{last:%Y-%m-%d}")  # type: ignore[type-var]
    try:
        cut = function_of("series", config)(config, prepared.config.data).series
    except RequestError:  # that few bars are refused
        return None
    verdict.count("reload")
    row = first_other_bar(whole, cut)
    what = f"it was loaded otherwise with series.last={last:%Y-%m-%d}"
    return None if row is None else Leak("reload", "series", row, whole.index[row].isoformat(), what)


def first_other_bar(whole: Series, cut: Series) -> int | None:
    """Return the first row of `whole` that `cut`, its beginning, holds otherwise; None if there is none."""
    size = len(cut.index)
    if not whole.index[:size].equals(cut.index):
        return int(np.flatnonzero(whole.index[:size] != cut.index[: len(whole.index)])[0]) if size else 0
    names = ("open", "high", "low", "close", "volume", "dividends", "splits")
    pairs = [(getattr(whole, name), getattr(cut, name)) for name in names]
    pairs.append((whole.exogenous.to_numpy(np.float64), cut.exogenous.to_numpy(np.float64)))
    rows = []
    for ours, theirs in pairs:
        if ours is None or theirs is None or ours.shape[1] != theirs.shape[1]:
            rows += [] if ours is theirs else [0]
            continue
        same = (ours[:size] == theirs) | (np.isnan(ours[:size]) & np.isnan(theirs))
        rows += np.flatnonzero(~same.all(axis=1))[:1].tolist()
    return min(rows, default=None)


def _weather_again(prepared: Prepared, share: float, verdict: Verdict) -> Leak | None:
    settings, wholes = prepared.config.weather, parts_of(prepared).columns
    index = pd.DatetimeIndex(wholes[0].table.index)
    noon = index[round(share * (len(index) - 1))].normalize() + DAY / 2  # no value of this day can be whole yet
    last = f"{noon - pd.Timedelta(minutes=1):%Y-%m-%dT%H:%M}"  # what begins at noon is not known at noon
    try:
        config: Any = dataclasses.replace(settings, last=last)  # type: ignore[type-var]
        loaded = function_of("weather", config)(config, prepared.config.data)
    except ValueError:  # that little is refused, or a plugin knows dates only
        return None
    verdict.count("reload")
    cuts = [part for part in (loaded if isinstance(loaded, list) else [loaded]) if part is not None]
    for whole, cut in zip(wholes, cuts, strict=True):
        for name, moment in _other_values(whole, cut, noon):
            bars = parts_of(prepared).series.series
            row = min(int(bars.close_time.searchsorted(moment)), len(bars.index) - 1)
            what = f"the value of {name} known at {moment.isoformat()} was another with weather.last={last}"
            return Leak("reload", "series", row, bars.index[row].isoformat(), what)
    return None


def _other_values(whole: LoadedColumns, cut: LoadedColumns, end: pd.Timestamp) -> Iterator[tuple[str, pd.Timestamp]]:
    """Yield a column, and when its first value that `cut` holds otherwise was known, of the values known by `end`."""
    for name in map(str, whole.table.columns):
        ours, theirs = _values(whole, name), _values(cut, name)
        there = ours[(ours["known"] <= end) & (ours.index < end)]
        again = theirs.reindex(there.index)
        same = (there["known"] == again["known"]) & (
            (there["value"] == again["value"]) | (there["value"].isna() & again["value"].isna())
        )
        if not same.all():
            yield name, pd.Timestamp(there["known"][~same].iloc[0])


def _values(part: LoadedColumns, name: str) -> pd.DataFrame:
    """(N, 2) a column's values and when each was known, by the start of their intervals."""
    column = part.table[name].to_numpy(np.float64)
    return pd.DataFrame({"value": column, "known": part.available[name]}, part.table.index)

"""The sources read again as if their later values were not there: what a loader computes of the others may not change.

A source is asked where its kind has a setting `last`: series for their bars, all else for the values known by then.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import PRICES, Series
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import function_of
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.leakcheck.columns import Array
from tradewinds.leakcheck.stretch import parts_of
from tradewinds.leakcheck.verdict import Leak, Verdict
from tradewinds.pipeline.task import Prepared

RELOADS = (0.6, 0.8, 0.95)  # shares of the bars, or values, after which a source is cut off
DAY = pd.Timedelta(days=1)
FEWEST = 3  # bars of an instrument of which a loader may make something
NOTHING = {"dividends": 0.0, "splits": 1.0}  # what stands where a series has no such column


def check_source(prepared: Prepared, verdict: Verdict) -> None:
    """Read series, weather, texts and pictures again with an earlier last date, where their kinds can.

    Args:
        prepared: the request as it was loaded.
        verdict: what is found is written here.
    """
    for group in ("series", "weather", "text", "pictures"):
        settings = getattr(prepared.config, group)
        kind = getattr(settings, "kind", "?")
        if verdict.leak is not None:
            return
        if kind == "none":
            continue
        if not hasattr(settings, "last"):
            verdict.notes.append(f"{group} of kind {kind} have no `last`: what their loader computes was not probed")
            continue
        for share in RELOADS:
            verdict.leak = verdict.leak or (
                _series_again(prepared, share, verdict)
                if group == "series"
                else _columns_again(prepared, group, share, verdict)
            )


def _series_again(prepared: Prepared, share: float, verdict: Verdict) -> Leak | None:
    settings, whole = prepared.config.series, parts_of(prepared).series.series
    last = whole.index[round(share * (len(whole.index) - 1))]
    config: Any = dataclasses.replace(settings, last=f"{last:%Y-%m-%d}")  # type: ignore[type-var]
    try:
        cut = function_of("series", config)(config, prepared.config.data).series
    except RequestError:  # that few bars are refused
        return None
    verdict.count("reload")
    place = other_bar(whole, cut)
    if place is None:
        return None
    row, name = place
    what = f"{f'of {name}: ' if name else ''}it was loaded otherwise with series.last={last:%Y-%m-%d}"
    return Leak("reload", "series", row, whole.index[row].isoformat(), what)


def other_bar(whole: Series, cut: Series) -> tuple[int, str] | None:
    """Return the first row of `whole` that `cut`, its beginning, holds otherwise, and whose; None if there is none.

    Of several instruments those are compared that are listed by then, at the bars that any of them has. When one is
    gone for good is not: a loader tells that from the bars that do not come.
    """
    missing = _missing(whole, cut)
    if missing is not None:
        return missing
    names, several = cut.instruments, len(whole.instruments) > 1
    ours = np.array([whole.instruments.index(name) for name in names])
    known = np.flatnonzero(_traded(whole)[:, ours].any(axis=1))  # (N,) rows of the whole
    known = known[(whole.index[known] >= cut.index[0]) & (whole.index[known] <= cut.index[-1])]
    there = np.flatnonzero((cut.index >= whole.index[0]) & (cut.index <= whole.index[-1]))
    least = min(len(known), len(there))
    strange = np.flatnonzero(whole.index[known[:least]] != cut.index[there[:least]])
    if len(strange) or len(known) != len(there):
        return int(known[min(int(strange[0]) if len(strange) else least, len(known) - 1)]), ""
    exogenous = [series.exogenous.to_numpy(np.float64)[rows] for series, rows in ((whole, known), (cut, there))]
    differing = [(row, "") for row in _differing(*exogenous)[0][:1].tolist()]
    for one, other in _columns(whole, cut):
        rows, assets = _differing(one[np.ix_(known, ours)], other[there])
        differing += [(int(row), names[asset] if several else "") for row, asset in zip(rows[:1], assets, strict=False)]
    first = min(differing, key=lambda place: place[0], default=None)
    return None if first is None else (int(known[first[0]]), first[1])


def _missing(whole: Series, cut: Series) -> tuple[int, str] | None:
    """Return the first bar of an instrument that only one of them has, though it had bars enough by then; or None."""
    by_then = _traded(whole)[: int(whole.index.searchsorted(cut.index[-1], side="right"))]
    for number, name in enumerate(whole.instruments):
        if name not in cut.instruments and by_then[:, number].sum() >= FEWEST:
            return int(by_then[:, number].argmax()), name
    return next(((0, name) for name in cut.instruments if name not in whole.instruments), None)


def _columns(whole: Series, cut: Series) -> Iterator[tuple[Array, Array]]:
    """Yield the (T, A) columns of both that are to be the same; what one lacks is nothing, or is not compared."""
    yield _traded(whole), _traded(cut)
    names = PRICES if whole.single_price == cut.single_price else ("close",)
    for name in (*names, "volume", "dividends", "splits"):
        pair = getattr(whole, name), getattr(cut, name)
        if name in NOTHING:
            one, other = (
                np.full(series.close.shape, NOTHING[name]) if column is None else column
                for series, column in zip((whole, cut), pair, strict=True)
            )
            yield one, other
        elif pair[0] is not None and pair[1] is not None:
            yield pair


def _differing(one: Array, other: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns at which two tables differ, in the order of rows."""
    if one.shape != other.shape:
        return np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    rows, columns = np.nonzero(~((one == other) | (np.isnan(one) & np.isnan(other))))
    return rows, columns


def _traded(series: Series) -> Array:
    return np.ones(series.close.shape) if series.traded is None else series.traded.astype(np.float64)


def _columns_again(prepared: Prepared, group: str, share: float, verdict: Verdict) -> Leak | None:
    settings = getattr(prepared.config, group)
    wholes = [part for part in parts_of(prepared).columns if part.group == group]
    if not wholes:
        return None
    index = pd.DatetimeIndex(wholes[0].table.index)
    noon = index[round(share * (len(index) - 1))].normalize() + DAY / 2  # no value of this day can be whole yet
    last = f"{noon - pd.Timedelta(minutes=1):%Y-%m-%dT%H:%M}"  # what begins at noon is not known at noon
    try:
        config: Any = dataclasses.replace(settings, last=last)
        loaded = function_of(group, config)(config, prepared.config.data)
    except ValueError:  # that little is refused, or a plugin knows dates only
        return None
    verdict.count("reload")
    cuts = [part for part in (loaded if isinstance(loaded, list) else [loaded]) if part is not None]
    for whole, cut in zip(wholes, cuts, strict=True):
        for name, moment in _other_values(whole, cut, noon):
            bars = parts_of(prepared).series.series
            row = min(int(bars.close_time.searchsorted(moment)), len(bars.index) - 1)
            what = f"the value of {name} known at {moment.isoformat()} was another with {group}.last={last}"
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

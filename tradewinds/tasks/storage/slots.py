"""A price for every slot: what is done with hours that came before quarters, and with slots that are missing.

A day-ahead auction that went from hours to quarter hours leaves one history of both. An hour's price was that of each
of its quarters, and was known as early: so the hour is read as four equal quarters. Nothing else is made up, but a
missing price where the request says so. Knows what was loaded, and no unit.
"""

import dataclasses

import numpy as np
import pandas as pd

from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import Parts
from tradewinds.data.notes import Note
from tradewinds.data.readers.text import listed, moment

HOUR = pd.Timedelta(hours=1)
YEAR_HOURS = 8766.0
MOST_LISTED = 3


def in_slots(parts: Parts, *, carry: bool) -> Parts:
    """Return what was loaded with a bar for every slot of its bar length, as far as that can be said.

    Args:
        parts: bars of one price, in the length of the shortest of them; those before may be of 30 or 60 minutes.
        carry: whether the price before is repeated where one is missing; else there is a hole.
    """
    series, notes = parts.series.series, []
    if not series.single_price or len(series.index) < 2 or series.bar_length > HOUR:
        return parts
    coarse, length = coarse_bars(series.index, series.bar_length)
    if coarse:
        index = _divided(series.index, coarse, length, series.bar_length)
        many = length // series.bar_length
        words = f"{series.name}: {coarse:,} bars of {_minutes(length)} before {moment(series.index[coarse])}"
        what = f"are read as {many} of {_minutes(series.bar_length)} each, all at the same price"
        notes.append(Note(f"{words} {what}", "layout"))
        series = _on(series, index)
    if carry:
        index = pd.date_range(series.index[0], series.index[-1], freq=series.bar_length)
        missing = index.difference(series.index)
        if len(missing):
            stamps = listed([moment(stamp) for stamp in missing], MOST_LISTED)
            what = f"{len(missing)} slots repeat the price before; what is earned in them no one could have earned"
            notes.append(Note(f"{series.name} has no price of {stamps}: {what}", "repair"))
            series = _on(series, index)
    if not notes:
        return parts
    loaded = dataclasses.replace(parts.series, series=series, notes=(*parts.series.notes, *notes))
    return dataclasses.replace(parts, series=loaded)


def coarse_bars(index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> tuple[int, pd.Timedelta]:
    """Return how many bars at the beginning are longer ones, and how long; 0 where none is.

    They end where the first bar of `bar_length` begins, and all lie on the clock of their own length.
    """
    steps = np.diff(index.as_unit("ns").asi8)
    fine = np.flatnonzero(steps == bar_length.as_unit("ns").value)
    count = int(fine[0]) if len(fine) else 0
    if count < 1:
        return 0, bar_length
    shortest = int(steps[:count].min())
    starts = index.as_unit("ns").asi8[: count + 1]
    length = pd.Timedelta(shortest, unit="ns")
    if length > HOUR or HOUR % length or (starts % shortest).any():
        return 0, bar_length
    return count, length


def _divided(index: pd.DatetimeIndex, coarse: int, length: pd.Timedelta, bar_length: pd.Timedelta) -> pd.DatetimeIndex:
    steps = np.arange(length // bar_length) * bar_length.as_unit("ns").value
    stamps = (index.as_unit("ns").asi8[:coarse, None] + steps[None, :]).ravel()
    return pd.DatetimeIndex(np.concatenate([stamps, index.as_unit("ns").asi8[coarse:]]), tz="UTC")


def _on(series: Series, index: pd.DatetimeIndex) -> Series:
    """Return the series on more bars; each new one repeats the one before."""
    rows = series.index.searchsorted(index, side="right") - 1
    columns = {name: column[rows] for name, column in series.columns().items()}
    return dataclasses.replace(
        series,
        index=index,
        bars_per_year=YEAR_HOURS * (HOUR / series.bar_length),
        season_bars=int(24 * HOUR / series.bar_length),
        exogenous=series.exogenous.iloc[rows].set_axis(index),
        future_covariates=tuple(_ahead_on(part, index) for part in series.future_covariates),
        **columns,  # type: ignore[arg-type]
    )


def _ahead_on(part: FutureCovariates, index: pd.DatetimeIndex) -> FutureCovariates:
    """Return announcements with a value for each of the bars, and those of the bars to come."""
    every = pd.DatetimeIndex(part.table.index).union(index)
    return dataclasses.replace(part, table=part.table.reindex(every, method="ffill"))


def _minutes(length: pd.Timedelta) -> str:
    return "an hour" if length == HOUR else f"{length / pd.Timedelta(minutes=1):g} minutes"

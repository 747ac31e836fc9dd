"""Rows of a table as a series: bars by instrument, and what else is known, each as long before as is said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.frames import BAR, CLOSE, ONE, SYMBOL, TIME, FrameColumns
from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.instruments import Facts, Whole, bar_length, series_of
from forecaster.data.series import Series, Target

Array = NDArray[np.float64]
DELISTED_AFTER = 20  # bars without one of an instrument, up to the end: from then on it is gone for good


@dataclass(frozen=True, eq=False)
class FrameBars:
    """T bars of one instrument of a table; as `forecaster.data.instruments.InstrumentBars`."""

    index: pd.DatetimeIndex
    columns: dict[str, Array]

    @property
    def single_price(self) -> bool:
        """Whether a bar has one price only."""
        return not {"open", "high", "low"} <= self.columns.keys()


def series_of_frame(
    rows: pd.DataFrame,
    roles: FrameColumns,
    *,
    target: Target = "log_return",
    length: pd.Timedelta | None = None,
    horizon: int = 1,
    name: str = ONE,
) -> Series:
    """Return rows as `long_frame` gives them as a series.

    Args:
        rows: of A instruments; those after the last close tell of bars to come. Of which there is no close, it is none.
        roles: as they were read by.
        target: what is forecast.
        length: of a bar; None takes the commonest distance between starts.
        horizon: bars before which a future column is known whose lead nobody tells.
        name: of the series.

    Raises:
        ValueError: what `Series` raises, fewer than three bars, a hole in a column, or a past or future column that
            differs among the instruments.
    """
    bars = rows[rows[CLOSE].notna()]
    traded = set(bars[SYMBOL])
    listed = [symbol for symbol in dict.fromkeys(rows[SYMBOL]) if symbol in traded]
    instruments = {str(symbol): _bars(bars[bars[SYMBOL] == symbol]) for symbol in listed}
    clock = pd.DatetimeIndex(bars[TIME].unique())
    if len(clock) < 3:
        raise ValueError(f"the table holds {len(clock)} bars; a forecaster needs at least 3")
    below = (bars[CLOSE] <= 0.0).to_numpy()
    if target in ("log_return", "relative_return") and below.any():
        row = bars[below].iloc[0]
        raise ValueError(
            f"close of {row[SYMBOL]} must be positive, as prices are, was {row[CLOSE]:g} at {row[TIME]:%Y-%m-%d %H:%M} "
            "UTC; take target='difference' or 'level' for what may be zero or negative"
        )
    apart = pd.Series(clock).diff().median()
    if length is not None and length > apart:
        raise ValueError(
            f"bar_length must be at most the {apart} from most bars to the next, was {length}; a bar is over when the "
            "next begins"
        )
    length = length or bar_length(clock)
    whole = Whole(DELISTED_AFTER) if len(instruments) > 1 else None
    series, _ = series_of(instruments, Facts(name=name, bar_length=length, target=target), whole)
    past, future = list(roles.past), list(roles.future)
    if not past and not future:
        return series
    common = _common(rows, [*future, *past])
    exogenous = common.reindex(series.index)
    for column in exogenous.columns:
        holes = exogenous.index[exogenous[column].isna()]
        if len(holes):
            raise ValueError(f"column {column} has no value at {holes[0]:%Y-%m-%d %H:%M} UTC; fill it, or leave it out")
        endless = common.index[np.isinf(common[column])]
        if len(endless):
            raise ValueError(f"column {column} is infinite at {endless[0]:%Y-%m-%d %H:%M} UTC; put a number there")
    leads = _leads(roles, length, horizon)
    lags = {column: length - leads.get(column, pd.Timedelta(0)) for column in exogenous.columns}
    ahead = (FutureCovariates(common[future].dropna(how="all"), leads, length),) if future else ()
    return replace(series, exogenous=exogenous, lags=lags, future_covariates=ahead)


def span_of(name: str, span: Any) -> pd.Timedelta:
    """Return what somebody means by a span of time.

    Raises:
        ValueError: it is none, or a number, which has no unit.
    """
    try:
        known = None if isinstance(span, int | float) else pd.Timedelta(span)
    except (TypeError, ValueError):
        known = None
    if known is None or not known > pd.Timedelta(0):
        raise ValueError(f"{name} must be a span of time, such as '1h' or '30min', was {span!r}")
    return known


def _leads(roles: FrameColumns, length: pd.Timedelta, horizon: int) -> dict[str, pd.Timedelta]:
    if isinstance(roles.future, Mapping):
        return {name: span_of(f"the lead of future column {name}", lead) for name, lead in roles.future.items()}
    return dict.fromkeys(roles.future, horizon * length)


def _bars(rows: pd.DataFrame) -> FrameBars:
    names = [name for name in (*BAR, "dividends", "splits") if name in rows.columns]
    return FrameBars(pd.DatetimeIndex(rows[TIME]), {name: rows[name].to_numpy(dtype=np.float64) for name in names})


def _common(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return (N, K) columns by time, the same of all instruments."""
    by_time = rows.groupby(TIME, sort=True)[names]
    first, most, least = by_time.first(), by_time.max(), by_time.min()
    for name in names:
        differs = first.index[(most[name] > least[name]).to_numpy()]
        if len(differs):
            raise ValueError(
                f"column {name} must be the same of all instruments, differed at {differs[0]:%Y-%m-%d %H:%M} UTC; "
                "give each its own forecaster, or make a column of each"
            )
    return first.set_axis(pd.DatetimeIndex(first.index))

"""Future covariates of the user's: what may be declared of them, and the bars still to come."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.future_covariates import FutureCovariates
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
HOUR = pd.Timedelta(hours=1)


def leads_of(known_ahead: Mapping[str, float], interval: pd.Timedelta, where: str) -> dict[str, pd.Timedelta]:
    """Return how far ahead each column is known.

    Args:
        known_ahead: per column, hours.
        interval: for which a value holds.
        where: the key of the group, `series` or `weather`.

    Raises:
        RequestError: less than one interval ahead, at which nothing of a later bar would be known.
    """
    leads = {name: pd.Timedelta(hours=hours) for name, hours in known_ahead.items()}
    refuse_short(leads, interval, where, "an interval")
    return leads


def refuse_short(leads: Mapping[str, pd.Timedelta], least: pd.Timedelta, where: str, span: str) -> None:
    """Refuse a column that is known less than `least` ahead, at which nothing of a later bar would be known.

    Raises:
        RequestError: there is one.
    """
    for name, lead in leads.items():
        if lead < least:
            raise RequestError(
                f"{where}.known_ahead.{name} must be at least {least / HOUR:g} hours, the length of {span}, was "
                f"{lead / HOUR:g}: nothing of a later bar would be known"
            )


def announced(
    values: Mapping[str, Array], index: pd.DatetimeIndex, known_ahead: Mapping[str, float], interval: pd.Timedelta
) -> FutureCovariates:
    """Return the columns (N,) of a file of bars as future covariates; rows without any value are left out.

    Raises:
        RequestError: less than one bar ahead.
    """
    table = pd.DataFrame(dict(values), index=index).dropna(how="all")
    return FutureCovariates(table, leads_of(known_ahead, interval, "series"), interval)


def refuse_holes(values: Mapping[str, Array], bars: NDArray[np.bool_], origin: Origin, rules: DataConfig) -> None:
    """Refuse a future covariate that has no value of a bar that has come, unless missing values are to be told.

    Args:
        values: (N,) of each column.
        bars: (N,) which rows are bars of the series.
        origin: file and line of each row.
        rules: whether they are to be told, `data.repair=[missing]`.

    Raises:
        RequestError: there is one.
    """
    for name, column in values.items():
        if not np.isfinite(column).any():
            raise RequestError(f"{origin.name}, column {name}: no value at all")
        if "missing" not in rules.repair:
            origin.refuse_first(
                bars & np.isnan(column),
                lambda row, name=name: f"column {name}: no value",  # type: ignore[misc]
                "of a bar that has come; fill it, or have the network told so with data.repair=[missing]",
            )

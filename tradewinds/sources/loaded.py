"""What a source hands over: bars, or exogenous columns, with the facts a manifest and a person need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from forecaster.series import Series


@dataclass(frozen=True, eq=False)
class LoadedSeries:
    """A series, with what was noticed and what it was read from.

    Attributes:
        series: the bars.
        notes: what a person should know, one sentence each.
        sources: per file its name and sha256.
    """

    series: Series
    notes: tuple[str, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class LoadedColumns:
    """Exogenous columns by the start of their own interval.

    Attributes:
        table: (N, K) values, UTC.
        lags: per column, time from the start of its interval until it is known.
        units: per column.
        sources: per file its name and sha256.
    """

    table: pd.DataFrame
    lags: Mapping[str, pd.Timedelta]
    units: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[dict[str, Any], ...] = ()

"""What a source hands over: bars, or exogenous columns, with the facts a manifest and a person need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.senses import Sense
from forecaster.data.series import Series
from tradewinds.data.assemble.universe import Universe
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.origin import Origin


@dataclass(frozen=True, eq=False)
class LoadedSeries:
    """A series, with what was noticed and what it was read from.

    Attributes:
        series: the bars.
        notes: what a person should know, one sentence each.
        sources: per file its name and sha256, and when it was fetched, if it was.
        zone: zone of the market's place, or None where it is not known.
        cut: how the series was shortened to the span of its weather, or empty.
        layouts: by instrument, what was understood of the user's file; empty for other sources.
        universe: of several instruments, whose history begins and ends when; or None.
    """

    series: Series
    notes: tuple[str, ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    zone: str | None = None
    cut: str = ""
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    universe: Universe | None = None


@dataclass(frozen=True, eq=False)
class LoadedColumns:
    """Exogenous columns by the start of their own interval.

    Attributes:
        table: (N, K) values, UTC.
        available: per column, (N,) moments from which on each value may be used.
        units: per column.
        sources: per file its name and sha256, and when it was fetched, if it was.
        notes: what a person should know, one sentence each.
        origin: file and line of each row.
        place: zone or longitude of the place, or None where it is not known.
        forecast: whether values are known before their interval by their nature.
        leads: per column that is known ahead, how long after a bar's start an interval may start, for its value to be
            known at the bar's close.
        layout: what was understood of the user's file, or None for other sources.
        group: of the settings that it was loaded by: `weather`, `text` or `pictures`.
        pool: of what comes at moments of its own, how the rows of one bar become one (`events.pooled`), and then all
            columns of a row are known together; empty for values that are measured again and again, of which the newest
            is carried.
        whose: (N,) of what comes at moments of its own, the instrument that each row is of, empty for one of all; None
            where all are.
        known_by: of what comes at moments of its own, what says when each is known, such as `by column published_at`.
        sense: of texts and pictures, which columns hold them and how they are read; None where they are numbers.
    """

    table: pd.DataFrame
    available: Mapping[str, pd.DatetimeIndex]
    origin: Origin
    units: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    place: str | float | None = None
    forecast: bool = False
    leads: Mapping[str, pd.Timedelta] = field(default_factory=dict)
    layout: Layout | None = None
    group: str = "weather"
    pool: str = ""
    whose: NDArray[np.str_] | None = None
    known_by: str = ""
    sense: Sense | None = None


@dataclass(frozen=True, eq=False)
class Parts:
    """What was loaded, before it is joined.

    Attributes:
        series: the bars.
        columns: what will stand beside them.
    """

    series: LoadedSeries
    columns: tuple[LoadedColumns, ...] = ()

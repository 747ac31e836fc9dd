"""The table of an audit: every number that is read, learned from or scored, and when it was known.

Moments are seconds since 1970 in UTC, float64, NaN where there is none; a row of them is a bar of the series.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.task import Prepared

Array = NDArray[np.float64]
Use = Literal["observation", "label", "score"]
HOUR = 3600.0


@dataclass(frozen=True)
class AuditedColumn:
    """One number of every bar, at the bar where least lies between its being known and its being read.

    Attributes:
        name: of the column.
        use: `observation` of a model or an agent, `label`, `score`.
        how: how its moments were found: `stamped` (carried through the very code), `recomputed` (a second time, by
            other code), `bounded` (nothing later can move it), `told` (by the request, or by habit).
        bar: start of that bar; None where nothing is due to a bar.
        valid_at: start of the interval its value is about; of a label, of the bar it is about.
        known_at: when it became known.
        decided_at: when its row is read; of a label and a score, when the forecast was issued.
        slack_hours: of an observation from `known_at` to `decided_at`, at least 0; of labels and scores the other way
            round, more than 0.
    """

    name: str
    use: Use
    how: str
    bar: str | None = None
    valid_at: str | None = None
    known_at: str | None = None
    decided_at: str | None = None
    slack_hours: float | None = None


@dataclass
class Audit:
    """What was audited, and the first number that was known too late.

    Attributes:
        columns: the table.
        leak: or None.
        notes: what could not be audited.
    """

    columns: list[AuditedColumn] = field(default_factory=list)
    leak: Leak | None = None
    notes: list[str] = field(default_factory=list)

    def take(self, other: "Audit") -> None:
        """Add another part of the table, and its leak if there was none before."""
        self.columns += other.columns
        self.notes += other.notes
        self.leak = self.leak or other.leak


def seconds(moments: pd.DatetimeIndex) -> Array:
    """Return moments as seconds since 1970; exact to a microsecond."""
    return np.asarray(moments.as_unit("ns").asi8 / 1e9)


def moment(number: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC; None for NaN."""
    return None if np.isnan(number) else pd.Timestamp(round(number * 1e6), unit="us", tz="UTC").isoformat()


def observed_column(
    prepared: Prepared, name: str, how: str, *, valid: Array, known: Array, reads: Array, stage: str
) -> Audit:
    """Audit an observation: known at its reading, at every bar.

    Args:
        prepared: the request.
        name: of the column.
        how: its moments were found.
        valid: (T,) starts of the intervals its values are about.
        known: (T,) when they became known.
        reads: (T,) when the rows are read.
        stage: of the pipeline, for a leak.
    """
    slack = reads - known
    if np.isnan(slack).all():
        return Audit([AuditedColumn(name, "observation", how)])
    row = int(np.nanargmin(slack))
    index = prepared.series.index
    column = AuditedColumn(
        name,
        "observation",
        how,
        index[row].isoformat(),
        moment(valid[row]),
        moment(known[row]),
        moment(reads[row]),
        round(float(slack[row]) / HOUR, 6),
    )
    if slack[row] >= 0.0:
        return Audit([column])
    first = int(np.flatnonzero(slack < 0.0)[0])
    what = (
        f"column {name} holds a value that became known at {moment(known[first])} and is read at {moment(reads[first])}"
    )
    return Audit([column], leak_at(prepared, "audit", stage, first, what))


def outcome_column(
    prepared: Prepared, name: str, use: Use, how: str, *, rows: NDArray[np.int64], known: Array, issued: Array
) -> Audit:
    """Audit a label or a score: its outcome is known after the forecast of it was issued.

    Args:
        prepared: the request.
        name: of the label, or of what is scored.
        use: `label` or `score`.
        how: its moments were found.
        rows: (N,) rows of the outcomes.
        known: (N,) when the outcomes became known.
        issued: (N,) when the forecasts were.
    """
    if len(rows) == 0:
        return Audit([AuditedColumn(name, use, how)])
    slack = known - issued
    worst = int(slack.argmin())
    index = prepared.series.index
    bar = index[int(rows[worst])].isoformat()
    times = (moment(known[worst]), moment(issued[worst]))
    column = AuditedColumn(name, use, how, bar, bar, *times, round(float(slack[worst]) / HOUR, 6))
    if slack[worst] > 0.0:
        return Audit([column])
    what = f"{name} is what was known at {times[0]} already, and its forecast is issued at {times[1]}"
    stage = "forecaster_fit" if use == "label" else "scores"
    return Audit([column], leak_at(prepared, "audit", stage, int(rows[worst]), what))

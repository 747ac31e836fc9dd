"""What networks that read days are taught, and by when: days laid out a second time, and the labels of every refit.

Must not use how the forecaster lays days out (`forecaster.day_ahead.days`) to say what is right. That no refit, scale
or calendar knows what comes is asked by walking again through worlds in which it is another (`frozen`).
"""

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.day_ahead.days import day_table
from forecaster.hidden_states import HiddenStates
from tradewinds.leakcheck.columns import Audit, outcome_column, seconds
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.task import Models, Prepared

Rows = NDArray[np.int64]
EPOCH = date(1970, 1, 1)


def audit_days(prepared: Prepared, models: Models | None) -> Audit:
    """Audit the days of a request: their prices, the labels of the first fit, and those of every refit with models."""
    audit = Audit()
    days = second_days(prepared.series)
    audit.leak = _other_days(prepared, days) or _learned_too_far(prepared, models)
    clock = prepared.task.decision_times(prepared)
    reads, prices = seconds(clock.reads), seconds(clock.prices)
    part = prepared.split.forecaster
    taught = [rows for rows in days.values() if rows[0] > 0 and part.start <= rows[0] and rows[-1] < part.stop]
    for ahead in range(max(map(len, taught), default=0)):
        pairs = [(rows[ahead], rows[0] - 1) for rows in taught if len(rows) > ahead]
        outcome, issued = (np.array(one, dtype=np.int64) for one in zip(*pairs, strict=True))
        audit.take(
            outcome_column(
                prepared,
                f"label_{ahead + 1}",
                "label",
                "recomputed",
                rows=outcome,
                known=prices[outcome],
                issued=reads[issued],
            )
        )
    return audit


def second_days(series: Series) -> dict[int, list[int]]:
    """Return by local date, days since 1970, the rows of its bars, by the wall clock of the standard library."""
    zone, days = ZoneInfo(str(series.day_zone)), dict[int, list[int]]()
    for row, moment in enumerate(series.index.to_pydatetime()):
        days.setdefault((moment.astimezone(zone).date() - EPOCH).days, []).append(row)
    return days


def _other_days(prepared: Prepared, days: dict[int, list[int]]) -> Leak | None:
    """Find a price that stands in another day than that of its bar, or in another order."""
    series, table = prepared.series, day_table(prepared.series)
    for place, day in enumerate(table.dates.tolist()):
        rows = days.get(day, [])
        mine = series.close[rows, 0]
        told = table.price[place]
        if not set(told[np.isfinite(told)].tolist()) <= set(mine.tolist()):
            row = rows[0] if rows else 0
            return leak_at(prepared, "audit", "features", row, "a price of this local day is that of another day")
        if rows and len(rows) == len(told) and rows[0] > 0 and not np.array_equal(told, mine):
            what = "the prices of this local day do not stand in the order of its bars"
            return leak_at(prepared, "audit", "features", rows[0], what)
    return None


def _learned_too_far(prepared: Prepared, models: Models | None) -> Leak | None:
    """Find a row whose network had learned a price that was not out yet, by the clock that prices are known by."""
    states = None if models is None else models.states
    if not isinstance(states, HiddenStates) or states.label_end is None:
        return None
    clock = prepared.task.decision_times(prepared)
    known = seconds(clock.prices)
    spoken = np.flatnonzero(np.isfinite(states.hidden_state).all(axis=1))
    spoken = spoken[spoken > states.fit_end[spoken] + states.forecast.shape[1]]  # earlier ones were learned from
    label = states.label_end[spoken]
    late = spoken[(label > spoken) | (known[np.clip(label, 0, len(known) - 1)] > known[spoken])]
    if len(late) == 0:
        return None
    row = int(late[0])
    until = prepared.series.index[int(states.label_end[row])].isoformat()
    what = f"its network had learned prices up to {until}, which come later"
    return leak_at(prepared, "audit", "forecaster_fit", row, what)

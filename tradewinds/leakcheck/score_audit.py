"""What forecasts are scored by: each is the one issued at its bar, and its outcome is the bar that it is of."""

import numpy as np
from numpy.typing import NDArray

from forecaster.hidden_states import HiddenStates
from tradewinds.leakcheck.columns import Array, Audit, outcome_column, seconds
from tradewinds.leakcheck.label_audit import second_changes
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.records import Scored
from tradewinds.pipeline.task import Models, Prepared

Rows = NDArray[np.int64]
SAME = 1e-5  # relative difference of float32 forecasts


def audit_scores(prepared: Prepared, models: Models, rows: range) -> Audit:
    """Audit the network's forecasts on `rows` as they are scored."""
    audit, clock = Audit(), prepared.task.decision_times(prepared)
    reads, prices = seconds(clock.reads), seconds(clock.prices)
    tables = prepared.task.scored(prepared, models, rows)
    if not tables:
        audit.notes.append("too few bars: no score was audited")
    changes = second_changes(prepared.panel)
    for table in (table for table in tables if len(table.issued)):
        audit.take(
            outcome_column(
                prepared,
                f"score.{table.name}",
                "score",
                "recomputed",
                rows=table.outcome,
                known=prices[table.outcome],
                issued=reads[table.issued],
            )
        )
        audit.leak = audit.leak or _wrong_outcome(prepared, table, changes) or _wrong_issue(prepared, models, table)
    return audit


def _wrong_outcome(prepared: Prepared, table: Scored, changes: Array) -> Leak | None:
    """Find a forecast that is scored by another bar than its own."""
    name = prepared.series.instruments[0] if table.instrument is None else table.instrument
    number = prepared.panel.instruments.index(name)
    outcomes = (prepared.panel.close if table.prices else changes)[:, number]
    scale = float(np.nanstd(outcomes)) or 1.0
    wrong = np.flatnonzero(~np.isclose(table.truth, outcomes[table.outcome], rtol=SAME, atol=SAME * scale))
    if len(wrong) == 0:
        return None
    row = int(table.outcome[wrong[0]])
    what = (
        f"score.{table.name}: what came at this bar is {outcomes[row]:g}, and it is scored by {table.truth[wrong[0]]:g}"
    )
    return leak_at(prepared, "audit", "scores", row, what)


def _wrong_issue(prepared: Prepared, models: Models, table: Scored) -> Leak | None:
    """Find a forecast that was issued at another bar than it is said to be."""
    states = models.states if table.instrument is None else models.forecasting_panel()[1].instrument(table.instrument)
    assert isinstance(states, HiddenStates)
    ahead = table.outcome - table.issued
    told = _told(prepared, states, table.issued, ahead, prices=table.prices)
    scale = float(np.nanmax(np.abs(told))) or 1.0
    wrong = np.flatnonzero(~np.isclose(table.forecast, told, rtol=SAME, atol=SAME * scale, equal_nan=True))
    if len(wrong) == 0:
        return None
    whose = "none near it"
    for later in (1, -1, 2, -2):
        issued, horizon = table.issued + later, states.forecast.shape[1]
        fits = (issued >= 0) & (issued < len(states.index)) & (ahead - later >= 1) & (ahead - later <= horizon)
        fits &= np.isin(np.arange(len(ahead)), wrong)
        other = _told(prepared, states, issued[fits], ahead[fits] - later, prices=table.prices)
        if fits.any() and np.isclose(table.forecast[fits], other, rtol=SAME, atol=SAME * scale).mean() > 0.9:
            whose = f"that issued {abs(later)} bars {'later' if later > 0 else 'earlier'}"
            break
    row = int(table.issued[wrong[0]])
    far = int(ahead[wrong[0]])
    what = f"score.{table.name}: the forecast scored {far} bars ahead is not that of this bar, but {whose}"
    return leak_at(prepared, "audit", "scores", row, what)


def _told(prepared: Prepared, states: HiddenStates, issued: Rows, ahead: Rows, *, prices: bool) -> Array:
    """Return (N,) what the network said at rows `issued` (N,) of the bars `ahead` (N,) of them, 1 for the next."""
    forecast = states.forecast.astype(np.float64)
    if not prices:
        return np.asarray(forecast[issued, ahead - 1])
    steps = np.array([forecast[row, :far].sum() for row, far in zip(issued.tolist(), ahead.tolist(), strict=True)])
    last = prepared.series.close[issued, 0]
    return np.asarray(last * np.exp(steps) if prepared.series.target == "log_return" else last + steps)

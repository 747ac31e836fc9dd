"""Forecasts of several instruments found a second time, by forecasters that know no later bar."""

import numpy as np

from forecaster.panel_states import encode_panel
from tradewinds.pipeline.records import Forecasts
from tradewinds.pipeline.task import Models, Prepared

MADE_AGAIN = 4  # decisions whose forecasts are made again, evenly spread, the first and the last among them
SAME_FORECAST = 1e-3  # of the usual forecast: a float32 summed otherwise


def rescored_panel(prepared: Prepared, models: Models, forecasts: Forecasts) -> tuple[str, int, str] | None:
    """Return the first stage, row and difference in which a second look finds other forecasts; None if none."""
    fitted, states = models.forecasting_panel()
    test = prepared.split.test
    usual = float(np.sqrt(np.nanmean(np.square(states.forecast[test.start : test.stop], dtype=np.float64)))) + 1e-12
    rows = np.unique(np.linspace(test.start, test.stop - 2, MADE_AGAIN).astype(int))
    for row in rows.tolist():
        again = encode_panel(fitted, prepared.series.rows(range(row + 1)), rows=range(row, row + 1))
        differ = np.abs(again.forecast[row] - states.forecast[row]).max(axis=1)
        wrong = np.flatnonzero(~((differ <= SAME_FORECAST * usual) | ~states.available[row]))
        if len(wrong) or not np.array_equal(again.available[row], states.available[row]):
            name = states.instruments[int(wrong[0])] if len(wrong) else "an instrument"
            return "forecasts", row, f"{name} is scored with another forecast than is made of the bars up to this one"
    return None

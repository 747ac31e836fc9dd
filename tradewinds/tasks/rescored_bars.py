"""Forecasts bar by bar, and their scores, found a second time: by a second scorer, and by forecasters that know less.

The second scorer takes the forecasts as they are said to have been made. Whether they were made when they say is asked
of the forecasters themselves: some are made again from a series that ends at the bar of decision.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.evaluation.scores import plain_rules
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import last_forecast
from tradewinds.pipeline.records import Forecasts
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.all_forecasts import ALL_FORECASTS, CHANGE
from tradewinds.tasks.second_scorer import Fault, SecondScorer, first_other_score

Array = NDArray[np.float64]
MADE_AGAIN = 6  # decisions whose forecasts are made again, evenly spread, the first and the last among them
SAME_FORECAST = 1e-3  # of a model's usual forecast: a float32 summed otherwise, and a rule summed over fewer rows


def rescored(prepared: Prepared, models: Models, forecasts: Forecasts) -> Fault | None:
    """Return the first stage, row and difference in which a second look finds other forecasts or scores; None if none.

    Args:
        prepared: the request, its test rows open.
        models: what was fitted.
        forecasts: as the task scored them.
    """
    table = forecasts.tables.get(ALL_FORECASTS)
    if table is None:
        return None
    fitted, _ = models.forecasting_bars()
    horizon, test, series = fitted.config.model.horizon, prepared.split.test, prepared.series
    scorer = SecondScorer(
        table,
        series.index,
        series.close[:, 0],
        differences=not series.is_price,
        fit_rows=_fit_rows(prepared, models),
    )
    fault = scorer.fault_in_time(_decisions(series, test, horizon))
    if fault is not None:
        return fault
    if set(scorer.models) != set(forecasts.scores):
        what = f"scored are {', '.join(forecasts.scores)}, and forecasts there are of {', '.join(scorer.models)}"
        return "scores", test.start, what
    return next(_faults(prepared, fitted, forecasts, table, scorer), None)


def _decisions(series: Series, test: range, horizon: int) -> NDArray[np.int64]:
    """Return the test rows whose outcomes lie in the test; of an instrument with gaps, in bars in which it traded."""
    rows = np.arange(test.start, test.stop - horizon)
    if series.traded is None:
        return rows
    bars = rows[:, None] + np.arange(horizon + 1)
    return np.asarray(rows[series.traded[bars, 0].all(axis=1)])


def _faults(
    prepared: Prepared, fitted: FittedForecaster, forecasts: Forecasts, table: pd.DataFrame, scorer: SecondScorer
) -> Iterator[Fault]:
    for name in scorer.models:
        values = scorer.fault_in_values(name)
        if values is not None:
            yield values
        found = scorer.scores(name)
        words = first_other_score(name, forecasts.scores[name], found, tied=scorer.tied[name])
        if words:
            yield "scores", prepared.split.test.start, words
    horizon = fitted.config.model.horizon
    rows = np.flatnonzero(table["scored"].to_numpy())[::horizon]
    usual = {name: _size(table[f"{CHANGE}{name}"]) for name in scorer.models}
    for place in np.unique(np.linspace(0, len(rows) - 1, MADE_AGAIN).astype(int)):
        part = table.iloc[rows[place] : rows[place] + horizon]
        row = int(prepared.series.index.searchsorted(part["issued"].iloc[0]))
        for name, forecast in made_again(prepared, fitted, row).items():
            other = np.abs(part[f"{CHANGE}{name}"].to_numpy() - forecast).max()
            if not other <= SAME_FORECAST * usual[name]:
                what = "is scored with another forecast than it makes of the bars up to this one"
                yield "forecasts", row, f"{name} {what}: a change differs by {other:.3g}"


def made_again(prepared: Prepared, fitted: FittedForecaster, row: int) -> dict[str, Array]:
    """Return per model the (H,) changes that network and rules forecast at the close of a bar, from no later one.

    Classical rules are left out: fitting them takes longer than all the rest.
    """
    known = prepared.series.rows(range(row + 1))
    rules = plain_rules(fitted, known, prepared.config.baselines.custom)
    return {fitted.config.model.kind: last_forecast(fitted, known).astype(np.float64)} | {
        name: rule(np.array([row]))[0] for name, rule in rules.items()
    }


def _size(changes: pd.Series) -> float:
    """Return the usual size of a forecast change, below which no difference counts."""
    return float(np.sqrt((changes.to_numpy() ** 2).mean())) + 1e-12


def _fit_rows(prepared: Prepared, models: Models) -> NDArray[np.int64]:
    """Return the decisions the network was fitted on: those of its part but the last, which stop it, and a horizon."""
    fitted, states = models.forecasting_bars()
    part, horizon, length = prepared.split.forecaster, fitted.config.model.horizon, fitted.config.model.context_length
    first = max(part.start + length - 1, states.first_row)
    count = part.stop - horizon - first
    stopping = max(2, round(fitted.config.trainer.early_stopping_fraction * count))
    return np.arange(first, part.stop - horizon - stopping - horizon + 1)

"""A forecast nobody acts on as a task: the test rows are scored, and that is all. Heavy parts load when used."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.series_task import SeriesTask


class ForecastOnlyTask(SeriesTask):
    """Forecast a series and score that; see `tradewinds.pipeline.task.Task`. What acts is never asked for."""

    kind = "forecast_only"
    home = "tradewinds.tasks.forecast_only"
    folder = "forecast"
    acts = False
    rival = "naive"
    curve: Literal["equity", "profit", "none"] = "none"

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test rows."""
        from tradewinds.tasks.bar_forecasts import score_bars

        assert models is not None
        return score_bars(prepared, models)

    def sections(
        self,
        prepared: Prepared,
        models: Models,
        outcome: Outcome | None,
        forecasts: Forecasts,
        honesty: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return splits and verdict for report.json."""
        from tradewinds.report.document import forecast_units, split_facts
        from tradewinds.tasks.bar_forecasts import verdict_of

        return {
            "data": {**forecast_units(prepared), **split_facts(prepared, models)},
            "backtest": None,
            "backtest_reason": "the series is forecast in differences, and not traded",
            "verdict": verdict_of(forecasts),
            "remarks": [],
        }

    def tables(self, prepared: Prepared, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return nothing beside the forecasts."""
        return {}

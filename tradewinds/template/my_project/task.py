"""What forecasts are for: prices that are watched, and nobody acts. Built upon Tradewinds' own task of that kind."""

from typing import Any

from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.forecast_only.task import ForecastOnlyTask


class WatchTask(ForecastOnlyTask):
    """Forecast prices and score that; see `tradewinds.pipeline.task.Task`."""

    kind = "watch"

    def sections(
        self, prepared: Prepared, models: Models, outcome: Outcome | None, forecasts: Forecasts, honesty: Any
    ) -> dict[str, Any]:
        """Return the parts of report.json that are this task's."""
        parts = super().sections(prepared, models, outcome, forecasts, honesty)
        return {**parts, "backtest_reason": "the prices are watched, and nobody acts on them"}

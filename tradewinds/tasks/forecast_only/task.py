"""A forecast nobody acts on as a task: the test rows are scored, and that is all. Heavy parts load when used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from forecaster.data.series import Series
from tradewinds.pipeline.task import Forecasts, KnownAt, Models, Outcome, Prepared, TraceTables
from tradewinds.request.schema import Config


class ForecastOnlyTask:
    """Forecast a series and score that; see `tradewinds.pipeline.task.Task`. What acts is never asked for."""

    kind = "forecast_only"
    folder = "forecast"
    least_bars = 0
    acts = False
    rival = "naive"
    curve: Literal["equity", "profit", "none"] = "none"

    def without_prices(self) -> "ForecastOnlyTask":
        """Return itself."""
        return self

    def known_at(self, config: Config) -> KnownAt | None:
        """Columns are read as they are known at the close of their bar."""
        return None

    def settle(self, series: Series, config: Config, notes: list[str]) -> tuple[Config, list[str]]:
        """Return the request as it is: no rule of an account is read."""
        return config, notes

    def require(self, prepared: Prepared) -> None:
        """Ask for nothing more."""

    def test_span(self, prepared: Prepared) -> dict[str, Any]:
        """Return the test rows and their first and last bar."""
        return prepared.time_range(prepared.split.test)

    def score(self, prepared: Prepared, models: Models | None, decisions: pd.DataFrame | None) -> Forecasts:
        """Score the forecasts of the test rows."""
        from tradewinds.tasks.bar_forecasts import score_bars

        assert models is not None
        return score_bars(prepared, models)

    def trace(self, prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, Outcome | None]:
        """Return the scores."""
        from tradewinds.tasks.bar_forecasts import score_tables

        return score_tables(prepared, models, rows), None

    def sections(
        self,
        prepared: Prepared,
        models: Models,
        outcome: Outcome | None,
        forecasts: Forecasts,
        honesty: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return splits and verdict for report.json."""
        from tradewinds.report.document import split_facts
        from tradewinds.tasks.bar_forecasts import verdict_of

        fitted, _ = models.forecasting()
        fit_end = {"row": fitted.fit_end, "time": fitted.fit_end_time.isoformat()}
        return {
            "data": {"forecast_unit": prepared.series.change_unit, **split_facts(prepared, fit_end)},
            "backtest": None,
            "backtest_reason": "the series is forecast in differences, and not traded",
            "verdict": verdict_of(forecasts),
            "remarks": [],
        }

    def tables(self, prepared: Prepared, models: Models, outcome: Outcome | None) -> dict[str, pd.DataFrame]:
        """Return nothing beside the forecasts."""
        return {}

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell scores and tests."""
        from tradewinds.report.text import forecast_lines

        return list(forecast_lines(document))

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html."""
        from tradewinds.report.forecasts import forecast_page

        return forecast_page(document, folder, plot_points)

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> None:
        """Draw nothing: the page is all there is."""

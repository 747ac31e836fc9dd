"""The part of a page about forecasts: what it draws, and the rows of its tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.networks.heads import LEVELS
from tradewinds.report import charts
from tradewinds.report.page import span
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table

SCORES = (
    ("mae", "MAE", "small"),
    ("rmse", "RMSE", "small"),
    ("mase", "MASE", "number"),
    ("pinball", "pinball", "small"),
    ("crps", "CRPS", "small"),
    ("coverage", "coverage of 90 %", "percent"),
    ("direction_accuracy", "direction", "percent"),
    ("n", "forecasts", "count"),
)
RIVALS = (("next_bar", "next bar"), ("all_bars", "all bars ahead"), ("value_ahead", "value at the end"))


def forecast_page(document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
    """Draw report.html of a series that is forecast and not acted on.

    Args:
        document: report.json.
        folder: of the forecast's artifact.
        plot_points: bars drawn at most per line.
    """
    forecasts = naive_times(read_table(folder, "forecasts"))
    clock = charts.clock_of(pd.DatetimeIndex(forecasts.index))
    figures = forecast_figures(document, forecasts, clock, plot_points)
    values = {"report": document, "honesty": (), "cards": forecast_cards(document)}
    return render("forecast.html", figures, **values, **forecast_values(), **span(forecasts))


def forecast_values() -> dict[str, Any]:
    """Return what scores.html asks for beside the report and its figures."""
    return {"scores": SCORES, "rivals": RIVALS}


def forecast_figures(
    document: Mapping[str, Any], forecasts: pd.DataFrame, clock: charts.Clock, points: int
) -> dict[str, charts.Figure]:
    """Draw the fan, the scatter, the error by bars ahead and the calibration of the test rows."""
    model, unit = document["run"]["config"]["model"]["kind"], document["data"]["forecast_unit"]
    thinned = charts.source_of(charts.thin(forecasts.dropna(), points, ["truth", "forecast"]))
    return {
        "forecast": charts.forecast_chart(thinned, unit, clock),
        "scatter": charts.scatter_chart(forecasts, unit, points),
        "horizon": charts.horizon_chart(document["forecast"]),
        "calibration": charts.calibration_chart(
            LEVELS, {name: document["forecast"][name]["share_below_quantile"] for name in (model, "naive")}
        ),
    }


def forecast_cards(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the cards of a series that is forecast and not traded."""
    scores, model = document["forecast"], document["run"]["config"]["model"]["kind"]
    unit = document["data"]["forecast_unit"]
    keys = (
        (f"mean absolute error, {unit}", "mae", "number"),
        (f"root mean squared error, {unit}", "rmse", "number"),
        ("MASE", "mase", "number"),
        ("coverage of 90 %", "coverage", "percent"),
    )
    return [
        {
            "label": label,
            "value": shown(scores[model][key], form),
            "beside": f"ridge {shown(scores['ridge'][key], form)}, naive {shown(scores['naive'][key], form)}",
        }
        for label, key, form in keys
    ]

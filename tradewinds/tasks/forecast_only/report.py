"""What a forecast nobody acts on says in a report: its page, and its scores as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.evaluation.inference import ahead_words
from tradewinds.report import charts, text
from tradewinds.report.forecasts import forecast_figures, forecast_values
from tradewinds.report.page import span
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table

HONESTY = (("trials", "trials", "how often these test rows were looked at so far, whatever the request"),)

forecast_lines = text.forecast_lines


def strategy_lines(document: Mapping[str, Any]) -> list[str]:
    """Return nothing: there are no strategies."""
    return []


def picture(document: Mapping[str, Any], folder: Path, plot_points: int) -> None:
    """Draw nothing: the page is all there is."""


def page(document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
    """Draw report.html of a series that is forecast and not acted on.

    Args:
        document: report.json.
        folder: of the forecast's artifact.
        plot_points: bars drawn at most per line.
    """
    forecasts = naive_times(read_table(folder, "forecasts"))
    clock = charts.clock_of(pd.DatetimeIndex(forecasts.index))
    figures = forecast_figures(document, forecasts, clock, plot_points)
    values = {"report": document, "honesty": HONESTY, "cards": _cards(document)}
    return render("forecast.html", figures, **values, **forecast_values(), **span(forecasts))


def _cards(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the cards of a series that is forecast and not traded."""
    scores, model = document["forecast"], document["run"]["config"]["model"]
    model, bars, unit = model["kind"], model["horizon"], document["data"]["value_unit"]
    keys = (
        (f"mean absolute error {ahead_words(bars)}, {unit}", "value_mae_last", "number"),
        (f"of all {bars} bars ahead, {unit}", "value_mae", "number"),
        (f"of the change of a bar, {document['data']['change_unit']}", "change_mae", "number"),
        ("coverage of 90 % of changes", "change_coverage", "percent"),
    )
    return [
        {
            "label": label,
            "value": shown(scores[model][key], form),
            "beside": f"ridge {shown(scores['ridge'][key], form)}, naive {shown(scores['naive'][key], form)}",
        }
        for label, key, form in keys
    ]

"""The part of a page about forecasts: what it draws, and the rows of its tables."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.networks.heads import LEVELS
from tradewinds.report import charts

VALUES = (
    ("value_mae", "MAE", "number"),
    ("value_rmse", "RMSE", "number"),
    ("value_mae_last", "MAE at the last bar", "number"),
    ("n", "forecasts", "count"),
)
SCORES = (
    ("change_mae", "MAE", "small"),
    ("change_rmse", "RMSE", "small"),
    ("change_mase", "MASE", "number"),
    ("change_pinball", "pinball", "small"),
    ("change_crps", "CRPS", "small"),
    ("change_coverage", "coverage of 90 %", "percent"),
    ("change_direction_accuracy", "direction", "percent"),
)
RIVALS = (("next_bar", "next bar"), ("all_bars", "all bars ahead"), ("value_ahead", "value at the end"))


def forecast_values() -> dict[str, Any]:
    """Return what scores.html asks for beside the report and its figures."""
    return {"values": VALUES, "scores": SCORES, "rivals": RIVALS}


def forecast_figures(
    document: Mapping[str, Any], forecasts: pd.DataFrame, clock: charts.Clock, points: int
) -> dict[str, charts.Figure]:
    """Draw the fan, the scatter, the error by bars ahead and the calibration of the test rows."""
    model, unit = document["run"]["config"]["model"]["kind"], document["data"]["change_unit"]
    thinned = charts.source_of(charts.thin(forecasts.dropna(), points, ["truth", "forecast"]))
    return {
        "forecast": charts.forecast_chart(thinned, unit, clock),
        "scatter": charts.scatter_chart(forecasts, unit, points),
        "horizon": charts.horizon_chart(document["forecast"]),
        "calibration": charts.calibration_chart(
            LEVELS, {name: document["forecast"][name]["change_share_below_quantile"] for name in (model, "naive")}
        ),
    }

"""report.html: one self-contained page, drawn from report.json and the backtest or forecast artifact beside it.

Every number on it is read from report.json; nothing is fetched when the page is opened.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined

from forecaster.heads import LEVELS
from tradewinds.artifact import write_text
from tradewinds.report import charts
from tradewinds.report.storage import storage_page

METRICS = (
    ("total_return", "total return", "percent"),
    ("cagr_365_25", "CAGR (365.25 days)", "percent"),
    ("sharpe_annual_ddof1_arithmetic", "Sharpe (annual, arithmetic, ddof 1)", "number"),
    ("sortino_annual_all_bars", "Sortino (annual, all bars)", "number"),
    ("volatility_annual_ddof1", "volatility (annual)", "percent"),
    ("max_drawdown_from_start_capital", "max drawdown (from start capital)", "percent"),
    ("win_rate_closed_trades", "win rate (closed trades)", "percent"),
    ("closed_trades", "closed trades", "count"),
    ("turnover_per_year", "turnover per year", "number"),
    ("exposure_mean", "mean exposure", "number"),
    ("fees_paid", "fees paid", "cost"),
    ("spread_paid", "spread paid", "cost"),
    ("slippage_paid", "slippage paid", "cost"),
    ("borrow_paid", "borrow paid", "cost"),
    ("financing_paid", "financing paid", "cost"),
)
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
PATHS = "backtest/paths.parquet"
HONESTY = (
    ("sharpe_ci95", "95 % interval of the agent's Sharpe", "stationary bootstrap; if it holds 0, luck suffices"),
    ("spa_p_value", "SPA p-value against buy and hold", "small: the agent earns more than buy and hold, beyond luck"),
    ("diebold_mariano", "Diebold-Mariano against naive", "negative with small p: the network forecasts better"),
    ("deflated_sharpe", "deflated Sharpe", "chance that skill remains after all trials are counted"),
    ("pbo", "probability of backtest overfitting", "share of splits where the best trial disappoints"),
    ("trials", "trials", "configurations tried on this test span"),
    ("leakcheck", "leak check", "whether changing the future changed the past"),
)


def write_page(run: Path, *, plot_points: int) -> None:
    """Write `run`/report.html from `run`/report.json and `run`/backtest or `run`/forecast.

    Args:
        run: folder of a finished run.
        plot_points: bars drawn at most per line.
    """
    document = json.loads((run / "report.json").read_text(encoding="utf-8"))
    if document["run"]["config"]["env"]["kind"] == "battery":
        _write_storage_page(run, document, plot_points)
        return
    traded = document["backtest"] is not None
    forecasts = _naive_times(pd.read_parquet(run / ("backtest" if traded else "forecast") / "forecasts.parquet"))
    drawn = _market_figures(document, _naive_times(pd.read_parquet(run / PATHS)), plot_points) if traded else {}
    script, boxes = components({**drawn, **_forecast_figures(document, forecasts, drawn.get("equity"), plot_points)})
    environment = Environment(
        loader=PackageLoader("tradewinds.report", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["shown"] = shown
    resources = Resources(mode="inline", components=["bokeh"])
    page = environment.get_template("page.html").render(
        report=document, script=script, boxes=boxes, resources=resources.render(), rows=METRICS, scores=SCORES,
        honesty=[row for row in HONESTY if row[0] in document["honesty"]], rivals=RIVALS,
        cards=_cards(document), colours=charts.COLOURS,
    )  # fmt: skip
    write_text(run / "report.html", page)


def _write_storage_page(run: Path, document: dict[str, Any], points: int) -> None:
    paths = pd.read_parquet(run / "backtest" / "paths.parquet")
    paths.index = pd.DatetimeIndex(paths.index).tz_localize(None)
    parts = storage_page(document, paths, points)
    script, boxes = components(parts["figures"])
    environment = Environment(
        loader=PackageLoader("tradewinds.report", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["shown"] = shown
    resources = Resources(mode="inline", components=["bokeh"]).render()
    page = environment.get_template("storage.html").render(
        report=document, script=script, boxes=boxes, resources=resources, **parts["values"]
    )
    write_text(run / "report.html", page)


def shown(value: Any, form: str = "number") -> str:
    """Write a number as its form asks, a text as it is, and a dash for what could not be computed."""
    if value is None:
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {shown(number)}" for name, number in value.items())
    if isinstance(value, list):
        return " to ".join(shown(number) for number in value)
    if form in ("percent", "cost") and abs(value) >= 1e3:  # beyond belief, and too wide for a table
        return f"{100.0 * value:.2e}%"
    forms = {
        "percent": f"{value:.1%}",
        "cost": f"{value:.2%}",
        "small": f"{value:.5f}",
        "count": f"{value:,.0f}",
        "money": f"{value:,.0f}",
        "number": f"{value:.2f}",
    }
    return forms[form].replace("-", "\u2212")


def _naive_times(table: pd.DataFrame) -> pd.DataFrame:
    table.index = pd.DatetimeIndex(table.index).tz_localize(None)  # Bokeh draws naive times, here UTC
    return table


def _market_figures(document: dict[str, Any], paths: pd.DataFrame, points: int) -> dict[str, charts.Figure]:
    for name in ("agent", "buy_and_hold"):
        paths[f"drawdown.{name}"] = charts.drawdown(paths[f"equity.{name}"].to_numpy())
    drawn = charts.thin(paths, points, ["equity.agent", "price", "exposure.agent"])
    equity = charts.equity_chart(drawn)
    return {
        "equity": equity,
        "drawdown": charts.drawdown_chart(drawn, equity),
        "price": charts.price_chart(drawn, document["data"]["price_unit"], equity),
        "position": charts.position_chart(drawn, equity),
    }


def _forecast_figures(
    document: dict[str, Any], forecasts: pd.DataFrame, like: charts.Figure | None, points: int
) -> dict[str, charts.Figure]:
    model, unit = document["run"]["config"]["model"]["kind"], document["data"]["forecast_unit"]
    thinned = charts.thin(forecasts.dropna(), points, ["truth", "forecast"])
    return {
        "forecast": charts.forecast_chart(thinned, unit, like),
        "scatter": charts.scatter_chart(forecasts, unit, points),
        "horizon": charts.horizon_chart(document["forecast"]),
        "calibration": charts.calibration_chart(
            LEVELS, {name: document["forecast"][name]["share_below_quantile"] for name in (model, "naive")}
        ),
    }


def _cards(document: dict[str, Any]) -> list[dict[str, str]]:
    if document["backtest"] is None:
        return _forecast_cards(document)
    strategies = document["backtest"]["strategies"]
    agent, holder = strategies["agent"]["metrics"], strategies["buy_and_hold"]["metrics"]
    keys = (
        ("total return", "total_return", "percent"),
        ("Sharpe", "sharpe_annual_ddof1_arithmetic", "number"),
        ("max drawdown", "max_drawdown_from_start_capital", "percent"),
        ("mean exposure", "exposure_mean", "number"),
        ("turnover per year", "turnover_per_year", "number"),
    )
    return [
        {"label": label, "value": shown(agent[key], form), "beside": f"buy and hold {shown(holder[key], form)}"}
        for label, key, form in keys
    ]


def _forecast_cards(document: dict[str, Any]) -> list[dict[str, str]]:
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

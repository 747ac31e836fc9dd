"""report.html: one self-contained page, drawn from report.json and the artifact beside it.

Every number on it is read from report.json; nothing is fetched when the page is opened.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.core.files import write_text
from tradewinds.report import charts
from tradewinds.report.forecasts import FORECASTS, forecast_cards, forecast_figures, forecast_values
from tradewinds.report.render import render, shown
from tradewinds.tasks.storage.report import storage_page
from tradewinds.walk_forward.report import EQUITY, walk_page

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
HONESTY = (
    ("sharpe_ci95", "95 % interval of the agent's Sharpe", "stationary bootstrap; if it holds 0, luck suffices"),
    ("spa_p_value", "SPA p-value against buy and hold", "small: the agent earns more than buy and hold, beyond luck"),
    ("diebold_mariano", "Diebold-Mariano against naive", "negative with small p: the network forecasts better"),
    (
        "sharpe_lead_ci95",
        "95 % interval of its lead over buy and hold",
        "Sharpe less Sharpe; if it holds 0, luck suffices",
    ),
    ("probabilistic_sharpe", "probabilistic Sharpe", "chance that the true Sharpe is above 0, for one trial"),
    ("deflated_sharpe", "deflated Sharpe", "chance that skill remains after all trials are counted"),
    ("pbo", "probability of backtest overfitting", "share of splits where the best trial disappoints"),
    ("trials", "trials", "configurations and seeds judged on this test span so far"),
    ("sharpe_by_seed", "Sharpe over seeds", "of the trials that differ in the seed only"),
    ("break_even_cost_bps", "break-even cost, basis points", "of each trade's value, at which its profit is gone"),
    ("leakcheck", "leak check", "whether changing the future changed the past"),
)
COSTS = (
    ("total_return", "total return", "percent"),
    ("cagr_365_25", "CAGR (365.25 days)", "percent"),
    ("sharpe_annual_ddof1_arithmetic", "Sharpe (annual, arithmetic, ddof 1)", "number"),
    ("max_drawdown_from_start_capital", "max drawdown (from start capital)", "percent"),
)
TABLES = ("equity", "positions", "trades", "band", "forecasts")
MOST_TRADES = 1000  # rows of the table of trades; the files beside the report hold all


def write_page(run: Path, *, plot_points: int) -> None:
    """Write `run`/report.html from `run`/report.json and the artifact of its backtest, its walk or its forecast.

    Args:
        run: folder of a finished run.
        plot_points: bars drawn at most per line.
    """
    document = json.loads((run / "report.json").read_text(encoding="utf-8"))
    if "walk_forward" in document:
        equity = _naive_times(pd.read_parquet(run / "walk_forward" / EQUITY))
        walk = walk_page(document, equity, plot_points)
        page = render("walk.html", walk["figures"], **walk["values"], rows=METRICS, honesty=HONESTY, **_span(equity))
    elif document["backtest"] is None:
        page = _forecast_page(document, run / "forecast", plot_points)
    elif document["run"]["config"]["env"]["kind"] == "battery":
        paths = _naive_times(pd.read_parquet(run / "backtest" / "paths.parquet"))
        storage = storage_page(document, paths, plot_points)
        page = render("storage.html", storage["figures"], **storage["values"], **_span(paths))
    else:
        page = _traded_page(document, run / "backtest", plot_points)
    write_text(run / "report.html", page)


def _forecast_page(document: dict[str, Any], folder: Path, points: int) -> str:
    forecasts = _naive_times(pd.read_parquet(folder / FORECASTS))
    clock = charts.clock_of(pd.DatetimeIndex(forecasts.index))
    figures = forecast_figures(document, forecasts, clock, points)
    shared = {"report": document, "honesty": (), "cards": forecast_cards(document)}
    return render("forecast.html", figures, **shared, **forecast_values(), **_span(forecasts))


def _traded_page(document: dict[str, Any], folder: Path, points: int) -> str:
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    tables |= {name: _naive_times(tables[name]) for name in TABLES if name != "trades"}
    clock = charts.clock_of(pd.DatetimeIndex(tables["equity"].index))
    figures = _figures(document, tables, clock, points) | forecast_figures(document, tables["forecasts"], clock, points)
    return render(
        "traded.html", figures, report=document, honesty=HONESTY, cards=_cards(document), rows=METRICS,
        colours=charts.COLOURS, costs=COSTS, trades=tables["trades"].head(MOST_TRADES).to_dict("records"),
        num_trades=len(tables["trades"]), equity_words=_equity_words(document), **forecast_values(),
        **_span(tables["equity"]),
    )  # fmt: skip


def _naive_times(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(pd.DatetimeIndex(table.index).tz_localize(None))  # Bokeh draws naive times, here UTC


def _span(table: pd.DataFrame) -> dict[str, Any]:
    """What the page's buttons and keys know of the time axis: its ends in milliseconds, and spans to show."""
    index = pd.DatetimeIndex(table.index)
    first, last = (int(stamp.value // 1_000_000) for stamp in (index[0], index[-1]))
    return {"first": first, "last": last, "ranges": _ranges(index)}


def _ranges(span: pd.DatetimeIndex) -> list[tuple[str, int]]:
    """Buttons of the time axis: names and days, shorter than the span."""
    days = (span[-1] - span[0]).days
    every = (("1 week", 7), ("1 month", 31), ("6 months", 183), ("1 year", 366), ("3 years", 1096))
    return [("all", 0), *[(name, length) for name, length in every if length < days]]


def _equity_words(document: dict[str, Any]) -> str:
    """What the equity chart shows, for those who cannot see it."""
    ends = (
        f"{name.replace('_', ' ')} {shown(strategy['metrics']['total_return'], 'percent')}"
        for name, strategy in document["backtest"]["strategies"].items()
        if name != "perfect_foresight"
    )
    return f"Equity over the test span, from 1 at its start. Total returns: {', '.join(ends)}."


def _figures(
    document: dict[str, Any], tables: dict[str, pd.DataFrame], clock: charts.Clock, points: int
) -> dict[str, charts.Figure]:
    paths = tables["equity"].add_prefix("equity.").join(tables["positions"])
    for name in ("agent", "buy_and_hold"):
        curve = paths[f"equity.{name}"].to_numpy()
        paths[f"fall.{name}"] = -charts.drawdown(curve)
        paths[f"sharpe.{name}"], window = charts.rolling_sharpe(curve, document["data"]["bars_per_year"])
    kept = [f"equity.{name}" for name in charts.DRAWN if f"equity.{name}" in paths and name != "flat"]
    paths = paths[[*kept, "equity.flat", *(name for name in paths if not str(name).startswith("equity."))]]
    thinned = charts.thin(paths, points, [*kept, "fall.agent", "price", "exposure"])
    drawn = charts.source_of(thinned.drop(columns="target"))
    return {
        "equity_log": charts.equity_chart(drawn, tables["band"], clock, log=True),
        "equity_linear": charts.equity_chart(drawn, tables["band"], clock, log=False),
        "drawdown": charts.drawdown_chart(drawn, clock),
        "sharpe": charts.sharpe_chart(drawn, window, clock),
        "price": charts.price_chart(drawn, document["data"]["price_unit"], clock),
        "position": charts.position_chart(drawn, clock),
    }


def _cards(document: dict[str, Any]) -> list[dict[str, str]]:
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

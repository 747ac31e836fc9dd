"""What a trading account says in a report: its verdict and warnings, its page and its picture.

Every number on the page is read from report.json; nothing is fetched when it is opened.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from forecaster.data.series import Series
from tradewinds.evaluation.rivals import lead_words
from tradewinds.pipeline.records import Labels
from tradewinds.report import charts, portfolio_charts, text
from tradewinds.report.forecasts import forecast_figures, forecast_values
from tradewinds.report.page import cards_of, metric_rows, rival_rows, span
from tradewinds.report.png import draw
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table
from tradewinds.tasks.account.backtest import Backtest

METRICS = (
    ("total_return", "total return", "percent"),
    ("cagr_365_25", "CAGR (365.25 days)", "percent"),
    ("sharpe_annual_ddof1_arithmetic", "Sharpe (annual, arithmetic, ddof 1)", "number"),
    ("sortino_annual_all_bars", "Sortino (annual, all bars)", "number"),
    ("volatility_annual_ddof1", "volatility (annual)", "percent"),
    ("max_drawdown_from_start_capital", "max drawdown (from start capital)", "percent"),
    ("win_rate_closed_trades", "win rate (closed trades)", "percent"),
    ("closed_trades", "closed trades", "count"),
    ("open_trades", "open at the end", "count"),
    ("open_trades_profit", "profit of what is open", "percent"),
    ("cap_cuts", "cuts to the leverage cap", "count"),
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
    *rival_rows("log growth a year"),
    (
        "diebold_mariano",
        "Diebold-Mariano against naive, next bar",
        "negative with small p: the network forecasts better",
    ),
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
CARDS = (
    ("total return", "total_return", "percent"),
    ("Sharpe", "sharpe_annual_ddof1_arithmetic", "number"),
    ("max drawdown", "max_drawdown_from_start_capital", "percent"),
    ("mean exposure", "exposure_mean", "number"),
    ("turnover per year", "turnover_per_year", "number"),
)
SWEEPS = (("cost_sweep", "cost of a trade, basis points of its value", "cost_bps"),)
TIE = 0.001  # of total return: less is a tie, such as between two that held the same and entered a bar apart
LABELS = Labels(("total_return", "percent"), TIE, CARDS, METRICS, HONESTY, SWEEPS)
TOLD = ("closed_trades", "open_trades", "change_of_equity")  # of the reconciliation, even where they are nothing
TABLES = ("equity", "positions", "trades", "band", "forecasts")
SEVERAL = ("equity", "weights", "trades", "band", "rank_ic")
RANKED = (  # metrics by which a table of many strategies can be sorted
    ("total_return", "total return", "percent"),
    ("cagr_365_25", "CAGR", "percent"),
    ("sharpe_annual_ddof1_arithmetic", "Sharpe", "number"),
    ("volatility_annual_ddof1", "volatility", "percent"),
    ("max_drawdown_from_start_capital", "max drawdown", "percent"),
    ("turnover_per_year", "turnover a year", "number"),
    ("exposure_mean", "net exposure", "number"),
    ("fees_paid", "fees", "cost"),
    ("spread_paid", "spread", "cost"),
    ("slippage_paid", "slippage", "cost"),
)
CROSS_SCORES = (
    ("rank_ic", "rank IC", "small"),
    ("rank_ic_t", "its t (Newey-West)", "number"),
    ("rank_ic_positive", "bars above 0", "percent"),
    ("ic", "IC", "small"),
    ("ic_t", "its t", "number"),
    ("spread_per_bar", "top less bottom", "small"),
    ("spread_per_bar_t", "its t", "number"),
    ("hit_rate", "hit rate", "percent"),
    ("change_mae", "MAE", "small"),
    ("change_mase", "MASE", "number"),
    ("n_bars", "bars", "count"),
)
MOST_TRADES = 1000  # closed rows of the table of trades; the files beside the report hold all

forecast_lines = text.forecast_lines


def strategy_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the metric table of a report, one line a strategy."""
    return text.strategy_lines(document["backtest"]["strategies"])


def verdict(series: Series, metrics: Mapping[str, Mapping[str, Any]], honesty: Mapping[str, Any]) -> str:
    """Say in words what the test span showed, from metrics by strategy, and whether luck suffices for it."""
    agent, holder = (metrics[name]["total_return"] for name in ("agent", "buy_and_hold"))
    words = [f"After costs the agent made {agent:+.1%} on the test span, buy and hold {holder:+.1%}."]
    interval, rival = honesty.get("sharpe_ci95"), metrics[honesty["strongest_rival"]]["total_return"]
    if interval is None:
        words.append(f"Its Sharpe ratio has no interval: {honesty.get('sharpe_ci95_reason')}.")
    elif interval[0] > 0.0:
        words.append(f"Its Sharpe ratio lies above zero with 95 % confidence ({interval[0]:.2f} to {interval[1]:.2f}).")
    else:
        verb = "lies below zero" if interval[1] < 0.0 else "may be zero"
        words.append(f"Its Sharpe ratio {verb}: the 95 % interval is {interval[0]:.2f} to {interval[1]:.2f}.")
    words.append(lead_words(honesty, f"{rival:+.1%}", "+.1%"))
    return " ".join(words)


def agent_remarks(played: Backtest, *, kind: str, trained: str) -> list[str]:
    """Warn of an agent that learned nothing, or added nothing, and of a bound that is none.

    Args:
        played: the test span.
        kind: of the policy that acted.
        trained: kind of the agent that was trained.
    """
    remarks, learned = [], kind != "constant"
    if kind == "planner" != trained:
        remarks.append("the agent follows the plan on the forecast: nothing learned beat it on the validation rows")
    if not learned:
        level = played.targets[0, 0].sum()
        constant = f"always holding {level:+g}" if level else "staying flat"
        remarks.append(f"nothing the agent learned beat {constant} on the validation rows, so that is what it does")
    ranked = "forecast_sign" if "forecast_sign" in played.metrics else "forecast_tenths"
    agent, rule = played.metrics["agent"]["total_return"], played.metrics[ranked]["total_return"]
    if learned and not played.targets[:, 0].any():
        remarks.append("the agent stayed flat on the whole test span: it found nothing worth its cost")
    elif learned and isinstance(agent, float) and isinstance(rule, float) and agent <= rule:
        tenths = "the best and worst tenth" if played.targets.min() < 0.0 else "the best tenth"
        followed = "the sign" if ranked == "forecast_sign" else tenths
        remarks.append(f"the agent did not beat {followed} of its own forecast: it added nothing to the forecaster")
    if played.unbounded:
        remarks.append(f"perfect_foresight does not know {', '.join(played.unbounded)}, and is no bound here")
    return remarks


def page(document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
    """Draw report.html of a trading account.

    Args:
        document: report.json.
        folder: of the backtest's artifact.
        plot_points: bars drawn at most per line.
    """
    several = "portfolio" in document["backtest"]
    names = SEVERAL if several else TABLES
    tables = {name: read_table(folder, name) for name in names}
    tables |= {name: naive_times(tables[name]) for name in names if name != "trades"}
    clock = charts.clock_of(pd.DatetimeIndex(tables["equity"].index))
    figures = _figures(document, tables, clock, plot_points)
    if several:
        figures |= _portfolio_figures(document, tables, clock, plot_points)
    else:
        figures |= forecast_figures(document, tables["forecasts"], clock, plot_points)
    strategies = document["backtest"]["strategies"]
    return render(
        "portfolio.html" if several else "traded.html", figures, report=document,
        honesty=HONESTY, rows=metric_rows(METRICS, document), colours=charts.COLOURS, costs=COSTS,
        cards=cards_of(strategies, "buy_and_hold", CARDS),
        trades=_shown_trades(tables["trades"]), parts=_parts(document),
        equity_words=_equity_words(document), cross_scores=CROSS_SCORES, ranked=metric_rows(RANKED, document),
        **forecast_values(), **span(tables["equity"]),
    )  # fmt: skip


def picture(document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes:
    """Draw equity, drawdown and exposure of the test span as one PNG."""
    paths = read_table(folder, "equity").add_prefix("equity.").join(read_table(folder, "positions"))
    exposure = paths[[name for name in paths if str(name).startswith("exposure")]].sum(axis=1)
    paths = paths.assign(exposure=exposure, drawdown=-charts.drawdown(paths["equity.agent"].to_numpy()))
    table = charts.thin(paths, plot_points, ["equity.agent", "drawdown", "exposure"])

    def fill(canvas: Figure) -> None:
        equity, fall, held = canvas.subplots(3, 1, sharex=True, height_ratios=(4, 1.3, 1.3))
        for name in (name for name in charts.DRAWN if f"equity.{name}" in paths):
            metrics = document["backtest"]["strategies"][name]["metrics"]
            label, width = f"{charts.LABELS[name]} {metrics['total_return']:+.1%}", 2.0 if name == "agent" else 1.0
            equity.plot(table.index, table[f"equity.{name}"], color=charts.COLOURS[name], lw=width, label=label)
        equity.set_yscale("log")
        equity.yaxis.set_major_formatter("{x:g}")
        equity.yaxis.set_minor_formatter("{x:g}")
        equity.legend(loc="upper left", frameon=False, fontsize=8)
        fall.fill_between(table.index, table["drawdown"], 0.0, color=charts.COLOURS["agent"], alpha=0.3, lw=0)
        fall.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        held.step(table.index, table["exposure"], where="post", color=charts.COLOURS["agent"], lw=1.0)
        for axes, label in ((equity, "equity"), (fall, "drawdown"), (held, "exposure")):
            axes.set_ylabel(label)

    return draw(document, fill)


def _shown_trades(trades: pd.DataFrame) -> list[Any]:
    """The rows of the table: the first closed trades, and all that are open."""
    closed, open_ = (trades[trades["status"] == status] for status in ("closed", "open"))
    return pd.concat([closed.head(MOST_TRADES), open_]).to_dict("records")


def _parts(document: Mapping[str, Any]) -> list[tuple[str, float]]:
    """What the change of equity is made of, as (words, money); payments of nothing left out, the sum last."""
    parts = document["backtest"]["agent"]["reconciliation"]
    names = [*TOLD[:2], *(name for name in parts if name not in TOLD and parts[name]), TOLD[2]]
    return [(name.replace("_", " "), parts[name]) for name in names]


def _equity_words(document: Mapping[str, Any]) -> str:
    """What the equity chart shows, for those who cannot see it."""
    ends = (
        f"{name.replace('_', ' ')} {shown(strategy['metrics']['total_return'], 'percent')}"
        for name, strategy in document["backtest"]["strategies"].items()
        if name != "perfect_foresight"
    )
    return f"Equity over the test span, from 1 at its start. Total returns: {', '.join(ends)}."


def _figures(
    document: Mapping[str, Any], tables: dict[str, pd.DataFrame], clock: charts.Clock, points: int
) -> dict[str, charts.Figure]:
    several = "positions" not in tables
    held = tables["weights"][["account.net"]].rename(columns={"account.net": "exposure"}) if several else None
    paths = tables["equity"].add_prefix("equity.").join(tables["positions"] if held is None else held)
    for name in ("agent", "buy_and_hold"):
        curve = paths[f"equity.{name}"].to_numpy()
        paths[f"fall.{name}"] = -charts.drawdown(curve)
        paths[f"sharpe.{name}"], window = charts.rolling_sharpe(curve, document["data"]["bars_per_year"])
    curves = [f"equity.{name}" for name in charts.DRAWN if f"equity.{name}" in paths and name != "flat"]
    paths = paths[[*curves, "equity.flat", *(name for name in paths if not str(name).startswith("equity."))]]
    keep = [*curves, "fall.agent", "exposure"]
    thinned = charts.thin(paths, points, keep if several else [*keep[:-1], "price", "exposure"])
    drawn = charts.source_of(thinned.drop(columns="target", errors="ignore"))
    figures = {
        "equity_log": charts.equity_chart(drawn, tables["band"], clock, log=True),
        "equity_linear": charts.equity_chart(drawn, tables["band"], clock, log=False),
        "drawdown": charts.drawdown_chart(drawn, clock),
        "sharpe": charts.sharpe_chart(drawn, window, clock),
    }
    if several:
        return figures
    return figures | {
        "price": charts.price_chart(drawn, document["data"]["price_unit"], clock),
        "position": charts.position_chart(drawn, clock),
    }


def _portfolio_figures(
    document: Mapping[str, Any], tables: dict[str, pd.DataFrame], clock: charts.Clock, points: int
) -> dict[str, charts.Figure]:
    held = document["backtest"]["portfolio"]
    groups = {name: row["by_group"] for name, row in document["forecast"].items() if row["by_group"]}
    return {
        "weights": portfolio_charts.weights_chart(tables["weights"], clock, points),
        "exposure": portfolio_charts.exposure_chart(tables["weights"], clock, points),
        "contributions": portfolio_charts.contributions_chart(held["contributions"]),
        "rank_ic": portfolio_charts.rank_chart(tables["rank_ic"], clock, points),
        "ranks": portfolio_charts.ranks_chart(groups),
    }

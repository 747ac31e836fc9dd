"""report.json, version 1. But for run.id, run.started_at and run.seconds, one request gives the same bytes twice."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.fitted import FittedForecaster
from tradewinds.evaluation.drawdowns import monthly_returns, worst_drawdowns
from tradewinds.evaluation.inference import CERTAIN, rival_verdicts
from tradewinds.pipeline.artifact import versions
from tradewinds.pipeline.prepare import Prepared
from tradewinds.tasks.account.backtest import Backtest

SCHEMA = 1


def run_facts(prepared: Prepared, run: dict[str, Any]) -> dict[str, Any]:
    """Return what every report of one seed says of its run: `run`, and what decided its numbers."""
    config = prepared.config
    return {
        **run,
        "config": config.deciding(),
        "config_hash": config.hash,
        "seed": config.seed,
        "versions": versions(),
    }


def series_facts(prepared: Prepared) -> dict[str, Any]:
    """Return what every report says of the traded series: name, bars, units, span and where it is from."""
    series = prepared.series
    return {
        "name": series.name,
        "instruments": list(series.instruments),
        "bars": len(series.index),
        "bar_length": str(series.bar_length),
        "bars_per_year": series.bars_per_year,
        "price_unit": series.price_unit,
        "exogenous": [str(name) for name in series.exogenous.columns],
        "first": series.index[0].isoformat(),
        "last": series.index[-1].isoformat(),
        "sha256": prepared.inputs["sha256"],
        "sources": prepared.inputs["sources"],
    }


def report_document(
    prepared: Prepared,
    fitted: FittedForecaster,
    played: Backtest | None,
    *,
    forecast: dict[str, Any],
    honesty: dict[str, Any],
    run: dict[str, Any],
    learned: bool = True,
) -> dict[str, Any]:
    """Assemble report.json.

    Args:
        prepared: the request with its data.
        fitted: the forecaster.
        played: the test span's backtest; None for a series that is forecast and not traded.
        forecast: scores per model on the test rows.
        honesty: how far to believe it.
        run: id, command, started_at, seconds.
        learned: whether the agent is more than one constant position.

    Returns:
        Plain data; None where a number could not be computed, with its reason beside it.
    """
    config, series, split = prepared.config, prepared.series, prepared.split
    seed, index = config.seed, series.index[split.test.start : split.test.stop]
    remarks = [] if played is None else _agent_remarks(played, learned=learned)
    remarks += _forecast_remarks(config.model.kind, honesty)
    verdict = [] if played is None else [traded_verdict(played.metrics, honesty)]
    verdict.append(f"{honesty['forecast_verdict'][:1].upper()}{honesty['forecast_verdict'][1:]}.")
    return {
        "schema": SCHEMA,
        "run": run_facts(prepared, run),
        "data": {
            **series_facts(prepared),
            "forecast_unit": series.change_unit,
            "splits": {
                name: prepared.time_range(rows)
                for name, rows in (
                    ("forecaster", split.forecaster),
                    ("agent", split.agent),
                    ("validation", split.validation),
                    ("test", split.test),
                )
            },
            "fit_end": {"row": fitted.fit_end, "time": fitted.fit_end_time.isoformat()},
        },
        "forecast": _with_verdicts(forecast, rival_verdicts(honesty["diebold_mariano_by_rival"])),
        **_played(played, seed, index),
        "honesty": {**honesty, "seeds": [seed], "verdict": " ".join(verdict)},
        "warnings": [*prepared.notes, *remarks],
    }


def _with_verdicts(forecast: dict[str, Any], verdicts: dict[str, str]) -> dict[str, Any]:
    """Say in each baseline's scores whether the network beats it."""
    return {name: {**row, "verdict": verdicts[name]} if name in verdicts else row for name, row in forecast.items()}


def _played(played: Backtest | None, seed: int, index: pd.DatetimeIndex) -> dict[str, Any]:
    if played is None:
        return {"backtest": None, "backtest_reason": "the series is forecast in differences, and not traded"}
    return {
        "backtest": {
            "strategies": {
                name: {
                    "metrics": played.metrics[name],
                    "seed": seed if name in ("agent", "random_same_turnover") else None,
                }
                for name in played.strategies
            },
            "agent": {
                "without_costs": played.without_costs,
                "monthly_returns": monthly_returns(played.equity("agent"), index),
                "worst_drawdowns": worst_drawdowns(played.equity("agent"), index),
            },
        }
    }


def traded_verdict(metrics: Mapping[str, Mapping[str, Any]], honesty: Mapping[str, Any]) -> str:
    """Say in words what the test span showed, from metrics by strategy, and whether luck suffices for it."""
    agent, holder = (metrics[name]["total_return"] for name in ("agent", "buy_and_hold"))
    words = [f"After costs the agent made {agent:+.1%} on the test span, buy and hold {holder:+.1%}."]
    interval, better = honesty.get("sharpe_ci95"), honesty.get("spa_p_value")
    if interval is None:
        words.append(f"Its Sharpe ratio has no interval: {honesty.get('sharpe_ci95_reason')}.")
    elif interval[0] > 0.0:
        words.append(f"Its Sharpe ratio lies above zero with 95 % confidence ({interval[0]:.2f} to {interval[1]:.2f}).")
    else:
        verb = "lies below zero" if interval[1] < 0.0 else "may be zero"
        words.append(f"Its Sharpe ratio {verb}: the 95 % interval is {interval[0]:.2f} to {interval[1]:.2f}.")
    if better is not None:
        claim = "more than" if better < 0.05 else "no more than"
        words.append(f"It earned {claim} buy and hold beyond luck (SPA p = {better:.2f}).")
    return " ".join(words)


def _agent_remarks(played: Backtest, *, learned: bool) -> list[str]:
    remarks = []
    if not learned:
        level = played.targets[0, 0].sum()
        constant = f"always holding {level:+g}" if level else "staying flat"
        remarks.append(f"nothing the agent learned beat {constant} on the validation rows, so that is what it does")
    agent, rule = played.metrics["agent"]["total_return"], played.metrics["forecast_sign"]["total_return"]
    if learned and not played.targets[:, 0].any():
        remarks.append("the agent stayed flat on the whole test span: it found nothing worth its cost")
    elif isinstance(agent, float) and isinstance(rule, float) and agent <= rule:
        remarks.append("the agent did not beat the sign of its own forecast: it added nothing to the forecaster")
    if played.unbounded:
        remarks.append(f"perfect_foresight does not know {', '.join(played.unbounded)}, and is no bound here")
    return remarks


def _forecast_remarks(model: str, honesty: dict[str, Any]) -> list[str]:
    """Say so at the head of the report if the network does not beat naive, over all bars ahead and beyond luck."""
    test = honesty["diebold_mariano_by_rival"]["naive"]["all_bars"]
    if test is None:
        return [f"the {model} forecasts no better than the naive forecast of no change, as far as can be told"]
    if test["statistic"] < 0.0 and test["p_value"] < CERTAIN:
        return []
    return [
        f"the {model} forecasts no better than the naive forecast of no change, beyond luck: its squared error is "
        f"{'lower' if test['statistic'] < 0.0 else 'higher'}, Diebold-Mariano p = {test['p_value']:.2g}"
    ]

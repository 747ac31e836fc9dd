"""report.json, version 1. But for run.id, run.started_at and run.seconds, one request gives the same bytes twice."""

from typing import Any

from forecaster.fit import FittedForecaster
from tradewinds.artifact import versions
from tradewinds.backtest import Backtest
from tradewinds.honesty import CERTAIN
from tradewinds.prepare import Prepared

SCHEMA = 1


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
    seed = config.seed
    remarks = [] if played is None else _agent_remarks(played, learned=learned)
    remarks += _forecast_remarks(config.model.kind, honesty)
    return {
        "schema": SCHEMA,
        "run": {
            **run,
            "config": config.deciding(),
            "config_hash": config.hash,
            "seed": seed,
            "versions": versions(),
        },
        "data": {
            "name": series.name,
            "instruments": list(series.instruments),
            "bars": len(series.index),
            "bar_length": str(series.bar_length),
            "bars_per_year": series.bars_per_year,
            "price_unit": series.price_unit,
            "forecast_unit": series.change_unit,
            "first": series.index[0].isoformat(),
            "last": series.index[-1].isoformat(),
            "sha256": prepared.inputs["sha256"],
            "sources": prepared.inputs["sources"],
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
        "forecast": forecast,
        **_played(played, seed),
        "honesty": {**honesty, "seeds": [seed]},
        "warnings": [*prepared.notes, *remarks],
    }


def _played(played: Backtest | None, seed: int) -> dict[str, Any]:
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
            }
        }
    }


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

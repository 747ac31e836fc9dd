"""report.json, version 1. On one kind of machine one request gives the same bytes twice, but for `UNREPEATED`.

What every report says stands here; what a task alone can say, it hands in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tradewinds.core.plugins import plugins_of
from tradewinds.evaluation.plausibility import suspicions
from tradewinds.pipeline.artifact import versions
from tradewinds.pipeline.records import Forecasts
from tradewinds.pipeline.task import Job, Models, Prepared

SCHEMA = 1
CLEAN, NOT_PROBED = "clean", "no leak where it was probed; not probed: "  # words of a leak check beside those of a leak
PARTS = ("forecaster", "agent", "validation", "test")
UNREPEATED = ("run.id", "run.started_at", "run.seconds")  # what the same request tells otherwise when typed again


def assemble(
    job: Job,
    forecasts: Forecasts,
    honesty: Mapping[str, Any],
    sections: Mapping[str, Any],
    *,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """Assemble report.json.

    Args:
        job: the request with its data.
        forecasts: the scores of the test span.
        honesty: how far to believe it.
        sections: what the task has to say: `data`, facts beside those of every series; `backtest`; `verdict`, in words;
            `remarks`, warnings; and whatever else it names.
        run: id, command, started_at, seconds.

    Returns:
        Plain data; None where a number could not be computed, with its reason beside it.
    """
    further = dict(sections)
    data, verdict, remarks = further.pop("data"), further.pop("verdict"), further.pop("remarks")
    seeds = further.pop("seeds", [job.config.seed])
    shared = series_facts(job) if isinstance(job, Prepared) else {}
    return {
        "schema": SCHEMA,
        "run": run_facts(job, run),
        "data": {**shared, **data},
        "forecast": forecasts.scores,
        **further,
        "honesty": {**honesty, "seeds": seeds, "verdict": believed(verdict, honesty)},
        "warnings": [
            *leak_warning(honesty),
            *_suspicions(job, forecasts, honesty, further),
            *job.notes,
            *remarks,
            *forecasts.remarks,
        ],
    }


def _suspicions(
    job: Job, forecasts: Forecasts, honesty: Mapping[str, Any], sections: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a warning for each skill that is too good to be likely."""
    if isinstance(job, Prepared):
        series, agent = job.series, (sections.get("backtest") or {}).get("strategies", {}).get("agent", {})
        yield from suspicions(
            forecasts.scores,
            honesty,
            model=job.config.model.kind,
            bars_per_year=series.bars_per_year,
            returns=series.is_price,
            sharpe=agent.get("metrics", {}).get("sharpe_annual_ddof1_arithmetic"),
        )


def leak_of(honesty: Mapping[str, Any]) -> str | None:
    """Return the leak that a report's own check found, in words; None where it found none."""
    word = honesty.get("leakcheck")
    return None if word is None or word == CLEAN or str(word).startswith(NOT_PROBED) else str(word)


def leak_warning(honesty: Mapping[str, Any]) -> list[str]:
    """Return the first warning of a report whose pipeline leaks, or was not probed as a whole, whatever its task."""
    leak, word = leak_of(honesty), honesty.get("leakcheck")
    if leak is not None:
        return [f"{leak}; none of these numbers can be believed"]
    return [f"leak check: {word}"] if word not in (None, CLEAN) else []


def believed(verdict: str, honesty: Mapping[str, Any]) -> str:
    """Return a report's verdict, which is the leak where there is one."""
    leak = leak_of(honesty)
    return verdict if leak is None else f"Not to be believed: {leak}."


def run_facts(job: Job, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every report says of its run: `run`, and what decided its numbers."""
    config = job.config
    return {
        **run,
        "config": config.deciding(),
        "config_hash": config.hash,
        "seed": config.seed,
        "threads": config.run.threads,
        "plugins": plugins_of(config.plain()),
        "versions": versions(),
    }


def series_facts(prepared: Prepared) -> dict[str, Any]:
    """Return what every report says of the series acted on: name, bars, units, span and where it is from."""
    series = prepared.series
    return {
        "name": series.name,
        "instruments": list(series.instruments),
        "bars": len(series.index),
        "bar_length": str(series.bar_length),
        "bars_per_year": series.bars_per_year,
        "price_unit": series.price_unit,
        "exogenous": list(series.told_beside),
        "first": series.index[0].isoformat(),
        "last": series.index[-1].isoformat(),
        "sha256": prepared.inputs["sha256"],
        "sources": prepared.inputs["sources"],
    }


def forecast_units(prepared: Prepared) -> dict[str, str]:
    """Return what the errors of values and of changes are measured in, for the `data` of a report."""
    return {"value_unit": prepared.series.value_unit, "change_unit": prepared.series.change_unit}


def split_facts(prepared: Prepared, models: Models) -> dict[str, Any]:
    """Return who saw which rows, and where the forecaster stopped learning, for the `data` of a report."""
    fitted = models.shared
    return {
        "splits": {name: prepared.time_range(getattr(prepared.split, name)) for name in PARTS},
        "fit_end": {"row": fitted.fit_end, "time": fitted.fit_end_time.isoformat()},
    }

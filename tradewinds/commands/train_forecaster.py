"""`tradewinds train-forecaster`: fit the recurrent network on the forecaster's rows and nothing else."""

from typing import Any

from forecaster.config import DAYWISE
from tradewinds.commands.words import say_series
from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import new_run_id
from tradewinds.pipeline.provenance import FORECASTER, require_checkpoint
from tradewinds.pipeline.task import MOST_NAMED, Models, Prepared
from tradewinds.report.text import rank_lines, score_lines
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train a forecaster, score it on the validation rows and write its artifact."""
    prepared = job_of(config)
    require_checkpoint(config, FORECASTER)
    say_series(prepared, console)
    if prepared.task.acts_on_several and len(prepared.panel.instruments) > MOST_NAMED and prepared.several:
        return _of_several(prepared, console)
    if config.model.kind in DAYWISE:
        return _of_days(prepared, console)
    from forecaster.evaluation.scores import score_forecasts
    from forecaster.hidden_states import encode
    from tradewinds.pipeline.steps import train_forecaster

    panel, artifact = train_forecaster(prepared, prepared.runs / new_run_id(), console)
    tables: dict[str, Any] = {}
    for name, fitted in panel.items():
        series = prepared.panel.instrument(name)
        scores = score_forecasts(  # the test rows stay shut: intervals from the agent's rows, errors on validation
            fitted,
            series,
            encode(fitted, series),
            calibration_rows=prepared.split.agent,
            rows=prepared.split.validation,
            baselines=config.baselines,
        )
        tables[name] = scores.table
        where = "validation rows" if len(panel) == 1 else f"{name}, validation rows"
        for line in score_lines(scores.table, where, series.value_unit, series.change_unit):
            console.result(line)
    return {"forecaster": str(artifact.folder), "validation": scores.table if len(panel) == 1 else tables}


def _of_days(prepared: Prepared, console: Console) -> dict[str, Any]:
    """Train a forecaster of days, and score it on the validation days, refitted up to each."""
    from forecaster.evaluation.day_ahead_scores import score_days
    from tradewinds.pipeline.encoding import encode_on
    from tradewinds.pipeline.steps import train_forecaster
    from tradewinds.pipeline.walk_file import forget_walk

    panel, artifact = train_forecaster(prepared, prepared.runs / new_run_id(), console)
    fitted, known = next(iter(panel.values())), prepared.until(prepared.split.validation.stop).series
    states: Any = encode_on(fitted, known, None, prepared.runs, console)
    forget_walk(fitted, prepared.runs)
    scores = score_days(known, states, prepared.split.validation)
    console.result(f"errors of the price forecast, days of the validation rows ({known.price_unit or 'its unit'}):")
    for name, score in scores.items():
        console.result(f"  {name:<26}{score['value_mae']:>12.2f}{score['value_rmse']:>12.2f}")
    return {"forecaster": str(artifact.folder), "validation": scores}


def _of_several(prepared: Prepared, console: Console) -> dict[str, Any]:
    """Train one forecaster of all instruments, and score them together."""
    from tradewinds.pipeline.encoding import encode_bars
    from tradewinds.pipeline.steps import train_forecaster
    from tradewinds.tasks.panel_forecasts import score_rows

    panel, artifact = train_forecaster(prepared, prepared.runs / new_run_id(), console)
    states = encode_bars(panel, prepared.panel)
    scores = score_rows(prepared, Models(panel, states), prepared.split.validation)
    for line in rank_lines(scores.scores, "validation rows"):
        console.result(line)
    return {"forecaster": str(artifact.folder), "validation": scores.scores}

"""What `tradewinds run` does with a series that is not traded: open the test rows once, judge the forecast, report."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from tradewinds.commands.backtest import FORECASTS, forecasts_table, log_opening
from tradewinds.core.console import Console, again
from tradewinds.core.files import json_text, write_text
from tradewinds.evaluation.inference import compare_forecasts, forecast_verdict
from tradewinds.leakcheck.probes import leakcheck_block
from tradewinds.pipeline.artifact import Artifact, writing
from tradewinds.pipeline.prepare import Prepared
from tradewinds.report.document import report_document
from tradewinds.report.index import write_index
from tradewinds.report.page import write_page
from tradewinds.report.text import forecast_lines

KIND = "forecast"


def judge_forecast(
    prepared: Prepared,
    fitted: FittedForecaster,
    states: HiddenStates,
    *,
    parents: dict[str, Artifact],
    run: Path,
    command: str,
    console: Console,
    started: float,
) -> dict[str, Any]:
    """Score the test rows, write the forecast artifact, report.json and report.html to `run`, and print the table."""
    began = datetime.now(UTC) - timedelta(seconds=time.perf_counter() - started)
    config, split = prepared.config, prepared.split
    log_opening(prepared, run.name)
    scores = score_forecasts(
        fitted,
        prepared.series,
        states,
        calibration_rows=split.validation,
        rows=split.test,
        baselines=config.baselines,
    )
    comparison = compare_forecasts(scores.errors, config.model.kind)
    leaks = leakcheck_block(prepared, fitted, None)
    document = report_document(
        prepared,
        fitted,
        None,
        forecast=scores.table,
        honesty={
            "diebold_mariano_by_rival": comparison,
            "forecast_verdict": forecast_verdict(comparison, config.model.kind, config.model.horizon),
            **leaks,
        },
        run={
            "id": run.name,
            "command": command,
            "again": again(command, console.typed),
            "started_at": began.isoformat(),
            "seconds": round(time.perf_counter() - started, 1),
        },
    )
    if leaks["leakcheck"] not in (None, "clean"):
        document["warnings"].insert(0, f"{leaks['leakcheck']}; none of these numbers can be believed")
    text = json_text(document)
    facts = {"report_sha256": hashlib.sha256(text.encode()).hexdigest()}
    plain = config.plain()
    with writing(run / KIND, KIND, config=plain, inputs=prepared.inputs, parents=parents, facts=facts) as folder:
        forecasts_table(prepared, states, split.test, scores).to_parquet(folder / FORECASTS)
    write_text(run / "report.json", text)
    write_page(run, plot_points=config.backtest.plot_points)
    for line in forecast_lines(document):
        console.result(line)
    for warning in document["warnings"]:
        console.result(f"warning: {warning}")
    console.wrote(run / "report.json")
    console.wrote(run / "report.html")
    console.wrote(write_index(Path(config.run.dir)))
    return {"run": str(run), "report": str(run / "report.json"), "forecast": document["forecast"]}

"""`tradewinds train-forecaster`: fit the recurrent network on the forecaster's rows and nothing else."""

import time
from pathlib import Path
from typing import Any

from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import FittedForecaster, fit_panel, save_panel
from forecaster.hidden_states import encode
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.artifact import Artifact, latest, new_run_id, read, writing
from tradewinds.pipeline.prepare import Prepared, prepare, seed_for
from tradewinds.report.text import score_lines
from tradewinds.request.schema import Config

KIND = "forecaster"
MUST_MATCH = ("features", "model", "split")  # with the data's sha256: what makes a forecaster fit a request


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train a forecaster, score it on the validation rows and write its artifact."""
    prepared = prepare(config)
    console.note(f"{prepared.panel.name}: {prepared.age}")
    for note in prepared.notes:
        console.note(f"note: {note}")
    run = prepared.runs / new_run_id()
    panel, artifact = train_forecaster(prepared, run, console)
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
        for line in score_lines(scores.table, where, series.change_unit):
            console.result(line)
    return {"forecaster": str(artifact.folder), "validation": scores.table if len(panel) == 1 else tables}


def train_forecaster(prepared: Prepared, run: Path, console: Console) -> tuple[dict[str, FittedForecaster], Artifact]:
    """Fit one forecaster on all instruments and write its artifact to `run`/forecaster."""
    config, started = prepared.config, time.perf_counter()
    with console.progress(f"train {config.model.kind}") as progress:
        panel = fit_panel(
            prepared.panel,
            config.forecaster,
            prepared.split.forecaster,
            seed=seed_for(config.seed, KIND),
            progress=progress,
        )
    fitted = next(iter(panel.values()))
    if config.trainer.precision == "auto":
        console.note(f"trained in {fitted.precision}, the faster here; trainer.precision={fitted.precision} repeats it")
    facts = {
        "fit_end_time": fitted.fit_end_time.isoformat(),
        "seconds": round(time.perf_counter() - started, 1),
        "precision": fitted.precision,
    }
    with writing(run / KIND, KIND, config=config.plain(), inputs=prepared.inputs, facts=facts) as folder:
        save_panel(panel, folder)
    console.wrote(run / KIND)
    return panel, read(run / KIND, KIND)


def find_forecaster(prepared: Prepared) -> Artifact:
    """Find the forecaster that `inputs.forecaster` names, and check that it fits the request.

    Raises:
        RequestError: there is none, or it was trained on other data or with other settings.
    """
    named = prepared.config.inputs.forecaster
    artifact = read(latest(prepared.runs, KIND) if named == "latest" else Path(named), KIND)
    check_fits(artifact, prepared, MUST_MATCH)
    return artifact


def check_fits(artifact: Artifact, prepared: Prepared, keys: tuple[str, ...]) -> None:
    """Refuse an artifact made for another request.

    Raises:
        RequestError: its data or one of the settings `keys` differ.
    """
    kind = artifact.manifest["kind"]
    if artifact.manifest["inputs"]["sha256"] != prepared.inputs["sha256"]:
        raise RequestError(
            f"{artifact.folder} was trained on other data ({artifact.manifest['inputs']['series']}) than those of this "
            f"request ({prepared.inputs['series']}); give the same series options, or another inputs.{kind}"
        )
    theirs, ours = artifact.manifest["config"], prepared.config.plain()
    for key in keys:
        if theirs[key] != ours[key]:
            names = [name for name in ours[key] if theirs[key].get(name) != ours[key][name]] or list(theirs[key])
            raise RequestError(
                f"{artifact.folder} was trained with other values of {', '.join(f'{key}.{name}' for name in names)}; "
                f"give the same options, or another inputs.{kind}"
            )

"""`tradewinds predict`: what comes after the last bar that is known, with intervals; or the classes of new cases."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_bytes
from tradewinds.operate.age import refuse_old
from tradewinds.operate.answers import forecast_of, present_series, records, registered_model
from tradewinds.operate.champion import prove, registered_version
from tradewinds.operate.registry import Version
from tradewinds.pipeline.artifact import Artifact, latest, read
from tradewinds.pipeline.provenance import FORECASTER, as_fitted
from tradewinds.pipeline.task import Models, OwnModel, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of, task_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Forecast with the version that is named, the champion, or else the newest forecaster of this name."""
    write = _writer(config.predict.path)
    task = task_of(config)
    if isinstance(task, OwnModel):  # of cases, and not of bars to come
        artifact, whose = _of_cases(config, task)
        console.note(f"{task.product}: {whose}")
        rows = task.predicted(artifact, config)
        return _told(pd.DataFrame(rows), {task.product: whose, "rows": rows}, config, write, console)
    prepared = present_series(config, console)
    if remark := refuse_old(prepared, datetime.now(UTC)):
        console.note(f"note: {remark}")
    prepared, models, whose = _models(prepared, console)
    table, outcome = forecast_of(prepared, models, whose, config.predict.levels)
    silent = sorted(set(prepared.series.instruments) - set(table["instrument"]))
    if silent:
        told = f"{', '.join(silent[:4])}{f' and {len(silent) - 4} more' if len(silent) > 4 else ''}"
        console.note(f"note: nothing is told of {told}: no bar, or too few before it, where the series ends")
    return _told(table, outcome, config, write, console)


def _told(
    table: pd.DataFrame,
    outcome: dict[str, Any],
    config: Config,
    write: Callable[[pd.DataFrame], None] | None,
    console: Console,
) -> dict[str, Any]:
    """Write a table, or print it, and return what came of the command."""
    if write is not None:
        write(table)
        console.wrote(Path(str(config.predict.path)))
    else:
        console.result(table.to_csv(index=False).rstrip("\n"))
    return outcome


def _of_cases(config: Config, task: OwnModel) -> tuple[Artifact, str]:
    """Return the model that is asked, and what to call it: the version named, the champion, or else the newest.

    Raises:
        RequestError: there is none, or no name.
    """
    name, runs, named = task.name(config), Path(config.run.dir), config.inputs.forecaster
    if named != "latest":
        _version(config, name)
        return read(Path(named), task.product), named
    if not name:
        raise RequestError(
            f"predict must be told which {task.product} is asked: run.name=NAME for the champion, or else the newest "
            "of that name, or inputs.forecaster=FOLDER"
        )
    version = _version(config, name)
    if version is None:
        folder = latest(runs / name, task.product, "forecaster")
        return read(folder, task.product), str(folder)
    return prove(runs, version), f"version {version.number} of '{version.name}', {runs / version.run}"


def _models(prepared: Prepared, console: Console) -> tuple[Prepared, Models, str]:
    """Return the models that are asked, the request as they know it, and what to call them."""
    version = _version(prepared.config, prepared.name)
    if version is None:
        from tradewinds.pipeline.encoding import encode_bars, load_forecasters

        artifact, config, settings = as_fitted(prepared)
        if settings:
            prepared = job_of(config, whole=True, writes=False)
            console.note(f"note: as the forecaster was fitted, not as this request says: {', '.join(settings)}")
        if artifact.manifest["inputs"]["sha256"] != prepared.inputs["sha256"]:
            console.note(f"note: the data are others than {artifact.folder} was trained on, which is not fitted anew")
        console.note(f"forecaster: {artifact.folder}")
        fitted = load_forecasters(artifact.folder, prepared.series)
        states = encode_bars(fitted, prepared.series)
        return prepared, Models(fitted, states, artifacts={FORECASTER: artifact}), str(artifact.folder)
    model = registered_model(prepared, version)
    console.note(f"forecaster: {model.called}, {Path(prepared.config.run.dir) / version.run}")
    return model.job, model.models, model.called


def _version(config: Config, name: str) -> Version | None:
    """Return the version that is asked: the one named, else the champion; None where a forecaster is named, or no one.

    Raises:
        RequestError: there is no such version, or a forecaster is named, too.
        GateError: the registry is gone, and with it which version is the champion.
    """
    named, number = config.inputs.forecaster, config.models.version
    if named == "latest":
        return registered_version(config, name)
    if number is not None:
        raise RequestError(f"models.version={number} and inputs.forecaster={named} both name a model; leave one out")
    return None


def _writer(path: str | None) -> Callable[[pd.DataFrame], None] | None:
    """Return what writes a table to a path, whole or not at all; None without one.

    Raises:
        RequestError: its ending is none that can be written, or its folder is not there.
    """
    if path is None:
        return None
    place, formats = Path(path), {".csv": _csv, ".parquet": _parquet, ".json": _json}
    if place.suffix not in formats:
        raise RequestError(f"predict.path must end in .csv, .parquet or .json, was '{path}'")
    if not place.resolve().parent.is_dir():
        raise RequestError(f"predict.path must lie in a folder that is there, was '{path}'")
    return lambda table: write_bytes(place, formats[place.suffix](table))


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def _parquet(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    return content.getvalue()


def _json(table: pd.DataFrame) -> bytes:
    return (json.dumps(records(table), indent=1, allow_nan=False) + "\n").encode()

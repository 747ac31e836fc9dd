"""`tradewinds encode`: write every bar's hidden state and forecast, with the bar the forecaster was fitted to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecaster.data.series import Series
from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import Artifact, new_run_id
from tradewinds.pipeline.provenance import HIDDEN_STATES, find_forecaster
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Encode the series with a trained forecaster: the instrument that is acted on, or all if none is chosen."""
    prepared = job_of(config, whole=True)
    forecaster = find_forecaster(prepared)
    console.note(f"forecaster: {forecaster.folder}")
    folder, names = prepared.runs / new_run_id() / HIDDEN_STATES, prepared.panel.instruments
    if len(names) == 1 or config.rollout.instrument is not None or prepared.task.acts_on_several:
        return _encoded(prepared, prepared.series, forecaster, folder, console)
    outcome = {
        name: _encoded(prepared, prepared.panel.instrument(name), forecaster, folder / plain, console)
        for name, plain in zip(names, folder_names(names), strict=True)
    }
    return {"hidden_states": outcome}


def _encoded(
    prepared: Prepared, series: Series, forecaster: Artifact, folder: Path, console: Console
) -> dict[str, Any]:
    from tradewinds.pipeline.encoding import load_forecasters
    from tradewinds.pipeline.steps import encode_states
    from tradewinds.pipeline.walk_file import forget_walk

    fitted = load_forecasters(forecaster.folder, series)
    states, artifact = encode_states(prepared, series, fitted, forecaster, folder, console)
    forget_walk(fitted, prepared.runs)
    return {"hidden_states": str(artifact.folder), "rows": len(states.index), "width": states.hidden_state.shape[-1]}


def folder_names(instruments: Sequence[str]) -> list[str]:
    """Return a folder's name for each instrument, such as GSPC for ^GSPC; two that would be the same are numbered."""
    plain = ["".join(letter for letter in name if letter.isalnum() or letter in "-_") for name in instruments]
    return [name if plain.count(name) == 1 and name else f"{name}{row + 1}" for row, name in enumerate(plain)]

"""`tradewinds encode`: write every bar's hidden state and forecast, with the bar the forecaster was fitted to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster, load_forecaster
from forecaster.hidden_states import HiddenStates, encode
from tradewinds.commands.train_forecaster import find_forecaster
from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import Artifact, new_run_id, read, writing
from tradewinds.pipeline.prepare import Prepared, prepare
from tradewinds.request.schema import Config

KIND = "hidden_states"


def main(config: Config, console: Console) -> dict[str, Any]:
    """Encode the series with a trained forecaster: the instrument the agent trades, or all if none is chosen."""
    prepared = prepare(config)
    parent = find_forecaster(prepared)
    console.note(f"forecaster: {parent.folder}")
    run, names = prepared.runs / new_run_id(), prepared.panel.instruments
    if len(names) == 1 or config.rollout.instrument is not None:
        return _encoded(prepared, prepared.series, parent, run / KIND, console)
    folders = zip(names, folder_names(names), strict=True)
    outcome = {
        name: _encoded(prepared, prepared.panel.instrument(name), parent, run / KIND / folder, console)
        for name, folder in folders
    }
    return {"hidden_states": outcome}


def _encoded(prepared: Prepared, series: Series, parent: Artifact, folder: Path, console: Console) -> dict[str, Any]:
    fitted = load_forecaster(parent.folder, series.instruments[0])
    states, artifact = encode_states(prepared, series, fitted, parent, folder, console)
    return {"hidden_states": str(artifact.folder), "rows": len(states.index), "width": states.hidden_state.shape[1]}


def folder_names(instruments: Sequence[str]) -> list[str]:
    """Return a folder's name for each instrument, such as GSPC for ^GSPC; two that would be the same are numbered."""
    plain = ["".join(letter for letter in name if letter.isalnum() or letter in "-_") for name in instruments]
    return [name if plain.count(name) == 1 and name else f"{name}{row + 1}" for row, name in enumerate(plain)]


def encode_states(
    prepared: Prepared, series: Series, fitted: FittedForecaster, parent: Artifact, folder: Path, console: Console
) -> tuple[HiddenStates, Artifact]:
    """Encode every bar of one instrument and write the artifact to `folder`."""
    states = encode(fitted, series)
    plain = prepared.config.plain()
    with writing(folder, KIND, config=plain, inputs=prepared.inputs, parents={"forecaster": parent}) as partial:
        states.save(partial)
    console.wrote(folder)
    return states, read(folder, KIND)

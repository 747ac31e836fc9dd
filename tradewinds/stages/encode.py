"""`tradewinds encode`: write every bar's hidden state and forecast, with the bar the forecaster was fitted to."""

from pathlib import Path
from typing import Any

from forecaster.encode import HiddenStates, encode
from forecaster.fit import FittedForecaster
from tradewinds.artifact import Artifact, new_run_id, read, writing
from tradewinds.console import Console
from tradewinds.prepare import Prepared, prepare
from tradewinds.schema import Config
from tradewinds.stages.train_forecaster import find_forecaster

KIND = "hidden_states"


def main(config: Config, console: Console) -> dict[str, Any]:
    """Encode the series with a trained forecaster."""
    prepared = prepare(config)
    fitted, parent = find_forecaster(prepared)
    console.note(f"forecaster: {parent.folder}")
    states, artifact = encode_states(prepared, fitted, parent, prepared.runs / new_run_id(), console)
    return {"hidden_states": str(artifact.folder), "rows": len(states.index), "width": states.hidden_state.shape[1]}


def encode_states(
    prepared: Prepared, fitted: FittedForecaster, parent: Artifact, run: Path, console: Console
) -> tuple[HiddenStates, Artifact]:
    """Encode every bar and write the artifact to `run`/hidden_states."""
    states = encode(fitted, prepared.series)
    plain = prepared.config.plain()
    with writing(run / KIND, KIND, config=plain, inputs=prepared.inputs, parents={"forecaster": parent}) as folder:
        states.save(folder)
    console.wrote(run / KIND)
    return states, read(run / KIND, KIND)

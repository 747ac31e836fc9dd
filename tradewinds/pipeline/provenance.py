"""Which earlier artifacts a request starts from, and whether they were made for it. Light: loads no torch."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.config import DAYWISE
from forecaster.training.identity import IDENTITY
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.artifact import Artifact, latest, read
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.request.schema import Config, request_from
from trading_agent.common.checkpoint import FILE

FORECASTER, HIDDEN_STATES, AGENT = "forecaster", "hidden_states", "agent"  # kinds of artifacts, and their folders
CLASSIFIER, KEPT = "classifier", "kept"  # another, and the part of its checkpoint that every training of one has
PRODUCTS = (AGENT, CLASSIFIER)  # what a run is registered by
# the file by which the checkpoint of a training is known, and the command that trains nothing else
CHECKPOINTS = {FORECASTER: IDENTITY, AGENT: FILE, CLASSIFIER: f"{KEPT}/{IDENTITY}"}
TRAINS = {FORECASTER: "train-forecaster", AGENT: "train-agent", CLASSIFIER: "classify"}
MUST_MATCH = ("features", "model", "split")  # with the data's sha256: what makes a forecaster fit a request
OF_A_FIT = (*MUST_MATCH, "trainer", "recalibration")  # what a kept forecaster says itself, and nobody need type again
AGENT_MUST_MATCH = (*MUST_MATCH, "trainer", "rollout", "env", "agent")


def find_forecaster(prepared: Prepared) -> Artifact:
    """Find the forecaster that `inputs.forecaster` names, and check that it fits the request.

    Raises:
        RequestError: there is none, or it was trained on other data or with other settings.
    """
    return _find(prepared, FORECASTER, prepared.config.inputs.forecaster, MUST_MATCH)


def as_fitted(prepared: Prepared) -> tuple[Artifact, Config, list[str]]:
    """Find the forecaster that `inputs.forecaster` names, for data that may have grown since.

    Returns:
        The forecaster, the request with the settings that it was fitted with, and the names of those that differed.

    Raises:
        RequestError: there is none, or it was trained on another series.
    """
    artifact = _find(prepared, FORECASTER, prepared.config.inputs.forecaster, (), grown=True)
    now, then = prepared.config.plain(), artifact.manifest["config"]
    kept = {key: then[key] for key in OF_A_FIT}
    names = [f"{key}.{name}" for key in OF_A_FIT for name, value in then[key].items() if now[key].get(name) != value]
    return artifact, request_from({**now, **kept}), names


def find_agent(job: Job) -> Artifact:
    """Find the agent that `inputs.agent` names, and check that it fits the request.

    Raises:
        RequestError: there is none, or it was trained on other data, with other settings or another seed.
    """
    agent = _find(job, AGENT, job.config.inputs.agent, AGENT_MUST_MATCH)
    if agent.manifest["seed"] != job.config.seed:
        raise RequestError(f"{agent.folder} was trained with seed={agent.manifest['seed']}; give the same seed")
    return agent


def product_of(run: Path) -> Artifact:
    """Return, proven, what a run is registered by: its agent, or its classifier.

    Raises:
        RequestError: it has none.
        GateError: a file differs from its manifest.
    """
    kind = next((kind for kind in PRODUCTS if (run / kind).is_dir()), AGENT)
    return read(run / kind, kind)


def _find(job: Job, kind: str, named: str, keys: Sequence[str], *, grown: bool = False) -> Artifact:
    artifact = read(latest(job.runs, kind) if named == "latest" else Path(named), kind)
    check_fits(artifact, job, keys, grown=grown)
    return artifact


def check_fits(artifact: Artifact, job: Job, keys: Sequence[str], *, grown: bool = False) -> None:
    """Refuse an artifact made for another request; of data that may have `grown` since, one of another name.

    Raises:
        RequestError: its data or one of the settings `keys` differ.
    """
    kind, same = artifact.manifest["kind"], "series" if grown else "sha256"
    if artifact.manifest["inputs"][same] != job.inputs[same]:
        raise RequestError(
            f"{artifact.folder} was trained on other data ({artifact.manifest['inputs']['series']}) than those of this "
            f"request ({job.inputs['series']}); give the same series options, or another inputs.{kind}"
        )
    theirs, ours = artifact.manifest["config"], job.config.plain()
    for key in keys:
        if theirs[key] != ours[key]:
            names = [name for name in ours[key] if theirs[key].get(name) != ours[key][name]] or list(theirs[key])
            raise RequestError(
                f"{artifact.folder} was trained with other values of {', '.join(f'{key}.{name}' for name in names)}; "
                f"give the same options, or another inputs.{kind}"
            )


def checkpoint_of(config: Config) -> str | None:
    """Return whose training `inputs.resume` has a checkpoint of, by the artifact's kind; None where it is null.

    Raises:
        RequestError: it has none.
    """
    folder = config.inputs.resume
    if folder is None:
        return None
    for kind, file in CHECKPOINTS.items():
        if (Path(folder) / file).is_file():
            return kind
    parts = sorted(Path(folder).glob("*"))  # of a run that was killed without a word
    whole = [str(part) for part in parts if any((part / file).is_file() for file in CHECKPOINTS.values())]
    cure = f", which holds {' and '.join(whole)}" if whole else ""
    raise RequestError(f"inputs.resume must name a folder with the checkpoint of a training, was '{folder}'{cure}")


def require_checkpoint(config: Config, *kinds: str) -> None:
    """Refuse a checkpoint that a command would not go on from.

    Args:
        config: the request.
        kinds: whose training the command may go on with.

    Raises:
        RequestError: it is another's.
    """
    kind = checkpoint_of(config)
    if kind is not None and kind not in kinds:
        command = TRAINS[kind]
        raise RequestError(
            f"inputs.resume must name the checkpoint of a training of the {' or '.join(kinds)} here, and "
            f"'{config.inputs.resume}' is of one of the {kind}; type tradewinds {command}"
        )
    if kind == FORECASTER and config.model.kind in DAYWISE:
        raise RequestError(
            f"inputs.resume must be null for model={config.model.kind}, whose first fit is not written down: leave it "
            "out, and the walk that follows goes on by itself from where it was cut off"
        )


def resume_of(config: Config, kind: str) -> Path | None:
    """Return the checkpoint that a training of this kind goes on from; None begins anew."""
    return Path(config.inputs.resume) if config.inputs.resume and checkpoint_of(config) == kind else None


def past_sha256(job: Prepared, until: pd.Timestamp) -> str:
    """Return by what the bars up to one are known again, whatever they are called: their times, changes and columns."""
    series = job.series
    rows = int(series.index.searchsorted(until, side="right"))
    digest = hashlib.sha256(series.index.as_unit("ns").asi8[:rows].tobytes())
    digest.update(np.ascontiguousarray(series.changes()[:rows]).tobytes())
    for name in series.exogenous:
        digest.update(str(name).encode() + series.exogenous[name].to_numpy(np.float64)[:rows].tobytes())
    return digest.hexdigest()

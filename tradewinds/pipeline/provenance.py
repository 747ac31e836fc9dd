"""Which earlier artifacts a request starts from, and whether they were made for it. Light: loads no torch."""

from collections.abc import Sequence
from pathlib import Path

from tradewinds.core.errors import RequestError
from tradewinds.pipeline.artifact import Artifact, latest, read
from tradewinds.pipeline.task import Job, Prepared

FORECASTER, HIDDEN_STATES, AGENT = "forecaster", "hidden_states", "agent"  # kinds of artifacts, and their folders
MUST_MATCH = ("features", "model", "split")  # with the data's sha256: what makes a forecaster fit a request
AGENT_MUST_MATCH = (*MUST_MATCH, "trainer", "rollout", "env", "agent")


def find_forecaster(prepared: Prepared, *, grown: bool = False) -> Artifact:
    """Find the forecaster that `inputs.forecaster` names, and check that it fits the request.

    Args:
        prepared: the request.
        grown: whether its data may have changed since, as long as they bear the same name.

    Raises:
        RequestError: there is none, or it was trained on other data or with other settings.
    """
    return _find(prepared, FORECASTER, prepared.config.inputs.forecaster, MUST_MATCH, grown=grown)


def find_agent(job: Job) -> Artifact:
    """Find the agent that `inputs.agent` names, and check that it fits the request.

    Raises:
        RequestError: there is none, or it was trained on other data, with other settings or another seed.
    """
    agent = _find(job, AGENT, job.config.inputs.agent, AGENT_MUST_MATCH)
    if agent.manifest["seed"] != job.config.seed:
        raise RequestError(f"{agent.folder} was trained with seed={agent.manifest['seed']}; give the same seed")
    return agent


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

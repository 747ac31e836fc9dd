"""A registered model, loaded and proven, as it was trained and on what the present series has since."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.database import Database
from tradewinds.operate.rebuild import require_registered
from tradewinds.operate.registry import Registry, Version
from tradewinds.pipeline.artifact import Artifact, parent
from tradewinds.pipeline.provenance import FORECASTER, product_of
from tradewinds.pipeline.task import Job, Models, Prepared
from tradewinds.request.schema import Config, request_from

SAME_RETURN = 1e-3  # two log returns nearer than that may be of one series, one of them corrected since
CURE = "give the options it was trained with, or another run.name"


def registered_version(config: Config, name: str) -> Version | None:
    """Return the version of a model that `models.version` asks for; null and `champion` ask for the one in use.

    Raises:
        RequestError: there is no such version; of null, None is returned where none is in use.
        GateError: the registry is gone, and with it which version is the champion.
    """
    runs, number = Path(config.run.dir), config.models.version
    registry = Registry(Database.of(config.run))
    require_registered(registry, runs, name)
    champion = registry.champion(name)
    if number == "champion" and champion is None:
        raise RequestError(
            f"'{name}' has no champion under {runs}; type `tradewinds retrain`, or give the run.name that `tradewinds "
            "models list` shows"
        )
    if number is None or number == "champion":
        return champion
    versions = {version.number: version for version in registry.versions(name)}
    if number not in versions:
        known = ", ".join(map(str, versions)) or "none"
        raise RequestError(f"models.version must be one of '{name}', {known}, was {number}")
    return versions[number]


def load_version(runs: Path, version: Version, job: Job) -> tuple[Job, Models]:
    """Load a registered version and encode the present series with it.

    Returns:
        The present job as the version's agent knows it (what it observes, which actions it has), and its models.

    Raises:
        GateError: its files are not what was registered.
        RequestError: they are gone, it was trained on another series, or the series lacks columns it was trained with.
    """
    from tradewinds.pipeline.steps import load_models

    agent = prove(runs, version)
    if agent.manifest["inputs"]["series"] != job.inputs["series"]:
        raise RequestError(
            f"version {version.number} of '{version.name}' was trained on {agent.manifest['inputs']['series']}, "
            f"and this request's series is {job.inputs['series']}; {CURE}"
        )
    if isinstance(job, Prepared):
        check_series(agent, version, job)
    try:
        models = load_models(job, agent, again=True)
    except ValueError as error:
        raise RequestError(
            f"version {version.number} of '{version.name}' cannot read this series: {error}; {CURE}"
        ) from None
    return as_trained(job, agent.manifest["config"]), models


def as_trained(job: Job, then: Mapping[str, Any]) -> Job:
    """Return a job with what an agent observes and does as in the request `then`, which trained it.

    Raises:
        RequestError: the present rules and those do not go together.
    """
    now = job.config.plain()
    rollout = {**now["rollout"], "observe": then["rollout"]["observe"]}
    env = job.task.as_trained(now["env"], then["env"])
    return replace(job, config=request_from({**now, "agent": then["agent"], "rollout": rollout, "env": env}))


def first_unseen(prepared: Prepared, models: Models) -> int:
    """Return the first row of the series that a model may be judged on."""
    assert models.trained_to is not None
    after = int(prepared.series.index.searchsorted(models.trained_to, side="right"))
    return after + prepared.split.embargo_bars


def check_series(agent: Artifact, version: Version, prepared: Prepared) -> None:
    """Refuse a series whose returns are not those the agent was selected on: another one may bear the same name.

    Raises:
        RequestError: the bars up to `trained_to` are gone, or are others, and `data.accept_changes` has no say.
    """
    theirs = np.array(agent.manifest["facts"]["last_returns"])
    trained_to = pd.Timestamp(agent.manifest["facts"]["trained_to"])
    since = prepared.config.data.accept_changes
    if since is not None and pd.Timestamp(since, tz="UTC") <= trained_to:
        return
    row = int(prepared.series.index.searchsorted(trained_to, side="right"))
    changes = prepared.series.changes()[max(row - len(theirs), 0) : row]
    ours = changes if prepared.several else changes[:, 0]
    there = row > len(theirs) and prepared.series.index[row - 1] == trained_to
    if not there or ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=0.0, atol=SAME_RETURN):
        difference = (
            f"were {_shown(theirs)} and are {_shown(ours)} in this series" if there else "are not in this series"
        )
        raise RequestError(
            f"version {version.number} of '{version.name}' was trained on other bars: the log returns up to "
            f"{trained_to:%Y-%m-%d %H:%M} {difference}; {CURE}"
        )


def _shown(returns: NDArray[np.float64]) -> str:
    return " ".join(f"{value:+.4f}" for value in returns[-2:].reshape(-1)[:4])


def prove(runs: Path, version: Version) -> Artifact:
    """Return the artifact of a version, its agent or classifier, whole and the very one that was registered.

    Raises:
        GateError: it, or the forecaster behind it, differs from what was registered.
    """
    agent = product_of(runs / version.run)
    if agent.sha256 != version.agent_sha256:
        raise GateError(f"{agent.folder} is not what was registered as version {version.number}; roll back or retrain")
    if FORECASTER in agent.manifest["parents"]:
        parent(agent, FORECASTER)
    return agent

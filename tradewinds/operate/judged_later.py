"""A model made before, judged on bars that it never learned from: of a file that has grown, or of another series.

Nothing is fitted. The rows before those that are judged are shared as in training, for the baselines that are fitted on
them and the intervals that are calibrated on them. Must not know how a registry keeps a version.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from forecaster.data.splits import Split, split_before
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.champion import as_trained, is_its_series
from tradewinds.pipeline.artifact import Artifact, parent
from tradewinds.pipeline.prepare import warm_up
from tradewinds.pipeline.provenance import FORECASTER, OF_A_FIT
from tradewinds.pipeline.task import Job, Models, Prepared
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import job_of, refuse


def later_job(config: Config, agent: Artifact, called: str, console: Console) -> tuple[Job, Models]:
    """Return a request as an agent made before knows it, its test rows those that are judged, and its models.

    Args:
        config: the request: its series, costs and rules of judging.
        agent: the artifact.
        called: what to call it.
        console: where to say which settings are its own.

    Raises:
        RequestError: it cannot read the series, too few rows of that are unseen, or rows are asked for that it learned
            from.
    """
    from tradewinds.pipeline.steps import load_models

    then = agent.manifest["config"]
    job = as_trained(job_of(_as_fitted(config, then, console), whole=True), then)
    notes = [f"judged is {called}, as it was trained; nothing was fitted"]
    adopting = None
    if isinstance(job, Prepared):
        own = is_its_series(agent, job)
        split, note = _unseen(job, agent, called, own=own)
        job = replace(job, split=split)
        adopting = None if own else split.forecaster
        notes.append(note)
    try:
        models = load_models(job, agent, again=True, renamed=True, adopting=adopting)
    except ValueError as error:
        raise RequestError(f"{called} cannot read this series: {error}") from None
    if isinstance(job, Prepared):
        job.task.require(job)
    return replace(job, notes=(*job.notes, *notes)), models


def _as_fitted(config: Config, then: Mapping[str, Any], console: Console) -> Config:
    """Return a request with the settings that only a training can choose, and say which were others.

    Raises:
        RequestError: it is for another task.
    """
    now = config.plain()
    asked, kind = now["env"]["kind"], then["env"]["kind"]
    if asked != kind:
        raise RequestError(f"the model acts in env={kind}, and this request is env={asked}; give env={kind}")
    names = [f"{key}.{name}" for key in OF_A_FIT for name, value in then[key].items() if now[key].get(name) != value]
    if names:
        console.note(f"note: as the model was fitted, not as this request says: {', '.join(names)}")
    request = request_from({**now, **{key: then[key] for key in OF_A_FIT}, "seed": then["seed"]})
    refuse(request, "backtest")
    return request


def _unseen(job: Prepared, agent: Artifact, called: str, *, own: bool) -> tuple[Split, str]:
    """Return the parts of a series whose test rows an agent never learned from, and what the report says of them.

    Args:
        job: the request.
        agent: the artifact.
        called: what to call it.
        own: whether the series is that of its training, and may have grown since.

    Raises:
        RequestError: there are too few, or others are asked for.
    """
    index, backtest, embargo = job.series.index, job.config.backtest, job.split.embargo_bars
    trained_to = pd.Timestamp(agent.manifest["facts"]["trained_to"])
    fit_end = pd.Timestamp(parent(agent, FORECASTER).manifest["facts"]["fit_end_time"])
    fitted = int(job.series.close_time.searchsorted(fit_end, side="right")) if own else 0  # rows
    learned = int(index.searchsorted(trained_to, side="right"))
    unseen = learned + embargo if learned else 0
    first = unseen if backtest.since is None else int(index.searchsorted(pd.Timestamp(backtest.since, tz="UTC")))
    whose = "holds these bars, too" if own else "is another, or holds only later ones"
    facts = f"it learned from bars up to {trained_to:%Y-%m-%d %H:%M}, and this series {whose}"
    if first < unseen and (not backtest.seen or first < fitted + embargo):
        cure = (
            f"after {fit_end:%Y-%m-%d}, up to which its network was fitted"
            if backtest.seen
            else "with backtest.seen=true, which the report says"
        )
        raise RequestError(
            f"backtest.since must be later than what {called} learned from, was {backtest.since}: {facts}; leave it "
            f"out, or give a day {cure}"
        )
    try:
        split = _split(job, first)
    except ValueError as error:
        if backtest.since is None and unseen < job.split.test.start:  # of the bars before it too few would be left
            return _split(job, job.split.test.start), facts
        raise RequestError(
            f"{job.series.name}: {error}; {facts}; bring later bars, or have earlier ones judged, too, with "
            "backtest.since=DATE backtest.seen=true, which the report says"
        ) from None
    seen = unseen - split.test.start
    if own:
        split = _as_then(split, fitted, int(index.searchsorted(_selected_from(agent, called))))
    return split, facts if seen <= 0 else f"SEEN: {seen} of the {len(split.test)} bars lie in what it learned: {facts}"


def _split(job: Prepared, row: int) -> Split:
    """Share the rows before the first that is judged."""
    config = job.config
    return split_before(
        row,
        len(job.index),
        config.split,
        context_length=config.model.context_length,
        horizon=config.model.horizon,
        first_row=warm_up(job.series, config),
    )


def _as_then(split: Split, fitted: int, selecting: int) -> Split:
    """Return the parts as they were in training, as far as they lie before the test rows.

    Args:
        split: its test rows, and the others as their shares would have them.
        fitted: how many rows the forecaster was fitted on.
        selecting: the first row that selected the agent.
    """
    gap, before = split.embargo_bars, split.test.start - split.embargo_bars
    if selecting >= before:  # rows are judged that it was selected on: those left are halved
        selecting = (fitted + gap + before + gap) // 2
    agent = range(fitted + gap, max(selecting - gap, fitted + gap))
    return replace(split, forecaster=range(fitted), agent=agent, validation=range(selecting, before))


def _selected_from(agent: Artifact, called: str) -> pd.Timestamp:
    """Return the first bar that selected an agent.

    Raises:
        RequestError: a release before kept it did not write it down.
    """
    moment = agent.manifest["facts"].get("selected_from")
    if moment is None:
        raise RequestError(f"{called} does not say which bars selected it, since an earlier release made it; retrain")
    return pd.Timestamp(moment)

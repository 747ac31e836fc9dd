"""A model made before, judged on bars that it never learned from: of a file that has grown, or of another series.

Nothing is fitted. The rows before those that are judged are shared as in training, for the baselines that are fitted on
them and the intervals that are calibrated on them. Must not know how a registry keeps a version.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.splits import Split, split_before
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.champion import as_trained
from tradewinds.pipeline.artifact import Artifact, parent
from tradewinds.pipeline.prepare import warm_up
from tradewinds.pipeline.provenance import FORECASTER, OF_A_FIT, past_sha256
from tradewinds.pipeline.task import Job, Models, Prepared
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import job_of, refuse, refuse_another


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
    job = as_trained(job_of(request_as_fitted(config, then, console), whole=True), then)
    notes, adopting = [f"judged is {called}, as it was trained; nothing was fitted"], None
    if isinstance(job, Prepared):
        _require_as_many(job, agent, called)
        own = _is_own(job, agent, called)
        split, note = _unseen(job, agent, called, own=own)
        job = replace(job, split=split)
        adopting = None if own else split.forecaster
        notes.append(note)
    else:
        _require_same(job, agent, called)
    try:
        models = load_models(job, agent, again=True, renamed=True, adopting=adopting)
    except ValueError as error:
        raise RequestError(f"{called} cannot read this series: {error}") from None
    return replace(job, notes=(*job.notes, *notes)), models


def _require_same(job: Job, agent: Artifact, called: str) -> None:
    """Refuse a game that the agent was not trained on, and to judge one from a day on."""
    theirs, ours = agent.manifest["inputs"]["series"], job.inputs["series"]
    if theirs != ours:
        raise RequestError(f"{called} was trained on {theirs}, and this request plays {ours}; give the same options")
    if job.config.backtest.since is not None or job.config.backtest.seen:
        raise RequestError(f"backtest.since and backtest.seen are of bars, and {ours} has none; leave them out")


def _require_as_many(job: Prepared, agent: Artifact, called: str) -> None:
    """Refuse one instrument to what acts on several together, and several to what acts on one."""
    several = np.ndim(agent.manifest["facts"]["last_returns"]) > 1
    if several != job.several:
        words = ("on several instruments together", "on one instrument")
        raise RequestError(
            f"{called} acts {words[not several]}, and this series is acted on {words[several][3:]}; "
            f"{'bring several' if several else 'choose one with rollout.instrument'}"
        )


def _is_own(job: Prepared, agent: Artifact, called: str) -> bool:
    """Say whether a series holds all that chose an agent, as it was, whatever it is called.

    Raises:
        RequestError: a release before kept it did not write down what that was.
    """
    facts = agent.manifest["facts"]
    if "past_sha256" not in facts:
        raise RequestError(f"{called} does not say which bars selected it, since an earlier release made it; retrain")
    return bool(past_sha256(job, pd.Timestamp(facts["trained_to"])) == facts["past_sha256"])


def request_as_fitted(config: Config, then: Mapping[str, Any], console: Console) -> Config:
    """Return a request with the settings that only a training can choose, and say which were others.

    Raises:
        RequestError: it is for another task.
    """
    refuse_another(config, then)
    now = config.plain()
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
    facts = agent.manifest["facts"]
    trained_to = pd.Timestamp(facts["trained_to"])
    fit_end = pd.Timestamp(parent(agent, FORECASTER).manifest["facts"]["fit_end_time"])
    fitted = int(job.series.close_time.searchsorted(fit_end, side="right"))  # rows of the time the network learned from
    learned = int(index.searchsorted(trained_to, side="right"))  # and of the time that chose the agent
    unseen, horizon = learned + embargo if learned else 0, job.config.model.horizon
    least = fitted + 3 * embargo + 2 * (horizon + 2) if fitted else 0  # with rows before it to calibrate intervals by
    whose = (
        "holds these bars, as they were" if own else "is another, begins later or was revised, and is read by itself"
    )
    words = f"{called} learned from bars up to {trained_to:%Y-%m-%d %H:%M}, and this series {whose}"
    asked = None if backtest.since is None else int(index.searchsorted(pd.Timestamp(backtest.since, tz="UTC")))
    first = unseen if asked is None else asked
    if first + horizon + 2 > len(index):
        raise RequestError(
            f"{job.series.name} ends {index[-1]:%Y-%m-%d %H:%M}, {max(len(index) - first, 0)} bars after "
            f"{'the embargo' if asked is None else f'backtest.since={backtest.since}'}, and {horizon + 2} are needed: "
            f"{words}; bring later bars, or give an earlier backtest.since=DATE, with backtest.seen=true where it "
            "learned from that time"
        )
    if asked is not None and asked < (least if backtest.seen else unseen):
        row, why = (least, "its network was fitted before") if backtest.seen else (unseen, "what chose it lies before")
        cure = "" if backtest.seen else "; backtest.seen=true lets days that chose it be judged, which the report says"
        day = f"{index[row]:%Y-%m-%d} or later" if row < len(index) else "left out"
        raise RequestError(f"backtest.since must be {day}, was {backtest.since}: {why}; {words}{cure}")
    try:
        split = _split(job, first)
    except ValueError as error:
        if asked is not None or unseen >= job.split.test.start:
            raise RequestError(f"{job.series.name}: {error}; {words}; bring more bars") from None
        split = _split(job, job.split.test.start)  # of the bars before it too few would be left
    seen = min(unseen, len(index)) - split.test.start
    if own:
        split = _as_then(split, fitted, int(index.searchsorted(pd.Timestamp(facts["selected_from"]))))
    return split, words if seen <= 0 else f"SEEN: {seen} of the {len(split.test)} bars lie in what it learned: {words}"


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

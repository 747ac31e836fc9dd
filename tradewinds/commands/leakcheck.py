"""`tradewinds leakcheck`: look for the future in the past of the pipeline a request describes."""

import dataclasses
import math
from typing import Any

from forecaster.config import BaselineConfig
from tradewinds.core.console import Console
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import write_json
from tradewinds.leakcheck.verdict import Verdict
from tradewinds.leakcheck.worlds import last_bars
from tradewinds.pipeline.artifact import begun
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.pipeline.task import OwnModel, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of

FILE = "leakcheck.json"
MOST = {"num_envs": 8, "rollout_steps": 8, "window_bars": 8}  # of an agent that has such a setting
AGENT = {"learning_starts": 0.2, "validate_every": 0.5}  # shares of the steps an agent is trained for here


def main(config: Config, console: Console) -> dict[str, Any]:
    """Ask all probes on the last bars of the request's series; exit status 3 if one finds a leak."""
    loaded, verdict = job_of(config, whole=True), Verdict()
    if isinstance(loaded.task, OwnModel):
        return loaded.task.leakcheck(loaded, console)
    loaded.series  # noqa: B018  a series of several instruments names the one that is traded
    from tradewinds.leakcheck.probes import audited, check_pipeline
    from tradewinds.leakcheck.reload import check_source
    from tradewinds.leakcheck.stretch import aligned

    short = shortened(aligned(loaded), console)
    index = short.panel.index
    console.note(f"{short.panel.name}: {len(index)} bars, {index[0]:%Y-%m-%d %H:%M} to {index[-1]:%Y-%m-%d %H:%M}")
    with console.progress("leakcheck") as progress:
        check_source(loaded, verdict)
        if verdict.leak is None:
            verdict.leak = audited(loaded, verdict)
        if verdict.leak is None:
            check_pipeline(short, verdict=verdict, tell=lambda done, total: progress(done, total, {}))
    audit = [dataclasses.asdict(column) for column in verdict.columns]
    with begun(loaded.runs) as run:
        run.mkdir(parents=True)
        write_json(run / FILE, {**verdict.plain(), "bars": len(index), "config_hash": config.hash, "audit": audit})
    for line in verdict_lines(verdict):
        console.result(line)
    console.wrote(run / FILE)
    if verdict.leak is not None:
        raise GateError(str(verdict.leak))
    return {"leakcheck": verdict.plain(), "file": str(run / FILE)}


def shortened(prepared: Prepared, console: Console) -> Prepared:
    """Return the same request on its last bars, with trainings cut short: a leak needs no good model to show.

    Raises:
        RequestError: the whole series is too short for the split.
    """
    config, bars = prepared.config, prepared.config.leakcheck.bars
    split = config.split
    least = min(split.forecaster, split.agent, split.validation, split.test)
    bars = max(bars, math.ceil(prepared.task.least_bars / least))
    while True:
        try:
            return prepared_from(brief(config), prepared.task, last_bars(prepared.parts, bars))  # type: ignore[arg-type]
        except RequestError:
            if bars >= len(prepared.panel.index):
                raise
            bars *= 2
            console.note(f"leakcheck.bars is too few for this split; {bars} are taken")


def brief(config: Config) -> Config:
    """Return a request whose trainings take seconds."""
    limits, agent = config.leakcheck, config.agent
    steps = min(getattr(agent, "steps", limits.agent_steps), limits.agent_steps)
    cuts = {"steps": steps, **{name: max(int(share * steps), 1) for name, share in AGENT.items()}}
    cuts |= {name: min(getattr(agent, name, most), most) for name, most in MOST.items()}
    known = {name: value for name, value in cuts.items() if hasattr(agent, name)}
    precision = "float32" if config.trainer.precision == "auto" else config.trainer.precision  # nothing by stopwatch
    members = 1 if config.model.pretrained is None else config.trainer.members  # there are as many to begin with
    return dataclasses.replace(
        config,
        trainer=dataclasses.replace(
            config.trainer, epochs=min(config.trainer.epochs, limits.epochs), precision=precision, members=members
        ),
        baselines=BaselineConfig(custom=config.baselines.custom),  # fitting the classical ones takes long
        agent=dataclasses.replace(agent, **known),  # type: ignore[type-var]
        rollout=dataclasses.replace(config.rollout, standard_errors=0.0),
        backtest=dataclasses.replace(config.backtest, random_draws=1),
        inputs=dataclasses.replace(config.inputs, resume=None),
    )


def verdict_lines(verdict: Verdict) -> list[str]:
    """Say what was asked and what came of it, a line a probe."""
    from tradewinds.leakcheck.audit import table_lines

    meanings = {
        "reload": "the source read again without its later bars: the earlier ones are the same, to the bit",
        "audit": "every column is known when it is read, every label and outcome after its decision",
        "split": "the parts follow one another, the embargo apart",
        "frozen": "all after a bar replaced: every stage up to it is the same, to the bit",
        "fresh": "a process that never met a later bar says the same; asked where plugins have a say",
        "stream": "bars arrive one by one: every stage says what it said of all at once",
        "account": "a second account, fed with the actions, holds the same units and money",
        "rescore": "a second scorer, and forecasters that know no later bar, find the same scores and forecasts",
        "warm_up": "a later start changes nothing once the features have warmed up",
        "refit": "all after the training rows replaced: what is fitted again is the same, to the bit",
        "placebo": "worlds in which nothing can be known: nothing was, and where all is known it is found",
    }
    lines = [f"leakcheck: {verdict.word}"]
    for probe, meaning in meanings.items():
        comparisons = verdict.asked.get(probe, 0)
        state = "not asked" if not comparisons else "leak" if verdict.leak and verdict.leak.probe == probe else "clean"
        unit = "columns" if probe == "audit" else "comparisons"
        lines.append(f"  {probe:<9}{state:<10}{comparisons:>5} {unit}: {meaning}")
    lines += [f"  {line}" for line in table_lines(verdict.columns)]
    return [*lines, *(f"  note: {note}" for note in verdict.notes)]

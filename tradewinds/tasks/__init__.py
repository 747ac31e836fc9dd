"""What forecasts are for. Each folder fills the port of `tradewinds.pipeline.task`; none knows another.

Here, and nowhere else, `env.kind` is read: the task of a request is picked once and handed down.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forecaster.config import DAYWISE, refuse_together
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import function_of, is_own, load, registered
from tradewinds.request.schema import Config

LAWS = {  # by the kind of env: what refuses a request before anything is read; light, no torch
    "trading": "tradewinds.tasks.account.laws:refuse_account",
    "battery": "tradewinds.tasks.storage.laws:refuse_storage",
    "gymnasium": "tradewinds.tasks.gymnasium.laws:refuse_gymnasium",
    "classification": "tradewinds.tasks.classification.laws:refuse_classification",
}
RETURNS = ("log_return", "relative_return", "auto")  # targets of prices
NOBODY_ACTS = (
    "series.target=difference is forecast and nobody acts on it with env={env}, so that {command} has nothing to do; "
    "run, backtest, train-forecaster, encode, predict and leakcheck work on it, and env=battery stores power"
)
OTHERS_ACT_NOT = (
    "env={env} is a task in which nobody acts, so that {command} has nothing to do; run, backtest, train-forecaster, "
    "encode, predict and leakcheck work on it"
)
NO_GAME = "env={env} is no game, so that {command} has nothing to play; report draws what came of a run"
NO_SERIES = (
    "env=gymnasium plays {id} and reads no series, so that {command} has nothing to do; run, train-agent, backtest, "
    "enjoy, retrain, models and report work on it"
)
NOTHING_BUT_CASES = (
    "env=classification tells cases apart and reads no bars, so that {command} has nothing to do; classify, retrain, "
    "schedule, models, predict, leakcheck and report work on it"
)
NO_CASES = (
    "classify tells cases apart, which is env=classification, was env={env}; leave env out, or type tradewinds run"
)
_NO_AGENT = ("train-agent", "retrain", "signal", "paper", "schedule", "status", "serve", "walk-forward")
_NO_BARS = ("fetch", "train-forecaster", "encode", "walk-forward", "signal", "paper", "serve")
# by the kind of a task, the commands without meaning for it, each with the sentence that says so
MEANINGLESS: Mapping[str, Mapping[str, str]] = {
    "account": {"classify": NO_CASES, "enjoy": NO_GAME},
    "storage": {"classify": NO_CASES, "enjoy": NO_GAME},
    "forecast_only": {**dict.fromkeys(_NO_AGENT, NOBODY_ACTS), "classify": NO_CASES, "enjoy": NO_GAME},
    "gymnasium": {**dict.fromkeys((*_NO_BARS, "schedule", "leakcheck", "predict"), NO_SERIES), "classify": NO_CASES},
    "classification": {
        **dict.fromkeys((*_NO_BARS, "train-agent", "backtest"), NOTHING_BUT_CASES),
        "enjoy": NO_GAME,
    },
}


def kind_of(config: Config) -> str:
    """Return the kind of the task that a request describes, as `tradewinds.pipeline.task.Task.kind` lists them."""
    if config.env.kind == "trading":
        returns = getattr(config.series, "target", "log_return") in RETURNS
        return "account" if returns else "forecast_only"
    return {"battery": "storage"}.get(str(config.env.kind), str(config.env.kind))


def refuse(config: Config, command: str) -> None:
    """Refuse, before any data are read, a command that has no meaning for the task, and what cannot work together.

    Raises:
        RequestError: one sentence that names the key.
    """
    kind = kind_of(config)
    _refuse_network(config)
    _refuse_days(config, kind)
    watches = not is_own("env", config.env.kind) and not task_of(config).acts
    _refuse_names(config, "forecast_only" if watches else kind)
    meaningless = MEANINGLESS.get(kind, MEANINGLESS["account"])
    if watches:
        meaningless = {**dict.fromkeys(_NO_AGENT, OTHERS_ACT_NOT), "classify": NO_CASES, "enjoy": NO_GAME}
    if command in meaningless:
        sentence = meaningless[command]
        raise RequestError(sentence.format(command=command, env=config.env.kind, id=getattr(config.env, "id", "")))
    _refuse_start(config, kind, command)
    laws = LAWS.get(config.env.kind)
    if laws is not None and kind != "forecast_only":
        load(laws)(config)


def _refuse_network(config: Config) -> None:
    """Refuse what features, network and training cannot have together."""
    try:
        refuse_together(config.features, config.model, config.trainer)
    except ValueError as error:
        raise RequestError(str(error)) from None


def _refuse_days(config: Config, kind: str) -> None:
    """Hold networks that read days to tasks whose days are decided as a whole, and to levels; levels to points."""
    model, target = config.model.kind, getattr(config.series, "target", None)
    if model in DAYWISE and kind != "storage":
        raise RequestError(
            f"model.kind={model} forecasts days that are decided as a whole, as env=battery does, and env.kind was "
            f"{config.env.kind}; take env=battery, or another network, such as model=lstm"
        )
    if model in DAYWISE and (config.trainer.lightning or config.trainer.callbacks):
        key = "lightning" if config.trainer.lightning else "callbacks"
        raise RequestError(
            f"trainer.{key} is for networks that Lightning trains, which read bars, and model.kind was {model}; "
            "leave it out, or take another network, such as model=lstm"
        )
    if model in DAYWISE and target != "level":
        raise RequestError(
            f"series.target must be level with model={model}, was {target}; series.target=auto takes what the network "
            "forecasts"
        )
    if target == "level" and config.model.head != "point":
        raise RequestError(
            f"model.head must be point with series.target=level, was {config.model.head}: a level is told as a value, "
            "whose intervals are calibrated; or forecast series.target=difference"
        )


def _refuse_start(config: Config, kind: str, command: str) -> None:
    """Refuse to go on from a champion that has no network of bars, and duels without cases that are judged once."""
    if command not in ("retrain", "schedule"):
        return
    if getattr(config.env, "folds", None) is not None:
        raise RequestError(
            f"{command} judges by cases that neither champion nor challenger learned from, and with "
            f"env.folds={config.env.folds} the classifier that is kept learns from all; leave env.folds out"
        )
    own = kind in ("gymnasium", "classification")
    if config.retrain.start == "champion" and (own or config.model.kind in DAYWISE):
        lacks = "reads no series" if own else "is fitted anew each day from the weights at hand"
        raise RequestError(
            f"retrain.start=champion goes on from the weights of a network of bars, and "
            f"{config.env.kind if own else config.model.kind} {lacks}; leave it at fresh"
        )


def _refuse_names(config: Config, kind: str) -> None:
    """Hold what plug-ins bring to where it has a place."""
    loss, custom, metrics = config.trainer.loss, config.baselines.custom, config.backtest.metrics
    if config.model.kind in DAYWISE and not is_own("loss", loss):
        raise RequestError(f"trainer.loss must be huber, mse or mae with model={config.model.kind}, was {loss}")
    if custom and (kind in ("storage", "gymnasium", "classification") or config.model.kind in DAYWISE):
        raise RequestError(
            f"baselines.custom stands beside networks that read bars, which env={config.env.kind} does not score, was "
            f"{list(custom)}; leave it out"
        )
    if metrics and kind in ("forecast_only", "gymnasium", "classification"):
        raise RequestError(
            f"backtest.metrics are of strategies on a series, and with env={config.env.kind} there are none, was "
            f"{list(metrics)}; leave it out"
        )


def refuse_another(config: Config, then: Mapping[str, Any]) -> None:
    """Refuse a request for another task than that of `then`, the plain request that trained a model.

    Raises:
        RequestError: it is.
    """
    asked, kind = config.env.kind, then["env"]["kind"]
    if asked != kind:
        raise RequestError(f"the model acts in env={kind}, and this request is env={asked}; give env={kind}")


def task_of(config: Config) -> Any:
    """Return the task of a request, a `tradewinds.pipeline.task.Task`."""
    task = function_of("env", config.env)()
    return task.without_prices() if kind_of(config) == "forecast_only" else task


def reads_series(config: Config) -> bool:
    """Say whether a request reads a series."""
    from tradewinds.pipeline.task import OwnJob

    return not isinstance(task_of(config), OwnJob)


def task_of_report(document: Mapping[str, Any]) -> Any:
    """Return the task of a finished run, by its report.json."""
    env = document["run"]["config"]["env"]
    task = load(registered()["env"][env["kind"]].function)()
    differs = document.get("backtest") is None and task.acts
    return task.without_prices() if differs else task


def job_of(config: Config, *, whole: bool = False, writes: bool = True) -> Any:
    """Return a request as the job its task makes of it: with its series, if it has one.

    Args:
        config: the request.
        whole: leave the test rows open, for who chooses nothing by what it reads; else the judge alone opens them.
        writes: whether what comes of it is kept under `run.dir`; who only asks a model needs no room there.

    Raises:
        RequestError: the data cannot be read, or do not suffice, or there is no place for what comes of it.
    """
    from tradewinds.pipeline.prepare import check_place, prepare
    from tradewinds.pipeline.task import OwnJob

    if writes:
        check_place(Path(config.run.dir))
    task = task_of(config)
    job = task.job(config) if isinstance(task, OwnJob) else prepare(config, task)
    return job if whole else job.seal()

"""What a training measures, told as it goes to whom `run.loggers` names: a CSV file, TensorBoard, MLflow, W&B, others.

The same for forecasters, after each epoch, and for agents, at each report. Never inside an artifact: logs hold the time
of day, so that two equal runs differ. The names are those of `history.csv`: docs/metrics.md.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console, Report, Silent
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.core.plugins import LOGGERS, registered
from tradewinds.pipeline.tracking import TrackedCommand, place_of, tracked_command
from tradewinds.request.schema import Config

PACKAGES = {  # what a logger needs, and how to get it
    "tensorboard": ("tensorboard", "'tradewinds[tensorboard]'"),
    "mlflow": ("mlflow", "'tradewinds[tracking]'"),
    "wandb": ("wandb", "wandb"),
}


@dataclass(frozen=True)
class Logged:
    """A training that is logged; what the function of a logger is given.

    Attributes:
        run: folder of the run.
        part: `forecaster` or `agent`.
        name: of the run, and of the model in the registry.
        tracking_uri: of MLflow.
    """

    run: Path
    part: str
    name: str
    tracking_uri: str


def require_loggers(names: Sequence[str]) -> None:
    """Refuse to begin a training whose log cannot be written.

    Raises:
        RequestError: there is no such logger, or its library is not installed.
    """
    offered = registered()["logger"]
    for name in names:
        if name not in offered:
            raise RequestError(
                f"run.loggers must name some of {', '.join(sorted(offered))}, was '{name}'{nearest(name, offered)}"
            )
        package, install = PACKAGES.get(name, ("", ""))
        if package and find_spec(package) is None:
            raise RequestError(
                f"run.loggers=[{name}] needs {package}: pip install {install}; run.loggers=[csv] needs nothing more"
            )


class TrainingLog:
    """The loggers of a training; each is made when there is something to tell it."""

    def __init__(
        self,
        training: Logged,
        names: Sequence[str],
        settings: Mapping[str, Any],
        tracked: TrackedCommand | None = None,
    ) -> None:
        self._training, self._names, self._settings, self._tracked = training, names, settings, tracked
        self._loggers: list[Any] = []

    def tell(self, metrics: Mapping[str, float], step: int) -> None:
        """Tell numbers by name after so many epochs, env steps or, of an ensemble, networks."""
        if self._tracked is not None:
            named = {f"{self._training.part}/{name}": value for name, value in metrics.items()}
            self._tracked.tell_metrics(named, step)
        if not self._loggers:
            for name in self._names:
                logger = LOGGERS.load(name)(self._training)
                logger.log_hyperparams(dict(self._settings))
                self._loggers.append(logger)
        for logger in self._loggers:
            logger.log_metrics(dict(metrics), step=step)

    def tell_scores(self, history: Sequence[Mapping[str, float]]) -> None:
        """Tell the score of every validation but those of the constant policies."""
        for entry in history:
            if "action" not in entry:
                self.tell({"validation/score": entry["score"]}, int(entry["step"]))

    def close(self, status: str) -> None:
        """Write what is left: `success`, or `failed`."""
        for logger in self._loggers:
            logger.save()
            logger.finalize(status)


@contextmanager
def logging(
    config: Config, run: Path, part: str, name: str, console: Console, progress: Report
) -> Iterator[tuple[Report, TrainingLog]]:
    """Yield `progress`, which then also tells the loggers, and these; a training that is nobody's news tells none."""
    silent = isinstance(console, Silent)
    log = TrainingLog(
        Logged(run, part, name, place_of(config)),
        () if silent else config.run.loggers,
        config.deciding(),
        None if silent else tracked_command(),
    )

    def report(done: int, total: int, metrics: Mapping[str, float]) -> None:
        progress(done, total, metrics)
        log.tell({f"training/{name}": value for name, value in metrics.items()}, done)

    try:
        yield report, log
    except BaseException:
        log.close("failed")
        raise
    log.close("success")


def csv_logger(training: Logged) -> Any:
    """Return what writes `csv/<part>/metrics.csv` into the run's folder."""
    from pytorch_lightning.loggers import CSVLogger

    return CSVLogger(training.run / "csv", name=training.part, version="", flush_logs_every_n_steps=1)


def tensorboard_logger(training: Logged) -> Any:
    """Return what writes `tensorboard/<part>` into the run's folder; read it with `tensorboard --logdir runs`."""
    from pytorch_lightning.loggers import TensorBoardLogger

    folder = training.run / "tensorboard"
    return TensorBoardLogger(folder, name=training.part, version="", default_hp_metric=False)


def mlflow_logger(training: Logged) -> Any:
    """Return what writes a run of MLflow: its experiment is the model's name, its own that of the run and the part."""
    if "://" not in training.tracking_uri:
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.17 asks who writes to folders to say so
    from pytorch_lightning.loggers import MLFlowLogger

    name = f"{training.run.name} {training.part}"
    return MLFlowLogger(experiment_name=training.name, run_name=name, tracking_uri=training.tracking_uri)


def wandb_logger(training: Logged) -> Any:
    """Return what tells Weights & Biases or, where nobody is logged in, writes `wandb` into the run's folder."""
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    class OneRun(WandbLogger):
        def finalize(self, status: str) -> None:
            super().finalize(status)
            self.experiment.finish()  # the next part of a run is another

    name = f"{training.run.name} {training.part}"
    training.run.mkdir(parents=True, exist_ok=True)
    chosen = "WANDB_MODE" in os.environ or wandb.login(prompt=False)  # with a key at hand; nobody is asked for one
    mode: dict[str, Any] = {} if chosen else {"mode": "offline"}
    return OneRun(name=name, project=training.name, save_dir=training.run, **mode)

"""The checks of who listens to trainings: callbacks of Lightning, and loggers."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as pl

from forecaster.config import FeatureConfig, ForecasterConfig, ModelConfig, TrainerConfig
from forecaster.fitted import fit_panel
from forecaster.registry import CALLBACKS
from tradewinds.pipeline.loggers import Logged
from tradewinds.testing.rules import BARS, made_series, need, told

NAME = "being-checked"


def check_callback(make: Callable[[], Any]) -> None:
    """Check what makes a callback: `() -> pytorch_lightning.Callback`, a new one each time.

    Args:
        make: what a name of `trainer.callbacks` stands for.

    Raises:
        ConformanceError: it returns something else, or the same callback twice; a small training fails with it, or its
            state cannot be written down as plain data.
    """
    with told("the callback", "it must be made without arguments"):
        one, other = make(), make()
    need(
        isinstance(one, pl.Callback),
        f"the callback is a {type(one).__name__}; it must be a pytorch_lightning.Callback",
    )
    need(one is not other, "the callback is the same when made again; each network is trained with one of its own")
    CALLBACKS.register(NAME, make)
    try:
        model = ModelConfig(context_length=8, horizon=2, hidden_size=4)
        trainer = TrainerConfig(epochs=2, callbacks=(NAME,))
        config = ForecasterConfig(features=FeatureConfig(volatility_bars=(3,)), model=model, trainer=trainer)
        cure = "it must bear a training, and keep tensors and plain values in its state_dict, which is written down"
        with TemporaryDirectory() as folder, told("a training with the callback", cure):
            fit_panel(made_series(), config, range(BARS), seed=0, checkpoint=Path(folder) / "checkpoint")
    finally:
        CALLBACKS.others.pop(NAME)


def check_logger(make: Callable[[Logged], Any]) -> None:
    """Check what makes a logger: `(Logged) -> pytorch_lightning.loggers.Logger`.

    Args:
        make: what a name of `run.loggers` stands for.

    Raises:
        ConformanceError: it fails, or what it makes lacks a method, or cannot be told settings and numbers.
    """
    with TemporaryDirectory() as name:
        training = Logged(Path(name) / "run", "forecaster", "made up", str(Path(name) / "mlruns"))
        with told("the logger", "it must take a tradewinds.pipeline.loggers.Logged, whose folder may not be there yet"):
            logger = make(training)
        lacks = [
            method for method in ("log_hyperparams", "log_metrics", "save", "finalize") if not hasattr(logger, method)
        ]
        need(not lacks, f"the logger lacks {', '.join(lacks)}; derive it from pytorch_lightning.loggers.Logger")
        with told("the logger", "it must bear nested settings, numbers by name with a step, and its end"):
            logger.log_hyperparams({"seed": 7, "model": {"kind": "lstm"}, "features": {"custom": []}})
            logger.log_metrics({"training/fit_loss": 0.5}, step=1)
            logger.log_metrics({"validation/score": 0.1}, step=2)
            logger.save()
            logger.finalize("success")

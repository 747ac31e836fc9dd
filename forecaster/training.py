"""The training of a network by Lightning: device, arithmetic, early stopping, and the weights of the best epoch."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor

from forecaster.config import Precision, TrainerConfig
from forecaster.datamodule import WindowDataModule
from forecaster.lstm import LSTMForecaster
from forecaster.precision import trained_in

Progress = Callable[[int, int, Mapping[str, float]], None]
WHERE: dict[str, Any] = {"accelerator": "auto", "devices": 1, "logger": False, "enable_checkpointing": False}


def train(
    model: LSTMForecaster,
    data: WindowDataModule,
    config: TrainerConfig,
    inputs: tuple[int, int],
    progress: Progress | None,
) -> tuple[list[dict[str, float]], Precision]:
    """Train a network, and leave in it the weights of the epoch with the least stop loss.

    Args:
        model: fresh.
        data: its batches.
        config: how.
        inputs: F features of a bar, and G columns known of each bar ahead, 0 for networks that read none.
        progress: called after each epoch with (epoch, epochs, losses).

    Returns:
        Per epoch the losses, and the arithmetic it was trained in.

    Raises:
        ValueError: the loss was never finite.
        KeyboardInterrupt: Ctrl-C.
    """
    keeper = _KeepBest(config.epochs, progress)
    with _quiet_lightning():
        device = pl.Trainer(**WHERE).strategy.root_device
        precision = trained_in(model, config.precision, config.batch_size, inputs, device)
        trainer = pl.Trainer(
            **WHERE,
            max_epochs=config.epochs,
            gradient_clip_val=config.gradient_clip,
            callbacks=[keeper, EarlyStopping("stop/loss", patience=config.patience, check_on_train_epoch_end=True)],
            precision="bf16-mixed" if precision == "bfloat16" else "32-true",
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        try:
            trainer.fit(model, datamodule=data)
        except SystemExit:  # Lightning answers Ctrl-C by leaving the process
            raise KeyboardInterrupt from None
    if not keeper.best:
        raise ValueError(
            "training diverged: its loss was never a finite number; lower trainer.learning_rate, "
            f"was {config.learning_rate}"
        )
    model.load_state_dict(keeper.best)
    model.trainer = None  # it holds on to the whole feature table
    return keeper.history, precision


class _KeepBest(pl.Callback):
    """Remember the weights of the best epoch, write down the losses, and say how far training has come."""

    def __init__(self, epochs: int, progress: Progress | None) -> None:
        self.epochs, self.progress = epochs, progress
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.least = float("inf")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        losses = {name.replace("/", "_"): float(value) for name, value in trainer.callback_metrics.items()}
        if losses["stop_loss"] < self.least:
            self.least = losses["stop_loss"]
            self.best = {name: value.detach().clone() for name, value in pl_module.state_dict().items()}
        self.history.append(losses)
        if self.progress is not None:
            self.progress(len(self.history), self.epochs, losses)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's remarks about hardware and workers, and give the loggers back as they were."""
    names = ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero", "lightning_utilities")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

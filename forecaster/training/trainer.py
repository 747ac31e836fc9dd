"""The training of a network by Lightning: device, arithmetic, early stopping, and the weights of the best epoch."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor

from forecaster.config import TrainerConfig
from forecaster.data.datamodule import WindowDataModule
from forecaster.training.module import LSTMForecaster

Progress = Callable[[int, int, Mapping[str, float]], None]
WHERE: dict[str, Any] = {"accelerator": "auto", "devices": 1, "logger": False, "enable_checkpointing": False}


def training_device() -> torch.device:
    """Return where Lightning trains on this machine."""
    with _quiet_lightning():
        return torch.device(pl.Trainer(**WHERE).strategy.root_device)


def train(
    model: LSTMForecaster, data: WindowDataModule, config: TrainerConfig, progress: Progress | None
) -> list[dict[str, float]]:
    """Train a network, leave in it the weights of the epoch with the least stop loss, and return each epoch's losses.

    Args:
        model: fresh.
        data: its batches.
        config: how; its `precision` is not `auto`.
        progress: called after each epoch with (epoch, epochs, losses).

    Raises:
        ValueError: the loss was never finite.
        KeyboardInterrupt: Ctrl-C.
    """
    keeper = _KeepBest(config.epochs, progress)
    with _quiet_lightning():
        trainer = pl.Trainer(
            **WHERE,
            max_epochs=config.epochs,
            gradient_clip_val=config.gradient_clip,
            callbacks=[keeper, EarlyStopping("stop/loss", patience=config.patience, check_on_train_epoch_end=True)],
            precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
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
    return keeper.history


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

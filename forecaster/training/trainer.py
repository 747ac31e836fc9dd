"""The training of a network by Lightning: device, arithmetic, early stopping, and the weights of the best epoch."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor, nn

from forecaster.config import TrainerConfig
from forecaster.data.datamodule import WindowDataModule
from forecaster.training.module import LSTMForecaster

Progress = Callable[[int, int, Mapping[str, float]], None]
WHERE: dict[str, Any] = {"accelerator": "auto", "devices": 1}


def training_device() -> torch.device:
    """Return where Lightning trains on this machine."""
    with _quiet_lightning():
        return torch.device(pl.Trainer(**WHERE, logger=False, enable_checkpointing=False).strategy.root_device)


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
    epochs = _Epochs(config.epochs, progress)
    run_loop(
        model,
        data,
        **WHERE,
        max_epochs=config.epochs,
        gradient_clip_val=config.gradient_clip,
        callbacks=[epochs, EarlyStopping("stop/loss", patience=config.patience, check_on_train_epoch_end=True)],
        precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
    )
    epochs.best.restore(model, "trainer.learning_rate", config.learning_rate)
    return epochs.epoch_losses


def run_loop(model: pl.LightningModule, data: Any, **settings: Any) -> None:
    """Run Lightning's loop, the only one that trains a network in this room, and say nothing meanwhile.

    Args:
        model: fresh.
        data: a data module, or batches whose number is known.
        settings: of `pytorch_lightning.Trainer`.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    with _quiet_lightning():
        trainer = pl.Trainer(
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            **settings,
        )
        try:
            trainer.fit(model, data)
        except SystemExit:  # Lightning answers Ctrl-C by leaving the process
            raise KeyboardInterrupt from None
    model.trainer = None  # it holds on to the whole feature table


class Best:
    """The weights of the least loss so far."""

    def __init__(self) -> None:
        self.loss = float("inf")
        self._weights: dict[str, Tensor] = {}

    def offer(self, loss: float, network: nn.Module) -> None:
        """Keep a copy of the network's weights if its loss is the least."""
        if loss < self.loss:
            self.loss = loss
            self._weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def restore(self, network: nn.Module, setting: str, learning_rate: float) -> None:
        """Give a network the weights kept.

        Raises:
            ValueError: no loss was finite; `setting` names what to lower, which was `learning_rate`.
        """
        if not self._weights:
            raise ValueError(
                f"training diverged: its loss was never a finite number; lower {setting}, was {learning_rate}"
            )
        network.load_state_dict(self._weights)


class _Epochs(pl.Callback):
    """Keep the weights of the best epoch, write down the losses, and say how far training has come."""

    def __init__(self, epochs: int, progress: Progress | None) -> None:
        self.epochs, self.progress, self.best = epochs, progress, Best()
        self.epoch_losses: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        losses = {name.replace("/", "_"): float(value) for name, value in trainer.callback_metrics.items()}
        self.best.offer(losses["stop_loss"], pl_module)
        self.epoch_losses.append(losses)
        if self.progress is not None:
            self.progress(len(self.epoch_losses), self.epochs, losses)


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

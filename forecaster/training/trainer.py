"""The training of a network by Lightning: device, arithmetic, early stopping, and the weights of the best epoch."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping
from torch import Tensor, nn

from forecaster.config import TrainerConfig
from forecaster.data.datamodule import WindowDataModule
from forecaster.registry import CALLBACKS
from forecaster.training.checkpoint import FILE, PlainCheckpoints, WriteEpochs, read_state
from forecaster.training.module import LSTMForecaster

Progress = Callable[[int, int, Mapping[str, float]], None]
WHERE: dict[str, Any] = {"accelerator": "auto", "devices": 1}
SILENT: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def training_device(arguments: Mapping[str, Any] | None = None) -> torch.device:
    """Return where Lightning trains on this machine, with further `arguments` of its Trainer.

    Raises:
        ValueError: Lightning refuses one of them.
    """
    with _undisturbed():
        try:
            trainer = pl.Trainer(**{**SILENT, **WHERE, **(arguments or {})})
        except Exception as error:  # of whatever kind: what is wrong was typed
            raise ValueError(f"trainer.lightning: {' '.join(str(error).split())}") from None
        return torch.device(trainer.strategy.root_device)


def train(
    model: LSTMForecaster,
    data: WindowDataModule,
    config: TrainerConfig,
    progress: Progress | None,
    checkpoint: Path | None = None,
) -> list[dict[str, float]]:
    """Train a network, leave in it the weights of the epoch with the least stop loss, and return each epoch's losses.

    Args:
        model: fresh.
        data: its batches.
        config: how; its `precision` is not `auto`.
        progress: called after each epoch with (epoch, epochs, losses).
        checkpoint: folder that holds the state after the last epoch, from which the training goes on if there is one.

    Raises:
        ValueError: no epoch came to its end, the loss was never finite, or the state in `checkpoint` is damaged.
        KeyboardInterrupt: Ctrl-C.
    """
    epochs = _BestEpoch(config.epochs, progress)
    open_settings = {**WHERE, "gradient_clip_val": config.gradient_clip, **config.lightning}
    run_epochs(
        model,
        data,
        epochs,
        config,
        checkpoint,
        stopping=[EarlyStopping("stop/loss", patience=config.patience, check_on_train_epoch_end=True)],
        precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
        **_in_batches(open_settings, data.batches),
    )
    epochs.best.restore(model, "trainer.learning_rate", config.learning_rate)
    return epochs.epoch_losses


def run_epochs(
    model: pl.LightningModule,
    data: pl.LightningDataModule,
    epochs: "EpochLog",
    config: TrainerConfig,
    checkpoint: Path | None,
    *,
    stopping: Sequence[pl.Callback] = (),
    **settings: Any,
) -> None:
    """Run Lightning's loop to its end, from where it was cut off if it was, and write it down on its way.

    Args:
        model: fresh; holds the weights after the last epoch then.
        data: its batches.
        epochs: what is written down of each epoch; empty.
        config: epochs and callbacks.
        checkpoint: folder that holds the state after the last epoch, from which the training goes on if there is one.
        stopping: what may end it early.
        settings: further ones of `pytorch_lightning.Trainer`.

    Raises:
        ValueError: no epoch came to its end, or the state in `checkpoint` is damaged.
        KeyboardInterrupt: Ctrl-C.
    """
    file = None if checkpoint is None else checkpoint / FILE
    begun = file if file is not None and file.is_file() else None
    if begun is not None:
        state = read_state(begun)
        epochs.take_up(state)
        if epochs.done:
            model.load_state_dict(state["state_dict"])
    if not epochs.done:
        others = [CALLBACKS.load(name)() for name in config.callbacks]
        writing = [] if file is None else [WriteEpochs(file)]
        run_loop(
            model,
            data,
            begun,
            max_epochs=config.epochs,
            callbacks=[epochs, *stopping, *others, *writing],
            plugins=[] if file is None else [PlainCheckpoints()],
            enable_checkpointing=any(isinstance(one, Checkpoint) for one in (*others, *writing)),
            **settings,
        )
    refuse_untrained(epochs.epoch_losses, config)


def refuse_untrained(epochs: Sequence[Any], config: TrainerConfig) -> None:
    """Refuse a network of which no epoch came to its end.

    Raises:
        ValueError: there is none.
    """
    if not epochs:
        raise ValueError(
            "trainer.lightning ended the training before its first epoch was over; allow it more, was "
            f"{dict(config.lightning)}"
        )


def run_loop(model: pl.LightningModule, data: Any, begun: Path | None = None, **settings: Any) -> None:
    """Run Lightning's loop, the only one that trains a network in this room, and say nothing meanwhile.

    Args:
        model: fresh.
        data: a data module, or batches whose number is known.
        begun: the state of a training to go on from; None begins one.
        settings: of `pytorch_lightning.Trainer`.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    with _undisturbed():
        trainer = pl.Trainer(**{**SILENT, **settings})
        try:
            trainer.fit(model, data, ckpt_path=begun)
        except SystemExit:  # Lightning answers Ctrl-C by leaving the process
            raise KeyboardInterrupt from None
    model.trainer = None  # it holds on to the whole feature table


def _in_batches(arguments: Mapping[str, Any], batches: tuple[int, int]) -> dict[str, Any]:
    """Return Lightning's arguments with shares of the batches as their number, which Lightning does not know."""
    counts = dict(zip(("limit_train_batches", "limit_val_batches"), batches, strict=True))
    return {
        name: max(1, int(value * counts[name])) if name in counts and isinstance(value, float) else value
        for name, value in arguments.items()
    }


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

    def state_dict(self) -> dict[str, Any]:
        """Return loss and weights."""
        return {"loss": self.loss, "weights": self._weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.loss, self._weights = state["loss"], dict(state["weights"])


class EpochLog(pl.Callback):
    """Write down the losses of each epoch, and say how far training has come.

    What Lightning's own state lacks goes into the checkpoint: torch's random numbers, and whether that was the end.
    """

    KEY = "forecaster"

    def __init__(self, epochs: int, progress: Progress | None) -> None:
        self.epochs, self.progress, self.done = epochs, progress, False
        self.epoch_losses: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """End the training after an epoch's last look where its steps are used up."""
        if 0 < trainer.max_steps <= trainer.global_step:
            trainer.should_stop = True  # Lightning would leave the epoch without a look at the stop rows

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write down the losses, and tell them."""
        losses = {name.replace("/", "_"): float(value) for name, value in trainer.callback_metrics.items()}
        self.epoch_losses.append(losses)
        if self.progress is not None:
            self.progress(len(self.epoch_losses), self.epochs, losses)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add to the checkpoint what Lightning's own state lacks."""
        checkpoint[self.KEY] = {
            "losses": self.epoch_losses,
            "done": trainer.fit_loop.done,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if pl_module.device.type == "cuda" else [],
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take up torch's random numbers just before Lightning draws from them again."""
        torch.set_rng_state(checkpoint[self.KEY]["rng"])
        if pl_module.device.type == "cuda":
            torch.cuda.set_rng_state_all(checkpoint[self.KEY]["cuda_rng"])

    def take_up(self, checkpoint: Mapping[str, Any]) -> None:
        """Take over what was written down of a training."""
        state = checkpoint[self.KEY]
        self.epoch_losses, self.done = list(state["losses"]), state["done"]


class _BestEpoch(EpochLog):
    """Keep the weights of the epoch with the least stop loss, too."""

    def __init__(self, epochs: int, progress: Progress | None) -> None:
        super().__init__(epochs, progress)
        self.best = Best()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.best.offer(float(trainer.callback_metrics["stop/loss"]), pl_module)
        super().on_train_epoch_end(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        checkpoint[self.KEY]["best"] = self.best.state_dict()

    def take_up(self, checkpoint: Mapping[str, Any]) -> None:
        super().take_up(checkpoint)
        self.best.load_state_dict(checkpoint[self.KEY]["best"])


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Silence Lightning's remarks about hardware and workers, and give loggers and torch back as they were."""
    names = ("pytorch_lightning", "lightning.pytorch", "pytorch_lightning.utilities.rank_zero", "lightning_utilities")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    deterministic, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

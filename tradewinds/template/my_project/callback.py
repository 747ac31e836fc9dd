"""A callback of the forecaster's training: it ends when the fit rows are learned by heart."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

SHARE = 0.5  # of the stop loss, below which the fit loss is taken for a memory


class ByHeart(Callback):
    """Ends a training whose loss on the fit rows is less than half of that on the stop rows."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at both losses after each epoch."""
        losses: dict[str, Any] = dict(trainer.callback_metrics)
        trainer.should_stop |= bool(losses["fit/loss"] < SHARE * losses["stop/loss"])

"""The forecaster as Lightning trains it: an architecture, the loss of its forecast, and the optimiser."""

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.network import build_network


class LSTMForecaster(pl.LightningModule):
    """Predict the next H log returns and expose the state behind them (B windows, L bars, F features, D units).

    The decoder starts at zero, so that the untrained forecast is "no change", the naive one.

    Args:
        model: kind and sizes of the network.
        trainer: learning rate and weight decay.
        num_features: F.
    """

    def __init__(self, model: ModelConfig, trainer: TrainerConfig, num_features: int) -> None:
        super().__init__()
        self.trainer_config = trainer
        self.network = build_network(model, num_features, 1)

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scaled forecast (B, H) and the hidden state (B, D) for scaled features (B, L, F)."""
        outputs, hidden_state = self.network(context)  # (B, L, F) -> (B, H, 1), (B, D)
        return outputs[..., 0], hidden_state  # (B, H), (B, D)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of one fit batch."""
        return self._step(batch, "fit")

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of one stop batch."""
        return self._step(batch, "stop")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019)."""
        config = self.trainer_config
        return torch.optim.AdamW(self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def _step(self, batch: tuple[Tensor, Tensor], split: str) -> Tensor:
        context, target = batch  # (B, L, F), (B, H)
        loss = F.huber_loss(self(context)[0], target)
        self.log(f"{split}/loss", loss, on_step=False, on_epoch=True, batch_size=len(target))
        return loss

"""The recurrent forecaster: a stacked LSTM (or GRU, or RNN) with a head that forecasts all H bars at once."""

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.config import ModelConfig, TrainerConfig

RECURRENT: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class LSTMForecaster(pl.LightningModule):
    """Predict the next H log returns and expose the state behind them (B windows, L bars, F features, D units).

    The head starts at zero, so that the untrained forecast is "no change", the naive one.

    Args:
        model: kind and sizes of the network.
        trainer: learning rate and weight decay.
        num_features: F.
    """

    def __init__(self, model: ModelConfig, trainer: TrainerConfig, num_features: int) -> None:
        super().__init__()
        self.trainer_config = trainer
        self.recurrent = RECURRENT[model.kind](
            num_features,
            model.hidden_size,
            num_layers=model.num_layers,
            dropout=model.dropout if model.num_layers > 1 else 0.0,
            batch_first=True,
        )
        self.head = nn.Linear(model.hidden_size, model.horizon)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scaled forecast (B, H) and the hidden state (B, D) for scaled features (B, L, F)."""
        states, _ = self.recurrent(context)  # (B, L, F) -> (B, L, D)
        hidden_state = states[:, -1]  # (B, L, D) -> (B, D): all it knows at the last bar
        return self.head(hidden_state), hidden_state  # (B, H), (B, D)

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

"""The forecaster as Lightning trains it: an architecture, the loss of its forecast, and the optimiser."""

from collections.abc import Sequence
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.data.senses import Sense
from forecaster.networks.base import build_network
from forecaster.networks.heads import Bins, build_head
from forecaster.networks.senses import FusedNetwork
from forecaster.training.linear_base import LinearBase, base_inputs

FLAT = 1e-5  # deviation in a window, in parts of 1 and the size of its mean, below which a feature does not vary there


class Spoken(NamedTuple):
    """What a network says of B windows.

    Attributes:
        point: (B, H) forecasts.
        hidden_state: (B, D).
        quantiles: (B, H, Q) of the head; None if it has none.
        chances: (B, H, K) of the head's classes; None if it has none.
    """

    point: Tensor
    hidden_state: Tensor
    quantiles: Tensor | None
    chances: Tensor | None


class LSTMForecaster(pl.LightningModule):
    """Predict the next H changes and expose the state behind them (B windows, L bars, F features, D units).

    The decoder starts at zero, so that the untrained forecast is "no change", the naive one; or the linear base's,
    whose weights are not trained here.

    Args:
        model: kind, sizes and head of the network.
        trainer: learning rate, weight decay and the loss of a point.
        num_features: F.
        bins: edges and means of the classes, for the head of that name.
        num_future: G, columns known of each bar ahead, for networks that read them.
        base: a linear forecast that the network adds to; None: there is none.
        senses: what it reads beside numbers.
    """

    base: Tensor | None
    base_limits: Tensor | None

    def __init__(
        self,
        model: ModelConfig,
        trainer: TrainerConfig,
        num_features: int,
        bins: Bins | None = None,
        num_future: int = 0,
        base: LinearBase | None = None,
        senses: Sequence[Sense] = (),
    ) -> None:
        super().__init__()
        self.config, self.trainer_config = model, trainer
        self.head = build_head(model, trainer, bins)
        network = build_network(model, num_features, self.head.outputs, num_future)
        self.network = FusedNetwork(network, senses) if senses else network
        self.register_buffer("base", None if base is None else base.weights.clone())  # members share no memory
        self.register_buffer("base_limits", None if base is None or base.limits is None else base.limits.clone())

    def forward(self, context: Tensor, *beside: Tensor) -> Spoken:
        """Return what is said of each window, in scaled units.

        Args:
            context: (B, L, F) scaled features.
            beside: (B, H, G) of the bars ahead, for networks that read it, and of each sense (B, bars, W + 1).
        """
        context, unit = self._scaled(context)
        outputs, hidden_state = self._outputs(context, *beside)  # (B, L, F) -> (B, H, P), (B, D)
        point, quantiles = self.head.point(outputs), self.head.quantiles(outputs)
        if unit is not None:
            point, quantiles = point * unit, None if quantiles is None else quantiles * unit[..., None]
        return Spoken(point, hidden_state, quantiles, self.head.chances(outputs))

    def loss(self, target: Tensor, context: Tensor, *beside: Tensor) -> Tensor:
        """Return the mean loss of the forecasts of a batch against the target (B, H), in the units they are made in."""
        context, unit = self._scaled(context)
        if unit is not None:
            target = torch.where(unit > 0.0, target / unit.clamp_min(torch.finfo(unit.dtype).tiny), 0.0)
        return self.head.loss(self._outputs(context, *beside)[0], target)

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Return the loss of one fit batch."""
        return self._step(batch, "fit")

    def validation_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Return the loss of one stop batch."""
        return self._step(batch, "stop")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW (Loshchilov and Hutter 2019)."""
        config = self.trainer_config
        return torch.optim.AdamW(self.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def _scaled(self, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return windows (B, L, F) as the network reads them, and the unit (B, 1) of a forecast if it is its own."""
        return (context, None) if self.config.scaling == "rows" else by_itself(context)

    def _outputs(self, context: Tensor, *beside: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, H, P), moved by the linear base, and the hidden state (B, D) of (B, L, F)."""
        outputs, hidden_state = self.network(context, *beside)
        outputs = outputs.float()  # a network may be trained in bfloat16; what its outputs mean is float32
        if self.base is None:
            return outputs, hidden_state
        with torch.autocast(context.device.type, enabled=False):
            linear = base_inputs(context) @ self.base[:-1] + self.base[-1]  # (B, L + F - 1) -> (B, H)
            if self.base_limits is not None:
                linear = linear.clamp(self.base_limits[0], self.base_limits[1])
        centre = nn.functional.one_hot(torch.tensor(self.head.centre), self.head.outputs).to(outputs)  # (P,)
        return outputs + linear[..., None] * centre, hidden_state

    def _step(self, batch: tuple[Tensor, ...], split: str) -> Tensor:
        context, target, *beside = batch  # (B, L, F), (B, H), and what some networks read beside it
        loss = self.loss(target, context, *beside)
        self.log(f"{split}/loss", loss, on_step=False, on_epoch=True, batch_size=len(target))
        return loss


def by_itself(context: Tensor) -> tuple[Tensor, Tensor]:
    """Return (B, L, F) windows less their means, in their own deviations, and the deviation (B, 1) of feature 0.

    Feature 0 is the change. What does not vary in a window is 0 there, and so is its deviation: whatever the features
    were scaled by before, the result is the same.
    """
    mean = context.mean(dim=1, keepdim=True)
    variance = context.var(dim=1, keepdim=True, correction=0)
    varies = variance > (FLAT * (1.0 + mean.abs())) ** 2  # (B, 1, F)
    deviation = torch.where(varies, variance, 1.0).sqrt()
    scaled = torch.where(varies, (context - mean) / deviation, 0.0)
    return scaled, torch.where(varies, deviation, 0.0)[:, 0, :1]

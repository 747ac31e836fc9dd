"""What is said of each bar ahead: three expectiles, which are to the mean what quantiles are to the median."""

import torch
import torch.nn.functional as F
from torch import Tensor

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.networks.heads import Bins, Head


class ExpectileHead(Head):
    """The expectiles at 10, 50 and 90 percent, which cannot cross; the middle one is the mean, and the point forecast.

    Source:
        Newey and Powell (1987), Econometrica 55(4): asymmetric squared error.
    """

    outputs, centre = 3, 1
    LEVELS = (0.1, 0.5, 0.9)

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean asymmetric squared error of outputs (B, H, 3) against the target (B, H)."""
        middle, steps = outputs[..., 1:2], F.softplus(outputs[..., ::2])  # (B, H, 1), (B, H, 2)
        expectiles = torch.cat([middle - steps[..., :1], middle, middle + steps[..., 1:]], dim=-1)  # (B, H, 3)
        error = target[..., None] - expectiles
        levels = torch.tensor(self.LEVELS, dtype=outputs.dtype, device=outputs.device)
        return (torch.where(error > 0.0, levels, 1.0 - levels) * error.square()).mean()

    def point(self, outputs: Tensor) -> Tensor:
        """Return the middle expectile (B, H)."""
        return outputs[..., 1]


def expectile_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Return the head; it needs none of the settings."""
    return ExpectileHead()

"""The loss of a point: log cosh, squared where errors are small and absolute where they are large."""

import math

import torch.nn.functional as F
from torch import Tensor


def log_cosh(forecast: Tensor, target: Tensor) -> Tensor:
    """Return the mean of log(cosh(error)) of forecasts (B, H) against targets (B, H), in units of their deviation."""
    error = target - forecast
    return (error + F.softplus(-2.0 * error) - math.log(2.0)).mean()

"""In which arithmetic a network is trained: float32, or bfloat16 where the machine is faster in it, by measurement.

bfloat16 keeps float32's range and 8 bits of the fraction; weights, losses and optimiser stay float32 (autocast). Only
training is ever in it: forecasts and hidden states are always computed in float32.
"""

import copy
import time

import torch
from torch import Tensor

from forecaster.config import ModelConfig, Precision
from forecaster.training.module import LSTMForecaster

ROUNDS = 5  # trial steps in each arithmetic, in turns, so that a busy machine slows both alike
GAIN = 0.95  # share of float32's time that bfloat16 must not exceed to be worth its rounding


def trained_in(model: LSTMForecaster, batch_size: int, inputs: tuple[int, int], device: torch.device) -> Precision:
    """Return the faster arithmetic, by a few steps of a copy of the network on made-up windows.

    Args:
        model: the network; neither its weights nor the random state are changed.
        batch_size: B.
        inputs: F features of a bar, and G columns known of each bar ahead, 0 for networks that read none.
        device: where it will be trained.

    Returns:
        `float32` or `bfloat16`.
    """
    with torch.random.fork_rng():
        batch = _made_up(model.config, batch_size, inputs, device)
        trial = copy.deepcopy(model).to(device).train()
        try:
            _step(trial, batch, bfloat16=True)  # memory is taken, and kernels are chosen, in the first
        except RuntimeError:  # there are devices that have no such kernel
            return "float32"
        _step(trial, batch, bfloat16=False)
        seconds = [tuple(_step(trial, batch, bfloat16=bfloat16) for bfloat16 in (False, True)) for _ in range(ROUNDS)]
    plain, short = (min(column) for column in zip(*seconds, strict=True))
    return "bfloat16" if short < GAIN * plain else "float32"


def _made_up(config: ModelConfig, batch_size: int, inputs: tuple[int, int], device: torch.device) -> list[Tensor]:
    num_features, num_future = inputs
    shapes = [(batch_size, config.context_length, num_features), (batch_size, config.horizon)]
    if num_future:
        shapes.append((batch_size, config.horizon, num_future))
    return [torch.randn(shape).to(device) for shape in shapes]


def _step(model: LSTMForecaster, batch: list[Tensor], *, bfloat16: bool) -> float:
    """Go forward and back once, and return the seconds it took."""
    context, target, *future = batch
    started = time.perf_counter()
    with torch.autocast(context.device.type, torch.bfloat16, enabled=bfloat16):
        loss = model.loss(target, context, *future)
    loss.backward()  # type: ignore[no-untyped-call]
    loss.item()  # a device that works on its own is waited for
    return time.perf_counter() - started

"""In which arithmetic a network is trained: float32, or bfloat16 where the machine is faster in it, by measurement.

bfloat16 keeps float32's range and 8 bits of the fraction; weights, losses and optimiser stay float32 (autocast). Only
training is ever in it: forecasts and hidden states are always computed in float32.
"""

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor

from forecaster.config import Precision
from forecaster.networks.senses import FusedNetwork
from forecaster.training.module import LSTMForecaster

ROUNDS = 5  # trial steps in each arithmetic, in turns, so that a busy machine slows both alike
GAIN = 0.95  # share of float32's time that bfloat16 must not exceed to be worth its rounding


def trained_in(model: LSTMForecaster, batch_size: int, inputs: tuple[int, int], device: torch.device) -> Precision:
    """Return the faster arithmetic, by a few steps of a copy of the network on made-up windows.

    Args:
        model: the network; neither its weights nor the random state are changed.
        batch_size: B.
        inputs: F features of a bar, and G future covariates of each bar ahead, 0 for networks that read none.
        device: where it will be trained.
    """
    return faster_precision(_trial(model, batch_size, inputs, device))


def _trial(
    model: LSTMForecaster, batch_size: int, inputs: tuple[int, int], device: torch.device
) -> Callable[[Precision], Tensor]:
    """Return the loss of a copy of the network on made-up windows, in either arithmetic."""
    num_features, num_future = inputs
    shapes = [(batch_size, model.config.context_length, num_features), (batch_size, model.config.horizon)]
    if num_future:
        shapes.append((batch_size, model.config.horizon, num_future))
    with torch.random.fork_rng():
        network = model.network
        if isinstance(network, FusedNetwork):
            shapes += [(batch_size, sense.bars, sense.width + 1) for sense in network.senses]
        context, target, *beside = (torch.randn(shape).to(device) for shape in shapes)
    trial = copy.deepcopy(model).to(device).train()

    def loss(precision: Precision) -> Tensor:
        with torch.random.fork_rng(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            return trial.loss(target, context, *beside)

    return loss


def refuse_bfloat16(model: LSTMForecaster, batch_size: int, inputs: tuple[int, int], device: torch.device) -> None:
    """Refuse bfloat16 where this machine has no such arithmetic for the network; arguments as in `trained_in`.

    Raises:
        ValueError: it has none.
    """
    try:
        _seconds(_trial(model, batch_size, inputs, device), "bfloat16")
    except RuntimeError as error:
        raise ValueError(
            f"trainer.precision=bfloat16 cannot train a {model.config.kind} on this machine ({_first_line(error)}); "
            "take float32, or auto, which takes the faster that there is"
        ) from None


def faster_precision(loss: Callable[[Precision], Tensor]) -> Precision:
    """Return `float32` or `bfloat16`, whichever computes `loss` and its gradients faster here."""
    try:
        _seconds(loss, "bfloat16")  # memory is taken, and kernels are chosen, in the first
    except RuntimeError:  # there are devices that have no such kernel
        return "float32"
    _seconds(loss, "float32")
    rounds = [(_seconds(loss, "float32"), _seconds(loss, "bfloat16")) for _ in range(ROUNDS)]
    plain, short = (min(column) for column in zip(*rounds, strict=True))
    return "bfloat16" if short < GAIN * plain else "float32"


def _seconds(loss: Callable[[Precision], Tensor], precision: Precision) -> float:
    """Go forward and back once, and return the seconds it took."""
    started = time.perf_counter()
    computed = loss(precision)
    computed.backward()  # type: ignore[no-untyped-call]
    computed.item()  # a device that works on its own is waited for
    return time.perf_counter() - started


def _first_line(error: RuntimeError) -> str:
    return str(error).splitlines()[0].split(". ")[0]

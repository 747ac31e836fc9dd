"""What an architecture, a head and a loss must hold to. B windows, L bars, F features, D units, H ahead, P outputs."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.networks.base import Network
from forecaster.networks.heads import LEVELS, Head, equal_bins
from tradewinds.testing.rules import near, need, same, told

WINDOWS, FEATURES, OUTPUTS = 6, 5, 2
SMALL = ModelConfig(context_length=12, horizon=3, hidden_size=8)
STEPS = 40


def check_model(builder: Callable[..., Network], config: ModelConfig | None = None) -> None:
    """Check an architecture: `(config, num_features, outputs) -> Network`.

    Args:
        builder: what `model.kind` stands for.
        config: sizes that it can be built with; None for 12 bars, 3 ahead, 8 units.

    Raises:
        ConformanceError: what it returns is no `Network`; outputs are not (B, H, P) or states not (B, D), float32 and
            finite; the untrained outputs are not zero; the same seed builds other weights; a window's outputs depend
            on other windows or on calls before; a weight is not reached by the gradient; it does not learn; or its
            weights cannot be saved and taken up.
    """
    config = SMALL if config is None else config
    with told("the builder", "it must take (config, num_features, outputs) and return a forecaster Network"):
        network, twin = (_built(builder, config) for _ in range(2))
    need(
        isinstance(network, Network),
        f"the builder returned a {type(network).__name__}; it must return a forecaster.networks.base.Network",
    )
    context = torch.randn(WINDOWS, config.context_length, FEATURES, generator=torch.Generator().manual_seed(1))
    outputs, state = _said(network.eval(), context)
    _check_shapes(network, config, outputs, state)
    need(
        bool((outputs == 0.0).all()),
        f"untrained outputs reach {outputs.abs().max():.3g}; they must be zero, which is no change: decode with "
        "forecaster.networks.base.LinearDecoder, or set the last layer's weights to zero",
    )
    need(
        all(torch.equal(one, other) for one, other in zip(network.parameters(), twin.parameters(), strict=True)),
        "two networks of one torch seed have other weights; draw them by torch.nn.init alone",
    )
    _check_teaching(network, config, context)
    _check_calls(network.eval(), context)
    _check_saving(builder, network, config, context)


def _built(builder: Callable[..., Network], config: ModelConfig) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return builder(config, FEATURES, OUTPUTS)


def _said(network: Network, context: Tensor) -> tuple[Tensor, Tensor]:
    before = context.clone()
    with torch.no_grad(), told("the network", "forward must take scaled features (B, L, F) alone"):
        outputs, state = network(context)
    need(torch.equal(before, context), "the network wrote into its input; copy what is to be changed")
    return outputs, state


def _check_shapes(network: Network, config: ModelConfig, outputs: Tensor, state: Tensor) -> None:
    width = getattr(network, "hidden_width", None)
    need(isinstance(width, int), f"hidden_width must be D, the width of the hidden state, was {width!r}; set it")
    for name, tensor, axes, shape in (
        ("outputs", outputs, "(B, H, P)", (WINDOWS, config.horizon, OUTPUTS)),
        ("the hidden state", state, "(B, D)", (WINDOWS, width)),
    ):
        found = tuple(tensor.shape)
        need(found == shape, f"{name} must be {axes} = {shape}, was {found}; mind the axes of encode and decode")
        need(tensor.dtype == torch.float32, f"{name} must be float32, was {tensor.dtype}; cast nothing")
        need(bool(torch.isfinite(tensor).all()), f"{name} must be finite, was not; scale or clip what is divided by")


def _check_teaching(network: Network, config: ModelConfig, context: Tensor) -> None:
    target = context[:, -1, :1, None].expand(-1, config.horizon, OUTPUTS)  # its last bar, which any reader can tell
    optimiser, losses = torch.optim.Adam(network.parameters(), lr=1e-2), list[float]()
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss = (network(context)[0] - target).square().mean()
            with told("the backward pass", "outputs must be made of the weights by torch alone"):
                loss.backward()
            losses.append(loss.item())
            optimiser.step()
    idle = [name for name, weight in network.named_parameters() if weight.grad is None]
    need(not idle, f"no gradient reaches {', '.join(idle)}; use every weight, or do not register it")
    need(
        losses[-1] < losses[0],
        f"{STEPS} steps of Adam brought the loss of its last bar from {losses[0]:.3g} to {losses[-1]:.3g}, and it must "
        "fall; see that nothing is detached, and that the last bar is read",
    )


def _check_calls(network: Network, context: Tensor) -> None:
    before, _ = _said(network, context)
    _said(network, 2.0 * context + 1.0)
    need(
        torch.equal(before, _said(network, context)[0]),
        "the same windows have other outputs after others were read; a network must keep nothing between calls",
    )
    need(
        near(before[:2].numpy(), _said(network, context[:2])[0].numpy()),
        "a window's outputs depend on the windows beside it; normalise over features or bars, never over the batch",
    )


def _check_saving(builder: Callable[..., Network], network: Network, config: ModelConfig, context: Tensor) -> None:
    other = _built(builder, config)
    with told("saving the weights", "they must be plain tensors that share no memory, as safetensors keeps them"):
        other.load_state_dict(load(save(network.state_dict())))
    need(
        torch.equal(_said(network, context)[0], _said(other.eval(), context)[0]),
        "a network with the saved weights says something else; register whatever it computes with as a buffer",
    )
    with told("sending the network to another process", "its attributes must be picklable: no lambdas, no open files"):
        pickle.loads(pickle.dumps(network))


def check_head(builder: Callable[..., Head], config: ModelConfig | None = None) -> None:
    """Check a head: `(model, trainer, bins) -> Head`.

    Args:
        builder: what `model.head` stands for.
        config: of the network; None for 12 bars, 3 ahead, 8 units.

    Raises:
        ConformanceError: what it returns is no `Head`; the point of zeros is not zero; a shape, a loss that is no
            finite number, or one that steps along its gradient do not lower; quantiles that cross; a centre that does
            not move the forecast.
    """
    config = SMALL if config is None else config
    bins = equal_bins(np.random.default_rng(0).normal(size=1000), config.bins)
    with told("the builder", "it must take (model, trainer, bins) and return a forecaster Head"):
        head = builder(config, TrainerConfig(), bins)
    need(isinstance(head, Head), f"the builder returned a {type(head).__name__}; it must return a heads.Head")
    number = getattr(head, "outputs", None)
    need(isinstance(number, int) and number > 0, f"outputs must be P, the outputs of a bar, was {number!r}; set it")
    outputs = torch.randn(WINDOWS, config.horizon, head.outputs, generator=torch.Generator().manual_seed(1))
    point, shape = head.point(outputs), (WINDOWS, config.horizon)
    need(
        tuple(point.shape) == shape, f"the point must be (B, H) = {shape}, was {tuple(point.shape)}; keep no last axis"
    )
    still = head.point(torch.zeros_like(outputs)).abs().max()
    need(
        bool(still < 1e-6),
        f"the point of outputs of zero is {still:.3g}; it must be 0, no change, since untrained outputs are zero",
    )
    _check_quantiles(head.quantiles(outputs), config.horizon)
    _check_centre(head, outputs)
    target = _target(shape)
    taught = _check_loss(lambda one: head.loss(one, target), torch.zeros_like(outputs), "the head's loss")
    away = (head.point(taught) - target).square().mean() > target.square().mean()
    need(not away, "steps along the loss's gradient lead the point away from the target; turn the loss's sign")


def _target(shape: tuple[int, ...]) -> Tensor:
    target = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    target[0, 0] = 30.0  # a crash, in deviations
    return target


def _check_quantiles(quantiles: Tensor | None, horizon: int) -> None:
    if quantiles is None:
        return
    shape = (WINDOWS, horizon, len(LEVELS))
    need(
        tuple(quantiles.shape) == shape,
        f"quantiles must be (B, H, Q) = {shape}, one at each of heads.LEVELS, was {tuple(quantiles.shape)}; or None",
    )
    need(bool((quantiles.diff(dim=-1) >= 0.0).all()), "quantiles cross; build them from steps that are positive")


def _check_centre(head: Head, outputs: Tensor) -> None:
    if head.centre is None:
        return
    law = f"centre must be None or the number of an output, 0 to {head.outputs - 1}, was {head.centre!r}"
    need(isinstance(head.centre, int) and 0 <= head.centre < head.outputs, f"{law}; say which")
    moved = outputs.clone()
    moved[..., head.centre] += 1.5
    need(
        near(head.point(moved).numpy(), head.point(outputs).numpy() + 1.5),
        "the centre does not move the point by as much; set centre to None where no output does",
    )


def check_loss(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Check the loss of a point: `(forecast, target) -> mean loss`, both (B, H), in units of the target's deviation.

    Raises:
        ConformanceError: it is no finite number, is less elsewhere than where the forecast is right, or is not lowered
            by steps along its gradient.
    """
    target = _target((WINDOWS, 3))
    right, wrong = (float(_number(loss, forecast, target)) for forecast in (target, target + 1.0))
    need(right <= wrong, f"the loss is {right:.3g} where the forecast is right and {wrong:.3g} one off; turn its sign")
    _check_loss(lambda forecast: _number(loss, forecast, target), torch.zeros_like(target), "the loss")


def _number(loss: Callable[[Tensor, Tensor], Tensor], forecast: Tensor, target: Tensor) -> Tensor:
    with told("the loss", "it must take forecasts (B, H) and targets (B, H)"):
        value = loss(forecast, target)
    need(
        isinstance(value, Tensor) and value.ndim == 0, "the loss must be one number, a tensor without axes; take a mean"
    )
    return value


def _check_loss(loss: Callable[[Tensor], Any], start: Tensor, noun: str) -> Tensor:
    """Follow a loss along its gradient, and return where that leads."""
    free = start.clone().requires_grad_()
    optimiser, values = torch.optim.SGD([free], lr=0.1), list[float]()
    for _ in range(STEPS):
        optimiser.zero_grad()
        value = loss(free)
        need(value.ndim == 0, f"{noun} must be one number, was of the shape {tuple(value.shape)}; take a mean")
        need(bool(torch.isfinite(value)), f"{noun} must be finite, was {value.item()}; mind targets of 30 deviations")
        with told(f"the gradient of {noun}", "make it of its arguments by torch alone"):
            value.backward()
        need(bool(torch.isfinite(free.grad).all()), f"the gradient of {noun} is not finite; mind roots and logs at 0")  # type: ignore[arg-type]
        values.append(value.item())
        optimiser.step()
    need(
        values[-1] < values[0],
        f"{STEPS} steps along its gradient brought {noun} from {values[0]:.4g} to {values[-1]:.4g}; it must fall: "
        "detach nothing",
    )
    again = loss(free.detach())
    need(same(again.detach().numpy(), loss(free.detach()).detach().numpy()), f"{noun} differs from call to call")
    return free.detach()

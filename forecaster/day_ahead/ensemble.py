"""Several LSTMs of days, side by side in one: M members whose weights, losses and steps do not touch each other.

A member is an LSTM over the last L days, and a linear map of the last prices and announcements beside it; both speak of
all S slots of the day at once. A product of (M, B, F) by (M, F, N) costs little more than one of (B, F) by (F, N), as
such small products are mostly overhead: eight members take less than twice the time of one. Must not know series.
Formulas: docs/day_ahead.md, section 3.

M members, B days of a batch, L days read, F inputs of each, G of the linear map, H units, S slots.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forecaster.day_ahead.inputs import DayInputs

Array = NDArray[np.float64]
SHY = 0.3  # of the usual spread of first weights, for those of the linear map
MOMENTS = (0.9, 0.999)  # of Adam
TINY = 1e-8
WARM_UP_STEPS = 30  # over which the first rate rises
STATE = ("weights", "first_moment", "second_moment", "steps")


@dataclass(frozen=True)
class Teaching:
    """How members are taught.

    Attributes:
        windows: (M,) days that each looks back.
        units: (M,) in which units each reads and speaks.
        batch_size: days of a step.
        dropout: share of the last state that a step hides.
        weight_decay: of AdamW.
        gradient_clip: largest norm of a member's gradient.
        loss: `mae`, `huber` or `mse`, of scaled prices.
        recent_days: the last days, of which `recent_share` of a refit's days are.
        recent_share: that share.
    """

    windows: tuple[int, ...]
    units: tuple[int, ...]
    batch_size: int
    dropout: float
    weight_decay: float
    gradient_clip: float
    loss: str
    recent_days: int
    recent_share: float


class DayEnsemble:
    """The weights of M members, and how they learn and speak.

    Args:
        sizes: F, G and S.
        hidden_size: H.
        teaching: how they are taught.
        seed: of the first weights, and of the days and masks that are drawn.
        state: weights and moments, of `state`; None draws the first.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int],
        hidden_size: int,
        teaching: Teaching,
        seed: int,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.teaching, self.seed, self.hidden_size, self.members = teaching, seed, hidden_size, len(teaching.windows)
        self.shapes = self._shapes(*sizes)
        if state is None:
            state = self._drawn()
        self.weights, self.first_moment, self.second_moment = (state[name].clone() for name in STATE[:3])
        self.steps = int(state["steps"])
        self.unit = torch.tensor(teaching.units)[:, None]  # (M, 1)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of what decides all further steps."""
        tensors = {name: getattr(self, name).clone() for name in STATE[:3]}
        return {**tensors, "steps": torch.tensor(self.steps)}

    def fit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rates: tuple[float, float]) -> list[float]:
        """Learn the days in [first, stop) from the weights at hand; return the mean loss of each tenth of the steps.

        The rate rises to the first of `rates` and falls to the second on a cosine.
        """
        losses, generator = [], self._generator("fit", stop)
        for step in range(steps):
            cosine = 0.5 * (1.0 + math.cos(math.pi * step / steps))
            rise = min(1.0, (step + 1) / WARM_UP_STEPS)
            rate = rates[1] + (rates[0] - rates[1]) * cosine * rise
            losses.append(self._learn(inputs, range(first, stop), rate, 0.0, generator))
        tenth = max(1, steps // 10)
        return [sum(part) / len(part) for at in range(0, steps, tenth) if (part := losses[at : at + tenth])]

    def refit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rate: float, date: int) -> None:
        """Learn some more, up to the day before `stop`, whose local date decides what is drawn."""
        generator = self._generator("refit", date)
        for _ in range(steps):
            self._learn(inputs, range(first, stop), rate, self.teaching.recent_share, generator)

    def forecast(self, inputs: DayInputs, day: int) -> tuple[Array, Array]:
        """Return (M, S) prices and (M, H) last states of a day."""
        tokens, flat = inputs.tokens[self.unit, [day]], inputs.flat[self.unit, [day]]
        with torch.no_grad():
            told, state = self._speak(self.weights, tokens, flat, None)
        return inputs.prices(told[:, 0], self.unit[:, 0], day), state[:, 0].double().numpy()

    def _generator(self, *words: object) -> torch.Generator:
        digest = hashlib.sha256(repr((self.seed, *words)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def _shapes(self, features: int, flat: int, slots: int) -> dict[str, tuple[int, int]]:
        """Return by name rows and columns of the matrices that a member's weights are, one after another."""
        units = self.hidden_size
        return {
            "read": (features, 4 * units),
            "carry": (units, 4 * units),
            "gates": (1, 4 * units),
            "head": (units, slots),
            "linear": (flat, slots),
            "bias": (1, slots),
        }

    def _drawn(self) -> dict[str, Tensor]:
        """Draw first weights, evenly within 1 / sqrt(inputs); forget gates begin open."""
        generator, parts, units = self._generator("first"), [], self.hidden_size
        fans = {"read": units, "carry": units}
        for name, (rows, columns) in self.shapes.items():
            fan = fans.get(name, 0 if rows == 1 else rows)  # what is added to all days alike begins at 0
            width = (1.0 / math.sqrt(fan) if fan else 0.0) * (SHY if name == "linear" else 1.0)
            part = (torch.rand(self.members, rows * columns, generator=generator) * 2.0 - 1.0) * width
            if name == "gates":
                part[:, units : 2 * units] = 1.0
            parts.append(part)
        weights = torch.cat(parts, dim=1)
        nothing = torch.zeros_like(weights)
        tensors = (weights, nothing, nothing.clone(), torch.tensor(0))
        return dict(zip(STATE, tensors, strict=True))

    def _learn(
        self, inputs: DayInputs, days: range, rate: float, recent_share: float, generator: torch.Generator
    ) -> float:
        """Take one step of each member on days of its own choice out of its window, and return their mean loss."""
        teaching, shape = self.teaching, (self.members, self.teaching.batch_size)
        window = torch.tensor(teaching.windows)[:, None].expand(shape)
        if recent_share > 0.0:
            recent = torch.rand(shape, generator=generator) < recent_share
            window = torch.where(recent, teaching.recent_days, window)
        ago = (torch.rand(shape, generator=generator) * window.clamp(max=len(days))).long()
        place = days.stop - 1 - ago
        weights = self.weights.requires_grad_()
        told, _ = self._speak(weights, inputs.tokens[self.unit, place], inputs.flat[self.unit, place], generator)
        label = inputs.label[self.unit, place]
        there = label.isfinite()
        error = torch.where(there, told - label.nan_to_num(), 0.0)
        size = error.abs()
        loss = size if teaching.loss == "mae" else error**2
        if teaching.loss == "huber":
            loss = torch.where(size < 1.0, 0.5 * error**2, size - 0.5)
        by_member = loss.sum(dim=(1, 2)) / there.sum(dim=(1, 2)).clamp_min(1)
        (gradient,) = torch.autograd.grad(by_member.sum(), weights)
        self.weights = weights.detach()
        self._step(gradient, rate)
        return float(by_member.detach().mean())

    def _step(self, gradient: Tensor, rate: float) -> None:
        """Move each member by AdamW on its own gradient, clipped to its own norm."""
        teaching, (fast, slow) = self.teaching, MOMENTS
        gradient = gradient * (teaching.gradient_clip / (gradient.norm(dim=1, keepdim=True) + TINY)).clamp(max=1.0)
        self.steps += 1
        self.first_moment.lerp_(gradient, 1.0 - fast)
        self.second_moment.lerp_(gradient**2, 1.0 - slow)
        size = (self.second_moment / (1.0 - slow**self.steps)).sqrt() + TINY
        self.weights.mul_(1.0 - rate * teaching.weight_decay)
        self.weights.sub_(rate / (1.0 - fast**self.steps) * self.first_moment / size)

    def _speak(
        self, weights: Tensor, tokens: Tensor, flat: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """(M, B, L, F) and (M, B, G) -> scaled prices (M, B, S) and last states (M, B, H); a generator draws masks."""
        members, count, length, features = tokens.shape
        part = self._parts(weights)
        units, order = self.hidden_size, tokens.transpose(1, 2).reshape(members, length * count, features)
        read = torch.baddbmm(part["gates"], order, part["read"]).view(members, length, count, 4 * units)
        state, cell = tokens.new_zeros(members, count, units), tokens.new_zeros(members, count, units)
        for day in range(length):
            gates = torch.baddbmm(read[:, day], state, part["carry"])  # (M, B, 4 H): input, forget, output, fresh
            opened = torch.sigmoid(gates[..., : 3 * units])
            fresh = torch.tanh(gates[..., 3 * units :])
            cell = opened[..., units : 2 * units] * cell + opened[..., :units] * fresh
            state = opened[..., 2 * units :] * torch.tanh(cell)
        last = self._masked(state, generator)
        return torch.baddbmm(part["bias"], last, part["head"]) + torch.bmm(flat, part["linear"]), state

    def _parts(self, weights: Tensor) -> dict[str, Tensor]:
        """(M, P) weights -> by name (M, rows, columns)."""
        sizes = [rows * columns for rows, columns in self.shapes.values()]
        pieces = zip(self.shapes.items(), torch.split(weights, sizes, dim=1), strict=True)
        return {name: piece.view(len(weights), *shape) for (name, shape), piece in pieces}

    def _masked(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        """Hide a share of values while learning, and raise the others to make up for it."""
        if generator is None or self.teaching.dropout == 0.0:
            return values
        kept = torch.rand(values.shape, generator=generator) >= self.teaching.dropout
        return values * kept / (1.0 - self.teaching.dropout)

"""What an agent remembers: an LSTM or a GRU, a step at a time or over whole segments of steps at once.

Formulas: docs/recurrent.md. L steps, N environments, S segments, I inputs, D units, M numbers of a state: 2 D of an
LSTM (hidden and cell), D of a GRU.
"""

import math
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Cell: TypeAlias = Literal["lstm", "gru"]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Segments(NamedTuple):
    """S unbroken runs of steps of a rollout, each within one episode and one environment.

    Attributes:
        env: (S,) whose.
        first: (S,) its first step.
        length: (S,) how many.
        begins: (S,) whether an episode begins there; if not, what was remembered before the rollout goes on.
    """

    env: Ints
    first: Ints
    length: Ints
    begins: Bools

    def of(self, envs: Ints) -> "Segments":
        """Return those of some environments."""
        chosen = np.isin(self.env, envs)
        return Segments(self.env[chosen], self.first[chosen], self.length[chosen], self.begins[chosen])


def segments_of(real: Bools, begins: Bools) -> Segments:
    """Cut a rollout where episodes begin.

    Args:
        real: (L, N) whether a step is a transition; one that only restarts an environment belongs to no segment.
        begins: (L, N) whether it is the first of an episode.
    """
    steps = len(real)
    broken = begins.copy()
    broken[0] = True
    broken[1:] |= ~real[:-1]
    opens = (real & broken).T.ravel()  # environment by environment
    closes = real.copy()
    closes[:-1] &= ~real[1:] | broken[1:]
    starts, ends = np.flatnonzero(opens), np.flatnonzero(closes.T.ravel())
    env, first = np.divmod(starts, steps)
    return Segments(env, first, ends - starts + 1, begins[first, env])


class Group(NamedTuple):
    """Segments of similar lengths, side by side, the shorter ones padded at their end.

    Attributes:
        rows: (L, S) which row of a rollout laid out step by step is read; of padding the last one again.
        there: (L, S) which of them are transitions, no padding.
        whole: whether all are.
        env: (S,) whose.
        begins: (S,) whether an episode begins there.
    """

    rows: Tensor
    there: Tensor
    whole: bool
    env: Tensor
    begins: Tensor


def groups_of(segments: Segments, num_envs: int) -> list[Group]:
    """Put segments side by side, so that no padding is longer than what it pads.

    Args:
        segments: of a rollout of `num_envs` environments.
        num_envs: N.

    Returns:
        A group for each power of two that lengths lie below.
    """
    groups, sizes = [], np.ceil(np.log2(segments.length)).astype(int)
    for size in np.unique(sizes):
        env, first, length, begins = (column[sizes == size] for column in segments)
        steps = np.arange(length.max())[:, None]
        rows = (first + np.minimum(steps, length - 1)) * num_envs + env
        arrays = rows, steps < length, env, begins
        numbers, there, whose, opens = (torch.from_numpy(array) for array in arrays)
        groups.append(Group(numbers, there, bool(there.all()), whose, opens))
    return groups


class RecurrentCell(nn.Module):
    """One layer of an LSTM or a GRU.

    Args:
        cell: which.
        inputs: I.
        units: D.
        span: steps over which the units first forget, at least 2: units of spans from 2 to this one are drawn by the
            biases of their gates ("chrono initialisation", Tallec & Ollivier 2018, eq. 16).
        generator: source of the first weights, orthogonal for each gate, in the size that a unit's preactivation has
            the variance of its inputs; they are left unset without one.
    """

    def __init__(
        self, cell: Cell, inputs: int, units: int, span: float = 2.0, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.cell, self.units = cell, units
        make: Any = nn.LSTM if cell == "lstm" else nn.GRU
        self.layer = make(inputs, units, device="meta").to_empty(device="cpu")
        self.size = 2 * units if cell == "lstm" else units
        if generator is None:
            return
        for name, weight in self.layer.named_parameters():
            if "bias" in name:
                nn.init.zeros_(weight)
                continue
            for gate in weight.chunk(weight.shape[0] // units):  # (D, I) or (D, D)
                gain = max(1.0, math.sqrt(units / gate.shape[1]))  # a unit moves by its inputs' size, however few
                nn.init.orthogonal_(gate, gain, generator=generator)
        held = torch.empty(units).uniform_(1.0, max(span - 1.0, 1.0), generator=generator).log()
        with torch.no_grad():
            if cell == "lstm":  # gates of an LSTM: input, forget, cell, output; of a GRU: reset, update, new
                self.layer.bias_ih_l0[:units] = -held
            self.layer.bias_ih_l0[units : 2 * units] = held

    def step(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (N, D) outputs and (N, M) states after one step of (N, I) inputs from (N, M) states."""
        layer = self.layer
        weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
        if self.cell == "gru":
            hidden = torch.gru_cell(inputs, state, *weights)
            return hidden, hidden
        hidden, cell = torch.lstm_cell(inputs, state.chunk(2, dim=1), *weights)
        return hidden, torch.cat([hidden, cell], dim=1)

    def read(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Return (L, S, D) outputs of L steps of (L, S, I) inputs from (S, M) states, as L calls of `step` would."""
        if self.cell == "gru":
            return torch.as_tensor(self.layer(inputs, state[None])[0])
        hidden, cell = state.chunk(2, dim=1)
        return torch.as_tensor(self.layer(inputs, (hidden[None].contiguous(), cell[None].contiguous()))[0])

    def read_group(self, rows: Tensor, state: Tensor, group: Group) -> Tensor:
        """Return (m, D) outputs at the steps of a group, in the order of `rows_of`.

        Args:
            rows: (L N, I) inputs of a rollout, step by step.
            state: (N, M) remembered before its first step.
            group: of segments.
        """
        inputs = rows.index_select(0, group.rows.flatten()).view(*group.rows.shape, -1)
        return transitions(self.read(inputs, state[group.env] * ~group.begins[:, None]), group)


def transitions(values: Tensor, group: Group) -> Tensor:
    """Return (m, ...) of (L, S, ...) values of a group, those of its transitions."""
    return values.flatten(0, 1) if group.whole else values[group.there]


def rows_of(group: Group) -> Tensor:
    """Return the (m,) rows of the transitions of a group."""
    return transitions(group.rows, group)

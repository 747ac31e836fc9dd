"""What an architecture's outputs mean: a point, quantiles, a distribution or classes; and the loss that teaches it.

A head reads (B, H, P) outputs, in units of the target's standard deviation on the fit rows. With outputs of zero, as an
untrained decoder has them, every head's point is 0: no change. Formulas: docs/metrics.md, section 1.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor, nn

from forecaster.config import ModelConfig, TrainerConfig
from forecaster.registry import HEADS, LOSSES

Array = NDArray[np.float64]
Bins = tuple[Sequence[float], Sequence[float]]  # K + 1 edges, K means
LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))  # 0.05, 0.10 ... 0.95
MEDIAN = LEVELS.index(0.5)
TAIL = 3.0  # least degrees of freedom of a Student-t: below, its variance is not finite or its fit not stable


class Head(nn.Module):
    """A reading of P outputs a bar.

    Attributes:
        outputs: P.
        centre: which output moves the whole forecast, point and quantiles, by as much; None if none does.
    """

    outputs: int
    centre: int | None = None

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of outputs (B, H, P) against the target (B, H)."""
        raise NotImplementedError

    def point(self, outputs: Tensor) -> Tensor:
        """Return the point forecast (B, H)."""
        raise NotImplementedError

    def quantiles(self, outputs: Tensor) -> Tensor | None:
        """Return the quantiles (B, H, Q) at `LEVELS`, never crossing; None if the head says a point only."""
        return None

    def chances(self, outputs: Tensor) -> Tensor | None:
        """Return the chances (B, H, K) of classes of the target; None if the head knows none."""
        return None


class PointHead(Head):
    """One number a bar.

    Args:
        loss: a name of `forecaster.registry.LOSSES`: `huber` (1964; quadratic up to one standard deviation, then
            linear), `mse`, `mae`, or one that was registered; from (B, H) forecasts and targets to their mean loss.
    """

    outputs, centre = 1, 0

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._loss: Callable[[Tensor, Tensor], Tensor] = LOSSES.load(loss)

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of outputs (B, H, 1) against the target (B, H)."""
        return self._loss(self.point(outputs), target)

    def point(self, outputs: Tensor) -> Tensor:
        """Return the output itself (B, H)."""
        return outputs[..., 0]


class QuantileHead(Head):
    """Nineteen quantiles a bar that cannot cross: the median, and positive steps away from it.

    q[k+1] = q[k] + softplus(s[k] + c) above the median, and likewise below; c makes untrained steps those of a
    standard normal's quantiles, on average.

    Source:
        Koenker and Bassett (1978), Econometrica 46(1), for the loss (docs/metrics.md: pinball).
    """

    outputs, centre = len(LEVELS), MEDIAN
    levels: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        normal = torch.tensor(stats.norm.ppf(LEVELS), dtype=torch.float32)
        steps = normal.diff()  # (Q - 1,), positive
        self.register_buffer("levels", torch.tensor(LEVELS, dtype=torch.float32), persistent=False)
        self.register_buffer("shift", torch.log(torch.expm1(steps)), persistent=False)  # softplus(shift) = steps

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean pinball loss over all levels."""
        error = target[..., None] - self.quantiles(outputs)  # (B, H, 1) - (B, H, Q)
        return torch.maximum(self.levels * error, (self.levels - 1.0) * error).mean()

    def point(self, outputs: Tensor) -> Tensor:
        """Return the median (B, H)."""
        return outputs[..., MEDIAN]

    def quantiles(self, outputs: Tensor) -> Tensor:
        """Return (B, H, Q) quantiles, increasing."""
        median = outputs[..., MEDIAN : MEDIAN + 1]
        below = F.softplus(outputs[..., :MEDIAN] + self.shift[:MEDIAN])  # steps down, the lowest level first
        above = F.softplus(outputs[..., MEDIAN + 1 :] + self.shift[MEDIAN:])
        under = median - below.flip(-1).cumsum(-1).flip(-1)
        return torch.cat([under, median, median + above.cumsum(-1)], dim=-1)


class StudentTHead(Head):
    """A Student-t distribution a bar: location, scale and degrees of freedom, the tails that returns have.

    scale = softplus(s + c) with softplus(c) = 1, degrees of freedom = 3 + softplus(v).

    Source:
        Negative log-likelihood of the location-scale family; Salinas et al. (2020), DeepAR, section 3, for learning it
        so.
    """

    outputs, centre = 3, 0

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean negative log-likelihood, in nats."""
        location, scale, freedom = self._distribution(outputs)
        likelihood: Tensor = torch.distributions.StudentT(freedom, location, scale).log_prob(target)  # type: ignore[no-untyped-call]
        return -likelihood.mean()

    def point(self, outputs: Tensor) -> Tensor:
        """Return the location (B, H), which is mean and median."""
        return outputs[..., 0]

    def quantiles(self, outputs: Tensor) -> Tensor:
        """Return (B, H, Q) quantiles of the distribution."""
        location, scale, freedom = (part[..., None] for part in self._distribution(outputs))
        standard = stats.t.ppf(np.array(LEVELS), freedom.detach().cpu().double().numpy())
        return location + scale * torch.as_tensor(standard, dtype=outputs.dtype, device=outputs.device)

    def _distribution(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        scale = F.softplus(outputs[..., 1] + float(np.log(np.expm1(1.0)))) + 1e-4
        return outputs[..., 0], scale, TAIL + F.softplus(outputs[..., 2])


class BinsHead(Head):
    """Classes of returns, equally frequent on the fit rows, taught by cross-entropy.

    The point is the mean of the classes' means under the forecast chances, less their mean under equal chances, so that
    an untrained forecast is no change. Quantiles are read off the piecewise linear distribution between the edges.

    Args:
        edges: (K + 1,) bounds of the classes, increasing; the outer ones are the extremes of the fit rows.
        means: (K,) mean target of each class.
    """

    edges: Tensor
    means: Tensor

    def __init__(self, edges: Sequence[float], means: Sequence[float]) -> None:
        super().__init__()
        self.outputs = len(means)
        self.register_buffer("edges", torch.tensor(edges, dtype=torch.float32))
        self.register_buffer("means", torch.tensor(means, dtype=torch.float32))

    def loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the mean cross-entropy, in nats."""
        return F.cross_entropy(outputs.flatten(0, 1), self.classes(target).flatten())

    def classes(self, target: Tensor) -> Tensor:
        """Return the class (B, H) of each target, 0 ... K - 1: those below the first inner edge are of class 0."""
        return torch.bucketize(target, self.edges[1:-1], right=True)

    def chances(self, outputs: Tensor) -> Tensor:
        """Return the chances (B, H, K), which sum to 1."""
        return outputs.softmax(-1)

    def point(self, outputs: Tensor) -> Tensor:
        """Return the expected target (B, H), relative to that of equal chances."""
        return outputs.softmax(-1) @ self.means - self.means.mean()

    def quantiles(self, outputs: Tensor) -> Tensor:
        """Return (B, H, Q) quantiles by linear interpolation of the distribution between the edges."""
        below_edge = F.pad(outputs.softmax(-1).cumsum(-1), (1, 0))  # (B, H, K + 1): chance of lying below each edge
        levels = torch.tensor(LEVELS, dtype=outputs.dtype, device=outputs.device)
        upper = torch.searchsorted(below_edge.contiguous(), levels.expand(*below_edge.shape[:-1], -1).contiguous())
        upper = upper.clamp(1, self.outputs)
        low, high = below_edge.gather(-1, upper - 1), below_edge.gather(-1, upper)
        share = (levels - low) / (high - low).clamp_min(1e-12)
        return self.edges[upper - 1] + share.clamp(0.0, 1.0) * (self.edges[upper] - self.edges[upper - 1])


def equal_bins(target: Array, num_bins: int) -> Bins:
    """Return the edges (K + 1) and means (K) of classes that are equally frequent among the fit targets.

    Raises:
        ValueError: the target has fewer distinct values than classes.
    """
    flat = target.ravel()
    edges = np.quantile(flat, np.linspace(0.0, 1.0, num_bins + 1))
    if (np.diff(edges) <= 0.0).any():
        raise ValueError(
            f"the returns have too few distinct values for model.bins={num_bins} equally frequent classes; lower it"
        )
    classes = np.digitize(flat, edges[1:-1])
    return edges.tolist(), [float(flat[classes == number].mean()) for number in range(num_bins)]


def point_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Return a head of one number a bar."""
    return PointHead(trainer.loss)


def quantile_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Return a head of quantiles."""
    return QuantileHead()


def student_t_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Return a head of a distribution."""
    return StudentTHead()


def bins_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Return a head of classes."""
    if bins is None:
        raise ValueError("a head of classes needs their edges and means; see equal_bins")
    return BinsHead(*bins)


def has_centre(model: ModelConfig) -> bool:
    """Whether the head `model.head` has an output that a linear forecast could move."""
    blank = ([0.0] * (model.bins + 1), [0.0] * model.bins)
    head: Head = HEADS.load(model.head)(model, TrainerConfig(), blank)
    return head.centre is not None


def build_head(model: ModelConfig, trainer: TrainerConfig, bins: Bins | None) -> Head:
    """Build the head `model.head`.

    Args:
        model: sizes of the network, and the head's name.
        trainer: the loss of a point.
        bins: the classes' edges and means, for `bins` only.

    Raises:
        ValueError: the head has no centre that `linear_base` could move.
    """
    head: Head = HEADS.load(model.head)(model, trainer, bins)
    if model.linear_base and head.centre is None:
        raise ValueError(f"linear_base must be false with head={model.head}, which has no centre that it could move")
    return head

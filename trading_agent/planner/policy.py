"""The policy of the planner: a mix of the forecasts in an observation, and the best plan on it, anew at every step.

How an environment is planned is the environment's to say (`Plan`). A saved policy names its plan by kind and settings;
whoever loads it says how a plan of that kind is built anew (`load_policy(..., plans=...)`).
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Plan(Protocol):
    """How an environment is planned, without the environment; N observations, K forecasts of H steps.

    Attributes:
        kind: by which a saved policy names it.
        names: K forecasts.
    """

    kind: str
    names: tuple[str, ...]

    def forecasts(self, observations: NDArray[Any]) -> Array:
        """Return the (N, K, H) forecasts in (N, O) observations."""
        ...

    def act(self, observations: NDArray[Any], forecast: Array) -> NDArray[Any]:
        """Return the (N,) or (N, A) actions with which the best plans on (N, H) forecasts begin."""
        ...

    def volumes(self, forecast: Array, length: NDArray[np.int64]) -> Array:
        """Return (D, H) what the best plans on (D, H) forecasts hold of each step's outcome: linear in it is profit."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return plain values that build it anew."""
        ...


@runtime_checkable
class PlanOfWeights(Protocol):
    """How an environment of several assets is planned, without the environment; `kind` and `names` as of a `Plan`."""

    kind: str
    names: tuple[str, ...]

    @property
    def num_assets(self) -> int:
        """A."""
        ...

    @property
    def cost(self) -> float:
        """What a change costs, a fraction of its size."""
        ...

    @property
    def caps(self) -> tuple[float, float, float, float]:
        """Least and largest weight, largest gross, largest net."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether to ask again for the target asked for last changes nothing."""
        ...

    def choice(self, observations: NDArray[Any]) -> Any:
        """Return (N, A) `expected`, `held`, `target` and `available`."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return plain values that build it anew."""
        ...


class PlannerPolicy:
    """The first step of the best plan on sum_k w_k forecast_k (kind `planner`).

    Args:
        plan: of the environment.
        weights: (K,) of its forecasts, at least 0, together at most 1; what is missing to 1 believes in nothing.
    """

    kind = "planner"

    def __init__(self, plan: Plan, weights: Array) -> None:
        self.plan, self.weights = plan, weights

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the actions at (N, O) observations."""
        mixed = np.einsum("k,nkh->nh", self.weights, self.plan.forecasts(observations))
        return self.plan.act(observations, mixed)

    def settings(self) -> dict[str, Any]:
        """Return how it plans."""
        return {"plan": self.plan.kind, "rules": self.plan.settings()}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the weights."""
        return {"weights": self.weights.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew on `settings["plan"]`, here a plan and no longer its name."""
        return cls(settings["plan"], np.asarray(tensors["weights"], dtype=np.float64))

"""The policy of the planner: a mix of the forecasts in an observation, and the best plan on it, anew at every step.

How an environment is planned is the environment's to say (`Plan`); this room knows no market. `PLANS` builds a plan
from what was saved of it: whoever knows the environments enters them there (`tradewinds.tasks.plans`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Plan(Protocol):
    """How an environment is planned, without the environment; N observations, K forecasts of H steps.

    Attributes:
        kind: its name in `PLANS`.
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
        """Return plain values from which `PLANS` builds it anew."""
        ...


PLANS: dict[str, Callable[[Mapping[str, Any]], Plan]] = {}


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
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "PlannerPolicy":
        """Build it anew.

        Raises:
            ValueError: nobody entered how such an environment is planned.
        """
        if settings["plan"] not in PLANS:
            known = ", ".join(PLANS) or "empty"
            raise ValueError(
                f"plan must be one of PLANS ({known}), was '{settings['plan']}'; import tradewinds.tasks.plans"
            )
        return cls(PLANS[settings["plan"]](settings["rules"]), np.asarray(tensors["weights"], dtype=np.float64))

"""The planner of several assets: the best weights on the forecasts of each, anew at every step (docs/planner.md).

What it believes of risk is the shrunk covariance of past returns; how much risk it is worth, and over how many bars the
cost of a change is spread, are chosen by playing the agent's own rows. N observations, A assets, D past bars.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.config import EnvironmentFacts, raise_all
from trading_agent.common.loop import Learner, Metrics, Seeds
from trading_agent.common.policy import Policy, restore_policy
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.mean_variance import STILL, MeanVariance, shrunk_covariance
from trading_agent.planner.policy import PlanOfWeights

Array = NDArray[np.float64]
AVERSIONS = (1.0, 5.0, 25.0)  # to risk: 1 is that of the growth of money, more is more careful
PATIENCE = (1.0, 4.0, 16.0, 64.0)  # bars over which the cost of a change is spread
MOST_PLAYED = 20_000  # assets times bars of the agent's rows that each choice is played on


class AllocationPolicy:
    """The best weights on the forecasts of an observation (kind `allocation`).

    Args:
        plan: of the environment.
        covariance: (A, A) of the returns of a bar.
        aversion: to risk.
        patience: bars over which the cost of a change is spread.
    """

    kind = "allocation"

    def __init__(self, plan: PlanOfWeights, covariance: Array, aversion: float, patience: float) -> None:
        self.plan, self.covariance, self.aversion, self.patience = plan, covariance, aversion, patience
        self.problem = MeanVariance(aversion * covariance, plan.cost / patience, plan.caps)

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N, A) weights at (N, O) observations."""
        seen = self.plan.choice(np.asarray(observations, dtype=np.float32))
        rows = zip(seen.expected, seen.held, seen.target, seen.available, strict=True)
        return np.array([self.chosen(*row) for row in rows], dtype=np.float32)

    def chosen(self, expected: Array, held: Array, target: Array, available: NDArray[np.bool_]) -> Array:
        """Return (A,) weights; a change too small to be one leaves the target that was traded on last."""
        weights = self.problem.best(expected, held, available)
        moves = available & (np.abs(weights - held) > STILL * self.plan.caps[2])
        return np.where(moves, weights, target if self.plan.keeps else np.where(available, held, target))

    def settings(self) -> dict[str, Any]:
        """Return how it plans."""
        rules = {"plan": self.plan.kind, "rules": self.plan.settings()}
        return {**rules, "aversion": self.aversion, "patience": self.patience}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return a copy of the covariance."""
        return {"covariance": self.covariance.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew on `settings["plan"]`, here a plan and no longer its name."""
        covariance = np.asarray(tensors["covariance"], dtype=np.float64)
        return cls(settings["plan"], covariance, settings["aversion"], settings["patience"])


class AllocationLearner(Learner):
    """Chooses aversion and patience by what they would have earned on the agent's rows."""

    learns = False

    def __init__(self, env: Any, config: PlannerConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        self.plan, self.past, self.parts = env.plan(), env.lessons(), {}
        raise_all(config.refuse(EnvironmentFacts(forecasts=self.plan.names)))
        self.covariance = shrunk_covariance(self.past.returns, self.past.known)

    def baselines(self) -> Iterator[tuple[Policy, Metrics]]:
        """Yield the constant policies, and the best of the choices."""
        yield from super().baselines()
        policy = self.policy()
        yield policy, {"aversion": policy.aversion, "patience": policy.patience}

    def learn(self, done: int) -> Metrics:
        """Learn nothing more: all there is to choose is chosen before."""
        return {}

    def policy(self) -> AllocationPolicy:
        """Return the choice that earned most on the last of the agent's rows."""
        bars = min(len(self.past.returns), max(MOST_PLAYED // self.plan.num_assets, 50))
        choices = [AllocationPolicy(self.plan, self.covariance, *choice) for choice in product(AVERSIONS, PATIENCE)]
        return max(choices, key=lambda policy: self.earned(policy, bars))

    def earned(self, policy: AllocationPolicy, bars: int) -> float:
        """Return the mean log growth of a bar over the last `bars` of the past, weights drifting between changes."""
        past, cost = self.past, self.plan.cost
        seen = self.plan.choice(past.observations[-bars:])
        held, target, total = np.zeros(self.plan.num_assets), np.zeros(self.plan.num_assets), 0.0
        for expected, available, earned in zip(seen.expected, seen.available, past.returns[-bars:], strict=True):
            wanted = policy.chosen(expected, held, target, available)
            moved = np.where(wanted == target, held, wanted) if self.plan.keeps else wanted
            growth = 1.0 + float(moved @ earned - cost * np.abs(moved - held).sum())
            if growth <= 0.0:
                return -np.inf
            held, target, total = moved * (1.0 + earned) / growth, wanted, total + np.log(growth)
        return total / max(bars, 1)

    def restore(self, kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Policy:
        """Build a policy from what its `settings` and `tensors` returned; the plan is that of the environment."""
        return restore_policy(kind, settings, tensors, plans={self.plan.kind: lambda _: self.plan})

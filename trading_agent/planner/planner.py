"""Planning on forecasts: the third way of joining a forecaster and an agent (page: docs/planner.md).

The agent plans on a mix of the forecasts it observes and takes the plan's first step; at the next step it plans anew.
What it learns is the mix, and from decisions, not from errors: outcomes are exogenous, so the profit of every plan on a
past forecast is known. Its gradient is that of the SPO+ loss, a convex bound on the regret of a plan (Elmachtoub and
Grigas 2022, Management Science 68(1), eq. 11 and proposition 3). Departures:

 1. Profit is maximised, and a plan's own cost (wear, fees) stands beside the part that is linear in the outcome.
 2. What is learned are a handful of weights, at least 0 and together at most 1, not a model from features to outcomes:
    a hundred days teach no more. They start with three quarters for the first, alike for the others.
 3. What acts is the mean of the weights so far (Polyak and Juditsky 1992), and validation picks among these, the first
    mix, and the first forecast alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Unpack, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.config import EnvironmentFacts, raise_all
from trading_agent.common.loop import Learner, Metrics, Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.policy import Policy, restore_policy
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.policy import Plan, PlannerPolicy, PlanOfWeights

Array = NDArray[np.float64]


class Lessons(Protocol):
    """D past decisions.

    Attributes:
        forecasts: (D, K, H) known at each.
        outcome: (D, H) what came; 0 beyond its length.
        length: (D,) steps that counted.
    """

    forecasts: Array
    outcome: Array
    length: NDArray[np.int64]


@runtime_checkable
class PlannedEnv(Protocol):
    """An environment that can be planned: it says how, and what past plans could have been made on."""

    def plan(self) -> Plan:
        """Return how it is planned."""
        ...

    def lessons(self) -> Lessons:
        """Return what can be learned from."""
        ...


class PlannerLearner(Learner):
    """The weights of the mix, and the gradient of the regret of plans on it."""

    def __init__(self, env: AnyVectorEnv, config: PlannerConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        planned_env = planned(env, "agent=planner")
        self.plan, self.lessons, self.parts = planned_env.plan(), planned_env.lessons(), {"learner": self}
        raise_all(config.refuse(EnvironmentFacts(forecasts=self.plan.names)))
        self.free = np.array([not config.forecasts or name in config.forecasts for name in self.plan.names])
        self.weights = first_weights(self.free, config.first_share)
        self.average, self.updates = self.weights.copy(), 0
        self.best = self.plan.volumes(self.lessons.outcome, self.lessons.length)
        self.scale = float(np.abs(self.best * self.lessons.outcome).sum(axis=1).mean()) if len(self.best) else 0.0
        self.learns = self.scale > 0.0 and config.learning_rate > 0.0

    def baselines(self) -> Iterator[tuple[Policy, Metrics]]:
        """Yield the constant policies, the plan on the first mix, and that on the first forecast alone."""
        yield from super().baselines()
        yield self.policy(), self.shares(self.average)
        alone = first_weights(self.free, 1.0)
        if not np.array_equal(alone, self.average):  # where the others are much worse, any mix with them is
            yield PlannerPolicy(self.plan, alone), self.shares(alone)

    def policy(self) -> PlannerPolicy:
        """Return the plan on the mean of the weights so far."""
        return PlannerPolicy(self.plan, self.average)

    def learn(self, done: int) -> Metrics:
        """Move the weights by one update."""
        regret = self.update(done / self.config.steps)
        return {"regret": regret, **self.shares(self.average)}

    def shares(self, weights: Array) -> Metrics:
        """Return (K,) weights as they are logged."""
        return {f"weight_{name}": float(weight) for name, weight in zip(self.plan.names, weights, strict=True)}

    def restore(self, kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Policy:
        """Build a policy from what its `settings` and `tensors` returned; the plan is that of the environment."""
        return restore_policy(kind, settings, tensors, plans={self.plan.kind: lambda _: self.plan})

    def update(self, done: float) -> float:
        """Move the weights down the loss of some lessons; `done` is the share of the training behind.

        Returns:
            How much of the best plans' turnover of money the plans lost: their regret, without the plans' own costs.
        """
        rows = self.rng.integers(0, len(self.best), self.config.num_envs)
        forecasts, outcome = self.lessons.forecasts[rows], self.lessons.outcome[rows]
        mixed = np.einsum("k,dkh->dh", self.weights, forecasts)
        tempted = self.plan.volumes(2.0 * mixed - outcome, self.lessons.length[rows])
        slope = 2.0 * (tempted - self.best[rows])  # of the loss in the mix
        gradient = np.einsum("dh,dkh->k", slope, forecasts) / (len(rows) * self.scale)
        rate = self.config.learning_rate * (1.0 - done)
        self.weights = projected(np.where(self.free, self.weights - rate * gradient, 0.0))
        self.updates += 1
        self.average += (self.weights - self.average) / (self.updates + 1)  # the start counts as one
        return float(((self.best[rows] - tempted) * outcome).sum(axis=1).mean() / self.scale)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, their mean, and of how many it is the mean."""
        return {"weights": self.weights, "average": self.average, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.weights, self.average = state["weights"].copy(), state["average"].copy()
        self.updates = state["updates"]


def first_weights(free: NDArray[np.bool_], first_share: float | None) -> Array:
    """Return the (K,) weights of the mix to begin with: all alike, or so much for the first and the rest alike."""
    if first_share is None or not free[0] or free.sum() == 1:
        return np.asarray(free / free.sum())
    others = np.where(np.arange(len(free)) > 0, free, False)
    weights: Array = (1.0 - first_share) * others / others.sum()
    weights[0] = first_share
    return weights


def projected(weights: Array) -> Array:
    """Return the nearest weights that are at least 0 and together at most 1.

    Source:
        Duchi et al. (2008), Efficient projections onto the l1-ball, figure 1.
    """
    positive: Array = np.maximum(weights, 0.0)
    if positive.sum() <= 1.0:
        return positive
    falling = np.sort(positive)[::-1]
    excess = (np.cumsum(falling) - 1.0) / np.arange(1, len(falling) + 1)
    return np.asarray(np.maximum(positive - excess[falling > excess][-1], 0.0))


def planned(env: AnyVectorEnv, who: str) -> PlannedEnv:
    """Return `env` as one that can be planned, for `who` needs it.

    Raises:
        ValueError: it cannot.
    """
    if not isinstance(env, PlannedEnv):
        raise ValueError(f"env must say how it is planned (plan and lessons) for {who}, was {type(env).__name__}")
    return env


def teacher_of(env: AnyVectorEnv, who: str) -> PlannerPolicy:
    """Return the best plan on the mean of the forecasts that `env` shows, as a policy another agent may learn from.

    Raises:
        ValueError: `env` cannot be planned.
    """
    plan: Plan = planned(env, who).plan()
    return PlannerPolicy(plan, np.full(len(plan.names), 1.0 / len(plan.names)))


def train_planner(env: AnyVectorEnv, config: PlannerConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Learn which mix of forecasts to plan on; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: a `PlannedEnv`; it is not stepped.
        config: the settings; a forecast that they name must be observed.
        **options: as `TrainingOptions` says; the constant policies and the plans on the first mix and on the first
            forecast alone are what learning has to beat.
    """
    return train(learner_for, env, config, **options)


def learner_for(env: AnyVectorEnv, config: PlannerConfig, seeds: Seeds) -> Learner:
    """Return the learner of a mix of forecasts, or of the weights of several assets, as `env` is planned.

    Raises:
        ValueError: `env` cannot be planned.
    """
    if not isinstance(planned(env, "agent=planner").plan(), PlanOfWeights):
        return PlannerLearner(env, config, seeds)
    from trading_agent.planner.allocation import AllocationLearner  # its solver is loaded where it is needed

    return AllocationLearner(env, config, seeds)

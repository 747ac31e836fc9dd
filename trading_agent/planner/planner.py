"""Planning on forecasts: the third way of joining a forecaster and an agent (page: docs/planner.md).

The agent plans on a mix of the forecasts it observes and takes the plan's first step; at the next step it plans anew.
What it learns is the mix, and from decisions, not from errors: outcomes are exogenous, so the profit of every plan on a
past forecast is known. Its gradient is that of the SPO+ loss, a convex bound on the regret of a plan (Elmachtoub and
Grigas 2022, Management Science 68(1), eq. 11 and proposition 3). Departures:

 1. Profit is maximised, and a plan's own cost (wear, fees) stands beside the part that is linear in the outcome.
 2. What is learned are a handful of weights, at least 0 and together at most 1, not a model from features to outcomes:
    a hundred days teach no more. They start at the plain mean, which is hard to beat (Claeskens et al. 2016).
 3. What acts is the mean of the weights so far (Polyak and Juditsky 1992), and validation picks among these.
"""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.loop import Checkpoint, Progress, Selection, TrainedAgent, Validate, crossed, seeds_from
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.policy import Plan, PlannerPolicy

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


class Learner:
    """The weights of the mix, and the gradient of the regret of plans on it.

    Args:
        plan: of the environment.
        lessons: past decisions.
        config: the settings.
        rng: draws the lessons of an update.

    Raises:
        ValueError: a forecast that is asked for is not observed.
    """

    def __init__(self, plan: Plan, lessons: Lessons, config: PlannerConfig, rng: np.random.Generator) -> None:
        unknown = [name for name in config.forecasts if name not in plan.names]
        if unknown:
            raise ValueError(f"agent.forecasts must be of {', '.join(plan.names)}, held {', '.join(unknown)}")
        self.plan, self.lessons, self.config, self.rng = plan, lessons, config, rng
        self.free = np.array([not config.forecasts or name in config.forecasts for name in plan.names])
        self.weights: Array = self.free / self.free.sum()
        self.average, self.updates = self.weights.copy(), 0
        self.best = plan.volumes(lessons.outcome, lessons.length)
        self.scale = float(np.abs(self.best * lessons.outcome).sum(axis=1).mean()) if len(self.best) else 0.0

    @property
    def teaches(self) -> bool:
        """Whether there is anything to learn from, and it is wanted."""
        return self.scale > 0.0 and self.config.learning_rate > 0.0

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


def train_planner(
    env: AnyVectorEnv,
    config: PlannerConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> TrainedAgent:
    """Learn which mix of forecasts to plan on.

    Args:
        env: a `PlannedEnv`; it is not stepped.
        config: the settings.
        seed: all randomness is derived from it.
        validate: scores a policy, larger is better; called with constant policies and the plan on the mean of the
            forecasts before learning, then every `config.validate_every` steps and at the end.
        progress: called as (steps done, of, metrics).
        checkpoint: folder that holds the newest state after every validation, replaced atomically.
        resume: such a folder of an earlier, interrupted call with the same settings and seed; the outcome equals that
            of a call never interrupted, bit for bit.

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: the environment cannot be planned, `agent.forecasts` names one it does not have, or `resume` does
            not fit.
    """
    *_, rng = seeds_from(seed)
    known = planned(env, "agent=planner")
    plan: Plan = known.plan()
    learner, selection = Learner(plan, known.lessons(), config, rng), Selection(validate)
    saved = Checkpoint(config, seed, rng, {"learner": learner, "selection": selection})
    step = 0 if resume is None else saved.read(resume)
    if resume is None:
        selection.consider_constants(env.single_action_space)
        selection.consider(0, PlannerPolicy(plan, learner.average), {})
    while learner.teaches and step < config.steps:
        before, step = step, step + config.num_envs
        metrics = {"regret": learner.update(before / config.steps)}
        if crossed(before, step, config.validate_every) or step >= config.steps:
            shares = {f"weight_{name}": float(w) for name, w in zip(plan.names, learner.average, strict=True)}
            selection.consider(step, PlannerPolicy(plan, learner.average), metrics | shares)
            if checkpoint is not None:
                saved.write(checkpoint, step)
            if progress is not None:
                progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()

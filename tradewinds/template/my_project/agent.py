"""An agent: follow the sign of one observed column where it is large enough, however large is best on validation."""

from collections.abc import Mapping
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import NDArray

from my_project.agent_config import MomentumConfig
from trading_agent.common.loop import TrainedAgent, TrainingOptions, constant_policies
from trading_agent.common.policy import Policy

QUANTILES = (0.0, 0.25, 0.5, 0.75)  # of the column's size, below which the agent stays flat


class MomentumPolicy:
    """The last action where the column exceeds a threshold, the first where it falls below its negative, else flat.

    Args:
        column: which.
        threshold: how large it must be.
        actions: how many there are, from fully short to fully long.
    """

    kind = "momentum"

    def __init__(self, column: int, threshold: float, actions: int) -> None:
        self.column, self.threshold, self.actions = column, threshold, actions

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) actions at (N, O) observations."""
        value, middle = observations[:, self.column], self.actions // 2
        return np.where(value > self.threshold, self.actions - 1, np.where(value < -self.threshold, 0, middle))

    def settings(self) -> dict[str, Any]:
        """Return the plain values `from_saved` needs."""
        return {"column": self.column, "threshold": self.threshold, "actions": self.actions}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: there are no weights."""
        return {}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew."""
        return cls(**settings)


def train_momentum(env: Any, config: MomentumConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Look at the column for a while, then validate a policy for each quantile of its size.

    Args:
        env: a vector environment with discrete actions.
        config: settings.
        options: `seed` and `validate` are read; there is nothing to resume.

    Raises:
        ValueError: an observation has no such column.
    """
    observation, _ = env.reset(seed=options["seed"])
    if config.column >= observation.shape[1]:
        raise ValueError(f"column must be less than {observation.shape[1]}, the columns observed, was {config.column}")
    actions, seen = int(env.single_action_space.n), [observation[:, config.column]]
    for _ in range(config.steps // config.num_envs):
        observation, *_ = env.step(np.full(len(observation), actions // 2))
        seen.append(observation[:, config.column])
    sizes = np.abs(np.concatenate(seen))
    candidates: list[tuple[int, Policy]] = [(0, policy) for policy, _ in constant_policies(env.single_action_space)]
    candidates += [
        (config.steps, MomentumPolicy(config.column, float(np.quantile(sizes, share)), actions)) for share in QUANTILES
    ]
    scores = [options["validate"](policy) for _, policy in candidates]
    best = int(np.argmax(scores))
    history = tuple({"step": float(step), "score": score} for (step, _), score in zip(candidates, scores, strict=True))
    return TrainedAgent(
        policy=candidates[best][1], best_step=candidates[best][0], best_score=scores[best], history=history
    )

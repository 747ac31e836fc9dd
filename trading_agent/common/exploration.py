"""Trying what is not believed best. Pure functions of values and a random generator.

N environments, A actions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.config import ExplorationConfig

Array = NDArray[np.floating[Any]]


def rate_at(config: ExplorationConfig, progress: float) -> float:
    """Return epsilon, or the temperature, after the share `progress` in [0, 1] of all steps."""
    share = min(progress / config.fraction, 1.0)
    return config.start + share * (config.end - config.start)


def explore(config: ExplorationConfig, values: Array, rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose (N,) actions given (N, A) values; for `boltzmann` they are in units of the typical reward."""
    if config.kind == "boltzmann":
        return boltzmann(values, rate, rng)
    return epsilon_greedy(values, rate, rng)


def epsilon_greedy(values: Array, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the best of (N, A) values, or with probability `epsilon` any action, each as likely.

    Source:
        Sutton & Barto, Reinforcement Learning, 2nd ed., section 2.2. Of equal values the first counts as best.
    """
    num_envs, num_actions = values.shape
    random = rng.integers(0, num_actions, size=num_envs)
    return np.where(rng.random(num_envs) < epsilon, random, values.argmax(axis=1))


def boltzmann(values: Array, temperature: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw (N,) actions with probability softmax(values / temperature).

    Source:
        Gumbel's trick: argmax(x + g) with g = -log(-log(u)), u uniform, is distributed as softmax(x).
    """
    perturbed = values / temperature + rng.gumbel(size=values.shape)
    return np.asarray(perturbed.argmax(axis=1))

"""What a policy earns in whole episodes. Knows any vector environment."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.player import Player
from trading_agent.common.policy import Policy
from trading_agent.common.transitions import AnyVectorEnv, Transitions, Walk


def evaluate(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0, standard_errors: float = 0.0) -> float:
    """Return the mean return (sum of rewards, not discounted) of `policy` over `episodes` whole episodes.

    The episodes are shared out to the N environments beforehand, so that short ones are not counted more often.

    Args:
        policy: what acts.
        env: where; reset with `seed`, so that policies judged after one another meet the same episodes.
        episodes: how many, at least 1.
        seed: of the reset.
        standard_errors: how many standard errors of the mean return to subtract, treating the rewards of single steps
            as independent: s sqrt(n) / episodes for n steps with standard deviation s. With 0 it is the mean return;
            with more it is a cautious score, exactly the mean return only for a policy whose rewards do not vary.

    Raises:
        ValueError: `episodes` is below 1.
    """
    steps = step_rewards(policy, env, episodes, seed=seed)
    return float(steps.sum() - standard_errors * np.sqrt(len(steps)) * steps.std()) / episodes


def step_rewards(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return the (n,) rewards of all steps of whole episodes, in the order they were earned.

    Raises:
        ValueError: `episodes` is below 1.
    """
    played = _played(policy, env, episodes, seed)
    return np.concatenate([moved.rewards[counts].astype(np.float64) for moved, counts in played])


def episode_returns(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return the (episodes,) returns of whole episodes, shared out to the N environments beforehand as in `evaluate`.

    Raises:
        ValueError: `episodes` is below 1.
    """
    return play_episodes(policy, env, episodes, seed=seed).returns


class Episodes(NamedTuple):
    """E whole episodes, in the order of their environments: with one a piece, those of one seed belong together.

    Attributes:
        returns: (E,) sums of rewards, not discounted.
        lengths: (E,) steps.
        cut: (E,) whether the episode was truncated, and might have gone on.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    cut: NDArray[np.bool_]


def play_episodes(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0) -> Episodes:
    """Play whole episodes, shared out to the N environments beforehand as in `evaluate`.

    Raises:
        ValueError: `episodes` is below 1.
    """
    earned, steps = np.zeros(env.num_envs), np.zeros(env.num_envs, np.int64)
    ends: list[tuple[NDArray[Any], ...]] = []
    for moved, counts in _played(policy, env, episodes, seed):
        earned[moved.envs] += moved.rewards
        steps[moved.envs] += 1
        ended = moved.terminated | moved.truncated
        envs, over = moved.envs[ended & counts], moved.envs[ended]
        ends.append((envs, earned[envs], steps[envs], moved.truncated[ended & counts]))
        earned[over], steps[over] = 0.0, 0
    places, *columns = (np.concatenate(column) for column in zip(*ends, strict=True))
    order = np.argsort(places, kind="stable")
    return Episodes(*(column[order] for column in columns))


def _played(
    policy: Policy, env: AnyVectorEnv, episodes: int, seed: int
) -> Iterator[tuple[Transitions, NDArray[np.bool_]]]:
    """Play until all episodes are over; yield each step's n transitions, and which (n,) belong to episodes that count.

    Raises:
        ValueError: `episodes` is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, was {episodes}")
    walk, player = Walk(env, seed=seed), Player(policy, env.num_envs)
    left = (episodes + np.arange(env.num_envs)) // env.num_envs
    while left.any():
        moved = walk.advance(player.act(walk.observations, walk.begins))
        counts = left[moved.envs] > 0
        yield moved, counts
        left[moved.envs] -= (moved.terminated | moved.truncated) & counts

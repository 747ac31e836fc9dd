"""Q-learning with a table (Watkins & Dayan 1992) on observations cut into cells. Formulas: docs/q_learning.md.

Departures from the paper, each for a reason given there:
 1. The state is the cell of a few observation columns, cut where random play shares it out evenly.
 2. N environments step at once; a cell they visit m times in one step moves m times, toward the mean of its targets.
 3. The step size is max(learning_rate, n^-0.7) at the n-th visit: a floor, so that learning never freezes.
 4. A cut (truncated) episode keeps the value of its last state; only a terminated one has none.
 5. The policy returned is the one validated best, the constant policies among the candidates.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.exploration import explore, rate_at
from trading_agent.common.loop import (
    REPORT_EVERY,
    Checkpoint,
    Progress,
    Selection,
    TrainedAgent,
    Validate,
    crossed,
    seeds_from,
)
from trading_agent.common.transitions import AnyVectorEnv, Transitions, Walk, sizes
from trading_agent.q_learning.config import QLearningConfig
from trading_agent.q_learning.policy import TablePolicy

DECAY = 0.7  # exponent of the step size; between 1/2 and 1 the table converges (Even-Dar & Mansour 2003)


def fit_edges(column: NDArray[np.floating[Any]], bins: int) -> NDArray[np.float64]:
    """Return the borders that cut a column of (M,) values into at most `bins` cells of equal share.

    A column with no more than `bins` different values gets one cell per value, the borders midway between them.
    """
    column = column.astype(np.float64)
    values = np.unique(column)
    if len(values) <= bins:
        return np.asarray((values[1:] + values[:-1]) / 2)
    return np.unique(np.quantile(column, np.arange(1, bins) / bins))


class QTable:
    """The table, how often each of its entries was visited, and the update that moves it: one cell until `fit`."""

    def __init__(self, num_actions: int, config: QLearningConfig) -> None:
        self.num_actions, self.config = num_actions, config
        self._start(tuple(np.zeros(0) for _ in config.columns), 1.0)

    def fit(self, observations: NDArray[np.floating[Any]], rewards: NDArray[np.floating[Any]]) -> None:
        """Cut the columns by the (M, O) observations of random play; (M,) rewards set the unit of the temperature."""
        scale = float(np.sqrt(np.mean(np.square(rewards))))
        edges = tuple(fit_edges(observations[:, column], self.config.bins) for column in self.config.columns)
        self._start(edges, scale if scale > 0.0 else 1.0)

    def update(self, moved: Transitions) -> None:
        """Move every entry Q(s, a) that was visited toward the mean of its targets.

        Q(s, a) += (1 - (1 - alpha)^m) * (mean of r + discount * max_a' Q(s', a') over the m visits - Q(s, a)), the last
        term of the target only where s' is not terminal; with m = 1 it is Watkins & Dayan's equation 1.
        """
        table = self.policy.table
        following = self.policy.values(moved.next_observations).max(axis=1) * ~moved.terminated
        targets = moved.rewards + self.config.discount * following  # (n,)
        entries = np.ravel_multi_index((*self.policy.cells(moved.observations), moved.actions), table.shape)
        visited, member, times = np.unique(entries, return_inverse=True, return_counts=True)
        flat, visits = table.reshape(-1), self.visits.reshape(-1)  # views
        rate = np.maximum(self.config.learning_rate, (visits[visited] + 1.0) ** -DECAY)
        mean_target = np.bincount(member, weights=targets) / times
        flat[visited] += (1.0 - (1.0 - rate) ** times) * (mean_target - flat[visited])
        visits[visited] += times

    def _start(self, edges: tuple[NDArray[np.float64], ...], reward_scale: float) -> None:
        shape = (*(len(borders) + 1 for borders in edges), self.num_actions)
        self.policy = TablePolicy(self.config.columns, edges, np.zeros(shape))
        self.visits, self.reward_scale = np.zeros(shape, dtype=np.int64), reward_scale

    def state_dict(self) -> dict[str, Any]:
        """Return table, borders, visits and scale."""
        return {"policy": self.policy.tensors(), "visits": self.visits, "reward_scale": self.reward_scale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.policy = TablePolicy.from_saved(self.policy.settings(), state["policy"])
        self.visits, self.reward_scale = state["visits"], state["reward_scale"]


def train_q_learning(
    env: AnyVectorEnv,
    config: QLearningConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> TrainedAgent:
    """Learn a table of values in `env`.

    Arguments, outcome and errors are those of `trading_agent.dqn.dqn.train_dqn`, and so is the exactness of a resume;
    `config.columns` must exist in the observations of `env`.
    """
    num_observations, num_actions = sizes(env, config.num_envs)
    if not all(-num_observations <= column < num_observations for column in config.columns):
        raise ValueError(f"columns must lie within the {num_observations} observed ones, was {config.columns}")
    env_seed, _, rng = seeds_from(seed)
    walk = Walk(env, seed=env_seed)
    agent = QTable(num_actions, config)
    selection = Selection(validate)
    saved = Checkpoint(config, seed, rng, {"walk": walk, "agent": agent, "selection": selection})
    step = 0 if resume is None else saved.read(resume)

    if resume is None:
        selection.consider_constants(env.single_action_space)
        seen = []
        while step < config.learning_starts:
            seen.append(walk.advance(rng.integers(0, num_actions, size=config.num_envs)))
            step += config.num_envs
        agent.fit(np.concatenate([m.observations for m in seen]), np.concatenate([m.rewards for m in seen]))
        for moved in seen:
            agent.update(moved)

    while step < config.steps:
        before, step = step, step + config.num_envs
        rate = rate_at(config.exploration, before / config.steps)
        values = agent.policy.values(walk.observations) / agent.reward_scale
        agent.update(walk.advance(explore(config.exploration, values, rate, rng)))
        metrics = {"exploration": rate}
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, agent.policy, metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()

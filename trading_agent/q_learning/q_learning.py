"""Q-learning with a table (Watkins & Dayan 1992) on observations cut into cells. Formulas: docs/q_learning.md.

Departures from the paper, each for a reason given there:
 1. The state is the cell of a few observation columns, cut where random play shares it out evenly; of a column of
    whole numbers within bounds each is a cell.
 2. N environments step at once; a cell they visit m times in one step moves m times, toward the mean of its targets.
 3. The step size is max(learning_rate, n^-0.7) at the n-th visit: a floor, so that learning never freezes.
 4. A cut (truncated) episode keeps the value of its last state; only a terminated one has none.
 5. The policy returned is the one validated best, the constant policies among the candidates.
"""

import math
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.config import EnvironmentFacts, raise_all
from trading_agent.common.exploration import explore, rate_at
from trading_agent.common.loop import Learner, Metrics, Seeds, TrainedAgent, TrainingOptions, train
from trading_agent.common.spaces import whole_columns
from trading_agent.common.transitions import AnyVectorEnv, Transitions, Walk, sizes
from trading_agent.q_learning.config import MAX_CELLS, QLearningConfig
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


def whole_edges(ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the borders between all whole numbers from the first to the second of `ends`."""
    return np.arange(ends[0], ends[1]) + 0.5


class QTable:
    """The table, how often each of its entries was visited, and the update that moves it: one cell until `fit`."""

    def __init__(self, num_actions: int, config: QLearningConfig, whole: NDArray[np.int64] | None = None) -> None:
        self.num_actions, self.config, self.whole = num_actions, config, whole
        self._start(tuple(np.zeros(0) for _ in config.columns), 1.0)

    def fit(self, observations: NDArray[np.floating[Any]], rewards: NDArray[np.floating[Any]]) -> None:
        """Cut the columns by the (M, O) observations of random play; (M,) rewards set the unit of the temperature."""
        scale = float(np.sqrt(np.mean(np.square(rewards))))
        edges = tuple(
            fit_edges(observations[:, column], self.config.bins)
            if self.whole is None
            else whole_edges(self.whole[:, column])
            for column in self.config.columns
        )
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


class TableLearner(Learner):
    """Walks N environments and moves the cells they visit."""

    def __init__(self, env: AnyVectorEnv, config: QLearningConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        num_observations, num_actions = sizes(env, config.num_envs)
        raise_all(config.refuse(EnvironmentFacts(num_observations=num_observations)))
        whole = whole_columns(env.single_observation_space)
        if whole is not None:
            cells = math.prod(int(ends[1] - ends[0]) + 1 for ends in whole[:, list(config.columns)].T)
            raise_all([f"columns must have at most {MAX_CELLS:,} cells, had {cells:,}"] if cells > MAX_CELLS else [])
        self.walk, self.agent = Walk(env, seed=seeds.env), QTable(num_actions, config, whole)
        self.parts = {"walk": self.walk, "agent": self.agent}

    def policy(self) -> TablePolicy:
        """Return the table as it stands."""
        return self.agent.policy

    def warm_up(self) -> int:
        """Play at random, cut the cells by what was seen, and learn from it."""
        num_envs = self.config.num_envs
        played: list[Transitions] = []
        while len(played) * num_envs < self.config.learning_starts:
            played.append(self.walk.advance(self.rng.integers(0, self.agent.num_actions, size=num_envs)))
        observations, rewards = (
            np.concatenate([getattr(m, name) for m in played]) for name in ("observations", "rewards")
        )
        self.agent.fit(observations, rewards)
        for moved in played:
            self.agent.update(moved)
        return len(played) * num_envs

    def learn(self, done: int) -> Metrics:
        """Step every environment once and learn from that."""
        rate = rate_at(self.config.exploration, done / self.config.steps)
        values = self.agent.policy.values(self.walk.observations) / self.agent.reward_scale
        self.agent.update(self.walk.advance(explore(self.config.exploration, values, rate, self.rng)))
        return {"exploration": rate}


def train_q_learning(env: AnyVectorEnv, config: QLearningConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Learn a table of values in `env`; outcome and errors are those of `trading_agent.common.loop.train`.

    Args:
        env: as for `train_dqn`; `config.columns` must exist in its observations.
        config: the settings.
        **options: as `TrainingOptions` says.
    """
    return train(TableLearner, env, config, **options)

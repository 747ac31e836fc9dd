"""Worlds where what is seen is not enough: classics without velocities, a T-maze, and a market of hidden regimes."""

from typing import Any

import numpy as np
from agent_worlds import COST, NOISE, classics
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from trading_env import Market

KEPT = {"CartPole-v1": (0, 2), "Acrobot-v1": (0, 1, 2, 3), "Pendulum-v1": (0, 1)}  # columns that are no velocities
LENGTH = 100
TURN, SLOPE, BLUR = 0.02, 6e-4, 2.0


class Masked(VectorWrapper):
    """Some columns of what a vector environment shows."""

    def __init__(self, env: VectorEnv[Any, Any, Any], kept: tuple[int, ...]) -> None:
        super().__init__(env)
        self.kept, space = list(kept), env.single_observation_space
        assert isinstance(space, Box)
        self.single_observation_space = Box(space.low[self.kept], space.high[self.kept], dtype=np.float32)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin anew."""
        observations, info = self.env.reset(seed=seed, options=options)
        return observations[:, self.kept], info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step."""
        observations, rewards, terminated, truncated, info = self.env.step(actions)
        if "final_obs" in info:
            shown = [None if last is None else last[self.kept] for last in info["final_obs"]]
            info = {**info, "final_obs": np.array([*shown, None], dtype=object)[:-1]}
        return observations[:, self.kept], rewards, terminated, truncated, info


def masked(name: str, count: int, mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> Masked:
    """Return N environments of Gymnasium without their velocities."""
    return Masked(classics(name, count, mode), KEPT[name])


class TMaze(VectorEnv[Any, Any, Any]):
    """N corridors of `LENGTH` cells; actions are on, left and right, the cue is -1 (left) or 1, and shown at once only.

    A walk is cut after three times the steps it takes.
    """

    def __init__(self, num_envs: int) -> None:
        self.num_envs, self.metadata = num_envs, {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = Box(-1.0, 1.0, (2,), np.float32), Discrete(3)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.cell, self.age, self.cue = (np.zeros(num_envs, np.int64) for _ in range(3))
        self.ended = np.zeros(num_envs, bool)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin all walks."""
        super().reset(seed=seed)
        self.ended[:] = False
        self._begin(np.ones(self.num_envs, bool))
        return self._seen(), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Go on, or turn."""
        live, on = ~self.ended, actions == 0
        at_end = live & (self.cell == LENGTH)
        terminated = at_end & ~on
        right = np.where(actions == 2, 1, -1) == self.cue
        rewards = np.where(terminated & right, 4.0, 0.0)
        rewards[(terminated & ~right) | (at_end & on) | (live & ~at_end & ~on)] = -0.1
        self.cell += live & ~at_end & on
        self.age += live
        truncated = live & ~terminated & (self.age >= 3 * LENGTH)
        self._begin(self.ended)
        self.ended = terminated | truncated
        return self._seen(), rewards, terminated, truncated, {}

    def _begin(self, which: Any) -> None:
        if which.any():
            self.cell[which] = self.age[which] = 0
            self.cue[which] = 2 * self.np_random.integers(0, 2, int(which.sum())) - 1

    def _seen(self) -> Any:
        return np.stack([self.cue * (self.age == 0), self.cell == LENGTH], axis=1).astype(np.float32)


def regime_market(seed: int, bars: int = 100_000) -> Market:
    """Return bars under two regimes, -1 and 1; features are the regime under noise, and the last log return."""
    rng = np.random.default_rng(seed)
    regime = np.where(np.cumsum(rng.random(bars) < TURN) % 2, 1.0, -1.0) * rng.choice([-1.0, 1.0])
    growth = np.concatenate([[0.0], SLOPE * regime[:-1] + NOISE * rng.normal(size=bars - 1)])
    close = 100.0 * np.exp(np.cumsum(growth))[:, None]
    features = np.column_stack([regime + BLUR * rng.normal(size=bars), growth]).astype(np.float32)
    return Market(open=close, close=close, features=features, bars_per_year=252.0, single_price=True)


class Believer:
    """The best of all policies that know how the regimes come about and no more than the features of all bars so far.

    It remembers the log odds of the regime 1. With z the regime of a bar, r the next log return and x what is seen:
    odds(z) are raised by 2 SLOPE r / NOISE^2 once r is known, mixed by TURN, and raised by 2 x / BLUR^2.
    """

    kind = "believer"
    memory_size = 1

    def __init__(self, cells: int = 201, nodes: int = 16) -> None:
        self.beliefs = np.linspace(0.0, 1.0, cells)
        points, weights = np.polynomial.hermite_e.hermegauss(nodes)
        weights = weights / weights.sum()
        chances = np.zeros((cells, cells))
        inner = np.clip(self.beliefs, 1e-6, 1.0 - 1e-6)
        for before, after in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
            likely = (inner if before > 0 else 1.0 - inner) * (TURN if before != after else 1.0 - TURN)
            for r, chance_r in zip(SLOPE * before + NOISE * points, weights, strict=True):
                for x, chance_x in zip(after + BLUR * points, weights, strict=True):
                    odds = self.later(np.log(inner / (1.0 - inner)), np.array([x]), np.array([r]))
                    place = (cells - 1) / (1.0 + np.exp(-odds))
                    low = np.minimum(place.astype(int), cells - 2)
                    share = place - low
                    rows = np.arange(cells)
                    chances[rows, low] += likely * chance_r * chance_x * (1.0 - share)
                    chances[rows, low + 1] += likely * chance_r * chance_x * share
        levels, value = np.array([-1.0, 0.0, 1.0]), np.zeros((cells, 3))
        cost = COST * 1e-4 * np.abs(levels[None, :, None] - levels[None, None, :])  # (1, held, wanted)
        for _ in range(1_000):
            worth = levels * SLOPE * (2.0 * self.beliefs - 1.0)[:, None] + chances @ value  # (belief, wanted)
            value = (worth[:, None, :] - cost).max(axis=2)
            value -= value[cells // 2, 1]
        self.actions = (worth[:, None, :] - cost).argmax(axis=2)

    def later(self, odds: Any, seen: Any, change: Any) -> Any:
        """Return the log odds after another bar."""
        belief = 1.0 / (1.0 + np.exp(-(odds + 2.0 * SLOPE * change / NOISE**2)))
        belief = belief * (1.0 - TURN) + (1.0 - belief) * TURN
        return np.log(belief / (1.0 - belief)) + 2.0 * seen / BLUR**2

    def step(self, observations: Any, memory: Any) -> tuple[Any, Any]:
        """Return the best actions; the target held is the last column but one."""
        odds = self.later(memory[:, 0].astype(np.float64), observations[:, 0], observations[:, 1])
        nearest = np.round((len(self.beliefs) - 1) / (1.0 + np.exp(-odds))).astype(int)
        held = np.round(observations[:, -2]).astype(int) + 1
        return self.actions[nearest, held], odds[:, None].astype(np.float32)

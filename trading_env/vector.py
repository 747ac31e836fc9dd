"""`TradingVectorEnv`: N accounts on one market in one array, as a `gymnasium.vector.VectorEnv`."""

import json
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.env import checked_episode_bars, observation_space, starting_row
from trading_env.game import Float32, Game
from trading_env.market import Market

Actions = NDArray[np.integer]
Flags = NDArray[np.bool_]


class TradingVectorEnv(VectorEnv[Float32, Actions, Any]):
    """Trade one market with N accounts at once; actions, observations and rewards are those of `TradingEnv`.

    Autoreset is Gymnasium's NEXT_STEP: the step after an episode's last ignores the action of that account, opens a
    fresh account, and returns its first observation with reward 0 and neither end flag. That step is no transition and
    does not belong in a replay memory.

    Market data are exogenous, so a transition can be replayed from (t, account) alone: `cursor`, `observe` and
    `transition` are all a replay memory needs.

    Args:
        market: prices and features.
        config: rules and costs.
        num_envs: N accounts.
        episode_bars: bars of an episode; None plays to the market's end.
        starts: where episodes begin: `sequential`, always at bar 0; `random`, at a bar drawn for each episode such that
            `episode_bars` fit, or at least one bar if that is None.

    Raises:
        ValueError: `num_envs` or `episode_bars` is less than 1, or `starts` is neither word.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's convention

    def __init__(
        self,
        market: Market,
        config: TradingConfig | None = None,
        *,
        num_envs: int = 1,
        episode_bars: int | None = None,
        starts: Literal["sequential", "random"] = "sequential",
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, was {num_envs}")
        if starts not in ("sequential", "random"):
            raise ValueError(f"starts must be sequential or random, was '{starts}'")
        self.num_envs, self.starts = num_envs, starts
        self.episode_bars = checked_episode_bars(episode_bars)
        self.game = Game(market, config or TradingConfig(), num_envs)
        self.num_account_features = self.game.num_account_features + 1
        self.single_action_space = spaces.Discrete(len(self.game.levels))
        self.single_observation_space = observation_space(self.game)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._ended = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open N fresh accounts; one `seed` decides all their starts, or `options={"start": k}` opens them at bar k.

        Raises:
            ValueError: `seed` is a list; the accounts share one generator. Or an option is none.
        """
        if isinstance(seed, list):
            raise ValueError("seed must be one int for all accounts, was a list; they share one generator")
        super().reset(seed=seed)
        everyone = np.ones(self.num_envs, dtype=bool)
        start = starting_row(self.game, options)
        rows = self._starting_rows() if start is None else np.full(self.num_envs, start, dtype=np.int64)
        self.game.restart(everyone, rows)
        self._ended[:] = False
        return self.game.observation(), self._info(None)

    def step(self, actions: Actions) -> tuple[Float32, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Carry every account over one bar; those whose episode had ended are opened afresh instead."""
        game, waiting = self.game, self._ended
        stopped = game.t.copy()
        if waiting.any():
            game.t = np.where(waiting, 0, game.t)  # any bar will do: what these accounts do now is thrown away
        outcome = game.advance(np.asarray(actions))
        reward, terminated, truncated = outcome.reward, outcome.terminated, outcome.truncated
        if self.episode_bars is not None:
            truncated = truncated | (game.t - game.start >= self.episode_bars)
        if waiting.any():
            game.t = np.where(waiting, stopped, game.t)
            game.restart(waiting, self._starting_rows())
            reward = np.where(waiting, 0.0, reward)
            terminated, truncated = terminated & ~waiting, truncated & ~waiting
        self._ended = terminated | truncated
        return game.observation(), reward, terminated, truncated, self._info(waiting)

    def cursor(self) -> tuple[NDArray[np.int32], Float32]:
        """Return (N,) rows and (N, K) accounts: what must be remembered of the present states."""
        return self.game.t.astype(np.int32), self.game.account()

    def observe(self, t: NDArray[np.integer], account: Float32) -> Float32:
        """Return (B, O) observations of remembered states."""
        return self.game.observe(t, account)

    def transition(
        self, t: NDArray[np.integer], account: Float32, action: Actions
    ) -> tuple[NDArray[np.float64], Float32, Flags, Flags]:
        """Return (B,) rewards, (B, K) next accounts, (B,) terminated, (B,) truncated of remembered states."""
        return self.game.transition(t, account, action)

    def state_dict(self) -> dict[str, Any]:
        """Return arrays and one JSON text from which `load_state_dict` goes on exactly here."""
        accounts = vars(self.game.accounts)
        arrays = {name: np.array(value) for name, value in accounts.items()}
        own = {"t": self.game.t, "start": self.game.start, "peak": self.game.peak, "ended": self._ended}
        state = json.dumps(self.np_random.bit_generator.state)
        return {**arrays, **{name: np.array(value) for name, value in own.items()}, "rng": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ValueError: it is the state of another number of accounts or assets.
        """
        if np.shape(state["units"]) != self.game.accounts.units.shape:
            raise ValueError(
                f"the state must be of (N, A) = {self.game.accounts.units.shape} accounts and assets, "
                f"was {np.shape(state['units'])}"
            )
        for name in vars(self.game.accounts):
            setattr(self.game.accounts, name, np.array(state[name]))
        self.game.t, self.game.start = np.array(state["t"]), np.array(state["start"])
        self.game.peak, self._ended = np.array(state["peak"]), np.array(state["ended"])
        self.np_random.bit_generator.state = json.loads(state["rng"])

    def _starting_rows(self) -> NDArray[np.int64]:
        if self.starts == "sequential":
            return np.zeros(self.num_envs, dtype=np.int64)
        last = max(len(self.game.market) - 1 - (self.episode_bars or 1), 0)
        return self.np_random.integers(0, last + 1, size=self.num_envs)

    def _info(self, reset: Flags | None) -> dict[str, Any]:
        """Equity of every account, and which of them this step opened afresh instead of carrying on."""
        fresh = np.ones(self.num_envs, dtype=bool) if reset is None else reset.copy()
        return {"equity": self.game.accounts.equity.copy(), "opened": fresh}

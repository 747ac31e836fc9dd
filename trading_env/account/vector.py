"""`TradingVectorEnv`: N accounts on one market in one array, as a `gymnasium.vector.VectorEnv`."""

import json
from typing import Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from trading_env.account.env import checked_episode_bars, observation_space, starting_row
from trading_env.account.simulator import Float32, Game
from trading_env.config import TradingConfig
from trading_env.ledger.law import Accounts
from trading_env.market import Market
from trading_env.planning.plans import Lessons, LevelPlan

Actions = NDArray[Any]
Flags = NDArray[np.bool_]


class TradingVectorEnv(VectorEnv[Float32, Actions, Any]):
    """Trade one market with N accounts at once; actions, observations and rewards are those of `TradingEnv`.

    Autoreset is Gymnasium's NEXT_STEP unless SAME_STEP is asked for. NEXT_STEP: the step after an episode's last
    ignores the action of that account, opens a fresh account, and returns its first observation with reward 0 and
    neither end flag. That step is no transition and does not belong in a replay memory. SAME_STEP: the step that ends
    an episode returns its reward and end flags, and the first observation of the next one; the last observation of the
    episode is in `info["final_obs"]` where `info["_final_obs"]`, and its equity in `info["final_info"]`.

    Market data are exogenous, so a transition can be replayed from (t, account) alone: `cursor`, `observe` and
    `transition` are all a replay memory needs.

    Args:
        market: prices and features.
        config: rules, costs, actions and reward.
        num_envs: N accounts.
        episode_bars: bars of an episode; None plays to the market's end.
        starts: where episodes begin: `sequential`, always at bar 0; `random`, at a bar drawn for each episode such that
            `episode_bars` fit, or at least one bar if that is None.
        autoreset_mode: NEXT_STEP or SAME_STEP.

    Raises:
        ValueError: `num_envs` or `episode_bars` is less than 1, an episode is longer than the market, `starts` is
            neither word, `autoreset_mode` is DISABLED, or the market lacks what the rules need.
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
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, was {num_envs}")
        if starts not in ("sequential", "random"):
            raise ValueError(f"starts must be sequential or random, was '{starts}'")
        if autoreset_mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
            raise ValueError(f"autoreset_mode must be NEXT_STEP or SAME_STEP, was {autoreset_mode}")
        self.num_envs, self.starts = num_envs, starts
        self.same_step = autoreset_mode == AutoresetMode.SAME_STEP
        self.metadata = {**self.metadata, "autoreset_mode": autoreset_mode}
        self.episode_bars = checked_episode_bars(episode_bars, market)
        self.game = Game(market, config or TradingConfig(), num_envs, self.episode_bars)
        self.num_account_features = self.game.num_account_features
        self.single_action_space = self.game.setting.actions.space
        self.single_observation_space = observation_space(self.game.setting)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._ended = np.zeros(num_envs, dtype=bool)
        self._nobody = np.zeros(num_envs, dtype=bool)
        self._own_rngs: list[np.random.Generator] | None = None

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open N fresh accounts; `options={"start": k}` opens them at bar k.

        One `seed` decides all starts of all accounts, drawn in turn. A list of N seeds gives each account starts of its
        own, which the other accounts cannot move.

        Raises:
            ValueError: `seed` is a list of another length, or an option is none.
        """
        if isinstance(seed, list):
            if len(seed) != self.num_envs:
                raise ValueError(f"seed must be one int or a list of {self.num_envs}, had {len(seed)}")
            super().reset()
            self._own_rngs = [np.random.default_rng(one) for one in seed]
        else:
            super().reset(seed=seed)
            self._own_rngs = None if seed is not None else self._own_rngs
        start = starting_row(self.game.market, options)
        rows = self._starting_rows(np.arange(self.num_envs)) if start is None else np.full(self.num_envs, start)
        self.game.restart(slice(None), rows)
        self._ended = self._nobody.copy()
        return self.game.observation(), self._info(~self._nobody)

    def step(self, actions: Actions) -> tuple[Float32, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Carry every account over one bar; those whose episode had ended are opened afresh instead (NEXT_STEP).

        Raises:
            ValueError: an action is none.
        """
        game, waiting = self.game, np.flatnonzero(self._ended)
        opened = self._ended
        reward, terminated, truncated, _ = game.advance(np.asarray(actions))
        if len(waiting):
            game.restart(waiting, self._starting_rows(waiting))
            reward[waiting], terminated[waiting], truncated[waiting] = 0.0, False, False
        ended = terminated | truncated
        if self.same_step:
            return self._restarted(reward, terminated, truncated, ended)
        self._ended = ended
        return game.observation(), reward, terminated, truncated, self._info(opened)

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

    def plan(self) -> LevelPlan:
        """Return how this environment is planned on the forecasts its observations hold.

        Raises:
            ValueError: they hold none, there are several assets, or actions are weights.
        """
        return LevelPlan.of(self.game.market, self.game.config)

    def lessons(self) -> Lessons:
        """Return past forecasts and what came, for a planner to learn from."""
        return self.plan().lessons(self.game.market)

    def state_dict(self) -> dict[str, Any]:
        """Return arrays and one JSON text from which `load_state_dict` goes on exactly here."""
        game = self.game
        arrays = {name: np.array(value) for name, value in game.accounts._asdict().items()}
        own: dict[str, Any] = {"t": game.t, "until": game.until, "peak": game.peak, "ended": self._ended}
        own["remembered"] = np.array(game.remembered).reshape(-1, self.num_envs)
        rngs = [self.np_random, *(self._own_rngs or [])]
        state = json.dumps([rng.bit_generator.state for rng in rngs])
        return {**arrays, **{name: np.array(value) for name, value in own.items()}, "rng": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ValueError: it is the state of another number of accounts or assets, or of another reward.
        """
        game = self.game
        if np.shape(state["units"]) != game.accounts.units.shape:
            raise ValueError(
                f"the state must be of accounts and assets in the shape {game.accounts.units.shape}, "
                f"was {np.shape(state['units'])}"
            )
        if len(state["remembered"]) != len(game.remembered):
            raise ValueError(
                f"the state must be of the reward {game.config.reward.kind}, "
                f"remembered {len(state['remembered'])} numbers"
            )
        game.accounts = Accounts(*(np.array(state[name]) for name in Accounts._fields))
        game.t, game.until = np.array(state["t"]), np.array(state["until"])
        game.peak, self._ended = np.array(state["peak"]), np.array(state["ended"])
        game.price = game.setting.tape.columns["close_now"].take(game.t, axis=0)
        game.remembered = tuple(np.array(moment) for moment in state["remembered"])
        shared, *own = json.loads(state["rng"])
        self.np_random.bit_generator.state = shared
        self._own_rngs = [np.random.default_rng() for _ in own] or None
        for rng, saved in zip(self._own_rngs or [], own, strict=True):
            rng.bit_generator.state = saved

    def _restarted(
        self, reward: NDArray[np.float64], terminated: Flags, truncated: Flags, ended: Flags
    ) -> tuple[Float32, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """SAME_STEP: open afresh whoever ended, and tell the last observations beside the first ones."""
        game, chosen = self.game, np.flatnonzero(ended)
        if not len(chosen):
            return game.observation(), reward, terminated, truncated, self._info(ended)
        last, equity = game.observation(chosen), np.where(ended, game.accounts.equity, 0.0)
        game.restart(chosen, self._starting_rows(chosen))
        info = self._info(ended)
        info["final_obs"] = np.full(self.num_envs, None, dtype=object)
        for place, row in zip(chosen, last, strict=True):
            info["final_obs"][place] = row
        info["final_info"] = {"equity": equity, "_equity": ended.copy()}
        info["_final_obs"], info["_final_info"] = ended.copy(), ended.copy()
        return game.observation(), reward, terminated, truncated, info

    def _starting_rows(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.starts == "sequential":
            return np.zeros(len(chosen), dtype=np.int64)
        last = max(len(self.game.market) - 1 - (self.episode_bars or 1), 0)
        if self._own_rngs is not None:
            return np.array([self._own_rngs[place].integers(0, last + 1) for place in chosen], dtype=np.int64)
        return self.np_random.integers(0, last + 1, size=len(chosen))

    def _info(self, opened: Flags) -> dict[str, Any]:
        """Equity of every account, and which of them this step opened afresh."""
        return {"equity": self.game.accounts.equity.copy(), "opened": opened}

"""`BatteryEnv` and `BatteryVectorEnv`: storage units in a day-ahead power market, as Gymnasium environments."""

import json
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from trading_env.planning.plans import Lessons, SchedulePlan
from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import Hour
from trading_env.storage.market import PowerMarket
from trading_env.storage.simulator import BatteryGame, Float32

Flags = NDArray[np.bool_]


class BatteryEnv(gymnasium.Env[Float32, Any]):
    """Run one storage unit through a day-ahead power market, hour by hour, from its first hour to its last.

    The schedule of a day is committed when its gate closes, on the day before and before its prices are known. The unit
    decides its 24 hours one by one, but every one of them sees only what was known at that moment, and its own charge,
    which follows from its own decisions: the 24 decisions together are the schedule.

    ## Action Space
    `Discrete(len(config.levels))`: action k commits `config.levels[k]` of the power for this hour; 1 buys with full
    power, -1 sells. With `config.actions` = `power` a `Box(-1, 1, (1,))`, the share of the power itself. What does not
    fit into the store is not bought, and what is not in it is not sold.

    ## Observation Space
    `Box(float32)` of F + K H + 4 numbers for K forecasts of H hours, all known at the gate closure of the hour's day:

    | columns | meaning | unit | bounds |
    |---|---|---|---|
    | 0 .. F-1 | the day's features, such as the hidden state | the features' own | their extremes in this market |
    | F | forecast of this hour's price | asinh(price / price_scale) | its extremes in this market |
    | F+1 .. F+H-1 | forecast of each later hour of the day, less this hour's; 0 past the day's end | same | same |
    | .. F+K H-1 | the same of each of the market's `others` | same | same |
    | F+K H, F+K H+1 | local hour, sine and cosine | | -1 to 1 |
    | F+K H+2 | hours of the day that are left, this one included | 24 hours | 0 to H / 24 |
    | F+K H+3 | energy in the store | share of the capacity | 0 to 1 |

    ## Rewards
    Profit of the hour in the currency of the price: sold less bought at the hour's price, less wear.

    ## Starting State
    A charge of `config.initial_charge`, before the first hour, or before hour `options={"start": k}`.

    ## Episode End
    Never terminated. Truncated: the last hour was delivered, or `episode_bars` hours.

    ## Info
    `t`, the hour decided next; `charge_mwh`; `profit` since the episode began; `bought_mwh`, `sold_mwh`, `wear` of the
    last hour.

    Args:
        market: prices, and what was known of each day.
        config: the unit.
        episode_bars: hours of an episode; None plays to the market's end.

    Raises:
        ValueError: `episode_bars` is less than 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(
        self, market: PowerMarket, config: BatteryConfig | None = None, *, episode_bars: int | None = None
    ) -> None:
        self.game = BatteryGame(market, config or BatteryConfig(), 1)
        self.episode_bars = _checked_hours(episode_bars)
        self.action_space = _action_space(self.game)
        self.observation_space = _observation_space(self.game)
        self._ended = True  # until the first reset

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open a fresh unit; `options={"start": k}` opens it before hour k.

        Raises:
            ValueError: `start` is no hour of the market.
        """
        super().reset(seed=seed)
        start = _starting_hour(self.game, options) or 0
        self._ended = False
        self.game.restart(np.ones(1, dtype=bool), np.array([start]))
        return self._observed(), self._info(None)

    def step(self, action: Any) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Commit one hour, and see what it earned.

        Raises:
            ValueError: the action is none, or the episode has ended: reset first.
        """
        if self._ended:
            raise ValueError("the episode has ended; call reset before the next step")
        hour, over = self.game.advance(np.asarray(action)[None])
        played = int(self.game.t[0] - self.game.start[0])
        self._ended = bool(over[0]) or (self.episode_bars is not None and played >= self.episode_bars)
        return self._observed(), float(hour.profit[0]), False, self._ended, self._info(hour)

    def _observed(self) -> Float32:
        observation: Float32 = self.game.observe(self.game.t, self.game.account())[0]
        return observation

    def _info(self, hour: Hour | None) -> dict[str, Any]:
        last = (0.0, 0.0, 0.0) if hour is None else (float(x[0]) for x in (hour.bought, hour.sold, hour.wear))
        info = {"t": int(self.game.t[0]), "charge_mwh": float(self.game.charge[0])}
        own = {"profit": float(self.game.profit[0])}
        return info | own | dict(zip(("bought_mwh", "sold_mwh", "wear"), last, strict=True))


class BatteryVectorEnv(VectorEnv[Float32, NDArray[Any], Any]):
    """Run N storage units through one market at once; all else as in `BatteryEnv`.

    Autoreset is Gymnasium's NEXT_STEP: the step after an episode's last ignores the action of that unit, opens a fresh
    one, and returns its first observation with reward 0 and no end flag; it is no transition. Prices are exogenous, so
    a transition can be replayed from (t, charge) alone: `cursor`, `observe` and `transition`.

    Args:
        market: prices, and what was known of each day.
        config: the unit.
        num_envs: N units.
        episode_bars: hours of an episode; None plays to the market's end.
        starts: where episodes begin: `sequential`, at the first hour; `random`, at the first hour of a day drawn for
            each episode such that `episode_bars` fit, or at least one day if that is None.

    Raises:
        ValueError: `num_envs` or `episode_bars` is less than 1, or `starts` is neither word.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - Gymnasium's convention

    def __init__(
        self,
        market: PowerMarket,
        config: BatteryConfig | None = None,
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
        self.episode_bars = _checked_hours(episode_bars)
        self.game = BatteryGame(market, config or BatteryConfig(), num_envs)
        self.num_account_features = 1
        self.single_action_space = _action_space(self.game)
        self.single_observation_space = _observation_space(self.game)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._ended = np.zeros(num_envs, dtype=bool)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open N fresh units; one `seed` decides all their starts, or `options={"start": k}` opens them before hour k.

        Raises:
            ValueError: `seed` is a list; the units share one generator. Or an option is none.
        """
        if isinstance(seed, list):
            raise ValueError("seed must be one int for all units, was a list; they share one generator")
        super().reset(seed=seed)
        start = _starting_hour(self.game, options)
        rows = self._starting_rows() if start is None else np.full(self.num_envs, start, dtype=np.int64)
        everyone = np.ones(self.num_envs, dtype=bool)
        self.game.restart(everyone, rows)
        self._ended[:] = False
        return self.observe(*self.cursor()), {"profit": self.game.profit.copy(), "opened": everyone}

    def step(self, actions: NDArray[Any]) -> tuple[Float32, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Carry every unit over one hour; those whose episode had ended are opened afresh instead."""
        game, waiting = self.game, self._ended
        hour, over = game.advance(np.asarray(actions))
        reward, truncated = hour.profit, over
        if self.episode_bars is not None:
            truncated = truncated | (game.t - game.start >= self.episode_bars)
        if waiting.any():
            game.restart(waiting, self._starting_rows())
            reward, truncated = np.where(waiting, 0.0, reward), truncated & ~waiting
        self._ended = truncated.copy()
        info = {"profit": game.profit.copy(), "opened": waiting.copy()}
        return self.observe(*self.cursor()), reward, np.zeros(self.num_envs, dtype=bool), truncated, info

    def cursor(self) -> tuple[NDArray[np.int32], Float32]:
        """Return (N,) hours and (N, 1) accounts: what must be remembered of the present states."""
        return self.game.t.astype(np.int32), self.game.account()

    def observe(self, t: NDArray[np.integer[Any]], account: Float32) -> Float32:
        """Return (B, O) observations of remembered states."""
        return self.game.observe(t, account)

    def transition(
        self, t: NDArray[np.integer[Any]], account: Float32, action: NDArray[Any]
    ) -> tuple[NDArray[np.float64], Float32, Flags, Flags]:
        """Return (B,) profits, (B, 1) next accounts, (B,) terminated, (B,) truncated of remembered states."""
        return self.game.transition(t, account, action)

    def plan(self) -> SchedulePlan:
        """Return how this environment is planned on the forecasts its observations hold."""
        return SchedulePlan.of(self.game.market, self.game.config)

    def lessons(self) -> Lessons:
        """Return the forecasts and the prices of its days, for a planner to learn from."""
        return SchedulePlan.lessons(self.game.market)

    def state_dict(self) -> dict[str, Any]:
        """Return arrays and one JSON text from which `load_state_dict` goes on exactly here."""
        own = {name: np.array(getattr(self.game, name)) for name in ("t", "start", "charge", "profit")}
        return {**own, "ended": self._ended.copy(), "rng": json.dumps(self.np_random.bit_generator.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned.

        Raises:
            ValueError: it is the state of another number of units.
        """
        if np.shape(state["charge"]) != (self.num_envs,):
            raise ValueError(f"the state must be of {self.num_envs} units, was of {np.shape(state['charge'])}")
        for name in ("t", "start", "charge", "profit"):
            setattr(self.game, name, np.array(state[name]))
        self._ended = np.array(state["ended"])
        self.np_random.bit_generator.state = json.loads(state["rng"])

    def _starting_rows(self) -> NDArray[np.int64]:
        if self.starts == "sequential":
            return np.zeros(self.num_envs, dtype=np.int64)
        first = self.game.market.first_hours
        fitting = first[first + (self.episode_bars or 1) <= len(self.game.market)]
        return np.asarray(self.np_random.choice(fitting if len(fitting) else first[:1], size=self.num_envs))


def _action_space(game: BatteryGame) -> gymnasium.Space[Any]:
    """Return the numbers of the levels, or any share of the power."""
    if game.config.actions == "levels":
        return spaces.Discrete(len(game.levels))
    return spaces.Box(-1.0, 1.0, (1,), np.float32)


def _observation_space(game: BatteryGame) -> gymnasium.Space[Float32]:
    """Return the box an observation lies in: what the market's table holds, the whole circle, a share."""
    low, high = game.table.min(axis=0), game.table.max(axis=0)
    low[-4:], high[-4:] = (-1.0, -1.0, 0.0, 0.0), (1.0, 1.0, high[-2], 1.0)
    box: gymnasium.Space[Float32] = spaces.Box(low, high)
    return box


def _starting_hour(game: BatteryGame, options: dict[str, Any] | None) -> int | None:
    """Return the hour that `options={"start": k}` names, or None.

    Raises:
        ValueError: another option is given, or k is no hour of the market.
    """
    unknown = sorted(set(options or {}) - {"start"})
    if unknown:
        raise ValueError(f"options may hold start, held {', '.join(unknown)}")
    start, last = (options or {}).get("start"), len(game.market) - 1
    if start is not None and not 0 <= start <= last:
        raise ValueError(f"start must be an hour in [0, {last}], was {start}")
    return start


def _checked_hours(episode_bars: int | None) -> int | None:
    if episode_bars is not None and episode_bars < 1:
        raise ValueError(f"episode_bars must be at least 1 hour or None, was {episode_bars}")
    return episode_bars

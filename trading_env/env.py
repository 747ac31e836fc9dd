"""`TradingEnv`: one account on one market, as a `gymnasium.Env`."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.game import Game, Outcome
from trading_env.ledger import Bar
from trading_env.market import Market

Observation = NDArray[np.float32]


class TradingEnv(gymnasium.Env[Observation, np.int64]):
    """Trade one market, bar by bar, from its first bar to its last.

    ## Action Space
    `Discrete(len(config.exposures))`: action k asks for the target exposure `config.exposures[k]`, as a fraction of
    equity, in equal shares over the assets. It is decided at the close of bar t and filled as `config.execution`
    says, at the open of t + 1 by default.

    ## Observation Space
    `Box(float32)` of F + 2A + 1 numbers, all known at the close of bar t:

    | columns | meaning | unit | bounds |
    |---|---|---|---|
    | 0 .. F-1 | row t of the market's features | the features' own | their smallest and largest value in this market |
    | F .. F+A-1 | exposure of each asset | fraction of equity | unbounded: a short can outgrow its equity |
    | F+A .. F+2A-1 | target last traded on | fraction of equity | plus and minus `leverage_cap` |
    | F+2A | drawdown from the episode's peak | fraction | 0 to 1 |

    ## Rewards
    Log growth of equity from the close of t to the close of t + 1, after all costs (docs/accounting.md, eq. 8).

    ## Starting State
    Equity 1, all cash, at bar 0, or at bar `options={"start": k}`.

    ## Episode End
    Terminated: equity fell to `config.ruin_equity` of the opening equity or below. Truncated: the last bar is reached,
    or `episode_bars` bars were played.

    ## Info
    `t`, the bar decided at next; `equity`; `exposure` (A,); `turnover`, notional over equity at the fill; `fee`,
    `spread`, `slippage`, `borrow`, `financing`, money of the last bar in units of the opening equity.

    Args:
        market: prices and features.
        config: rules and costs.
        episode_bars: bars of an episode; None plays to the market's end.

    Raises:
        ValueError: `episode_bars` is less than 1.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, market: Market, config: TradingConfig | None = None, *, episode_bars: int | None = None) -> None:
        self.game = Game(market, config or TradingConfig(), 1)
        self.episode_bars = checked_episode_bars(episode_bars)
        self.action_space = spaces.Discrete(len(self.game.levels))
        self.observation_space = observation_space(self.game)
        self._ended = True  # until the first reset

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Open a fresh account; `options={"start": k}` opens it at bar k.

        Raises:
            ValueError: `start` is not a bar after which another follows.
        """
        super().reset(seed=seed)
        start = starting_row(self.game, options) or 0
        self._ended = False
        self.game.restart(np.ones(1, dtype=bool), np.array([start]))
        return self.game.observation()[0], self._info(None)

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Decide at the close of bar t and live through bar t + 1.

        Raises:
            ValueError: the action is none of the levels, or the episode has ended: reset first.
        """
        if not 0 <= int(action) < len(self.game.levels):
            raise ValueError(f"action must lie in [0, {len(self.game.levels) - 1}], was {action}")
        if self._ended:
            raise ValueError("the episode has ended; call reset before the next step")
        outcome: Outcome = self.game.advance(np.array([action]))
        truncated = bool(outcome.truncated[0]) or self._played_out()
        self._ended = truncated or bool(outcome.terminated[0])
        info = self._info(outcome.bar)
        observation = self.game.observation()[0]
        return observation, float(outcome.reward[0]), bool(outcome.terminated[0]), truncated, info

    def _played_out(self) -> bool:
        return self.episode_bars is not None and int(self.game.t[0] - self.game.start[0]) >= self.episode_bars

    def _info(self, bar: Bar | None) -> dict[str, Any]:
        accounts, market = self.game.accounts, self.game.market
        t, equity = int(self.game.t[0]), float(accounts.equity[0])
        value = accounts.units[0] * market.close[t]
        info: dict[str, Any] = {"t": t, "equity": equity, "exposure": value / equity if equity > 0.0 else 0.0 * value}
        costs = ("fee", "spread", "slippage", "borrow", "financing")
        info.update({name: 0.0 if bar is None else float(getattr(bar, name)[0]) for name in costs})
        traded = bar is not None and bar.base[0] > 0.0
        info["turnover"] = float(bar.notional[0] / bar.base[0]) if bar is not None and traded else 0.0
        return info


def observation_space(game: Game) -> gymnasium.Space[Observation]:
    """Return the box an observation lies in: the features' own range, and what an account can be."""
    features, assets, cap = game.market.features, game.market.close.shape[1], game.config.leverage_cap
    unbounded = np.full(assets, np.inf, dtype=np.float32)
    low = [features.min(axis=0), -unbounded, np.full(assets, -cap), np.zeros(1)]
    high = [features.max(axis=0), unbounded, np.full(assets, cap), np.ones(1)]
    box: gymnasium.Space[Observation] = spaces.Box(
        np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
    )
    return box


def starting_row(game: Game, options: dict[str, Any] | None) -> int | None:
    """Return the bar that `options={"start": k}` names, or None.

    Raises:
        ValueError: another option is given, or k is not a bar after which another follows.
    """
    unknown = sorted(set(options or {}) - {"start"})
    if unknown:
        raise ValueError(f"options may hold start, held {', '.join(unknown)}")
    start, last = (options or {}).get("start"), len(game.market) - 2
    if start is not None and not 0 <= start <= last:
        raise ValueError(f"start must be a bar in [0, {last}], was {start}")
    return start


def checked_episode_bars(episode_bars: int | None) -> int | None:
    """Return `episode_bars`, or refuse it.

    Raises:
        ValueError: it is less than 1.
    """
    if episode_bars is not None and episode_bars < 1:
        raise ValueError(f"episode_bars must be at least 1 bar or None, was {episode_bars}")
    return episode_bars

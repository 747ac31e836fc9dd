"""`TradingEnv`: one account on one market, as a `gymnasium.Env`."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.account.render import lines, picture
from trading_env.account.simulator import Setting
from trading_env.account.single import alone
from trading_env.config import TradingConfig
from trading_env.ledger.law import Bar
from trading_env.market import Market

Observation = NDArray[np.float32]
COSTS = ("fee", "spread", "slippage", "borrow", "financing", "funding", "dividends")


class TradingEnv(gymnasium.Env[Observation, Any]):
    """Trade one market, bar by bar, from its first bar to its last.

    ## Action Space
    Decided at the close of bar t and filled as `config.execution` says, at the open of t + 1 by default.
    `config.actions` names the kind:

    | kind | space | meaning |
    |---|---|---|
    | `levels` | `Discrete(len(exposures))` | target exposure `exposures[k]`, in equal shares over the assets |
    | `exposure` | `Box(min(exposures), max(exposures), (1,))` | target exposure, in equal shares |
    | `long_weights` | `Box(0, 1, (A,))` | target exposure of each asset; the rest is cash |
    | `long_short_weights` | `Box(-1, 1, (A,))` | the same; negative is short |

    Weights that together exceed `leverage_cap` are scaled down to it.

    ## Observation Space
    `Box(float32)` of F + 2A + 1 numbers, all known at the close of bar t:

    | columns | meaning | unit | bounds |
    |---|---|---|---|
    | 0 .. F-1 | row t of the market's features | the features' own | their smallest and largest value in this market |
    | F .. F+A-1 | exposure of each asset | fraction of equity | plus and minus 10 `leverage_cap`; cut off there |
    | F+A .. F+2A-1 | target last traded on | fraction of equity | plus and minus `leverage_cap` |
    | F+2A | drawdown from the episode's peak | fraction | 0 to 1 |

    ## Rewards
    As `config.reward` says; by default log growth of equity from the close of t to the close of t + 1, after all costs
    (docs/accounting.md, section 5).

    ## Starting State
    Equity 1, all cash, at bar 0, or at bar `options={"start": k}`.

    ## Episode End
    Terminated: equity fell to `config.ruin_equity` of the opening equity or below. Truncated: the last bar is reached,
    or `episode_bars` bars were played.

    ## Info
    `t`, the bar decided at next; `equity`; `exposure` (A,); `turnover`, notional over equity at the fill; `fee`,
    `spread`, `slippage`, `borrow`, `financing`, `funding`, `dividends`, money of the last bar in units of the opening
    equity; `called`, whether the bar began with a margin call.

    ## Rendering
    `rgb_array`: price of the first asset, exposure and equity of the episode, (360, 640, 3). `human`: the newest 60
    bars of the same as text on the terminal, after each step.

    Args:
        market: prices and features.
        config: rules, costs, actions and reward.
        episode_bars: bars of an episode; None plays to the market's end.
        render_mode: `rgb_array`, `human` or None.

    Raises:
        ValueError: `episode_bars` is less than 1 or more than the market holds, `render_mode` is neither, or the market
            lacks what the rules need.
    """

    metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 10}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(
        self,
        market: Market,
        config: TradingConfig | None = None,
        *,
        episode_bars: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "human", "rgb_array"):
            raise ValueError(f"render_mode must be human, rgb_array or None, was '{render_mode}'")
        self.episode_bars = checked_episode_bars(episode_bars, market)
        self.account = alone(market, config or TradingConfig(), self.episode_bars)
        self.setting, self.market, self.render_mode = self.account.setting, market, render_mode
        self.action_space = self.setting.actions.space
        self.observation_space = observation_space(self.setting)
        self._ended = True  # until the first reset
        self._history: tuple[list[float], list[float], list[float]] = ([], [], [])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Open a fresh account; `options={"start": k}` opens it at bar k.

        Raises:
            ValueError: `start` is not a bar after which another follows.
        """
        super().reset(seed=seed)
        self.account.restart(starting_row(self.market, options) or 0)
        self._ended, self._history = False, ([], [], [])
        self._keep()
        return self.account.observation(), self._info(None)

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Decide at the close of bar t and live through bar t + 1.

        Raises:
            ValueError: the action is none, or the episode has ended: reset first.
        """
        if self._ended:
            raise ValueError("the episode has ended; call reset before the next step")
        reward, terminated, truncated, bar = self.account.advance(action)
        info = self._info(bar)
        self._ended = terminated or truncated
        if self.render_mode is not None:
            self._keep()
        return self.account.observation(), reward, terminated, truncated, info

    def targets(self, action: Any) -> NDArray[np.float64]:
        """Return the (A,) target exposures that an action asks for.

        Raises:
            ValueError: the action is none.
        """
        asked = self.setting.actions.targets(np.asarray(action)[None], 1)
        return asked if asked.ndim == 1 else np.asarray(asked[0])

    def render(self) -> NDArray[np.uint8] | None:
        """Return the picture of the episode so far (`rgb_array`), or print it (`human`)."""
        if self.render_mode == "rgb_array":
            return picture(*self._history)
        if self.render_mode == "human":
            print(lines(self.account.place[0], *self._history))
        return None

    def _keep(self) -> None:
        if self.render_mode is None:
            return
        t, equity, exposure = self.account.place
        for column, value in zip(self._history, (self.market.close[t, 0], exposure.sum(), equity), strict=True):
            column.append(float(value))
        if self.render_mode == "human":
            self.render()

    def _info(self, bar: Bar | None) -> dict[str, Any]:
        t, equity, exposure = self.account.place
        info: dict[str, Any] = {"t": t, "equity": equity, "exposure": exposure}
        if bar is None:
            info.update(dict.fromkeys(COSTS, 0.0), turnover=0.0, called=False)
            return info
        info["fee"], info["spread"], info["slippage"] = bar.fee, bar.spread, bar.slippage
        info["borrow"], info["financing"], info["funding"] = bar.borrow, bar.financing, bar.funding
        info["dividends"], info["called"] = bar.dividends, bool(bar.called)
        info["turnover"] = bar.notional / bar.base if bar.base > 0.0 else 0.0
        return info


def observation_space(setting: Setting) -> gymnasium.Space[Observation]:
    """Return the box an observation lies in: the features' own range, and what an account can be."""
    features, assets, cap = setting.market.features, setting.num_assets, setting.config.leverage_cap
    widest = np.full(assets, setting.widest)
    low = [features.min(axis=0), -widest, np.full(assets, -cap), np.zeros(1)]
    high = [features.max(axis=0), widest, np.full(assets, cap), np.ones(1)]
    box: gymnasium.Space[Observation] = spaces.Box(
        np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
    )
    return box


def starting_row(market: Market, options: dict[str, Any] | None) -> int | None:
    """Return the bar that `options={"start": k}` names, or None.

    Raises:
        ValueError: another option is given, or k is not a bar after which another follows.
    """
    unknown = sorted(set(options or {}) - {"start"})
    if unknown:
        raise ValueError(f"options may hold start, held {', '.join(unknown)}")
    start, last = (options or {}).get("start"), len(market) - 2
    if start is not None and not 0 <= start <= last:
        raise ValueError(f"start must be a bar in [0, {last}], was {start}")
    return start


def checked_episode_bars(episode_bars: int | None, market: Market) -> int | None:
    """Return `episode_bars`, or refuse it.

    Raises:
        ValueError: it is less than 1, or more than the bars after the market's first.
    """
    if episode_bars is not None and episode_bars < 1:
        raise ValueError(f"episode_bars must be at least 1 bar or None, was {episode_bars}")
    if episode_bars is not None and episode_bars > len(market) - 1:
        raise ValueError(
            f"episode_bars must be at most {len(market) - 1}, the bars after the market's first, was {episode_bars}"
        )
    return episode_bars

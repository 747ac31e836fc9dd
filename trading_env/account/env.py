"""`TradingEnv`: one account on one market, as a `gymnasium.Env`."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.account.render import lines, picture
from trading_env.account.rewards import FLOOR
from trading_env.account.simulator import AccountSimulator
from trading_env.account.single import NO_COSTS, FloatAccount, costs_of
from trading_env.config import TradingConfig
from trading_env.ledger.state import Bar
from trading_env.market import Market
from trading_env.single_env import MarketEnv, OneOf


class TradingEnv(MarketEnv):
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

    Weights beyond `asset_cap`, `leverage_cap` or `net_cap` are brought within them, in this order (eq. 20).

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
    (docs/accounting.md, section 6).

    ## Starting State
    Equity 1, all cash, at bar 0, or at bar `options={"start": k}`.

    ## Episode End
    Terminated: equity fell to `config.ruin_equity` of the opening equity or below. Truncated: the last bar is reached,
    or `episode_bars` bars were played.

    ## Info
    `t`, the bar decided at next; `equity`; `exposure` (A,); `turnover`, notional over equity at the fill; `fee`,
    `spread`, `slippage`, `borrow`, `financing`, `funding`, `dividends`, money of the last bar in units of the opening
    equity; `called`, whether the bar began with a margin call; `cut`, whether its fill cut
    what prices had carried beyond the leverage cap.

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
        rules = config or TradingConfig()
        if market.close.shape[1] == 1:
            single = FloatAccount(market, rules, episode_bars)
            self.setting = single.setting
            super().__init__(single)
        else:
            simulator = AccountSimulator(market, rules, 1, episode_bars)
            self.setting = simulator.setting
            super().__init__(OneOf(simulator, partial(_told, simulator)))
        self.market, self.render_mode = market, render_mode
        self._history: tuple[list[float], list[float], list[float]] = ([], [], [])
        self._drawn = 0  # the newest bar in it

    def targets(self, action: Any) -> NDArray[np.float64]:
        """Return the (A,) target exposures that an action asks for.

        Raises:
            ValueError: the action is none.
        """
        targets = self.setting.actions.targets(np.asarray(action)[None], 1)
        return targets if targets.ndim == 1 else np.asarray(targets[0])

    def render(self) -> NDArray[np.uint8] | None:
        """Return the picture of the episode so far (`rgb_array`), or print it (`human`)."""
        if self.render_mode == "rgb_array":
            return picture(*self._history)
        if self.render_mode == "human":
            print(lines(self._drawn, *self._history))
        return None

    def _draw(self, info: dict[str, Any], *, opening: bool = False) -> None:
        if self.render_mode is None:
            return
        if opening:
            self._history = ([], [], [])
        self._drawn = info["t"]
        values = self.market.close[info["t"], 0], info["exposure"].sum(), info["equity"]
        for column, value in zip(self._history, values, strict=True):
            column.append(float(value))
        if self.render_mode == "human":
            self.render()


def _told(simulator: AccountSimulator, record: Bar | None) -> dict[str, Any]:
    """Return what is told of the only account of a simulator."""
    equity = float(simulator.accounts.equity[0])
    exposure = simulator.accounts.units[0] * simulator.price[0] / max(equity, FLOOR)
    standing = {"t": int(simulator.t[0]), "equity": equity, "exposure": exposure}
    if record is None:
        return standing | NO_COSTS
    return standing | costs_of(Bar(*(part[0] if isinstance(part, np.ndarray) else part for part in record)))

"""One account of one asset, in Python's floats, where a call of NumPy would cost more than what it calculates.

The ledger is that of many accounts (`trading_env.ledger.arithmetic`), and so are the results, to the last bit. A bar
under the common rules, on which nothing is cut and nobody ruined, is written out, as in `trading_env.ledger.walk`: the
arithmetic of `law.carry` in the same order. Every other bar is carried by the law itself. Observations are rows of a
page, which is copied from the table of features some bars at a time. One account of several assets is an
`AccountSimulator` of one.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from trading_env.account.rewards import FLOOR
from trading_env.account.simulator import Setting
from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import FLOATS
from trading_env.ledger.law import carry
from trading_env.ledger.run import fill_prices
from trading_env.ledger.state import Accounts, Bar
from trading_env.market import Market
from trading_env.single_env import Played
from trading_env.vector_env import checked_episode_bars

Float32 = NDArray[np.float32]
PagedBar = tuple[Float32, NDArray[np.float64], float, float]  # what it shows, its exposure's place, fill and close
PAGE, PAGE_BYTES = 256, 1 << 20  # bars that are made ready at once, and how large their observations may be
MONEY = ("fee", "spread", "slippage", "borrow", "financing", "funding", "dividends")
NO_COSTS = dict.fromkeys(MONEY, 0.0) | {"called": False, "cut": False, "turnover": 0.0}  # of a fresh account


def costs_of(bar: Bar) -> dict[str, Any]:
    """What an info tells of a bar of one account."""
    costs = {name: getattr(bar, name) for name in MONEY}
    turnover = bar.notional / bar.base if bar.base > 0.0 else 0.0
    return costs | {"called": bool(bar.called), "cut": bool(bar.cut), "turnover": turnover}


class FloatAccount:
    """One account of one asset on one market.

    Attributes:
        t: the bar decided at next.
        last_start: the last bar an episode can begin at.
    """

    _bars: Iterator[PagedBar]  # of the open page
    _shown: Any  # a memoryview: its observations, one number after the other
    _place: int  # there, of the next bar's first column of the account's own

    def __init__(self, market: Market, config: TradingConfig, episode_bars: int | None) -> None:
        self.setting = Setting(market, config)
        self.episode_bars = checked_episode_bars(episode_bars, self.setting.last)
        self.last_start = self.setting.last - 1
        self.action_space, self.observation_space = self.setting.actions.space, self.setting.observation_space
        rules, actions = self.setting.rules, self.setting.actions
        self.levels: list[float] = actions.shares.tolist() if actions.discrete else []
        self.common = self.setting.columns.plain and rules.common
        self.grows = config.reward.kind == "log_growth"
        self.closes, self.fills = self.setting.columns.close, fill_prices(market, config)[:, 0]
        drifts = rules.maintenance and rules.on_change
        self.laws = (rules.on_change, rules.next_close, rules.limit if drifts else np.inf, rules.ruin)
        self.rates = (rules.fee, rules.half_spread, rules.slippage, rules.borrow, rules.financing)
        self.restart(0)

    def restart(self, row: int) -> None:
        """Open a fresh account at a row."""
        self.t, self.until = row, min(row + self.episode_bars, self.setting.last)
        self.held = (1.0, 0.0, 0.0, 1.0, self.closes.item(row))  # cash, units, target, equity, and the mark
        self.peak = 1.0
        self.memory: tuple[float, ...] = (0.0,) * self.setting.reward.num_moments
        self._close_page()

    def opening(self) -> tuple[Float32, dict[str, Any]]:
        """Return what is seen and told of a fresh account."""
        info = {"t": self.t, "equity": 1.0, "exposure": np.zeros(1), **NO_COSTS}
        return self.setting.table[self.t].copy(), info  # its own columns are 0 there

    def play(self, action: Any) -> Played:
        """Decide, and live through the next bar.

        Raises:
            ValueError: the action is none.
        """
        target = self._target(action)
        try:
            row, exposures, fill, close = next(self._bars)
        except StopIteration:
            row, exposures, fill, close = self._turn()
        before, t = self.held[3], self.t + 1
        costs = self._live(target, fill, close) if self.common else None
        ruined = False
        if costs is None:
            costs, ruined = self._carry(target, close)
        _, units, target, after, _ = self.held
        peak = self.peak
        if after > peak:
            self.peak = after
        if self.grows:
            reward = float(np.log((after if after >= FLOOR else FLOOR) / (before if before >= FLOOR else FLOOR)))
        else:
            reward = self._reward(before, after, peak, costs["turnover"])
        exposure = units * close / (after if after >= FLOOR else FLOOR)
        shown, place, widest = self._shown, self._place, self.setting.widest
        shown[place] = exposure if -widest <= exposure <= widest else min(max(exposure, -widest), widest)
        shown[place + 1] = target
        shown[place + 2] = 1.0 - after / self.peak
        exposures[0] = exposure
        self._place, self.t = place + len(row), t
        return row, reward, ruined, t >= self.until, {"t": t, "equity": after, "exposure": exposures, **costs}

    def _target(self, action: Any) -> float:
        levels = self.levels
        if not levels:
            return self.setting.actions.target(action)
        if not 0 <= action < len(levels):
            raise ValueError(f"action must lie in [0, {len(levels) - 1}], was {action}")
        return levels[int(action)]

    def _live(self, target: float, fill: float, close: float) -> dict[str, Any] | None:
        """Carry the account over a bar under the common rules; None, and nothing done, where more happens on it."""
        cash, units, held, equity, mark = self.held
        on_change, late, limit, ruin = self.laws
        fee_rate, half, slip, borrow_rate, financing_rate = self.rates
        worth, fee, spread, slippage, turnover, borrow, financing = units * mark, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if late:
            borrow = -units * close * borrow_rate if units < 0.0 else 0.0
            financing = -cash * financing_rate if cash < 0.0 else 0.0
            cash = cash - borrow - financing
        base = cash + units * fill
        if abs(worth) > equity * limit or base <= ruin:
            return None
        if target != held or not on_change:
            bought = target * base / fill - units
            value = bought * fill
            size = abs(value)
            spread, slippage = size * half, size * slip
            fee = fee_rate * (size + value * (half + slip))
            cash = cash - value - (spread + slippage) - fee
            units, turnover = units + bought, size / base
        if not late:
            borrow = -units * close * borrow_rate if units < 0.0 else 0.0
            financing = -cash * financing_rate if cash < 0.0 else 0.0
            cash = cash - borrow - financing
        after = cash + units * close
        if after <= ruin:
            return None
        self.held = (cash, units, target, after, close)
        return {
            "fee": fee,
            "spread": spread,
            "slippage": slippage,
            "borrow": borrow,
            "financing": financing,
            "funding": 0.0,
            "dividends": 0.0,
            "called": False,
            "cut": False,
            "turnover": turnover,
        }

    def _carry(self, target: float, close: float) -> tuple[dict[str, Any], bool]:
        """Carry the account over a bar by the law itself; return what it cost, and whether it is ruined."""
        accounts = Accounts(*self.held[:4], False)
        accounts, bar = carry(FLOATS, accounts, target, self.setting.columns.after(self.t), self.setting.rules)
        self.held = (*accounts[:4], close)
        return costs_of(bar), bar.ruined

    def _reward(self, before: float, after: float, peak: float, turnover: float) -> float:
        reward, self.memory = self.setting.reward.of(
            FLOATS,
            before=before,
            after=after,
            deeper=before / peak - after / self.peak,
            benchmark=self.setting.benchmark.item(self.t),
            turnover=turnover,
            memory=self.memory,
        )
        return float(reward)

    def standing(self) -> tuple[Any, ...]:
        """Return the state, to which `stand` goes back."""
        return self.t, self.held, self.peak, self.memory

    def stand(self, standing: tuple[Any, ...]) -> None:
        """Go back to where the account once stood in this episode."""
        if standing[0] != self.t:
            self._close_page()
        self.t, self.held, self.peak, self.memory = standing

    def observation(self) -> Float32:
        """(F + K,) what is seen at the close of t."""
        row: Float32 = self.setting.table[self.t].copy()
        _, units, target, equity, close = self.held
        widest = self.setting.widest
        row[-3] = min(max(units * close / (equity if equity >= FLOOR else FLOOR), -widest), widest)
        row[-2], row[-1] = target, 1.0 - equity / self.peak
        return row

    def _turn(self) -> PagedBar:
        """Make the bars after t ready, and return the first of them."""
        width = self.setting.table.shape[1]
        start = self.t
        stop = min(start + max(min(PAGE, PAGE_BYTES // (4 * width)), 1), self.setting.last)
        rows, exposures = self.setting.table[start + 1 : stop + 1].copy(), np.empty((stop - start, 1))
        closes, fills = self.closes[start + 1 : stop + 1].tolist(), self.fills[start + 1 : stop + 1].tolist()
        self._shown, self._place = memoryview(cast(Any, rows)).cast("B").cast("f"), width - 3
        self._bars = zip(rows, exposures, fills, closes, strict=True)
        return next(self._bars)

    def _close_page(self) -> None:
        self._bars, self._shown, self._place = iter(()), memoryview(b""), 0

    def __getstate__(self) -> dict[str, Any]:
        """All but the open page, which a copy opens anew."""
        return {name: value for name, value in vars(self).items() if name not in ("_bars", "_shown")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on from `__getstate__`."""
        vars(self).update(state)
        self._close_page()

"""One account of one asset under the common rules, bar by bar in plain floats: its money and its units.

The arithmetic of `law.carry` in the same order, written out because a call would cost more than what it calculates;
the tests hold both to the last bit. All else that a run tells follows from these two (`ledger.run`).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.ledger.arithmetic import LANES
from trading_env.ledger.rules import EXACT, Rules, interest

Array = NDArray[np.float64]
TRADE, LOOK = 1, 2  # what an account does at a fill: it trades, or holds unless it is beyond the leverage cap
BLOCK = 4_096  # bars that are walked without a look, and walked again where one was due


class WalkBars(NamedTuple):
    """The R bars an account walks through.

    Attributes:
        targets: (R,) target exposures.
        trades: (R,) whether the target asks for a trade.
        close: (R + 1,) the closes before and after each bar.
        fills: (R,) prices of the fills.
    """

    targets: Array
    trades: NDArray[np.bool_]
    close: Array
    fills: Array

    def marks(self, rules: Rules) -> Array:
        """(R,) prices of the interest that is due after each fill: of this bar, or with `next_close` of the next."""
        after = self.close[1:]
        return np.append(after[1:], after[-1:]) if rules.next_close else after


class Holdings(NamedTuple):
    """What an account of 1 unit of money came to after R bars.

    Attributes:
        filled: (R + 1,) cash after each bar's fill, before the interest that is then due at its mark.
        units: (R + 1,) units after each bar's fill.
        cut: the bars, from 0, whose fill cut the account to the cap.
    """

    filled: Array
    units: Array
    cut: NDArray[np.int64]


def walk(bars: WalkBars, rules: Rules) -> Holdings:
    """Walk an account through all bars; what it does after its ruin is nobody's business.

    An account that never nears the cap is not asked at every bar whether it does: its blocks are looked at afterwards.
    """
    cash, units, cut, looks = 1.0, 0.0, list[int](), False
    filled, held, marks = [np.ones(1)], [np.zeros(1)], bars.marks(rules)
    for start in range(0, len(bars.fills), BLOCK):
        part = slice(start, start + BLOCK)
        block = WalkBars(bars.targets[part], bars.trades[part], bars.close[start : start + BLOCK + 1], bars.fills[part])
        opening = (cash, units, float(filled[-1][-1]))
        walked = None
        if not looks:
            walked = _walk(block, marks[part], opening, block.trades, rules)
            looks = rules.maintenance and _any_beyond(opening, *walked[:2], block, rules)
        if looks:
            walked = _walk(block, marks[part], opening, np.where(block.trades, TRADE, LOOK), rules)
            cut += [start + row for row in walked[3]]
        assert walked is not None
        filled.append(walked[0])
        held.append(walked[1])
        cash, units = walked[2], float(walked[1][-1])
    return Holdings(np.concatenate(filled), np.concatenate(held), np.array(cut, dtype=np.int64))


def accrued(filled: Array, units: Array, close: Array, rules: Rules) -> tuple[Array, Array, Array]:
    """Return (R,) cash after the interest of each bar, borrow and financing: due before its fill, or after.

    Args:
        filled: (R + 1,) cash after each fill.
        units: (R + 1,) units after each fill.
        close: (R,) mark at the end of each bar.
        rules: rates.
    """
    due = slice(None, -1) if rules.next_close else slice(1, None)
    borrow, financing = interest(LANES, units[due], filled[due], close, rules)
    return filled[due] - borrow - financing, borrow, financing


Opening = tuple[float, float, float]  # cash and units at a block's first mark, and cash after the fill before it


def _any_beyond(opening: Opening, filled: Array, held: Array, block: WalkBars, rules: Rules) -> bool:
    """Whether a bar that held its units began beyond the cap; eq. 17."""
    cash, units, last = opening
    filled, held = np.append(last, filled), np.append(units, held)
    at_mark = filled[:-1]
    if not rules.next_close:
        at_mark = np.append(cash, accrued(filled, held, block.close[1:], rules)[0][:-1])
    worth = held[:-1] * block.close[:-1]
    return bool((~block.trades & (np.abs(worth) > rules.limit * (at_mark + worth))).any())


def _walk(
    block: WalkBars, marks: Array, opening: Opening, acts: NDArray[Any], rules: Rules
) -> tuple[Array, Array, float, list[int]]:
    """Return (R,) cash after each fill, (R,) units, the cash at the last mark, and the bars that were cut."""
    fee_rate, half, slip = rules.fee, rules.half_spread, rules.slippage
    borrow, financing, late, limit = rules.borrow, rules.financing, rules.next_close, rules.limit
    tilt, close = half + slip, block.close.tolist()
    cash, units, last = opening
    money, held, cut = list[float](), list[float](), list[int]()
    keep_money, keep_held = money.append, held.append
    rows = zip(acts.tolist(), block.targets.tolist(), block.fills.tolist(), marks.tolist(), strict=True)
    for act, target, price, mark in rows:
        if act:
            goal = units
            if act != LOOK:
                goal = target * (cash + units * price) / price
            else:
                row = len(money)
                worth = units * close[row]
                size = worth if worth >= 0.0 else -worth
                if size > 0.0 and size > limit * (((money[-1] if row else last) if late else cash) + worth):
                    gross, room = (units if units >= 0.0 else -units) * price, (cash + units * price) * rules.cap
                    if gross > room * EXACT:
                        goal = units * (room / gross)
                        cut.append(row)
            if goal is not units:
                bought = goal - units
                value = bought * price
                size = value if value >= 0.0 else -value
                cash = cash - value - (size * half + size * slip) - fee_rate * (size + value * tilt)
                units = units + bought
        keep_money(cash)
        keep_held(units)
        if units < 0.0:  # who is short and not ruined has money
            cash = cash - -units * mark * borrow
        elif cash < 0.0:
            cash = cash - -cash * financing
    return np.array(money), np.array(held), cash, cut

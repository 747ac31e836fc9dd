"""The rules as the ledger calculates with them: rates, sizes and limits, and what rates alone decide."""

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import Numbers
from trading_env.ledger.state import Numeric

Array = NDArray[np.float64]
# exposure over the cap from which on a position is cut to it: a fill at the cap ends over it by its own cost, and who
# buys and holds at the cap shall not sell a trickle at every bar
DRIFT = 1.01
EXACT = 1.0 + 1e-6  # over the cap by rounding: weights come in float32


class Rules:
    """A configuration as the ledger calculates with it: rates as fractions, interest per bar, sizes per capital.

    Where the cost rates are constant, one unit of money bought or sold costs `per_size`, and what is bought costs
    `per_value` more, what is sold so much less: the fee is on the price paid; eq. 3 and 4.

    Args:
        config: the configuration.
        bars_per_year: bars in a year.
        lots: (A,) lots of a market that has its own, in the place of the configuration's, 0 is no lot; None where it
            has none, or a plan knows no lots.
    """

    def __init__(self, config: TradingConfig, bars_per_year: float, lots: Array | None) -> None:
        costs = config.costs
        self.fee = costs.fee_bps * 1e-4
        self.half_spread = costs.half_spread_bps * 1e-4
        self.slippage = costs.slippage_bps * 1e-4
        move = self.half_spread + self.slippage
        self.per_size, self.per_value = move + self.fee, self.fee * move
        self.per_volatility = costs.slippage_per_volatility
        self.per_share = costs.slippage_bps_per_volume_percent * 1e-4 * 100.0 * config.capital
        self.varying = self.per_volatility > 0.0 or self.per_share > 0.0
        self.borrow = costs.borrow_bps_per_year * 1e-4 / bars_per_year
        self.financing = costs.financing_bps_per_year * 1e-4 / bars_per_year
        self.margin = config.maintenance_margin
        self.maintenance, self.cap, self.limit = config.maintenance, config.leverage_cap, config.leverage_cap * DRIFT
        self.ruin = config.ruin_equity
        self.lot = _lot(config, lots)
        self.min_notional = config.min_notional / config.capital
        self.volume_share = (config.volume_cap or 0.0) / config.capital  # of a bar's volume, in units per capital
        self.waits = self.min_notional > 0.0 or self.volume_share > 0.0  # orders may, also of assets that trade
        # whether a market without events knows nothing else: constant rates, and orders that fill as they are
        self.common = not (self.varying or self.lot is not None or self.waits or self.margin > 0.0)
        self.paid_out = 1.0 - config.delisting_loss
        self.same_close = config.execution == "same_close"
        self.next_close = config.execution == "next_close"
        self.on_change = config.rebalance == "on_change"


def _lot(config: TradingConfig, lots: Array | None) -> Numeric:
    """Units of a whole lot, per capital: one number for all assets, (A,) with 0 where there is none, or None."""
    if lots is None:
        return config.lot / config.capital or None
    if not lots.any():
        return None
    return lots.item() / config.capital if len(lots) == 1 else lots / config.capital


def charges(notional: Numeric, flow: Numeric, rules: Rules) -> tuple[Numeric, Numeric, Numeric]:
    """Return (N,) fee, spread and slippage of what was traded, at constant rates; eq. 3 and 4.

    Args:
        notional: (N,) value bought and sold.
        flow: (N,) value bought less value sold.
        rules: the rates.
    """
    spread, slippage = notional * rules.half_spread, notional * rules.slippage
    # what is bought costs price x (1 + h + s), what is sold brings x (1 - h - s)
    return rules.fee * (notional + flow * (rules.half_spread + rules.slippage)), spread, slippage


def interest(
    n: Numbers, units: Numeric, cash: Numeric, price: Numeric, rules: Rules, by_asset: Numeric = None
) -> tuple[Numeric, Numeric]:
    """Return (N,) borrow on short value and financing of negative cash, of one bar; eq. 5 and 6.

    `by_asset` are the bar's rates of borrow of a market that has its own, in the place of the one of the rules.
    """
    short = n.maximum(-units, 0.0) * price
    borrow = n.total(short) * rules.borrow if by_asset is None else n.total(short * by_asset)
    return borrow, n.maximum(-cash, 0.0) * rules.financing

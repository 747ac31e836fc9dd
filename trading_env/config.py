"""The rules and costs of a trading environment. Plain dataclasses: no Gymnasium, no NumPy, no YAML."""

import math
from dataclasses import dataclass, field
from typing import Literal

MAX_BPS = 10_000.0


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ValueError("; ".join(faults))


@dataclass(frozen=True, kw_only=True)
class CostConfig:
    """What trading and holding cost; every term is recorded separately. Formulas: docs/accounting.md, section 3.

    Attributes:
        fee_bps: fee on the notional of each fill, in basis points (1 bp = 0.0001).
        half_spread_bps: half the bid-ask spread, in basis points of the price, paid on each fill.
        slippage_bps: adverse move of the fill price, in basis points of the price.
        borrow_bps_per_year: interest on the value held short, in basis points a year; accrues every bar.
        financing_bps_per_year: interest on negative cash, in basis points a year; accrues every bar.
    """

    fee_bps: float = 1.0
    half_spread_bps: float = 1.0
    slippage_bps: float = 1.0
    borrow_bps_per_year: float = 50.0
    financing_bps_per_year: float = 300.0

    def __post_init__(self) -> None:
        faults = [
            f"{name} must lie in [0, 10000) basis points, was {value}; one percent is 100"
            for name, value in vars(self).items()
            if not 0.0 <= value < MAX_BPS
        ]
        if not faults and self.half_spread_bps + self.slippage_bps >= MAX_BPS:
            faults.append(
                "half_spread_bps and slippage_bps must together be less than 10000 basis points, "
                f"was {self.half_spread_bps + self.slippage_bps}"
            )
        _refuse(faults)


@dataclass(frozen=True, kw_only=True)
class TradingConfig:
    """The rules of the market game.

    Attributes:
        kind: `trading`; a storage unit has rules of its own (`trading_env.battery_config`).
        exposures: target exposure of each discrete action, as a fraction of equity; -1 is fully short.
        execution: when an order decided at the close of bar t fills: `next_open`, the open of t + 1; `next_close`, the
            close of t + 1; `same_close`, the close of t itself, which no market offers.
        rebalance: `on_change` trades only when the target changes, so that a held position drifts with the price;
            `every_bar` restores the target exposure at every fill.
        leverage_cap: largest absolute target exposure.
        ruin_equity: equity, as a fraction of the opening equity, at or below which the account is closed out.
        costs: what trading and holding cost.
    """

    kind: Literal["trading"] = "trading"
    exposures: tuple[float, ...] = (-1.0, 0.0, 1.0)
    execution: Literal["next_open", "next_close", "same_close"] = "next_open"
    rebalance: Literal["on_change", "every_bar"] = "on_change"
    leverage_cap: float = 1.0
    ruin_equity: float = 0.05
    costs: CostConfig = field(default_factory=CostConfig)

    def __post_init__(self) -> None:
        faults = []
        if len(self.exposures) < 2 or len(set(self.exposures)) != len(self.exposures):
            faults.append(f"exposures must be at least two different levels, were {list(self.exposures)}")
        if not (math.isfinite(self.leverage_cap) and self.leverage_cap > 0.0):
            faults.append(f"leverage_cap must be positive, was {self.leverage_cap}")
        elif not all(math.isfinite(x) and abs(x) <= self.leverage_cap for x in self.exposures):
            faults.append(
                f"exposures must be within the leverage cap of {self.leverage_cap:g}, were {list(self.exposures)}; "
                "raise leverage_cap or lower them"
            )
        if self.execution not in ("next_open", "next_close", "same_close"):
            faults.append(f"execution must be next_open, next_close or same_close, was '{self.execution}'")
        if self.rebalance not in ("on_change", "every_bar"):
            faults.append(f"rebalance must be on_change or every_bar, was '{self.rebalance}'")
        if not 0.0 <= self.ruin_equity < 1.0:
            faults.append(f"ruin_equity must be a fraction in [0, 1), was {self.ruin_equity}")
        _refuse(faults)

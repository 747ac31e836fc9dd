"""The rules, costs and rewards of a trading environment. Plain dataclasses: no Gymnasium, no NumPy, no YAML."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

MAX_BPS = 10_000.0

Execution = Literal["next_open", "next_close", "same_close"]
Rebalance = Literal["on_change", "every_bar"]
ActionKind = Literal["levels", "exposure", "long_weights", "long_short_weights"]
RewardKind = Literal["log_growth", "drawdown", "variance", "differential_sharpe", "benchmark"]


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ValueError("; ".join(faults))


def _not_one_of(name: str, value: str, words: object) -> list[str]:
    *most, last = get_args(words)
    return [] if value in (*most, last) else [f"{name} must be {', '.join(most)} or {last}, was '{value}'"]


@dataclass(frozen=True, kw_only=True)
class CostConfig:
    """What trading and holding cost; every term is recorded separately. Formulas: docs/accounting.md, section 3.

    Attributes:
        fee_bps: fee on the notional of each fill, in basis points (1 bp = 0.0001).
        half_spread_bps: half the bid-ask spread, in basis points of the price, paid on each fill.
        slippage_bps: adverse move of the fill price, in basis points of the price.
        slippage_per_volatility: further adverse move, as a fraction of the standard deviation of one bar's log return
            that is known when the order is sent (`Market.volatility`); 0.1 is a tenth of it.
        slippage_bps_per_volume_percent: further adverse move, in basis points of the price, for each percent of the
            bar's volume (`Market.volume`) that the order takes.
        borrow_bps_per_year: interest on the value held short, in basis points a year; accrues every bar.
        financing_bps_per_year: interest on negative cash, in basis points a year; accrues every bar.
    """

    fee_bps: float = 1.0
    half_spread_bps: float = 1.0
    slippage_bps: float = 1.0
    slippage_per_volatility: float = 0.0
    slippage_bps_per_volume_percent: float = 0.0
    borrow_bps_per_year: float = 50.0
    financing_bps_per_year: float = 300.0

    def __post_init__(self) -> None:
        faults = [
            f"{name} must lie in [0, 10000) basis points, was {value}; one percent is 100"
            for name, value in vars(self).items()
            if name != "slippage_per_volatility" and not 0.0 <= value < MAX_BPS
        ]
        if not 0.0 <= self.slippage_per_volatility <= 10.0:
            faults.append(
                "slippage_per_volatility must be a fraction of a bar's standard deviation in [0, 10], "
                f"was {self.slippage_per_volatility}"
            )
        if not faults and self.half_spread_bps + self.slippage_bps >= MAX_BPS:
            faults.append(
                "half_spread_bps and slippage_bps must together be less than 10000 basis points, "
                f"was {self.half_spread_bps + self.slippage_bps}"
            )
        _refuse(faults)


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """What a bar is worth to the agent. Formulas: docs/accounting.md, section 5.

    Attributes:
        kind: `log_growth` of equity; the same less a penalty on deepening `drawdown` or on `variance`;
            `differential_sharpe` (Moody and Saffell 2001); or growth beyond that of a `benchmark`, equal shares of all
            assets restored every bar, free of cost.
        penalty: weight of the penalty of `drawdown` (log growth per unit of drawdown) or `variance` (risk aversion).
        memory_bars: bars over which `differential_sharpe` forgets, at least 2: its rate is one over this.
    """

    kind: RewardKind = "log_growth"
    penalty: float = 1.0
    memory_bars: float = 100.0

    def __post_init__(self) -> None:
        faults = _not_one_of("kind", self.kind, RewardKind)
        if not (math.isfinite(self.penalty) and self.penalty >= 0.0):
            faults.append(f"penalty must be at least 0, was {self.penalty}")
        if not (math.isfinite(self.memory_bars) and self.memory_bars >= 2.0):
            faults.append(f"memory_bars must be at least 2 bars, was {self.memory_bars}")
        _refuse(faults)


@dataclass(frozen=True, kw_only=True)
class TradingConfig:
    """The rules of the market game.

    Attributes:
        kind: `trading`; a storage unit has rules of its own (`trading_env.storage.config`).
        actions: what an action is: `levels`, the number of one of `exposures`; `exposure`, one number between the least
            and the greatest of them; `long_weights`, a weight in [0, 1] for each asset; `long_short_weights`, one in
            [-1, 1]. A level or an exposure is spread over the assets in equal shares; weights that together exceed the
            leverage cap are scaled down to it, and what they leave is cash.
        exposures: target exposure of each discrete action, as a fraction of equity; -1 is fully short.
        execution: when an order decided at the close of bar t fills: `next_open`, the open of t + 1; `next_close`, the
            close of t + 1; `same_close`, the close of t itself, which no market offers.
        rebalance: `on_change` trades only when the target changes, so that a held position drifts with the price;
            `every_bar` restores the target exposure at every fill.
        leverage_cap: largest absolute target exposure, over all assets together.
        maintenance_margin: equity that must stay, as a fraction of the value held, long and short counted; an account
            that closes a bar with less is called, and all it holds is closed at the next fill. 0 is no margin call.
        ruin_equity: equity, as a fraction of the opening equity, at or below which the account is closed out.
        capital: opening equity in the currency of the prices; matters to `lot`, `min_notional` and volume shares only.
        lot: smallest number of units; what is held is rounded to whole lots, toward zero. 0 is no lot.
        min_notional: smallest order in the currency of the prices; smaller ones wait, but for those that close a
            position. 0 is none.
        costs: what trading and holding cost.
        reward: what a bar is worth to the agent.
    """

    kind: Literal["trading"] = "trading"
    actions: ActionKind = "levels"
    exposures: tuple[float, ...] = (-1.0, 0.0, 1.0)
    execution: Execution = "next_open"
    rebalance: Rebalance = "on_change"
    leverage_cap: float = 1.0
    maintenance_margin: float = 0.0
    ruin_equity: float = 0.05
    capital: float = 1_000_000.0
    lot: float = 0.0
    min_notional: float = 0.0
    costs: CostConfig = field(default_factory=CostConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)

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
        faults += _not_one_of("actions", self.actions, ActionKind)
        faults += _not_one_of("execution", self.execution, Execution)
        faults += _not_one_of("rebalance", self.rebalance, Rebalance)
        for name in ("maintenance_margin", "ruin_equity"):
            if not 0.0 <= getattr(self, name) < 1.0:
                faults.append(f"{name} must be a fraction in [0, 1), was {getattr(self, name)}")
        if not (math.isfinite(self.capital) and self.capital > 0.0):
            faults.append(f"capital must be positive, was {self.capital}")
        for name in ("lot", "min_notional"):
            if not 0.0 <= getattr(self, name) < math.inf:
                faults.append(f"{name} must be at least 0 and finite, was {getattr(self, name)}")
        _refuse(faults)

"""The rules, costs and rewards of a trading environment. Knows pydantic: no Gymnasium, no NumPy, no YAML."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from trading_env.reward_kinds import RewardKind

T = TypeVar("T")
MAX_BPS = 10_000.0

Execution = Literal["next_open", "next_close", "same_close"]
Rebalance = Literal["on_change", "every_bar"]
ActionKind = Literal["levels", "exposure", "long_weights", "long_short_weights"]

BasisPoints = Annotated[float, Field(ge=0.0, lt=MAX_BPS, allow_inf_nan=False, description="basis points")]
Multiple = Annotated[float, Field(gt=0.0, allow_inf_nan=False, description="times the equity")]
Currency = Annotated[float, Field(ge=0.0, allow_inf_nan=False, description="in the currency of the prices")]
EquityShare = Annotated[float, Field(ge=0.0, lt=1.0, description="a fraction")]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
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

    fee_bps: BasisPoints = 1.0
    half_spread_bps: BasisPoints = 1.0
    slippage_bps: BasisPoints = 1.0
    slippage_per_volatility: Annotated[float, Field(ge=0.0, le=10.0, description="of a bar's standard deviation")] = 0.0
    slippage_bps_per_volume_percent: BasisPoints = 0.0
    borrow_bps_per_year: BasisPoints = 50.0
    financing_bps_per_year: BasisPoints = 300.0

    def __post_init__(self) -> None:
        if self.half_spread_bps + self.slippage_bps >= MAX_BPS:
            raise ValueError(
                "half_spread_bps and slippage_bps must together be less than 10000 basis points, "
                f"was {self.half_spread_bps + self.slippage_bps}"
            )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class RewardConfig:
    """What a bar is worth to the agent. Formulas: docs/accounting.md, section 6.

    Attributes:
        kind: `log_growth` of equity; the same less a penalty on deepening `drawdown` or on `variance`;
            `differential_sharpe` (Moody and Saffell 2001); growth beyond that of a `benchmark`, equal shares of all
            assets restored every bar, free of cost; or one that was registered (`trading_env.reward_kinds`).
        penalty: weight of the penalty of `drawdown` (log growth per unit of drawdown) or `variance` (risk aversion).
        memory_bars: bars over which `differential_sharpe` forgets, at least 2: its rate is one over this.
    """

    kind: RewardKind = "log_growth"
    penalty: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 1.0
    memory_bars: Annotated[float, Field(ge=2.0, allow_inf_nan=False, description="bars")] = 100.0


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class TradingConfig:
    """The rules of a trading account.

    Attributes:
        kind: `trading`; a storage unit has rules of its own (`trading_env.storage.config`).
        actions: what an action is: `levels`, the number of one of `exposures`; `exposure`, one number between the least
            and the greatest of them; `long_weights`, a weight in [0, 1] for each asset; `long_short_weights`, one in
            [-1, 1]. A level or an exposure is spread over the assets in equal shares; weights beyond the caps of an
            asset, of leverage or of the net are brought within them, and what they leave is cash.
        exposures: target exposure of each discrete action, as a fraction of equity; -1 is fully short.
        execution: when an order decided at the close of bar t fills: `next_open`, the open of t + 1; `next_close`, the
            close of t + 1; `same_close`, the close of t itself, which no market offers.
        rebalance: `on_change` trades only when the target changes, so that a held position drifts with the price;
            `every_bar` restores the target exposure at every fill.
        leverage_cap: largest absolute exposure, over all assets together: of a target, and with `maintenance` of what
            is held.
        asset_cap: largest absolute target of one asset, as a fraction of equity; None is none beside `leverage_cap`.
        net_cap: largest absolute sum of all targets, long less short; 0 is as much short as long, None is no such cap.
        maintenance: whether a position that prices carried beyond the cap is cut back to it at the next fill, at the
            usual costs; without it the cap is one of orders alone, and a short that loses has none.
        maintenance_margin: equity that must stay, as a fraction of the value held, long and short counted; an account
            that closes a bar with less is called, and all it holds is closed at the next fill. 0 is no margin call.
        ruin_equity: equity, as a fraction of the opening equity, at or below which the account is closed out.
        capital: opening equity in the currency of the prices; matters to lots, `min_notional` and volume shares only.
        lot: smallest number of units; what is held is rounded to whole lots, toward zero. 0 is no lot. A market that
            has `lots` of its own overrules it.
        min_notional: smallest order in the currency of the prices; smaller ones wait, but for those that close a
            position. 0 is none.
        volume_cap: largest share of the fill bar's volume (`Market.volume`) that an order takes, in (0, 1]; what is
            left of it waits for the bars that follow. None is no such cap.
        delisting_loss: what is lost of the last mark when an asset is delisted (`Market.delisted`), a fraction; whoever
            is short of it earns as much.
        costs: what trading and holding cost.
        reward: what a bar is worth to the agent.
    """

    kind: Literal["trading"] = "trading"
    actions: ActionKind = "levels"
    exposures: Annotated[tuple[float, ...], Field(min_length=2, description="different levels")] = (-1.0, 0.0, 1.0)
    execution: Execution = "next_open"
    rebalance: Rebalance = "on_change"
    leverage_cap: Multiple = 1.0
    asset_cap: Multiple | None = None
    net_cap: Annotated[float, Field(ge=0.0, allow_inf_nan=False, description="times the equity")] | None = None
    maintenance: bool = True
    maintenance_margin: EquityShare = 0.0
    ruin_equity: EquityShare = 0.05
    capital: Annotated[float, Field(gt=0.0, allow_inf_nan=False, description="in the currency of the prices")] = 1e6
    lot: Annotated[float, Field(ge=0.0, allow_inf_nan=False, description="units")] = 0.0
    min_notional: Currency = 0.0
    volume_cap: Annotated[float, Field(gt=0.0, le=1.0, description="a fraction")] | None = None
    delisting_loss: Annotated[float, Field(ge=0.0, le=1.0, description="a fraction")] = 0.0
    costs: CostConfig = field(default_factory=CostConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)

    def __post_init__(self) -> None:
        faults = []
        if len(set(self.exposures)) != len(self.exposures):
            faults.append(f"exposures must be different levels, were {list(self.exposures)}")
        if not all(abs(level) <= self.leverage_cap for level in self.exposures):
            faults.append(
                f"exposures must be within the leverage cap of {self.leverage_cap:g}, were {list(self.exposures)}; "
                "raise leverage_cap or lower them"
            )
        shared, net = (
            self.actions in ("levels", "exposure"),
            self.net_cap,
        )  # weights are brought within the caps instead
        if shared and net is not None and not all(abs(level) <= net for level in self.exposures):
            faults.append(
                f"exposures must be within the net cap of {net:g}, were {list(self.exposures)}; "
                "raise net_cap or lower them"
            )
        if faults:
            raise ValueError("; ".join(faults))


def settings_of(schema: type[T], called: str, values: Any) -> T:
    """Make settings of what somebody gave under a name; what pydantic refuses is told in a sentence each.

    Raises:
        ValueError: `values` are no mapping, or a setting is unknown or out of its range.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{called} must be a mapping of settings by name, was {values!r}")
    try:
        return schema(**values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    raise ValueError("; ".join(_sentence(schema, called, fault) for fault in faults))


def _sentence(schema: Any, called: str, fault: ErrorDetails) -> str:
    name = ".".join(filter(None, (called, *map(str, fault["loc"]))))
    if fault["type"] == "unexpected_keyword_argument":
        return f"{name} is no setting; there are {', '.join(schema.__dataclass_fields__)}"
    if fault["type"] == "missing":
        return f"{name} must be given"
    law = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{name} {law}, was {fault['input']!r}" if fault["loc"] else law

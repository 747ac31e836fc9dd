"""The settings of `train_direct`, and the rules and markets it cannot learn in. Imports no torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import AgentConfig, CrossSection, EnvironmentFacts, Requirement

WITHOUT_GRADIENT = (  # rules of an account that the ledger in torch does not know
    "costs.slippage_per_volatility",
    "costs.slippage_bps_per_volume_percent",
    "maintenance_margin",
    "lot",
    "min_notional",
    "volume_cap",
)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class DirectConfig(AgentConfig):
    """Settings of `train_direct`. An env step is one bar of one account.

    Attributes:
        steps: env steps to learn from.
        kind: `direct`.
        num_envs: windows an update learns from.
        window_bars: bars of a window, through which the gradient runs.
        hidden_sizes: units of each hidden layer.
        context_length: bars whose features an observation shows, the newest first; more than one is for an LSTM.
        lstm_units: units of an LSTM that reads those bars before the hidden layers do; 0 is none.
        start: first weights of the LSTM: `random`, or those of a `forecaster` that reads the same features.
        cross_section: what an asset is shown of the others, where a market has features of each: `none`; the `mean` of
            what their hidden units say; or `attention`, a mean whose weights it chooses itself.
        learning_rate: AdamW's step at the start; it falls to a tenth on a straight line.
        weight_decay: of AdamW; with features of each asset, of the weights that read the features alone.
        entropy_weight: worth of a nat of the entropy of levels, in typical moves of a bar, at the start; it falls to 0
            on a straight line. Without it a policy may be sure before it is right, and then learns no more.
        dropout: share of the features that are hidden from each update, at random, in [0, 1).
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: ranges.Steps
    kind: Literal["direct"] = "direct"
    num_envs: ranges.Environments = 128
    window_bars: Annotated[int, Field(ge=2, description="bars")] = 32
    hidden_sizes: ranges.HiddenSizes = (64, 64)
    context_length: ranges.Bars = 1
    lstm_units: Annotated[int, Field(ge=0, description="units")] = 0
    start: Literal["random", "forecaster"] = "random"
    cross_section: CrossSection = "attention"
    learning_rate: ranges.Positive = 3e-3
    weight_decay: ranges.NotNegative = 1.0
    entropy_weight: ranges.NotNegative = 0.1
    dropout: ranges.ShareBelowOne = 0.15
    gradient_clip: ranges.Norm = 1.0
    validate_every: ranges.Interval = 100_000

    def __post_init__(self) -> None:
        if self.start == "forecaster" and self.lstm_units == 0:
            raise ValueError("lstm_units must be those of the forecaster with start=forecaster, was 0")

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        return {"derivative": "kind=direct"}

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence for each rule without a gradient, and for windows longer than the market."""
        num_assets = facts.num_instruments or 1
        faults = [] if facts.rules is None else refuse_rules(facts.rules, num_assets)
        faults += refuse_context(self) if num_assets > 1 else []
        return faults + ([] if facts.num_bars is None else refuse_bars(self, facts.num_bars))


def refuse_rules(rules: Any, num_assets: int = 1) -> list[str]:
    """Return a sentence for everything in the rules of an account that has no gradient.

    Args:
        rules: `trading_env.TradingConfig`.
        num_assets: how many it trades; more than one want a weight each.
    """
    if not hasattr(rules, "costs"):
        return []  # no trading account: `requirements` says so
    unknown = [f"env.{name}" for name in WITHOUT_GRADIENT if _value(rules, name)]
    faults = [_no_gradient(unknown)] if unknown else []
    if rules.actions == "exposure" and num_assets > 1:
        law = f"kind=direct gives each of {num_assets} assets a weight of its own"
        faults.append(f"{law}: set env.actions=long_short_weights or long_weights, was exposure")
    return faults


def refuse_context(config: DirectConfig) -> list[str]:
    """Return a sentence if the network of several assets, which reads one bar at a time, is to read more."""
    if config.context_length == 1 and config.lstm_units == 0:
        return []
    found = f"were {config.context_length} and {config.lstm_units}"
    return [f"context_length must be 1 and lstm_units 0 for several assets with features of their own, {found}"]


def refuse_bars(config: DirectConfig, num_bars: int) -> list[str]:
    """Return a sentence if no window fits into a market of `num_bars` rows, the first of which earns nothing."""
    if config.window_bars < num_bars - 1:
        return []
    return [f"window_bars must be less than the {num_bars - 1} bars of the market, was {config.window_bars}"]


def refuse_columns(market: Any) -> list[str]:
    """Return a sentence if `market`, a `trading_env.Market`, has a column that has no gradient."""
    return [_no_gradient(["lots"])] if market.lots is not None and market.lots.any() else []


def refuse_stops(market: Any) -> list[str]:
    """Return a sentence if assets of `market` stop trading: what a level held is worth is then no table of bars."""
    present = [name for name in ("missing", "delisted") if getattr(market, name) is not None]
    if not present:
        return []
    cure = "set env.actions=long_short_weights or long_weights"
    return [
        f"kind=direct with env.actions=levels has no gradient through {', '.join(present)}: {cure}, or take kind=dqn"
    ]


def _no_gradient(names: list[str]) -> str:
    return f"kind=direct has no gradient through {', '.join(names)}: leave it out while it learns, or take kind=dqn"


def _value(rules: Any, path: str) -> Any:
    for name in path.split("."):
        rules = getattr(rules, name)
    return rules

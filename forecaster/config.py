"""What can be set about features, network, training and split. Plain dataclasses: no torch, no pandas, no YAML."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["lstm", "gru", "rnn", "segment_lstm"]
Normalisation = Literal["none", "subtract_last", "revin"]


def _refuse(*laws: tuple[bool, str]) -> None:
    faults = [message for holds, message in laws if not holds]
    if faults:
        raise ValueError("; ".join(faults))


@dataclass(frozen=True, kw_only=True)
class FeatureConfig:
    """What the network reads of a bar.

    Attributes:
        volatility_bars: bars of each realised volatility, at least 2; may be empty.
        volume_bars: bars of the volume z-score, at least 2.
        calendar: hour, weekday and month as sine and cosine, each where it varies.
    """

    volatility_bars: tuple[int, ...] = (5, 20)
    volume_bars: int = 20
    calendar: bool = True

    def __post_init__(self) -> None:
        _refuse(
            (
                all(bars >= 2 for bars in self.volatility_bars),
                f"volatility_bars must be at least 2 bars each, were {list(self.volatility_bars)}",
            ),
            (
                len(set(self.volatility_bars)) == len(self.volatility_bars),
                f"volatility_bars must differ, were {list(self.volatility_bars)}",
            ),
            (self.volume_bars >= 2, f"volume_bars must be at least 2 bars, was {self.volume_bars}"),
        )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The recurrent network.

    Attributes:
        kind: `lstm`, `gru`, `rnn` (tanh) or `segment_lstm`.
        context_length: L, bars read before it speaks, at least 2.
        horizon: H, bars forecast, at least 1.
        hidden_size: D, units, at least 1.
        num_layers: stacked layers, at least 1.
        dropout: share of units dropped between layers while training, in [0, 1); without effect in one layer, but for
            `segment_lstm`, which also drops before its last linear layer.
        segment_length: bars that `segment_lstm` reads, and forecasts, in one step; a divisor of context_length.
        normalisation: what `segment_lstm` takes off a window before it reads and gives back to the forecast: nothing
            (`none`; right for returns), the last value (`subtract_last`), or mean and deviation (`revin`).
        linear_skip: whether `segment_lstm` adds a linear map of the window to its forecast.
    """

    kind: Kind = "lstm"
    context_length: int = 64
    horizon: int = 5
    hidden_size: int = 32
    num_layers: int = 1
    dropout: float = 0.0
    segment_length: int = 8
    normalisation: Normalisation = "none"
    linear_skip: bool = False

    def __post_init__(self) -> None:
        kinds = get_args(Kind)
        _refuse(
            (self.kind in kinds, f"kind must be one of {', '.join(kinds)}, was '{self.kind}'"),
            (self.context_length >= 2, f"context_length must be at least 2 bars, was {self.context_length}"),
            (self.horizon >= 1, f"horizon must be at least 1 bar, was {self.horizon}"),
            (self.hidden_size >= 1, f"hidden_size must be at least 1 unit, was {self.hidden_size}"),
            (self.num_layers >= 1, f"num_layers must be at least 1 layer, was {self.num_layers}"),
            (0.0 <= self.dropout < 1.0, f"dropout must be a fraction in [0, 1), was {self.dropout}"),
            *(self._segment_laws() if self.kind == "segment_lstm" else self._laws_without_segments()),
        )

    def _segment_laws(self) -> tuple[tuple[bool, str], ...]:
        bars, allowed = self.segment_length, get_args(Normalisation)
        return (
            (
                bars >= 1 and self.context_length % bars == 0,
                f"segment_length must divide context_length = {self.context_length} bars, was {bars}",
            ),
            (
                self.normalisation in allowed,
                f"normalisation must be one of {', '.join(allowed)}, was '{self.normalisation}'",
            ),
        )

    def _laws_without_segments(self) -> tuple[tuple[bool, str], ...]:
        defaults = {name: getattr(ModelConfig, name) for name in ("segment_length", "normalisation", "linear_skip")}
        return tuple(
            (
                getattr(self, name) == default,
                f"{name} is read by segment_lstm only: leave it at {default} for {self.kind}, "
                f"was {getattr(self, name)}",
            )
            for name, default in defaults.items()
        )


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How the network is fitted.

    Attributes:
        epochs: passes over the windows at most, at least 1.
        batch_size: windows per step, at least 1.
        learning_rate: AdamW step, positive.
        weight_decay: AdamW decay, at least 0.
        patience: epochs without a better stop loss before training ends, at least 1.
        gradient_clip: largest gradient norm, positive.
        early_stopping_fraction: last share of the forecaster's own rows held out for stopping, in (0, 0.5].
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    patience: int = 5
    gradient_clip: float = 1.0
    early_stopping_fraction: float = 0.15

    def __post_init__(self) -> None:
        share = self.early_stopping_fraction
        _refuse(
            (self.epochs >= 1, f"epochs must be at least 1, was {self.epochs}"),
            (self.batch_size >= 1, f"batch_size must be at least 1 window, was {self.batch_size}"),
            (0.0 < self.learning_rate < math.inf, f"learning_rate must be positive, was {self.learning_rate}"),
            (0.0 <= self.weight_decay < math.inf, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.patience >= 1, f"patience must be at least 1 epoch, was {self.patience}"),
            (0.0 < self.gradient_clip < math.inf, f"gradient_clip must be positive, was {self.gradient_clip}"),
            (0.0 < share <= 0.5, f"early_stopping_fraction must be a fraction in (0, 0.5], was {share}"),
        )


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """Who may see which rows, in order of time; the four shares sum to 1.

    Attributes:
        forecaster: share of the rows the network is fitted on.
        agent: share the agent learns on.
        validation: share that selects.
        test: share that is only reported.
        embargo_bars: rows skipped between two parts, at least 0.
    """

    forecaster: float = 0.5
    agent: float = 0.2
    validation: float = 0.1
    test: float = 0.2
    embargo_bars: int = 5

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("forecaster", "agent", "validation", "test")}
        total = sum(shares.values())
        _refuse(
            *(
                (0.0 < share < 1.0, f"{name} must be a fraction in (0, 1), was {share}")
                for name, share in shares.items()
            ),
            (abs(total - 1.0) < 1e-9, f"forecaster, agent, validation and test must sum to 1, their sum was {total:g}"),
            (self.embargo_bars >= 0, f"embargo_bars must be at least 0 bars, was {self.embargo_bars}"),
        )


@dataclass(frozen=True, kw_only=True)
class ForecasterConfig:
    """Everything that decides a fitted forecaster, but the data and the seed."""

    features: FeatureConfig
    model: ModelConfig
    trainer: TrainerConfig

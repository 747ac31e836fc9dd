"""The settings of `train_direct`. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

from trading_agent.common.config import _common_laws, _refuse


@dataclass(frozen=True, kw_only=True)
class DirectConfig:
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
        learning_rate: AdamW's step at the start; it falls to a tenth on a straight line.
        weight_decay: of AdamW.
        entropy_weight: worth of a nat of the entropy of levels, in typical moves of a bar, at the start; it falls to 0
            on a straight line. Without it a policy may be sure before it is right, and then learns no more.
        dropout: share of the features that are hidden from each update, at random, in [0, 1).
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: int
    kind: Literal["direct"] = "direct"
    num_envs: int = 128
    window_bars: int = 32
    hidden_sizes: tuple[int, ...] = (64, 64)
    context_length: int = 1
    lstm_units: int = 0
    start: Literal["random", "forecaster"] = "random"
    learning_rate: float = 3e-3
    weight_decay: float = 1.0
    entropy_weight: float = 0.1
    dropout: float = 0.15
    gradient_clip: float = 1.0
    validate_every: int = 250_000

    def __post_init__(self) -> None:
        _refuse(
            *_common_laws(self.steps, self.num_envs, 0.0, self.validate_every),
            (self.window_bars >= 2, f"window_bars must be at least 2 bars, was {self.window_bars}"),
            (self.context_length >= 1, f"context_length must be at least 1 bar, was {self.context_length}"),
            (self.lstm_units >= 0, f"lstm_units must be at least 0, was {self.lstm_units}"),
            (self.start in ("random", "forecaster"), f"start must be random or forecaster, was '{self.start}'"),
            (
                self.start == "random" or self.lstm_units > 0,
                f"lstm_units must be those of the forecaster with start=forecaster, was {self.lstm_units}",
            ),
            (
                len(self.hidden_sizes) > 0 and min(self.hidden_sizes, default=0) >= 1,
                f"hidden_sizes must name at least one layer of at least 1 unit, was {self.hidden_sizes}",
            ),
            (self.learning_rate > 0.0, f"learning_rate must be positive, was {self.learning_rate}"),
            (self.weight_decay >= 0.0, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.entropy_weight >= 0.0, f"entropy_weight must be at least 0, was {self.entropy_weight}"),
            (0.0 <= self.dropout < 1.0, f"dropout must be a share in [0, 1), was {self.dropout}"),
            (self.gradient_clip > 0.0, f"gradient_clip must be a positive norm, was {self.gradient_clip}"),
        )

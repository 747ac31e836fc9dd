"""What can be set about the long-horizon benchmark. Plain dataclasses: no torch, no pandas, no YAML."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from forecaster.config import ModelConfig, Precision

SplitRule = Literal["ett_hourly", "ett_minute", "ratio"]
Choice = Literal["auto", "none", "subtract_last", "revin"]  # a Normalisation, or the better of two
CHOICES = {"split": SplitRule, "precision": Precision, "normalisation": Choice}


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """A file, the protocol it is judged by, and one way to train that is the same for every file.

    Attributes:
        path: CSV of a time column and numeric columns, plain or gzipped; null where no benchmark is meant.
        split: `ett_hourly` and `ett_minute` take 12, 4 and 4 months of 30 days, of 24 or 96 rows a day; `ratio` takes
            7:1:2 of the rows.
        horizons: H, rows forecast, each judged by networks of its own.
        seeds: networks a horizon, at least 1; they are scored one by one and as the mean of their forecasts.
        minutes: wall time of a horizon at most, scoring included; training that has not taken its `steps` ends then.
        steps: training steps of a network at most.
        batch_size: windows of one channel each, per step.
        learning_rate: largest AdamW step; it rises over the first steps and falls to zero on a cosine.
        weight_decay: of AdamW.
        average: share of the old weights that the running average keeps at a step, in [0, 1); the average is judged.
        validations: times a network is judged on validation rows while it trains; the best is kept.
        validation_windows: windows of each of these at most, evenly spread.
        flip: whether a training window is turned upside down with a chance of one half: what rises could have fallen.
        processes: networks trained at the same time, a torch thread each; null for as many as there are cores.
        precision: `float32`, `bfloat16` (autocast), or `auto`, the one that trains faster here by measurement.
        context_length: L, rows read.
        segment_length: w, rows a recurrent step.
        hidden_size: D.
        num_layers: stacked layers.
        dropout: before the last linear layer, and between layers.
        normalisation: as in ModelConfig; `auto` tries `subtract_last` and `revin` for a quarter of the steps and goes
            on with the one of less validation error.
        linear_skip: as in ModelConfig.
        channel_embedding: whether each column has an embedding of its own.
    """

    path: str | None
    split: SplitRule
    horizons: tuple[int, ...]
    seeds: int
    minutes: float
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    average: float
    validations: int
    validation_windows: int
    flip: bool
    processes: int | None
    precision: Precision
    context_length: int
    segment_length: int
    hidden_size: int
    num_layers: int
    dropout: float
    normalisation: Choice
    linear_skip: bool
    channel_embedding: bool

    def __post_init__(self) -> None:
        counts = ("seeds", "steps", "batch_size", "validations", "validation_windows")
        distinct = len(set(self.horizons)) == len(self.horizons) > 0
        choices = {name: get_args(kind) for name, kind in CHOICES.items()}
        laws = (
            (
                distinct and all(horizon >= 1 for horizon in self.horizons),
                f"horizons must be different numbers of rows, at least 1 each, were {list(self.horizons)}",
            ),
            (0.0 < self.minutes < math.inf, f"minutes must be positive, was {self.minutes}"),
            (0.0 < self.learning_rate < math.inf, f"learning_rate must be positive, was {self.learning_rate}"),
            (0.0 <= self.weight_decay < math.inf, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.processes is None or self.processes >= 1, f"processes must be at least 1, was {self.processes}"),
            (0.0 <= self.average < 1.0, f"average must be a fraction in [0, 1), was {self.average}"),
            *((getattr(self, name) >= 1, f"{name} must be at least 1, was {getattr(self, name)}") for name in counts),
            *(
                (
                    getattr(self, name) in allowed,
                    f"{name} must be one of {', '.join(allowed)}, was '{getattr(self, name)}'",
                )
                for name, allowed in choices.items()
            ),
        )
        faults = [message for holds, message in laws if not holds]
        try:
            self.model(1)
        except ValueError as error:
            faults.append(str(error))
        if faults:
            raise ValueError("; ".join(faults))

    def model(self, horizon: int) -> ModelConfig:
        """Return the settings of the network for one horizon."""
        return ModelConfig(
            kind="segment_lstm",
            context_length=self.context_length,
            horizon=horizon,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            dropout=self.dropout,
            segment_length=self.segment_length,
            normalisation="revin" if self.normalisation == "auto" else self.normalisation,
            linear_skip=self.linear_skip,
        )

"""What can be set about the long-horizon benchmark. Must stay light: no torch, no pandas, no YAML."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from forecaster.config import (
    Bars,
    Fraction,
    Layers,
    ModelConfig,
    NonNegative,
    Positive,
    Precision,
    Processes,
    Units,
    WindowBars,
    Windows,
    refuse,
)

SplitRule = Literal["ett_hourly", "ett_minute", "ratio"]
Choice = Literal["auto", "none", "subtract_last", "revin"]  # a Normalisation, or the better of two
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class BenchmarkConfig:
    """A file, the protocol it is judged by, and one way to train that is the same for every file.

    Attributes:
        path: CSV of a time column and numeric columns, plain or gzipped; null where no benchmark is meant.
        split: `ett_hourly` and `ett_minute` take 12, 4 and 4 months of 30 days, of 24 or 96 rows a day; `ratio` takes
            7:1:2 of the rows.
        horizons: H, rows forecast, each judged by networks of its own.
        seeds: networks a horizon; they are scored one by one and as the mean of their forecasts.
        minutes: wall time of a horizon at most, scoring included; training that has not taken its `steps` ends then.
        steps: training steps of a network at most.
        batch_size: windows of one channel each, per step.
        learning_rate: largest AdamW step; it rises over the first steps and falls to zero on a cosine.
        weight_decay: of AdamW.
        average: share of the old weights that the running average keeps at a step; the average is judged.
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
    horizons: Annotated[tuple[Annotated[int, Field(ge=1, description="rows")], ...], Field(min_length=1)]
    seeds: Count
    minutes: Positive
    steps: Count
    batch_size: Windows
    learning_rate: Positive
    weight_decay: NonNegative
    average: Fraction
    validations: Count
    validation_windows: Windows
    flip: bool
    processes: Processes | None
    precision: Precision
    context_length: WindowBars
    segment_length: Bars
    hidden_size: Units
    num_layers: Layers
    dropout: Fraction
    normalisation: Choice
    linear_skip: bool
    channel_embedding: bool

    def __post_init__(self) -> None:
        distinct = len(set(self.horizons)) == len(self.horizons)
        refuse((distinct, f"horizons must be different numbers of rows, were {list(self.horizons)}"))
        self.model(1)  # has laws of its own

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

"""What can be set about features, network, training and split. Plain dataclasses: no torch, no pandas, no YAML."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "lstm",
    "gru",
    "rnn",
    "lstm_peephole",
    "lstm_layernorm",
    "lstm_attention",
    "segment_lstm",
    "slstm",
    "mlstm",
    "seq2seq",
]
Precision = Literal["float32", "bfloat16", "auto"]
Normalisation = Literal["none", "subtract_last", "revin"]
PATCHED = ("slstm", "mlstm")  # kinds that read patches of the window, never single bars
SEGMENTED = ("segment_lstm",)
FORESEEING = ("seq2seq",)  # kinds that read what is known of the bars ahead


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
        identity: whether one network that reads several instruments is told which of them it reads: a 0 or 1 an
            instrument, whose input weights are the instrument's embedding.
        static: numbers that describe an instrument and do not change, by instrument and name, the same names for each;
            for a network that reads several.
        custom: names of features of your own, one number a bar each
            (`forecaster.data.custom_features.register_feature`, or a plugin's group `feature`).
    """

    volatility_bars: tuple[int, ...] = (5, 20)
    volume_bars: int = 20
    calendar: bool = True
    identity: bool = False
    static: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    custom: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = {name: set(numbers) for name, numbers in self.static.items()}
        first = next(iter(names.values()), set())
        uneven = next((name for name, own in names.items() if own != first), "")
        _refuse(
            (not uneven, f"static must give every instrument the same names, did not for {uneven}"),
            (
                all(bars >= 2 for bars in self.volatility_bars),
                f"volatility_bars must be at least 2 bars each, were {list(self.volatility_bars)}",
            ),
            (
                len(set(self.volatility_bars)) == len(self.volatility_bars),
                f"volatility_bars must differ, were {list(self.volatility_bars)}",
            ),
            (len(set(self.custom)) == len(self.custom), f"custom must name each feature once, was {list(self.custom)}"),
            (self.volume_bars >= 2, f"volume_bars must be at least 2 bars, was {self.volume_bars}"),
        )


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The recurrent network.

    Attributes:
        kind: `lstm`, `gru`, `rnn` (tanh), `lstm_peephole`, `lstm_layernorm`, `lstm_attention`,
            `segment_lstm`, `slstm`, `mlstm` or `seq2seq`.
        context_length: L, bars read before it speaks, at least 2.
        horizon: H, bars forecast, at least 1.
        hidden_size: D, units, at least 1.
        num_layers: stacked layers, at least 1.
        dropout: share of units dropped between layers while training, in [0, 1); without effect in one layer, but for
            `segment_lstm`, which also drops before its last linear layer.
        head: what is said of each bar ahead: a `point`, 19 `quantile`s, a `student_t` distribution, or the chances of
            `bins`, classes of returns.
        bins: K, classes, equally frequent on the fit rows, at least 2; for the head of that name.
        patch_length: bars that `slstm` and `mlstm` read at a step, in [2, context_length]; refused for other kinds.
        num_heads: heads of `slstm` and `mlstm`, a divisor of hidden_size; refused for other kinds.
        segment_length: bars that `segment_lstm` reads, and forecasts, in one step; a divisor of context_length; this
            and the next two are refused for other kinds.
        normalisation: what `segment_lstm` takes off a window before it reads and gives back to the forecast: nothing
            (`none`; right for returns), the last value (`subtract_last`), or mean and deviation (`revin`).
        linear_skip: whether `segment_lstm` adds a linear map of the window to its forecast, learned with it.
        linear_base: whether the network is taught only what a linear forecast leaves: ridge regression from the window
            of changes and the last bar's features, fitted beforehand on the same rows; any kind, any head but `bins`.
    """

    kind: Kind = "lstm"
    context_length: int = 64
    horizon: int = 5
    hidden_size: int = 32
    num_layers: int = 1
    dropout: float = 0.0
    head: Literal["point", "quantile", "student_t", "bins"] = "point"
    bins: int = 9
    patch_length: int = 8
    num_heads: int = 4
    segment_length: int = 8
    normalisation: Normalisation = "none"
    linear_skip: bool = False
    linear_base: bool = False

    def __post_init__(self) -> None:
        kinds = get_args(Kind)
        _refuse(
            (self.kind in kinds, f"kind must be one of {', '.join(kinds)}, was '{self.kind}'"),
            (self.context_length >= 2, f"context_length must be at least 2 bars, was {self.context_length}"),
            (self.horizon >= 1, f"horizon must be at least 1 bar, was {self.horizon}"),
            (self.hidden_size >= 1, f"hidden_size must be at least 1 unit, was {self.hidden_size}"),
            (self.num_layers >= 1, f"num_layers must be at least 1 layer, was {self.num_layers}"),
            (0.0 <= self.dropout < 1.0, f"dropout must be a fraction in [0, 1), was {self.dropout}"),
            (2 <= self.bins <= 1000, f"bins must lie in [2, 1000] classes, was {self.bins}"),
            (
                not (self.linear_base and self.head == "bins"),
                "linear_base must be false with head=bins: classes have no centre that a forecast could move",
            ),
            *self._special_laws(),
        )

    def _special_laws(self) -> list[tuple[bool, str]]:
        """What only some kinds read: in range where it is read, and left alone where it is not."""
        length, width = self.context_length, self.hidden_size
        patch, heads, bars = self.patch_length, self.num_heads, self.segment_length
        known = ", ".join(get_args(Normalisation))
        laws: dict[str, tuple[tuple[str, ...], bool, str]] = {
            "patch_length": (
                PATCHED,
                2 <= patch <= length,
                f"must lie in [2, context_length = {length}] bars, was {patch}",
            ),
            "num_heads": (
                PATCHED,
                heads >= 1 and width % max(heads, 1) == 0,
                f"must divide hidden_size = {width}, was {heads}",
            ),
            "segment_length": (
                SEGMENTED,
                bars >= 1 and length % max(bars, 1) == 0,
                f"must divide context_length = {length} bars, was {bars}",
            ),
            "normalisation": (
                SEGMENTED,
                self.normalisation in get_args(Normalisation),
                f"must be one of {known}, was '{self.normalisation}'",
            ),
            "linear_skip": (SEGMENTED, True, ""),
        }
        found = []
        for name, (kinds, holds, law) in laws.items():
            default, value = getattr(ModelConfig, name), getattr(self, name)
            alone = f"is read by {' and '.join(kinds)} only: leave it at {default} for {self.kind}, was {value}"
            found.append((holds, f"{name} {law}") if self.kind in kinds else (value == default, f"{name} {alone}"))
        return found


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
        loss: of the `point` head: `huber`, `mse` or `mae`; the other heads have their own.
        precision: arithmetic of the training: `float32`; `bfloat16`, by autocast; or `auto`, the faster of the two by
            measurement, so that the same seed gives the same weights only where it comes to the same answer.
        members: networks of different seeds, whose forecasts are averaged, at least 1; the hidden state is the first's.
        processes: members trained at the same time, a torch thread each; null for as many as there are cores. A process
            takes seconds to start, and so pays for trainings of a minute and more.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    patience: int = 5
    gradient_clip: float = 1.0
    early_stopping_fraction: float = 0.15
    loss: Literal["huber", "mse", "mae"] = "huber"
    precision: Precision = "float32"
    members: int = 1
    processes: int | None = 1

    def __post_init__(self) -> None:
        share = self.early_stopping_fraction
        _refuse(
            (self.epochs >= 1, f"epochs must be at least 1, was {self.epochs}"),
            (self.batch_size >= 1, f"batch_size must be at least 1 window, was {self.batch_size}"),
            (0.0 < self.learning_rate < math.inf, f"learning_rate must be positive, was {self.learning_rate}"),
            (0.0 <= self.weight_decay < math.inf, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.patience >= 1, f"patience must be at least 1 epoch, was {self.patience}"),
            (0.0 < self.gradient_clip < math.inf, f"gradient_clip must be positive, was {self.gradient_clip}"),
            (1 <= self.members <= 100, f"members must lie in [1, 100] networks, was {self.members}"),
            (self.processes is None or self.processes >= 1, f"processes must be at least 1, was {self.processes}"),
            (
                self.precision in get_args(Precision),
                f"precision must be one of {', '.join(get_args(Precision))}, was '{self.precision}'",
            ),
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
class BaselineConfig:
    """Forecasts beside the network's, besides those that are always there.

    Attributes:
        classical: of `auto_ets` and `auto_arima`, each once; they need the extra `[classical]`.
        fit_bars: bars at the end of the forecaster's part that they are fitted on, and read before each forecast; in
            [50, 5000]. A second or so for 500 bars, and 1 to 5 ms a forecast.
    """

    classical: tuple[Literal["auto_ets", "auto_arima"], ...] = ()
    fit_bars: int = 500

    def __post_init__(self) -> None:
        _refuse(
            (
                len(set(self.classical)) == len(self.classical),
                f"classical must name each model once, was {list(self.classical)}",
            ),
            (50 <= self.fit_bars <= 5000, f"fit_bars must lie in [50, 5000] bars, was {self.fit_bars}"),
        )


@dataclass(frozen=True, kw_only=True)
class ForecasterConfig:
    """Everything that decides a fitted forecaster, but the data and the seed."""

    features: FeatureConfig
    model: ModelConfig
    trainer: TrainerConfig

"""What can be set about features, network, training and split: ranges and units stand in the types.

Must stay light: no torch, no pandas, no YAML.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from forecaster.lightning_arguments import faults
from forecaster.registry import BASELINES, CALLBACKS, FEATURES, HEADS, LOSSES, MODELS

T = TypeVar("T")
Kind = Annotated[str, AfterValidator(MODELS.known)]
Precision = Literal["float32", "bfloat16", "auto"]
Normalisation = Literal["none", "subtract_last", "revin"]
Scaled = Literal["rows", "context"]
PATCHED = ("slstm", "mlstm")  # kinds that read patches of the window, never single bars
SEGMENTED = ("segment_lstm",)
POOLED = ("lstm", "gru", "rnn")  # kinds of which a classifier can pool all states
FORESEEING = ("seq2seq", "day_lstm")  # kinds that read future covariates
UNREAD_OF_CASES = ("loss", "precision", "patience", "windows_per_epoch", "early_stopping_fraction", "processes")
DAYWISE = ("day_lstm",)  # kinds that read days, and forecast a day at a time
SPECIAL = {
    "patch_length": PATCHED,
    "num_heads": PATCHED,
    "segment_length": SEGMENTED,
    "normalisation": SEGMENTED,
    "linear_skip": SEGMENTED,
}  # settings that only some kinds read

Bars = Annotated[int, Field(ge=1, description="bars")]
WindowBars = Annotated[int, Field(ge=2, description="bars")]  # of what needs more than one bar to be computed
Units = Annotated[int, Field(ge=1, description="units")]
Layers = Annotated[int, Field(ge=1, description="layers")]
Windows = Annotated[int, Field(ge=1, description="windows")]
Processes = Annotated[int, Field(ge=1, description="processes")]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False, description="a fraction")]
DaysOfMembers = Annotated[
    tuple[Annotated[int, Field(ge=28, description="days")], ...], Field(min_length=1, description="numbers of days")
]
Share = Annotated[float, Field(gt=0.0, lt=1.0, allow_inf_nan=False, description="a fraction")]


def refuse(*laws: tuple[bool, str]) -> None:
    """Raise one ValueError that names every law across fields which does not hold."""
    broken = [message for holds, message in laws if not holds]
    if broken:
        raise ValueError("; ".join(broken))


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


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class FeatureConfig:
    """What the network reads of a bar.

    Attributes:
        volatility_bars: of each realised volatility; may be empty.
        volume_bars: of the volume z-score.
        calendar: hour, weekday and month as sine and cosine, each where it varies.
        identity: whether one network that reads several instruments is told which of them it reads: a 0 or 1 an
            instrument, whose input weights are the instrument's embedding.
        static: numbers that describe an instrument and do not change, by instrument and name, the same names for each;
            for a network that reads several.
        custom: names of features of your own, one number a bar each
            (`forecaster.data.custom_features.register_feature`, or a plugin's group `feature`).
        selection: whether the network reads only what helps to forecast the next change on the fit rows
            (`forecaster.data.selection`), out of all of the above and more: the level of the price, the season of the
            year, and means of every column over `mean_bars`.
        mean_bars: of those means; may be empty.
        cross_section: how an instrument is compared with the others that trade in a bar, by its change and its sums of
            the last `momentum_bars` changes: its `rank`, its `zscore`, both, or not at all; for a network that reads
            several.
        momentum_bars: of those sums; may be empty.
        chart_bars: bars of the open-high-low-close chart that a convolution reads at each bar, beside the numbers; 0
            draws none. The paper's are 5, 20 and 60 (docs/modalities.md).
    """

    volatility_bars: tuple[WindowBars, ...] = (5, 20)
    volume_bars: WindowBars = 20
    calendar: bool = True
    identity: bool = False
    static: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    custom: tuple[Annotated[str, AfterValidator(FEATURES.known)], ...] = ()
    selection: bool = False
    mean_bars: tuple[WindowBars, ...] = (5, 20)
    cross_section: tuple[Literal["rank", "zscore"], ...] = ()
    momentum_bars: tuple[WindowBars, ...] = (5, 20)
    chart_bars: Annotated[int, Field(ge=0, le=60, description="bars")] = 0

    def __post_init__(self) -> None:
        names = {instrument: set(numbers) for instrument, numbers in self.static.items()}
        first = next(iter(names.values()), set())
        uneven = next((instrument for instrument, others in names.items() if others != first), "")
        refuse(
            (not uneven, f"static must give every instrument the same names, did not for {uneven}"),
            *(
                (len(set(bars)) == len(bars), f"{name} must differ, were {list(bars)}")
                for name, bars in {
                    "volatility_bars": self.volatility_bars,
                    "mean_bars": self.mean_bars,
                    "momentum_bars": self.momentum_bars,
                    "the words of cross_section": self.cross_section,
                }.items()
            ),
            (len(set(self.custom)) == len(self.custom), f"custom must name each feature once, was {list(self.custom)}"),
        )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ModelConfig:
    """The recurrent network.

    Attributes:
        kind: the architecture; `rnn` has tanh units (docs/forecaster.md). Here and below, where names are listed, a
            plug-in may bring others (docs/plugins.md).
        context_length: L, bars read before it speaks.
        horizon: H, bars forecast.
        hidden_size: D.
        num_layers: stacked layers.
        dropout: share of units dropped between layers while training; without effect in one layer, but for
            `segment_lstm`, which also drops before its last linear layer, and of classifiers, which drop units before
            the softmax and of words' vectors.
        head: what is said of each bar ahead: a `point`, 19 `quantile`s, a `student_t` distribution, or the chances of
            `bins`, classes of returns.
        bins: K, classes, equally frequent on the fit rows; for the head of that name.
        patch_length: bars that `slstm` and `mlstm` read at a step, at most context_length; refused for other kinds.
        num_heads: heads of `slstm` and `mlstm`, a divisor of hidden_size; refused for other kinds.
        segment_length: bars that `segment_lstm` reads, and forecasts, in one step; a divisor of context_length; this
            and the next two are refused for other kinds.
        normalisation: what `segment_lstm` takes off a window before it reads and gives back to the forecast: nothing
            (`none`; right for returns), the last value (`subtract_last`), or mean and deviation (`revin`).
        linear_skip: whether `segment_lstm` adds a linear map of the window to its forecast, learned with it.
        linear_base: whether the network is taught only what a linear forecast leaves: ridge regression from the window
            of changes and the last bar's features, fitted beforehand on the same rows; any kind, any head but `bins`.
        scaling: what a window is scaled by: mean and deviation of the `rows` that are fitted, feature by feature; or
            its own, those of its `context`, so that nothing of a series need be known but the window. The forecast is
            then in deviations of the window's changes.
        pretrained: folder of a forecaster whose weights the training begins with, of the same settings and columns and
            of any instruments; null begins anew. `trainer.epochs=0` serves the weights as they are.
    """

    kind: Kind = "lstm"
    context_length: WindowBars = 64
    horizon: Bars = 5
    hidden_size: Units = 32
    num_layers: Layers = 1
    dropout: Fraction = 0.0
    head: Annotated[str, AfterValidator(HEADS.known)] = "point"
    bins: Annotated[int, Field(ge=2, le=1000, description="classes")] = 9
    patch_length: WindowBars = 8
    num_heads: Annotated[int, Field(ge=1, description="heads")] = 4
    segment_length: Bars = 8
    normalisation: Normalisation = "none"
    linear_skip: bool = False
    linear_base: bool = False
    scaling: Scaled = "rows"
    pretrained: Annotated[str, Field(min_length=1, description="the name of a folder")] | None = None

    def __post_init__(self) -> None:
        length, patch, heads, segment = self.context_length, self.patch_length, self.num_heads, self.segment_length
        laws = {
            "patch_length": (patch <= length, f"must lie in [2, context_length = {length}] bars, was {patch}"),
            "num_heads": (self.hidden_size % heads == 0, f"must divide hidden_size = {self.hidden_size}, was {heads}"),
            "segment_length": (length % segment == 0, f"must divide context_length = {length} bars, was {segment}"),
        }
        for name, kinds in SPECIAL.items():
            default, value = getattr(ModelConfig, name), getattr(self, name)
            alone = f"is read by {' and '.join(kinds)} only: leave it at {default} for {self.kind}, was {value}"
            if self.kind not in kinds:
                laws[name] = (value == default, alone)
        refuse(
            (
                not (self.linear_base and self.head == "bins"),
                "linear_base must be false with head=bins: classes have no centre that a forecast could move",
            ),
            *((holds, f"{name} {law}") for name, (holds, law) in laws.items()),
            *self._laws_of_days(),
            *self._laws_of_contexts(),
        )

    def _laws_of_days(self) -> tuple[tuple[bool, str], ...]:
        if self.kind not in DAYWISE:
            return ()
        given = {
            "head": ("point", self.head),
            "num_layers": (1, self.num_layers),
            "linear_base": (False, self.linear_base),
            "scaling": ("rows", self.scaling),
            "pretrained": (None, self.pretrained),
        }
        return tuple(
            (value == asked, f"{name} must be {asked} for {self.kind}, was {value}")
            for name, (asked, value) in given.items()
        )

    def _laws_of_contexts(self) -> tuple[tuple[bool, str], ...]:
        """Return what a window that is scaled by itself leaves no place for."""
        if self.scaling == "rows":
            return ()
        return (
            (self.head != "bins", "head must not be bins with scaling=context: classes are those of the fit rows"),
            (not self.linear_base, "linear_base must be false with scaling=context: it reads what the fit rows scale"),
            (
                self.normalisation == "none",
                f"normalisation must be none with scaling=context, was {self.normalisation}",
            ),
        )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class TrainerConfig:
    """How the network is fitted.

    Attributes:
        epochs: passes over the windows at most; 0 leaves the weights of `model.pretrained` as they are.
        batch_size: windows per step.
        windows_per_epoch: windows of an epoch at most, drawn anew each epoch, and of several instruments as many of the
            stop rows; null for all of them. 500 instruments of ten years of days have a million.
        learning_rate: AdamW step.
        weight_decay: AdamW decay.
        patience: epochs without a better stop loss before training ends.
        gradient_clip: largest gradient norm.
        early_stopping_fraction: last share of the forecaster's own rows held out for stopping.
        loss: of the `point` head: `huber`, `mse` or `mae`; the other heads have their own.
        precision: arithmetic of the training: `float32`; `bfloat16`, by autocast; or `auto`, the faster of the two by
            measurement, so that the same seed gives the same weights only where it comes to the same answer.
        members: networks of different seeds, whose forecasts are averaged; the hidden state is the first's.
        processes: members trained at the same time, a torch thread each; null for as many as there are cores. A process
            takes seconds to start, and so pays for trainings of a minute and more.
        lightning: further arguments of `pytorch_lightning.Trainer`, by name, but those that keys of ours set;
            `gradient_clip_val` takes the place of `gradient_clip`. For networks that read bars.
        callbacks: names of Lightning callbacks of your own (`forecaster.registry.CALLBACKS.register`, or a plugin's
            group `callback`). For networks that read bars.
    """

    epochs: Annotated[int, Field(ge=0)] = 30
    batch_size: Windows = 64
    windows_per_epoch: Windows | None = 30_000
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 1e-2
    patience: Annotated[int, Field(ge=1, description="epochs")] = 5
    gradient_clip: Positive = 1.0
    early_stopping_fraction: Annotated[float, Field(gt=0.0, le=0.5, allow_inf_nan=False, description="a fraction")] = (
        0.15
    )
    loss: Annotated[str, AfterValidator(LOSSES.known)] = "huber"
    precision: Precision = "float32"
    members: Annotated[int, Field(ge=1, le=100, description="networks")] = 1
    processes: Processes | None = 1
    lightning: Mapping[str, Any] = field(default_factory=dict)
    callbacks: tuple[Annotated[str, AfterValidator(CALLBACKS.known)], ...] = ()

    def __post_init__(self) -> None:
        once = len(set(self.callbacks)) == len(self.callbacks)
        refuse(
            *((False, fault) for fault in faults(self.lightning)),
            (once, f"callbacks must name each callback once, was {list(self.callbacks)}"),
        )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class RecalibrationConfig:
    """How networks that read days are fitted anew as days come, from the weights at hand.

    Attributes:
        every_days: days between two refits, each on all days known by then; null: fitted once.
        windows_days: how far back members learn, in turn: the first as far as the first of them says.
        scales_days: days whose prices say what is usual, and so what the unit of a day is: the first for as many
            members as there are windows, then the next; after the last of them the first again, with other weights.
        steps: of a refit.
        learning_rate: of a refit, and at the end of the first fit.
        recent_days: the last days, from which `recent_share` of a refit's days are drawn.
        recent_share: that share.
        perceptrons: networks without memory beside the members, with windows and units in the same turn.
        kernels: whether a regression by kernels stands beside them, one for each unit; LSTMs, perceptrons and kernels
            are averaged, one kind as much as another.
        holidays: ISO 3166 code of a country, such as NO, or of a part of it, such as US-TX, whose holidays are told;
            null tells none. Needs the extra `holidays`.
    """

    every_days: Annotated[int, Field(ge=1, description="days")] | None = 1
    windows_days: DaysOfMembers = (728, 1456)
    scales_days: DaysOfMembers = (91, 182, 364)
    steps: Annotated[int, Field(ge=1, le=10_000, description="steps")] = 16
    learning_rate: Positive = 2e-4
    recent_days: Annotated[int, Field(ge=7, description="days")] = 84
    recent_share: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, description="a fraction")] = 0.5
    perceptrons: Annotated[int, Field(ge=0, le=100, description="networks")] = 6
    kernels: bool = True
    holidays: str | None = None


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class SplitConfig:
    """Who may see which rows, in order of time; the four shares sum to 1.

    Attributes:
        forecaster: share of the rows the network is fitted on.
        agent: share the agent learns on.
        validation: share that selects.
        test: share that is only reported.
        embargo_bars: rows skipped between two parts.
    """

    forecaster: Share = 0.5
    agent: Share = 0.2
    validation: Share = 0.1
    test: Share = 0.2
    embargo_bars: Annotated[int, Field(ge=0, description="bars")] = 5

    def __post_init__(self) -> None:
        total = self.forecaster + self.agent + self.validation + self.test
        sums = abs(total - 1.0) < 1e-9
        refuse((sums, f"forecaster, agent, validation and test must sum to 1, their sum was {total:g}"))


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class BaselineConfig:
    """Forecasts beside the network's, besides those that are always there.

    Attributes:
        classical: of `auto_ets` and `auto_arima`, each once; they need the extra `[classical]`.
        fit_bars: bars at the end of the forecaster's part that they are fitted on, and read before each forecast. A
            second or so for 500 bars, and 1 to 5 ms a forecast.
        boosting: whether LightGBM on the same features stands beside the network of several instruments; it needs the
            extra `[boosting]`.
        custom: names of baselines of your own (`forecaster.baselines.custom`), each once.
    """

    classical: tuple[Literal["auto_ets", "auto_arima"], ...] = ()
    fit_bars: Annotated[int, Field(ge=50, le=5000, description="bars")] = 500
    boosting: bool = False
    custom: tuple[Annotated[str, AfterValidator(BASELINES.known)], ...] = ()

    def __post_init__(self) -> None:
        refuse(
            *(
                (len(set(names)) == len(names), f"{key} must name each {noun} once, was {list(names)}")
                for key, noun, names in (("classical", "model", self.classical), ("custom", "baseline", self.custom))
            )
        )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ForecasterConfig:
    """Everything that decides a fitted forecaster, but the data and the seed."""

    features: FeatureConfig
    model: ModelConfig
    trainer: TrainerConfig
    recalibration: RecalibrationConfig = RecalibrationConfig()

    def __post_init__(self) -> None:
        refuse_together(self.features, self.model, self.trainer)


def refuse_together(features: FeatureConfig, model: ModelConfig, trainer: TrainerConfig) -> None:
    """Refuse what features, network and training cannot have together.

    Raises:
        ValueError: every fault, joined.
    """
    unvaried = "features.static" if features.static else "features.identity"
    refuse(
        (
            trainer.epochs > 0 or model.pretrained is not None,
            "trainer.epochs must be at least 1 without model.pretrained, was 0: a network that was never fitted says "
            "nothing",
        ),
        (
            model.scaling == "rows" or not (features.static or features.identity),
            f"{unvaried} must be left out with model.scaling=context: what does not vary in a window is not read there",
        ),
    )


def as_kept(kind: type[T], plain: Mapping[str, Any]) -> T:
    """Return settings that were kept beside weights.

    Raises:
        ValueError: they hold what this release does not know.
    """
    try:
        return TypeAdapter(kind).validate_python(plain)
    except ValidationError as error:
        names = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise ValueError(
            f"its settings hold what this release does not know ({names}): another release made it; ask it with that "
            "one, or train again"
        ) from None

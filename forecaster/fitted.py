"""Fit a forecaster on its own rows, and keep it: weights as safetensors, everything else as JSON."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import nn

from forecaster.config import ForecasterConfig, Precision, as_kept
from forecaster.data.features import FeatureTable, scale, senses_read, static_features
from forecaster.data.future_covariates import FutureReader
from forecaster.data.panel import build_panel_features
from forecaster.data.selection import Reading
from forecaster.data.senses import Sense, SenseTables
from forecaster.data.series import Series, Target
from forecaster.networks.heads import equal_bins
from forecaster.training.checkpoint import FILE, read_state
from forecaster.training.ensemble import Ensemble, MemberTraining, train_ensemble
from forecaster.training.identity import SEED, begin, flat
from forecaster.training.instruments import Scaling
from forecaster.training.linear_base import base_among
from forecaster.training.module import LSTMForecaster
from forecaster.training.trainer import Progress
from forecaster.training.training_set import TrainingSet, Units, linear_base, training_set

Array = NDArray[np.float64]
WEIGHTS, FACTS = "weights.safetensors", "forecaster.json"
MOST_NAMED = 4  # columns that a sentence names
OWN = (
    "static",
    "mean",
    "std",
    "target_scale",
    "naive_mae",
    "ridge",
    "ridge_limits",
    "dlinear",
)  # of one instrument, not shared


@dataclass(frozen=True, eq=False)
class FittedForecaster:
    """A network and all that is needed to use it on one instrument; instruments fitted together share the network.

    Attributes:
        config: features, network and training.
        instrument: the name of what it was fitted on.
        static: (S,) scaled numbers of the instrument that do not change.
        feature_names: F names, in the order of the network's inputs.
        mean: (F,) of the features on the fit rows.
        std: (F,) of the features on the fit rows; 1 where a feature did not vary.
        target: what is forecast, `log_return`, `relative_return` or `difference`.
        target_scale: standard deviation of the changes that were fitted; the network's unit.
        naive_mae: mean absolute change of the fitted labels, the denominator of MASE.
        ridge: (F + 1, H) weights of the ridge baseline, fitted on the same rows.
        dlinear: (L + 1, H) weights of the DLinear baseline, fitted on the same rows.
        senses: what it reads beside numbers: texts, pictures.
        ridge_limits: (2, H) the least and the most that ridge said on the fit rows, which it is held to elsewhere; None
            of forecasters saved before it was.
        fit_end: last decision row it was fitted on, or stopped by, in the series it was fitted on.
        fit_end_time: close of the last bar that its labels reached.
        bar_length: of the series it was fitted on.
        history: per epoch, the loss on fit and on stop rows, of all starts that were tried; of an ensemble's first
            member.
        model: the network, or the ensemble of them, in evaluation mode.
        reader: how the network reads future covariates; None if it does not.
        reading: which features the network reads; None: all.
        precision: the arithmetic it was trained in, `float32` or `bfloat16`.
    """

    config: ForecasterConfig
    instrument: str
    static: Array
    feature_names: tuple[str, ...]
    target: Target
    mean: Array
    std: Array
    target_scale: float
    naive_mae: float
    ridge: Array
    dlinear: Array
    fit_end: int
    fit_end_time: pd.Timestamp
    bar_length: pd.Timedelta
    history: tuple[dict[str, float], ...]
    model: LSTMForecaster | Ensemble
    reader: FutureReader | None = None
    precision: Precision = "float32"
    reading: Reading | None = None
    ridge_limits: Array | None = None
    senses: tuple[Sense, ...] = ()

    def scaled(self, features: Array) -> Array:
        """Return (T, F) features in the network's units; 0, the mean, where a column that may be missing is."""
        return scale(features, self.mean, self.std, self.feature_names)

    def inputs(self, features: Array) -> Array:
        """Return (T, S) what the network reads of (T, F) features."""
        return self.read(self.scaled(features))

    def read(self, scaled: Array) -> Array:
        """Return (T, S) what the network reads of (T, F) scaled features."""
        return scaled if self.reading is None else self.reading.read(scaled)

    def sense_tables(self, tables: Sequence[FeatureTable]) -> SenseTables:
        """Return what the network reads beside numbers, of the feature tables of A instruments."""
        return SenseTables.of(self.senses, [table.senses for table in tables])

    def fingerprint(self) -> dict[str, bytes]:
        """Return what the fit depends on, by what would show it: the scaler, the labels alone, all that was learned."""
        labels = repr((self.naive_mae, self.fit_end, self.fit_end_time.isoformat())).encode() + self.dlinear.tobytes()
        facts = (self.target_scale, self.history, self.reader, self.reading)
        weights = b"".join(tensor.detach().numpy().tobytes() for tensor in self.model.state_dict().values())
        learned = repr(facts).encode() + self.ridge.tobytes() + labels + weights
        return {"scaler": self.mean.tobytes() + self.std.tobytes(), "labels": labels, "learned": learned}

    def save(self, folder: Path) -> None:
        """Write the forecaster into an existing folder."""
        save_panel({self.instrument: self}, folder)


def save_panel(panel: Mapping[str, FittedForecaster], folder: Path) -> None:
    """Write forecasters that share one network into an existing folder."""
    first = next(iter(panel.values()))
    save_file(first.model.state_dict(), folder / WEIGHTS)
    facts = {
        "config": asdict(first.config),
        "feature_names": first.feature_names,
        "target": first.target,
        "fit_end": first.fit_end,
        "fit_end_time": first.fit_end_time.isoformat(),
        "bar_length": str(first.bar_length),
        "history": first.history,
        "precision": first.precision,
        "reader": None if first.reader is None else asdict(first.reader),
        "reading": None if first.reading is None else asdict(first.reading),
        "senses": [asdict(sense) for sense in first.senses],
        "instruments": {name: _own_facts(fitted) for name, fitted in panel.items()},
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _own_facts(fitted: FittedForecaster) -> dict[str, Any]:
    values = {name: getattr(fitted, name) for name in OWN if getattr(fitted, name) is not None}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def load_forecaster(folder: Path, instrument: str | None = None) -> FittedForecaster:
    """Read one instrument's forecaster of what `save_panel` wrote; nothing in it can execute code.

    Args:
        folder: where it was written.
        instrument: which of the instruments that share the network; None for the only one.

    Raises:
        ValueError: there is no such instrument, or none is named and there are several.
    """
    panel = load_panel(folder)
    name = str(next(iter(panel)) if instrument is None and len(panel) == 1 else instrument)
    if name not in panel:
        raise ValueError(f"instrument must be one of {', '.join(panel)}, which it was fitted on, was {name}")
    return panel[name]


def load_panel(folder: Path) -> dict[str, FittedForecaster]:
    """Read what `save_panel` wrote, by instrument: one network for them all; nothing in it can execute code."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    instruments: dict[str, dict[str, Any]] = facts.pop("instruments")
    config = as_kept(ForecasterConfig, facts["config"])
    reader = TypeAdapter(FutureReader | None).validate_python(facts["reader"])
    reading = TypeAdapter(Reading | None).validate_python(facts.get("reading"))
    senses = TypeAdapter(tuple[Sense, ...]).validate_python(facts.get("senses", ()))
    blank = ([0.0] * (config.model.bins + 1), [0.0] * config.model.bins)  # edges and means are among the weights
    num_read = len(facts["feature_names"] if reading is None else reading.columns)
    num_static = len(next(iter(instruments.values()))["static"])
    inputs, num_future = num_read + num_static, len(reader.names) if reader else 0
    saved = load_file(folder / WEIGHTS)
    places = [""] if config.trainer.members == 1 else [f"members.{number}." for number in range(config.trainer.members)]
    with torch.random.fork_rng():  # a new module draws weights, which `saved` replaces
        networks = [
            LSTMForecaster(config.model, config.trainer, inputs, blank, num_future, base_among(saved, place), senses)
            for place in places
        ]
    model = networks[0] if len(networks) == 1 else Ensemble(networks)
    model.load_state_dict(saved)
    facts |= {
        "config": config,
        "reader": reader,
        "reading": reading,
        "senses": senses,
        "feature_names": tuple(facts["feature_names"]),
        "history": tuple(facts["history"]),
        "fit_end_time": pd.Timestamp(facts["fit_end_time"]),
        "bar_length": pd.Timedelta(facts["bar_length"]),
        "model": model.eval(),
    }
    return {name: FittedForecaster(instrument=name, **facts, **_arrays(own)) for name, own in instruments.items()}


def _arrays(own: Mapping[str, Any]) -> dict[str, Any]:
    return {key: np.array(value) if isinstance(value, list) else value for key, value in own.items()}


def fit_forecaster(
    series: Series, config: ForecasterConfig, rows: range, *, seed: int, progress: Progress | None = None
) -> FittedForecaster:
    """Fit a forecaster on the bars `rows` of a series of one instrument; see `fit_panel`.

    Raises:
        ValueError: the series has several instruments, or what `fit_panel` raises.
    """
    if len(series.instruments) != 1:
        raise ValueError(f"fit_forecaster fits one instrument, the series has {', '.join(series.instruments)}")
    (fitted,) = fit_panel(series, config, rows, seed=seed, progress=progress).values()
    return fitted


def prepared_training(
    series: Series,
    config: ForecasterConfig,
    rows: range,
    *,
    seed: int,
    initial: Mapping[str, FittedForecaster] | None = None,
) -> tuple[TrainingSet, MemberTraining]:
    """Return all that `fit_panel` trains a network on, and its training before it begins; arguments as there.

    Raises:
        ValueError: as there, but for a training that diverged.
    """
    initial, goes_on = initial_of(config, initial)
    start = None if initial is None else next(iter(initial.values()))
    if start is not None:
        refuse_start(start, series, config, "initial" if goes_on else "model.pretrained")
        if goes_on:
            _refuse_later(start, series, rows)
    lessons = training_set(series, config, rows, None if initial is None else _units(initial, goes_on))
    bins = None
    if config.model.head == "bins":
        targets = [part.fit_target / part.facts["target_scale"] for part in lessons.parts]
        bins = equal_bins(np.concatenate(targets), config.model.bins)
    base, optional = linear_base(lessons, config.model) if start is None else (None, False)
    settings = (config.model, config.trainer, bins, base, optional)
    weights = None
    if start is not None:
        first = start.model.members[0] if isinstance(start.model, Ensemble) else start.model
        weights = first.state_dict()
    return lessons, MemberTraining(lessons.data, *settings, lessons.future, lessons.reader, seed, weights)


def fit_panel(
    series: Series,
    config: ForecasterConfig,
    rows: range,
    *,
    seed: int,
    progress: Progress | None = None,
    initial: Mapping[str, FittedForecaster] | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> dict[str, FittedForecaster]:
    """Fit one network on the bars `rows` of A instruments; later bars are cut off before anything else.

    Every instrument is scaled by its own fit rows, and is forecast by its own ridge and DLinear; the network's weights
    are common. It learns from windows that lie in an instrument's own history, and whose labels are changes that it had
    (`Series.has_change`). An instrument that has fewer than `OWN_ROWS` such fit rows, or lists only later, is scaled
    and forecast by what all the instruments' rows together say, and by nothing of its own that comes later.

    Args:
        series: T bars.
        config: features, network, training.
        rows: the forecaster's part; its last share stops the training.
        seed: of the weights and of the shuffling.
        progress: called after each epoch with (epoch, epochs, losses).
        initial: forecasters of one network, by instrument, whose weights the training begins from; None begins anew.
            What the weights were learned in is kept: the scales of features, changes and future covariates, which
            features are read, the bins, and the linear base or that there is none. Ridge, DLinear and `naive_mae` are
            fitted anew, as is the scaling of an instrument that is not among them; the optimiser begins anew. None
            begins from `config.model.pretrained`, if there is one: then the scales of features and changes are fitted
            anew for all instruments, which may be any.
        checkpoint: folder that holds the newest state after every epoch, replaced atomically; None: nothing is written.
        resume: such a folder of an earlier, interrupted call with the same arguments; it is left as it is, and gone on
            in where there is no `checkpoint`. The outcome equals, bit for bit, that of a call never interrupted. None
            begins anew.

    Returns:
        By instrument, the network of the epoch with the least stop loss.

    Raises:
        ValueError: too few rows, rows outside the series, an instrument that `features.static` does not describe, a
            column without a value on the fit rows, a training that diverged, or an `initial` that has other sizes or
            features, or has seen bars after `rows`; or `resume` holds no checkpoint of this very training.
        KeyboardInterrupt: Ctrl-C.
    """
    lessons, job = prepared_training(series, config, rows, seed=seed, initial=initial)
    initial, _ = initial_of(config, initial)
    start = None if initial is None else next(iter(initial.values()))
    job = replace(job, checkpoint=checkpoint if checkpoint is not None else resume)
    if job.checkpoint is not None:
        for file in [] if resume is None else resume.rglob(FILE):
            read_state(file)  # one that is damaged is refused before anything is written
        begin(job.checkpoint, _identity(job, lessons.past, config, start), resume)
    model, log, precision = train_ensemble(job, progress, None if start is None else start.model)
    return panel_of(lessons, model, config, rows, log=log, precision=precision)


def panel_of(
    lessons: TrainingSet,
    model: LSTMForecaster | Ensemble,
    config: ForecasterConfig,
    rows: range,
    *,
    log: Sequence[dict[str, float]] = (),
    precision: Precision = "float32",
) -> dict[str, FittedForecaster]:
    """Return a network that was trained, on `lessons`, with each instrument's scales and rivals beside it.

    Args:
        lessons: what `prepared_training` made of the same `config` and `rows`.
        model: the network, whoever trained it.
        config: features, network, training.
        rows: the forecaster's part.
        log: its losses by epoch.
        precision: the arithmetic it was trained in.
    """
    series = lessons.past
    shared: dict[str, Any] = {
        "config": config,
        "feature_names": lessons.tables[0].names,
        "target": series.target,
        "fit_end": rows.stop - 1 - config.model.horizon,
        "fit_end_time": series.close_time[-1],
        "bar_length": series.bar_length,
        "history": tuple(log),
        "precision": precision,
        "model": model.cpu().eval(),
        "reader": lessons.reader,
        "reading": lessons.reading,
        "senses": lessons.data.senses.senses,
    }
    return {
        name: FittedForecaster(instrument=name, static=lessons.static[number], **lessons.parts[number].facts, **shared)
        for number, name in enumerate(series.instruments)
    }


def _identity(
    job: MemberTraining, past: Series, config: ForecasterConfig, start: FittedForecaster | None
) -> dict[str, Any]:
    """Return all that decides a training, as JSON values by name."""
    data = hashlib.sha256(past.sha256().encode())
    for table in (job.data.features, job.data.static, job.data.rows.fit, job.data.rows.stop):
        data.update(table.tobytes())
    settings = {"features": asdict(config.features), "model": asdict(config.model), "trainer": asdict(config.trainer)}
    del settings["trainer"]["processes"]  # which decide no number
    identity = flat(settings) | {SEED: job.seed, "data (sha256)": data.hexdigest()}
    return identity | {"initial (sha256)": None if start is None else _digest(start.model)}


def _digest(model: nn.Module) -> str:
    weights = b"".join(tensor.detach().cpu().numpy().tobytes() for tensor in model.state_dict().values())
    return hashlib.sha256(weights).hexdigest()


def initial_of(
    config: ForecasterConfig, initial: Mapping[str, FittedForecaster] | None
) -> tuple[Mapping[str, FittedForecaster] | None, bool]:
    """Return what a training begins from, and whether it goes on on the same instruments, whose scales are kept."""
    if initial is not None or config.model.pretrained is None:
        return initial, True
    return load_panel(Path(config.model.pretrained)), False


def _units(initial: Mapping[str, FittedForecaster], goes_on: bool) -> Units:
    """Return the units of forecasters of one network; of one that begins on others no instrument's scales."""
    first = next(iter(initial.values()))
    scaling = {name: Scaling(fitted.mean, fitted.std, fitted.target_scale) for name, fitted in initial.items()}
    return Units(scaling if goes_on else {}, first.reader, first.reading)


def adopted(panel: Mapping[str, FittedForecaster], series: Series, rows: range) -> dict[str, FittedForecaster]:
    """Return forecasters of one network as they read instruments that it was not fitted on; its weights stay.

    Args:
        panel: the forecasters, by instrument.
        series: T bars of others.
        rows: its bars in whose units features and changes are read, and on which the rivals are fitted; no later bar
            is looked at.

    Raises:
        ValueError: the series lacks what the network reads, has bars of another length or another target; too few rows.
    """
    first = next(iter(panel.values()))
    refuse_start(first, series, first.config, "the model")
    lessons = training_set(series, first.config, rows, _units(panel, goes_on=False))
    others = panel_of(lessons, first.model, first.config, rows, log=first.history, precision=first.precision)
    learned = max(first.fit_end_time, lessons.past.close_time[-1])
    return {name: replace(fitted, fit_end_time=learned) for name, fitted in others.items()}


def refuse_start(start: FittedForecaster, series: Series, config: ForecasterConfig, named: str) -> None:
    """Refuse to begin from weights that read or say something else.

    Args:
        start: whose weights they are.
        series: that is learned from.
        config: of the training.
        named: what named it, for the sentence.

    Raises:
        ValueError: every difference, joined.
    """
    facts = static_features(series.instruments, config.features)[0].shape[1]
    same: dict[str, tuple[Any, Any]] = {
        "trainer.members": (start.config.trainer.members, config.trainer.members),
        "number of facts of an instrument": (len(start.static), facts),
        "target": (start.target, series.target),
        "bar_length": (start.bar_length, series.bar_length),
        "texts and pictures": (start.senses, senses_read(series, config.features)),
    }
    for part, then, now in (
        ("model", start.config.model, config.model),
        ("features", start.config.features, config.features),
    ):
        pairs = {field.name: (getattr(then, field.name), getattr(now, field.name)) for field in fields(then)}
        same |= {f"{part}.{name}": pair for name, pair in pairs.items() if name != "pretrained"}
    faults = [f"its {name} was {then}, and is {now} here" for name, (then, now) in same.items() if then != now]
    names = start.feature_names if faults else build_panel_features(series, config.features)[0].names
    if names != start.feature_names:
        other = sorted(set(names) ^ set(start.feature_names)) or list(names)
        faults = [f"its columns and those of this series differ in {', '.join(other[:MOST_NAMED])}"]
    if faults:
        raise ValueError(f"{named} must be a forecaster that this training can go on from: {'; '.join(faults)}")


def _refuse_later(start: FittedForecaster, series: Series, rows: range) -> None:
    """Refuse weights that have learned bars of the same series after `rows`."""
    last = series.close_time[min(rows.stop, len(series.index)) - 1]
    if start.fit_end_time > last:
        raise ValueError(
            "initial must be a forecaster that this training can go on from: it has learned bars up to "
            f"{start.fit_end_time}, and these rows end at {last}"
        )

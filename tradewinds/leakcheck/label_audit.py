"""What a network is taught: each window's rows and its labels', found by clocks that are gathered in their place.

The batches are the training's own. Features and labels are replaced by the numbers of their rows, so that what comes
out of a batch says which rows were gathered, and of which instrument; what the labels' values are, and what features
and labels are scaled by, is computed a second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.data.datamodule import WindowDataModule
from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster, load_panel
from forecaster.training.instruments import InstrumentPart
from forecaster.training.linear_base import MOST_WINDOWS
from forecaster.training.training_set import TrainingSet, training_set
from tradewinds.leakcheck.columns import Array, Audit, outcome_column, seconds
from tradewinds.leakcheck.input_audit import Inputs
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.artifact import parent
from tradewinds.pipeline.provenance import FORECASTER
from tradewinds.pipeline.task import Models, Prepared

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
BATCH = 4096  # windows of row numbers
MOST = 400_000  # windows of an epoch that are looked at: of more a drawn part
SAME = 1e-5  # relative difference of a float32 label
SAME_SCALE = 1e-6  # relative difference of a mean, or a deviation, that is summed otherwise


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one kind of batches: N of them.

    Attributes:
        context: (N, L) rows read.
        label: (N, H) rows of the changes that are forecast.
        instrument: (N,) whose.
    """

    context: Rows
    label: Rows
    instrument: Rows

    @property
    def decision(self) -> Rows:
        """(N,) the last row read."""
        return self.context[:, -1]


def audit_labels(prepared: Prepared, inputs: Inputs, models: Models | None = None) -> Audit:
    """Audit the windows and labels that the forecaster of a request is fitted on, of every instrument.

    With models, whether they are scaled as those rows are.
    """
    config, part = prepared.config, prepared.split.forecaster
    lessons = training_set(prepared.panel, config.forecaster, part)
    fit, stop = windows_of(lessons)
    audit = Audit()
    audit.leak = (
        _wrong_rows(prepared, fit)
        or _wrong_rows(prepared, stop)
        or _no_purge(prepared, lessons, fit, stop)
        or _not_traded(prepared, lessons, fit, stop)
        or _wrong_values(prepared, lessons, fit)
        or _other_scaler(prepared, lessons, models)
        or _other_features(prepared, lessons, inputs)
    )
    clock = prepared.task.decision_times(prepared)
    prices, both = seconds(clock.prices), np.concatenate([fit.decision, stop.decision])
    labels, decides = np.concatenate([fit.label, stop.label]), clock.decides[both]
    for ahead in range(labels.shape[1]):
        rows = labels[decides, ahead]
        issued = inputs.reads[both[decides]]
        audit.take(
            outcome_column(
                prepared, f"label_{ahead + 1}", "label", "stamped", rows=rows, known=prices[rows], issued=issued
            )
        )
    return audit


def windows_of(lessons: TrainingSet) -> tuple[Windows, Windows]:
    """Return the fit and the stop windows as the training's own batches gather them, of all instruments."""
    data = lessons.data
    rows = np.broadcast_to(np.arange(data.target.shape[1], dtype=np.float32), data.target.shape)
    whose = np.broadcast_to(np.arange(len(data.target), dtype=np.float32)[:, None], data.target.shape)
    clocks = np.stack([rows, whose], axis=2)
    clocks_alone = replace(data, features=clocks, target=rows, static=data.static[:, :0], levels=False)
    module = WindowDataModule(clocks_alone, batch_size=BATCH, seed=0, at_most=MOST)
    parts = []
    for batches in (module.train_dataloader(), module.val_dataloader()):
        read, label = zip(*((batch[0].numpy(), batch[1].numpy()) for batch in batches), strict=True)
        context, number = (np.concatenate([one[:, :, column] for one in read]) for column in (0, 1))
        parts.append(Windows(*(table.astype(np.int64) for table in (context, np.concatenate(label), number[:, -1]))))
    return parts[0], parts[1]


def second_changes(series: Series) -> Array:
    """Return (T, A) what is forecast of each bar: the logarithm of a quotient of closes, or their difference.

    Relative returns are less the mean of the bar's, where an instrument traded and had before. NaN where there is none.
    """
    changes = np.full(series.close.shape, np.nan)
    before, after = series.close[:-1], series.close[1:]
    changes[1:] = after - before if series.target in ("difference", "level") else np.log(after / before)
    changes[~second_known(series)] = np.nan
    if series.target != "relative_return":
        return changes
    if series.common is not None:
        return np.asarray(changes - series.common[:, None])
    number = np.isfinite(changes).sum(axis=1, keepdims=True)
    return np.asarray(changes - np.nansum(changes, axis=1, keepdims=True) / np.maximum(number, 1))


def second_known(series: Series) -> Flags:
    """Return (T, A) whether an instrument traded in a bar, and in any before it."""
    there = np.ones(series.close.shape, dtype=bool) if series.traded is None else series.traded
    first = np.where(there.any(axis=0), there.argmax(axis=0), len(there))  # (A,)
    return np.asarray(there & (np.arange(len(there))[:, None] > first))


def _wrong_rows(prepared: Prepared, windows: Windows) -> Leak | None:
    """Find a window that is no stretch of bars, or whose labels are not the changes of the bars after it."""
    length, horizon = windows.context.shape[1], windows.label.shape[1]
    stretch = windows.decision[:, None] - np.arange(length)[::-1]
    if (windows.context != stretch).any():
        row = int(windows.decision[(windows.context != stretch).any(axis=1)][0])
        return leak_at(prepared, "audit", "forecaster_fit", row, f"the {length} bars of a window do not end at its row")
    wanted = windows.decision[:, None] + 1 + np.arange(horizon)
    wrong = np.argwhere(windows.label != wanted)
    if len(wrong) == 0:
        return None
    window, ahead = wrong[windows.decision[wrong[:, 0]].argmin()].tolist()
    row, label, index = int(windows.decision[window]), int(windows.label[window, ahead]), prepared.panel.index
    known = "already known" if label <= row else f"{label - row} bars later"
    what = (
        f"label_{ahead + 1}{_of(prepared, int(windows.instrument[window]))} of the window that ends at this bar is the "
        f"change of {index[label].isoformat()}, {known}; "
        f"the bar {ahead + 1} ahead is {index[min(row + 1 + ahead, len(index) - 1)].isoformat()}"
    )
    return leak_at(prepared, "audit", "forecaster_fit", row, what)


def _no_purge(prepared: Prepared, lessons: TrainingSet, fit: Windows, stop: Windows) -> Leak | None:
    """Find labels shared by the rows that fit and those that stop, or by these and the agent's."""
    split, index = prepared.split, prepared.panel.index
    horizon, first = fit.label.shape[1], int(stop.label.min())
    last = max(int(fit.label.max()), int(lessons.data.rows.fit[-1]) + horizon)
    if last >= first:
        what = f"label_{horizon} of the fit rows reaches to {index[last].isoformat()}, and the stop rows' begin here"
        return leak_at(prepared, "audit", "forecaster_fit", first, what)
    last = max(last, int(stop.label.max()))
    if last + split.embargo_bars >= split.agent.start:
        what = (
            f"label_{horizon} of the forecaster's rows reaches to {index[last].isoformat()}; with an embargo of "
            f"{split.embargo_bars} bars that is the agent's first row"
        )
        return leak_at(prepared, "audit", "forecaster_fit", split.agent.start, what)
    return None


def _not_traded(prepared: Prepared, lessons: TrainingSet, fit: Windows, stop: Windows) -> Leak | None:
    """Find a label of a bar in which its instrument did not trade, or rows of its own that share labels.

    Its own rows, which scale it and fit the baselines beside the network, end where the network's do.
    """
    known, horizon = second_known(lessons.past), fit.label.shape[1]
    for windows in (fit, stop):
        wrong = np.argwhere(~known[windows.label, windows.instrument[:, None]])
        if len(wrong):
            window, ahead = wrong[0].tolist()
            what = (
                f"label_{ahead + 1}{_of(prepared, int(windows.instrument[window]))} of the window that ends at this "
                "bar is of a bar in which it did not trade"
            )
            return leak_at(prepared, "audit", "forecaster_fit", int(windows.decision[window]), what)
    last = int(lessons.data.rows.fit[-1]), int(lessons.data.rows.stop[-1])
    for number, part in enumerate(lessons.parts):
        ends = [int(rows.max(initial=-1)) for rows in (part.rows.fit, part.rows.stop)]
        shared = len(part.rows.stop) > 0 and ends[0] + horizon > int(part.rows.stop.min())
        if shared or ends[0] > last[0] or ends[1] > last[1]:
            what = f"the rows{_of(prepared, number)} that fit it reach into those that stop it, or beyond the network's"
            return leak_at(prepared, "audit", "forecaster_fit", max(ends), what)
    return None


def _wrong_values(prepared: Prepared, lessons: TrainingSet, fit: Windows) -> Leak | None:
    """Find a label that is not the change of its bar, in the scale of the fit rows' labels."""
    changes, names, horizon = second_changes(lessons.past), prepared.panel.instruments, fit.label.shape[1]
    known, bars = np.isfinite(changes), _fit_bars(prepared, lessons)
    ahead = 1 + np.arange(horizon)
    truths = [changes[part.rows.fit[:, None] + ahead, number] for number, part in enumerate(lessons.parts)]
    for number, (part, target) in enumerate(zip(lessons.parts, lessons.data.target, strict=True)):
        truth, scale, there = changes[:, number], float(part.facts["target_scale"]), known[:, number]
        values = np.where(there, target * scale, np.nan)
        leak = _difference(prepared, f"label of {names[number]}", values, truth, scale)
        if leak is not None:
            return leak
        if not np.allclose(part.fit_target, truths[number], rtol=1e-6, atol=1e-12):
            wrong = np.flatnonzero(~np.isclose(part.fit_target, truths[number], rtol=1e-6, atol=1e-12).all(axis=1))
            what = f"label of {names[number]}: what the baselines are fitted to is not the change of the bars after"
            return leak_at(prepared, "audit", "forecaster_fit", int(part.rows.fit[wrong[0]]), what)
        own = [truths[number]] if _has_own(lessons, part, bars[number]) else truths
        unit = float(np.concatenate(own).std()) or 1.0
        if prepared.config.model.scaling == "context":
            unit = float(
                part.facts["std"][0]
            )  # of the change that is read, whose bars are audited as all features' are
        if not np.isclose(scale, unit, rtol=SAME_SCALE):
            what = f"label of {names[number]}: its scale is not that of the fit rows, but {scale:g}"
            return leak_at(prepared, "audit", "scaler", int(fit.label.max()), what)
    return None


def _difference(prepared: Prepared, name: str, values: Array, truth: Array, scale: float) -> Leak | None:
    wrong = np.flatnonzero(~np.isclose(values, truth, rtol=SAME, atol=SAME * scale, equal_nan=True))
    if len(wrong) == 0:
        return None
    whose, there = "no bar's near it", np.isfinite(values)
    for later in (-1, 1, -2, 2):
        moved = np.roll(truth, -later)[3:-3]
        both = there[3:-3] & np.isfinite(moved)
        if both.any() and np.isclose(values[3:-3], moved, rtol=SAME, atol=SAME * scale)[both].mean() > 0.99:
            whose = f"that of the bar {abs(later)} {'later' if later > 0 else 'earlier'}"
            break
    what = f"{name} is not the change of its bar, but {whose}"
    return leak_at(prepared, "audit", "forecaster_fit", int(wrong[0]), what)


def _other_scaler(prepared: Prepared, lessons: TrainingSet, models: Models | None) -> Leak | None:
    """Find features that are scaled by other bars than those up to the last that fits.

    A forecaster that went on from another has its scales, and that one may have learned no later bars.
    """
    origin = _origin(models)
    last, bars = int(lessons.data.rows.fit[-1]), _fit_bars(prepared, lessons)
    owned = [_has_own(lessons, *pair) for pair in zip(lessons.parts, bars, strict=True)]
    pooled = None if all(owned) else _moments(np.concatenate(_thinned(bars)))
    for number, (name, part) in enumerate(zip(prepared.panel.instruments, lessons.parts, strict=True)):
        truth = _moments(bars[number]) if pooled is None or owned[number] else pooled
        kept = origin.get(name)
        if kept is not None and kept.fit_end_time > lessons.past.close_time[-1]:
            what = f"the forecaster that it went on from has learned bars up to {kept.fit_end_time}"
            return leak_at(prepared, "audit", "scaler", last, what)
        scalers = [(part.facts["mean"], part.facts["std"], *truth)]
        wanted = truth if kept is None else (kept.mean, kept.std)
        scalers += [(*own, *wanted) for own in _scalers(prepared, models, name, lessons)]
        for told_mean, told_std, mean, std in scalers:
            same = np.abs(told_mean - mean) <= SAME_SCALE * (np.abs(mean) + std)
            same &= np.abs(told_std - std) <= SAME_SCALE * (std + np.abs(mean))
            if not same.all():
                column = lessons.tables[number].names[int((~same).argmax())]
                whose = f"column {column}{_of(prepared, number)}"
                what = f"{whose} is scaled by other bars than those that fit, up to this one"
                return leak_at(prepared, "audit", "scaler", last, what)
    return None


def _origin(models: Models | None) -> Mapping[str, FittedForecaster]:
    """Return by instrument the forecaster that the one of a run went on from, in its scales; nothing of other ones."""
    artifact = None if models is None else models.artifacts.get(FORECASTER)
    if artifact is None or FORECASTER not in artifact.manifest["parents"]:
        return {}
    if artifact.manifest["facts"].get(
        "pretrained"
    ):  # scaled anew; what it has learned was asked when the data were read
        return {}
    return load_panel(parent(artifact, FORECASTER).folder)


def _fit_bars(prepared: Prepared, lessons: TrainingSet) -> list[Array]:
    """Return by instrument the features of the bars it traded in, up to the last row that fits."""
    traded, rows = lessons.past.traded, lessons.data.rows.fit
    first_rows = [max(prepared.split.forecaster.start, table.first_row) for table in lessons.tables]
    if traded is None:  # they begin together
        first_rows = [max(first_rows)] * len(first_rows)
    bars = []
    for number, (table, first) in enumerate(zip(lessons.tables, first_rows, strict=True)):
        values = table.values[first : int(rows[-1]) + 1]
        bars.append(values if traded is None else values[traded[first : int(rows[-1]) + 1, number]])
    return bars


def _moments(values: Array) -> tuple[Array, Array]:
    """Return mean and deviation (F,) of what is there of (N, F); 1 is the deviation of what does not vary."""
    there = np.isfinite(values)
    number = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0.0).sum(axis=0) / number
    std = np.sqrt(np.where(there, (values - mean) ** 2, 0.0).sum(axis=0) / number)
    return mean, np.where(std > 1e-9 * np.abs(mean) + 1e-12, std, 1.0)


def _scalers(
    prepared: Prepared, models: Models | None, name: str, lessons: TrainingSet
) -> Iterator[tuple[Array, Array]]:
    """Yield mean and deviation of the fitted forecaster of an instrument, if it was fitted on these very rows."""
    fitted = None if models is None else models.forecaster
    own = fitted.get(name) if isinstance(fitted, Mapping) else fitted
    fit_end = int(lessons.data.rows.stop[-1])
    if isinstance(own, FittedForecaster) and (own.instrument, own.config, own.fit_end) == (
        name,
        prepared.config.forecaster,
        fit_end,
    ):
        yield own.mean, own.std


def _other_features(prepared: Prepared, lessons: TrainingSet, inputs: Inputs) -> Leak | None:
    """Find a feature that the training reads otherwise than the audited table, of what is acted on."""
    stop, reading = lessons.data.target.shape[1], lessons.reading
    width = inputs.table.values.shape[1] // len(prepared.series.instruments)
    for place, name in enumerate(prepared.series.instruments):
        number = prepared.panel.instruments.index(name)
        table, facts = lessons.tables[number], lessons.parts[number].facts
        theirs, ours = table.values, inputs.table.values[:stop, place * width : (place + 1) * width]
        scaled = np.nan_to_num((theirs - facts["mean"]) / facts["std"])
        read, names = scaled, table.names
        if reading is not None:
            read, names = reading.read(scaled), tuple(table.names[column] for column in reading.columns)
        fed = np.nan_to_num(lessons.data.features[number])
        tables = (
            ((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), table.names),
            (np.isclose(fed, read.astype(np.float32), rtol=SAME, atol=SAME), names),
        )
        for same, columns in tables:
            wrong = np.argwhere(~same[table.first_row :])
            if len(wrong):
                row, column = wrong[0].tolist()
                what = (
                    f"column {columns[column]}{_of(prepared, number)} is read otherwise by the training than when the "
                    "series is encoded"
                )
                return leak_at(prepared, "audit", "features", table.first_row + row, what)
    return None


def _has_own(lessons: TrainingSet, part: InstrumentPart, bars: Array) -> bool:
    """Say whether an instrument is scaled by its own bars (N, F), or as the panel is, for want of them."""
    if not part.fit_target.any():  # it never moved
        return False
    return lessons.past.traded is None or (part.rows.enough and bool(np.isfinite(bars).any(axis=0).all()))


def _thinned(parts: Sequence[Array]) -> list[Array]:
    """Return every second, third and so on row of several instruments' tables: as many as a regression is fitted on."""
    step = 1 if len(parts) == 1 else max(1, -(-sum(len(part) for part in parts) // MOST_WINDOWS))
    return [part[::step] for part in parts]


def _of(prepared: Prepared, number: int) -> str:
    """Return whose a column is, in words, where there are several."""
    names = prepared.panel.instruments
    return f" of {names[number]}" if len(names) > 1 else ""

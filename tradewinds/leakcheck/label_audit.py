"""What a network is taught: each window's rows and its labels', found by clocks that are gathered in their place.

The batches are the training's own. Features and labels are replaced by the numbers of their rows, so that what comes
out of a batch says which rows were gathered; what the labels' values are is computed a second time.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecaster.data.datamodule import WindowDataModule
from forecaster.data.series import Series
from forecaster.training.training_set import TrainingSet, training_set
from tradewinds.leakcheck.columns import Array, Audit, outcome_column, seconds
from tradewinds.leakcheck.input_audit import Inputs
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.task import Prepared

Rows = NDArray[np.int64]
BATCH = 4096  # windows of row numbers
SAME = 1e-5  # relative difference of a float32 label


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one kind of batches: N of them.

    Attributes:
        context: (N, L) rows read.
        label: (N, H) rows of the changes that are forecast.
    """

    context: Rows
    label: Rows

    @property
    def decision(self) -> Rows:
        """(N,) the last row read."""
        return self.context[:, -1]


def audit_labels(prepared: Prepared, inputs: Inputs) -> Audit:
    """Audit the windows and labels that the forecaster of a request is fitted on, of every instrument."""
    config, part = prepared.config, prepared.split.forecaster
    lessons = training_set(prepared.panel, config.forecaster, part)
    fit, stop = windows_of(lessons)
    audit = Audit()
    audit.leak = (
        _wrong_rows(prepared, fit)
        or _wrong_rows(prepared, stop)
        or _no_purge(prepared, fit, stop)
        or _wrong_values(prepared, lessons, fit)
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
    clocks = replace(data, features=rows[..., None], target=rows, static=data.static[:, :0])
    module = WindowDataModule(clocks, batch_size=BATCH, seed=0)
    parts = []
    for batches in (module.train_dataloader(), module.val_dataloader()):
        context, label = zip(*((batch[0][:, :, 0].numpy(), batch[1].numpy()) for batch in batches), strict=True)
        parts.append(Windows(np.concatenate(context).astype(np.int64), np.concatenate(label).astype(np.int64)))
    return parts[0], parts[1]


def second_changes(series: Series) -> Array:
    """Return (T, A) changes of the closes, bar by bar: the logarithm of a quotient, or a difference; NaN in row 0."""
    changes = np.full(series.close.shape, np.nan)
    before, after = series.close[:-1], series.close[1:]
    changes[1:] = np.log(after / before) if series.target == "log_return" else after - before
    return changes


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
        f"label_{ahead + 1} of the window that ends at this bar is the change of {index[label].isoformat()}, {known}; "
        f"the bar {ahead + 1} ahead is {index[min(row + 1 + ahead, len(index) - 1)].isoformat()}"
    )
    return leak_at(prepared, "audit", "forecaster_fit", row, what)


def _no_purge(prepared: Prepared, fit: Windows, stop: Windows) -> Leak | None:
    """Find labels shared by the rows that fit and those that stop, or by these and the agent's."""
    split, index = prepared.split, prepared.panel.index
    horizon, first, last = fit.label.shape[1], int(stop.label.min()), int(fit.label.max())
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


def _wrong_values(prepared: Prepared, lessons: TrainingSet, fit: Windows) -> Leak | None:
    """Find a label that is not the change of its bar, in the scale of the fit rows' labels."""
    changes, names, count = second_changes(prepared.panel), prepared.panel.instruments, len(lessons.data.target)
    decisions = np.sort(fit.decision)[::count]  # of one instrument: they all have the same
    rows = decisions[:, None] + 1 + np.arange(fit.label.shape[1])
    for number, (part, target) in enumerate(zip(lessons.parts, lessons.data.target, strict=True)):
        truth, scale = changes[: len(target), number], float(part.facts["target_scale"])
        leak = _difference(prepared, f"label of {names[number]}", target[1:] * scale, truth[1:], scale, 1)
        if leak is not None:
            return leak
        if not np.allclose(part.fit_target, truth[rows], rtol=1e-6, atol=1e-12):
            wrong = np.flatnonzero(~np.isclose(part.fit_target, truth[rows], rtol=1e-6, atol=1e-12).all(axis=1))
            what = f"label of {names[number]}: what the baselines are fitted to is not the change of the bars after"
            return leak_at(prepared, "audit", "forecaster_fit", int(decisions[wrong[0]]), what)
        if not np.isclose(scale, float(truth[rows].std()) or 1.0, rtol=1e-6):
            what = f"label of {names[number]}: its scale is not that of the fit rows, but {scale:g}"
            return leak_at(prepared, "audit", "scaler", int(rows.max()), what)
    return None


def _difference(prepared: Prepared, name: str, values: Array, truth: Array, scale: float, first: int) -> Leak | None:
    wrong = np.flatnonzero(~np.isclose(values, truth, rtol=SAME, atol=SAME * scale))
    if len(wrong) == 0:
        return None
    whose = "no bar's near it"
    for later in (-1, 1, -2, 2):
        moved = np.roll(truth, -later)[3:-3]
        if np.isclose(values[3:-3], moved, rtol=SAME, atol=SAME * scale).mean() > 0.99:
            whose = f"that of the bar {abs(later)} {'later' if later > 0 else 'earlier'}"
            break
    what = f"{name} is not the change of its bar, but {whose}"
    return leak_at(prepared, "audit", "forecaster_fit", first + int(wrong[0]), what)


def _other_features(prepared: Prepared, lessons: TrainingSet, inputs: Inputs) -> Leak | None:
    """Find a feature that the training reads otherwise than the audited table, of the instrument acted on."""
    number = prepared.panel.instruments.index(prepared.series.instruments[0])
    table, facts, stop = lessons.tables[number], lessons.parts[number].facts, len(lessons.data.target[0])
    ours, theirs, reading = inputs.table.values[:stop], table.values, lessons.reading
    scaled = np.nan_to_num((theirs - facts["mean"]) / facts["std"])
    read, names = scaled, table.names
    if reading is not None:
        read, names = reading.read(scaled), tuple(table.names[column] for column in reading.columns)
    tables = (
        ((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)), table.names),
        (
            np.isclose(np.nan_to_num(lessons.data.features[number]), read.astype(np.float32), rtol=SAME, atol=SAME),
            names,
        ),
    )
    for same, columns in tables:
        wrong = np.argwhere(~same[inputs.table.first_row :])
        if len(wrong):
            row, column = wrong[0].tolist()
            what = f"column {columns[column]} is read otherwise by the training than when the series is encoded"
            return leak_at(prepared, "audit", "features", inputs.table.first_row + row, what)
    return None

"""Hidden states: what a fitted forecaster thinks at every bar, with the bar it was fitted to beside each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from forecaster.data.datamodule import future_inputs
from forecaster.data.features import FeatureTable
from forecaster.data.future_covariates import FutureTable
from forecaster.data.panel import build_panel_features, whole_contexts
from forecaster.data.senses import SenseTables
from forecaster.data.series import Series
from forecaster.data.windows import gather, steps_between, strided_windows, with_static
from forecaster.fitted import FittedForecaster
from forecaster.networks.heads import LEVELS

Float32 = NDArray[np.float32]
FILE = "hidden_states.parquet"
BATCH = 512


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """One row a bar; row t depends on bars up to t only, through a network fitted up to `fit_end[t]`.

    Attributes:
        index: (T,) starts of the bars, UTC.
        hidden_state: (T, D); NaN before `first_row`, and at later bars at which the instrument did not trade.
        forecast: (T, H) changes, by the series' target, of the H bars after each bar; NaN where the state is.
        quantiles: (T, H, Q) quantiles of those changes at `forecaster.networks.heads.LEVELS`; None if the head
            has none.
        fit_end: (T,) last decision row the network was fitted on; its labels reach H rows further.
        first_row: first row with a whole context behind it; T where there is none.
        chances: (T, H, K) of the classes that those changes fall into (`model.head=bins`); None if the head has none.
        label_end: (T,) of a network that is fitted anew as bars come, the last row whose price it had learned by then;
            None of one that is fitted once.
    """

    index: pd.DatetimeIndex
    hidden_state: Float32
    forecast: Float32
    fit_end: NDArray[np.int64]
    first_row: int
    quantiles: Float32 | None = None
    label_end: NDArray[np.int64] | None = None
    chances: Float32 | None = None

    def tables(self) -> dict[str, Any]:
        """Return the (T, ...) tables that there are, by name."""
        names = ("hidden_state", "forecast", "fit_end", "quantiles", "label_end", "chances")
        return {name: table for name in names if (table := getattr(self, name)) is not None}

    def until(self, row: int) -> "HiddenStates":
        """Return the states of the bars before `row`."""
        return replace(self, index=self.index[:row], **{name: table[:row] for name, table in self.tables().items()})

    def preceded_by(self, earlier: "HiddenStates") -> "HiddenStates":
        """Return the states with the rows of `earlier`, the first ones of this series, in the place of their own."""
        known, before = len(earlier.index), earlier.tables()
        tables: dict[str, Any] = {
            name: np.concatenate([before[name], table[known:]])
            for name, table in self.tables().items()
            if name in before and (name != "fit_end" or self.label_end is not None)  # found by time, where it stays
        }
        if "label_end" in tables:  # what was learned once stays learned
            tables["label_end"] = np.maximum.accumulate(tables["label_end"])
        return replace(self, **tables)

    def repeated_to(self, index: pd.DatetimeIndex) -> "HiddenStates":
        """Return the states of a longer series, whose further bars repeat the last of them."""
        more = len(index) - len(self.index)
        tables: dict[str, Any] = {
            name: np.concatenate([table, np.repeat(table[-1:], more, axis=0)]) for name, table in self.tables().items()
        }
        return replace(self, index=index, **tables)

    def save(self, folder: Path) -> None:
        """Write the states into an existing folder as one Parquet file."""
        columns = {f"hidden_{number}": column for number, column in enumerate(self.hidden_state.T)}
        columns.update({f"forecast_{number + 1}": column for number, column in enumerate(self.forecast.T)})
        if self.quantiles is not None:
            for bar, level in np.ndindex(self.quantiles.shape[1:]):
                columns[f"quantile_{bar + 1}_{LEVELS[level]:.2f}"] = self.quantiles[:, bar, level]
        if self.chances is not None:
            for bar, number in np.ndindex(self.chances.shape[1:]):
                columns[f"chance_{bar + 1}_{number}"] = self.chances[:, bar, number]
        ends = {"fit_end": self.fit_end} | ({} if self.label_end is None else {"label_end": self.label_end})
        table = pd.DataFrame({**columns, **ends}, index=self.index)
        table.to_parquet(folder / FILE, compression="zstd")


def load_hidden_states(folder: Path) -> HiddenStates:
    """Read what `HiddenStates.save` wrote, to the last bit."""
    table = pd.read_parquet(folder / FILE)
    hidden = table[[name for name in table.columns if name.startswith("hidden_")]].to_numpy(dtype=np.float32)
    forecast = table[[name for name in table.columns if name.startswith("forecast_")]].to_numpy(dtype=np.float32)
    first_row = int(np.isfinite(hidden).all(axis=1).argmax())
    quantiles, chances = (
        told.reshape(*forecast.shape, -1) if told.shape[1] else None
        for told in (
            table[[name for name in table.columns if name.startswith(kind)]].to_numpy(dtype=np.float32)
            for kind in ("quantile_", "chance_")
        )
    )
    fit_end = table["fit_end"].to_numpy(np.int64)
    label_end = table["label_end"].to_numpy(np.int64) if "label_end" in table else None
    index = pd.DatetimeIndex(table.index)
    return HiddenStates(index, hidden, forecast, fit_end, first_row, quantiles, label_end, chances)


def encode(fitted: FittedForecaster, series: Series, rows: range | None = None) -> HiddenStates:
    """Run a fitted forecaster over every bar of a series of one instrument at which it trades.

    Batches have one fixed shape, the last one padded: a row's state does not depend on how many rows follow, nor on
    which others are asked for.

    Args:
        fitted: the forecaster.
        series: T bars, of which it may have seen some.
        rows: whose states are asked for; other rows may stay NaN. None for all.

    Returns:
        The states of all bars. `fit_end` is found by time, since the series may have grown or been cut since.

    Raises:
        ValueError: the series has other features or another bar length than the forecaster was fitted on, or fewer bars
            than one context.
    """
    table, scaled = read_features(fitted, series)
    length, horizon = fitted.config.model.context_length, fitted.config.model.horizon
    num_rows, first_row = len(series.index), table.first_row + length - 1
    spoken = np.flatnonzero(whole_contexts(series, [table.first_row], length)[:, 0])
    if len(spoken) == 0:
        raise ValueError(f"the series has {num_rows} bars; one context needs {first_row + 1}")
    hidden = np.full((num_rows, fitted.model.network.hidden_width), np.nan, dtype=np.float32)
    forecast = np.full((num_rows, horizon), np.nan, dtype=np.float32)
    told: dict[str, Any] = {}  # (T, ...) tables of what only some heads say, by name
    windows = strided_windows(fitted.read(scaled).astype(np.float32), length)
    senses = fitted.sense_tables([table])
    future = series.future_table(calendar=fitted.config.features.calendar)
    for start in range(0, len(spoken), BATCH):
        batch = spoken[np.minimum(np.arange(start, start + BATCH), len(spoken) - 1)]
        if rows is not None and (batch[-1] < rows.start or batch[0] >= rows.stop):
            continue
        count = min(BATCH, len(spoken) - start)
        part = batch[:count]
        said = _speak(fitted, gather(windows, batch), future, batch, senses)
        forecast[part], hidden[part] = said.point[:count], said.hidden_state[:count]
        for name, values in said.further():
            table_of = told.setdefault(name, np.full((num_rows, *values.shape[1:]), np.nan, dtype=np.float32))
            table_of[part] = values[:count]
    last_known = int(series.close_time.searchsorted(fitted.fit_end_time, side="right")) - 1
    fit_end = np.full(num_rows, last_known - horizon, dtype=np.int64)
    return HiddenStates(series.index, hidden, forecast, fit_end, int(spoken[0]), **told)


class Said(NamedTuple):
    """What a network says of B windows, in the unit of the changes.

    Attributes:
        point: (B, H) forecasts.
        hidden_state: (B, D).
        quantiles: (B, H, Q); None if its head has none.
        chances: (B, H, K) of classes; None if its head has none.
    """

    point: Float32
    hidden_state: Float32
    quantiles: Float32 | None
    chances: Float32 | None

    def further(self) -> Iterator[tuple[str, Float32]]:
        """Yield by name what only some heads say."""
        for name in ("quantiles", "chances"):
            if (values := getattr(self, name)) is not None:
                yield name, values


def _speak(
    fitted: FittedForecaster, context: Float32, future: FutureTable, rows: NDArray[np.int64], senses: SenseTables
) -> Said:
    """Return what is said of scaled windows (B, L, F)."""
    static = np.repeat(fitted.static.astype(np.float32)[None], len(context), axis=0)
    unit = np.array([[fitted.target_scale]], np.float32)
    return run_network(fitted, with_static(context, static), unit, future, rows, senses.gather(rows))


def run_network(
    fitted: FittedForecaster,
    inputs: Float32,
    unit: Float32,
    future: FutureTable,
    rows: NDArray[np.int64],
    senses: tuple[Float32, ...] = (),
) -> Said:
    """Return what a network says of what it reads.

    Args:
        fitted: the network.
        inputs: (B, L, F + S) scaled windows, with what does not change beside every bar.
        unit: of the forecasts: the `target_scale` (1, 1) of one instrument, or (B, 1) of several.
        future: what can be known of the bars ahead.
        rows: (B,) the windows' last rows.
        senses: of each sense the last bars (B, bars, W + 1).
    """
    with torch.inference_mode():
        beside = (*future_inputs(fitted.reader, future, rows), *map(torch.from_numpy, senses))
        spoken = fitted.model(torch.from_numpy(inputs), *beside)
    point, quantiles, chances = spoken.point.numpy(), spoken.quantiles, spoken.chances
    told = steps_between(point) if fitted.target == "level" else point
    return Said(
        told * unit,
        spoken.hidden_state.numpy(),
        None if quantiles is None else quantiles.numpy() * unit[..., None],
        None if chances is None else chances.numpy(),
    )


def last_forecast(fitted: FittedForecaster, series: Series) -> Float32:
    """Return the (H,) changes forecast at the close of a series' last bar: what `encode` says there, and no other row.

    Raises:
        ValueError: as in `encode`.
    """
    table, scaled = read_features(fitted, series)
    window = fitted.read(scaled[-fitted.config.model.context_length :]).astype(np.float32)[None]
    future = series.future_table(calendar=fitted.config.features.calendar)
    said = _speak(fitted, window, future, np.array([len(series.index) - 1]), fitted.sense_tables([table]))
    return np.asarray(said.point[0])


def read_features(fitted: FittedForecaster, series: Series) -> tuple[FeatureTable, NDArray[np.float64]]:
    """Return the features (T, F) of a series as they are, and in the network's units: what `encode` reads.

    Raises:
        ValueError: the series has other features or another bar length than the forecaster was fitted on.
    """
    refuse_other(fitted, series)
    table = build_panel_features(series, fitted.config.features)[0]
    refuse_names(fitted, table)
    return table, fitted.scaled(table.values)


def refuse_other(fitted: FittedForecaster, series: Series) -> None:
    """Hold a series to the bars and the target that a forecaster was fitted on.

    Raises:
        ValueError: another bar length or target.
    """
    if series.bar_length != fitted.bar_length:
        raise ValueError(
            f"the series must have bars of {fitted.bar_length}, as it was fitted on, had {series.bar_length}"
        )
    if series.target != fitted.target:
        raise ValueError(f"the series must have the target {fitted.target}, as it was fitted on, had {series.target}")


def refuse_names(fitted: FittedForecaster, table: FeatureTable) -> None:
    """Hold a table to the features that a forecaster was fitted on.

    Raises:
        ValueError: it has others.
    """
    ours = {sense.name: sense.width for sense in fitted.senses}
    theirs = {name: values.shape[1] - 1 for name, values in table.senses.items()}
    if ours != theirs:
        raise ValueError(
            f"the series must have the texts and pictures the forecaster was fitted on, {ours or 'none'}, had "
            f"{theirs or 'none'} (values of a bar)"
        )
    if table.names != fitted.feature_names:
        missing = sorted(set(fitted.feature_names) ^ set(table.names)) or list(table.names)
        raise ValueError(f"the series must have the features the forecaster was fitted on; they differ in {missing}")


def embed(fitted: FittedForecaster, series: Series) -> Float32:
    """Return the (T, D) hidden states of T bars, NaN before the first whole context; see `encode`."""
    return encode(fitted, series).hidden_state


class Stream:
    """Hidden states bar by bar, as they come: what `encode` says of a series, said of its last bar only.

    It remembers as many bars as one context and the features' warm-up need, whatever came before.

    Args:
        fitted: the forecaster.
        history: bars up to now, at least that many.

    Raises:
        ValueError: too few bars, or other features or another bar length than it was fitted on.
    """

    def __init__(self, fitted: FittedForecaster, history: Series) -> None:
        self._fitted = fitted
        needed = encode(fitted, history).first_row + 1
        self._tail = history.rows(range(len(history.index) - needed, len(history.index)))

    def push(self, bar: Series) -> tuple[Float32, Float32]:
        """Take the next bar, a series of one row, and return its hidden state (D,) and the forecast (H,) changes.

        Raises:
            ValueError: the bar does not come after the last one, or lacks columns.
        """
        length = self._fitted.config.model.context_length
        longer = self._tail.extended(bar)
        self._tail = longer.rows(range(len(longer.index) - len(self._tail.index), len(longer.index)))
        last = np.array([len(self._tail.index) - 1])
        config = self._fitted.config.features
        table = build_panel_features(self._tail, config)[0]
        features = self._fitted.inputs(table.values[-length:])
        future = self._tail.future_table(calendar=config.calendar)
        senses = self._fitted.sense_tables([table])
        said = _speak(self._fitted, features.astype(np.float32)[None], future, last, senses)
        return said.hidden_state[0], said.point[0]

"""Hidden states of a panel: what one network thinks of each of A instruments at every bar it can speak of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecaster.data.panel import build_panel_features, whole_contexts
from forecaster.data.series import Series
from forecaster.data.windows import gather, strided_windows, with_static
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import BATCH, HiddenStates, refuse_names, refuse_other, run_network
from forecaster.networks.heads import LEVELS

Float32 = NDArray[np.float32]
FILE = "panel_states.parquet"
BLOCK = 200_000  # rows of the file that are laid out at a time


@dataclass(frozen=True, eq=False)
class PanelStates:
    """One row a bar and instrument; row t depends on bars up to t only, through a network fitted up to `fit_end[t]`.

    Attributes:
        index: (T,) starts of the bars, UTC.
        instruments: A names.
        hidden_state: (T, A, D); NaN where not available.
        forecast: (T, A, H) changes, by the series' target, of the H bars after each bar; NaN where not available.
        fit_end: (T,) last decision row the network was fitted on; its labels reach H rows further.
        available: (T, A) whether an instrument traded at a bar and has a whole context of its own history behind it.
        quantiles: (T, A, H, Q) of those changes at `forecaster.networks.heads.LEVELS`; None if the head has none.
        chances: (T, A, H, K) of the classes that those changes fall into (`model.head=bins`); None without.
    """

    index: pd.DatetimeIndex
    instruments: tuple[str, ...]
    hidden_state: Float32
    forecast: Float32
    fit_end: NDArray[np.int64]
    available: NDArray[np.bool_]
    quantiles: Float32 | None = None
    chances: Float32 | None = None

    def further(self) -> dict[str, Float32]:
        """Return the (T, A, ...) tables that only some heads say, by name."""
        return {name: table for name in ("quantiles", "chances") if (table := getattr(self, name)) is not None}

    @property
    def first_row(self) -> int:
        """First row at which any instrument is available; T if none ever is."""
        there: NDArray[np.bool_] = np.any(self.available, axis=1)
        return int(there.argmax()) if there.any() else len(there)

    def until(self, row: int) -> "PanelStates":
        """Return the states of the bars before `row`."""
        names = ("index", "hidden_state", "forecast", "fit_end", "available")
        return replace(self, **{name: getattr(self, name)[:row] for name in (*names, *self.further())})

    def preceded_by(self, earlier: "PanelStates") -> "PanelStates":
        """Return the states with the rows of `earlier`, the first ones of this series, in the place of their own."""
        known = len(earlier.index)
        tables = ["hidden_state", "forecast", "available", *(self.further().keys() & earlier.further().keys())]
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(earlier, name), getattr(self, name)[known:]]) for name in tables
        }
        return replace(self, **joined)

    def instrument(self, name: str) -> HiddenStates:
        """Return the states of one instrument; NaN also at later bars at which it did not trade.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.instruments:
            raise ValueError(f"instrument must be one of {', '.join(self.instruments)}, was '{name}'")
        asset = self.instruments.index(name)
        there = self.available[:, asset]
        first_row = int(there.argmax()) if there.any() else len(there)
        further: dict[str, Any] = {name: table[:, asset] for name, table in self.further().items()}
        states, forecast = self.hidden_state[:, asset], self.forecast[:, asset]
        return HiddenStates(self.index, states, forecast, self.fit_end, first_row, **further)

    def save(self, folder: Path) -> None:
        """Write the states into an existing folder as one Parquet file: a row a bar and instrument, in that order."""
        tables = {"hidden": self.hidden_state, "forecast": self.forecast}
        further = {name.removesuffix("s"): table for name, table in self.further().items()}
        tables |= {name: table.reshape(*self.forecast.shape[:2], -1) for name, table in further.items()}
        names = pa.array(self.instruments)
        step = max(BLOCK // max(len(self.instruments), 1), 1)
        writer: pq.ParquetWriter | None = None
        try:
            for start in range(0, max(len(self.index), 1), step):
                block = self._block(tables, names, slice(start, start + step))
                writer = writer or pq.ParquetWriter(folder / FILE, block.schema, compression="zstd")
                writer.write_table(block)
        finally:
            if writer is not None:
                writer.close()

    def _block(self, tables: Mapping[str, Float32], names: pa.Array, rows: slice) -> pa.Table:
        index, count = self.index[rows], len(self.instruments)
        symbol = np.tile(np.arange(count, dtype=np.int32), len(index))
        columns = {
            "time": pa.array(np.repeat(index.asi8, count), pa.timestamp("ns", tz="UTC")),
            "symbol": pa.DictionaryArray.from_arrays(pa.array(symbol), names),
            "fit_end": pa.array(np.repeat(self.fit_end[rows], count)),
            "available": pa.array(self.available[rows].ravel()),
        }
        for kind, values in tables.items():
            flat = values[rows].reshape(-1, values.shape[-1])  # (T, A, K) -> (T * A, K)
            for number, label in enumerate(_labels(kind, values.shape[-1], self.forecast.shape[-1])):
                columns[label] = pa.array(np.ascontiguousarray(flat[:, number]))
        return pa.table(columns)


def load_panel_states(folder: Path) -> PanelStates:
    """Read what `PanelStates.save` wrote, to the last bit."""
    file = pq.ParquetFile(folder / FILE)
    names = file.schema_arrow.names

    def column(name: str) -> NDArray[Any]:
        return np.asarray(file.read([name]).column(0).to_numpy()).reshape(-1, len(instruments))

    def stack(kind: str) -> Float32:
        labels = [name for name in names if name.startswith(f"{kind}_")]
        values = np.empty((len(index), len(instruments), len(labels)), dtype=np.float32)
        for number, label in enumerate(labels):
            values[..., number] = column(label)
        return values

    first_bars = file.read_row_group(0, columns=["symbol"]).column(0).to_pandas()
    instruments = tuple(map(str, first_bars.unique()))
    index = pd.DatetimeIndex(column("time")[:, 0], tz="UTC")
    hidden, forecast, *further = (stack(kind) for kind in ("hidden", "forecast", "quantile", "chance"))
    told = [table.reshape(*forecast.shape, -1) if table.shape[2] else None for table in further]
    return PanelStates(index, instruments, hidden, forecast, column("fit_end")[:, 0], column("available"), *told)


def encode_panel(fitted: Mapping[str, FittedForecaster], series: Series, *, rows: range | None = None) -> PanelStates:
    """Run a network over every bar of every instrument that it can speak of.

    Windows are taken bar by bar, and within a bar instrument by instrument, in batches of one fixed shape, the last one
    padded. What is said of a bar depends neither on later bars nor on instruments that list later, nor on which rows
    are asked for, to the last bit; and on other instruments only in its last digits, where a batch's rows depend on
    their place in it, as on some processors they do (`encode` of one instrument says the same to 1e-6), or where the
    features compare instruments.

    Args:
        fitted: by instrument, forecasters that share one network; more than the series has are let be.
        series: T bars of A instruments, of which it may have seen some.
        rows: the rows to speak of; None: all.

    Returns:
        The states of all bars. `fit_end` is found by time, since the series may have grown or been cut since.

    Raises:
        ValueError: an instrument was not fitted, the forecasters do not share one network, the series has other
            features or another bar length than they were fitted on, or no bar has a whole context behind it.
    """
    own = _of(fitted, series)
    first, names = own[0], series.instruments
    refuse_other(first, series)
    config, length, horizon = first.config.features, first.config.model.context_length, first.config.model.horizon
    tables = build_panel_features(series, config)
    refuse_names(first, tables[0])
    available = whole_contexts(series, [table.first_row for table in tables], length)
    row, asset = np.nonzero(available)  # (N,) in order of time
    if len(row) == 0:
        raise ValueError(
            f"none of {len(names)} instruments has a whole context of {length} bars of its own behind any of "
            f"{len(series.index)} bars; bring more bars"
        )
    features = np.stack(
        [one.inputs(table.values).astype(np.float32) for one, table in zip(own, tables, strict=True)]
    )  # (A, T, S)
    windows, future = strided_windows(features, length), series.future_table(calendar=config.calendar)
    senses = first.sense_tables(tables)
    static = np.stack([one.static for one in own]).astype(np.float32)
    units = np.array([[one.target_scale] for one in own], dtype=np.float32)
    shape = available.shape
    hidden = np.full((*shape, first.model.network.hidden_width), np.nan, dtype=np.float32)
    forecast, further = np.full((*shape, horizon), np.nan, dtype=np.float32), dict[str, Float32]()
    for start in range(0, len(row), BATCH):
        batch = np.minimum(np.arange(start, start + BATCH), len(row) - 1)
        if rows is not None and (row[batch[-1]] < rows.start or row[batch[0]] >= rows.stop):
            continue  # batches begin where they begin without it: a row's last digits may depend on its place in one
        context = with_static(gather(windows, row[batch], asset[batch]), static[asset[batch]])
        beside = senses.gather(row[batch], asset[batch])
        said = run_network(first, context, units[asset[batch]], future, row[batch], beside)
        count = min(BATCH, len(row) - start)
        place = row[batch[:count]], asset[batch[:count]]
        forecast[place], hidden[place] = said.point[:count], said.hidden_state[:count]
        for name, values in said.further():
            told = further.setdefault(name, np.full((*shape, *values.shape[1:]), np.nan, dtype=np.float32))
            told[place] = values[:count]
    if rows is not None:
        others = np.ones(len(series.index), dtype=bool)
        others[rows.start : rows.stop] = False
        available[others], hidden[others], forecast[others] = False, np.nan, np.nan
        for told in further.values():
            told[others] = np.nan
    last_known = int(series.close_time.searchsorted(first.fit_end_time, side="right")) - 1
    fit_end = np.full(len(series.index), last_known - horizon, dtype=np.int64)
    return PanelStates(series.index, names, hidden, forecast, fit_end, available, **further)


def _of(fitted: Mapping[str, FittedForecaster], series: Series) -> list[FittedForecaster]:
    """Return the forecasters of a series' instruments, in its order; they share one network."""
    strangers = [name for name in series.instruments if name not in fitted]
    if strangers:
        raise ValueError(
            f"every instrument must be one that the forecaster was fitted on, {', '.join(strangers)} "
            f"{'was' if len(strangers) == 1 else 'were'} not; fit it again"
        )
    own = [fitted[name] for name in series.instruments]
    if any(one.model is not own[0].model for one in own):
        raise ValueError("the forecasters of a panel must share one network; fit them with fit_panel")
    return own


def _labels(kind: str, width: int, horizon: int) -> list[str]:
    """Return the names of a table's columns in the file."""
    if kind == "quantile":
        return [f"quantile_{bar + 1}_{level:.2f}" for bar in range(horizon) for level in LEVELS]
    if kind == "chance":
        return [f"chance_{bar + 1}_{number}" for bar in range(horizon) for number in range(width // horizon)]
    return [f"{kind}_{number + (kind == 'forecast')}" for number in range(width)]

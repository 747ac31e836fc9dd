"""A network that was fitted on a table, and the rows that it knows: what it says of every bar, and what is kept of it.

Beneath `forecaster.estimator`, which is light and asks for this when something is fitted. Knows tables in memory and
folders of its own; not how a network is trained.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.calendar import Timetable
from forecaster.data.frame_series import series_of_frame
from forecaster.data.frames import FrameColumns, long_frame
from forecaster.data.series import Series, Target
from forecaster.evaluation.conformal import least_outcomes
from forecaster.evaluation.intervals import INTERVAL, forecast_table, value_forecasts
from forecaster.fitted import FittedForecaster, load_panel, save_panel
from forecaster.hidden_states import HiddenStates, encode
from forecaster.panel_states import encode_panel

ROWS = "rows.parquet"
MOST_NAMED = 4  # instruments in a sentence
Encoded = list[tuple[str, Series, HiddenStates]]


@dataclass(frozen=True, kw_only=True)
class TableReader:
    """How tables are read, each the same way.

    Attributes:
        columns: which column is what.
        target: what is forecast.
        bar_length: of a bar; None: the commonest distance between starts.
        horizon: H, bars ahead.
        embargo_bars: rows that are not used between those that something is learned from and those that judge it.
    """

    columns: FrameColumns
    target: Target
    bar_length: pd.Timedelta | None
    horizon: int
    embargo_bars: int

    def rows(self, frame: Any) -> pd.DataFrame:
        """Return a table as `long_frame` gives it."""
        return long_frame(frame, self.columns)

    def traded(self, rows: pd.DataFrame) -> Series:
        """Return rows as a series, prices as they were traded."""
        return series_of_frame(rows, self.columns, target=self.target, length=self.bar_length, horizon=self.horizon)

    def lived(self, traded: Series) -> Series:
        """Return what an owner lived through; of prices that may have events, whether or not one came yet."""
        series = traded.adjusted()
        return replace(series, rebased=True) if self.columns.dividends or self.columns.splits else series

    def series(self, rows: pd.DataFrame) -> Series:
        """Return rows as the series that a network reads."""
        return self.lived(self.traded(rows))


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedTable:
    """What is known after a fit.

    Attributes:
        reader: of tables, as at the fit.
        panel: the network, by instrument.
        rows: all rows so far, as `long_frame` gives them.
        calibrated_on: start of the first row that intervals are calibrated on, and close of the last; twice the same
            where there are none.
    """

    reader: TableReader
    panel: dict[str, FittedForecaster]
    rows: pd.DataFrame
    calibrated_on: tuple[pd.Timestamp, pd.Timestamp]

    @property
    def first(self) -> FittedForecaster:
        """The network with the scales of one instrument."""
        return next(iter(self.panel.values()))

    def joined(self, frame: Any) -> pd.DataFrame:
        """Return the rows of a table, preceded by those that are known: of each symbol, those before its first there.

        Of a symbol that the table leaves out, those up to the table's last: what came later it does not tell.
        """
        new, known = self.reader.rows(frame), self.rows
        starts = new.groupby("symbol")["time"].min()
        first, end = known["symbol"].map(starts), new["time"].max()
        before = known[(known["time"] < first) | (first.isna() & (known["time"] <= end))]
        rows: pd.DataFrame = pd.concat([before, new], ignore_index=True)
        ordered: pd.DataFrame = rows.sort_values(["time", "symbol"], kind="stable", ignore_index=True)
        return ordered

    def calibrated(self, series: Series, rows: range) -> "FittedTable":
        """Return it with intervals calibrated on rows of the series of its table."""
        return replace(self, calibrated_on=(series.index[rows.start], series.close_time[rows.stop - 1]))

    def calibrated_since(self, frame: Any, since: Any) -> "FittedTable":
        """Return it with intervals calibrated on a table's rows from `since` on, None: on all it was not fitted on.

        Raises:
            ValueError: no such rows, or rows that the network was fitted on.
        """
        rows = self.joined(frame)
        series = self.reader.series(rows)
        end = self.first.fit_end_time
        first = end if since is None else _moment(since)
        if first < end:
            raise ValueError(
                f"the network was fitted on bars up to {end:%Y-%m-%d %H:%M} UTC, and intervals are calibrated on later "
                f"ones; was asked since {since}"
            )
        start = int(series.close_time.searchsorted(pd.Timestamp(end), side="right")) + self.reader.embargo_bars
        start = max(start, int(series.index.searchsorted(first)))
        if start >= len(series.index):
            raise ValueError(
                f"the table ends at {series.close_time[-1]:%Y-%m-%d %H:%M} UTC, and intervals are calibrated on bars "
                f"later than {end:%Y-%m-%d %H:%M}, by more than {self.reader.embargo_bars}; bring longer ones"
            )
        return replace(self, rows=rows).calibrated(series, range(start, len(series.index)))

    def told(self, rows: pd.DataFrame, levels: Sequence[float], since: Any) -> pd.DataFrame:
        """Return what is said of the H bars after the last of each instrument, or after each from `since` on.

        Warns of instruments that nothing can be said of, and of levels that lie beyond what is calibrated on.

        Raises:
            ValueError: no rows are calibrated on, `since` is no moment that is known and was not calibrated on, or no
                instrument can be spoken of.
        """
        traded = self.reader.traded(rows)
        first = self._first_told(traded, since)
        self._warn_of_few(traded, levels)
        tables, silent = [], {name: "it has no bar" for name in self.panel if name not in traded.instruments}
        for name, series, states in self._encoded(traded):
            try:
                tables.append(self._told_of(traded.instrument(name), series, states, levels, first))
            except ValueError as error:
                silent[name] = str(error)
        if not tables:
            raise ValueError(f"nothing can be told of the bars after the last: {next(iter(silent.values()))}")
        if silent:
            named = "; ".join(f"{name}, since {why}" for name, why in list(silent.items())[:MOST_NAMED])
            more = f"; and {len(silent) - MOST_NAMED} more" if len(silent) > MOST_NAMED else ""
            warnings.warn(f"nothing is told of {named}{more}", stacklevel=5)
        return self._by_symbol(pd.concat(tables, ignore_index=True))

    def embedded(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the hidden state at every bar from the first whole context on."""
        traded, tables = self.reader.traded(rows), []
        for name, series, states in self._encoded(traded):
            spoken = np.flatnonzero(np.isfinite(states.hidden_state).all(axis=1))
            columns = {f"hidden_{number}": column[spoken] for number, column in enumerate(states.hidden_state.T)}
            tables.append(pd.DataFrame({"time": series.index[spoken], "symbol": name, **columns}))
        return self._by_symbol(pd.concat(tables, ignore_index=True))

    def save(self, folder: Path) -> None:
        """Write network and rows into an existing folder; `reader` and `calibrated_on` are the caller's to keep."""
        save_panel(self.panel, folder)
        self.rows.to_parquet(folder / ROWS, index=False)

    @classmethod
    def load(cls, folder: Path, reader: TableReader, calibrated_on: tuple[pd.Timestamp, pd.Timestamp]) -> "FittedTable":
        """Read what `save` wrote; nothing in it can execute code."""
        rows = pd.read_parquet(folder / ROWS)
        return cls(reader=reader, panel=load_panel(folder), rows=rows, calibrated_on=calibrated_on)

    def _by_symbol(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table without `symbol` where the network was fitted on one instrument."""
        return table if len(self.panel) > 1 else table.drop(columns="symbol")

    def _first_told(self, series: Series, since: Any) -> int | None:
        """Return the first row that is told of; None: the last alone."""
        calibrated, end = self.calibrated_on
        if calibrated == end:
            raise ValueError("no rows were kept to calibrate intervals on; call calibrate with some, or fit with more")
        last = len(series.index) - 1
        if series.close_time[last] < end:
            raise ValueError(
                f"the table ends at {series.close_time[last]:%Y-%m-%d %H:%M} UTC, and intervals are calibrated on bars "
                f"up to {end:%Y-%m-%d %H:%M}; bring the bars since"
            )
        if since is None:
            return None
        row = int(series.index.searchsorted(_moment(since)))
        first = self._first_judged(series)
        if row < first:
            raise ValueError(
                f"what is told can be judged from {series.index[first]:%Y-%m-%d %H:%M} UTC on, the bars before are "
                f"those it was fitted and calibrated on; was asked since {since}"
            )
        if row > last:
            raise ValueError(
                f"since must be at or before the last bar, {series.index[last]:%Y-%m-%d %H:%M} UTC, was {since}"
            )
        return row

    def _calibration(self, series: Series) -> range:
        """Return the rows that intervals are calibrated on."""
        start, end = self.calibrated_on
        return range(int(series.index.searchsorted(start)), int(series.close_time.searchsorted(end, side="right")))

    def _warn_of_few(self, series: Series, levels: Sequence[float]) -> None:
        outcomes, needed = len(self._calibration(series)) - self.reader.horizon, least_outcomes(levels)
        if outcomes < needed:
            warnings.warn(
                f"levels from {levels[0]:g} to {levels[-1]:g} need {needed} outcomes to be calibrated by, and there "
                f"are {max(outcomes, 0)}: the outermost intervals are too narrow; calibrate on more rows, or ask for "
                "others",
                stacklevel=6,
            )

    def _first_judged(self, series: Series) -> int:
        """Return the first row after those that intervals are calibrated on."""
        stop = int(series.close_time.searchsorted(self.calibrated_on[1], side="right"))
        return min(stop + self.reader.embargo_bars, len(series.index) - 1)

    def _encoded(self, traded: Series) -> Encoded:
        """Return by instrument the series that the network reads, and its states of every bar."""
        panel, series = self.panel, self.reader.lived(traded)
        strange = [name for name in series.instruments if name not in panel]
        if strange:
            raise ValueError(f"{strange[0]} is none of {', '.join(panel)}, which it was fitted on")
        if self.reader.target == "relative_return" and len(series.instruments) < len(panel):
            raise ValueError(
                f"a relative return is less the mean of all: bring the bars of {', '.join(panel)} together, had those "
                f"of {', '.join(series.instruments)}"
            )
        if len(series.instruments) == 1:
            name = series.instruments[0]
            return [(name, series, encode(panel[name], series))]
        states = encode_panel({name: panel[name] for name in series.instruments}, series)
        return [(name, series.instrument(name), states.instrument(name)) for name in series.instruments]

    def _told_of(
        self, traded: Series, series: Series, states: HiddenStates, levels: Sequence[float], first: int | None
    ) -> pd.DataFrame:
        """Return what is said of one instrument, whose prices were `traded` and lived through as `series`."""
        last = len(series.index) - 1
        if first is None and series.traded is not None and not series.traded[last, 0]:
            had = series.index[series.traded[:, 0]]
            raise ValueError(
                f"its last bar is of {had[-1]:%Y-%m-%d %H:%M}, and the table's of {series.index[last]:%Y-%m-%d %H:%M}"
            )
        rows = self._calibration(series)
        told = value_forecasts(series, states, calibration_rows=rows, first=self._first_judged(series), levels=levels)
        if first is None:
            self._refuse_unannounced(series, last)
        told = told.of_last(last) if first is None else told.since(first)
        table = forecast_table(series, self._starts(series), told, levels)
        if series.rebased:  # what is told is a price as it was traded
            ratio = traded.close[told.decisions, 0] / series.close[told.decisions, 0]
            values = [column for column in table.columns if column == "value" or column.startswith(INTERVAL)]
            table[values] = table[values].mul(ratio.repeat(self.reader.horizon), axis=0)
        return table.rename(columns={"instrument": "symbol", "target": "time"})

    def _refuse_unannounced(self, series: Series, row: int) -> None:
        """Refuse to speak of bars ahead of which nothing is announced, where the network reads what is."""
        reader = self.first.reader
        if reader is None or not series.future_covariates:
            return
        future = series.future_table(calendar=self.first.config.features.calendar)
        values = future.gather(np.array([row]), reader.horizon, reader.timetable)[0]  # (H, G)
        leads = {name: lead for part in series.future_covariates for name, lead in part.leads.items()}
        absent = [
            name
            for name, lead in leads.items()
            if lead >= series.bar_length and np.isnan(values[:, future.names.index(name)]).all()
        ]
        if absent:
            raise ValueError(
                f"it reads {', '.join(absent)} of the bars ahead, and the table has none after "
                f"{series.index[row]:%Y-%m-%d %H:%M} UTC; bring rows of those bars, their close empty"
            )

    def _starts(self, series: Series) -> pd.DatetimeIndex:
        """Return the starts of the bars and of the H after the last, by the habit of those that came."""
        timetable = Timetable.learned(series.index, series.bar_length)
        ahead = timetable.next_starts(series.index[-1:].asi8, self.reader.horizon)[0]
        return pd.DatetimeIndex(series.index.append(pd.DatetimeIndex(ahead, tz="UTC")))


def _moment(since: Any) -> pd.Timestamp:
    """Return what somebody means by a moment, UTC; without a zone it is taken for UTC.

    Raises:
        ValueError: it is none, or a number, which has no unit.
    """
    try:
        moment = None if isinstance(since, Number) else pd.Timestamp(since)
    except (TypeError, ValueError):
        moment = None
    if not isinstance(moment, pd.Timestamp):
        raise ValueError(f"since must be a moment, such as '2026-01-31' or a Timestamp, was {since!r}")
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def alike(frame: Any, table: pd.DataFrame) -> Any:
    """Return a table as one of polars, where `frame` is one."""
    if type(frame).__module__.split(".")[0] == "polars":
        import polars

        return polars.from_pandas(table)
    return table

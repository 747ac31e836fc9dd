"""Leaks of exogenous columns, of the calendar, and of dividends and splits."""

from dataclasses import replace

import numpy as np
import pandas as pd

from leaks.table import after, change, instead, plant

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)


@plant("exogenous", "file")
def lag_dropped():
    """a column counts as known when its interval begins, whatever lag the request names"""
    instead("tradewinds.data.providers.user_files:_available", lambda table, config: pd.DatetimeIndex(table.index))


@plant("exogenous", "file")
def joined_to_the_nearest():
    """a bar reads the value that became known next, not the last one that was"""

    def following(closes, table, available):
        columns = {}
        for name in table.columns:
            row = available[str(name)].as_unit("ns").asi8.searchsorted(closes.as_unit("ns").asi8, side="right")
            columns[name] = table[name].ffill().to_numpy(np.float64)[np.minimum(row, len(table) - 1)]
        return pd.DataFrame(columns)

    instead("forecaster.data.as_of:join_as_of", following)


@plant("exogenous", "file")
def local_times_read_as_utc():
    """times of day in America/Chicago are read six hours early, as if they were UTC"""
    after("tradewinds.data.readers.times:localised", lambda told, *_, **__: (told[0] - 6 * HOUR, told[1]))


@plant("exogenous", "file")
def holes_filled_from_both_ends():
    """a hole in a column is interpolated before it is joined"""
    change(
        "tradewinds.data.assemble.exogenous:join_columns",
        lambda join: (
            lambda loaded, columns, *rest: join(loaded, replace(columns, table=columns.table.interpolate()), *rest)
        ),
    )


@plant("exogenous", "battery")
def columns_after_the_gate():
    """weather and gas are read as they are known at the hour's end, after the gate closure"""
    instead("tradewinds.tasks.storage.task:StorageTask.known_at", lambda self, config: None)


@plant("calendar", "file")
def bars_close_a_day_late():
    """a bar counts as closed a day after it did, and reads the columns of that day"""
    after("forecaster.data.series:closes_of", lambda closes, *_: closes + DAY)


@plant("calendar", "file")
def next_session_observed():
    """the agent sees how many days it is to the next bar, holidays included"""

    def observed(table, name, prepared, states):
        days = np.diff(prepared.series.index.asi8 / 86_400e9, append=np.nan).astype(np.float32)
        return np.column_stack([table, np.nan_to_num(days, nan=1.0)]) if name == "hidden_state" else table

    after("tradewinds.pipeline.observations:observed", observed)


@plant("events", "file")
def dividend_twice():
    """prices are adjusted for twice the dividend"""
    change(
        "forecaster.data.series:Series.adjusted",
        lambda adjusted: (
            lambda self: adjusted(self if self.dividends is None else replace(self, dividends=2.0 * self.dividends))
        ),
    )


@plant("events", "file")
def split_a_bar_early():
    """a split counts from the bar before it on, and makes that bar's return"""
    change(
        "forecaster.data.series:Series.adjusted",
        lambda adjusted: (
            lambda self: adjusted(
                self if self.splits is None else replace(self, splits=np.roll(self.splits, -1, axis=0))
            )
        ),
    )

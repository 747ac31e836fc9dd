"""Other worlds: what was loaded, the same up to a bar and different after it. Must not know the pipeline."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import LoadedColumns, Parts
from tradewinds.leakcheck.lifetimes import other_lifetimes

Array = NDArray[np.float64]
FARTHEST = 30.0  # log of a price's way from where it is replaced
WALKS = ((0.0, 0.0), (0.01, 0.8), (-0.01, -0.8))  # drift a bar, and what is left of a step in the next one


def another_world(
    parts: Parts,
    last_row: int,
    *,
    moment: pd.Timestamp | None = None,
    seed: int = 0,
    same_bars: bool = False,
    only: Sequence[int] | None = None,
) -> Parts:
    """Replace the prices of all bars after `last_row`, and of all else what became known after `moment`.

    The moment is the bar's close, or an earlier one at which what it says is read, as a gate closure; None: its close.
    Prices walk another path from the last close on, at another volatility: at random, or for the next two seeds in a
    trend up and in a zigzag down, so that whatever is chosen by what comes is chosen otherwise in one of them. Volumes,
    dividends, splits and columns take other values. Missing values stay missing, so that what is filled from the far
    end of a hole shows. Of several instruments each walks a path of its own, half of them up where the others go down;
    and where histories are ragged, others list, halt and are delisted than truly did, the first of them in the next
    bars, or with `same_bars` the very same. With `only` the future is another one of these instruments alone.
    """
    rng = np.random.default_rng([seed, last_row])
    series = parts.series.series
    moment = series.close_time[last_row] if moment is None else moment
    bars = _other_bars(series, last_row, moment, rng, seed, same_bars)
    if only is not None:
        bars = _of_some(series, bars, only)
        return dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=bars))
    return Parts(
        dataclasses.replace(parts.series, series=bars),
        tuple(_other_columns(columns, series, moment) for columns in parts.columns),
    )


def known_until(parts: Parts, num_rows: int, moment: pd.Timestamp | None = None) -> Parts:
    """Return what was there when bar `num_rows` - 1 was read: the bars so far, and the values known by `moment`.

    None is the bar's close. Columns of the series' own that are not known by then hold other values.
    """
    series = parts.series.series
    moment = series.close_time[num_rows - 1] if moment is None else moment
    bars = series.rows(range(num_rows))
    bars = dataclasses.replace(bars, exogenous=_other_exogenous(bars, moment, np.random.default_rng(num_rows)))
    columns = []
    for part in parts.columns:
        late = _unknown(part, series, moment)
        known = ~late.all(axis=1)
        table = part.table.mask(late)[known]
        available = {name: moments[known] for name, moments in part.available.items()}
        whose = None if part.whose is None else part.whose[known]
        columns.append(dataclasses.replace(part, table=table, available=available, whose=whose))
    return Parts(dataclasses.replace(parts.series, series=bars), tuple(columns))


def later_start(parts: Parts, first_row: int) -> Parts:
    """Return the same world to somebody whose bars begin at `first_row`."""
    series = parts.series.series
    bars = series.rows(range(first_row, len(series.index)))
    return dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=bars))


def last_bars(parts: Parts, count: int) -> Parts:
    """Return the last `count` bars, or all where there are fewer."""
    return later_start(parts, max(len(parts.series.series.index) - count, 0))


def _of_some(true: Series, other: Series, chosen: Sequence[int]) -> Series:
    """Return the true series with the columns of some instruments from another one."""
    mixed: dict[str, Any] = {}
    for name, column in other.columns().items():
        mixed[name] = np.zeros_like(column) if getattr(true, name) is None else np.array(getattr(true, name))
        mixed[name][:, list(chosen)] = column[:, list(chosen)]
    return dataclasses.replace(true, **mixed)


def _other_bars(
    series: Series, last_row: int, moment: pd.Timestamp, rng: np.random.Generator, seed: int, same_bars: bool
) -> Series:
    after = slice(last_row + 1, None)
    shape = series.close[after].shape
    if shape[0] == 0:
        return dataclasses.replace(series, exogenous=_other_exogenous(series, moment, rng))
    prices = _walk(series, last_row, shape, rng, kind=seed % 3)
    close = prices["close"]
    if series.single_price:
        prices = dict.fromkeys(prices, close)
    others = {
        "volume": None if series.volume is None else series.volume[after] * rng.uniform(1.1, 3.0, shape) + 1.0,
        "dividends": np.where(rng.random(shape) < 0.1, 0.01 * close, 0.0),
        "splits": np.where(rng.random(shape) < 0.05, 2.0, 1.0),
    }
    changed: dict[str, Any] = {
        name: _joined(getattr(series, name), values, last_row)
        for name, values in {**prices, **others}.items()
        if getattr(series, name) is not None and values is not None
    }
    exogenous = _other_exogenous(series, moment, rng)
    ahead = tuple(_other_announcements(one, moment - series.bar_length) for one in series.future_covariates)
    if series.traded is not None:
        changed |= {"traded": series.traded, "delisted": series.delisted}
        if not same_bars:
            changed |= other_lifetimes(series.traded, series.delisted, last_row, rng)
        changed |= _carried(changed, last_row)
    return dataclasses.replace(series, exogenous=exogenous, future_covariates=ahead, **changed)


def _carried(columns: dict[str, Any], last_row: int) -> dict[str, Any]:
    """Return the columns with closes carried, and no events, after a row where instruments do not trade."""
    traded, close = columns["traded"], columns["close"]
    rows: NDArray[np.int64] = np.arange(len(traded))[:, None]
    last = np.maximum.accumulate(np.where(traded, rows, -1), axis=0)  # (T, A) the newest bar of its own
    stands = np.where(last >= 0, np.take_along_axis(close, np.maximum(last, 0), axis=0), 1.0)
    before = np.concatenate([np.full_like(last[:1], -1), last[:-1]])
    nothing = {
        "volume": (traded, 0.0),
        "dividends": (traded & (before >= 0), 0.0),
        "splits": (traded & (before >= 0), 1.0),
    }
    later = rows > last_row
    carried = {}
    for name in ("open", "high", "low", "close", "volume", "dividends", "splits"):
        if columns.get(name) is not None:
            there, value = nothing.get(name, (traded, stands))
            carried[name] = np.where(later & ~there, value, columns[name])
    return carried


def _other_exogenous(series: Series, moment: pd.Timestamp, rng: np.random.Generator) -> pd.DataFrame:
    """Move what of the series' own columns was not known at a moment: announced ones are known ahead of their bar."""
    leads = {name: lead for part in series.future_covariates for name, lead in part.leads.items()}
    moved = _moved(series.exogenous, rng)
    table = series.exogenous.copy()
    for name in table.columns:
        early = leads.get(str(name), pd.Timedelta(0))
        known = series.close_time if not early else series.index + series.bar_length - early
        table[name] = table[name].where(np.asarray(known <= moment), moved[name])
    return table


def _walk(
    series: Series, last_row: int, shape: tuple[int, ...], rng: np.random.Generator, *, kind: int
) -> dict[str, Array]:
    """Return prices of the bars to come: another path from the last close on, which jumps and then wanders."""
    multiplies = series.is_price  # a temperature may be negative, and moves by differences
    size = 1.0 if multiplies else 10.0 * float(np.std(np.diff(series.close, axis=0))) + 1e-6
    last = series.close[last_row : last_row + 1]
    start = np.log(last) if multiplies else last
    drift, memory = WALKS[kind]
    step, apart = rng.normal(0.0, 0.03, shape), np.ones(shape[1])
    if shape[1] > 1:  # else what is told of an instrument less the mean of all would hardly change
        apart = np.where((np.arange(shape[1]) + rng.integers(2)) % 2, 1.0, -1.0) * rng.uniform(0.5, 1.5, shape[1])
    for row in range(1, len(step) if memory else 0):
        step[row] += memory * step[row - 1]
    step = size * (step + drift * apart)
    step[0] += 0.2 * size * apart
    moved = np.cumsum(step, axis=0)
    close = start + (np.clip(moved, -FARTHEST, FARTHEST) if multiplies else moved)  # a million bars would leave floats
    open_ = np.concatenate([start, close[:-1]]) + size * rng.normal(0.0, 0.01, shape)
    rough = size * np.abs(rng.normal(0.0, 0.01, (2, *shape)))
    paths = {
        "open": open_,
        "high": np.maximum(open_, close) + rough[0],
        "low": np.minimum(open_, close) - rough[1],
        "close": close,
    }
    return {name: np.exp(path) if multiplies else path for name, path in paths.items()}


def _joined(values: Array, later: Array, last_row: int) -> Array:
    return np.concatenate([values[: last_row + 1], later])


def _moved(values: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    spread = values.std(ddof=0).fillna(0.0).to_numpy() + 1e-3
    return values * 0.9 + 0.1 * spread * (1.0 + rng.random(values.shape))


def _other_announcements(one: FutureCovariates, now: pd.Timestamp) -> FutureCovariates:
    table = one.table.copy()
    for name, lead in one.leads.items():
        table.loc[table.index > now + lead, name] *= 0.9
    return dataclasses.replace(one, table=table)


def _other_columns(columns: LoadedColumns, series: Series, moment: pd.Timestamp) -> LoadedColumns:
    """Scale what was not known yet by 0.9: a zero at night and a humidity below 100 % stay believable.

    Texts are of other words, and pictures upside down, too: an encoder may not care for the scale.
    """
    late, other = _unknown(columns, series, moment), columns.table * 0.9
    if columns.sense is not None:
        held = list(columns.sense.columns)
        other[held] = other[held].to_numpy()[:, ::-1]
    return dataclasses.replace(columns, table=columns.table.where(~late, other))


def _unknown(columns: LoadedColumns, series: Series, moment: pd.Timestamp) -> pd.DataFrame:
    """(N, K) which values were not known at a moment; what is announced, at the close of a bar that ends there."""
    if columns.pool:  # a row is known as a whole
        row = np.asarray(next(iter(columns.available.values())) > moment)
        whole = np.broadcast_to(row[:, None], columns.table.shape)
        return pd.DataFrame(whole, index=columns.table.index, columns=columns.table.columns)
    now = moment - series.bar_length
    times = pd.DatetimeIndex(columns.table.index)
    late = {}
    for name in columns.table.columns:
        unknown = np.asarray(columns.available[str(name)] > moment)
        if str(name) in columns.leads:
            unknown &= np.asarray(times > now + columns.leads[str(name)])
        late[name] = unknown
    return pd.DataFrame(late, index=columns.table.index)

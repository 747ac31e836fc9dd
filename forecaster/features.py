"""What the network reads of a bar, computed from that bar and earlier ones only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FeatureConfig
from forecaster.series import Series

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of T bars.

    Attributes:
        values: (T, F); row t uses bars up to t only; rows before `first_row` are NaN somewhere.
        names: F names.
        first_row: the first row from which on every feature is defined.
    """

    values: Array
    names: tuple[str, ...]
    first_row: int


def build_features(series: Series, config: FeatureConfig) -> FeatureTable:
    """Compute the features of a series of one instrument.

    The change since the bar before, log return or difference by the series' target; its realised volatility (root mean
    square of the last n); for bars with a range, high against low and the overnight gap open against previous close;
    with volume, the z-score of its log against the last n bars; the level, where the target is a difference: what is no
    price comes back to where it was; the calendar; every exogenous column's level and its change since the bar before.

    Args:
        series: T bars.
        config: windows and whether the calendar is read.

    Returns:
        The table.

    Raises:
        ValueError: the series has several instruments, an exogenous column bears the name of a feature, a column has a
            gap inside, or no row has all features.
    """
    if len(series.instruments) != 1:
        raise ValueError(
            f"features are read from one instrument at a time, the series has {', '.join(series.instruments)}; "
            "choose one with Series.instrument"
        )
    columns = {**_price_features(series, config), **_calendar(series, config)}
    taken = set(columns) & {f"{name}{end}" for name in series.exogenous.columns for end in ("", "_change")}
    twice = taken | {f"{name}_change" for name in series.exogenous.columns} & set(map(str, series.exogenous.columns))
    if twice:
        raise ValueError(
            f"exogenous columns must not bear the names of features, did: {', '.join(sorted(twice))}; rename them"
        )
    for name in series.exogenous.columns:
        level = series.exogenous[name]
        columns[str(name)] = level.to_numpy(dtype=np.float64)
        columns[f"{name}_change"] = level.diff().to_numpy(dtype=np.float64)
    values = np.column_stack(list(columns.values()))
    undefined = np.flatnonzero(~np.isfinite(values).all(axis=1))
    first_row = 0 if len(undefined) == 0 else _end_of_warm_up(values, tuple(columns), series)
    return FeatureTable(values, tuple(columns), first_row)


def static_features(instruments: Sequence[str], config: FeatureConfig) -> tuple[Array, tuple[str, ...]]:
    """Return what is told of each of A instruments at every bar, (A, S), and the S names.

    The numbers of `config.static` are scaled by their mean and standard deviation over the instruments; identities are
    0 or 1. One instrument is told nothing: there is no other to tell it from.

    Raises:
        ValueError: `config.static` lacks an instrument.
    """
    if len(instruments) == 1 or not (config.static or config.identity):
        return np.zeros((len(instruments), 0)), ()
    missing = [name for name in instruments if name not in config.static] if config.static else []
    if missing:
        raise ValueError(f"features.static must describe every instrument, lacks {', '.join(missing)}")
    names = tuple(sorted(next(iter(config.static.values()), {})))
    told = np.array([[config.static[one][name] for name in names] for one in instruments if config.static])
    told = told.reshape(len(instruments), len(names))
    spread = told.std(axis=0)
    columns = [(told - told.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)]
    if config.identity:
        columns.append(np.eye(len(instruments)))
        names += tuple(f"is_{name}" for name in instruments)
    return np.concatenate(columns, axis=1), names


def _price_features(series: Series, config: FeatureConfig) -> dict[str, Array]:
    logarithm = series.target == "log_return"
    open_, high, low, close = (
        np.log(column[:, 0]) if logarithm else column[:, 0]
        for column in (series.open, series.high, series.low, series.close)
    )
    change = pd.Series(np.diff(close, prepend=np.nan))
    columns: dict[str, Array] = {series.target: np.asarray(change, dtype=np.float64)}
    for bars in config.volatility_bars:
        columns[f"volatility_{bars}"] = np.sqrt((change**2).rolling(bars).mean().to_numpy())
    if not logarithm:
        columns["level"] = close
    if not series.single_price:
        columns["range"] = high - low
        columns["gap"] = open_ - np.concatenate(([np.nan], close[:-1]))
    if series.volume is not None:
        volume = pd.Series(np.log1p(series.volume[:, 0]))
        rolling = volume.rolling(config.volume_bars)
        spread = rolling.std().to_numpy()
        deviation = (volume - rolling.mean()).to_numpy()
        columns["volume_z"] = np.where(np.isnan(spread), np.nan, deviation / np.maximum(spread, 1e-9))
    return columns


def _calendar(series: Series, config: FeatureConfig) -> dict[str, Array]:
    """Sine and cosine of each cycle; which cycles vary is decided by the bar's length, not by the data."""
    if not config.calendar:
        return {}
    index = series.index
    columns: dict[str, Array] = {}
    cycles: dict[str, tuple[Array, int]] = {"month": (index.month.to_numpy(dtype=np.float64) - 1.0, 12)}
    if series.bar_length <= pd.Timedelta(days=1):
        cycles["weekday"] = (index.day_of_week.to_numpy(dtype=np.float64), 7)
    if series.bar_length < pd.Timedelta(days=1):
        cycles["hour"] = (index.hour.to_numpy(dtype=np.float64) + index.minute.to_numpy(dtype=np.float64) / 60.0, 24)
    for name, (phase, length) in cycles.items():
        angle = 2.0 * np.pi * phase / length
        columns[f"{name}_sin"], columns[f"{name}_cos"] = np.sin(angle), np.cos(angle)
    return columns


def _end_of_warm_up(values: Array, names: tuple[str, ...], series: Series) -> int:
    """First row from which on all is defined; an undefined value after a column's first defined one is refused."""
    defined = np.isfinite(values)
    for column, name in enumerate(names):
        rows = np.flatnonzero(defined[:, column])
        if len(rows) == 0:
            raise ValueError(
                f"{len(values)} rows are too few: feature {name} is defined on none of them; bring more rows"
            )
        gaps = np.flatnonzero(~defined[rows[0] :, column])
        if len(gaps):
            raise ValueError(f"feature {name} is undefined at {series.index[rows[0] + gaps[0]]}, inside the series")
    return int(defined.argmax(axis=0).max())

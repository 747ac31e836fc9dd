"""What the network reads of a bar, computed from that bar and earlier ones only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FeatureConfig
from forecaster.data.calendar import cycles, seasons
from forecaster.data.custom_features import custom_feature
from forecaster.data.future_covariates import MISSING
from forecaster.data.senses import Float32, Sense, chart, chart_sense, with_presence
from forecaster.data.series import PRICES, Series

Array = NDArray[np.float64]
MEAN = "_mean_"  # between a column and the bars of its mean, in the name of that feature


class TooFewBars(ValueError):
    """A series is shorter than the warm-up of its features."""


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of T bars.

    Attributes:
        values: (T, F); row t uses bars up to t only; rows before `first_row` are NaN somewhere. From there on only a
            column that may be missing is NaN, where the column of its name and `_missing` is 1.
        names: F names.
        first_row: the first row from which on every feature is defined.
        plain: how many of the names, the first ones, a network reads that does not select.
        season: which features tell the season of the year, for a selection.
        means: by the number of a feature that is a mean, that of what it is the mean of.
        senses: by name, (T, W + 1) of what is read beside numbers (`forecaster.data.senses.with_presence`).
    """

    values: Array
    names: tuple[str, ...]
    first_row: int
    plain: int = 0
    season: tuple[int, ...] = ()
    means: Mapping[int, int] = field(default_factory=dict)
    senses: Mapping[str, Float32] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CalendarFeatures:
    """What the moments of T bars alone tell, reckoned once for all instruments of a series.

    Attributes:
        cycles: (T,) each, by name, as `forecaster.data.calendar.cycles`; empty where the calendar is not read.
        seasons: likewise; empty where nothing is selected.
    """

    cycles: Mapping[str, Array]
    seasons: Mapping[str, Array]

    @classmethod
    def of(cls, series: Series, config: FeatureConfig) -> "CalendarFeatures":
        """Return what is read of the moments of a series."""
        return cls(
            cycles(series.index, series.bar_length) if config.calendar else {},
            seasons(series.index) if config.selection else {},
        )

    def since(self, row: int) -> "CalendarFeatures":
        """Return it of the bars from `row` on."""
        parts = ({name: column[row:] for name, column in part.items()} for part in (self.cycles, self.seasons))
        return CalendarFeatures(*parts)


def build_features(series: Series, config: FeatureConfig, clock: CalendarFeatures | None = None) -> FeatureTable:
    """Compute the features of a series of one instrument.

    The change since the bar before, log return or difference by the series' target, and before it the relative return
    where that is the target; its realised volatility (root mean square of the last n); for bars with a range, high
    against low and the overnight gap open against previous close; with volume, the z-score of its log against the last
    n bars; the level, where the target is a difference: what is no price comes back to where it was; the calendar;
    every exogenous column's level and its change since the bar before, and, of a column that may be missing, where it
    is, but for columns that a sense holds; then the custom features. With `config.selection` follows what is only read
    if it is selected: the season of the year, the level of a price that no dividend has rebased, every column's means.

    Args:
        series: T bars.
        config: windows and whether the calendar is read.
        clock: what the moments of its bars tell; None to reckon it.

    Returns:
        The table.

    Raises:
        ValueError: the series has several instruments, an exogenous column bears the name of a feature, a column has a
            gap inside, a custom feature is unknown or malformed, or no row has all features.
    """
    if len(series.instruments) != 1:
        raise ValueError(
            f"features are read from one instrument at a time, the series has {', '.join(series.instruments)}; "
            "choose one with Series.instrument"
        )
    clock = CalendarFeatures.of(series, config) if clock is None else clock
    columns = _price_features(series, config)
    columns.update(clock.cycles)
    numbers = series.number_columns
    exogenous = set(numbers)
    changes = {f"{name}_change" for name in exogenous}
    twice = (
        set(columns) & (exogenous | changes)
        | exogenous & changes
        | {name for name in exogenous if name.endswith(MISSING)}
    )
    if twice:
        raise ValueError(
            f"exogenous columns must not bear the names of features, did: {', '.join(sorted(twice))}; rename them"
        )
    for name in numbers:
        level = series.exogenous[name]
        columns[name] = level.to_numpy(dtype=np.float64)
        columns[f"{name}_change"] = level.diff().to_numpy(dtype=np.float64)
        if name in series.missing:
            columns[f"{name}{MISSING}"] = np.asarray(level.isna(), dtype=np.float64)
    for name in config.custom:
        if name in columns:
            raise ValueError(f"feature '{name}' of your own has the name of another one; give it a name of its own")
        columns[name] = custom_feature(name, series)
    plain, season = len(columns), clock.seasons
    if config.selection:
        more = {**season, **_selectable(series, config)}
        columns.update({name: column for name, column in more.items() if name not in columns})
    values = np.column_stack(list(columns.values()))
    needed = np.flatnonzero(~may_be_missing(tuple(columns)))
    undefined = np.flatnonzero(~np.isfinite(values[:, needed]).all(axis=1))
    needed_names = tuple(list(columns)[column] for column in needed)
    first_row = 0 if len(undefined) == 0 else _end_of_warm_up(values[:, needed], needed_names, series)
    place = {name: number for number, name in enumerate(columns)}
    means = {k: place[name.rpartition(MEAN)[0]] for name, k in place.items() if k >= plain and MEAN in name}
    told_season = tuple(place[name] for name in season)
    return FeatureTable(values, tuple(columns), first_row, plain, told_season, means, _sense_tables(series, config))


def senses_read(series: Series, config: FeatureConfig) -> tuple[Sense, ...]:
    """Return what a network reads of a series beside numbers."""
    return (*series.senses, *([chart_sense(config.chart_bars)] if config.chart_bars else []))


def _sense_tables(series: Series, config: FeatureConfig) -> dict[str, Float32]:
    tables = {
        sense.name: with_presence(series.exogenous[list(sense.columns)].to_numpy(np.float32)) for sense in series.senses
    }
    if config.chart_bars:
        prices = {name: getattr(series, name)[:, 0] for name in PRICES}
        tables["chart"] = with_presence(chart(prices, config.chart_bars))
    return tables


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
    numbers = np.array(
        [[config.static[instrument][name] for name in names] for instrument in instruments if config.static]
    )
    numbers = numbers.reshape(len(instruments), len(names))
    spread = numbers.std(axis=0)
    columns = [(numbers - numbers.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)]
    if config.identity:
        columns.append(np.eye(len(instruments)))
        names += tuple(f"is_{name}" for name in instruments)
    return np.concatenate(columns, axis=1), names


def may_be_missing(names: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return (F,) which features may be NaN: level and change of a column beside which stands where it is missing."""
    gappy = {name.removesuffix(MISSING) for name in names if name.endswith(MISSING)}
    return np.array([name in gappy or name.removesuffix("_change") in gappy for name in names], dtype=bool)


def scale_of(values: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """Return mean and deviation (F,) of the values (N, F) that are there; a deviation of 1 where none varies.

    Raises:
        ValueError: a feature has no value at all; nothing could be learned of it.
    """
    present = ~np.isnan(values)
    count = present.sum(axis=0)
    if not count.all():
        name = names[int(count.argmin())]
        raise ValueError(
            f"feature {name} is missing on all {len(values)} fit rows; leave the column out, or start later"
        )
    mean = np.where(present, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(spread > 1e-9 * np.abs(mean) + 1e-12, spread, 1.0)  # rounding is no variation


def scale(values: Array, mean: Array, std: Array, names: tuple[str, ...]) -> Array:
    """Return features (T, F) less their mean, in deviations; 0, the mean, where a column that may be missing is."""
    scaled = (values - mean) / std
    gappy = may_be_missing(names)
    if gappy.any():
        scaled[:, gappy] = np.nan_to_num(scaled[:, gappy], nan=0.0)
    return np.asarray(scaled)


def _price_features(series: Series, config: FeatureConfig) -> dict[str, Array]:
    logarithm = series.is_price
    open_, high, low, close = (
        np.log(column[:, 0]) if logarithm else column[:, 0]
        for column in (series.open, series.high, series.low, series.close)
    )
    change = pd.Series(np.diff(close, prepend=np.nan))
    columns: dict[str, Array] = {}
    if series.target == "relative_return":
        columns[series.target] = np.concatenate(([np.nan], series.changes()[1:, 0]))
    columns["log_return" if logarithm else "difference"] = np.asarray(change, dtype=np.float64)
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


def _selectable(series: Series, config: FeatureConfig) -> dict[str, Array]:
    close = series.close[:, 0]
    columns: dict[str, Array] = {}
    if not series.rebased:
        columns["level"] = np.log(close) if series.is_price else close
    for name in series.number_columns:
        if name not in series.missing:
            for bars in config.mean_bars:
                columns[f"{name}{MEAN}{bars}"] = _rolling_mean(series.exogenous[name].to_numpy(np.float64), bars)
    return columns


def _rolling_mean(values: Array, bars: int) -> Array:
    """Return (T,) means of the last bars, each summed of its own: none depends on where the series begins."""
    means = np.full(len(values), np.nan)
    if len(values) >= bars:
        means[bars - 1 :] = sum(values[k : len(values) - bars + 1 + k] for k in range(bars)) / bars
    return means


def _end_of_warm_up(values: Array, names: tuple[str, ...], series: Series) -> int:
    """First row from which on all is defined; an undefined value after a column's first defined one is refused."""
    defined = np.isfinite(values)
    for column, name in enumerate(names):
        rows = np.flatnonzero(defined[:, column])
        if len(rows) == 0:
            raise TooFewBars(
                f"{len(values)} rows are too few: feature {name} is defined on none of them; bring more rows"
            )
        gaps = np.flatnonzero(~defined[rows[0] :, column])
        if len(gaps):
            raise ValueError(f"feature {name} is undefined at {series.index[rows[0] + gaps[0]]}, inside the series")
    return int(defined.argmax(axis=0).max())

"""What series, weather, features and baselines must hold to: shapes, and that nothing later reaches what is earlier."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.baselines.custom import Baseline
from forecaster.data.custom_features import Feature, read_only
from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.rules import DataConfig
from tradewinds.testing.rules import another_end, check_repeats, made_series, need, same, told

Array = NDArray[np.float64]
CUTS = (0.4, 0.6, 0.9)  # of the bars
HORIZON = 3


def check_feature(function: Feature, series: Series | None = None) -> None:
    """Check a feature: `(series) -> (T,)`, row t from bars up to t.

    Args:
        function: what a name of `features.custom` stands for.
        series: of one instrument, with the columns it needs; None for a made-up one with open, high, low, close and
            volume.

    Raises:
        ConformanceError: a shape; a value that is infinite, or missing after the first; another value when later bars
            change or are not there; state between calls; a series that was written to.
    """
    series = made_series() if series is None else series
    values = _feature(function, series)
    shape = (len(series.index),)
    need(
        values.shape == shape,
        f"the feature must return (T,) = {shape}, one number a bar, was {values.shape}; keep one axis",
    )
    defined = np.isfinite(values)
    need(bool(defined.any()), "the feature has no finite value at all; see that it needs fewer bars than there are")
    first = int(defined.argmax())
    need(
        bool(defined[first:].all()) and not np.isinf(values).any(),
        f"the feature is not finite at row {first + int((~defined[first:]).argmax())}; only rows before the first "
        "value may be NaN, and none infinite: fill gaps with what was known",
    )
    for share in CUTS:
        row = int(share * len(series.index))
        changed = _feature(function, another_end(series, row))[: row + 1]
        cut = _feature(function, series.rows(range(row + 1)))
        for other, what in ((changed, "changed"), (cut, "were not there")):
            differs = ~((other == values[: row + 1]) | (np.isnan(other) & np.isnan(values[: row + 1])))
            need(
                not differs.any(),
                f"the feature at row {int(differs.argmax())} was another when bars after row {row} {what}; row t may "
                "use bars up to t only: no statistic of the whole series, no window around a bar",
            )
    check_repeats("the feature", lambda one: _feature(function, one), series)


def _feature(function: Feature, series: Series) -> Array:
    with told("the feature", "it must take a series, write nothing into it, and return (T,) numbers"):
        return np.asarray(function(read_only(series)), dtype=np.float64)


def check_baseline(function: Baseline, series: Series | None = None) -> None:
    """Check a baseline: `(series, rows, horizon) -> (N, H)` changes of the bars after each row.

    Args:
        function: what a name of `baselines.custom` stands for.
        series: of one instrument; None for a made-up one.

    Raises:
        ConformanceError: a shape; a value that is not finite; another forecast when later bars change or other rows
            are asked for; state between calls; a series that was written to.
    """
    series = made_series() if series is None else series
    rows = np.arange(len(series.index) // 4, len(series.index))
    forecast, shape = _baseline(function, series, rows), (len(rows), HORIZON)
    need(
        forecast.shape == shape,
        f"the baseline must return (N, H) = {shape}, a row a decision and a column a bar ahead, was {forecast.shape}; "
        "return changes for every row asked for",
    )
    need(
        bool(np.isfinite(forecast).all()),
        "the baseline is not finite everywhere; say 0, no change, where it knows none",
    )
    for share in CUTS:
        number = int(share * len(rows))
        row = int(rows[number])
        changed = _baseline(function, another_end(series, row), rows)[: number + 1]
        need(
            same(changed, forecast[: number + 1]),
            f"the baseline at row {row} or before was another when bars after it changed; a row may use bars up to it "
            "only: no mean of the whole series",
        )
        alone = _baseline(function, series.rows(range(row + 1)), rows[number : number + 1])
        need(
            bool(np.allclose(alone, forecast[number : number + 1], rtol=1e-9, atol=1e-12)),
            f"the baseline at row {row} was another when that row alone was asked for, and no bar followed; it must "
            "not depend on which rows are asked for",
        )
    check_repeats("the baseline", lambda one: _baseline(function, one, rows[rows < len(one.index)]), series)


def _baseline(function: Baseline, series: Series, rows: NDArray[np.int64]) -> Array:
    with told("the baseline", "it must take (series, rows, horizon) and write into neither series nor rows"):
        return np.asarray(function(read_only(series), rows.copy(), HORIZON), dtype=np.float64)


def check_series(load: Callable[..., LoadedSeries], settings: Any) -> None:
    """Check a source of bars: `(settings, rules) -> LoadedSeries`.

    Args:
        load: what `series.kind` stands for.
        settings: of bars that are there, 20 or more.

    Raises:
        ConformanceError: what it returns; bars that are not the same twice; no source with a sha256; or, of a kind
            with the setting `last`, a shorter reading in which an earlier bar is another.
    """
    with told("the loader", "it must take (settings, rules) and return a LoadedSeries"):
        loaded, again = (load(settings, DataConfig()) for _ in range(2))
    need(
        isinstance(loaded, LoadedSeries),
        f"the loader returned a {type(loaded).__name__}; it must return tradewinds.data.assemble.loaded.LoadedSeries",
    )
    series = loaded.series
    need(
        len(series.index) >= 20, f"settings must lead to 20 bars at least, were {len(series.index)}; name a longer file"
    )
    need(
        series.sha256() == again.series.sha256(), "two readings differ; read files, or fix the seed of what is made up"
    )
    hashed = [source for source in loaded.sources if len(str(source.get("sha256", ""))) == 64]
    need(
        bool(loaded.sources) and len(hashed) == len(loaded.sources),
        "sources must say of each file its name and sha256, as {'file': ..., 'sha256': 64 hexadecimal digits}; a "
        "report names them",
    )
    if hasattr(settings, "last"):
        row = int(0.6 * len(series.index))
        with told("a shorter reading", "`last` is a date such as 2015-01-31, the last day that is read"):
            early = load(dataclasses.replace(settings, last=f"{series.index[row]:%Y-%m-%d}"), DataConfig()).series
        count = len(early.index)
        need(row < count < len(series.index), f"`last` at row {row} left {count} bars; it must be the last day read")
        for name, column in early.columns().items():
            whole = series.columns()[name][:count]
            need(
                same(column, whole),
                f"{name} of earlier bars is another when `last` is set; adjust and fill from the past",
            )


def check_weather(load: Callable[..., Any], settings: Any) -> None:
    """Check a source of columns: `(settings, rules) -> LoadedColumns`, a list of them, or None.

    Args:
        load: what `weather.kind` stands for.
        settings: of values that are there.

    Raises:
        ConformanceError: what it returns; times that do not rise or are not UTC; values without a moment from which on
            they are known, or known before their own interval begins though they are no forecast; two readings that
            differ.
    """
    with told("the loader", "it must take (settings, rules) and return LoadedColumns"):
        loaded, again = (load(settings, DataConfig()) for _ in range(2))
    parts, others = ([one] if not isinstance(one, list) else one for one in (loaded, again))
    for part, other in zip(parts, others, strict=True):
        if part is not None:
            need(
                isinstance(part, LoadedColumns),
                f"the loader returned a {type(part).__name__}; it must return LoadedColumns, a list of them, or None",
            )
            _check_columns(part)
            need(part.table.equals(other.table), "two readings differ; read files, or fix the seed of what is made up")


def _check_columns(part: LoadedColumns) -> None:
    index = part.table.index
    need(
        isinstance(index, pd.DatetimeIndex)
        and str(index.tz) == "UTC"
        and index.is_monotonic_increasing
        and index.is_unique,
        "the table's index must be the starts of its intervals, in UTC and rising; localise and sort it",
    )
    need(
        set(part.available) == set(part.table),
        f"available must say when each column is known, of {', '.join(map(str, part.table))}, was of "
        f"{', '.join(part.available)}",
    )
    for name, column in part.table.items():
        known = part.available[str(name)]
        values = column.to_numpy(np.float64)
        need(not np.isinf(values).any(), f"{name} holds infinite values; leave NaN where there is none")
        need(
            len(known) == len(index) and str(known.tz) == "UTC",
            f"available of {name} must be (N,) = ({len(index)},) moments in UTC, were {len(known)}",
        )
        early = not part.forecast and not part.leads and bool((known < index).any())
        need(
            not early,
            f"{name} is known before its interval begins; set `forecast` where it is one, or publish it later",
        )

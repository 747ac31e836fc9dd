"""The border every market source crosses: bars that can be, or a refusal that names file, row, column, value and cure.

What breaks a law is refused or, where the request asks for it, mended and reported; what is only odd is remarked upon.
Knows bars of one instrument; not where they come from (`origin`) nor how instruments are put side by side (`align`).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.instruments import DAY, HOUR, bar_length
from forecaster.data.series import PRICES, Series
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.holes import tell_holes
from tradewinds.data.notes import Note
from tradewinds.data.readers.origin import Mask, Origin
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
MINUTE = 60 * 10**9  # nanoseconds
POSITIVE = (
    "must be positive; a price of 0 or less has no return: remove the row, start later with series.first, or "
    "forecast differences with series.target=difference, or values with series.target=level"
)
SMALLEST, LARGEST = 1e-30, 1e30  # beyond them 32 bits, and squares, lose a price
COUNTABLE = f"must lie between {SMALLEST:g} and {LARGEST:g}, as any price does; correct it, or write another unit"
NOISE = 1e-6  # relative: what a float that went through 32 bits may be off by
STALE_BARS = 5  # a close that repeats longer than this is remarked upon


@dataclass(frozen=True, eq=False)
class Bars:
    """T bars of one instrument.

    Attributes:
        index: (T,) starts, UTC, strictly increasing.
        columns: (T,) each: `close`, or `open`, `high`, `low` and `close`; `volume`, `dividends`, `splits` where known;
            `adjusted_close`, which is evidence for `jumps` and reaches no series.
        origin: file and line of each.
    """

    index: pd.DatetimeIndex
    columns: dict[str, Array]
    origin: Origin

    @property
    def single_price(self) -> bool:
        """Whether a bar has one price only."""
        return not {"open", "high", "low"} <= set(self.columns)

    @property
    def prices(self) -> dict[str, Array]:
        """The price columns that count: all four, or the close alone."""
        names = ("close",) if self.single_price else PRICES
        return {name: self.columns[name] for name in names}

    @property
    def log_level(self) -> Array:
        """(T,) log of the close, recorded splits undone; for prices above 0."""
        level = np.log(self.columns["close"])
        return level + np.log(np.cumprod(self.columns["splits"])) if "splits" in self.columns else level

    def take(self, rows: Any) -> "Bars":
        """Return some of the bars: a slice, a mask or numbers."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Bars(self.index[rows], columns, self.origin.take(rows))

    def refuse(self, column: str, bad: Mask, law: str) -> None:
        """Refuse the first bar of `bad`, by its value of `column`."""
        values = self.columns[column]
        self.origin.refuse_first(bad, lambda row: f"{column} {values[row]:g} of {moment(self.index[row])}", law)


def checked(
    bars: Bars, *, rules: DataConfig, length: pd.Timedelta | None, positive: bool = True
) -> tuple[Bars, pd.Timedelta, list[str]]:
    """Hold bars against the laws.

    Args:
        bars: as read; NaN where a price is missing and may be dropped.
        rules: what may be mended.
        length: of a bar; None takes the commonest distance between starts.
        positive: whether a value must be above 0, as a price whose log return is forecast.

    Returns:
        The bars, their length, and what was mended or is odd.

    Raises:
        RequestError: bars that cannot be.
    """
    bars, notes = _dropped(bars)
    for column, values in bars.prices.items():
        bars.refuse(column, ~np.isfinite(values), "must be finite; remove the row")
        if positive:
            bars.refuse(column, values <= 0.0, POSITIVE)
        sizes = np.abs(values)
        small = (sizes < SMALLEST) & (sizes > 0.0) if positive or sizes.max(initial=0.0) < SMALLEST else False
        bars.refuse(column, (sizes > LARGEST) | small, COUNTABLE)
    if len(bars.index) < 3:
        raise RequestError(f"{bars.origin.name} holds {len(bars.index)} bars; a series needs at least 3")
    length = length or bar_length(bars.index)
    bars, formed = _formed(bars, rules, length)
    bars, clipped = _in_range(bars, rules)
    for column in ("volume", "dividends"):
        if column in bars.columns:
            values = bars.columns[column]
            bars.refuse(column, ~((values >= 0.0) & np.isfinite(values)), "must be at least 0; correct the row")
    for column in [name for name in ("volume", "dividends", "adjusted_close") if name in bars.columns]:
        bars.refuse(column, bars.columns[column] > LARGEST, f"must be at most {LARGEST:g}; correct the row")
    if "splits" in bars.columns:
        values = bars.columns["splits"]
        bars.refuse("splits", ~((values > 0.0) & np.isfinite(values)), "must be positive, 1 for none; correct the row")
    _check_spacing(bars, length)
    return bars, length, [*notes, *formed, *clipped, *tell_holes(bars.index, bars.origin.name), *_remarks(bars)]


def cut(index: pd.DatetimeIndex, first: str | None, last: str | None, where: str, zone: str = "UTC") -> slice:
    """Return the rows whose date, in `zone`, lies in [first, last].

    Raises:
        RequestError: none does.
    """
    local = index.tz_convert(zone).tz_localize(None)
    start = 0 if first is None else int((local < pd.Timestamp(first)).sum())
    stop = len(index) if last is None else int((local < pd.Timestamp(last) + DAY).sum())
    if start >= stop:
        raise RequestError(
            f"{where} has no bar between series.first={first} and series.last={last}; "
            f"it runs {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"
        )
    return slice(start, stop)


def check_exogenous(series: Series) -> None:
    """Refuse an exogenous value too large to compute with.

    Raises:
        RequestError: there is one.
    """
    far = (np.abs(series.exogenous.to_numpy(dtype=np.float64)) > LARGEST).any(axis=0)
    for name in series.exogenous.columns[far]:
        check_countable(str(name), series.exogenous[name].to_numpy(dtype=np.float64), series.index, series.name)


def check_countable(name: str, values: Array, index: pd.DatetimeIndex, where: str) -> None:
    """Refuse a value of a (T,) column, which may have holes, that is too large to compute with.

    Raises:
        RequestError: there is one.
    """
    rows = np.flatnonzero(np.abs(values) > LARGEST)
    if len(rows):
        raise RequestError(
            f"{where}, column {name}: {values[rows[0]]:g} of {moment(index[rows[0]])} must lie within "
            f"{-LARGEST:g} and {LARGEST:g}; correct it, or leave the column out with series.columns"
        )


def _dropped(bars: Bars) -> tuple[Bars, list[str]]:
    """Drop bars without a price; a caller that does not want that has refused them before."""
    missing = np.zeros(len(bars.index), dtype=bool)
    for values in bars.prices.values():
        missing |= np.isnan(values)
    notes, rest = [], dict(bars.columns)
    for name in bars.columns.keys() - bars.prices.keys():
        holes = np.isnan(rest[name]) & ~missing
        if holes.any():
            first = moment(bars.index[int(np.flatnonzero(holes)[0])])
            words = f"{int(holes.sum())} values of {name} are missing, the first on {first}"
            notes.append(f"{bars.origin.name}: {words}: they are read as none")
        rest[name] = np.nan_to_num(rest[name], nan=1.0 if name == "splits" else 0.0)
    if not missing.any():
        return dataclasses.replace(bars, columns=rest), notes
    rest_of_bars = dataclasses.replace(bars, columns=carry_events(rest, ~missing)).take(~missing)
    days = ", ".join(moment(stamp) for stamp in bars.index[missing][:3])
    words = f"{bars.origin.name}: {int(missing.sum())} rows without a price were dropped: {days}"
    return rest_of_bars, [*notes, Note(words, "repair")]


def carry_events(columns: dict[str, Array], remaining: Mask) -> dict[str, Array]:
    """Move dividends and splits of bars that are dropped to the next bar that is kept; the owner was paid all the same.

    Args:
        columns: (T,) each; `dividends` and `splits` may be missing.
        remaining: (T,) bars that stay.

    Returns:
        The columns, the events of bars that go moved on.
    """
    rows = np.flatnonzero(remaining)
    dropped_rows = np.flatnonzero(~remaining)
    after = np.searchsorted(rows, dropped_rows)
    dropped_rows, heirs = dropped_rows[after < len(rows)], rows[after[after < len(rows)]]
    moved = dict(columns)
    if "splits" in columns:
        moved["splits"] = columns["splits"].copy()
        np.multiply.at(moved["splits"], heirs, columns["splits"][dropped_rows])
    if "dividends" in columns:
        moved["dividends"] = columns["dividends"].copy()
        np.add.at(moved["dividends"], heirs, columns["dividends"][dropped_rows])
    return moved


def _formed(bars: Bars, rules: DataConfig, length: pd.Timedelta) -> tuple[Bars, list[str]]:
    now = pd.Timestamp(datetime.now(UTC))
    if bars.index[-1] + max(length, 31 * DAY) <= now:
        return bars, []
    ends = bars.index + (pd.DateOffset(months=1) if 28 * DAY <= length <= 31 * DAY else length)
    late = np.asarray(ends > now)
    if not late.any():
        return bars, []
    if np.asarray(bars.index[late] > now).any():
        bars.refuse(
            "close", np.asarray(bars.index > now), f"lies in the future, it is {now:%Y-%m-%d %H:%M} UTC; correct it"
        )
    if "forming" not in rules.repair:
        law = (
            f"has not closed yet at {now:%Y-%m-%d %H:%M} UTC; cut it off with series.last, "
            "or have it dropped with data.repair=[forming]"
        )
        bars.refuse("close", late, law)
    words = f"{bars.origin.name}: the bar of {moment(bars.index[-1])} has not closed yet and was dropped"
    return bars.take(~late), [Note(words, "repair")]


def widened(prices: Mapping[str, Array]) -> tuple[dict[str, Array], Mask, Mask]:
    """Widen the range of (T,) bars to hold open and close.

    Args:
        prices: `open`, `high`, `low` and `close`.

    Returns:
        `high` and `low`, and which highs and which lows (T,) were off by more than the noise of floats.
    """
    high, low = prices["high"], prices["low"]
    top, bottom = np.maximum(prices["open"], prices["close"]), np.minimum(prices["open"], prices["close"])
    below, above = high < top - NOISE * np.abs(top), low > bottom + NOISE * np.abs(bottom)
    return {"high": np.maximum(high, top), "low": np.minimum(low, bottom)}, below, above


def _in_range(bars: Bars, rules: DataConfig) -> tuple[Bars, list[str]]:
    if bars.single_price:
        return bars, []
    ranges, below, above = widened(bars.prices)
    if "clip" not in rules.repair:
        cure = "correct it, or have the range widened with data.repair=[clip]"
        bars.refuse("high", below, f"must not lie below open or close; {cure}")
        bars.refuse("low", above, f"must not lie above open or close; {cure}")
    rows = np.flatnonzero(below | above)
    first = moment(bars.index[rows[0]]) if len(rows) else ""
    note = f"{bars.origin.name}: the range of {len(rows)} bars was widened to hold open and close, first on {first}"
    return dataclasses.replace(bars, columns={**bars.columns, **ranges}), [Note(note, "repair")] if len(rows) else []


def _check_spacing(bars: Bars, length: pd.Timedelta) -> None:
    shortest = length - HOUR if length >= DAY else length  # a local day of a clock change has 23 hours
    steps = np.diff(bars.index.asi8, prepend=np.iinfo(np.int64).min // 2)
    near = steps < shortest.as_unit("ns").value
    minutes = int(steps[1:].min()) // MINUTE
    given = f"={minutes}min" if length == HOUR and minutes in (15, 30) else ""
    bars.origin.refuse_first(
        near,
        lambda row: f"the bar of {moment(bars.index[row])} starts before that of {moment(bars.index[row - 1])} ends,",
        f"{length} later; give series.bar_length{given}",
    )


def _remarks(bars: Bars) -> list[str]:
    """Say what is odd and may yet be true: a price that stands still, a volume of nothing or of parts of a unit."""
    notes, name = [], bars.origin.name
    close = bars.columns["close"]
    changed = np.flatnonzero(np.diff(close, prepend=np.nan) != 0.0)
    runs = np.diff(np.append(changed, len(close)))
    longest = int(runs.argmax())
    if runs[longest] > STALE_BARS:
        start = bars.index[changed[longest]]
        notes.append(
            f"{name}: the close stays at {close[changed[longest]]:g} for {runs[longest]} bars from {start:%Y-%m-%d}"
        )
    if "volume" in bars.columns:
        volume = bars.columns["volume"]
        if not volume.any():
            notes.append(f"{name}: the volume is 0 throughout")
        elif (volume == 0.0).any():
            first = bars.index[int(np.flatnonzero(volume == 0.0)[0])]
            notes.append(f"{name}: {int((volume == 0.0).sum())} bars have a volume of 0, the first on {first:%Y-%m-%d}")
        odd = np.flatnonzero(volume != np.floor(volume))
        if len(odd):
            notes.append(
                f"{name}: {len(odd)} volumes are no whole numbers, the first {volume[odd[0]]:g}: shares cannot be"
            )
    return notes

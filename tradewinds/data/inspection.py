"""What was understood of a series, before anything is trained on it: as plain data, in ten lines, or in two.

Tells what readers and checks know and judges nothing. Knows any source; of a user's file it tells the layout, too.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.assemble.universe import Universe
from tradewinds.data.checks.excursions import doubt_last_bars
from tradewinds.data.checks.holes import find_holes
from tradewinds.data.checks.holes import length as words_of
from tradewinds.data.notes import Note, about
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.text import listed, moment
from tradewinds.data.rules import DataConfig

MOST = 8  # names that one line lists
SEPARATORS = {"\t": "a tab", " ": "blanks", "": "nothing"}
EVIDENCE = "evidence of splits, never a feature"
FEATURE, LEFT_OUT = "feature", "left out"


def inspect(loaded: LoadedSeries, rules: DataConfig) -> dict[str, Any]:
    """Return what was understood as plain data.

    Of several instruments the first stands at the top, with the bars of the common clock, and all stand under
    `instruments`, each with its own; what they are together stands under `universe`. `first` and `last` are starts of
    bars as the file writes them, with their offset where the stamps name their own zone.

    Args:
        loaded: a series, joined with what stands beside it.
        rules: by which it was read.
    """
    series = loaded.series
    doubt = doubt_last_bars(series, rules)
    per_instrument = {name: _facts(loaded, number) for number, name in enumerate(series.instruments)}
    first = per_instrument[series.instruments[0]]
    holes, _ = find_holes(series.index)
    return {
        "name": series.name,
        **first,
        **_span(loaded, 0, range(len(series.index))),
        "bar_length": _length(series.bar_length),
        "bars_per_year": series.bars_per_year,
        "currency": series.price_unit or None,
        "calendar": series.calendar or None,
        "columns": _columns(loaded),
        "features": list(series.told_beside),
        "left_out": {name: why for layout in loaded.layouts.values() for name, why in layout.left_out.items()},
        "holes": [
            {"after": str(hole.last), "before": str(hole.next), "length": words_of(hole.next - hole.last)}
            for hole in holes
        ],
        "repairs": list(about(loaded.notes, "repair")),
        "jumps": [*about(loaded.notes, "jump"), *([] if doubt is None else [doubt])],
        "notes": [*map(str, loaded.notes), *([] if doubt is None else [doubt])],
        "sources": list(loaded.sources),
        "universe": None if loaded.universe is None else _universe(loaded.universe),
        "instruments": per_instrument,
    }


def lines(loaded: LoadedSeries, rules: DataConfig) -> list[str]:
    """Tell a person what was understood, each thing once."""
    told = inspect(loaded, rules)
    layouts = list(loaded.layouts.values())
    features = listed(told["features"], MOST) or "none besides the prices"
    left_out = listed([f"{name} ({why})" for name, why in told["left_out"].items()], MOST) or "none"
    roles = {name: role for name, role in told["columns"].items() if role not in (FEATURE, LEFT_OUT)}
    by_role = listed([name if name == role else f"{name} as {role}" for name, role in roles.items()], 2 * MOST)
    holes = "; ".join(about(loaded.notes, "hole")) or "none"
    rest = [note for note in loaded.notes if not isinstance(note, Note)]
    return [
        *(f"layout: {_layout(layout)}" for layout in layouts[:1]),
        *(f"times: {_times(layout)}" for layout in layouts[:1]),
        f"bars: {_bars(told)}",
        *(f"universe: {note}" for note in about(loaded.notes, "universe")),
        *(
            f"{name}: {_closes(facts, told['currency'])}"
            for name, facts in told["instruments"].items()
            if len(told["instruments"]) <= MOST
        ),
        f"columns: {by_role}",
        f"features: {features}",
        f"left out: {left_out}",
        f"holes: {holes}",
        f"repairs: {'; '.join(told['repairs']) or 'none'}",
        f"jumps: {'; '.join(told['jumps']) or 'none'}",
        *(f"note: {note}" for note in rest),
    ]


def brief(loaded: LoadedSeries) -> tuple[str, ...]:
    """Tell in a line what was read, and of a user's file in another how; which columns are read a note says."""
    series = loaded.series
    closes = listed([f"{name} {first:g} to {last:g}" for name, first, last in _ends(series)], 3)
    read = f"bars of {_length(series.bar_length)}, close {closes} {series.price_unit}".rstrip()
    return (*(f"read as {_layout(layout)}; {_times(layout)}" for layout in list(loaded.layouts.values())[:1]), read)


def _facts(loaded: LoadedSeries, asset: int) -> dict[str, Any]:
    """What differs from instrument to instrument."""
    series = loaded.series
    layout = loaded.layouts.get(series.instruments[asset])
    rows = _rows(series, asset)
    return {
        **_span(loaded, asset, rows),
        "close_first": float(series.close[rows[0], asset]),
        "close_last": float(series.close[rows[-1], asset]),
        "zone": _zone(loaded, layout),
        "layout": None if layout is None else _plain(layout),
    }


def _rows(series: Series, asset: int) -> Sequence[int]:
    """Return the bars in which an instrument trades."""
    return range(len(series.index)) if series.traded is None else np.flatnonzero(series.traded[:, asset]).tolist()


def _span(loaded: LoadedSeries, asset: int, rows: Sequence[int]) -> dict[str, Any]:
    """Return how many bars some rows are, and the first and last of them."""
    series = loaded.series
    layout = loaded.layouts.get(series.instruments[asset])
    stamps = series.index[rows[0]], series.index[rows[-1]]
    first, last = (_as_written(stamp, _zone(loaded, layout), layout) for stamp in stamps)
    return {
        "bars": len(rows),
        "first": first,
        "last": last,
        "first_utc": str(stamps[0]),
        "last_utc": str(stamps[1]),
    }


def _zone(loaded: LoadedSeries, layout: Layout | None) -> str:
    return layout.zone if layout is not None else loaded.zone or "UTC"


def _universe(universe: Universe) -> dict[str, Any]:
    """Return what is known of a universe as plain data; of each instrument `instruments` tells the rest."""
    facts = {field.name: getattr(universe, field.name) for field in dataclasses.fields(universe)}
    own = {name: history.holes for name, history in universe.histories.items() if history.holes}
    return {
        **{name: _listed(value) for name, value in facts.items() if name != "histories"},
        "first": str(universe.first),
        "last": str(universe.last),
        "number": len(universe.histories),
        "shortest": universe.shortest,
        "longest": universe.longest,
        "begin_late": list(universe.begin_late),
        "end_early": list(universe.end_early),
        "holes": own,
    }


def _as_written(stamp: pd.Timestamp, zone: str, layout: Layout | None) -> str:
    if layout is None or layout.zone_source == "the stamps":
        return str(stamp)
    return str(stamp.tz_convert(zone).tz_localize(None))


def _plain(layout: Layout) -> dict[str, Any]:
    return {field.name: _listed(getattr(layout, field.name)) for field in dataclasses.fields(layout)}


def _listed(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value


def _columns(loaded: LoadedSeries) -> dict[str, str]:
    """Return the role of each column, by its name in the file, or in the series where there is no file."""
    series = loaded.series
    roles: dict[str, str] = {}
    for layout in loaded.layouts.values():
        roles |= dict.fromkeys(layout.time_columns, "time")
        roles |= {layout.symbol_column: "symbol"} if layout.symbol_column else {}
        roles |= {
            name: f"{role} ({EVIDENCE})" if role == "adjusted_close" else role for role, name in layout.roles.items()
        }
    if not loaded.layouts:
        prices = ("close",) if series.single_price else ("open", "high", "low", "close")
        roles |= {name: name for name in series.columns() if name in (*prices, "volume", "dividends", "splits")}
    roles |= dict.fromkeys(series.told_beside, FEATURE)
    return roles | {name: LEFT_OUT for layout in loaded.layouts.values() for name in layout.left_out}


def _layout(layout: Layout) -> str:
    """Tell a layout in a line."""
    words = [f"{layout.file}{f' and {layout.files - 1} more' if layout.files > 1 else ''}: {layout.kind}"]
    if layout.encoding:
        words.append(layout.encoding)
    if layout.separator:
        words.append(f"{SEPARATORS.get(layout.separator, repr(layout.separator))} between cells")
    if layout.decimal and layout.decimal != ".":
        words.append(f"decimal mark {layout.decimal!r}")
    if layout.thousands:
        words.append(f"{layout.thousands!r} between thousands")
    words.append("no names of columns" if layout.header_line == 0 else f"names in line {layout.header_line}")
    if layout.symbol:
        words.append(f"{layout.symbol_column} {layout.symbol}")
    return ", ".join(words)


def _times(layout: Layout) -> str:
    words = f"{' and '.join(layout.time_columns) or 'the index'}"
    words += f" ({layout.time_format})" if layout.time_format else ""
    words += f" in {layout.zone}" + (f", as {layout.zone_source} say" if layout.zone_source == "the stamps" else "")
    words += f" ({layout.zone_source})" if layout.zone_source not in ("", "the stamps") else ""
    words += ", 24 hours on every day" if layout.clock_change == "ignored" else ""
    return words + (", newest first" if layout.newest_first else "")


def _bars(told: Mapping[str, Any]) -> str:
    utc = (
        ""
        if told["first"][:19] == told["first_utc"][:19]
        else f" (UTC {told['first_utc'][:16]} to {told['last_utc'][:16]})"
    )
    return (
        f"{told['bars']} of {told['bar_length']}, {_short(told['first'])} to {_short(told['last'])}{utc}, "
        f"{told['bars_per_year']:.6g} a year"
    )


def _short(stamp: str) -> str:
    return moment(pd.Timestamp(stamp))


def _closes(facts: Mapping[str, Any], currency: str | None) -> str:
    return f"first close {facts['close_first']:g}, last {facts['close_last']:g}, in {currency or 'a unit nobody names'}"


def _ends(series: Series) -> Iterator[tuple[str, float, float]]:
    for asset, name in enumerate(series.instruments):
        rows = _rows(series, asset)
        if len(rows):  # of a stretch in which an instrument has no bar there is nothing to say
            yield name, float(series.close[rows[0], asset]), float(series.close[rows[-1], asset])


def _length(span: pd.Timedelta) -> str:
    """Return a length as `series.bar_length` is written."""
    seconds = span.total_seconds()
    units: Sequence[tuple[int, str]] = ((86_400, "D"), (3_600, "h"), (60, "min"))
    return next((f"{seconds / unit:.0f}{sign}" for unit, sign in units if seconds % unit == 0), f"{seconds:g}s")

"""What the models read of a bar: when each column of it became known, against the moment its row is read.

Levels of joined columns are stamped (`stamps`); the calendar is computed a second time; of all that is arithmetic on
rows, bars that come later are taken away, and nothing may change: it is known when the last of its row is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.config import FORESEEING
from forecaster.data.calendar import Timetable
from forecaster.data.features import FeatureTable, static_features
from forecaster.data.future_covariates import MISSING
from forecaster.data.series import Series
from tradewinds.leakcheck.columns import Array, Audit, AuditedColumn, observed_column, seconds
from tradewinds.leakcheck.second_members import too_early
from tradewinds.leakcheck.source import source_of
from tradewinds.leakcheck.stamps import Stamp, false_moments, stamped
from tradewinds.leakcheck.stretch import parts_of, world_of
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline import encoding
from tradewinds.pipeline.encoding import Fitted, Panel
from tradewinds.pipeline.task import Prepared

CUTS = 8  # rows after which later bars are taken away, beside the ends of the parts
DAY = 86_400.0
SAME_PRICE = 1e-9  # relative difference of two adjusted prices that is rounding


@dataclass(frozen=True, eq=False)
class Inputs:
    """What the models read, by column: when it is about and when it was known, (T,) each.

    Attributes:
        table: the features.
        valid: per column; NaN before its first value.
        known: likewise.
        reads: when each row is read.
        audit: of the columns.
    """

    table: FeatureTable
    valid: Mapping[str, Array]
    known: Mapping[str, Array]
    reads: Array
    audit: Audit

    def newest(self, context_length: int) -> tuple[Array, Array]:
        """Return (T,) the latest `valid` and `known` of all columns over the last `context_length` rows."""
        newest = []
        for moments in (self.valid, self.known):
            table = np.where(np.isnan(list(moments.values())), -np.inf, list(moments.values())).max(axis=0)  # (T,)
            padded = np.concatenate([np.full(context_length - 1, -np.inf), table])
            latest = np.lib.stride_tricks.sliding_window_view(padded, context_length).max(axis=1)
            newest.append(np.where(np.isfinite(latest), latest, np.nan))
        return newest[0], newest[1]


def audit_inputs(prepared: Prepared, fitted: Fitted | Panel | None) -> Inputs:
    """Audit every column that the forecaster reads, of the instrument that is acted on, or of all.

    Args:
        prepared: the request.
        fitted: its forecaster, whose own reading is then audited; None for the features as they are built.
    """
    audit, series, clock = Audit(), prepared.series, prepared.task.decision_times(prepared)
    audit.leak = _lived_otherwise(prepared) or _no_member(prepared)
    settings = prepared.config.series
    for name, when, what in false_moments(parts_of(prepared), prepared.config):
        row = min(int(series.index.searchsorted(when)), len(series.index) - 1)
        audit.leak = audit.leak or leak_at(prepared, "audit", "series", row, f"column {name}: {what}")
    known_world, valid_world = (
        world_of(prepared, stamped(parts_of(prepared), which, settings)).series for which in ("known", "valid")
    )
    reads, prices = seconds(clock.reads), seconds(clock.prices)
    for name, columns in _stamped_together(series).items():
        tables = [world.exogenous[columns].to_numpy(np.float64) for world in (valid_world, known_world)]
        stamps = [np.fmax.reduce(table, axis=1) for table in tables]
        part = observed_column(prepared, name, "stamped", valid=stamps[0], known=stamps[1], reads=reads, stage="series")
        if len(columns) > 1:  # a sense, which no feature tells of below
            audit.take(part)
        audit.leak = audit.leak or part.leak
    table = _read(prepared, fitted, series)
    valid, known = (_read(prepared, fitted, world) for world in (valid_world, known_world))
    moments = dict(_moments(table, series, prices, valid, known))
    calendar = second_calendar(series)
    for column, (name, own) in enumerate(zip(table.names, own_names(table, series), strict=True)):
        how, about, since = moments[name]
        part = observed_column(prepared, name, how, valid=about, known=since, reads=reads, stage="features")
        audit.take(part)
        if own in calendar:
            audit.leak = audit.leak or _other_calendar(prepared, name, table.values[:, column], calendar[own])
    if prepared.config.features.chart_bars:
        drawn = {"valid": seconds(series.index), "known": prices, "reads": reads}
        audit.take(observed_column(prepared, "chart", "bounded", stage="features", **drawn))
    audit.leak = audit.leak or _later_bars(prepared, fitted, table)
    audit.columns += [AuditedColumn(name, "observation", "told") for name in _static(prepared)]
    if prepared.config.model.kind in FORESEEING:
        audit.take(_future(prepared, fitted, reads))
    valid_at, known_at = (
        {name: one[1] for name, one in moments.items()},
        {name: one[2] for name, one in moments.items()},
    )
    return Inputs(table, valid_at, known_at, reads, audit)


def _stamped_together(series: Series) -> dict[str, list[str]]:
    """Return which exogenous columns are audited as one: each of its own, but all of a sense together."""
    together = {
        sense.name: [column for name in sense.columns for column in series.holding(name)] for sense in series.senses
    }
    return {name: [name] for name in series.number_columns} | together


def _lived_otherwise(prepared: Prepared) -> Leak | None:
    """Compare an owner's move over each bar, c' s - (c - s d), with that of the adjusted closes, in proportion.

    An owner of one unit worth c has s units worth c' at the next close, and put s dividends d into more of them before.
    """
    raw, series = parts_of(prepared).series.series, prepared.panel
    rows = raw.index.get_indexer(series.index)
    close = raw.close[rows]
    splits = np.ones_like(close) if raw.splits is None else raw.splits[rows]
    dividends = np.zeros_like(close) if raw.dividends is None else raw.dividends[rows]
    before, after = close[:-1] - splits[1:] * dividends[1:], close[1:] * splits[1:]
    ours, theirs = series.close[1:] * before, series.close[:-1] * after
    wrong = np.abs(ours - theirs) > SAME_PRICE * np.maximum(np.abs(theirs), 1e-300)
    differing = np.flatnonzero((wrong & series.has_change[1:]).any(axis=1))
    if len(differing) == 0:
        return None
    row = int(differing[0])
    asset = int(np.abs(ours[row] - theirs[row]).argmax())
    what = (
        f"column close: it goes from {series.close[row, asset]:.6g} to {series.close[row + 1, asset]:.6g}, and an "
        f"owner saw {before[row, asset]:.6g} become {after[row, asset]:.6g}, by raw closes, dividends and splits"
    )
    return leak_at(prepared, "audit", "series", row + 1, what)


def _no_member(prepared: Prepared) -> Leak | None:
    """Find an instrument that trades before it is a member of its universe, or when it is none any more."""
    place = too_early(prepared.panel, prepared.config.series)
    if place is None:
        return None
    row, name = place
    what = f"{name} trades at this bar, and is no member then, by a second reading of series.membership"
    return leak_at(prepared, "audit", "series", row, what)


def _read(prepared: Prepared, fitted: Fitted | Panel | None, series: Series) -> FeatureTable:
    if fitted is None:
        return encoding.built_bars(series, prepared.config.features)
    return encoding.read_bars(fitted, series)[0]


def own_names(table: FeatureTable, series: Series) -> list[str]:
    """Return the names of a table's columns without those of the instruments they are of."""
    names, instruments = table.names, series.instruments
    if len(instruments) == 1:
        return list(names)
    each = len(names) // len(instruments)
    return [name.removesuffix(f".{instruments[number // each]}") for number, name in enumerate(names)]


def _moments(
    table: FeatureTable, series: Series, prices: Array, valid: FeatureTable, known: FeatureTable
) -> Iterator[tuple[str, tuple[str, Array, Array]]]:
    """Yield per feature how its moments were found, (T,) what it is about and when it was known."""
    starts, columns = seconds(series.index), {*map(str, series.exogenous.columns), *series.own}
    calendar, ever = second_calendar(series), np.full(len(starts), np.nan)
    own = own_names(table, series)
    each = len(own) // len(series.instruments)
    for number, (name, column) in enumerate(zip(table.names, own, strict=True)):
        level = column.removesuffix("_change").removesuffix(MISSING)
        if column in columns:
            yield name, ("stamped", valid.values[:, number], known.values[:, number])
        elif level in columns:
            place = own.index(level, number // each * each)  # of the same instrument
            about, since = valid.values[:, place], known.values[:, place]
            if column.endswith("_change"):  # of two rows the later one's
                about, since = (np.fmax(one, np.append(np.nan, one[:-1])) for one in (about, since))
            yield name, ("bounded", about, since)
        elif column in calendar:  # the clock goes on by itself: known at any time, and so at no moment
            yield name, ("recomputed", starts, ever)
        else:
            yield name, ("bounded", starts, prices)


def second_calendar(series: Series) -> dict[str, Array]:
    """Return (T,) sine and cosine of month, weekday and hour of each bar's start, reckoned from days since 1970."""
    stamps = series.index.tz_localize(None).to_numpy().astype("datetime64[s]")
    days = stamps.astype("datetime64[D]").astype(np.int64)
    phases = {
        "month": stamps.astype("datetime64[M]").astype(np.int64) % 12 / 12.0,
        "weekday": (days + 3) % 7 / 7.0,  # 1970 began on a Thursday
        "hour": stamps.astype(np.int64) % DAY // 60.0 * 60.0 / DAY,
    }
    turns = {"sin": np.sin, "cos": np.cos}
    return {f"{name}_{end}": turn(2.0 * np.pi * phase) for name, phase in phases.items() for end, turn in turns.items()}


def _other_calendar(prepared: Prepared, name: str, values: Array, expected: Array) -> Leak | None:
    wrong = np.flatnonzero(np.abs(values - expected) > 1e-9)
    if len(wrong) == 0:
        return None
    row, whose = int(wrong[0]), "another moment"
    for later in (1, -1, 2, -2):
        moved, told = np.roll(expected, -later)[2:-2], values[2:-2]
        if np.allclose(told[~np.isnan(told)], moved[~np.isnan(told)], atol=1e-9):
            whose = f"the bar {abs(later)} {'later' if later > 0 else 'earlier'}"
            break
    return leak_at(prepared, "audit", "features", row, f"column {name} is that of {whose}, not of its own bar")


def _later_bars(prepared: Prepared, fitted: Fitted | Panel | None, table: FeatureTable) -> Leak | None:
    """Take away the bars after some rows: no column may change at or before them."""
    series = prepared.series
    for row in _rows(prepared, table.first_row):
        shorter = _read(prepared, fitted, series.rows(range(row + 1)))
        if shorter.names != table.names:
            return leak_at(prepared, "audit", "features", row, "other columns are read when later bars are away")
        other = _differing(table, shorter, row)
        if other.any():
            first = int(np.flatnonzero(other.any(axis=1))[0])
            column = int(np.flatnonzero(other[first])[0])
            what = (
                f"column {table.names[column]} is another when the bars after {series.index[row].isoformat()} are away"
            )

            def seen(world: Prepared, row: int = row, column: int = column) -> bool:
                return bool(_differing(table, _read(world, fitted, world.series), row)[:, column].any())

            return leak_at(prepared, "audit", "features", first, f"{what}{source_of(prepared, row, seen)}")
        for name, values in table.senses.items():
            differing = (values[: row + 1] != shorter.senses[name][: row + 1]).any(axis=1)
            if differing.any():
                what = f"{name} is another when the bars after {series.index[row].isoformat()} are away"
                return leak_at(prepared, "audit", "features", int(differing.argmax()), what)
    return None


def _differing(one: FeatureTable, other: FeatureTable, row: int) -> NDArray[np.bool_]:
    """(R, F) which features up to a row are not the same."""
    ours, theirs = one.values[: row + 1], other.values[: row + 1]
    return np.asarray(~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs))))


def _rows(prepared: Prepared, first_row: int) -> list[int]:
    """Return the last rows of the parts, those before and in holes of the columns, and some evenly spread."""
    split, last = prepared.split, len(prepared.series.index) - 1
    rows = [part.stop - 1 for part in (split.forecaster, split.agent, split.validation)]
    holes = prepared.series.exogenous.isna().to_numpy().any(axis=1)
    edges = np.flatnonzero(np.diff(holes.astype(np.int64)))[:4]
    rows += [row for edge in edges.tolist() for row in (edge, edge + 1)]
    rows += np.linspace(first_row + 1, last - 1, CUTS).astype(int).tolist()
    return sorted({row for row in rows if first_row < row < last})


def _static(prepared: Prepared) -> tuple[str, ...]:
    return static_features(prepared.panel.instruments, prepared.config.features)[1]


def _future(prepared: Prepared, fitted: Fitted | Panel | None, reads: Array) -> Audit:
    """Audit what is read of the bars ahead: an announced value is known when its row is read."""
    config, series = prepared.config, prepared.series
    which: tuple[Stamp, Stamp] = ("announced", "valid")
    worlds = [world_of(prepared, stamped(parts_of(prepared), stamp, config.series)).series for stamp in which]
    shared = next(iter(fitted.values())) if isinstance(fitted, Mapping) else fitted
    reader = getattr(shared, "reader", None)
    if reader is not None:
        timetable = reader.timetable
    else:
        part = prepared.split.forecaster
        timetable = Timetable.learned(series.index[part.start : part.stop], series.bar_length)
    rows: NDArray[np.int64] = np.arange(len(series.index))
    tables = [world.future_table(calendar=config.features.calendar) for world in worlds]
    known, valid = (table.gather(rows, config.model.horizon, timetable) for table in tables)  # (T, H, G)
    audit = Audit()
    for name in tables[0].names:
        level = name.removesuffix("_change").removesuffix(MISSING)
        if level not in series.exogenous.columns:
            audit.columns.append(AuditedColumn(f"ahead.{name}", "observation", "told"))
            continue
        place = tables[0].names.index(level)
        since, about = (np.fmax.reduce(values[:, :, place], axis=1) for values in (known, valid))
        how = "stamped" if name == level else "bounded"
        audit.take(
            observed_column(prepared, f"ahead.{name}", how, valid=about, known=since, reads=reads, stage="forecasts")
        )
    return audit

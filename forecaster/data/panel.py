"""Features of A instruments whose histories begin, pause and end where they do, and the rows that can be spoken of."""

from collections.abc import Sequence
from dataclasses import replace
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from forecaster.config import FeatureConfig
from forecaster.data.cross_section import cross_section_features
from forecaster.data.features import CalendarFeatures, FeatureTable, TooFewBars, build_features
from forecaster.data.series import Series, mean_where

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
_LATEST: list[tuple[ReferenceType[Series], FeatureConfig, list[FeatureTable]]] = []  # one at most


def build_panel_features(series: Series, config: FeatureConfig) -> list[FeatureTable]:
    """Compute the features of each of A instruments from its own bars: none before its first is read.

    Network, ridge and leak checks read the same series in turn: of several instruments the tables of the last one are
    kept while it lives, and nobody may write into them.

    Args:
        series: T bars.
        config: as of `build_features`.

    Returns:
        A tables of T rows, all of the same names. Rows before an instrument's first bar are NaN, and its warm-up is
        counted from there; one whose bars are too few for any row has T as its first row, and is NaN throughout. With
        `config.cross_section` the plain features are followed by where it stands among the others of a bar.

    Raises:
        ValueError: what `build_features` raises, that no instrument has enough bars, or that one instrument should be
            compared with others.
    """
    for latest, same, tables in _LATEST:
        if latest() is series and same == config:
            return tables
    tables = _built(series, config)
    if len(tables) > 1:
        for table in tables:
            table.values.flags.writeable = False
        _LATEST[:] = [(ref(series, lambda _: _LATEST.clear()), config, tables)]
    return tables


def _built(series: Series, config: FeatureConfig) -> list[FeatureTable]:
    if config.cross_section and len(series.instruments) == 1:
        raise ValueError(
            "features.cross_section compares instruments, the series has one; bring the others, which encode_panel "
            "reads together, or leave it empty"
        )
    panel, clock = with_common(series), CalendarFeatures.of(series, config)
    own = [_own_table(panel, number, config, clock) for number in range(len(panel.instruments))]
    tables = own if not config.cross_section else _compared(own, panel, config)
    defined = next((table for table in tables if table is not None), None)
    if defined is None:
        raise ValueError(
            f"none of {len(panel.instruments)} instruments has enough bars of its own for the features, among "
            f"{len(panel.index)}; bring more rows"
        )
    nothing = replace(defined, values=np.full_like(defined.values, np.nan), first_row=len(panel.index))
    known = [nothing if table is None else table for table in tables]
    return [_from_first_row(table) for table in known]


def _from_first_row(table: FeatureTable) -> FeatureTable:
    """Return a table that says nothing before all of its columns do, whichever of them warm up sooner."""
    values = table.values.copy()
    values[: table.first_row] = np.nan
    return replace(table, values=values)


def whole_contexts(series: Series, first_rows: Sequence[int], context_length: int) -> Bools:
    """Return (T, A) where an instrument has a bar, and a whole context of its own bars with features up to it.

    Args:
        series: T bars of A instruments.
        first_rows: (A,) rows from which on each one's features are defined.
        context_length: L; a bar within, in which the instrument did not trade, is carried.
    """
    whole = np.arange(len(series.index))[:, None] >= np.array(first_rows) + context_length - 1
    return whole if series.traded is None else whole & series.traded


def all_ahead(there: Bools, horizon: int) -> Bools:
    """Return (T, A) whether each of the H bars after a row is `there`, (T, A); not where they would end beyond T."""
    count = np.concatenate([np.zeros_like(there[:1], dtype=np.int64), np.cumsum(there, axis=0)])
    ahead = np.zeros_like(there)
    ahead[: len(there) - horizon] = count[horizon + 1 :] - count[1 : len(there) - horizon + 1] == horizon
    return ahead


def with_common(series: Series) -> Series:
    """Return the series with what its relative returns are less of, worked out once for all its instruments."""
    if series.target != "relative_return" or series.common is not None:
        return series
    return replace(series, common=mean_where(series.log_return(), series.has_change))


def _own_table(panel: Series, number: int, config: FeatureConfig, clock: CalendarFeatures) -> FeatureTable | None:
    """Return one instrument's features; None if its own bars are too few."""
    own = panel.instrument(panel.instruments[number])
    if panel.traded is None:
        return build_features(own, config, clock)
    bars = np.arange(len(own.index)) if own.traded is None else np.flatnonzero(own.traded[:, 0])
    if len(bars) == 0:
        return None
    first = int(bars[0])
    try:
        later = own.rows(range(first, len(own.index))) if first else own
        table = build_features(later, config, clock.since(first))
    except TooFewBars:
        return None
    values = np.concatenate([np.full((first, table.values.shape[1]), np.nan), table.values]) if first else table.values
    return replace(table, values=values, first_row=first + table.first_row)


def _compared(tables: Sequence[FeatureTable | None], panel: Series, config: FeatureConfig) -> list[FeatureTable | None]:
    """Set cross-sectional features behind the plain ones of each table; None where they are never defined."""
    compared, first_rows = cross_section_features(panel, config)
    beside: list[FeatureTable | None] = []
    for number, table in enumerate(tables):
        first_row = max(int(first_rows[number]), 0 if table is None else table.first_row)
        if table is None or first_row >= len(panel.index):
            beside.append(None)
            continue
        columns = np.column_stack([values[:, number] for values in compared.values()])
        beside.append(_inserted(table, columns, tuple(compared), first_row))
    return beside


def _inserted(table: FeatureTable, columns: Array, names: tuple[str, ...], first_row: int) -> FeatureTable:
    plain, more = table.plain, len(names)
    return FeatureTable(
        np.concatenate([table.values[:, :plain], columns, table.values[:, plain:]], axis=1),
        (*table.names[:plain], *names, *table.names[plain:]),
        first_row,
        plain + more,
        tuple(number + more for number in table.season),
        {mean + more: of + more * (of >= plain) for mean, of in table.means.items()},
    )

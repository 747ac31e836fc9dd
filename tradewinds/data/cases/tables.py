"""Tables of cases: a row a step with the name of its case, or a row a text."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.classification.cases import Cases, named
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.cases.limits import LARGEST, LAW
from tradewinds.data.readers.text import shown
from tradewinds.data.readers.times import CALENDAR, in_calendar


@dataclass(frozen=True, kw_only=True)
class CaseColumns:
    """Which column of a table is what.

    Attributes:
        case: the name of what a row belongs to.
        label: its class.
        text: of a table of texts.
        order: what puts the steps of a case in order; None for that of the file.
        group: of what a case belongs to; None: each on its own.
        time: when a case was seen; None where that is not told.
        new: the class of the cases is asked: class, group and time may be missing, and are not read.
    """

    case: str
    label: str
    text: str
    order: str | None = None
    group: str | None = None
    time: str | None = None
    new: bool = False


def cases_of_table(path: Path, table: pd.DataFrame, columns: CaseColumns) -> Cases:
    """Return the cases of a table: texts if it has a column of that name, else series.

    Args:
        path: its name, for sentences.
        table: numbered by its rows as they stand in the file.
        columns: what is what.

    Raises:
        RequestError: a column is not there, or holds what it may not.
    """
    is_text = columns.text in table
    needed = [columns.text] if is_text else [columns.case]
    facts = () if columns.new else (columns.group, columns.time)
    for name in [*needed, *filter(None, (columns.order, *facts))]:
        if name not in table:
            near = nearest(name, table.columns)
            other = f" (series) or '{columns.text}' (texts)" if name == columns.case else ""
            raise RequestError(
                f"{path} must have a column '{name}'{other}, has {named([str(c) for c in table.columns], 12)}{near}"
            )
    return _texts(path, table, columns) if is_text else _series(path, table, columns)


def _texts(path: Path, table: pd.DataFrame, columns: CaseColumns) -> Cases:
    names = (
        table[columns.case].astype(str)
        if columns.case in table
        else pd.Series([f"row {row}" for row in table.index], table.index)
    )
    own = [columns.case] if columns.case in table else []
    _refuse_missing(path, table, [*own, columns.text, *_facts(table, columns)], columns)
    if names.duplicated().any():
        raise RequestError(
            f"{path} must name each case once, names twice {named(sorted(set(names[names.duplicated()])))}"
        )
    return _cases(path, names.tolist(), table[columns.text].astype(str).tolist(), table, columns, ())


def _series(path: Path, table: pd.DataFrame, columns: CaseColumns) -> Cases:
    facts = _facts(table, columns)
    taken = {columns.case, columns.order, columns.label, columns.group, columns.time}
    channels = [str(name) for name in table.columns if name not in taken]
    bare = [name for name in channels if not name.strip() or re.fullmatch(r"Unnamed: \d+", name)]
    if bare:
        raise RequestError(
            f"{path} must have a name above every column, has none above {len(bare)}, which may number its rows; name "
            "what is a channel, and leave out what is none"
        )
    words = [name for name in channels if not pd.api.types.is_numeric_dtype(table[name])]
    if words or not channels:
        told = f"holds words in {named(words)}" if words else f"has {named([str(c) for c in table.columns], 12)}"
        raise RequestError(
            f"{path} must have a number in every column but those that env.case, env.label, env.order, env.group and "
            f"env.time name, {told}"
        )
    _refuse_missing(path, table, [columns.case, *facts], columns)
    _refuse_large(path, table, channels)
    if columns.order is not None:
        table = _in_order(path, table, columns)
    names = table[columns.case].astype(str)
    for fact in facts:
        several = table.groupby(names, sort=False)[fact].nunique()
        if (several > 1).any():
            raise RequestError(
                f"{path} must give a case one {fact}, gives several to {named(list(several.index[several > 1]))}"
            )
    numbers, cases = pd.factorize(names)
    together = np.argsort(numbers, kind="stable")
    steps = table[channels].to_numpy(dtype=np.float64, na_value=np.nan)[together]
    values = np.split(steps, np.cumsum(np.bincount(numbers))[:-1])
    first = table.loc[~names.duplicated().to_numpy()]
    return _cases(path, [str(name) for name in cases], values, first, columns, tuple(channels))


def _in_order(path: Path, table: pd.DataFrame, columns: CaseColumns) -> pd.DataFrame:
    """Return the steps of every case by numbers, or by times.

    Raises:
        RequestError: the column of the order holds neither, or a case has two steps of one place.
    """
    case, order = columns.case, str(columns.order)
    _refuse_missing(path, table, [order], columns)
    places = table[order]
    if not pd.api.types.is_numeric_dtype(places) and not pd.api.types.is_datetime64_any_dtype(places):
        try:
            places = pd.to_numeric(places)
        except (ValueError, TypeError):
            try:
                places = pd.to_datetime(places, format="ISO8601", utc=True)
            except (ValueError, TypeError):
                raise RequestError(
                    f"{path} must have numbers, or times such as 2024-03-21T09:30, in column '{order}', which puts "
                    f"steps in order, has '{places.iloc[0]}'"
                ) from None
    twice = pd.DataFrame({"case": table[case].astype(str), "place": places}).duplicated()
    if twice.any():
        told = [f"{row[case]} at {row[order]}" for _, row in table.loc[twice, [case, order]].iterrows()]
        raise RequestError(f"{path} must have a step of a case once, has twice {named(told)}")
    return table.iloc[np.argsort(places.to_numpy(), kind="stable")]


def _cases(
    path: Path,
    names: list[str],
    values: list[Any],
    table: pd.DataFrame,
    columns: CaseColumns,
    channels: tuple[str, ...],
) -> Cases:
    facts = _facts(table, columns)
    labels = table[columns.label].map(_label) if columns.label in facts else None
    groups = tuple(table[columns.group].astype(str)) if columns.group in facts else None
    times = _times(path, table[columns.time]) if columns.time in facts else None
    return Cases(
        tuple(names),
        tuple(values),
        None if labels is None else tuple(labels),
        channels,
        groups,
        times,
    )


def _facts(table: pd.DataFrame, columns: CaseColumns) -> list[str]:
    """Return the columns that say one thing of a case."""
    if columns.new:
        return []
    return [name for name in (columns.label, columns.group, columns.time) if name is not None and name in table]


def _refuse_missing(path: Path, table: pd.DataFrame, needed: list[str], columns: CaseColumns) -> None:
    for name in needed:
        gone = table[name].isna()
        if gone.any():
            cases = table[columns.case] if columns.case in table else pd.Series(None, table.index, dtype=object)
            rows = [f"row {row}" + ("" if pd.isna(case) else f" ({case})") for row, case in cases[gone].items()]
            marks = "; NA, None and null count as none there" if name == columns.label else ""
            raise RequestError(
                f"{path} must have a value in column '{name}' of every row, has none in {named(rows)}{marks}"
            )


def _refuse_large(path: Path, table: pd.DataFrame, channels: list[str]) -> None:
    numbers = table[channels].to_numpy(dtype=np.float64, na_value=np.nan)
    rows, places = np.nonzero(np.abs(numbers) > LARGEST)
    if len(rows):
        value = numbers[rows[0], places[0]]
        raise RequestError(f"{path}, row {table.index[rows[0]]}: {channels[places[0]]} {value:g} {LAW}")


def _times(path: Path, column: pd.Series) -> pd.DatetimeIndex:
    moments = []
    for row, value in column.items():
        where = f"{path}, row {row}, column '{column.name}'"
        try:
            moment = pd.Timestamp(value)
        except (ValueError, TypeError):
            raise RequestError(f"{where}: {shown(str(value))} is no time; write it as 2024-03-21T09:30:00Z") from None
        if not in_calendar(moment):
            raise RequestError(f"{where}: {shown(str(value))} {CALENDAR}; correct it")
        if moment.tz is None:
            raise RequestError(
                f"{where}: a time must say its zone, as in 2024-03-21T09:30:00+00:00, was {shown(str(value))}"
            )
        moments.append(moment.tz_convert("UTC"))
    return pd.DatetimeIndex(moments)


def _label(value: object) -> str:
    """Return a class as text; 3.0, which a column with holes makes of 3, is 3."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()

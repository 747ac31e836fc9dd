"""When an instrument belongs to its universe, read a second time: line by line, by the standard library alone.

Must not use what a loader reads it by (`tradewinds.data.assemble.membership`). What it cannot read with certainty it
leaves: several files, times that are not ISO 8601 or of another zone than UTC, headers of other names.
"""

import csv
import gzip
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.csv_rows import csv_rows
from tradewinds.leakcheck.second_reading import file_of

SYMBOL = {"symbol", "ticker", "instrument", "asset", "code"}
DATE = {"date", "time", "timestamp", "datetime", "day"}
SINCE, UNTIL = {"from", "start", "since", "begin", "added"}, {"until", "to", "end", "removed", "through"}
YES = {"1", "1.0", "true", "t", "yes", "y", "in", "member", "x"}
Changes = Mapping[str, Sequence[tuple[datetime, bool]]]  # by symbol, in order of time, what it is from then on


def too_early(series: Series, settings: Any) -> tuple[int, str] | None:
    """Return the first bar at which an instrument trades that is no member by then, and whose; None if there is none.

    Args:
        series: the bars.
        settings: of the series; those that name no membership, or one that cannot be read here, have none.
    """
    changes = second_members(settings)
    traded = np.ones(series.close.shape, dtype=bool) if series.traded is None else series.traded
    starts: list[pd.Timestamp] = list(series.index)
    for number, name in enumerate(series.instruments):
        told = changes.get(name)
        if told is None:
            continue
        moments = [moment for moment, _ in told]
        for row in np.flatnonzero(traded[:, number]).tolist():
            place = bisect_right(moments, starts[row].to_pydatetime()) - 1
            if place < 0 or not told[place][1]:
                return row, name
    return None


def second_members(settings: Any) -> Changes:
    """Return by symbol when it is a member; nothing where the request names no membership that can be read here."""
    asked, zone = getattr(settings, "membership", None), getattr(settings, "time_zone", None)
    if asked is None or zone not in (None, "UTC"):
        return {}
    own = file_of(settings)
    changes: dict[str, list[tuple[datetime, bool]]] = {}
    try:
        path = Path(asked) if Path(asked).exists() else own
        if path is None:
            return {}
        renamed = dict(getattr(settings, "renamed", None) or {})
        for symbol, moment, member in _rows(path, None if path != own else asked):
            changes.setdefault(renamed.get(symbol, symbol), []).append((moment, member))
    except (OSError, ValueError, csv.Error, IndexError, StopIteration, LookupError):
        return {}
    return {symbol: sorted(moments) for symbol, moments in changes.items()}


def _rows(path: Path, column: str | None) -> Iterator[tuple[str, datetime, bool]]:
    """Yield symbol, moment, and whether it is a member from then on; raises where headers have no such names."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        lines = csv_rows(file)
        header = [name.strip() for name in next(lines)]
        words = [name.lower() for name in header]
        symbol = _place(words, SYMBOL)
        since = next((place for place, word in enumerate(words) if word in SINCE), None)
        if column is None and since is not None:
            until = _place(words, UNTIL)
            for line in lines:
                yield line[symbol].strip(), _moment(line[since]), True
                if line[until].strip():
                    yield line[symbol].strip(), _moment(line[until]), False
            return
        date = _place(words, DATE)
        told = header.index(column) if column is not None else next(iter({0, 1, 2} - {symbol, date}))
        for line in lines:
            yield line[symbol].strip(), _moment(line[date]), line[told].strip().lower() in YES


def _place(words: Sequence[str], names: set[str]) -> int:
    return next(place for place, word in enumerate(words) if word in names)


def _moment(cell: str) -> datetime:
    moment = datetime.fromisoformat(cell.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

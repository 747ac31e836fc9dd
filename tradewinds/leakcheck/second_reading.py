"""The times of a file, read a second time: line by line, by the standard library alone.

Must not use what a loader reads them by (`tradewinds.data.readers`). What it cannot read with certainty it leaves.
"""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


def second_times(path: Path, column: str | None = None, zone: str | None = None) -> set[datetime]:
    """Return the moments that stand in a CSV file, in UTC; empty where they are not written in ISO 8601.

    Args:
        path: the file, plain or .gz.
        column: of the times; None for the first.
        zone: in which times are written that name none; None for UTC. An hour that comes twice counts as both.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else open
    moments: set[datetime] = set()
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows)]
            place = 0 if column is None else header.index(column)
            written = ZoneInfo(zone) if zone is not None else UTC
            for row in rows:
                time = datetime.fromisoformat(row[place].strip())
                both = (time,) if time.tzinfo else (time.replace(tzinfo=written, fold=fold) for fold in (0, 1))
                moments.update(one.astimezone(UTC) for one in both)
    except (OSError, ValueError, IndexError, StopIteration, LookupError):
        return set()
    return moments


def columns_of(path: Path, names: tuple[str, ...]) -> list[str]:
    """Return the columns of a CSV file that bear one of `names`, in the order of those."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = {name.strip().lower(): name.strip() for name in next(csv.reader(file))}
    except (OSError, ValueError, StopIteration):
        return []
    return [header[name] for name in names if name in header]


def file_of(settings: Any) -> Path | None:
    """Return the one CSV file that settings of a series or of weather name; None where they name none, or several."""
    path = getattr(settings, "path", None)
    one = Path(path) if isinstance(path, (str, Path)) else None
    readable = one is not None and one.name.removesuffix(".gz").endswith(".csv")
    return one if readable and getattr(settings, "time_format", None) is None else None

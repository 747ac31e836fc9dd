"""The times of a file, read a second time: line by line, by the standard library alone.

Must not use what a loader reads them by (`tradewinds.data.readers`). What it cannot read with certainty it leaves.
"""

import csv
import gzip
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tradewinds.core.csv_rows import csv_rows

SIGNS = ",;\t|"
NAMED = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"([T_ ](\d\d)[-:.]?(\d\d)([:.]?(\d\d)|-(\d\d)(?!:?\d\d))?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)  # date, hour, minute, second, zone


def second_times(
    path: Path, column: str | None = None, zone: str | None = None, *, ends: bool = False
) -> set[datetime]:
    """Return the moments that stand in a CSV file, in UTC; empty where they are not written in ISO 8601.

    Args:
        path: the file, plain or .gz.
        column: of the times; None for the first.
        zone: in which times are written that name none; None for UTC. An hour that comes twice counts as both.
        ends: whether a date alone stands for the midnight at which its day ends.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else open
    moments: set[datetime] = set()
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            first = next(file)
            sign = max(SIGNS, key=first.count)
            header = [name.strip() for name in next(csv_rows([first], sign))]
            rows = csv_rows(file, sign)
            place = 0 if column is None else header.index(column)
            written = ZoneInfo(zone) if zone is not None else UTC
            for row in (cells for cells in rows if "".join(cells).strip()):
                moments.update(_both(row[place].strip(), written, ends=ends))
    except (OSError, ValueError, csv.Error, IndexError, StopIteration, LookupError):
        return set()
    return moments


def second_names(folder: Path, zone: str | None) -> set[datetime]:
    """Return the moments in the names of a folder's pictures, in UTC, of a date alone the midnight at which it ends."""
    moments: set[datetime] = set()
    try:
        written = ZoneInfo(zone) if zone is not None else UTC
        for path in folder.iterdir():
            found = NAMED.search(path.stem)
            if found is None or path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
                continue
            year, month, day, clock, hour, minute, _, second, other, named = found.groups()
            cell = f"{year}-{month}-{day}"
            cell += f"T{hour}:{minute}:{second or other or '00'}{named or ''}" if clock else ""
            moments.update(_both(cell, written, ends=True))
    except (OSError, ValueError, LookupError):
        return set()
    return moments


def _both(cell: str, written: tzinfo, *, ends: bool) -> set[datetime]:
    """Return the moments in UTC that a time may be, two where its hour comes twice."""
    moment = datetime.fromisoformat(cell)
    if ends and _is_date(cell):
        moment = datetime.combine(moment.date() + timedelta(days=1), time())
    both = (moment,) if moment.tzinfo else (moment.replace(tzinfo=written, fold=fold) for fold in (0, 1))
    return {one.astimezone(UTC) for one in both}


def _is_date(cell: str) -> bool:
    try:
        date.fromisoformat(cell)
    except ValueError:
        return False
    return True


def columns_of(path: Path, wanted: tuple[str, ...]) -> list[str]:
    """Return the columns of a CSV file that bear one of the `wanted` names, in the order of those."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            first = next(file)
            names = next(csv_rows([first], max(SIGNS, key=first.count)))
            header = {name.strip().lower(): name.strip() for name in names}
    except (OSError, ValueError, csv.Error, StopIteration):
        return []
    return [header[name] for name in wanted if name in header]


def file_of(settings: Any) -> Path | None:
    """Return the one CSV file that settings of a series or of weather name; None where they name none, or several."""
    path = getattr(settings, "path", None)
    one = Path(path) if isinstance(path, (str, Path)) else None
    readable = one is not None and one.name.removesuffix(".gz").endswith(".csv")
    return one if readable and getattr(settings, "time_format", None) is None else None

"""Formats of strptime: which of them read a whole column, to be offered where a column does not say enough."""

import re
from typing import Any

import pandas as pd

RARE = (  # formats that are offered where they read a whole column
    "%Y_%m_%d", "%d_%m_%Y", "%y%m%d", "%Y-%j", "%Y%j", "%G-W%V-%u", "%H:%M %d/%m/%Y", "%H:%M %d.%m.%Y",
    "%H:%M %Y-%m-%d", "%Y_%m_%d_%H_%M", "%Y-%m-%d_%H-%M", "%Y-%m-%d %H-%M-%S", "%Y%m%d-%H%M%S", "%d%m%Y",
    "%A %d %B %Y", "%B %d %Y",
)  # fmt: skip


def form_of(cells: Any) -> str | None:
    """Return a format of strptime that reads every cell, of those that the grammar does not know."""
    return next((form for form in RARE if _reads(form, cells.slice(0, 200)) and _reads(form, cells)), None)


def _reads(form: str, cells: Any) -> bool:
    try:
        return bool(pd.to_datetime(cells.to_pylist(), format=form, errors="coerce").notna().all())
    except (ValueError, TypeError, re.error):
        return False


def forms_of(cells: Any, row: int) -> tuple[str, str]:
    """Return formats of strptime, day first and month first, that read every cell; else two words that do."""
    cell = str(cells[row].as_py())
    match = re.match(r"\d{1,2}([-/.])\d{1,2}([-/.])(\d{4}|\d{2})(?!\d)", cell)
    if match is None:
        return "day_first", "month_first"
    year = "%Y" if len(match[3]) == 4 else "%y"
    rest = cell[match.end() :]
    hour = "%I" if re.search(r"[AaPp][Mm]$", rest) else "%H"
    rest = re.sub(r"(\d{1,2})([:.])(\d{2})([:.]\d{2})?([.,]\d+)?", lambda time: _time_form(time, hour), rest)
    rest = re.sub(r"[AaPp][Mm]$", "%p", re.sub(r"(Z|[+-]\d\d:?\d\d)$", "%z", rest))
    forms = tuple(f"{first}{match[1]}{second}{match[2]}{year}{rest}" for first, second in (("%d", "%m"), ("%m", "%d")))
    return (forms[0], forms[1]) if all(_reads(form, cells) for form in forms) else ("day_first", "month_first")


def _time_form(time: re.Match[str], hour: str) -> str:
    seconds = f"{time[4][0]}%S" if time[4] else ""
    return f"{hour}{time[2]}%M{seconds}" + (f"{time[5][0]}%f" if time[5] else "")

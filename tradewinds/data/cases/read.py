"""Cases from whatever file or folder is named."""

import hashlib
from pathlib import Path

import pandas as pd

from forecaster.classification.cases import Cases
from tradewinds.core.errors import RequestError
from tradewinds.data.cases.tables import CaseColumns, cases_of_table
from tradewinds.data.readers.rows import csv_table, parquet_table, separator_of

TABLES = (".csv", ".tsv", ".txt")


def read_cases(where: str, key: str, columns: CaseColumns) -> tuple[Cases, str]:
    """Read cases, and return them with the sha256 of what they were read from.

    Args:
        where: a .ts file, a CSV, TSV or Parquet table, or a folder of WAV files.
        key: which key of the request names it.
        columns: of a table.

    Raises:
        RequestError: it is not there, or cannot be read with certainty.
    """
    path = Path(where)
    if not path.exists():
        raise RequestError(f"{key} must be a file or folder that is there, was '{where}'")
    try:
        if path.is_dir():
            from tradewinds.data.cases.recordings import read_recordings

            return read_recordings(path), _digest(sorted(file for file in path.rglob("*") if file.is_file()), path)
        return _cases(path, columns), _digest([path], path.parent)
    except ValueError as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(f"{key}={where}: {error}") from None


def passed_over(where: str) -> list[str]:
    """Return a note of what lies in a folder of cases and is none."""
    if not Path(where).is_dir():
        return []
    from tradewinds.data.cases.recordings import not_read

    return not_read(Path(where))


def _cases(path: Path, columns: CaseColumns) -> Cases:
    ending = path.suffix.lower()
    if ending == ".ts":
        from tradewinds.data.cases.ts_files import read_ts

        return read_ts(path, _text(path), new=columns.new)
    if ending in (".parquet", ".pq"):
        table = _with_index(parquet_table(path), columns)
        return cases_of_table(path, table.set_axis(range(1, len(table) + 1)), columns)
    if ending in TABLES:
        return cases_of_table(path, _read_csv(path, columns), columns)
    raise RequestError(f"cases must lie in a .ts, .csv, .tsv or .parquet file, or a folder of WAV files, was '{path}'")


def _read_csv(path: Path, columns: CaseColumns) -> pd.DataFrame:
    """Return a table; NA, None and null are words of a text, a case or a group, where only what is blank is missing."""
    text = _text(path)
    separator = separator_of(text, {columns.text}, {columns.case}) if text.strip() else ","
    table = csv_table(str(path), text, separator, dtype={columns.label: str})
    names = {name for name in (columns.case, columns.text, columns.group) if name in table}
    if not names:
        return table
    words = csv_table(str(path), text, separator, usecols=names.__contains__, dtype=str, keep_default_na=False)
    for name in names:
        table[name] = words[name].where(words[name] != "")
    return table


def _with_index(table: pd.DataFrame, columns: CaseColumns) -> pd.DataFrame:
    """Return a table with those levels of its index as columns that a request names."""
    asked = {columns.case, columns.label, columns.text, columns.order, columns.group, columns.time}
    levels = [name for name in table.index.names if name is not None and name in asked]
    return (table.reset_index(levels) if levels else table).reset_index(drop=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} must be written in UTF-8, is not from byte {error.start} on") from None


def _digest(files: list[Path], folder: Path) -> str:
    """Return the sha256 of files and of their places in a folder, which name their classes."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()

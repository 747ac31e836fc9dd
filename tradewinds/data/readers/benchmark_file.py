"""A benchmark file: a time column, then numeric columns, taken as they are. Sentinels such as -9999 stay values.

Unlike `table`, it repairs, dates and judges nothing: published numbers compare only on the very values of the papers.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.containers import bytes_of, unzipped


@dataclass(frozen=True, eq=False)
class Columns:
    """A file's numbers.

    Attributes:
        names: C names.
        values: (T, C).
        sha256: of the uncompressed text.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    sha256: str


def read_columns(path: Path) -> Columns:
    """Read a CSV, plain or gzipped; bytes of the header that are no UTF-8 are replaced.

    Raises:
        RequestError: it is not there, not a table, or a value is missing or no number.
    """
    text = unzipped(path, bytes_of(path))
    try:
        table = pd.read_csv(io.BytesIO(text), encoding="utf-8", encoding_errors="replace", low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise RequestError(f"{path} cannot be read as CSV: {error}") from None
    if table.shape[1] < 2 or len(table) == 0:
        raise RequestError(f"{path} must hold a time column, numeric columns and rows, held {table.shape[1]} columns")
    numbers = table.iloc[:, 1:]
    for name in numbers.columns:
        column = pd.to_numeric(numbers[name], errors="coerce").to_numpy(np.float64)
        bad = np.flatnonzero(~np.isfinite(column))
        if len(bad):
            text = numbers[name].iloc[int(bad[0])]
            raise RequestError(
                f"{path}, row {bad[0] + 2}, column {name}: '{text}' is not a number ({len(bad)} of {len(column)} rows)"
            )
    names = tuple(map(str, numbers.columns))
    return Columns(names, numbers.to_numpy(np.float64), hashlib.sha256(text).hexdigest())

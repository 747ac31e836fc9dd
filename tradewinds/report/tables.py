"""The tables that an artifact keeps for other tools, as Parquet and CSV. Knows pandas, and not what they hold."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

PARQUET_ONLY = ("all_forecasts",)  # rows by bars ahead by models: too long for a text


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table into an existing folder as <name>.parquet and, but for the longest, <name>.csv; times in UTC."""
    for name, table in tables.items():
        timed = isinstance(table.index, pd.DatetimeIndex)
        table.to_parquet(folder / f"{name}.parquet", compression="zstd")
        if name in PARQUET_ONLY:
            continue
        plain = table.rename_axis("time").reset_index() if timed else table
        pyarrow.csv.write_csv(pa.Table.from_pandas(plain, preserve_index=False), folder / f"{name}.csv")


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Return a table of an artifact's folder."""
    return pd.read_parquet(folder / f"{name}.parquet")


def naive_times(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table by naive time, which Bokeh draws, here UTC."""
    return table.set_index(pd.DatetimeIndex(table.index).tz_localize(None))

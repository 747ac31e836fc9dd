"""Four made-up instruments of 120 days, and the ways in which people write many instruments into files."""

from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.data import load_series
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.rules import DataConfig
from tradewinds.request.validate import build

NAMES = ("AAA", "BBB", "CCC", "DDD")
DAYS = pd.bdate_range("2020-01-01", periods=120)
PRICES = ["open", "high", "low", "close"]


def panel(*, ragged: bool = False) -> pd.DataFrame:
    """Return the long table; ragged, BBB begins on the 31st day, CCC ends on the 80th and DDD has no days 50 to 54."""
    rng = np.random.default_rng(0)
    parts = []
    for number, name in enumerate(NAMES):
        close = np.round(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, len(DAYS)))), 2)
        open_ = np.round(close * np.exp(rng.normal(0.0, 0.003, len(DAYS))), 2)
        high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
        columns = {"open": open_, "high": high, "low": low, "close": close, "volume": 1000 + number}
        parts.append(pd.DataFrame({"date": DAYS.strftime("%Y-%m-%d"), "symbol": name, **columns}))
    table = pd.concat(parts, ignore_index=True)
    if not ragged:
        return table
    day = np.tile(np.arange(len(DAYS)), len(NAMES))
    gone = (table.symbol == "BBB") & (day < 30) | (table.symbol == "CCC") & (day >= 80)
    return table[~(gone | (table.symbol == "DDD") & (day >= 50) & (day < 55))].reset_index(drop=True)


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """Return a column of closes for each instrument, empty where it has no bar."""
    return table.pivot(index="date", columns="symbol", values="close").reset_index()


def stacked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a column for each field of each instrument, as yfinance has them."""
    columns = table.pivot(index="date", columns="symbol", values=[*PRICES, "volume"])
    return columns.rename_axis(columns=["Price", "Ticker"]).rename_axis(index="Date")


def folder(path: Path, table: pd.DataFrame, *, named: bool = False) -> Path:
    """Write a file for each instrument, with or without its symbol in it."""
    path.mkdir()
    for name, rows in table.groupby("symbol"):
        (rows if named else rows.drop(columns="symbol")).to_csv(path / f"{name}.csv", index=False)
    return path


def written(path: Path, table: pd.DataFrame) -> Path:
    """Write a table as CSV."""
    table.to_csv(path, index=False)
    return path


def load(path: Path | str, rules: DataConfig | None = None, /, **options: object) -> LoadedSeries:
    """Read all instruments of a file, but for what the options say."""
    settings = {"kind": "csv", "path": str(path), "symbols": "all", **options}
    return load_series(build(FileConfig, settings, path="series"), NoWeather(), rules or DataConfig())

"""A source of bars: a CSV as a spreadsheet in Europe writes it."""

import hashlib
from pathlib import Path

import pandas as pd

from my_project.data_config import SemicolonsConfig
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.instruments import Facts, series_of
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.checks.bars import Bars, checked
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig

DAY = pd.Timedelta(days=1)


def load_semicolons(config: SemicolonsConfig, rules: DataConfig) -> LoadedSeries:
    """Load the file.

    Args:
        config: settings.
        rules: how data are read, as `checked` follows them.

    Raises:
        RequestError: there is no such file, or its columns are others.
    """
    path = Path(config.path)
    if not path.is_file():
        raise RequestError(f"series.path must name a file, was '{config.path}'")
    table = pd.read_csv(path, sep=";", decimal=",", index_col="day", parse_dates=["day"]).sort_index()
    if list(table) != ["open", "high", "low", "close"]:
        raise RequestError(
            f"{path.name} must have the columns day;open;high;low;close, had {';'.join(map(str, table))}"
        )
    index = pd.DatetimeIndex(table.index).tz_localize("UTC").as_unit("ns")
    table = table[index <= pd.Timestamp(config.last or "2200-01-01", tz="UTC")]
    index = index[: len(table)]
    columns = {str(name): column.to_numpy("float64") for name, column in table.items()}
    priced = config.target == "log_return"
    bars, _, notes = checked(
        Bars(index, columns, Origin.counted(path.name, len(index), first=2)), rules=rules, length=DAY, positive=priced
    )
    series, _ = series_of({path.stem: bars}, Facts(path.stem, DAY, target=config.target))
    source = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "rows": len(index)}
    return LoadedSeries(series, tuple(notes), (source,))

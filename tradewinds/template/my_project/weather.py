"""A source of columns beside a series: hours of daylight, which depend on the day and the latitude alone."""

import numpy as np
import pandas as pd

from my_project.data_config import DaylightConfig
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig


def load_daylight(config: DaylightConfig, rules: DataConfig) -> LoadedColumns:
    """Return hours of daylight by day, each told when its day begins.

    Args:
        config: settings.
        rules: how data are read; nothing is read here.

    Source:
        Declination of the sun by Cooper (1969), Solar Energy 12(3); half a day is arccos(-tan(latitude) tan(it)).
    """
    days = pd.date_range(config.first, config.last, freq="D", tz="UTC").as_unit("ns")
    declination = np.radians(23.45) * np.sin(2.0 * np.pi * (284 + days.day_of_year.to_numpy()) / 365.0)
    half = np.arccos(np.clip(-np.tan(np.radians(config.latitude)) * np.tan(declination), -1.0, 1.0))
    table = pd.DataFrame({"daylight": 24.0 / np.pi * half}, index=days)
    source = Origin.counted("daylight", len(days))
    return LoadedColumns(table, {"daylight": days}, source, {"daylight": "hours"})

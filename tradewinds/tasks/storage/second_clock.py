"""When a storage unit's rows are read and its prices known, reckoned a second time, day by day and by the wall clock.

Must not use what the pipeline reckons it by (`delivery.known_at`, `delivery.delivery_days`).
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.pipeline.records import DecisionTimes
from tradewinds.tasks.second_clock import closes
from trading_env import BatteryConfig


def decision_times(series: Series, config: BatteryConfig) -> DecisionTimes:
    """Return the clock of a unit's slots.

    A row is read at its close, or at its local day's gate closure where that comes first. The prices of a local day are
    out before the day begins. A schedule is decided on the last row of each local day: the next begins another.
    """
    zone = ZoneInfo(config.time_zone)
    ends = closes(series)
    dates = [moment.astimezone(zone).date() for moment in series.index.to_pydatetime()]
    ending = [moment.astimezone(zone).date() for moment in ends.to_pydatetime()]
    gates = _moments(dates, time(config.gate_closure_hour), zone)
    decides = np.array([day != after for day, after in zip(dates, ending, strict=True)])
    return DecisionTimes(ends.where(ends < gates, gates), _moments(dates, time(0), zone), decides)


def _moments(dates: list[date], hour: time, zone: ZoneInfo) -> pd.DatetimeIndex:
    """Return (T,) moments in UTC at which the wall clock of each date shows an hour."""
    moments = {day: datetime.combine(day, hour, tzinfo=zone).astimezone(UTC) for day in set(dates)}
    return pd.DatetimeIndex([moments[day] for day in dates]).as_unit("ns")

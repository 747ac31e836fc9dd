"""The prices of the day that comes, as the network forecasts them, with intervals by what it missed of late.

Before a gate all prices of the days before are known, so that a day's misses are as good as the last day's.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.evaluation.conformal import conformal_quantiles
from forecaster.evaluation.day_ahead_scores import PAST_DAYS
from forecaster.evaluation.intervals import ValueForecasts
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.predictions import table_of
from tradewinds.tasks.storage.delivery import delivery_days, gate_of, price_paths
from tradewinds.tasks.storage.market import with_tomorrow


def predicted_day(prepared: Prepared, models: Models, levels: Sequence[float]) -> pd.DataFrame:
    """Tell the prices of the local day after the last whole one, slot by slot; columns as `predictions.table_of`.

    Intervals are those of the misses at the same slot of the last days that no network was fitted on first, from the
    agent's rows on.

    Raises:
        RequestError: fewer than 20 such days.
    """
    longer, padded, begin = with_tomorrow(prepared, models.forecasting()[1])
    series, unit = longer.series, prepared.config.env
    days = delivery_days(series, unit, range(prepared.split.agent.start, len(series.index)))
    length = int(days.length[-1])
    paths = price_paths(series, padded, days.gate_rows)[:, :length]  # (D, S)
    slots = np.minimum(np.arange(length), days.length[:, None] - 1)
    missed = (series.close[days.first[:, None] + slots, 0] - paths)[-1 - PAST_DAYS : -1]
    if len(missed) < 20:
        raise RequestError(
            f"{series.name}: {len(missed)} days lie between the agent's rows and the last, and intervals need 20; "
            "bring more bars"
        )
    quantiles = paths[-1] + conformal_quantiles(missed[None], np.asarray(levels, dtype=np.float64))
    table = table_of(series, ValueForecasts(np.array([begin - 1]), paths[-1:], quantiles[:, None]), levels)
    return table.assign(issued=gate_of(table["target"].iloc[0], unit))

"""Every forecast of every model that was scored, as a table: when it was made, for when, and of what.

What a second scorer reads, and whoever wants to score the forecasts otherwise. Knows no score.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.evaluation.scores import Scores
from forecaster.hidden_states import HiddenStates
from forecaster.networks.heads import LEVELS

ALL_FORECASTS = "all_forecasts"
VALUE, CHANGE, QUANTILE = "value.", "change.", "quantile."


def every_forecast(series: Series, states: HiddenStates, scores: Scores) -> pd.DataFrame:
    """Return the forecasts of calibration rows and scored rows, N decisions in all, one after another, by H bars ahead.

    Returns:
        (N * H, ...): `issued`, the start of the bar at whose close the forecast was made, and `target`, that of the bar
        it is about, UTC; `ahead`, bars between them; `scored`, or only calibrated by; per model `change.<model>`, the
        change of the target bar, and `value.<model>`, the value reached at its close, in the unit of the series; and
        `quantile.<level>` of the network's change, where its head says some.
    """
    rows = np.concatenate([scores.calibration_decisions, scores.decisions])
    made = {name: np.concatenate([scores.calibration[name], after]) for name, after in scores.forecasts.items()}
    horizon = next(iter(made.values())).shape[1]
    ahead = np.tile(np.arange(1, horizon + 1), len(rows))
    issued = np.repeat(rows, horizon)
    columns: dict[str, NDArray[np.generic] | pd.DatetimeIndex] = {
        "issued": series.index[issued],
        "target": series.index[issued + ahead],
        "ahead": ahead.astype(np.int32),
        "scored": issued >= scores.decisions[0],
    }
    last = series.close[rows, :1]
    for name, change in made.items():
        reached = np.cumsum(change, axis=1)
        value = last * np.exp(reached) if series.is_price else last + reached
        columns[f"{CHANGE}{name}"], columns[f"{VALUE}{name}"] = change.ravel(), value.ravel()
    if states.quantiles is not None:
        said = states.quantiles[rows].reshape(len(ahead), -1)
        columns |= {f"{QUANTILE}{level:.2f}": column for level, column in zip(LEVELS, said.T, strict=True)}
    return pd.DataFrame(columns)

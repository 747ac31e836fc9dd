"""AutoETS and AutoARIMA, as statsforecast has them: what a statistician would try first.

An optional extra. statsforecast is imported only where one of them is fitted. A model is chosen and fitted once, on the
bars before the network's fit ends; with every later bar its state is brought up to date and its weights stay.
"""

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.config import BaselineConfig

Array = NDArray[np.float64]
Rule = Callable[[NDArray[np.int64]], Array]


def require_classical(names: Sequence[str]) -> None:
    """Refuse classical baselines where their library is absent.

    Raises:
        ValueError: `names` is not empty, and statsforecast is not installed.
    """
    if names and find_spec("statsforecast") is None:
        raise ValueError(
            f"{' and '.join(names)} need statsforecast, which is not installed; "
            "pip install 'tradewinds[classical]', or leave them out with baselines=simple"
        )


def fit_classical(
    changes: Array, config: BaselineConfig, *, fit_stop: int, horizon: int, season_bars: int
) -> dict[str, Rule]:
    """Fit every model of `config.classical` on the last `config.fit_bars` bars before row `fit_stop`.

    They read levels, log prices or values, as sums of the changes; forecasts are turned back into changes. AutoETS
    looks for a season of up to 24 bars. AutoARIMA takes a seasonal difference where a test asks for it; seasonal AR and
    MA terms are left out, since a search over them takes a minute with a season of 24 bars.

    Args:
        changes: (T,); row 0 is not read.
        config: which models, on how many bars.
        fit_stop: rows from here on are not fitted on.
        horizon: H.
        season_bars: bars of a season, 1 for none.

    Returns:
        By name, what gives (N, H) changes for the decision rows (N,), from the bars up to each; no change where a model
        has no finite answer.

    Raises:
        ValueError: fewer bars than `fit_bars` come before `fit_stop`, or statsforecast is not installed.

    Source:
        Hyndman, Koehler, Snyder and Grose (2002), International Journal of Forecasting 18(3); Hyndman and Khandakar
        (2008), Journal of Statistical Software 27(3).
    """
    require_classical(config.classical)
    if config.classical and not config.fit_bars < fit_stop <= len(changes):
        raise ValueError(
            f"fit_bars must be fewer than the {min(fit_stop, len(changes))} bars that may be fitted on, was "
            f"{config.fit_bars}; lower it, or bring more rows"
        )
    levels = np.cumsum(np.concatenate([[0.0], changes[1:]]))
    first, rules = fit_stop - config.fit_bars, dict[str, Rule]()
    for name in config.classical:
        model = _fit(_build(name, season_bars), levels[first:fit_stop] - levels[first])
        rules[name] = _rule(model, levels, first=first, bars=config.fit_bars, horizon=horizon, season=season_bars)
    return rules


def _build(name: str, season_bars: int) -> Any:
    models = import_module("statsforecast.models")
    if name == "auto_ets":
        return models.AutoETS(season_length=season_bars)
    return models.AutoARIMA(season_length=season_bars, max_P=0, max_Q=0)


def _fit(model: Any, levels: Array) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of candidates that do not converge, which are not chosen
        return model.fit(levels)


def _rule(model: Any, levels: Array, *, first: int, bars: int, horizon: int, season: int) -> Rule:
    def forecast(rows: NDArray[np.int64]) -> Array:
        changes = np.zeros((len(rows), horizon))
        for number, row in enumerate(rows):
            start = int(row) + 1 - bars
            start -= (start - first) % season  # in the phase of the season that the model was fitted in
            window = levels[start if start >= 0 else start % season : row + 1]
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                ahead = model.forward(window - window[0], h=horizon)["mean"] + window[0]
            changes[number] = np.diff(ahead, prepend=window[-1])
        return np.asarray(np.nan_to_num(changes, nan=0.0, posinf=0.0, neginf=0.0))

    return forecast

"""The best policy of a made-up world, for its report, as `trading_env.planning.markov` finds it on the world's bars.

Its trader knows the law of the world and all bars up to the present one, and nothing of the bars to come.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.data.providers.synthetic_config import SyntheticConfig
from tradewinds.pipeline.prepare import Prepared
from trading_env.planning.markov import (
    MarkovWorld,
    after_return,
    autoregressive,
    best_policy,
    cycle,
    follow,
    two_regimes,
)

Array = NDArray[np.float64]


def best_known(prepared: Prepared, rows: range) -> Array | None:
    """Return the (R, 1) targets of the best policy of the request's world on `rows`; None where no world is made up."""
    settings: Any = prepared.config.series
    if getattr(settings, "kind", None) != "synthetic" or settings.process not in WORLDS:
        return None
    world, signal = WORLDS[settings.process](settings, prepared)
    policy = best_policy(world, prepared.config.env, prepared.series.bars_per_year)
    return follow(world, policy, signal[rows.start : rows.stop], prepared.config.env)


def _ahead(prepared: Prepared) -> int:
    """Bars from a decision to the close of the first bar it earns."""
    return 2 if prepared.config.env.execution == "next_close" else 1


def _returns(prepared: Prepared) -> Array:
    returns: Array = prepared.series.log_return()[:, 0]
    return returns


def _ar1(settings: SyntheticConfig, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    phi, sigma = _given(settings.phi), _given(settings.sigma)
    ahead = _ahead(prepared)
    later = sigma * np.sqrt(sum(phi ** (2 * k) for k in range(ahead)))
    return autoregressive(phi, sigma, phi**ahead, float(later)), _returns(prepared)


def _ou(settings: SyntheticConfig, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    kappa, sigma = _given(settings.kappa), _given(settings.sigma)
    ahead, memory = _ahead(prepared), 1.0 - kappa
    between = kappa * sigma if ahead == 2 else 0.0  # what the shock of the bar between adds to the return after it
    world = autoregressive(memory, sigma, -kappa * memory ** (ahead - 1), float(np.hypot(sigma, between)))
    return world, np.log(prepared.series.close[:, 0] / settings.level)


def _regime(settings: SyntheticConfig, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    drift, switch, sigma = _given(settings.drift), _given(settings.switch_probability), _given(settings.sigma)
    returns, chance = _returns(prepared), 0.5
    signal = np.full(len(returns), 0.5)
    for t, value in enumerate(returns[1:], start=1):
        chance = float(after_return(np.asarray(chance), value, drift, switch, sigma))
        signal[t] = chance
    return two_regimes(drift, switch, sigma, _ahead(prepared)), signal


def _seasonal(settings: SyntheticConfig, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    assert settings.period_bars is not None
    period, size = settings.period_bars, _given(settings.amplitude)
    season = size * np.cos(2.0 * np.pi * np.arange(period) / period)
    return _cyclic(season - np.roll(season, 1), _given(settings.sigma), prepared)


def _square_wave(settings: SyntheticConfig, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    assert settings.half_period_bars is not None
    return _cyclic(np.repeat([1.0, -1.0], settings.half_period_bars) * _given(settings.step), 0.0, prepared)


def _cyclic(means: Array, sigma: float, prepared: Prepared) -> tuple[MarkovWorld, Array]:
    """A world whose bars are counted from its start, and their mean log returns over one period."""
    settings: Any = prepared.config.series
    since = prepared.series.index - pd.Timestamp(settings.start, tz="UTC")
    bar: Array = np.rint(np.asarray(since / pd.Timedelta(settings.bar_length), dtype=np.float64))
    return cycle(means, sigma, _ahead(prepared)), bar % len(means)


def _given(value: float | None) -> float:
    assert value is not None  # the settings' own law
    return value


WORLDS: dict[str, Callable[[SyntheticConfig, Prepared], tuple[MarkovWorld, Array]]] = {
    "ar1": _ar1,
    "ou": _ou,
    "regime": _regime,
    "seasonal": _seasonal,
    "square_wave": _square_wave,
}

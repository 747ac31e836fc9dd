"""Made-up worlds whose optimum is known: a forecaster and an agent are measured against it there, not against luck.

r[t] is the log return into the close of bar t, eps[t] independent N(0, sigma^2), m[t] = E[r[t] | bars before t]. Each
process is one pure function from its parameters to (T,) log prices relative to the level; more bars never change the
earlier ones. Each has an `Optimum`. Growth is that of log equity, free of cost, with the exposure restored every bar
(`env.rebalance=every_bar`); a bar opens at the close before it, so that an order decided at close t earns r[t + 1], or
r[t + 2] where there is one price a bar. Knows nothing of files; the settings are in `synthetic_config`.
"""

import hashlib
import itertools
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.instruments import Facts, series_of
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.checks.bars import Bars, checked
from tradewinds.data.providers.synthetic_config import SyntheticConfig
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
YEAR = pd.Timedelta(days=365.25)
FARTHEST = 230.0  # log price from 1e-100 to 1e100: what a price and its square can be
COARSE = 0.05  # standard deviation of a bar's return up to which second order is enough
FAINT = 4.0  # mean size of the expected return, in variances of the return, from which on its sign is the best policy


@dataclass(frozen=True)
class Optimum:
    """What the best forecaster and the best policy attain in a world.

    Attributes:
        forecast_mse: least attainable mean squared error of a forecast of the next log return; None: no closed form.
        policy: what is best to do, to first order in the returns; completes "it is best to".
        log_growth_per_bar: expected growth of log equity a bar under the best policy with exposures in [-1, 1], free
            of cost; exact for `martingale` and `square_wave`, to second order in the returns elsewhere. None where no
            closed form exists, or where second order is not enough.
    """

    forecast_mse: float | None
    policy: str
    log_growth_per_bar: float | None

    @property
    def sentence(self) -> str:
        """The optimum for a person to read."""
        error, growth = self.forecast_mse, self.log_growth_per_bar
        earns = "" if growth is None else f", which grows log equity by {growth:.3g} a bar"
        least = "" if error is None else f"; the best forecast of the next log return errs by {error:.3g} (mean square)"
        return f"free of cost it is best to {self.policy}{earns}{least}"


def load_synthetic(config: SyntheticConfig, rules: DataConfig) -> LoadedSeries:
    """Make a world, and note its optimum.

    Raises:
        RequestError: the last bar would not have closed yet, or a price leaves what a number can hold.
    """
    length, where = pd.Timedelta(config.bar_length), f"synthetic/{config.process}"
    index = _index(config, length)
    log_price = math.log(config.level) + log_prices(config)
    far = np.flatnonzero(~(np.abs(log_price) <= FARTHEST))
    if len(far):
        raise RequestError(
            f"{where}: the price leaves [1e-100, 1e100] at bar {far[0]} of {config.bars}; "
            f"lower series.bars or {', '.join(f'series.{name}' for name in config.parameters)}"
        )
    close = np.exp(log_price)
    columns = {"close": close}
    if not config.single_price:
        opened = np.concatenate((close[:1], close[:-1]))
        columns |= {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close)}
    facts = Facts(
        name=config.process,
        bar_length=length,
        bars_per_year=YEAR / length,
        season_bars=_season_bars(config),
        price_unit="units of account",
        calendar="24/7",
    )
    bars = Bars(index, columns, Origin.counted(where, config.bars))
    bars, _, _ = checked(bars, rules=rules, length=length)
    series, _ = series_of({_world_name(config): bars}, facts)
    note = f"{config.process} is a made-up world: {optimum_of(config).sentence}"
    source = {"file": where, "sha256": hashlib.sha256(close.tobytes()).hexdigest(), "rows": config.bars}
    return LoadedSeries(series, (note,), (source,))


def log_prices(config: SyntheticConfig) -> Array:
    """Return the (T,) log prices of a world, relative to the log of its level."""
    rng = np.random.default_rng([config.seed, zlib.crc32(config.process.encode())])  # no run's seed draws these numbers
    return WORLDS[config.process].path(rng, config.bars, **config.parameters)


def optimum_of(config: SyntheticConfig) -> Optimum:
    """Return what is best in a world, under the execution its series has by default."""
    return WORLDS[config.process].optimum(config.bars_ahead, **config.parameters)


def ar1(rng: np.random.Generator, bars: int, *, phi: float, sigma: float) -> Array:
    """Momentum or reversal: r[t] = phi r[t - 1] + eps[t], stationary from the first bar.

    Var r = sigma^2 / (1 - phi^2).
    """
    shocks = sigma * rng.standard_normal(bars)
    shocks[0] /= math.sqrt(1.0 - phi**2)
    return np.cumsum(_recursion(phi, shocks))


def ar1_optimum(ahead: int, *, phi: float, sigma: float) -> Optimum:
    """The k-bar-ahead mean is phi^k r[t], Gaussian; what is left of the next bar is eps.

    Source:
        Hamilton (1994), Time Series Analysis, section 4.2; growth: `growth_of_sign`.
    """
    variance = sigma**2 / (1.0 - phi**2)
    signal = abs(phi) ** ahead * math.sqrt(variance)
    policy = f"hold the {'sign' if phi**ahead > 0.0 else 'opposite sign'} of the last log return"
    return Optimum(sigma**2, policy, growth_of_sign(signal, variance))


def ou(rng: np.random.Generator, bars: int, *, kappa: float, sigma: float) -> Array:
    """Return to a level: x[t] = (1 - kappa) x[t - 1] + eps[t], the log price itself, stationary from the first bar.

    Var x = sigma^2 / (kappa (2 - kappa)): an Ornstein-Uhlenbeck process seen once a bar.
    """
    shocks = sigma * rng.standard_normal(bars)
    shocks[0] /= math.sqrt(kappa * (2.0 - kappa))
    return _recursion(1.0 - kappa, shocks)


def ou_optimum(ahead: int, *, kappa: float, sigma: float) -> Optimum:
    """The k-bar-ahead mean is m = -kappa (1 - kappa)^(k - 1) x, Gaussian; Var r = 2 sigma^2 / (2 - kappa).

    A proportional cost c is worth paying only for what a turn will still earn: to first order in the returns the best
    policy holds +1 or -1 and turns at |x| = b > 0, a no-trade band that grows with c.

    Source:
        de Lataillade, Deremble, Potters and Bouchaud (2012), Optimal trading with linear costs (position at its
        bounds, turned at a threshold), and dynamic programming in the tests; growth: `growth_of_sign`.
    """
    deviation = sigma / math.sqrt(kappa * (2.0 - kappa))
    signal = kappa * (1.0 - kappa) ** (ahead - 1) * deviation
    policy = (
        "be fully short above the level and fully long below it (with a cost, to turn only outside a no-trade band "
        "around the level)"
    )
    return Optimum(sigma**2, policy, growth_of_sign(signal, 2.0 * sigma**2 / (2.0 - kappa)))


def regime(rng: np.random.Generator, bars: int, *, drift: float, switch_probability: float, sigma: float) -> Array:
    """Bull and bear: r[t] = drift s[t] + eps[t]; s is +1 or -1, turns with `switch_probability`, starts by a fair coin.

    Cov(r[t], r[t + k]) = drift^2 (1 - 2 q)^k for k >= 1, q the switch probability.
    """
    turning, noise = rng.spawn(2)
    draws = turning.random(bars)
    turns = draws < switch_probability
    turns[0] = draws[0] < 0.5
    state = 1.0 - 2.0 * (np.cumsum(turns) % 2)
    return np.cumsum(drift * state + sigma * noise.standard_normal(bars))


def regime_optimum(ahead: int, *, drift: float, switch_probability: float, sigma: float) -> Optimum:
    """The state is hidden; its probability is a recursion over all returns, whose error has no closed form.

    With p the probability of s[t] = 1 given r up to t, E r[t + k] = drift (1 - 2 q)^k (2 p - 1); and before the next
    return is seen p becomes a = p (1 - q) + (1 - p) q, after it a L / (a L + 1 - a) with L = exp(2 drift r / sigma^2).
    The error lies between sigma^2 + drift^2 (1 - (1 - 2 q)^2), left to one who sees the state, and sigma^2 + drift^2.

    Source:
        Hamilton (1989), Econometrica 57(2); L is the ratio of two Gaussian densities.
    """
    return Optimum(None, "be fully long while the chance that the drift is up exceeds one half, else fully short", None)


def seasonal(rng: np.random.Generator, bars: int, *, amplitude: float, period_bars: int, sigma: float) -> Array:
    """A season on a random walk: log price = amplitude cos(2 pi t / period) + sum of eps."""
    season = amplitude * _cosine(period_bars)
    return season[np.arange(bars) % period_bars] + np.cumsum(sigma * rng.standard_normal(bars))


def seasonal_optimum(ahead: int, *, amplitude: float, period_bars: int, sigma: float) -> Optimum:
    """m[t] is the season's own step, known for ever.

    log(1 + x (e^r - 1)) = x r + x (1 - x) r^2 / 2 + O(r^3) has the mean x m + x (1 - x) (m^2 + sigma^2) / 2, greatest
    at x = 1/2 + m / (m^2 + sigma^2) clipped to [-1, 1]: the sign of m, but where m is about sigma^2. Averaged over one
    season.
    """
    season = amplitude * _cosine(period_bars)
    mean = np.roll(season, -1) - season
    second = mean**2 + sigma**2
    share = np.clip(0.5 + mean / second, -1.0, 1.0)
    growth = float(np.mean(share * mean + share * (1.0 - share) * second / 2.0))
    policy = "hold the sign of the season's coming step"
    return Optimum(sigma**2, policy, _if_exact_enough(growth, float(np.abs(mean).mean()), float(second.max())))


def martingale(rng: np.random.Generator, bars: int, *, sigma: float) -> Array:
    """Nothing to know: r[t] = eps[t] - sigma^2 / 2, so that E[p[t + 1] | past] = p[t] exactly (the lognormal mean)."""
    return np.cumsum(sigma * rng.standard_normal(bars) - sigma**2 / 2.0)


def martingale_optimum(ahead: int, *, sigma: float) -> Optimum:
    """E log(1 + x (R - 1)) <= log(1 + x E[R - 1]) = 0 for every x, with equality at x = 0 only (Jensen)."""
    return Optimum(sigma**2, "stay flat, and with costs all the more", 0.0)


def square_wave(rng: np.random.Generator, bars: int, *, step: float, half_period_bars: int) -> Array:
    """No noise: `half_period_bars` bars of +step, then as many of -step, and again."""
    sign = 1 - 2 * ((np.arange(bars) // half_period_bars) % 2)
    return step * np.cumsum(sign).astype(np.float64)  # counted in whole steps, so that every period is the same


def square_wave_optimum(ahead: int, *, step: float, half_period_bars: int) -> Optimum:
    """A rise earns step, a fall held short log(1 - (e^-step - 1)); half the bars are either."""
    growth = (step + math.log(2.0 - math.exp(-step))) / 2.0
    return Optimum(0.0, "hold the sign of the coming step", growth)


def growth_of_sign(signal: float, variance: float) -> float | None:
    """Growth a bar of holding the sign of m ~ N(0, signal^2), where the return, m and noise, has the variance given.

    log(1 + x (e^r - 1)) = x r + x (1 - x) r^2 / 2 + O(r^3): held long it is r, held short -r - r^2. So the mean is
    E|m| - E[r^2; m < 0] = signal sqrt(2 / pi) - variance / 2. The best policy departs from the sign only where
    |m| is less than 3/2 of the noise's variance, which is worth about 0.23 variance^2 / signal.
    """
    size = signal * math.sqrt(2.0 / math.pi)
    return _if_exact_enough(size - variance / 2.0, size, variance)


def _if_exact_enough(growth: float, size: float, variance: float) -> float | None:
    """The growth, or None where the terms left out may exceed 1.5 % of it, as found by quadrature; `size` is E|m|."""
    return growth if variance <= COARSE**2 and size >= FAINT * variance else None


def _recursion(memory: float, shocks: Array) -> Array:
    """y[t] = memory y[t - 1] + shocks[t], y[-1] = 0."""
    return np.fromiter(itertools.accumulate(shocks.tolist(), lambda y, e: memory * y + e), np.float64, len(shocks))


def _cosine(period_bars: int) -> Array:
    """(P,) one period, from its peak on: a sine would vanish at every bar of a period of two."""
    return np.cos(2.0 * np.pi * np.arange(period_bars) / period_bars)


def _index(config: SyntheticConfig, length: pd.Timedelta) -> pd.DatetimeIndex:
    """(T,) starts of the bars; all of them must have closed by now, as those of every source."""
    start = pd.Timestamp(config.start, tz="UTC")
    room = int((pd.Timestamp(datetime.now(UTC)) - start) / length)
    if config.bars > room:
        raise RequestError(
            f"series.bars must be at most {max(room, 0)}, the bars of {config.bar_length} that have closed since "
            f"{config.start}, was {config.bars}; set an earlier series.start or a shorter series.bar_length"
        )
    return pd.date_range(start, periods=config.bars, freq=length).as_unit("ns")


def _world_name(config: SyntheticConfig) -> str:
    """All that decides the returns and their dates: a model of one world is not taken for one of another."""
    decided = {**config.parameters, "seed": config.seed, "start": config.start}
    return " ".join(f"{name}={value}" for name, value in decided.items())


def _season_bars(config: SyntheticConfig) -> int | None:
    """The world's own season, so that the seasonal baseline is a fair one; None takes the calendar's."""
    if config.period_bars is not None:
        return config.period_bars
    return None if config.half_period_bars is None else 2 * config.half_period_bars


@dataclass(frozen=True)
class World:
    """A process: (rng, bars, its parameters) to log prices, and (bars ahead, its parameters) to its optimum."""

    path: Callable[..., Array]
    optimum: Callable[..., Optimum]


WORLDS: Mapping[str, World] = {
    "ar1": World(ar1, ar1_optimum),
    "ou": World(ou, ou_optimum),
    "regime": World(regime, regime_optimum),
    "seasonal": World(seasonal, seasonal_optimum),
    "martingale": World(martingale, martingale_optimum),
    "square_wave": World(square_wave, square_wave_optimum),
}

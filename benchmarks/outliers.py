"""How often the check of bad prints is wrong, and what it finds: false alarms and catches, over histories of all kinds.

False alarms: every shipped series whole, as prices and as values; a thousand made-up histories whose heavy tails,
jumps and clusters are honest; power prices of Nord Pool, by year and whole, if the folder named as argument holds
epf_np.csv.gz of the open-access benchmark of Lago and others (2021). Catches: a spike of some standard deviations of
the steps nearby, up or down, for one bar, put at a random bar of a history; a close multiplied by 37.3 likewise.
Doubts: how often the last bar of an honest history is doubted, and one that is 30 or 60 % away.

Takes about a minute; `make bench` runs it.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.data import load_series
from tradewinds.data.checks.excursions import doubt_last_bars, excursions_of, stabilised
from tradewinds.data.config import NoWeather, SampleConfig
from tradewinds.data.providers.samples import MARKETS
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
SIGMA = 0.01  # of a step, log
HISTORIES = 1000
LENGTHS = (60, 250, 1000, 2500)
SPIKES = (5.0, 8.0, 12.0, 20.0)
NEARBY = 50  # bars on either side whose deviation a spike is measured by


def gaussian(rng: np.random.Generator, bars: int) -> Array:
    """Steps without heavy tails."""
    return rng.normal(0.0, SIGMA, bars)


def student(rng: np.random.Generator, bars: int) -> Array:
    """Steps of Student's t with 3 degrees of freedom."""
    return SIGMA * rng.standard_t(3.0, bars) / np.sqrt(3.0)


def jumping(rng: np.random.Generator, bars: int) -> Array:
    """Gaussian steps, one in a hundred of which is a jump of ten deviations."""
    return gaussian(rng, bars) + (rng.random(bars) < 0.01) * rng.normal(0.0, 10.0 * SIGMA, bars)


def clustering(rng: np.random.Generator, bars: int) -> Array:
    """A GARCH(1, 1) of 0.10 and 0.89 with Student's t of 4 degrees of freedom."""
    noise, variance = rng.standard_t(4.0, bars) / np.sqrt(2.0), SIGMA**2
    steps = np.empty(bars)
    for bar in range(bars):
        steps[bar] = np.sqrt(variance) * noise[bar]
        variance = 0.01 * SIGMA**2 + 0.10 * steps[bar] ** 2 + 0.89 * variance
    return steps


def returning(rng: np.random.Generator, bars: int) -> Array:
    """Heavy-tailed shocks that fade by a fifth a bar, as those of a power price."""
    level, shocks = np.zeros(bars), 5.0 * student(rng, bars)
    for bar in range(1, bars):
        level[bar] = 0.8 * level[bar - 1] + shocks[bar]
    return np.diff(level, prepend=0.0)


def spiking(rng: np.random.Generator, bars: int) -> Array:
    """A day's wave with noise, one bar in a hundred of which is a spike of a Pareto's factor of index 2."""
    level = 0.25 * np.sin(np.arange(bars) / 24.0 * 2.0 * np.pi) + rng.normal(0.0, 0.1, bars)
    level += (rng.random(bars) < 0.01) * np.log1p(rng.pareto(2.0, bars))
    return np.diff(level, prepend=0.0)


WORLDS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "Gaussian": gaussian,
    "Student's t, 3": student,
    "jumps, one in 100": jumping,
    "GARCH, t of 4": clustering,
    "fading shocks, t of 3": returning,
    "power with spikes": spiking,
}


def main(folder: Path) -> None:
    """Print the tables."""
    alarms, number = 0, 0
    print("false alarms, real series:")
    for name, level in real(folder):
        rows = refused(level)
        alarms, number = alarms + bool(rows), number + 1
        if rows:
            print(f"  {name}: rows {rows[:5]}")
    print(f"  {alarms} of {number} series\n")
    print(
        f"false alarms, {HISTORIES} made-up histories of {', '.join(map(str, LENGTHS))} bars, and catches by spike, %:"
    )
    spikes = "".join(f"{f'{size:g} sd':>8}" for size in SPIKES)
    print(f"{'':<24}{'alarms, %':>10}{spikes}{'x 37.3':>8}{'last doubted, %':>17}{'+30 %':>8}{'-60 %':>8}")
    for name, world in WORLDS.items():
        print(f"{name:<24}{''.join(measured(world))}", flush=True)


def real(folder: Path) -> Iterator[tuple[str, Array]]:
    """Yield names and levels of the shipped series, as logs where they are positive and as values; of power by year."""
    for name, market in MARKETS.items():
        for instrument in market.prices:
            config = SampleConfig(name=name, instruments=(instrument,), target="difference")  # type: ignore[arg-type]
            yield from levels(f"{name} {instrument}", load_series(config, NoWeather()).series.close[:, 0])
    path = folder / "epf_np.csv.gz"
    if path.exists():
        table = pd.read_csv(path, index_col=0, parse_dates=True)
        price = table.iloc[:, 0]
        yield from levels("Nord Pool", price.to_numpy(np.float64))
        for year, part in price.groupby(pd.DatetimeIndex(price.index).year):
            yield from levels(f"Nord Pool {year}", part.to_numpy(np.float64))


def levels(name: str, price: Array) -> Iterator[tuple[str, Array]]:
    """Yield a price as the check sees it for either target."""
    yield f"{name}, values", stabilised(price, price)
    if (price > 0.0).all():
        yield f"{name}, logs", np.log(price)


def refused(level: Array) -> list[int]:
    """Return the rows that would be refused."""
    sizes, most = excursions_of(level)
    rows: list[int] = np.flatnonzero(sizes > most).tolist()
    return rows


def measured(world: Callable[[np.random.Generator, int], Array]) -> Iterator[str]:
    """Yield the cells of a world's line."""
    alarms, doubts = np.zeros(HISTORIES), np.zeros((HISTORIES, 3))
    caught = np.zeros((HISTORIES, len(SPIKES) + 1))
    for number in range(HISTORIES):
        rng = np.random.default_rng(number)
        bars = LENGTHS[number % len(LENGTHS)]
        level = 4.0 + np.cumsum(world(rng, bars))
        alarms[number] = bool(refused(level))
        row, side = int(rng.integers(5, bars - 5)), rng.choice([-1.0, 1.0])
        deviation = float(np.std(np.diff(level)[max(row - NEARBY, 0) : row + NEARBY]))
        for column, size in enumerate([*(size * deviation * side for size in SPIKES), np.log(37.3)]):
            spiked = level.copy()
            spiked[row] += size
            caught[number, column] = row in refused(spiked)
        for column, factor in enumerate((1.0, 1.3, 0.4)):
            last = level.copy()
            last[-1] += np.log(factor)
            doubts[number, column] = doubt_last_bars(series_of(last), DataConfig()) is not None
    yield f"{100.0 * alarms.mean():>10.1f}"
    yield from (f"{share:>8.0f}" for share in 100.0 * caught.mean(axis=0))
    yield f"{100.0 * doubts[:, 0].mean():>17.1f}"
    yield from (f"{share:>8.0f}" for share in 100.0 * doubts[:, 1:].mean(axis=0))


def series_of(level: Array) -> Series:
    """Return daily bars of one price."""
    close = np.exp(level)[:, None]
    index = pd.bdate_range("2010-01-01", periods=len(level), tz="UTC")
    day = pd.Timedelta(days=1)
    return Series("made", ("A",), index, day, 261.0, 5, close, close, close, close, single_price=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))

"""Made-up markets in which texts or pictures alone tell the next bar: the best that can be done is known.

r[t + 1] = drift s[t] + eps[t + 1], eps independent N(0, sigma^2); s[t] is +1 or -1 by a fair coin where bar t has a
text or a picture, which tells it, and 0 where it has none. Nothing else tells s: past returns are worth nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

DRIFT, SIGMA, TOLD = 0.006, 0.01, 0.8
GOOD, BAD = ("rise", "gain", "strong", "beats"), ("fall", "loss", "weak", "misses")
FILLER = tuple("the company today market said quarter board shares of plant and report new with for oil".split())
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class SenseWorld:
    """T bars.

    Attributes:
        days: starts of the bars.
        signal: (T,) s.
        returns: (T,) log returns.
    """

    days: pd.DatetimeIndex
    signal: np.ndarray
    returns: np.ndarray

    def growth(self, positions: np.ndarray, rows: range) -> float:
        """Return the mean log growth a bar of (T,) positions of +1, 0 or -1, each held in the bar after its own."""
        held = positions[rows.start : rows.stop - 1]
        return float(np.log1p(held * np.expm1(self.returns[rows.start + 1 : rows.stop])).mean())


def world(bars: int, seed: int, *, drift: float = DRIFT, memory: float = 0.0) -> SenseWorld:
    """Make a world; with a drift of 0 texts and pictures say nothing, and with a memory past returns say something.

    The noise is then e[t + 1] = memory e[t] + eps[t + 1].
    """
    rng = np.random.default_rng(seed)
    days = pd.date_range("2012-01-01", periods=bars, freq="1D", tz="UTC")
    signal = rng.choice([-1.0, 1.0], bars) * (rng.random(bars) < TOLD)
    returns = SIGMA * rng.standard_normal(bars)
    for bar in range(1, bars if memory else 0):
        returns[bar] += memory * returns[bar - 1]
    returns[1:] += drift * signal[:-1]
    return SenseWorld(days, signal, returns)


def chart_world(bars: int, seed: int, *, drift: float = DRIFT, drawn: int = 5) -> SenseWorld:
    """Make a world in which s[t] is -1 where a bar closes in the upper half of its last `drawn` bars, else +1."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2012-01-01", periods=bars, freq="1D", tz="UTC")
    returns, signal, close = SIGMA * rng.standard_normal(bars), np.zeros(bars), np.zeros(bars + 1)
    for bar in range(bars):
        returns[bar] += drift * signal[bar - 1] if bar else 0.0
        close[bar + 1] = close[bar] + returns[bar]
        shown = close[max(bar + 1 - drawn, 0) : bar + 2]  # a bar opens at the close before it
        signal[bar] = -1.0 if close[bar + 1] > (shown.min() + shown.max()) / 2.0 else 1.0
    return SenseWorld(days, signal, returns)


def write_bars(folder: Path, made: SenseWorld) -> Path:
    """Write the bars of a world; each opens at the close before it, so that an order at a close earns the next bar."""
    path = folder / "bars.csv"
    bars_of(made).to_csv(path)
    return path


def bars_of(made: SenseWorld) -> pd.DataFrame:
    """Return the bars of a world by their dates."""
    close = 100.0 * np.exp(np.cumsum(made.returns))
    opened = np.append(100.0, close[:-1])
    bars = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    return pd.DataFrame(bars, index=made.days.tz_localize(None).rename("date"))


def write_panel(folder: Path, worlds: dict[str, SenseWorld], *, late: bool = False, seed: int = 0) -> Path:
    """Write the bars of several worlds by their symbols, a row each, and the news of all, each of its symbol."""
    path = folder / "panel.csv"
    pd.concat([bars_of(made).assign(symbol=name) for name, made in worlds.items()]).to_csv(path)
    news = [
        news_of(made, late=late, seed=seed + number).assign(symbol=name)
        for number, (name, made) in enumerate(worlds.items())
    ]
    pd.concat(news).to_csv(folder / "news.csv", index=False)
    return path


def write_news(folder: Path, made: SenseWorld, *, late: bool = False, seed: int = 0) -> Path:
    """Write a text or two a bar that has any, as `news_of` makes them."""
    path = folder / "news.csv"
    news_of(made, late=late, seed=seed).to_csv(path, index=False)
    return path


def news_of(made: SenseWorld, *, late: bool = False, seed: int = 0) -> pd.DataFrame:
    """Return texts of the noons of bars, published three hours later or, `late`, in the next bar."""
    rng = np.random.default_rng([seed, 1])
    rows = []
    for day, sign in zip(made.days, made.signal, strict=True):
        for number in range(0 if sign == 0.0 else rng.integers(1, 3)):
            words = [*rng.choice(FILLER, rng.integers(4, 9)), rng.choice(GOOD if sign > 0.0 else BAD)]
            time = day + DAY / 2 + pd.Timedelta(minutes=int(number))
            published = time + pd.Timedelta(hours=3) + int(late) * DAY
            rows.append((time.isoformat(), " ".join(rng.permutation(words)), published.isoformat()))
    return pd.DataFrame(rows, columns=["time", "text", "published_at"])


def write_lexicon(folder: Path) -> Path:
    """Write what the words that tell are worth, a line each."""
    path = folder / "lexicon.csv"
    path.write_text(
        "word,score\n" + "".join(f"{word},{sign}\n" for words, sign in ((GOOD, 1), (BAD, -1)) for word in words)
    )
    return path


def write_pictures(folder: Path, made: SenseWorld, *, seed: int = 0) -> Path:
    """Write a picture of noon a bar that has any: a bright bar that lies or stands, somewhere in noise."""
    from PIL import Image

    rng = np.random.default_rng([seed, 2])
    path = folder / "sky"
    path.mkdir(exist_ok=True)
    for day, sign in zip(made.days, made.signal, strict=True):
        if sign == 0.0:
            continue
        values = rng.uniform(0.0, 0.4, (16, 16))
        place = int(rng.integers(2, 14))
        lying = values if sign > 0.0 else values.T
        lying[place - 1 : place + 1] += 0.5
        Image.fromarray((255.0 * values).astype(np.uint8)).save(path / f"{day:%Y-%m-%d}T1200Z.png")
    return path

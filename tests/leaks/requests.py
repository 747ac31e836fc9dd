"""The requests that planted leaks show in: short series, short trainings, each a few seconds."""

import numpy as np
import pandas as pd
import sense_worlds
from batteries import BY_BARS

BRIEF = (
    "model.context_length=8 model.hidden_size=8 trainer.epochs=4 features.volatility_bars=[5] agent.steps=4000 "
    "agent.learning_starts=500 agent.validate_every=1000 backtest.random_draws=9 backtest.bootstrap_draws=100"
)
BATTERY = (
    f"experiment=houston_weather {' '.join(BY_BARS)} series.last=2021-09-15 trainer.epochs=2 "
    "model.hidden_size=16 agent.steps=1000 agent.validate_every=500 backtest.random_draws=9 "
    "backtest.bootstrap_draws=100"
)
UNIVERSE = (
    "series=csv series.path=universe.csv series.symbols=all env.actions=long_short_weights agent=direct "
    "model.context_length=8 model.hidden_size=6 trainer.epochs=2 features.volatility_bars=[3,10] agent.steps=2000 "
    "agent.num_envs=16 agent.window_bars=16 agent.validate_every=1000 backtest.random_draws=5 "
    "backtest.bootstrap_draws=100"
)
REQUESTS = {
    "martingale": f"series=martingale series.bars=1500 {BRIEF}",  # nothing can be known
    "ar1": f"series=ar1 series.phi=0.4 series.bars=2000 {BRIEF} trainer.epochs=8 agent.steps=8000 "
    "agent.validate_every=2000",  # an agent that trades
    "file": "series=csv series.path=bars.csv weather=csv weather.path=weather.csv weather.columns=[warm] "
    "weather.units=[degC] weather.time_zone=America/Chicago weather.lag_hours=30 data.repair=[dst] "
    f"{BRIEF} model.context_length=5",
    "senses": "series=csv series.path=told/bars.csv data.accept_jumps=true text=csv text.path=told/news.csv "
    "pictures=folder pictures.path=told/sky pictures.lag_hours=13 pictures.pixels=8 text.words=64 text.units=4 "
    f"features.chart_bars=5 {BRIEF} model.horizon=2",
    "temperature": "experiment=temperature weather.last=2021-08-31 trainer.epochs=2 model.hidden_size=8 "
    "backtest.bootstrap_draws=100",
    "battery": BATTERY,
    "battery_difference": f"{BATTERY} series.target=difference",
    "universe": UNIVERSE,
    "relative": f"{UNIVERSE} series.target=relative_return",
    "members": f"{UNIVERSE} series.membership=members.csv",
}


def write_files(folder):
    """Write what the requests read."""
    write_universe(folder)
    write_bars(folder)
    (folder / "told").mkdir()
    told = sense_worlds.world(400, seed=3)
    sense_worlds.write_bars(folder / "told", told)
    sense_worlds.write_news(folder / "told", told, late=True)
    sense_worlds.write_pictures(folder / "told", told)


def write_universe(folder, seed=3):
    """Write universe.csv, 420 daily bars of six symbols, and members.csv, since when each of them belongs to it.

    LATE is listed on day 100, GONE is delisted on day 380, STOP halts for a week; NEW is a member from day 150 on.
    """
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=420)
    tables = []
    for number, symbol in enumerate(("AAA", "BBB", "NEW", "LATE", "GONE", "STOP")):
        steps = rng.normal(0.0002, 0.01, len(days))
        steps[1:] += 0.2 * steps[:-1]
        close = (20.0 + number) * np.exp(np.cumsum(steps))
        open_ = np.append(20.0 + number, close[:-1]) * np.exp(rng.normal(0.0, 0.002, len(days)))
        spread = np.exp(np.abs(rng.normal(0.0, 0.003, (2, len(days)))))
        bars = {"date": days.strftime("%Y-%m-%d"), "symbol": symbol, "open": open_}
        bars |= {"high": np.maximum(open_, close) * spread[0], "low": np.minimum(open_, close) / spread[1]}
        tables.append(pd.DataFrame({**bars, "close": close, "volume": rng.integers(1000, 9000, len(days))}))
    tables[3], tables[4], tables[5] = tables[3][100:], tables[4][:380], tables[5].drop(range(200, 205))
    pd.concat(tables).to_csv(folder / "universe.csv", index=False, float_format="%.5f")
    since = {"AAA": 0, "BBB": 0, "NEW": 150, "LATE": 100, "GONE": 0, "STOP": 0}
    members = [(symbol, days[day].strftime("%Y-%m-%d"), "") for symbol, day in since.items()]
    pd.DataFrame(members, columns=["symbol", "from", "until"]).to_csv(folder / "members.csv", index=False)


def write_bars(folder):
    """Write bars.csv and weather.csv: daily bars with holidays, dividends and splits that follow the day's warmth.

    The weather is hourly, in local time, coldest at five, with a hole of 31 hours.
    """
    rng = np.random.default_rng(3)
    days = pd.bdate_range("2020-02-03", periods=520, tz="UTC")
    days = days[np.arange(520) % 23 != 7]
    hours = pd.date_range(days[0] - pd.Timedelta(days=19), days[-1] + pd.Timedelta(days=5), freq="h")
    local = hours.tz_convert("America/Chicago")
    weather = np.convolve(rng.normal(0.0, 4.0, len(hours) // 24 + 2), [0.6, 0.4])[np.arange(len(hours)) // 24]
    warm = 15.0 - 8.0 * np.cos(2.0 * np.pi * (local.hour - 5) / 24.0) + weather
    table = pd.DataFrame({"time": local.strftime("%Y-%m-%d %H:%M"), "warm": np.round(warm, 2)})
    table.loc[len(table) - 2400 : len(table) - 2370, "warm"] = np.nan  # within the last bars, which are probed
    table.to_csv(folder / "weather.csv", index=False)
    drive = pd.Series(warm, index=hours).resample("D").mean().reindex(days).to_numpy()
    steps = 0.002 * (drive - drive.mean()) + rng.normal(0.0, 0.008, len(days))
    splits = np.where(np.isin(np.arange(len(days)), (200, 430)), 2.0, 1.0)
    close = 80.0 * np.exp(np.cumsum(steps)) / np.cumprod(splits)
    open_ = np.append(80.0, close[:-1]) / splits * np.exp(rng.normal(0.0, 0.002, len(days)))
    spread = np.exp(np.abs(rng.normal(0.0, 0.003, (2, len(days)))))
    bars = {
        "open": open_,
        "high": np.maximum(open_, close) * spread[0],
        "low": np.minimum(open_, close) / spread[1],
        "close": close,
        "dividends": np.where(np.arange(len(days)) % 60 == 40, 0.6, 0.0),
        "splits": splits,
    }
    pd.DataFrame(bars, index=days.tz_localize(None).rename("date")).to_csv(folder / "bars.csv", float_format="%.5f")

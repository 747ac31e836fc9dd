"""The shipped agents, as typed, on made-up files whose best policy is known, and on martingales where flat is best.

`make bench` runs it (about an hour and a half of one core); `--quick` plays one seed of each world and four martingales
in about eight minutes. Words choose a part of it: `ou`, `regime`, `season`, `martingale`; `direct`, `dqn`, `ppo`;
`seeds=3`, `first=901`; any other word is an option of the command, such as `env.maintenance=false`.

Each seed of a world is another file of 12,000 daily bars with other persistence, noise, costs, season and noise
columns, and another seed of the run:

  ou       the log price returns to its level; the columns are noise, half of it slow
  regime   the drift is up or down; a column shows which, under noise
  season   a temperature moves the price by what it differs from its season, and not by the season

What is told, on the test rows: the agent's share of what the best policy earns, which knows the law of the world and
its signal (in `regime`, the chance that the drift is up given all it could see). In exposure space: sum x r - c |dx|;
`expected` takes for r its mean given the signal, which leaves out the luck of the test rows; by the ledger: log growth.
`trades` is the turnover beside the best policy's.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tradewinds.core.console import Console
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.steps import encoded, train_agent, train_forecaster
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.account.market import price_market
from trading_env import run_ledger
from trading_env.planning.markov import MarkovWorld, after_return, autoregressive, best_policy, follow, two_regimes

Array = NDArray[np.float64]
AGENTS = ("direct", "dqn", "ppo")
BARS, YEAR = 12_000, 365.25
FIRST = 501  # seed of the first world that is told of; `first=` takes others, so that nothing is tuned to these
NOISE = 901  # seed of the first martingale


@dataclass(frozen=True, eq=False)
class Made:
    """A made-up file.

    Attributes:
        returns: (T,) log returns of its bars.
        columns: what else it tells of a bar, by name.
        signal: (T,) what the best policy knows at each close.
        law: gives the chain of that signal and the mean return it announces, for bars from the decision to the close
            of the bar it earns.
        bps: cost of a turnover of 1, basis points.
        opens: whether the file has an open, the close before; else orders fill a bar later.
    """

    returns: Array
    columns: dict[str, Array]
    signal: Array
    law: Any
    bps: float
    opens: bool

    def write(self, path: Path) -> None:
        """Write the file."""
        close = 100.0 * np.exp(np.cumsum(self.returns))
        table = pd.DataFrame({"date": pd.date_range("1980-01-01", periods=len(close)).date, "close": close})
        if self.opens:
            before = np.concatenate([[100.0], close[:-1]])
            table["open"], table["high"], table["low"] = before, np.maximum(before, close), np.minimum(before, close)
        table.assign(**self.columns).to_csv(path, index=False)


def autoregression(rng: np.random.Generator, memory: float, deviation: float) -> Array:
    """Return (T,) values of a first-order autoregression of this standard deviation."""
    shocks = rng.normal(0.0, deviation * np.sqrt(1.0 - memory**2), BARS)
    values = np.empty(BARS)
    values[0] = rng.normal(0.0, deviation)
    for t in range(1, BARS):
        values[t] = memory * values[t - 1] + shocks[t]
    return values


def noise_columns(rng: np.random.Generator, least: int, most: int) -> dict[str, Array]:
    """Return columns that say nothing; every other one is slow."""
    count = int(rng.integers(least, most + 1))
    return {f"noise_{k}": autoregression(rng, 0.95 * (k % 2), 1.0) for k in range(count)}


def ou(seed: int) -> Made:
    """A log price that returns to its level."""
    rng = np.random.default_rng([seed, 1])
    kappa, sigma, bps = rng.uniform(0.04, 0.12), rng.uniform(0.010, 0.020), rng.uniform(2.0, 6.0)
    distance = autoregression(rng, 1.0 - kappa, sigma / np.sqrt(1.0 - (1.0 - kappa) ** 2))

    def law(ahead: int) -> MarkovWorld:
        later = np.hypot(sigma, kappa * sigma) if ahead == 2 else sigma
        return autoregressive(1.0 - kappa, sigma, -kappa * (1.0 - kappa) ** (ahead - 1), float(later))

    return Made(np.diff(distance, prepend=0.0), noise_columns(rng, 6, 16), distance, law, bps, bool(seed % 2))


def regime(seed: int) -> Made:
    """A drift that is up or down, and a column that shows which, under noise."""
    rng = np.random.default_rng([seed, 2])
    switch, blur, sigma = rng.uniform(0.01, 0.04), rng.uniform(0.5, 2.0), 0.01
    drift, bps = rng.uniform(0.0015, 0.0035), rng.uniform(2.0, 6.0)
    state = np.where(np.cumsum(rng.random(BARS) < switch) % 2, 1.0, -1.0)
    shown = state + rng.normal(0.0, blur, BARS)
    returns = drift * np.concatenate([[0.0], state[:-1]]) + rng.normal(0.0, sigma, BARS)
    chance = np.full(BARS, 0.5)
    for t in range(1, BARS):
        chance[t] = float(after_return(chance[t - 1], shown[t], 1.0, switch, blur))

    def law(ahead: int) -> MarkovWorld:
        seen = two_regimes(1.0, switch, blur, ahead - 1)  # of the column; a bar's drift is that of the state before
        return MarkovWorld(seen.signal, seen.chance, drift * seen.mean, seen.share, sigma)

    return Made(returns, {"shown": shown, **noise_columns(rng, 2, 8)}, chance, law, bps, bool(seed % 2))


def season(seed: int) -> Made:
    """A temperature that moves the price by its distance from its season."""
    rng = np.random.default_rng([seed, 3])
    memory, size, sigma = rng.uniform(0.85, 0.96), rng.uniform(2.0, 4.0), 0.01
    effect, bps = rng.uniform(0.0015, 0.0030) / size, rng.uniform(2.0, 6.0)
    day = np.arange(BARS) * 2.0 * np.pi / YEAR
    usual = rng.uniform(6.0, 14.0) * np.cos(day - rng.uniform(0, 2 * np.pi)) + rng.uniform(0, 2) * np.cos(2 * day)
    anomaly = autoregression(rng, memory, size)
    returns = effect * np.concatenate([[0.0], anomaly[:-1]]) + rng.normal(0.0, sigma, BARS)
    shock = size * np.sqrt(1.0 - memory**2)

    def law(ahead: int) -> MarkovWorld:
        later = np.hypot(sigma, effect * shock) if ahead == 2 else sigma
        return autoregressive(memory, shock, effect * memory ** (ahead - 1), float(later))

    columns = {"temperature": 15.0 + usual + anomaly, **noise_columns(rng, 2, 6)}
    return Made(returns, columns, anomaly, law, bps, bool(seed % 2))


WORLDS = {"ou": ou, "regime": regime, "season": season}


class Quiet(Console):
    """Says nothing."""

    def note(self, text: str) -> None:
        """Keep it."""

    def result(self, text: str) -> None:
        """Keep it."""

    def _lines(self, title: str) -> Any:
        return lambda *_: None


def request(words: list[str]) -> Config:
    """Return what `words` on the command line mean."""
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    return request_from(plain)


def decisions(words: list[str], agents: list[str], folder: Path) -> Iterator[tuple[str, Any, Array, float]]:
    """Fit what `tradewinds run` fits, once for all agents; yield agent, job, test targets (R,) and seconds."""
    models, started = None, time.process_time()
    for agent in agents:
        job = job_of(request([*words, f"agent={agent}", f"run.dir={folder}"]), whole=True)
        run, console = folder / agent, Quiet(as_json=True)
        if models is None:
            (instrument,) = job.series.instruments
            panel, artifact = train_forecaster(job, run, console)
            models = encoded(job, panel[instrument], artifact, run / "hidden_states", console)
            shared = time.process_time() - started
        began = time.process_time()
        trained, _ = train_agent(job, models, run, console)
        seconds = shared + time.process_time() - began
        yield agent, job, job.task.decide(job, trained, job.split.test)["target"].to_numpy(np.float64), seconds


def shares(made: Made, job: Any, targets: Array) -> tuple[float, float, float, float]:
    """Return the agent's share of what the best policy earns: realised, expected, by the ledger; and of its trades."""
    config, rows = job.config.env, job.split.test
    ahead = 1 if made.opens else 2
    world = made.law(ahead)
    best = follow(world, best_policy(world, config, job.series.bars_per_year), made.signal, config)[rows, 0]
    place = np.interp(made.signal[rows], world.signal, (world.mean * world.share).sum(axis=1))
    came = made.returns[rows.start + ahead : rows.stop]
    bars, cost = len(came), made.bps * 1e-4

    def earned(path: Array, returns: Array) -> float:
        return float((path[:bars] * returns).sum() - cost * np.abs(np.diff(path[:bars], prepend=0.0)).sum())

    def turnover(path: Array) -> float:
        return float(np.abs(np.diff(path, prepend=0.0)).sum())

    paths = np.stack([targets, best], axis=1)[:, :, None]
    ours, theirs = np.log(run_ledger(price_market(job, rows), paths, config).equity[-1])
    return (
        earned(targets, came) / earned(best, came),
        earned(targets, place[:bars]) / earned(best, place[:bars]),
        float(ours / theirs),
        turnover(targets) / turnover(best),
    )


def play_world(name: str, seed: int, agents: list[str], more: list[str]) -> dict[str, tuple[float, ...]]:
    """Play one file with all agents; return shares, trades and seconds by agent."""
    made, came = WORLDS[name](seed), {}
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{name}.csv"
        made.write(path)
        costs = [f"env.costs.{part}={made.bps / 3}" for part in ("fee_bps", "half_spread_bps", "slippage_bps")]
        words = ["series=csv", f"series.path={path}", f"seed={seed}", *costs, *more]
        for agent, job, targets, seconds in decisions(words, agents, Path(place)):
            came[agent] = (*shares(made, job, targets), seconds)
    return came


def known(names: list[str], agents: list[str], seeds: range, more: list[str]) -> None:
    """Print each world's table."""
    titles = f"{'in exposure space':>20}{'expected':>18}{'by the ledger':>18}{'trades':>8}{'s':>6}"
    for name in names:
        print(
            f"\n{name + ', share of the optimum':<30}{titles}\n{'':<30}" + f"{'mean':>10}{'least':>8}" * 3, flush=True
        )
        rows: dict[str, list[tuple[float, ...]]] = {agent: [] for agent in agents}
        for seed in seeds:
            for agent, row in play_world(name, seed, agents, more).items():
                rows[agent].append(row)
                print(f"  seed {seed} {agent:<8}" + " ".join(f"{value:7.3f}" for value in row), flush=True)
        for agent in agents:
            table = np.array(rows[agent])
            mean, least = table.mean(axis=0), table.min(axis=0)
            cells = "".join(f"{mean[k]:>10.3f}{least[k]:>8.3f}" for k in range(3))
            print(f"{agent:<30}{cells}{mean[3]:>8.2f}{mean[4]:>6.0f}", flush=True)


def noise(agents: list[str], seeds: range, more: list[str]) -> None:
    """Print how many martingales each agent leaves alone, and what the others cost it."""
    turned: dict[str, list[float]] = {agent: [] for agent in agents}
    grown: dict[str, list[float]] = {agent: [] for agent in agents}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as place:
            words = ["series=martingale", f"series.seed={seed}", *more]
            for agent, job, targets, _ in decisions(words, agents, Path(place)):
                ran = run_ledger(price_market(job, job.split.test), targets[:, None], job.config.env)
                years = len(targets) / job.series.bars_per_year
                turned[agent].append(float(np.abs(np.diff(targets, prepend=0.0)).sum()) / years)
                grown[agent].append(float(ran.equity[-1, 0] - 1.0))
    print(f"\n{'martingales':<30}{'of':>6}{'flat':>6}{'turnover < 2 %':>16}   what the others earned")
    for agent in agents:
        turns, earned = np.array(turned[agent]), np.array(grown[agent])
        others = " ".join(f"{100 * value:+.0f}%" for value in earned[turns >= 0.02])
        print(f"{agent:<30}{len(turns):>6}{int((turns == 0).sum()):>6}{int((turns < 0.02).sum()):>16}   {others}")


def main() -> None:
    """Print the tables that are asked for."""
    torch.set_num_threads(1)
    words, quick = [word for word in sys.argv[1:] if word != "--quick"], "--quick" in sys.argv
    given = dict(word.split("=", 1) for word in words if word.startswith(("seeds=", "first=")))
    names, agents = [w for w in words if w in (*WORLDS, "martingale")], [w for w in words if w in AGENTS]
    names, agents = names or [*WORLDS, "martingale"], agents or list(AGENTS)
    more = [word for word in words if word not in (*names, *agents) and not word.startswith(("seeds=", "first="))]
    first, count = int(given.get("first", FIRST)), int(given.get("seeds", 1 if quick else 5))
    known([name for name in names if name in WORLDS], agents, range(first, first + count), more)
    if "martingale" in names:
        first, count = int(given.get("first", NOISE)), int(given.get("seeds", 4 if quick else 40))
        noise(agents, range(first, first + count), more)


if __name__ == "__main__":
    main()

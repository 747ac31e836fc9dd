"""Texts, pictures and charts beside series, on made-up markets of which the best that can be done is known.

`python benchmarks/modalities.py [lexicon vader svd lstm pictures chart panel] [in_time late noise plant]
[seeds=3] [bars=4000]`

Where nothing but a text tells the next bar (`tests/sense_worlds.py`; apart, nothing but a picture; or the chart of
the last bars), `run` is typed at no costs, and what is told is the share of what the best policy earns on the test
rows in log growth, which holds the signal where there is one and nothing else: that of the forecast's sign, and the
agent's. Of a panel, three such markets whose texts stand in one file by their symbols, it is that of the forecast's
sign, instrument by instrument.

  in_time  a text is published before its bar closes: at least 0.9 is asked for
  late     the same texts are published a bar later: nothing can be earned
  noise    texts and pictures say nothing, and returns have a memory: squared error of the next bar with them over that
           without, and the p of Diebold and Mariano
  plant    the late texts, joined by their date: what `run` says

Each seed is another world, and another seed of the run. Processor seconds, one thread.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from tradewinds.__main__ import main as typed
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline import encoding
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.ablation import ablated

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

import sense_worlds

from leaks import planted

KINDS = {
    "lexicon": "text=csv text.path=news.csv text.encoder=lexicon text.lexicon=lexicon.csv",
    "vader": "text=csv text.path=news.csv text.encoder=lexicon",  # knows five of the eight words that tell
    "svd": "text=csv text.path=news.csv",
    "lstm": "text=csv text.path=news.csv text.encoder=lstm",
    "pictures": "pictures=folder pictures.path=sky pictures.lag_hours={lag}",
    "chart": "features.chart_bars=5",
    "panel": "text=csv text.path=news.csv series.symbols=all env.actions=long_short_weights agent=direct",
}
PANEL = ("one", "two", "three")
WORLDS = ("in_time", "late", "noise", "plant")
WITHOUT = {"late": ("chart",), "noise": ("panel",), "plant": tuple(kind for kind in KINDS if kind != "svd")}
BRIEF = (
    "series=csv series.path=bars.csv data.accept_jumps=true model.context_length=8 model.horizon=1 "
    "model.hidden_size=16 agent=counterfactual_dqn agent.steps=20000 agent.validate_every=4000 "
    "backtest.random_draws=9 backtest.bootstrap_draws=100"
)
FREE = " ".join(
    f"env.costs.{name}=0.0"
    for name in ("fee_bps", "half_spread_bps", "slippage_bps", "borrow_bps_per_year", "financing_bps_per_year")
)
FIRST = 601  # seed of the first world


def main() -> None:
    """Print a line a kind and world."""
    options = dict(word.split("=") for word in sys.argv[1:] if "=" in word)
    words = [word for word in sys.argv[1:] if "=" not in word]
    kinds = [kind for kind in KINDS if kind in words] or list(KINDS)
    worlds = [world for world in WORLDS if world in words] or list(WORLDS)
    seeds = range(FIRST, FIRST + int(options.get("seeds", 3)))
    bars = int(options.get("bars", 4000))
    for world in worlds:
        for kind in kinds:
            if kind in WITHOUT.get(world, ()):
                continue
            began = time.process_time()
            rows = [play(world, kind, seed, bars) for seed in seeds]
            seconds = (time.process_time() - began) / len(rows)
            print(f"{world:<8} {kind:<9} {'; '.join(rows)}; {seconds:.0f} s each", flush=True)


def play(world: str, kind: str, seed: int, bars: int) -> str:
    """Play one seed of a world, and say what came out."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="tradewinds-modalities-") as name:
        folder = Path(name)
        made = write(folder, world, kind, seed, bars)
        os.chdir(folder)
        words = f"{BRIEF} {FREE} seed={seed} {KINDS[kind].format(lag=37 if world == 'late' else 1)}".split()
        try:
            if world == "noise":
                return harm(words)
            if kind == "panel":
                return each_share(words, seed, bars)
            if world == "plant":
                with planted("texts_joined_by_their_date"):
                    status, said = run(words)
                return f"exit {status}: {next(line for line in said.splitlines() if line.startswith('LEAK'))[:110]}"
            status, said = run(words)
            return f"exit {status}" if status else shares(folder, made)
        finally:
            os.chdir(here)


def write(folder: Path, world: str, kind: str, seed: int, bars: int) -> sense_worlds.SenseWorld:
    """Write a world's files."""
    if kind == "panel":
        sense_worlds.write_panel(folder, panel_of(seed, bars), late=world == "late", seed=seed)
        (folder / "panel.csv").rename(folder / "bars.csv")
        return panel_of(seed, bars)[PANEL[0]]
    if kind == "chart" and world == "in_time":
        made = sense_worlds.chart_world(bars, seed)
    else:
        noise = {"drift": 0.0, "memory": 0.3} if world == "noise" else {}
        made = sense_worlds.world(bars, seed, **noise)
    sense_worlds.write_bars(folder, made)
    sense_worlds.write_news(folder, made, late=world in ("late", "plant"), seed=seed)
    sense_worlds.write_lexicon(folder)
    if kind == "pictures":
        sense_worlds.write_pictures(folder, made, seed=seed)
    return made


def run(words: list[str]) -> tuple[int, str]:
    """Type `run`, and return its status and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = typed(("run", *words))
    return status, said.getvalue()


def shares(folder: Path, made: sense_worlds.SenseWorld) -> str:
    """Return what forecast and agent earned on the test rows, as shares of what the signal earns there."""
    (report,) = folder.glob("runs/*/*/report.json")
    document = json.loads(report.read_text())
    first, stop = document["data"]["splits"]["test"]["rows"]
    best = (stop - 1 - first) * made.growth(made.signal, range(first, stop))
    strategies = document["backtest"]["strategies"]
    told = {name: np.log1p(strategies[name]["metrics"]["total_return"]) / best for name in ("forecast_sign", "agent")}
    return f"{told['forecast_sign']:+.2f} {told['agent']:+.2f}"


def panel_of(seed: int, bars: int) -> dict[str, sense_worlds.SenseWorld]:
    """Return the worlds of several instruments, each with a signal of its own."""
    return {name: sense_worlds.world(bars, 1000 * seed + number) for number, name in enumerate(PANEL)}


def each_share(words: list[str], seed: int, bars: int) -> str:
    """Return of each instrument the share that its forecast's sign earns on the test rows."""
    job, models = fitted(words)
    told = {name: np.sign(models.states.instrument(name).forecast[:, 0]) for name in PANEL}
    worlds, rows = panel_of(seed, bars), job.split.test
    shares = (worlds[name].growth(told[name], rows) / worlds[name].growth(worlds[name].signal, rows) for name in PANEL)
    return " ".join(f"{share:+.2f}" for share in shares)


def fitted(words: list[str]) -> tuple[Prepared, Models]:
    """Return a request, its test rows open, and its forecaster, fitted on its own rows."""
    (plain,) = compose_requests([*words, "backtest.ablation=true"], [resource_dir("conf")], multirun=False)
    job = job_of(request_from(plain), whole=True)
    panel = encoding.fit(
        job.panel, job.config.forecaster, job.split.forecaster, seed=seed_for(job.config.seed, "forecaster")
    )
    forecaster = encoding.of_instruments(panel, job.series)
    return job, Models(forecaster, encoding.encode_bars(forecaster, job.series))


def harm(words: list[str]) -> str:
    """Return the squared error with texts or pictures that say nothing over that without, and the p of the test."""
    job, models = fitted(words)
    forecasts = job.task.score(job, models, None)
    found = ablated(job, forecasts)
    assert found is not None
    *_, row = found["networks"].values()
    test = row["against_series_only"]["next_bar"]
    return f"{1.0 - row['gain']:.3f} (p {'-' if test is None else format(test['p_value'], '.2f')})"


if __name__ == "__main__":
    main()

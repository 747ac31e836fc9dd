"""The classics of Gymnasium by their experiments: mean and least return over seeds, beside what was published.

`python benchmarks/classics.py [NAME ...] [key=value ...]` runs conf/experiment/NAME.yaml with seeds 0 to 4 (or those
of `seeds=100,101`) and prints a row; without a name, all of CLASSICS but the LONG ones: 20 minutes of a core. A score
is the mean return of fresh greedy episodes, 100 unless the experiment says otherwise, of the policy that validated
best. Settings were chosen on other seeds, 100 and up. Seconds are those of the processor, one thread, validation
included. A mean below the least that the experiment's file says ends the script with status 1.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from tradewinds.__main__ import main
from tradewinds.core.resources import resource_dir

ZOO = "RL Zoo of SB3"
CLASSICS = {  # by experiment: the published score, and whose it is
    "acrobot": ("-73.5", f"{ZOO}, PPO, 1,000,000 steps"),
    "pendulum": ("-172.2", f"{ZOO}, PPO, 100,000 steps"),
    "cliff_walking": ("-13", "shortest path"),
    "frozen_lake": ("0.74", "optimum in 100 steps"),
    "taxi": ("7.93", "optimum"),
    "blackjack": ("-0.047", "optimum"),
    "inverted_pendulum": ("1000", "most there is"),
    "mountain_car": ("-110.4", f"{ZOO}, PPO, 1,000,000 steps"),
    "hopper": ("2410", f"{ZOO}, PPO, Hopper-v3"),
    "lunar_lander": ("242.1", f"{ZOO}, PPO, 1,000,000 steps, LunarLander-v2"),
}
LONG = ("hopper", "lunar_lander", "minatar_breakout")  # minutes a seed: only when they are named


def score(name: str, seed: int, words: list[str]) -> tuple[float, float, dict]:
    """Run an experiment and return the mean return of the fresh episodes, seconds, and report.json."""
    with tempfile.TemporaryDirectory() as folder:
        request = ["run", f"experiment={name}", f"seed={seed}", f"run.dir={folder}", *words]
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
            status = main(request)
        seconds = time.process_time() - started
        if status:
            raise SystemExit(errors.getvalue())
        (report,) = Path(folder).glob("*/2*/report.json")
        document = json.loads(report.read_text(encoding="utf-8"))
    return document["backtest"]["strategies"]["agent"]["metrics"]["return_mean"], seconds, document


def written(name: str) -> float:
    """Return the least score that an experiment's file says, or minus infinity where it says none."""
    text = (resource_dir("conf") / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    found = re.search(r"Five seeds: mean \S+, least (-?[\d.]+\d)", text)
    return float(found[1]) if found else float("-inf")


def classic(name: str, seeds: list[int], words: list[str]) -> bool:
    """Print the row of an experiment, and return whether its mean is at least what its file says."""
    scores, seconds, document = [], [], {}
    for seed in seeds:
        earned, spent, document = score(name, seed, words)
        scores.append(earned)
        seconds.append(spent)
        print(f"  {name} seed {seed}: {earned:.2f} in {spent:.0f} s", file=sys.stderr, flush=True)
    config = document["run"]["config"]
    published, source = CLASSICS.get(name, ("", ""))
    print(
        f"{config['env']['id']:<22}{config['agent']['kind']:<12}{np.mean(scores):>10.2f}{min(scores):>10.2f}"
        f"{config['agent']['steps']:>12,}{np.mean(seconds):>7.0f}  {published} ({source})",
        flush=True,
    )
    return float(np.mean(scores)) >= written(name)


if __name__ == "__main__":
    seeds, names, words = [0, 1, 2, 3, 4], [], []
    for word in sys.argv[1:]:
        if word.startswith("seeds="):
            seeds = [int(number) for number in word.removeprefix("seeds=").split(",")]
        else:
            (words if "=" in word else names).append(word)
    print(f"{'environment':<22}{'agent':<12}{'mean':>10}{'least':>10}{'steps':>12}{'s':>7}  published")
    low = [name for name in names or [name for name in CLASSICS if name not in LONG] if not classic(name, seeds, words)]
    if low:
        raise SystemExit(f"below the least that its file says: {', '.join(low)}")

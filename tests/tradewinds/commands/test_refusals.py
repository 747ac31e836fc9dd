"""What a trivial refusal costs: it is given before the libraries that nobody needs for it are loaded."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "pytorch_lightning", "scipy", "matplotlib", "bokeh", "statsmodels", "arch")
EXTRAS = ("stable_baselines3", "tensorboard", "statsforecast")
MISSING = ("series=csv", "series.path=nowhere.csv")
REFUSED = [
    *(
        [stage, *MISSING]
        for stage in ("run", "train-forecaster", "train-agent", "encode", "backtest", "leakcheck", "walk-forward")
    ),
    *([stage, *MISSING] for stage in ("retrain", "signal", "schedule")),
    ["run", "series=parquet", "series.path=nowhere.parquet"],
    ["run", "weather=csv", "weather.path=nowhere.csv", "weather.columns=[heat]", "weather.lag_hours=1"],
    ["benchmark-forecaster"],
    ["benchmark-forecaster", "benchmark.path=nowhere.csv"],
    ["backtest"],
    ["backtest", "inputs.agent=nowhere"],
    ["train-agent"],
    ["train-agent", "inputs.forecaster=nowhere"],
    ["encode"],
    ["run", "inputs.resume=nowhere"],
    ["run", "env=gymnasium", "agent=ppo", "inputs.resume=nowhere"],
    ["report"],
    ["report", "nowhere"],
    ["signal"],
    ["models", "rollback"],
    ["models", "promote", "3"],
    ["fetch"],
    ["run", "agent=sb3"],
    ["run", "run.tensorboard=true"],
    ["run", "baselines=classical"],
    ["run", "model.hiden_size=1"],
    ["run", "--fast"],
    ["run", "series=csv", "series.path=short.csv"],
    ["run", "env=battery"],
]
PROGRAM = """
import json, sys
sys.modules.update(dict.fromkeys(EXTRAS))  # as if they were not installed
from tradewinds.__main__ import main
loaded = []
for words in REFUSED:
    status = main(words)
    loaded.append([words, status, [name for name in HEAVY if name in sys.modules]])
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "short.csv").write_text("date,close\n2020-01-01,10\n2020-01-02,11\n", encoding="utf-8")
    names = {"EXTRAS": EXTRAS, "REFUSED": REFUSED, "HEAVY": HEAVY}
    program = "".join(f"{name} = {value!r}\n" for name, value in names.items()) + PROGRAM
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_trivial_refusal_loads_nothing_heavy(refusals):
    assert len(refusals) == len(REFUSED)
    for words, status, loaded in refusals:  # what one of them loads stays loaded: the first that is told is at fault
        assert (words, status, loaded) == (words, 2, [])

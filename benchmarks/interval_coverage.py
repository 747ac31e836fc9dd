"""How often the 90 % interval of each model holds what comes, on every shipped series with default settings.

Trains the default forecaster on each series, a minute of one core in all, and prints the share of outcomes inside, all
bars ahead together: on the validation rows, with first intervals from the agent's rows, and on the test rows, with
first intervals from the validation rows, as a report has them. 87 % to 93 % is what is wanted of every model on the
test rows; what lies outside is marked. Words such as `model.head=quantile` change the settings.
"""

import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.prepare import seed_for
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

SERIES = (
    ("series=sp500",),
    ("series=nasdaq",),
    ("series=wti",),
    ("series=henry_hub",),
    ("experiment=gas_weather",),
    ("series=houston",),
    ("series=houston", "series.instruments=[HB_NORTH]"),
    ("series=houston", "series.instruments=[LZ_WEST]", "series.target=difference"),
    ("series=plant_temperature",),
    ("experiment=temperature",),
)
PROMISED = (0.87, 0.93)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    for words in SERIES:
        (plain,) = compose_requests([*words, *sys.argv[1:]], [resource_dir("conf")], multirun=False)
        prepared = job_of(request_from(plain), whole=True)
        config, series, split = prepared.config, prepared.series, prepared.split
        seed = seed_for(config.seed, "forecaster")
        fitted = fit_forecaster(series, config.forecaster, split.forecaster, seed=seed)
        states = encode(fitted, series)
        print(" ".join(words))
        for name, before, rows in (
            ("validation", split.agent, split.validation),
            ("test", split.validation, split.test),
        ):
            table = score_forecasts(fitted, series, states, calibration_rows=before, rows=rows).table
            shares = {model: score["change_coverage"] for model, score in table.items()}
            cells = (f"{model} {share:.1%}{mark(share)}" for model, share in shares.items())
            print(f"  {name:<11}" + ", ".join(cells), flush=True)
    print(f"{time.perf_counter() - began:.0f} s")


def mark(coverage: float) -> str:
    """Return what points at a coverage that is not as promised."""
    return "" if PROMISED[0] <= coverage <= PROMISED[1] else " (!)"


if __name__ == "__main__":
    main()

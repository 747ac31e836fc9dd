"""Temperatures ahead: three folds before the test rows, and the test rows, three seeds each.

Settings are those of `experiment=temperature`, a plant's 24 hours ahead, or with the word `chicago` those of
`experiment=chicago`, a city's seven days ahead; words such as `model.hidden_size=64` change them. Per span and model
the mean absolute error of the temperature one bar ahead, at the last bar, and over all of them, beside the rivals', and
the Diebold-Mariano test of the value at the last bar against each rival (negative: the LSTM is the better one). The
folds are what settings are chosen by; the test rows are scored only with the word `test`.
"""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode
from tradewinds.core.resources import resource_dir
from tradewinds.evaluation.inference import compare_forecasts
from tradewinds.pipeline.prepare import Prepared
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

FOLDS = ((0.45, 0.60), (0.60, 0.80), (0.70, 0.80))  # fitted up to the first share of the rows, scored up to the second
SEEDS = (1, 2, 3)
RIVALS = ("naive", "seasonal_naive", "climatology", "ridge", "dlinear")


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    words = [word for word in sys.argv[1:] if word not in ("test", "chicago")]
    experiment = "chicago" if "chicago" in sys.argv else "temperature"
    (plain,) = compose_requests([f"experiment={experiment}", *words], [resource_dir("conf")], multirun=False)
    prepared = job_of(request_from(plain), whole=True)
    total, split = len(prepared.series.index), prepared.split
    spans = [(f"fold {first:.0%} to {last:.0%}", round(first * total), round(last * total)) for first, last in FOLDS]
    print(f"{'span, seed':<22}" + "".join(f"{name:>26}" for name in ("network", *RIVALS)) + "   next, last, all; DM, p")
    for name, stop, last in spans:
        for seed in SEEDS:
            show(prepared, f"{name}, {seed}", range(0, stop), range(stop + 5, last), seed)
    if "test" in sys.argv:
        for seed in SEEDS:
            show(prepared, f"test, {seed}", split.forecaster, split.test, seed)


def show(prepared: Prepared, name: str, fit: range, scored: range, seed: int) -> None:
    """Fit on some rows, score others, and print a line."""
    config, series = prepared.config, prepared.series
    fitted = fit_forecaster(series, config.forecaster, fit, seed=seed)
    before = range(fit.stop - len(fit) // 10, fit.stop)  # intervals are not looked at here
    scores = score_forecasts(fitted, series, encode(fitted, series), calibration_rows=before, rows=scored)
    kind = config.model.kind
    tests = compare_forecasts(scores.errors, kind)
    cells = []
    for model in (kind, *RIVALS):
        errors = scores.table[model]["value_mae_by_horizon"]
        cell = f"{errors[0]:.2f} {errors[-1]:.2f} {scores.table[model]['value_mae']:.2f}"
        test = tests[model]["value_ahead"] if model != kind else None
        cells.append(cell if test is None else f"{cell} {test['statistic']:+.1f} {test['p_value']:.1g}")
    print(f"{name:<22}" + "".join(f"{cell:>26}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()

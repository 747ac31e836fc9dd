"""What a forecaster of other series knows of one that it never met: python benchmarks/transfer.py [NAMES].

Each series in turn is left out. A segment LSTM that scales every window by itself (`model.scaling=context`) is taught
on all others, on bars before the test of the one left out alone, and then meets it: served as it is, fitted on from
there on the last 100 bars before the test, and on all of them; beside it networks that begin anew, ridge regression on
all bars, and the value a season ago. Errors are averaged over the seeds. Told is the mean absolute error of the values
over the horizon, in parts of that of no change, with its 95 % interval (stationary bootstrap). NAMES are some of the
series; the path of ETTh1.csv among them has its oil temperature met in the same way, by a forecaster of the shipped
hours, most of which are later ones. A minute of one core for each.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FeatureConfig, ForecasterConfig, ModelConfig, TrainerConfig
from forecaster.data.series import Series
from forecaster.data.windows import labels
from forecaster.evaluation.scores import plain_rules
from forecaster.fitted import FittedForecaster, fit_panel, save_panel
from forecaster.hidden_states import encode
from tradewinds.core.resources import resource_dir
from tradewinds.evaluation.inference import mean_interval
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of

Array = NDArray[np.float64]
SEEDS, TEST, FEW, GAP = 2, 0.3, 100, 5  # networks, share of bars tested, bars of a short acquaintance, and embargo
DAYS = ("sp500", "nasdaq", "wti", "henry_hub", "EUR", "GBP", "JPY", "CHF")
HOURS = ("houston", "netherlands", "plant_temperature")
LEFT_OUT = ("sp500", "wti", "henry_hub", "JPY", *HOURS)  # each of them once
OURS, RIVALS = "ours", ("naive", "seasonal_naive", "ridge")
SIZES = {  # context, segment, horizon in bars
    "days": {"context_length": 20, "segment_length": 5, "horizon": 5},
    "hours": {"context_length": 48, "segment_length": 12, "horizon": 12},
}


def loaded(*words: str) -> Series:
    """Read a series through the door, all of it."""
    config = request_from(compose_requests(words, [resource_dir("conf")], multirun=False)[0])
    return job_of(config, whole=True).panel


def closes_of(name: str) -> pd.Series:
    """Return the values of a shipped series."""
    if name.isupper():
        series = loaded("series=currencies", f"rollout.instrument={name}").instrument(name)
    else:
        series = loaded(f"series={name}", *([] if name in DAYS else ["series.target=difference"]))
    return pd.Series(series.close[:, 0], series.index)


def together(values: dict[str, pd.Series], target: str) -> Series:
    """Read several series as one, each from its first bar to its last."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.csv"
        table = pd.concat({name: one.rename("value") for name, one in values.items()}, names=["symbol", "time"])
        table.reset_index().to_csv(path, index=False)
        words = ["series=csv", f"series.path={path}", "series.close=value", f"series.target={target}"]
        words += ["data.accept_jumps=true", "series.time_zone=UTC"]
        return loaded(*words, *(["series.symbols=all"] if len(values) > 1 else []))


def config_of(kind: str, **model: object) -> ForecasterConfig:
    return ForecasterConfig(
        features=FeatureConfig(volatility_bars=(5,), calendar=kind == "hours"),
        model=ModelConfig(kind="segment_lstm", hidden_size=64, **{"scaling": "context", **SIZES[kind], **model}),
        trainer=TrainerConfig(epochs=10, batch_size=256, windows_per_epoch=10_000, loss="mae"),
    )


def errors_of(fitted: FittedForecaster, series: Series, start: int, rivals: Sequence[str]) -> dict[str, Array]:
    """Return by model and rival (N,) mean absolute errors of the values over the horizon, of each decision tested."""
    horizon, changes = fitted.config.model.horizon, series.changes()[:, 0]
    rows = np.arange(start + GAP, len(series.index) - horizon)
    truth, rules = labels(changes, rows, horizon), plain_rules(fitted, series)
    told = {OURS: encode(fitted, series, range(start, len(series.index))).forecast[rows].astype(np.float64)}
    told |= {name: rules[name](rows) for name in rivals}
    return {name: np.abs(np.cumsum(truth - forecast, axis=1)).mean(axis=1) for name, forecast in told.items()}


def before(others: Series, series: Series) -> Series:
    """Return the bars of others that come before the test of a series."""
    return others.rows(range(int(others.index.searchsorted(series.index[begin_of(series)]))))


def begin_of(series: Series) -> int:
    """Return the row at which the test of a series begins."""
    return round((1.0 - TEST) * len(series.index))


def acquaintance(kind: str, left_out: Series, known: Series, folder: Path) -> dict[str, Array]:
    """Let forecasters of what is `known` of others, and new ones, meet a series; return (N,) errors by name."""
    start = begin_of(left_out)
    few, every = range(start - FEW, start), range(start)
    sums: dict[str, Array] = {}
    anew = config_of(kind)
    for seed in range(SEEDS):
        taught = folder / str(seed)
        taught.mkdir(parents=True)
        save_panel(fit_panel(known, anew, range(len(known.index)), seed=seed), taught)
        begun = config_of(kind, pretrained=str(taught))
        still = replace(begun, trainer=replace(begun.trainer, epochs=0))
        for name, config, rows in (
            ("served", still, every),
            ("begun, 100 bars", begun, few),
            ("anew, 100 bars", anew, few),
            ("begun, all", begun, every),
            ("anew, all", anew, every),
            ("anew, all, by rows", config_of(kind, scaling="rows"), every),
        ):
            (fitted,) = fit_panel(left_out, config, rows, seed=seed).values()
            errors = errors_of(fitted, left_out, start, RIVALS if name == "served" else ())
            errors[name] = errors.pop(OURS)
            for key, values in errors.items():
                sums[key] = sums.get(key, 0.0) + values / SEEDS
    return sums


def told(name: str, errors: dict[str, Array]) -> None:
    naive = errors["naive"]
    print(f"{name}, {len(naive)} decisions")
    for method, values in errors.items():
        low, high = mean_interval(values, per=naive, draws=1000, seed=0) or (float("nan"), float("nan"))
        print(f"  {method:<22}{values.mean() / naive.mean():8.3f}   [{low:.3f}, {high:.3f}]", flush=True)


def main() -> None:
    """Print a block a series."""
    asked = sys.argv[1:] or LEFT_OUT
    with tempfile.TemporaryDirectory(prefix="tradewinds-transfer-") as place:
        folder = Path(place)
        for kind, names, target in (("days", DAYS, "log_return"), ("hours", HOURS, "level")):
            files = [word for word in asked if kind == "hours" and word not in (*DAYS, *HOURS)]
            if not files and not set(names) & set(asked):
                continue
            values = {name: closes_of(name) for name in names}
            for name in [name for name in names if name in asked]:
                others = together({other: values[other] for other in names if other != name}, target)
                alone = together({name: values[name]}, target)
                told(name, acquaintance(kind, alone, before(others, alone), folder / name))
            for file in files:
                oil = pd.read_csv(file, index_col=0, parse_dates=True)["OT"].tz_localize("UTC")
                alone, others = together({"OT": oil}, target), together(values, target)
                told("ETTh1, oil temperature", acquaintance(kind, alone, others, folder / "ETTh1"))


if __name__ == "__main__":
    main()

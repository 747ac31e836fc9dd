"""Whether learning to learn beats learning together: python benchmarks/reptile.py [NAMES].

Each series in turn is left out, as in benchmarks/transfer.py. Weights to begin with are taught on all others: by one
common training, by Reptile (Nichol, Achiam & Schulman 2018, "On first-order meta-learning algorithms", algorithm 1:
every outer step fits one of the others for some steps of the optimiser and moves the weights a part of the way there),
and by Reptile from the common training on. Each is then fitted on from the last 100 bars before the VALIDATION rows,
the 20 hundredths of the series before the test, which stays closed: this chooses a method. Told is the mean absolute
error of the values over the horizon in parts of that of no change, with its 95 % interval, and of the differences from
the common training. Two minutes of one core each.
"""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transfer import (
    DAYS,
    FEW,
    HOURS,
    OURS,
    SEEDS,
    TEST,
    begin_of,
    closes_of,
    config_of,
    errors_of,
    together,
)

from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster, fit_panel, save_panel
from tradewinds.evaluation.inference import mean_interval

LEFT_OUT = ("sp500", "wti", "JPY", "houston")
OUTER, INNER, BATCH = 80, 8, 256  # outer steps, and gradient steps of each
FIRST, LAST = 1.0, 0.1  # part of the way that an outer step goes, in the beginning and at the end
VALIDATED = 0.2  # share of bars before the test


def weights_of(panel: Mapping[str, FittedForecaster]) -> dict[str, torch.Tensor]:
    """Return a copy of the common weights."""
    return {name: part.clone() for name, part in next(iter(panel.values())).model.state_dict().items()}


def reptile(
    panel: Mapping[str, FittedForecaster], known: Series, kind: str, seed: int, place: Path
) -> Mapping[str, FittedForecaster]:
    """Teach on: fit one instrument after the other for some steps, and go a part of the way each time."""
    rng, model = np.random.default_rng(seed), next(iter(panel.values())).model
    begun = config_of(kind, pretrained=str(place))
    trainer = replace(begun.trainer, epochs=1, windows_per_epoch=INNER * BATCH, batch_size=BATCH, learning_rate=1e-3)
    inner = replace(begun, trainer=trainer)
    alone = {name: known.instrument(name) for name in known.instruments}
    for step in range(OUTER):
        save_panel(panel, place)
        series = alone[str(rng.choice(known.instruments))]
        there = weights_of(fit_panel(series, inner, range(len(series.index)), seed=seed * 1000 + step))
        part = FIRST + (LAST - FIRST) * step / OUTER
        here = model.state_dict()
        moved = {
            name: here[name] + part * (there[name] - here[name]) for name in here if here[name].is_floating_point()
        }
        model.load_state_dict({**here, **moved})
    return panel


def begun_from(panel: Mapping[str, FittedForecaster], series: Series, kind: str, seed: int, place: Path) -> np.ndarray:
    """Return (N,) errors on the rows given of who begins from weights and meets the last bars before them."""
    start = len(series.index) - round(VALIDATED * len(series.index) / (1.0 - TEST))
    save_panel(panel, place)
    (fitted,) = fit_panel(series, config_of(kind, pretrained=str(place)), range(start - FEW, start), seed=seed).values()
    return errors_of(fitted, series, start, ())[OURS]


def main() -> None:
    """Print a block a series."""
    asked = sys.argv[1:] or LEFT_OUT
    for kind, names, target in (("days", DAYS, "log_return"), ("hours", HOURS, "level")):
        values = {name: closes_of(name) for name in names} if set(names) & set(asked) else {}
        for name in [name for name in names if name in asked]:
            whole = together({name: values[name]}, target)
            series = whole.rows(range(begin_of(whole)))  # the test is cut off
            start = len(series.index) - round(VALIDATED * len(series.index) / (1.0 - TEST))
            others = together({other: values[other] for other in names if other != name}, target)
            known = others.rows(range(int(others.index.searchsorted(series.index[start]))))
            sums: dict[str, np.ndarray] = {}
            with tempfile.TemporaryDirectory(prefix="tradewinds-reptile-") as folder:
                place = Path(folder)
                for seed in range(SEEDS):
                    common = fit_panel(known, config_of(kind), range(len(known.index)), seed=seed)
                    short = replace(config_of(kind), trainer=replace(config_of(kind).trainer, epochs=1))
                    anew = fit_panel(known, short, range(len(known.index)), seed=seed)
                    rows = {"common training": begun_from(common, series, kind, seed, place)}
                    rows["Reptile"] = begun_from(reptile(anew, known, kind, seed, place), series, kind, seed, place)
                    on = reptile(common, known, kind, seed, place)
                    rows["Reptile from there on"] = begun_from(on, series, kind, seed, place)
                    for method, errors in rows.items():
                        sums[method] = sums.get(method, 0.0) + errors / SEEDS
            told(name, sums, series, start, config_of(kind).model.horizon)


def told(name: str, sums: dict[str, np.ndarray], series: Series, start: int, horizon: int) -> None:
    """Print what each came to, in parts of the error of no change."""
    values = np.log(series.close[:, 0]) if series.is_price else series.close[:, 0]
    rows = np.arange(start, len(values) - horizon)[-len(sums["common training"]) :]
    ahead = rows[:, None] + np.arange(1, horizon + 1)
    naive = np.abs(values[ahead] - values[rows, None]).mean(axis=1)
    print(f"{name}, {len(rows)} decisions before the test")
    for method, errors in sums.items():
        low, high = mean_interval(errors, per=naive, draws=1000, seed=0) or (float("nan"), float("nan"))
        less = errors - sums["common training"]
        apart = mean_interval(less, per=naive, draws=1000, seed=0) if less.any() else None
        words = (
            ""
            if apart is None or method == "common training"
            else f"   less common: [{apart[0]:+.3f}, {apart[1]:+.3f}]"
        )
        print(f"  {method:<24}{errors.mean() / naive.mean():8.3f}   [{low:.3f}, {high:.3f}]{words}", flush=True)


if __name__ == "__main__":
    main()

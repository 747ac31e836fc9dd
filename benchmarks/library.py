"""`Forecaster.fit` and `.predict` beside `benchmark-forecaster` on ETTh1, 96 rows ahead, at the same settings.

`python benchmarks/library.py ETTh1.csv` trains the segment LSTM three times by the course of `forecaster.benchmark`,
and three times as a user of the library would bring that course: the network as a plug-in that reads the level, the
untrained network and its batches from `lightning`, a loop by hand, `fit(table, trained=network)`, and `predict` on the
test rows. Same sizes, steps, loss, learning rates, running average and looks at validation rows; the last month of
these calibrates the intervals of `predict`, and selects nothing. Errors are of values scaled by the training rows.
About 5 minutes of one core.
"""

import copy
import math
import os
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forecaster import Forecaster
from forecaster.benchmark.config import BenchmarkConfig
from forecaster.benchmark.protocol import scaled_series
from forecaster.benchmark.run import GRADIENT_CLIP, WARM_UP_STEPS, loss, run_horizon
from forecaster.networks.base import Network
from forecaster.networks.segment_lstm import SegmentLSTM
from forecaster.registry import MODELS
from forecaster.training.trainer import Best

HORIZON, SEEDS, MONTH = 96, 3, 720
TRAIN, VALIDATION, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH  # rows at which these parts end
SETTINGS = BenchmarkConfig(
    path=None,
    split="ett_hourly",
    horizons=(HORIZON,),
    seeds=SEEDS,
    minutes=60.0,
    steps=400,
    batch_size=256,
    learning_rate=1e-3,
    weight_decay=1e-4,
    average=0.99,
    validations=10,
    validation_windows=700,
    flip=True,
    processes=1,
    precision="float32",
    context_length=720,
    segment_length=48,
    hidden_size=128,
    num_layers=1,
    dropout=0.5,
    normalisation="subtract_last",
    linear_skip=False,
    channel_embedding=True,
)
WALK = torch.arange(1.0, HORIZON + 1.0).sqrt()  # the unit of a level h bars ahead, in steps of a bar


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    table = pd.read_csv(sys.argv[1])[:TEST]
    columns = list(table.columns[1:])
    print(f"{'':<28}{'test mse':>10}{'test mae':>10}{'CPU-s':>8}")
    result = run_horizon(scaled_series(table[columns].to_numpy(), "ett_hourly"), SETTINGS, HORIZON, seed=1)
    theirs = [result.test[f"seed_{number}"] for number in range(1, SEEDS + 1)]
    for number, score in enumerate(theirs, 1):
        print(f"benchmark-forecaster, seed {number}{score.mse:>10.4f}{score.mae:>10.4f}")
    print(f"{'':<48}{result.cpu_seconds:>8.0f}", flush=True)
    MODELS.register("level_segments", LevelSegments)
    ours = []
    for seed in range(1, SEEDS + 1):
        started = time.process_time()
        ours.append(by_the_library(table, columns, seed))
        seconds = time.process_time() - started
        print(f"fit and predict, seed {seed}     {ours[-1][0]:>10.4f}{ours[-1][1]:>10.4f}{seconds:>8.0f}", flush=True)
    means = np.mean([(score.mse, score.mae) for score in theirs], axis=0), np.mean(ours, axis=0)
    ratio = means[1] / means[0] - 1.0
    print(f"means: {means[0].round(4)} and {means[1].round(4)}, {ratio[0]:+.1%} and {ratio[1]:+.1%}")


class LevelSegments(Network):
    """The benchmark's network on the level of a bar, in its units; what it says in those of the forecaster.

    Features are the difference, the level, and who of C instruments it is; the ratio of their deviations over a window
    is that of their scales.
    """

    def __init__(self, config, num_features, outputs):
        super().__init__()
        self.segments = SegmentLSTM(SETTINGS.model(config.horizon), 1, outputs, num_features - 2)
        self.hidden_width = self.segments.hidden_width

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, 2D)."""
        return self.segments.encode(context[..., 1:2])

    def decode(self, hidden_state: Tensor, context: Tensor) -> Tensor:
        """Return (B, H, 1)."""
        level, channel = context[..., 1:2], context[:, -1, 2:].argmax(dim=1)
        told = self.segments.decode(hidden_state, level, channel) - level[:, -1:]
        return told * unit(context)[..., None] / WALK[:, None]


def unit(context: Tensor) -> Tensor:
    """Return (B, 1) how many usual differences a deviation of the level is, of windows (B, L, F)."""
    differences, steps = context[:, 1:, 0], context[..., 1].diff(dim=1)
    return (differences.std(dim=1) / steps.std(dim=1).clamp(min=1e-6)).clamp(min=1e-3)[:, None]


def by_the_library(table: pd.DataFrame, columns: list[str], seed: int) -> tuple[float, float]:
    """Return squared and absolute error of what `predict` says at every bar of the test rows but the first."""
    forecaster = Forecaster(
        "level_segments",
        horizon=HORIZON,
        target="level",
        close=columns,
        calibration=MONTH / VALIDATION,
        embargo_bars=0,
        seed=seed,
        network={"context_length": SETTINGS.context_length, "hidden_size": SETTINGS.hidden_size},
        features={"selection": False, "volatility_bars": [], "calendar": False, "identity": True},
        trainer={
            "batch_size": SETTINGS.batch_size,
            "early_stopping_fraction": (VALIDATION - MONTH - TRAIN) / (VALIDATION - MONTH),
            "windows_per_epoch": None,
        },
    )
    network, batches = forecaster.lightning(table[:VALIDATION])
    train(network, batches, seed)
    forecaster.fit(table[:VALIDATION], trained=network)
    told = forecaster.predict(table, since=table["date"][VALIDATION], levels=[0.05, 0.95])
    row = pd.DatetimeIndex(pd.to_datetime(table["date"], utc=True)).get_indexer(told["time"])
    told = told.assign(row=row)[row >= 0]
    whole = told.groupby(["symbol", "issued"])["ahead"].transform("size") == HORIZON
    told = told[whole]
    deviation = table[columns][:TRAIN].std(ddof=0)
    column = told["symbol"].map({name: number for number, name in enumerate(columns)}).to_numpy()
    truth = table[columns].to_numpy()[told["row"], column]
    error = (told["value"].to_numpy() - truth) / deviation.to_numpy()[column]
    return float(np.square(error).mean()), float(np.abs(error).mean())


def train(network, batches, seed: int) -> None:
    """Train a network as `forecaster.benchmark.run` does, and leave in it the average of least validation error."""
    torch.manual_seed(seed)
    average, best, steps = copy.deepcopy(network).eval(), Best(), SETTINGS.steps
    stop = judged(batches)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, weight_decay=SETTINGS.weight_decay)
    loader, step = batches.train_dataloader(), 0
    network.train()
    while step < steps:
        for context, target in loader:
            sign = 2.0 * torch.randint(2, (len(context), 1)) - 1.0
            turned = torch.cat([context[..., :2] * sign[..., None], context[..., 2:]], dim=-1)
            warm = min(1.0, (step + 1) / WARM_UP_STEPS)
            for group in optimiser.param_groups:
                group["lr"] = SETTINGS.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * step / steps))
            optimiser.zero_grad()
            loss(*in_deviations(network, turned, target * sign)).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIP)
            optimiser.step()
            step += 1
            share = min(SETTINGS.average, step / (step + 9.0))
            with torch.no_grad():
                for mean, weights in zip(average.parameters(), network.parameters(), strict=True):
                    mean.lerp_(weights, 1.0 - share)
            if step % (steps // SETTINGS.validations) == 0:
                best.offer(error_of(average, stop), average)
            if step == steps:
                break
    best.restore(network, "learning_rate", SETTINGS.learning_rate)


def in_deviations(network, context: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return forecast and target (B, H) in deviations of the level."""
    scale = WALK / unit(context)
    return network(context)[0] * scale, target * scale


def judged(batches) -> list[tuple[Tensor, Tensor]]:
    """Return as many stop windows, evenly spread, as the benchmark judges by."""
    return [(context[::3], target[::3]) for context, target in batches.val_dataloader()]


def error_of(network, batches: list[tuple[Tensor, Tensor]]) -> float:
    """Return the squared and the absolute error, added."""
    with torch.inference_mode():
        forecast, target = (
            torch.cat(part) for part in zip(*(in_deviations(network, *b) for b in batches), strict=True)
        )
    return float((forecast - target).square().mean() + (forecast - target).abs().mean())


if __name__ == "__main__":
    main()

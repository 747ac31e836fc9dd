"""Train segment LSTMs on one horizon of a file within a span of wall time, and score them, test rows last and once.

The networks are trained by this room's one loop and one pool of workers. What is the papers' own is the course of a
training: steps instead of epochs, a clock, and a running average of the weights that validation selects.
"""

import copy
import dataclasses
import functools
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from forecaster.benchmark.config import BenchmarkConfig, Choice
from forecaster.benchmark.protocol import (
    SCORING_BATCH,
    Forecaster,
    LongSeries,
    Score,
    repeat_last,
    score,
    spread,
    window_starts,
)
from forecaster.config import Precision
from forecaster.networks.segment_lstm import SegmentLSTM
from forecaster.training.precision import faster_precision
from forecaster.training.trainer import Best, Progress, run_loop
from forecaster.training.workers import Report, Workers

WARM_UP_STEPS, GRADIENT_CLIP = 50, 1.0
TRIAL_SHARE = 0.25  # of a network's steps that a normalisation is tried for
CANDIDATES: tuple[Choice, ...] = ("subtract_last", "revin")  # of `normalisation: auto`


@dataclass(frozen=True)
class HorizonResult:
    """What one horizon came to.

    Attributes:
        horizon: H.
        validation: scores on the spread validation windows, by `seed_<n>`, `ensemble` and `repeat_last`.
        test: the same on all test windows.
        test_windows: windows of each column that were scored.
        normalisation: the one in use; with `auto`, the one of less validation error in a short training.
        steps: training steps that each network took; fewer than asked for where the time was up.
        precision: `float32` or `bfloat16`.
        seconds: wall time of all of it.
        cpu_seconds: of all threads.
    """

    horizon: int
    validation: dict[str, Score]
    test: dict[str, Score]
    test_windows: int
    normalisation: str
    steps: tuple[int, ...]
    precision: str
    seconds: float
    cpu_seconds: float


def run_horizon(
    series: LongSeries, config: BenchmarkConfig, horizon: int, *, seed: int, progress: Progress | None = None
) -> HorizonResult:
    """Train `config.seeds` networks side by side, select each by validation, and score them on the test rows.

    Args:
        series: the scaled file.
        config: sizes and budget.
        horizon: H.
        seed: of the first network; the next ones count on.
        progress: called with (permille done, 1000, losses).

    Returns:
        The scores; the same seeds give the same, on the same machine, as long as no training was cut by the clock.

    Raises:
        ValueError: too few rows for a window, or a training that diverged.
    """
    started, cpu_started = time.perf_counter(), _cpu_seconds()
    length = config.context_length
    parts = (series.rows.train, series.rows.validation, series.rows.test)
    _, validation, test = (window_starts(rows, length, horizon) for rows in parts)
    judged = spread(validation, config.validation_windows)
    with torch.random.fork_rng(devices=[]):
        precision = _faster(series, config, horizon) if config.precision == "auto" else config.precision
        scoring = _scoring_seconds(series, config, horizon, precision, len(test) + len(judged))
        with Workers(config.processes, at_most=max(config.seeds, len(CANDIDATES))) as workers:
            ends = time.time() + max(0.0, 60.0 * config.minutes - (time.perf_counter() - started) - scoring)
            if config.normalisation == "auto":
                config = _normalised(workers, series, config, horizon, precision, seed, ends)
            jobs = [_Job(series, config, horizon, precision, seed + number) for number in range(config.seeds)]
            trained = _train(workers, jobs, ends, progress)
        networks = {f"seed_{n}": _forecaster(each.network, precision) for n, each in enumerate(trained, 1)}
        scored = [
            score(networks, series, starts, context_length=length, horizon=horizon)
            | {"repeat_last": _naive(series, starts, length, horizon)}
            for starts in (judged, test)
        ]
    return HorizonResult(
        horizon=horizon,
        validation=scored[0],
        test=scored[1],
        test_windows=len(test),
        normalisation=config.normalisation,
        steps=tuple(each.steps for each in trained),
        precision=precision,
        seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - cpu_started,
    )


@dataclass(frozen=True)
class _Job:
    """One network to train: what a worker is sent."""

    series: LongSeries
    config: BenchmarkConfig
    horizon: int
    precision: Precision
    seed: int

    def train(self, ends: float, waves_left: int, report: Report) -> "_Trained":
        """Train until the steps are done, or this network's share of the time up to `ends` is used up."""
        config = self.config
        with _threads(1):
            torch.manual_seed(self.seed)
            model = _LongHorizonLSTM(self)
            course = _Course(self, model.network, max(0.0, ends - time.time()) / waves_left, report)
            run_loop(
                model,
                _Batches(self.series, config, self.horizon),
                accelerator="cpu",
                max_epochs=1,
                gradient_clip_val=GRADIENT_CLIP,
                callbacks=[course],
            )
        course.best.restore(course.average, "benchmark.learning_rate", config.learning_rate)
        return _Trained(course.average, course.steps, course.best.loss)


@dataclass(frozen=True)
class _Trained:
    """The running average of least validation error, the steps taken and that error."""

    network: SegmentLSTM
    steps: int
    error: float


def _train(workers: Workers, jobs: list[_Job], ends: float, progress: Progress | None = None) -> list[_Trained]:
    """Train every job; the same job gives the same weights in a worker and here."""
    waves, share = math.ceil(len(jobs) / workers.count), [0.0] * len(jobs)

    def report(number: int, done: float, error: float) -> None:
        share[number] = done
        if progress is not None:
            total = int(1000 * sum(share) / len(jobs))
            progress(total, 1000, {"seed": float(number + 1), "validation_error": error})

    tasks = [functools.partial(job.train, ends, waves - n // workers.count) for n, job in enumerate(jobs)]
    return workers.run(tasks, report)


def _normalised(
    workers: Workers,
    series: LongSeries,
    config: BenchmarkConfig,
    horizon: int,
    precision: Precision,
    seed: int,
    ends: float,
) -> BenchmarkConfig:
    """Return the settings with the normalisation that a short training finds better on validation rows."""
    steps = max(1, int(TRIAL_SHARE * config.steps))
    trials = [dataclasses.replace(config, normalisation=name, steps=steps) for name in CANDIDATES]
    share = TRIAL_SHARE / (TRIAL_SHARE + math.ceil(config.seeds / workers.count))
    until = time.time() + share * max(0.0, ends - time.time())
    trained = _train(workers, [_Job(series, trial, horizon, precision, seed) for trial in trials], until)
    best, _ = min(zip(CANDIDATES, trained, strict=True), key=lambda pair: pair[1].error)
    return dataclasses.replace(config, normalisation=best)


class _LongHorizonLSTM(pl.LightningModule):
    """A segment LSTM that reads one column at a time, its loss and its optimiser."""

    def __init__(self, job: _Job) -> None:
        super().__init__()
        self.job, self.network = job, _network(job.series, job.config, job.horizon)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        context, columns, target = batch  # (B, L), (B,), (B, H)
        return loss(_forecaster(self.network, self.job.precision)(context, columns), target)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        config = self.job.config
        return torch.optim.AdamW(self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)


class _Batches:
    """Random training windows of random columns, drawn by torch's random numbers when a step asks for them."""

    def __init__(self, series: LongSeries, config: BenchmarkConfig, horizon: int) -> None:
        self.config, self.starts = config, window_starts(series.rows.train, config.context_length, horizon)
        self.windows = series.windows(config.context_length + horizon)  # (C, T - L - H + 1, L + H)

    def __len__(self) -> int:
        return self.config.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        size, length = self.config.batch_size, self.config.context_length
        for _ in range(len(self)):
            starts = torch.randint(self.starts.start, self.starts.stop, (size,))
            columns = torch.randint(len(self.windows), (size,))
            signs = 2.0 * torch.randint(2, (size, 1)) - 1.0 if self.config.flip else 1.0
            batch = self.windows[columns, starts] * signs  # one gather: (B, L + H)
            yield batch[:, :length], columns, batch[:, length:]


class _Course(pl.Callback):
    """A warm-up and a cosine, a running average of the weights, looks at validation rows, and the end by the clock."""

    def __init__(self, job: _Job, network: SegmentLSTM, seconds: float, report: Report) -> None:
        self.job, self.network, self.seconds, self.report = job, network, seconds, report
        self.average, self.best = copy.deepcopy(network).eval(), Best()
        self.steps, self.looks, self.done, self.started = 0, 0, 0.0, time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.job.config.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * self.done))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        config = self.job.config
        self.steps += 1
        share = min(config.average, self.steps / (self.steps + 9.0))  # at first the average forgets its random start
        with torch.no_grad():
            for average, weights in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(weights, 1.0 - share)
        spent = (time.perf_counter() - self.started) / max(self.seconds, 1e-9)
        self.done = min(1.0, max(self.steps / config.steps, spent))
        if self.done * config.validations >= self.looks + 1:
            self.looks = int(self.done * config.validations)
            error = self.validation_error()
            self.report(self.done, error)
            self.best.offer(error, self.average)
        trainer.should_stop = self.done >= 1.0

    def validation_error(self) -> float:
        """Return the two errors that are reported, squared and absolute, added, on validation windows."""
        series, length, horizon = self.job.series, self.job.config.context_length, self.job.horizon
        starts = spread(window_starts(series.rows.validation, length, horizon), self.job.config.validation_windows)
        forecaster = {"average": _forecaster(self.average, self.job.precision)}
        errors = score(forecaster, series, starts, context_length=length, horizon=horizon)["average"]
        return errors.mse + errors.mae


def loss(forecast: Tensor, target: Tensor) -> Tensor:
    """Return half the mean absolute error of (B, H) forecasts and half that of their Fourier transforms.

    Errors of neighbouring bars move together; those of frequencies hardly do, so that each is learned for itself.

    Source:
        Wang et al. (2024), FreDF: Learning to forecast in the frequency domain, arXiv:2402.02399; the weights of a
        half are ours.
    """
    error = forecast - target
    spectrum = torch.fft.rfft(error, norm="ortho")  # (B, H) -> (B, H // 2 + 1)
    both: Tensor = 0.5 * (error.abs().mean() + spectrum.abs().mean())
    return both


def _network(series: LongSeries, config: BenchmarkConfig, horizon: int) -> SegmentLSTM:
    return SegmentLSTM(config.model(horizon), 1, 1, len(series.values) if config.channel_embedding else 0)


def _forecaster(network: SegmentLSTM, precision: Precision) -> Forecaster:
    def forecast(context: Tensor, columns: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            outputs, _ = network(context[..., None], columns)  # (B, L, 1) -> (B, H, 1)
        forecasts: Tensor = outputs[..., 0]  # (B, H)
        return forecasts

    return forecast


def _faster(series: LongSeries, config: BenchmarkConfig, horizon: int) -> Precision:
    """Return the arithmetic in which a throwaway network is trained faster, in one thread."""
    network = _network(series, config, horizon)
    context, columns, target = next(iter(_Batches(series, config, horizon)))
    with _threads(1):
        return faster_precision(lambda precision: loss(_forecaster(network, precision)(context, columns), target))


def _scoring_seconds(
    series: LongSeries, config: BenchmarkConfig, horizon: int, precision: Precision, windows: int
) -> float:
    """Return how long it takes to score all networks on `windows` windows of every column, by a few of them."""
    forecaster = {"trial": _forecaster(_network(series, config, horizon).eval(), precision)}
    starts = window_starts(series.rows.train, config.context_length, horizon)
    starts = starts[: min(len(starts), max(1, SCORING_BATCH // len(series.values)))]
    for _ in range(2):  # memory is taken in the first
        started = time.perf_counter()
        score(forecaster, series, starts, context_length=config.context_length, horizon=horizon)
    return (time.perf_counter() - started) * config.seeds * windows / len(starts)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cpu_seconds() -> float:
    """Return what this process and the ended ones it started have used."""
    return sum(os.times()[:4])


def _naive(series: LongSeries, starts: range, context_length: int, horizon: int) -> Score:
    naive = {"repeat_last": repeat_last(horizon)}
    return score(naive, series, starts, context_length=context_length, horizon=horizon)["repeat_last"]

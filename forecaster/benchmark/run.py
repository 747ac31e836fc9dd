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
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    task = _Task(series, config, horizon, "float32" if config.precision == "auto" else config.precision)
    task.starts(series.rows.train)  # refused before any work where there is no window
    judged, test = task.judged(), task.starts(series.rows.test)
    with torch.random.fork_rng(devices=[]):
        if config.precision == "auto":
            task = dataclasses.replace(task, precision=_faster(task))
        scoring = _scoring_seconds(task, len(test) + len(judged))
        trials = len(CANDIDATES) if config.normalisation == "auto" else 0
        with Workers(config.processes, at_most=max(config.seeds, trials)) as workers:
            ends = time.time() + max(0.0, 60.0 * config.minutes - (time.perf_counter() - started) - scoring)
            if config.normalisation == "auto":
                task = _normalised(workers, task, seed, ends)
            seeds = range(seed, seed + config.seeds)
            trained = _train(workers, [functools.partial(task.train, each) for each in seeds], ends, progress)
        networks = {f"seed_{n}": task.forecaster(each.network) for n, each in enumerate(trained, 1)}
        rivals = {"repeat_last": repeat_last(horizon)}
        validation_scores, test_scores = (task.score(networks, starts, rivals) for starts in (judged, test))
    return HorizonResult(
        horizon=horizon,
        validation=validation_scores,
        test=test_scores,
        test_windows=len(test),
        normalisation=task.config.normalisation,
        steps=tuple(each.steps for each in trained),
        precision=task.precision,
        seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - cpu_started,
    )


@dataclass(frozen=True)
class _Trained:
    """The running average of least validation error, the steps taken and that error."""

    network: SegmentLSTM
    steps: int
    error: float


@dataclass(frozen=True)
class _Task:
    """One horizon of a file and how its networks are trained: what a worker is sent."""

    series: LongSeries
    config: BenchmarkConfig
    horizon: int
    precision: Precision

    def network(self) -> SegmentLSTM:
        """Return a fresh network; draws from torch's random numbers."""
        columns = len(self.series.values) if self.config.channel_embedding else 0
        return SegmentLSTM(self.config.model(self.horizon), 1, 1, columns)

    def starts(self, rows: range) -> range:
        """Return the first rows of all windows that forecast `rows`."""
        return window_starts(rows, self.config.context_length, self.horizon)

    def judged(self) -> range:
        """Return the first rows of the validation windows that select."""
        return spread(self.starts(self.series.rows.validation), self.config.validation_windows)

    def forecaster(self, network: SegmentLSTM) -> Forecaster:
        """Return a network as the protocol knows it, in the arithmetic of the training."""

        def forecast(context: Tensor, columns: Tensor) -> Tensor:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
                outputs, _ = network(context[..., None], columns)  # (B, L, 1) -> (B, H, 1)
            forecasts: Tensor = outputs[..., 0]  # (B, H)
            return forecasts

        return forecast

    def score(
        self, forecasters: Mapping[str, Forecaster], starts: range, rivals: Mapping[str, Forecaster] | None = None
    ) -> dict[str, Score]:
        """Score forecasters on the windows that begin at `starts`."""
        length, horizon = self.config.context_length, self.horizon
        return score(forecasters, self.series, starts, context_length=length, horizon=horizon, rivals=rivals)

    def train(self, seed: int, ends: float, waves_left: int, report: Report) -> _Trained:
        """Train a network until the steps are done, or its share of the time up to `ends` is used up."""
        with _threads(1):
            torch.manual_seed(seed)
            model = _LongHorizonLSTM(self)
            course = _Course(self, model.network, max(0.0, ends - time.time()) / waves_left, report)
            run_loop(
                model,
                _Batches(self),
                accelerator="cpu",
                max_epochs=1,
                gradient_clip_val=GRADIENT_CLIP,
                callbacks=[course],
            )
        course.best.restore(course.average, "benchmark.learning_rate", self.config.learning_rate)
        return _Trained(course.average, course.steps, course.best.loss)


def _train(
    workers: Workers, trainings: Sequence[Callable[..., _Trained]], ends: float, progress: Progress | None = None
) -> list[_Trained]:
    """Train every network; the same training gives the same weights in a worker and here."""
    waves, shares = math.ceil(len(trainings) / workers.count), [0.0] * len(trainings)

    def report(number: int, done: float, error: float) -> None:
        shares[number] = done
        if progress is not None:
            total = int(1000 * sum(shares) / len(shares))
            progress(total, 1000, {"seed": float(number + 1), "validation_error": error})

    timed = [functools.partial(train, ends, waves - n // workers.count) for n, train in enumerate(trainings)]
    return workers.run(timed, report)


def _normalised(workers: Workers, task: _Task, seed: int, ends: float) -> _Task:
    """Return the task with the normalisation that a short training finds better on validation rows."""
    config = task.config
    steps = max(1, int(TRIAL_SHARE * config.steps))
    short = [dataclasses.replace(config, normalisation=name, steps=steps) for name in CANDIDATES]
    trials = [functools.partial(dataclasses.replace(task, config=each).train, seed) for each in short]
    share = TRIAL_SHARE / (TRIAL_SHARE + math.ceil(config.seeds / workers.count))
    trained = _train(workers, trials, time.time() + share * max(0.0, ends - time.time()))
    best, _ = min(zip(CANDIDATES, trained, strict=True), key=lambda pair: pair[1].error)
    return dataclasses.replace(task, config=dataclasses.replace(config, normalisation=best))


class _LongHorizonLSTM(pl.LightningModule):
    """A segment LSTM that reads one column at a time, its loss and its optimiser."""

    def __init__(self, task: _Task) -> None:
        super().__init__()
        self.config, self.network = task.config, task.network()
        self.forecast = task.forecaster(self.network)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> Tensor:
        context, columns, target = batch  # (B, L), (B,), (B, H)
        return loss(self.forecast(context, columns), target)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        rate, decay = self.config.learning_rate, self.config.weight_decay
        return torch.optim.AdamW(self.network.parameters(), lr=rate, weight_decay=decay)


class _Batches:
    """Random training windows of random columns, drawn by torch's random numbers when a step asks for them."""

    def __init__(self, task: _Task) -> None:
        self.config, self.starts = task.config, task.starts(task.series.rows.train)
        self.windows = task.series.windows(task.config.context_length + task.horizon)  # (C, T - L - H + 1, L + H)

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

    def __init__(self, task: _Task, network: SegmentLSTM, seconds: float, report: Report) -> None:
        self.task, self.network, self.seconds, self.report = task, network, seconds, report
        self.average, self.best = copy.deepcopy(network).eval(), Best()
        self.steps, self.looks, self.done, self.started = 0, 0, 0.0, time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = self.task.config.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * self.done))

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        config = self.task.config
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
        errors = self.task.score({"average": self.task.forecaster(self.average)}, self.task.judged())["average"]
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


def _faster(task: _Task) -> Precision:
    """Return the arithmetic in which a throwaway network is trained faster, in one thread."""
    network = task.network()
    context, columns, target = next(iter(_Batches(task)))

    def trial(precision: Precision) -> Tensor:
        return loss(dataclasses.replace(task, precision=precision).forecaster(network)(context, columns), target)

    with _threads(1):
        return faster_precision(trial)


def _scoring_seconds(task: _Task, windows: int) -> float:
    """Return how long it takes to score all networks on `windows` windows of every column, by a few of them."""
    forecaster = {"trial": task.forecaster(task.network().eval())}
    starts = task.starts(task.series.rows.train)[: max(1, SCORING_BATCH // len(task.series.values))]
    for _ in range(2):  # memory is taken in the first
        started = time.perf_counter()
        task.score(forecaster, starts)
    return (time.perf_counter() - started) * task.config.seeds * windows / len(starts)


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

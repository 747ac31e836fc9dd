"""Train segment LSTMs on one horizon of a file within a span of wall time, and score them, test rows last and once."""

import copy
import dataclasses
import functools
import math
import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Any

import torch
from torch import Tensor, nn

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
from forecaster.networks.segment_lstm import SegmentLSTM

Progress = Callable[[int, int, Mapping[str, float]], None]
Told = Callable[[float, float], None]  # share of the training done, error on validation
WARM_UP_STEPS, GRADIENT_CLIP = 50, 1.0
TRIAL_STEPS = 2  # training steps of each precision that decide which is faster
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
        precision = _fastest(series, config, horizon)
        scoring = _scoring_seconds(series, config, horizon, precision, len(test) + len(judged))
        with _Workers(config.processes) as workers:
            ends = time.time() + max(0.0, 60.0 * config.minutes - (time.perf_counter() - started) - scoring)
            if config.normalisation == "auto":
                config = _normalised(workers, series, config, horizon, precision, seed, ends)
            jobs = [_Job(series, config, horizon, precision, seed + number) for number in range(config.seeds)]
            trained = workers.train(jobs, ends, progress)
        networks = {
            f"seed_{n + 1}": _forecaster(job.network(one), precision)
            for n, (job, one) in enumerate(zip(jobs, trained, strict=True))
        }
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
        steps=tuple(one.steps for one in trained),
        precision=str(precision).removeprefix("torch."),
        seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - cpu_started,
    )


@dataclass(frozen=True)
class _Job:
    """One network to train: what a worker is sent."""

    series: LongSeries
    config: BenchmarkConfig
    horizon: int
    precision: torch.dtype
    seed: int

    def train(self, ends: float, waves_left: int, told: Told) -> "_Trained":
        """Train until the steps are done, or this network's share of the time up to `ends` is used up."""
        with _threads(1):
            training = _Training(self.series, self.config, self.horizon, self.precision, self.seed)
            length = self.config.context_length
            train = window_starts(self.series.rows.train, length, self.horizon)
            validation = window_starts(self.series.rows.validation, length, self.horizon)
            judged = spread(validation, self.config.validation_windows)
            error = training.fit(train, judged, max(0.0, ends - time.time()) / waves_left, told)
        return _Trained(training.average.state_dict(), training.steps, error)

    def network(self, trained: "_Trained") -> SegmentLSTM:
        network = _network(self.series, self.config, self.horizon).eval()
        network.load_state_dict(trained.weights)
        return network


@dataclass(frozen=True)
class _Trained:
    """The weights of least validation error, the steps taken and that error."""

    weights: dict[str, Tensor]
    steps: int
    error: float


class _Workers:
    """Processes of one torch thread each, as many as asked or as there are cores; none where one is enough."""

    def __init__(self, processes: int | None) -> None:
        self.count = processes if processes is not None else os.cpu_count() or 1
        self.pool: ProcessPoolExecutor | None = None
        self.told: Any = queue.Queue()

    def __enter__(self) -> "_Workers":
        if self.count > 1:
            context = get_context("spawn")
            self.told = context.Manager().Queue()
            self.pool = ProcessPoolExecutor(self.count, context, initializer=torch.set_num_threads, initargs=(1,))
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.pool is None:
            return
        if kind is not None:  # Ctrl-C, or one training that failed: nobody waits for the others
            for child in active_children():
                child.terminate()
        self.pool.shutdown(cancel_futures=True)

    def train(self, jobs: Sequence[_Job], ends: float, progress: Progress | None = None) -> list[_Trained]:
        """Train every job; the same job gives the same weights in a worker and here."""
        waves, share = math.ceil(len(jobs) / self.count), [0.0] * len(jobs)

        def told(number: int, done: float, error: float) -> None:
            share[number] = done
            if progress is not None:
                total = int(1000 * sum(share) / len(jobs))
                progress(total, 1000, {"seed": float(number + 1), "validation_error": error})

        if self.pool is None:
            return [job.train(ends, waves - number, functools.partial(told, number)) for number, job in enumerate(jobs)]
        tellers = [_Teller(self.told, number) for number in range(len(jobs))]
        futures: list[Future[_Trained]] = [
            self.pool.submit(job.train, ends, waves - number // self.count, teller)
            for number, (job, teller) in enumerate(zip(jobs, tellers, strict=True))
        ]
        while not all(future.done() for future in futures):
            try:
                told(*self.told.get(timeout=0.2))
            except queue.Empty:
                continue
        return [future.result() for future in futures]


@dataclass(frozen=True)
class _Teller:
    """What a worker tells of its progress, through a queue."""

    queue: Any
    number: int

    def __call__(self, done: float, error: float) -> None:
        self.queue.put((self.number, done, error))


def _normalised(
    workers: _Workers,
    series: LongSeries,
    config: BenchmarkConfig,
    horizon: int,
    precision: torch.dtype,
    seed: int,
    ends: float,
) -> BenchmarkConfig:
    """Return the settings with the normalisation that a short training finds better on validation rows."""
    tried = [
        dataclasses.replace(config, normalisation=name, steps=max(1, int(TRIAL_SHARE * config.steps)))
        for name in CANDIDATES
    ]
    share = TRIAL_SHARE / (TRIAL_SHARE + math.ceil(config.seeds / workers.count))
    until = time.time() + share * max(0.0, ends - time.time())
    found = workers.train([_Job(series, one, horizon, precision, seed) for one in tried], until)
    best, _ = min(zip(CANDIDATES, found, strict=True), key=lambda pair: pair[1].error)
    return dataclasses.replace(config, normalisation=best)


class _Training:
    """One network on its way: AdamW on `loss`, a warm-up and a cosine, an average of the weights."""

    def __init__(
        self, series: LongSeries, config: BenchmarkConfig, horizon: int, precision: torch.dtype, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.series, self.config, self.horizon, self.precision, self.steps = series, config, horizon, precision, 0
        self.network = _network(series, config, horizon)
        self.average = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.windows = series.windows(config.context_length + horizon)  # (C, T - L - H + 1, L + H)

    def fit(self, train: range, judged: range, seconds: float, told: Told) -> float:
        """Train until steps or seconds are used up; leave the average of least validation error, and return that."""
        config, started = self.config, time.perf_counter()
        least, best, judgements, done = math.inf, copy.deepcopy(self.average.state_dict()), 0, 0.0
        while done < 1.0:
            self.step(train, done)
            spent = (time.perf_counter() - started) / max(seconds, 1e-9)
            done = min(1.0, max(self.steps / config.steps, spent))
            if done * config.validations >= judgements + 1:
                judgements = int(done * config.validations)
                error = self.validate(judged)
                told(done, error)
                if error < least:
                    least, best = error, copy.deepcopy(self.average.state_dict())
        if least == math.inf:
            raise ValueError(f"training diverged; lower benchmark.learning_rate, was {config.learning_rate}")
        self.average.load_state_dict(best)
        return least

    def step(self, train: range, done: float) -> None:
        """Take one step on random windows of random columns; `done` is the share of the training that lies behind."""
        config, length = self.config, self.config.context_length
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * done))
        starts = torch.randint(train.start, train.stop, (config.batch_size,))
        columns = torch.randint(len(self.windows), (config.batch_size,))
        signs = 2.0 * torch.randint(2, (config.batch_size, 1)) - 1.0 if config.flip else 1.0
        batch = self.windows[columns, starts] * signs  # one gather: (B, L + H)
        forecast = _forecaster(self.network, self.precision)(batch[:, :length], columns)  # (B, H)
        self.optimizer.zero_grad()
        loss(forecast, batch[:, length:]).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_CLIP)
        self.optimizer.step()
        self.steps += 1
        kept = min(config.average, self.steps / (self.steps + 9.0))  # at first the average forgets its random start
        with torch.no_grad():
            for average, weights in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(weights, 1.0 - kept)

    def validate(self, judged: range) -> float:
        """Return the two errors that are reported, squared and absolute, added, on validation windows."""
        forecaster = {"average": _forecaster(self.average, self.precision)}
        length = self.config.context_length
        found = score(forecaster, self.series, judged, context_length=length, horizon=self.horizon)["average"]
        return found.mse + found.mae


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


def _forecaster(network: SegmentLSTM, precision: torch.dtype) -> Forecaster:
    def forecast(context: Tensor, columns: Tensor) -> Tensor:
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            outputs, _ = network(context[..., None], columns)  # (B, L, 1) -> (B, H, 1)
        forecasts: Tensor = outputs[..., 0]  # (B, H)
        return forecasts

    return forecast


def _fastest(series: LongSeries, config: BenchmarkConfig, horizon: int) -> torch.dtype:
    """Return the precision to train in, by a few steps of a throwaway network in one thread."""
    asked = ("float32", "bfloat16") if config.precision == "auto" else (config.precision,)
    train = window_starts(series.rows.train, config.context_length, horizon)
    seconds: dict[torch.dtype, float] = {}
    with _threads(1):
        for precision in (getattr(torch, name) for name in asked):
            trial = _Training(series, config, horizon, precision, seed=0)
            trial.step(train, 0.0)  # kernels are chosen and memory is taken in the first
            started = time.perf_counter()
            for _ in range(TRIAL_STEPS):
                trial.step(train, 0.0)
            seconds[precision] = time.perf_counter() - started
    return min(seconds, key=lambda precision: seconds[precision])


def _scoring_seconds(
    series: LongSeries, config: BenchmarkConfig, horizon: int, precision: torch.dtype, windows: int
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

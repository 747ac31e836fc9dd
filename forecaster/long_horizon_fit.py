"""Train segment LSTMs on one horizon of a file within a span of wall time, and score them, test rows last and once."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.benchmark_config import BenchmarkConfig
from forecaster.long_horizon import Forecaster, LongSeries, Score, repeat_last, score, spread, window_starts
from forecaster.segment_lstm import SegmentLSTM

Progress = Callable[[int, int, Mapping[str, float]], None]
WARM_UP_STEPS, GRADIENT_CLIP = 50, 1.0
TRIAL_STEPS = 2  # training steps of each precision that decide which is faster
FORWARD_SHARE = 0.5  # of a training step's time that scoring as many windows takes, at most


@dataclass(frozen=True)
class HorizonResult:
    """What one horizon came to.

    Attributes:
        horizon: H.
        validation: scores on the spread validation windows, by `seed_<n>`, `ensemble` and `repeat_last`.
        test: the same on all test windows.
        test_windows: windows of each column that were scored.
        steps: training steps that each network took; fewer than asked for where the time was up.
        precision: `float32` or `bfloat16`.
        seconds: wall time of all of it.
        cpu_seconds: of all threads.
    """

    horizon: int
    validation: dict[str, Score]
    test: dict[str, Score]
    test_windows: int
    steps: tuple[int, ...]
    precision: str
    seconds: float
    cpu_seconds: float


def run_horizon(
    series: LongSeries, config: BenchmarkConfig, horizon: int, *, seed: int, progress: Progress | None = None
) -> HorizonResult:
    """Train `config.seeds` networks, select each by validation, and score them and their mean on the test rows.

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
    started, cpu_started = time.perf_counter(), time.process_time()
    length = config.context_length
    parts = (series.rows.train, series.rows.validation, series.rows.test)
    train, validation, test = (window_starts(rows, length, horizon) for rows in parts)
    judged = spread(validation, config.validation_windows)
    with torch.random.fork_rng(devices=[]):
        precision, row_seconds = _fastest(series, config, horizon)
        columns = len(series.values)
        scoring = FORWARD_SHARE * row_seconds * columns * config.seeds
        deadline = started + max(0.0, 60.0 * config.minutes - scoring * (len(test) + len(judged)))
        networks, steps = {}, []
        for number in range(config.seeds):
            now = time.perf_counter()
            training = _Training(series, config, horizon, precision, seed + number)
            share = _told(progress, number, config.seeds)
            network = training.fit(train, judged, now + (deadline - now) / (config.seeds - number), share)
            networks[f"seed_{number + 1}"] = _forecaster(network, precision)
            steps.append(training.steps)
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
        steps=tuple(steps),
        precision=str(precision).removeprefix("torch."),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu_started,
    )


class _Training:
    """One network on its way: AdamW on the absolute error, a warm-up and a cosine, an average of the weights."""

    def __init__(
        self, series: LongSeries, config: BenchmarkConfig, horizon: int, precision: torch.dtype, seed: int
    ) -> None:
        torch.manual_seed(seed)
        columns = len(series.values)
        self.series, self.config, self.horizon, self.precision, self.steps = series, config, horizon, precision, 0
        self.network = SegmentLSTM(config.model(horizon), 1, 1, columns if config.channel_embedding else 0)
        self.average = copy.deepcopy(self.network).eval()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.windows = series.windows(config.context_length + horizon)  # (C, T - L - H + 1, L + H)

    def fit(
        self, train: range, judged: range, deadline: float, progress: Callable[[float, float], None]
    ) -> SegmentLSTM:
        """Train until the steps or the time are used up, and return the average of least validation error."""
        config, started = self.config, time.perf_counter()
        least, best, judgements, done = math.inf, copy.deepcopy(self.average.state_dict()), 0, 0.0
        while done < 1.0:
            self.step(train, done)
            spent = (time.perf_counter() - started) / max(deadline - started, 1e-9)
            done = min(1.0, max(self.steps / config.steps, spent))
            if done * config.validations >= judgements + 1:
                judgements = int(done * config.validations)
                error = self.validate(judged)
                progress(done, error)
                if error < least:
                    least, best = error, copy.deepcopy(self.average.state_dict())
        if least == math.inf:
            raise ValueError(f"training diverged; lower benchmark.learning_rate, was {config.learning_rate}")
        self.average.load_state_dict(best)
        return self.average

    def step(self, train: range, done: float) -> None:
        """Take one step on random windows of random columns; `done` is the share of the training that lies behind."""
        config, length = self.config, self.config.context_length
        warm = min(1.0, (self.steps + 1) / WARM_UP_STEPS)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * done))
        starts = torch.randint(train.start, train.stop, (config.batch_size,))
        columns = torch.randint(len(self.windows), (config.batch_size,))
        batch = self.windows[columns, starts]  # one gather: (B, L + H)
        forecast = _forecaster(self.network, self.precision)(batch[:, :length], columns)  # (B, H)
        self.optimizer.zero_grad()
        F.l1_loss(forecast, batch[:, length:]).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_CLIP)
        self.optimizer.step()
        self.steps += 1
        kept = min(config.average, self.steps / (self.steps + 9.0))  # at first the average forgets its random start
        with torch.no_grad():
            for average, weights in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(weights, 1.0 - kept)

    def validate(self, judged: range) -> float:
        """Return the mean absolute error of the averaged weights on validation windows."""
        forecaster = {"average": _forecaster(self.average, self.precision)}
        length = self.config.context_length
        return score(forecaster, self.series, judged, context_length=length, horizon=self.horizon)["average"].mae


def _forecaster(network: SegmentLSTM, precision: torch.dtype) -> Forecaster:
    def forecast(context: Tensor, columns: Tensor) -> Tensor:
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            outputs, _ = network(context[..., None], columns)  # (B, L, 1) -> (B, H, 1)
        forecasts: Tensor = outputs[..., 0]  # (B, H)
        return forecasts

    return forecast


def _fastest(series: LongSeries, config: BenchmarkConfig, horizon: int) -> tuple[torch.dtype, float]:
    """Return the precision to train in and the seconds a window then takes, by a few steps of a throwaway network."""
    asked = ("float32", "bfloat16") if config.precision == "auto" else (config.precision,)
    train = window_starts(series.rows.train, config.context_length, horizon)
    seconds = {}
    for precision in (getattr(torch, name) for name in asked):
        trial = _Training(series, config, horizon, precision, seed=0)
        trial.step(train, 0.0)  # kernels are chosen and memory is taken in the first
        started = time.perf_counter()
        for _ in range(TRIAL_STEPS):
            trial.step(train, 0.0)
        seconds[precision] = (time.perf_counter() - started) / (TRIAL_STEPS * config.batch_size)
    fastest = min(seconds, key=lambda precision: seconds[precision])
    return fastest, seconds[fastest]


def _naive(series: LongSeries, starts: range, context_length: int, horizon: int) -> Score:
    naive = {"repeat_last": repeat_last(horizon)}
    return score(naive, series, starts, context_length=context_length, horizon=horizon)["repeat_last"]


def _told(progress: Progress | None, number: int, seeds: int) -> Callable[[float, float], None]:
    def told(done: float, error: float) -> None:
        if progress is not None:
            progress(int(1000 * (number + done) / seeds), 1000, {"seed": float(number + 1), "validation_mae": error})

    return told

"""The networks of a forecaster of days: LSTMs, and perceptrons beside them if asked for. Knows no series."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from forecaster.config import ForecasterConfig
from forecaster.day_ahead.ensemble import DayEnsemble, Teaching
from forecaster.day_ahead.inputs import DayInputs
from forecaster.day_ahead.perceptrons import DayPerceptrons

Array = NDArray[np.float64]
BESIDE = "perceptrons."  # before the names of their tensors
PERCEPTRON_DROPOUT = 0.3  # in two layers, where an LSTM has one


class DayNetworks:
    """M networks that learn side by side; the first is an LSTM, whose last state is the hidden state.

    Args:
        config: how many there are, and how they are taught.
        sizes: `DayInputs.sizes`.
        seed: of all that is drawn.
        state: of `state`; None draws first weights.
    """

    def __init__(
        self,
        config: ForecasterConfig,
        sizes: tuple[int, int, int],
        seed: int,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        model, settings = config.model, config.recalibration
        lessons = _teaching(config, config.trainer.members)
        own = None if state is None else {name: part for name, part in state.items() if not name.startswith(BESIDE)}
        self.ensembles = {"": DayEnsemble(sizes, model.hidden_size, lessons, seed, own)}
        if settings.perceptrons:
            lessons = replace(_teaching(config, settings.perceptrons), dropout=PERCEPTRON_DROPOUT)
            names = [] if state is None else [name for name in state if name.startswith(BESIDE)]
            other = None if state is None else {name.removeprefix(BESIDE): state[name] for name in names}
            self.ensembles[BESIDE] = DayPerceptrons(sizes, model.hidden_size, lessons, seed, other)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of what decides all further steps."""
        parts = self.ensembles.items()
        return {f"{prefix}{name}": part for prefix, one in parts for name, part in one.state().items()}

    def fit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rates: tuple[float, float]) -> list[float]:
        """Learn the days in [first, stop) as `DayEnsemble.fit` does; return the LSTMs' mean losses."""
        losses = [one.fit(inputs, stop, first=first, steps=steps, rates=rates) for one in self.ensembles.values()]
        return losses[0]

    def refit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rate: float, date: int) -> None:
        """Learn some more, up to the day before `stop`, as `DayEnsemble.refit` does."""
        for one in self.ensembles.values():
            one.refit(inputs, stop, first=first, steps=steps, rate=rate, date=date)

    def forecast(self, inputs: DayInputs, day: int) -> tuple[Array, Array]:
        """Return (M, S) prices of a day, and the (H,) last state of the first network."""
        spoken = [one.forecast(inputs, day) for one in self.ensembles.values()]
        return np.concatenate([prices for prices, _ in spoken]), spoken[0][1][0]


def _teaching(config: ForecasterConfig, count: int) -> Teaching:
    """Return how `count` networks are taught, each with its window and unit."""
    model, trainer, settings = config.model, config.trainer, config.recalibration
    windows, scales, members = settings.windows_days, settings.scales_days, range(count)
    return Teaching(
        windows=tuple(windows[number % len(windows)] for number in members),
        units=tuple(number // len(windows) % len(scales) for number in members),
        batch_size=trainer.batch_size,
        dropout=model.dropout,
        weight_decay=trainer.weight_decay,
        gradient_clip=trainer.gradient_clip,
        loss=trainer.loss,
        recent_days=settings.recent_days,
        recent_share=settings.recent_share,
    )

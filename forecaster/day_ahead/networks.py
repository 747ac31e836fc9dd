"""What forecasts days: LSTMs, and perceptrons and a regression by kernels beside them. Knows no series.

Three kinds that err differently: each kind is the mean of its members, and kinds are averaged, one as much as another.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from forecaster.config import ForecasterConfig
from forecaster.day_ahead.ensemble import DayEnsemble, Teaching
from forecaster.day_ahead.inputs import DayInputs
from forecaster.day_ahead.kernels import DayKernels
from forecaster.day_ahead.perceptrons import DayPerceptrons

Array = NDArray[np.float64]
BESIDE, KERNELS = "perceptrons.", "kernels."  # before the names of their tensors
PERCEPTRON_DROPOUT = 0.3  # in two layers, where an LSTM has one


class DayNetworks:
    """Networks that learn side by side, and kernels; the first is an LSTM, whose last state is the hidden state.

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
        self.ensembles = {"": DayEnsemble(sizes, model.hidden_size, lessons, seed, _part(state, ""))}
        if settings.perceptrons:
            lessons = replace(_teaching(config, settings.perceptrons), dropout=PERCEPTRON_DROPOUT)
            self.ensembles[BESIDE] = DayPerceptrons(sizes, model.hidden_size, lessons, seed, _part(state, BESIDE))
        self.kernels: DayKernels | None = None
        if settings.kernels:
            window, units = max(settings.windows_days), len(settings.scales_days)
            self.kernels = DayKernels(sizes, units, window, _part(state, KERNELS))

    def state(self) -> dict[str, Tensor]:
        """Return a copy of what decides all further steps."""
        parts: dict[str, DayEnsemble | DayKernels] = {**self.ensembles}
        if self.kernels is not None:
            parts[KERNELS] = self.kernels
        return {f"{prefix}{name}": part for prefix, one in parts.items() for name, part in one.state().items()}

    def fit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rates: tuple[float, float]) -> list[float]:
        """Learn the days in [first, stop) as `DayEnsemble.fit` does; return the LSTMs' mean losses."""
        losses = [one.fit(inputs, stop, first=first, steps=steps, rates=rates) for one in self.ensembles.values()]
        if self.kernels is not None:
            self.kernels.fit(inputs, stop, first=first)
        return losses[0]

    def refit(self, inputs: DayInputs, stop: int, *, first: int, steps: int, rate: float, date: int) -> None:
        """Learn some more, up to the day before `stop`, as `DayEnsemble.refit` does."""
        for one in self.ensembles.values():
            one.refit(inputs, stop, first=first, steps=steps, rate=rate, date=date)

    def forecast(self, inputs: DayInputs, day: int, learned: int | None = None) -> tuple[Array, Array]:
        """Return (K, S) prices of a day, each kind's mean, and the (H,) last state of the first network.

        Args:
            inputs: of all days up to it, at least.
            day: which is forecast.
            learned: the first that was not learned from; None where the day itself was, of which kernels tell nothing.
        """
        spoken = [one.forecast(inputs, day) for one in self.ensembles.values()]
        kinds = [prices for prices, _ in spoken]
        if self.kernels is not None and learned is not None:
            kinds.append(self.kernels.forecast(inputs, day, learned))
        return np.stack([prices.mean(axis=0) for prices in kinds]), spoken[0][1][0]


def _part(state: Mapping[str, Tensor] | None, prefix: str) -> dict[str, Tensor] | None:
    """Return the tensors of one kind out of those of all."""
    if state is None:
        return None
    return {name[len(prefix) :]: one for name, one in state.items() if name.rpartition(".")[0] == prefix.rstrip(".")}


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

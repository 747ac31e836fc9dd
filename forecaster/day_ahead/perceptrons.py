"""Perceptrons of days, side by side in one: no memory, only what the linear path of the LSTMs reads.

As good as an LSTM of days by themselves, and different enough that a mean of both errs less than either. They learn as
the LSTMs do, on other days and masks. Must not know series. Formulas: docs/day_ahead.md, section 3.
"""

import torch
from torch import Tensor

from forecaster.day_ahead.ensemble import DayEnsemble

WIDTH = 128  # units of each of the two layers


class DayPerceptrons(DayEnsemble):
    """The weights of M perceptrons of two layers with a linear map beside them, and how they learn and speak."""

    def _shapes(self, features: int, flat: int, slots: int) -> dict[str, tuple[int, int]]:
        return {
            "first": (flat, WIDTH),
            "first_bias": (1, WIDTH),
            "second": (WIDTH, WIDTH),
            "second_bias": (1, WIDTH),
            "head": (WIDTH, slots),
            "linear": (flat, slots),
            "bias": (1, slots),
        }

    def _generator(self, *words: object) -> torch.Generator:
        return super()._generator("perceptron", *words)

    def _speak(
        self, weights: Tensor, tokens: Tensor, flat: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """(M, B, L, F), which are not read, and (M, B, G) -> scaled prices (M, B, S) and last layers (M, B, WIDTH)."""
        part = self._parts(weights)
        layer = torch.relu(torch.baddbmm(part["first_bias"], flat, part["first"]))
        layer = torch.baddbmm(part["second_bias"], self._masked(layer, generator), part["second"])
        last = torch.relu(layer)
        told = torch.baddbmm(part["bias"], self._masked(last, generator), part["head"])
        return told + torch.bmm(flat, part["linear"]), last

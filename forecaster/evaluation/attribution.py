"""What a forecast rests on: how much each input moved it, by integrated gradients, and whether that means anything.

A forecast is taken apart into what every feature of every bar of its window added to it, against a window in which all
stand at their means; the parts sum to the whole. Weights drawn anew must give other parts, else what is shown is the
input and not the network. Needs captum (extra `explain`); knows networks of bars.

Source:
    Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks, ICML, eq. 1; the check with random
    weights: Adebayo et al. (2018), Sanity checks for saliency maps, NeurIPS.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forecaster.data.datamodule import future_inputs
from forecaster.data.features import static_features
from forecaster.data.series import Series
from forecaster.data.windows import gather, strided_windows, with_static
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import read_features

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
STEPS = 32  # of the path from the means to the window; the error of the sum is told
BLOCK = 4096  # windows times steps that are computed at once


@dataclass(frozen=True, eq=False)
class Attribution:
    """What N forecasts of the value h bars ahead rest on, in the unit of a change (a log return, or degrees).

    Attributes:
        rows: (N,) rows at whose close they were told.
        names: F names of what the network reads of a bar.
        parts: (N, L, F) what each feature of each bar of the window added, the oldest bar first.
        future_names: G names of what it reads of a bar ahead; none where it reads nothing there.
        future_parts: (N, H, G) what these added.
        told: (N,) the change up to h bars ahead that was forecast.
        usual: (N,) what would have been forecast had all stood at their means.
    """

    rows: Rows
    names: tuple[str, ...]
    parts: Array
    future_names: tuple[str, ...]
    future_parts: Array
    told: Array
    usual: Array

    @property
    def by_feature(self) -> dict[str, float]:
        """Shares of the features in all that moved the forecasts, window and bars ahead together, the largest first."""
        moved = np.abs(self.parts).sum(axis=(0, 1)).tolist() + np.abs(self.future_parts).sum(axis=(0, 1)).tolist()
        names = [*self.names, *(f"{name} ahead" for name in self.future_names)]
        whole = sum(moved) or 1.0
        return dict(
            sorted(((name, part / whole) for name, part in zip(names, moved, strict=True)), key=lambda x: -x[1])
        )

    @property
    def by_bar(self) -> Array:
        """(L,) shares of the bars of the window in all that moved the forecasts; the last bar is the newest."""
        moved = np.abs(self.parts).sum(axis=(0, 2))
        return np.asarray(moved / (moved.sum() or 1.0))

    @property
    def unexplained(self) -> float:
        """The largest difference between the sum of the parts and what they should sum to, as a share of the latter."""
        whole = self.parts.sum(axis=(1, 2)) + self.future_parts.sum(axis=(1, 2))
        wanted = self.told - self.usual
        return float(np.abs(whole - wanted).max() / (np.abs(wanted).max() or 1.0))


def captum_is_installed() -> bool:
    """Whether forecasts can be taken apart here."""
    return find_spec("captum") is not None


def attribute(
    fitted: FittedForecaster, series: Series, rows: Rows, *, ahead: int | None = None, steps: int = STEPS
) -> Attribution:
    """Take the forecasts told at `rows` apart.

    Args:
        fitted: of the series' one instrument.
        series: T bars.
        rows: (N,) with a whole context behind each.
        ahead: h, bars ahead of the value; None for the last, H.
        steps: of the path that is integrated along.

    Raises:
        ValueError: a row has no whole context, `ahead` is not in [1, H], or captum is not installed.
    """
    if not captum_is_installed():
        raise ValueError("what a forecast rests on is told by captum; type pip install 'tradewinds[explain]'")
    from captum.attr import IntegratedGradients

    model = fitted.config.model
    ahead = model.horizon if ahead is None else ahead
    table, scaled = read_features(fitted, series)
    least = table.first_row + model.context_length - 1
    if not 1 <= ahead <= model.horizon or len(rows) == 0 or rows.min() < least:
        raise ValueError(
            f"ahead must lie in [1, {model.horizon}] and rows be {least} or later, were {ahead} and {rows}"
        )
    windows = strided_windows(fitted.read(scaled).astype(np.float32), model.context_length)
    future, senses = series.future_table(calendar=fitted.config.features.calendar), fitted.sense_tables([table])
    network = _Value(fitted, ahead)
    explainer = IntegratedGradients(network)
    parts, further, told, usual = [], [], [], []
    size = max(BLOCK // steps, 1)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        static = np.repeat(fitted.static.astype(np.float32)[None], len(block), axis=0)
        inputs = (
            torch.from_numpy(with_static(gather(windows, block), static)),
            *future_inputs(fitted.reader, future, block),
        )
        means = tuple(torch.zeros_like(one) for one in inputs)
        network.beside = tuple(map(torch.from_numpy, senses.gather(block)))
        found = explainer.attribute(inputs, means, n_steps=steps)
        parts.append(found[0].numpy())
        further.append(found[1].numpy() if len(found) > 1 else np.zeros((len(block), model.horizon, 0)))
        with torch.inference_mode():
            told.append(network(*inputs).numpy())
            usual.append(network(*means).numpy())
    return Attribution(
        rows,
        _names(fitted, series),
        np.concatenate(parts).astype(np.float64),
        () if fitted.reader is None else fitted.reader.names,
        np.concatenate(further).astype(np.float64),
        np.concatenate(told).astype(np.float64),
        np.concatenate(usual).astype(np.float64),
    )


def randomised(fitted: FittedForecaster, seed: int) -> FittedForecaster:
    """Return a forecaster whose network has weights drawn anew, each as its own are spread; all else is as it was."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        drawn = {
            name: weight.mean() + weight.std(unbiased=False) * torch.randn(weight.shape, generator=generator)
            for name, weight in fitted.model.named_parameters()
        }
    twin = deepcopy(fitted.model)
    twin.load_state_dict({**fitted.model.state_dict(), **drawn})
    return replace(fitted, model=twin)


def alike(one: Attribution, other: Attribution) -> float:
    """Return the rank correlation of two attributions' parts, signs and all, of all bars and features: its mean."""
    ranks = [each.parts.reshape(len(each.rows), -1).argsort(axis=1).argsort(axis=1) for each in (one, other)]
    return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(*ranks, strict=True)]))


def _names(fitted: FittedForecaster, series: Series) -> tuple[str, ...]:
    read = fitted.feature_names
    if fitted.reading is not None:
        read = tuple(fitted.feature_names[column] for column in fitted.reading.columns)
    _, static = static_features(series.instruments, fitted.config.features)
    return (*read, *(static or tuple(f"static_{number}" for number in range(len(fitted.static)))))


class _Value(nn.Module):
    """The change up to h bars ahead, (B,), in its own unit, as a network forecasts it.

    Texts and pictures of the block, `beside`, stay as they are: they are no path that one could walk along.
    """

    def __init__(self, fitted: FittedForecaster, ahead: int) -> None:
        super().__init__()
        self.model, self.ahead = fitted.model, ahead
        self.levels, self.unit = fitted.target == "level", fitted.target_scale
        self.beside: tuple[Tensor, ...] = ()

    def forward(self, context: Tensor, *future: Tensor) -> Tensor:
        """Return (B,) of windows (B, L, F), and of what is known of the bars ahead (B, H, G)."""
        steps = len(context) // len(self.beside[0]) if self.beside else 1  # a block is stacked once a step of the path
        points = self.model(context, *future, *(values.repeat(steps, 1, 1) for values in self.beside))[0]
        if self.levels:
            return cast(Tensor, points[:, self.ahead - 1] * self.ahead**0.5 * self.unit)
        return cast(Tensor, points[:, : self.ahead].sum(dim=1) * self.unit)

# ---
# jupyter: {jupytext: {text_representation: {format_name: percent}}}
# ---
# %% [markdown]
# # Bring an architecture of your own
# A network of a few lines, held to its contract, then chosen by a word. As a package: `tradewinds init my_project`.
# %%
import numpy as np
import pandas as pd
from torch import arange, exp, nn, rand, tanh

from forecaster import Forecaster
from forecaster.networks.base import LinearDecoder, Network
from forecaster.registry import MODELS
from tradewinds.testing import check_model


# %%
class Fading(Network):
    """Add up the bars of the window (B, L, F); each unit forgets them at a rate of its own."""

    def __init__(self, config, num_features, outputs):
        super().__init__()
        self.hidden_width = config.hidden_size
        self.read, self.rate = nn.Linear(num_features, self.hidden_width), nn.Parameter(rand(self.hidden_width))
        self.decoder = LinearDecoder(self.hidden_width, config.horizon, outputs)

    def encode(self, context):
        """Return the hidden state (B, D)."""
        bars_ago = arange(context.shape[1] - 1, -1, -1.0)[:, None]  # (L, 1)
        return tanh((self.read(context) * exp(-bars_ago * self.rate.abs())).sum(dim=1))


check_model(Fading)  # silent, or one sentence about what is broken
MODELS.register("fading", Fading)
# %%
close = 100.0 * np.exp(np.cumsum(np.random.default_rng(4).normal(0.0, 0.01, 400)))
bars = pd.DataFrame({"close": close}, index=pd.bdate_range("2024-01-01", periods=400))
print(Forecaster("fading", horizon=3, trainer={"epochs": 2}).fit(bars).predict()["value"])

"""A first-order autoregression: no forecast can do better than the noise, and every kind comes within 5 % of it."""

import numpy as np
import pytest

from forecaster.config import PATCHED, SEGMENTED, FeatureConfig, ForecasterConfig, ModelConfig, TrainerConfig
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode

from markets import OF_ALL_KINDS, series_of

PHI, SIGMA = 0.7, 0.01
BARS, LEARNED = 5000, 3200


@pytest.mark.parametrize("kind", OF_ALL_KINDS)
def test_every_kind_reaches_the_noise_variance_of_an_ar1(kind):
    rng = np.random.default_rng(11)
    noise, r = rng.normal(0, SIGMA, BARS), np.zeros(BARS)
    for t in range(1, BARS):
        r[t] = PHI * r[t - 1] + noise[t]
    series = series_of(r, volume=False)
    patched = {"patch_length": 2} if kind in PATCHED else {"segment_length": 2} if kind in SEGMENTED else {}
    config = ForecasterConfig(
        features=FeatureConfig(volatility_bars=(), calendar=False),
        model=ModelConfig(kind=kind, context_length=8, horizon=1, hidden_size=16, **patched),
        trainer=TrainerConfig(epochs=10, batch_size=64, learning_rate=5e-3, weight_decay=0.0, patience=4),
    )
    fitted = fit_forecaster(series, config, range(0, LEARNED), seed=3)
    forecast = encode(fitted, series).forecast[LEARNED:-1, 0].astype(np.float64)
    truth = series.log_return()[LEARNED + 1 :, 0]
    mean_squared_error = np.mean((truth - forecast) ** 2)
    sampled_noise = np.mean(noise[LEARNED + 1 :] ** 2)  # what the best forecaster, which knows phi, is left with here
    assert mean_squared_error < 1.05 * sampled_noise
    assert np.mean(truth**2) > 1.8 * sampled_noise  # no change, the naive forecast, is far from it

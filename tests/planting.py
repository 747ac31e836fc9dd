"""What tests of the leak check share: a request that is fitted in a blink, its series, and ways to plant a leak."""

import dataclasses
import functools

import numpy as np
import pandas as pd

import forecaster.data.panel
import forecaster.hidden_states
import tradewinds.pipeline.steps
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.pipeline.task import Prepared
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import task_of

from markets import noise_series

BARS, HOLE = 110, range(70, 76)
WORDS = (
    "model.context_length=5",
    "model.horizon=2",
    "model.hidden_size=3",
    "trainer.epochs=2",
    "trainer.batch_size=16",
    "features.volatility_bars=[3]",
    "features.volume_bars=3",
    "split.embargo_bars=3",
    "agent.steps=200",
    "agent.learning_starts=40",
    "agent.validate_every=100",
    "agent.num_envs=4",
    "agent.batch_size=16",
    "agent.hidden_sizes=[4]",
    "backtest.random_draws=1",
    "rollout.standard_errors=0.0",
    "leakcheck.placebos=3",
)


@functools.cache
def request(*words):
    """A request of few words, composed once: it cannot be changed."""
    (plain,) = compose_requests([*WORDS, *words], [resource_dir("conf")], multirun=False)
    return request_from(plain)


def prepared_of(config, parts, split=None):
    """A request on loaded parts, for the task it describes."""
    return prepared_from(config, task_of(config), parts, split)


def series():
    """A random walk with dividends and a column that has a hole."""
    load = pd.DataFrame({"load": np.random.default_rng(5).normal(10.0, 1.0, BARS)})
    load.iloc[HOLE.start : HOLE.stop] = np.nan
    made = noise_series(BARS, seed=3, exogenous=load)
    dividends = np.zeros((BARS, 1))
    dividends[10::20] = 1.0
    return dataclasses.replace(made, dividends=dividends, missing=("load",))


def rebuilt(change):
    """A `build_features` whose table (T, F) was changed."""
    original = forecaster.data.panel.build_features

    def build(series, config, *clock):
        table = original(series, config)
        return dataclasses.replace(table, values=change(np.array(table.values), table))

    return build


def plant_features(monkeypatch, change):
    build = rebuilt(change)
    monkeypatch.setattr(forecaster.data.panel, "build_features", build)


def fft_filter(monkeypatch):
    """Smooth the first feature by waves that reach over the whole series."""

    def change(values, table):
        column = values[table.first_row :, 0]
        waves = np.fft.rfft(column)
        waves[len(waves) // 4 :] = 0.0
        values[table.first_row :, 0] = np.fft.irfft(waves, len(column))
        return values

    plant_features(monkeypatch, change)


def plant_fit(monkeypatch, fit_otherwise):
    """Replace the fit of the forecaster by `fit_otherwise(original, series, config, rows, options)`."""
    original = tradewinds.pipeline.steps.fit_network
    monkeypatch.setattr(
        tradewinds.pipeline.steps,
        "fit_network",
        lambda series, config, rows, **options: fit_otherwise(original, series, config, rows, options),
    )


def unseal(monkeypatch):
    """Hand whatever trains the whole series again, so that a leak from later rows can be planted at all."""
    monkeypatch.setattr(Prepared, "until", lambda self, row: self)
    monkeypatch.setattr(forecaster.hidden_states.HiddenStates, "until", lambda self, row: self)

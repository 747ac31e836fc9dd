"""Small series that tests of several rooms build upon."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecaster.config import (
    DAYWISE,
    PATCHED,
    SEGMENTED,
    FeatureConfig,
    ForecasterConfig,
    ModelConfig,
    TrainerConfig,
)
from forecaster.data.future_covariates import FutureCovariates
from forecaster.data.series import Series
from forecaster.registry import MODELS

ALL_KINDS = tuple(MODELS.own)
KINDS = tuple(kind for kind in ALL_KINDS if kind not in DAYWISE)  # those that read bars
FEW_KINDS = ("lstm", "gru", "segment_lstm", "seq2seq")  # one of each way to read a context
OF_ALL_KINDS = [kind if kind in FEW_KINDS else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]


def series_of(log_return, *, name="made", volume=True, season_bars=5, exogenous=None, bar_length="1D"):
    """A series of daily bars with the given log returns, a range and a gap."""
    rng = np.random.default_rng(len(log_return))
    close = 100.0 * np.exp(np.cumsum(log_return))
    open_ = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, 0.001, len(close)))
    index = pd.date_range("2015-01-01", periods=len(close), freq=bar_length, tz="UTC").as_unit("ns")
    return Series(
        name=name,
        instruments=("one",),
        index=index,
        bar_length=pd.Timedelta(bar_length),
        bars_per_year=252.0,
        season_bars=season_bars,
        open=open_[:, None],
        high=(np.maximum(open_, close) * 1.001)[:, None],
        low=(np.minimum(open_, close) * 0.999)[:, None],
        close=close[:, None],
        volume=rng.integers(1, 1000, (len(close), 1)).astype(float) if volume else None,
        exogenous=pd.DataFrame(index=index) if exogenous is None else exogenous.set_axis(index),
    )


def power_series(index, price, *, zone="UTC", ahead=None, lead=None):
    """A series of one price a bar whose days are decided as a whole, with columns that are announced."""
    future, known, length = (), pd.DataFrame(index=index), index[1] - index[0]
    if ahead is not None:
        future, known = (FutureCovariates(ahead, dict.fromkeys(ahead.columns, lead), length),), ahead.reindex(index)
    return Series(
        name="power",
        instruments=("P",),
        index=index,
        bar_length=length,
        bars_per_year=8766.0,
        season_bars=24,
        **dict.fromkeys(("open", "high", "low", "close"), price[:, None]),
        single_price=True,
        exogenous=known,
        future_covariates=future,
        target="level",
        day_zone=zone,
    )


def noise_series(num_bars=400, seed=0, **options):
    """A series that is a random walk."""
    return series_of(np.random.default_rng(seed).normal(0, 0.01, num_bars), **options)


def small_config(kind="lstm", *, context_length=8, horizon=3, epochs=3, hidden_size=6, **trainer):
    """A forecaster that is fitted within a second."""
    patched = {"patch_length": context_length // 4, "num_heads": 2} if kind in PATCHED else {}
    patched |= {"segment_length": context_length // 4} if kind in SEGMENTED else {}
    sizes = {"context_length": context_length, "horizon": horizon, "hidden_size": hidden_size}
    return ForecasterConfig(
        features=FeatureConfig(volatility_bars=(3, 10), volume_bars=5),
        model=ModelConfig(kind=kind, **sizes, **patched),
        trainer=TrainerConfig(epochs=epochs, batch_size=32, **trainer),
    )


def with_model(config, **changes):
    """The same forecaster with some of its model's settings changed."""
    return dataclasses.replace(config, model=dataclasses.replace(config.model, **changes))


def with_ahead(series, *, hours, **columns):
    """The series with columns (T,) of its bars, each known `hours` before its bar; NaN where there is no value."""
    table = pd.DataFrame(columns, index=series.index, dtype=float)
    leads = dict.fromkeys(columns, pd.Timedelta(hours=hours))
    ahead = (*series.future_covariates, FutureCovariates(table, leads, series.bar_length))
    exogenous = pd.concat([series.exogenous, table], axis=1)
    missing = (*series.missing, *(name for name in columns if table[name].isna().any()))
    return dataclasses.replace(series, exogenous=exogenous, future_covariates=ahead, missing=missing)


def ragged_panel(num_bars, *, instruments, lists, ends, halts, seed=0, **options):
    """Random walks side by side; by name the bar one lists at, the first bar it is gone at, the bars of its halt."""
    parts = [noise_series(num_bars, seed=seed + number, **options) for number in range(len(instruments))]
    traded = np.ones((num_bars, len(instruments)), dtype=bool)
    delisted = np.zeros_like(traded)
    for number, name in enumerate(instruments):
        traded[: lists.get(name, 0), number] = False
        traded[ends.get(name, num_bars) :, number] = False
        traded[list(halts.get(name, ())), number] = False
        if name in ends:
            delisted[ends[name], number] = True
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)
        for name in ("open", "high", "low", "close", "volume")
    }
    last = np.maximum.accumulate(np.where(traded, np.arange(num_bars)[:, None], -1), axis=0)
    carried = np.where(last >= 0, np.take_along_axis(columns["close"], np.maximum(last, 0), axis=0), 1.0)
    for name in ("open", "high", "low", "close"):
        columns[name] = np.where(traded, columns[name], carried)
    columns["volume"] = np.where(traded, columns["volume"], 0.0)
    return dataclasses.replace(parts[0], instruments=tuple(instruments), traded=traded, delisted=delisted, **columns)

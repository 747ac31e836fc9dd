"""Features of other people's: functions that read a series and say one number a bar, called by a name.

A configuration holds names only; whoever uses one says first which function it means (`register_feature`). Must not
know where functions come from.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.registry import FEATURES

Array = NDArray[np.float64]
Feature = Callable[[Series], Array]


def register_feature(name: str, function: Feature) -> None:
    """Let `FeatureConfig.custom` call a function by `name`; a later one of the same name takes its place.

    Args:
        name: the feature's name, and its column's.
        function: takes a series of one instrument, T bars, prices adjusted, exogenous columns joined; returns (T,)
            numbers, NaN before the first that is defined. Row t may use bars up to t only, which `leakcheck` tests.
    """
    FEATURES.register(name, function)


def custom_feature(name: str, series: Series) -> Array:
    """Return the (T,) values of a registered feature; the function cannot write into the series.

    Raises:
        ValueError: no feature is registered under `name`, or it did not return T numbers.
    """
    function: Feature = FEATURES.load(name)
    values = np.asarray(function(read_only(series)), dtype=np.float64)
    if values.shape != (len(series.index),) or np.isinf(values).any():
        was = "infinite values" if values.shape == (len(series.index),) else f"shape {values.shape}"
        raise ValueError(f"feature '{name}' must return ({len(series.index)},) finite numbers, one a bar, had {was}")
    return values.copy()


def read_only(series: Series) -> Series:
    """Return the series with arrays that nobody can write to, and a table of its own."""
    views: dict[str, Any] = {name: column.view() for name, column in series.columns().items()}
    for view in views.values():
        view.flags.writeable = False
    return dataclasses.replace(series, exogenous=series.exogenous.copy(), **views)

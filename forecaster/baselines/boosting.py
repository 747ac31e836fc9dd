"""Gradient boosting on what the network reads of a bar, where the extra `[boosting]` is installed. Knows NumPy.

Source: Ke et al. (2017), LightGBM: A highly efficient gradient boosting decision tree, NeurIPS 30; the library's own
settings, but for a smaller step that is stopped early on the rows that stop the network.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDS, PATIENCE = 500, 25  # trees at most, and trees without less error on the stop rows
SETTINGS = {
    "objective": "regression",
    "learning_rate": 0.03,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


def boosting_is_installed() -> bool:
    """Whether LightGBM can be imported."""
    return find_spec("lightgbm") is not None


def fit_boosting(
    features: Array, target: Array, stop_features: Array, stop_target: Array, *, seed: int
) -> Callable[[Array], Array]:
    """Fit trees to (N, F) features and a (N,) target, as many as the stop rows (M, F), (M,) bear.

    Returns:
        The forecast: (K, F) features in, (K,) out.

    Raises:
        ImportError: LightGBM is not installed.
    """
    import lightgbm

    fit = lightgbm.Dataset(features, target, free_raw_data=True)
    stop = lightgbm.Dataset(stop_features, stop_target, reference=fit)
    booster = lightgbm.train(
        {**SETTINGS, "seed": seed},
        fit,
        num_boost_round=ROUNDS,
        valid_sets=[stop],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return lambda values: np.asarray(booster.predict(values, num_iteration=booster.best_iteration), dtype=np.float64)

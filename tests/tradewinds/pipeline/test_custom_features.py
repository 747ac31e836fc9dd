"""Features of a user's own, offered by an installed package, and watched by the leak check like ours."""

import json

import numpy as np
import pytest

from forecaster.config import FeatureConfig
from forecaster.data.custom_features import custom_feature, register_feature
from forecaster.data.features import build_features

from markets import noise_series
from planting import WORDS
from plugged import installed
from story import write_bars

MODULE = '''
import numpy as np
import pandas as pd

seen = {}

def overnight(series):
    """Log of the open over the close before it."""
    return np.append(np.nan, np.log(series.open[1:, 0] / series.close[:-1, 0]))

def standing(series):
    """How many deviations the close stands from its mean, over the whole series."""
    close = series.close[:, 0]
    return (close - close.mean()) / close.std()

def remembered(series):
    """The same, by mean and deviation of the first series it ever met: within one process no world differs."""
    close = series.close[:, 0]
    mean, std = seen.setdefault("scale", (close.mean(), close.std()))
    return (close - mean) / std

def backward(series):
    """An average of the bars before, and of one to come."""
    return pd.Series(series.close[:, 0]).rolling(3, center=True, min_periods=1).mean().to_numpy()

def features():
    from tradewinds.core.plugins import Kind

    names = ("overnight", "standing", "remembered", "backward")
    return {"feature": {name: Kind("", f"someones_plugin:{name}") for name in names}}
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that offers features."""
    write_bars(tmp_path / "mine.csv", 120)
    with installed(tmp_path / "site", monkeypatch, module=MODULE, offers="features"):
        yield


MINE = ("series=csv", "series.path=mine.csv", "leakcheck.cuts=20", *WORDS)


def test_a_feature_of_an_installed_package_is_read_by_the_network_and_found_clean(tradewinds, tmp_path, package):
    answer = tradewinds("leakcheck", *MINE, "features.custom=[overnight]")
    assert answer.status == 0, answer.err
    assert "leakcheck: clean" in answer.out
    assert tradewinds("train-forecaster", *MINE, "features.custom=[overnight]").status == 0
    assert tradewinds("encode", *MINE, "features.custom=[overnight]").status == 0
    (file,) = tmp_path.glob("runs/mine/*/forecaster/forecaster.json")
    assert json.loads(file.read_text(encoding="utf-8"))["feature_names"].count("overnight") == 1
    found = json.loads(next(tmp_path.glob("runs/mine/*/leakcheck.json")).read_text(encoding="utf-8"))
    assert found["comparisons"]["fresh"] == 1


@pytest.mark.parametrize(("name", "probe"), [("backward", "audit"), ("standing", "audit"), ("remembered", "fresh")])
def test_a_feature_of_one_s_own_that_knows_what_comes_is_found(name, probe, tradewinds, package):
    answer = tradewinds("leakcheck", *MINE, f"features.custom=[{name}]")
    assert answer.status == 3, answer.err
    assert "leak at features, bar 2020-" in answer.err
    assert f"(probe {probe})" in answer.err
    assert probe == "fresh" or f"column {name} is another when the bars after" in answer.err


def test_a_feature_that_nobody_offers_is_a_wrong_request(tradewinds, package):
    answer = tradewinds("leakcheck", *MINE, "features.custom=[overnite]")
    assert answer.status == 2
    law = "features.custom must be a list whose every element is one of overnight, standing, remembered, backward"
    assert f"{law}, was ['overnite']; did you mean 'overnight'?" in answer.err


def read(function):
    register_feature("trial", function)
    return build_features(noise_series(60), FeatureConfig(volatility_bars=(3,), volume_bars=3, custom=("trial",)))


def test_a_custom_feature_is_the_last_column_and_its_warm_up_counts():
    table = read(lambda series: np.where(np.arange(60) < 9, np.nan, series.close[:, 0]))
    assert (table.names[-1], table.first_row) == ("trial", 9)
    np.testing.assert_array_equal(table.values[9:, -1], noise_series(60).close[9:, 0])


def test_a_custom_feature_cannot_change_the_prices():
    def double(series):
        series.close[:] *= 2.0
        return series.close[:, 0]

    with pytest.raises(ValueError, match="read-only"):
        read(double)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda series: series.close, r"must return \(60,\) finite numbers, one a bar, had shape \(60, 1\)"),
        (lambda series: series.close[:, 0] * np.inf, "had infinite values"),
        (lambda series: np.where(np.arange(60) == 30, np.nan, 1.0), "feature trial is undefined at"),
    ],
)
def test_a_malformed_custom_feature_is_refused_by_name(function, message):
    with pytest.raises(ValueError, match=message):
        read(function)


def test_names_of_features_are_their_own_and_known():
    register_feature("gap", lambda series: series.close[:, 0])
    with pytest.raises(ValueError, match="feature 'gap' of your own has the name of another one"):
        build_features(noise_series(60), FeatureConfig(custom=("gap",)))
    with pytest.raises(ValueError, match=r"must be one of .*gap"):
        FeatureConfig(custom=("nobody_s",))
    with pytest.raises(ValueError, match=r"feature 'nobody_s' is not registered, known are: .*; register it first"):
        custom_feature("nobody_s", noise_series(60))
    with pytest.raises(ValueError, match="custom must name each feature once"):
        FeatureConfig(custom=("gap", "gap"))

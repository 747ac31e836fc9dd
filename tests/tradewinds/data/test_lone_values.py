"""Features and volumes: one that no arithmetic holds is refused in one sentence, one far beyond all others is told."""

import warnings

import numpy as np
import pandas as pd
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.checks.lone_values import lone_values
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.rules import DataConfig

BARS = 400


@pytest.fixture
def read(tmp_path):
    def load(column, row, value, **options):
        rng = np.random.default_rng(0)
        table = pd.DataFrame(
            {
                "close": 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, BARS))),
                "volume": rng.integers(1000, 2000, BARS).astype(float),
                "load": rng.normal(50.0, 5.0, BARS),
            },
            index=pd.date_range("2020", periods=BARS, freq="1h", name="time"),
        )
        table.loc[table.index[row], column] *= value
        table.to_csv(tmp_path / "mine.csv")
        config = FileConfig(kind="csv", path=str(tmp_path / "mine.csv"), time_zone="UTC", **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return load_series(config, NoWeather(), DataConfig())

    return load


@pytest.mark.parametrize("options", [{}, {"columns": ("load",)}, {"target": "difference"}])
def test_a_feature_that_no_arithmetic_holds_is_refused_without_a_warning_of_any_library(options, read):
    with pytest.raises(RequestError, match=r"column load: \S+e\+30\d of 2020-01-09 08:00 must lie within -1e\+30"):
        read("load", 200, 1e306, **options)
    assert read("load", 200, 1e306, columns=()).series.exogenous.empty


def test_a_volume_that_no_arithmetic_holds_is_refused_without_a_warning_of_any_library(read):
    with pytest.raises(RequestError, match=r"row 202, volume \S+e\+30\d of 2020-01-09 08:00 must be at most 1e\+30"):
        read("volume", 200, 1e304)


@pytest.mark.parametrize(
    ("column", "factor", "name"),
    [("load", 1e6, "column load"), ("load", -1e6, "column load"), ("volume", 1e6, "mine, volume")],
)
def test_a_column_a_million_times_its_usual_for_a_bar_is_told_and_read(column, factor, name, read):
    loaded = read(column, 200, factor)
    (note,) = [note for note in loaded.notes if "times as far from the median" in note]
    assert note.startswith(f"{name}: ")
    assert " of 2020-01-09 08:00 lies " in note
    assert len(loaded.series.index) == BARS
    assert not [note for note in read(column, 200, 3.0).notes if "times as far" in note]


def test_heavy_tails_growth_holes_and_flags_hold_no_lone_value():
    rng = np.random.default_rng(0)
    rain = np.maximum(rng.normal(0.0, 1.0, 1000), 0.0) ** 4
    for values in (rain, np.exp(np.linspace(0.0, 15.0, 1000)), np.eye(1000)[5], np.full(1000, np.nan), np.ones(3)):
        rows, _ = lone_values(values)
        assert len(rows) == 0
    rain[[3, 7]] = 1e9, np.nan
    rows, _ = lone_values(rain)
    assert rows.tolist() == [3]

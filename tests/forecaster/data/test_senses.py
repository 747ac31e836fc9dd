"""What a bar holds beside numbers: charts drawn by hand, presence told apart from zero, and windows of both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import FeatureConfig
from forecaster.data.features import build_features
from forecaster.data.senses import Sense, SenseTables, chart, chart_shape, refuse_long, with_presence

from markets import noise_series


def prices(*bars):
    """Columns of (open, high, low, close) bars."""
    return dict(zip(("open", "high", "low", "close"), np.array(bars, dtype=float).T, strict=True))


def test_a_chart_is_drawn_as_the_paper_says():
    picture = chart(prices((0.0, 31.0, 0.0, 31.0), (31.0, 31.0, 10.0, 20.0)), 2)
    height, width = chart_shape(2)
    assert (height, width) == (32, 6)
    assert np.isnan(picture[0]).all()  # one bar is not two
    drawn = picture[1].reshape(height, width)
    assert np.flatnonzero(drawn[:, 0]).tolist() == [31]  # opens at the bottom
    assert drawn[:, 1].sum() == 32.0  # from low to high
    assert np.flatnonzero(drawn[:, 2]).tolist() == [0]  # closes at the top
    assert np.flatnonzero(drawn[:, 3]).tolist() == [0]
    assert np.flatnonzero(drawn[:, 4]).tolist() == list(range(22))  # down to 10, row 31 - 10
    assert np.flatnonzero(drawn[:, 5]).tolist() == [11]


def test_a_price_that_never_moved_is_a_line_half_way_up():
    drawn = chart(prices((5.0,) * 4, (5.0,) * 4), 2)[1].reshape(chart_shape(2))
    assert np.flatnonzero(drawn.any(axis=1)).tolist() == [16]


@given(st.integers(0, 2**16), st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_chart_knows_no_unit_and_no_later_bar(seed, unit):
    rng = np.random.default_rng(seed)
    close = np.exp(np.cumsum(rng.normal(0.0, 0.1, 12)))
    bars = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}
    whole = chart(bars, 5)
    np.testing.assert_array_equal(whole, chart({name: unit * column for name, column in bars.items()}, 5))
    np.testing.assert_array_equal(whole[:9], chart({name: column[:9] for name, column in bars.items()}, 5))


def test_what_is_missing_is_no_zero():
    table = with_presence(np.array([[0.0, 0.0], [np.nan, 1.0], [2.0, 3.0]]))
    assert table.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [2.0, 3.0, 1.0]]


def test_windows_of_each_sense_end_at_the_row_and_are_the_instruments_own():
    senses = (Sense("a", "words", (1,), 1, bars=3), Sense("b", "picture", (1, 2), 1, bars=1))
    table = np.arange(2 * 6 * 2, dtype=np.float32).reshape(2, 6, 2)
    wide = np.arange(2 * 6 * 3, dtype=np.float32).reshape(2, 6, 3)
    first, second = SenseTables(senses, (table, wide)).gather(np.array([2, 5]), np.array([0, 1]))
    np.testing.assert_array_equal(first, np.stack([table[0, 0:3], table[1, 3:6]]))
    np.testing.assert_array_equal(second, np.stack([wide[0, 2:3], wide[1, 5:6]]))


def test_an_encoder_is_shown_the_rows_that_have_something():
    table = np.array([[[7.0, 1.0], [0.0, 0.0], [8.0, 1.0], [9.0, 1.0]]], dtype=np.float32)
    (values,) = SenseTables((Sense("a", "words", (1,), 1, bars=1),), (table,)).learned(np.arange(3))
    assert values.tolist() == [[7.0], [8.0]]


def test_more_bars_than_a_window_has_are_refused():
    with pytest.raises(ValueError, match=r"chart.bars must be at most model.context_length = 4 bars, was 5"):
        refuse_long((Sense("chart", "picture", (32, 15), 8, bars=5),), 4)


def test_columns_of_a_sense_are_no_numbers_that_a_network_reads_as_such():
    import dataclasses

    import pandas as pd

    series = noise_series(30, seed=1, exogenous=pd.DataFrame({"x": np.ones(30), "y": np.ones(30)}))
    sense = Sense("text", "words", (1,), 1, 1, ("x",))
    told = dataclasses.replace(series, senses=(sense,), missing=("x",))
    table = build_features(told, FeatureConfig(chart_bars=5))
    assert not [name for name in table.names if name.startswith("x")]
    assert "y" in table.names
    assert {name: values.shape for name, values in table.senses.items()} == {
        "text": (30, 2),
        "chart": (30, 32 * 15 + 1),
    }
    assert told.sha256() != series.sha256()
    with pytest.raises(ValueError, match="must be exogenous columns, each once, were not: z"):
        dataclasses.replace(series, senses=(dataclasses.replace(sense, columns=("z",)),))

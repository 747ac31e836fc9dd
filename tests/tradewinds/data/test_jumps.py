"""Jumps beside an adjusted close, which is evidence of what happened in the market and reaches no series."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.checks.bars import Bars
from tradewinds.data.checks.jumps import check_jumps
from tradewinds.data.config import FileConfig, NoWeather
from tradewinds.data.readers.names import is_adjusted, is_adjusted_close
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig

BARS = 120
DAYS = pd.bdate_range("2024-01-01", periods=BARS, tz="UTC", name="date")
SPELLINGS = (
    "Adj Close", "adj_close", "adjclose", "adjClose", "Adj. Close", "Adj Close*", "adjusted_close", "AdjustedClose",
    "5. adjusted close", "close_adj", "closeadj", "Close (adjusted)", "Adjusted Closing Price", "adjusted",
)  # fmt: skip

rows = st.integers(1, BARS - 1)
moves = st.floats(-0.7, 2.0)  # of the market on the day, simple return
splits = st.floats(1.12, 40.0).flatmap(lambda ratio: st.sampled_from([ratio, 1.0 / ratio]))


def market(row, move, *, seed=0):
    """(T,) closes of a quiet market that moves by `move` at `row`."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, BARS)
    steps[row] = np.log1p(move)
    return 50.0 * np.exp(np.cumsum(steps))


def split(close, row, ratio):
    """The closes as traded when every unit becomes `ratio` at `row`."""
    return np.where(np.arange(BARS) < row, close, close / ratio)


def notes_of(close, **columns):
    columns = {"close": close, **columns}
    return check_jumps(Bars(DAYS, columns, Origin.counted("mine.csv", BARS, first=2)), DataConfig())


@pytest.fixture
def read(tmp_path):
    def load(close, *, options=None, **columns):
        table = pd.DataFrame({"close": close, **columns}, index=DAYS.tz_localize(None))
        table.to_csv(tmp_path / "mine.csv", float_format="%.6f")
        return load_series(
            FileConfig(kind="csv", path=str(tmp_path / "mine.csv"), **(options or {})), NoWeather(), DataConfig()
        )

    return load


@given(rows, moves, splits)
@settings(deadline=None)
def test_a_jump_that_only_the_raw_close_shows_is_refused_whatever_its_ratio(row, move, ratio):
    traded = market(row, move)
    with pytest.raises(RequestError, match=f"row {row + 2}, close .* is not recorded") as caught:
        notes_of(split(traded, row, ratio), adjusted_close=0.7 * traded)
    told = [100.0 * ((1.0 + move) / ratio - 1.0), 100.0 * move]
    units = f"{ratio:.4g}-for-1 split" if ratio > 1.0 else f"1-for-{1.0 / ratio:.4g} reverse split"
    assert units in str(caught.value)
    said = re.search(r"moves by (\S+)% and the adjusted close by (\S+)%: only the raw one shows it", str(caught.value))
    np.testing.assert_allclose([float(number) for number in said.groups()], told, atol=0.051)
    assert "data.accept_jumps=true" in str(caught.value)


@given(rows, moves, st.floats(0.05, 1.0))
@settings(deadline=None)
def test_a_jump_that_both_closes_show_is_real(row, move, scale):
    close = market(row, move)
    for note in notes_of(close, adjusted_close=scale * close):
        assert "and so does the adjusted close: it is read as real" in note


@given(rows, moves, splits)
@settings(deadline=None)
def test_a_recorded_split_is_believed_beside_the_adjusted_close(row, move, ratio):
    traded = market(row, move)
    recorded = np.where(np.arange(BARS) == row, ratio, 1.0)
    notes_of(split(traded, row, ratio), adjusted_close=traded, splits=recorded)


@given(st.floats(1.0, 40.0), st.integers(0, 9))
@settings(deadline=None)
def test_an_adjusted_close_written_with_few_digits_raises_no_alarm(price, seed):
    close = market(1, 0.0, seed=seed) * price / 50.0
    notes_of(close, adjusted_close=np.round(close * 0.02, 2))


@pytest.mark.parametrize("name", SPELLINGS)
def test_an_adjusted_close_of_any_spelling_is_evidence_and_no_feature(name, read):
    traded = market(40, 0.098)
    with pytest.raises(RequestError, match=r"row 42, .* as after a 2-for-1 split that is not recorded"):
        read(split(traded, 40, 2.0), **{name: traded * 0.5})
    plain, beside = read(traded).series, read(traded, **{name: traded * np.linspace(0.5, 1.0, BARS)}).series
    assert plain.sha256() == beside.sha256()
    assert list(beside.exogenous.columns) == []


@pytest.mark.parametrize("name", ["adjOpen", "Adj. High", "low_adjusted", "adjVolume", "split_coefficient"])
def test_other_columns_with_hindsight_are_no_features_either(name, read):
    close = market(1, 0.0)
    assert list(read(close, **{name: close * np.linspace(0.5, 1.0, BARS)}).series.exogenous.columns) == []


def test_what_is_not_adjusted_is_told_apart():
    assert not any(map(is_adjusted, ("closeunadj", "Unadjusted Close", "seasonally adjusted", "close", "adjective")))
    assert is_adjusted("adjHigh")
    assert not is_adjusted_close("adjHigh")


def test_an_adjusted_close_cannot_be_asked_for_as_a_feature(read):
    with pytest.raises(ValueError, match=r"must not name prices adjusted for later events, did: Adj\. Close"):
        read(market(1, 0.0), options={"columns": ("Adj. Close",)})


def test_a_fall_of_52_percent_that_both_closes_show_is_read_and_said(read):
    close = market(60, -0.52)
    loaded = read(close, adjusted_close=close * 0.8)
    assert loaded.series.log_return()[60, 0] == pytest.approx(np.log(0.48), abs=1e-6)
    assert "row 62, close " in loaded.notes[0]
    assert loaded.notes[0].endswith("moves by -52.0%, and so does the adjusted close: it is read as real")


def test_without_an_adjusted_close_the_refusal_says_what_it_cannot_know(read):
    with pytest.raises(RequestError, match=r"without an adjusted close .* cannot be known whether the market moved"):
        read(market(60, -0.505))


def test_a_lasting_move_of_no_split_s_ratio_is_read_without_evidence_and_said(read):
    notes = read(split(market(60, 0.098), 60, 2.0)).notes  # a true 2-for-1 split at a ratio of 0.549
    assert "moves by -45.1%, and stays there: without an adjusted close" in notes[0]
    assert read(market(1, 0.0)).notes == ()


def test_a_change_of_unit_that_both_closes_show_is_still_refused(read):
    close = market(60, 0.0) * np.where(np.arange(BARS) < 60, 1.0, 100.0)
    with pytest.raises(RequestError, match="as where pence follow pounds"):
        read(close, adj_close=close)


def test_dividends_that_only_the_adjusted_close_knows_are_said_and_recorded_ones_are_not(read):
    paid = np.where(np.arange(BARS) % 40 == 20, 0.03, 0.0)
    traded = market(1, 0.0)
    close = traded * np.cumprod(1.0 - paid)
    assert "knows 3 dividends that are not recorded, at most 3.0% on 2024-" in read(close, adj_close=traded).notes[0]
    cash = np.append(0.0, close[:-1]) * paid
    assert read(close, adj_close=traded, dividends=cash).notes == ()


def test_a_hole_in_the_adjusted_close_is_no_evidence_and_no_fault(read):
    traded = market(60, 0.0)
    adjusted = np.where(np.abs(np.arange(BARS) - 60) < 3, np.nan, traded)
    with pytest.raises(RequestError, match="without an adjusted close"):
        read(split(traded, 60, 2.0), adj_close=adjusted)
    assert len(read(traded, adj_close=adjusted).series.index) == BARS


def test_the_command_refuses_an_unrecorded_split_in_one_line(tradewinds, tmp_path):
    traded = market(60, 0.098)
    table = pd.DataFrame({"close": split(traded, 60, 2.0), "Adj. Close": traded}, index=DAYS.tz_localize(None))
    table.to_csv(tmp_path / "mine.csv")
    answer = tradewinds("run", "series=csv", "series.path=mine.csv")
    assert answer.status == 2
    assert "as after a 2-for-1 split that is not recorded; write 2 for that day into a column splits" in answer.err

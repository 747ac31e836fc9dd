"""A bar that leaves and comes back, a last bar that nobody can judge yet, a hole, a price that no arithmetic holds."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.core.errors import RequestError
from tradewinds.data import load_series
from tradewinds.data.checks.excursions import doubt_last_bars, excursions_of, stabilised
from tradewinds.data.config import FileConfig, NoWeather, SampleConfig
from tradewinds.data.rules import DataConfig

from story import FAST_CSV

BARS = 400
HOUSES = {"sp500": "SPX", "nasdaq": "IXIC", "wti": "WTI", "henry_hub": "HENRY_HUB", "houston": "HB_HOUSTON"}
LENGTHS = ("1D", "1h", "15min", "1min")


def prices(bars=BARS, *, seed=0, tails=None):
    """(T,) closes that wander by about 1 % a bar, with Gaussian steps or those of Student's t."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=bars) if tails is None else rng.standard_t(tails, bars) / np.sqrt(tails / (tails - 2.0))
    return 100.0 * np.exp(np.cumsum(0.01 * noise))


def starts(bars, length):
    """Starts of bars: weekdays, or around the clock."""
    return (
        pd.bdate_range("2020-01-06", periods=bars)
        if length == "1D"
        else pd.date_range("2020", periods=bars, freq=length)
    )


@pytest.fixture
def read(tmp_path):
    def load(close, *, length="1D", accept=False, target="log_return", rows=None, **columns):
        table = pd.DataFrame({"close": close, **columns}, index=starts(len(close), length))
        table = table if rows is None else table.iloc[rows]
        table.to_csv(tmp_path / "mine.csv", index_label="time")
        config = FileConfig(kind="csv", path=str(tmp_path / "mine.csv"), time_zone="UTC", target=target)
        return load_series(config, NoWeather(), DataConfig(accept_jumps=accept))

    return load


def times(close, factor, *rows):
    """The closes with some of them multiplied."""
    return np.where(np.isin(np.arange(len(close)), rows), factor, 1.0) * close


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("factor", [37.3, 1e6, 1.5, 0.1])
def test_a_print_that_comes_back_is_refused_by_row_at_any_bar_length_and_believed_if_named(factor, length, read):
    close = times(prices(), factor, 200)
    with pytest.raises(RequestError, match=r"mine.csv, row 202, close \S+ of .*, and comes back: ") as caught:
        read(close, length=length)
    option = re.search(r"believe it with 'data\.accept_jumps=\[(\S+)\]'", str(caught.value))[1]
    assert len(read(close, length=length, accept=(option,)).series.index) == BARS


def test_a_print_of_two_bars_the_first_bar_and_several_prints_are_refused_with_all_their_dates(read):
    for rows in ((200, 201), (0,), (50, 120, 200, 280)):
        with pytest.raises(RequestError, match=f"row {rows[0] + 2}, close"):
            read(times(prices(), 37.3, *rows))
    with pytest.raises(RequestError, match=r"\(and 3 more rows\).*'data\.accept_jumps=\[[\d-]+(,[\d-]+){3}\]', or all"):
        read(times(prices(), 37.3, 50, 120, 200, 280))


@pytest.mark.parametrize("column", ["open", "high", "low"])
def test_an_open_a_high_or_a_low_far_beyond_the_closes_around_it_is_refused(column, read):
    close = prices()
    bars = {"open": close.copy(), "high": close * 1.002, "low": close / 1.002}
    bars[column][200] *= {"open": 37.3, "high": 37.3, "low": 1 / 37.3}[column]
    bars["high"] = np.maximum(bars["high"], bars["open"])
    with pytest.raises(RequestError, match=rf"row 202, ({column}|high) \S+ of"):
        read(close, **bars)


def test_what_may_be_negative_is_held_against_its_own_history_too(read):
    rng = np.random.default_rng(0)
    degrees = 5.0 + 8.0 * np.sin(np.arange(BARS) / 24 * 2 * np.pi) + rng.normal(0, 0.5, BARS)
    assert len(read(degrees, length="1h", target="difference").series.index) == BARS
    with pytest.raises(RequestError, match=r"row 202, close 500 of 2020-01-09 08:00 .*, and comes back"):
        read(np.where(np.arange(BARS) == 200, 500.0, degrees), length="1h", target="difference")


@pytest.mark.parametrize("name", HOUSES)
def test_the_shipped_markets_have_no_bad_print_and_no_doubtful_end_and_one_is_found_in_them(name):
    config = SampleConfig(
        name=name, instruments=(HOUSES[name],), price_floor=None if name in ("sp500", "nasdaq") else 0.1
    )
    series = load_series(config, NoWeather()).series
    level = np.log(series.close[:, 0])
    sizes, most = excursions_of(level)
    assert (sizes <= most).all()
    assert doubt_last_bars(series, DataConfig()) is None
    level[len(level) // 2] += np.log(1e6)
    sizes, most = excursions_of(level)
    assert np.flatnonzero(sizes > most).tolist() == [len(level) // 2]


@given(st.integers(0, 10_000), st.sampled_from([None, 3.0, 5.0]), st.sampled_from([60, 250, 1000]))
@settings(deadline=None, max_examples=40)
def test_heavy_tails_alone_are_no_bad_prints(seed, tails, bars):
    sizes, most = excursions_of(np.log(prices(bars, seed=seed, tails=tails)))
    assert not (sizes > most).any()


def test_a_jump_that_stays_a_price_that_stands_still_and_a_peg_are_no_bad_prints(read):
    assert len(read(times(prices(), 1.6, *range(200, BARS))).series.index) == BARS
    assert len(read(np.where(np.arange(BARS) % 100 == 50, 1.001, 1.0)).series.index) == BARS
    assert len(read(np.full(BARS, 5.0)).series.index) == BARS


@pytest.mark.parametrize("factor", [1.3, 0.7, 1.6, 0.4])
@pytest.mark.parametrize("before", [0, 2])
def test_a_last_bar_far_away_is_doubted_until_its_date_confirms_it(factor, before, read):
    row = BARS - 1 - before
    close = times(prices(), factor, *range(row, BARS))
    doubt = doubt_last_bars(read(close).series, DataConfig())
    assert doubt.startswith("mine: the close")
    date = f"{starts(BARS, '1D')[row]:%Y-%m-%d}"
    assert f"of {date}, {'2 before the last' if before else 'the last'}, is " in doubt
    assert doubt.endswith(f"confirm it with 'data.accept_jumps=[{date}]'")
    assert doubt_last_bars(read(close).series, DataConfig(accept_jumps=(date,))) is None
    assert doubt_last_bars(read(prices()).series, DataConfig()) is None


@pytest.mark.parametrize("command", ["retrain", "signal"])
def test_whoever_acts_on_a_doubtful_last_bar_stops_with_status_3_and_run_warns(command, tradewinds, tmp_path):
    table = pd.DataFrame({"close": times(prices(), 1.3, BARS - 1)}, index=starts(BARS, "1D"))
    table.to_csv(tmp_path / "mine.csv", index_label="time")
    words = ("series=csv", "series.path=mine.csv", *FAST_CSV)
    answer = tradewinds(command, *words)
    assert answer.status == 3
    assert answer.err.count("mine: the close") == 1
    assert "confirm it with 'data.accept_jumps=[2021-07-16]'" in answer.err
    if command == "signal":
        answer = tradewinds(command, *words, "data.accept_jumps=[2021-07-16]")
        assert "the close" not in answer.err
        assert "has no champion" in answer.err


def test_a_hole_of_a_year_is_told_with_its_dates_and_nights_and_holidays_are_not(read):
    whole = prices(1300)
    rows = np.r_[0:600, 860:1300]
    (note,) = read(whole, rows=rows).notes
    assert "no bar between 2022-04-22 and 2023-04-24, 367 days, where at most 3 days are usual: " in note
    rows = np.flatnonzero((np.arange(1300) % 26) < 7)  # seven half hours a day, as if an exchange closed
    assert read(whole, length="30min", rows=rows).notes == ()
    assert read(whole, rows=np.flatnonzero(np.arange(1300) % 250 > 7)).notes == ()  # a golden week a year


@pytest.mark.parametrize("price", [1e-310, 1e-35, 1e31, 1e300])
@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_a_price_that_arithmetic_loses_is_refused_in_one_sentence(price, target, read):
    with pytest.raises(RequestError, match=r"row 2, close \S+ of 2020-01-06 must lie between 1e-30 and 1e\+30, as any"):
        read(np.full(BARS, price), target=target)


def test_only_dates_moments_or_a_truth_can_be_accepted(tradewinds):
    answer = tradewinds("run", "data.accept_jumps=[yesterday]")
    assert answer.status == 2
    assert (
        "data.accept_jumps must be true, false, or dates or moments such as [2024-03-21,2024-05-02T14:30]" in answer.err
    )


def spiky(bars=3000):
    """(T,) hourly prices of power, three of which are real spikes of up to twenty times."""
    price = 40.0 + 10.0 * np.sin(np.arange(bars) / 24 * 2 * np.pi) + np.random.default_rng(3).normal(0, 4, bars)
    price[[500, 1200, 2100]] = [180.0, 400.0, 900.0]
    return price


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_real_spikes_pass_and_hide_no_print_of_thirty_times_the_largest_of_them(target, read):
    assert len(read(spiky(), length="1h", target=target).series.index) == 3000
    for factor in (1e3, 1e6):
        with pytest.raises(RequestError, match=r"row 1802, close \S+ of .*, and comes back: [^()]*; correct"):
            read(times(spiky(), factor, 1800), length="1h", target=target)


@pytest.mark.parametrize("factor", [37.0, 100.0, 1e6, 1 / 37.0, 0.01])
@pytest.mark.parametrize("rows", [range(0, BARS, 20), range(5, BARS, 13), range(2, BARS, 4)])
def test_many_bad_prints_set_no_scale_and_each_of_them_and_no_other_is_refused(rows, factor):
    sizes, most = excursions_of(np.log(times(prices(tails=4.0), factor, *rows)))
    assert np.flatnonzero(sizes > most).tolist() == list(rows)


@pytest.mark.parametrize("rows", [range(0, BARS, 2), range(1, BARS, 2), range(0, BARS, 20)])
@pytest.mark.parametrize("factor", [37.0, 100.0])
def test_units_in_turn_are_refused(factor, rows, read):
    with pytest.raises(RequestError, match=r"row [23], close \S+ of .* (is \S+ times|is 1/\S+ of|from)"):
        read(times(prices(), factor, *rows))


def test_a_cap_a_floor_hours_near_nothing_and_a_peak_a_day_are_no_bad_prints():
    peak = times(spiky(), 12.0, *range(18, 3000, 24))
    for level in (np.log(peak), stabilised(peak, peak)):
        sizes, most = excursions_of(level)
        assert (sizes <= most).all()
    price, rows = spiky(), np.random.default_rng(1).choice(3000, 60, replace=False)
    for level in (9000.0, 0.01, 10.0 ** np.random.default_rng(2).uniform(-3.0, 1.0, 60)):
        power = price.copy()
        power[rows] = level
        sizes, most = excursions_of(np.log(power))
        assert (sizes <= most).all()


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize("factor", [37.3, 3.4, 1 / 37.3])
def test_a_print_among_the_first_bars_is_blamed_and_no_neighbour_of_it(row, factor, read):
    close = times(prices(), factor, row)
    with pytest.raises(RequestError, match=rf"row {row + 2}, close {close[row]:g} of ") as caught:
        read(close)
    date = f"{starts(BARS, '1D')[row]:%Y-%m-%d}"
    assert f"data.accept_jumps=[{date}]'" in str(caught.value)
    assert "more rows" not in str(caught.value)
    assert len(read(close, accept=(date,)).series.index) == BARS


def test_nothing_is_said_to_stay_where_too_little_lies_before_it(read):
    (note,) = read(times(prices(), 1.6, 0)).notes
    assert "row 3, close" in note
    assert "with so few bars before it that it cannot be known whether they are off or the market moved" in note

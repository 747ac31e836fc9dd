"""Made-up worlds: what they are said to be is what they are, and nothing beats the optimum they state.

Averages are held to four standard errors of draws taken as independent; chance alone leaves them once in 16,000.
"""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.data.providers import synthetic
from tradewinds.data.providers.synthetic import load_synthetic, log_prices, optimum_of
from tradewinds.data.providers.synthetic_config import PARAMETERS, SyntheticConfig
from tradewinds.data.rules import DataConfig
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.request.validate import build
from trading_env import CostConfig, Market, TradingConfig, perfect_foresight, run_ledger

from story import FAST_CSV

SETTINGS = {
    "ar1": {"phi": 0.3, "sigma": 0.01},
    "ou": {"kappa": 0.05, "sigma": 0.01},
    "regime": {"drift": 0.002, "switch_probability": 0.02, "sigma": 0.01},
    "seasonal": {"amplitude": 0.02, "period_bars": 20, "sigma": 0.01},
    "martingale": {"sigma": 0.01},
    "square_wave": {"step": 0.01, "half_period_bars": 5},
}
LONG = 400_000  # bars of a simulation
FREE = TradingConfig(
    rebalance="every_bar",
    costs=CostConfig(
        fee_bps=0.0, half_spread_bps=0.0, slippage_bps=0.0, borrow_bps_per_year=0.0, financing_bps_per_year=0.0
    ),
)


def made(config):
    return load_synthetic(config, DataConfig())


def world(process, *, bars=300, seed=0, **settings):
    return SyntheticConfig(process=process, bars=bars, seed=seed, **{**SETTINGS[process], **settings})


def log_returns(config):
    return np.diff(log_prices(config), prepend=0.0)


def is_mean_of(expected, draws):
    """Whether the mean of the draws is the one expected, within four standard errors."""
    return abs(draws.mean() - expected) < 4.0 * draws.std() / math.sqrt(len(draws))


def growth(exposure, log_return, cost=0.0):
    """(T,) growth of log equity, with the exposure restored every bar and `cost` paid per unit of turnover."""
    turnover = np.abs(np.diff(exposure, prepend=0.0))
    return np.log1p(exposure * np.expm1(log_return)) + np.log1p(-cost * turnover)


def best_growth(mean, noise):
    """(M,) greatest expected growth over exposures in [-1, 1], for M means of the log return, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    simple = np.expm1(mean[:, None] + noise * nodes)  # (M, 40)
    earned = [np.log1p(share * simple) @ weights / weights.sum() for share in np.linspace(-1.0, 1.0, 201)]
    return np.max(earned, axis=0)


def gaussian(signal):
    """A grid of N(0, signal^2) and its weights."""
    grid = np.linspace(-7.0, 7.0, 1401)
    weights = np.exp(-(grid**2) / 2.0)
    return signal * grid, weights / weights.sum()


processes = pytest.mark.parametrize("process", list(SETTINGS))


@processes
def test_the_same_seed_gives_the_same_bytes(process):
    first, second = made(world(process)), made(world(process))
    assert first.sources == second.sources
    assert first.series.sha256() == second.series.sha256()


@pytest.mark.parametrize("process", [name for name in SETTINGS if "sigma" in SETTINGS[name]])
def test_another_seed_gives_another_world(process):
    first, second = made(world(process)), made(world(process, seed=1))
    assert first.sources[0]["sha256"] != second.sources[0]["sha256"]


@processes
@given(bars=st.integers(3, 200), more=st.integers(1, 200), single=st.booleans())
def test_more_bars_never_change_the_earlier_ones(process, bars, more, single):
    short = made(world(process, bars=bars, single_price=single)).series
    long = made(world(process, bars=bars + more, single_price=single)).series
    assert long.rows(range(bars)).sha256() == short.sha256()


@processes
def test_a_source_names_the_process_the_rows_and_the_bytes_of_the_prices(process):
    (source,) = made(world(process)).sources
    assert source["file"] == f"synthetic/{process}"
    assert source["rows"] == 300
    assert len(source["sha256"]) == 64


def test_a_bar_opens_at_the_close_before_it_or_has_one_price():
    series = made(world("ar1")).series
    np.testing.assert_array_equal(series.open[1:], series.close[:-1])
    assert not series.single_price
    assert made(world("ar1", single_price=True)).series.single_price


def test_bars_follow_each_other_from_the_start_without_a_gap():
    series = made(world("ou", start="2001-02-03", bar_length="1h")).series
    assert series.index[0] == pd.Timestamp("2001-02-03T00:00Z")
    assert set(np.diff(series.index.asi8)) == {pd.Timedelta(hours=1).as_unit("ns").value}
    assert (series.bars_per_year, series.season_bars) == (8766.0, 24)
    assert made(world("ou")).series.bars_per_year == 365.25


def test_a_season_of_the_world_is_the_season_of_the_series():
    assert made(world("seasonal", period_bars=12)).series.season_bars == 12
    assert made(world("square_wave", half_period_bars=3)).series.season_bars == 6


def test_worlds_that_differ_bear_names_that_differ():
    worlds = [world("ar1"), world("ar1", seed=1), world("ar1", phi=0.3000001), world("ar1", start="1980-01-01")]
    assert len({made(config).series.instruments for config in worlds}) == len(worlds)
    assert made(world("ar1")).series.instruments == ("phi=0.3 sigma=0.01 seed=0 start=1970-01-01",)


# What each process is.


@pytest.mark.parametrize("phi", [-0.6, 0.3])
def test_what_no_forecast_of_an_ar1_can_know_has_the_variance_of_the_noise(phi):
    config = world("ar1", bars=LONG, phi=phi)
    r = log_returns(config)
    noise = r[1:] - phi * r[:-1]
    assert is_mean_of(optimum_of(config).forecast_mse, noise**2)
    assert is_mean_of(0.0, noise * r[:-1])


def test_an_ar1_is_stationary_from_its_first_bar():
    rng = np.random.default_rng(5)
    draws = np.array([np.diff(synthetic.ar1(rng, 3, phi=0.8, sigma=0.01), prepend=0.0) for _ in range(20_000)])
    for bar in range(3):
        assert is_mean_of(0.01**2 / (1.0 - 0.8**2), draws[:, bar] ** 2)


def test_the_expected_price_of_a_martingale_is_the_last_one():
    for sigma in (0.01, 0.2):
        assert is_mean_of(1.0, np.exp(log_returns(world("martingale", bars=LONG, sigma=sigma))))


def test_an_ou_has_its_stationary_variance_in_the_first_bar_and_in_later_ones():
    rng = np.random.default_rng(6)
    draws = np.array([synthetic.ou(rng, 40, kappa=0.05, sigma=0.01) for _ in range(10_000)])
    for bar in (0, 1, 39):
        assert is_mean_of(0.01**2 / (0.05 * 1.95), draws[:, bar] ** 2)


def test_what_no_forecast_of_an_ou_can_know_has_the_variance_of_the_noise():
    config = world("ou", bars=LONG)
    x = log_prices(config)
    noise = np.diff(x) + 0.05 * x[:-1]
    assert is_mean_of(optimum_of(config).forecast_mse, noise**2)
    assert is_mean_of(0.0, noise * x[:-1])


def test_a_regime_turns_as_often_as_it_is_told_and_drifts_as_far():
    config = world("regime", bars=LONG, sigma=1e-9)
    state = np.sign(log_returns(config))
    assert is_mean_of(0.02, (state[1:] != state[:-1]).astype(float))
    np.testing.assert_allclose(log_returns(config), 0.002 * state, atol=1e-8)
    first = [np.sign(log_prices(world("regime", bars=3, seed=seed, sigma=1e-9))[0]) for seed in range(2_000)]
    assert is_mean_of(0.0, np.array(first))


def test_what_is_left_of_a_season_is_noise_of_the_same_size_in_every_phase():
    config = world("seasonal", bars=LONG)
    t = np.arange(1, LONG)
    season = 0.02 * np.cos(2.0 * np.pi * np.arange(LONG) / 20)
    noise = log_returns(config)[1:] - np.diff(season)
    for phase in range(20):
        assert is_mean_of(0.0, noise[t % 20 == phase])
        assert is_mean_of(optimum_of(config).forecast_mse, noise[t % 20 == phase] ** 2)


def test_a_square_wave_rises_and_falls_by_its_step_and_every_period_is_the_same():
    config = world("square_wave", bars=95, half_period_bars=3)
    np.testing.assert_allclose(log_returns(config), np.resize([0.01] * 3 + [-0.01] * 3, 95), atol=1e-15)
    close = made(config).series.close[:, 0]
    np.testing.assert_array_equal(close[6:], close[:-6])


# What is best in each.


def signal_of(config):
    """(T - k,) expected log return of the bar that a decision at bar t earns, k bars ahead, and that return."""
    ahead, r = config.bars_ahead, log_returns(config)
    if config.process == "ar1":
        expected = config.phi**ahead * r
    elif config.process == "ou":
        expected = -config.kappa * (1.0 - config.kappa) ** (ahead - 1) * log_prices(config)
    else:
        season = config.amplitude * np.cos(2.0 * np.pi * np.arange(len(r) + 2) / config.period_bars)
        expected = np.diff(season)[ahead - 1 : len(r) + ahead - 1]
    return expected[:-ahead], r[ahead:]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(
    ("process", "settings"),
    [
        ("ar1", {}),
        ("ar1", {"phi": -0.5}),
        ("ou", {}),
        ("ou", {"kappa": 0.4}),
        ("seasonal", {}),
        ("seasonal", {"period_bars": 3}),
    ],
)
def test_the_stated_policy_grows_as_stated(process, settings, single):
    config = world(process, bars=LONG, single_price=single, **settings)
    expected, earned = signal_of(config)
    assert is_mean_of(optimum_of(config).log_growth_per_bar, growth(np.sign(expected.round(12)), earned))


@given(phi=st.floats(-0.95, 0.95), sigma=st.floats(0.001, 0.05), single=st.booleans())
def test_no_policy_beats_the_growth_stated_of_an_ar1_by_more_than_the_terms_left_out(phi, sigma, single):
    assume(phi != 0.0)
    config = world("ar1", phi=phi, sigma=sigma, single_price=single)
    stated, variance = optimum_of(config).log_growth_per_bar, sigma**2 / (1.0 - phi**2)
    assume(stated is not None)
    signal = abs(phi) ** config.bars_ahead * math.sqrt(variance)
    mean, weights = gaussian(signal)
    assert weights @ best_growth(mean, math.sqrt(variance - signal**2)) == pytest.approx(stated, rel=0.015)


@given(amplitude=st.floats(1e-4, 0.1), period=st.integers(2, 60), sigma=st.floats(0.001, 0.05))
def test_no_policy_beats_the_growth_stated_of_a_season_by_more_than_the_terms_left_out(amplitude, period, sigma):
    stated = optimum_of(world("seasonal", amplitude=amplitude, period_bars=period, sigma=sigma)).log_growth_per_bar
    assume(stated is not None)
    season = amplitude * np.cos(2.0 * np.pi * np.arange(period + 1) / period)
    assert best_growth(np.diff(season), sigma).mean() == pytest.approx(stated, rel=0.015)


@pytest.mark.parametrize(
    ("process", "settings"),
    [
        ("ar1", {"sigma": 0.06}),  # too coarse
        ("ar1", {"phi": 0.04}),  # too faint
        ("ou", {"kappa": 0.001}),
        ("seasonal", {"amplitude": 0.0005}),
        ("regime", {}),  # no closed form
    ],
)
def test_a_growth_that_second_order_does_not_reach_is_not_stated(process, settings):
    assert optimum_of(world(process, **settings)).log_growth_per_bar is None


def test_perfect_foresight_earns_exactly_what_a_square_wave_is_said_to_give():
    for single, execution in [(False, "next_open"), (True, "next_close")]:
        config = world("square_wave", bars=122, single_price=single)
        series = made(config).series
        rules = TradingConfig(rebalance="every_bar", costs=FREE.costs, execution=execution)
        market = Market(open=series.open, close=series.close, features=np.zeros((122, 1)), bars_per_year=365.25)
        equity = run_ledger(market, perfect_foresight(market, rules), rules).equity[:, 0]
        one_period = math.log(equity[-1] / equity[-11])
        assert one_period / 10 == pytest.approx(optimum_of(config).log_growth_per_bar, rel=1e-12)
        assert optimum_of(config).forecast_mse == 0.0


def test_every_exposure_but_none_loses_on_a_martingale():
    for sigma in (0.01, 0.05):
        nodes, weights = np.polynomial.hermite_e.hermegauss(40)
        simple = np.expm1(sigma * nodes - sigma**2 / 2.0)
        for share in (-1.0, -0.5, -0.01, 0.01, 0.5, 1.0):
            assert np.log1p(share * simple) @ weights < 0.0
    assert optimum_of(world("martingale")).log_growth_per_bar == 0.0


def band(x, width):
    """(T,) exposures -1 or 1 that turn short above `width` and long below `-width`, and else stay."""
    turns = np.where(x > width, -1.0, np.where(x < -width, 1.0, 0.0))
    last = np.maximum.accumulate(np.where(turns != 0.0, np.arange(len(x)), 0))
    return turns[last]


def test_with_a_cost_the_best_policy_of_an_ou_has_a_no_trade_band_and_without_it_has_none():
    x, r = log_prices(world("ou", bars=LONG))[:-1], log_returns(world("ou", bars=LONG))[1:]
    widths = (0.0, 0.01, 0.02, 0.06)
    free, dear = ([growth(band(x, width), r, cost).mean() for width in widths] for cost in (0.0, 0.002))
    assert np.argmax(free) == 0
    assert np.argmax(dear) in (1, 2)


def turning_points(cost):
    """Log distances from the level at which an account that is short goes long, and one that is long goes short.

    Value iteration over (distance, exposure held), discounted so lightly that the band does not feel it.
    """
    kappa, sigma = 0.05, 0.01
    x, levels = np.linspace(-0.12, 0.12, 241), np.array([-1.0, 0.0, 1.0])
    chance = np.exp(-((x[None, :] - (1.0 - kappa) * x[:, None]) ** 2) / (2.0 * sigma**2))
    chance /= chance.sum(axis=1, keepdims=True)
    mean = -kappa * x[:, None]
    gain = levels * mean + levels * (1.0 - levels) / 2.0 * (mean**2 + sigma**2)  # (X, 3)
    charge = cost * np.abs(levels[:, None] - levels[None, :])  # (3, 3) from held to chosen
    value = np.zeros((len(x), 3))
    for _ in range(1_500):
        chosen = (gain + 0.995 * chance @ value)[:, None, :] - charge  # (X, 3, 3)
        value = chosen.max(axis=2)
    best = chosen.argmax(axis=2)
    return x[best[:, 0] == 2].max(), x[best[:, 2] == 0].min()


def test_dynamic_programming_finds_the_no_trade_band_of_an_ou_which_grows_with_the_cost():
    bands = [turning_points(cost) for cost in (0.0, 0.0003, 0.002)]
    free, cheap, dear = ((high - low) / 2.0 for low, high in bands)
    assert free < 0.002  # what is left is the width of staying flat, of second order
    assert 0.004 < cheap < 0.007
    assert 0.012 < dear < 0.016


def test_the_filter_of_a_regime_forecasts_and_earns_more_than_the_last_return_does():
    """Hamilton's recursion as the docstring of `regime_optimum` writes it, on a world clear enough to see it."""
    config = world("regime", bars=50_000, drift=0.005, switch_probability=0.02)
    drift, q, sigma = config.drift, config.switch_probability, config.sigma
    r, p, chance = log_returns(config), 0.5, np.empty(config.bars)
    for t, value in enumerate(r):
        before = p * (1.0 - q) + (1.0 - p) * q
        likelihood = math.exp(2.0 * drift * value / sigma**2)
        p = chance[t] = before * likelihood / (before * likelihood + 1.0 - before)
    forecast = drift * (1.0 - 2.0 * q) * (2.0 * chance[:-1] - 1.0)
    error = ((r[1:] - forecast) ** 2).mean()
    seen = sigma**2 + drift**2 * (1.0 - (1.0 - 2.0 * q) ** 2)
    assert seen < error < 0.95 * (sigma**2 + drift**2)
    slope = (r[1:] @ r[:-1]) / (r[:-1] @ r[:-1])  # the best linear forecast from the last return alone
    assert error < ((r[1:] - slope * r[:-1]) ** 2).mean()
    assert growth(np.sign(forecast), r[1:]).mean() > 1.5 * growth(np.sign(r[:-1]), r[1:]).mean()


# What is refused.

WRONG = [
    ("ar1", {"phi": 1.0}, r"phi must be a correlation in \(-1, 1\), was 1.0"),
    ("ar1", {"phi": -1.5}, r"phi must be a correlation in \(-1, 1\), was -1.5"),
    ("ar1", {"phi": 0.0}, "phi must not be 0; series=martingale is the world that has no memory"),
    ("ar1", {"phi": None}, "phi is required by process ar1"),
    ("ar1", {"sigma": 0.0}, r"sigma must lie in \(0, 1\] of log price, was 0.0"),
    ("martingale", {"sigma": -0.01}, r"sigma must lie in \(0, 1\] of log price, was -0.01"),
    ("martingale", {"sigma": math.nan}, "sigma must be a number or null, was nan"),
    ("martingale", {"phi": 0.3}, "phi belongs to process ar1 and has no effect on martingale: leave it out"),
    ("square_wave", {"sigma": 0.1}, "sigma belongs to process ar1, ou, regime, seasonal, martingale and has no effect"),
    ("ou", {"kappa": 1.0}, r"kappa must be a share of the log distance in \(0, 1\), was 1.0"),
    ("ou", {"kappa": 0.0}, r"kappa must be a share of the log distance in \(0, 1\), was 0.0"),
    ("regime", {"drift": 0.0}, r"drift must lie in \(0, 1\] of log price, was 0.0"),
    ("regime", {"switch_probability": 0.5}, r"switch_probability must be a probability in \(0, 0.5\), was 0.5"),
    ("seasonal", {"amplitude": 2.0}, r"amplitude must lie in \(0, 1\] of log price, was 2.0"),
    ("seasonal", {"period_bars": 1}, r"period_bars must lie in \[2, 10000000\] bars, was 1"),
    ("square_wave", {"step": 0.0}, r"step must lie in \(0, 1\] of log price, was 0.0"),
    ("square_wave", {"half_period_bars": 0}, r"half_period_bars must lie in \[1, 10000000\] bars, was 0"),
    ("ar1", {"bars": 2}, r"bars must lie in \[3, 10000000\] bars, was 2"),
    ("ar1", {"seed": -1}, r"seed must lie in \[0, 2147483648\), was -1"),
    ("ar1", {"start": "May"}, "start must be a date such as 2015-01-31, was 'May'"),
    ("ar1", {"start": "1970-02-30"}, "start must be a date such as 2015-01-31, was '1970-02-30'"),
    ("ar1", {"bar_length": "0D"}, "bar_length must be a length such as 1D, 1h or 15min, was '0D'"),
    ("ar1", {"bar_length": "1M"}, "bar_length must be a length such as 1D, 1h or 15min, was '1M'"),
    ("ar1", {"level": 0.0}, r"level must be a price in \[1e-06, 1e\+12\], was 0.0"),
]


@pytest.mark.parametrize(("process", "settings", "message"), WRONG)
def test_a_bad_setting_is_refused(process, settings, message):
    with pytest.raises(RequestError, match=f"series.{message}"):
        build(SyntheticConfig, dataclasses.asdict(world(process)) | settings, path="series")
    with pytest.raises(ValueError, match=next(iter(settings))):
        world(process, **settings)


def test_several_bad_settings_are_told_together(tradewinds):
    answer = tradewinds("run", "series=ar1", "series.phi=1", "series.sigma=0")
    assert answer.status == 2
    assert "series.phi must be a correlation in (-1, 1), was 1; series.sigma must lie in (0, 1] of log" in answer.err
    assert answer.err.count("\n") == 1
    answer = tradewinds("run", "series=ar1", "series.phi=null", "series.kappa=0.1")
    assert answer.status == 2
    assert "series.kappa belongs to process ou and has no effect on ar1: leave it out; series.phi is" in answer.err
    assert answer.err.count("\n") == 1


def test_bars_that_have_not_closed_yet_are_refused():
    with pytest.raises(RequestError, match=r"bars must be at most \d+, the bars of 1D that have closed since 2020"):
        made(world("ar1", bars=100_000, start="2020-01-01"))
    with pytest.raises(RequestError, match="bars must be at most 0, the bars of 1D that have closed since 2200-01-01"):
        made(world("ar1", start="2200-01-01"))


def test_a_price_that_no_number_can_hold_is_refused():
    with pytest.raises(RequestError, match=r"the price leaves \[1e-100, 1e100\] at bar \d+ of 5000; lower series.bars"):
        made(world("martingale", bars=5_000, sigma=1.0))


# Through the command line.


@processes
def test_every_process_has_a_word_of_its_own_whose_series_says_its_optimum(process):
    (plain,) = compose_requests([f"series={process}"], [resource_dir("conf")], multirun=False)
    config = request_from(plain).series
    assert set(config.parameters) == set(PARAMETERS[process])
    (note,) = made(config).notes
    assert note == f"{process} is a made-up world: {optimum_of(config).sentence}"


def test_the_sentence_holds_the_numbers():
    assert optimum_of(world("ar1")).sentence == (
        "free of cost it is best to hold the sign of the last log return, which grows log equity by 0.00245 a bar; "
        "the best forecast of the next log return errs by 0.0001 (mean square)"
    )
    assert "opposite sign of the last" in optimum_of(world("ar1", phi=-0.3)).policy
    assert "the sign of the last" in optimum_of(world("ar1", phi=-0.3, single_price=True)).policy


def test_one_word_runs_a_world_and_its_report_says_what_was_best(tradewinds):
    answer = tradewinds("run", "series=martingale", "series.bars=1500", *FAST_CSV, "trainer.epochs=1")
    assert answer.status == 0, answer.err
    (path,) = Path("runs", "martingale").glob("*/report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    assert any("it is best to stay flat, and with costs all the more" in warning for warning in report["warnings"])
    assert report["data"]["bars"] == 1500
    assert [source["file"] for source in report["data"]["sources"]] == ["synthetic/martingale"]
    assert report["run"]["config"]["env"]["execution"] == "next_open"


def test_a_world_without_noise_runs_too(tradewinds):
    words = ("series=square_wave", "series.bars=1500", "series.single_price=true")
    answer = tradewinds("run", *words, *FAST_CSV, "trainer.epochs=1")
    assert answer.status == 0, answer.err

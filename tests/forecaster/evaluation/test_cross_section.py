"""Scores of a cross-section, against SciPy, closed forms, and forecasts whose score is known."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from forecaster.baselines.boosting import boosting_is_installed
from forecaster.baselines.momentum import momentum_12_1, reversal_1m
from forecaster.evaluation.by_day import (
    correlations,
    group_means,
    hits,
    newey_west,
    number_of_groups,
    rank_correlations,
)
from forecaster.evaluation.cross_section import score_cross_section
from forecaster.fitted import fit_panel
from forecaster.panel_states import encode_panel

from markets import noise_series, ragged_panel, small_config, with_model

BARS, ROWS, TESTED = 700, range(0, 400), range(410, 700)


@pytest.fixture(scope="module")
def panel():
    return ragged_panel(
        BARS,
        instruments=tuple("abcdefgh"),
        lists={"b": 100, "h": 450},
        ends={"c": 500},
        halts={"d": range(520, 530)},
    )


@pytest.fixture(scope="module")
def fitted(panel):
    return fit_panel(panel, small_config(epochs=1), ROWS, seed=1)


@pytest.fixture(scope="module")
def states(panel, fitted):
    return encode_panel(fitted, panel)


@given(st.integers(0, 2**31), st.floats(0.3, 1.0))
@settings(max_examples=25, deadline=None)
def test_correlations_of_a_bar_are_scipy_s(seed, share):
    rng = np.random.default_rng(seed)
    forecast, truth = rng.normal(size=(2, 6, 9)).round(1)
    truth[rng.random(truth.shape) > share] = np.nan
    for ours, theirs in ((correlations, stats.pearsonr), (rank_correlations, stats.spearmanr)):
        for said, x, y in zip(ours(forecast, truth), forecast, truth, strict=True):
            known = np.isfinite(y)
            if known.sum() < 3 or np.ptp(x[known]) == 0.0 or np.ptp(y[known]) == 0.0:
                assert np.isnan(said)
            else:
                assert said == pytest.approx(theirs(x[known], y[known]).statistic, abs=1e-9)


def test_a_forecast_that_is_the_same_of_all_orders_nobody():
    truth = np.random.default_rng(0).normal(size=(5, 20))
    same = np.full_like(truth, 0.1)
    assert np.isnan(rank_correlations(same, truth)).all()
    means = group_means(same, truth, 4)
    assert np.isnan(means[:, [0, 1, 3]]).all()
    np.testing.assert_allclose(means[:, 2], truth.mean(axis=1))
    assert hits(same, truth) == (0, 0)


def test_groups_are_the_tenths_of_a_bar_by_forecast():
    forecast = np.arange(50.0)[None].repeat(2, axis=0)
    truth = forecast * 2.0
    forecast[1] = -forecast[1]
    means = group_means(forecast, truth, 10)
    np.testing.assert_array_equal(means[0], np.arange(10) * 10.0 + 4.0)
    np.testing.assert_array_equal(means[1], means[0][::-1])
    there = np.ones((3, 50), dtype=bool)
    assert [number_of_groups(there[:, :count]) for count in (3, 10, 20, 50)] == [2, 2, 4, 10]


def test_hits_are_counted_beside_the_median_of_their_bar():
    forecast, truth = np.array([[1.0, 2.0, 3.0, np.nan]]), np.array([[5.0, 6.0, 4.0, 9.0]])
    assert hits(forecast, truth) == (0, 1)  # 1 below, 5 on the median; 2 on it; 3 above, 4 below
    assert hits(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[1.0, 2.0, 4.0, 3.0]])) == (4, 4)


def test_the_t_statistic_is_newey_s_and_west_s():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=400)
    values = 0.1 + noise[1:] + 0.8 * noise[:-1]
    mean, statistic = newey_west(np.append(values, np.nan), 1)
    count, lags = len(values), int(4.0 * (len(values) / 100.0) ** (2.0 / 9.0))
    rest = values - values.mean()
    variance = (rest @ rest) / count
    for lag in range(1, lags + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1.0)) * (rest[lag:] @ rest[:-lag]) / count
    assert mean == pytest.approx(values.mean())
    assert statistic == pytest.approx(values.mean() / np.sqrt(variance / (count - 1)))
    plain = OLS(values, np.ones(count)).fit()
    assert statistic < 0.8 * float(plain.tvalues[0])  # bars in a row have something in common
    assert newey_west(np.full(30, np.nan), 1) == (None, None)
    assert newey_west(np.ones(30), 1) == (1.0, None)
    assert newey_west(rng.normal(size=9), 1)[1] is None


def test_t_statistics_of_noise_are_beyond_2_once_in_twenty():
    rng = np.random.default_rng(3)
    beyond = [abs(newey_west(rng.normal(size=250), 1)[1]) > 1.96 for _ in range(400)]
    assert 0.03 < np.mean(beyond) < 0.09


def test_momentum_is_the_year_without_its_last_month_and_reversal_the_month_turned_about():
    changes = np.random.default_rng(0).normal(size=(600, 3))
    first, rows = np.array([0, 200, 580]), np.array([251, 252, 460, 599])
    said = momentum_12_1(changes, first, rows, 252.0)
    assert np.isfinite(said).tolist() == [
        [False, False, False],
        [True, False, False],
        [True, True, False],
        [True, True, False],
    ]
    assert said[3, 0] == pytest.approx(changes[599 - 251 : 599 - 20, 0].sum())
    month = reversal_1m(changes, first, rows, 252.0)
    assert month[3, 1] == pytest.approx(-changes[579:600, 1].sum())
    assert np.isnan(month[3, 2])
    assert reversal_1m(changes, first, rows, 12.0)[3, 0] == pytest.approx(-changes[599, 0])


def test_who_knows_the_future_is_right_of_everything(panel, fitted, states):
    changes = panel.changes()
    known = np.full_like(states.forecast, np.nan)
    for ahead in range(3):
        known[: BARS - 1 - ahead, :, ahead] = changes[1 + ahead :]
    perfect = dataclasses.replace(states, forecast=np.where(states.available[..., None], known, np.nan))
    for horizon in (1, 3):
        scores = score_cross_section(fitted, panel, perfect, TESTED, horizon=horizon)
        row = scores.table["lstm"]
        assert row["rank_ic"] == pytest.approx(1.0)
        assert row["ic"] == pytest.approx(1.0, abs=1e-4)
        assert row["hit_rate"] == 1.0
        assert row["rank_ic_positive"] == 1.0
        assert row["change_mae"] < 1e-6
        assert (scores.spreads["lstm"] > 0.0).all()
        assert scores.deciles["lstm"].is_monotonic_increasing


def test_scores_are_those_of_the_labels_that_instruments_had(panel, fitted, states):
    scores = score_cross_section(fitted, panel, states, TESTED)
    decisions = np.arange(TESTED.start, TESTED.stop - 1)
    there = states.available[decisions] & panel.has_change[decisions + 1]
    truth, said = panel.changes()[decisions + 1], states.forecast[decisions, :, 0]
    row = scores.table["lstm"]
    assert row["n"] == there.sum()
    assert row["n_bars"] == len(decisions)
    assert row["change_mae"] == pytest.approx(np.abs(truth - said)[there].mean())
    assert row["change_rmse"] == pytest.approx(np.sqrt(((truth - said)[there] ** 2).mean()))
    naive = np.array([fitted[name].naive_mae for name in panel.instruments])
    assert row["change_mase"] == pytest.approx((np.abs(truth - said) / naive)[there].mean())
    assert scores.table["naive"]["change_mae"] == pytest.approx(np.abs(truth)[there].mean())
    day = 77
    known = there[day]
    assert scores.by_day["lstm"].iloc[day] == pytest.approx(
        stats.spearmanr(said[day, known], truth[day, known]).statistic
    )
    assert scores.squared_errors["naive"].iloc[day] == pytest.approx((truth[day, known] ** 2).mean())
    assert scores.absolute_errors["lstm"].iloc[day] == pytest.approx(np.abs(truth - said)[day, known].mean())
    assert scores.by_day.index.equals(panel.index[decisions])


def test_models_stand_side_by_side_and_say_why_a_number_is_missing(panel, fitted, states):
    scores = score_cross_section(fitted, panel, states, TESTED, boosting=False)
    assert list(scores.table) == ["lstm", "naive", "ridge", "momentum_12_1", "reversal_1m"]
    assert list(scores.by_day) == ["lstm", "ridge", "momentum_12_1", "reversal_1m"]
    assert list(scores.squared_errors) == ["lstm", "naive", "ridge"]
    for row in scores.table.values():
        for name, value in row.items():
            assert value is not None or f"{name}_reason" in row
            assert not isinstance(value, float) or np.isfinite(value)
    assert scores.table["naive"]["rank_ic"] is None
    assert scores.table["momentum_12_1"]["change_mae"] is None
    assert scores.table["momentum_12_1"]["n"] < scores.table["lstm"]["n"]  # `h` has no year behind it
    assert "its head says no intervals" in scores.table["lstm"]["change_coverage_reason"]


def test_intervals_of_a_head_are_counted(panel):
    fitted = fit_panel(panel, with_model(small_config(epochs=4), head="quantile"), ROWS, seed=1)
    scores = score_cross_section(fitted, panel, encode_panel(fitted, panel), TESTED, boosting=False)
    assert 0.5 < scores.table["lstm"]["change_coverage"] < 1.0


@pytest.mark.skipif(not boosting_is_installed(), reason="LightGBM is an extra")
def test_boosting_finds_a_law_that_is_no_line_and_has_seen_the_forecaster_s_rows_only():
    """r[t+1] follows the sign of |r[t]| - its median: no line finds it."""
    rng = np.random.default_rng(0)
    returns = np.zeros((900, 12))
    for t in range(899):
        returns[t + 1] = 0.004 * np.sign(np.abs(returns[t]) - 0.006) + 0.006 * rng.normal(size=12)
    series = wide(returns)
    config = small_config(epochs=1, horizon=1)
    fitted = fit_panel(series, config, range(0, 600), seed=1)
    states = encode_panel(fitted, series)
    scores = score_cross_section(fitted, series, states, range(610, 900))
    assert scores.table["boosting"]["rank_ic_t"] > 10.0
    assert abs(scores.table["ridge"]["rank_ic"]) < 0.7 * scores.table["boosting"]["rank_ic"]
    columns = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close")}
    for column in columns.values():
        column[750:] *= np.linspace(0.5, 2.0, 12)
    other = dataclasses.replace(series, **columns)
    again = score_cross_section(fitted, other, encode_panel(fitted, other), range(610, 900))
    cut = 749 - 610
    np.testing.assert_array_equal(again.by_day.iloc[:cut].to_numpy(), scores.by_day.iloc[:cut].to_numpy())
    np.testing.assert_array_equal(
        again.squared_errors.iloc[:cut].to_numpy(), scores.squared_errors.iloc[:cut].to_numpy()
    )


def wide(returns):
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    names = tuple("abcdefghijklmnop"[: returns.shape[1]])
    return dataclasses.replace(noise_series(len(returns), volume=False), instruments=names, single_price=True, **prices)


def test_relative_returns_are_learned_forecast_and_scored(panel):
    """Their sum over the bar is 0, and what all instruments share is not forecast."""
    relative = dataclasses.replace(panel, target="relative_return")
    fitted = fit_panel(relative, small_config(epochs=1), ROWS, seed=1)
    assert fitted["a"].feature_names[:2] == ("relative_return", "log_return")
    assert fitted["a"].target == "relative_return"
    states = encode_panel(fitted, relative)
    scores = score_cross_section(fitted, relative, states, TESTED, boosting=False)
    changes = relative.changes()
    np.testing.assert_allclose(changes.sum(axis=1), 0.0, atol=1e-12)
    decisions = np.arange(TESTED.start, TESTED.stop - 1)
    there = states.available[decisions] & relative.has_change[decisions + 1]
    assert scores.table["naive"]["change_mae"] == pytest.approx(np.abs(changes[decisions + 1])[there].mean())
    momentum = score_cross_section(fitted, relative, states, TESTED, boosting=False).by_day["momentum_12_1"]
    plain = fit_panel(panel, small_config(epochs=1), ROWS, seed=1)
    other = score_cross_section(plain, panel, encode_panel(plain, panel), TESTED, boosting=False)
    np.testing.assert_allclose(momentum, other.by_day["momentum_12_1"])  # a common shift reorders nobody


def test_what_cannot_be_scored_is_refused(panel, fitted, states):
    with pytest.raises(ValueError, match="must share one time index and instruments"):
        score_cross_section(fitted, panel, states.until(500), TESTED)
    with pytest.raises(ValueError, match=r"horizon must lie in \[1, model.horizon = 3\] bars, was 4"):
        score_cross_section(fitted, panel, states, TESTED, horizon=4)
    with pytest.raises(ValueError, match="hold no label of 1 bars"):
        score_cross_section(fitted, panel, states, range(600, 601))

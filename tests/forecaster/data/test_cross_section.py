"""Ranks and z-scores of a bar: of what trades then, blind to what comes, and the same whoever stands first."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster.config import FeatureConfig
from forecaster.data.cross_section import cross_section_features, ranks, trailing_sums, zscores
from forecaster.data.features import build_features
from forecaster.data.panel import build_panel_features
from forecaster.fitted import fit_panel
from forecaster.hidden_states import encode
from forecaster.panel_states import encode_panel

from markets import noise_series, ragged_panel, small_config

BARS, LATE = 120, 70
CONFIG = FeatureConfig(
    volatility_bars=(3,), volume_bars=3, calendar=False, cross_section=("rank", "zscore"), momentum_bars=(5, 10)
)


def panel(instruments="abcdef", **options):
    return ragged_panel(
        BARS,
        instruments=tuple(instruments),
        lists={"b": 30, "e": LATE},
        ends={"c": 90},
        halts={"d": range(50, 55)},
        **options,
    )


def test_the_rank_and_the_z_score_of_a_bar_are_scipy_s():
    series = panel()
    tables, first_rows = cross_section_features(series, CONFIG)
    assert first_rows.tolist() == [10, 40, 10, 10, LATE + 10, 10]
    t = 60
    there = series.traded[t] & (t >= first_rows)  # all of them have ten changes of their own
    momentum = series.log_return()[t - 9 : t + 1].sum(axis=0)
    rank, zscore = tables["momentum_10_rank"][t], tables["momentum_10_zscore"][t]
    expected = (stats.rankdata(momentum[there]) - 0.5) / there.sum() - 0.5
    np.testing.assert_allclose(rank[there], expected)
    np.testing.assert_allclose(zscore[there], stats.zscore(momentum[there]))


def test_who_does_not_trade_is_in_the_middle_and_is_compared_with_nobody():
    series = panel()
    tables, _ = cross_section_features(series, CONFIG)
    for table in tables.values():
        assert (table[50:55, 3] == 0.0).all()
        assert (table[90:, 2] == 0.0).all()
    others = [0, 1, 3, 4, 5]
    without_c = dataclasses.replace(
        series,
        instruments=tuple("abdef"),
        **{name: column[:, others] for name, column in series.columns().items()},
    )
    fewer, _ = cross_section_features(without_c, CONFIG)
    np.testing.assert_array_equal(fewer["log_return_rank"][90:], tables["log_return_rank"][90:, others])


@given(st.integers(40, BARS - 2), st.booleans())
@settings(max_examples=20, deadline=None)
def test_no_later_bar_and_no_later_listing_reaches_an_earlier_value(t, lists):
    series = panel()
    columns = {name: column.copy() for name, column in series.columns().items()}
    for name in ("open", "high", "low", "close"):
        columns[name][t + 1 :] *= np.linspace(0.5, 2.0, 6)
    columns["traded"][t + 1 :, 4 if lists else 0] = lists
    before = build_panel_features(series, CONFIG)
    after = build_panel_features(dataclasses.replace(series, **columns), CONFIG)
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        if lists and number == 4 and t + 1 < LATE:
            continue  # its own history begins elsewhere
        np.testing.assert_array_equal(one.values[: t + 1], other.values[: t + 1])
        np.testing.assert_array_equal(before[number].names, other.names)


@given(st.permutations(range(6)))
@settings(max_examples=15, deadline=None)
def test_another_order_of_the_instruments_is_another_order_of_the_columns(order):
    series = panel()
    moved = dataclasses.replace(
        series,
        instruments=tuple("abcdef"[number] for number in order),
        **{name: column[:, order] for name, column in series.columns().items()},
    )
    tables, first_rows = cross_section_features(series, CONFIG)
    others, other_rows = cross_section_features(moved, CONFIG)
    np.testing.assert_array_equal(other_rows, first_rows[list(order)])
    for name, table in tables.items():
        np.testing.assert_allclose(others[name], table[:, list(order)], atol=1e-12)


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_ranks_lie_evenly_about_zero_and_z_scores_have_mean_0_and_deviation_1(seed):
    rng = np.random.default_rng(seed)
    values, there = rng.normal(size=(7, 9)).round(1), rng.random((7, 9)) < 0.7
    rank, zscore = ranks(values, there), zscores(values, there)
    assert (np.abs(rank) < 0.5).all()
    np.testing.assert_allclose(rank.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(zscore.sum(axis=1), 0.0, atol=1e-9)
    for row in range(7):
        spread = np.ptp(values[row, there[row]]) if there[row].any() else 0.0
        assert np.isclose((zscore[row] ** 2).sum(), there[row].sum() if spread else 0.0)


def test_sums_are_of_their_own_bars():
    values = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(trailing_sums(values, 3)[4], values[2:5].sum(axis=0))
    np.testing.assert_array_equal(trailing_sums(values, 9)[5], values.sum(axis=0))


def test_the_features_stand_behind_the_plain_ones_and_a_selection_knows_its_own_again():
    series = panel()
    plain = dataclasses.replace(CONFIG, selection=True, cross_section=())
    told, bare = (
        build_panel_features(series, config)[0] for config in (dataclasses.replace(CONFIG, selection=True), plain)
    )
    more = told.plain - bare.plain
    assert more == 6
    assert told.names[bare.plain : told.plain] == tuple(
        f"{name}_{measure}" for name in ("log_return", "momentum_5", "momentum_10") for measure in ("rank", "zscore")
    )
    assert [told.names[number] for number in told.season] == [bare.names[number] for number in bare.season]
    assert {told.names[k]: told.names[v] for k, v in told.means.items()} == {
        bare.names[k]: bare.names[v] for k, v in bare.means.items()
    }
    assert (
        build_panel_features(series, dataclasses.replace(CONFIG, cross_section=()))[0].names
        == build_features(series.instrument("a"), CONFIG).names
    )


def test_a_network_that_compares_finds_who_goes_back_to_the_others():
    """r[t+1, a] = -0.8 (r[t, a] - mean of t) + noise: a law that no instrument's own past tells."""
    rng = np.random.default_rng(0)
    returns = rng.normal(0.0, 0.01, (800, 8))
    for t in range(799):
        returns[t + 1] = 0.02 * rng.normal() - 0.8 * (returns[t] - returns[t].mean()) + 0.004 * rng.normal(size=8)
    series = wide(returns)
    config = small_config(horizon=1, epochs=8, context_length=2, learning_rate=0.01)
    features = dataclasses.replace(config.features, cross_section=("zscore",), momentum_bars=())
    fitted = fit_panel(series, dataclasses.replace(config, features=features), range(0, 600), seed=1)
    states = encode_panel(fitted, series)
    ahead = returns[601:] - returns[601:].mean(axis=1, keepdims=True)
    said = states.forecast[600:-1, :, 0]
    correlation = np.corrcoef((said - said.mean(axis=1, keepdims=True)).ravel(), ahead.ravel())[0, 1]
    assert correlation > 0.6
    with pytest.raises(ValueError, match="which encode_panel reads together"):
        encode(fitted["a"], series.instrument("a"))


def wide(returns):
    close = 100.0 * np.exp(np.cumsum(returns, axis=0))
    count = returns.shape[1]
    return dataclasses.replace(
        noise_series(len(returns), volume=False),
        instruments=tuple("abcdefghij"[:count]),
        open=close,
        high=close,
        low=close,
        close=close,
        single_price=True,
    )


def test_one_instrument_cannot_be_compared():
    with pytest.raises(ValueError, match=r"features\.cross_section compares instruments, the series has one"):
        build_panel_features(noise_series(60), CONFIG)
    with pytest.raises(ValueError, match="momentum_bars must differ, were"):
        FeatureConfig(momentum_bars=(5, 5))

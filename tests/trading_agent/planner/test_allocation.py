"""The best weights on forecasts: answers in closed form, caps for any forecast, and the known covariance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent.planner.mean_variance import MeanVariance, shrunk_covariance

ALL = np.ones(3, dtype=bool)
FREE = (-9.0, 9.0, 99.0, 99.0)
COVARIANCE = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]]) * 1e-4


def test_without_costs_and_caps_the_weights_are_those_of_markowitz():
    expected = np.array([2.0, -1.0, 1.0]) * 1e-4
    found = MeanVariance(5.0 * COVARIANCE, 0.0, FREE).best(expected, np.zeros(3), ALL)
    np.testing.assert_allclose(found, np.linalg.solve(5.0 * COVARIANCE, expected), atol=1e-3)


@pytest.mark.parametrize(("edge", "moved"), [(0.9, 0.0), (1.5, 0.125)])
def test_what_a_change_would_cost_more_than_it_earns_is_left_alone(edge, moved):
    """One asset: it is bought until what more of it earns is the cost, (edge - cost) / (aversion x variance)."""
    problem = MeanVariance(np.array([[4e-4]]) * 1.0, 1e-4, (-1.0, 1.0, 1.0, 1.0))
    found = problem.best(np.array([edge * 1e-4]), np.zeros(1), ALL[:1])
    np.testing.assert_allclose(found, [moved], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([0.2, 1.0]),
    st.sampled_from([0.5, 1.5]),
    st.sampled_from([0.0, 0.3, 9.0]),
    st.booleans(),
)
def test_no_choice_is_beyond_a_cap_and_what_is_not_available_stays(seed, most, gross, net, long_only):
    rng = np.random.default_rng(seed)
    problem = MeanVariance(COVARIANCE, 1e-4, (0.0 if long_only else -most, most, gross, net))
    available = rng.random(3) < 0.8
    held = np.where(available, 0.0, rng.uniform(0.0, 0.1, 3))
    for _ in range(3):
        found = problem.best(rng.normal(0.0, 1e-3, 3), held, available)
        np.testing.assert_array_equal(found[~available], held[~available])
        assert (np.abs(found[available]) <= most + 1e-6).all()
        assert np.abs(found).sum() <= gross * (1.0 + 1e-6)
        assert not long_only or (found >= 0.0).all()
        if available.all():
            assert abs(found.sum()) <= net + 1e-3


def test_the_covariance_is_that_of_ledoit_and_wolf_on_returns_of_unit_variance():
    oracle = pytest.importorskip("sklearn.covariance")
    returns = np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, 200)
    deviation = np.sqrt(np.square(returns).mean(axis=0))
    theirs, _ = oracle.ledoit_wolf(returns / deviation, assume_centered=True)
    ours = shrunk_covariance(returns, np.ones(returns.shape, dtype=bool))
    np.testing.assert_allclose(ours, theirs * deviation[:, None] * deviation, rtol=1e-9)


def test_an_asset_without_a_past_is_given_the_middle_variance_and_no_correlation():
    rng = np.random.default_rng(0)
    returns = rng.normal(0.0, [0.01, 0.02, 0.03, 0.5], (500, 4))
    known = np.ones(returns.shape, dtype=bool)
    known[:-5, 3] = False
    found = shrunk_covariance(returns, known)
    assert found[3, 3] == pytest.approx(found[1, 1])
    np.testing.assert_array_equal(found[3, :3], 0.0)
    assert (np.linalg.eigvalsh(found) > 0.0).all()

"""Trying what is not believed best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading_agent.common.config import ExplorationConfig
from trading_agent.common.exploration import boltzmann, epsilon_greedy, explore, rate_at

values = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-10, 10))


@given(values, st.integers(0, 9))
def test_with_epsilon_0_the_best_action_is_taken_and_of_equals_the_first(q, seed):
    np.testing.assert_array_equal(epsilon_greedy(q, 0.0, np.random.default_rng(seed)), q.argmax(axis=1))


@given(values, st.floats(0.01, 10), st.integers(0, 9))
def test_the_same_generator_gives_the_same_actions(q, rate, seed):
    for kind in ("epsilon_greedy", "boltzmann"):
        config = ExplorationConfig(kind=kind)
        once, again = (explore(config, q, rate, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(once, again)
        assert once.shape == (len(q),)
        assert once.min() >= 0
        assert once.max() < q.shape[1]


def test_epsilon_is_the_share_of_random_actions():
    q = np.tile([0.0, 5.0, 1.0, 2.0], (100_000, 1))
    shares = np.bincount(epsilon_greedy(q, 0.4, np.random.default_rng(0))) / len(q)
    np.testing.assert_allclose(shares, [0.1, 0.7, 0.1, 0.1], atol=0.005)


def test_boltzmann_draws_actions_as_the_softmax_says():
    q, temperature = np.array([1.0, 2.0, 4.0]), 1.5
    shares = np.bincount(boltzmann(np.tile(q, (100_000, 1)), temperature, np.random.default_rng(0))) / 100_000
    np.testing.assert_allclose(shares, np.exp(q / temperature) / np.exp(q / temperature).sum(), atol=0.005)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_the_rate_goes_straight_from_start_to_end_and_stays(start, end, fraction):
    config = ExplorationConfig(start=start, end=end, fraction=fraction)
    assert rate_at(config, 0.0) == start
    assert rate_at(config, fraction / 2) == pytest.approx((start + end) / 2)
    assert rate_at(config, fraction) == rate_at(config, 1.0) == pytest.approx(end)

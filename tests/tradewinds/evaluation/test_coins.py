"""Whoever knows nothing is found to know something no more often than is said, whatever he does; who knows is found."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.evaluation.coins import FALSE_ALARM, knowledge, sign_p_value, stake_p_value

COINS = 8
sizes = st.lists(st.floats(0.0, 1e6), min_size=COINS, max_size=COINS)


def luck_of(sizes, temper, signs):
    """Luck of who stakes more, or less, or nothing, by how the last coins came."""
    luck = np.zeros(COINS)
    for t, sign in enumerate(signs):
        won = sum(signs[max(t - 2, 0) : t])
        luck[t] = sign * sizes[t] * temper[won % len(temper)]
    return luck


@settings(max_examples=30)
@given(sizes, st.lists(st.floats(0.0, 1e3), min_size=5, max_size=5), st.floats(1e-4, 0.5))
def test_no_way_of_staking_makes_luck_surprising_more_often_than_its_p_value(sizes, temper, level):
    """All 256 ways in which eight fair coins can come, counted."""
    p_values = np.array(
        [stake_p_value(luck_of(sizes, temper, signs), level) for signs in product((-1, 1), repeat=COINS)]
    )
    assert np.mean(1.0 / p_values) <= 2.0**COINS  # finite
    for p_value in p_values:
        assert np.mean(p_values <= p_value) <= p_value * (1.0 + 1e-9)


@pytest.mark.parametrize("coins", [1, 2, 7, 40])
def test_the_p_value_of_signs_is_exact(coins):
    counts = np.arange(coins + 1)
    probability = np.array([np.prod([(coins - j) / (j + 1) for j in range(k)]) for k in counts]) / 2.0**coins
    p_values = np.array([sign_p_value(int(k), coins) for k in counts])
    for p_value in p_values:
        assert probability[p_values <= p_value].sum() <= p_value * (1.0 + 1e-9)
    assert p_values[0] == pytest.approx(2.0 ** (1 - coins))


def test_seventy_of_seventy_coins_are_no_luck_and_half_of_them_are():
    assert sign_p_value(70, 70) == pytest.approx(2.0**-69)
    assert sign_p_value(35, 70) == 1.0
    assert stake_p_value(np.ones(70), 1e-4) < 1e-7
    assert stake_p_value(-np.ones(70), 1e-4) == 1.0
    assert stake_p_value(np.zeros(70), 1e-4) == 1.0


def test_luck_has_no_unit():
    luck = np.random.default_rng(0).normal(0.3, 1.0, 200)
    assert stake_p_value(1e-7 * luck, 1e-3) == pytest.approx(stake_p_value(luck, 1e-3))


def test_at_most_one_whole_check_in_a_hundred_cries_wolf():
    """Four people at two questions each, whose stakes follow their wins, 400 times."""
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(400):
        signs = rng.choice([-1.0, 1.0], (60, 4, 2))
        stakes = 1.0 + np.maximum(np.cumsum(signs, axis=0) - signs, 0.0)
        luck = {str(who): (signs * stakes)[:, who] for who in range(4)}
        alarms += next(knowledge(luck, rng), None) is not None
    assert alarms <= 12  # with 1 in 100 it would be more than this once in four thousand times


def test_who_knows_is_named_with_what_he_knew():
    rng = np.random.default_rng(0)
    luck = {"nobody": rng.normal(size=(200, 2)), "somebody": rng.normal([0.0, 0.5], size=(200, 2))}
    (found,) = knowledge(luck, rng)
    assert (found.who, found.number, found.coins) == ("somebody", 1, 200)
    assert found.p_value <= FALSE_ALARM / 8.0


def test_who_is_lucky_in_size_alone_is_found_too():
    """He wins half the time, and twice as much as he loses."""
    luck = np.tile([2.0, -1.0], 150)[:, None]
    (found,) = knowledge({"chooser": luck}, np.random.default_rng(0))
    assert found.right == found.coins / 2


def test_who_says_nothing_is_not_found_to_know_anything():
    assert not list(knowledge({"silent": np.zeros((500, 3))}, np.random.default_rng(0)))

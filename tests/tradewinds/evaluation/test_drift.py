"""A watch over losses: how seldom it cries without a cause, and how soon with one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.evaluation.drift import USUAL, relative_losses, watch

YEAR, BEFORE = 250, 250


WORLDS = ["normal", pytest.param("student", marks=pytest.mark.slow), pytest.param("garch", marks=pytest.mark.slow)]


def losses_of(rng, later, world, *, turned=False):
    """Losses of a forecast of 0.3 of the last change, beside those of no change, where it is right at first."""
    bars, variance = USUAL + BEFORE + later, 1.0
    shocks = rng.standard_t(4, bars) / np.sqrt(2.0) if world == "student" else rng.standard_normal(bars)
    changes = np.zeros(bars)
    for t in range(bars):
        before = changes[t - 1] if t else 0.0
        if world == "garch":
            variance = 0.05 + 0.1 * (before**2 if t else 1.0) + 0.85 * variance
        sign = -1.0 if turned and t >= USUAL + BEFORE else 1.0
        changes[t] = sign * 0.3 * before + np.sqrt(variance) * shocks[t]
    forecast = np.concatenate([[0.0], 0.3 * changes[:-1]])
    return relative_losses(np.abs(changes - forecast), np.abs(changes))


def firsts(world, seeds, **how):
    """Return by seed the first bar of a year with an alarm, None without one."""
    losses = [losses_of(np.random.default_rng(seed), YEAR, world, **how) for seed in range(seeds)]
    return [watch(one[:BEFORE], one[BEFORE:], bound=YEAR, seed=seed).first for seed, one in enumerate(losses)]


@pytest.mark.parametrize("world", WORLDS)
def test_in_200_years_without_a_change_less_than_one_alarm_a_year(world):
    alarms = sum(first is not None for first in firsts(world, 200))
    print(f"{world}: {alarms} years of 200 with a false alarm")  # docs/operating.md
    assert 0 < alarms < 200 * 0.4


@pytest.mark.parametrize("world", WORLDS)
def test_a_sign_that_turns_is_seen_within_a_quarter(world):
    delays = [YEAR if first is None else first for first in firsts(world, 100, turned=True)]
    print(f"{world}: seen after {np.median(delays)} bars, {np.quantile(delays, 0.9)} in nine of ten years")
    assert np.median(delays) < YEAR / 4


@given(st.integers(0, 2**31), st.sampled_from([np.exp, np.cbrt, lambda x: 1e6 * x - 3.0]))
def test_only_the_order_of_losses_counts(seed, rising):
    losses = np.random.default_rng(seed).standard_normal(120)
    one, other = (watch(part[:80], part[80:], bound=50.0, seed=1) for part in (losses, rising(losses)))
    assert one == other


@given(st.integers(0, 2**31), st.integers(1, 39))
def test_what_comes_later_changes_nothing_of_what_was_told(seed, count):
    losses = np.random.default_rng(seed).standard_normal(120)
    early = watch(losses[:80], losses[80 : 80 + count], bound=20.0, seed=1).first
    late = watch(losses[:80], losses[80:], bound=20.0, seed=1).first
    assert early == late if early is not None else late is None or late >= count


def test_an_alarm_that_has_passed_is_no_longer_raised():
    rng = np.random.default_rng(0)
    later = np.concatenate([np.full(30, 9.0), rng.standard_normal(400)])
    drift = watch(rng.standard_normal(200), later, bound=250.0, seed=1)
    assert drift.first is not None
    assert drift.since is None


def test_units_do_not_count_and_the_first_losses_only_say_what_is_usual():
    rng = np.random.default_rng(1)
    loss, plain = np.abs(rng.standard_normal((2, 100)))
    assert relative_losses(7.0 * loss, 7.0 * plain) == pytest.approx(relative_losses(loss, plain))
    assert len(relative_losses(loss, plain)) == 100 - USUAL
    assert len(relative_losses(loss[:USUAL], plain[:USUAL])) == 0


def test_too_few_losses_before_are_refused_with_their_number():
    with pytest.raises(ValueError, match="drift is told from 60 losses before, there are 59"):
        watch(np.zeros(59), np.zeros(3), bound=10.0, seed=0)

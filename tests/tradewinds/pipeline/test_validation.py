"""The one rule of selection: luck is not taken for skill, and what learned must beat what need not learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.pipeline.validation import LEAST, Validation, forecast_evidence
from trading_agent.common.loop import TrainedAgent
from trading_agent.common.policy import ConstantPolicy

BARS = 1_000


class Path:
    """A policy that is what it earns."""

    kind = "path"

    def __init__(self, rewards):
        self.rewards = np.asarray(rewards, dtype=np.float64)


def earned(policy):
    """What a walk of the policy through the validation rows comes to."""
    return policy.rewards


def noise(seed, mean=0.0):
    return np.random.default_rng(seed).normal(mean, 1.0, BARS)


FLAT = Path(np.zeros(BARS))


def test_doing_nothing_scores_nothing_whatever_is_asked():
    assert Validation(earned, standard_errors=5.0)(FLAT) == 0.0


@given(st.integers(0, 1_000), st.floats(0.0, 6.0))
def test_with_no_rival_the_score_is_the_sum_less_the_standard_errors_that_are_left_to_show(seed, evidence):
    rewards = noise(seed)
    validation = Validation(earned, standard_errors=5.0, evidence=evidence)
    left = min(max(5.0 - evidence, 5.0 * LEAST), 5.0)
    assert validation(Path(rewards)) == pytest.approx(rewards.sum() - left * np.sqrt(BARS) * rewards.std())


def test_what_the_forecast_has_shown_is_no_merit_of_a_constant_position():
    rising = noise(6, 0.1)
    validation = Validation(lambda policy: rising, standard_errors=5.0, evidence=8.0)
    assert validation(ConstantPolicy(2)) < 0.0 < validation(Path(rising))


def test_a_forecast_that_was_wrong_does_not_ask_for_more_than_no_forecast():
    assert Validation(earned, standard_errors=5.0, evidence=-3.0).needed == 5.0


def test_the_rival_stands_once_it_has_proven_itself_and_not_before():
    good, lucky = Path(noise(1, 0.2)), Path(noise(2, 0.04))
    assert Validation(earned, standard_errors=5.0, evidence=4.0, rival=good).rival is good
    assert Validation(earned, standard_errors=5.0, evidence=0.0, rival=lucky).rival is None


def test_where_a_rival_stands_it_stays_unless_what_learned_is_better_by_what_is_needed():
    rival = Path(noise(3, 0.2))
    validation = Validation(earned, standard_errors=5.0, evidence=8.0, rival=rival)
    assert validation(rival) == pytest.approx(rival.rewards.sum())
    same, better = Path(rival.rewards + 0.01 * noise(4)), Path(rival.rewards + 0.1)
    for learned, kept in ((same, rival), (better, better)):
        trained = TrainedAgent(policy=learned, best_step=9, best_score=validation(learned), history=())
        assert validation.settle(trained).policy is kept


def test_an_account_that_was_ruined_early_earns_nothing_more():
    rival = Path(noise(3, 0.2))
    validation = Validation(earned, standard_errors=5.0, evidence=8.0, rival=rival)
    assert validation(Path([-3.0])) < 0.0


def test_of_a_thousand_forecasts_of_noise_few_look_like_evidence():
    rng = np.random.default_rng(5)
    shown = np.array([forecast_evidence(rng.normal(size=500), rng.normal(size=500)) for _ in range(1_000)])
    assert abs(shown.mean()) < 0.1
    assert abs(shown.std() - 1.0) < 0.1


def test_best_of_twenty_that_only_were_lucky_seldom_beats_doing_nothing():
    chosen = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        validation = Validation(earned, standard_errors=5.0, evidence=float(rng.normal()))
        chosen += max(validation(Path(noise([seed, k]))) for k in range(20)) > 0.0
    assert chosen <= 4


def test_a_forecast_of_nothing_is_no_evidence():
    assert forecast_evidence(np.zeros(9), np.ones(9)) == 0.0

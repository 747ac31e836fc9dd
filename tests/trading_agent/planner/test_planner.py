"""The planner learns whom to believe from decisions, starts at the plain mean, and never ends below it."""

from typing import NamedTuple

import numpy as np
import pytest
from glossary import explained
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import VectorEnv
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading_agent import load_policy, save_policy
from trading_agent.common.loop import seeds_from
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.planner import PlannerLearner, projected, train_planner
from trading_agent.planner.policy import PlannerPolicy


class Told(NamedTuple):
    forecasts: np.ndarray
    outcome: np.ndarray
    length: np.ndarray


class Sides:
    """Hold +1 where the forecast is above the cost, -1 where it is below minus it: the best plan of single steps."""

    kind = "sides"

    def __init__(self, names, cost=0.0):
        self.names, self.cost = tuple(names), cost

    def forecasts(self, observations):
        return observations.astype(np.float64).reshape(len(observations), len(self.names), -1)

    def act(self, observations, forecast):
        return 1 + self.volumes(forecast, None)[:, 0].astype(np.int64)

    def volumes(self, forecast, length):
        return np.sign(forecast) * (np.abs(forecast) > self.cost)

    def settings(self):
        return {"names": list(self.names), "cost": self.cost}


class Market(VectorEnv):
    """No steps: a planner learns from lessons alone."""

    def __init__(self, plan, told):
        self._plan, self._told = plan, told
        self.num_envs, self.single_action_space = 1, Discrete(3)
        self.single_observation_space = Box(-np.inf, np.inf, (told.forecasts[0].size,))

    def plan(self):
        return self._plan

    def lessons(self):
        return self._told


PLANS = {"sides": lambda settings: Sides(**settings)}


def taught(noise, num_days=400, hours=6, seed=0):
    """Forecasters that tell the truth with noise of different size."""
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=(num_days, hours))
    forecasts = outcome[:, None] + np.array(noise)[None, :, None] * rng.normal(size=(num_days, len(noise), hours))
    return Told(forecasts, outcome, np.full(num_days, hours))


def earned(plan, told):
    """How a policy does on lessons it never saw: the profit of its plans."""

    def score(policy):
        if not isinstance(policy, PlannerPolicy):
            return 0.0
        mixed = np.einsum("k,dkh->dh", policy.weights, told.forecasts)
        held = plan.volumes(mixed, told.length)
        return float((held * told.outcome).sum() - plan.cost * np.abs(held).sum())

    return score


@given(arrays(np.float64, st.integers(1, 9), elements=st.floats(-5.0, 5.0)))
def test_the_projection_is_the_nearest_allowed_mix(weights):
    near = projected(weights)
    assert near.min() >= 0.0
    assert near.sum() <= 1.0 + 1e-12
    rng = np.random.default_rng(0)
    others = rng.dirichlet(np.ones(len(weights) + 1), 300)[:, :-1]
    assert ((near - weights) ** 2).sum() <= ((others - weights) ** 2).sum(axis=1).min() + 1e-9


def test_the_gradient_is_that_of_the_loss():
    """SPO+ loss of a mix: what plans on 2 x forecast - outcome earn at that price, against the best plan there."""
    plan, told = Sides(("a", "b"), cost=0.3), taught((1.0, 0.2), num_days=40)
    config = PlannerConfig(steps=10, num_envs=40)
    learner = PlannerLearner(Market(plan, told), config, seeds_from(0))
    learner.weights = np.array([0.37, 0.41])

    def loss(weights):
        mixed = np.einsum("k,dkh->dh", weights, told.forecasts)
        tempting = 2.0 * mixed - told.outcome

        def worth(held):
            return (held * tempting - plan.cost * np.abs(held)).sum(axis=1)

        return (worth(plan.volumes(tempting, None)) - worth(learner.best)).sum() / learner.scale / 40

    mixed = np.einsum("k,dkh->dh", learner.weights, told.forecasts)
    slope = 2.0 * (plan.volumes(2.0 * mixed - told.outcome, None) - learner.best)
    gradient = np.einsum("dh,dkh->k", slope, told.forecasts) / 40 / learner.scale
    step = 1e-6
    for k in range(2):
        moved = np.eye(2)[k] * step
        slope = (loss(learner.weights + moved) - loss(learner.weights - moved)) / (2 * step)
        assert slope == pytest.approx(gradient[k], rel=1e-4)


def test_it_learns_to_believe_whom_it_should():
    plan, told = Sides(("liar", "honest", "noisy")), taught((8.0, 0.1, 3.0))
    fresh = taught((8.0, 0.1, 3.0), seed=1)
    score = earned(plan, fresh)
    config = PlannerConfig(steps=6000, learning_rate=0.05, validate_every=1000)
    trained = train_planner(Market(plan, told), config, seed=3, validate=score)
    assert trained.best_step > 0
    best = float(np.abs(fresh.outcome).sum())
    assert score(PlannerPolicy(plan, np.full(3, 1 / 3))) < 0.6 * best
    assert trained.best_score > 0.85 * best
    assert trained.policy.weights.argmax() == 1


def test_a_forecast_of_nothing_is_believed_less_the_more_a_turn_costs():
    """Noise alone: the plan's turns cost money, and the only cure is to believe in nothing."""
    rng = np.random.default_rng(0)
    told = Told(rng.normal(size=(500, 1, 6)), rng.normal(size=(500, 6)), np.full(500, 6))
    market, config = Market(Sides(("noise",), cost=0.5), told), PlannerConfig(steps=9000, learning_rate=0.2)
    learner = PlannerLearner(market, config, seeds_from(0)._replace(rng=rng))
    for update in range(500):
        learner.update(update / 500)
    assert learner.average[0] < 0.2


def test_it_never_ends_below_the_plan_on_the_first_forecast_alone():
    plan, told = Sides(("honest", "liar", "noisy")), taught((0.1, 8.0, 8.0))
    score = earned(plan, taught((0.1, 8.0, 8.0), seed=1))
    config = PlannerConfig(steps=100, learning_rate=0.0, first_share=0.4)
    trained = train_planner(Market(plan, told), config, seed=0, validate=score)
    assert trained.policy.weights.tolist() == [1.0, 0.0, 0.0]
    assert trained.best_score > score(PlannerPolicy(plan, np.array([0.4, 0.3, 0.3])))


@pytest.mark.parametrize(
    ("settings", "begun"),
    [
        ({}, [[0.75, 0.25], [1.0, 0.0]]),
        ({"first_share": None}, [[0.5, 0.5], [1.0, 0.0]]),
        ({"first_share": 1.0}, [[1.0, 0.0]]),
        ({"forecasts": ("a",)}, [[1.0, 0.0]]),
        ({"forecasts": ("b",)}, [[0.0, 1.0]]),
    ],
)
def test_what_learning_has_to_beat_is_the_first_mix_and_the_first_forecast_alone_each_once(settings, begun):
    market = Market(Sides(("a", "b")), taught((1.0, 1.0), num_days=5))
    candidates = PlannerLearner(market, PlannerConfig(**settings), seeds_from(0)).baselines()
    shares = [list(metrics.values()) for policy, metrics in candidates if isinstance(policy, PlannerPolicy)]
    assert shares == begun


def test_it_never_ends_below_the_plain_mean_on_validation():
    plan, told = Sides(("a", "b")), taught((1.0, 1.0))
    misleading = earned(plan, taught((0.1, 5.0), seed=4))
    config = PlannerConfig(steps=500, learning_rate=5.0, validate_every=100)
    trained = train_planner(Market(plan, told), config, seed=0, validate=misleading)
    assert trained.best_score >= misleading(PlannerPolicy(plan, np.full(2, 0.5)))


def test_an_interrupted_training_ends_as_one_never_interrupted(tmp_path):
    plan, told = Sides(("a", "b")), taught((1.0, 0.5))
    config = PlannerConfig(steps=2000, learning_rate=0.05, validate_every=500)
    score, calls = earned(plan, taught((1.0, 0.5), seed=1)), []

    def stopping(policy):
        calls.append(policy)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return score(policy)

    whole = train_planner(Market(plan, told), config, seed=0, validate=score)
    with pytest.raises(KeyboardInterrupt):
        train_planner(Market(plan, told), config, seed=0, validate=stopping, checkpoint=tmp_path / "c")
    again = train_planner(Market(plan, told), config, seed=0, validate=score, resume=tmp_path / "c")
    np.testing.assert_array_equal(again.policy.weights, whole.policy.weights)
    assert again.history == whole.history
    logged = {name for entry in whole.history for name in entry}
    assert logged - {"weight_a", "weight_b"} <= explained()


def test_a_saved_planner_acts_as_before(tmp_path):
    plan = Sides(("a", "b"), cost=0.1)
    policy = PlannerPolicy(plan, np.array([0.25, 0.5]))
    save_policy(policy, tmp_path)
    seen = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)
    np.testing.assert_array_equal(load_policy(tmp_path, plans=PLANS).act(seen), policy.act(seen))


def test_what_cannot_be_planned_is_refused_by_name(tmp_path):
    plan, told = Sides(("a", "b")), taught((1.0, 1.0))
    config = PlannerConfig(steps=10, forecasts=("c",))
    with pytest.raises(ValueError, match=r"forecasts must be of a, b, held c"):
        train_planner(Market(plan, told), config, seed=0, validate=lambda policy: 0.0)
    with pytest.raises(ValueError, match=r"env must say how it is planned .* was VectorEnv"):
        train_planner(VectorEnv(), config, seed=0, validate=lambda policy: 0.0)
    with pytest.raises(ValueError, match=r"(?s)learning_rate\n.*greater than or equal to 0"):
        PlannerConfig(steps=10, learning_rate=-1.0)
    save_policy(PlannerPolicy(plan, np.ones(2)), tmp_path)
    with pytest.raises(ValueError, match=r"plan must be one of those handed to load_policy \(none\), was 'sides'"):
        load_policy(tmp_path)

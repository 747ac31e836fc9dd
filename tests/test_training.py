"""What every training keeps to: names that are explained, and a whole checkpoint where numbers are lost."""

import numpy as np
import pytest
from glossary import explained

from trading_agent import (
    DQNConfig,
    PPOConfig,
    QLearningConfig,
    ReinforceConfig,
    evaluate,
    train_dqn,
    train_ppo,
    train_q_learning,
    train_reinforce,
)
from trading_agent.direct.config import DirectConfig
from trading_agent.direct.direct import train_direct
from trading_agent.direct.learners import LevelLearner
from trading_env import Market, TradingConfig, TradingVectorEnv

from corridor import Corridor

COMMON = {"num_envs": 4, "validate_every": 128}
GRADIENT = {**COMMON, "steps": 640, "rollout_steps": 16, "hidden_sizes": (8,)}
TRAININGS = {
    "dqn": (train_dqn, DQNConfig(**COMMON, steps=640, hidden_sizes=(8,), learning_starts=40, batch_size=16)),
    "q_learning": (train_q_learning, QLearningConfig(**COMMON, steps=640, columns=(0,), learning_starts=40)),
    "ppo": (train_ppo, PPOConfig(**GRADIENT, batch_size=16)),
    "reinforce": (train_reinforce, ReinforceConfig(**GRADIENT)),
}
DIRECT = DirectConfig(steps=1_600, num_envs=4, window_bars=8, hidden_sizes=(8,), validate_every=320)


class Breaking(Corridor):
    """A corridor whose rewards are no numbers from the hundredth call on."""

    calls = 0

    def step(self, actions):
        self.calls += 1
        seen, reward, *rest = super().step(actions)
        return (seen, reward * (np.nan if self.calls >= 100 else 1.0), *rest)


def score(policy):
    return evaluate(policy, Corridor(2, length=4), 4)


def market_env():
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.normal(size=120)))[:, None]
    features = rng.normal(size=(120, 3)).astype(np.float32)
    market = Market(open=close, close=close, features=features, bars_per_year=252.0, single_price=True)
    return TradingVectorEnv(market, TradingConfig(execution="same_close"), num_envs=4)


def same(one, other):
    ours, theirs = one.policy.tensors(), other.policy.tensors()
    return one.history == other.history and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


@pytest.mark.parametrize("kind", TRAININGS)
def test_every_name_a_training_logs_stands_in_the_glossary(kind):
    train, config = TRAININGS[kind]
    told = set()
    trained = train(Corridor(), config, seed=0, validate=score, progress=lambda _, __, metrics: told.update(metrics))
    assert told.union(*trained.history) <= explained()


def test_every_name_direct_logs_stands_in_the_glossary():
    told = set()
    trained = train_direct(
        market_env(), DIRECT, seed=0, validate=lambda _: 0.0, progress=lambda _, __, metrics: told.update(metrics)
    )
    assert told.union(*trained.history) <= explained()


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_training_that_loses_its_numbers_stops_and_leaves_a_checkpoint_to_go_on_from(kind, tmp_path):
    train, config = TRAININGS[kind]
    with pytest.raises(ValueError, match=r"must stay finite, were .*nan.* The checkpoint of the last validation is wh"):
        train(Breaking(), config, seed=0, validate=score, checkpoint=tmp_path)
    whole = train(Corridor(), config, seed=0, validate=score)
    assert same(train(Corridor(), config, seed=0, validate=score, resume=tmp_path), whole)


def test_direct_stops_at_a_gradient_that_is_no_number_even_where_its_loss_is_one(monkeypatch, tmp_path):
    grown, env, validate = LevelLearner.grown, market_env(), lambda policy: float(len(policy.tensors()))

    def torn(self, rows, charged):
        growth = grown(self, rows, charged)
        if self.updates >= 19:  # the last update before the second validation
            weight = next(self.network.parameters())
            growth = growth + (0.0 * weight.sum()).sqrt()  # 0, with the slope 0 x infinity
        return growth

    monkeypatch.setattr(LevelLearner, "grown", torn)
    with pytest.raises(ValueError, match=r"^weights must stay finite, were nan in .* after 640 env steps; lower learn"):
        train_direct(env, DIRECT, seed=0, validate=validate, checkpoint=tmp_path)
    monkeypatch.setattr(LevelLearner, "grown", grown)
    resumed = train_direct(env, DIRECT, seed=0, validate=validate, resume=tmp_path)
    assert same(resumed, train_direct(env, DIRECT, seed=0, validate=validate))

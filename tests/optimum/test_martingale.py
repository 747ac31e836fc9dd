"""On a martingale with fees it is best to do nothing, and the agent ends flat; where a signal pays, it trades."""

import dataclasses

import numpy as np
import pytest

from trading_agent import DQNConfig, ExplorationConfig, QLearningConfig, evaluate, train_dqn, train_q_learning
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv

FLAT = 1  # the action whose exposure is 0
BARS = 1_500
CAUTION = 3.0  # standard errors by which a policy must beat nothing; chance alone does it once in 370
CONFIG = TradingConfig(
    exposures=(-1.0, 0.0, 1.0),
    execution="next_open",
    costs=CostConfig(fee_bps=10, half_spread_bps=5, slippage_bps=5, borrow_bps_per_year=50, financing_bps_per_year=300),
)


def market(seed, *, predictable=0.0, num_bars=BARS, volatility=0.01):
    """Daily bars whose next return has the correlation `predictable` with the first of 8 features, a slow wave."""
    rng = np.random.default_rng(seed)
    noise, features = rng.normal(size=num_bars), rng.normal(size=(num_bars, 8))
    for t in range(1, num_bars):
        features[t] = 0.9 * features[t - 1] + np.sqrt(1 - 0.9**2) * features[t]
    standard = np.sqrt(1 - predictable**2) * noise
    standard[1:] += predictable * features[:-1, 0]
    close = np.exp(np.cumsum(volatility * standard - volatility**2 / 2))[:, None]
    opened = np.concatenate([close[:1], close[:-1]])
    return Market(open=opened, close=close, features=features.astype(np.float32), bars_per_year=252)


def dqn():
    config = DQNConfig(
        steps=20_000,
        num_envs=32,
        hidden_sizes=(32,),
        learning_rate=3e-4,
        discount=0.9,
        batch_size=128,
        learning_starts=1_000,
        target_interval=250,
        exploration=ExplorationConfig(end=0.1),
        validate_every=4_000,
    )
    return train_dqn, config


def q_learning():
    config = QLearningConfig(
        steps=40_000,
        num_envs=32,
        columns=(0, -2),  # the first feature, the target held
        discount=0.9,
        learning_starts=1_000,
        exploration=ExplorationConfig(end=0.1),
        validate_every=10_000,
    )
    return train_q_learning, config


def trained(agent, seed, predictable, share=1.0):
    """Train for a share of the steps that a signal takes to be found."""
    train, config = agent()
    config = dataclasses.replace(config, steps=int(share * config.steps))
    env = TradingVectorEnv(
        market(seed, predictable=predictable), CONFIG, num_envs=32, episode_bars=250, starts="random"
    )
    unseen = market(seed + 100, predictable=predictable)

    def validate(policy):
        return evaluate(policy, TradingVectorEnv(unseen, CONFIG), 1, standard_errors=CAUTION)

    return train(env, config, seed=seed, validate=validate)


def growth(policy, seed, predictable):
    return evaluate(policy, TradingVectorEnv(market(seed, predictable=predictable), CONFIG), 1)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
@pytest.mark.parametrize("agent", [dqn, q_learning])
def test_on_a_martingale_with_fees_the_agent_ends_flat(agent, seed):
    outcome = trained(agent, seed, predictable=0.0, share=0.6)
    env = TradingVectorEnv(market(seed + 200), CONFIG)
    observations = env.observe(np.arange(BARS), np.zeros((BARS, env.num_account_features), np.float32))
    assert (outcome.policy.act(observations) == FLAT).all()
    assert growth(outcome.policy, seed + 200, 0.0) == 0.0


@pytest.mark.parametrize("agent", [dqn, q_learning])
def test_where_a_signal_pays_the_fees_the_agent_trades_and_earns(agent):
    outcome = trained(agent, 0, predictable=0.25)
    assert outcome.policy.kind != "constant"
    assert growth(outcome.policy, 200, 0.25) > 0.5

"""The planner of several assets in the trading environment: it follows what pays, and is read back the same."""

import dataclasses

import numpy as np
import pytest

from trading_agent.common.evaluation import evaluate
from trading_agent.common.policy import load_policy, save_policy
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.planner import train_planner
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv
from trading_env.account.weight_plan import WeightPlan

PLANS = {WeightPlan.kind: lambda settings: WeightPlan(**settings)}


def market_of(seed, num_bars=300, assets=4, horizon=2):
    """Bars whose next log returns are forecast in each block, under noise of the same size; some are not traded."""
    rng = np.random.default_rng(seed)
    mean = np.repeat(rng.choice([-0.01, 0.01], (num_bars // 5 + 3, assets)), 5, axis=0)[: num_bars + horizon]
    growth = mean[:num_bars] + 0.01 * rng.normal(size=(num_bars, assets))
    missing = rng.random((num_bars, assets)) < 0.1
    blocks = np.stack([mean[1 + ahead : num_bars + 1 + ahead] for ahead in range(horizon)] + [~missing], axis=2)
    blocks = (blocks * blocks[:, :, -1:]).astype(np.float32)
    close = np.exp(np.cumsum(growth, axis=0))
    return Market(
        open=close,
        close=close,
        features=np.concatenate([blocks.reshape(num_bars, -1), np.ones((num_bars, 1))], axis=1),
        asset_features=horizon + 1,
        forecast_columns=range(horizon),
        bars_per_year=252.0,
        single_price=True,
        instruments=tuple(f"a{number}" for number in range(assets)),
        missing=missing,
    )


def env_of(market, num_envs=4, **rules):
    given = {"actions": "long_short_weights", "execution": "next_close", "costs": CostConfig(fee_bps=2.0)}
    return TradingVectorEnv(market, TradingConfig(**{**given, **rules}), num_envs=num_envs)


def trained(**rules):
    judged = env_of(market_of(2), 1, **rules)
    return train_planner(
        env_of(market_of(1), **rules),
        PlannerConfig(steps=10),
        seed=0,
        validate=lambda policy: evaluate(policy, judged, 1),
    )


@pytest.mark.parametrize("execution", ["same_close", "next_close"])
@pytest.mark.parametrize("actions", ["long_weights", "long_short_weights"])
def test_forecasts_that_pay_are_followed(execution, actions):
    agent = trained(execution=execution, actions=actions, asset_cap=0.5)
    assert agent.policy.kind == "allocation"
    unseen = env_of(market_of(3), 1, execution=execution, actions=actions, asset_cap=0.5)
    assert evaluate(agent.policy, unseen, 1) > 0.5


def test_a_policy_read_back_alone_or_in_a_crowd_acts_the_same(tmp_path):
    policy = trained().policy
    save_policy(policy, tmp_path)
    env = env_of(market_of(4), 3)
    observations, _ = env.reset(seed=0)
    observations = np.concatenate([observations, env.step(policy.act(observations))[0]])
    whole = policy.act(observations)
    np.testing.assert_array_equal(load_policy(tmp_path, plans=PLANS).act(observations), whole)
    np.testing.assert_array_equal(np.concatenate([policy.act(row[None]) for row in observations[::-1]])[::-1], whole)


def test_where_nothing_is_forecast_there_is_no_plan():
    market = dataclasses.replace(market_of(1), forecast_columns=range(0))
    with pytest.raises(ValueError, match=r"planning several assets needs .* 0 forecast columns of 3 features"):
        env_of(market).plan()
    with pytest.raises(ValueError, match="were 'levels' and 2 forecast columns of 3 features"):
        env_of(market_of(1), actions="levels").plan()


@pytest.mark.parametrize(("execution", "late"), [("same_close", 0), ("next_close", 1)])
def test_what_a_plan_learns_from_is_what_came_after_each_decision(execution, late):
    market = market_of(1)
    past = env_of(market, execution=execution).lessons()
    np.testing.assert_allclose(past.returns[7], market.close[8 + late] / market.close[7 + late] - 1.0)
    np.testing.assert_array_equal(past.observations[7, : market.features.shape[1]], market.features[7])
    assert not past.known[market.missing[1 + late :]].any()

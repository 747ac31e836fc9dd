"""The planner beside the plan-on-forecast baselines it is made of: the same decisions, and the same money."""

import dataclasses

import gymnasium
import numpy as np
import pytest

from tradewinds.tasks.account.backtest import play
from tradewinds.tasks.storage.backtest import play as play_storage
from trading_agent import DQNConfig, load_policy, save_policy, train_dqn
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.planner import train_planner
from trading_agent.planner.policy import PlannerPolicy
from trading_env import (
    BatteryConfig,
    BatteryVectorEnv,
    CostConfig,
    LevelPlan,
    Market,
    PowerMarket,
    SchedulePlan,
    TradingConfig,
    TradingVectorEnv,
    planned_exposures,
    planned_schedule,
    planned_targets,
    run_schedule,
)

BARS, HORIZON = 300, 5
PLANS = {plan.kind: lambda settings, plan=plan: plan(**settings) for plan in (LevelPlan, SchedulePlan)}


def power_market(lengths=(24, 23, 25, 24, 24), seed=0):
    rng = np.random.default_rng(seed)
    day, hour = np.repeat(np.arange(len(lengths)), lengths), np.concatenate([np.arange(n) % 24 for n in lengths])
    shape = 40.0 - 30.0 * np.sin(np.arange(25) / 24 * 6.28)
    return PowerMarket(
        price=shape[hour] + rng.normal(0, 10, len(day)),
        day=day,
        hour=hour,
        features=rng.normal(size=(len(lengths), 3)),
        forecast=shape + rng.normal(0, 8, (len(lengths), 25)),
        price_scale=40.0,
        others={"other": shape + rng.normal(0, 8, (len(lengths), 25))},
    )


def trading_market(seed=0):
    """A forecast that is right but for noise, in the last columns of the features."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(0, 0.01, BARS + HORIZON)
    close = 100.0 * np.exp(np.cumsum(returns))[:BARS, None]
    ahead = np.stack([returns[1 + h : 1 + h + BARS] for h in range(HORIZON)], axis=1)
    forecast = ahead + rng.normal(0, 0.01, ahead.shape)
    return Market(
        open=close,
        close=close,
        features=np.concatenate([rng.normal(size=(BARS, 2)), forecast, rng.normal(size=(BARS, 3))], axis=1),
        bars_per_year=252.0,
        forecast_columns=range(2, 2 + HORIZON),
    )


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.3, 0.7)])
@pytest.mark.parametrize("unit", [BatteryConfig(actions="power"), BatteryConfig(actions="power", initial_charge=0.5)])
def test_a_unit_that_plans_anew_every_hour_earns_what_the_plan_of_the_day_does(weights, unit):
    market = power_market()
    policy = PlannerPolicy(BatteryVectorEnv(market, unit).plan(), np.array(weights))
    hourly = run_schedule(market.price, play_storage(policy, market, unit), unit).profit.sum()
    mixed = np.einsum("k,dkh->dh", weights, market.forecasts)
    daily = run_schedule(market.price, planned_schedule(market, mixed, unit), unit).profit.sum()
    assert hourly == pytest.approx(daily, rel=1e-4)
    assert hourly > 0.0


def test_among_levels_a_unit_takes_the_nearest():
    market, unit = power_market(), BatteryConfig()
    levels = play_storage(PlannerPolicy(BatteryVectorEnv(market, unit).plan(), np.array([1.0, 0.0])), market, unit)
    assert set(np.unique(levels)) <= {-1.0, 0.0, 1.0}
    fine = dataclasses.replace(unit, actions="power")
    power = play_storage(PlannerPolicy(BatteryVectorEnv(market, fine).plan(), np.array([1.0, 0.0])), market, fine)
    profits = [run_schedule(market.price, one, unit).profit.sum() for one in (levels, power)]
    assert 0.0 < profits[0] < profits[1]


@pytest.mark.parametrize("execution", ["next_close", "next_open", "same_close"])
@pytest.mark.parametrize("actions", ["levels", "exposure"])
def test_a_trader_that_plans_holds_what_plan_on_forecast_holds(execution, actions):
    market = trading_market()
    rules = TradingConfig(execution=execution, actions=actions, exposures=(-1.0, 0.0, 0.5, 1.0))
    plan = TradingVectorEnv(market, rules).plan()
    late = int(execution == "next_close")
    forecast = market.features[:, 2 + late : 2 + HORIZON].astype(np.float64)
    np.testing.assert_array_equal(
        play(PlannerPolicy(plan, np.ones(1)), market, rules), planned_targets(forecast, rules, market.bars_per_year)
    )


def test_a_loaded_planner_plans_as_the_saved_one(tmp_path):
    unit, rules = BatteryConfig(actions="power"), TradingConfig(costs=CostConfig(fee_bps=7.0))
    for number, env in enumerate((BatteryVectorEnv(power_market(), unit), TradingVectorEnv(trading_market(), rules))):
        policy = PlannerPolicy(env.plan(), np.full(len(env.plan().names), 0.5))
        folder = tmp_path / str(number)
        folder.mkdir()
        save_policy(policy, folder)
        observations, _ = env.reset(seed=0)
        np.testing.assert_array_equal(load_policy(folder, plans=PLANS).act(observations), policy.act(observations))


def test_lessons_are_what_was_forecast_and_what_came():
    market = power_market()
    told = BatteryVectorEnv(market).lessons()
    assert told.length.tolist() == [24, 23, 25, 24, 24]
    np.testing.assert_array_equal(told.outcome[1, :23], market.price[24:47])
    assert told.outcome[1, 23:].tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(told.forecasts[:, 1], market.others["other"])
    trading = trading_market()
    returns = np.diff(np.log(trading.close[:, 0]))
    for execution, late in (("same_close", 0), ("next_close", 1)):
        told = TradingVectorEnv(trading, TradingConfig(execution=execution)).lessons()
        assert told.forecasts.shape == (BARS - HORIZON, 1, HORIZON - late)
        np.testing.assert_array_equal(told.outcome[10], returns[10 + late : 10 + HORIZON])
        assert np.corrcoef(told.forecasts[:, 0].ravel(), told.outcome.ravel())[0, 1] > 0.6


def test_a_trader_learns_to_believe_a_forecast_that_shouts():
    """Ten times too loud, and noisy: believed as it stands it pays for turns that earn nothing."""
    market = trading_market()
    features = market.features.copy()
    rng = np.random.default_rng(1)
    features[:, 2:7] = 10.0 * (0.15 * features[:, 2:7] + rng.normal(0, 0.01, (BARS, HORIZON)))
    loud = dataclasses.replace(market, features=features)
    env = TradingVectorEnv(loud, TradingConfig(execution="same_close", costs=CostConfig(fee_bps=50.0)))
    config = PlannerConfig(steps=20_000, learning_rate=0.05, validate_every=2000)
    trained = train_planner(env, config, seed=0, validate=lambda policy: -float(getattr(policy, "weights", [9.0])[0]))
    assert trained.policy.weights[0] < 0.5


def test_a_market_without_a_forecast_cannot_be_planned():
    market = dataclasses.replace(trading_market(), forecast_columns=range(0))
    with pytest.raises(ValueError, match="planning needs one asset, actions that are levels or an exposure"):
        TradingVectorEnv(market, TradingConfig()).plan()
    with pytest.raises(
        ValueError,
        match=r"forecast_columns must be a range with step 1 within \[0, 10\], the features, was range\(2, 18\)",
    ):
        dataclasses.replace(market, forecast_columns=range(2, 18))
    with pytest.raises(ValueError, match=r"other must have the shape of forecast, \(5, 25\), was \(5, 24\)"):
        dataclasses.replace(power_market(), others={"other": np.zeros((5, 24))})


@pytest.mark.parametrize("execution", ["next_open", "next_close", "same_close"])
def test_a_plan_that_is_observed_is_what_the_planner_does(execution):
    rng = np.random.default_rng(4)
    forecast = rng.normal(0.0, 4e-3, (200, 5)).astype(np.float32)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, 200)))[:, None]
    market = Market(
        open=close,
        close=close,
        features=forecast,
        bars_per_year=252.0,
        single_price=True,
        forecast_columns=range(5),
    )
    rules = TradingConfig(exposures=(-1.0, 0.0, 0.5), execution=execution)
    plan = LevelPlan.of(market, rules)
    for number, level in enumerate(rules.exposures):
        seen = np.column_stack([forecast, np.zeros(200), np.full(200, level), np.zeros(200)]).astype(np.float32)
        chosen = plan.act(seen, plan.forecasts(seen)[:, 0])
        told = planned_exposures(forecast, rules, 252.0)[:, number]
        np.testing.assert_array_equal(told, np.float32(rules.exposures)[chosen])
        assert len(set(told.tolist())) > 1


class Spy(TradingVectorEnv):
    """Remembers what was played, and on what."""

    def reset(self, **options):
        self.played = []
        self.seen, info = super().reset(**options)
        return self.seen, info

    def step(self, actions):
        self.played.append((self.seen.copy(), np.array(actions)))
        self.seen, *rest = super().step(actions)
        return (self.seen, *rest)


def test_a_teacher_plays_every_other_environment_until_learning_starts():
    market, rules = trading_market(seed=3), TradingConfig(exposures=(-1.0, 0.0, 1.0))
    env = Spy(market, rules, num_envs=6)
    settings = {"num_envs": 6, "learning_starts": 60, "steps": 66, "validate_every": 60, "hidden_sizes": (4,)}
    train_dqn(env, DQNConfig(teacher="planner", **settings), seed=0, validate=lambda _: 0.0)
    plan = env.plan()
    for seen, actions in env.played[:10]:
        np.testing.assert_array_equal(actions[::2], plan.act(seen[::2], plan.forecasts(seen[::2])[:, 0]))
    assert len({tuple(actions[1::2]) for _, actions in env.played[:10]}) > 1
    pole = gymnasium.make_vec("CartPole-v1", num_envs=6, vectorization_mode="sync")
    with pytest.raises(ValueError, match=r"for agent\.teacher=planner, was SyncVectorEnv"):
        train_dqn(pole, DQNConfig(teacher="planner", **settings), seed=0, validate=lambda _: 0.0)

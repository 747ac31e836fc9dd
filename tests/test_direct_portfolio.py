"""Direct reinforcement of several assets in the trading environment: known worlds, halts, exact to resume."""

import numpy as np
import pytest
import torch

from trading_agent import EnvironmentFacts, refuse
from trading_agent.common.evaluation import evaluate
from trading_agent.common.loop import seeds_from
from trading_agent.direct import portfolio_learner
from trading_agent.direct.config import DirectConfig
from trading_agent.direct.direct import learner_for, train_direct
from trading_agent.direct.ledger_gradient import Surrogate
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv, run_ledger

COSTS = CostConfig(fee_bps=3.0, half_spread_bps=2.0, slippage_bps=1.0, borrow_bps_per_year=50.0)


def market_of(seed, num_bars=400, assets=3, *, slope=0.01, halts=0.0):
    """Bars whose next log return of each asset is `slope` times the sign in its block; every sixth bar it changes."""
    rng = np.random.default_rng(seed)
    blocks = rng.standard_normal((num_bars, assets, 4)).astype(np.float32)
    blocks[:, :, 0] = np.repeat(rng.choice([-1.0, 1.0], (num_bars // 6 + 1, assets)), 6, axis=0)[:num_bars]
    missing = rng.random((num_bars, assets)) < halts
    blocks[:, :, -1] = ~missing
    growth = np.concatenate([np.zeros((1, assets)), slope * blocks[:-1, :, 0]]) + 0.01 * rng.normal(size=missing.shape)
    blocks *= blocks[:, :, -1:]
    close = 100.0 * np.exp(np.cumsum(growth, axis=0))
    return Market(
        open=close,
        close=close,
        features=blocks.reshape(num_bars, -1),
        asset_features=4,
        bars_per_year=252.0,
        single_price=True,
        instruments=tuple(f"a{number}" for number in range(assets)),
        missing=missing if halts else None,
    )


def env_of(market, *, num_envs=16, **rules):
    rules = {"actions": "long_short_weights", "execution": "same_close", "costs": COSTS, **rules}
    return TradingVectorEnv(market, TradingConfig(**rules), num_envs=num_envs, episode_bars=100, starts="random")


def small(**settings):
    given = {"steps": 20_000, "num_envs": 64, "window_bars": 12, "hidden_sizes": (16,), "validate_every": 5_000}
    given |= {"learning_rate": 1e-2}
    return DirectConfig(**{**given, **settings})


def judge(env):
    return lambda policy: evaluate(policy, env, 16, seed=3)


@pytest.mark.parametrize("actions", ["long_weights", pytest.param("long_short_weights", marks=pytest.mark.slow)])
def test_the_sign_of_each_asset_is_followed(actions):
    """With both sides open every asset has its part of the cap; long only, what rises shares it."""
    env, seen = env_of(market_of(2), actions=actions), env_of(market_of(3), actions=actions)
    trained = train_direct(env, small(steps=40_000), seed=1, validate=judge(seen))
    unseen = market_of(4)
    sign = unseen.blocks[:, :, 0].astype(float)
    best = np.maximum(sign, 0.0) if actions == "long_weights" else sign
    best = best / np.maximum(np.abs(best).sum(axis=1, keepdims=True), 1.0)
    follow = run_ledger(unseen, best[:, None, :], env.simulator.config).equity[:, 0]
    earned = evaluate(trained.policy, TradingVectorEnv(unseen, env.simulator.config), 1)
    assert earned > 0.85 * np.log(follow[-1]) > 0.0


@pytest.mark.parametrize("cross_section", ["none", "mean"])
def test_it_learns_with_every_cross_section_through_halts(cross_section):
    env, seen = env_of(market_of(2, halts=0.2)), env_of(market_of(3, halts=0.2))
    trained = train_direct(env, small(steps=30_000, cross_section=cross_section), seed=1, validate=judge(seen))
    assert trained.policy.kind == "portfolio_network"
    assert trained.best_score > 1.2 * max(entry["score"] for entry in trained.history[:3])
    assert evaluate(trained.policy, TradingVectorEnv(market_of(4, halts=0.2), env.simulator.config), 1) > 0.3


def test_an_asset_that_another_one_leads_is_traded_by_what_its_leader_shows():
    """The sign stands in the first asset's block alone, and the second one moves by it."""

    def led(seed):
        rng, bars = np.random.default_rng(seed), 1_000
        blocks = rng.standard_normal((bars, 2, 4)).astype(np.float32)
        blocks[:, :, -2:] = np.array([[1.0, 1.0], [0.0, 1.0]])  # who leads, and that both are there
        growth = 0.01 * rng.normal(size=(bars, 2))
        growth[1:, 1] += 0.01 * np.sign(blocks[:-1, 0, 0])
        close = 100.0 * np.exp(np.cumsum(growth, axis=0))
        columns = {"features": blocks.reshape(bars, -1), "asset_features": 4, "instruments": ("leader", "led")}
        return Market(open=close, close=close, bars_per_year=252.0, single_price=True, **columns)

    env, seen, unseen = (env_of(led(seed), leverage_cap=2.0) for seed in (2, 3, 4))
    trained = train_direct(env, small(steps=40_000), seed=1, validate=judge(seen))
    market = unseen.simulator.market
    best = np.stack([np.zeros(len(market.close)), np.sign(market.blocks[:, 0, 0].astype(float))], axis=1)
    follow = run_ledger(market, best[:, None, :], env.simulator.config).equity[:, 0]
    earned = evaluate(trained.policy, TradingVectorEnv(market, env.simulator.config), 1)
    assert earned > 0.85 * np.log(follow[-1]) > 0.0


def test_only_the_weights_that_read_the_features_decay():
    learner = learner_for(env_of(market_of(2)), small(), seeds_from(0))
    readers, others = learner.optimiser.param_groups
    assert [weight.shape for weight in readers["params"]] == [(16, 3)]
    assert (readers["weight_decay"], others["weight_decay"]) == (learner.config.weight_decay, 0.0)
    assert len(readers["params"]) + len(others["params"]) == len(list(learner.network.parameters()))


def test_where_nothing_can_be_earned_it_stays_out():
    env, seen = env_of(market_of(5, slope=0.0)), env_of(market_of(6, slope=0.0), num_envs=1)

    def cautious(policy):
        return evaluate(policy, seen, 8, seed=3, standard_errors=3.0)

    trained = train_direct(env, small(), seed=1, validate=cautious)
    assert trained.policy.kind == "constant"
    assert evaluate(trained.policy, env_of(market_of(7, slope=0.0)), 16) == 0.0


def test_of_many_assets_some_are_learned_from_at_a_time(monkeypatch):
    monkeypatch.setattr(portfolio_learner, "MOST_ASSETS", 2)
    env = env_of(market_of(2, assets=6), leverage_cap=6.0)
    trained = train_direct(env, small(), seed=1, validate=judge(env))
    assert trained.policy.kind == "portfolio_network"
    assert trained.best_score > 0.5


def test_the_law_for_some_assets_is_that_of_the_whole_account_where_the_others_hold_nothing():
    env = env_of(market_of(2, assets=5, halts=0.2))
    law, chosen = Surrogate(env.simulator.market, env.simulator.config, torch.float64), torch.tensor([3, 1])
    rows, wanted = torch.arange(20), torch.zeros(20, 5, dtype=torch.float64)
    wanted[:, chosen] = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    nothing = torch.zeros_like(wanted)
    whole = law.bar(nothing, wanted, nothing, rows)
    part = law.of(chosen).bar(nothing[:, chosen], wanted[:, chosen], nothing[:, chosen], rows)
    torch.testing.assert_close(part[0], whole[0])
    torch.testing.assert_close(part[1], whole[1][:, chosen])


def test_scales_are_those_of_the_bars_on_which_an_asset_may_be_acted_on():
    market = market_of(2, halts=0.5)
    learner = learner_for(env_of(market), small(), seeds_from(0))
    there = market.blocks[market.available][:, :-1]
    np.testing.assert_allclose(learner.network.encoder.item_mean.numpy(), there.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(learner.network.encoder.item_std.numpy(), there.std(axis=0), rtol=1e-5)


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    env = env_of(market_of(2))

    def killed(done, _, __):
        if done > 15_000:
            raise KeyboardInterrupt

    config = small(validate_every=6_000, steps=20_000)
    whole = train_direct(env, config, seed=1, validate=judge(env))
    folder = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train_direct(env, config, seed=1, validate=judge(env), progress=killed, checkpoint=folder)
    resumed = train_direct(env, config, seed=1, validate=judge(env), resume=folder)
    assert whole.history == resumed.history
    for name, array in whole.policy.tensors().items():
        assert array.tobytes() == resumed.policy.tensors()[name].tobytes()


def test_what_several_assets_cannot_be_learned_with_is_refused():
    env = env_of(market_of(1))
    with pytest.raises(ValueError, match=r"context_length must be 1 and lstm_units 0 for .* were 2 and 4"):
        train_direct(env, small(context_length=2, lstm_units=4), seed=0, validate=lambda _: 0.0)
    halted = env_of(market_of(1, halts=0.2), actions="levels", exposures=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"no gradient through missing: set env\.actions=long_short_weights or"):
        train_direct(halted, small(), seed=0, validate=lambda _: 0.0)
    facts = EnvironmentFacts(num_instruments=3)
    assert refuse(small(context_length=2, lstm_units=4), facts)[0].startswith("context_length must be 1")
    assert refuse(small(), facts) == []

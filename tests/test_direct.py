"""Direct reinforcement in the trading environment: sums over chains by brute force, known worlds, exact to resume."""

import itertools

import numpy as np
import pytest
import torch

from trading_agent import EnvironmentFacts, refuse
from trading_agent.common.evaluation import evaluate
from trading_agent.common.loop import seeds_from
from trading_agent.common.policy import load_policy, save_policy
from trading_agent.direct.config import DirectConfig, refuse_bars, refuse_rules
from trading_agent.direct.direct import learner_for, train_direct
from trading_agent.direct.learners import LevelLearner, worth_of
from trading_agent.direct.ledger_gradient import Surrogate
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv, run_ledger

COSTS = CostConfig(fee_bps=3.0, half_spread_bps=2.0, slippage_bps=1.0, borrow_bps_per_year=50.0)
FREE = CostConfig(
    fee_bps=0.0, half_spread_bps=0.0, slippage_bps=0.0, borrow_bps_per_year=0.0, financing_bps_per_year=0.0
)


def market_of(seed, num_bars=400, *, slope=0.01, noise=0.01, columns=4):
    """Bars whose next log return is `slope` times the sign of the first column; every sixth bar it changes."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((num_bars, columns)).astype(np.float32)
    features[:, 0] = np.repeat(rng.choice([-1.0, 1.0], num_bars // 6 + 1), 6)[:num_bars]
    growth = np.append(0.0, slope * features[:-1, 0]) + noise * rng.normal(size=num_bars)
    close = 100.0 * np.exp(np.cumsum(growth))[:, None]
    return Market(open=close, close=close, features=features, bars_per_year=252.0, single_price=True)


def env_of(market, *, num_envs=16, **rules):
    rules = {"exposures": (-1.0, 0.0, 1.0), "execution": "same_close", "costs": COSTS, **rules}
    return TradingVectorEnv(market, TradingConfig(**rules), num_envs=num_envs, episode_bars=100, starts="random")


def small(**settings):
    given = {"steps": 20_000, "num_envs": 16, "window_bars": 12, "hidden_sizes": (8,), "validate_every": 5_000}
    return DirectConfig(**{**given, **settings})


def judge(env):
    return lambda policy: evaluate(policy, env, 16, seed=3)


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
@pytest.mark.parametrize(("costs", "exact"), [(FREE, 1e-12), (COSTS, 2e-5)])
def test_the_table_of_levels_is_the_ledger(rebalance, costs, exact):
    """Each change of level alone, from one traded to a bar ago; with costs but for what that trade's cost moved."""
    market = market_of(0)
    rules = TradingConfig(exposures=(-1.0, 0.0, 0.5), costs=costs, execution="same_close", rebalance=rebalance)
    table = Surrogate(market, rules, torch.float64).table(rules.exposures, 1).numpy()
    for row, held, wanted in itertools.product((5, 77), range(3), range(3)):
        targets = np.zeros((market.close.shape[0], 1))
        targets[row - 1], targets[row:] = rules.exposures[held], rules.exposures[wanted]
        equity = run_ledger(market, targets[:, None, :], rules).equity[:, 0]
        assert np.log(equity[row + 1] / equity[row]) == pytest.approx(table[row, held, wanted], abs=exact)


def test_the_worth_of_a_level_is_the_sum_over_all_chains():
    learner = learner_for(env_of(market_of(1), num_envs=2), small(window_bars=4), seeds_from(0))
    assert isinstance(learner, LevelLearner)
    with torch.no_grad():
        learner.network.head.weight.normal_(generator=torch.Generator().manual_seed(1))
        rows = torch.tensor([[10, 11, 12], [200, 201, 202]])
        after = torch.tensor([[0.1, 0.0, -0.2]]).expand(2, 3)
        chances = learner.logits(rows).softmax(-1)
        found = worth_of(chances, learner.charged[rows], after)
        for window, first in itertools.product(range(2), range(3)):
            total = 0.0
            for chain in itertools.product(range(3), repeat=3):
                chance, earned, held = 1.0, float(after[window, chain[-1]]), first
                for bar, wanted in enumerate(chain):
                    chance *= float(chances[window, bar, held, wanted])
                    earned += float(learner.charged[rows[window, bar], held, wanted])
                    held = wanted
                total += chance * earned
            assert float(found[window, first]) == pytest.approx(total, rel=1e-5, abs=1e-7)


def test_an_untrained_policy_is_as_undecided_as_can_be_and_a_sure_one_is_not():
    learner = learner_for(env_of(market_of(1), num_envs=2), small(window_bars=4), seeds_from(0))
    rows = torch.tensor([[10, 11, 12, 13]])
    learner.grown(rows, 1.0)
    assert float(learner.undecided()) == pytest.approx(np.log(3.0))
    with torch.no_grad():
        learner.network.head.bias.view(3, 3)[:, 1] = 50.0
    learner.grown(rows, 1.0)
    assert float(learner.undecided()) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("actions", ["levels", pytest.param("exposure", marks=pytest.mark.slow)])
def test_a_sign_that_shows_is_followed(actions):
    env, seen = env_of(market_of(2), actions=actions), env_of(market_of(3), actions=actions)
    trained = train_direct(env, small(steps=60_000), seed=1, validate=judge(seen))
    unseen = market_of(4)
    follow = run_ledger(unseen, unseen.features[:, None, :1].astype(float), env.simulator.config).equity[:, 0]
    best = np.log(follow[-1])
    episodes = evaluate(trained.policy, TradingVectorEnv(unseen, env.simulator.config), 1)
    assert episodes > 0.85 * best > 0.0


def test_where_nothing_can_be_earned_it_stays_out():
    env, seen = env_of(market_of(5, slope=0.0)), env_of(market_of(6, slope=0.0), num_envs=1)

    def cautious(policy):
        return evaluate(policy, seen, 8, seed=3, standard_errors=3.0)

    trained = train_direct(env, small(), seed=1, validate=cautious)
    assert trained.policy.kind == "constant"
    assert evaluate(trained.policy, env_of(market_of(7, slope=0.0)), 16) == 0.0


@pytest.mark.parametrize("actions", ["levels", "exposure", "long_short_weights"])
def test_a_policy_read_back_acts_the_same(actions, tmp_path):
    env = env_of(market_of(2), actions=actions)
    trained = train_direct(env, small(), seed=1, validate=judge(env))
    save_policy(trained.policy, tmp_path)
    observations, _ = env.reset(seed=5)
    ours, theirs = trained.policy.act(observations), load_policy(tmp_path).act(observations)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("actions", ["levels", "exposure"])
def test_interrupted_and_resumed_equals_uninterrupted(actions, tmp_path):
    env = env_of(market_of(2), actions=actions)

    def killed(done, _, __):
        if done > 12_500:
            raise KeyboardInterrupt

    config = small(validate_every=3_000)
    whole = train_direct(env, config, seed=1, validate=judge(env))
    folder = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train_direct(env, config, seed=1, validate=judge(env), progress=killed, checkpoint=folder)
    resumed = train_direct(env, config, seed=1, validate=judge(env), resume=folder)
    assert (whole.best_step, whole.best_score, whole.history) == (
        resumed.best_step,
        resumed.best_score,
        resumed.history,
    )
    for name, array in whole.policy.tensors().items():
        assert array.tobytes() == resumed.policy.tensors()[name].tobytes()


def test_what_has_no_gradient_or_too_few_bars_is_refused():
    with pytest.raises(ValueError, match=r"window_bars must be less than the 399 bars of the market, was 400"):
        train_direct(env_of(market_of(1)), small(window_bars=400), seed=0, validate=lambda _: 0.0)
    close = np.repeat(market_of(1).close, 2, axis=1)
    pair = Market(open=close, close=close, features=market_of(1).features, bars_per_year=252.0, instruments=("a", "b"))
    with pytest.raises(ValueError, match=r"set env\.actions=long_short_weights or long_weights, was exposure"):
        train_direct(env_of(pair, actions="exposure"), small(), seed=0, validate=lambda _: 0.0)


def test_rules_and_windows_are_refused_before_there_is_a_market():
    costs = CostConfig(slippage_per_volatility=0.1)
    (sentence,) = refuse_rules(TradingConfig(lot=1.0, costs=costs))
    assert sentence.startswith(
        "kind=direct has no gradient through env.costs.slippage_per_volatility, env.lot: leave it out"
    )
    assert refuse_rules(TradingConfig(costs=COSTS)) == []
    assert "env.actions=long_short_weights" in refuse_rules(TradingConfig(actions="exposure"), num_assets=2)[0]
    config = small(window_bars=100)
    assert refuse_bars(config, 101) == ["window_bars must be less than the 100 bars of the market, was 100"]
    assert refuse_bars(config, 102) == []
    facts = EnvironmentFacts(offers=frozenset({"derivative"}), rules=TradingConfig(lot=1.0), num_bars=101)
    assert [text.split()[0] for text in refuse(config, facts)] == ["kind=direct", "window_bars"]

"""An LSTM policy: it reads the last bars by the gate equations, and what it earns trains it."""

import numpy as np
import pytest
import torch

from tradewinds.tasks.account.market import context
from trading_agent.common.evaluation import evaluate
from trading_agent.common.networks import CLIP
from trading_agent.common.policy import load_policy, save_policy
from trading_agent.direct.config import DirectConfig
from trading_agent.direct.direct import train_direct
from trading_agent.direct.networks import FeatureNetwork, LevelNetwork
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv, run_ledger

from reference_lstm import ReferenceLSTM

FEE = CostConfig(fee_bps=3.0, half_spread_bps=0.0, slippage_bps=0.0, borrow_bps_per_year=0.0)
LATE, BARS = 1, 4  # the sign that shows now moves the price after so many bars; an observation shows so many


def market_of(seed, num_bars=1_500, *, bars=BARS, future=None):
    """The next log return follows a sign that showed `LATE` bars ago, and is not shown again."""
    rng = np.random.default_rng(seed)
    shown = rng.choice([-1.0, 1.0], num_bars)
    if future is not None:
        shown[future:] *= -1.0
    growth = np.zeros(num_bars)
    growth[LATE + 1 :] = 0.01 * shown[: -LATE - 1]
    close = 100.0 * np.exp(np.cumsum(growth + 0.002 * rng.normal(size=num_bars)))[:, None]
    table = np.stack([shown, rng.standard_normal(num_bars)], axis=1).astype(np.float32)
    features = context(table, range(num_bars), bars, 0)
    return Market(open=close, close=close, features=features, bars_per_year=252.0, single_price=True)


def env_of(market, **rules):
    rules = TradingConfig(exposures=(-1.0, 0.0, 1.0), execution="same_close", costs=FEE, **rules)
    return TradingVectorEnv(market, rules, num_envs=16, episode_bars=100, starts="random")


def settings(**given):
    small = {"steps": 50_000, "num_envs": 16, "window_bars": 12, "hidden_sizes": (16,), "validate_every": 10_000}
    lstm = {"context_length": BARS, "lstm_units": 8, "dropout": 0.0, "learning_rate": 1e-2, "weight_decay": 0.1}
    return DirectConfig(**{**small, **lstm, **given})


def judge(env):
    return lambda policy: evaluate(policy, env, 16, seed=3)


def test_the_context_is_read_by_the_gate_equations_oldest_bar_first():
    network = LevelNetwork(4 * 3, 2, (5,), torch.Generator().manual_seed(0), context_length=4, lstm_units=6)
    rows = torch.randn(7, 12, generator=torch.Generator().manual_seed(1))
    network.fit_scales(rows)
    with torch.no_grad():
        scaled = (rows.view(7, 4, 3) - network.feature_mean) / network.feature_std
        oldest_first = scaled.clamp(-CLIP, CLIP)[:, [3, 2, 1, 0]]  # the newest bar's columns come first
        states, _ = ReferenceLSTM(network.lstm)(oldest_first)
        torch.testing.assert_close(network.read_context(rows), states[:, -1], rtol=1e-5, atol=1e-6)


def test_the_forget_gates_begin_open_and_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    network = FeatureNetwork(6, torch.Generator().manual_seed(0), context_length=3, lstm_units=4)
    assert torch.equal(before, torch.get_rng_state())
    bias = network.lstm.bias_ih_l0 + network.lstm.bias_hh_l0
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_a_row_shows_its_own_bar_first_and_the_first_bar_stands_for_those_before():
    table = np.arange(10, dtype=np.float32).reshape(5, 2)
    seen = context(table, range(2, 5), 3, 1)
    assert seen.tolist() == [[4, 5, 2, 3, 2, 3], [6, 7, 4, 5, 2, 3], [8, 9, 6, 7, 4, 5]]


def share_of_the_best(policy, market, rules):
    """Log growth out of sample, in that of whoever follows the sign that showed `LATE` bars ago: 1, or a shade more."""
    signs = np.roll(market.features[:, 0], LATE).astype(float)[:, None, None]
    best = np.log(run_ledger(market, signs, rules).equity[-1, 0])
    return evaluate(policy, TradingVectorEnv(market, rules), 1) / best


@pytest.mark.parametrize("actions", [pytest.param("levels", marks=pytest.mark.slow), "exposure"])
def test_what_showed_some_bars_ago_is_remembered(actions):
    env, seen = (env_of(market_of(seed), actions=actions) for seed in (1, 2))
    trained = train_direct(env, settings(), seed=1, validate=judge(seen))
    assert share_of_the_best(trained.policy, market_of(3), env.simulator.config) > 0.95
    env, seen = (env_of(market_of(seed, bars=1), actions=actions) for seed in (1, 2))
    forgetful = settings(context_length=1, lstm_units=0)
    without = train_direct(env, forgetful, seed=1, validate=judge(seen))
    assert share_of_the_best(without.policy, market_of(3, bars=1), env.simulator.config) < 0.6


def test_the_future_is_not_seen():
    one, other = market_of(1), market_of(1, future=900)
    assert np.array_equal(one.features[:900], other.features[:900])
    assert not np.array_equal(one.features[900], other.features[900])


@pytest.mark.parametrize("actions", ["levels", "exposure"])
def test_a_policy_read_back_acts_the_same(actions, tmp_path):
    env = env_of(market_of(1), actions=actions)
    trained = train_direct(env, settings(steps=10_000, validate_every=5_000), seed=1, validate=judge(env))
    save_policy(trained.policy, tmp_path)
    observations, _ = env.reset(seed=5)
    np.testing.assert_array_equal(trained.policy.act(observations), load_policy(tmp_path).act(observations))


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    env, config, folder = env_of(market_of(1)), settings(steps=20_000, validate_every=3_000), tmp_path / "checkpoint"

    def killed(done, _, __):
        if done > 10_000:
            raise KeyboardInterrupt

    whole = train_direct(env, config, seed=1, validate=judge(env))
    with pytest.raises(KeyboardInterrupt):
        train_direct(env, config, seed=1, validate=judge(env), progress=killed, checkpoint=folder)
    resumed = train_direct(env, config, seed=1, validate=judge(env), resume=folder)
    assert (whole.best_score, whole.history) == (resumed.best_score, resumed.history)
    for name, array in whole.policy.tensors().items():
        assert array.tobytes() == resumed.policy.tensors()[name].tobytes()


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"context_length must divide the 8 columns .*, was 5"):
        train_direct(env_of(market_of(1)), settings(context_length=5), seed=0, validate=lambda _: 0.0)
    with pytest.raises(ValueError, match=r"context_length\n.*greater than or equal to 1"):
        settings(context_length=0)
    with pytest.raises(ValueError, match=r"lstm_units must be those of the forecaster with start=forecaster, was 0"):
        settings(start="forecaster", lstm_units=0)
    initial = {"feature_mean": np.zeros(9, dtype=np.float32)}
    with pytest.raises(ValueError, match=r"first weights must have the shapes .*, had \{'feature_mean': \(9,\)\}"):
        train_direct(env_of(market_of(1)), settings(), seed=0, validate=lambda _: 0.0, initial=initial)

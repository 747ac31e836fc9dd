"""The two Gymnasium faces of an account: one simulator, told twice; and what perfect foresight would have earned."""

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env import (
    CostConfig,
    Market,
    RewardConfig,
    TradingConfig,
    TradingEnv,
    TradingVectorEnv,
    perfect_foresight,
    run_ledger,
)

from full_games import full_market

RULES = [
    TradingConfig(execution=execution, rebalance=rebalance)
    for execution in ("next_open", "next_close", "same_close")
    for rebalance in ("on_change", "every_bar")
]

SHARPE = TradingConfig(reward=RewardConfig(kind="differential_sharpe"))


def random_market(num_bars=60, seed=0, volatility=0.02):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, volatility, num_bars)))[:, None]
    open_ = close * np.exp(rng.normal(0, 0.005, close.shape))
    return Market(open=open_, close=close, features=rng.normal(size=(num_bars, 4)), bars_per_year=252)


def walk(env, actions):
    """Play one episode of a single env; return observations, rewards, equity."""
    observation, info = env.reset(seed=0)
    rows = [(observation, 0.0, info["equity"])]
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        rows.append((observation, reward, info["equity"]))
        if terminated or truncated:
            break
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("config", RULES)
def test_the_env_s_equity_is_the_ledger_s_to_the_last_bit(config):
    market = random_market()
    actions = np.random.default_rng(1).integers(0, 3, len(market) - 1)
    _, rewards, equity = walk(TradingEnv(market, config), actions)
    targets = np.append(np.array(config.exposures)[actions], 0.0)[:, None]
    np.testing.assert_array_equal(equity, run_ledger(market, targets, config).equity[:, 0])
    np.testing.assert_allclose(rewards.sum(), np.log(equity[-1]), rtol=1e-9)


@pytest.mark.parametrize("config", RULES)
@pytest.mark.parametrize("num_envs", [1, 7, 64])
def test_one_env_and_many_play_the_same_game_to_the_last_bit(config, num_envs):
    market = random_market()
    actions = np.random.default_rng(2).integers(0, 3, (len(market) - 1, num_envs))
    vector = TradingVectorEnv(market, config, num_envs=num_envs)
    observations, _ = vector.reset(seed=0)
    told = [(observations, np.zeros(num_envs), vector.simulator.accounts.equity.copy())]
    for row in actions:
        observations, rewards, _, truncated, info = vector.step(row)
        told.append((observations, rewards, info["equity"]))
    assert truncated.all()
    for env in range(num_envs):
        alone = walk(TradingEnv(market, config), actions[:, env])
        for number, column in enumerate(alone):
            np.testing.assert_array_equal(column, np.array([row[number][env] for row in told]))


def test_no_feature_of_the_market_can_stop_a_trade():  # FinRL: an indicator equal to 1.0 read as a halt
    market = random_market()
    ones = Market(open=market.open, close=market.close, features=np.ones((60, 4)), bars_per_year=252)
    assert walk(TradingEnv(ones), [2] * 5)[2][-1] == walk(TradingEnv(market), [2] * 5)[2][-1]


@given(st.integers(0, 2**31), st.sampled_from(RULES))
def test_a_remembered_transition_replays_as_it_was_lived(seed, config):
    rng = np.random.default_rng(seed)
    env = TradingVectorEnv(random_market(seed=seed), config, num_envs=8, starts="random")
    observation, _ = env.reset(seed=seed)
    for _ in range(20):
        actions = rng.integers(0, 3, 8)
        t, account = env.cursor()
        np.testing.assert_array_equal(env.observe(t, account), observation)
        observation, reward, terminated, truncated, info = env.step(actions)
        lived = ~info["opened"]
        replayed, following, ruined, ended = env.transition(t[lived], account[lived], actions[lived])
        np.testing.assert_allclose(replayed, reward[lived], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(following, env.cursor()[1][lived], rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(ruined, terminated[lived])
        np.testing.assert_array_equal(ended, truncated[lived])


@pytest.mark.parametrize("config", RULES)
def test_perfect_foresight_is_beaten_by_nobody_who_guesses(config):
    market = random_market(num_bars=120, seed=5)
    rng = np.random.default_rng(6)
    guesses = rng.choice(config.exposures, size=(120, 200, 1))
    held = np.stack([np.full((120, 1), level) for level in config.exposures], axis=1)
    knowing = run_ledger(market, perfect_foresight(market, config), config).equity[-1, 0]
    others = run_ledger(market, np.concatenate([guesses, held], axis=1), config).equity[-1]
    assert knowing > others.max()
    assert knowing > 1.0


@pytest.mark.parametrize("config", RULES)
@pytest.mark.parametrize("dear", [1, 20, 100])
def test_perfect_foresight_is_never_worse_than_holding_one_level(config, dear):
    costs = CostConfig(fee_bps=dear * 5, half_spread_bps=dear * 3, slippage_bps=dear * 2)
    config = dataclasses.replace(config, costs=costs)
    for seed in range(10):
        market = random_market(num_bars=10, seed=seed)
        held = np.stack([np.full((10, 1), level) for level in config.exposures], axis=1)
        knowing = run_ledger(market, perfect_foresight(market, config), config).equity[-1, 0]
        assert knowing >= run_ledger(market, held, config).equity[-1].max()


def test_two_assets_share_the_leverage_cap():
    close = np.array([[100.0, 50.0], [110.0, 50.0], [110.0, 60.0]])
    market = Market(open=close, close=close, features=np.zeros((3, 1)), bars_per_year=252, instruments=("a", "b"))
    env = TradingEnv(market, TradingConfig(execution="same_close"))
    env.reset(seed=0)
    info = env.step(2)[-1]
    assert np.abs(info["exposure"]).sum() < 1.01
    with pytest.raises(ValueError, match="together, over all assets, within the leverage cap of 1"):
        run_ledger(market, np.full((3, 1, 2), 0.6), TradingConfig())


def test_many_assets_play_the_same_game_alone_and_in_a_crowd():
    rng = np.random.default_rng(8)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 9)), axis=0))
    names = tuple("abcdefghi")
    market = Market(open=close * 1.001, close=close, features=np.zeros((40, 1)), bars_per_year=252, instruments=names)
    actions = rng.integers(0, 3, (39, 5))
    vector = TradingVectorEnv(market, num_envs=5)
    vector.reset(seed=0)
    told = [vector.step(row)[4]["equity"] for row in actions]
    for env in range(5):
        alone = walk(TradingEnv(market), actions[:, env])[2][1:]
        np.testing.assert_array_equal(alone, np.array(told)[:, env])
        targets = np.append(np.array([-1.0, 0.0, 1.0])[actions[:, env]], 0.0)[:, None] / 9 * np.ones(9)
        np.testing.assert_array_equal(alone, run_ledger(market, targets[:, None], TradingConfig()).equity[1:, 0])


def test_perfect_foresight_stays_flat_where_nothing_can_be_earned():
    flat = Market(open=np.ones((9, 1)), close=np.ones((9, 1)), features=np.zeros((9, 1)), bars_per_year=252)
    assert not perfect_foresight(flat, TradingConfig()).any()


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda market: TradingEnv(market).reset(options={"start": 59}), r"start must be a bar in \[0, 58\], was 59"),
        (lambda market: walk(TradingEnv(market), [3]), r"action must lie in \[0, 2\], was 3"),
        (lambda market: vector_step(market, [-1, 0]), r"actions must be 2 numbers in \[0, 2\], was \[-1  0\]"),
        (lambda market: vector_step(market, [3, 0]), r"actions must be 2 numbers in \[0, 2\], was \[3 0\]"),
        (lambda market: market.rows(range(0, 20, 2)), r"rows must be a range with step 1 within \[0, 60\]"),
        (lambda market: market.rows(range(50, 61)), r"rows must be a range with step 1 within \[0, 60\]"),
        (
            lambda market: TradingEnv(
                Market(
                    open=market.close,
                    close=market.close,
                    features=market.features,
                    bars_per_year=252,
                    single_price=True,
                )
            ),
            "execution must be next_close for a market of one price a bar, was next_open",
        ),
        (
            lambda market: TradingVectorEnv(market).load_state_dict(
                TradingVectorEnv(full_market(0, 9, 2)).state_dict()
            ),
            r"the state must be of accounts and assets in the shape \(1,\), was \(1, 2\)",
        ),
        (
            lambda market: TradingVectorEnv(market).load_state_dict(TradingVectorEnv(market, SHARPE).state_dict()),
            "the state must be of the reward log_growth, remembered 2 numbers",
        ),
    ],
)
def test_a_wrong_use_is_answered_with_the_law_it_breaks(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt(random_market())


def vector_step(market, actions):
    env = TradingVectorEnv(market, num_envs=2)
    env.reset(seed=0)
    env.step(np.array(actions))


def test_a_copy_of_an_environment_lives_on_as_its_original_would():
    env = TradingEnv(random_market(700), TradingConfig(execution="next_close"))
    env.reset(seed=0)
    actions = np.random.default_rng(3).integers(0, 3, 600).tolist()
    for action in actions[:100]:
        env.step(action)
    twin = copy.deepcopy(env)
    for action in actions[100:]:
        (observation, *told), (seen, *rest) = env.step(action), twin.step(action)
        np.testing.assert_array_equal(seen, observation)
        assert rest == told


def test_what_was_observed_and_told_stays_as_it_was():
    """Over the edges of pages, and where a table is so wide that a page holds two bars."""
    market = random_market(600)
    wide = dataclasses.replace(market, features=np.zeros((600, 100_000), dtype=np.float32))
    for env in (TradingEnv(market), TradingEnv(wide, episode_bars=20)):
        kept = []
        for _ in range(2):
            observation, info = env.reset(seed=0)
            while True:
                kept.append((observation, observation.copy(), info["exposure"], info["exposure"].copy()))
                observation, _, terminated, truncated, info = env.step(2)
                if terminated or truncated:
                    break
        for seen, copied, exposure, then in kept:
            np.testing.assert_array_equal(seen, copied)
            np.testing.assert_array_equal(exposure, then)

"""A whole episode at once: what it decides and earns is what the environment's steps do, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env import Market, TradingConfig, TradingEnv, play_episode

BARS = 80


def market_of(seed, volatility=0.02, assets=1):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, (BARS, assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    names = tuple(f"asset {number}" for number in range(assets))
    features = rng.normal(size=(BARS, 3))
    return Market(open=open_, close=close, features=features, bars_per_year=252, instruments=names)


def stepped(act, market, config):
    """Targets and rewards of an environment, one row and one step at a time."""
    env = TradingEnv(market, config)
    observation, _ = env.reset(seed=0)
    targets, rewards = np.zeros(BARS), []
    for t in range(BARS):
        action = act(observation[None])[0]
        targets[t] = env.targets(action)[0]
        if t + 1 == BARS:
            break
        observation, reward, terminated, _, _ = env.step(action)
        rewards.append(reward)
        if terminated:
            break
    return targets, rewards


def same(act, market, config):
    targets, rewards = stepped(act, market, config)
    episode = play_episode(act, market, config)
    np.testing.assert_array_equal(episode.targets, targets)
    np.testing.assert_array_equal(episode.rewards, rewards)
    return episode


@given(st.integers(0, 1_000), st.floats(-2.0, 2.0), st.sampled_from(["next_open", "next_close", "same_close"]))
def test_who_looks_at_the_market_and_at_the_account_decides_as_in_the_env(seed, stubborn, execution):
    """A policy that keeps its level the longer, the more stubborn it is, and whose drawdown frightens it."""

    def act(rows):
        wanted = np.sign(rows[:, 0]) * (np.abs(rows[:, 0]) > stubborn) + (np.abs(rows[:, 0]) <= stubborn) * rows[:, -2]
        return (np.where(rows[:, -1] > 0.1, -wanted, wanted) + 1.0).astype(np.int64)

    same(act, market_of(seed), TradingConfig(execution=execution))


def test_who_remembers_is_asked_once_a_bar_in_order():
    def remembering():
        memory = [0.0]

        def act(rows):
            assert len(rows) == 1
            memory[0] = 0.8 * memory[0] + rows[0, 0] + 0.1 * rows[0, -2]
            return np.array([int(memory[0] > 0.5) + int(memory[0] > -0.5)])

        return act

    episode = play_episode(remembering(), market_of(0), TradingConfig(), in_order=True)
    targets, rewards = stepped(remembering(), market_of(0), TradingConfig())
    np.testing.assert_array_equal(episode.targets, targets)
    np.testing.assert_array_equal(episode.rewards, rewards)
    assert len(set(targets.tolist())) == 3


@pytest.mark.parametrize("level", [0, 1, 2])
def test_one_level_throughout_is_asked_for_in_few_calls(level):
    calls = []

    def act(rows):
        calls.append(len(rows))
        return np.full(len(rows), level)

    play_episode(act, market_of(0), TradingConfig())
    assert calls == [1, 2, 4, 8, 16, 32, 64]


def test_an_account_that_is_ruined_stops_there_and_holds_nothing_after():
    episode = same(
        lambda rows: np.where(np.arange(len(rows)) < 999, 2, 0), market_of(3, volatility=0.5), TradingConfig()
    )
    assert len(episode.rewards) < BARS - 1
    assert not episode.targets[len(episode.rewards) :].any()


@given(st.integers(0, 1_000))
def test_exposures_between_levels_are_decided_one_by_one(seed):
    def act(rows):
        return np.clip(rows[:, :1] + 0.5 * rows[:, 3:4], -1.0, 1.0).astype(np.float32)

    same(act, market_of(seed), TradingConfig(actions="exposure"))


def test_a_market_of_several_assets_is_refused():
    with pytest.raises(ValueError, match=r"market must be of one asset, was of 2; TradingEnv plays several"):
        play_episode(lambda rows: rows, market_of(0, assets=2), TradingConfig())

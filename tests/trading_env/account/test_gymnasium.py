"""What Gymnasium promises of an account's environment beyond `test_vector_env.py`: pictures and wrappers."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import trading_env  # noqa: F401 - registers the names
from trading_env import Market, TradingConfig, TradingEnv, TradingVectorEnv

from full_games import FREE, full_market


def test_the_checker_accepts_the_registered_env_and_its_pictures():
    env = gymnasium.make("tradewinds/Trading-v0", market=full_market(0, 40))
    check_env(env.unwrapped)


def test_wrappers_of_gymnasium_wrap():
    market = full_market(0, 40)
    env = gymnasium.wrappers.NormalizeReward(gymnasium.wrappers.TimeLimit(TradingEnv(market), 5))
    env.reset(seed=0)
    assert [env.step(1)[3] for _ in range(5)] == [False] * 4 + [True]
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(TradingVectorEnv(market, num_envs=2, episode_bars=3))
    vector.reset(seed=0)
    for _ in range(3):
        *_, info = vector.step(np.array([2, 0]))
    assert info["episode"]["l"].tolist() == [3, 3]


def drawn(close, actions):
    close = np.asarray(close, dtype=float)[:, None]
    market = Market(open=close, close=close, features=np.zeros((len(close), 1)), bars_per_year=252)
    env = TradingEnv(market, TradingConfig(costs=FREE), render_mode="rgb_array")
    env.reset()
    for action in actions:
        env.step(action)
    return env.render()


def test_the_picture_shows_price_exposure_and_equity():
    image = drawn([1.0, 2.0, 3.0, 4.0], [1, 1, 1])
    assert image.shape == (360, 640, 3)
    assert image.dtype == np.uint8
    ink = np.argwhere((image == (40, 40, 40)).all(axis=2))
    left, right = ink[ink[:, 1] < 30, 0], ink[ink[:, 1] > 610, 0]
    assert left.min() > right.max()  # the price rises
    assert not np.array_equal(image, drawn([1.0, 2.0, 3.0, 4.0], [2, 2, 2]))
    assert np.array_equal(image, drawn([1.0, 2.0, 3.0, 4.0], [1, 1, 1]))


def test_a_person_at_a_terminal_sees_every_step(capsys):
    env = TradingEnv(full_market(0, 40), render_mode="human")
    env.reset()
    for _ in range(3):
        env.step(2)
    told = capsys.readouterr().out
    assert told.count("price") == told.count("equity") == 4
    assert "bar 3" in told


def test_an_unknown_way_to_render_is_refused():
    with pytest.raises(ValueError, match="render_mode must be human, rgb_array or None, was 'ansi'"):
        TradingEnv(full_market(0, 40), render_mode="ansi")

"""What Gymnasium promises of an environment: autoreset, seeds, pictures, registered names."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import trading_env  # noqa: F401 - registers the names
from trading_env import Market, TradingConfig, TradingEnv, TradingVectorEnv

from full_games import FREE, full_market


def test_the_checker_accepts_the_registered_env_and_its_pictures():
    env = gymnasium.make("tradewinds/Trading-v0", market=full_market(0, 40))
    check_env(env.unwrapped)


def test_same_step_returns_the_first_observation_and_tells_the_last_one_beside_it():
    market = full_market(2, 30)
    ours = TradingVectorEnv(market, num_envs=3, episode_bars=7, autoreset_mode=AutoresetMode.SAME_STEP)
    theirs = SyncVectorEnv([lambda: TradingEnv(market, episode_bars=7)] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0])
    ends = 0
    for row in np.random.default_rng(1).integers(0, 3, (40, 3)):
        one, two = ours.step(row), theirs.step(row)
        for mine, other in zip(one[:4], two[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        ended = one[2] | one[3]
        assert ("final_obs" in one[4]) == bool(ended.any())
        if ended.any():
            ends += 1
            np.testing.assert_array_equal(one[4]["_final_obs"], two[4]["_final_obs"])
            for place in np.flatnonzero(ended):
                np.testing.assert_array_equal(one[4]["final_obs"][place], two[4]["final_obs"][place])
            mine, other = (told[4]["final_info"]["equity"][ended] for told in (one, two))
            np.testing.assert_array_equal(mine, other)
            np.testing.assert_array_equal(one[4]["opened"], ended)
    assert ends == 5


def test_next_step_is_what_gymnasium_s_own_vector_env_does():
    market = full_market(2, 30)
    ours = TradingVectorEnv(market, num_envs=3, episode_bars=7)
    theirs = SyncVectorEnv([lambda: TradingEnv(market, episode_bars=7)] * 3)
    np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0])
    for row in np.random.default_rng(1).integers(0, 3, (40, 3)):
        for mine, other in zip(ours.step(row)[:4], theirs.step(row)[:4], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_an_account_with_a_seed_of_its_own_starts_where_it_would_start_among_others():
    def starts(seeds):
        env = TradingVectorEnv(full_market(0, 60), num_envs=len(seeds), episode_bars=4, starts="random")
        env.reset(seed=seeds)
        found = [env.game.t.copy()]
        for _ in range(20):
            env.step(np.zeros(len(seeds), dtype=int))
            found.append(env.game.t.copy())
        return np.array(found)

    together = starts([5, 6, 7])
    np.testing.assert_array_equal(together[:, 1], starts([6])[:, 0])
    assert len(np.unique(starts([1, 2, 3, 4, 5, 6])[0])) > 3


def test_an_env_with_seeds_of_its_own_is_restored_with_them():
    env, other = (TradingVectorEnv(full_market(0, 60), num_envs=3, episode_bars=4, starts="random") for _ in range(2))
    env.reset(seed=[1, 2, 3])
    other.reset(seed=9)
    env.step(np.ones(3, dtype=int))
    other.load_state_dict(env.state_dict())
    for _ in range(12):
        np.testing.assert_array_equal(env.step(np.ones(3, dtype=int))[0], other.step(np.ones(3, dtype=int))[0])


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


def test_a_disabled_autoreset_is_refused():
    with pytest.raises(ValueError, match="autoreset_mode must be NEXT_STEP or SAME_STEP, was"):
        TradingVectorEnv(full_market(0, 40), autoreset_mode=AutoresetMode.DISABLED)

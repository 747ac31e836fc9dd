"""What both venues promise of their environments: Gymnasium's contract, one and many alike, seeds, saved states."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from trading_env import (
    BatteryConfig,
    BatteryEnv,
    BatteryVectorEnv,
    PowerMarket,
    RewardConfig,
    TradingConfig,
    TradingEnv,
    TradingVectorEnv,
)

from full_games import full_market

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def power_market(lengths=(24, 23, 25, 24), seed=0):
    rng = np.random.default_rng(seed)
    day, hour = np.repeat(np.arange(len(lengths)), lengths), np.concatenate([np.arange(n) % 24 for n in lengths])
    return PowerMarket(
        price=40.0 + 30.0 * np.sin(hour / 24 * 6.28) + rng.normal(0, 20, len(day)),
        day=day,
        hour=hour,
        features=rng.normal(size=(len(lengths), 3)),
        forecast=rng.normal(40.0, 20.0, (len(lengths), 25)),
        price_scale=40.0,
    )


class Venue:
    """One market, its two faces, and what its accounts come to."""

    def __init__(self, name, market, config, single, vector, measure):
        self.name, self.market, self.config, self.measure = name, market, config, measure
        self._single, self._vector = single, vector

    def single(self, **settings):
        return self._single(self.market, self.config, **settings)

    def vector(self, **settings):
        return self._vector(self.market, self.config, **settings)

    def actions(self, steps, num_envs, seed=1):
        space = self.vector(num_envs=num_envs).action_space
        space.seed(seed)
        return [space.sample() for _ in range(steps)]


TRADING = (TradingEnv, TradingVectorEnv, "equity")
STORAGE = (BatteryEnv, BatteryVectorEnv, "profit")
REMEMBERS = TradingConfig(actions="long_short_weights", reward=RewardConfig(kind="differential_sharpe"))
VENUES = [
    Venue("account", full_market(2, 60), TradingConfig(), *TRADING),
    Venue("account of three assets", full_market(3, 60, 3), REMEMBERS, *TRADING),
    Venue("storage", power_market(), BatteryConfig(), *STORAGE),
    Venue("storage of any power", power_market(), BatteryConfig(actions="power", initial_charge=0.4), *STORAGE),
]
venues = pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
modes = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)


@venues
def test_gymnasium_s_checker_accepts_the_env(venue):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*render")
        check_env(venue.single(), skip_render_check=True)


@pytest.mark.parametrize(("name", "venue"), [("Trading", VENUES[0]), ("Battery", VENUES[2])])
def test_both_faces_are_made_by_name(name, venue):
    assert type(gymnasium.make(f"tradewinds/{name}-v0", market=venue.market).unwrapped) is type(venue.single())
    vector = gymnasium.make_vec(f"tradewinds/{name}-v0", num_envs=3, market=venue.market, starts="random")
    assert type(vector.unwrapped) is type(venue.vector())
    observations, _ = vector.reset(seed=1)
    assert vector.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    for _ in range(60):
        assert vector.observation_space.contains(observations)
        observations, *_ = vector.step(vector.action_space.sample())


@venues
@modes
@pytest.mark.parametrize("num_envs", [1, 7])
def test_many_are_what_gymnasium_makes_of_single_ones_to_the_last_bit(venue, mode, num_envs):
    bars = len(venue.market) // 3
    ours = venue.vector(num_envs=num_envs, episode_bars=bars, autoreset_mode=mode)
    theirs = SyncVectorEnv([lambda: venue.single(episode_bars=bars)] * num_envs, autoreset_mode=mode)
    assert ours.metadata["autoreset_mode"] == mode
    np.testing.assert_array_equal(ours.reset(seed=0)[0], theirs.reset(seed=0)[0])
    ends, last = 0, np.zeros(num_envs, dtype=bool)
    for row in venue.actions(2 * len(venue.market), num_envs):
        (*answer, info), (*expected, other) = ours.step(row), theirs.step(row)
        for mine, theirs_ in zip(answer, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs_)
        np.testing.assert_array_equal(info[venue.measure], other[venue.measure])
        ended = answer[2] | answer[3]
        np.testing.assert_array_equal(info["opened"], ended if mode == AutoresetMode.SAME_STEP else last)
        assert ("final_obs" in info) == ("final_obs" in other)
        if "final_obs" in info:
            for name in ("_final_obs", "_final_info"):
                np.testing.assert_array_equal(info[name], other[name])
            for place in np.flatnonzero(ended):
                np.testing.assert_array_equal(info["final_obs"][place], other["final_obs"][place])
            assert info["final_obs"][~ended].tolist() == [None] * int((~ended).sum())
            for name in (venue.measure, f"_{venue.measure}"):
                np.testing.assert_array_equal(info["final_info"][name], other["final_info"][name])
        ends, last = ends + int(ended.sum()), ended
    assert ends >= 5 * num_envs


@venues
@modes
@pytest.mark.parametrize("seed", [3, [1, 2, 3, 4, 5]])
def test_a_restored_env_goes_on_as_if_it_had_never_stopped(venue, mode, seed):
    settings = {"num_envs": 5, "episode_bars": 11, "starts": "random", "autoreset_mode": mode}
    env, other = venue.vector(**settings), venue.vector(**settings)
    env.reset(seed=seed)
    other.reset(seed=99)
    actions = venue.actions(60, 5)
    for row in actions[:25]:
        env.step(row)
    other.load_state_dict(env.state_dict())
    for row in actions[25:]:
        (*answer, info), (*expected, told) = env.step(row), other.step(row)
        for mine, theirs in zip(answer, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(info[venue.measure], told[venue.measure])
    for mine, theirs in zip(env.cursor(), other.cursor(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def starts_of(venue, seed, num_envs, resets=3):
    """(resets, N) bars at which the episodes began."""
    bars = len(venue.market) // 4
    env = venue.vector(num_envs=num_envs, episode_bars=bars, starts="random", autoreset_mode=AutoresetMode.SAME_STEP)
    env.reset(seed=seed)
    rows, (action, *_) = [env.simulator.t.copy()], venue.actions(1, num_envs)
    while len(rows) < resets:
        *_, info = env.step(action)
        if info["opened"].any():
            rows.append(env.simulator.t.copy())
    assert np.max(rows) <= len(venue.market) - bars
    return np.array(rows)


@venues
def test_random_starts_depend_on_the_seed_and_on_nothing_else(venue):
    np.testing.assert_array_equal(starts_of(venue, 1, 50), starts_of(venue, 1, 50))
    assert not np.array_equal(starts_of(venue, 1, 50), starts_of(venue, 2, 50))
    assert len(np.unique(starts_of(venue, 1, 50))) >= 3


@venues
def test_an_account_with_a_seed_of_its_own_starts_where_it_would_start_among_others(venue):
    together = starts_of(venue, [5, 6, 7, 8], 4)
    for place, seed in enumerate([5, 6, 7, 8]):
        np.testing.assert_array_equal(together[:, place], starts_of(venue, [seed], 1)[:, 0])
    assert len(np.unique(starts_of(venue, list(range(40)), 40)[0])) >= 3


@venues
def test_an_episode_begins_where_it_is_told_to(venue):
    env, vector = venue.single(), venue.vector(num_envs=2)
    observation, info = env.reset(options={"start": 7})
    rows, _ = vector.reset(options={"start": 7})
    assert info["t"] == 7
    np.testing.assert_array_equal(rows, np.stack([observation, observation]))
    assert not np.array_equal(rows, vector.reset()[0])


@venues
def test_the_step_after_an_episode_opens_a_fresh_account_and_is_no_transition(venue):
    env = venue.vector(num_envs=2, episode_bars=3)
    first, _ = env.reset(seed=0)
    for row in venue.actions(3, 2):
        _, _, terminated, truncated, info = env.step(row)
    assert truncated.all()
    assert not terminated.any()
    assert not info["opened"].any()
    again, reward, terminated, truncated, info = env.step(row)
    np.testing.assert_array_equal(again, first)
    assert not np.any([reward, terminated, truncated])
    assert info["opened"].all()


@venues
def test_nothing_of_an_episode_survives_into_the_next(venue):  # gym-trading-env: the window kept the old positions
    env = venue.single()
    first, opening = env.reset(seed=0)
    for row in venue.actions(2, 1):
        env.step(row[0])
    again, info = env.reset(seed=0)
    np.testing.assert_array_equal(first, again)
    assert info[venue.measure] == opening[venue.measure]


@venues
def test_a_step_past_the_end_is_refused(venue):
    env = venue.single(episode_bars=2)
    (one,), (two,) = venue.actions(2, 1)
    with pytest.raises(ValueError, match="the episode has ended; call reset"):
        env.step(one)
    env.reset()
    env.step(one)
    assert env.step(two)[3]
    with pytest.raises(ValueError, match="the episode has ended; call reset"):
        env.step(one)


@venues
@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda venue: venue.vector(num_envs=0), "num_envs must be at least 1, was 0"),
        (lambda venue: venue.vector(starts="late"), "starts must be sequential or random, was 'late'"),
        (lambda venue: venue.single(episode_bars=0), "episode_bars must be at least 1 bar or None, was 0"),
        (lambda venue: venue.vector(episode_bars=0), "episode_bars must be at least 1 bar or None, was 0"),
        (
            lambda venue: venue.single(episode_bars=97),
            r"episode_bars must be at most \d\d, the bars that can be played",
        ),
        (lambda venue: venue.single().reset(options={"start": 96}), r"start must be a bar in \[0, \d\d\], was 96"),
        (lambda venue: venue.vector().reset(options={"start": -1}), r"start must be a bar in \[0, \d\d\], was -1"),
        (lambda venue: venue.single().reset(options={"begin": 1}), "options may hold start, held begin"),
        (lambda venue: venue.vector().reset(seed=[1, 2]), "seed must be one int or a list of 1, had 2"),
        (
            lambda venue: venue.vector(autoreset_mode=AutoresetMode.DISABLED),
            "autoreset_mode must be NEXT_STEP or SAME_STEP, was",
        ),
        (
            lambda venue: venue.vector(num_envs=3).load_state_dict(venue.vector(num_envs=5).state_dict()),
            "the state must be of 3 environments, was of 5",
        ),
    ],
)
def test_a_wrong_use_is_answered_with_the_law_it_breaks(venue, attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt(venue)

"""Walking and remembering: what is a transition, where it led, and that an index remembers as well as a copy."""

import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from trading_agent.common.transitions import IndexedEnv, Walk, sizes
from trading_agent.dqn.replay import IndexReplay, ReplayMemory, Ring, memory_for

from corridor import Corridor, IndexedCorridor

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


@given(st.integers(1, 12), st.lists(st.integers(0, 12), max_size=8))
def test_a_ring_keeps_the_newest_rows(capacity, lengths):
    ring, written = Ring(capacity, {"x": (np.int64, ())}), []
    for length in (min(n, capacity) for n in lengths):
        rows = np.arange(length) + len(written)
        ring.add({"x": rows}, length)
        written.extend(rows)
    assert len(ring) == min(len(written), capacity)
    assert sorted(ring.columns["x"][: len(ring)]) == written[len(written) - len(ring) :]


@given(st.integers(0, 20))
def test_a_ring_that_was_put_down_and_taken_up_draws_the_same(count):
    ring = Ring(8, {"x": (np.int64, ()), "y": (np.float32, (2,))})
    for i in range(count):
        ring.add({"x": np.array([i]), "y": np.full((1, 2), i / 3)}, 1)
    again = Ring(8, {"x": (np.int64, ()), "y": (np.float32, (2,))})
    again.load_state_dict(ring.state_dict())
    for one in (ring, again):
        one.add({"x": np.array([99, 98]), "y": np.ones((2, 2))}, 2)
    draws = [one.sample(np.random.default_rng(3), 16) for one in (ring, again)]
    for name in ("x", "y"):
        np.testing.assert_array_equal(draws[0][name], draws[1][name])


def test_an_empty_memory_is_not_sampled():
    with pytest.raises(ValueError, match="must hold a transition before it is sampled, was empty"):
        ReplayMemory(4, 2).sample(np.random.default_rng(0), 1)


@pytest.mark.parametrize("mode", MODES)
def test_every_transition_stays_within_its_episode(mode):
    walk, rng = Walk(Corridor(num_envs=5, mode=mode), seed=0), np.random.default_rng(0)
    terminated = truncated = 0
    for _ in range(200):
        moved = walk.advance(rng.integers(0, 2, size=5))
        np.testing.assert_array_equal(moved.next_observations[:, 1], moved.observations[:, 1])  # the episode's jitter
        np.testing.assert_array_equal(moved.next_observations[:, 0], moved.observations[:, 0] + moved.actions)
        np.testing.assert_array_equal(moved.terminated, moved.next_observations[:, 0] == 3)
        np.testing.assert_array_equal(moved.rewards, moved.terminated)
        terminated, truncated = terminated + moved.terminated.sum(), truncated + moved.truncated.sum()
    assert terminated > 10
    assert truncated > 10


def test_both_ways_of_restarting_make_the_same_transitions():
    def first_episode(mode):
        walk, made = Walk(Corridor(num_envs=1, mode=mode), seed=4), []
        while not made or not (made[-1].terminated[0] or made[-1].truncated[0]):
            made.append(walk.advance(np.array([len(made) % 2])))
        return made

    for ours, theirs in zip(*(first_episode(mode) for mode in MODES), strict=True):
        for one, other in zip(ours[:-1], theirs[:-1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_call_that_only_restarts_is_no_transition():
    walk = Walk(Corridor(num_envs=2, length=2), seed=0)
    made = [len(walk.advance(np.array([1, 0])).envs) for _ in range(7)]
    assert made == [2, 2, 1, 2, 2, 1, 1]  # env 0 ends every 2 calls, env 1 after 6


@pytest.mark.parametrize("env", [IndexedCorridor(num_envs=6), IndexedCorridor(6, mode=AutoresetMode.SAME_STEP)])
def test_an_index_remembers_as_well_as_a_copy(env):
    walk, rng = Walk(env, seed=0), np.random.default_rng(0)
    by_index, by_copy = IndexReplay(64, env, 2), ReplayMemory(64, 2)
    for _ in range(40):
        moved = walk.advance(rng.integers(0, 2, size=6))
        by_index.add(moved)
        by_copy.add(moved)
    for ours, theirs in zip(*(m.sample(np.random.default_rng(7), 500) for m in (by_index, by_copy)), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert by_index.ring.nbytes == 64 * (4 + 2 * 4)


def test_an_env_that_can_be_indexed_is():
    assert isinstance(IndexedCorridor(), IndexedEnv)
    assert isinstance(memory_for(IndexedCorridor(), 8, 2, 2), IndexReplay)
    assert isinstance(memory_for(Corridor(), 8, 2, 2), ReplayMemory)
    with pytest.raises(ValueError, match="must carry the origin in an IndexedEnv, was None"):
        IndexReplay(8, IndexedCorridor(), 2).add(Walk(Corridor(), seed=0).advance(np.zeros(4, int)))


def test_an_env_the_agents_cannot_learn_in_is_refused_by_all_its_faults():
    env = Corridor(num_envs=3)
    env.single_observation_space, env.single_action_space = Box(0, 1, (2, 2)), MultiDiscrete([2, 2])
    with pytest.raises(
        ValueError, match=r"flat Box, was .*Discrete actions .*num_envs must be that of the env, 3, was 4"
    ):
        sizes(env, 4)


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, None])
def test_an_env_that_does_not_restart_itself_is_refused(mode):
    with pytest.raises(ValueError, match="must be NEXT_STEP or SAME_STEP, was"):
        Walk(Corridor(mode=mode), seed=0)

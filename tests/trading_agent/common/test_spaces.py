"""Any environment as agents read it: rows stay within their bounds, actions within the environment's own space."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from trading_agent import Agent
from trading_agent.common.spaces import EnvironmentFault, PlainEnv, is_plain, picture_of, whole_columns

LEAVES = st.one_of(
    st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 5), st.integers(-2, 2)),
    st.builds(spaces.MultiDiscrete, st.lists(st.integers(1, 4), min_size=1, max_size=3)),
    st.builds(spaces.MultiBinary, st.integers(1, 4)),
    st.builds(lambda shape: spaces.Box(-2.0, 3.0, shape), st.lists(st.integers(1, 3), max_size=3).map(tuple)),
)
OBSERVED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(spaces.Dict),
    ),
    max_leaves=4,
)
PICTURES = [  # a space, and (channels, height, width)
    (spaces.Box(0, 255, (84, 84, 3), np.uint8), (3, 84, 84)),
    (spaces.Box(0, 255, (4, 84, 84), np.uint8), (4, 84, 84)),  # frames
    (spaces.Box(0, 255, (4, 84, 90, 3), np.uint8), (12, 84, 90)),  # coloured frames
    (spaces.Box(0, 255, (20, 30), np.uint8), (1, 20, 30)),
    (spaces.Box(0, 1, (10, 10, 4), np.bool_), (4, 10, 10)),
    (spaces.Box(0, 1, (10, 10, 10), np.bool_), (10, 10, 10)),
]


class Sampled(gymnasium.Env):
    """Shows anything of its space, and remembers what was done to it."""

    def __init__(self, observed, acted):
        self.observation_space, self.action_space, self.actions = observed, acted, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.shown = self.observation_space.sample()
        return self.shown, {}

    def step(self, action):
        self.actions.append(action)
        self.shown = self.observation_space.sample()
        return self.shown, 1.0, False, False, {}


@given(OBSERVED, LEAVES, st.sampled_from(["one_hot", "number"]), st.integers(0, 99))
def test_rows_and_actions_stay_in_their_spaces(observed, acted, categories, seed):
    env = PlainEnv(Sampled(observed, acted), categories)
    assert is_plain(env.observation_space, env.action_space)
    env.action_space.seed(seed)
    seen = [env.reset(seed=seed)[0], *(env.step(env.action_space.sample())[0] for _ in range(4))]
    assert all(env.observation_space.contains(row) for row in seen), (env.observation_space, seen)
    assert all(acted.contains(action) for action in env.unwrapped.actions), env.unwrapped.actions


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.uint8])
def test_the_ends_of_a_box_in_its_own_numbers_are_within_it(dtype):
    """0.3 as float32 is more than 0.3 as float64, and 2,147,483,647 as float32 is no int32 at all."""
    whole = np.issubdtype(dtype, np.integer)
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else (-0.1, 0.3)
    env = PlainEnv(Sampled(spaces.Discrete(2), spaces.Box(low, high, (2, 1), dtype)))
    env.reset()
    for end in (env.action_space.low, env.action_space.high, np.array([1e30, -1e30], np.float32)):
        env.step(end)
    inner = env.unwrapped
    assert all(inner.action_space.contains(action) for action in inner.actions), inner.actions
    assert inner.actions[2].tolist() == [[inner.action_space.high[0, 0]], [inner.action_space.low[0, 0]]]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(-3, 3))
def test_a_product_reaches_every_combination_once(choices, start):
    acted = spaces.MultiDiscrete(choices, start=[start] * len(choices))
    env = PlainEnv(Sampled(spaces.Discrete(2), acted))
    env.reset()
    for action in range(env.action_space.n):
        env.step(action)
    assert len({tuple(action) for action in env.unwrapped.actions}) == env.action_space.n == np.prod(choices)


def test_categories_are_columns_or_numbers():
    observed = spaces.Tuple((spaces.Discrete(3, start=5), spaces.MultiDiscrete([2, 4])))
    columns, numbers = (PlainEnv(Sampled(observed, spaces.Discrete(2)), way) for way in ("one_hot", "number"))
    row, _ = columns.reset(seed=1)
    assert (row.shape, row.sum()) == ((9,), 3)
    row, _ = numbers.reset(seed=1)
    hidden = numbers.unwrapped.shown
    assert row.tolist() == [hidden[0] - 5, *hidden[1]]
    assert whole_columns(numbers.observation_space).tolist() == [[0, 0, 0], [2, 1, 3]]
    assert whole_columns(spaces.Box(-1.0, 1.0, (3,))) is None


@pytest.mark.parametrize(("space", "shape"), PICTURES, ids=str)
def test_a_picture_is_told_by_its_channels_rows_and_columns(space, shape):
    env = PlainEnv(Sampled(space, spaces.Discrete(2)))
    row, _ = env.reset(seed=3)
    told = picture_of(env.observation_space)
    assert told == {"shape": list(shape), "peak": 255.0 if space.dtype == np.uint8 else 1.0}
    pixels, seen = row.reshape(shape), env.unwrapped.shown
    if space.shape == shape[1:]:
        np.testing.assert_array_equal(pixels[0], seen)
    elif space.shape == (shape[1], shape[2], shape[0]):
        np.testing.assert_array_equal(pixels[1, :, 3], seen[:, 3, 1])
    elif len(space.shape) == 4:
        np.testing.assert_array_equal(pixels[3 * 2 + 1], seen[2, :, :, 1])  # frame 2, channel 1
    else:
        np.testing.assert_array_equal(pixels, seen)


def test_a_small_table_of_bytes_is_no_picture():
    env = PlainEnv(Sampled(spaces.Box(0, 255, (3, 3), np.uint8), spaces.Discrete(2)))
    assert picture_of(env.observation_space) is None
    assert env.reset(seed=0)[0].shape == (9,)


@pytest.mark.parametrize(
    ("observed", "acted", "message"),
    [
        (spaces.Text(5), spaces.Discrete(2), "observations must be a Box, Discrete, .*, were Text"),
        (spaces.Sequence(spaces.Discrete(2)), spaces.Discrete(2), "observations must be a Box, .*, were Sequence"),
        (spaces.Box(-1, 1, (0,)), spaces.Discrete(2), r"observations must hold a number at least, were Box\(.*\(0,\)"),
        (spaces.Discrete(2), spaces.Tuple([spaces.Discrete(2)]), "actions must be Discrete, a Box, .*, were Tuple"),
        (spaces.Discrete(2), spaces.MultiBinary(11), "at most 1,024 combinations, were 2,048 of MultiBinary"),
    ],
)
def test_what_no_agent_reads_is_refused_by_name(observed, acted, message):
    with pytest.raises(ValueError, match=message):
        PlainEnv(Sampled(observed, acted))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ((np.zeros(2), 1.0, False, {}), r"at step 2 of an episode: ValueError: not enough values to unpack"),
        ((np.zeros(3), 1.0, False, False, {}), r"ValueError: observations must be of Box\(.*, was \[0. 0. 0.\]"),
        ((np.array([0.0, np.nan]), 1.0, False, False, {}), r"observations must be finite numbers, was \[ 0. nan\]"),
        ((np.zeros(2), np.nan, False, False, {}), "rewards must be finite numbers, was nan"),
        ((np.zeros(2), None, False, False, {}), "rewards must be finite numbers, was None"),
    ],
)
def test_what_an_environment_must_not_return_is_its_fault_and_the_step_is_told(returned, message):
    env = PlainEnv(Sampled(spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(2)))
    env.reset()
    env.step(0)
    env.unwrapped.step = lambda action: returned
    with pytest.raises(EnvironmentFault, match=f"^<Sampled instance> failed .*{message}") as fault:
        env.step(0)
    assert fault.value.__cause__ is not None


def test_a_plain_environment_is_still_one_of_gymnasium():
    check_env(PlainEnv(gymnasium.make("Blackjack-v1").unwrapped), skip_render_check=True)


def test_an_agent_to_hold_learns_where_observations_are_a_dict():
    env = Sampled(spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(-1, 1, (2,))}), spaces.MultiDiscrete([2, 2]))
    short = PlainEnv(gymnasium.wrappers.TimeLimit(env, 5))
    agent = Agent("dqn", steps=300, learning_starts=50, batch_size=16).learn(short, episodes=2)
    assert agent.trained.best_score == 5.0
    assert agent.act(short.reset()[0]).shape == ()
    with pytest.raises(ValueError, match=r"env must show a flat Box, was Dict.*; trading_agent.PlainEnv"):
        Agent("dqn", steps=300, learning_starts=50).learn(env)

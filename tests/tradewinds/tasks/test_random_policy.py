"""Random play stays within a space, and near its ends where a space is endless."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from tradewinds.tasks.random_policy import RandomPolicy


@pytest.mark.parametrize(
    ("low", "high"), [(-1.0, 3.0), (5.0, np.inf), (-np.inf, -2.0), (-np.inf, np.inf), ([0.0, 5.0], [1.0, np.inf])]
)
def test_actions_of_a_box_lie_within_it_and_not_a_million_away(low, high):
    space = Box(np.broadcast_to(np.float32(low), 2), np.broadcast_to(np.float32(high), 2))
    acted = RandomPolicy(space, 3).act(np.zeros((500, 1)))
    assert all(space.contains(action) for action in acted)
    assert np.ptp(acted, axis=0).min() > 0.9
    assert np.abs(acted).max() < 30.0


def test_every_action_of_a_few_is_drawn():
    assert set(RandomPolicy(Discrete(3), 3).act(np.zeros((100, 1))).tolist()) == {0, 1, 2}

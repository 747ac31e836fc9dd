"""Pixels: what reads them, how they are scaled and kept, and that a pixel's place is learned from."""

import numpy as np
import pytest
import torch
from lights import SHAPE, Lights

from trading_agent import (
    DQNConfig,
    PPOConfig,
    RecurrentDQNConfig,
    RecurrentPPOConfig,
    evaluate,
    load_policy,
    save_policy,
    train_dqn,
    train_ppo,
    train_recurrent_dqn,
)
from trading_agent.common.networks import reading_layers
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.replay import memory_for
from trading_agent.recurrent.ppo import train_recurrent_ppo

BATCHES = {"num_envs": 16, "rollout_steps": 16, "batch_size": 64}
MEMORY = {"num_envs": 16, "learning_starts": 500, "learning_rate": 2e-3}
LEARNERS = [
    (train_ppo, PPOConfig, BATCHES, np.bool_),
    (train_ppo, PPOConfig, BATCHES, np.uint8),
    (train_dqn, DQNConfig, MEMORY, np.bool_),
    (train_dqn, DQNConfig, MEMORY, np.uint8),
    (train_recurrent_ppo, RecurrentPPOConfig, {**BATCHES, "memory_units": 8}, np.uint8),
    (
        train_recurrent_dqn,
        RecurrentDQNConfig,
        {**MEMORY, "memory_units": 8, "sequence_steps": 4, "burn_in": 2},
        np.bool_,
    ),
]


@pytest.mark.parametrize(("train", "config", "settings", "dtype"), LEARNERS)
def test_where_a_pixel_is_lit_is_learned_saved_and_loaded(train, config, settings, dtype, tmp_path):
    config = config(**settings, steps=4_000, hidden_sizes=(32,), discount=0.0, validate_every=2_000)
    score = lambda policy: evaluate(policy, Lights(dtype=dtype), 64)  # noqa: E731
    trained = train(Lights(dtype=dtype), config, seed=5, validate=score)
    assert trained.best_score > 3.4, trained.best_score  # 2 is what chance earns, 4 the most there is
    save_policy(trained.policy, tmp_path)
    assert score(load_policy(tmp_path)) == trained.best_score


@pytest.mark.parametrize(("shape", "width"), [((4, 10, 10), 16 * 8 * 8), ((4, 84, 84), 64 * 7 * 7)])
def test_the_size_of_a_picture_chooses_its_convolutions(shape, width):
    """MinAtar's of Young & Tian 2019, and the 3,136 numbers of Mnih et al. 2015."""
    layers, handed = reading_layers(int(np.prod(shape)), {"shape": shape, "peak": 1.0}, lambda layer: layer)
    assert handed == width
    assert torch.nn.Sequential(*layers)(torch.zeros(2, int(np.prod(shape)))).shape == (2, width)


def test_pixels_are_scaled_by_their_peak_and_kept_as_bytes():
    picture = {"shape": list(SHAPE), "peak": 255.0}
    network = QNetwork(64, 2, (4,), torch.Generator().manual_seed(0), picture=picture)
    rows = torch.randint(0, 256, (9, 64), dtype=torch.uint8)
    network.fit_scales(rows, torch.ones(9))
    torch.testing.assert_close(network.standard(rows), rows / 255.0)
    memory = memory_for(Lights(dtype=np.uint8), 100, 64, 2)
    assert memory.ring.columns["observations"].dtype == np.uint8

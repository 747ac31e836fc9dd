"""`experiment=source_dqn`, number by number: the DQN that this project began with."""

import pytest
import torch
from torch import nn

from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from trading_agent.dqn.dqn import DQN
from trading_agent.dqn.replay import Batch

NUMBERS = {
    "env.id": "CartPole-v1",
    "agent.kind": "dqn",
    "agent.steps": 50_000,
    "agent.num_envs": 1,
    "agent.hidden_sizes": (16, 16),
    "agent.learning_rate": 1e-3,
    "agent.replay_size": 50_000,
    "agent.learning_starts": 10,
    "agent.target_update": "soft",
    "agent.tau": 0.01,
    "agent.exploration.kind": "boltzmann",
    "agent.exploration.start": 1.0,
    "agent.exploration.end": 1.0,
    "agent.updates_per_step": 1.0,
    "agent.batch_size": 32,
    "agent.discount": 0.99,
    "agent.double": True,
}


@pytest.fixture(scope="module")
def request_of_source():
    (plain,) = compose_requests(["experiment=source_dqn"], [resource_dir("conf")], multirun=False)
    return request_from(plain)


@pytest.mark.parametrize(("key", "number"), NUMBERS.items(), ids=NUMBERS)
def test_a_number_of_the_source(key, number, request_of_source):
    value = request_of_source
    for name in key.split("."):
        value = getattr(value, name)
    assert value == number


def test_its_network_is_two_hidden_layers_with_relu_and_a_linear_output(request_of_source):
    learner = DQN(4, 2, request_of_source.agent, seed=1)
    layers = [type(layer) for layer in learner.online.body]
    assert layers == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU]
    assert [tuple(layer.weight.shape) for layer in learner.online.body[::2]] == [(16, 4), (16, 16)]
    assert (type(learner.online.head), tuple(learner.online.head.weight.shape)) == (nn.Linear, (2, 16))
    assert isinstance(learner.optimiser, torch.optim.Adam)


def test_its_mean_absolute_error_is_that_of_the_newest_update(request_of_source):
    learner = DQN(4, 2, request_of_source.agent, seed=1)  # all values are 0 before it learns
    rewards = torch.tensor([1.0, -2.0, 6.0])
    batch = Batch(torch.ones(3, 4), torch.tensor([0, 1, 0]), rewards, torch.ones(3, 4), torch.ones(3, dtype=torch.bool))
    learner.update(batch)
    assert learner.error == pytest.approx(3.0)  # (1 + 2 + 6) / 3, in units of reward

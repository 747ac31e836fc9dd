"""Policies act, are judged, and come back from disk as they went."""

import json

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from trading_agent import evaluate, load_policy, save_policy
from trading_agent.common.policy import ConstantPolicy
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.q_learning.policy import TablePolicy

from corridor import Corridor


def network(num_observations=3, num_actions=4):
    made = QNetwork(num_observations, num_actions, (5, 6), torch.Generator().manual_seed(0))
    torch.nn.init.normal_(made.head.weight, generator=torch.Generator().manual_seed(1))
    made.fit_scales(torch.arange(12.0).reshape(4, 3), torch.full((4,), 3.0))
    return made


def policies():
    edges = (np.array([0.0, 1.0]), np.array([0.5]))
    table = np.random.default_rng(0).normal(size=(4, 2, 3)).T  # laid out column by column
    return [ConstantPolicy(2), NetworkPolicy(network()), TablePolicy((0, -1), edges, table)]


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.kind)
def test_a_policy_comes_back_from_disk_as_it_went(policy, tmp_path):
    save_policy(policy, tmp_path)
    again = load_policy(tmp_path)
    observations = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.act(observations), policy.act(observations))
    assert (again.kind, again.settings()) == (policy.kind, policy.settings())
    for name, array in policy.tensors().items():
        np.testing.assert_array_equal(again.tensors()[name], array)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]


def test_an_action_is_the_first_of_the_most_valued():
    table = TablePolicy((0,), (np.array([0.0]),), np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 2.0]]))
    np.testing.assert_array_equal(table.act(np.array([[-1.0], [0.0]])), [0, 1])
    untrained = NetworkPolicy(QNetwork(3, 4, (5,), torch.Generator().manual_seed(0)))
    np.testing.assert_array_equal(untrained.act(np.ones((2, 3))), [0, 0])


def test_values_are_in_units_of_reward_and_observations_in_their_own():
    one, ten = network(), network()
    ten.fit_scales(torch.arange(12.0).reshape(4, 3) * 100 + 7, torch.full((4,), 30.0))
    seen = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(ten(seen * 100 + 7), one(seen) * 10)


def test_a_column_that_never_varied_and_rewards_that_were_nothing_scale_nothing():
    still = network()
    still.fit_scales(torch.full((4, 3), 0.1), torch.zeros(4))
    assert still.observation_std.tolist() == [1.0, 1.0, 1.0]
    assert still.reward_scale.item() == 1.0
    assert torch.isfinite(still(torch.full((1, 3), 1e9))).all()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize(("num_envs", "episodes"), [(1, 3), (4, 4), (4, 6), (8, 3)])
def test_a_mean_return_is_over_whole_episodes(mode, num_envs, episodes):
    env = Corridor(num_envs, length=3, mode=mode)
    assert evaluate(ConstantPolicy(1), env, episodes) == 1.0
    assert evaluate(ConstantPolicy(0), env, episodes) == 0.0


def test_a_cautious_score_subtracts_standard_errors():
    rewards = np.array([0.0, 0.0, 1.0])  # one episode of a corridor of 3
    expected = 1.0 - 2.0 * np.sqrt(3) * rewards.std()
    assert evaluate(ConstantPolicy(1), Corridor(1), 1, standard_errors=2.0) == pytest.approx(expected)
    four = 1.0 - 2.0 * np.sqrt(12) * np.tile(rewards, 4).std() / 4
    assert evaluate(ConstantPolicy(1), Corridor(2), 4, standard_errors=2.0) == pytest.approx(four)
    assert evaluate(ConstantPolicy(0), Corridor(1), 1, standard_errors=2.0) == 0.0


def test_a_number_of_episodes_below_1_is_refused():
    with pytest.raises(ValueError, match="episodes must be at least 1, was 0"):
        evaluate(ConstantPolicy(0), Corridor(), 0)


def test_a_folder_without_a_policy_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match=f"must hold a policy written by save_policy, was '{tmp_path}'"):
        load_policy(tmp_path)


def test_a_kind_nobody_wrote_is_refused(tmp_path):
    save_policy(ConstantPolicy(0), tmp_path)
    (tmp_path / "policy.json").write_text(json.dumps({"kind": "os.system", "settings": {}}))
    with pytest.raises(ValueError, match=r"must be one of constant, .*q_table.*, was 'os\.system'"):
        load_policy(tmp_path)


def test_weights_that_do_not_fit_their_sizes_are_refused(tmp_path):
    save_policy(NetworkPolicy(network()), tmp_path)
    facts = json.loads((tmp_path / "policy.json").read_text())
    facts["settings"]["hidden_sizes"] = [9, 9]
    (tmp_path / "policy.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="must hold a policy written by save_policy"):
        load_policy(tmp_path)

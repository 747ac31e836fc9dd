"""DQN's switches by hand: duelling, counterfactual targets, prioritised replay; and the classic agent they make."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trading_agent import DQNConfig, evaluate, load_policy, save_policy, train_dqn
from trading_agent.common.policy import ConstantPolicy
from trading_agent.common.transitions import Transitions, Walk
from trading_agent.dqn.dqn import DQN, bellman_targets
from trading_agent.dqn.n_step import NStep
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.dqn.replay import Batch, IndexReplay, Priorities, ReplayMemory, memory_for

from corridor import Corridor, IndexedCorridor


def small(**settings):
    defaults = {"steps": 600, "num_envs": 4, "hidden_sizes": (8,), "batch_size": 16, "replay_size": 200}
    defaults |= {"learning_rate": 1e-3, "discount": 0.99, "target_interval": 250}
    return DQNConfig(**{**defaults, "learning_starts": 40, "validate_every": 100, **settings})


def score(policy):
    return evaluate(policy, Corridor(2, length=4), 4)


def test_a_duelling_network_adds_the_state_to_the_advantages_less_their_mean():
    network = QNetwork(2, 3, (4,), torch.Generator().manual_seed(0), duelling=True)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(1))
    seen = torch.randn(5, 2, generator=torch.Generator().manual_seed(2))
    outputs = network.head(network.body(seen))
    by_hand = torch.stack([outputs[:, 3] + outputs[:, a] - outputs[:, :3].sum(dim=1) / 3.0 for a in range(3)], dim=1)
    torch.testing.assert_close(network(seen), by_hand)


def test_a_saved_duelling_network_values_the_same(tmp_path):
    network = QNetwork(2, 3, (4, 5), torch.Generator().manual_seed(0), duelling=True)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(1))
    save_policy(NetworkPolicy(network), tmp_path)
    seen = np.random.default_rng(0).normal(size=(6, 2))
    np.testing.assert_array_equal(load_policy(tmp_path).values(seen), NetworkPolicy(network).values(seen))


def test_every_action_of_a_state_gets_the_target_it_would_have_had():
    env, rng = IndexedCorridor(num_envs=6), np.random.default_rng(0)
    walk, all_of_it, taken = Walk(env, seed=0), IndexReplay(64, env, 2, counterfactual=True), IndexReplay(64, env, 2)
    for _ in range(40):
        moved = walk.advance(rng.integers(0, 2, size=6))
        all_of_it.add(moved)
        taken.add(moved)
    networks = [QNetwork(2, 2, (4,), torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    for network in networks:
        torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(3))
    whole, part = (memory.sample(np.random.default_rng(7), 100) for memory in (all_of_it, taken))
    wanted, known = (bellman_targets(batch, *networks, discount=0.9, double=True) for batch in (whole, part))
    assert wanted.shape == (100, 2)
    np.testing.assert_array_equal(whole.observations, part.observations)
    torch.testing.assert_close(wanted.gather(1, part.actions[:, None])[:, 0], known)


def test_counterfactual_targets_need_an_env_that_knows_them():
    with pytest.raises(ValueError, match=r"counterfactual must be false for an env that cannot say .* \(IndexedEnv\)"):
        memory_for(Corridor(), 8, 2, 2, counterfactual=True)


@pytest.mark.parametrize(
    "switches", [{"counterfactual": True}, {"priority": 0.6}, {"duelling": True}, {"n_step": 3}, {"anneal": True}]
)
def test_a_corridor_is_learned_with_every_switch(switches):
    config = small(steps=2_000, learning_rate=1e-2, discount=0.9, batch_size=32, target_interval=20, **switches)
    trained = train_dqn(
        IndexedCorridor(4, length=4), config, seed=1, validate=lambda p: score(p) - isinstance(p, ConstantPolicy)
    )
    assert (trained.policy.kind, trained.best_score) == ("q_network", 1.0)


def test_the_probabilities_and_weights_of_prioritised_replay_by_hand():
    memory = Priorities(8, 0.5)
    memory.add(np.arange(4))
    rng = np.random.default_rng(0)
    places, weights = memory.draw(rng, 4_000, 4, 0.7)
    np.testing.assert_allclose(np.bincount(places) / 4_000, 0.25, atol=0.03)  # new ones are all as likely
    assert (weights == 1.0).all()
    memory._drawn = np.arange(4)
    errors = np.array([0.0, 0.25, 1.0, 4.0], np.float32)
    memory.learned(errors)
    powers = np.sqrt(errors + 1e-3)
    chances = powers / powers.sum()
    places, weights = memory.draw(rng, 200_000, 4, 0.7)
    np.testing.assert_allclose(np.bincount(places) / 200_000, chances, atol=0.005)
    by_hand = (4 * chances) ** -0.7
    np.testing.assert_allclose(weights, by_hand[places] / by_hand.max(), rtol=1e-5)
    memory.add(np.array([4]))
    assert memory.powers[4] == pytest.approx(np.sqrt(4.001))  # a new one has the largest so far


@given(st.lists(st.floats(0.0, 100.0, width=32), min_size=1, max_size=20), st.floats(0.0, 1.0))
def test_weights_never_exceed_one_and_every_row_can_be_drawn(errors, correction):
    memory = Priorities(32, 0.6)
    memory.add(np.arange(len(errors)))
    memory._drawn = np.arange(len(errors))
    memory.learned(np.array(errors, np.float32))
    places, weights = memory.draw(np.random.default_rng(0), 64, len(errors), correction)
    assert (memory.powers[: len(errors)] > 0.0).all()
    assert places.max() < len(errors)
    assert weights.max() == 1.0
    assert weights.min() > 0.0


def test_the_weights_of_a_batch_weigh_its_loss():
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.randn(3, 2, generator=generator),
        torch.tensor([0, 1, 0]),
        torch.tensor([1.0, 2.0, 3.0]),
        torch.zeros(3, 2),
        torch.ones(3, dtype=torch.bool),
        weights=torch.tensor([1.0, 0.5, 0.0]),
    )
    agent = DQN(2, 2, small(priority=0.6), seed=0)
    agent.update(batch)  # all values are still 0: the error is the reward
    assert agent.loss == pytest.approx((0.5 + 0.5 * 1.5 + 0.0) / 3.0)
    assert agent.errors.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("make", [Corridor, IndexedCorridor])
@pytest.mark.parametrize("switches", [{"priority": 0.6}, {"n_step": 3}, {"duelling": True, "anneal": True}])
def test_every_switch_resumes_bit_for_bit(make, switches, tmp_path):
    calls = []

    def power_cut(policy):
        calls.append(policy)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return score(policy)

    config = small(**switches)
    with pytest.raises(KeyboardInterrupt):
        train_dqn(make(), config, seed=5, validate=power_cut, checkpoint=tmp_path)
    train_dqn(make(), config, seed=5, validate=score, checkpoint=tmp_path / "again", resume=tmp_path)
    train_dqn(make(), config, seed=5, validate=score, checkpoint=tmp_path / "whole")
    files = [(tmp_path / name / "training.safetensors").read_bytes() for name in ("again", "whole")]
    assert files[0] == files[1]


def test_the_return_of_n_steps_by_hand():
    def moved(reward, *, ended=False):
        seen, none = np.zeros((1, 1)), np.array([False])
        done = np.array([ended])
        return Transitions(np.array([0]), seen, np.array([1]), np.array([reward]), seen + reward, done, none, None)

    ahead = NStep(3, 0.5)
    made = [ahead.add(moved(reward)) for reward in (1.0, 2.0, 4.0, 8.0)]
    assert [stretch.rewards.tolist() for stretch in made] == [[], [], [1.0 + 1.0 + 1.0], [2.0 + 2.0 + 2.0]]
    last = ahead.add(moved(16.0, ended=True))  # all that wait end with the episode
    assert last.rewards.tolist() == [4.0 + 4.0 + 4.0, 8.0 + 8.0, 16.0]
    assert last.steps.tolist() == [3, 2, 1]
    assert last.terminated.all()
    assert last.next_observations[:, 0].tolist() == [16.0] * 3


def test_the_value_after_n_steps_is_discounted_n_times():
    network = QNetwork(1, 2, (1,), torch.Generator().manual_seed(0))
    torch.nn.init.constant_(network.head.bias, 8.0)
    seen = torch.zeros(2, 1)
    batch = Batch(seen, torch.tensor([0, 1]), torch.ones(2), seen, torch.tensor([False, True]))
    batch = batch._replace(steps=torch.tensor([3.0, 2.0]))
    assert bellman_targets(batch, network, network, discount=0.5, double=False).tolist() == [1.0 + 0.125 * 8.0, 1.0]


@pytest.mark.parametrize("length", [1, 3])
def test_an_index_remembers_several_steps_as_well_as_a_copy(length):
    env, rng = IndexedCorridor(num_envs=6), np.random.default_rng(0)
    walk = Walk(env, seed=0)
    by_index = IndexReplay(256, env, 2, n_step=length, discount=0.5)
    by_copy = ReplayMemory(256, 2, n_step=length, discount=0.5)
    for _ in range(40):
        moved = walk.advance(rng.integers(0, 2, size=6))
        by_index.add(moved)
        by_copy.add(moved)
    for ours, theirs in zip(*(m.sample(np.random.default_rng(7), 500) for m in (by_index, by_copy)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_million_transitions_of_a_market_fit_into_20_mb():
    class Market(IndexedCorridor):
        num_account_features = 4

    assert IndexReplay(1_000_000, Market(), 3).ring.nbytes <= 20_000_000


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("priority", 1.5, "less than or equal to 1"),
        ("priority_correction", -1.0, "greater than or equal to 0"),
        ("n_step", 0, "greater than or equal to 1"),
        ("n_step", 256, "less than or equal to 255"),
    ],
)
def test_a_switch_out_of_range_is_refused_by_name(field, value, law):
    with pytest.raises(ValueError, match=rf"(?s)\n{field}\n.*{law}"):
        small(**{field: value})


def test_counterfactual_targets_look_one_step_ahead():
    with pytest.raises(ValueError, match=r"n_step must be 1 with counterfactual targets, .* was 3"):
        small(counterfactual=True, n_step=3)

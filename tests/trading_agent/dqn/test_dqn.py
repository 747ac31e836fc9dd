"""DQN: the update by hand, the training exact to resume, and CartPole."""

import itertools
import random

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from trading_agent import DQNConfig, ExplorationConfig, evaluate, train_dqn
from trading_agent.common.policy import ConstantPolicy
from trading_agent.dqn.dqn import DQN, bellman_targets
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.replay import Batch

from corridor import Corridor, IndexedCorridor


class Lookup(QNetwork):
    """Values read from a table at the observation's only column."""

    def __init__(self, table):
        super().__init__(1, 2, (1,))
        self.table = torch.tensor(table)

    def forward(self, observations):
        return self.table[observations[:, 0].long()]


def batch_of(num=32, terminated=False):
    generator = torch.Generator().manual_seed(0)
    return Batch(
        torch.randn(num, 2, generator=generator),
        torch.randint(0, 2, (num,), generator=generator),
        torch.randn(num, generator=generator),
        torch.randn(num, 2, generator=generator),
        torch.full((num,), terminated),
    )


def small(**settings):
    defaults = {
        "steps": 600,
        "num_envs": 4,
        "hidden_sizes": (8,),
        "learning_rate": 1e-3,
        "discount": 0.99,
        "batch_size": 16,
        "replay_size": 200,
        "learning_starts": 40,
        "target_interval": 7,
        "validate_every": 100,
    }
    return DQNConfig(**{**defaults, **settings})


def score(policy):
    return evaluate(policy, Corridor(2, length=4), 4)


def same(one, other):
    """Say whether two outcomes are equal bit for bit."""
    ours, theirs = one.policy.tensors(), other.policy.tensors()
    return (
        (one.best_step, one.best_score, one.history) == (other.best_step, other.best_score, other.history)
        and one.policy.kind == other.policy.kind
        and ours.keys() == theirs.keys()
        and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    )


def test_the_bellman_target_by_hand():
    online, target = Lookup([[0.0, 0.0], [3.0, 1.0]]), Lookup([[0.0, 0.0], [10.0, 20.0]])
    state, following = torch.zeros(2, 1), torch.ones(2, 1)
    batch = Batch(state, torch.tensor([0, 0]), torch.tensor([1.0, 1.0]), following, torch.tensor([False, True]))
    single = bellman_targets(batch, online, target, discount=0.5, double=False)
    double = bellman_targets(batch, online, target, discount=0.5, double=True)
    assert single.tolist() == [1.0 + 0.5 * 20.0, 1.0]  # the target network's own best; nothing after the end
    assert double.tolist() == [1.0 + 0.5 * 10.0, 1.0]  # the online network prefers action 0, the target values it


def test_the_loss_is_hubers_in_units_of_the_typical_reward():
    agent, batch = DQN(2, 2, small(), seed=0), batch_of(terminated=True)
    agent.fit_scales(batch._replace(rewards=torch.full((32,), 4.0)))
    agent.update(batch)  # all values are still 0, so the error is the reward
    error = batch.rewards.abs() / 4.0
    expected = torch.where(error < 1.0, 0.5 * error**2, error - 0.5).mean()
    assert agent.loss == pytest.approx(expected.item())


def test_a_hard_target_moves_by_gradient_steps_and_all_the_way():
    agent = DQN(2, 2, small(target_update="hard", target_interval=3), seed=0)
    for update in range(1, 7):
        agent.update(batch_of())
        equal = torch.equal(agent.target.head.weight, agent.online.head.weight)
        assert equal == (update % 3 == 0)


def test_a_soft_target_moves_by_tau():
    agent = DQN(2, 2, small(target_update="soft", tau=0.25), seed=0)
    before = agent.target.head.weight.clone()
    agent.update(batch_of())
    torch.testing.assert_close(agent.target.head.weight, 0.75 * before + 0.25 * agent.online.head.weight)


def test_a_gradient_is_cut_to_its_bound():
    agent = DQN(2, 2, small(gradient_clip=1e-3), seed=0)
    agent.update(batch_of())
    norm = torch.stack([p.grad.norm() for p in agent.online.parameters()]).norm()
    assert norm <= 1e-3 * 1.001


@pytest.mark.parametrize(("updates_per_step", "updates"), [(1.0, 140), (0.25, 35), (3.0, 420)])
def test_updates_are_counted_per_step_of_all_environments(updates_per_step, updates, monkeypatch):
    made = []
    monkeypatch.setattr(DQN, "update", lambda self, batch: (made.append(batch), setattr(self, "updates", len(made))))
    train_dqn(Corridor(), small(updates_per_step=updates_per_step), seed=0, validate=score)
    assert len(made) == updates  # (600 - 40) / 4 steps after random play


def test_batches_drawn_together_are_the_batches_of_one_draw():
    batch = Batch(*(torch.arange(12.0).view(12, *shape) for shape in ((), (), (), (), ())), steps=torch.arange(12.0))
    for part, first in zip(batch.parts(3), (0, 4, 8), strict=True):
        assert all(torch.equal(column, torch.arange(first, first + 4.0)) for column in (*part[:5], part.steps))
        assert part.weights.dim() == 0
    wide = batch._replace(next_observations=torch.arange(24.0))  # two actions a state: counterfactual
    assert wide.parts(3)[1].next_observations.tolist() == list(range(8, 16))


def test_updates_come_in_bursts_where_asked(monkeypatch):
    """Every 20 calls of 4 environments, those due since the last burst; the calls after the last one wait in vain."""
    calls = []

    class Counted(Corridor):
        def step(self, actions):
            calls.append("step")
            return super().step(actions)

    monkeypatch.setattr(
        DQN, "update", lambda self, batch: (calls.append("update"), setattr(self, "updates", self.updates + 1))
    )
    train_dqn(Counted(), small(update_every=20), seed=0, validate=lambda _: 0.0)
    runs = [(kind, len(list(group))) for kind, group in itertools.groupby(calls)]
    assert runs == [("step", 20), ("update", 10), *[("step", 20), ("update", 20)] * 6, ("step", 10)]


def test_the_average_is_judged_and_follows_the_learner():
    agent = DQN(2, 2, small(average=0.05), seed=0)
    before = agent.judged.head.weight.clone()
    agent.update(batch_of())
    torch.testing.assert_close(agent.judged.head.weight, 0.05 * before + 0.95 * agent.online.head.weight)
    assert not torch.equal(agent.judged.head.weight, agent.online.head.weight)

    def learned(policy):
        return float(policy.kind != "constant")

    one, other = (
        train_dqn(Corridor(), small(average=share), seed=0, validate=learned).policy.tensors()["head.weight"]
        for share in (0.0, 0.9)
    )
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("make", [Corridor, IndexedCorridor])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_corridor_is_learned(make, mode):
    env = make(4, length=4, mode=mode)
    config = small(steps=2_000, learning_rate=1e-2, discount=0.9, exploration=ExplorationConfig(end=0.2), batch_size=32)
    trained = train_dqn(env, config, seed=1, validate=lambda policy: score(policy) - isinstance(policy, ConstantPolicy))
    assert (trained.policy.kind, trained.best_score) == ("q_network", 1.0)


@pytest.mark.parametrize("make", [Corridor, IndexedCorridor])
def test_index_replay_learns_the_same_as_copies(make):
    class Copied(make):
        num_account_features = property()  # hides the protocol: reading it raises

    outcomes = [train_dqn(env, small(), seed=3, validate=score) for env in (make(), Copied())]
    assert same(*outcomes)


@pytest.mark.parametrize("make", [Corridor, IndexedCorridor])
@pytest.mark.parametrize("interrupted_at", [4, 6, 8])
def test_a_resumed_training_equals_one_never_interrupted_bit_for_bit(make, interrupted_at, tmp_path):
    config = small(updates_per_step=0.7, target_update="soft" if interrupted_at == 6 else "hard")
    calls = []

    def power_cut(policy):
        calls.append(policy)
        if len(calls) == interrupted_at:  # 2 constant policies, then every 100 steps
            raise KeyboardInterrupt
        return score(policy)

    with pytest.raises(KeyboardInterrupt):
        train_dqn(make(), config, seed=5, validate=power_cut, checkpoint=tmp_path)
    resumed = train_dqn(make(), config, seed=5, validate=score, checkpoint=tmp_path / "again", resume=tmp_path)
    whole = train_dqn(make(), config, seed=5, validate=score, checkpoint=tmp_path / "whole")
    assert same(resumed, whole)
    files = [(tmp_path / name / "training.safetensors").read_bytes() for name in ("again", "whole")]
    assert files[0] == files[1]


def test_a_finished_training_resumes_to_its_own_outcome(tmp_path):
    whole = train_dqn(Corridor(), small(), seed=5, validate=score, checkpoint=tmp_path)
    assert same(train_dqn(Corridor(), small(), seed=5, validate=score, resume=tmp_path), whole)


def test_an_env_that_cannot_be_restored_starts_new_episodes(tmp_path):
    def cartpole():
        return gymnasium.make_vec("CartPole-v1", num_envs=4, vectorization_mode="sync")

    scores = iter([0.0, 1.0, 2.0, 3.0])  # 2 constant policies, 2 validations, then the power goes
    with pytest.raises(StopIteration):
        train_dqn(cartpole(), small(), seed=5, validate=lambda policy: next(scores), checkpoint=tmp_path)
    resumed = train_dqn(cartpole(), small(), seed=5, validate=lambda policy: 0.0, resume=tmp_path)
    assert [entry["step"] for entry in resumed.history] == [0, 0, 100, 200, 300, 400, 500, 600]
    assert (resumed.best_step, resumed.best_score) == (200, 3.0)


def test_the_same_seed_gives_the_same_agent_and_another_seed_another():
    one, again, other = (train_dqn(Corridor(), small(), seed=seed, validate=score) for seed in (1, 1, 2))
    assert same(one, again)
    assert one.history != other.history


def test_the_caller_s_random_states_are_neither_read_nor_moved():
    def states():
        return torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    outcomes = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        before = states()
        outcomes.append(train_dqn(Corridor(), small(), seed=1, validate=score))
        assert states() == before
    assert same(*outcomes)


def test_the_best_validated_policy_is_returned_and_of_equals_the_newer():
    scores = iter([0.0, 1.0, 0.5, 3.0, 3.0, 2.0, 0.0, 0.0])  # 2 constant policies, then 6 validations
    seen = []

    def judge(policy):
        seen.append(policy.tensors())
        return next(scores)

    trained = train_dqn(Corridor(), small(), seed=0, validate=judge)
    assert (trained.best_step, trained.best_score) == (300, 3.0)
    assert all(np.array_equal(array, seen[4][name]) for name, array in trained.policy.tensors().items())
    assert [entry["score"] for entry in trained.history] == [0.0, 1.0, 0.5, 3.0, 3.0, 2.0, 0.0, 0.0]


def test_what_nothing_learned_beats_is_a_constant_policy():
    trained = train_dqn(Corridor(), small(), seed=0, validate=lambda policy: float(policy.kind == "constant"))
    assert (trained.policy.kind, trained.best_step, trained.policy.settings()) == ("constant", 0, {"action": 0})


def test_a_constant_policy_gives_way_to_none_that_is_only_as_good():
    trained = train_dqn(Corridor(), small(), seed=0, validate=lambda policy: 1.0)
    assert (trained.policy.kind, trained.best_step, trained.policy.settings()) == ("constant", 0, {"action": 0})


def test_a_score_that_is_no_number_stops_the_training():
    with pytest.raises(ValueError, match="validate must return a number, was nan at step 0"):
        train_dqn(Corridor(), small(), seed=0, validate=lambda policy: float("nan"))


def test_progress_counts_to_the_end():
    calls = []
    train_dqn(Corridor(), small(steps=3_000), seed=0, validate=score, progress=lambda *call: calls.append(call))
    assert [(done, total) for done, total, _ in calls] == [(1_000, 3_000), (2_000, 3_000), (3_000, 3_000)]
    assert calls[-1][2].keys() == {"loss", "mean_absolute_error", "exploration", "episode_length", "best_score"}


def test_another_training_s_checkpoint_is_refused_by_what_differs(tmp_path):
    train_dqn(Corridor(), small(), seed=5, validate=score, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"steps must stay 600 to resume '.*', was 700; seed must stay what it was"):
        train_dqn(Corridor(), small(steps=700), seed=6, validate=score, resume=tmp_path)
    with pytest.raises(ValueError, match="resume must name a folder with the checkpoint of a training, was"):
        train_dqn(Corridor(), small(), seed=5, validate=score, resume=tmp_path / "nowhere")


def test_cartpole_is_learned_from_scratch():
    def make(num_envs):
        return gymnasium.make_vec("CartPole-v1", num_envs=num_envs, vectorization_mode="vector_entry_point")

    config = DQNConfig(
        steps=20_000,
        num_envs=8,
        hidden_sizes=(64, 64),
        learning_rate=1e-3,
        discount=0.99,
        batch_size=64,
        replay_size=20_000,
        learning_starts=1_000,
        target_interval=250,
        exploration=ExplorationConfig(fraction=0.3),
        validate_every=2_500,
    )
    trained = train_dqn(make(8), config, seed=0, validate=lambda policy: evaluate(policy, make(8), 8, seed=1))
    assert trained.best_score >= 150.0
    assert evaluate(trained.policy, make(20), 20, seed=2) >= 150.0  # episodes it was not selected on

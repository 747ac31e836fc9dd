"""The policy gradients: advantages and losses by hand, the training exact to resume, discrete actions and boxes."""

import dataclasses

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, MultiDiscrete
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st

from trading_agent import PPOConfig, ReinforceConfig, evaluate, load_policy, save_policy, train_ppo, train_reinforce
from trading_agent.common.loop import seeds_from
from trading_agent.common.policy import ConstantPolicy
from trading_agent.common.scales import discounted, unit_of
from trading_agent.common.transitions import Transitions
from trading_agent.policy_gradient.actor_critic import ActorCritic, ActorPolicy, actions_of
from trading_agent.policy_gradient.ppo import PPO, ppo_loss
from trading_agent.policy_gradient.rollouts import Rollout, advantages_of, play

from corridor import Corridor, IndexedCorridor


class Bowl(Corridor):
    """One step an episode: reward -(action - 0.4)^2 for an action of a Box from -2 to 1."""

    def __init__(self, num_envs=4):
        super().__init__(num_envs, mode=AutoresetMode.SAME_STEP)
        self.single_action_space = Box(-2.0, 1.0, (1,), np.float32)

    def step(self, actions):
        assert ((actions >= -2.0) & (actions <= 1.0)).all()
        seen, _, _, _, infos = super().step(np.full(self.num_envs, self.length))  # always to the end
        ended = np.ones(self.num_envs, bool)
        return seen, -np.square(actions[:, 0] - 0.4), ended, ~ended, infos


def small(config=PPOConfig, **settings):
    defaults = {"steps": 640, "num_envs": 4, "rollout_steps": 16, "hidden_sizes": (8,), "validate_every": 128}
    defaults |= {"learning_rate": 1e-3, "discount": 0.98}
    defaults |= {"batch_size": 16} if config is PPOConfig else {}
    return config(**{**defaults, **settings})


TRAININGS = [(train_ppo, PPOConfig), (train_reinforce, ReinforceConfig)]


def score(policy):
    return evaluate(policy, Corridor(2, length=4), 4)


def same(one, other):
    ours, theirs = one.policy.tensors(), other.policy.tensors()
    return (
        (one.best_step, one.best_score, one.history) == (other.best_step, other.best_score, other.history)
        and one.policy.kind == other.policy.kind
        and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    )


@given(st.integers(0, 2**31), st.floats(0.0, 1.0), st.floats(0.0, 0.999))
def test_the_advantage_is_the_sum_it_says(seed, gae_lambda, discount):
    rng = np.random.default_rng(seed)
    rewards, values, after = (rng.normal(size=(6, 3)).astype(np.float32) for _ in range(3))
    ended = rng.random((6, 3)) < 0.3
    found = advantages_of(rewards, values, after, ended, discount=discount, gae_lambda=gae_lambda)
    for n in range(3):
        for s in range(6):
            total, weight = 0.0, 1.0
            for k in range(s, 6):
                total += weight * (rewards[k, n] + discount * after[k, n] - values[k, n])
                weight *= discount * gae_lambda
                if ended[k, n]:
                    break
            assert found[s, n] == pytest.approx(total, rel=1e-4, abs=1e-4)


def test_the_advantage_by_hand():
    rewards, values = np.array([[1.0], [2.0]], np.float32), np.array([[0.5], [0.25]], np.float32)
    after, on = np.array([[0.25], [4.0]], np.float32), np.zeros((2, 1), bool)
    found = advantages_of(rewards, values, after, on, discount=0.5, gae_lambda=0.5)
    late = 2.0 + 0.5 * 4.0 - 0.25
    assert found[:, 0].tolist() == [1.0 + 0.5 * 0.25 - 0.5 + 0.25 * late, late]


def test_sums_of_rewards_so_far_are_those_of_each_episode():
    nothing, rows = np.zeros(2, bool), np.zeros((2, 1), np.float32)

    def moved(envs, rewards, ended):
        count = len(envs)
        return Transitions(
            np.array(envs), rows[:count], nothing[:count], np.array(rewards), rows[:count], np.array(ended),
            nothing[:count], None,
        )  # fmt: skip

    walk = [
        moved([0, 1], [1.0, 4.0], [False, True]),
        moved([0], [2.0], [False]),
        moved([0, 1], [4.0, 8.0], [False] * 2),
    ]
    running = np.zeros(2)
    assert discounted(walk, running, 0.5).tolist() == [1.0, 4.0, 2.5, 5.25, 8.0]  # a restart is no step
    assert running.tolist() == [5.25, 8.0]  # and the next walk goes on from there


def test_rewards_are_learned_in_the_unit_asked_for():
    """A corridor one cell long pays 1 for a step into it and 0 for a rest: a share p of steps, and sums are rewards."""
    scales = {}
    for unit in ("reward", "return"):
        learner = PPO(Corridor(4, length=1), small(reward_unit=unit), seeds_from(3))
        learner.warm_up()
        scales[unit] = learner.network.reward_scale.item()
    p = scales["reward"] ** 2
    assert 0.3 < p < 0.7
    assert scales["return"] == pytest.approx((p - p**2) ** 0.5)


@pytest.mark.parametrize(
    ("rewards", "unit"), [([-1.0, -1.0, -1.0], "return"), ([0.0, 0.0, 1.0], "reward"), ([1.0, -1.0], "reward")]
)
def test_rewards_that_come_at_every_step_are_counted_in_returns(rewards, unit):
    assert unit_of("auto", np.array(rewards)) == unit
    assert unit_of("reward", np.array(rewards)) == "reward"


@pytest.mark.parametrize("unit", ["reward", "return"])
def test_running_scales_are_those_of_all_that_was_seen_before_the_rollout(unit):
    learner = PPO(Corridor(4, length=3), small(reward_unit=unit, scales="running"), seeds_from(3))
    seen, advance = [], learner.walk.advance
    learner.walk.advance = lambda actions: seen.append(advance(actions)) or seen[-1]
    learner.warm_up()
    learner.learn(64)
    before = len(seen)
    learner.learn(128)
    rows = np.concatenate([moved.observations for moved in seen[:before]])
    sums = discounted(seen[:before], np.zeros(4), 0.98)
    paid = np.concatenate([moved.rewards for moved in seen[:before]])
    for network in (learner.network, learner.judged):
        np.testing.assert_allclose(network.observation_mean.numpy(), rows.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(network.observation_std.numpy(), rows.std(axis=0), rtol=1e-5)
        wanted = sums.std() if unit == "return" else np.sqrt(np.square(paid).mean())
        assert network.reward_scale.item() == pytest.approx(wanted, rel=1e-5)
    held = learner.policy().tensors()["observation_mean"]
    learner.policy().act(np.full((9, len(held)), 7.0))
    assert learner.policy().tensors()["observation_mean"].tobytes() == held.tobytes()  # who only acts moves nothing


def test_stable_baselines3_says_the_same_of_the_same_walk():
    buffers = pytest.importorskip("stable_baselines3.common.buffers")
    rng = np.random.default_rng(0)
    rewards, values = (rng.normal(size=(20, 3)).astype(np.float32) for _ in range(2))
    last, ended = rng.normal(size=3).astype(np.float32), rng.random((20, 3)) < 0.2
    theirs = buffers.RolloutBuffer(20, Box(-1, 1, (1,)), Box(-1, 1, (1,)), gae_lambda=0.9, gamma=0.97, n_envs=3)
    theirs.rewards, theirs.values = rewards, values
    theirs.episode_starts = np.concatenate([np.zeros((1, 3)), ended[:-1]]).astype(np.float32)
    theirs.compute_returns_and_advantage(torch.from_numpy(last), ended[-1])
    after = np.concatenate([values[1:], last[None]]) * ~ended
    ours = advantages_of(rewards, values, after, ended, discount=0.97, gae_lambda=0.9)
    np.testing.assert_allclose(ours, theirs.advantages, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_cut_is_worth_what_would_have_followed_and_an_end_is_not(mode):
    env = Corridor(3, length=2, patience=3, mode=mode)
    learner = PPO(env, small(num_envs=3, rollout_steps=12, discount=0.5, gae_lambda=0.0), seeds_from(0))
    with torch.no_grad():
        learner.network.critic[-1].bias.fill_(8.0)  # V is 8, more or less, everywhere
        learner.network.critic[-1].weight.zero_()
    rollout = play(learner)
    found = {round(value, 4) for value in (rollout.advantages + 8.0).tolist()}
    assert found == {1.0, 4.0}  # the reward of the end and nothing after it; half of 8 elsewhere, a cut included
    restarts = mode == AutoresetMode.NEXT_STEP
    assert (len(rollout.advantages) < 36) == restarts  # the call that only restarts is no transition


def test_the_clipped_loss_by_hand():
    network = ActorCritic(1, 2, (1,), None, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weights in network.parameters():
            weights.zero_()  # pi is 1/2, V is 0
    old = torch.log(torch.tensor([0.5, 0.25, 0.5, 1.0]))  # ratios 1, 2, 1, 1/2
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    batch = Rollout(torch.zeros(4, 1), torch.tensor([0, 1, 0, 1]), advantages, torch.full((4,), 3.0), old)
    loss, parts = ppo_loss(network, batch, clip=0.2, value_weight=0.5, entropy_weight=0.1)
    unit = 1.0 / advantages.std().item()
    gained = unit * (1.0 + 1.2 - 1.0 - 0.8) / 4.0
    assert parts["policy_loss"].item() == pytest.approx(-gained)
    assert loss.item() == pytest.approx(-gained + 0.5 * 9.0 - 0.1 * np.log(2.0))
    assert parts["kl"].item() == pytest.approx((0.0 + (2.0 - 1.0 - np.log(2.0)) + 0.0 + (np.log(2.0) - 0.5)) / 4.0)


@pytest.mark.parametrize("size", [1, 3])
def test_log_probabilities_are_those_of_torch(size):
    generator = torch.Generator().manual_seed(1)
    seen, drawn = torch.randn(7, 2, generator=generator), torch.randn(7, size, generator=generator)
    box = ActorCritic(2, size, (4,), np.array([[-1.0] * size, [1.0] * size]), generator)
    with torch.no_grad():
        box.log_std.copy_(torch.linspace(-1.0, 0.5, size))
    normal = torch.distributions.Normal(box.actor(seen), box.log_std.exp())
    found, entropy = box.log_prob(seen, drawn)
    torch.testing.assert_close(found, normal.log_prob(drawn).sum(dim=1))
    torch.testing.assert_close(entropy, normal.entropy()[0].sum())
    discrete, chosen = ActorCritic(2, 3, (4,), None, generator), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    categorical = torch.distributions.Categorical(logits=discrete.actor(seen))
    found, entropy = discrete.log_prob(seen, chosen)
    torch.testing.assert_close(found, categorical.log_prob(chosen))
    torch.testing.assert_close(entropy, categorical.entropy())


def test_actions_are_drawn_as_often_as_their_probability():
    network = ActorCritic(1, 3, (1,), None, torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.actor[-1].weight.zero_()
        network.actor[-1].bias.copy_(torch.log(torch.tensor([0.5, 0.3, 0.2])))
    drawn, log_probs, acted = ActorPolicy(network).draw(torch.zeros(40_000, 1), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / 40_000, [0.5, 0.3, 0.2], atol=0.01)
    np.testing.assert_array_equal(acted, drawn)
    torch.testing.assert_close(log_probs, torch.log(torch.tensor([0.5, 0.3, 0.2]))[drawn])


@pytest.mark.parametrize(("train", "config"), TRAININGS)
@pytest.mark.parametrize("make", [Corridor, IndexedCorridor])
def test_a_corridor_is_learned(train, config, make):
    settings = small(config, steps=4_000, learning_rate=1e-2, discount=0.9, validate_every=500)
    learned = train(
        make(4, length=4), settings, seed=1, validate=lambda policy: score(policy) - isinstance(policy, ConstantPolicy)
    )
    assert (learned.policy.kind, learned.best_score) == ("actor", 1.0)


@pytest.mark.parametrize(("train", "config"), TRAININGS)
def test_the_best_action_of_a_box_is_found(train, config):
    settings = small(config, steps=16_000, num_envs=32, rollout_steps=4, learning_rate=3e-2, discount=0.0)
    settings = dataclasses.replace(
        settings, validate_every=4_000, **({"batch_size": 64} if config is PPOConfig else {})
    )
    learned = train(Bowl(32), settings, seed=0, validate=lambda policy: evaluate(policy, Bowl(), 4))
    assert learned.best_score > -0.02  # of the constant policies 0 scores -0.16
    assert learned.policy.kind == "actor"


@pytest.mark.parametrize(("train", "config"), TRAININGS)
def test_a_resumed_training_equals_one_never_interrupted_bit_for_bit(train, config, tmp_path):
    calls, settings = [], small(config, average=0.5)

    def power_cut(policy):
        calls.append(policy)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return score(policy)

    with pytest.raises(KeyboardInterrupt):
        train(Corridor(), settings, seed=5, validate=power_cut, checkpoint=tmp_path)
    resumed = train(Corridor(), settings, seed=5, validate=score, checkpoint=tmp_path / "again", resume=tmp_path)
    whole = train(Corridor(), settings, seed=5, validate=score, checkpoint=tmp_path / "whole")
    assert same(resumed, whole)
    files = [(tmp_path / name / "training.safetensors").read_bytes() for name in ("again", "whole")]
    assert files[0] == files[1]


@pytest.mark.parametrize("bounds", [None, np.array([[-1.0, -np.inf], [3.0, np.inf]], np.float32)])
def test_a_saved_actor_acts_the_same(bounds, tmp_path):
    policy = ActorPolicy(ActorCritic(3, 2, (5, 4), bounds, torch.Generator().manual_seed(0)))
    save_policy(policy, tmp_path)
    seen = np.random.default_rng(0).normal(size=(50, 3))
    np.testing.assert_array_equal(load_policy(tmp_path).act(seen), policy.act(seen))


def test_numbers_are_put_into_their_box():
    policy = ActorPolicy(ActorCritic(1, 2, (1,), np.array([[-1.0, -np.inf], [3.0, np.inf]], np.float32)))
    acted = policy.into_box(np.array([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0], [-9.0, -9.0]]))
    assert acted.tolist() == [[1.0, 0.0], [3.0, 1.0], [3.0, 9.0], [-1.0, -9.0]]


@pytest.mark.parametrize(
    ("low", "high", "acted"),
    [
        (5.0, np.inf, [5.0, 6.0, 7.0, 15.0]),  # from the end there is; around 0 all draws were that end
        (-np.inf, -2.0, [-4.0, -3.0, -2.0, -2.0]),
        (-3.4e38, 3.4e38, [-1.0, 0.0, 1.0, 9.0]),  # twice that is more than float32 holds
        (2.0, 2.0, [2.0, 2.0, 2.0, 2.0]),
    ],
)
def test_a_box_with_one_end_or_none_is_acted_in_from_there(low, high, acted):
    policy = ActorPolicy(ActorCritic(1, 1, (1,), np.array([[low], [high]], np.float32)))
    assert policy.into_box(np.array([[-1.0], [0.0], [1.0], [9.0]])).ravel().tolist() == acted


def test_the_average_is_judged_where_one_is_asked_for():
    learner = PPO(Corridor(), small(average=0.75, epochs=1, batch_size=64), seeds_from(0))
    before = learner.judged.actor[0].weight.clone()
    learner.update(play(learner), 1.0)
    torch.testing.assert_close(learner.judged.actor[0].weight, 0.75 * before + 0.25 * learner.network.actor[0].weight)


def test_a_loss_that_is_no_number_stops_the_training():
    class Broken(Corridor):
        def step(self, actions):
            seen, reward, *rest = super().step(actions)
            return (seen, reward * np.nan, *rest)

    with pytest.raises(ValueError, match=r"losses must stay finite, were policy_loss nan.* lower learning_rate"):
        train_ppo(Broken(), small(), seed=0, validate=score)


def test_an_action_space_it_cannot_act_in_is_refused():
    with pytest.raises(ValueError, match="env must offer Discrete actions counted from 0, or a flat Box of them, was"):
        actions_of(MultiDiscrete([2, 2]))


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("rollout_steps", 0, "greater than or equal to 1"),
        ("learning_rate", 0.0, "greater than 0"),
        ("entropy_weight", -1.0, "greater than or equal to 0"),
        ("value_weight", 0.0, "greater than 0"),
        ("weight_decay", -0.1, "greater than or equal to 0"),
        ("gradient_clip", 0.0, "greater than 0"),
        ("average", 1.0, "less than 1"),
        ("gae_lambda", 1.1, "less than or equal to 1"),
        ("clip", 0.0, "greater than 0"),
        ("clip", 1.0, "less than 1"),
        ("epochs", 0, "greater than or equal to 1"),
        ("batch_size", 1, "greater than or equal to 2"),
        ("hidden_sizes", (), "at least 1 item"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(field, value, law):
    with pytest.raises(ValueError, match=rf"(?s)\n{field}\n.*{law}"):
        PPOConfig(**{"steps": 9_000, field: value})


def test_a_rollout_that_leaves_nothing_to_learn_from_is_refused():
    with pytest.raises(ValueError, match=r"rollout_steps must leave steps .* 1200 of 8 environments, 9600 of 9000 st"):
        PPOConfig(steps=9_000, num_envs=8, rollout_steps=1_200)


def test_cartpole_is_learned_by_a_policy_gradient():
    def make(num_envs):
        return gymnasium.make_vec("CartPole-v1", num_envs=num_envs, vectorization_mode="vector_entry_point")

    # a quarter of the published steps; benchmarks/agents.py takes them all
    config = PPOConfig(
        steps=25_000,
        num_envs=8,
        rollout_steps=32,
        learning_rate=2e-3,
        discount=0.98,
        gae_lambda=0.8,
        epochs=10,
        batch_size=256,
        validate_every=5_000,
    )
    trained = train_ppo(make(8), config, seed=0, validate=lambda policy: evaluate(policy, make(8), 8, seed=1))
    assert evaluate(trained.policy, make(20), 20, seed=2) >= 150.0  # episodes it was not selected on

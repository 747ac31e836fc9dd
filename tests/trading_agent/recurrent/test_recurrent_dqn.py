"""DQN with a memory: sequences are what was lived through, their loss is that of the steps one by one."""

import dataclasses

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent import EnvironmentFacts, RecurrentDQNConfig, evaluate, refuse, train_recurrent_dqn
from trading_agent.common.loop import seeds_from
from trading_agent.recurrent.dqn import RecurrentDQNLearner

from corridor import Corridor
from echo import Echo

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
SMALL = RecurrentDQNConfig(
    steps=6_000,
    num_envs=8,
    memory_units=8,
    memory_span=4.0,
    hidden_sizes=(8,),
    learning_rate=1e-2,
    discount=0.9,
    batch_size=16,
    sequence_steps=4,
    burn_in=2,
    replay_size=2_000,
    learning_starts=400,
    target_interval=20,
    validate_every=6_000,
)


def learner_of(env, *, walked, **changes):
    """A learner that has walked on from its random play, its last layers moved away from 0."""
    made = {"num_envs": env.num_envs, "learning_starts": 60, "steps": 1_000, "updates_per_step": 1e-9, **changes}
    learner = RecurrentDQNLearner(env, dataclasses.replace(SMALL, **made), seeds_from(0))
    for number, network in enumerate((learner.agent.online, learner.agent.target)):
        with torch.no_grad():
            network.head.weight.normal_(generator=torch.Generator().manual_seed(number))
    online, target = (network.state_dict() for network in (learner.agent.online, learner.agent.target))
    heads = {name: target[name].clone() for name in target if name.startswith("head")}
    done = learner.warm_up()
    learner.agent.target.load_state_dict({**online, **heads})
    for _ in range(walked):
        learner.learn(done)
        done += learner.stride
    return learner


def alone(network, sequences, s, n):
    """What a network remembers before step s of sequence n, from the stored state on, one step after the other."""
    state = torch.from_numpy(sequences.state[n : n + 1])
    for k in range(s):
        state = (state.detach() if k == SMALL.burn_in else state) * (not sequences.begins[k, n])
        state = network.memory.step(network.standard(torch.from_numpy(sequences.observations[k, n : n + 1])), state)[1]
    return (state.detach() if s == SMALL.burn_in else state) * (not sequences.begins[s, n])


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=3)
@given(seed=st.integers(0, 2**31), walked=st.integers(0, 40))
def test_the_loss_of_sequences_is_that_of_their_steps_one_by_one(mode, seed, walked):
    learner = learner_of(Corridor(3, length=3, patience=5, mode=mode), walked=walked, replay_size=100)
    sequences = learner.memory.sample(np.random.default_rng(seed), 5)
    online, target = learner.agent.online, learner.agent.target
    errors = []
    for n in range(5):
        for s in range(2, 6):
            if not sequences.real[s, n]:
                continue
            seen, after = (
                online.standard(torch.from_numpy(column[s, n : n + 1]))
                for column in (sequences.observations, sequences.next_observations)
            )
            said = []
            for network in (online, target):
                hidden, state = network.memory.step(seen, alone(network, sequences, s, n))
                said.append((network.values(hidden, seen), network.values(network.memory.step(after, state)[0], after)))
            best = said[0][1].argmax()
            wanted = sequences.rewards[s, n] + 0.9 * said[1][1][0, best].detach() * (not sequences.terminated[s, n])
            errors.append((said[0][0][0, sequences.actions[s, n]] - wanted) / online.reward_scale)
    expected = torch.nn.functional.huber_loss(torch.stack(errors), torch.zeros(len(errors)))
    found = learner.agent.loss_of(sequences)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    weights = learner.agent.weights[:-2]
    for ours, theirs in zip(torch.autograd.grad(found, weights), torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_sequences_are_what_was_lived_through_with_the_state_that_was_remembered(mode):
    learner = learner_of(Corridor(3, length=4, mode=mode), walked=0, replay_size=60)
    lived, states = [], {}
    for _ in range(50):
        states[learner.memory.written] = learner.state.copy()
        before = learner.walk.observations.copy(), learner.walk.begins.copy()
        learner.learn(learner.config.learning_starts)
        lived.append(before)
    first, rng = learner.memory.written - len(lived), np.random.default_rng(0)
    sequences, starts = learner.memory.sample(rng, 200), set()
    for n in range(200):
        matches = [
            (start, env)
            for start in list(states)[:-5]
            for env in range(3)
            if start % 4 == 0
            and np.array_equal(sequences.state[n], states[start][env])
            and np.array_equal(sequences.observations[0, n], lived[start - first][0][env])
        ]
        ((start, env),) = matches
        starts.add(start)
        for k in range(6):
            seen, begins = lived[start - first + k]
            np.testing.assert_array_equal(sequences.observations[k, n], seen[env])
            assert sequences.begins[k, n] == begins[env]
    assert len(starts) >= 4  # all that are whole and not yet overwritten


def test_what_was_shown_three_steps_ago_is_made_use_of():
    def score(policy):
        return evaluate(policy, Echo(32), 32)

    learned = train_recurrent_dqn(Echo(16), dataclasses.replace(SMALL, num_envs=16), seed=1, validate=score)
    assert (learned.policy.kind, learned.best_score) == ("recurrent_q_network", 1.0)


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="replay_size must hold one sequence of all 8 environments, 48 steps, was 40"):
        dataclasses.replace(SMALL, replay_size=40)
    faults = refuse(SMALL, EnvironmentFacts(offers=frozenset({"box_actions"}), num_instruments=5))
    assert faults[0] == "kind=recurrent_dqn needs an environment with discrete actions"
    assert faults[1].startswith("kind=recurrent_dqn has one memory, of one instrument, and there are 5: take agent=")

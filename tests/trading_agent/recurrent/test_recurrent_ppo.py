"""PPO with a memory: what is learned from is what was seen when acting, cuts are no ends, the past is used."""

import dataclasses

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from lights import Lights

from trading_agent import Player, PPOConfig, RecurrentPPOConfig, evaluate, load_policy, save_policy, train_ppo
from trading_agent.common.loop import seeds_from
from trading_agent.recurrent.ppo import RecurrentPPO, play, remembered, train_recurrent_ppo

from corridor import Corridor
from echo import Echo

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
QUICK = {"steps": 4_000, "num_envs": 16, "rollout_steps": 12, "batch_size": 96, "hidden_sizes": (16,)}
QUICK |= {"learning_rate": 1e-2, "discount": 0.9, "validate_every": 4_000}
SMALL = RecurrentPPOConfig(**QUICK, memory_units=12, memory_span=4.0)


def learner_of(env, **settings):
    made = {"num_envs": env.num_envs, "rollout_steps": 7, "steps": 1_000, **settings}
    return RecurrentPPO(env, dataclasses.replace(SMALL, **made), seeds_from(0))


@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_is_learned_from_is_what_was_seen_when_acting(cell, mode, box):
    learner = learner_of(Echo(5, length=4, mode=mode, box=box), cell=cell)
    play(learner)
    before = learner.state.copy()
    _, state, segments = recollection = play(learner)  # begins in the middle of episodes
    np.testing.assert_array_equal(state.numpy(), before)
    assert not segments.begins.all()
    with torch.no_grad():
        for envs in (np.arange(5), np.array([3, 1])):
            batch = remembered(learner.network, recollection, envs)
            values = learner.network.value(batch.standard)
            torch.testing.assert_close(values, batch.returns - batch.advantages, rtol=0.0, atol=1e-6)
            log_probs = learner.network.log_prob(batch.standard, batch.actions)[0]
            torch.testing.assert_close(log_probs, batch.old_log_probs, rtol=0.0, atol=2e-6)


def test_pixels_are_seen_the_same_when_acting_and_when_learning():
    learner = learner_of(Lights(5, length=4))
    play(learner)
    recollection = play(learner)
    batch = remembered(learner.network, recollection, np.array([4, 1]))
    assert batch.standard.shape[1] == 12 + 16 * 6 * 6  # of the memory, and of the convolutions
    values = learner.network.value(batch.standard)
    torch.testing.assert_close(values, batch.returns - batch.advantages, rtol=0.0, atol=1e-6)
    gradient = torch.autograd.grad(batch.standard[:, :12].sum(), learner.network.reading[1].weight)[0]
    assert gradient.abs().max() > 0.0  # what is remembered was seen by the convolutions


@pytest.mark.parametrize("mode", MODES)
def test_a_cut_is_worth_what_would_have_followed_and_an_end_is_not(mode):
    learner = learner_of(
        Corridor(3, length=2, patience=3, mode=mode), rollout_steps=12, batch_size=36, discount=0.5, gae_lambda=0.0
    )
    with torch.no_grad():
        learner.network.critic[-1].bias.fill_(8.0)
        learner.network.critic[-1].weight.zero_()
    batch = remembered(learner.network, play(learner), np.arange(3))
    assert {round(value, 4) for value in (batch.advantages + 8.0).tolist()} == {1.0, 4.0}
    assert (len(batch.advantages) < 36) == (mode == AutoresetMode.NEXT_STEP)


def test_a_cut_is_judged_by_its_true_last_observation_and_what_was_remembered_there():
    learner = learner_of(Corridor(4, length=50, patience=3), rollout_steps=8, discount=0.5, gae_lambda=0.0)
    rollout = play(learner).rollout
    values, wanted = ((part.view(8, 4).numpy()) for part in (rollout.returns - rollout.advantages, rollout.returns))
    cuts = np.array([2, 6])  # the calls after them only restart, and show the last observation once more
    np.testing.assert_allclose(wanted[cuts], 0.5 * values[cuts + 1], atol=1e-6)
    assert np.ptp(values[cuts + 1]) > 1e-4


@pytest.mark.parametrize(("cell", "box"), [("lstm", False), ("gru", True)])
def test_what_was_shown_three_steps_ago_is_made_use_of_and_nobody_without_memory_can(cell, box, tmp_path):
    def score(policy):
        return evaluate(policy, Echo(32, box=box), 32)

    learned = train_recurrent_ppo(Echo(16, box=box), dataclasses.replace(SMALL, cell=cell), seed=1, validate=score)
    assert (learned.policy.kind, learned.best_score) == ("recurrent_actor", 1.0)
    forgetful = train_ppo(Echo(16, box=box), PPOConfig(**{**QUICK, "steps": 1_000}), seed=1, validate=score)
    assert forgetful.best_score < 0.75
    save_policy(learned.policy, tmp_path)
    players, seen = (Player(learned.policy, 3), Player(load_policy(tmp_path), 3)), np.random.default_rng(0)
    for _ in range(4):
        rows, begins = seen.normal(size=(3, 2)), seen.random(3) < 0.3
        ours, theirs = (player.act(rows, begins) for player in players)
        np.testing.assert_array_equal(ours, theirs)

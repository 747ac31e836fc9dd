"""What is remembered in batches is what is remembered step by step, environment by environment, episode by episode."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent.policy_gradient.ppo import ppo_loss
from trading_agent.policy_gradient.rollouts import Rollout
from trading_agent.recurrent.actor_critic import RecurrentActorCritic
from trading_agent.recurrent.memory import RecurrentCell, groups_of, rows_of, segments_of
from trading_agent.recurrent.ppo import Recollection, remembered

CELLS = ["lstm", "gru"]
UNITS, COLUMNS = 3, 2


def rollout_of(rng, steps, num_envs, *, restarts):
    """Where episodes begin, and which steps only restart an environment: these come between two episodes."""
    begins, real = np.zeros((steps, num_envs), bool), np.ones((steps, num_envs), bool)
    ended = rng.random((steps, num_envs)) < 0.3
    for s in range(steps - 1):
        if restarts:
            real[s + 1] = ~(ended[s] & real[s])
            begins[s + 1] = ~real[s]
        else:
            begins[s + 1] = ended[s]
    if restarts:
        begins[1:] &= real[1:]
    begins[0] = rng.random(num_envs) < 0.5
    return real, begins


def equations(memory, inputs, state):
    """One step of one environment by the equations of docs/recurrent.md, in double precision."""
    weights = {name: weight.double() for name, weight in memory.layer.named_parameters()}
    told = weights["weight_ih_l0"] @ inputs + weights["bias_ih_l0"]
    hidden = state[: memory.units]
    kept = weights["weight_hh_l0"] @ hidden + weights["bias_hh_l0"]
    if memory.cell == "lstm":
        enters, remains, candidate, shows = (told + kept).chunk(4)
        cell = remains.sigmoid() * state[memory.units :] + enters.sigmoid() * candidate.tanh()
        hidden = shows.sigmoid() * cell.tanh()
        return hidden, torch.cat([hidden, cell])
    resets, remains = (told + kept).chunk(3)[0].sigmoid(), (told + kept).chunk(3)[1].sigmoid()
    candidate = (told.chunk(3)[2] + resets * kept.chunk(3)[2]).tanh()
    hidden = (1.0 - remains) * candidate + remains * hidden
    return hidden, hidden


def one_by_one(memory, rows, state, real, begins):
    """Hidden units at every transition, by its row."""
    found = {}
    for n in range(real.shape[1]):
        now = state[n].double()
        for s in range(len(real)):
            if begins[s, n]:
                now = torch.zeros_like(now)
            hidden, now = equations(memory, rows[s * real.shape[1] + n].double(), now)
            if real[s, n]:
                found[s * real.shape[1] + n] = hidden
    return found


@given(st.integers(0, 2**31), st.integers(1, 17), st.integers(1, 5), st.booleans())
def test_every_transition_lies_in_one_segment_and_no_segment_crosses_an_episode(seed, steps, num_envs, restarts):
    real, begins = rollout_of(np.random.default_rng(seed), steps, num_envs, restarts=restarts)
    segments = segments_of(real, begins)
    covered = np.zeros_like(real, dtype=int)
    for env, first, length, begin in zip(*segments, strict=True):
        covered[first : first + length, env] += 1
        assert not begins[first + 1 : first + length, env].any()
        assert begin == begins[first, env]
        assert begin or first == 0
    np.testing.assert_array_equal(covered, real)
    rows = torch.cat([rows_of(group) for group in groups_of(segments, num_envs)])
    assert sorted(rows.tolist()) == np.flatnonzero(real.ravel()).tolist()


@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**31), steps=st.integers(1, 12), restarts=st.booleans())
def test_what_is_read_at_once_is_what_the_equations_say_step_by_step(cell, seed, steps, restarts):
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    memory = RecurrentCell(cell, COLUMNS, UNITS, 8.0, generator)
    real, begins = rollout_of(rng, steps, 4, restarts=restarts)
    rows, state = (torch.randn(*shape, generator=generator) for shape in ((steps * 4, COLUMNS), (4, memory.size)))
    wanted = one_by_one(memory, rows, state, real, begins)
    with torch.no_grad():
        for group in groups_of(segments_of(real, begins), 4):
            for row, hidden in zip(rows_of(group).tolist(), memory.read_group(rows, state, group), strict=True):
                torch.testing.assert_close(hidden.double(), wanted[row], rtol=0.0, atol=1e-6)
        hidden, after = memory.step(rows[:4], state)
        for n in range(4):
            now, kept = equations(memory, rows[n].double(), state[n].double())
            torch.testing.assert_close(hidden[n].double(), now, rtol=0.0, atol=1e-6)
            torch.testing.assert_close(after[n].double(), kept, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("bounds", [None, np.array([[-1.0], [1.0]], np.float32)])
@pytest.mark.parametrize("cell", CELLS)
def test_values_probabilities_and_gradients_are_those_of_the_steps_one_by_one(cell, bounds):
    rng, generator = np.random.default_rng(3), torch.Generator().manual_seed(3)
    size = 1 if bounds is not None else 3
    network = RecurrentActorCritic(COLUMNS, size, (5,), bounds, cell, UNITS, generator, memory_span=8.0)
    real, begins = rollout_of(rng, 11, 6, restarts=True)
    count = real.size
    rows, state = torch.randn(count, COLUMNS, generator=generator), torch.randn(6, network.memory.size) * 0.5
    actions = torch.from_numpy(rng.integers(0, 3, count) if bounds is None else rng.normal(size=(count, 1))).to(
        torch.int64 if bounds is None else torch.float32
    )
    judged = [torch.from_numpy(rng.normal(size=count).astype(np.float32)) for _ in range(2)]
    rollout = Rollout(rows, actions, *judged, torch.full((count,), -1.0))
    envs = np.array([0, 2, 5])
    weights = {"clip": 0.2, "value_weight": 0.5, "entropy_weight": 0.01}

    batch = remembered(network, Recollection(rollout, state, segments_of(real, begins)), envs)
    loss, _ = ppo_loss(network, batch, **weights)
    loss.backward()
    ours = {name: weight.grad.double() for name, weight in network.named_parameters()}
    said = network.value(batch.standard), network.log_prob(batch.standard, batch.actions)[0]

    network.double().zero_grad()
    hidden = one_by_one(network.memory, rows, state, real, begins)
    chosen = [row for row in hidden if row % 6 in envs]
    inputs = torch.stack([torch.cat([hidden[row], rows[row].double()]) for row in chosen])
    columns = (column[chosen] for column in (actions, *judged, rollout.old_log_probs))
    slow = Rollout(inputs, *(column.double() if column.is_floating_point() else column for column in columns))
    expected, _ = ppo_loss(network, slow, **weights)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    for name, weight in network.named_parameters():
        torch.testing.assert_close(ours[name], weight.grad, rtol=1e-5, atol=1e-6, msg=name)
    for now, then in zip(said, (network.value(inputs), network.log_prob(inputs, slow.actions)[0]), strict=True):
        torch.testing.assert_close(now.double().sort()[0], then.sort()[0], rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_weights_forget_over_the_span_that_is_asked_for(cell):
    short, long = (RecurrentCell(cell, 1, 200, span, torch.Generator().manual_seed(0)) for span in (4.0, 200.0))
    forgets = [memory.layer.bias_ih_l0[200:400].sigmoid() for memory in (short, long)]
    for forget, span in zip(forgets, (4.0, 200.0), strict=True):
        spans = 1.0 / (1.0 - forget)
        assert spans.min() >= 2.0 - 1e-3
        assert spans.max() <= span + 1e-2
        assert spans.max() > 0.9 * span

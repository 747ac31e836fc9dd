"""Tabular Q-learning: the cells, the update by hand, the corridor, the resume."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trading_agent import ExplorationConfig, QLearningConfig, evaluate, train_q_learning
from trading_agent.common.policy import ConstantPolicy
from trading_agent.common.transitions import Transitions
from trading_agent.q_learning.q_learning import QTable, fit_edges

from corridor import Corridor


def score(policy):
    return evaluate(policy, Corridor(2, length=4), 4)


def small(**settings):
    defaults = {"steps": 1_200, "columns": (0,), "num_envs": 4, "learning_starts": 100, "validate_every": 200}
    return QLearningConfig(**{**defaults, "discount": 0.99, **settings})


def moves(*rows):
    """Transitions from (cell, action, reward, next cell, terminated)."""
    cells, actions, rewards, following, terminated = (np.array(column) for column in zip(*rows, strict=True))
    nothing = np.zeros(len(rows), bool)
    before, after = cells[:, None].astype(np.float32), following[:, None].astype(np.float32)
    return Transitions(np.arange(len(rows)), before, actions, rewards, after, terminated, nothing, None)


def test_whole_numbers_have_a_cell_each_however_seldom_they_are_seen():
    table = QTable(4, small(bins=2), np.array([[5], [52]]))
    table.fit(np.array([[41], [29]]), np.ones(2))  # random play saw two of 48 states
    assert table.policy.table.shape == (48, 4)
    (cells,) = table.policy.cells(np.arange(5, 53)[:, None])
    assert cells.tolist() == list(range(48))


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e3, 1e3)), st.integers(2, 9))
def test_a_column_is_cut_into_at_most_as_many_cells_as_asked(column, bins):
    edges = fit_edges(column, bins)
    assert len(edges) < bins
    assert (np.diff(edges) > 0).all()


def test_a_column_of_few_values_gets_a_cell_for_each():
    assert fit_edges(np.array([1.0, -1.0, 0.0, 1.0, 1.0, 1.0]), 5).tolist() == [-0.5, 0.5]
    assert fit_edges(np.array([2.0, 2.0]), 5).tolist() == []


def test_a_column_of_many_values_is_shared_out_evenly():
    cells = np.searchsorted(fit_edges(np.arange(1_000.0) ** 3, 4), np.arange(1_000.0) ** 3, side="right")
    assert np.bincount(cells).tolist() == [250, 250, 250, 250]


def table_of(config):
    table = QTable(2, config)
    table.fit(np.array([[0.0], [1.0], [2.0]]), np.array([3.0, 4.0]))
    return table


def test_watkins_update_by_hand():
    table = table_of(small(discount=0.5, learning_rate=0.25))
    table.policy.table[1] = [7.0, 8.0]
    table.update(moves((0, 1, 2.0, 1, False)))
    assert table.policy.table[0].tolist() == [0.0, 2.0 + 0.5 * 8.0]  # the first visit takes the whole step
    table.update(moves((0, 1, 1.0, 1, True)))
    assert table.policy.table[0, 1] == pytest.approx(6.0 + 2.0**-0.7 * (1.0 - 6.0))  # nothing follows the end
    table.visits[0, 1] = 10**6
    before = table.policy.table[0, 1]
    table.update(moves((0, 1, 1.0, 1, True)))
    assert table.policy.table[0, 1] == pytest.approx(before + 0.25 * (1.0 - before))  # never less than the floor
    assert table.reward_scale == pytest.approx(np.sqrt(12.5))


def test_several_visits_at_once_move_a_cell_as_several_would_in_turn():
    at_once, in_turn = table_of(small(learning_rate=0.9)), table_of(small(learning_rate=0.9))
    for table in (at_once, in_turn):
        table.visits[:] = 10  # 11^-0.7 is below the floor, so the step is the same at each visit
        table.policy.table[:] = 5.0
    visit = (0, 1, 2.0, 1, True)
    at_once.update(moves(visit, visit, visit, (2, 0, 1.0, 1, True)))
    for each in (visit, visit, visit, (2, 0, 1.0, 1, True)):
        in_turn.update(moves(each))
    np.testing.assert_allclose(at_once.policy.table, in_turn.policy.table)
    np.testing.assert_array_equal(at_once.visits, in_turn.visits)


@pytest.mark.parametrize("kind", ["epsilon_greedy", "boltzmann"])
def test_a_corridor_is_learned(kind):
    config = small(steps=4_000, discount=0.9, exploration=ExplorationConfig(kind=kind, start=1.0, end=0.5))
    trained = train_q_learning(
        Corridor(4, length=4),
        config,
        seed=0,
        validate=lambda policy: score(policy) - isinstance(policy, ConstantPolicy),
    )
    assert trained.best_score == 1.0
    np.testing.assert_allclose(trained.policy.values(np.array([[3.0, 0.0]]))[0, 1], 1.0)


def test_a_resumed_training_equals_one_never_interrupted_bit_for_bit(tmp_path):
    calls = []

    def power_cut(policy):
        calls.append(policy)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return score(policy)

    with pytest.raises(KeyboardInterrupt):
        train_q_learning(Corridor(), small(), seed=5, validate=power_cut, checkpoint=tmp_path)
    for name, resume in (("again", tmp_path), ("whole", None)):
        train_q_learning(Corridor(), small(), seed=5, validate=score, checkpoint=tmp_path / name, resume=resume)
    files = [(tmp_path / name / "training.safetensors").read_bytes() for name in ("again", "whole")]
    assert files[0] == files[1]


def test_a_column_that_is_not_observed_is_refused():
    with pytest.raises(ValueError, match=r"columns must lie within the 2 observed ones, was \(0, 2\)"):
        train_q_learning(Corridor(), small(columns=(0, 2)), seed=0, validate=score)

"""Settings that cannot work are refused, all at once and by name; reading them loads no torch."""

import subprocess
import sys

import pytest

from trading_agent.common.config import ExplorationConfig
from trading_agent.dqn.config import DQNConfig
from trading_agent.q_learning.config import QLearningConfig


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("steps", 0, r"steps must be at least 2 env steps, was 0"),
        ("num_envs", 0, r"num_envs must be at least 1 environment, was 0"),
        ("hidden_sizes", (), r"hidden_sizes must name at least one layer of at least 1 unit, was \(\)"),
        ("hidden_sizes", (64, 0), r"hidden_sizes must name .* was \(64, 0\)"),
        ("learning_rate", 0.0, r"learning_rate must be positive, was 0.0"),
        ("learning_rate", float("nan"), r"learning_rate must be positive, was nan"),
        ("discount", 1.0, r"discount must be in \[0, 1\), was 1.0"),
        ("batch_size", 0, r"batch_size must be at least 1 transition, was 0"),
        ("replay_size", 7, r"replay_size must hold one step of all 8 environments, was 7"),
        ("learning_starts", 9_000, r"learning_starts must be at least 1 and fewer than the 9000 steps, was 9000"),
        ("updates_per_step", 0.0, r"updates_per_step must be positive, was 0.0"),
        ("target_update", "sticky", r"target_update must be hard or soft, was 'sticky'"),
        ("target_interval", 0, r"target_interval must be at least 1 update, was 0"),
        ("tau", 0.0, r"tau must be a fraction in \(0, 1\], was 0.0"),
        ("gradient_clip", 0.0, r"gradient_clip must be a positive norm, was 0.0"),
        ("validate_every", 0, r"validate_every must be at least 1 env step, was 0"),
    ],
)
def test_a_dqn_setting_out_of_range_is_refused_by_name(field, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        DQNConfig(**{"steps": 9_000, field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("columns", (), r"columns must name at least one observation column, each once, was \(\)"),
        ("columns", (1, 1), r"columns must name .* each once, was \(1, 1\)"),
        ("bins", 1, r"bins must be at least 2 cells per column, was 1"),
        ("bins", 1_001, r"bins must keep bins\^columns within 1,000,000 cells, was 1001\^2"),
        ("learning_rate", 1.5, r"learning_rate must be in \(0, 1\], was 1.5"),
    ],
)
def test_a_q_learning_setting_out_of_range_is_refused_by_name(field, value, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        QLearningConfig(**{"steps": 9_000, "columns": (0, 1), field: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "curiosity"}, r"kind must be epsilon_greedy or boltzmann, was 'curiosity'"),
        ({"start": 1.5}, r"start must be a probability in \[0, 1\], was 1.5"),
        ({"kind": "boltzmann", "start": 1.0, "end": 0.0}, r"end must be a positive temperature, was 0.0"),
        ({"fraction": 0.0}, r"fraction must be a share of the steps in \(0, 1\], was 0.0"),
    ],
)
def test_an_exploration_out_of_range_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        ExplorationConfig(**settings)


def test_several_faults_are_reported_together():
    with pytest.raises(ValueError, match=r"^steps must .* was 0; discount must .* was 2; tau must .* was 7$"):
        DQNConfig(steps=0, learning_starts=1, discount=2, tau=7)


def test_reading_the_settings_loads_no_torch():
    code = (
        "import sys, trading_agent.common.config, trading_agent; print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_a_name_the_package_does_not_have_is_an_attribute_error():
    import trading_agent

    assert all(hasattr(trading_agent, name) for name in trading_agent.__all__)
    with pytest.raises(AttributeError, match="no attribute 'train_sarsa'"):
        trading_agent.train_sarsa  # noqa: B018

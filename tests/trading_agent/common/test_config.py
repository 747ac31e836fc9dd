"""Settings that cannot work are refused, all at once and by name; reading them loads no torch."""

import dataclasses
import importlib.util
import subprocess
import sys

import pytest

from trading_agent import (
    DirectConfig,
    DQNConfig,
    EnvironmentFacts,
    ExplorationConfig,
    PlannerConfig,
    QLearningConfig,
    StableBaselinesConfig,
    refuse,
)
from trading_agent.common.registry import ALGORITHMS, POLICIES, load


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("steps", 0, "greater than or equal to 2"),
        ("num_envs", 0, "greater than or equal to 1"),
        ("hidden_sizes", (), "at least 1 item"),
        ("learning_rate", 0.0, "greater than 0"),
        ("learning_rate", float("nan"), "finite number"),
        ("discount", 1.0, "less than 1"),
        ("batch_size", 0, "greater than or equal to 1"),
        ("learning_starts", 0, "greater than or equal to 1"),
        ("updates_per_step", 0.0, "greater than 0"),
        ("target_update", "sticky", "'hard' or 'soft'"),
        ("teacher", "owl", "'none' or 'planner'"),
        ("target_interval", 0, "greater than or equal to 1"),
        ("tau", 0.0, "greater than 0"),
        ("gradient_clip", 0.0, "greater than 0"),
        ("validate_every", 0, "greater than or equal to 1"),
    ],
)
def test_a_dqn_setting_out_of_range_is_refused_by_name(field, value, law):
    with pytest.raises(ValueError, match=rf"(?s)\n{field}\n.*{law}"):
        DQNConfig(**{"steps": 9_000, field: value})


def test_a_layer_without_units_is_refused_by_its_place():
    with pytest.raises(ValueError, match=r"(?s)\nhidden_sizes\.1\n.*greater than or equal to 1"):
        DQNConfig(steps=9_000, hidden_sizes=(64, 0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replay_size": 7}, r"replay_size must hold one step of all 64 environments, was 7"),
        ({"learning_starts": 9_000}, r"learning_starts must be fewer than the 9000 steps, was 9000"),
        (
            {"learning_starts": 9_000, "replay_size": 7},
            r"learning_starts must be .* was 9000.*; replay_size must hold .* was 7",
        ),
    ],
)
def test_settings_that_cannot_work_together_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        DQNConfig(**{"steps": 9_000, **settings})


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("columns", (), r"at least 1 item"),
        ("columns", (1, 1), r"columns must name each observation column once, was \(1, 1\)"),
        ("bins", 1, r"greater than or equal to 2"),
        ("bins", 1_001, r"bins must keep bins\^columns within 1,000,000 cells, was 1001\^2"),
        ("learning_rate", 1.5, r"less than or equal to 1"),
    ],
)
def test_a_q_learning_setting_out_of_range_is_refused_by_name(field, value, law):
    with pytest.raises(ValueError, match=law) as refusal:
        QLearningConfig(**{"steps": 9_000, "columns": (0, 1), field: value})
    assert field in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "curiosity"}, r"(?s)\nkind\n.*'epsilon_greedy' or 'boltzmann'"),
        ({"start": 1.5}, r"start must be a probability in \[0, 1\], was 1.5"),
        ({"start": -0.5}, r"(?s)\nstart\n.*greater than or equal to 0"),
        ({"kind": "boltzmann", "start": 1.0, "end": 0.0}, r"end must be a positive temperature, was 0.0"),
        ({"fraction": 0.0}, r"(?s)\nfraction\n.*greater than 0"),
    ],
)
def test_an_exploration_out_of_range_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        ExplorationConfig(**settings)


def test_several_faults_are_reported_together():
    with pytest.raises(ValueError, match=r"(?s)\nsteps\n.*\ndiscount\n.*\ntau\n"):
        DQNConfig(steps=0, learning_starts=1, discount=2, tau=7)


def test_what_an_environment_does_not_offer_is_said_by_the_setting_that_asks_for_it():
    levels = EnvironmentFacts(offers=frozenset({"discrete_actions"}))
    counterfactual = DQNConfig(steps=9_000, counterfactual=True)
    (sentence,) = refuse(counterfactual, levels)
    assert sentence == "counterfactual=true needs an environment that can say what every action would have led to"
    assert refuse(counterfactual, EnvironmentFacts()) == []  # nothing is known yet
    assert refuse(counterfactual, EnvironmentFacts(offers=frozenset({"discrete_actions", "index"}))) == []
    assert [text.split(" needs ")[0] for text in refuse(StableBaselinesConfig(steps=9, algorithm="SAC"), levels)] == [
        "kind=sb3",
        "algorithm=SAC",
    ]
    assert refuse(PlannerConfig(steps=9), levels) == ["kind=planner needs an environment that says how it is planned"]
    assert refuse(DirectConfig(steps=9), levels) == ["kind=direct needs an environment whose law has a derivative"]
    assert refuse(object(), levels) == []  # the settings of a plugin are its own


def test_columns_and_forecasts_that_are_not_observed_are_said_before_there_is_an_environment():
    table = QLearningConfig(steps=9_000, columns=(0, -7))
    assert refuse(table, EnvironmentFacts(num_observations=6)) == [
        "columns must lie within the 6 observed ones, was (0, -7); [0] is the first"
    ]
    assert refuse(table, EnvironmentFacts(num_observations=7)) == []
    planner = PlannerConfig(steps=9, forecasts=("b", "c"))
    assert refuse(planner, EnvironmentFacts(forecasts=("a", "b"))) == ["forecasts must be of a, b, held c"]


def test_every_algorithm_of_the_registry_is_there():
    for kind, algorithm in ALGORITHMS.items():
        (declared,) = (field for field in dataclasses.fields(load(algorithm.config)) if field.name == "kind")
        assert declared.default == kind
        if kind == "sb3" and importlib.util.find_spec("stable_baselines3") is None:
            continue
        assert callable(load(algorithm.train))
    for kind, home in POLICIES.items():
        if not kind.startswith("sb3"):
            assert load(home).kind == kind


def test_reading_the_settings_loads_no_torch():
    homes = [algorithm.config.split(":")[0] for algorithm in ALGORITHMS.values()]
    code = f"import sys, {', '.join(homes)}; print('torch' in sys.modules, 'numpy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_a_name_the_package_does_not_have_is_an_attribute_error():
    import trading_agent

    assert all(hasattr(trading_agent, name) for name in trading_agent.__all__)
    with pytest.raises(AttributeError, match="no attribute 'train_sarsa'"):
        trading_agent.train_sarsa  # noqa: B018

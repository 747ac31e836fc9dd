"""Forecasters and policies as ONNX: the same answers on every bar of a test span, or a sentence why there are none."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import tradewinds.operate.export as export_module
from forecaster.data.panel import build_panel_features
from forecaster.data.windows import strided_windows
from forecaster.fitted import fit_forecaster
from forecaster.hidden_states import encode
from tradewinds.core.errors import GateError, RequestError
from tradewinds.operate.onnx_graphs import FACTS, forecaster_graph, policy_graph
from trading_agent.common.policy import ConstantPolicy
from trading_agent.direct.networks import ExposureNetwork, LevelNetwork
from trading_agent.direct.policy import ExposurePolicy, LevelPolicy
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.policy_gradient.actor_critic import ActorCritic, ActorPolicy

from markets import noise_series, small_config, with_model

FIT, TEST = range(250), range(300, 400)
OBSERVATIONS, FEATURES, RNG = 9, 6, np.random.default_rng(3)
BOUNDS = np.array([[-1.0, -np.inf], [2.0, np.inf]], dtype=np.float32)
SAME = {"rtol": 0.0, "atol": 1e-5}


def session_of(content):
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def answers(graph, **given):
    """Ask a graph by onnxruntime alone."""
    session = session_of(graph.content)
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, given), strict=True))


def windows_of(fitted, series, rows):
    """Return what a graph reads at `rows`: features as they are."""
    values = build_panel_features(series, fitted.config.features)[0].values
    length = fitted.config.model.context_length
    return np.ascontiguousarray(strided_windows(values, length)[np.array(rows) - length + 1])


def fitted_of(kind="lstm", *, head="point", **trainer):
    config = with_model(small_config(kind, epochs=2, **trainer), head=head, bins=5)
    series = noise_series(400)
    return fit_forecaster(series, config, FIT, seed=1), series


@pytest.mark.parametrize(
    "kind",
    [
        "lstm",
        "gru",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("rnn", "lstm_peephole", "lstm_layernorm", "lstm_attention", "segment_lstm", "slstm", "mlstm")
        ),
    ],
)
def test_a_graph_forecasts_every_bar_of_a_test_span_as_the_forecaster_does(kind):
    fitted, series = fitted_of(kind)
    graph, states = forecaster_graph(fitted), encode(fitted, series)
    rows = slice(TEST.start, TEST.stop)
    bars = windows_of(fitted, series, TEST)
    told = answers(graph, bars=bars)
    np.testing.assert_allclose(told["forecast"], states.forecast[rows], **SAME)
    np.testing.assert_allclose(told["hidden_state"], states.hidden_state[rows], **SAME)
    one = answers(graph, bars=bars[7:8])  # of any number of rows
    np.testing.assert_allclose(one["forecast"], told["forecast"][7:8], **SAME)
    facts = json.loads(session_of(graph.content).get_modelmeta().custom_metadata_map[FACTS])
    assert facts["input"]["features"] == list(fitted.feature_names)
    assert facts["input"]["shape"] == ["batch", fitted.config.model.context_length, len(fitted.feature_names)]
    assert facts["outputs"] == ["forecast", "hidden_state"]


@pytest.mark.parametrize(("head", "name"), [("quantile", "quantiles"), ("bins", "chances")])
def test_what_else_a_head_says_is_in_the_graph(head, name):
    fitted, series = fitted_of(head=head)
    told, states = answers(forecaster_graph(fitted), bars=windows_of(fitted, series, TEST)), encode(fitted, series)
    np.testing.assert_allclose(told[name], getattr(states, name)[TEST.start : TEST.stop], **SAME)
    np.testing.assert_allclose(told["forecast"], states.forecast[TEST.start : TEST.stop], **SAME)


def test_an_ensemble_is_one_graph():
    fitted, series = fitted_of(members=2)
    told, states = answers(forecaster_graph(fitted), bars=windows_of(fitted, series, TEST)), encode(fitted, series)
    np.testing.assert_allclose(told["forecast"], states.forecast[TEST.start : TEST.stop], **SAME)


def test_a_distribution_without_an_operator_is_refused():
    with pytest.raises(RequestError, match=r"model\.head=student_t tells quantiles .* no operator for; export"):
        forecaster_graph(fitted_of(head="student_t")[0])


# --- policies


def scaled(network):
    """Give a network scales that are none of 0 and 1."""
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name.endswith("mean"):
                buffer.copy_(torch.linspace(-1.0, 1.0, buffer.numel()).view(buffer.shape))
            elif name.endswith(("std", "scale")):
                buffer.copy_(torch.linspace(0.5, 2.0, max(buffer.numel(), 1)).view(buffer.shape))
        for part in network.modules():
            if isinstance(part, torch.nn.Linear) and not part.weight.any():  # a last layer that says nothing yet
                part.weight.normal_(generator=torch.Generator().manual_seed(2))
    return network


def generator():
    return torch.Generator().manual_seed(1)


LEVELS = (-1.0, 0.0, 0.5, 1.0)
POLICIES = {
    "dqn": lambda: NetworkPolicy(scaled(QNetwork(OBSERVATIONS, 3, (16, 16), generator()))),
    "dqn, duelling": lambda: NetworkPolicy(scaled(QNetwork(OBSERVATIONS, 3, (16,), generator(), duelling=True))),
    "ppo, levels": lambda: ActorPolicy(scaled(ActorCritic(OBSERVATIONS, 3, (16, 16), None, generator()))),
    "ppo, a box": lambda: ActorPolicy(scaled(ActorCritic(OBSERVATIONS, 2, (16,), BOUNDS, generator()))),
    "direct, exposures": lambda: ExposurePolicy(
        scaled(ExposureNetwork(FEATURES, 1, (16,), (-1.0, 1.0, 1.0), generator()))
    ),
    "direct, levels": lambda: LevelPolicy(scaled(LevelNetwork(FEATURES, len(LEVELS), (16,), generator())), LEVELS, 1),
    "direct, an LSTM": lambda: LevelPolicy(
        scaled(LevelNetwork(FEATURES, len(LEVELS), (8,), generator(), context_length=3, lstm_units=5)), LEVELS, 1
    ),
    "a level": lambda: ConstantPolicy(2),
    "weights": lambda: ConstantPolicy((0.25, -0.5)),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_graph_acts_as_the_policy_does(name):
    policy = POLICIES[name]()
    observations = (3.0 * RNG.standard_normal((500, OBSERVATIONS))).astype(np.float32)
    observations[:, FEATURES + 1] = RNG.choice(LEVELS, 500)  # what was traded on last
    graph = policy_graph(policy, None if "network" not in vars(policy) else OBSERVATIONS, {"observe": ["features"]})
    action, ours = answers(graph, observation=observations)["action"], policy.act(observations)
    assert action.shape == ours.shape
    if ours.dtype.kind == "i":
        assert len(np.unique(action)) > 1 or name == "a level"
        np.testing.assert_array_equal(action, ours)
    else:
        np.testing.assert_allclose(action, ours, **SAME)
    facts = json.loads(session_of(graph.content).get_modelmeta().custom_metadata_map[FACTS])
    assert facts["observe"] == ["features"]
    assert "action" in facts["outputs"]


def test_a_policy_that_is_no_graph_is_refused_by_its_kind():
    class Memory:
        kind = "recurrent_actor"

    with pytest.raises(RequestError, match="a policy of kind recurrent_actor is no graph of ONNX: those that plan"):
        policy_graph(Memory(), 3, {})


def test_a_graph_that_answers_otherwise_is_not_written(monkeypatch):
    import tradewinds.operate.onnx_graphs as onnx_graphs

    monkeypatch.setattr(onnx_graphs, "SAME", -1.0)
    with pytest.raises(GateError, match="the graph of ONNX answers otherwise than the model, by"):
        policy_graph(POLICIES["dqn"](), OBSERVATIONS, {})


# --- the command


def test_the_champion_is_written_with_what_a_program_needs_to_ask_it(grown, tradewinds):
    answer = tradewinds("models", "export", "onnx", "--json")
    assert answer.status == 0, answer.err
    told = json.loads(answer.out)
    assert told == {
        "model": "bars",
        "version": 1,
        "export": "onnx",
        "forecaster": "onnx/forecaster.onnx",
        "policy": "onnx/policy.onnx",
    }
    manifest = json.loads(Path("onnx/manifest.json").read_text(encoding="utf-8"))
    facts = manifest["facts"]
    assert (manifest["kind"], facts["model"], facts["version"]) == ("export", "bars", 1)
    assert facts["policy"]["observe"] == ["hidden_state", "forecast"]
    assert facts["policy"]["env"]["exposures"]
    session = session_of(Path(told["forecaster"]).read_bytes())
    shape = session.get_inputs()[0].shape
    forecast, hidden = session.run(None, {"bars": np.zeros((2, *shape[1:]))})
    policy = session_of(Path(told["policy"]).read_bytes())
    row = np.concatenate([hidden, forecast, np.zeros((2, 3), np.float32)], axis=1)
    assert policy.run(["action"], {"observation": row})[0].shape == (2,)
    again = tradewinds("models", "export", "onnx")
    assert again.status == 2
    assert "models export writes a folder of its own, and onnx is there already; name another" in again.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "models export needs a folder: tradewinds models export onnx"),
        (("onnx", "models.version=7"), "models.version must be one of 'bars', 1, was 7"),
    ],
)
def test_what_cannot_be_exported_is_refused(words, sentence, grown, tradewinds):
    answer = tradewinds("models", "export", *words)
    assert answer.status == 2
    assert sentence in answer.err
    assert not Path("onnx").exists()


def test_without_the_extra_it_says_what_to_install(grown, tradewinds, monkeypatch):
    monkeypatch.setattr(export_module, "find_spec", lambda name: None)
    answer = tradewinds("models", "export", "onnx")
    assert answer.status == 2
    assert answer.err == "tradewinds: models export needs onnx and onnxruntime; type pip install 'tradewinds[onnx]'\n"


def test_a_part_that_is_no_graph_is_left_out_and_said(grown, tradewinds, monkeypatch):
    import tradewinds.operate.onnx_graphs as onnx_graphs

    monkeypatch.setattr(onnx_graphs, "GRAPHS", {"q_network": onnx_graphs.GRAPHS["q_network"]})
    answer = tradewinds("models", "export", "onnx")
    assert answer.status == 0, answer.err
    assert "warning: the policy of version 1 was not exported: a policy of kind constant is no graph" in answer.out
    assert sorted(path.name for path in Path("onnx").iterdir()) == ["forecaster.onnx", "manifest.json"]

"""Forecasters and policies as graphs of ONNX, with their scalers inside; each compared with ours as it is written.

What a graph cannot hold is refused in a sentence. Must not know the registry.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forecaster.data.features import may_be_missing
from forecaster.fitted import FittedForecaster
from tradewinds.core.errors import GateError, RequestError
from trading_agent import Policy
from trading_agent.direct.policy import ExposurePolicy, LevelPolicy
from trading_agent.dqn.policy import NetworkPolicy
from trading_agent.policy_gradient.actor_critic import ActorPolicy, units_of

OPSET = 17  # of 2022: every runtime of today reads it
SAME = 1e-5  # most that a graph's answer may differ from ours, in units of 1 and the size of ours
TRIED = (1, 2, 33)  # rows that a graph is compared on, three times
FACTS = "tradewinds"  # key of the metadata in a file: what goes in and what comes out, as JSON


@dataclass(frozen=True)
class Graph:
    """A module as ONNX.

    Attributes:
        content: of the file.
        facts: what goes in and what comes out, as plain data; they stand in the file, too.
    """

    content: bytes
    facts: Mapping[str, Any]


# --- forecasters


class ForecasterGraph(nn.Module):
    """From features as they are to forecasts in the unit of the series (B windows, L bars, F features).

    Args:
        fitted: the forecaster of one instrument.

    Attributes:
        outputs: names of what `forward` returns.
    """

    mean: Tensor
    std: Tensor
    static: Tensor
    gappy: Tensor
    weights: Tensor
    walk: Tensor | None

    def __init__(self, fitted: FittedForecaster) -> None:
        super().__init__()
        self.model, self.unit = fitted.model, float(fitted.target_scale)
        self.register_buffer("mean", torch.from_numpy(np.float64(fitted.mean)))
        self.register_buffer("std", torch.from_numpy(np.float64(fitted.std)))
        self.register_buffer("static", torch.from_numpy(np.float32(fitted.static)))
        self.register_buffer("gappy", torch.from_numpy(may_be_missing(fitted.feature_names)))
        self.columns: list[int] | None = None
        self.season: list[int] | None = None
        if fitted.reading is not None:
            self.columns = list(fitted.reading.columns)
            if fitted.reading.season and np.any(fitted.reading.weights):
                self.season = list(fitted.reading.season)
                self.register_buffer("weights", torch.tensor(fitted.reading.weights, dtype=torch.float64).T)
        further = {"quantile": ("quantiles",), "bins": ("chances",)}.get(fitted.config.model.head, ())
        self.outputs = ("forecast", "hidden_state", *further)
        steps = torch.arange(1.0, fitted.config.model.horizon + 1.0, dtype=torch.float64)
        self.register_buffer("walk", steps.sqrt() if fitted.target == "level" else None)

    def forward(self, bars: Tensor) -> tuple[Tensor, ...]:
        """Return forecasts (B, H), hidden states (B, D), and what else the head says, for bars (B, L, F), float64."""
        scaled = (bars - self.mean) / self.std
        scaled = torch.where(self.gappy & scaled.isnan(), 0.0, scaled)
        read = scaled if self.columns is None else scaled[..., self.columns]
        if self.season is not None:
            read = read - scaled[..., self.season] @ self.weights  # (B, L, K) x (K, S)
        context = read.float()
        beside = self.static.expand(*context.shape[:2], -1)  # (S,) -> (B, L, S)
        said = self.model(torch.cat((context, beside), dim=2) if self.static.shape[0] else context)
        point = said.point
        if self.walk is not None:
            ahead = point.double() * self.walk
            point = torch.cat((ahead[:, :1], ahead[:, 1:] - ahead[:, :-1]), dim=1).float()
        further = {"quantiles": () if said.quantiles is None else said.quantiles * self.unit, "chances": said.chances}
        return point * self.unit, said.hidden_state, *(further[name] for name in self.outputs[2:])


def forecaster_graph(fitted: FittedForecaster) -> Graph:
    """Return a forecaster as a graph.

    Raises:
        RequestError: it reads or says what a graph has no place for.
        GateError: the graph answers otherwise than the forecaster.
    """
    if fitted.reader is not None:
        raise RequestError(
            f"model={fitted.config.model.kind} reads what is announced of the bars ahead, which no file of ONNX holds; "
            "export one that reads bars alone, such as model=lstm"
        )
    if fitted.senses:
        names = ", ".join(sense.name for sense in fitted.senses)
        raise RequestError(f"the forecaster reads {names} beside numbers, whose encoders are no part of a graph")
    if fitted.config.model.head == "student_t":
        raise RequestError(
            "model.head=student_t tells quantiles of a distribution that ONNX has no operator for; export one with "
            "model.head=point, quantile or bins"
        )
    module, model = ForecasterGraph(fitted).eval(), fitted.config.model
    facts = {
        "kind": model.kind,
        "input": {
            "name": "bars",
            "dtype": "float64",
            "shape": ["batch", model.context_length, len(fitted.feature_names)],
            "features": list(fitted.feature_names),
        },
        "outputs": list(module.outputs),
        "target": fitted.target,
        "instrument": fitted.instrument,
        "bar_length": str(fitted.bar_length),
        "horizon": model.horizon,
    }

    def example(rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
        shape = (rows, model.context_length, len(fitted.mean))
        return np.asarray(fitted.mean + fitted.std * rng.standard_normal(shape))

    return _exported(module, "bars", module.outputs, facts, example, {0: "batch"})


# --- policies


class ConstantGraph(nn.Module):
    """The same action at every observation (B, O)."""

    action: Tensor

    def __init__(self, action: int | tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("action", torch.tensor(action) if isinstance(action, int) else torch.tensor([action]))

    def forward(self, observation: Tensor) -> Tensor:
        """Return (B,) or (B, A) actions."""
        rows = observation[:, :1] * 0.0
        return rows[:, 0].long() + self.action if self.action.dim() == 0 else rows + self.action


class ValueGraph(nn.Module):
    """The action that a Q-network values most, and the values of all."""

    def __init__(self, policy: NetworkPolicy) -> None:
        super().__init__()
        self.network = policy.network

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) actions and (B, A) values for observations (B, O)."""
        values = self.network(observation)
        return values.argmax(dim=1), values


class ActorGraph(nn.Module):
    """The likeliest action of an actor and all logits, or the mean of what a box is asked for, kept in it."""

    centre: Tensor
    half_width: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, policy: ActorPolicy) -> None:
        super().__init__()
        self.network = policy.network
        if policy.network.bounds is not None:
            low, high = policy.network.bounds.numpy()
            centre, half_width = units_of(low, high)
            sides = {"centre": centre, "half_width": half_width, "low": low, "high": high}
            for name, values in sides.items():
                self.register_buffer(name, torch.from_numpy(np.float32(values)))

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) or (B, A) actions, and what the network said (B, A), for observations (B, O)."""
        outputs = self.network.actor(self.network.standard(observation))
        if self.network.bounds is None:
            return outputs.argmax(dim=1), outputs
        return torch.minimum(torch.maximum(self.centre + self.half_width * outputs, self.low), self.high), outputs


class ExposureGraph(nn.Module):
    """The exposures that a network of `direct` decides."""

    def __init__(self, policy: ExposurePolicy) -> None:
        super().__init__()
        self.network = policy.network

    def forward(self, observation: Tensor) -> Tensor:
        """Return (B, A) exposures for observations (B, O)."""
        count = self.network.num_features
        hidden = self.network.read(observation[:, :count])
        exposures: Tensor = self.network.decide(hidden, observation[:, count : count + self.network.num_assets])
        return exposures


class LevelGraph(nn.Module):
    """The level that a network of `direct` finds likeliest from the one that is held, and the logits of all."""

    shares: Tensor

    def __init__(self, policy: LevelPolicy) -> None:
        super().__init__()
        self.network, self.place = policy.network, policy.network.num_features + policy.num_assets
        self.register_buffer("shares", torch.tensor(policy.shares, dtype=torch.float64))

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) numbers of levels, and the (B, K) logits, for observations (B, O)."""
        away = (observation[:, self.place : self.place + 1].double() - self.shares).abs()  # (B, K)
        held = away.argmin(dim=1)
        logits = self.network(observation[:, : self.network.num_features])  # (B, K held, K wanted)
        chosen = logits.gather(1, held[:, None, None].expand(-1, 1, logits.shape[2]))[:, 0]
        return chosen.argmax(dim=1), chosen


GRAPHS: Mapping[str, tuple[Callable[[Any], nn.Module], tuple[str, ...]]] = {  # by the kind of a policy
    "constant": (lambda policy: ConstantGraph(policy.action), ("action",)),
    "q_network": (ValueGraph, ("action", "values")),
    "actor": (ActorGraph, ("action", "outputs")),
    "exposure_network": (ExposureGraph, ("action",)),
    "level_network": (LevelGraph, ("action", "logits")),
}


def policy_graph(policy: Policy, num_observations: int | None, facts: Mapping[str, Any]) -> Graph:
    """Return a policy as a graph.

    Args:
        policy: any of `GRAPHS`.
        num_observations: O; None where any number will do.
        facts: what is known of its observations and actions.

    Raises:
        RequestError: it is none of these.
        GateError: the graph acts otherwise than the policy.
    """
    if policy.kind not in GRAPHS:
        raise RequestError(
            f"a policy of kind {policy.kind} is no graph of ONNX: those that plan, remember, look up or act on several "
            f"instruments at once are not; these are: {', '.join(GRAPHS)}"
        )
    make, outputs = GRAPHS[policy.kind]
    told = {
        "kind": policy.kind,
        "input": {"name": "observation", "dtype": "float32", "shape": ["batch", num_observations or "columns"]},
        "outputs": list(outputs),
        **facts,
    }

    def example(rows: int, rng: np.random.Generator) -> NDArray[np.float32]:
        return rng.standard_normal((rows, num_observations or 1 + rows)).astype(np.float32)

    free = {0: "batch"} | ({} if num_observations else {1: "columns"})
    return _exported(make(policy).eval(), "observation", outputs, told, example, free)


# --- both


def _exported(
    module: nn.Module,
    given: str,
    outputs: Sequence[str],
    facts: Mapping[str, Any],
    example: Callable[[int, np.random.Generator], NDArray[Any]],
    free: Mapping[int, str],
) -> Graph:
    """Write a module as ONNX, whose input has `free` dimensions by their names, and compare the two."""
    import onnx

    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of a batch that is not 1, which is compared below
        torch.onnx.export(
            module,
            (torch.from_numpy(example(2, rng)),),
            file := f"{folder}/graph.onnx",
            input_names=[given],
            output_names=list(outputs),
            dynamic_axes={given: dict(free), **{name: {0: "batch"} for name in outputs}},
            opset_version=OPSET,
            dynamo=False,
        )
        graph = onnx.load(file)
    graph.producer_name, graph.doc_string = "tradewinds", ""
    onnx.helper.set_model_props(graph, {FACTS: json.dumps(facts)})
    content = graph.SerializeToString()
    _compare(module, content, [example(rows, rng) for rows in TRIED for _ in range(3)])
    return Graph(content, facts)


def _compare(module: nn.Module, content: bytes, examples: Sequence[NDArray[Any]]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    for rows in examples:
        with torch.no_grad():
            told = module(torch.from_numpy(rows))
        ours = [one.numpy() for one in (told if isinstance(told, tuple) else (told,))]
        for mine, theirs in zip(ours, session.run(None, {given.name: rows}), strict=True):
            if mine.shape != theirs.shape or not np.allclose(theirs, mine, rtol=SAME, atol=SAME):
                raise GateError(
                    f"the graph of ONNX answers otherwise than the model, by {np.abs(theirs - mine).max():.2g}; "
                    "nothing was written"
                )

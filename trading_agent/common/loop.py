"""What every training shares: the best policy so far, the calls for progress, and the bookkeeping of a resume."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from gymnasium.spaces import Box, Space

from trading_agent.common.checkpoint import read_checkpoint, write_checkpoint
from trading_agent.common.policy import ConstantPolicy, Policy, restore_policy

Progress: TypeAlias = Callable[[int, int, Mapping[str, float]], None]
Validate: TypeAlias = Callable[[Policy], float]

REPORT_EVERY = 1_000  # env steps between two calls of `progress`
CURE = "lower learning_rate or gradient_clip. The checkpoint of the last validation is whole"


@dataclass(frozen=True, kw_only=True)
class TrainedAgent:
    """The outcome of a training.

    Attributes:
        policy: the one that `validate` scored highest; of equal scores the newest that learned.
        best_step: env steps after which it was current; 0 for a constant policy, which needed no learning.
        best_score: its score.
        history: one mapping per validation with `step` and `score`, and what the algorithm measured at that moment.
    """

    policy: Policy
    best_step: int
    best_score: float
    history: tuple[Mapping[str, float], ...]


@dataclass
class Selection:
    """The best policy so far, and every score.

    The candidates at step 0 are the constant policies, one per action: what was learned has to beat them.
    """

    validate: Validate
    policy: Policy = field(default_factory=lambda: ConstantPolicy(0))
    step: int = 0
    score: float = float("-inf")
    history: list[Mapping[str, float]] = field(default_factory=list)

    def consider_constants(self, space: Space[Any]) -> None:
        """Score every policy that always takes one action of a `Discrete` space; of a `Box`, zero, least and most."""
        if isinstance(space, Box):
            ends = [end for end in (space.low, space.high) if np.isfinite(end).all()]
            for action in (np.clip(0.0, space.low, space.high), *ends):
                self.consider(0, ConstantPolicy(tuple(action.tolist())), {"action": float(action[0])})
            return
        for action in range(int(space.n)):  # type: ignore[attr-defined]
            self.consider(0, ConstantPolicy(action), {"action": float(action)})

    def consider(self, step: int, policy: Policy, metrics: Mapping[str, float]) -> None:
        """Score `policy` and keep a copy if it beats the best so far, or equals what has learned less.

        Raises:
            ValueError: the score is not a number, or a weight is none. So no checkpoint is written after that.
        """
        lost = [name for name, array in policy.tensors().items() if np.isnan(array).any()]
        if lost:
            raise ValueError(
                f"weights must stay finite, were nan in {', '.join(lost)} after {step:,} env steps; {CURE}"
            )
        score = float(self.validate(policy))
        if np.isnan(score):
            raise ValueError(f"validate must return a number, was nan at step {step}")
        self.history.append({"step": step, "score": score, **metrics})
        learned = not isinstance(self.policy, ConstantPolicy)
        if score > self.score or (learned and score == self.score):  # of equally good ones the newer has learned more
            self.policy = restore_policy(policy.kind, policy.settings(), policy.tensors())
            self.step, self.score = step, score

    def result(self) -> TrainedAgent:
        """Return the outcome."""
        return TrainedAgent(policy=self.policy, best_step=self.step, best_score=self.score, history=tuple(self.history))

    def state_dict(self) -> dict[str, Any]:
        """Return everything but `validate`."""
        return {
            "kind": self.policy.kind,
            "settings": self.policy.settings(),
            "tensors": self.policy.tensors(),
            "step": self.step,
            "score": self.score,
            "history": self.history,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.policy = restore_policy(state["kind"], state["settings"], state["tensors"])
        self.step, self.score, self.history = state["step"], state["score"], list(state["history"])


def seeds_from(seed: int) -> tuple[int, int, np.random.Generator]:
    """Return independent seeds for the environment and the network, and the learner's own generator."""
    env, network, learner = np.random.SeedSequence(seed).spawn(3)
    return int(env.generate_state(1)[0]), int(network.generate_state(1)[0]), np.random.default_rng(learner)


class Stateful(Protocol):
    """A part of a training that can be put down and taken up again."""

    def state_dict(self) -> dict[str, Any]:
        """Return nested mappings of arrays and JSON values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        ...


class Checkpoint:
    """All that a training is made of, to be written down after a validation and read by the call that resumes it."""

    def __init__(self, config: Any, seed: int, rng: np.random.Generator, parts: Mapping[str, Stateful]) -> None:
        self.identity = json.dumps({**dataclasses.asdict(config), "seed": seed})
        self.rng, self.parts = rng, parts

    def write(self, folder: Path, step: int) -> None:
        """Replace the checkpoint in `folder` by the state after `step` env steps."""
        state = {"identity": self.identity, "step": step, "rng": self.rng.bit_generator.state}
        write_checkpoint(folder, {**state, "parts": {name: part.state_dict() for name, part in self.parts.items()}})

    def read(self, folder: Path) -> int:
        """Bring every part to the state in `folder` and return the env steps done.

        Raises:
            ValueError: there is no checkpoint, or it belongs to other settings or another seed.
        """
        state = read_checkpoint(folder)
        then, now = json.loads(state["identity"]), json.loads(self.identity)
        faults = [
            f"{name} must stay {then.get(name)} to resume '{folder}', was {now.get(name)}"
            for name in dict.fromkeys((*then, *now))
            if then.get(name) != now.get(name)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        self.rng.bit_generator.state = state["rng"]
        step: int = state["step"]
        return step


def finite(metrics: Mapping[str, float], step: int) -> None:
    """Refuse to learn on from numbers that are none; the newest checkpoint is that of the validation before.

    Raises:
        ValueError: a metric is nan or infinite.
    """
    lost = [f"{name} {value}" for name, value in metrics.items() if not np.isfinite(value)]
    if lost:
        raise ValueError(f"losses must stay finite, were {', '.join(lost)} after {step:,} env steps; {CURE}")


def crossed(before: int, after: int, interval: int) -> bool:
    """Say whether a multiple of `interval` lies in (before, after]."""
    return before // interval != after // interval

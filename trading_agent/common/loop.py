"""The one training loop: what an algorithm learns in a stride is judged, put down, told of, and gone on from.

An algorithm brings a `Learner`. The rest is here once: the validation and its rhythm, the best policy so far, the
checkpoint and the exact resume, the check that numbers stay numbers, and the calls for progress.
"""

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Required, TypeAlias, TypedDict, Unpack

import numpy as np
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray

from trading_agent.common.checkpoint import read_checkpoint, write_checkpoint
from trading_agent.common.policy import ConstantPolicy, Policy, restore_policy
from trading_agent.common.transitions import AnyVectorEnv, Walk

Progress: TypeAlias = Callable[[int, int, Mapping[str, float]], None]
Validate: TypeAlias = Callable[[Policy], float]
Metrics: TypeAlias = Mapping[str, float]
Restore: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, NDArray[Any]]], Policy]

REPORT_EVERY = 1_000  # env steps between two calls of `progress`
CURE = "lower learning_rate or gradient_clip. The checkpoint of the last validation is whole"


class TrainingOptions(TypedDict, total=False):
    """How a training is seeded, judged and taken up again: the keyword arguments of every `train_*`.

    Attributes:
        seed: all randomness is derived from it, that of the environment included; no global random state is read or
            moved.
        validate: scores a policy, larger is better; called with what any learning has to beat before learning, then
            every `config.validate_every` env steps and at the end. Must not depend on anything but the policy.
        progress: called as (env steps done, of, metrics) about every 1,000 env steps.
        checkpoint: folder that holds the newest state after every validation, replaced atomically.
        resume: such a folder of an earlier, interrupted call with the same settings and seed. The outcome equals, bit
            for bit, that of a call never interrupted, if the environment has `state_dict` and `load_state_dict` or is
            not stepped; one without them starts new episodes.
    """

    seed: Required[int]
    validate: Required[Validate]
    progress: Progress | None
    checkpoint: Path | None
    resume: Path | None


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
    history: tuple[Metrics, ...]


class Seeds(NamedTuple):
    """Where all chance of a training comes from: independent seeds, and the learner's own generator."""

    env: int
    network: int
    rng: np.random.Generator


def seeds_from(seed: int) -> Seeds:
    """Return independent seeds for the environment and the network, and the learner's own generator."""
    env, network, learner = np.random.SeedSequence(seed).spawn(3)
    return Seeds(int(env.generate_state(1)[0]), int(network.generate_state(1)[0]), np.random.default_rng(learner))


class Stateful(Protocol):
    """A part of a training that can be put down and taken up again."""

    def state_dict(self) -> dict[str, Any]:
        """Return nested mappings of arrays and JSON values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        ...


class Learner(ABC):
    """What an algorithm brings to the loop; built of (env, config, seeds), or ValueError where these do not fit.

    Attributes:
        env: where it acts.
        rng: all chance of its learning.
        stride: env steps of one call of `learn`.
        parts: what a checkpoint holds of it, by name.
        learns: whether there is anything to learn; if not, `baselines` are all there is.
    """

    env: AnyVectorEnv
    rng: np.random.Generator
    stride: int
    parts: Mapping[str, Stateful]
    learns: bool = True

    def baselines(self) -> Iterator[tuple[Policy, Metrics]]:
        """Yield what any learning has to beat, with what is logged of each: the constant policies."""
        return constant_policies(self.env.single_action_space)

    def warm_up(self) -> int:
        """Do what comes before all learning and is not resumed, such as random play; return its env steps."""
        return 0

    @abstractmethod
    def learn(self, done: int) -> Metrics:
        """Go one stride on from `done` env steps, and return what was measured."""

    @abstractmethod
    def policy(self) -> Policy:
        """Return what acts now."""

    def lived(self) -> Metrics:
        """Return the mean `episode_length` of what was walked since this was last asked, if an episode ended."""
        walk = self.parts.get("walk")
        length = walk.episode_length() if isinstance(walk, Walk) else None
        return {} if length is None else {"episode_length": length}

    def restore(self, kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Policy:
        """Build a policy from what its `settings` and `tensors` returned."""
        return restore_policy(kind, settings, tensors)


def constant_policies(space: Space[Any]) -> Iterator[tuple[Policy, Metrics]]:
    """Yield every policy that always takes one action of a `Discrete` space; of a `Box`, zero, least and most."""
    if isinstance(space, Box):
        ends = [end for end in (space.low, space.high) if np.isfinite(end).all()]
        for action in (np.clip(0.0, space.low, space.high), *ends):
            yield ConstantPolicy(tuple(action.tolist())), {"action": float(action[0])}
        return
    for number in range(int(space.n)):  # type: ignore[attr-defined]
        yield ConstantPolicy(number), {"action": float(number)}


@dataclass
class Selection:
    """The best policy so far, and every score.

    The candidates at step 0 have learned nothing: what was learned has to beat them.
    """

    validate: Validate
    restore: Restore = restore_policy
    policy: Policy = field(default_factory=lambda: ConstantPolicy(0))
    step: int = 0
    score: float = float("-inf")
    history: list[Metrics] = field(default_factory=list)

    def consider(self, step: int, policy: Policy, metrics: Metrics) -> None:
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
            self.policy = self.restore(policy.kind, policy.settings(), policy.tensors())
            self.step, self.score = step, score

    def result(self) -> TrainedAgent:
        """Return the outcome."""
        return TrainedAgent(policy=self.policy, best_step=self.step, best_score=self.score, history=tuple(self.history))

    def state_dict(self) -> dict[str, Any]:
        """Return all but the functions."""
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
        self.policy = self.restore(state["kind"], state["settings"], state["tensors"])
        self.step, self.score, self.history = state["step"], state["score"], list(state["history"])


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
            f"seed must stay what it was to resume '{folder}', and is another"  # of a run it is derived
            if name == "seed"
            else f"{name} must stay {then.get(name)} to resume '{folder}', was {now.get(name)}"
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


class Training:
    """A training under way.

    Args:
        learner: what the algorithm brings.
        config: its settings, of which `steps` and `validate_every` are read here.
        options: of the call.
    """

    def __init__(self, learner: Learner, config: Any, **options: Unpack[TrainingOptions]) -> None:
        self.learner, self.config, self.options = learner, config, options
        self.selection = Selection(options["validate"], learner.restore)
        parts = {**learner.parts, "selection": self.selection}
        self.checkpoint = Checkpoint(config, options["seed"], learner.rng, parts)

    def run(self) -> TrainedAgent:
        """Learn to the end, from the start or from a checkpoint."""
        resume, learner = self.options.get("resume"), self.learner
        if resume is not None:
            step = self.checkpoint.read(resume)
        else:
            self.judge_baselines()
            step = learner.warm_up()
        while learner.learns and step < self.config.steps:
            before, step = step, step + learner.stride
            self.follow(before, step, learner.learn(before))
        return self.selection.result()

    def judge_baselines(self) -> None:
        """Score what any learning has to beat."""
        for policy, metrics in self.learner.baselines():
            self.selection.consider(0, policy, metrics)

    def follow(self, before: int, step: int, metrics: Metrics) -> None:
        """After the env steps in (before, step], do what is due: validate, put down, tell.

        Raises:
            ValueError: a metric, a weight or a score is no number; the newest checkpoint is that of the validation
                before.
        """
        steps, checkpoint, progress = self.config.steps, self.options.get("checkpoint"), self.options.get("progress")
        finite(metrics, before)
        if crossed(before, step, self.config.validate_every) or step >= steps:
            metrics = {**metrics, **self.learner.lived()}
            self.selection.consider(step, self.learner.policy(), metrics)
            if checkpoint is not None:
                self.checkpoint.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= steps):
            progress(min(step, steps), steps, {**metrics, "best_score": self.selection.score})


def train(
    make: Callable[[AnyVectorEnv, Any, Seeds], Learner],
    env: AnyVectorEnv,
    config: Any,
    **options: Unpack[TrainingOptions],
) -> TrainedAgent:
    """Train what `make` builds for `env` and `config`.

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: `env` does not fit the settings, `resume` does not, or numbers were lost on the way.
    """
    return Training(make(env, config, seeds_from(options["seed"])), config, **options).run()


def finite(metrics: Metrics, step: int) -> None:
    """Refuse to learn on from numbers that are none.

    Raises:
        ValueError: a metric is nan or infinite.
    """
    lost = [f"{name} {value}" for name, value in metrics.items() if not np.isfinite(value)]
    if lost:
        raise ValueError(f"losses must stay finite, were {', '.join(lost)} after {step:,} env steps; {CURE}")


def crossed(before: int, after: int, interval: int) -> bool:
    """Say whether a multiple of `interval` lies in (before, after]."""
    return before // interval != after // interval

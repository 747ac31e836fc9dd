"""The settings of `sb3`: any algorithm of Stable-Baselines3 or sb3-contrib. Imports neither, nor torch."""

from collections.abc import Mapping
from dataclasses import field
from importlib.util import find_spec
from typing import Literal

from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import AgentConfig, EnvironmentFacts, Requirement, raise_all

ALGORITHMS = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")  # of Stable-Baselines3
CONTRIB = ("CrossQ", "QRDQN", "RecurrentPPO", "TQC", "TRPO")  # of sb3-contrib
REMEMBERS = ("RecurrentPPO",)  # those whose policies do
DISCRETE, BOX = ("DQN", "QRDQN"), ("CrossQ", "DDPG", "SAC", "TD3", "TQC")  # actions they take only; the rest takes both
OURS = ("policy", "env", "seed", "device", "policy_kwargs", "_init_setup_model")  # arguments that are not the user's


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class StableBaselinesConfig(AgentConfig):
    """Settings of `train_sb3`; what is not named here keeps the algorithm's own default.

    Attributes:
        steps: env steps to learn for.
        kind: `sb3`.
        algorithm: its name, such as PPO, A2C, DQN, SAC or TD3; of sb3-contrib QRDQN, TQC, TRPO,
            CrossQ or RecurrentPPO.
        num_envs: environments stepped at once.
        hidden_sizes: units of each hidden layer.
        arguments: further arguments of the algorithm by name, such as {learning_rate: 1e-3, n_steps: 128}.
        normalise: whether observations and rewards are scaled by their running deviations (`VecNormalize`).
        validate_every: env steps between two validations.
    """

    steps: ranges.Steps
    kind: Literal["sb3"] = "sb3"
    algorithm: str = "PPO"
    num_envs: ranges.Environments = 8
    hidden_sizes: ranges.HiddenSizes = (64, 64)
    arguments: Mapping[str, int | bool | float | str] = field(default_factory=dict)
    normalise: bool = True
    validate_every: ranges.Interval = 10_000

    def __post_init__(self) -> None:
        faults, ours = [], sorted(set(OURS) & set(self.arguments))
        if self.algorithm not in ALGORITHMS + CONTRIB:
            law = f"must be one of {', '.join(ALGORITHMS)}, or of sb3-contrib's {', '.join(CONTRIB)}"
            faults.append(f"algorithm {law}, was '{self.algorithm}'")
        if ours:
            faults.append(f"arguments must leave {', '.join(ours)} to us")
        raise_all(faults)

    @property
    def package(self) -> tuple[str, str]:
        """The module that holds the algorithm, and the name it is installed by."""
        if self.algorithm in CONTRIB:
            return "sb3_contrib", "sb3-contrib"
        return "stable_baselines3", "Stable-Baselines3"

    @property
    def family(self) -> str:
        """The name that the algorithm knows a policy for flat observations by."""
        return "MlpLstmPolicy" if self.algorithm in REMEMBERS else "MlpPolicy"

    @property
    def missing(self) -> str:
        """What to say where the package is not installed."""
        return f"algorithm={self.algorithm} needs {self.package[1]}: pip install 'tradewinds[sb3]'"

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        needs: dict[Requirement, str] = {"same_step": "kind=sb3"}
        needs |= {"discrete_actions": f"algorithm={self.algorithm}"} if self.algorithm in DISCRETE else {}
        return needs | ({"box_actions": f"algorithm={self.algorithm}"} if self.algorithm in BOX else {})

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if the algorithm's package is not installed."""
        return [self.missing] if find_spec(self.package[0]) is None else []

"""The settings of `sb3`: any algorithm of Stable-Baselines3 or sb3-contrib. Imports neither, nor torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from trading_agent.common.config import _common_laws, _refuse

ALGORITHMS = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")  # of Stable-Baselines3
CONTRIB = ("CrossQ", "QRDQN", "TQC", "TRPO")  # of sb3-contrib; those whose policies remember nothing


@dataclass(frozen=True, kw_only=True)
class StableBaselinesConfig:
    """Settings of `train_sb3`; what is not named here keeps the algorithm's own default.

    Attributes:
        steps: env steps to learn for.
        kind: `sb3`.
        algorithm: its name, such as PPO, A2C, DQN, SAC or TD3; of sb3-contrib QRDQN, TQC, TRPO or CrossQ.
        num_envs: environments stepped at once.
        hidden_sizes: units of each hidden layer.
        arguments: further arguments of the algorithm by name, such as {learning_rate: 1e-3, n_steps: 128}.
        normalise: whether observations and rewards are scaled by their running deviations (`VecNormalize`).
        validate_every: env steps between two validations.
    """

    steps: int
    kind: Literal["sb3"] = "sb3"
    algorithm: str = "PPO"
    num_envs: int = 8
    hidden_sizes: tuple[int, ...] = (64, 64)
    arguments: Mapping[str, int | bool | float | str] = field(default_factory=dict)
    normalise: bool = True
    validate_every: int = 10_000

    def __post_init__(self) -> None:
        own = sorted({"policy", "env", "seed", "device", "policy_kwargs", "_init_setup_model"} & set(self.arguments))
        _refuse(
            *_common_laws(self.steps, self.num_envs, 0.0, self.validate_every),
            (
                len(self.hidden_sizes) > 0 and min(self.hidden_sizes, default=0) >= 1,
                f"hidden_sizes must name at least one layer of at least 1 unit, was {self.hidden_sizes}",
            ),
            (
                self.algorithm in ALGORITHMS + CONTRIB,
                f"algorithm must be one of {', '.join(ALGORITHMS)}, or of sb3-contrib's {', '.join(CONTRIB)}, "
                f"was '{self.algorithm}'",
            ),
            (not own, f"arguments must leave {', '.join(own)} to us"),
        )

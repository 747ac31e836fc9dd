"""Train any algorithm of Stable-Baselines3 or sb3-contrib like an agent of ours: validated, selected, saved safely.

Of a trained model only the policy is kept: its tensors and the plain values that build it again, no pickle. The extra
`sb3` brings both. A training cannot be resumed: their models do
not put down all that they are made of.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from trading_agent.common.loop import Progress, Selection, TrainedAgent, Validate, crossed, finite, seeds_from
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.sb3.config import CONTRIB, StableBaselinesConfig

EPSILON, CLIP = 1e-8, 10.0  # of VecNormalize


class StableBaselinesPolicy:
    """The deterministic action of a policy of Stable-Baselines3 (kind `sb3`).

    Args:
        algorithm: whose policy it is.
        policy: theirs.
        spaces: the observation space and the action space.
        options: what built it, plain values.
        mean: (O,) subtracted from observations.
        std: (O,) by which they are then divided.
    """

    kind = "sb3"

    def __init__(
        self,
        algorithm: str,
        policy: Any,
        spaces: tuple[Box, Any],
        options: dict[str, Any],
        mean: NDArray[np.float64],
        std: NDArray[np.float64],
    ) -> None:
        self.algorithm, self.policy, self.spaces, self.options = algorithm, policy, spaces, options
        self.mean, self.std = mean, std

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) or (N, A) actions at (N, O) observations."""
        standard = np.clip((observations - self.mean) / self.std, -CLIP, CLIP).astype(np.float32)
        actions, _ = self.policy.predict(standard, deterministic=True)
        return np.asarray(actions)

    def settings(self) -> dict[str, Any]:
        """Return algorithm, sizes and bounds."""
        seen, action = self.spaces
        told = (
            {"n": int(action.n)}
            if isinstance(action, Discrete)
            else {"low": action.low.tolist(), "high": action.high.tolist()}
        )
        return {"algorithm": self.algorithm, "options": self.options, "observations": seen.shape[0], "actions": told}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        weights = {f"policy.{name}": tensor.numpy().copy() for name, tensor in self.policy.state_dict().items()}
        return {**weights, "mean": self.mean.copy(), "std": self.std.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "StableBaselinesPolicy":
        """Build it anew.

        Raises:
            ValueError: Stable-Baselines3 is not installed.
        """
        told, options = settings["actions"], dict(settings["options"])
        action: Any = Discrete(told["n"]) if "n" in told else Box(np.float32(told["low"]), np.float32(told["high"]))
        seen = Box(-np.inf, np.inf, (settings["observations"],), np.float32)
        family = algorithm_of(settings["algorithm"])
        policy = family.policy_aliases["MlpPolicy"](seen, action, lambda _: 0.0, **options)
        weights = {
            name.removeprefix("policy."): torch.from_numpy(array.copy())
            for name, array in tensors.items()
            if name.startswith("policy.")
        }
        policy.load_state_dict(weights)
        policy.set_training_mode(False)
        return cls(
            settings["algorithm"], policy, (seen, action), options, tensors["mean"].copy(), tensors["std"].copy()
        )


def algorithm_of(name: str) -> Any:
    """Return the class of an algorithm that `StableBaselinesConfig` allows.

    Raises:
        ValueError: its package is not installed.
    """
    try:
        if name in CONTRIB:
            import sb3_contrib

            return getattr(sb3_contrib, name)
        import stable_baselines3

        return getattr(stable_baselines3, name)
    except ImportError:
        wanted = "sb3-contrib" if name in CONTRIB else "Stable-Baselines3"
        raise ValueError(f"agent.algorithm={name} needs {wanted}: pip install 'tradewinds[sb3]'") from None


def train_sb3(
    env: AnyVectorEnv,
    config: StableBaselinesConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> TrainedAgent:
    """Train an algorithm of Stable-Baselines3.

    Args:
        env: N environments that restart in the same step, of flat observations.
        config: the settings.
        seed: all randomness is derived from it.
        validate: scores a policy, larger is better; called with constant policies before learning, then every
            `config.validate_every` env steps and at the end.
        progress: called as (env steps done, of, metrics).
        checkpoint: not written.
        resume: must be None.

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: the algorithm is unknown, does not take an argument or these actions, or the weights became nan.
    """
    del checkpoint
    if resume is not None:
        raise ValueError("agent=sb3 cannot be resumed; train it again, or take agent=ppo or agent=dqn")
    family = algorithm_of(config.algorithm)
    _, model_seed, _ = seeds_from(seed)
    watched, model = _model(family, env, config, model_seed)
    selection = Selection(validate)
    selection.consider_constants(env.single_action_space)
    callback = _callback(watched, config, selection, progress)
    model.learn(config.steps, callback=callback)
    callback.judge(model.num_timesteps)
    return selection.result()


def _model(family: Any, env: AnyVectorEnv, config: StableBaselinesConfig, seed: int) -> tuple[Any, Any]:
    """Return the environments as Stable-Baselines3 sees them, and a fresh model on them."""
    from stable_baselines3.common.vec_env import VecNormalize

    from trading_agent.sb3.adapter import as_vec_env

    known = set(inspect.signature(family.__init__).parameters)
    unknown = [name for name in config.arguments if name not in known]
    if unknown:
        free = sorted(known - {"self", "policy", "env", "seed", "device", "policy_kwargs", "_init_setup_model"})
        raise ValueError(f"{config.algorithm} takes no argument {', '.join(unknown)}; it takes {', '.join(free)}")
    seen: Any = as_vec_env(env)
    if config.normalise:
        seen = VecNormalize(seen, clip_obs=CLIP, epsilon=EPSILON, gamma=float(config.arguments.get("gamma", 0.99)))
    try:
        return seen, family(
            "MlpPolicy",
            seen,
            seed=seed,
            device="cpu",
            policy_kwargs={"net_arch": list(config.hidden_sizes)},
            **config.arguments,
        )
    except (AssertionError, TypeError) as error:
        raise ValueError(f"{config.algorithm} cannot learn here: {' '.join(str(error).split())}") from None


def _callback(env: Any, config: StableBaselinesConfig, selection: Selection, progress: Progress | None) -> Any:
    from stable_baselines3.common.callbacks import BaseCallback

    class Judge(BaseCallback):
        """Validates every so many env steps and says how far the training is."""

        judged = 0

        def _on_step(self) -> bool:
            before = self.num_timesteps - self.training_env.num_envs
            if crossed(before, self.num_timesteps, config.validate_every):
                self.judge(self.num_timesteps)
            if progress is not None and crossed(before, self.num_timesteps, 1_000):
                progress(min(self.num_timesteps, config.steps), config.steps, {"best_score": selection.score})
            return self.num_timesteps < config.steps

        def judge(self, step: int) -> None:
            if step == self.judged:
                return
            self.judged = step
            weights = torch.cat([weight.detach().flatten() for weight in self.model.policy.parameters()])
            finite({"weights": float(weights.sum())}, step)
            logged = {
                name.split("/")[-1]: float(value)
                for name, value in self.model.logger.name_to_value.items()
                if name.startswith("train/") and np.isfinite(value)
            }
            selection.consider(step, _policy(self.model, env, config), logged)

    return Judge()


def _policy(model: Any, env: Any, config: StableBaselinesConfig) -> StableBaselinesPolicy:
    """Return what acts now, with the scales of the observations as they are now."""
    seen = env.observation_space
    mean, std = np.zeros(seen.shape), np.ones(seen.shape)
    if config.normalise:
        mean, std = env.obs_rms.mean.copy(), np.sqrt(env.obs_rms.var + EPSILON)
    options = {
        name: value
        for name, value in model.policy_kwargs.items()
        if _plain(value) and not name.startswith("optimizer")  # it learns no more
    }
    spaces = (Box(-np.inf, np.inf, seen.shape, np.float32), model.action_space)
    return StableBaselinesPolicy(config.algorithm, model.policy, spaces, options, mean, std)


def _plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return not isinstance(value, gymnasium.Space)

"""Walking a vector environment: which of its steps are transitions, and where each of them really led.

Gymnasium's vector environments restart themselves (`env.metadata["autoreset_mode"]`). With NEXT_STEP the call after an
episode's end ignores the action and returns the first observation of the next episode: that call is no transition.
With SAME_STEP the call that ends an episode already returns the next one's first observation, and the true last
observation lies in `infos["final_obs"]`. `Walk` hides the difference.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from trading_agent.common.config import raise_all
from trading_agent.common.restored import NotRestoredError

AnyVectorEnv: TypeAlias = VectorEnv[Any, Any, Any]
Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.integer[Any]]
Bools: TypeAlias = NDArray[np.bool_]


@runtime_checkable
class IndexedEnv(Protocol):
    """An environment whose state is a row of a fixed table and a small account, so that it can be visited again.

    The action moves the account and never the next row. N environments, B states, K account features, O observations.
    """

    num_account_features: int

    def cursor(self) -> tuple[Ints, Floats]:
        """Return the current states: rows (N,) and accounts (N, K)."""
        ...

    def observe(self, t: Ints, account: Floats, /) -> Floats:
        """Return the (B, O) observations of states."""
        ...

    def transition(self, t: Ints, account: Floats, action: Ints, /) -> tuple[NDArray[Any], Floats, Bools, Bools]:
        """Return reward (B,), next account (B, K), terminated (B,) and truncated (B,); the next row is t + 1."""
        ...


class Transitions(NamedTuple):
    """What happened in one call of `env.step`: n <= N transitions, the restarts left out.

    Attributes:
        envs: (n,) which environments.
        observations: (n, O) before.
        actions: (n,) or (n, A) taken.
        rewards: (n,) received.
        next_observations: (n, O) after; at the end of an episode its true last observation.
        terminated: (n,) the episode ended by its rules: nothing follows.
        truncated: (n,) it was cut: something would have followed.
        origin: rows (n,) and accounts (n, K) before, where the env is an `IndexedEnv`.
    """

    envs: NDArray[np.int64]
    observations: Floats
    actions: NDArray[Any]
    rewards: NDArray[Any]
    next_observations: Floats
    terminated: Bools
    truncated: Bools
    origin: tuple[Ints, Floats] | None


class Walk:
    """A vector environment on its way.

    Attributes:
        env: the environment.
        observations: (N, O) what each environment shows now.
        begins: (N,) where that is the first observation of an episode.

    Raises:
        ValueError: the environment's spaces or its way of restarting are not supported.
    """

    def __init__(self, env: AnyVectorEnv, *, seed: int) -> None:
        self.env = env
        self._same_step = _restarts_in_the_same_step(env)
        self._indexed = env if isinstance(env, IndexedEnv) else None
        self._restarting = np.zeros(env.num_envs, dtype=np.bool_)
        self.observations: Floats = env.reset(seed=seed)[0]
        self.begins: Bools = np.ones(env.num_envs, dtype=np.bool_)
        self._lengths = np.zeros(env.num_envs, dtype=np.int64)  # of the episodes under way
        self._ended = np.zeros(2, dtype=np.int64)  # episodes, and their steps, since they were last told

    def advance(self, actions: NDArray[Any]) -> Transitions:
        """Step every environment once and return the transitions this made."""
        envs = np.flatnonzero(~self._restarting)
        before = self.observations[envs]  # copies: an env may reuse its arrays
        origin = None
        if self._indexed is not None:
            t, account = self._indexed.cursor()
            origin = t[envs], account[envs]
        self.observations, rewards, terminated, truncated, infos = self.env.step(actions)
        after, ended = self.observations, terminated | truncated
        if self._same_step and ended.any():
            after = after.copy()
            after[ended] = np.stack(list(infos["final_obs"][ended]))
        self._lengths[envs] += 1
        self._ended += ended.sum(), self._lengths[ended].sum()
        self._lengths[ended] = 0
        self.begins = ended.copy() if self._same_step else self._restarting
        self._restarting = np.zeros_like(ended) if self._same_step else ended.copy()
        return Transitions(
            envs, before, actions[envs], rewards[envs], after[envs], terminated[envs], truncated[envs], origin
        )

    def episode_length(self) -> float | None:
        """Return the mean steps of the episodes that ended since this was last asked; None if none did."""
        episodes, steps = self._ended.tolist()
        self._ended[:] = 0
        return steps / episodes if episodes else None

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to walk on from here; exact where the env has a `state_dict` itself."""
        state: dict[str, Any] = {
            "observations": self.observations,
            "restarting": self._restarting,
            "begins": self.begins,
            "lengths": self._lengths,
            "ended": self._ended,
        }
        if hasattr(self.env, "state_dict"):
            state["env"] = self.env.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Walk on from a saved state. An env that cannot be restored starts new episodes instead."""
        if "env" in state and hasattr(self.env, "load_state_dict"):
            try:
                self.env.load_state_dict(state["env"])
            except NotRestoredError:
                self.observations = self.env.reset()[0]
                return
            self.observations, self._restarting = state["observations"], state["restarting"]
            self.begins, self._lengths, self._ended = state["begins"], state["lengths"], state["ended"]


def sizes(env: AnyVectorEnv, num_envs: int) -> tuple[int, int]:
    """Return the number of observation columns O and of actions A, and refuse an env the agents cannot learn in.

    Raises:
        ValueError: observations are not a flat Box, actions not Discrete from 0, or the env has not `num_envs` parts.
    """
    actions, faults = env.single_action_space, []
    if not isinstance(actions, Discrete) or actions.start != 0:
        faults.append(
            f"env must offer Discrete actions counted from 0, was {actions}; ppo and reinforce take a Box, too"
        )
    return columns(env, num_envs, faults), int(actions.n)  # type: ignore[attr-defined]


def columns(env: AnyVectorEnv, num_envs: int, faults: Sequence[str] = ()) -> int:
    """Return the number of observation columns O, whatever the actions are.

    Raises:
        ValueError: there are `faults` already, observations are not a flat Box, or the env has not `num_envs` parts.
    """
    space, faults = env.single_observation_space, list(faults)
    if not isinstance(space, Box) or len(space.shape) != 1:
        cure = "trading_agent.PlainEnv around the single environment flattens it"
        faults.insert(0, f"env must show a flat Box, was {space}; {cure}")
    if env.num_envs != num_envs:
        faults.append(f"num_envs must be that of the env, {env.num_envs}, was {num_envs}")
    raise_all(faults)
    return int(np.prod(space.shape or ()))


def _restarts_in_the_same_step(env: AnyVectorEnv) -> bool:
    mode = env.metadata.get("autoreset_mode")
    if mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        raise ValueError(f"env.metadata['autoreset_mode'] must be NEXT_STEP or SAME_STEP, was {mode}")
    return bool(mode == AutoresetMode.SAME_STEP)

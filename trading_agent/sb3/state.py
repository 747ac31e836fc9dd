"""All that a model of Stable-Baselines3 is made of between two rollouts, as arrays and plain values: no pickle.

Their own `save` leaves out the replay memory, the scales, the random numbers, what is observed and where environments
stand, and pickles most of the rest. Between two rollouts nothing else is held, so learning goes on from here exactly.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trading_agent.common.restored import NotRestoredError

SEEN = ("_last_obs", "_last_original_obs", "_last_episode_starts")  # arrays of a model; None where there is none
SCALES = ("obs_rms", "ret_rms")  # of VecNormalize
CLOCKS = ("start_time", "_num_timesteps_at_start")  # tell when, not what


class ModelState:
    """A model between two rollouts, put down and taken up again.

    Args:
        model: theirs.
        env: N environments that it learns in, theirs around ours.
    """

    def __init__(self, model: Any, env: Any) -> None:
        self.model, self.env = model, env

    def state_dict(self) -> dict[str, Any]:
        """Return nested mappings of arrays and plain values."""
        model, (modules, tensors) = self.model, self.model._get_torch_save_params()
        memory = getattr(model, "replay_buffer", None)
        return {
            "modules": {_word(name): _plain(_part(model, name).state_dict()) for name in modules},
            "tensors": {_word(name): _plain(_part(model, name)) for name in tensors},
            "numbers": {
                name: value
                for name, value in vars(model).items()
                if isinstance(value, int | float) and name not in CLOCKS
            },
            "seen": {name: np.asarray(getattr(model, name)) for name in SEEN if getattr(model, name) is not None},
            "remembered": {str(place): state.numpy() for place, state in enumerate(self._remembered())},
            "logged": {name.replace("/", "|"): float(value) for name, value in model.logger.name_to_value.items()},
            "replay": {} if memory is None else _replayed(memory),
            "scales": self._scales(),
            "chance": _chance(model),
            "env": self._env().state_dict() if hasattr(self._env(), "state_dict") else {},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned; an environment that cannot be restored starts new episodes."""
        model, (modules, tensors) = self.model, self.model._get_torch_save_params()
        self.env.reset()  # who was never reset cannot be restored
        for name in modules:
            _part(model, name).load_state_dict(_torch(state["modules"][_word(name)]))
        for name in tensors:
            _part(model, name).data.copy_(torch.from_numpy(state["tensors"][_word(name)]))
        for name, value in state["numbers"].items():
            setattr(model, name, value)
        self._load_scales(state["scales"])
        if state["replay"]:
            _fill(model.replay_buffer, state["replay"])
        model.logger.name_to_value.update({name.replace("|", "/"): value for name, value in state["logged"].items()})
        if self._restored(state["env"]):
            for name, array in state["seen"].items():
                setattr(model, name, array)
            for place, held in enumerate(self._remembered()):
                held.copy_(torch.from_numpy(state["remembered"][str(place)]))
        else:
            model._last_obs, model._last_episode_starts = self.env.reset(), np.ones(self.env.num_envs, bool)
            model._last_original_obs = self.env.get_original_obs() if hasattr(self.env, "obs_rms") else None
        _draw_on(model, state["chance"])

    def _restored(self, state: Mapping[str, Any]) -> bool:
        """Say whether the environments are where they were."""
        if not state:
            return False
        try:
            self._env().load_state_dict(state)
        except NotRestoredError:
            return False
        return True

    def _env(self) -> Any:
        """Return our environments, inside of theirs."""
        return getattr(self.env, "venv", self.env).env

    def _remembered(self) -> list[Tensor]:
        """Return the states of the LSTMs of policy and value, if it has any."""
        states = getattr(self.model, "_last_lstm_states", None)
        return [] if states is None else [part for pair in states for part in pair]

    def _scales(self) -> dict[str, Any]:
        if not hasattr(self.env, "obs_rms"):
            return {}
        moments = {name: getattr(self.env, name) for name in SCALES}
        told = {
            name: {"mean": np.asarray(part.mean), "var": np.asarray(part.var), "count": float(part.count)}
            for name, part in moments.items()
        }
        return {**told, "returns": self.env.returns}

    def _load_scales(self, scales: Mapping[str, Any]) -> None:
        for name in SCALES if scales else ():
            moments = getattr(self.env, name)
            moments.mean, moments.var, moments.count = (scales[name][part] for part in ("mean", "var", "count"))
        if scales:
            self.env.returns = scales["returns"]


def _word(name: str) -> str:
    return name.replace(".", "_")


def _part(model: Any, name: str) -> Any:
    """Return `model.a.b` by the name "a.b"."""
    return reduce(getattr, name.split("."), model)


def _plain(value: Any) -> Any:
    """Return nested mappings whose tensors are arrays and whose names are words; an optimiser counts its weights."""
    if isinstance(value, Tensor):
        return value.detach().numpy().copy()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return value


def _torch(value: Any) -> Any:
    """Return what `_plain` was given."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, Mapping):
        return {int(name) if name.isdigit() else name: _torch(part) for name, part in value.items()}
    return value


def _replayed(memory: Any) -> dict[str, Any]:
    """Return what a replay memory holds, without the room that is left in it."""
    held = memory.size()
    arrays = {name: column[:held] for name, column in vars(memory).items() if isinstance(column, np.ndarray)}
    return {**arrays, "pos": memory.pos, "full": memory.full}


def _fill(memory: Any, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            getattr(memory, name)[: len(value)] = value
    memory.pos, memory.full = state["pos"], state["full"]


def _chance(model: Any) -> dict[str, Any]:
    """Return where the three sources stand that their algorithms draw from."""
    return {
        "torch": torch.get_rng_state().numpy(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002 - theirs draw from it
        "actions": model.action_space.np_random.bit_generator.state,
    }


def _draw_on(model: Any, chance: Mapping[str, Any]) -> None:
    torch.set_rng_state(torch.from_numpy(chance["torch"]))
    np.random.set_state(chance["numpy"])  # noqa: NPY002
    model.action_space.np_random.bit_generator.state = chance["actions"]

"""Environments by name: Gymnasium's own, those of the extras, and those of the user's own modules and wrappers."""

import copy
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from tradewinds.core.errors import RequestError
from tradewinds.tasks.gymnasium.config import GymnasiumConfig
from trading_agent.common.spaces import Categories, PlainEnv

BROUGHT = {"ALE": "ale_py", "MinAtar": "minatar.gym:register_envs"}  # of the extra `games`: who registers a namespace


def spec_of(rules: GymnasiumConfig) -> EnvSpec:
    """Return how an environment is made: its arguments among it, and a limit of steps in any case.

    Raises:
        RequestError: nobody knows it, or its module cannot be imported.
    """
    module, _, name = rules.id.rpartition(":")
    try:
        _register(module, name)
        if module and name not in gymnasium.registry and hasattr(importlib.import_module(module), name):
            spec = EnvSpec(name, entry_point=f"{module}:{name}")
        else:
            spec = copy.deepcopy(gymnasium.spec(name))
    except Exception as error:  # whatever the module's own code raises
        raise unmade(rules, error) from None
    spec.kwargs = {**spec.kwargs, **copy.deepcopy(dict(rules.kwargs))}
    limit = spec.kwargs.pop("max_episode_steps", spec.max_episode_steps)
    spec.max_episode_steps = rules.max_episode_steps if limit in (None, -1) else limit
    return spec


def own_limit(rules: GymnasiumConfig) -> bool:
    """Say whether an environment names its own limit of steps, or is given one by `env.kwargs`."""
    registered = gymnasium.registry.get(rules.id.rpartition(":")[2])
    own = None if registered is None else registered.max_episode_steps
    return rules.kwargs.get("max_episode_steps", own) not in (None, -1)


def make_one(rules: GymnasiumConfig, categories: Categories = "one_hot", **kwargs: Any) -> PlainEnv:
    """Return one environment as agents read it.

    Args:
        rules: which.
        categories: how a category of an observation is told.
        **kwargs: further arguments, such as render_mode.

    Raises:
        RequestError: it cannot be made, or its spaces are none that agents read.
    """
    spec = spec_of(rules)
    try:
        env: gymnasium.Env[Any, Any] = gymnasium.make(spec, disable_env_checker=True, **kwargs)
    except Exception as error:  # whatever the environment's own code raises
        raise unmade(rules, error) from None
    for entry in rules.wrappers:
        env = _wrapped(env, entry)
    try:
        return PlainEnv(env, categories)
    except ValueError as error:
        raise RequestError(f"env.id={rules.id}: its {error}") from None


def modules_of(rules: GymnasiumConfig) -> set[str]:
    """Return the modules that making an environment would import because its settings name them."""
    names = [rules.id, *(entry if isinstance(entry, str) else next(iter(entry)) for entry in rules.wrappers)]
    return {module for name in names if (module := name.replace(":", ".:").rpartition(".")[0])}


def categories_of(agent: Any) -> Categories:
    """Return how an agent reads categories; one of a plug-in that does not say, a column each."""
    categories: Categories = getattr(agent, "categories", "one_hot")
    return categories


def unmade(rules: GymnasiumConfig, error: Exception) -> RequestError:
    """Return why an environment could not be made, as one sentence."""
    law = "env.id must name an environment that Gymnasium can make"
    return RequestError(f"{law}, was '{rules.id}': {_reason(error)}")


def _wrapped(env: gymnasium.Env[Any, Any], entry: str | Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    ((name, arguments),) = [(entry, {})] if isinstance(entry, str) else entry.items()
    *path, attribute = name.replace(":", ".").split(".")
    try:
        wrapper = getattr(_imported(".".join(path) or "gymnasium.wrappers"), attribute)
        wrapped: gymnasium.Env[Any, Any] = wrapper(env, **arguments)
    except Exception as error:  # whatever the wrapper's own code raises
        law = "env.wrappers must name wrappers of gymnasium.wrappers, or module:Class of your own, with their arguments"
        raise RequestError(f"{law}, was '{name}': {_reason(error)}") from None
    return wrapped


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _register(module: str, name: str) -> None:
    """Import what registers an environment: the module it is named with, or the package of its namespace."""
    if module:
        _imported(module)
        return
    home = BROUGHT.get(name.partition("/")[0], "")
    if not home:
        return
    package, _, function = home.partition(":")
    try:
        brought = importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"it needs the extra: pip install 'tradewinds[games]' ({error})") from None
    if function and name not in gymnasium.registry:
        getattr(brought, function)()


def _imported(module: str) -> Any:
    """Import a module, from the present folder as well: the command's own path begins elsewhere."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(module)

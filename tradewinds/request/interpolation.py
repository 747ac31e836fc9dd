"""What `${...}` in a configuration may read: its other values, and variables of the environment that are meant for us.

A configuration is shared, printed and kept in every manifest; a machine's secrets are not.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from omegaconf import OmegaConf
from omegaconf.base import Container
from omegaconf.basecontainer import BaseContainer

PREFIX = "TRADEWINDS_"  # of the variables that may be read
PURE = ("oc.select", "oc.create", "oc.decode", "oc.deprecated", "oc.dict.keys", "oc.dict.values")  # read other values


@contextmanager
def only_ours() -> Iterator[None]:
    """Let `${oc.env:...}` read variables of ours only meanwhile, and no other resolver read the machine.

    Raises:
        ValueError: inside, where something else is asked for.
    """
    before = dict(BaseContainer._resolvers)
    for name in set(before) - set(PURE):
        OmegaConf.register_new_resolver(name, _variable if name == "oc.env" else _refusal(name), replace=True)
    try:
        yield
    finally:
        BaseContainer._resolvers.clear()
        BaseContainer._resolvers.update(before)


def _variable(name: str, default: Any = NotImplemented, *, _parent_: Container | None = None) -> Any:
    if not name.startswith(PREFIX):
        raise ValueError(
            f"${{oc.env:{name}}} would put a variable of this machine into the request; names that may be read start "
            f"with {PREFIX}: set {PREFIX}{name} and type ${{oc.env:{PREFIX}{name}}}, or write the value out"
        )
    if name in os.environ:
        return os.environ[name]
    if default is NotImplemented:
        raise ValueError(f"the environment has no variable {name}; set it, or write ${{oc.env:{name},default}}")
    return default


def _refusal(name: str) -> Any:
    def refuse(*_: Any) -> NoReturn:
        raise ValueError(f"${{{name}:...}} reads the machine and not the request; write the value out")

    return refuse

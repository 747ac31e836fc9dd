"""Where a walk stands, and the file it is written to: what decides all further steps, and what was walked so far.

Nothing that is read from it can execute code. Must not know series or networks.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from forecaster.hidden_states import HiddenStates

FACTS = "waypoint"
PREFIX = "states."  # of tensors that are no weights
SPOKEN = ("hidden_state", "forecast")  # tables that are NaN but at gate rows, which alone are written


class Waypoint(NamedTuple):
    """What decides all further steps of a walk.

    Attributes:
        date: the first local date that is still to come, days since 1970.
        learned: the first that was not learned from.
        digest: of all that was learned from, the days before the last one forecast; empty after the first fit.
        state: `DayNetworks.state`.
    """

    date: int
    learned: int
    digest: str
    state: Mapping[str, Tensor]


def waypoint_bytes(waypoint: Waypoint, states: HiddenStates | None = None) -> bytes:
    """Return a waypoint as safetensors, with the states of all bars walked so far, if they are given."""
    tensors = dict(waypoint.state)
    if states is not None:
        rows = np.flatnonzero(np.isfinite(states.forecast).any(axis=1))
        tables = {name: table[rows] if name in SPOKEN else table for name, table in states.tables().items()}
        tables |= {"index": states.index.as_unit("ns").asi8, "rows": rows, "first_row": np.array(states.first_row)}
        tensors |= {f"{PREFIX}{name}": torch.tensor(table) for name, table in tables.items()}
    facts = json.dumps({"date": waypoint.date, "learned": waypoint.learned, "digest": waypoint.digest})
    return save(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, {FACTS: facts}
    )  # of several, any order


def read_waypoint(path: Path) -> tuple[Waypoint, HiddenStates | None]:
    """Read what `waypoint_bytes` returned, to the last bit.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()[FACTS])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        tables: dict[str, Any] = {
            name.removeprefix(PREFIX): tensors.pop(name).numpy() for name in list(tensors) if name.startswith(PREFIX)
        }
        waypoint = Waypoint(facts["date"], facts["learned"], facts["digest"], tensors)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it") from None
    if not tables:
        return waypoint, None
    index, rows = pd.DatetimeIndex(tables.pop("index"), tz="UTC"), tables.pop("rows")
    for name in SPOKEN:
        spoken = tables[name]
        tables[name] = np.full((len(index), spoken.shape[1]), np.nan, dtype=spoken.dtype)
        tables[name][rows] = spoken
    tables["first_row"] = int(tables["first_row"])
    return waypoint, HiddenStates(index=index, **tables)

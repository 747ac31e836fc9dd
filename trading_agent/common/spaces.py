"""Any environment of Gymnasium as the agents read it: one flat row of numbers in, one action out.

Observations: a `Box` is written out flat, a picture as (channels, height, width); `Discrete`, `MultiDiscrete` and
`MultiBinary` as one column a category or as the number itself; `Dict` and `Tuple` one part after the other.
Actions: `Discrete` from 0, a flat `Box`; `MultiDiscrete` and `MultiBinary` become one `Discrete`, their product.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

Categories: TypeAlias = Literal["one_hot", "number"]
MAX_PRODUCT = 1_024  # actions that a product may have
PIXELS = (np.uint8, np.bool_)  # what pixels are made of
LEAST_SIDE = 8  # of a picture, pixels; what is smaller is a table
OBSERVED = "a Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of them"
ACTED = "Discrete, a Box, MultiDiscrete or MultiBinary"


class PictureBox(spaces.Box):
    """A flat `Box` of a picture's pixels that still knows its shape.

    Args:
        shape: (channels, height, width).
        dtype: uint8, from 0 to 255, or bool.
    """

    def __init__(self, shape: tuple[int, int, int], dtype: Any) -> None:
        super().__init__(0, 255 if dtype == np.uint8 else 1, (math.prod(shape),), dtype)
        self.picture = shape


class EnvironmentFault(RuntimeError):
    """An environment raised an error, or returned what it must not; the cause is the error itself."""


class PlainEnv(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """An environment with flat observations and plain actions.

    Args:
        env: any environment whose spaces the head of this module names.
        categories: how a category is told: `one_hot`, a column for each that is 1 or 0; or its `number`, from 0.

    Raises:
        ValueError: a space is none of them, or a product of actions is larger than MAX_PRODUCT.
        EnvironmentFault: in `reset` or `step`, the environment's own code failed, or what it returned is not five
            values, an observation of another shape or no finite number.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], categories: Categories = "one_hot") -> None:
        RecordConstructorArgs.__init__(self, categories=categories)
        super().__init__(env)
        self.observation_space, self._flat = _observed(env.observation_space, categories)
        self.action_space, self._acted = _acted(env.action_space)
        self._steps = 0  # of the episode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Return the (O,) first observation."""
        self._steps = 0
        try:
            observation, info = self.env.reset(seed=seed, options=options)
            return self._read(observation), info
        except Exception as error:
            raise self._fault(error) from error

    def step(self, action: Any) -> tuple[NDArray[Any], Any, bool, bool, dict[str, Any]]:
        """Take one action."""
        self._steps += 1
        try:
            observation, reward, terminated, truncated, info = self.env.step(self._acted(action))
            paid = np.asarray(reward, np.float64).item()  # an array of one number, too
            if not math.isfinite(paid):
                raise ValueError(f"rewards must be finite numbers, was {reward}")
            return self._read(observation), paid, bool(terminated), bool(truncated), info
        except Exception as error:
            raise self._fault(error) from error

    def _read(self, observation: Any) -> NDArray[Any]:
        row = self._flat(observation)
        if row.shape != self.observation_space.shape:
            raise ValueError(f"observations must be of {self.env.observation_space}, was {observation}")
        if row.dtype.kind == "f" and not np.isfinite(row).all():
            raise ValueError(f"observations must be finite numbers, was {observation}")
        return row

    def _fault(self, error: Exception) -> EnvironmentFault:
        when = f"at step {self._steps:,} of an episode" if self._steps else "where an episode began"
        reason = " ".join(str(error).split()) or "no reason given"
        return EnvironmentFault(f"{self.unwrapped} failed {when}: {type(error).__name__}: {reason}")


def is_plain(observed: spaces.Space[Any], acted: spaces.Space[Any]) -> bool:
    """Say whether agents read these spaces as they are."""
    flat = isinstance(observed, spaces.Box) and len(observed.shape) == 1
    numbers = isinstance(acted, spaces.Box) and len(acted.shape) == 1 and np.issubdtype(acted.dtype, np.floating)
    return flat and (numbers or (isinstance(acted, spaces.Discrete) and acted.start == 0))


def whole_columns(space: spaces.Space[Any]) -> NDArray[np.int64] | None:
    """Return the (2, O) least and greatest of columns that are whole numbers within bounds, or None."""
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.integer):
        return None
    return np.stack([space.low, space.high]).astype(np.int64)


def _observed(space: spaces.Space[Any], categories: Categories) -> tuple[spaces.Box, Callable[[Any], NDArray[Any]]]:
    if isinstance(space, spaces.Box) and (order := _picture_order(space)) is not None:
        height, width = (space.shape[axis] for axis in order[-2:])
        shape = (math.prod(space.shape) // (height * width), height, width)
        return PictureBox(shape, space.dtype), lambda pixels: np.transpose(pixels, order).reshape(-1)
    if not _known(space):
        raise ValueError(f"observations must be {OBSERVED}, were {space}")
    if not spaces.flatdim(space):
        raise ValueError(f"observations must hold a number at least, were {space}")
    if categories == "one_hot":
        flat = spaces.flatten_space(space)
        assert isinstance(flat, spaces.Box)
        return flat, lambda observation: np.asarray(spaces.flatten(space, observation))
    low, high = _ends(space)
    whole = np.issubdtype(low.dtype, np.integer)
    kind: Any = np.int64 if whole else np.float32
    return spaces.Box(low.astype(kind), high.astype(kind), dtype=kind), lambda seen: _numbers(space, seen).astype(kind)


def _picture_order(space: spaces.Box) -> tuple[int, ...] | None:
    """Return the axes of a picture in the order (frames,) channels, height, width, or None if it is none."""
    shape = space.shape
    if space.dtype not in PIXELS or len(shape) not in (2, 3, 4):
        return None
    order: tuple[int, ...] = tuple(range(len(shape)))
    if len(shape) > 2 and shape[-3] >= shape[-1]:  # channels stand last
        order = (*order[:-3], len(shape) - 1, len(shape) - 3, len(shape) - 2)
    return order if min(shape[order[-1]], shape[order[-2]]) >= LEAST_SIDE else None


def _known(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Dict | spaces.Tuple):
        return all(_known(part) for part in _parts(space))
    return isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)


def _parts(space: Any) -> list[spaces.Space[Any]]:
    return list(space.spaces.values() if isinstance(space, spaces.Dict) else space.spaces)


def _ends(space: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the (O,) least and greatest numbers of `_numbers`."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        ends = [_ends(part) for part in _parts(space)]
        return np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends])
    if isinstance(space, spaces.Box):
        return space.low.reshape(-1), space.high.reshape(-1)
    if isinstance(space, spaces.MultiBinary):
        return np.zeros(int(np.prod(space.shape)), np.int64), np.ones(int(np.prod(space.shape)), np.int64)
    high = np.array([space.n - 1]) if isinstance(space, spaces.Discrete) else space.nvec.reshape(-1) - 1
    return np.zeros(len(high), np.int64), high.astype(np.int64)


def _numbers(space: Any, seen: Any) -> NDArray[Any]:
    """Return (O,) numbers, categories counted from 0."""
    if isinstance(space, spaces.Dict):
        return np.concatenate([_numbers(part, seen[name]) for name, part in space.spaces.items()])
    if isinstance(space, spaces.Tuple):
        return np.concatenate([_numbers(part, value) for part, value in zip(space.spaces, seen, strict=True)])
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        return np.reshape(np.asarray(seen) - space.start, -1)
    return np.reshape(seen, -1)


def _acted(space: spaces.Space[Any]) -> tuple[spaces.Space[Any], Callable[[Any], Any]]:
    if isinstance(space, spaces.Discrete):
        first = int(space.start)
        return spaces.Discrete(int(space.n)), (lambda action: int(action) + first)
    if isinstance(space, spaces.Box):
        flat = spaces.Box(space.low.reshape(-1).astype(np.float32), space.high.reshape(-1).astype(np.float32))
        return flat, lambda action: _within(space, np.asarray(action, np.float64).reshape(space.shape))
    if isinstance(space, spaces.MultiDiscrete | spaces.MultiBinary):
        return _product(space)
    raise ValueError(f"actions must be {ACTED}, were {space}")


def _within(space: spaces.Box, action: NDArray[np.float64]) -> NDArray[Any]:
    """Return an action in a box's own kind of numbers: what float32 rounds may lie a hair beyond its ends."""
    if np.issubdtype(space.dtype, np.integer):
        action = np.rint(action)
    kept: NDArray[Any] = np.clip(np.clip(action, space.low, space.high).astype(space.dtype), space.low, space.high)
    return kept


def _product(space: Any) -> tuple[spaces.Discrete, Callable[[Any], NDArray[Any]]]:
    """Return every combination of several choices as one choice, the last of them moving fastest."""
    several = isinstance(space, spaces.MultiDiscrete)
    choices: tuple[int, ...] = tuple(space.nvec.reshape(-1).tolist()) if several else (2,) * math.prod(space.shape)
    first = space.start if several else 0
    count = math.prod(choices)
    if count > MAX_PRODUCT:
        raise ValueError(f"actions must have at most {MAX_PRODUCT:,} combinations, were {count:,} of {space}")
    table = np.stack(np.unravel_index(np.arange(count), choices), axis=1).reshape(count, *space.shape) + first
    table = table.astype(space.dtype)
    return spaces.Discrete(count), lambda action: table[int(action)].copy()


def picture_of(space: spaces.Space[Any]) -> Mapping[str, Any] | None:
    """Return a picture's `shape` (channels, height, width) and `peak`, what its brightest pixel is; None for rows."""
    if not isinstance(space, PictureBox):
        return None
    return {"shape": list(space.picture), "peak": 255.0 if space.dtype == np.uint8 else 1.0}

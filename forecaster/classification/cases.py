"""Cases: sequences of numbers or texts, each of one class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_NAMED = 4  # cases that a sentence names


@dataclass(frozen=True, eq=False)
class Cases:
    """C cases to be told apart.

    Attributes:
        names: C names, as their source has them, no two alike.
        values: of each, (L, F) numbers of L steps and F channels, L its own, NaN where one is missing; or its text.
        labels: C classes; None where they are not known.
        channels: F names; none of texts.
        groups: C names of what a case belongs to, such as a person; cases of one group are never parted. None: each on
            its own.
        times: (C,) when each was seen; None where that is not known.

    Raises:
        ValueError: there is no case, one is empty or holds an infinite number, a class has no name, or channels differ.
    """

    names: tuple[str, ...]
    values: tuple[Array | str, ...]
    labels: tuple[str, ...] | None = None
    channels: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    times: pd.DatetimeIndex | None = None

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("there must be a case, was none")
        empty = [name for name, value in zip(self.names, self.values, strict=True) if _is_empty(value)]
        if empty:
            raise ValueError(f"a case must hold something, was empty: {named(empty)}")
        endless = [
            name
            for name, value in zip(self.names, self.values, strict=True)
            if not isinstance(value, str) and np.isinf(value).any()
        ]
        if endless:
            raise ValueError(f"numbers must be finite, or missing, are not in {named(endless)}")
        labels = () if self.labels is None else zip(self.names, self.labels, strict=True)
        nameless = [name for name, label in labels if not label.strip()]
        if nameless:
            raise ValueError(f"a class must have a name, had none: {named(nameless)}")
        uneven = [
            f"{name} with {value.shape[1]}"
            for name, value in zip(self.names, self.values, strict=True)
            if not isinstance(value, str) and value.shape[1] != len(self.channels)
        ]
        if uneven:
            raise ValueError(
                f"every case must have the {counted(len(self.channels), 'channel')} of the first: {named(uneven)}"
            )

    def __len__(self) -> int:
        """Return C."""
        return len(self.names)

    @property
    def are_texts(self) -> bool:
        """Whether the cases are texts."""
        return isinstance(self.values[0], str)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(C,) steps of each; of texts, characters."""
        return np.array([len(value) for value in self.values], dtype=np.int64)

    def of(self, chosen: Sequence[int] | NDArray[np.int64]) -> "Cases":
        """Return some of the cases, in that order."""
        places = [int(place) for place in chosen]
        return replace(
            self,
            names=tuple(self.names[place] for place in places),
            values=tuple(self.values[place] for place in places),
            labels=None if self.labels is None else tuple(self.labels[place] for place in places),
            groups=None if self.groups is None else tuple(self.groups[place] for place in places),
            times=None if self.times is None else self.times[places],
        )

    def in_order(self, channels: tuple[str, ...]) -> "Cases":
        """Return the cases with their channels in that order; unchanged where they are others."""
        if self.channels == channels or sorted(self.channels) != sorted(channels):
            return self
        places = [self.channels.index(name) for name in channels]
        values = tuple(value if isinstance(value, str) else value[:, places] for value in self.values)
        return replace(self, channels=channels, values=values)

    def known(self) -> tuple[str, ...]:
        """Return the labels.

        Raises:
            ValueError: they are not known.
        """
        if self.labels is None:
            raise ValueError("cases to learn from or to be judged by must have labels, had none")
        return self.labels

    def contents(self) -> Iterator[bytes]:
        """Yield what each case holds, so that equal ones can be found."""
        for value in self.values:
            yield value.encode() if isinstance(value, str) else repr(value.shape).encode() + value.tobytes()


def classes_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that labels name, in order: numbers by size, words, and equal numbers, by letter.

    Raises:
        ValueError: there is one only.
    """
    names = set(labels)
    if len(names) < 2:
        raise ValueError(f"cases must be of two classes or more to be told apart, all were '{next(iter(names))}'")
    try:
        sizes = {name: float(name) for name in names}
    except ValueError:
        return tuple(sorted(names))
    if not all(np.isfinite(size) for size in sizes.values()):  # nan has no place among numbers
        return tuple(sorted(names))
    return tuple(sorted(names, key=lambda name: (sizes[name], name)))


def numbers_of(labels: Sequence[str], classes: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Return (C,) the class of each case by its number.

    Raises:
        ValueError: a label is none of the classes.
    """
    known = {label: number for number, label in enumerate(classes)}
    strange = [f"'{label}' of {name}" for label, name in zip(labels, names, strict=True) if label not in known]
    if strange:
        raise ValueError(
            f"labels must be among those learned from ({named(list(classes), 12)}), {named(strange)} "
            f"{'was' if len(strange) == 1 else 'were'} not"
        )
    return np.array([known[label] for label in labels], dtype=np.int64)


def named(words: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return words as a sentence lists them: all, or the first and how many more there are."""
    return ", ".join(words) if len(words) <= most else f"{', '.join(words[:most])} and {len(words) - most} more"


def counted(number: int, noun: str) -> str:
    """Return how many of something there are: `1 case`, `2 cases`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _is_empty(value: Array | str) -> bool:
    return not value.strip() if isinstance(value, str) else len(value) == 0 or bool(np.isnan(value).all())

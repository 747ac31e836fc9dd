"""What an account is made of: Python floats, N accounts of one asset, or N accounts of A assets.

The law of money (`ledger`) is written once and calculates with any of the three. All are IEEE doubles under the same
operations in the same order, so that they agree to the last bit: floats serve one account, where a call of NumPy costs
more than what it calculates.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Numbers(Protocol):
    """The operations that are written differently for floats and arrays; `Any` is a float or an array."""

    def where(self, condition: Any, yes: Any, no: Any, /) -> Any:
        """Choose."""

    def only(self, condition: Any, value: Any, /) -> Any:
        """The value where the condition holds, else 0."""

    def maximum(self, one: Any, other: Any, /) -> Any:
        """The greater."""

    def minimum(self, one: Any, other: Any, /) -> Any:
        """The lesser."""

    def absolute(self, value: Any, /) -> Any:
        """The size."""

    def trunc(self, value: Any, /) -> Any:
        """Whole numbers, toward zero."""

    def negated(self, truth: Any, /) -> Any:
        """Not."""

    def both(self, one: Any, other: Any, /) -> Any:
        """And."""

    def either(self, one: Any, other: Any, /) -> Any:
        """Or."""

    def some(self, truth: Any, /) -> bool:
        """Whether it is true of any account."""

    def least(self, by_account: Any, /) -> float:
        """The least of all accounts."""

    def nobody(self, by_account: Any, /) -> Any:
        """(N,) of False."""

    def total(self, by_asset: Any, /) -> Any:
        """Sum over the assets: (N, A) -> (N,)."""

    def over(self, by_account: Any, /) -> Any:
        """What is said of an account, said of each of its assets: (N,) -> (N, 1)."""


class Floats:
    """One account of one asset in Python's own floats."""

    where = staticmethod(lambda condition, yes, no: yes if condition else no)
    only = staticmethod(lambda condition, value: value if condition else 0.0)
    maximum = staticmethod(lambda one, other: one if one >= other else other)
    minimum = staticmethod(lambda one, other: one if one <= other else other)
    absolute = staticmethod(abs)
    trunc = staticmethod(lambda value: float(math.trunc(value)))
    negated = staticmethod(lambda truth: not truth)
    both = staticmethod(lambda one, other: one and other)
    either = staticmethod(lambda one, other: one or other)
    some = staticmethod(bool)
    least = staticmethod(lambda value: value)
    nobody = staticmethod(lambda value: False)
    total = staticmethod(lambda value: value)
    over = staticmethod(lambda value: value)


class Lanes:
    """N accounts of one asset: (N,) arrays."""

    @staticmethod
    def where(condition: NDArray[np.bool_], yes: Any, no: Any) -> Any:
        """Choose among finite numbers, exactly, in a third of the time of `np.where`, whose branches mispredict."""
        share = condition.astype(np.float64)
        return yes * share + no * (1.0 - share)

    only = staticmethod(np.multiply)
    maximum = staticmethod(np.maximum)
    minimum = staticmethod(np.minimum)
    absolute = staticmethod(np.absolute)
    trunc = staticmethod(np.trunc)
    negated = staticmethod(np.logical_not)
    both = staticmethod(np.logical_and)
    either = staticmethod(np.logical_or)

    @staticmethod
    def some(truth: NDArray[np.bool_]) -> bool:
        """Whether it is true of any account."""
        return bool(truth.any())

    @staticmethod
    def least(by_account: NDArray[np.float64]) -> float:
        """The least of all accounts."""
        return float(by_account.min())

    @staticmethod
    def nobody(by_account: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(N,) of False."""
        return np.zeros(by_account.shape, dtype=bool)

    total = staticmethod(lambda value: value)
    over = staticmethod(lambda value: value)


class Grid(Lanes):
    """N accounts of A assets: (N,) arrays of accounts and (N, A) of their assets."""

    total = staticmethod(lambda value: value.sum(axis=1))
    over = staticmethod(lambda value: value[:, None])


def numbers_of(num_assets: int) -> Numbers:
    """Return the arrays that serve A assets."""
    chosen: Any = Lanes if num_assets == 1 else Grid
    return chosen  # type: ignore[no-any-return]

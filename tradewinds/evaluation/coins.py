"""Was anything known where nothing could be? Exact tests of luck that is as often bad as good, whatever was done.

A number of luck is positive where something that was to come was guessed right, and measures by how much. Where nothing
can be known it is, given all that came before and its own size, as likely to be negative: the sign is a fair coin. No
more is assumed: not the size of what comes, not what was learned, chosen or staked on the way. Must not know whose luck
it is. docs/leakage.md, "The placebo".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
FALSE_ALARM = 0.01  # whole checks, all their tests together, that may find knowledge where there is none


@dataclass(frozen=True)
class Knowledge:
    """Who knew something, and how surely.

    Attributes:
        who: whose luck it was.
        number: which column of it.
        right: how many of the coins came as guessed.
        coins: how many there were.
        p_value: bound on the probability of as much luck in this one test.
    """

    who: str
    number: int
    right: int
    coins: int
    p_value: float


def sign_p_value(right: int, coins: int) -> float:
    """Return the exact two-sided p-value of `right` of N fair coins, for who knows and for who knows the opposite.

    Source:
        Binomial(N, 1/2), twice the smaller tail.
    """
    tail = stats.binom.cdf(min(right, coins - right), coins, 0.5)
    return float(min(1.0, 2.0 * tail))


def stake_p_value(luck: Array, level: float) -> float:
    """Return a bound on the probability of as much luck, by its size: the game's ruin, one over what a gambler has won.

    He begins with 1 and stakes a share tanh(l[t] x[t]) of it on every number of luck: a fair game where the sign is a
    fair coin, so that he ends with 1 / p or more in at most p of all games. He plays for a deviation that would just
    be surprising at `level`; choosing the best of several strategies after the fact shows here, and less in the signs.

    Args:
        luck: (N,) in the order in which it came.
        level: the p-value that the stakes are made for.

    Source:
        Wealth is the product of 1 + tanh(l x) = exp(l x) / cosh(l x), at least exp(l x - l^2 x^2 / 2): the
        self-normalised bound of de la Pena (1999), Annals of Probability 27(1), for conditionally symmetric
        differences; 1 / wealth is a p-value by Ville's inequality. Here l[t] = k / (s[t] sqrt(N)) with k^2 = 2 log(1 /
        level) and s[t] the root mean square of luck up to t, which may be known as the size of x[t] may.
    """
    count = np.arange(1, len(luck) + 1)
    size = np.sqrt(np.cumsum(luck**2) / count)
    scaled = np.divide(luck, size, out=np.zeros_like(luck), where=size > 0.0)
    stake = np.sqrt(2.0 * np.log(1.0 / level) / max(len(luck), 1)) * scaled
    log_wealth = float(np.sum(np.log1p(np.tanh(np.clip(stake, -15.0, None)))))  # tanh(-15) is not yet -1
    return float(np.exp(-max(log_wealth, 0.0)))


def knowledge(
    luck: Mapping[str, Array], rng: np.random.Generator, *, false_alarm: float = FALSE_ALARM
) -> Iterator[Knowledge]:
    """Yield who is found to have known something, at most once in 100 checks where nobody did.

    Everybody's share of `false_alarm` is the same, and is split among the columns and the two tests of each.

    Args:
        luck: by name (N, C): C questions that were guessed at N times, one after another.
        rng: throws the coins of luck that is exactly 0: no guess is as good as any.
        false_alarm: share of whole checks that may find knowledge where there is none.
    """
    for who, table in luck.items():
        level = false_alarm / len(luck) / max(table.shape[1], 1) / 2.0
        for number, column in enumerate(table.T):
            coins = len(column)
            guessed = np.where(column == 0.0, rng.integers(0, 2, coins) == 1, column > 0.0)
            right = int(guessed.sum())
            p_value = min(sign_p_value(right, coins), stake_p_value(column, level))
            if p_value <= level:
                yield Knowledge(who, number, right, coins, p_value)

"""Whether forecasts have become worse than they were when their model was chosen, asked after every bar.

Losses beside a rule without skill are ranked among those before them; under no change each rank is as likely as any
other, whatever the losses' law. A Shiryaev-Roberts statistic bets that late ranks are high. Must not know whose losses
they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BETS = (0.25, 0.4, 0.6, 0.8)  # exponents of the bets on small p-values, whose statistics are averaged
MOST = 100.0  # bounds that a bet may grow to: a change that has passed is forgotten, and no alarm comes sooner for it
USUAL = 60  # losses of the rule without skill whose mean is the unit of the next
FEWEST = 60  # reference losses below which nothing is said


@dataclass(frozen=True)
class Drift:
    """What came of watching.

    Attributes:
        statistic: of the last loss; under no change it rises by 1 a loss on average.
        bound: it is compared with: the losses that pass, on average at least, before a false alarm.
        first: number of the first later loss at which it was reached; None if never.
        since: of the loss from which on it has stood there until the last; None if it does not.
    """

    statistic: float
    bound: float
    first: int | None
    since: int | None


def watch(reference: Array, later: Array, *, bound: float, seed: int) -> Drift:
    """Watch losses for a change to the worse.

    Args:
        reference: (M,) losses on the rows that chose the model, at least `FEWEST`.
        later: (N,) those since, in order.
        bound: losses that pass before a false alarm, on average at least: a year's, for one a year at most.
        seed: of the draws that rank equal losses.

    Raises:
        ValueError: too few reference losses.

    Source:
        Ranks: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman 2021, "Retrain or not retrain", PMLR 152. The
        mean time to a false alarm of a Shiryaev-Roberts e-detector is at least its bound: Shin, Ramdas and Rinaldo
        2024, "E-detectors". Both hold for exchangeable losses.
    """
    if len(reference) < FEWEST:
        raise ValueError(f"drift is told from {FEWEST} losses before, there are {len(reference)}")
    rng, seen = np.random.default_rng(seed), np.sort(reference)
    exponents, sums = np.array(BETS), np.zeros(len(BETS))
    first: int | None = None
    since: int | None = None
    for number, loss in enumerate(later.tolist()):
        low, high = np.searchsorted(seen, loss, side="left"), np.searchsorted(seen, loss, side="right")
        larger, equal = len(seen) - high, high - low
        chance = (larger + rng.uniform() * (equal + 1)) / (len(seen) + 1)
        sums = np.minimum((sums + 1.0) * exponents * max(chance, 1e-12) ** (exponents - 1.0), MOST * bound)
        seen = np.insert(seen, high, loss)
        reached = sums.mean() >= bound
        first = number if first is None and reached else first
        since = None if not reached else number if since is None else since
    return Drift(float(sums.mean()), bound, first, since)


def relative_losses(loss: Array, plain: Array) -> Array:
    """Return (N - `USUAL`,) losses beyond those of a rule without skill, in units of what that has lost of late.

    Args:
        loss: (N,) of the forecaster.
        plain: (N,) of the rule.
    """
    if len(loss) <= USUAL:
        return np.empty(0)
    total = np.concatenate([[0.0], np.cumsum(plain)])
    usual = (total[USUAL:-1] - total[: -USUAL - 1]) / USUAL  # of the losses before each
    return (loss[USUAL:] - plain[USUAL:]) / np.where(usual > 0.0, usual, 1.0)

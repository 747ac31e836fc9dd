"""What stands beside an agent of several assets: weights by rules that anybody could follow, and perfect foresight.

Every rule reads closes up to the bar it decides at, and what traded there; it decides anew when its period begins and
holds what it has in between. Costs are the ledger's, the same for all. Must not know the agent.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series
from trading_env import TradingConfig

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
YEAR, QUARTER, MONTH = 1.0, 0.25, 1.0 / 12.0  # of the bars of a year
TENTH = 10  # one in so many assets is the top, and one the bottom; one at least
TOGETHER = 300  # assets that the least variance is first looked for among
HELD = 1e-3  # of the largest weight: less is what the solver left
FEWEST_RETURNS = 20  # of an asset, below which no spread is reckoned from its past


@dataclass(frozen=True, eq=False)
class KnownPast:
    """What a rule may look at: the past of A assets, and on which rows it decides.

    Attributes:
        returns: (T, A) log returns; NaN where an asset has none.
        traded: (T, A) whether it has a bar.
        bars_per_year: of the series.
        rows: R rows that are played.
        monthly: (R,) whether a month of the market begins with that bar, or the play.
        config: caps, and whether weights may be short.
    """

    returns: Array
    traded: Flags
    bars_per_year: float
    rows: range
    monthly: Flags
    config: TradingConfig

    @classmethod
    def of(cls, series: Series, rows: range, config: TradingConfig) -> "KnownPast":
        """Return what rules may look at in a series."""
        returns = np.where(series.has_change, series.log_return(), np.nan)
        traded = np.ones(series.close.shape, dtype=bool) if series.traded is None else series.traded
        month = series.index[rows.start : rows.stop].tz_localize(None).to_period("M").asi8
        monthly = np.append(True, np.diff(month) != 0)
        return cls(returns, traded, series.bars_per_year, rows, monthly, config)

    def bars(self, years: float) -> int:
        """Return the bars of so many years, enough for a spread."""
        return max(round(years * self.bars_per_year), FEWEST_RETURNS)

    def past(self, row: int, bars: int, *, newest: int = 0) -> Array:
        """Return (N, A) returns of the `bars` bars up to `row`, less the newest."""
        return self.returns[max(row + 1 - bars, 0) : row + 1 - newest]

    def here(self, row: int, bars: int) -> Flags:
        """(A,) which assets trade at `row` and have at least half of the returns of so many bars."""
        known = np.isfinite(self.past(row, bars)).sum(axis=0)
        return np.asarray(self.traded[row] & (known >= max(bars // 2, 1)))

    @property
    def gross(self) -> float:
        """The most that weights come to together."""
        return min(1.0, self.config.leverage_cap)

    @property
    def each(self) -> float:
        """The most that one asset's weight comes to."""
        return self.gross if self.config.asset_cap is None else min(self.config.asset_cap, self.gross)


def rules_of(universe: KnownPast, forecasts: dict[str, Array]) -> dict[str, Array]:
    """Return by name the (R, A) target weights of every rule.

    Args:
        universe: what they may look at.
        forecasts: by strategy the (R, A) forecasts that it ranks assets by, NaN where there is none.
    """
    network = next(iter(forecasts.values()))
    rules: dict[str, Callable[[int], Array]] = {
        "equal_weight_monthly": lambda row: equal(universe, universe.traded[row]),
        "inverse_volatility": lambda row: inverse_volatility(universe, row),
        "minimum_variance": lambda row: lowest_variance(universe, row),
        "momentum": lambda row: tenths(universe, momentum(universe, row)),
    }
    weights = {name: _held(universe, rule, universe.monthly, restores=True) for name, rule in rules.items()}
    every, start = np.ones(len(network), dtype=bool), universe.rows.start

    def ranked(table: Array) -> Callable[[int], Array]:
        return lambda row: tenths(universe, table[row - start])

    told = {name: _held(universe, ranked(table), every, restores=False) for name, table in forecasts.items()}
    return {**weights, **told}


def bought_once(universe: KnownPast) -> Array:
    """Return (R, A) equal weights of all that trade at the first row, bought once and held."""
    first = equal(universe, universe.traded[universe.rows.start])
    return np.repeat(first[None], len(universe.rows), axis=0)


def equal(universe: KnownPast, there: Flags) -> Array:
    """(A,) equal weights of the assets that are there."""
    return np.asarray(np.where(there, min(universe.gross / max(int(there.sum()), 1), universe.each), 0.0))


def inverse_volatility(universe: KnownPast, row: int) -> Array:
    """(A,) weights in proportion to one over the standard deviation of a quarter's returns."""
    bars = universe.bars(QUARTER)
    there = universe.here(row, bars)
    if not there.any():
        return np.zeros(len(there))
    size = np.nanstd(np.where(there, universe.past(row, bars), 0.0), axis=0)
    there &= size > 0.0
    inverse = np.where(there, 1.0 / np.where(there, size, 1.0), 0.0)
    return capped(inverse, universe)


def lowest_variance(universe: KnownPast, row: int) -> Array:
    """(A,) long weights of least variance, by the shrunk covariance of a year's returns."""
    from trading_agent.planner.mean_variance import shrunk_covariance  # it loads SciPy

    weights, bars = np.zeros(universe.returns.shape[1]), universe.bars(YEAR)
    there = universe.here(row, bars)
    if there.any():
        past = universe.past(row, bars)[:, there]
        covariance = shrunk_covariance(np.nan_to_num(past), np.isfinite(past))
        weights[there] = least_variance(covariance, universe.gross, universe.each)
    return weights


def least_variance(covariance: Array, gross: float, each: float) -> Array:
    """(A,) long weights that come to `gross`, none above `each`, whose variance by an (A, A) covariance is the least.

    Few of many assets are held. So they are looked for among those that go least with all others, and again with every
    asset whose covariance with the answer is below that of one held, until there is none: by the conditions of
    Karush, Kuhn and Tucker that is the answer among all.
    """
    from trading_agent.planner.mean_variance import MeanVariance  # it loads SciPy

    covariance = covariance / np.diag(covariance).mean()
    wanted = np.diag(covariance).max()  # enough that all is invested, whatever it risks
    first = max(TOGETHER, 2 * math.ceil(gross / each))
    chosen = np.zeros(len(covariance), dtype=bool)
    chosen[np.argsort(covariance.sum(axis=1), kind="stable")[:first]] = True
    while True:
        among, count = covariance[:, chosen], int(chosen.sum())
        problem = MeanVariance(among[chosen], 0.0, (0.0, each, gross, gross))
        found = problem.best(np.full(count, wanted), np.zeros(count), np.ones(count, dtype=bool))
        risk = among @ found  # (A,) what a little more of each adds
        better = ~chosen & (risk < risk[chosen][found > HELD * found.max()].max(initial=-np.inf))
        if not better.any():
            weights = np.zeros(len(covariance))
            weights[chosen] = found
            return weights
        chosen |= better


def momentum(universe: KnownPast, row: int) -> Array:
    """(A,) log returns of the last year but its last month; NaN where an asset has not half of them.

    Source:
        Jegadeesh and Titman (1993), Journal of Finance 48(1); the month left out: Jegadeesh (1990).
    """
    year, month = round(YEAR * universe.bars_per_year), round(MONTH * universe.bars_per_year)
    total = np.nansum(universe.past(row, year, newest=month), axis=0)
    return np.asarray(np.where(universe.here(row, year), total, np.nan))


def tenths(universe: KnownPast, score: Array) -> Array:
    """(A,) equal weights of the top tenth by `score`; where shorts are allowed, half of them short the bottom tenth."""
    there, weights = np.flatnonzero(np.isfinite(score)), np.zeros(len(score))
    shorts = universe.config.actions == "long_short_weights"
    count = max(len(there) // TENTH, 1)
    if len(there) < 2 * count:
        return weights
    order = there[np.argsort(score[there], kind="stable")]
    gross = universe.gross / (2.0 if shorts else 1.0)
    weights[order[-count:]] = min(gross / count, universe.each)
    if shorts:
        weights[order[:count]] = -min(gross / count, universe.each)
    return weights


def capped(parts: Array, universe: KnownPast) -> Array:
    """(A,) long weights in proportion to `parts`, none above the cap of one; what that leaves goes to the others."""
    weights, free, left = np.zeros(len(parts)), parts > 0.0, universe.gross
    while free.any() and left > 1e-12:
        share = np.where(free, parts, 0.0) / parts[free].sum() * left
        over = free & (share >= universe.each)
        if not over.any():
            return np.asarray(weights + share)
        weights[over], left = universe.each, left - universe.each * int(over.sum())
        free &= ~over
    return weights


def _held(universe: KnownPast, rule: Callable[[int], Array], decides: Flags, *, restores: bool) -> Array:
    """(R, A) what a rule says where it decides, and what it said last elsewhere.

    A ledger that trades on changes alone leaves a weight that is told again to drift with its price. Where a rule
    restores its weights, the same one is told by another number, in its last digit.
    """
    weights = np.zeros((len(universe.rows), universe.returns.shape[1]))
    for number, row in enumerate(universe.rows):
        weights[number] = rule(row) if decides[number] else weights[number - 1]
        if restores and number and decides[number]:
            again = (weights[number] == weights[number - 1]) & (weights[number] != 0.0)
            weights[number, again] = np.nextafter(weights[number, again], 0.0)
    return weights

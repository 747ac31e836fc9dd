"""The best weights of A assets on a forecast of each: expected return less risk and the cost of getting there.

    max over x of   m·x - (a / 2) x'Σx - c Σ |x_i - h_i|,   l <= x_i <= u,   Σ |x_i| <= G,   |Σ x_i| <= N          (1)

A quadratic programme (Markowitz 1952 with costs in proportion); OSQP solves it, each from what is held, so that the
same question has the same answer (Stellato et al. 2020, Mathematical Programming Computation 12). Knows NumPy, SciPy
and OSQP.
"""

from typing import Any

import numpy as np
import osqp
import scipy.sparse as sparse
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRECISION = 3e-5  # of a solution, in units of its largest weights
MOST_ITERATIONS = 400
RHO = 10.0  # OSQP's step at the start
STILL = 2e-4  # of the gross cap: a change smaller than that is none


class MeanVariance:
    """Solves (1) for one covariance and one set of caps, again and again.

    Args:
        covariance: (A, A) of the returns, times the aversion a.
        cost: c, of what is traded.
        caps: l, u, G and N.
    """

    def __init__(self, covariance: Array, cost: float, caps: tuple[float, float, float, float]) -> None:
        self.count, self.caps, self.cost = len(covariance), caps, cost
        self.unit = 1.0 / max(float(np.sqrt(np.diag(covariance).mean())), cost, 1e-12)  # objectives of about 1
        one, none, row = sparse.identity(self.count), sparse.csc_matrix((self.count, self.count)), np.ones(self.count)
        size = [one, -one, none], [one, one, none], [one, none, -one], [one, none, one], [one, none, none]
        total = [np.concatenate([0.0 * row, 0.0 * row, row])], [np.concatenate([row, 0.0 * row, 0.0 * row])]
        laws = sparse.vstack([*(sparse.hstack(line) for line in size), *map(sparse.csc_matrix, total)], format="csc")
        quadratic = sparse.block_diag(
            [sparse.triu(covariance * self.unit), sparse.csc_matrix((2 * self.count, 2 * self.count))], format="csc"
        )
        self.solver = osqp.OSQP()  # of x, of |x - h| and of |x|
        nothing = np.zeros(self.count)
        low, high = self._bounds(nothing, np.full(self.count, caps[0]), np.full(self.count, caps[1]))
        settings = {"eps_abs": PRECISION * caps[1], "eps_rel": PRECISION, "max_iter": MOST_ITERATIONS, "verbose": False}
        settings |= {"adaptive_rho_interval": 50, "rho": RHO}  # iterations, not seconds
        self.solver.setup(quadratic, self._linear(nothing), laws, low, high, **settings)

    def best(self, expected: Array, held: Array, available: NDArray[np.bool_]) -> Array:
        """Return (A,) the best weights; what is not available stays as held.

        Args:
            expected: (A,) m, a fraction a bar.
            held: (A,) h.
            available: (A,) whether a weight may change.
        """
        low, high = np.where(available, self.caps[0], held), np.where(available, self.caps[1], held)
        lower, upper = self._bounds(held, low, high)
        self.solver.update(q=self._linear(np.where(available, expected, 0.0)), l=lower, u=upper)
        self.solver.update_settings(rho=RHO)  # which the last one has moved
        start = np.concatenate([held, np.zeros(self.count), np.abs(held)])
        self.solver.warm_start(x=start, y=np.zeros(len(lower)))  # not from where the last one ended
        found = np.asarray(self.solver.solve(raise_error=False).x[: self.count], dtype=np.float64)
        if not np.isfinite(found).all():
            return held.copy()  # there is no such x: what is held alone is beyond the caps
        weights = np.clip(found, low, high)
        room = max(self.caps[2] - np.abs(held[~available]).sum(), 0.0)
        share = min(1.0, room / max(np.abs(weights[available]).sum(), 1e-12))  # what the solver left beyond it
        return np.where(available, weights * share, held)

    def _linear(self, expected: Array) -> Array:
        cost = np.full(self.count, self.cost)
        return np.concatenate([-expected, cost, np.zeros(self.count)]) * self.unit

    def _bounds(self, held: Array, low: Array, high: Array) -> tuple[Array, Array]:
        endless, nothing = np.full(self.count, np.inf), np.zeros(self.count)
        _, _, gross, net = self.caps
        gross = max(gross, np.abs(held[low == high]).sum() * (1.0 + PRECISION))  # what cannot be moved may be more
        lower = np.concatenate([-endless, held, -endless, nothing, low, [-np.inf, -net]])
        return lower, np.concatenate([held, endless, nothing, endless, high, [gross, net]])


def shrunk_covariance(returns: Array, known: NDArray[Any]) -> Array:
    """Return the (A, A) covariance of (D, A) returns, their correlations shrunk toward none.

    The mean is taken for 0, as it is of bars. Where an asset has no return it adds nothing, and is divided by no more
    days than it has; one that has fewer than 20 is given the middle variance, and no correlation.

    Source:
        Ledoit and Wolf (2004), Journal of Multivariate Analysis 88(2), lemma 3.3, on returns of unit variance.
    """
    count = known.sum(axis=0)
    shown = np.where(known, returns, 0.0)
    variance = np.square(shown).sum(axis=0) / np.maximum(count, 1)
    seen = (count >= 20) & (variance > 0.0)
    middle = float(np.median(variance[seen])) if seen.any() else 1.0
    variance = np.where(seen, variance, middle)
    days = len(returns)
    unit = shown * seen / np.sqrt(variance) * np.sqrt(days / np.maximum(count, 1))  # (D, A), mean square 1
    correlation = unit.T @ unit / max(days, 1)
    away = float(np.square(correlation - np.eye(len(count))).sum())
    noise = float(np.square(np.square(unit).sum(axis=1)).sum() / max(days, 1) - np.square(correlation).sum()) / days
    share = min(max(noise, 0.0) / away, 1.0) if away > 0.0 else 1.0
    correlation = (1.0 - share) * correlation + share * np.eye(len(count))
    np.fill_diagonal(correlation, 1.0)
    deviation = np.sqrt(variance)
    return np.asarray(correlation * deviation[:, None] * deviation)

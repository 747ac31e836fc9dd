"""The best policy of a world whose law is known, with proportional costs, by dynamic programming.

A world is a Markov chain over a signal that is known at each close, and what a bar earns at each exposure given the
signal. The state of a trader is (signal, exposure held); the policy says which exposure to hold next. Where a turn
costs more than it will earn the policy waits: a no-trade band. Exposures are held constant within a bar and restored
for free; returns enter through `log(1 + x (e^r - 1))`, exactly. docs/accounting.md, section 11.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import LANES
from trading_env.ledger.rules import Rules, interest

Array = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
POINTS, MOST_POINTS = 241, 801  # of a continuous signal: as a rule, and where its steps are small beside its range
REACH = 5.0  # standard deviations of it
PATIENCE = 1.0 - 1e-6  # what the next bar counts beside this one
MOST_ROUNDS = 100  # of improving a policy; a handful are enough
SLIGHT = 1e-12  # log growth by which a choice must be better than the one made before
LEAST = 1e-6  # equity after a bar, as a fraction of that before it, below which a log is not taken


@dataclass(frozen=True, eq=False)
class MarkovWorld:
    """A signal and what it says of the return that the next order earns.

    Attributes:
        signal: (X,) values, increasing.
        chance: (X, X) probability of the next bar's signal; empty where `cyclic`.
        mean: (X, S) means of that log return in S cases.
        share: (X, S) probability of each case.
        deviation: standard deviation of the return about each mean.
        cyclic: whether the signal is a place in a cycle, which the next bar moves on by one.
    """

    signal: Array
    chance: Array
    mean: Array
    share: Array
    deviation: float
    cyclic: bool = False


def autoregressive(memory: float, sigma: float, effect: float, deviation: float) -> MarkovWorld:
    """Return a world whose signal is s[t] = memory s[t - 1] + N(0, sigma^2), and E r = effect x s.

    AR(1) returns: memory phi, effect phi^k; an Ornstein-Uhlenbeck log price: memory 1 - kappa, effect
    -kappa (1 - kappa)^(k - 1); k bars from the decision to the close of the bar it earns.

    Args:
        memory: of the signal, in (-1, 1).
        sigma: standard deviation of its shocks.
        effect: of the signal on the mean of the log return.
        deviation: standard deviation of the log return about its mean.
    """
    spread = 1.0 / math.sqrt(1.0 - memory**2)  # standard deviation of the signal, in those of its shocks
    points = min(max(POINTS, 2 * math.ceil(REACH * spread) + 1), MOST_POINTS)
    grid = np.linspace(-REACH, REACH, points) * sigma * spread
    chance = np.exp(-0.5 * np.square((grid[None, :] - memory * grid[:, None]) / sigma))
    chance /= chance.sum(axis=1, keepdims=True)
    return MarkovWorld(grid, chance, effect * grid[:, None], np.ones((points, 1)), deviation)


def two_regimes(drift: float, switch_probability: float, sigma: float, ahead: int) -> MarkovWorld:
    """Return a world whose drift is up or down and hidden; the signal is the probability that it is up.

    Source:
        Hamilton (1989), Econometrica 57(2): with p the probability given the returns up to t, it is
        a = p (1 - q) + (1 - p) q before the next return r and a L / (a L + 1 - a) after it, with
        L = exp(2 drift r / sigma^2).
    """
    grid, q = np.linspace(0.0, 1.0, POINTS), switch_probability
    prior = grid * (1.0 - q) + (1.0 - grid) * q
    chance = np.zeros((POINTS, POINTS))
    rows = np.arange(POINTS)
    for sign, weight in ((1.0, prior), (-1.0, 1.0 - prior)):
        for node, mass in zip(NODES, WEIGHTS, strict=True):
            posterior = after_return(grid, drift * sign + sigma * node, drift, q, sigma)
            place = np.clip(posterior * (POINTS - 1), 0.0, POINTS - 1.0)
            low = np.minimum(place.astype(np.int64), POINTS - 2)
            np.add.at(chance, (rows, low), weight * mass * (low + 1.0 - place))
            np.add.at(chance, (rows, low + 1), weight * mass * (place - low))
    up = 0.5 + (grid - 0.5) * (1.0 - 2.0 * q) ** ahead
    mean = np.tile([drift, -drift], (POINTS, 1))
    return MarkovWorld(grid, chance, mean, np.stack([up, 1.0 - up], axis=1), sigma)


def after_return(probability: Array, log_return: Array | float, drift: float, switch: float, sigma: float) -> Array:
    """Return the probability that the drift is up after one more return; Hamilton's recursion, as above."""
    prior = probability * (1.0 - switch) + (1.0 - probability) * switch
    odds = np.exp(np.clip(2.0 * drift * np.asarray(log_return) / sigma**2, -500.0, 500.0))
    return np.asarray(prior * odds / (prior * odds + 1.0 - prior))


def cycle(means: Array, deviation: float, ahead: int) -> MarkovWorld:
    """Return a world that repeats: bar t is at phase t mod P; `means` (P,) are the mean log returns of the phases."""
    phases = len(means)
    earned = np.roll(means, -ahead)[:, None]
    return MarkovWorld(
        np.arange(phases, dtype=np.float64), np.empty((0, 0)), earned, np.ones((phases, 1)), deviation, cyclic=True
    )


def best_policy(world: MarkovWorld, config: TradingConfig, bars_per_year: float) -> NDArray[np.int64]:
    """Return (X, L) which of `config.exposures` to hold next, as numbers, for each signal and level held now.

    Policy iteration, discounted by one in a million a bar: so lightly that no band feels it, and enough for one answer
    also where it is best to hold for ever whatever is held.

    Source:
        Howard (1960), Dynamic Programming and Markov Processes, chapter 7.
    """
    gain = level_gain(world, config, bars_per_year)  # (X, L)
    charge = _charge(config, bars_per_year)  # (L, L) from held to chosen
    if world.cyclic:
        return _around(gain, charge)
    points, levels = gain.shape
    policy = np.repeat(gain.argmax(axis=1)[:, None], levels, axis=1)
    held, rows = np.arange(levels), np.arange(points)[:, None]
    for _ in range(MOST_ROUNDS):
        system = np.zeros((points, levels, points, levels))
        system[rows, held, :, policy] = -PATIENCE * world.chance[:, None, :]
        matrix = system.reshape(points * levels, -1)
        matrix[np.diag_indices(points * levels)] += 1.0
        value = np.linalg.solve(matrix, (gain[rows, policy] + charge[held, policy]).ravel()).reshape(points, levels)
        worth = (gain + PATIENCE * world.chance @ value)[:, None, :] + charge  # (X, held, chosen)
        better = worth.max(axis=2) > np.take_along_axis(worth, policy[:, :, None], axis=2)[:, :, 0] + SLIGHT
        if not better.any():
            break
        policy = np.where(better, worth.argmax(axis=2), policy)
    return np.asarray(policy)


def _around(gain: Array, charge: Array) -> NDArray[np.int64]:
    """The same for a cycle of any length: backward through the phases, round after round, until nothing changes."""
    value = np.zeros(gain.shape[1])
    policy = np.zeros((len(gain), len(charge)), dtype=np.int64)
    for _ in range(MOST_ROUNDS):
        before = policy.copy()
        for phase in range(len(gain) - 1, -1, -1):
            worth = (gain[phase] + PATIENCE * value) + charge  # (held, chosen); value is that of the next phase
            policy[phase] = worth.argmax(axis=1)
            value = worth.max(axis=1)
        if np.array_equal(policy, before):
            break
    return policy


def level_gain(world: MarkovWorld, config: TradingConfig, bars_per_year: float) -> Array:
    """Return (X, L) expected log growth of one bar at each level, interest included, by quadrature."""
    levels = np.asarray(config.exposures, dtype=np.float64)
    rules = Rules(config, bars_per_year, None)
    nodes, weights = (NODES, WEIGHTS) if world.deviation else (np.zeros(1), np.ones(1))
    simple = np.expm1(world.mean[:, :, None] + world.deviation * nodes)  # (X, S, nodes)
    grown = np.maximum(1.0 + levels[:, None, None, None] * simple, LEAST)  # (L, X, S, nodes)
    gain: Array = np.einsum("lxsn,xs,n->xl", np.log(grown), world.share, weights)
    borrow, financing = interest(LANES, levels, 1.0 - levels, 1.0, rules)  # of a level's value and cash, to the equity
    return np.asarray(gain - (borrow + financing))


def _charge(config: TradingConfig, bars_per_year: float) -> Array:
    levels, rules = np.asarray(config.exposures, dtype=np.float64), Rules(config, bars_per_year, None)
    turned = np.abs(levels[:, None] - levels[None, :])
    cost = rules.half_spread + rules.slippage + rules.fee
    return np.asarray(np.log(np.maximum(1.0 - cost * turned, LEAST)))


def follow(world: MarkovWorld, policy: NDArray[np.int64], signal: Array, config: TradingConfig) -> Array:
    """Return (T, 1) targets of a trader who follows a policy through (T,) signals, from cash.

    A signal between two values of the grid is taken for the nearer one.
    """
    values = world.signal
    return walked(policy[np.searchsorted((values[1:] + values[:-1]) / 2.0, signal)], config)


def walked(choices: NDArray[np.int64], config: TradingConfig) -> Array:
    """Return (T, 1) targets of a trader who takes (T, L) choices from the level held at each bar, from cash."""
    levels = np.asarray(config.exposures, dtype=np.float64)
    held = int(np.abs(levels).argmin())
    path = np.empty(len(choices), dtype=np.int64)
    for t, choice in enumerate(choices.tolist()):
        held = path[t] = choice[held]
    return np.asarray(levels[path][:, None])


def planned_choices(forecast: Array, config: TradingConfig, bars_per_year: float) -> NDArray[np.int64]:
    """Return (H, T, L) the level to hold in each bar of the best plans on forecasts, for each level held before it.

    By dynamic programming. What is held after the last of the H bars is worth nothing more and costs nothing to leave.

    Args:
        forecast: (T, H) log returns, a plan a row.
        config: levels and costs.
        bars_per_year: bars in a year, for interest.
    """
    num_bars, horizon = forecast.shape
    charge, certain = _charge(config, bars_per_year), np.ones((num_bars, 1))
    choice = np.empty((horizon, num_bars, len(charge)), dtype=np.int64)
    ahead: Array = np.zeros((num_bars, len(charge)))  # (T, L): worth of holding a level, after its bar
    for bar in reversed(range(horizon)):
        believed = MarkovWorld(np.empty(0), np.empty((0, 0)), forecast[:, bar : bar + 1], certain, 0.0)
        worth = (level_gain(believed, config, bars_per_year) + ahead)[:, None, :] + charge  # (T, held, chosen)
        choice[bar], ahead = worth.argmax(axis=2), worth.max(axis=2)
    return choice

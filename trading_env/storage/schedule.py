"""The best schedule of a storage unit for given prices: perfect foresight of realised ones, a plan on forecast ones.

The value of the energy in the store is a concave, piecewise linear function of it; each hour adds two straight pieces,
one for buying and one for selling, and cuts off what lies outside the store. Sorting pieces by their slope is the whole
of Bellman's recursion, exact for every power in between and every charge. Where a price is so far below zero that
buying and selling at once, to burn energy, would pay, the value is not concave; since a unit cannot do both, such a
path is optimum by mixed-integer programming. Formulas and proof: docs/battery.md, section 4.
"""

import numpy as np
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig
from trading_env.storage.market import PowerMarket

Array = NDArray[np.float64]
Pieces = list[tuple[float, float]]  # slope (currency per MWh in the store), width (MWh), by falling slope
FORCE = 1e6  # currency per MWh: what energy that must be left at the end is worth, beyond any price


def best_schedule(price: Array, config: BatteryConfig, *, start: float, end: float = 0.0) -> Array:
    """Return the (T,) powers, MW, that earn most at the prices `price` (T,).

    Args:
        price: (T,) currency per MWh.
        config: the unit; its `initial_charge` is not used.
        start: MWh in the store before the first hour.
        end: MWh that must be left after the last; what is left beyond it is worth nothing.

    Returns:
        (T,) feasible powers, positive buys: the exact optimum over all powers in [-power_mw, power_mw].

    Raises:
        ValueError: `start` or `end` lies outside the store, or `end` cannot be reached.
    """
    capacity, reach = config.capacity_mwh, start + len(price) * config.power_mw * config.charge_efficiency
    if not 0.0 <= start <= capacity or not 0.0 <= end <= min(capacity, reach + 1e-9):
        raise ValueError(f"start and end must lie in the store [0, {capacity:g}] and in reach, were {start} and {end}")
    buys = price / config.charge_efficiency
    sells = price * config.discharge_efficiency - config.degradation_per_mwh
    if (sells > buys).any():
        return _by_integers(price, config, start, end)
    return _by_pieces(price, buys.tolist(), sells.tolist(), config, start, end)


def _by_pieces(
    price: Array, buys: list[float], sells: list[float], config: BatteryConfig, start: float, end: float
) -> Array:
    """Solve the concave case: slopes of the value of energy, hour by hour backward, then one walk forward."""
    into, out = config.charge_efficiency, config.discharge_efficiency
    most_in, most_out = config.power_mw * into, config.power_mw / out  # MWh of the store in an hour
    pieces: Pieces = [(FORCE, end), (0.0, config.capacity_mwh - end)]
    later = [pieces]  # of the value after the hour, last hour first
    for buy, sell in zip(reversed(buys[1:]), reversed(sells[1:]), strict=True):
        pieces = sorted([*pieces, (buy, most_in), (sell, most_out)], reverse=True)
        pieces = _without(_without(pieces, most_in)[::-1], most_out)[::-1]
        later.append(pieces)
    power, charge = np.zeros(len(price)), start
    for t, after in enumerate(reversed(later)):
        gain, loss, below = 0.0, 0.0, 0.0
        for slope, width in after:
            if slope > buys[t]:
                gain += max(0.0, below + width - max(charge, below))
            elif slope < sells[t]:
                loss += max(0.0, min(charge, below + width) - below)
            below += width
        gain, loss = min(gain, most_in), min(loss, most_out)
        power[t] = gain / into - loss * out
        charge = min(max(charge + gain - loss, 0.0), config.capacity_mwh)
    return power


def _without(pieces: Pieces, width: float) -> Pieces:
    """Return the pieces less their first `width` MWh."""
    for place, (slope, size) in enumerate(pieces):
        if size > width:
            return [(slope, size - width), *pieces[place + 1 :]]
        width -= size
    return []


def _by_integers(price: Array, config: BatteryConfig, start: float, end: float) -> Array:
    """Solve the case with deeply negative prices: in such hours, and only there, a binary says buy or sell.

    Variables, hour by hour: bought (MWh), sold (MWh), charge after (MWh), buying (0 or 1).
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import diags, eye, hstack

    hours, power = len(price), config.power_mw
    into, out, wear = config.charge_efficiency, config.discharge_efficiency, config.degradation_per_mwh
    deep = price * out - wear > price / into
    unit = eye(hours, format="csr")
    step = unit - diags([np.ones(hours - 1)], [-1], shape=(hours, hours))
    opening = np.zeros(hours)
    opening[0] = start
    balance = hstack([-into * unit, unit / out, step, 0.0 * unit])
    none = 0.0 * unit
    buying, selling = hstack([unit, none, none, -power * unit]), hstack([none, unit, none, power * unit])
    least_charge, free = np.zeros(hours), np.ones(hours)
    least_charge[-1] = end
    nothing = np.zeros(hours)
    loose = np.where(deep, 0.0, 2.0 * power)  # outside deep hours the optimum never does both, and needs no binary
    optimum = milp(
        np.concatenate([price, wear / out - price, nothing, nothing]),
        constraints=[
            LinearConstraint(balance, opening, opening),
            LinearConstraint(buying, -np.inf, loose),
            LinearConstraint(selling, -np.inf, power + loose),
        ],
        bounds=Bounds(
            np.concatenate([nothing, nothing, least_charge, nothing]),
            np.concatenate([power * free, power * free, config.capacity_mwh * free, free]),
        ),
        integrality=np.concatenate([nothing, nothing, nothing, deep.astype(np.float64)]),
        options={"mip_rel_gap": 1e-9},
    )
    if optimum.x is None:
        raise ValueError(f"no schedule was found: {optimum.message}")
    bought, sold = optimum.x[:hours], optimum.x[hours : 2 * hours]
    return np.asarray(np.clip(bought - sold, -power, power))


def perfect_schedule(market: PowerMarket, config: BatteryConfig) -> Array:
    """Return the (T,) powers of a unit that knows every price in advance: no schedule in the ledger earns more.

    Raises:
        ValueError: a price is not cleared yet.
    """
    if not market.cleared.all():
        raise ValueError("perfect foresight needs prices that are cleared, the market's last day is not")
    return best_schedule(market.price, config, start=config.initial_charge * config.capacity_mwh)

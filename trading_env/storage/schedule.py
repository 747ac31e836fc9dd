"""The best schedule of a storage unit for given prices: perfect foresight of realised ones, a plan on forecast ones.

The value of the energy in the store is a piecewise linear function of it. While it is concave, each slot adds two
straight pieces, one for buying and one for selling, and cuts off what lies outside the store: sorting pieces by their
slope is the whole of Bellman's recursion. Where a price is so far below zero that buying and selling at once, to burn
energy, would pay, the value is not concave, since a unit cannot do both; there the recursion is done on the function
itself. Both are exact for every power in between and every charge. Formulas and proof: docs/battery.md, section 4.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import ScheduleRun, run_schedule
from trading_env.storage.market import PowerMarket
from trading_env.storage.piecewise import SAME, Line, best_ahead, from_pieces, larger, to_pieces
from trading_env.storage.requirement import least_charge

Array = NDArray[np.float64]
Pieces = list[tuple[float, float]]  # slope (currency per MWh in the store), width (MWh), by falling slope
FORCE = 1e6  # currency per MWh: what energy that must be left at the end is worth, beyond any price


def best_schedule(
    price: Array,
    config: BatteryConfig,
    *,
    start: float,
    end: float = 0.0,
    slot_hours: float = 1.0,
    least: Array | None = None,
) -> Array:
    """Return the (T,) powers, MW, that earn most at the prices `price` (T,).

    Args:
        price: (T,) currency per MWh.
        config: the unit; its `initial_charge` is not used.
        start: MWh in the store before the first slot.
        end: MWh that must be left after the last; what is left beyond it is worth nothing.
        slot_hours: length of each slot.
        least: (T,) MWh that must be in the store at each slot's end, or as near to it as full power comes; None for
            none (`requirement.least_charge`).

    Returns:
        (T,) feasible powers, positive buys: the exact optimum over all powers in [-power_mw, power_mw].

    Raises:
        ValueError: `start` or `end` lies outside the store, or `end` cannot be reached.
    """
    return np.fromiter(_best_powers(price, config, start, end, slot_hours, least), np.float64, len(price))


def best_power(
    price: Array, config: BatteryConfig, *, start: float, slot_hours: float = 1.0, least: Array | None = None
) -> float:
    """Return the power of the first slot of the best schedule, MW, without taking the decisions of the others.

    Args and errors are those of `best_schedule`, with no energy that must be left.
    """
    return next(_best_powers(price, config, start, 0.0, slot_hours, least))


def _best_powers(
    price: Array, config: BatteryConfig, start: float, end: float, slot_hours: float, least: Array | None
) -> Iterator[float]:
    """Yield the powers of the best schedule, slot by slot; the values of energy after each are all known before."""
    into, out = config.charge_efficiency, config.discharge_efficiency
    most_in, most_out = config.power_mw * slot_hours * into, config.power_mw * slot_hours / out  # MWh of the store
    capacity, reach = config.capacity_mwh, start + len(price) * most_in
    if not 0.0 <= start <= capacity or not 0.0 <= end <= min(capacity, reach + 1e-9):
        raise ValueError(f"start and end must lie in the store [0, {capacity:g}] and in reach, were {start} and {end}")
    buys = price / config.charge_efficiency
    sells = price * config.discharge_efficiency - config.degradation_per_mwh
    floors = None if least is None else least.tolist()
    later = _values(buys.tolist(), sells.tolist(), capacity, (most_in, most_out), end, floors)
    charge = start
    for t, value in enumerate(reversed(later)):
        line = value if isinstance(value, Line) or sells[t] <= buys[t] else from_pieces(value)
        if isinstance(line, Line):
            gain, loss = _step_on_line(line, charge, buys[t], sells[t], (most_in, most_out))
        else:
            gain, loss = _step_on_pieces(line, charge, buys[t], sells[t], (most_in, most_out))
        yield (gain / into - loss * out) / slot_hours
        charge = min(max(charge + gain - loss, 0.0), capacity)


def _values(
    buys: list[float],
    sells: list[float],
    capacity: float,
    most: tuple[float, float],
    end: float,
    floors: list[float] | None,
) -> list[Pieces | Line]:
    """Return the value of energy after each slot, the last slot's first."""
    most_in, most_out = most
    value: Pieces | Line = [(FORCE, end), (0.0, capacity - end)]
    if floors is not None:
        value = _above(value, floors[-1])
    later: list[Pieces | Line] = [value]
    for slot in range(len(buys) - 1, 0, -1):
        buy, sell = buys[slot], sells[slot]
        if isinstance(value, Line) and sell <= buy and value.concave():
            value = to_pieces(value)
        if not isinstance(value, Line) and sell <= buy:
            pieces = sorted([*value, (buy, most_in), (sell, most_out)], reverse=True)
            value = _without(_without(pieces, most_in)[::-1], most_out)[::-1]
        else:
            line = value if isinstance(value, Line) else from_pieces(value)
            bought = best_ahead(line.tilted(-buy), most_in).tilted(buy)
            sold = best_ahead(line.tilted(-sell).mirrored(), most_out).mirrored().tilted(sell)
            value = larger(bought, sold).from_nothing()
        if floors is not None:
            value = _above(value, floors[slot - 1])
        later.append(value)
    return later


def _step_on_pieces(
    pieces: Pieces, charge: float, buy: float, sell: float, most: tuple[float, float]
) -> tuple[float, float]:
    """Return the MWh that a slot puts into the store and draws from it, by the concave value after it."""
    gain, loss, below = 0.0, 0.0, 0.0
    for slope, width in pieces:
        if slope > buy:
            gain += max(0.0, below + width - max(charge, below))
        elif slope < sell:
            loss += max(0.0, min(charge, below + width) - below)
        below += width
    return min(gain, most[0]), min(loss, most[1])


def _step_on_line(line: Line, charge: float, buy: float, sell: float, most: tuple[float, float]) -> tuple[float, float]:
    """Return the same by any value after the slot; nothing where nothing pays."""
    reach = (max(0.0, charge - most[1]), min(float(line.x[-1]), charge + most[0]))
    inside = line.x[(line.x > reach[0]) & (line.x < reach[1])]
    ends = np.array([charge, *reach, *inside])
    worth = line.at(ends) - np.where(ends > charge, buy, sell) * (ends - charge)
    best = int(worth.argmax()) if worth.max() > worth[0] + 1e-12 * (1.0 + abs(worth[0])) else 0
    return max(0.0, float(ends[best]) - charge), max(0.0, charge - float(ends[best]))


def _above(value: Pieces | Line, floor: float) -> Pieces | Line:
    """Return a value by which no energy is worth more than what is missing to `floor`."""
    if floor <= 0.0:
        return value
    if not isinstance(value, Line):
        return [(FORCE, floor), *_without(value, floor)]
    x = np.concatenate([[0.0, floor], value.x[value.x > floor + SAME]])
    y = value.at(x)
    y[0] = y[1] - FORCE * floor
    return Line(x, y)


def _without(pieces: Pieces, width: float) -> Pieces:
    """Return the pieces less their first `width` MWh."""
    for place, (slope, size) in enumerate(pieces):
        if size > width:
            return [(slope, size - width), *pieces[place + 1 :]]
        width -= size
    return []


def play_schedule(market: PowerMarket, power: Array, config: BatteryConfig) -> ScheduleRun:
    """Play N schedules through a market, what its clock requires of the store included.

    Args:
        market: T slots.
        power: (T, N) MW committed, or (T,) for one unit.
        config: the unit.

    Raises:
        ValueError: `power` does not fit the market, or is not finite.
    """
    least = least_charge(market.hour, config, market.slot_hours)
    return run_schedule(market.price, power, config, market.slot_hours, least)


def perfect_schedule(market: PowerMarket, config: BatteryConfig) -> Array:
    """Return the (T,) powers of a unit that knows every price in advance: no schedule in the ledger earns more.

    Raises:
        ValueError: a price is not cleared yet.
    """
    if not market.cleared.all():
        raise ValueError("perfect foresight needs prices that are cleared, the market's last day is not")
    start = config.initial_charge * config.capacity_mwh
    least = least_charge(market.hour, config, market.slot_hours)
    return best_schedule(market.price, config, start=start, slot_hours=market.slot_hours, least=least)

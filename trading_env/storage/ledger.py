"""The ledger of storage units: energy and money, slot by slot, and nothing of either made or lost.

`deliver` carries N units over one slot, an hour, half or a quarter of it; `run_schedule` and both environments call
nothing else. Energy in MWh at the store, power in MW at the grid, money in the currency of the price. Formulas:
docs/battery.md, section 2.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig

Array = NDArray[np.float64]


class Slot(NamedTuple):
    """What one slot did to N units.

    Attributes:
        charge: (N,) MWh in the store at the slot's end.
        bought: (N,) MWh taken from the grid.
        sold: (N,) MWh given to the grid.
        wear: (N,) cost of degradation, currency.
        profit: (N,) (sold - bought) x price - wear, currency.
    """

    charge: Array
    bought: Array
    sold: Array
    wear: Array
    profit: Array


def deliver(
    charge: Array,
    power: Array,
    price: Array | float,
    config: BatteryConfig,
    slot_hours: float = 1.0,
    least: Array | float | None = None,
) -> Slot:
    """Carry N units over one slot.

    A unit buys or sells, never both. What does not fit into the store is not bought, and what is not in it is not sold.

    Args:
        charge: (N,) MWh in the store.
        power: (N,) MW committed for the slot; positive buys, negative sells; more than `power_mw` is cut to it.
        price: (N,) or one price of the slot, currency per MWh.
        config: the unit.
        slot_hours: length of the slot.
        least: (N,) or one charge, MWh, that the slot must end with if full power reaches it: what is missing is bought,
            and of it nothing is sold, whatever was committed. None: nothing has to be there.

    Source:
        docs/battery.md, eq. 1 to 4 and 6.
    """
    into, out = config.charge_efficiency, config.discharge_efficiency
    energy = np.minimum(np.maximum(power, -config.power_mw), config.power_mw) * slot_hours  # MWh at the grid
    if least is not None:
        missing = np.minimum((least - charge) / into, config.power_mw * slot_hours)
        energy = np.maximum(energy, np.where(missing > 0.0, missing, (least - charge) * out))
    bought = np.minimum(np.maximum(energy, 0.0), (config.capacity_mwh - charge) / into)
    sold = np.minimum(np.maximum(-energy, 0.0), charge * out)
    drawn = sold / out
    # rounding alone can leave [0, capacity], by one unit in the last place
    after = np.minimum(np.maximum(charge + bought * into - drawn, 0.0), config.capacity_mwh)
    wear = drawn * config.degradation_per_mwh
    return Slot(after, bought, sold, wear, (sold - bought) * price - wear)


@dataclass(frozen=True, eq=False)
class ScheduleRun:
    """What N units did over T slots; row t is the slot that begins at t.

    Attributes:
        charge: (T + 1, N) MWh in the store; row 0 is the opening, row t + 1 the end of slot t.
        bought: (T, N) MWh at the grid.
        sold: (T, N) MWh at the grid.
        wear: (T, N) currency.
        profit: (T, N) currency.
    """

    charge: Array
    bought: Array
    sold: Array
    wear: Array
    profit: Array


def run_schedule(
    price: Array, power: Array, config: BatteryConfig, slot_hours: float = 1.0, least: Array | None = None
) -> ScheduleRun:
    """Play N schedules through the ledger, with the very step the environments use.

    Args:
        price: (T,) currency per MWh.
        power: (T, N) MW committed, or (T,) for one unit.
        config: the unit; it opens with `initial_charge`.
        slot_hours: length of each slot.
        least: (T,) MWh that must be in the store at each slot's end, as in `deliver`; None: nothing has to be.

    Raises:
        ValueError: `power` does not fit the prices, or is not finite.
    """
    power = np.asarray(power, dtype=np.float64)
    if power.ndim == 1:
        power = power[:, None]
    if power.ndim != 2 or len(power) != len(price) or not np.isfinite(power).all():
        raise ValueError(f"power must be finite and (T, N) with T = {len(price)}, was {power.shape}")
    charge: Array = np.full((len(power) + 1, power.shape[1]), config.initial_charge * config.capacity_mwh)
    bought, sold, wear, profit = (np.empty(power.shape) for _ in range(4))
    for t in range(len(power)):
        charge[t + 1], bought[t], sold[t], wear[t], profit[t] = deliver(
            charge[t], power[t], price[t], config, slot_hours, None if least is None else least[t]
        )
    return ScheduleRun(charge, bought, sold, wear, profit)

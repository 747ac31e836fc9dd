"""What must be in the store, and when: the charge a slot has to end with for one required later to be reached.

Knows the clock of a market's slots and a unit, no prices. Formulas: docs/battery.md, eq. 6.
"""

import numpy as np
from numpy.typing import NDArray

from trading_env.storage.config import BatteryConfig

Array = NDArray[np.float64]


def least_charge(hour: Array, config: BatteryConfig, slot_hours: float) -> Array | None:
    """Return (T,) the MWh that must be in the store at each slot's end; None where nothing is required.

    It is what is required at the begin of the last slot of every day that begins at `required_hour` or before, less
    what full power can bring until then. The day after the last slot is taken to have 24 hours.

    Args:
        hour: (T,) local time of day at which each slot begins, one slot after another.
        config: the unit.
        slot_hours: length of each slot.

    Source:
        docs/battery.md, eq. 6.
    """
    if config.required_charge is None:
        return None
    required = config.required_charge * config.capacity_mwh
    reach = config.power_mw * slot_hours * config.charge_efficiency  # MWh in a slot
    early = hour <= config.required_hour
    last = np.append(hour[1:] < hour[:-1] - 12.0, True)  # slots with which a day ends
    due = early & (last | np.append(~early[1:], True))  # slots at whose begin it must be there
    ends = (hour[-1] + slot_hours) % 24.0  # the time of day after the last slot
    left = np.floor(((config.required_hour - ends) % 24.0) / slot_hours)  # slots from there
    least = np.empty(len(hour))
    needed = max(0.0, required - left * reach)
    for slot in range(len(hour) - 1, -1, -1):
        least[slot] = needed
        needed = max(required if due[slot] else 0.0, needed - reach, 0.0)
    return least

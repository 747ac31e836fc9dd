"""What the agent's own schedule earns when wear costs more or less, and when less of what is stored comes back."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env import BatteryConfig, PowerMarket, play_schedule

Array = NDArray[np.float64]
WEAR_SHARES = (0.0, 0.5, 1.0, 2.0, 4.0)  # of the request's wear; of one unit of money where it asks for none
ROUND_TRIPS = (0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 1.00)


def sweep_block(market: PowerMarket, power: Array, unit: BatteryConfig) -> dict[str, Any]:
    """Replay a committed schedule with other wear and other efficiencies.

    Args:
        market: T slots.
        power: (T,) MW committed by the agent; it is not asked again.
        unit: as it was played.

    Returns:
        `wear_sweep` and `efficiency_sweep`, the profit at each value; and `break_even_wear_per_mwh`, the wear of a MWh
        drawn at which the profit is 0, or None with its reason. What is bought and sold does not depend on the wear, so
        that profit falls on a line.
    """
    wears = [share * (unit.degradation_per_mwh or 1.0) for share in WEAR_SHARES]
    free, drawn = _earned(market, power, unit, degradation_per_mwh=0.0)
    block: dict[str, Any] = {
        "wear_sweep": [{"wear_per_mwh": wear, "profit": free - wear * drawn} for wear in wears],
        "efficiency_sweep": [
            {
                "round_trip_efficiency": share,
                "profit": _earned(market, power, unit, charge_efficiency=share**0.5, discharge_efficiency=share**0.5)[
                    0
                ],
            }
            for share in ROUND_TRIPS
        ],
        "break_even_wear_per_mwh": free / drawn if drawn > 0.0 and free > 0.0 else None,
    }
    if block["break_even_wear_per_mwh"] is None:
        idle = "the unit was never discharged" if drawn <= 0.0 else "the unit earned nothing even without wear"
        block["break_even_wear_per_mwh_reason"] = idle
    return block


def _earned(market: PowerMarket, power: Array, unit: BatteryConfig, **changes: float) -> tuple[float, float]:
    """Return the profit of a schedule in a changed unit, and the MWh drawn from its store."""
    changed = dataclasses.replace(unit, **changes)  # type: ignore[arg-type]
    path = play_schedule(market, power, changed)
    return float(path.profit.sum()), float(path.sold.sum() / changed.discharge_efficiency)

"""The rules of a storage unit in a day-ahead power market. A plain dataclass: no Gymnasium, no NumPy, no YAML."""

import math
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True, kw_only=True)
class BatteryConfig:
    """A storage unit, and the clock of its market. Formulas: docs/battery.md, section 2.

    Attributes:
        capacity_mwh: energy the unit holds when full, MWh.
        power_mw: largest power bought or sold, MW at the grid.
        charge_efficiency: MWh stored of one MWh bought, in (0, 1].
        discharge_efficiency: MWh sold of one MWh drawn from the store, in (0, 1].
        degradation_per_mwh: wear of one MWh drawn from the store, in the currency of the price.
        initial_charge: energy at the opening, a share of the capacity.
        actions: `levels` chooses one of `levels`; `power` is any share of the power in [-1, 1].
        levels: what each discrete action asks for, a share of the power: 1 buys with full power, -1 sells, 0 rests.
        gate_closure_hour: hour of the local day before delivery at which the schedule of a whole day is committed.
        time_zone: zone whose midnights part the days of delivery; they have 23 or 25 hours where its clocks change.
    """

    kind: Literal["battery"] = "battery"
    capacity_mwh: float = 4.0
    power_mw: float = 1.0
    charge_efficiency: float = 0.927
    discharge_efficiency: float = 0.927
    degradation_per_mwh: float = 5.0
    initial_charge: float = 0.0
    actions: Literal["levels", "power"] = "levels"
    levels: tuple[float, ...] = (-1.0, 0.0, 1.0)
    gate_closure_hour: int = 10
    time_zone: str = "America/Chicago"

    def __post_init__(self) -> None:
        faults = [
            f"{name} must be positive, was {value}"
            for name, value in (("capacity_mwh", self.capacity_mwh), ("power_mw", self.power_mw))
            if not 0.0 < value < math.inf
        ]
        for name in ("charge_efficiency", "discharge_efficiency"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                faults.append(f"{name} must be a fraction in (0, 1], was {value}; 93 % is 0.93")
        if not 0.0 <= self.degradation_per_mwh < math.inf:
            faults.append(f"degradation_per_mwh must be at least 0, was {self.degradation_per_mwh}")
        if not 0.0 <= self.initial_charge <= 1.0:
            faults.append(f"initial_charge must be a share of the capacity in [0, 1], was {self.initial_charge}")
        if self.actions not in ("levels", "power"):
            faults.append(f"actions must be levels or power, was '{self.actions}'")
        if len(set(self.levels)) < 2 or not all(-1.0 <= level <= 1.0 for level in self.levels):
            faults.append(f"levels must be at least two different shares in [-1, 1], were {list(self.levels)}")
        if not 0 <= self.gate_closure_hour <= 23:
            faults.append(f"gate_closure_hour must lie in [0, 23], was {self.gate_closure_hour}")
        if not _is_zone(self.time_zone):
            faults.append(f"time_zone must be a zone such as America/Chicago, was '{self.time_zone}'")
        if faults:
            raise ValueError("; ".join(faults))


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False

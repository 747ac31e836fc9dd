"""The rules of a storage unit in a day-ahead power market. Knows pydantic: no Gymnasium, no NumPy, no YAML."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from pydantic.dataclasses import dataclass

Energy = Annotated[float, Field(gt=0.0, allow_inf_nan=False, description="MWh")]
Power = Annotated[float, Field(gt=0.0, allow_inf_nan=False, description="MW")]
Efficiency = Annotated[float, Field(gt=0.0, le=1.0, description="a fraction (93 % is 0.93)")]
ShareOfPower = Annotated[float, Field(ge=-1.0, le=1.0, description="a share of the power")]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
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
        required_charge: share of the capacity that must be in the store every day at `required_hour`, as far as full
            power reaches: what is missing is bought, and none of it sold, whatever was committed. Null: none.
        required_hour: local time of day, 6.5 is half past six; within a slot it is the begin of that slot.
        gate_closure_hour: hour of the local day before delivery at which the schedule of a whole day is committed.
        time_zone: zone whose midnights part the days of delivery; they have 23 or 25 hours where its clocks change.
    """

    kind: Literal["battery"] = "battery"
    capacity_mwh: Energy = 4.0
    power_mw: Power = 1.0
    charge_efficiency: Efficiency = 0.9274
    discharge_efficiency: Efficiency = 0.9274
    degradation_per_mwh: Annotated[float, Field(ge=0.0, allow_inf_nan=False, description="currency per MWh")] = 5.0
    initial_charge: Annotated[float, Field(ge=0.0, le=1.0, description="a share of the capacity")] = 0.0
    actions: Literal["levels", "power"] = "levels"
    levels: Annotated[tuple[ShareOfPower, ...], Field(min_length=2, description="different shares")] = (-1.0, 0.0, 1.0)
    required_charge: Annotated[float, Field(gt=0.0, le=1.0, description="a share of the capacity")] | None = None
    required_hour: Annotated[float, Field(ge=0.0, lt=24.0, description="o'clock")] = 7.0
    gate_closure_hour: Annotated[int, Field(ge=0, le=23, description="o'clock")] = 10
    time_zone: str = "America/Chicago"

    def __post_init__(self) -> None:
        faults = []
        if len(set(self.levels)) < 2:
            faults.append(f"levels must be at least two different shares, were {list(self.levels)}")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):  # no such name, no name at all, a folder
            faults.append(f"time_zone must be a zone such as America/Chicago, was '{self.time_zone}'")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def round_trip_efficiency(self) -> float:
        """MWh sold of one MWh bought."""
        return self.charge_efficiency * self.discharge_efficiency

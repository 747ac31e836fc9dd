"""The ranges and units of the settings, named once: `steps: ranges.Steps`. Imports no torch."""

from typing import Annotated

from pydantic import Field

Steps = Annotated[int, Field(ge=2, description="env steps")]
Environments = Annotated[int, Field(ge=1, description="environments")]
Interval = Annotated[int, Field(ge=1, description="env steps")]
HiddenSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, description="units")], ...], Field(min_length=1, description="layers")
]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Norm = Annotated[float, Field(gt=0.0, description="a norm")]
Discount = Annotated[float, Field(ge=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0, description="a share")]
ShareBelowOne = Annotated[float, Field(ge=0.0, lt=1.0, description="a share")]
PositiveShare = Annotated[float, Field(gt=0.0, le=1.0, description="a share")]
Transitions = Annotated[int, Field(ge=1, description="transitions")]
Calls = Annotated[int, Field(ge=1, description="calls")]
Updates = Annotated[int, Field(ge=1, description="updates")]
Bars = Annotated[int, Field(ge=1, description="bars")]

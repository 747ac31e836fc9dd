"""Settings of the made-up worlds. Light: no pandas, no YAML. What the processes are: `synthetic`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import require
from tradewinds.data.rules import BarLength, Date

MAX_BARS = 10_000_000
LogPrice = Annotated[float, Field(gt=0, le=1, description="of log price")]
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "ar1": ("phi", "sigma"),
    "ou": ("kappa", "sigma"),
    "regime": ("drift", "switch_probability", "sigma"),
    "seasonal": ("amplitude", "period_bars", "sigma"),
    "martingale": ("sigma",),
    "square_wave": ("step", "half_period_bars"),
}


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """A made-up world of one instrument whose optimum is known. Each process has parameters of its own, all required.

    Attributes:
        process: `ar1`, `ou`, `regime`, `seasonal`, `martingale` or `square_wave`.
        bars: T, from 3 to ten million; more bars never change the earlier ones.
        seed: of the world, in [0, 2**31); not the run's seed, so that a run's seeds can vary on one world.
        start: date of the first bar, UTC.
        bar_length: such as 1D, 1h or 15min; bars follow each other without a gap.
        level: price around which the world starts, and to which `ou` returns.
        single_price: one price a bar; otherwise a bar opens at the close before it.
        phi: ar1: correlation of a log return with the one before, in (-1, 1), not 0.
        kappa: ou: share of the log distance from `level` that one bar takes away, in (0, 1).
        drift: regime: size of the mean log return of a bar, in (0, 1].
        switch_probability: regime: chance that the drift turns from one bar to the next, in (0, 0.5).
        amplitude: seasonal: of the log price, in (0, 1].
        period_bars: seasonal: bars of one season, at least 2.
        step: square_wave: size of every log return, in (0, 1].
        half_period_bars: square_wave: bars it rises, and then falls, at least 1.
        sigma: all but square_wave: standard deviation of the noise of a bar's log return, in (0, 1].
    """

    IS_LIVE: ClassVar[bool] = False  # it ends where it ends: no bar will be added

    kind: Literal["synthetic"] = "synthetic"
    process: Literal["ar1", "ou", "regime", "seasonal", "martingale", "square_wave"]
    bars: Annotated[int, Field(ge=3, le=MAX_BARS, description="bars")]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    start: Date = "1970-01-01"
    bar_length: BarLength = "1D"
    level: Annotated[float, Field(ge=1e-6, le=1e12, description="a price")] = 100.0
    single_price: bool = False
    phi: Annotated[float, Field(gt=-1, lt=1, description="a correlation")] | None = None
    kappa: Annotated[float, Field(gt=0, lt=1, description="a share of the log distance")] | None = None
    drift: LogPrice | None = None
    switch_probability: Annotated[float, Field(gt=0, lt=0.5, description="a probability")] | None = None
    amplitude: LogPrice | None = None
    period_bars: Annotated[int, Field(ge=2, le=MAX_BARS, description="bars")] | None = None
    step: LogPrice | None = None
    half_period_bars: Annotated[int, Field(ge=1, le=MAX_BARS, description="bars")] | None = None
    sigma: LogPrice | None = None

    def __post_init__(self) -> None:
        """Ask for all parameters of this process, and for none of another."""
        laws = [(self.phi != 0.0, "phi must not be 0; series=martingale is the world that has no memory")]
        for name in sorted({name for names in PARAMETERS.values() for name in names}):
            owners = ", ".join(process for process, names in PARAMETERS.items() if name in names)
            if name in PARAMETERS[self.process]:
                laws.append((getattr(self, name) is not None, f"{name} is required by process {self.process}"))
            else:
                law = f"{name} belongs to process {owners} and has no effect on {self.process}: leave it out"
                laws.append((getattr(self, name) is None, law))
        require(*laws)

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings of this process, by name."""
        return {name: getattr(self, name) for name in PARAMETERS[self.process]}

    @property
    def bars_ahead(self) -> int:
        """Bars from a decision to the close of the first bar it earns: 2 where orders fill at the next bar's price."""
        return 2 if self.single_price else 1

"""Settings of the made-up worlds. A plain dataclass: no pandas, no YAML. What the processes are: `synthetic`."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tradewinds.data.rules import is_date
from tradewinds.request.validate import require

MAX_BARS = 10_000_000
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

    kind: Literal["synthetic"] = "synthetic"
    process: Literal["ar1", "ou", "regime", "seasonal", "martingale", "square_wave"]
    bars: int
    seed: int
    start: str = "1970-01-01"
    bar_length: str = "1D"
    level: float = 100.0
    single_price: bool = False
    phi: float | None = None
    kappa: float | None = None
    drift: float | None = None
    switch_probability: float | None = None
    amplitude: float | None = None
    period_bars: int | None = None
    step: float | None = None
    half_period_bars: int | None = None
    sigma: float | None = None

    def __post_init__(self) -> None:
        require(
            (3 <= self.bars <= MAX_BARS, f"bars must lie in [3, {MAX_BARS}], was {self.bars}"),
            (0 <= self.seed < 2**31, f"seed must lie in [0, 2**31), was {self.seed}"),
            (is_date(self.start), f"start must be a date such as 1970-01-31, was '{self.start}'"),
            (
                re.fullmatch(r"[1-9]\d{0,5} ?(D|h|min)", self.bar_length, re.ASCII) is not None,
                f"bar_length must be a length such as 1D, 1h or 15min, was '{self.bar_length}'",
            ),
            (1e-6 <= self.level <= 1e12, f"level must be a price in [1e-6, 1e12], was {self.level}"),
            *self._choice_laws(),
            *self._range_laws(),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings of this process, by name."""
        return {name: getattr(self, name) for name in PARAMETERS[self.process]}

    @property
    def bars_ahead(self) -> int:
        """Bars from a decision to the close of the first bar it earns: 2 where orders fill at the next bar's price."""
        return 2 if self.single_price else 1

    def _choice_laws(self) -> list[tuple[bool, str]]:
        """All parameters of this process are given, and none of another."""
        laws = []
        for name in sorted({name for names in PARAMETERS.values() for name in names}):
            owners = ", ".join(process for process, names in PARAMETERS.items() if name in names)
            if name in PARAMETERS[self.process]:
                laws.append((getattr(self, name) is not None, f"{name} is required by process {self.process}"))
            else:
                law = f"{name} belongs to process {owners} and has no effect on {self.process}: leave it out"
                laws.append((getattr(self, name) is None, law))
        return laws

    def _range_laws(self) -> list[tuple[bool, str]]:
        laws = []
        for name in ("sigma", "drift", "amplitude", "step"):
            value = getattr(self, name)
            laws.append((value is None or 0.0 < value <= 1.0, f"{name} must lie in (0, 1], was {value}"))
        for name, least in (("period_bars", 2), ("half_period_bars", 1)):
            value = getattr(self, name)
            law = f"{name} must lie in [{least}, {MAX_BARS}] bars, was {value}"
            laws.append((value is None or least <= value <= MAX_BARS, law))
        phi, kappa, switch = self.phi, self.kappa, self.switch_probability
        moving = phi is None or (math.fabs(phi) < 1.0 and phi != 0.0)
        return [
            *laws,
            (moving, f"phi must lie in (-1, 1) and not be 0, was {phi} (series=martingale has no memory)"),
            (kappa is None or 0.0 < kappa < 1.0, f"kappa must lie in (0, 1), was {kappa}"),
            (switch is None or 0.0 < switch < 0.5, f"switch_probability must lie in (0, 0.5), was {switch}"),
        ]
